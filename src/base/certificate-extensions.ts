/** The extensions of a certificate (RFC 5280 §4.2), which Node shows in part only. */
import { isWhole, oidOf, partsOf, readDer, TAG } from './der.ts'

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  /** RFC 7633. */
  tlsFeature: '1.3.6.1.5.5.7.1.24',
} as const

/** Of RFC 5280 §4.2.1.12. */
export const PURPOSE = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2', any: '2.5.29.37.0' } as const

export interface Extension {
  readonly oid: string
  readonly critical: boolean
  /** What is inside its OCTET STRING. */
  readonly value: Buffer
}

/** Of a certificate in DER, in order; none when there are none. @returns undefined: they cannot be read, or not to the end */
export const extensionsOf = (certificate: Buffer): readonly Extension[] | undefined => {
  const whole = readDer(certificate)
  const [body] = partsOf(whole)
  const fields = partsOf(body)
  if (whole === undefined || body === undefined || !isWhole(body, fields)) return undefined
  const wrapped = fields.find(({ tag }) => tag === 0xa3) // RFC 5280 §4.1: extensions [3] EXPLICIT
  if (wrapped === undefined) return []
  const [list] = partsOf(wrapped)
  const extensions = partsOf(list)
  if (list === undefined || !isWhole(wrapped, [list]) || !isWhole(list, extensions)) return undefined
  return extensions.map((extension) => {
    const parts = partsOf(extension)
    const critical = parts.find(({ tag }) => tag === TAG.BOOLEAN)
    return {
      oid: oidOf(parts[0]),
      critical: critical !== undefined && critical.content[0] !== 0,
      value: parts.findLast(({ tag }) => tag === TAG.OCTET_STRING)?.content ?? Buffer.alloc(0),
    }
  })
}

/** Of keyUsage (RFC 5280 §4.2.1.3), counted from the left. */
export const USAGE_BIT = { digitalSignature: 0, keyEncipherment: 2, keyAgreement: 4, keyCertSign: 5 } as const

/** Is that bit of keyUsage set? */
export const usageBit = (value: Buffer, bit: number): boolean => {
  const bits = readDer(value)
  return bits?.tag === TAG.BIT_STRING && ((bits.content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0
}

/** RFC 5280 §4.2.1.9. `pathLength`: how many CA certificates may stand between this one and the leaf; undefined: as many as there are. */
export const basicConstraints = (value: Buffer): { readonly ca: boolean; readonly pathLength: number | undefined } => {
  const parts = partsOf(readDer(value))
  const length = parts.find(({ tag }) => tag === TAG.INTEGER)
  return {
    ca: parts.some(({ tag, content }) => tag === TAG.BOOLEAN && content[0] !== 0),
    pathLength: length === undefined ? undefined : countOf(length.content),
  }
}

/** What cannot be a length allows none. */
const countOf = (bytes: Buffer): number =>
  bytes.length === 0 || bytes.length > 6 || bytes[0]! >= 0x80 ? 0 : bytes.readUIntBE(0, bytes.length)
