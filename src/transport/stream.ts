import type { Socket } from 'node:net'
import type { Flow, PeerIdentity } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { type FrameSink, PONG, StreamFramer } from '../sip/framing.ts'
import { CLOSE_MS, type Connection, type Corked, type Endpoint } from './connections.ts'
import type { RetireReason } from './types.ts'

const FLOW = Symbol('flow')

interface FlowSocket extends Socket {
  [FLOW]?: SocketFlow
}

/** `dialled`: ours and not connected yet. */
type Stage = 'dialled' | 'open' | 'closing' | 'closed'

/** What is known of the remote when its socket is handed over. */
export interface Remote {
  readonly address: string
  readonly port: number
  readonly peer?: PeerIdentity
  readonly origin?: string
}

/**
 * A connection as a flow: life, sending and limits. How bytes become messages is for its two kinds, `StreamFlow` and `WebSocketFlow`.
 *
 * There are tens of thousands of them, so a connection has no closure, timer, buffer or logger of its own: the socket's listeners are
 * functions of this module that find the flow on the socket.
 */
export abstract class SocketFlow implements Flow, Connection, Corked {
  readonly id: string
  readonly endpoint: Endpoint
  readonly remoteAddress: string
  readonly remotePort: number
  readonly inbound: boolean
  readonly peer?: PeerIdentity
  readonly origin?: string
  openedAt: number | undefined
  protected readonly socket: Socket
  protected stage: Stage
  /** When this stage began; while open, the time of the last traffic. */
  protected since: number
  #corked = false
  #waiting: Buffer[] | undefined
  #reason: string | undefined

  constructor(endpoint: Endpoint, socket: Socket, remote: Remote, inbound: boolean) {
    this.id = endpoint.table.nextId()
    this.endpoint = endpoint
    this.socket = socket
    this.remoteAddress = remote.address
    this.remotePort = remote.port
    this.inbound = inbound
    if (remote.peer !== undefined) this.peer = remote.peer
    if (remote.origin !== undefined) this.origin = remote.origin
    this.stage = inbound ? 'open' : 'dialled'
    this.since = endpoint.table.time.now
    this.openedAt = inbound ? endpoint.table.clockNow() : undefined
    ;(socket as FlowSocket)[FLOW] = this
    socket.on('error', onError)
    socket.on('close', onClose)
    if (!inbound) endpoint.table.watch(this)
  }

  get listener(): Listener {
    return this.endpoint.listener
  }

  get open(): boolean {
    return this.stage === 'open' || this.stage === 'dialled'
  }

  /** Our connection has been established, with its TLS handshake. What waited is sent. */
  connected(peer?: PeerIdentity): void {
    if (this.stage !== 'dialled') return
    if (peer !== undefined) (this as { peer?: PeerIdentity }).peer = peer
    this.stage = 'open'
    this.since = this.endpoint.table.time.now
    this.openedAt = this.endpoint.table.clockNow()
    const waiting = this.#waiting
    this.#waiting = undefined
    this.endpoint.table.opened(this)
    for (const bytes of waiting ?? []) this.transmit(bytes)
  }

  /** The server that our connection came to is not who it should be: nothing is sent to it. */
  refused(peer: PeerIdentity): void {
    if (this.stage !== 'dialled') return
    ;(this as { peer?: PeerIdentity }).peer = peer
    this.cut(`the certificate of the server is not accepted: ${peer.error}`)
  }

  send(bytes: Buffer): void {
    this.endpoint.table.events.sent?.(this, bytes)
    this.transmit(bytes)
  }

  /** Without telling anybody: keep-alives are no messages. */
  protected transmit(bytes: Buffer): void {
    if (this.stage === 'open') {
      if (!this.#corked) {
        this.#corked = true
        this.socket.cork()
        this.endpoint.table.corked(this)
      }
      this.since = this.endpoint.table.time.now
      this.write(bytes)
      if (this.socket.writableLength > this.endpoint.options.limits.maxUnsent) this.#tooMuch()
    } else if (this.stage === 'dialled') {
      this.#waiting ??= []
      this.#waiting.push(bytes)
      let unsent = 0
      for (const one of this.#waiting) unsent += one.length
      if (unsent > this.endpoint.options.limits.maxUnsent) this.#tooMuch()
    }
  }

  #tooMuch(): void {
    this.endpoint.table.dropped(this.listener, 'backpressure', this.remoteAddress)
    this.cut('the peer does not read what is sent')
  }

  uncork(): void {
    this.#corked = false
    this.socket.uncork()
  }

  /** What waits is still sent, for a short time. */
  close(reason: string): void {
    if (!this.open) return
    if (this.stage === 'dialled') {
      this.cut(reason)
      return
    }
    this.#leave(reason)
    this.finish(reason)
  }

  cut(reason: string): void {
    if (this.stage === 'closed') return
    this.#leave(reason)
    this.socket.destroy()
  }

  #leave(reason: string): void {
    this.#reason ??= reason
    if (this.stage === 'closing') return
    this.stage = 'closing'
    this.#waiting = undefined
    this.since = this.endpoint.table.time.now
    this.left()
    this.endpoint.table.closing(this)
  }

  check(now: number): void {
    const { limits } = this.endpoint.options
    const age = now - this.since
    if (this.stage === 'open') this.checkOpen(now, age)
    else if (this.stage === 'closing') {
      if (age > CLOSE_MS) this.socket.destroy()
    } else if (this.stage === 'dialled' && age > limits.connectMs) this.cut(`no connection within ${limits.connectMs} ms`)
  }

  protected checkOpen(_now: number, age: number): void {
    const { idleMs } = this.endpoint.options.limits
    if (idleMs > 0 && age > idleMs) {
      this.endpoint.table.dropped(this.listener, 'idle', this.remoteAddress)
      this.close(`idle for ${idleMs} ms`)
    }
  }

  failed(error: Error): void {
    this.#reason ??= error.message
  }

  /** The socket is gone. */
  ended(): void {
    if (this.stage === 'closed') return
    if (this.stage !== 'closing') this.left()
    this.stage = 'closed'
    this.#waiting = undefined
    this.endpoint.table.closed(this, this.#reason ?? 'closed by the peer')
  }

  /** Puts one whole message on the socket. */
  protected abstract write(bytes: Buffer): void

  /** Says goodbye and closes the socket when all is written. */
  protected finish(_reason: string): void {
    this.socket.destroySoon()
  }

  /** The flow takes no more messages: a pool forgets it. */
  protected left(): void {}
}

/**
 * A connection of ours that is given up stays at least so long: a peer that missed an ACK sends its 2xx again for 64*T1 (§13.3.1.4). A peer that is
 * busy wants it to end.
 */
const LINGER_MS: Readonly<Record<RetireReason, number>> = { age: 35_000, certificate: 35_000, busy: 2000 }
/** Without any traffic for so long: what a peer sends at the very moment at which we close would be lost. */
const QUIET_MS = 1000

/** Where a connection is kept for reuse, and, of one that we open, whom we call and how old it may become. */
export interface Kept {
  readonly pool: Map<string, StreamFlow>
  readonly key: string
  readonly host?: string
  readonly renewMs?: number | undefined
}

/** TCP and TLS: messages are framed by Content-Length. */
export class StreamFlow extends SocketFlow implements FrameSink {
  readonly host?: string
  readonly #framer = new StreamFramer()
  readonly #pool: Map<string, StreamFlow>
  readonly #poolKey: string
  readonly #renewMs: number | undefined
  /** Once it is retired: when it may close. */
  #closeFrom: number | undefined

  constructor(endpoint: Endpoint, socket: Socket, remote: Remote, inbound: boolean, { pool, key, host, renewMs }: Kept) {
    super(endpoint, socket, remote, inbound)
    this.#pool = pool
    this.#poolKey = key
    this.#renewMs = renewMs
    if (host !== undefined) this.host = host
    pool.set(key, this)
    socket.on('data', onData)
    if (inbound) endpoint.table.opened(this)
  }

  read(chunk: Buffer): void {
    if (this.stage !== 'open') return
    const { time } = this.endpoint.table
    this.since = time.now
    const fault = this.#framer.push(chunk, time.now, this.endpoint.options.limits, this)
    if (fault === undefined) return
    this.endpoint.table.dropped(this.listener, 'framing', this.remoteAddress)
    // Gently: an answer to what could be read may be on its way
    this.close(`framing: ${fault.reason}`)
  }

  message(bytes: Buffer): boolean {
    this.endpoint.table.events.received(this, bytes)
    return this.stage === 'open'
  }

  keepAlive(ping: boolean): void {
    if (ping) this.transmit(PONG)
    this.endpoint.table.events.keptAlive(this)
  }

  /** Nothing new of ours is begun on it: the next one to its destination is another connection. It is closed when nothing is under way on it. */
  retire(reason: RetireReason, afterMs = 0): void {
    if (this.#closeFrom !== undefined || !this.open) return
    this.left()
    const { table } = this.endpoint
    this.#closeFrom = table.time.now + Math.max(afterMs, this.inbound ? 0 : LINGER_MS[reason])
    table.events.retired?.(this, reason)
  }

  /** Retires it when it has come of age. */
  retiresNow(): boolean {
    if (this.#renewMs === undefined || this.openedAt === undefined) return false
    if (this.endpoint.table.time.now - this.openedAt < this.#renewMs) return false
    this.retire('age')
    return true
  }

  protected override checkOpen(now: number, age: number): void {
    this.retiresNow()
    if (this.#closeFrom !== undefined && now >= this.#closeFrom && age > QUIET_MS && !this.endpoint.table.events.underWay?.(this)) {
      this.close('another connection has taken its place')
      return
    }
    const { begun } = this.#framer
    const { messageMs } = this.endpoint.options.limits
    if (begun !== undefined && now - begun > messageMs) {
      this.endpoint.table.dropped(this.listener, 'slow-message', this.remoteAddress)
      this.cut(`a message was not complete within ${messageMs} ms`)
    } else super.checkOpen(now, age)
  }

  protected override write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  protected override left(): void {
    if (this.#pool.get(this.#poolKey) === this) this.#pool.delete(this.#poolKey)
  }
}

function onData(this: Socket, chunk: Buffer): void {
  // Only `StreamFlow` listens with this
  const flow = (this as FlowSocket)[FLOW] as StreamFlow
  flow.read(chunk)
}

function onError(this: Socket, error: Error): void {
  ;(this as FlowSocket)[FLOW]?.failed(error)
}

function onClose(this: Socket): void {
  ;(this as FlowSocket)[FLOW]?.ended()
}
