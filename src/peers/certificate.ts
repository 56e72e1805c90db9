/** A certificate as the judge looks at it: what Node shows of it, and what it does not. */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { basicConstraints, EXTENSION, extensionsOf, USAGE_BIT, usageBit } from '../base/certificate-extensions.ts'
import { oidOf, partsOf, readDer, TAG } from '../base/der.ts'
import { type GeneralName, generalNames, type NameConstraints, readConstraints } from './names.ts'

export interface Certificate {
  readonly x509: X509Certificate
  readonly raw: Buffer
  /** Names as they are encoded: two that are equal byte for byte are the same. */
  readonly subject: Buffer
  readonly issuer: Buffer
  /** SubjectPublicKeyInfo, encoded. */
  readonly spki: Buffer
  readonly key: KeyObject
  /** For people: the common name, else the whole subject; cut, without control characters. */
  readonly label: string
  readonly issuerLabel: string
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  readonly ca: boolean
  readonly pathLength: number | undefined
  /** keyUsage; undefined: no extension, so everything. */
  readonly uses: KeyUses | undefined
  /** Extended key usage, dotted; undefined: no extension. */
  readonly purposes: readonly string[] | undefined
  readonly constraints: NameConstraints | undefined
  readonly alternatives: readonly GeneralName[]
  /** Critical extensions that we do not know, or cannot read; dotted. */
  readonly unknownCritical: readonly string[]
  /** Dotted; the same within and outside of what is signed. */
  readonly signatureAlgorithm: string
  /** Of RSASSA-PSS: the digest, dotted; empty for the default, which is SHA-1. */
  readonly pssDigest: string
}

export interface KeyUses {
  readonly digitalSignature: boolean
  readonly keyEncipherment: boolean
  readonly keyAgreement: boolean
  readonly keyCertSign: boolean
}

/** A certificate beyond this is no host's. */
const MOST_BYTES = 32_768
const LONGEST_LABEL = 100

/** Whose conditions we look at. Policies are as with any initial policy and none required (RFC 5280 §6.1.1), so their list says nothing against a path. */
const KNOWN: readonly string[] = [
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.keyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.basicConstraints,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.extendedKeyUsage,
]

/** DER. @returns undefined when it cannot be read, or says something twice */
export const readCertificate = (der: Buffer): Certificate | undefined => {
  if (der.length > MOST_BYTES) return undefined
  try {
    return certificateOf(new X509Certificate(der))
  } catch {
    return undefined // What OpenSSL says then is of bytes, nothing for people
  }
}

/** All certificates of PEM texts; what cannot be read is passed over. */
export const certificatesOf = (pems: readonly string[]): readonly Certificate[] =>
  pems.flatMap((pem) =>
    [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g)].flatMap(
      ([, base64 = '']) => readCertificate(Buffer.from(base64, 'base64')) ?? [],
    ),
  )

const certificateOf = (x509: X509Certificate): Certificate | undefined => {
  const { raw } = x509
  const [body, outer] = partsOf(readDer(raw))
  const fields = partsOf(body)
  // RFC 5280 §4.1: version [0] is left out by version 1
  const [, inner, issuer, , subject, spki] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields
  if (inner === undefined || issuer === undefined || subject === undefined || spki === undefined || outer === undefined) return undefined
  // RFC 5280 §4.1.1.2: the algorithm stands twice, and must be the same: the outer one is not signed
  if (!inner.whole.equals(outer.whole)) return undefined
  const extensions = extensionsOf(raw)
  if (extensions === undefined) return undefined
  const extension = (oid: string): Buffer | undefined => extensions.find((one) => one.oid === oid)?.value
  // RFC 5280 §4.2: each extension once
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) return undefined
  const [basic, usage, extended] = [
    extension(EXTENSION.basicConstraints),
    extension(EXTENSION.keyUsage),
    extension(EXTENSION.extendedKeyUsage),
  ]
  const [alternatives, constraints] = [extension(EXTENSION.subjectAltName), extension(EXTENSION.nameConstraints)]
  const names = alternatives === undefined ? [] : generalNames(readDer(alternatives))
  const limits = constraints === undefined ? undefined : readConstraints(readDer(constraints))
  if (names === undefined || (constraints !== undefined && limits === undefined)) return undefined
  const { ca, pathLength } = basic === undefined ? { ca: false, pathLength: undefined } : basicConstraints(basic)
  const [validFrom, validTo] = [x509.validFromDate.getTime(), x509.validToDate.getTime()]
  if (Number.isNaN(validFrom + validTo)) return undefined
  return {
    x509,
    raw,
    subject: subject.whole,
    issuer: issuer.whole,
    spki: spki.whole,
    key: x509.publicKey,
    label: labelOf(x509.subject),
    issuerLabel: labelOf(x509.issuer),
    validFrom,
    validTo,
    ca,
    pathLength,
    uses: usage === undefined ? undefined : usesOf(usage),
    purposes: extended === undefined ? undefined : partsOf(readDer(extended)).map(oidOf),
    constraints: limits,
    alternatives: names,
    unknownCritical: extensions.filter(({ oid, critical }) => critical && !KNOWN.includes(oid)).map(({ oid }) => oid),
    signatureAlgorithm: oidOf(partsOf(inner)[0]),
    pssDigest: pssDigestOf(partsOf(inner)[1]),
  }
}

const usesOf = (value: Buffer): KeyUses => ({
  digitalSignature: usageBit(value, USAGE_BIT.digitalSignature),
  keyEncipherment: usageBit(value, USAGE_BIT.keyEncipherment),
  keyAgreement: usageBit(value, USAGE_BIT.keyAgreement),
  keyCertSign: usageBit(value, USAGE_BIT.keyCertSign),
})

/** RFC 4055 §3.1: hashAlgorithm [0]. */
const pssDigestOf = (parameters: ReturnType<typeof readDer>): string => {
  if (parameters?.tag !== TAG.SEQUENCE) return ''
  const hash = partsOf(parameters).find(({ tag }) => tag === 0xa0)
  return oidOf(partsOf(partsOf(hash)[0])[0])
}

/** The common name of Node's text of a name, else all of it on one line. */
const labelOf = (name: string | undefined): string => {
  const text = /(?:^|\n)CN=([^\n]*)/.exec(name ?? '')?.[1] ?? (name ?? '').replaceAll('\n', ', ')
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
  return plain === '' ? 'a certificate without name' : plain.length > LONGEST_LABEL ? `${plain.slice(0, LONGEST_LABEL)}…` : plain
}

export const isSame = (one: Certificate, other: Certificate): boolean => one.raw.equals(other.raw)

/** It has the name and the key of the other, whoever signed it: a path that comes to both goes round. */
export const isTwin = (one: Certificate, other: Certificate): boolean => one.subject.equals(other.subject) && one.spki.equals(other.spki)

/** RFC 5280 §6.1: issued by itself, such as for a new key; does not count for path lengths and name constraints. */
export const isSelfIssued = (one: Certificate): boolean => one.subject.equals(one.issuer)
