/** What of DER (X.690) requests and extensions need: tags of one byte, definite lengths. */

export interface DerNode {
  readonly tag: number
  /** With tag and length. */
  readonly whole: Buffer
  readonly content: Buffer
}

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** The element that the bytes begin with; undefined when it is not whole, or no DER. */
export const readDer = (bytes: Buffer): DerNode | undefined => {
  const [tag, first] = [bytes[0], bytes[1]]
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) return undefined
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f
  const start = 2 + sizeBytes
  if (bytes.length < start) return undefined
  const end = start + (sizeBytes === 0 ? first : bytes.readUIntBE(2, sizeBytes))
  if (end > bytes.length) return undefined
  return { tag, whole: bytes.subarray(0, end), content: bytes.subarray(start, end) }
}

/** The elements inside a constructed one, up to the first that cannot be read. */
export const partsOf = (node: DerNode | undefined): DerNode[] => {
  const parts: DerNode[] = []
  if (node === undefined || (node.tag & 0x20) === 0) return parts
  for (let rest = node.content; rest.length > 0; ) {
    const part = readDer(rest)
    if (part === undefined) break
    parts.push(part)
    rest = rest.subarray(part.whole.length)
  }
  return parts
}

/** Nothing inside the element is left over behind its parts: whoever looks for what must not stand there has seen all of it. */
export const isWhole = (node: DerNode, parts: readonly DerNode[]): boolean =>
  parts.reduce((sum, { whole }) => sum + whole.length, 0) === node.content.length

/** An object identifier in dotted form; empty when the node is none. */
export const oidOf = (node: DerNode | undefined): string => (node?.tag === TAG.OID ? oidText(node.content) : '')

/** The content of an object identifier in dotted form. */
export const oidText = (content: Buffer): string => {
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f)
    if ((byte & 0x80) !== 0) continue
    const first = Math.min(2, Math.floor(arc / 40))
    arcs.push(...(arcs.length === 0 ? [first, arc - 40 * first] : [arc]))
    arc = 0
  }
  return arcs.join('.')
}

export const derOf = (tag: number, ...contents: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(contents)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(content.length)
  const bytes = size.subarray(size.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content])
}

export const derOid = (dotted: string): Buffer => {
  const [first, second, ...rest] = dotted.split('.').map(Number)
  const bytes = [first! * 40 + second!, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f]
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) digits.unshift((high & 0x7f) | 0x80)
    return digits
  })
  return derOf(TAG.OID, Buffer.from(bytes))
}
