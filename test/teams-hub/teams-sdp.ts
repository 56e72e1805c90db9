/** SDP as a media processor of Teams writes it (§3.2, §3.6), around what a plain endpoint says. */
import { randomBytes, randomInt } from 'node:crypto'
import { attributesOf, audioOf, directionOf, networkOf, readSdp } from '../support/media/sdp.ts'

export interface SdpSwitches {
  readonly rtcpMux: boolean
  readonly shortTagFirst: boolean
  /** A client's own SDP, with attributes that nobody knows. */
  readonly bypass: boolean
}

export interface TeamsSdp {
  /** @param text of the endpoint */
  offer(text: string): string
  /** @param asked the offer that it answers */
  answer(text: string, asked: string): string
  /** The SBC's answer says whether RTCP has a port of its own. */
  accepted(answer: string): void
  readonly ufrag: string
  readonly password: string
}

const letters = (count: number): string => randomBytes(count).toString('base64').replaceAll(/[+/=]/g, 'a').slice(0, count)

const OFFERED = '104 9 103 111 18 0 8 97 101 13 118'
const MAPS = [
  ...['a=rtpmap:104 SILK/16000', 'a=rtpmap:9 G722/8000', 'a=rtpmap:103 SILK/8000', 'a=rtpmap:111 SIREN/16000', 'a=fmtp:111 bitrate=16000'],
  ...['a=rtpmap:18 G729/8000', 'a=fmtp:18 annexb=no', 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:97 RED/8000'],
  ...['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=rtpmap:13 CN/8000', 'a=rtpmap:118 CN/16000', 'a=ptime:20'],
]

/** One for each dialog: session id and ICE credentials stay. */
export const createTeamsSdp = ({ rtcpMux, shortTagFirst, bypass }: SdpSwitches): TeamsSdp => {
  const session = randomInt(10_000, 999_999)
  /** RTCP once agreed without mux stays so: a processor does not change its mind in a call. */
  let mux = rtcpMux
  const [ufrag, password] = [letters(4), letters(24)]
  const short = randomBytes(30).toString('base64')
  const head = (address: string): readonly string[] => [
    ...['v=0', `o=- ${session} 0 IN IP4 127.0.0.1`, 's=session', `c=${networkOf(address)}`, 'b=CT:10000000', 't=0 0'],
  ]
  const ice = (address: string, port: number, inside: string): readonly string[] => [
    ...[`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`],
    ...(mux ? ['a=rtcp-mux'] : []),
    `a=candidate:1 1 UDP 2130706431 ${address} ${port} typ srflx raddr ${inside} rport ${port}`,
    `a=candidate:1 2 UDP 2130705918 ${address} ${port + 1} typ srflx raddr ${inside} rport ${port + 1}`,
  ]
  const extra = bypass
    ? ['a=x-ssrc-range:1021-1021', 'a=rtcp-fb:* x-message app send:dsh recv:dsh', 'a=rtcp-rsize', 'a=x-bypassid:stand-in']
    : []
  const written = (lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join('')
  return {
    accepted: (text) => {
      const theirs = readSdp(text)
      mux &&= attributesOf(theirs, audioOf(theirs), 'rtcp-mux').length > 0
    },
    ufrag,
    password,
    offer: (text) => {
      const sdp = readSdp(text)
      const audio = audioOf(sdp)
      const { address, port } = audio
      const [crypto = ''] = attributesOf(sdp, audio, 'crypto')
      return written([
        ...head(address),
        `m=audio ${port} RTP/SAVP ${OFFERED}`,
        ...[`c=${networkOf(address)}`, `a=rtcp:${port + 1}`],
        ...ice(address, port, '10.0.12.7'),
        `a=candidate:2 1 tcp-act 2121006078 ${address} 49152 typ srflx raddr 10.0.12.7 rport 49152`,
        `a=candidate:2 2 tcp-act 2121006078 ${address} 49152 typ srflx raddr 10.0.12.7 rport 49152`,
        ...['a=label:main-audio', 'a=mid:1'],
        ...extra,
        ...(shortTagFirst ? [`a=crypto:0 AES_CM_128_HMAC_SHA1_32 inline:${short}|2^31`] : []),
        `a=crypto:${crypto}`,
        `a=${directionOf(sdp, audio)}`,
        ...MAPS,
      ])
    },
    answer: (text, asked) => {
      const sdp = readSdp(text)
      const audio = audioOf(sdp)
      const { address, port } = audio
      const theirs = readSdp(asked)
      const candidates = attributesOf(theirs, audioOf(theirs), 'candidate').length > 0
      const muxed = mux && attributesOf(theirs, audioOf(theirs), 'rtcp-mux').length > 0
      mux = muxed
      const [crypto = ''] = attributesOf(sdp, audio, 'crypto')
      return written([
        ...head(address),
        `m=audio ${port} RTP/SAVP ${audio.formats.join(' ')}`,
        ...[`c=${networkOf(address)}`, `a=rtcp:${port + 1}`],
        ...(candidates ? ice(address, port, '10.0.12.7').filter((line) => line !== 'a=rtcp-mux') : []),
        ...(muxed ? ['a=rtcp-mux'] : []),
        ...['a=label:main-audio', `a=crypto:${crypto}`, `a=${directionOf(sdp, audio)}`],
        ...audio.attributes.filter(({ name }) => name === 'rtpmap' || name === 'fmtp').map(({ name, value }) => `a=${name}:${value}`),
        'a=ptime:20',
      ])
    },
  }
}
