/** How a hub judges the certificate of an SBC (§1.4, §3.4): chain, dates, purposes, and which names it stands for. */
import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** What is wrong with a chain, as the hub's own code and a sentence. */
export interface Refusal {
  readonly point: 2 | 4
  readonly code: string
  readonly why: string
}

/** Leaf first, as the other side sent it. */
export const chainOf = (socket: TLSSocket): readonly X509Certificate[] => {
  const found: X509Certificate[] = []
  let current = socket.getPeerCertificate(true)
  while (current?.raw !== undefined) {
    found.push(new X509Certificate(current.raw))
    const next = current.issuerCertificate
    if (next === undefined || next === current || found.length > 8 || next.fingerprint256 === current.fingerprint256) break
    current = next
  }
  return found
}

const SERVER = '1.3.6.1.5.5.7.3.1'
const CLIENT = '1.3.6.1.5.5.7.3.2'

/** `keyUsage` of Node's class is the extended one. */
const purposesOf = (certificate: X509Certificate): readonly string[] => certificate.keyUsage ?? []

/**
 * @param chain leaf first
 * @param roots PEM, one or more
 */
export const judge = (
  chain: readonly X509Certificate[],
  roots: string,
  purposes: 'strict' | '2026',
  now = new Date(),
): Refusal | undefined => {
  const trusted = (roots.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text))
  const [leaf] = chain
  if (leaf === undefined) return { point: 2, code: '569002', why: 'The SBC shows no certificate' }
  let current = leaf
  for (let depth = 0; ; depth++) {
    if (new Date(current.validTo) < now || new Date(current.validFrom) > now)
      return { point: 4, code: '569008', why: 'A certificate of the SBC’s chain is not valid today' }
    const root = trusted.find((one) => current.checkIssued(one) && current.verify(one.publicKey))
    if (root !== undefined) break
    const issuer = chain.find((one) => one !== current && one.ca && current.checkIssued(one) && current.verify(one.publicKey))
    if (issuer === undefined || depth > 6) {
      const own = leaf.checkIssued(leaf) && leaf.verify(leaf.publicKey)
      return own
        ? { point: 4, code: '569009', why: 'The SBC’s certificate is self-signed' }
        : { point: 4, code: '569009', why: `The SBC’s chain ends before a known root: ${current.issuer.replaceAll('\n', ', ')} is missing` }
    }
    current = issuer
  }
  if (leaf.ca) return { point: 4, code: '569002', why: 'The SBC shows a certificate of an authority as its own' }
  const has = purposesOf(leaf)
  if (!has.includes(SERVER)) return { point: 4, code: '569002', why: 'The SBC’s certificate is not for server authentication' }
  if (purposes === 'strict' && !has.includes(CLIENT))
    return { point: 4, code: '569002', why: 'The SBC’s certificate is not for client authentication' }
  if (leaf.publicKey.asymmetricKeyType !== 'rsa' || (leaf.publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    return { point: 4, code: '569003', why: 'The SBC’s key is not RSA of at least 2048 bits' }
  return undefined
}

/** CN and DNS names of the SAN, lower case. */
export const namesOf = (certificate: X509Certificate): readonly string[] => {
  const common = /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1]
  const alternative = (certificate.subjectAltName ?? '').split(', ').flatMap((part) => (part.startsWith('DNS:') ? [part.slice(4)] : []))
  return [...new Set([...(common === undefined ? [] : [common]), ...alternative].map((name) => name.toLowerCase()))]
}

/** RFC 2818 §3.1: `*` stands for one label or a part of one, and only in the first label. */
export const covers = (pattern: string, host: string): boolean => {
  const [first = '', ...rest] = pattern.toLowerCase().split('.')
  const [label = '', ...others] = host.toLowerCase().split('.')
  if (rest.join('.') !== others.join('.') || rest.length < 2) return pattern.toLowerCase() === host.toLowerCase()
  const star = first.indexOf('*')
  if (star < 0) return first === label
  const [before, after] = [first.slice(0, star), first.slice(star + 1)]
  return (
    !after.includes('*') &&
    label.length > before.length + after.length - 1 &&
    label !== '' &&
    label.startsWith(before) &&
    label.endsWith(after)
  )
}
