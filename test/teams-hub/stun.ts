/** Connectivity checks of a full ICE agent toward a lite one (RFC 8445, RFC 8489): Binding requests with USE-CANDIDATE, and their answers. */
import { createHmac, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const COOKIE = 0x2112a442
const BINDING = 0x0001
const SUCCESS = 0x0101
const [USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE, FINGERPRINT, CONTROLLING] = [0x0006, 0x0008, 0x0024, 0x0025, 0x8028, 0x802a]

const attribute = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

const message = (type: number, id: Buffer, attributes: readonly Buffer[], more: number): Buffer => {
  const body = Buffer.concat(attributes)
  const head = Buffer.alloc(8)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(body.length + more, 2)
  head.writeUInt32BE(COOKIE, 4)
  return Buffer.concat([head, id, body])
}

/** Whether a datagram is STUN (RFC 7983). */
export const isStun = (bytes: Buffer): boolean => bytes.length >= 20 && bytes[0]! < 4 && bytes.readUInt32BE(4) === COOKIE

export interface Check {
  readonly id: string
  readonly bytes: Buffer
}

/** @param remote credentials of the SBC */
export const bindingRequest = (remote: { readonly ufrag: string; readonly password: string }, ufrag: string): Check => {
  const id = randomBytes(12)
  const priority = Buffer.alloc(4)
  priority.writeUInt32BE(1_862_270_975)
  const attributes = [
    attribute(USERNAME, Buffer.from(`${remote.ufrag}:${ufrag}`)),
    attribute(PRIORITY, priority),
    attribute(CONTROLLING, randomBytes(8)),
    attribute(USE_CANDIDATE, Buffer.alloc(0)),
  ]
  // §14.5, §14.7 of RFC 8489: the length counts up to the attribute that is computed
  const signed = message(BINDING, id, attributes, 24)
  const integrity = attribute(INTEGRITY, createHmac('sha1', remote.password).update(signed).digest())
  const printed = message(BINDING, id, [...attributes, integrity], 8)
  const fingerprint = Buffer.alloc(4)
  fingerprint.writeUInt32BE((crc32(printed) ^ 0x5354554e) >>> 0)
  return { id: id.toString('hex'), bytes: Buffer.concat([printed, attribute(FINGERPRINT, fingerprint)]) }
}

/** The id of a success answer; undefined: it is none. */
export const successOf = (bytes: Buffer): string | undefined =>
  isStun(bytes) && bytes.readUInt16BE(0) === SUCCESS ? bytes.subarray(8, 20).toString('hex') : undefined
