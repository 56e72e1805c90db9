/** One branch of a response context: a candidate, tried at one destination after the other (RFC 3263 §4.3). */
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { hostText } from '../address/listener.ts'
import type { Candidate } from '../routing/decide.ts'
import { headerValue, type SipRequest, type SipResponse } from '../sip/message.ts'
import type { SipUri, Uri } from '../sip/uri.ts'
import type { ClientTransaction, ClientUser } from './client-transaction.ts'
import { type Edge, listenerFor } from './edge.ts'
import type { Way } from './next-hop.ts'
import type { ProxyContext } from './proxy.ts'
import type { TimerKind } from './timers.ts'
import { cancelOf } from './transactions.ts'

/** Sends CANCELs: their answers interest nobody, the INVITE's do. */
const CANCEL_USER: ClientUser = { responded() {}, timedOut() {}, failed() {}, due() {} }

export class Branch implements ClientUser {
  readonly index: number
  readonly candidate: Candidate
  readonly #edge: Edge
  readonly #context: ProxyContext
  /** The transaction that speaks for the branch; earlier ones, given up for another destination, may still get a late answer. */
  #transaction: ClientTransaction | undefined
  #destinations: readonly Destination[] = []
  #next = 0
  #destination: Destination | undefined
  #cancelled = false

  constructor(edge: Edge, context: ProxyContext, index: number, candidate: Candidate) {
    this.#edge = edge
    this.#context = context
    this.index = index
    this.candidate = candidate
  }

  /** Begins to send, once it is known where to. */
  start(way: Way): void {
    switch (way.kind) {
      case 'flow-failed':
        this.#context.flowFailed(this.index)
        return
      case 'flow':
        if (this.#context.mayBegin(this.index)) this.#send(way.flow, way.flow.listener)
        return
      case 'destinations':
        this.#destinations = way.list
        if (!this.#tryNext()) this.#context.branchFailed(this.index)
    }
  }

  /** §9.1, the effect `cancel`: a provisional response has come. */
  cancel(reason: string | undefined): void {
    if (this.#transaction !== undefined) this.#cancel(this.#transaction, reason)
  }

  responded(response: SipResponse, transaction: ClientTransaction): void {
    const current = transaction === this.#transaction
    if (!current) {
      // A destination that was given up answers after all: it must not ring on, and a 2xx is a call
      if (response.status < 200) this.#cancel(transaction, undefined)
      else if (response.status < 300) this.#context.responded(this, response)
      return
    }
    this.#judge(response)
    if (response.status < 200) {
      // §16.7 item 2: each provisional response but 100 starts Timer C again
      if (transaction.invite && !this.#cancelled) transaction.startTimer('timerC', this.#context.timerC)
    } else if (response.status === 503 && this.#tryNext()) return
    this.#context.responded(this, response)
  }

  timedOut(transaction: ClientTransaction): void {
    if (transaction !== this.#transaction) return
    this.#unusable('no answer')
    if (!this.#tryNext()) this.#context.branchTimedOut(this.index)
  }

  failed(transaction: ClientTransaction, why: string): void {
    if (transaction !== this.#transaction) return
    this.#unusable(why)
    if (transaction.provisional || !this.#tryNext()) this.#context.branchFailed(this.index)
  }

  due(kind: TimerKind, transaction: ClientTransaction): void {
    switch (kind) {
      case 'timerC':
        this.#context.timerCFired(this.index)
        return
      case 'cancelled':
        transaction.abandon()
        if (transaction === this.#transaction) this.#context.branchTimedOut(this.index)
        return
      case 'noReply':
        if (transaction !== this.#transaction || transaction.provisional) return
        this.#unusable('no answer')
        if (!this.#tryNext()) this.#context.branchTimedOut(this.index)
        return
      default:
    }
  }

  /** The egress side's flow for the record: undefined before something was sent. */
  get flow(): Flow | undefined {
    return this.#transaction?.flow
  }

  #tryNext(): boolean {
    const destination = this.#destinations[this.#next]
    if (destination === undefined) return false
    if (!this.#context.mayBegin(this.index)) return true
    this.#next++
    this.#destination = destination
    const zone = this.#context.zoneOf(this.candidate)
    const listeners = this.#context.egressListeners(this.candidate)
    const listener = listenerFor(listeners, destination.transport, destination.address)
    if (listener === undefined) return this.#tryNext()
    const { admission } = this.#context.running
    if (zone.targets.length > 0) admission.learn(zone, destination.address)
    this.#send(this.#edge.transports.flowTo(listener, destination), listener)
    return true
  }

  #send(flow: Flow, listener: Listener): void {
    const sent = this.#context.compose(this.candidate, flow, this.#target(listener))
    const { request } = sent
    if (listener.transport.name === 'udp' && sizeOf(request) > MAX_DATAGRAM && this.#byStream(listener)) return
    this.#transaction = this.#edge.transactions.send(request, sent.branch, flow, this)
    // There is somewhere else to go: the full Timer B (32 s) is longer than any caller waits
    if ((this.#next < this.#destinations.length || this.#context.hasMore) && this.#transaction.state !== 'terminated') {
      this.#transaction.startTimer('noReply', this.#edge.transactions.timers.t1 * NO_REPLY_T1)
    }
  }

  /** §18.1.1: a large request goes by TCP where the target did not insist on UDP and we have a TCP listener; UDP stays the second choice. */
  #byStream(listener: Listener): boolean {
    const destination = this.#destination
    const listeners = this.#context.egressListeners(this.candidate)
    const free =
      destination !== undefined &&
      !(this.candidate.kind === 'target' && this.candidate.target.transport === 'udp') &&
      this.candidate.kind !== 'side'
    const stream = free ? listenerFor(listeners, 'tcp', destination.address) : undefined
    if (stream === undefined || stream === listener || this.#context.inDialog) {
      this.#edge.metrics.oversizeDatagram('sent')
      return false
    }
    this.#edge.metrics.oversizeDatagram('tcp')
    this.#destinations = [{ ...destination!, transport: 'tcp' }, ...this.#destinations.slice(this.#next)]
    this.#next = 0
    return this.#tryNext()
  }

  /** The Request-URI toward this candidate; `undefined` keeps the one there is. */
  #target(listener: Listener): Uri | undefined {
    const { candidate } = this
    if (candidate.kind !== 'target' || candidate.requestUri === 'keep') return undefined
    const { target } = candidate
    const { uri } = this.#context
    const userinfo = uri.scheme === 'tel' ? uri.number : uri.userinfo
    const kept = uri.scheme === 'tel' ? ';user=phone' : uri.parameters
    const made: SipUri = {
      scheme: target.secure ? 'sips' : 'sip',
      userinfo: userinfo ?? target.user,
      host: hostText(target.host),
      port: target.port,
      parameters: kept,
      headers: '',
    }
    return this.#context.withLegTransport(made, target.transport === undefined ? undefined : listener)
  }

  #cancel(transaction: ClientTransaction, reason: string | undefined): void {
    if (!transaction.invite || transaction.state !== 'proceeding' || transaction.request === undefined) return
    if (transaction === this.#transaction) {
      if (this.#cancelled) return
      this.#cancelled = true
    }
    this.#edge.transactions.send(cancelOf(transaction.request, reason), transaction.branch, transaction.flow, CANCEL_USER)
    transaction.startTimer('cancelled', 64 * this.#edge.transactions.timers.t1)
  }

  /** Passive health: what the answer says about the target and the destination. */
  #judge(response: SipResponse): void {
    if (this.#destination === undefined) return
    const { candidate } = this
    if (response.status === 503) {
      const seconds = Number.parseInt(headerValue(response, 'retry-after') ?? '', 10)
      this.#edge.resolver.failed(this.#destination, seconds > 0 ? seconds : undefined)
      if (candidate.kind === 'target' && seconds > 0) this.#edge.health.busy(candidate.zone, candidate.target, seconds)
    } else if (response.status >= 200) {
      this.#edge.resolver.answered(this.#destination)
      if (candidate.kind === 'target') this.#edge.health.answered(candidate.zone, candidate.target)
    }
  }

  #unusable(why: string): void {
    if (this.#destination !== undefined) this.#edge.resolver.failed(this.#destination)
    if (this.candidate.kind === 'target') this.#edge.health.failed(this.candidate.zone, this.candidate.target, why)
  }
}

/** Multiples of T1 without any answer after which another destination or target is tried. */
const NO_REPLY_T1 = 8
/** §18.1.1: the largest request that goes by UDP when the path's MTU is unknown. */
const MAX_DATAGRAM = 1300

const sizeOf = (request: SipRequest): number => {
  let size = request.startLine.length + 2 + request.body.length
  for (let i = 0; i < request.headers.length; i++) size += request.headers[i]!.end - request.headers[i]!.start
  return size
}
