/** Connections and datagrams that no honest peer would send: each kind knows how to open one, and whether the server must end it. */
import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { Places } from './plan.ts'

const TORTURE = join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures', 'torture')

export interface Kind {
  readonly name: string
  readonly port: 'sipPort' | 'tlsPort' | 'wssPort' | 'wsPort'
  /** Make a TLS handshake first. */
  readonly secure: boolean
  /** What it says once it is connected. */
  readonly says: () => readonly (string | Buffer)[]
  /** One more byte each second. */
  readonly drips: boolean
  /** Whether a server that bounds its resources must close it by itself, within its limits of time or at once. */
  readonly mustEnd: boolean
}

const PARTIAL = 'INVITE sip:answer@sbc.bench.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKslow\r\nX-Slow: '
const HUGE = `${PARTIAL}\r\nContent-Length: 4294967295\r\n\r\n`
const UPGRADE =
  'GET / HTTP/1.1\r\nHost: sbc.bench.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://bench.test\r\n' +
  `Sec-WebSocket-Key: ${createHash('md5').update('bench').digest('base64')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n`

/** RFC 6455 §5.2: a masked frame, with the zero mask; `first` is the octet with FIN and opcode. */
const frame = (first: number, length: number): Buffer => {
  const head = Buffer.from([first, 0x80 | 126, length >> 8, length & 255, 0, 0, 0, 0])
  return Buffer.concat([head, Buffer.alloc(length, 0x61)])
}

const garbage = (): Buffer => randomBytes(600)
const nothing = (): readonly string[] => []

export const KINDS: readonly Kind[] = [
  { name: 'TCP, silent', port: 'sipPort', secure: false, says: nothing, drips: false, mustEnd: false },
  { name: 'TCP, a message that never ends', port: 'sipPort', secure: false, says: () => [PARTIAL], drips: true, mustEnd: true },
  { name: 'TCP, Content-Length of 4 GB', port: 'sipPort', secure: false, says: () => [HUGE], drips: false, mustEnd: true },
  { name: 'TCP, garbage', port: 'sipPort', secure: false, says: () => [garbage()], drips: false, mustEnd: true },
  { name: 'TLS, no handshake', port: 'tlsPort', secure: false, says: nothing, drips: false, mustEnd: true },
  { name: 'TLS, garbage for a handshake', port: 'tlsPort', secure: false, says: () => [garbage()], drips: false, mustEnd: true },
  { name: 'TLS, silent', port: 'tlsPort', secure: true, says: nothing, drips: false, mustEnd: false },
  { name: 'TLS, a message that never ends', port: 'tlsPort', secure: true, says: () => [PARTIAL], drips: true, mustEnd: true },
  { name: 'TLS, garbage', port: 'tlsPort', secure: true, says: () => [garbage()], drips: false, mustEnd: true },
  { name: 'WS, silent', port: 'wsPort', secure: false, says: nothing, drips: false, mustEnd: true },
  { name: 'WS, an upgrade that never ends', port: 'wsPort', secure: false, says: () => [UPGRADE.slice(0, 90)], drips: true, mustEnd: true },
  { name: 'WS, frames not allowed', port: 'wsPort', secure: false, says: () => [UPGRADE, frame(0xff, 300)], drips: false, mustEnd: true },
  {
    name: 'WS, fragments without end',
    port: 'wsPort',
    secure: false,
    says: () => [UPGRADE, frame(0x01, 60_000), ...Array<Buffer>(8).fill(frame(0x00, 60_000))],
    drips: false,
    mustEnd: true,
  },
  {
    name: 'WS, garbage in a message',
    port: 'wsPort',
    secure: false,
    says: () => [UPGRADE, frame(0x82, 500)],
    drips: false,
    mustEnd: false,
  },
  { name: 'WSS, no upgrade', port: 'wssPort', secure: true, says: nothing, drips: false, mustEnd: true },
  { name: 'WSS, garbage for an upgrade', port: 'wssPort', secure: true, says: () => [garbage(), '\r\n\r\n'], drips: false, mustEnd: true },
]

export interface Visitor {
  readonly kind: Kind
  readonly socket: Socket
  /** Set when the server has ended it, or never took it. */
  ended: boolean
  connected: boolean
}

/** Opens one; errors are what is expected here, so they only mark it as ended. */
export const visit = (kind: Kind, places: Places, source: string): Promise<Visitor> =>
  new Promise((resolve) => {
    const plain = connectTcp({ host: places.edge, port: places[kind.port], localAddress: source })
    const socket: Socket = kind.secure ? connectTls({ socket: plain, servername: places.domain, rejectUnauthorized: false }) : plain
    const visitor: Visitor = { kind, socket, ended: false, connected: false }
    const end = (): void => {
      visitor.ended = true
      socket.destroy()
      plain.destroy()
      resolve(visitor)
    }
    plain.on('error', end)
    socket.on('error', end).once('close', end).once('end', end)
    socket.once(kind.secure ? 'secureConnect' : 'connect', () => {
      visitor.connected = true
      for (const said of kind.says()) socket.write(said)
      socket.resume()
      resolve(visitor)
    })
  })

/** mulberry32: the same storm for the same seed. */
const sequence = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const mutate = (bytes: Buffer, next: () => number): Buffer => {
  const at = Math.floor(next() * bytes.length)
  switch (Math.floor(next() * 5)) {
    case 0:
      return bytes.subarray(0, at)
    case 1: {
      const flipped = Buffer.from(bytes)
      for (let i = 0; i < 8; i++) flipped[Math.floor(next() * flipped.length)] = Math.floor(next() * 256)
      return flipped
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from('\r\n\r\n'), bytes.subarray(at)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(Math.floor(next() * 20_000), 0x2c), bytes.subarray(at)]).subarray(0, 60_000)
    default:
      return Buffer.concat([Buffer.from('INVITE '), Buffer.from(Array.from({ length: 200 }, () => Math.floor(next() * 256)))])
  }
}

/** Sends malformed datagrams: RFC 4475 and 5118 messages with damage, and noise. Resolves with the number sent. */
export const sendMalformed = async (places: Places, count: number, seed: number): Promise<number> => {
  const files = readdirSync(TORTURE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.dat'))
  const messages = files.map((file) => readFileSync(join(TORTURE, file)))
  const next = sequence(seed)
  const socket = createSocket('udp4')
  socket.on('message', () => {}).on('error', () => {})
  await new Promise<void>((resolve) => socket.bind(0, places.clients, resolve))
  for (let sent = 0; sent < count; sent++) {
    socket.send(mutate(messages[Math.floor(next() * messages.length)]!, next), places.sipPort, places.edge)
    if (sent % 50 === 49) await sleep(20)
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return count
}
