import type { Flow } from '../address/flow.ts'
import { WheelTimer } from '../base/timer-wheel.ts'
import type { SipRequest, SipResponse } from '../sip/message.ts'
import { type InviteClientEvent, type InviteClientState, inviteClient, startInviteClient } from '../transaction/invite-client.ts'
import {
  type NonInviteClientEvent,
  type NonInviteClientState,
  nonInviteClient,
  startNonInviteClient,
} from '../transaction/non-invite-client.ts'
import { responseEvent } from '../transaction/status-class.ts'
import { delayOf } from '../transaction/timers.ts'
import { DELIVER, FAILED, RESEND, SEND, SEND_ACK, STOP_TIMERS, TERMINATE, TIMED_OUT, type Transition } from '../transaction/transition.ts'
import type { Timer, TimerKind, TimerOwner } from './timers.ts'
import type { Upstream } from './tombs.ts'
import type { Transactions } from './transactions.ts'

/** Who sent the request: a branch of the proxy core, or a probe. */
export interface ClientUser {
  responded(response: SipResponse, transaction: ClientTransaction): void
  /** Timer B or F: nobody answered. */
  timedOut(transaction: ClientTransaction): void
  /** It could not be sent, or its connection was lost. */
  failed(transaction: ClientTransaction, why: string): void
  /** One of the core's own timers, set with `startTimer`. */
  due(kind: TimerKind, transaction: ClientTransaction): void
}

type ClientEvent = InviteClientEvent | NonInviteClientEvent

/** §17.1. After the final response the request and its bytes are given back. */
export class ClientTransaction implements TimerOwner {
  readonly key: string
  readonly method: string
  readonly invite: boolean
  readonly flow: Flow
  readonly user: ClientUser
  /** As it was sent; needed for CANCEL and for the ACK to a final response other than 2xx. */
  request: SipRequest | undefined
  state: InviteClientState | NonInviteClientState
  /** A provisional response was received (§9.1: CANCEL may go out). */
  provisional = false
  /** A CANCEL went out: a second one would be the same transaction. */
  cancelled = false
  readonly #tables: Transactions
  #bytes: Buffer | undefined
  #ack: Buffer | undefined
  #attempt = 0
  /** Expiry timers of the machine, and the core's own in Proceeding, where the machine of an INVITE has none. */
  readonly #expire: Timer
  #again: Timer | undefined
  #extra: Timer | undefined

  constructor(tables: Transactions, key: string, request: SipRequest, flow: Flow, user: ClientUser) {
    this.#tables = tables
    this.key = key
    this.method = request.method
    this.invite = request.method === 'INVITE'
    this.request = request
    this.flow = flow
    this.user = user
    this.state = this.invite ? 'calling' : 'trying'
    this.#expire = new WheelTimer<TimerOwner, TimerKind>(this, 'timerB')
  }

  /** Of our topmost Via; a CANCEL has the one of its INVITE (§9.1). */
  get branch(): string {
    return this.key.slice(this.method.length + 1)
  }

  start(bytes: Buffer): void {
    this.#bytes = bytes
    const { reliable } = this.flow.listener.transport
    this.#perform(this.invite ? startInviteClient(reliable) : startNonInviteClient(reliable), reliable, undefined, '')
  }

  received(response: SipResponse): void {
    if (response.status < 200) this.provisional = true
    this.#step(responseEvent(response.status), response, '')
  }

  flowLost(why: string): void {
    // It has its answer; what could not be sent is an ACK, and the next copy of the answer brings that again
    if (this.state === 'completed') return
    // A connection that is lost after a provisional response leaves an INVITE to Timer C; RFC 3261 has no event for it, the caller should know now
    if (this.invite && this.state === 'proceeding') {
      this.#finish()
      this.user.failed(this, why)
    } else this.#step('transportError', undefined, why)
  }

  /** A timer of the core; it is stopped by the final response, and replaced by the next one. */
  startTimer(kind: 'timerC' | 'cancelled' | 'noReply', ms: number): void {
    this.#extra ??= new WheelTimer<TimerOwner, TimerKind>(this, kind)
    this.#extra.kind = kind
    this.#tables.wheel.schedule(this.#extra, ms)
  }

  /** RFC 6026 §7.2: the call is decided; a 2xx that comes again goes to `upstream` until Timer M. */
  settle(upstream: Upstream): void {
    if (this.state !== 'accepted') return
    if (this.#tables.buryClient(this, delayOf('timerM', 0, this.#tables.timers, false), upstream)) this.#stopTimers()
  }

  /** Ends the transaction without a final response (§9.1: 64*T1 after a CANCEL that nobody answered). */
  abandon(): void {
    this.#finish()
  }

  fired(kind: TimerKind): void {
    if (kind === 'timerC' || kind === 'cancelled' || kind === 'noReply') this.user.due(kind, this)
    else this.#step(kind as ClientEvent, undefined, '')
  }

  #finish(): void {
    this.#stopTimers()
    this.state = 'terminated'
    this.#release()
    this.#tables.removeClient(this)
  }

  #stopTimers(): void {
    this.#tables.wheel.cancel(this.#expire)
    if (this.#again !== undefined) this.#tables.wheel.cancel(this.#again)
    if (this.#extra !== undefined) this.#tables.wheel.cancel(this.#extra)
  }

  #release(): void {
    this.request = undefined
    this.#bytes = undefined
  }

  #step(event: ClientEvent, response: SipResponse | undefined, why: string): void {
    const { reliable } = this.flow.listener.transport
    const transition: Transition<InviteClientState | NonInviteClientState> = this.invite
      ? inviteClient(this.state as InviteClientState, event as InviteClientEvent, reliable)
      : nonInviteClient(this.state as NonInviteClientState, event as NonInviteClientEvent, reliable)
    this.#perform(transition, reliable, response, why)
  }

  #perform(
    transition: Transition<InviteClientState | NonInviteClientState>,
    reliable: boolean,
    response: SipResponse | undefined,
    why: string,
  ): void {
    if (this.state !== transition.next) this.#attempt = 0
    this.state = transition.next
    const { effects } = transition
    if (effects & STOP_TIMERS) this.#stopTimers()
    if (effects & (SEND | RESEND) && this.#bytes !== undefined) this.#tables.sendRequest(this, this.#bytes, (effects & RESEND) !== 0)
    if (effects & SEND_ACK) {
      // The response may come again until Timer D: the same ACK answers it
      this.#ack ??= this.request === undefined || response === undefined ? undefined : this.#tables.ackFor(this.request, response)
      if (this.#ack !== undefined) this.flow.send(this.#ack)
    }
    const absorbed = transition.expire === 'timerK' && this.#tables.buryClient(this, delayOf('timerK', 0, this.#tables.timers, reliable))
    if (transition.expire !== undefined && !absorbed) {
      this.#expire.kind = transition.expire
      this.#tables.wheel.schedule(this.#expire, delayOf(transition.expire, 0, this.#tables.timers, reliable))
    }
    if (transition.retransmit !== undefined) {
      this.#again ??= new WheelTimer<TimerOwner, TimerKind>(this, transition.retransmit)
      this.#again.kind = transition.retransmit
      this.#tables.wheel.schedule(
        this.#again,
        delayOf(transition.retransmit, this.#attempt++, this.#tables.timers, reliable, transition.next === 'proceeding'),
      )
    }
    if (effects & TERMINATE) this.#tables.removeClient(this)
    if (effects & (TERMINATE | DELIVER) && (response === undefined || response.status >= 200)) this.#release()
    // Last, because the user may start something new for the same call
    if (effects & DELIVER && response !== undefined) this.user.responded(response, this)
    if (effects & TIMED_OUT) this.user.timedOut(this)
    if (effects & FAILED) this.user.failed(this, why)
  }
}
