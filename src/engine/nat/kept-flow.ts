import type { Flow } from '../../address/flow.ts'
import { hostText } from '../../address/listener.ts'
import { WheelTimer } from '../../base/timer-wheel.ts'
import type { Binding } from '../../registrar/types.ts'
import { fitTransport } from '../../routing/alterations/set-target.ts'
import type { FlowToken } from '../../routing/route-state.ts'
import { line, type SipResponse } from '../../sip/message.ts'
import { formatUri, parseUri } from '../../sip/uri.ts'
import type { NatKeepAlive } from '../../zones/nat.ts'
import type { ClientTransaction, ClientUser } from '../client-transaction.ts'
import { advertisedBy, type Edge } from '../edge.ts'
import { optionsRequest } from '../options-request.ts'
import type { Timer, TimerKind, TimerOwner } from '../timers.ts'

/** What the branch of a keep-alive ends in. */
export const ALIVE = 'alive'

/** One text for one flow. */
export const placeOf = (listener: string, flow: FlowToken): string =>
  flow.kind === 'datagram' ? `${listener} ${flow.address} ${flow.port}` : `${flow.boot}~${flow.id}`

/** What is known about the way to a client. */
export interface Liveness {
  /** From the last keep-alive to its answer, and smoothed (RFC 6298 §2); undefined: none was answered yet. */
  readonly roundTripMs: number | undefined
  readonly smoothedMs: number | undefined
  /** Unanswered ones: in a row, and since it is watched. */
  readonly losses: number
  readonly lostInTotal: number
  /** Since when it counts as lost, milliseconds since 1970. */
  readonly lostSince: number | undefined
}

export const UNSEEN: Liveness = { roundTripMs: undefined, smoothedMs: undefined, losses: 0, lostInTotal: 0, lostSince: undefined }

/** undefined: nothing is sent to this one. Connections of browsers have the pings of WebSocket; four bytes open nothing but UDP mappings. */
export const keepAliveOf = ({ running }: Edge, { nat, zone, listener }: Binding): NatKeepAlive | undefined => {
  if (nat.length === 0) return undefined
  const policy = running.snapshot.zones.get(zone)?.nat.keepAlive
  if (policy === undefined) return undefined
  const transport = running.snapshot.listeners.find((one) => one.listener.name === listener)?.listener.transport
  if (transport === undefined || transport.webSocket || (transport.reliable && policy.by === 'packet')) return undefined
  return policy
}

/** Where the clients of a flow are. */
interface Place {
  readonly listener: string
  readonly token: FlowToken
}

/** One flow that is kept open: its place in the interval, and what its clients answered. */
export class KeptFlow implements TimerOwner, ClientUser {
  readonly #edge: Edge
  readonly #place: Place
  readonly #asked: Set<Flow>
  readonly #gone: () => void
  readonly #timer: Timer
  readonly #callId: string
  #sequence = 0
  /** Until the first regular one: a whole interval. */
  #next = 0
  #transaction: ClientTransaction | undefined
  #sentAt = 0
  /** Of the one that was asked last. */
  #zone = ''
  #roundTripMs: number | undefined
  #smoothedMs: number | undefined
  #losses = 0
  #lostInTotal = 0
  #lostSince: number | undefined

  /** @param asked who waits for an answer @param gone called when nobody is left to be kept alive */
  constructor(edge: Edge, place: Place, asked: Set<Flow>, gone: () => void) {
    this.#edge = edge
    this.#place = place
    this.#asked = asked
    this.#gone = gone
    this.#timer = new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    this.#callId = edge.ids.token(22)
  }

  /** @param place 0 to 1: where in the interval @param early the first one comes in the interval's first third, and the second in its place */
  begin(place: number, intervalMs: number, early: boolean): void {
    const first = early ? (place * intervalMs) / 3 : place * intervalMs
    this.#next = early ? intervalMs / 3 + first * 2 : intervalMs
    this.#edge.transactions.wheel.schedule(this.#timer, first)
  }

  stop(): void {
    this.#edge.transactions.wheel.cancel(this.#timer)
    const transaction = this.#settle()
    transaction?.abandon()
  }

  get liveness(): Liveness {
    return {
      roundTripMs: this.#roundTripMs,
      smoothedMs: this.#smoothedMs,
      losses: this.#losses,
      lostInTotal: this.#lostInTotal,
      lostSince: this.#lostSince,
    }
  }

  /** A sign of life: an answer, or something that the client sent by itself. */
  heard(): void {
    this.#losses = 0
    if (this.#lostSince === undefined) return
    this.#lostSince = undefined
    this.#edge.log.info(this.#fields, 'A client behind NAT is back')
  }

  /** Its place in the interval. */
  fired(): void {
    const edge = this.#edge
    if (edge.stopping) return
    const { listener: name, token } = this.#place
    const now = edge.clock.wall()
    let policy: NatKeepAlive | undefined
    const binding = edge.bindings.on(name, token).find((one) => {
      policy = one.expiresAt > now ? keepAliveOf(edge, one) : undefined
      return policy !== undefined
    })
    if (binding === undefined || policy === undefined) {
      this.#gone()
      return
    }
    edge.transactions.wheel.schedule(this.#timer, this.#next)
    this.#next = policy.intervalMs
    const flow = this.#flow()
    // A connection that is gone takes its bindings along, in a while
    if (flow === undefined || this.#transaction !== undefined) return
    if (policy.by === 'packet') {
      flow.send(PACKET)
      edge.metrics.keepAlive(binding.zone, 'sent')
    } else this.#ask(flow, binding, policy)
  }

  #flow(): Flow | undefined {
    const { clients, transports, running } = this.#edge
    const { listener: name, token } = this.#place
    if (token.kind === 'connection') return clients.find(token, (id) => transports.flowById(id))
    const entry = running.snapshot.listeners.find(({ listener }) => listener.name === name)
    return entry && transports.datagramFlow(entry.listener, token.address, token.port)
  }

  #ask(flow: Flow, binding: Binding, { intervalMs }: NatKeepAlive): void {
    const edge = this.#edge
    const { listener } = flow
    const uri = parseUri(binding.contact)
    const target =
      uri === undefined ? `sip:${hostText(flow.remoteAddress)}:${flow.remotePort}` : formatUri(fitTransport(uri, listener.transport.uri))
    const { request, branch } = optionsRequest(edge, {
      listener,
      as: advertisedBy(listener, edge.running.snapshot.zones.get(binding.zone)?.advertise),
      requestUri: target,
      to: target,
      callId: this.#callId,
      sequence: ++this.#sequence,
      tag: ALIVE,
      more: binding.path.map((route) => line('Route', route)),
    })
    this.#asked.add(flow)
    this.#sentAt = edge.clock.now()
    this.#zone = binding.zone
    edge.metrics.keepAlive(binding.zone, 'sent')
    const transaction = edge.transactions.send(request, branch, flow, this)
    if (transaction.state === 'terminated') return
    this.#transaction = transaction
    transaction.startTimer('noReply', Math.min(PATIENCE_MS, intervalMs * 0.8))
  }

  responded(response: SipResponse): void {
    if (response.status < 200 || this.#settle() === undefined) return
    const roundTrip = this.#edge.clock.now() - this.#sentAt
    this.#roundTripMs = roundTrip
    this.#smoothedMs = this.#smoothedMs === undefined ? roundTrip : this.#smoothedMs + (roundTrip - this.#smoothedMs) / 8
    this.#edge.metrics.keepAlive(this.#zone, 'answered')
    this.heard()
  }

  due(): void {
    const transaction = this.#settle()
    transaction?.abandon()
    this.#lost()
  }

  timedOut(): void {
    this.#settle()
    this.#lost()
  }

  failed(transaction: ClientTransaction): void {
    this.#settle()
    this.#asked.delete(transaction.flow)
    // What becomes of clients without connection is not decided here
    if (!transaction.flow.listener.transport.reliable) this.#lost()
  }

  #settle(): ClientTransaction | undefined {
    const transaction = this.#transaction
    if (transaction === undefined) return undefined
    this.#transaction = undefined
    this.#asked.delete(transaction.flow)
    return transaction
  }

  #lost(): void {
    const edge = this.#edge
    this.#losses++
    this.#lostInTotal++
    const bindings = this.#bindings()
    const first = bindings[0]
    const policy = first && keepAliveOf(edge, first)
    if (first === undefined || policy === undefined) return
    edge.metrics.keepAlive(this.#zone, 'lost')
    if (this.#losses < policy.losses) return
    if (policy.then === 'mark') {
      if (this.#lostSince !== undefined) return
      this.#lostSince = edge.clock.wall()
      edge.log.info(this.#fields, 'A client behind NAT does not answer')
      return
    }
    edge.log.info({ ...this.#fields, bindings: bindings.length }, 'A client behind NAT does not answer; what it registered ends')
    for (const { aor, key } of bindings) edge.bindings.remove(aor, key, 'no-answer')
  }

  #bindings(): readonly Binding[] {
    return this.#edge.bindings.on(this.#place.listener, this.#place.token)
  }

  get #fields() {
    const { listener, token } = this.#place
    return { zone: this.#zone, listener, ...(token.kind === 'datagram' ? { remote: token.address, port: token.port } : { flow: token.id }) }
  }
}

/** RFC 5626 §3.5.1 knows it from the other side: what a client sends to hold a mapping. */
const PACKET = Buffer.from('\r\n\r\n', 'latin1')
/** A phone answers in less, or the next one comes. */
const PATIENCE_MS = 5000
