import type { asn1 } from 'node-forge'
import { oidText } from '../../base/der.ts'

/**
 * Reading what others write in BER (X.690), where lengths may be open and strings in pieces: PKCS#12 and PKCS#7. The parser is node-forge's,
 * loaded when it is needed, which is seldom.
 */
export type BerNode = asn1.Asn1

export type Forge = typeof import('node-forge')

export const loadForge = async (): Promise<Forge> => (await import('node-forge')).default

/** The element that the bytes begin with; undefined when there is none. */
export const readBer = (forge: Forge, bytes: Buffer): BerNode | undefined => {
  // Bit strings stay as they are; what follows the element, such as a line end, is passed over
  const options = { strict: true, parseAllBytes: false, decodeBitStrings: false }
  try {
    return forge.asn1.fromDer(bytes.toString('latin1'), options as unknown as boolean)
  } catch {
    return undefined // What it says is of the bytes, not for people
  }
}

export const berToDer = (forge: Forge, node: BerNode): Buffer => Buffer.from(forge.asn1.toDer(node).getBytes(), 'latin1')

/** The elements inside; none when it holds bytes. */
export const inside = (node: BerNode | undefined): readonly BerNode[] => (Array.isArray(node?.value) ? node.value : [])

/** The bytes of a string, put together when it comes in pieces. */
export const bytesOf = (node: BerNode | undefined): Buffer => {
  if (node === undefined) return Buffer.alloc(0)
  return Array.isArray(node.value) ? Buffer.concat(node.value.map(bytesOf)) : Buffer.from(node.value, 'latin1')
}

export const isType = (node: BerNode | undefined, type: number): boolean => node !== undefined && node.tagClass === 0 && node.type === type

/** Dotted; empty when the node is no object identifier. */
export const berOid = (node: BerNode | undefined): string => (isType(node, 6) ? oidText(bytesOf(node)) : '')

/** NaN when it is no integer, negative, or beyond what counts exactly. */
export const berInteger = (node: BerNode | undefined): number => {
  const bytes = bytesOf(node)
  if (!isType(node, 2) || bytes.length === 0 || bytes.length > 6 || bytes[0]! >= 0x80) return Number.NaN
  return bytes.readUIntBE(0, bytes.length)
}
