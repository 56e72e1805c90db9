/** What the Contacts of a REGISTER and its answer say, for those who pass it on. */
import { bareHost } from '../../address/listener.ts'
import { own } from '../../base/bytes.ts'
import { type RegisterContact, readContact, seconds } from '../../registrar/contact.ts'
import type { Binding } from '../../registrar/types.ts'
import { headerLines, headerValue, type SipRequest, type SipResponse } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { address, addresses } from '../../sip/read.ts'
import { parseUri, userOf } from '../../sip/uri.ts'

/** All values of Contact; malformed lines count as none. */
export const contactsOf = (message: SipRequest | SipResponse): readonly NameAddr[] =>
  headerLines(message, 'contact').flatMap((one) => addresses(one) ?? [])

/** The address-of-record that a REGISTER is for (§10.2: its To), as `Binding.aor`; undefined: no SIP URI or number. */
export const recordOf = (request: SipRequest): string | undefined => {
  const to = headerLines(request, 'to')[0]
  const uri = to === undefined ? undefined : parseUri(address(to)?.uri ?? '')
  if (uri === undefined) return undefined
  return own(uri.scheme === 'tel' ? uri.number : `${userOf(uri) ?? ''}@${bareHost(uri.host)}`)
}

/** As the embedded registrar has it: RFC 5626 §6 where the client asks for that, else the URI. */
export const keyOf = ({ instance, regId, canonical }: RegisterContact): string =>
  instance !== '' && regId !== undefined ? `<${instance}>;${regId}` : canonical

/** Seconds that a REGISTER asks for this Contact; undefined: it leaves that to the registrar. */
export const expiresOf = (request: SipRequest, { expires }: RegisterContact): number | undefined => {
  const header = headerValue(request, 'expires')
  return expires ?? (header === undefined ? undefined : seconds(header))
}

/** Is it the one of that binding? */
export const isContact = (value: NameAddr, { contact, key }: Binding): boolean => {
  if (value.uri === contact) return true
  const read = readContact(value)
  return read !== undefined && (keyOf(read) === key || read.canonical === key)
}
