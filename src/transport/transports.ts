import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { isWildcard, normalAddress, sourceOf } from './addresses.ts'
import { ConnectionTable, Endpoint } from './connections.ts'
import { bindError, FailedFlow, type TransportDeps } from './shared.ts'
import { StreamFlow } from './stream.ts'
import type { ListenerOptions, Transports } from './types.ts'
import { DatagramListener } from './udp.ts'

const ENDPOINT = Symbol('endpoint')

interface AcceptedSocket extends Socket {
  [ENDPOINT]?: Endpoint
}

/** Finds dead peers on streams that carry nothing else. */
const TCP_KEEP_ALIVE_MS = 60_000

/** The transports, and `sweep()`, which looks at all time limits: once in `sweepMs` by itself, for tests by hand. */
export const createTransports = (deps: TransportDeps): Transports & { sweep(): void } => new SocketTransports(deps)

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

  update(listenerName: string, options: ListenerOptions): void {
    this.#streams.get(listenerName)?.update(options)
  }

  async close(listenerName: string): Promise<void> {
    const socket = this.#datagrams.get(listenerName)
    this.#datagrams.delete(listenerName)
    await socket?.close()
    this.#streams.get(listenerName)?.stopListening()
  }

  flowTo(listener: Listener, destination: Destination): Flow {
    if (listener.transport.name === 'udp') return this.datagramFlow(listener, destination.address, destination.port)
    const stream = this.#streams.get(listener.name)
    return (
      stream?.flowTo(destination) ?? this.#failed(listener, destination.address, destination.port, `listener ${listener.name} is not open`)
    )
  }

  datagramFlow(listener: Listener, remoteAddress: string, remotePort: number): Flow {
    const socket = this.#datagrams.get(listener.name)
    if (socket !== undefined) return socket.flow(remoteAddress, remotePort)
    return this.#failed(listener, remoteAddress, remotePort, `listener ${listener.name} is not open`)
  }

  flowById(id: string): Flow | undefined {
    return this.#table.get(id)
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

/** A listening stream socket, and the connections that we open from its address. */
class StreamListener {
  readonly endpoint: Endpoint
  readonly #server: Server
  /** Connections of ours by destination, for reuse (§18.1.1); those that remotes opened are never in it. */
  readonly #dialled = new Map<string, StreamFlow>()

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS }, (socket) =>
      this.#accept(socket),
    )
  }

  /** @throws TransportError when the address cannot be bound */
  async listen(): Promise<void> {
    const { listener, options } = this.endpoint
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(
      { host: listener.bindAddress, port: listener.bindPort, ipv6Only: options.ipv6Only, exclusive: true, backlog: 1024 },
      resolve,
    )
    try {
      await promise
    } catch (cause) {
      throw bindError(listener, cause as NodeJS.ErrnoException)
    }
    this.#server.removeListener('error', reject)
    // accept() failed: no file descriptors are left. The listener goes on when some are free again
    this.#server.on('error', () => this.endpoint.table.dropped(listener, 'connections', ''))
  }

  update(options: ListenerOptions): void {
    this.endpoint.options = options
  }

  stopListening(): void {
    if (this.#server.listening) this.#server.close()
  }

  flowTo(destination: Destination): Flow {
    const key = `${destination.address}|${destination.port}`
    return this.#dialled.get(key) ?? this.#dial(destination, key)
  }

  #dial(destination: Destination, key: string): Flow {
    const { address, port } = destination
    const { bindAddress } = this.endpoint.listener
    const socket = connect({
      host: address,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      // Behind several addresses the remote must see this listener's; a wildcard leaves the choice to the routing table
      ...(isWildcard(bindAddress) ? {} : { localAddress: bindAddress }),
    })
    const flow = new StreamFlow(this.endpoint, socket, { address, port }, this.#dialled, key)
    socket.once('connect', () => flow.connected())
    return flow
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    // Closed by the remote before we came to it
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const address = normalAddress(remoteAddress)
    if (!this.endpoint.admit(sourceOf(address))) {
      this.endpoint.table.dropped(this.endpoint.listener, 'connections', address)
      socket.resetAndDestroy()
      return
    }
    ;(socket as AcceptedSocket)[ENDPOINT] = this.endpoint
    socket.on('close', onAcceptedClose)
    new StreamFlow(this.endpoint, socket, { address, port: remotePort })
  }
}

function onAcceptedClose(this: Socket): void {
  ;(this as AcceptedSocket)[ENDPOINT]?.leave(sourceOf(normalAddress(this.remoteAddress ?? '')))
}
