/** The Contacts of a REGISTER and its answer, as the registrar understands them, whoever keeps them. */
import { bareHost } from '../address/listener.ts'
import { own } from '../base/bytes.ts'
import { headerLines, headerValue, type SipRequest, type SipResponse } from '../sip/message.ts'
import type { NameAddr } from '../sip/name-addr.ts'
import { parameter, withoutParameter } from '../sip/parameters.ts'
import { addresses, cseq } from '../sip/read.ts'
import { trimBlank } from '../sip/text.ts'
import { isSip, parseUri, type SipUri, userOf } from '../sip/uri.ts'
import type { Binding } from './types.ts'

export interface RegisterContact {
  /** As written. */
  readonly uri: string
  /** For comparison (§19.1.4). */
  readonly canonical: string
  /** Without `expires`, `q` and what only we may say. */
  readonly parameters: string
  /** Thousandths. */
  readonly q: number
  /** Seconds; undefined: the parameter is not there. */
  readonly expires: number | undefined
  /** RFC 5626 §4.1: without quotes and angle brackets; empty: none. */
  readonly instance: string
  /** RFC 5626 §4.2; undefined: none, or none that can be one. */
  readonly regId: number | undefined
}

/** All values of Contact; malformed lines count as none. */
export const contactsOf = (message: SipRequest | SipResponse): readonly NameAddr[] =>
  headerLines(message, 'contact').flatMap((one) => addresses(one) ?? [])

/** undefined: it is no SIP URI, which is all that we can send to. */
export const readContact = ({ uri, parameters }: NameAddr): RegisterContact | undefined => {
  const parsed = parseUri(uri)
  if (parsed === undefined || !isSip(parsed)) return undefined
  const expires = parameter(parameters, 'expires')
  const regId = parameter(parameters, 'reg-id')
  let kept = parameters
  for (const name of OURS) kept = withoutParameter(kept, name)
  return {
    uri,
    canonical: canonicalUri(parsed),
    parameters: kept,
    q: quality(parameter(parameters, 'q')),
    expires: expires === undefined ? undefined : seconds(expires),
    instance: instanceOf(parameters),
    regId: regId !== undefined && /^\d{1,10}$/.test(regId) && Number(regId) > 0 && Number(regId) < 2 ** 31 ? Number(regId) : undefined,
  }
}

/** RFC 5626 §4.2: one flow of one instance? */
export const isNumbered = ({ instance, regId }: RegisterContact): boolean => instance !== '' && regId !== undefined

/** `Binding.key`. @param outbound RFC 5626 §6: it is replaced by the same instance and reg-id, whatever its URI */
export const keyOf = (contact: RegisterContact, outbound = isNumbered(contact)): string =>
  outbound ? `<${contact.instance}>;${contact.regId}` : contact.canonical

/** Is it the one of that binding? */
export const isContact = (value: NameAddr, { contact, key }: Binding): boolean => {
  if (value.uri === contact) return true
  const read = readContact(value)
  return read !== undefined && (keyOf(read) === key || read.canonical === key)
}

/** §10.3 item 7: seconds that a REGISTER asks for this Contact; undefined: it leaves that to the registrar. */
export const expiresOf = (request: SipRequest, { expires }: RegisterContact): number | undefined => {
  const header = headerValue(request, 'expires')
  return expires ?? (header === undefined ? undefined : seconds(header))
}

/** Characters of User-Agent that are kept. */
const LONGEST_AGENT = 200

type Shown = Pick<Binding, 'contact' | 'parameters' | 'q' | 'callId' | 'cseq' | 'since' | 'refreshedAt' | 'userAgent'>

/** What a binding has of the REGISTER that made or refreshed it. @param now milliseconds since 1970 */
export const shownIn = (request: SipRequest, contact: RegisterContact, before: Binding | undefined, now: number): Shown => ({
  contact: own(contact.uri),
  parameters: own(contact.parameters),
  q: contact.q,
  callId: own(headerValue(request, 'call-id')!),
  cseq: cseq(request)!.number,
  since: before?.since ?? now,
  refreshedAt: now,
  userAgent: own((headerValue(request, 'user-agent') ?? '').slice(0, LONGEST_AGENT)),
})

/** RFC 5627 §5.1: a client that shows its GRUUs again tells us nothing. */
const OURS = ['expires', 'q', 'pub-gruu', 'temp-gruu', 'temp-gruu-cookie']

/** The instance id in the parameters of a Contact, without quotes and angle brackets; empty: none. */
export const instanceOf = (parameters: string): string => {
  const written = parameter(parameters, '+sip.instance') ?? ''
  // No pattern with \s* before its end: a stranger's white space would cost the square of its length
  const inside = trimBlank(written.slice(written.startsWith('"') ? 1 : 0, written.endsWith('"') ? -1 : undefined))
  return inside.slice(inside.startsWith('<') ? 1 : 0, inside.endsWith('>') ? -1 : undefined).replaceAll('\\', '')
}

/**
 * §10.3 item 7, §20.19: a malformed value is as good as an hour; one that is too large for its type as good as the largest.
 * @param text of the parameter or the header field
 */
export const seconds = (text: string): number => (/^\d+$/.test(text) ? Math.min(Number(text), 2 ** 32 - 1) : HOUR_SECONDS)

export const HOUR_SECONDS = 3600

/** §20.10: thousandths; what is none counts as if nothing were said. */
const quality = (text: string | undefined): number => {
  if (text === undefined || !/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text)) return MOST_Q
  return Math.round(Number(text) * 1000)
}

export const MOST_Q = 1000

/**
 * One text for URIs that mean the same: case of scheme and host, escapes, and the order and case of parameters do not count.
 * DEVIATION: §19.1.4 lets URIs be equal of which one alone has some parameter; with such a rule a list has no identity (A = B = C, not A = C).
 */
export const canonicalUri = (uri: SipUri): string => {
  const parameters = uri.parameters.split(';').slice(1).map(parameterText).sort()
  const password = uri.userinfo === undefined ? '' : uri.userinfo.slice((uri.userinfo.split(':', 1)[0] ?? '').length)
  const port = uri.port === undefined ? '' : `:${uri.port}`
  return `${uri.scheme}:${userOf(uri) ?? ''}${password}@${bareHost(uri.host)}${port}${parameters.map((text) => `;${text}`).join('')}`
}

const parameterText = (text: string): string => text.trim().toLowerCase()
