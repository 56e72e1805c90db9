/** What a TLS 1.2 server says in the clear before the encryption begins (RFC 5246 §6.2.1, §7.4): its certificates, and whether it asks for ours. */

const HANDSHAKE = 22
const CERTIFICATE = 11
const CERTIFICATE_REQUEST = 13
const SERVER_HELLO_DONE = 14
const SERVER_HELLO = 2
const SUPPORTED_VERSIONS = 43
/** A flight of certificates is some kilobytes. */
const MOST = 128 * 1024

export interface ServerFlight {
  /** undefined: not known yet, or TLS 1.3. */
  readonly asked: boolean | undefined
  /** DER, as they were sent. */
  readonly certificates: readonly Buffer[]
}

/** Collects the bytes that a server sends first. */
export class FlightReader {
  #bytes: Buffer = Buffer.alloc(0)
  #over = false

  take(chunk: Buffer): void {
    if (this.#over) return
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    this.#over = this.#bytes.length > MOST || messages(this.#bytes).some(({ type }) => type === SERVER_HELLO_DONE)
  }

  read(): ServerFlight {
    const all = messages(this.#bytes)
    const hello = all.find(({ type }) => type === SERVER_HELLO)
    if (hello === undefined || isTls13(hello.body)) return { asked: undefined, certificates: [] }
    const done = all.some(({ type }) => type === SERVER_HELLO_DONE)
    const certificate = all.find(({ type }) => type === CERTIFICATE)
    return {
      // A session that is resumed has neither a request nor an end of the flight
      asked: done ? all.some(({ type }) => type === CERTIFICATE_REQUEST) : undefined,
      certificates: certificate === undefined ? [] : listed(certificate.body),
    }
  }
}

interface Message {
  readonly type: number
  readonly body: Buffer
}

/** The handshake messages that are whole; one may go over several records, and one record may have several. */
const messages = (bytes: Buffer): readonly Message[] => {
  const parts: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 3)
    // What follows a change of the cipher or an alert is none of ours
    if (bytes[at] !== HANDSHAKE) break
    parts.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  const stream = Buffer.concat(parts)
  const found: Message[] = []
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = stream.readUIntBE(at + 1, 3)
    if (at + 4 + length > stream.length) break
    found.push({ type: stream[at]!, body: stream.subarray(at + 4, at + 4 + length) })
    at += 4 + length
  }
  return found
}

/** RFC 8446 §4.1.3: what chose TLS 1.3 says so in an extension. */
const isTls13 = (hello: Buffer): boolean => {
  const session = hello[34] ?? 0
  let at = 35 + session + 3
  if (at + 2 > hello.length) return false
  const end = Math.min(hello.length, at + 2 + hello.readUInt16BE(at))
  for (at += 2; at + 4 <= end; at += 4 + hello.readUInt16BE(at + 2)) if (hello.readUInt16BE(at) === SUPPORTED_VERSIONS) return true
  return false
}

const listed = (body: Buffer): Buffer[] => {
  const found: Buffer[] = []
  for (let at = 3; at + 3 <= body.length; ) {
    const length = body.readUIntBE(at, 3)
    if (at + 3 + length > body.length) break
    found.push(body.subarray(at + 3, at + 3 + length))
    at += 3 + length
  }
  return found
}
