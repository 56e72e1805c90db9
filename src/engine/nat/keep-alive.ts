import type { Flow } from '../../address/flow.ts'
import type { Binding, BindingChange } from '../../registrar/types.ts'
import type { Edge } from '../edge.ts'
import { ALIVE, KeptFlow, keepAliveOf, type Liveness, placeOf, UNSEEN } from './kept-flow.ts'

/**
 * N4: keeps the way to clients behind NAT open, from the address and port that they registered to, and knows how far away they are. One
 * packet for each flow, however many bindings it has; each flow has a place of its own in the interval, so that they never go all at once.
 */
export class KeepAlive {
  readonly #flows = new Map<string, KeptFlow>()
  /** Those that wait for an answer. */
  readonly #asked = new Set<Flow>()
  #edge: Edge | undefined
  #end: (() => void) | undefined
  #place = 0

  /** From now on, when the listeners are open. What a store brought over a restart comes first: its mappings are the oldest. */
  start(edge: Edge): void {
    this.#edge = edge
    this.#end = edge.bindings.watch((change) => this.#changed(edge, change))
    for (const binding of edge.bindings.all()) this.#keep(edge, binding, true)
  }

  stop(): void {
    this.#end?.()
    for (const flow of this.#flows.values()) flow.stop()
    this.#flows.clear()
    this.#edge = undefined
  }

  /** Another configuration is in force: whom it newly keeps alive. */
  look(): void {
    if (this.#edge === undefined) return
    for (const binding of this.#edge.bindings.all()) this.#keep(this.#edge, binding, false)
  }

  /** undefined: nothing is known. Of connections that we send nothing to, the pings of WebSocket tell how far away the client is. */
  of({ listener, flow: token }: Binding): Liveness | undefined {
    const kept = this.#flows.get(placeOf(listener, token))
    if (kept !== undefined || token.kind === 'datagram' || this.#edge === undefined) return kept?.liveness
    const { clients, transports } = this.#edge
    const roundTripMs = clients.find(token, (id) => transports.flowById(id))?.roundTripMs
    return roundTripMs === undefined ? undefined : { ...UNSEEN, roundTripMs, smoothedMs: roundTripMs }
  }

  /** Something came from there that is no message: the way is open. */
  heard({ listener, remoteAddress, remotePort }: Flow): void {
    if (listener.transport.reliable || this.#flows.size === 0) return
    this.#flows.get(placeOf(listener.name, { kind: 'datagram', address: remoteAddress, port: remotePort }))?.heard()
  }

  /** A keep-alive or its answer, which would push the messages of calls out of the trace. */
  isOwn(flow: Flow, bytes: Buffer): boolean {
    return this.#asked.has(flow) && bytes.subarray(0, LONGEST_HEAD).includes(`-${ALIVE}`)
  }

  #changed(edge: Edge, change: BindingChange): void {
    const { binding } = change
    if (change.kind !== 'ended') this.#keep(edge, binding, false)
    else if (!edge.bindings.anyOn(binding.listener, binding.flow)) this.#forget(placeOf(binding.listener, binding.flow))
  }

  #keep(edge: Edge, binding: Binding, early: boolean): void {
    const policy = keepAliveOf(edge, binding)
    if (policy === undefined) return
    const key = placeOf(binding.listener, binding.flow)
    const known = this.#flows.get(key)
    if (known !== undefined) {
      known.heard()
      return
    }
    // Steps of the golden ratio leave no gaps and no heaps, however many there are
    this.#place = (this.#place + GOLDEN) % 1
    const { listener, flow } = binding
    const kept = new KeptFlow(edge, { listener, token: flow }, this.#asked, () => this.#forget(key))
    this.#flows.set(key, kept)
    kept.begin(this.#place, policy.intervalMs, early)
  }

  #forget(key: string): void {
    this.#flows.get(key)?.stop()
    this.#flows.delete(key)
  }
}

const GOLDEN = (Math.sqrt(5) - 1) / 2
/** Of a message in which our Via is looked for. */
const LONGEST_HEAD = 1500
