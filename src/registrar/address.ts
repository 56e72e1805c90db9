/** Addresses-of-record of our own users (§10.2, §10.3 item 5), and what of them a Request-URI names. */
import { bareHost, hostText } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import { firstHeader, type SipRequest } from '../sip/message.ts'
import { address } from '../sip/read.ts'
import { escapedUser, isSip, numberOf, parseUri, type SipUri, type Uri, uriParameter, userOf, wireUser } from '../sip/uri.ts'
import { instanceOfGruu } from './gruu.ts'
import type { Subscriber, Subscribers } from './types.ts'

/** Which hosts are ours. */
export interface OurDomains {
  /** A domain of the registrar, or a name or address of our own. */
  readonly isOurs: (uri: SipUri) => boolean
}

/** Lower case, no brackets; the first one stands in addresses-of-record. */
export interface Domains {
  readonly domains: readonly string[]
}

/** What a URI in a domain of ours says. */
export interface OurAddress {
  /** Unescaped; a number without visual separators where it is one. */
  readonly user: string
  /** RFC 5627 §4: the instance that a public GRUU names; empty: any. */
  readonly instance: string
}

/** undefined: the URI is of no domain of ours, or names nobody. A tel URI is of every domain. */
export const ourAddress = (uri: Uri, { isOurs }: OurDomains): OurAddress | undefined => {
  if (!isSip(uri)) return { user: numberOf(uri) ?? uri.number, instance: '' }
  const user = wireUser(userOf(uri))
  if (user === undefined || !isOurs(uri)) return undefined
  return { user, instance: instanceOfGruu(uriParameter(uri, 'gr')) }
}

/** By user, by alias, or by the number that the user part is when its separators and parameters are off it (RFC 3966 §5.1.1). */
export const subscriberOf = (user: string, subscribers: Subscribers | undefined): Subscriber | undefined => {
  if (subscribers === undefined) return undefined
  const found = subscribers.find(user)
  if (found !== undefined) return found
  const number = numberOf({ scheme: 'sip', userinfo: escapedUser(user), host: '', port: undefined, parameters: '', headers: '' })
  return number === undefined || number === user ? undefined : subscribers.find(number)
}

/** The one text for a user of ours, whichever of our domains, aliases and spellings was written. */
export const addressOfRecord = (user: string, { domains }: Domains): string => `${user}@${domains[0] ?? ''}`

/** `Binding.aor` for a registrar behind us, which may hold its users for others than we would: as written. */
export const recordText = (uri: Uri): string => (isSip(uri) ? `${userOf(uri) ?? ''}@${bareHost(uri.host)}` : uri.number)

/** The address-of-record that a REGISTER is for (§10.2: its To), for a registrar behind us; undefined: no SIP URI or number. */
export const recordOf = (request: SipRequest): string | undefined => {
  const to = firstHeader(request, 'to')
  const uri = to === undefined ? undefined : parseUri(address(to)?.uri ?? '')
  return uri === undefined ? undefined : own(recordText(uri))
}

/** The user of an address-of-record. */
export const userOfRecord = (aor: string): string => aor.slice(0, aor.lastIndexOf('@'))

/** An address-of-record as a URI. */
export const uriOfRecord = (user: string, { domains }: Domains): string => `sip:${escapedUser(user)}@${hostText(domains[0] ?? '')}`
