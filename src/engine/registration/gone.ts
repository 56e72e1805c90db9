import type { Flow } from '../../address/flow.ts'
import { StoreError } from '../../base/errors.ts'
import { WheelTimer } from '../../base/timer-wheel.ts'
import type { Binding, BindingChange, BindingEnd } from '../../registrar/types.ts'
import type { Edge } from '../edge.ts'
import type { Timer, TimerKind, TimerOwner } from '../timers.ts'

/** One text for one binding, as a key of tables. */
export const bindingId = ({ aor, key }: Pick<Binding, 'aor' | 'key'>): string => `${aor} ${key}`

/** After a restart every connection is gone, and clients come back in their own time. */
const AFTER_RESTART_MS = 120_000

/**
 * N5: a binding dies with its flow, wherever its registrar is. One that has no connection any more ends after the time that its zone gives the
 * client to come back; one that came back on another flow is left alone.
 */
export class Registrations {
  readonly #edge: () => Edge
  readonly #lost = new Map<string, Lost>()
  #unwatch: (() => void) | undefined

  constructor(edge: () => Edge) {
    this.#edge = edge
  }

  /** From now on, when the listeners are open. */
  start(): void {
    const { bindings } = this.#edge()
    this.#unwatch = bindings.watch((change) => this.#changed(change))
    for (const binding of bindings.all()) if (!this.#reachable(binding)) this.#lose(binding, AFTER_RESTART_MS)
  }

  /** Whose clients find nobody now are not gone. */
  stop(): void {
    this.#unwatch?.()
    for (const lost of this.#lost.values()) lost.stop()
    this.#lost.clear()
  }

  /** Ends a binding; a registrar behind us that keeps it is told, too. */
  end({ aor, key }: Binding, why: BindingEnd): void {
    this.#edge().bindings.remove(aor, key, why)
  }

  /** A connection is gone. */
  closed(flow: Flow): void {
    const { bindings, clients, stopping } = this.#edge()
    if (stopping || bindings.size === 0 || !flow.listener.transport.reliable) return
    for (const binding of bindings.on(flow.listener.name, { kind: 'connection', boot: clients.boot, id: flow.id, identity: '' }))
      this.#lose(binding, this.#graceOf(binding))
  }

  /** Some client has lost its connection, and time to come back. */
  get waits(): boolean {
    return this.#lost.size > 0
  }

  /** The client is about to register again: it has this much more time, once. */
  returning(aor: string, key: string): void {
    this.#lost.get(bindingId({ aor, key }))?.waits()
  }

  /** Since when there is no way to it, milliseconds since 1970; undefined: there is one. */
  lostSince(binding: Binding): number | undefined {
    return this.#lost.get(bindingId(binding))?.since
  }

  #changed(change: BindingChange): void {
    const { binding } = change
    const id = bindingId(binding)
    this.#lost.get(id)?.stop()
    this.#lost.delete(id)
    // The connection was closed while the registrar thought about it
    if (change.kind !== 'ended' && !this.#reachable(binding)) this.#lose(binding, this.#graceOf(binding))
  }

  #reachable({ flow }: Binding): boolean {
    const { clients, transports } = this.#edge()
    return flow.kind === 'datagram' || (flow.boot === clients.boot && transports.flowById(flow.id)?.open === true)
  }

  #graceOf({ zone }: Binding): number {
    return this.#edge().running.snapshot.zones.get(zone)?.lost.registrationMs ?? 0
  }

  #lose(binding: Binding, ms: number): void {
    if (ms === 0) {
      this.#over(binding)
      return
    }
    const id = bindingId(binding)
    this.#lost.get(id)?.stop()
    const edge = this.#edge()
    const lost = new Lost(edge, edge.clock.wall(), ms, () => {
      this.#lost.delete(id)
      this.#over(binding)
    })
    this.#lost.set(id, lost)
  }

  #over(binding: Binding): void {
    const { aor, key, flow, zone } = binding
    const { bindings, log } = this.#edge()
    const now = bindings.get(aor, key)
    // It is on another flow meanwhile, which has a life of its own
    if (now === undefined || !sameConnection(now, flow)) return
    if (log.enabled('debug')) log.debug({ zone, aor }, 'A client did not come back; its registration ends')
    try {
      bindings.remove(aor, key, 'connection-lost')
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // It is not kept that it is gone: later, then
      this.#lose(binding, RETURN_MS)
    }
  }
}

const sameConnection = ({ flow }: Binding, other: Binding['flow']): boolean =>
  flow.kind === 'connection' && other.kind === 'connection' && flow.boot === other.boot && flow.id === other.id

/** The time that one client has to come back. */
class Lost implements TimerOwner {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly #edge: Edge
  readonly #ms: number
  readonly #over: () => void
  readonly #timer: Timer
  #waited = false

  constructor(edge: Edge, since: number, ms: number, over: () => void) {
    this.#edge = edge
    this.since = since
    this.#ms = ms
    this.#over = over
    this.#timer = new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    edge.transactions.wheel.schedule(this.#timer, ms)
  }

  waits(): void {
    if (this.#waited) return
    this.#waited = true
    this.#edge.transactions.wheel.cancel(this.#timer)
    this.#edge.transactions.wheel.schedule(this.#timer, Math.max(this.#ms, RETURN_MS))
  }

  stop(): void {
    this.#edge.transactions.wheel.cancel(this.#timer)
  }

  fired(): void {
    this.#over()
  }
}

/** A REGISTER that is challenged and repeated is answered within this time. */
const RETURN_MS = 5000
