import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { Flow } from '../../../src/address/flow.ts'
import { Listener, type ListenerSpec } from '../../../src/address/listener.ts'
import type { TransportName } from '../../../src/address/transports.ts'
import { createTransports } from '../../../src/transport/transports.ts'
import type { DropReason, ListenerOptions, RetireReason, StreamLimits, TransportEvents, WebAnswers } from '../../../src/transport/types.ts'

export const LIMITS: StreamLimits = {
  maxHead: 8192,
  maxBody: 65_536,
  messageMs: 10_000,
  handshakeMs: 5000,
  connectMs: 3000,
  idleMs: 0,
  pingMs: 0,
  maxConnections: 1000,
  maxConnectionsPerSource: 500,
  maxUnsent: 1 << 20,
}

export const options = (limits: Partial<StreamLimits> = {}, more: Partial<ListenerOptions> = {}): ListenerOptions => ({
  limits: { ...LIMITS, ...limits },
  origins: ['*'],
  originRequired: false,
  datagramBuffer: 1 << 20,
  ipv6Only: false,
  ...more,
})

/** A port of loopback that is free now. */
export const freePort = async (transport: TransportName = 'tcp', address = '127.0.0.1'): Promise<number> => {
  if (transport === 'udp') {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    await new Promise<void>((resolve) => socket.bind(0, address, resolve))
    const { port } = socket.address()
    await new Promise<void>((resolve) => socket.close(resolve))
    return port
  }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

export const makeListener = async (
  transport: TransportName,
  bindAddress = '127.0.0.1',
  more: Partial<ListenerSpec> = {},
): Promise<Listener> =>
  new Listener({
    name: `lan/${transport}`,
    group: 'lan',
    transport,
    bindAddress,
    bindPort: more.bindPort ?? (await freePort(transport, bindAddress)),
    advertisedHost: 'edge.test',
    advertisedPort: 5060,
    names: [],
    ...more,
  })

export type Seen =
  | { readonly kind: 'received'; readonly flow: Flow; readonly text: string }
  | { readonly kind: 'opened'; readonly flow: Flow }
  | { readonly kind: 'closed'; readonly flow: Flow; readonly reason: string }
  | { readonly kind: 'dropped'; readonly reason: DropReason; readonly remoteAddress: string }
  | { readonly kind: 'keptAlive'; readonly flow: Flow }
  | { readonly kind: 'retired'; readonly flow: Flow; readonly reason: RetireReason }

/** Writes down what the transports tell, and lets a test wait for it. */
export class Recorder implements TransportEvents {
  readonly seen: Seen[] = []
  readonly #waiting: { readonly match: (seen: Seen) => boolean; readonly resolve: (seen: Seen) => void }[] = []
  /** What a test wants done with each message. */
  onReceived: ((flow: Flow, bytes: Buffer) => void) | undefined

  received(flow: Flow, bytes: Buffer): void {
    this.#note({ kind: 'received', flow, text: bytes.toString('latin1') })
    this.onReceived?.(flow, bytes)
  }
  opened(flow: Flow): void {
    this.#note({ kind: 'opened', flow })
  }
  closed(flow: Flow, reason: string): void {
    this.#note({ kind: 'closed', flow, reason })
  }
  dropped(_listener: Listener, reason: DropReason, remoteAddress: string): void {
    this.#note({ kind: 'dropped', reason, remoteAddress })
  }
  keptAlive(flow: Flow): void {
    this.#note({ kind: 'keptAlive', flow })
  }
  retired(flow: Flow, reason: RetireReason): void {
    this.#note({ kind: 'retired', flow, reason })
  }
  /** Connections that a transaction waits on. */
  readonly busy = new Set<Flow>()
  underWay(flow: Flow): boolean {
    return this.busy.has(flow)
  }

  #note(seen: Seen): void {
    this.seen.push(seen)
    for (const one of [...this.#waiting]) {
      if (!one.match(seen)) continue
      this.#waiting.splice(this.#waiting.indexOf(one), 1)
      one.resolve(seen)
    }
  }

  of<K extends Seen['kind']>(kind: K): Extract<Seen, { kind: K }>[] {
    return this.seen.filter((one): one is Extract<Seen, { kind: K }> => one.kind === kind)
  }

  /** The `count`th event of a kind, when it has come. */
  async wait<K extends Seen['kind']>(kind: K, count = 1): Promise<Extract<Seen, { kind: K }>> {
    while (this.of(kind).length < count)
      await new Promise<void>((resolve) => this.#waiting.push({ match: () => true, resolve: () => resolve() }))
    return this.of(kind)[count - 1]!
  }
}

/** Transports with a clock that stands still until the test moves it. */
export const start = (web?: WebAnswers) => {
  const events = new Recorder()
  const clock = {
    time: 1_000_000,
    now(): number {
      return this.time
    },
    wall(): number {
      return this.time
    },
  }
  let tokens = 0
  const transports = createTransports({
    events,
    clock,
    ids: { token: (length) => `T${tokens++}`.padEnd(length, '_') },
    owner: 'a',
    sweepMs: 0,
    ...(web === undefined ? {} : { web }),
  })
  const pass = (ms: number): void => {
    clock.time += ms
    transports.sweep()
  }
  return { events, clock, transports, pass }
}

export const text = (body = '', start = 'OPTIONS sip:a@example.com SIP/2.0'): string =>
  `${start}\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: ${body.length}\r\n\r\n${body}`

export const bytes = (body = ''): Buffer => Buffer.from(text(body), 'latin1')
