/** `user=phone` (§19.1.1): what stands in the user part is a telephone number, not a name that looks like one. */
import { type HeaderLine, line, type SipRequest, withHeaders, withRequestUri } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { address, addresses } from '../../sip/read.ts'
import { formatUri, isSip, numberOf, parseUri, uriParameter, withUriParameter } from '../../sip/uri.ts'
import type { Crossing } from '../crossing.ts'

/**
 * In Request-URI, From, To and P-Asserted-Identity of requests to a zone that wants it. The target of a dialog and a registered contact are
 * URIs of the peer itself, and stay; so do addresses-of-record, which are compared with their parameters (§10.3, §19.1.4).
 */
export const userPhone = (request: SipRequest, { egress, inDialog, contactPath }: Crossing): SipRequest => {
  if (!egress.zone.dialect.userPhone || request.method === 'REGISTER') return request
  const target = inDialog || contactPath !== undefined ? undefined : asPhone(request.requestUri)
  const altered = target === undefined ? request : withRequestUri(request, target)
  let touched = false
  const headers = altered.headers.map((one): HeaderLine => {
    const made = one.name === 'from' || one.name === 'to' ? party(one) : one.name === 'p-asserted-identity' ? identities(one) : one
    touched ||= made !== one
    return made
  })
  return touched ? withHeaders(altered, headers) : altered
}

const party = (one: HeaderLine): HeaderLine => {
  const value = address(one)
  const uri = value === undefined ? undefined : asPhone(value.uri)
  return uri === undefined ? one : line(one.name, withUri(value!, uri))
}

const identities = (one: HeaderLine): HeaderLine => {
  const values = addresses(one)
  if (values?.some(({ uri }) => asPhone(uri) !== undefined) !== true) return one
  return line(one.name, values.map((value) => withUri(value, asPhone(value.uri) ?? value.uri)).join(', '))
}

/** @returns undefined: it holds no number, or says what its user part is */
export const asPhone = (text: string): string | undefined => {
  const uri = parseUri(text)
  return uri === undefined || !isSip(uri) || numberOf(uri) === undefined || uriParameter(uri, 'user') !== undefined
    ? undefined
    : formatUri(withUriParameter(uri, 'user', 'phone'))
}

/** The same value with another URI; the rest stays as it was written. §20.10: a URI with parameters stands in brackets. */
export const withUri = ({ display, text, uri, parameters }: NameAddr, other: string): string => {
  const open = text.indexOf('<', display.length)
  return open < 0 ? `<${other}>${parameters}` : `${text.slice(0, open + 1)}${other}${text.slice(open + 1 + uri.length)}`
}
