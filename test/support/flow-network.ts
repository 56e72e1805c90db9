/** Transports without sockets: every message that the edge sends is given to the party at that address. */
import type { Destination } from '../../src/address/destination.ts'
import type { Flow, PeerIdentity } from '../../src/address/flow.ts'
import type { Listener } from '../../src/address/listener.ts'
import type { CertificateMaterial, ListenerOptions, RetireReason, TransportEvents, Transports } from '../../src/transport/types.ts'
import type { ConnectionRules } from '../../src/zones/peers.ts'

/** Who is at the other end of flows. */
export interface Remote {
  readonly name: string
  /** Transports whose connections it refuses. */
  readonly refused: ReadonlySet<string>
  /** What it shows when the edge connects. */
  readonly identity?: PeerIdentity | undefined
  arrived(flow: FakeFlow, bytes: Buffer): void
  /** Something that keeps its way open, and is no message. */
  packet?(flow: FakeFlow): void
  /** The edge opened a connection. */
  accepted(flow: FakeFlow): void
}

export class FakeFlow implements Flow {
  readonly id: string
  listener: Listener
  readonly remoteAddress: string
  readonly remotePort: number
  readonly inbound: boolean
  readonly peer?: PeerIdentity
  readonly remote: Remote | undefined
  readonly host?: string
  /** Name of the certificate that we show on a TLS connection of ours. */
  shown: string | undefined
  openedAt: number | undefined
  readonly #network: FakeTransports
  open = true
  /** As transports keep it: when it takes nothing new, and from when on it may close. */
  retiresAt = Number.POSITIVE_INFINITY
  closesFrom: number | undefined

  constructor(
    network: FakeTransports,
    id: string,
    listener: Listener,
    address: string,
    port: number,
    inbound: boolean,
    peer?: PeerIdentity,
    host?: string,
  ) {
    this.#network = network
    this.openedAt = network.now()
    if (host !== undefined) this.host = host
    this.id = id
    this.listener = listener
    this.remoteAddress = address
    this.remotePort = port
    this.inbound = inbound
    this.remote = network.at(address, port)
    const shown = peer ?? (inbound ? undefined : this.remote?.identity)
    if (shown !== undefined) this.peer = shown
  }

  send(bytes: Buffer): void {
    if (this.open) this.#network.deliver(this, bytes)
  }

  close(reason: string): void {
    this.#network.closed(this, reason)
  }
}

export interface NetworkHooks {
  /** Who is at an address; nobody is there when `undefined`. */
  at(address: string, port: number): Remote | undefined
  /** The edge sent something, before anybody gets it. */
  sent(flow: FakeFlow, bytes: Buffer): void
}

export class FakeTransports implements Transports {
  readonly events: TransportEvents
  readonly #hooks: NetworkHooks
  readonly #prefix: string
  readonly #listeners = new Map<string, Listener>()
  readonly #datagrams = new Map<string, FakeFlow>()
  readonly #connections = new Map<string, FakeFlow>()
  readonly #waiting: (() => void)[] = []
  readonly #tls = new Map<string, string>()
  readonly #certificates = new Map<string, readonly CertificateMaterial[]>()
  readonly now: () => number
  #count = 0

  constructor(events: TransportEvents, hooks: NetworkHooks, prefix: string, now: () => number) {
    this.events = events
    this.now = now
    this.#hooks = hooks
    this.#prefix = prefix
  }

  at(address: string, port: number): Remote | undefined {
    return this.#hooks.at(address, port)
  }

  listener(name: string): Listener {
    const listener = this.#listeners.get(name)
    if (listener === undefined) throw new Error(`There is no open listener ${name}, only ${[...this.#listeners.keys()].join(', ')}`)
    return listener
  }

  listeners(): readonly Listener[] {
    return [...this.#listeners.values()]
  }

  async open(listener: Listener, { tls }: ListenerOptions): Promise<void> {
    this.#listeners.set(listener.name, listener)
    this.#tls.set(listener.name, JSON.stringify(tls ?? ''))
    this.#certificates.set(listener.name, tls?.certificates ?? [])
  }

  update(listenerName: string, { tls }: ListenerOptions): boolean {
    const now = JSON.stringify(tls ?? '')
    if (this.#tls.get(listenerName) === now) return false
    this.#tls.set(listenerName, now)
    this.#certificates.set(listenerName, tls?.certificates ?? [])
    for (const flow of this.#connections.values())
      if (!flow.inbound && flow.listener.name === listenerName) this.retire(flow, 'certificate')
    return true
  }

  rename(listener: Listener): void {
    this.#listeners.set(listener.name, listener)
    for (const flow of [...this.#connections.values(), ...this.#datagrams.values()])
      if (flow.listener.name === listener.name) flow.listener = listener
  }

  challenge(): void {}

  adopt(): undefined {}

  async close(listenerName: string): Promise<void> {
    this.#listeners.delete(listenerName)
  }

  /** That of the name itself, that of its wildcard, the first. */
  #shownAs(listener: Listener, as: string): string | undefined {
    const all = this.#certificates.get(listener.name) ?? []
    const of = (name: string): CertificateMaterial | undefined => all.find(({ hosts }) => hosts.includes(name))
    return (of(as) ?? of(as.replace(/^[^.]+/, '*')) ?? all[0])?.name
  }

  flowTo(
    listener: Listener,
    { address, port, host }: Destination,
    rules: ConnectionRules = { share: true, renewMs: undefined },
    as = listener.advertisedHost,
  ): FakeFlow {
    const shown = this.#shownAs(listener, as)
    if (!listener.transport.reliable) return this.datagramFlow(listener, address, port)
    for (const flow of [...this.#connections.values()]) if (flow.retiresAt <= this.now()) this.retire(flow, 'age')
    // §18: one that we opened, or one that comes from exactly there
    for (const inbound of rules.share ? [false, true] : [false])
      for (const flow of this.#connections.values())
        if (
          flow.inbound === inbound &&
          flow.closesFrom === undefined &&
          flow.listener === listener &&
          flow.remoteAddress === address &&
          flow.remotePort === port &&
          (inbound || !listener.transport.secure || (flow.host === host && flow.shown === shown))
        )
          return flow
    const flow = this.#connect(listener, address, port, false, undefined, host)
    flow.shown = shown
    if (rules.renewMs !== undefined) flow.retiresAt = this.now() + rules.renewMs
    if (listener.transport.webSocket || flow.remote === undefined || flow.remote.refused.has(listener.transport.name)) {
      flow.open = false
      flow.openedAt = undefined
      this.#connections.delete(flow.id)
      this.later(() => this.events.closed(flow, 'connection refused'))
    } else {
      this.events.opened(flow)
      flow.remote.accepted(flow)
    }
    return flow
  }

  datagramFlow(listener: Listener, address: string, port: number): FakeFlow {
    const key = `${listener.name} ${address} ${port}`
    let flow = this.#datagrams.get(key)
    if (flow === undefined) {
      flow = new FakeFlow(this, `${address}:${port}`, listener, address, port, false)
      this.#datagrams.set(key, flow)
    }
    return flow
  }

  flowById(id: string): FakeFlow | undefined {
    return this.#connections.get(id)
  }

  retire(flow: Flow, reason: RetireReason, afterMs = 0): void {
    const one = flow as FakeFlow
    if (one.closesFrom !== undefined || !one.open || !one.listener.transport.reliable) return
    one.closesFrom = this.now() + Math.max(afterMs, one.inbound ? 0 : reason === 'busy' ? 2000 : 35_000)
    this.events.retired?.(one, reason)
  }

  connections(): Iterable<FakeFlow> {
    return this.#connections.values()
  }

  /** What the transports do a few times in a second. */
  sweep(): void {
    for (const flow of [...this.#connections.values()]) {
      if (flow.retiresAt <= this.now()) this.retire(flow, 'age')
      if (flow.closesFrom !== undefined && flow.closesFrom <= this.now() && !this.events.underWay?.(flow)) this.closed(flow, 'retired')
    }
  }

  counts(): ReadonlyMap<string, number> {
    return new Map()
  }

  async closeAll(reason: string): Promise<void> {
    for (const flow of [...this.#connections.values()]) this.closed(flow, reason)
  }

  // ---- for parties

  /** A party opens a connection to a listener of ours. */
  connect(listenerName: string, address: string, port: number, peer?: PeerIdentity): FakeFlow {
    const flow = this.#connect(this.listener(listenerName), address, port, true, peer)
    this.events.opened(flow)
    return flow
  }

  deliver(flow: FakeFlow, bytes: Buffer): void {
    if (bytes.toString('latin1') === '\r\n\r\n') {
      flow.remote?.packet?.(flow)
      return
    }
    this.#hooks.sent(flow, bytes)
    flow.remote?.arrived(flow, bytes)
  }

  closed(flow: FakeFlow, reason: string): void {
    if (!flow.listener.transport.reliable) {
      this.events.closed(flow, reason)
      return
    }
    if (!flow.open) return
    flow.open = false
    this.#connections.delete(flow.id)
    this.events.closed(flow, reason)
  }

  /** What cannot happen before the edge has returned: refused connections, answers. */
  later(run: () => void): void {
    this.#waiting.push(run)
  }

  pump(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next()
  }

  #connect(listener: Listener, address: string, port: number, inbound: boolean, peer?: PeerIdentity, host?: string): FakeFlow {
    const flow = new FakeFlow(this, `${this.#prefix}${++this.#count}`, listener, address, port, inbound, peer, host)
    this.#connections.set(flow.id, flow)
    return flow
  }
}
