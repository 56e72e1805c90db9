import { readHost, readPort } from './host.ts'
import { parameter, withoutParameter, withParameter } from './parameters.ts'

/** A sip or sips URI taken apart; its parts are as written, so that putting it together gives the same text (§19.1). */
export interface SipUri {
  readonly scheme: 'sip' | 'sips'
  /** User and password, before the `@`; `undefined` when there is none. */
  readonly userinfo: string | undefined
  /** With brackets when it is an IPv6 literal. */
  readonly host: string
  readonly port: number | undefined
  /** Begins with `;`, or empty. */
  readonly parameters: string
  /** Begins with `?`, or empty. */
  readonly headers: string
}

export interface TelUri {
  readonly scheme: 'tel'
  readonly number: string
  readonly parameters: string
}

/** RFC 5031: a service instead of a place, such as help in an emergency. */
export interface ServiceUrn {
  readonly scheme: 'urn'
  /** `service:sos.fire`, as written. */
  readonly number: string
  readonly parameters: ''
}

export type Uri = SipUri | TelUri | ServiceUrn

export const isSip = (uri: Uri): uri is SipUri => uri.scheme === 'sip' || uri.scheme === 'sips'

/**
 * §25.1: escapes are `%` and two hex digits; white space, quotes, angle brackets and control characters never stand in a URI.
 * Bytes beyond ASCII do not either, but peers write UTF-8 user names, and we only pass them on.
 */
const NEVER = /[\0-\x20"<>\x7f\u0100-\uffff]/
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/
const SERVICE = /^urn:(service:[a-z0-9-]+(?:\.[a-z0-9-]+)*)$/i
const TEL = /^[0-9A-Fa-f*#()\-.+]+$/

/** What scheme a URI text has, in lower case, whether we know it or not. */
export const schemeOf = (text: string): string | undefined => {
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const scheme = text.slice(0, colon)
  return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme) ? scheme.toLowerCase() : undefined
}

/**
 * §19.1.1, RFC 3966, RFC 5031. `undefined` when it is no valid sip, sips or tel URI, and no service. Every part is as written but three: the
 * scheme is in lower case, the port a number without leading zeros, and the host as `readHost` corrects it.
 */
export const parseUri = (text: string): Uri | undefined => {
  for (let i = 0; i < RECENT; i++) if (recentTexts[i] === text) return recentUris[i]
  const uri = readUri(text)
  recentTexts[recentAt] = text
  recentUris[recentAt] = uri
  recentAt = (recentAt + 1) % RECENT
  return uri
}

/** The last URIs that were read: each step in the life of a message asks for its Request-URI and Routes again. */
const RECENT = 8
const recentTexts: string[] = new Array<string>(RECENT).fill('')
const recentUris: (Uri | undefined)[] = new Array<Uri | undefined>(RECENT).fill(undefined)
let recentAt = 0

const readUri = (text: string): Uri | undefined => {
  if (NEVER.test(text) || (text.indexOf('%') >= 0 && BAD_ESCAPE.test(text))) return undefined
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  const scheme = text.startsWith('sip:') ? 'sip' : text.slice(0, colon).toLowerCase()
  if (scheme === 'tel') {
    const semicolon = text.indexOf(';')
    const number = text.slice(colon + 1, semicolon < 0 ? undefined : semicolon)
    return TEL.test(number) ? { scheme, number, parameters: semicolon < 0 ? '' : text.slice(semicolon) } : undefined
  }
  if (scheme === 'urn') {
    const service = SERVICE.exec(text)?.[1]
    return service === undefined ? undefined : { scheme, number: service, parameters: '' }
  }
  if (scheme !== 'sip' && scheme !== 'sips') return undefined
  // A user part may hold `;` and `?`: the first `@` comes before any parameter is looked for
  const at = text.indexOf('@', colon + 1)
  const hostStart = at < 0 ? colon + 1 : at + 1
  const userinfo = at < 0 ? undefined : text.slice(colon + 1, at)
  if (userinfo !== undefined && (userinfo === '' || userinfo.charCodeAt(0) === 58 || text.indexOf('@', hostStart) >= 0)) return undefined
  let end = hostStart
  if (text.charCodeAt(hostStart) === 91) {
    end = text.indexOf(']', hostStart) + 1
    if (end === 0) return undefined
  }
  end = partEnd(text, end, 58)
  const host = readHost(text.slice(hostStart, end))
  if (host === undefined) return undefined
  let port: number | undefined
  if (text.charCodeAt(end) === 58) {
    const portEnd = partEnd(text, end + 1, 59)
    port = readPort(text, end + 1, portEnd)
    if (port < 0) return undefined
    end = portEnd
  }
  const question = text.indexOf('?', end)
  const parameters = question < 0 ? text.slice(end) : text.slice(end, question)
  return { scheme, userinfo, host, port, parameters, headers: question < 0 ? '' : text.slice(question) }
}

/** The first `;`, `?` or `stop` from `at` on, or the end. */
const partEnd = (text: string, at: number, stop: number): number => {
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 59 || code === 63 || code === stop) break
    at++
  }
  return at
}

export const formatUri = (uri: Uri): string =>
  !isSip(uri)
    ? `${uri.scheme}:${uri.number}${uri.parameters}`
    : `${uri.scheme}:${uri.userinfo === undefined ? '' : `${uri.userinfo}@`}${uri.host}${uri.port === undefined ? '' : `:${uri.port}`}${uri.parameters}${uri.headers}`

/** Names of URI parameters may be escaped: `%6C%72` is `lr` (§19.1.4). Values stay as written. */
const plainNames = (parameters: string): string =>
  parameters.indexOf('%') < 0
    ? parameters
    : parameters.replace(/;[^;=]*/g, (name) => name.replace(/%(?:[46][1-9A-Fa-f]|[57][0-9Aa]|3[0-9]|2[Dd])/g, (hex) => characterOf(hex)))

const characterOf = (hex: string): string => String.fromCharCode(Number.parseInt(hex.slice(1), 16))

/** RFC 3323 §4.1.1.3: whoever stands there says who he is to nobody. */
export const isAnonymous = (uri: Uri): boolean =>
  isSip(uri) && (uri.userinfo === undefined ? uri.host.toLowerCase() === 'anonymous.invalid' : userOf(uri)?.toLowerCase() === 'anonymous')

/** @param name lower case */
export const uriParameter = (uri: Uri, name: string): string | undefined => parameter(plainNames(uri.parameters), name)
export const withUriParameter = <U extends Uri>(uri: U, name: string, value: string): U => ({
  ...uri,
  parameters: withParameter(plainNames(uri.parameters), name, value),
})
export const withoutUriParameter = <U extends Uri>(uri: U, name: string): U => ({
  ...uri,
  parameters: withoutParameter(plainNames(uri.parameters), name),
})

/** The user part without password, unescaped (§19.1.2); bytes beyond ASCII stay escaped. */
export const userOf = (uri: SipUri): string | undefined => {
  if (uri.userinfo === undefined) return undefined
  const colon = uri.userinfo.indexOf(':')
  const user = colon < 0 ? uri.userinfo : uri.userinfo.slice(0, colon)
  return user.includes('%') ? user.replace(/%[2-7][0-9A-Fa-f]/g, characterOf) : user
}

const BEYOND_ASCII = /[\x80-\xff]|%[89a-f][0-9a-f]/i

/** A user part as people write it: bytes of UTF-8 and their escapes are characters. */
export const wireUser = (user: string | undefined): string | undefined => {
  if (user === undefined || !BEYOND_ASCII.test(user)) return user
  const bytes = user.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** The way back: a user's name as it stands in a URI (§25.1 user). */
export const escapedUser = (name: string): string => name.toWellFormed().replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu, encodeURIComponent)

/** The dialled number of a sip user or tel URI without visual separators (RFC 3966 §5.1.1), `undefined` when it is none. */
export const numberOf = (uri: Uri): string | undefined => {
  const text = isSip(uri) ? userOf(uri) : uri.number
  if (text === undefined) return undefined
  const semicolon = text.indexOf(';')
  const digits = (semicolon < 0 ? text : text.slice(0, semicolon)).replace(/[-.()]/g, '')
  return /^\+?[0-9*#]+$/.test(digits) ? digits : undefined
}
