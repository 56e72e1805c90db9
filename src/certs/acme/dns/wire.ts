/** DNS messages as an update needs them (RFC 1035 §4, RFC 2136 §2): no more types than that. */

export const TYPE = { SOA: 6, TXT: 16, TSIG: 250 } as const
export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const
export const OPCODE = { QUERY: 0, UPDATE: 5 } as const

/** Of responses; from 16 on those of TSIG (RFC 8945 §3). */
export const RCODES: Readonly<Record<number, string>> = {
  0: 'NOERROR',
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
  16: 'BADSIG',
  17: 'BADKEY',
  18: 'BADTIME',
  22: 'BADTRUNC',
}

/** Names are without a final dot, as they came. */
export interface ResourceRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  /** Seconds. */
  readonly ttl: number
  readonly data: Buffer
}

export interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

/** The words of RFC 1035; an update calls them zone, prerequisite, update and additional (RFC 2136 §2). */
export interface DnsMessage {
  readonly id: number
  readonly response: boolean
  readonly opcode: number
  readonly truncated: boolean
  readonly rcode: number
  readonly question: readonly Question[]
  readonly answer: readonly ResourceRecord[]
  readonly authority: readonly ResourceRecord[]
  readonly additional: readonly ResourceRecord[]
}

/** @throws RangeError when it can be no name: a label of 0 or more than 63 bytes, or more than 255 in all */
export const encodeName = (name: string): Buffer => {
  const parts: Buffer[] = []
  for (const label of name === '' || name === '.' ? [] : name.replace(/\.$/, '').split('.')) {
    const bytes = Buffer.from(label, 'latin1')
    if (bytes.length === 0 || bytes.length > 63) throw new RangeError(`"${name}" is no DNS name`)
    parts.push(Buffer.of(bytes.length), bytes)
  }
  const whole = Buffer.concat([...parts, Buffer.of(0)])
  if (whole.length > 255) throw new RangeError(`"${name}" is too long for a DNS name`)
  return whole
}

/** The data of a TXT record: one string, which has 255 bytes at most. */
export const encodeText = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8')
  if (bytes.length > 255) throw new RangeError('A string of a TXT record has 255 bytes at most')
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

export const uint16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2)
  return bytes
}

export const encodeRecord = ({ name, type, class: rrClass, ttl, data }: ResourceRecord): Buffer => {
  const seconds = Buffer.alloc(4)
  seconds.writeUInt32BE(ttl)
  return Buffer.concat([encodeName(name), uint16(type, rrClass), seconds, uint16(data.length), data])
}

/** Names are written whole: what is signed has no compression. A query asks for recursion never: we ask the server itself. */
export const encodeMessage = (message: DnsMessage): Buffer => {
  const { id, response, opcode, truncated, rcode, question, answer, authority, additional } = message
  const flags = (response ? 0x8000 : 0) | (opcode << 11) | (truncated ? 0x0200 : 0) | rcode
  return Buffer.concat([
    uint16(id, flags, question.length, answer.length, authority.length, additional.length),
    ...question.map((one) => Buffer.concat([encodeName(one.name), uint16(one.type, one.class)])),
    ...[...answer, ...authority, ...additional].map(encodeRecord),
  ])
}

export interface DecodedMessage extends DnsMessage {
  /** Where the last record begins: a TSIG record signs what stands before it. */
  readonly lastRecordAt: number
}

/** @throws RangeError when the bytes are no DNS message */
export const decodeMessage = (bytes: Buffer): DecodedMessage => {
  const flags = bytes.readUInt16BE(2)
  let at = 12
  let lastRecordAt = bytes.length
  const name = (): string => {
    const [found, next] = decodeName(bytes, at)
    at = next
    return found
  }
  const take = (size: number): number => {
    if (at + size > bytes.length) throw new RangeError('A DNS message ends early')
    at += size
    return at - size
  }
  const questions = (count: number): Question[] =>
    Array.from({ length: count }, () => ({ name: name(), type: bytes.readUInt16BE(take(2)), class: bytes.readUInt16BE(take(2)) }))
  const records = (count: number): ResourceRecord[] =>
    Array.from({ length: count }, () => {
      lastRecordAt = at
      const head = { name: name(), type: bytes.readUInt16BE(take(2)), class: bytes.readUInt16BE(take(2)), ttl: bytes.readUInt32BE(take(4)) }
      const size = bytes.readUInt16BE(take(2))
      const start = take(size)
      return { ...head, data: bytes.subarray(start, start + size) }
    })
  return {
    id: bytes.readUInt16BE(0),
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    truncated: (flags & 0x0200) !== 0,
    rcode: flags & 15,
    question: questions(bytes.readUInt16BE(4)),
    answer: records(bytes.readUInt16BE(6)),
    authority: records(bytes.readUInt16BE(8)),
    additional: records(bytes.readUInt16BE(10)),
    lastRecordAt,
  }
}

/**
 * The name at `at`, with pointers followed (RFC 1035 §4.1.4), and where what comes after it begins.
 * @throws RangeError
 */
export const decodeName = (bytes: Buffer, at: number): [name: string, next: number] => {
  const labels: string[] = []
  let next: number | undefined
  for (let position = at, jumps = 0; ; ) {
    const length = bytes.readUInt8(position)
    if (length === 0) return [labels.join('.'), next ?? position + 1]
    if (length >= 0xc0) {
      if (++jumps > 32) throw new RangeError('A DNS name points in circles')
      next ??= position + 2
      position = bytes.readUInt16BE(position) & 0x3fff
      continue
    }
    if (length > 63 || position + 1 + length > bytes.length) throw new RangeError('A DNS name ends early')
    labels.push(bytes.toString('latin1', position + 1, position + 1 + length))
    position += 1 + length
    if (labels.length > 128) throw new RangeError('A DNS name is too long')
  }
}
