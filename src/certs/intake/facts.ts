import { type KeyObject, X509Certificate } from 'node:crypto'
import { alternativeNames } from '../../base/alternative-names.ts'
import { basicConstraints, EXTENSION, extensionsOf, PURPOSE, USAGE_BIT, usageBit } from '../../base/certificate-extensions.ts'
import { partsOf, readDer, TAG } from '../../base/der.ts'
import { HOST, isAddress, shortAddress } from './names.ts'

/** DER or PEM. @returns undefined when OpenSSL cannot read it, or not its public key or its dates */
export const certificateFrom = (bytes: Buffer | string): X509Certificate | undefined => {
  try {
    const certificate = new X509Certificate(bytes)
    const readable = certificate.publicKey.asymmetricKeyType !== undefined
    return readable && !Number.isNaN(certificate.validFromDate.getTime() + certificate.validToDate.getTime()) ? certificate : undefined
  } catch {
    return undefined // Why is of no use to anybody: "wrong tag"
  }
}

const LONGEST_NAME = 200
/** OpenSSL writes a backslash before what has a meaning in RFC 2253, which is nothing to people. */
const oneLine = (name: string | undefined): string => {
  const text = (name ?? '').replaceAll('\n', ', ').replaceAll(/\\([ "#+,;<=>\\])/g, '$1')
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text
}

/** The subject on one line, `C=US, O=CA, CN=name`. */
export const subjectOf = (certificate: X509Certificate): string => oneLine(certificate.subject) || 'a certificate without subject'

export const issuerOf = (certificate: X509Certificate): string => oneLine(certificate.issuer) || 'an issuer without name'

const commonNameOf = (leaf: X509Certificate): string | undefined => /(?:^|\n)CN=([^\n]*)/.exec(leaf.subject ?? '')?.[1]?.toLowerCase()

/** The hosts among the alternative names, lower case. */
export const alternativeHosts = (leaf: X509Certificate): string[] => {
  const hosts: string[] = []
  for (const { kind, value, quoted } of alternativeNames(leaf.subjectAltName ?? '')) {
    if (quoted) continue
    if (kind === 'DNS' && HOST.test(value)) hosts.push(value.toLowerCase())
    if (kind === 'IP Address') hosts.push(shortAddress(value))
  }
  return hosts
}

/** A common name that is a host; undefined when there is none. */
export const commonHost = (leaf: X509Certificate): string | undefined => {
  const common = commonNameOf(leaf)
  if (common === undefined) return undefined
  return isAddress(common) ? shortAddress(common) : HOST.test(common) ? common : undefined
}

/** The hosts that a certificate speaks for, lower case: its alternative names, or where there are none, its common name. */
export const hostsOf = (leaf: X509Certificate): string[] => {
  if (leaf.subjectAltName !== undefined) return alternativeHosts(leaf)
  const common = commonHost(leaf)
  return common === undefined ? [] : [common]
}

export interface KeyFacts {
  /** As suites name it; `other` for what TLS servers hardly use. */
  readonly family: 'rsa' | 'ecdsa' | 'other'
  /** Of an RSA modulus; 0 for others. */
  readonly bits: number
  /** OpenSSL's name; empty for others than ECDSA. */
  readonly curve: string
  /** `RSA 2048`, `ECDSA P-256`. */
  readonly text: string
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

export const keyFactsOf = (key: KeyObject): KeyFacts => {
  const { asymmetricKeyType: type = 'unknown', asymmetricKeyDetails: details = {} } = key
  const bits = details.modulusLength ?? 0
  if (type === 'rsa') return { family: 'rsa', bits, curve: '', text: `RSA ${bits}` }
  if (type === 'ec') {
    const curve = details.namedCurve ?? 'unknown curve'
    return { family: 'ecdsa', bits: 0, curve, text: `ECDSA ${CURVES[curve] ?? curve}` }
  }
  return { family: 'other', bits, curve: '', text: type }
}

/** The value of an extension; undefined when the certificate has none of that kind. */
export const extensionOf = (certificate: X509Certificate, oid: string): Buffer | undefined =>
  extensionsOf(certificate.raw)?.find((extension) => extension.oid === oid)?.value

/** RFC 5280 §4.2.1.3: digitalSignature. A certificate without the extension may do everything. */
export const maySign = (certificate: X509Certificate): boolean => {
  const value = extensionOf(certificate, EXTENSION.keyUsage)
  return value === undefined || usageBit(value, USAGE_BIT.digitalSignature)
}

/** RFC 5280 §4.2.1.9: how many CA certificates may stand between this one and the leaf; undefined: as many as there are. */
export const pathLengthOf = (certificate: X509Certificate): number | undefined => {
  const value = extensionOf(certificate, EXTENSION.basicConstraints)
  return value === undefined ? undefined : basicConstraints(value).pathLength
}

/** RFC 7633 §4: status_request (5) among the TLS features, which is called "must staple". */
export const mustStaple = (certificate: X509Certificate): boolean => {
  const value = extensionOf(certificate, EXTENSION.tlsFeature)
  return value !== undefined && partsOf(readDer(value)).some(({ tag, content }) => tag === TAG.INTEGER && content.at(-1) === 5)
}

/** RFC 5280 §4.2.2.1: where the issuer's certificate can be had. */
export const issuerUrlsOf = (certificate: X509Certificate): string[] =>
  (certificate.infoAccess ?? '').split('\n').flatMap((line) => {
    const url = /^CA Issuers - URI:(.+)$/.exec(line)?.[1]
    // Node writes values with special characters as JSON strings; no URL of a CA has such
    return url === undefined || url.startsWith('"') ? [] : [url]
  })

/** Extended key usage, which Node calls keyUsage. Without the extension a certificate is for everything. */
export const isFor = (leaf: X509Certificate, purpose: 'serverAuth' | 'clientAuth'): boolean => {
  const purposes = leaf.keyUsage as readonly string[] | undefined
  return purposes === undefined || purposes.includes(PURPOSE[purpose]) || purposes.includes(PURPOSE.any)
}
