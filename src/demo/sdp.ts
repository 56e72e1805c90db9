/** What the demonstration PBX says about media: G.711 and keys (RFC 4733), plain RTP. */
import type { SoundTarget } from './voice.ts'

/** Formats that need no a=rtpmap (RFC 3551 §6). */
const NAMES: Readonly<Record<string, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000' }

/** Where we take sound. */
export interface OwnSound {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Of the session; and one more with each offer or answer (RFC 3264 §8). */
  readonly id: number
  readonly version: number
}

const head = ({ address, id, version }: OwnSound): readonly string[] => [
  'v=0',
  `o=- ${id} ${version} IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`,
  's=-',
  `c=IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`,
  't=0 0',
]

const whole = (lines: readonly string[]): Buffer => Buffer.from([...lines, ''].join('\r\n'), 'latin1')

export const offer = (own: OwnSound): Buffer =>
  whole([
    ...head(own),
    `m=audio ${own.port} RTP/AVP 0 8 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15',
    `a=rtcp:${own.rtcpPort}`,
    'a=sendrecv',
  ])

/** RFC 3264 §6: the first audio with the G.711 codecs (and keys) that it has; everything else is refused with port 0. */
export const answer = (offered: string, own: OwnSound): Buffer => {
  const lines = offered.split(/\r?\n/)
  let taken = false
  const media = lines
    .filter((one) => one.startsWith('m='))
    .flatMap((one) => {
      const [kind, , protocol, ...formats] = one.slice(2).split(' ')
      if (taken || kind !== 'audio') return [`m=${kind} 0 ${protocol} ${formats.join(' ')}`]
      taken = true
      const event = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(offered)?.[1]
      const chosen = formats.filter((format) => format === '0' || format === '8')
      const list = [...(chosen.length > 0 ? chosen : formats.slice(0, 1)), ...(event === undefined ? [] : [event])]
      const maps = list.flatMap((format) => {
        const name = NAMES[format]
        const written = lines.find((attribute) => attribute.startsWith(`a=rtpmap:${format} `))
        return written === undefined ? (name === undefined ? [] : [`a=rtpmap:${format} ${name}`]) : [written]
      })
      return [`m=audio ${own.port} ${protocol} ${list.join(' ')}`, ...maps, `a=rtcp:${own.rtcpPort}`, `a=${ANSWERS[directionOf(lines)]}`]
    })
  return whole([...head(own), ...media])
}

type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
const ANSWERS: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

/** Of the first audio, else of the session; without a word it is both. */
const directionOf = (lines: readonly string[]): Direction => {
  const audio = lines.findIndex((one) => one.startsWith('m=audio'))
  const after = lines.slice(audio + 1)
  const end = after.findIndex((one) => one.startsWith('m='))
  const own = end < 0 ? after : after.slice(0, end)
  const session = lines.slice(
    0,
    lines.findIndex((one) => one.startsWith('m=')),
  )
  const found = [...own, ...session]
    .map((one) => /^a=(sendrecv|sendonly|recvonly|inactive)$/.exec(one)?.[1])
    .find((one) => one !== undefined)
  return (found ?? 'sendrecv') as Direction
}

/** @returns undefined: there is no audio in it */
export const targetOf = (text: string): SoundTarget | undefined => {
  const lines = text.split(/\r?\n/)
  const audio = lines.findIndex((one) => one.startsWith('m=audio '))
  if (audio < 0) return undefined
  const [, port = '0', , ...formats] = lines[audio]!.slice(2).split(' ')
  const after = lines.slice(audio + 1)
  const end = after.findIndex((one) => one.startsWith('m='))
  const own = end < 0 ? after : after.slice(0, end)
  const address = /^c=IN IP[46] (\S+)/.exec(own.find((one) => one.startsWith('c=')) ?? lines.find((one) => one.startsWith('c=')) ?? '')?.[1]
  if (address === undefined || port === '0') return undefined
  const rtcp = /^a=rtcp:(\d{1,5})/.exec(own.find((one) => one.startsWith('a=rtcp:')) ?? '')?.[1]
  const direction = directionOf(lines)
  const first = formats.find((format) => format === '0' || format === '8')
  return {
    address,
    port: Number(port),
    rtcpPort: rtcp === undefined ? Number(port) + 1 : Number(rtcp),
    payload: first === '0' ? 0 : first === '8' ? 8 : undefined,
    // RFC 2543's way to hold
    listens: (direction === 'sendrecv' || direction === 'recvonly') && address !== '0.0.0.0',
  }
}
