/** One branch of a response context: a candidate, tried at one destination after the other (RFC 3263 §4.3). */
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { InvariantError } from '../base/errors.ts'
import type { Problem } from '../base/problem.ts'
import type { ContactToward } from '../routing/alterations/contact.ts'
import type { Names } from '../routing/classify.ts'
import type { Candidate, RegisteredContact } from '../routing/decide.ts'
import type { Side } from '../routing/route-state.ts'
import type { SipRequest, SipResponse } from '../sip/message.ts'
import { uriParameter } from '../sip/uri.ts'
import { leaveConnection, retryAfter } from './busy.ts'
import type { ClientTransaction, ClientUser } from './client-transaction.ts'
import { calleeEnd } from './dialogs/end.ts'
import { advertisedBy, type Edge, listenerFor } from './edge.ts'
import { acknowledge, sayBye } from './hang-up.ts'
import { candidateZone, type Way, wayTo } from './next-hop.ts'
import type { ProxyContext } from './proxy.ts'
import { targetUri } from './target-uri.ts'
import type { TimerKind } from './timers.ts'
import type { Upstream } from './tombs.ts'
import { cancelOf } from './transactions.ts'

interface GivenUp {
  readonly invite: SipRequest
  /** Value of Reason. */
  readonly reason: string
}

/** Sends CANCELs: their answers interest nobody, the INVITE's do. */
const CANCEL_USER: ClientUser = { responded() {}, timedOut() {}, failed() {}, due() {} }

export class Branch implements ClientUser {
  readonly index: number
  /** What it is tried at; of a registered client another flow takes its place when one has failed (RFC 5626 §7). */
  candidate: Candidate
  readonly #edge: Edge
  readonly #context: ProxyContext
  /** The name of ours that the request's route, or its dialog, wants to be known by. */
  readonly #advertise: string | undefined
  /** The transaction that speaks for the branch; earlier ones, given up for another destination, may still get a late answer. */
  #transaction: ClientTransaction | undefined
  #destinations: readonly Destination[] = []
  #next = 0
  #destination: Destination | undefined
  /** §18.1.1: the stream that a large request tries first, and the datagram destination that it stands for. */
  #stream: Destination | undefined
  #streamFor: Destination | undefined
  /** Its connection was there before the request. */
  #reused = false
  /** Set while a request goes again to where it may have arrived: to its receiver it is the same one then (§8.2.2.2, §17.2.3). */
  repeated: string | undefined
  /** Where a request was sent last; undefined before one was. */
  flow: Flow | undefined
  /** The side that it was sent to, as the Route state has it. */
  egress: Side | undefined
  /** As both sides know us from then on. */
  names: Names | undefined
  /** What a Contact in its responses becomes; undefined: it stays. */
  contactBack: ContactToward | undefined
  /** Nothing it says counts any more: a 2xx after all is acknowledged and ended by us. */
  #givenUp: GivenUp | undefined
  /** To of the dialogs that were: each fork behind us that answers has one. */
  readonly #ended = new Set<string>()

  constructor(edge: Edge, context: ProxyContext, index: number, candidate: Candidate, advertise: string | undefined) {
    this.#edge = edge
    this.#context = context
    this.#advertise = advertise
    this.index = index
    this.candidate = candidate
  }

  /** Begins to send, once it is known where to. */
  start(way: Way): void {
    switch (way.kind) {
      case 'flow-failed':
        if (!this.#tryNextFlow()) this.#context.flowFailed(this.index)
        return
      case 'refused':
        this.#edge.metrics.routeStateRefused('destination')
        this.#context.refused(this.index)
        return
      case 'flow':
        if (this.#context.mayBegin(this.index)) this.#dispatch(way.flow, way.flow.listener)
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

  /** Nothing more will be decided for this branch. */
  settle(upstream: Upstream): void {
    if (this.#givenUp === undefined) this.#transaction?.settle(upstream)
  }

  /**
   * It can have no media, or has no caller any more: what rings is cancelled, what was answered is ended.
   * @param invite as it arrived @param response its last one, if any @param reason value of Reason (RFC 3326)
   */
  giveUp(invite: SipRequest, response: SipResponse | undefined, reason: string): void {
    // Other requests have nothing that could be called off
    if (invite.method !== 'INVITE') return
    this.#givenUp = { invite, reason }
    if (response !== undefined && response.status >= 200) this.#endDialog(this.#givenUp, response)
    else if (this.#transaction !== undefined) this.#cancel(this.#transaction, undefined)
  }

  /** The caller waits no longer for a sign of life: what comes now comes too late. */
  expire(invite: SipRequest, reason: string): void {
    if (this.#transaction !== undefined && !this.#transaction.provisional) this.#silent(this.#transaction)
    this.giveUp(invite, undefined, reason)
  }

  /**
   * §13.2.2.4: a 2xx is acknowledged each time it comes, and its dialog is ended once. A dialog that was there before goes on as it was (§14.1);
   * one side alone must not be hung up.
   */
  #endDialog({ invite, reason }: GivenUp, response: SipResponse): void {
    const seen = this.#edge.dialogs.seen(invite, response)
    const callee = this.egress && calleeEnd(invite, response, this.egress, seen, this.names?.egress)
    if (callee === undefined) return
    const ends = !this.#ended.has(callee.to) && !this.#context.inDialog
    this.#ended.add(callee.to)
    const acknowledged = acknowledge(this.#edge, callee)
    this.#context.hold(ends ? acknowledged.then(() => sayBye(this.#edge, callee, reason)) : acknowledged)
  }

  responded(response: SipResponse, transaction: ClientTransaction): void {
    if (this.#givenUp !== undefined) {
      if (response.status < 200) this.#cancel(transaction, undefined)
      else if (response.status < 300) this.#endDialog(this.#givenUp, response)
      return
    }
    if (transaction !== this.#transaction) {
      this.#late(response, transaction)
      return
    }
    this.#judge(response, transaction.flow)
    if (response.status < 200) {
      // §16.7 item 2: each provisional response but 100 starts Timer C again
      if (transaction.invite && !transaction.cancelled) transaction.startTimer('timerC', this.#context.timerC)
    } else if (response.status === 503) {
      // The same host by datagram would say the same
      if (this.#destination !== undefined && this.#destination === this.#stream) this.#next++
      if (this.#tryNext()) return
    } else if ((response.status === 430 || response.status === 408) && this.#contact !== undefined) {
      if (this.#tryNextFlow()) return
      // RFC 5626 §5.3.1: what failed is a flow of ours or of a proxy before the client; to the caller it is the client that is away
      if (response.status === 430) {
        this.#context.flowFailed(this.index)
        return
      }
    }
    this.#context.responded(this, response, transaction.flow)
  }

  /** A destination that was given up answers after all: it must not ring on, and a 2xx is a call, instead of what was tried after it. */
  #late(response: SipResponse, transaction: ClientTransaction): void {
    if (response.status < 200) {
      this.#cancel(transaction, undefined)
      return
    }
    if (response.status >= 300) return
    const other = this.#transaction
    this.#transaction = undefined
    if (other !== undefined) this.#cancel(other, undefined)
    this.#context.responded(this, response, transaction.flow)
  }

  timedOut(transaction: ClientTransaction): void {
    if (transaction !== this.#transaction || this.#givenUp !== undefined) return
    this.#silent(transaction)
    if (!this.#tryNext() && !this.#tryNextFlow()) this.#context.branchTimedOut(this.index)
  }

  failed(transaction: ClientTransaction, why: string): void {
    if (transaction !== this.#transaction || this.#givenUp !== undefined || this.#reconnects(transaction)) return
    this.#unusable(why)
    if (!transaction.provisional && (this.#tryNext() || this.#tryNextFlow())) return
    // Sent by a connection that its client opened: there is no other way to it
    if (this.#destination === undefined) this.#context.vanished(this.index)
    else this.#context.branchFailed(this.index)
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
        // Once it is cancelled nothing else is tried, and Timer B decides (§9.1)
        if (transaction !== this.#transaction || transaction.provisional || !this.#context.mayBegin(this.index)) return
        this.#silent(transaction)
        if (this.#tryNext() || this.#tryNextFlow()) return
        // Another target is next: what comes from this one now comes late
        this.#transaction = undefined
        this.#context.branchTimedOut(this.index, true)
        return
      default:
    }
  }

  /**
   * That a connection is gone that was there before this request says nothing of where it led: peers close what was quiet for long. Once, the
   * request goes there by a new one.
   */
  #reconnects({ provisional, branch }: ClientTransaction): boolean {
    const destination = this.#destination
    if (provisional || !this.#reused || destination === undefined || !this.#context.mayBegin(this.index)) return false
    this.repeated = branch
    return this.#sendTo(destination)
  }

  /** Sends to the next destination; false when there is none, or nothing may be sent any more. */
  #tryNext(): boolean {
    const destination = this.#destinations[this.#next]
    if (destination === undefined || !this.#context.mayBegin(this.index)) return false
    this.#next++
    return this.#sendTo(destination) || this.#tryNext()
  }

  /** @returns false: no listener reaches it */
  #sendTo(destination: Destination): boolean {
    this.#destination = destination
    const listeners = this.#context.egressListeners(this.candidate)
    const listener = listenerFor(listeners, destination.transport, destination.address)
    if (listener === undefined) return false
    // Only a target's address: what a Contact inside a dialog names is admitted to nothing
    if (this.candidate.kind === 'target')
      this.#context.running.admission.learn(this.candidate.zone, destination.address, this.#edge.clock.now())
    const zone = candidateZone(this.candidate)
    const as = advertisedBy(listener, this.#advertise, zone.advertise)
    const flow = this.#edge.transports.flowTo(listener, destination, zone.connections, as)
    this.#reused = flow.openedAt !== undefined && flow.openedAt < this.#edge.clock.now()
    this.#dispatch(flow, listener)
    return true
  }

  get #contact(): RegisteredContact | undefined {
    return this.candidate.kind === 'side' ? this.candidate.contact : undefined
  }

  /** RFC 5626 §7: the same client by another flow that it has registered; false when there is none, or nothing may be sent any more. */
  #tryNextFlow(): boolean {
    const next = this.#contact?.next
    if (next === undefined || !this.#context.mayBegin(this.index)) return false
    this.candidate = next
    // What the one before still says comes late
    this.#transaction = undefined
    const way = wayTo(this.#edge, next, this.#context.uri)
    if (way instanceof Promise) throw new InvariantError('A flow that has to be resolved')
    this.start(way)
    return true
  }

  /** *media*, then *rewrite* and *send*: at once when no SDP has to be passed on. */
  #dispatch(flow: Flow, listener: Listener): void {
    const prepared = this.#context.prepare(this, listener)
    if (prepared === undefined) this.#send(flow, listener)
    else if (prepared instanceof Promise) {
      // Whatever the destination before does meanwhile decides nothing any more
      this.#transaction = undefined
      this.#context.later(prepared, (fault) => this.#prepared(fault, flow, listener))
    } else this.#prepared(prepared, flow, listener)
  }

  #prepared(fault: Problem | undefined, flow: Flow, listener: Listener): void {
    if (fault !== undefined) this.#context.refuse(this.index, fault.status, fault.reason)
    // CANCEL came, or another branch decided, while rtpengine was asked
    else if (this.#context.mayBegin(this.index)) this.#send(flow, listener)
    else this.#context.branchFailed(this.index)
  }

  #send(flow: Flow, listener: Listener): void {
    const sent = this.#context.compose(this, flow, targetUri(this.candidate, this.#context.uri, listener))
    const { request } = sent
    if (listener.transport.name === 'udp' && sizeOf(request) > MAX_DATAGRAM && this.#byStream()) return
    this.repeated = undefined
    this.flow = flow
    this.egress = sent.egress
    this.names = sent.names
    this.contactBack = sent.contactBack
    this.#transaction = this.#edge.transactions.send(request, sent.branch, flow, this)
    // There is somewhere else to go: the full Timer B (32 s) is longer than any caller waits
    const elsewhere = this.#next < this.#destinations.length || this.#contact?.next !== undefined || this.#context.hasMore
    if (elsewhere && this.#transaction.state !== 'terminated') {
      this.#transaction.startTimer('noReply', this.#edge.transactions.timers.t1 * NO_REPLY_T1)
    }
  }

  /** §18.1.1: a large request goes by TCP where the target did not insist on UDP and we have a TCP listener; UDP stays the second choice. */
  #byStream(): boolean {
    const destination = this.#destination
    if (
      destination === undefined ||
      destination === this.#streamFor ||
      !this.#transportIsOpen() ||
      listenerFor(this.#context.egressListeners(this.candidate), 'tcp', destination.address) === undefined
    ) {
      this.#edge.metrics.oversizeDatagram('sent')
      return false
    }
    this.#edge.metrics.oversizeDatagram('tcp')
    this.#stream = { ...destination, transport: 'tcp' }
    this.#streamFor = destination
    this.#destinations = [this.#stream, destination, ...this.#destinations.slice(this.#next)]
    this.#next = 0
    return this.#tryNext()
  }

  /** Nobody said UDP: not the target, not the Request-URI, not the dialog (T9). */
  #transportIsOpen(): boolean {
    const { candidate } = this
    switch (candidate.kind) {
      case 'target':
        return candidate.target.transport === undefined
      case 'request-uri':
        return uriParameter(this.#context.uri, 'transport') === undefined
      case 'side':
        return false
    }
  }

  #cancel(transaction: ClientTransaction, reason: string | undefined): void {
    if (!transaction.invite || transaction.cancelled || transaction.state !== 'proceeding' || transaction.request === undefined) return
    transaction.cancelled = true
    this.#edge.transactions.send(cancelOf(transaction.request, reason), transaction.branch, transaction.flow, CANCEL_USER)
    transaction.startTimer('cancelled', 64 * this.#edge.transactions.timers.t1)
  }

  /** Passive health: what the answer says about the target and the destination. */
  #judge(response: SipResponse, flow: Flow): void {
    if (this.#destination === undefined) return
    const { candidate } = this
    if (response.status === 503) {
      const seconds = retryAfter(response)
      this.#edge.resolver.failed(this.#destination, seconds > 0 ? seconds : undefined)
      if (seconds > 0) leaveConnection(this.#edge, candidateZone(candidate), flow)
      if (candidate.kind === 'target' && seconds > 0) this.#edge.health.busy(candidate.zone, candidate.target, seconds)
    } else if (response.status >= 200) {
      this.#edge.resolver.answered(this.#destination)
      if (candidate.kind === 'target') this.#edge.health.answered(candidate.zone, candidate.target)
    }
  }

  /**
   * RFC 4320 §4: silence after other requests may be that of somebody behind the target, who must not take it out of service for all; an INVITE
   * gets a 100 from the next hop itself, and a REGISTER its answer.
   */
  #silent({ method }: ClientTransaction): void {
    if (method === 'INVITE' || method === 'REGISTER') this.#unusable('no answer')
  }

  #unusable(why: string): void {
    if (this.#destination !== undefined) this.#edge.resolver.failed(this.#destination)
    // That a host takes no TCP says nothing about it as long as it takes UDP
    if (this.#destination !== undefined && this.#destination === this.#stream) return
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
