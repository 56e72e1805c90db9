import type { MediaKind } from '../../../src/zones/media.ts'

/** An SDP as a judge reads it: with no code of the program under test. One m-section is looked at, the first. */
export interface Seen {
  readonly protocol: string
  readonly port: number
  readonly formats: readonly string[]
  /** Of the section, else of the session. */
  readonly connection: string
  readonly origin: string
  readonly direction: string
  /** Values of an attribute of session and section, in order; flags give `''`. */
  all(name: string): readonly string[]
  readonly names: readonly string[]
  /** Formats by `name/rate`. */
  readonly codecs: ReadonlyMap<string, string>
}

export const see = (sdp: string): Seen => {
  const lines = sdp.split('\r\n')
  const start = lines.findIndex((line) => line.startsWith('m='))
  const next = lines.findIndex((line, i) => i > start && line.startsWith('m='))
  const [session, section] = [lines.slice(0, start), lines.slice(start, next < 0 ? undefined : next)]
  const attributes = [...session, ...section].flatMap((line) => {
    const found = /^a=([^:]+):?(.*)$/.exec(line)
    return found === null ? [] : [[found[1]!, found[2]!] as const]
  })
  const all = (name: string) => attributes.filter(([one]) => one === name).map(([, value]) => value)
  const address = (type: string) => [...section, ...session].find((line) => line.startsWith(`${type}=`))?.replace(/^.* /, '') ?? ''
  const [, port, protocol, ...formats] = lines[start]!.split(' ') as [string, string, string, ...string[]]
  return {
    protocol,
    port: Number(port),
    formats,
    connection: address('c'),
    origin: address('o'),
    direction: attributes.map(([name]) => name).find((name) => /^(sendrecv|sendonly|recvonly|inactive)$/.test(name)) ?? 'sendrecv',
    all,
    names: attributes.map(([name]) => name),
    codecs: new Map(all('rtpmap').map((value) => value.split(' ').reverse() as [string, string])),
  }
}

/** The lines about ICE of an SDP. */
export const iceOf = (sdp: string): readonly string[] =>
  sdp.split('\r\n').filter((line) => /^a=(?:ice-ufrag|ice-pwd|candidate):/.test(line))

export const iceAt = (address: string): readonly string[] => [
  'a=ice-ufrag:Ck3p',
  'a=ice-pwd:uY6vQz1mXo8TnB4sHd7RkLw0',
  `a=candidate:1 1 UDP 2130706431 ${address} 18112 typ host`,
]

const KEY = 'n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/'
const FINGERPRINT = Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(':')

/** What an endpoint of that kind sends: PCMU and events, as answer or as offer of its own. */
export interface Says {
  readonly kind: MediaKind
  readonly address: string
  readonly direction: string
  readonly version: number
  /** `actpass` offers, `active` and `passive` answer. */
  readonly setup: string
  readonly cryptoTag: string
  /** Format of PCMU, then of events if there are any. */
  readonly formats: readonly [string, ...string[]]
  readonly mid: string
  /** Its lines about ICE: others than before would restart it. */
  readonly ice: readonly string[]
  readonly mux: boolean
}

export const sdpOf = ({ kind, address, direction, version, setup, cryptoTag, formats, mid, ice, mux }: Says): string => {
  const keys = {
    plain: [],
    sdes: [`a=crypto:${cryptoTag} AES_CM_128_HMAC_SHA1_80 inline:${KEY}`],
    teams: [`a=crypto:${cryptoTag} AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^31`],
    'teams-bypass': [`a=crypto:${cryptoTag} AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^31`],
    webrtc: [`a=fingerprint:sha-256 ${FINGERPRINT}`, `a=setup:${setup}`, `a=mid:${mid}`],
  }
  const protocol = { plain: 'RTP/AVP', sdes: 'RTP/SAVP', teams: 'RTP/SAVP', 'teams-bypass': 'RTP/SAVP', webrtc: 'UDP/TLS/RTP/SAVPF' }[kind]
  return [
    ...['v=0', `o=- 4242 ${version} IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0'],
    `m=audio 18112 ${protocol} ${formats.join(' ')}`,
    `a=rtpmap:${formats[0]} PCMU/8000`,
    ...formats.slice(1).map((format) => `a=rtpmap:${format} telephone-event/8000`),
    ...keys[kind],
    ...ice,
    ...(mux ? ['a=rtcp-mux'] : []),
    `a=${direction}`,
    '',
  ].join('\r\n')
}
