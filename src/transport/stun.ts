/** The little of STUN (RFC 8489) that SIP clients use to hold their mapping on a UDP listener (RFC 5626 §4.4.2, §8). */
import { crc32 } from 'node:zlib'
import ipaddr from 'ipaddr.js'

/** A STUN message of RFC 5389 or later: nothing of SIP begins like that, and no keep-alive of CRLFs or zeros has the magic cookie. */
export const isStun = (bytes: Buffer): boolean => bytes.length >= HEADER && bytes[0]! < 4 && bytes.readUInt32BE(4) === MAGIC_COOKIE

/**
 * The answer to a Binding request: where it came from. Twelve bytes longer than the shortest request (24 over IPv6), so that a forged source
 * gains next to nothing; nothing is remembered.
 * @param address IP literal without scope
 * @returns undefined: not a request that clients keep their way open with (another method or class, an attribute that would have to be understood,
 * a wrong fingerprint)
 */
export const bindingResponse = (request: Buffer, address: string, port: number): Buffer | undefined => {
  const found = readRequest(request)
  if (found === undefined || !ipaddr.isValid(address)) return undefined
  const octets = ipaddr.parse(address).toByteArray()
  const attribute = 8 + octets.length
  const size = HEADER + attribute + (found.fingerprint ? FINGERPRINT_SIZE : 0)
  const response = Buffer.alloc(size)
  response.writeUInt16BE(BINDING_SUCCESS, 0)
  response.writeUInt16BE(size - HEADER, 2)
  request.copy(response, 4, 4, HEADER)
  // RFC 8489 §14.2: XOR with the cookie, and for IPv6 with the transaction id behind it
  response.writeUInt16BE(XOR_MAPPED_ADDRESS, 20)
  response.writeUInt16BE(4 + octets.length, 22)
  response[25] = octets.length === 4 ? 1 : 2
  response.writeUInt16BE(port ^ (MAGIC_COOKIE >>> 16), 26)
  for (let i = 0; i < octets.length; i++) response[28 + i] = octets[i]! ^ response[4 + i]!
  if (found.fingerprint) {
    const at = HEADER + attribute
    response.writeUInt16BE(FINGERPRINT, at)
    response.writeUInt16BE(4, at + 2)
    response.writeUInt32BE(fingerprintOf(response, at), at + 4)
  }
  return response
}

/** RFC 8489 §6.3: a Binding request without attributes that would have to be understood; the fingerprint, where there is one, is right. */
const readRequest = (bytes: Buffer): { readonly fingerprint: boolean } | undefined => {
  const length = bytes.readUInt16BE(2)
  if (bytes.readUInt16BE(0) !== BINDING_REQUEST || length % 4 !== 0 || HEADER + length !== bytes.length) return undefined
  for (let at = HEADER; at < bytes.length; ) {
    // The length is a multiple of four: the four bytes are there
    const type = bytes.readUInt16BE(at)
    const size = bytes.readUInt16BE(at + 2)
    const next = at + 4 + Math.ceil(size / 4) * 4
    if (next > bytes.length) return undefined
    if (type === FINGERPRINT)
      return size === 4 && next === bytes.length && bytes.readUInt32BE(at + 4) === fingerprintOf(bytes, at)
        ? { fingerprint: true }
        : undefined
    // RFC 8489 §14: below 0x8000 an attribute must be understood
    if (type < 0x8000) return undefined
    at = next
  }
  return { fingerprint: false }
}

/** RFC 8489 §14.7. @param end where the attribute begins */
const fingerprintOf = (message: Buffer, end: number): number => (crc32(message.subarray(0, end)) ^ 0x5354554e) >>> 0

const MAGIC_COOKIE = 0x2112a442
const HEADER = 20
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020
const FINGERPRINT = 0x8028
const FINGERPRINT_SIZE = 8
