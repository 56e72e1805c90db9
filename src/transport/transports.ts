import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import type { ConnectionRules } from '../zones/peers.ts'
import { ConnectionTable, Endpoint } from './connections.ts'
import { FailedFlow, type TransportDeps } from './shared.ts'
import { StreamFlow } from './stream.ts'
import { StreamListener } from './stream-listener.ts'
import type { Handshake, ListenerOptions, RetireReason, Transports } from './types.ts'
import { DatagramListener } from './udp.ts'
import { refuse } from './websocket.ts'

/** The transports, and `sweep()`, which looks at all time limits: once in `sweepMs` by itself, for tests by hand. */
export const createTransports = (deps: TransportDeps): Transports & { sweep(): void } => new SocketTransports(deps)

/** What zones have that say nothing of it. */
const SHARED: ConnectionRules = { share: true, renewMs: undefined }

class SocketTransports implements Transports {
  readonly #deps: TransportDeps
  readonly #table: ConnectionTable
  readonly #datagrams = new Map<string, DatagramListener>()
  readonly #streams = new Map<string, StreamListener>()

  constructor(deps: TransportDeps) {
    this.#deps = deps
    this.#table = new ConnectionTable(deps)
  }

  async open(listener: Listener, options: ListenerOptions): Promise<void> {
    if (listener.transport.name === 'udp') {
      const socket = new DatagramListener(listener, options, this.#deps.events, this.#table.time)
      await socket.bind()
      this.#datagrams.set(listener.name, socket)
    } else {
      const stream = new StreamListener(new Endpoint(listener, options, this.#table))
      await stream.listen()
      this.#streams.set(listener.name, stream)
    }
  }

  update(listenerName: string, options: ListenerOptions): boolean {
    return this.#streams.get(listenerName)?.update(options) ?? false
  }

  rename(listener: Listener): void {
    const socket = this.#datagrams.get(listener.name)
    if (socket !== undefined) socket.listener = listener
    const stream = this.#streams.get(listener.name)
    if (stream !== undefined) stream.endpoint.listener = listener
  }

  challenge(host: string, certificate: { readonly chain: string; readonly key: string } | undefined): void {
    this.#table.challenges.set(host, certificate)
  }

  async close(listenerName: string): Promise<void> {
    const socket = this.#datagrams.get(listenerName)
    this.#datagrams.delete(listenerName)
    await socket?.close()
    this.#streams.get(listenerName)?.stopListening()
  }

  flowTo(listener: Listener, destination: Destination, rules: ConnectionRules = SHARED, as: string = listener.advertisedHost): Flow {
    if (listener.transport.name === 'udp') return this.datagramFlow(listener, destination.address, destination.port)
    const stream = this.#streams.get(listener.name)
    const { address, port } = destination
    if (stream === undefined) return this.#failed(listener, address, port, `listener ${listener.name} is not open`)
    // RFC 7118 §5: only clients open them
    if (listener.transport.webSocket) return this.#failed(listener, address, port, 'WebSocket connections are opened by clients only')
    return stream.flowTo(destination, rules, as)
  }

  retire(flow: Flow, reason: RetireReason, afterMs = 0): void {
    if (flow instanceof StreamFlow) flow.retire(reason, afterMs)
  }

  connections(): Iterable<Flow> {
    return this.#table.connections()
  }

  datagramFlow(listener: Listener, remoteAddress: string, remotePort: number): Flow {
    const socket = this.#datagrams.get(listener.name)
    if (socket !== undefined) return socket.flow(remoteAddress, remotePort)
    return this.#failed(listener, remoteAddress, remotePort, `listener ${listener.name} is not open`)
  }

  flowById(id: string): Flow | undefined {
    return this.#table.get(id)
  }

  adopt(listenerName: string, handshake: Handshake): Flow | undefined {
    const stream = this.#streams.get(listenerName)
    if (stream !== undefined) return stream.adopt(handshake)
    refuse(handshake.socket, '503 Service Unavailable', `Listener ${listenerName} is not open.`)
    return undefined
  }

  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const [name, stream] of this.#streams) counts.set(name, stream.endpoint.opened)
    return counts
  }

  async closeAll(reason: string): Promise<void> {
    for (const stream of this.#streams.values()) stream.stopListening()
    await this.#table.closeAll(reason)
    await Promise.all([...this.#datagrams.values()].map((socket) => socket.close()))
    this.#datagrams.clear()
    this.#streams.clear()
  }

  sweep(): void {
    this.#table.sweep()
  }

  #failed(listener: Listener, address: string, port: number, reason: string): Flow {
    return new FailedFlow(listener, this.#table.nextId(), address, port, reason, this.#deps.events)
  }
}
