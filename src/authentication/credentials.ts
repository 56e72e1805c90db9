/** Reading Authorization and Proxy-Authorization (RFC 3261 §25.1, RFC 7616 §3.4, RFC 8898 §3). */
import { isBlank, trimBlank } from '../sip/text.ts'

/** As a client wrote them, quotes and escapes taken off; latin1, one character for one byte. */
export interface DigestCredentials {
  readonly scheme: 'digest'
  /** Bytes of UTF-8. */
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  /** Lower case. */
  readonly response: string
  /** Upper case; MD5 when it was not said (RFC 7616 §3.4). */
  readonly algorithm: string
  readonly cnonce: string | undefined
  /** Lower case. */
  readonly qop: string | undefined
  readonly nc: string | undefined
  /** The user name is a hash (RFC 7616 §3.4.4). */
  readonly userhash: boolean
}

export interface BearerCredentials {
  readonly scheme: 'bearer'
  readonly token: string
}

export type Credentials = DigestCredentials | BearerCredentials | { readonly scheme: 'other' } | { readonly scheme: 'malformed' }

const MALFORMED: Credentials = { scheme: 'malformed' }
const OTHER: Credentials = { scheme: 'other' }
/** Characters of a value that is worth a look; a token of RFC 7519 is the longest. */
const LONGEST = 8192
/** RFC 6750 §2.1 b64token. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

/** @param value of one header line, unfolded */
export const parseCredentials = (value: string): Credentials => {
  if (value.length > LONGEST) return MALFORMED
  let end = 0
  while (end < value.length && !isBlank(value.charCodeAt(end))) end++
  const scheme = value.slice(0, end).toLowerCase()
  if (scheme === 'bearer') {
    const token = trimBlank(value.slice(end))
    return TOKEN.test(token) ? { scheme: 'bearer', token } : MALFORMED
  }
  if (scheme !== 'digest') return OTHER
  const fields = parseFields(value, end)
  return fields === undefined ? MALFORMED : digestOf(fields)
}

const digestOf = (fields: ReadonlyMap<string, string>): Credentials => {
  const username = fields.get('username') ?? extended(fields.get('username*'))
  const [realm, nonce, uri, response] = ['realm', 'nonce', 'uri', 'response'].map((name) => fields.get(name))
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined || response === undefined) return MALFORMED
  return {
    scheme: 'digest',
    username,
    realm,
    nonce,
    uri,
    response: response.toLowerCase(),
    algorithm: (fields.get('algorithm') ?? 'MD5').toUpperCase(),
    cnonce: fields.get('cnonce'),
    qop: fields.get('qop')?.toLowerCase(),
    nc: fields.get('nc'),
    userhash: fields.get('userhash')?.toLowerCase() === 'true',
  }
}

/** RFC 5987 §3.2.1, UTF-8 alone. @returns bytes */
const extended = (value: string | undefined): string | undefined => {
  const match = value === undefined ? null : /^utf-8'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i.exec(value)
  return match === null ? undefined : match[1]!.replace(/%(..)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

const COMMA = 44
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

/**
 * `name = value` with commas between, in any spacing; empty elements are passed over. Names in lower case. `undefined` for what cannot be
 * read, and for a name that stands twice: which of the two counts would be anybody's guess.
 * INTEROP: some quote what is a token (`qop="auth"`, `nc="00000001"`), some leave quotes out.
 */
const parseFields = (text: string, from: number): ReadonlyMap<string, string> | undefined => {
  const fields = new Map<string, string>()
  let at = from
  for (;;) {
    while (at < text.length && (isBlank(text.charCodeAt(at)) || text.charCodeAt(at) === COMMA)) at++
    if (at >= text.length) return fields
    const start = at
    while (at < text.length && isName(text.charCodeAt(at))) at++
    const name = text.slice(start, at).toLowerCase()
    at = afterBlanks(text, at)
    if (name === '' || text.charCodeAt(at) !== EQUALS || fields.has(name)) return undefined
    at = afterBlanks(text, at + 1)
    const quoted = text.charCodeAt(at) === QUOTE
    const end = quoted ? quotedEnd(text, at) : plainEnd(text, at)
    if (end < 0) return undefined
    const raw = quoted ? text.slice(at + 1, end - 1) : text.slice(at, end)
    fields.set(name, quoted && raw.includes('\\') ? raw.replace(/\\(.)/gs, '$1') : raw)
    at = afterBlanks(text, end)
    if (at < text.length && text.charCodeAt(at) !== COMMA) return undefined
  }
}

const isName = (code: number): boolean => code > 32 && code !== COMMA && code !== EQUALS && code !== QUOTE && code < 127

const afterBlanks = (text: string, from: number): number => {
  let at = from
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  return at
}

/** Behind the closing quote; -1: it stays open. */
const quotedEnd = (text: string, open: number): number => {
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) return i + 1
  }
  return -1
}

const plainEnd = (text: string, from: number): number => {
  let at = from
  while (at < text.length && text.charCodeAt(at) !== COMMA && !isBlank(text.charCodeAt(at))) {
    if (text.charCodeAt(at) === QUOTE) return -1
    at++
  }
  return at
}
