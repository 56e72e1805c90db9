import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Destination } from '../address/destination.ts'
import { isWildcard } from './addresses.ts'
import { Arrival, admit, arrivalKey } from './arrival.ts'
import type { Endpoint } from './connections.ts'
import { bindError } from './shared.ts'
import { type Remote, StreamFlow } from './stream.ts'
import { peerIdentity, sameTls, TlsSide } from './tls.ts'
import type { ListenerOptions } from './types.ts'
import { WebSocketSide } from './websocket.ts'

/** Finds dead peers on streams that carry nothing else. */
const TCP_KEEP_ALIVE_MS = 60_000

/** A listening stream socket, with TLS and WebSocket or without, and the connections that we open from its address. */
export class StreamListener {
  readonly endpoint: Endpoint
  readonly #server: Server
  #tls: TlsSide | undefined
  #web: WebSocketSide | undefined
  /** Connections of ours by destination, for reuse (§18). */
  readonly #dialled = new Map<string, StreamFlow>()
  /** Connections that remotes opened, by the address and port at their end: no alias for the port that they listen on (RFC 5923). */
  readonly #accepted = new Map<string, StreamFlow>()

  /** @throws TransportError when the certificates cannot be used */
  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint
    this.#tls = this.#tlsSide(endpoint.options)
    if (endpoint.listener.transport.webSocket) this.#web = new WebSocketSide(endpoint)
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

  /** @throws TransportError when the certificates cannot be used; then everything stays as it was */
  update(options: ListenerOptions): void {
    if (!sameTls(options.tls, this.endpoint.options.tls)) {
      this.#tls = this.#tlsSide(options)
      // Servers have seen our certificate of before, and some want to see the new one soon
      for (const flow of [...this.#dialled.values()]) flow.retire()
    }
    this.endpoint.options = options
    this.#web?.update()
  }

  stopListening(): void {
    if (this.#server.listening) this.#server.close()
  }

  /** The connection to that destination: one that we opened before, one that comes from exactly there, else a new one. */
  flowTo(destination: Destination): StreamFlow {
    const { address, port, host } = destination
    // Another name on the same address is another certificate to be shown
    const key = this.#tls === undefined ? `${address}|${port}` : `${address}|${port}|${host}`
    const dialled = this.#dialled.get(key)
    if (dialled !== undefined) return dialled
    // §18: a client's Contact may be the very address and port that its connection comes from; only that connection reaches it
    return this.#accepted.get(`${address}|${port}`) ?? this.#dial(destination, key)
  }

  #dial(destination: Destination, key: string): StreamFlow {
    const { address, port, host } = destination
    const { bindAddress } = this.endpoint.listener
    const options = {
      host: address,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      // Behind several addresses the remote must see this listener's; a wildcard leaves the choice to the routing table
      ...(isWildcard(bindAddress) ? {} : { localAddress: bindAddress }),
    }
    if (this.#tls === undefined) {
      const socket = connect(options)
      const flow = new StreamFlow(this.endpoint, socket, { address, port }, false, this.#dialled, key)
      socket.once('connect', () => flow.connected())
      return flow
    }
    const socket = connectTls({ ...options, ...this.#tls.dialOptions(host) })
    const flow = new StreamFlow(this.endpoint, socket, { address, port }, false, this.#dialled, key)
    socket.once('secureConnect', () => flow.connected(peerIdentity(socket)))
    return flow
  }

  #accept(socket: Socket): void {
    const address = admit(this.endpoint, socket)
    if (address === undefined) return
    if (this.#tls === undefined && this.#web === undefined) {
      this.#inbound(socket, { address, port: socket.remotePort! })
      return
    }
    const arrival = new Arrival(this.endpoint, socket, address)
    const { challenges } = this.endpoint.table
    if (this.#tls === undefined) this.#web?.accept(socket)
    else if (challenges.pending)
      challenges.sort(
        socket,
        () => arrival.expected(),
        () => this.#tls?.accept(socket),
      )
    else this.#tls.accept(socket)
  }

  #tlsSide({ tls }: ListenerOptions): TlsSide | undefined {
    const { listener } = this.endpoint
    if (!listener.transport.secure) return undefined
    const side: TlsSide = new TlsSide(listener.name, tls, (socket) => this.#secured(socket, side), this.#tls)
    return side
  }

  #secured(socket: TLSSocket, side: TlsSide): void {
    const arrival = this.endpoint.arrivals.get(arrivalKey(socket))
    // It closed at the very moment
    if (arrival === undefined) {
      socket.destroy()
      return
    }
    const peer = side.peerOf(socket)
    if (this.#web !== undefined) {
      arrival.peer = peer
      this.#web.accept(socket)
      return
    }
    arrival.done()
    this.#inbound(socket, { address: arrival.address, port: socket.remotePort!, ...(peer === undefined ? {} : { peer }) })
  }

  #inbound(socket: Socket, remote: Remote): void {
    new StreamFlow(this.endpoint, socket, remote, true, this.#accepted, `${remote.address}|${remote.port}`)
  }
}
