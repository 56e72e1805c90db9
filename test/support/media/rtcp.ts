/** RTCP: sender and receiver reports with a CNAME (RFC 3550 §6), and what one needs to write them. */
import type { RtpPacket } from './rtp.ts'

const SR = 200
const RR = 201
const SDES = 202
const UNIX_TO_NTP = 2_208_988_800

/** What somebody says of an SSRC that it receives (§6.4.1). */
export interface ReportBlock {
  readonly ssrc: number
  /** 0 to 255 for none to all. */
  readonly fractionLost: number
  readonly cumulativeLost: number
  readonly highestSequence: number
  /** In units of the RTP timestamp. */
  readonly jitter: number
  /** The middle 32 bits of the NTP time of the last SR; 0: none came. */
  readonly lastSr: number
  /** 1/65536 s from that SR to this report. */
  readonly delaySinceLastSr: number
}

export interface SenderInfo {
  /** ms since 1970. */
  readonly time: number
  readonly rtpTimestamp: number
  readonly packets: number
  readonly octets: number
}

export interface Report {
  readonly ssrc: number
  /** undefined: a receiver report. */
  readonly sender: SenderInfo | undefined
  readonly blocks: readonly ReportBlock[]
}

/** The middle 32 bits of the NTP time. @param time ms since 1970 */
export const middleNtp = (time: number): number => Math.floor((time / 1000 + UNIX_TO_NTP) * 65_536) % 2 ** 32

const packet = (type: number, count: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(4)
  header[0] = 0x80 | count
  header[1] = type
  header.writeUInt16BE(body.length / 4, 2)
  return Buffer.concat([header, body])
}

const senderBytes = ({ time, rtpTimestamp, packets, octets }: SenderInfo): Buffer => {
  const bytes = Buffer.alloc(20)
  const seconds = time / 1000 + UNIX_TO_NTP
  bytes.writeUInt32BE(Math.floor(seconds), 0)
  bytes.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 4)
  bytes.writeUInt32BE(rtpTimestamp >>> 0, 8)
  bytes.writeUInt32BE(packets >>> 0, 12)
  bytes.writeUInt32BE(octets >>> 0, 16)
  return bytes
}

const blockBytes = (block: ReportBlock): Buffer => {
  const bytes = Buffer.alloc(24)
  bytes.writeUInt32BE(block.ssrc, 0)
  bytes[4] = block.fractionLost
  bytes.writeIntBE(block.cumulativeLost, 5, 3)
  bytes.writeUInt32BE(block.highestSequence >>> 0, 8)
  bytes.writeUInt32BE(Math.round(block.jitter), 12)
  bytes.writeUInt32BE(block.lastSr, 16)
  bytes.writeUInt32BE(block.delaySinceLastSr, 20)
  return bytes
}

/** A compound packet: SR or RR, then SDES with the CNAME (§6.1). */
export const writeReport = ({ ssrc, sender, blocks }: Report, cname: string): Buffer => {
  const source = Buffer.alloc(4)
  source.writeUInt32BE(ssrc)
  const report = Buffer.concat([source, ...(sender === undefined ? [] : [senderBytes(sender)]), ...blocks.map(blockBytes)])
  // §6.5: at least one null octet ends the items, up to a whole word
  const item = Buffer.concat([Buffer.from([1, cname.length]), Buffer.from(cname, 'latin1')])
  const chunk = Buffer.concat([source, item, Buffer.alloc(4 - (item.length % 4))])
  return Buffer.concat([packet(sender === undefined ? RR : SR, blocks.length, report), packet(SDES, 1, chunk)])
}

const readBlock = (bytes: Buffer): ReportBlock => ({
  ssrc: bytes.readUInt32BE(0),
  fractionLost: bytes[4]!,
  cumulativeLost: bytes.readIntBE(5, 3),
  highestSequence: bytes.readUInt32BE(8),
  jitter: bytes.readUInt32BE(12),
  lastSr: bytes.readUInt32BE(16),
  delaySinceLastSr: bytes.readUInt32BE(20),
})

const readSender = (bytes: Buffer): SenderInfo => ({
  time: (bytes.readUInt32BE(0) - UNIX_TO_NTP + bytes.readUInt32BE(4) / 2 ** 32) * 1000,
  rtpTimestamp: bytes.readUInt32BE(8),
  packets: bytes.readUInt32BE(12),
  octets: bytes.readUInt32BE(16),
})

/**
 * The SRs and RRs of a compound packet; packets of other types are passed over.
 * @throws Error when the lengths do not fit
 */
export const readReports = (bytes: Buffer): readonly Report[] => {
  const found: Report[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length < at + 8 || bytes[at]! >> 6 !== 2) throw new Error(`no RTCP packet at ${at}: ${bytes.toString('hex')}`)
    const type = bytes[at + 1]!
    const end = at + 4 + bytes.readUInt16BE(at + 2) * 4
    const first = at + (type === SR ? 28 : 8)
    const count = type === SR || type === RR ? bytes[at]! & 0x1f : 0
    if (end > bytes.length || first + count * 24 > Math.max(end, first))
      throw new Error(`an RTCP packet is cut off: ${bytes.toString('hex')}`)
    if (type === SR || type === RR) {
      const blocks = Array.from({ length: count }, (_, i) => readBlock(bytes.subarray(first + i * 24)))
      found.push({ ssrc: bytes.readUInt32BE(at + 4), sender: type === SR ? readSender(bytes.subarray(at + 8)) : undefined, blocks })
    }
    at = end
  }
  return found
}

/** What a receiver counts of one SSRC for its reports (§A.3, §A.8). */
export interface Reception {
  /** @param arrival ms since 1970 */
  packet(packet: RtpPacket, arrival: number): void
  senderReport(info: SenderInfo, arrival: number): void
  /** The block of the next report. */
  block(now: number): ReportBlock
  readonly lost: () => number
  /** How often its sequence numbers have begun anew. */
  readonly rollOvers: () => number
}

export const createReception = (first: RtpPacket, clockRate: number): Reception => {
  const ssrc = first.ssrc
  const base = first.sequence
  let highest = base
  let received = 0
  let jitter = 0
  let transit: number | undefined
  let report: { readonly lastSr: number; readonly arrival: number } | undefined
  let before = { expected: 0, received: 0 }
  const expected = (): number => highest - base + 1
  return {
    packet: ({ sequence, timestamp }, arrival) => {
      received++
      const step = (sequence - (highest & 0xffff) + 0x10000) & 0xffff
      if (step < 0x8000) highest += step
      const now = (arrival * clockRate) / 1000 - timestamp
      if (transit !== undefined) jitter += (Math.min(Math.abs(now - transit), clockRate) - jitter) / 16
      transit = now
    },
    senderReport: (info, arrival) => {
      report = { lastSr: middleNtp(info.time), arrival }
    },
    block: (now) => {
      const interval = { expected: expected() - before.expected, lost: expected() - before.expected - (received - before.received) }
      before = { expected: expected(), received }
      return {
        ssrc,
        fractionLost: interval.expected <= 0 || interval.lost <= 0 ? 0 : Math.floor((256 * interval.lost) / interval.expected),
        cumulativeLost: expected() - received,
        highestSequence: highest,
        jitter,
        lastSr: report?.lastSr ?? 0,
        delaySinceLastSr: report === undefined ? 0 : Math.round(((now - report.arrival) * 65_536) / 1000),
      }
    },
    lost: () => expected() - received,
    rollOvers: () => Math.floor(highest / 0x10000),
  }
}

/** Round trip in ms from a block about us (§6.4.1), or undefined when no SR of ours is behind it. */
export const roundTripOf = ({ lastSr, delaySinceLastSr }: ReportBlock, now: number): number | undefined => {
  if (lastSr === 0) return undefined
  const units = (middleNtp(now) - lastSr - delaySinceLastSr) | 0
  return (units * 1000) / 65_536
}
