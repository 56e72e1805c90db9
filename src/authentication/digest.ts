/** Digest (RFC 7616, for SIP RFC 3261 §22 and RFC 8760): challenges, and what a response must be. */
import { hash } from 'node:crypto'
import type { DigestAlgorithm } from '../registrar/types.ts'
import { isSip, parseUri, type SipUri, userOf } from '../sip/uri.ts'
import type { DigestCredentials } from './credentials.ts'

const HASHES: Readonly<Record<DigestAlgorithm, string>> = { 'SHA-256': 'sha256', MD5: 'md5' }

const hashed = (algorithm: DigestAlgorithm, text: string, encoding: 'utf8' | 'latin1'): string =>
  hash(HASHES[algorithm], Buffer.from(text, encoding), 'hex')

/** H(user:realm:password), lower-case hex (RFC 7616 §3.4.2). All three as people write them; UTF-8 is hashed. */
export const digestHa1 = (algorithm: DigestAlgorithm, user: string, realm: string, password: string): string =>
  hashed(algorithm, `${user}:${realm}:${password}`, 'utf8')

/** What `response` must be (RFC 7616 §3.4.1); without `qop` as RFC 2069 had it. Fields as the client wrote them. */
export const digestResponse = (
  algorithm: DigestAlgorithm,
  ha1: string,
  method: string,
  { nonce, uri, qop, nc, cnonce }: Pick<DigestCredentials, 'nonce' | 'uri' | 'qop' | 'nc' | 'cnonce'>,
): string => {
  const ha2 = hashed(algorithm, `${method}:${uri}`, 'latin1')
  const middle = qop === undefined ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`
  return hashed(algorithm, `${ha1}:${middle}:${ha2}`, 'latin1')
}

/** Value of WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.3, RFC 8760 §2.6). @param nonce, opaque without characters to be escaped */
export const digestChallenge = (
  algorithm: DigestAlgorithm,
  { realm, nonce, opaque, stale }: { readonly realm: string; readonly nonce: string; readonly opaque: string; readonly stale: boolean },
): string =>
  `Digest realm="${quotable(realm)}", nonce="${nonce}", opaque="${opaque}", qop="auth", algorithm=${algorithm}${stale ? ', stale=true' : ''}`

/** The inside of a quoted string (§25.1), as UTF-8. */
export const quotable = (text: string): string => Buffer.from(text.replace(/["\\]/g, '\\$&'), 'utf8').latin1Slice()

/**
 * Is the digest-uri what the request asks for (RFC 7616 §3.4.6, RFC 3261 §22.4 item 6)? The same user and host; for a REGISTER, which names
 * a domain, the same host.
 * INTEROP: phones leave out or add port and parameters, write `sip` where they ask by `sips`, and a proxy between may have changed these.
 * INTEROP(SIPp): some write the address of the server alone, whatever they ask for.
 * @param ours is that URI without a user one of ours?
 */
export const sameResource = (written: string, requestUri: string, method: string, ours: (uri: SipUri) => boolean): boolean => {
  if (written === requestUri) return true
  const [a, b] = [parseUri(written), parseUri(requestUri)]
  if (a === undefined || b === undefined) return false
  if (isSip(a) && a.userinfo === undefined && ours(a)) return true
  if (!isSip(a) || !isSip(b)) return !isSip(a) && !isSip(b) && a.number === b.number
  return a.host.toLowerCase() === b.host.toLowerCase() && (method === 'REGISTER' || userText(a) === userText(b))
}

const userText = (uri: SipUri): string => userOf(uri) ?? ''
