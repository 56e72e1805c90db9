import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import type { Arrival } from './arrival.ts'
import { Challenges } from './challenges.ts'
import type { CoarseTime, TransportDeps } from './shared.ts'
import type { DropReason, ListenerOptions, TransportEvents, WebAnswers } from './types.ts'

/** What the table needs of a connection, in whatever stage it is. */
export interface Tracked {
  /** Looks at the time limits of this stage. */
  check(now: number): void
  /** Ends it, gently where it can still send. */
  close(reason: string): void
  /** Ends it at once, without sending what waits. */
  cut(reason: string): void
}

export interface Connection extends Flow, Tracked {
  readonly endpoint: Endpoint
}

/** At most this many connections, or a sixteenth of all, are looked at in one sweep: it must not hold up the calls. */
const SWEEP_MINIMUM = 256
const SWEEP_PARTS = 16

/**
 * All connections of the process: their ids, their limits, and the one timer that looks at their time limits.
 * Nothing here is a timer, a closure or a buffer of a single connection.
 */
export class ConnectionTable {
  readonly events: TransportEvents
  readonly time: CoarseTime
  readonly web: WebAnswers | undefined
  /** Of all TLS listeners. */
  readonly challenges = new Challenges()
  readonly #now: () => number
  readonly #wall: () => number
  readonly #idPrefix: string
  #opened = 0
  readonly #open = new Map<string, Connection>()
  /** Connecting, in a handshake, or closing: few, and looked at in every sweep. */
  readonly #passing = new Set<Tracked>()
  /** Goes on through the map where the last sweep stopped; a Map allows changes meanwhile. */
  #cursor: Iterator<Connection> | undefined
  readonly #timer: NodeJS.Timeout | undefined
  readonly #outbox: Corked[] = []
  #emptied: (() => void) | undefined

  constructor(deps: TransportDeps) {
    this.events = deps.events
    this.web = deps.web
    this.#now = () => deps.clock.now()
    this.#wall = () => deps.clock.wall()
    this.time = { now: deps.clock.now() }
    // A flow token may come back after a restart: then its id must not be that of another connection
    this.#idPrefix = `${deps.owner}${deps.ids.token(4)}`
    const sweepMs = deps.sweepMs ?? 250
    if (sweepMs > 0) this.#timer = setInterval(() => this.sweep(), sweepMs).unref()
  }

  /** Exact, where `time` is not enough. */
  clockNow(): number {
    return this.#now()
  }

  /** Milliseconds since 1970, for the dates of certificates. */
  wallNow(): number {
    return this.#wall()
  }

  nextId(): string {
    this.#opened++
    return `${this.#idPrefix}${this.#opened.toString(36)}`
  }

  get(id: string): Connection | undefined {
    return this.#open.get(id)
  }

  /** Those that can carry messages. */
  connections(): Iterable<Connection> {
    return this.#open.values()
  }

  /** A stage with a time limit begins. */
  watch(one: Tracked): void {
    this.#passing.add(one)
  }

  unwatch(one: Tracked): void {
    this.#passing.delete(one)
    if (this.#passing.size === 0) this.#emptied?.()
  }

  /** The connection can carry messages now. */
  opened(connection: Connection): void {
    this.#passing.delete(connection)
    this.#open.set(connection.id, connection)
    connection.endpoint.opened++
    this.events.opened(connection)
  }

  /** The connection takes no more messages; it is forgotten when its socket has closed. */
  closing(connection: Connection): void {
    if (this.#open.delete(connection.id)) connection.endpoint.opened--
    this.#passing.add(connection)
  }

  closed(connection: Connection, reason: string): void {
    if (this.#open.delete(connection.id)) connection.endpoint.opened--
    this.unwatch(connection)
    this.events.closed(connection, reason)
  }

  dropped(listener: Listener, reason: DropReason, remoteAddress: string): void {
    this.events.dropped(listener, reason, remoteAddress)
  }

  /** What is written to a corked socket leaves in one piece, when this turn of the event loop has read all there was to read. */
  corked(one: Corked): void {
    if (this.#outbox.push(one) === 1) setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    const due = this.#outbox.splice(0)
    for (let i = 0; i < due.length; i++) due[i]!.uncork()
  }

  sweep(): void {
    const now = this.#now()
    this.time.now = now
    for (const one of this.#passing) one.check(now)
    let left = Math.max(SWEEP_MINIMUM, Math.ceil(this.#open.size / SWEEP_PARTS))
    this.#cursor ??= this.#open.values()
    for (; left > 0; left--) {
      const next = this.#cursor.next()
      if (next.done === true) {
        this.#cursor = undefined
        return
      }
      next.value.check(now)
    }
  }

  /** Closes everything, and cuts off what does not close soon. Resolves when nothing is left. */
  async closeAll(reason: string): Promise<void> {
    for (const one of [...this.#passing, ...this.#open.values()]) one.close(reason)
    if (this.#passing.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#emptied = resolve
      const patience = setTimeout(() => {
        for (const one of [...this.#passing]) one.cut(reason)
      }, CLOSE_MS)
      await promise
      clearTimeout(patience)
    }
    clearInterval(this.#timer)
  }
}

/** How long a connection that we close may take to send what it still has. */
export const CLOSE_MS = 1000

/** A socket that holds back what is written until the end of this turn of the event loop. */
export interface Corked {
  uncork(): void
}

/** A stream listener's settings and counts, shared by its connections, so that new limits hold for all of them at once. */
export class Endpoint {
  listener: Listener
  readonly table: ConnectionTable
  options: ListenerOptions
  /** Connections that can carry messages. */
  opened = 0
  /** Accepted sockets that are still in a handshake, by their remote end. */
  readonly arrivals = new Map<string, Arrival>()
  /** Accepted sockets in whatever stage. */
  #accepted = 0
  readonly #bySource = new Map<string, number>()

  constructor(listener: Listener, options: ListenerOptions, table: ConnectionTable) {
    this.listener = listener
    this.options = options
    this.table = table
  }

  /**
   * Counts a socket that was accepted, unless that is one too many.
   * @param source empty: a proxy's, whose client is not known yet; the proxy itself has no limit but that of the listener
   */
  admit(source: string): boolean {
    if (this.#accepted >= this.options.limits.maxConnections || !this.admitSource(source)) return false
    this.#accepted++
    return true
  }

  /** Counts one more for a source alone: the client behind a proxy is known now. */
  admitSource(source: string): boolean {
    if (source === '') return true
    const already = this.#bySource.get(source) ?? 0
    if (already >= this.options.limits.maxConnectionsPerSource) return false
    this.#bySource.set(source, already + 1)
    return true
  }

  leave(source: string): void {
    this.#accepted--
    if (source === '') return
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }
}
