/** Just enough of a ClientHello to tell a validation of TLS-ALPN-01 (RFC 8737) from every other handshake, before it begins. Pure. */

/** What a first flight of a connection is. */
export type Hello =
  | { readonly kind: 'more' }
  /** No TLS, or nothing that could be understood; the TLS stack is to judge it. */
  | { readonly kind: 'other' }
  /** `host`: the one server name, lower case; empty when there is none. `protocols`: of ALPN (RFC 7301), in order. */
  | { readonly kind: 'hello'; readonly host: string; readonly protocols: readonly string[] }

const MORE: Hello = { kind: 'more' }
const OTHER: Hello = { kind: 'other' }

const HANDSHAKE = 22
const CLIENT_HELLO = 1
/** RFC 8446 §5.1: so much is in one record at most. */
const LONGEST_RECORD = 16_384
const SERVER_NAME = 0
const ALPN = 16

/** Reads the bytes that a client has sent so far, from the first. */
export const readHello = (bytes: Buffer): Hello => {
  const message = handshakeOf(bytes)
  if (!Buffer.isBuffer(message)) return message
  try {
    return helloOf(message)
  } catch (error) {
    if (error instanceof RangeError) return OTHER
    throw error
  }
}

/** The whole ClientHello out of its records (RFC 8446 §5.1: it may be spread over several). */
const handshakeOf = (bytes: Buffer): Buffer | Hello => {
  const parts: Buffer[] = []
  let have = 0
  let whole = Number.POSITIVE_INFINITY
  for (let at = 0; ; ) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return OTHER
    // Major version 3 is that of everything since SSL 3
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return OTHER
    if (bytes.length < at + 5) return MORE
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > LONGEST_RECORD) return OTHER
    const part = bytes.subarray(at + 5, at + 5 + length)
    parts.push(part)
    if (have < 4 && have + part.length >= 4) {
      const head = Buffer.concat(parts)
      if (head[0] !== CLIENT_HELLO) return OTHER
      whole = 4 + head.readUIntBE(1, 3)
      if (whole > LONGEST_RECORD) return OTHER
    }
    have += part.length
    if (have >= whole) return (parts.length === 1 ? part : Buffer.concat(parts)).subarray(4, whole)
    if (part.length < length) return MORE
    at += 5 + length
  }
}

/** RFC 8446 §4.1.2. @throws RangeError when a length leads outside */
const helloOf = (message: Buffer): Hello => {
  const reader = new Reader(message)
  reader.take(2 + 32)
  reader.vector(1)
  reader.vector(2)
  reader.vector(1)
  let host = ''
  let protocols: readonly string[] = []
  if (reader.left > 0) {
    const extensions = new Reader(reader.vector(2))
    while (extensions.left > 0) {
      const type = extensions.number(2)
      const content = new Reader(extensions.vector(2))
      if (type === SERVER_NAME) host = serverName(new Reader(content.vector(2)))
      if (type === ALPN) protocols = protocolNames(new Reader(content.vector(2)))
    }
  }
  return { kind: 'hello', host, protocols }
}

/** RFC 6066 §3. */
const serverName = (list: Reader): string => {
  const names: string[] = []
  while (list.left > 0) {
    const type = list.number(1)
    const name = list.vector(2).toString('latin1').toLowerCase()
    if (type === 0) names.push(name)
  }
  return names.length === 1 ? names[0]! : ''
}

/** RFC 7301 §3.1. */
const protocolNames = (list: Reader): readonly string[] => {
  const names: string[] = []
  while (list.left > 0) names.push(list.vector(1).toString('latin1'))
  return names
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    if (length > this.left) throw new RangeError('A length leads outside')
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }

  number(size: number): number {
    return this.take(size).readUIntBE(0, size)
  }

  /** Bytes with their length before them, in so many bytes. */
  vector(size: number): Buffer {
    return this.take(this.number(size))
  }
}
