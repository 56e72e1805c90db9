import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import type { Place } from './crossing.ts'
import { start } from './processes.ts'

/** A message as a peer saw it, with the two ends of its hop. */
export interface SeenMessage {
  readonly from: Place
  readonly to: Place
  readonly text: string
}

/** What Wireshark's SIP dissector says of one message. */
export interface Dissected {
  /** `udp` or `tcp`: what carried it. */
  readonly carrier: 'udp' | 'tcp'
  readonly from: string
  readonly to: string
  readonly method: string
  readonly status: string
  readonly requestUri: string
  readonly cseqMethod: string
  /** Transport and sent-by of each Via, from the top. */
  readonly vias: readonly string[]
  readonly recordRoutes: readonly string[]
  readonly routes: readonly string[]
  /** Warnings and errors of the SIP and SDP dissectors, and malformed parts. */
  readonly complaints: readonly string[]
}

/** Severities from `warning` up (epan/proto.h). */
const WARNING = 0x0060_0000

/** SIP is on ports that no dissector knows: each is named. */
const decodeAs = (ports: readonly number[]): readonly string[] =>
  [...new Set(ports)].flatMap((port) => ['-d', `udp.port==${port},sip`, '-d', `tcp.port==${port},sip`])

/** Dissects a capture file with tshark: one entry for each SIP message, also of those that share a TCP segment. */
export const dissect = async (file: string, ports: readonly number[]): Promise<readonly Dissected[]> => {
  const program = start('tshark', ['-r', file, ...decodeAs(ports), '-Y', 'sip || _ws.malformed', '-T', 'json', '--no-duplicate-keys'])
  const code = await program.ended
  // What tshark says of itself goes to standard error.
  const output = program.lines.filter((line) => /^\s*[[\]{}",]/.test(line)).join('\n')
  if (code !== 0) throw new Error(`tshark ended with ${code}\n${program.lines.join('\n')}`)
  const packets = JSON.parse(output) as readonly { readonly _source: { readonly layers: Tree } }[]
  return packets.flatMap((packet) => dissected(packet._source.layers))
}

type Tree = { readonly [name: string]: Value }
type Value = string | Tree | readonly Value[]

/** All values of a field, in the order of the packet, at any depth. */
const all = (value: Value | undefined, field: string): readonly string[] => {
  if (value === undefined || typeof value === 'string') return []
  if (Array.isArray(value)) return (value as readonly Value[]).flatMap((one) => all(one, field))
  return Object.entries(value).flatMap(([name, inner]) =>
    name === field ? [inner].flat().filter((one) => typeof one === 'string') : all(inner, field),
  )
}

const dissected = (layers: Tree): readonly Dissected[] => {
  const carrier = layers.udp === undefined ? 'tcp' : 'udp'
  const end = (side: 'src' | 'dst'): string => `${all(layers.ip, `ip.${side}`)[0]}:${all(layers[carrier], `${carrier}.${side}port`)[0]}`
  // What carries SIP is left out: TCP's warnings are about the capture, such as a segment that it missed.
  const { frame: _frame, eth: _ethernet, ip: _ip, udp: _udp, tcp: _tcp, ...ours } = layers
  const messages = all(ours, '_ws.expert.message')
  const complaints = [
    ...all(ours, '_ws.malformed'),
    ...all(ours, '_ws.expert.severity').flatMap((severity, i) => (Number(severity) >= WARNING ? [messages[i] ?? 'expert'] : [])),
  ]
  const sip = layers.sip ?? {}
  return (Array.isArray(sip) ? (sip as readonly Value[]) : [sip]).map((message) => {
    const first = (field: string): string => all(message, field)[0] ?? ''
    const addresses = all(message, 'sip.Via.sent-by.address')
    const ports = all(message, 'sip.Via.sent-by.port')
    return {
      carrier,
      from: end('src'),
      to: end('dst'),
      method: first('sip.Method'),
      status: first('sip.Status-Code'),
      requestUri: first('sip.r-uri'),
      cseqMethod: first('sip.CSeq.method'),
      vias: all(message, 'sip.Via.transport').map((transport, i) => `${transport} ${addresses[i]}:${ports[i]}`),
      recordRoutes: all(message, 'sip.Record-Route.uri'),
      routes: all(message, 'sip.Route.uri'),
      complaints,
    }
  })
}

const addressBytes = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

/** One message as a UDP packet over IPv4, whatever carried it: the dissector shall read the SIP in it. */
const packet = ({ from, to, text }: SeenMessage): Buffer => {
  const payload = Buffer.from(text, 'latin1')
  const head = Buffer.alloc(28)
  head[0] = 0x45
  head.writeUInt16BE(28 + payload.length, 2)
  head[8] = 64
  head[9] = 17
  addressBytes(from.address).copy(head, 12)
  addressBytes(to.address).copy(head, 16)
  head.writeUInt16BE(from.port, 20)
  head.writeUInt16BE(to.port, 22)
  head.writeUInt16BE(8 + payload.length, 24)
  return Buffer.concat([head, payload])
}

/** Writes messages that our peers saw, also those that were encrypted on the wire, as a capture file (pcap, raw IP). */
export const writeCapture = (file: string, messages: readonly SeenMessage[]): void => {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(262_144, 16)
  head.writeUInt32LE(101, 20)
  const records = messages.map((message, i) => {
    const bytes = packet(message)
    const record = Buffer.alloc(16)
    record.writeUInt32LE(1_700_000_000, 0)
    record.writeUInt32LE(i, 4)
    record.writeUInt32LE(bytes.length, 8)
    record.writeUInt32LE(bytes.length, 12)
    return Buffer.concat([record, bytes])
  })
  writeFileSync(file, Buffer.concat([head, ...records]))
}

/** Capturing on the loopback interface needs a privilege that a developer's shell may lack. */
export const mayCapture = (): boolean => process.getuid?.() === 0

export interface Capture {
  /** Ends the capture once everything sent so far is in it. */
  finish(): Promise<void>
}

/** Captures what crosses the loopback interface on these ports. It has begun when the promise resolves. */
export const captureLoopback = async (file: string, ports: readonly number[], markerPort: number): Promise<Capture> => {
  const filter = [...ports, markerPort].map((port) => `port ${port}`).join(' or ')
  const program = start('tshark', [
    '-i',
    'lo',
    '-f',
    filter,
    '-w',
    file,
    '-P',
    '-l',
    '-T',
    'fields',
    '-e',
    'udp.dstport',
    '-e',
    'data.data',
  ])
  const socket = createSocket('udp4')
  const marked = async (text: string): Promise<void> => {
    const wanted = `${markerPort}\t${Buffer.from(text).toString('hex')}`
    // The interface is opened some time after the program has started: markers go out until one is seen.
    const timer = setInterval(() => socket.send(text, markerPort, '127.0.0.1'), 20)
    try {
      await program.line((line) => line === wanted, 'marker in the capture')
    } finally {
      clearInterval(timer)
    }
  }
  await marked('begin')
  return {
    finish: async () => {
      await marked('end')
      socket.close()
      await program.stop('SIGINT')
    },
  }
}
