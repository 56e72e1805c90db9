import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { ConnectionRules } from '../zones/peers.ts'
import { isWildcard, normalAddress } from './addresses.ts'
import { Arrival, admit, admitHanded, arrivalKey } from './arrival.ts'
import type { Endpoint } from './connections.ts'
import { firstBytes } from './first-bytes.ts'
import { isProxy } from './forwarded.ts'
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts'
import { bindError } from './shared.ts'
import { type Remote, StreamFlow } from './stream.ts'
import { sameTls, TlsSide } from './tls.ts'
import type { Handshake, ListenerOptions } from './types.ts'
import { refuse, WebSocketSide } from './websocket.ts'

/** Finds dead peers on streams that carry nothing else. */
const TCP_KEEP_ALIVE_MS = 60_000

/** Connections that the kernel holds until we come to them: after a restart thousands knock within one second. It takes what `somaxconn` allows. */
const BACKLOG = 4096

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
      { host: listener.bindAddress, port: listener.bindPort, ipv6Only: options.ipv6Only, exclusive: true, backlog: BACKLOG },
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

  /**
   * @returns whether there is another TLS side from now on
   * @throws TransportError when the certificates cannot be used; then everything stays as it was
   */
  update(options: ListenerOptions): boolean {
    const other = !sameTls(options.tls, this.endpoint.options.tls)
    if (other) {
      this.#tls = this.#tlsSide(options)
      // Servers have seen our certificate of before, and some want to see the new one soon
      for (const flow of [...this.#dialled.values()]) flow.retire('certificate')
    }
    this.endpoint.options = options
    this.#web?.update()
    return other
  }

  stopListening(): void {
    if (this.#server.listening) this.#server.close()
  }

  /**
   * The connection to that destination: one that we opened before, one that comes from exactly there (where it may be shared), else a new one.
   * @param as the name of ours that is spoken under
   */
  flowTo(destination: Destination, { share, renewMs }: ConnectionRules, as: string): StreamFlow {
    const { address, port, host } = destination
    const shown = this.#tls === undefined ? 0 : this.#tls.shownAs(as)
    // Another name on the same address is another certificate to be shown; and so is ours
    const place = this.#tls === undefined ? `${address}|${port}` : `${address}|${port}|${host}`
    const key = shown === 0 ? place : `${place}|${shown}`
    const dialled = this.#dialled.get(key)
    if (dialled !== undefined && !dialled.retiresNow()) return dialled
    // §18: a client's Contact may be the very address and port that its connection comes from; only that connection reaches it
    const accepted = share ? this.#accepted.get(`${address}|${port}`) : undefined
    return accepted ?? this.#dial(destination, key, renewMs, shown)
  }

  #dial(destination: Destination, key: string, renewMs: number | undefined, shown: number): StreamFlow {
    const { address, port, host } = destination
    const dialled = { pool: this.#dialled, key, host, renewMs }
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
      const flow = new StreamFlow(this.endpoint, socket, { address, port }, false, dialled)
      socket.once('connect', () => flow.connected())
      return flow
    }
    const side = this.#tls
    const socket = connectTls({ ...options, ...side.dialOptions(host, shown) })
    const flow = new StreamFlow(this.endpoint, socket, { address, port }, false, dialled)
    socket.once('secureConnect', () => {
      const peer = side.serverOf(socket, host, this.endpoint.table.wallNow())
      if (peer?.reason === undefined) flow.connected(peer)
      else flow.refused(peer)
    })
    return flow
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    // Closed by the remote before we came to it
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    const remote = { address: normalAddress(remoteAddress), port: remotePort }
    const { behind } = this.endpoint.options
    const proxied = behind !== undefined && isProxy(behind, remote.address)
    if (!admit(this.endpoint, socket, remote.address, proxied)) return
    if (proxied && behind.by === 'proxy-protocol') this.#announced(socket, new Arrival(this.endpoint, socket, remote))
    else if (this.#tls === undefined && this.#web === undefined) this.#inbound(socket, remote)
    else this.#handshakes(socket, new Arrival(this.endpoint, socket, remote))
  }

  /** A load balancer's connection: its PROXY header comes before everything else. */
  #announced(socket: Socket, arrival: Arrival): void {
    let header: ProxyHeader = { kind: 'more' }
    // Balancers look whether we are there, and go away without a word
    arrival.lacks = undefined
    const look = (bytes: Buffer): number | undefined => {
      arrival.lacks = 'proxy-header'
      header = readProxyHeader(bytes)
      return header.kind === 'more' ? undefined : header.kind === 'header' ? header.length : bytes.length
    }
    firstBytes(socket, look, () => {
      if (header.kind !== 'header' || (header.client !== undefined && !arrival.speaksFor(header.client))) {
        socket.resetAndDestroy()
        return
      }
      arrival.lacks = header.client === undefined ? undefined : 'handshake'
      if (this.#tls !== undefined || this.#web !== undefined) this.#handshakes(socket, arrival)
      else {
        arrival.done()
        this.#inbound(socket, arrival.remote)
      }
    })
  }

  #handshakes(socket: Socket, arrival: Arrival): void {
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
    const peer = side.peerOf(socket, this.endpoint.table.wallNow())
    if (side.refuses(peer)) {
      arrival.refused('certificate')
      socket.destroy()
      return
    }
    if (this.#web !== undefined) {
      if (peer !== undefined) arrival.remote = { ...arrival.remote, peer }
      this.#web.accept(socket)
      return
    }
    arrival.done()
    this.#inbound(socket, peer === undefined ? arrival.remote : { ...arrival.remote, peer })
  }

  /**
   * A WebSocket handshake that another server of ours was asked for goes on as if it had been asked for here.
   * @returns undefined: it was refused, in words
   */
  adopt(handshake: Handshake): Flow | undefined {
    const { request, socket, remote } = handshake
    if (this.#web === undefined || !this.#server.listening) {
      refuse(socket, '503 Service Unavailable', `Listener ${this.endpoint.listener.name} takes no WebSocket connections.`)
      return undefined
    }
    const client = this.#web.behind(request, remote)
    if (!admitHanded(this.endpoint, socket, client.address)) {
      refuse(socket, '503 Service Unavailable', 'There are too many connections.')
      return undefined
    }
    return this.#web.adopt(handshake, client)
  }

  #inbound(socket: Socket, remote: Remote): void {
    new StreamFlow(this.endpoint, socket, remote, true, { pool: this.#accepted, key: `${remote.address}|${remote.port}` })
  }
}
