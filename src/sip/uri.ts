import { parameter, withoutParameter, withParameter } from './parameters.ts'

/** A sip or sips URI taken apart; every part as written, so that putting it together gives the same text (§19.1). */
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

export type Uri = SipUri | TelUri

const HOST_NAME = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$/
const IPV6 = /^\[[0-9A-Fa-f:.]{2,45}(?:%25[A-Za-z0-9._~-]+)?\]$/
/** §25.1: escapes are `%` and two hex digits; white space, quotes, angle brackets and control characters never stand in a URI. */
const NEVER = /[\0-\x20"<>\x7f]|%(?![0-9A-Fa-f]{2})/
const TEL = /^[0-9A-Fa-f*#()\-.+]+$/

export const isHost = (host: string): boolean => (host.charCodeAt(0) === 91 ? IPV6.test(host) && validIpv6(host) : HOST_NAME.test(host))

/** `::` at most once, one to eight groups. */
const validIpv6 = (host: string): boolean => {
  const inside = host.slice(1, host.includes('%') ? host.indexOf('%') : -1)
  const halves = inside.split('::')
  if (halves.length > 2 || inside.includes(':::')) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const size = groups.reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0)
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group) || /^(?:\d{1,3}\.){3}\d{1,3}$/.test(group))) return false
  return halves.length === 2 ? size < 8 : size === 8
}

const portOf = (text: string): number | undefined => {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

/** What scheme a URI text has, in lower case, whether we know it or not. */
export const schemeOf = (text: string): string | undefined => {
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const scheme = text.slice(0, colon)
  return /^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme) ? scheme.toLowerCase() : undefined
}

/** §19.1.1, RFC 3966. `undefined` when it is no valid sip, sips or tel URI. */
export const parseUri = (text: string): Uri | undefined => {
  if (NEVER.test(text)) return undefined
  const colon = text.indexOf(':')
  const scheme = text.slice(0, colon).toLowerCase()
  if (scheme === 'tel') {
    const semicolon = text.indexOf(';')
    const number = text.slice(colon + 1, semicolon < 0 ? undefined : semicolon)
    return TEL.test(number) ? { scheme, number, parameters: semicolon < 0 ? '' : text.slice(semicolon) } : undefined
  }
  if (scheme !== 'sip' && scheme !== 'sips') return undefined
  // A user part may hold `;` and `?`: the first `@` comes before any parameter is looked for
  const at = text.indexOf('@', colon + 1)
  const hostStart = at < 0 ? colon + 1 : at + 1
  const userinfo = at < 0 ? undefined : text.slice(colon + 1, at)
  if (userinfo === '' || text.indexOf('@', hostStart) >= 0) return undefined
  let end = hostStart
  const bracket = text.charCodeAt(hostStart) === 91
  if (bracket) {
    end = text.indexOf(']', hostStart) + 1
    if (end === 0) return undefined
  }
  while (end < text.length) {
    const code = text.charCodeAt(end)
    if (code === 58 || code === 59 || code === 63) break
    end++
  }
  const host = text.slice(hostStart, end)
  if (!isHost(host)) return undefined
  let port: number | undefined
  if (text.charCodeAt(end) === 58) {
    let portEnd = end + 1
    while (portEnd < text.length && text.charCodeAt(portEnd) !== 59 && text.charCodeAt(portEnd) !== 63) portEnd++
    port = portOf(text.slice(end + 1, portEnd))
    if (port === undefined) return undefined
    end = portEnd
  }
  const question = text.indexOf('?', end)
  const parameters = question < 0 ? text.slice(end) : text.slice(end, question)
  return { scheme, userinfo, host, port, parameters, headers: question < 0 ? '' : text.slice(question) }
}

export const formatUri = (uri: Uri): string =>
  uri.scheme === 'tel'
    ? `tel:${uri.number}${uri.parameters}`
    : `${uri.scheme}:${uri.userinfo === undefined ? '' : `${uri.userinfo}@`}${uri.host}${uri.port === undefined ? '' : `:${uri.port}`}${uri.parameters}${uri.headers}`

export const uriParameter = (uri: Uri, name: string): string | undefined => parameter(uri.parameters, name)
export const withUriParameter = <U extends Uri>(uri: U, name: string, value: string): U => ({
  ...uri,
  parameters: withParameter(uri.parameters, name, value),
})
export const withoutUriParameter = <U extends Uri>(uri: U, name: string): U => ({
  ...uri,
  parameters: withoutParameter(uri.parameters, name),
})

/** The user part without password, unescaped (§19.1.2); bytes beyond ASCII stay escaped. */
export const userOf = (uri: SipUri): string | undefined => {
  if (uri.userinfo === undefined) return undefined
  const colon = uri.userinfo.indexOf(':')
  const user = colon < 0 ? uri.userinfo : uri.userinfo.slice(0, colon)
  return user.includes('%') ? user.replace(/%([2-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : user
}

/** The dialled number of a sip user or tel URI without visual separators (RFC 3966 §5.1.1), `undefined` when it is none. */
export const numberOf = (uri: Uri): string | undefined => {
  const text = uri.scheme === 'tel' ? uri.number : userOf(uri)
  if (text === undefined) return undefined
  const semicolon = text.indexOf(';')
  const digits = (semicolon < 0 ? text : text.slice(0, semicolon)).replace(/[-.()]/g, '')
  return /^\+?[0-9*#]+$/.test(digits) ? digits : undefined
}
