/**
 * Video of an endpoint on plain RTP: it sends back what it gets, under an SSRC of its own, as if its camera was held at its screen. Whoever wants
 * a key frame of it (PLI, RFC 4585 §6.3.1) is asked for one himself.
 */
import { randomBytes } from 'node:crypto'
import { bindPair } from './port-pair.ts'
import { isRtcp } from './rtp.ts'
import { codecsOf, type Direction, rtcpPortOf, type SdpSection } from './sdp.ts'

export type VideoCodec = 'VP8' | 'H264'

export interface Mirror {
  /** RTP packets so far. */
  readonly packets: () => number
  /** Its section of an offer. */
  offer(direction: Direction): readonly string[]
  /** Its section of an answer to this one; a refusal when the codec is not there. */
  answer(section: SdpSection, direction: Direction): readonly string[]
  /** What answered its section. */
  accept(section: SdpSection): void
  close(): Promise<void>
}

const PLI_TYPE = 206
const PAYLOAD_TYPE = 96

/** SSRCs of the media that the PLIs of a compound packet are about. */
const keyFramesAsked = (bytes: Buffer): boolean => {
  for (let at = 0; at + 12 <= bytes.length; at += 4 * (bytes.readUInt16BE(at + 2) + 1))
    if (bytes[at + 1] === PLI_TYPE && (bytes[at]! & 0x1f) === 1) return true
  return false
}

const pli = (from: number, about: number): Buffer => {
  const bytes = Buffer.from([0x81, PLI_TYPE, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])
  bytes.writeUInt32BE(from, 4)
  bytes.writeUInt32BE(about, 8)
  return bytes
}

/** Opens its sockets; whoever opens it closes it. */
export const openMirror = async (address: string, codec: VideoCodec): Promise<Mirror> => {
  const ssrc = randomBytes(4).readUInt32BE()
  let toward: { readonly address: string; readonly port: number; readonly rtcpPort: number } | undefined
  let seen: number | undefined
  let packets = 0
  const received = (bytes: Buffer, _from: unknown, toRtcpPort: boolean): void => {
    if (toward === undefined) return
    if (toRtcpPort || isRtcp(bytes)) {
      if (seen !== undefined && keyFramesAsked(bytes)) pair.rtcp(pli(ssrc, seen), toward.rtcpPort, toward.address)
      return
    }
    packets++
    seen = bytes.readUInt32BE(8)
    const back = Buffer.from(bytes)
    back.writeUInt32BE(ssrc, 8)
    pair.rtp(back, toward.port, toward.address)
  }
  const pair = await bindPair(address, received)
  const agree = (section: SdpSection): void => {
    toward = section.port === 0 ? undefined : { address: section.address, port: section.port, rtcpPort: rtcpPortOf(section) }
  }
  const lines = (payloadType: number, parameters: string | undefined, direction: Direction): readonly string[] => [
    `m=video ${pair.port} RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${codec}/90000`,
    ...(parameters === undefined ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
    `a=rtcp-fb:${payloadType} nack pli`,
    `a=${direction}`,
  ]
  return {
    packets: () => packets,
    offer: (direction) =>
      lines(
        PAYLOAD_TYPE,
        codec === 'H264' ? 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' : undefined,
        direction,
      ),
    answer: (section, direction) => {
      agree(section)
      const found = section.port === 0 ? undefined : codecsOf(section).find(({ name }) => name === codec)
      if (found === undefined) return [`m=video 0 ${section.protocol} ${section.formats.join(' ')}`]
      const fmtp = section.attributes.find(({ name, value }) => name === 'fmtp' && value.startsWith(`${found.payloadType} `))
      return lines(found.payloadType, fmtp?.value.slice(`${found.payloadType} `.length), direction)
    },
    accept: agree,
    close: pair.close,
  }
}
