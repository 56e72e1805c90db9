/** RTP packets (RFC 3550 §5.1). */
export interface RtpPacket {
  readonly marker: boolean
  readonly payloadType: number
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Buffer
}

const FIXED = 12

/** A packet without CSRCs, extension and padding. Numbers wrap as the fields do. */
export const writeRtp = ({ marker, payloadType, sequence, timestamp, ssrc, payload }: RtpPacket): Buffer => {
  const header = Buffer.alloc(FIXED)
  header[0] = 0x80
  header[1] = (marker ? 0x80 : 0) | payloadType
  header.writeUInt16BE(sequence & 0xffff, 2)
  header.writeUInt32BE(timestamp >>> 0, 4)
  header.writeUInt32BE(ssrc >>> 0, 8)
  return Buffer.concat([header, payload])
}

/**
 * Octets before the payload, CSRCs and extension included.
 * @throws Error when it is no RTP packet
 */
export const rtpHeaderLength = (bytes: Buffer): number => {
  if (bytes.length < FIXED || bytes[0]! >> 6 !== 2) throw new Error(`no RTP packet: ${bytes.subarray(0, FIXED).toString('hex')}`)
  let length = FIXED + (bytes[0]! & 0x0f) * 4
  if ((bytes[0]! & 0x10) !== 0) {
    if (bytes.length < length + 4) throw new Error('the RTP extension is cut off')
    length += 4 + bytes.readUInt16BE(length + 2) * 4
  }
  if (bytes.length < length) throw new Error('the RTP header is cut off')
  return length
}

/** @throws Error when it is no RTP packet */
export const readRtp = (bytes: Buffer): RtpPacket => {
  const start = rtpHeaderLength(bytes)
  const padding = (bytes[0]! & 0x20) === 0 ? 0 : bytes[bytes.length - 1]!
  if (start + padding > bytes.length) throw new Error('the RTP padding is longer than the packet')
  return {
    marker: bytes[1]! >= 0x80,
    payloadType: bytes[1]! & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, bytes.length - padding),
  }
}

/** RFC 5761 §4: RTCP among packets of one port, by its packet type (RTP payload types 64 to 95 are not used there). */
export const isRtcp = (bytes: Buffer): boolean => bytes.length >= 8 && bytes[0]! >> 6 === 2 && bytes[1]! >= 192 && bytes[1]! <= 223
