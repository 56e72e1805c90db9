import type { Flow } from '../address/flow.ts'
import { own } from '../base/bytes.ts'
import { WheelTimer } from '../base/timer-wheel.ts'
import type { SipRequest, SipResponse } from '../sip/message.ts'
import { toTag } from '../sip/read.ts'
import { type InviteServerEvent, type InviteServerState, inviteServer } from '../transaction/invite-server.ts'
import { type NonInviteServerEvent, type NonInviteServerState, nonInviteServer } from '../transaction/non-invite-server.ts'
import { sendEvent } from '../transaction/status-class.ts'
import { delayOf } from '../transaction/timers.ts'
import { FAILED, RESEND, SEND, STOP_TIMERS, TERMINATE, TIMED_OUT, type Transition } from '../transaction/transition.ts'
import type { Timer, TimerKind, TimerOwner } from './timers.ts'
import type { Transactions } from './transactions.ts'

/** The proxy core above a server transaction: told when the peer gave up on us. */
export interface ServerUser {
  /** The flow that the request came through, and that its responses must leave through, is gone (§17.2.4). */
  upstreamLost(): void
}

type ServerEvent = InviteServerEvent | NonInviteServerEvent

/** §17.2. After the final response only what a retransmission needs is kept: the bytes that were sent, the flow, the key. */
export class ServerTransaction implements TimerOwner {
  readonly key: string
  readonly method: string
  readonly invite: boolean
  /** Where responses go (§18.2.2, RFC 3581). */
  flow: Flow
  /** Given back after the final response. */
  request: SipRequest | undefined
  user: ServerUser | undefined
  /** A provisional response was sent. */
  provisional = false
  state: InviteServerState | NonInviteServerState
  /** Tag of the last final response: an ACK of RFC 2543 is matched by it. */
  responseTag: string | undefined
  readonly #tables: Transactions
  /** What a retransmission of the request is answered with, as latin1 text; empty when nothing is (yet). */
  #last = ''
  #attempt = 0
  readonly #expire: Timer
  #again: Timer | undefined

  constructor(tables: Transactions, key: string, request: SipRequest, flow: Flow) {
    this.#tables = tables
    this.key = key
    this.method = request.method
    this.invite = request.method === 'INVITE'
    this.request = request
    this.flow = flow
    this.state = this.invite ? 'proceeding' : 'trying'
    this.#expire = new WheelTimer<TimerOwner, TimerKind>(this, 'timerH')
  }

  /** A final response was sent. */
  get answered(): boolean {
    return this.state !== 'proceeding' && this.state !== 'trying'
  }

  /** The request came again. */
  repeated(): void {
    this.#step('request', undefined)
  }

  /** The ACK to our final response other than 2xx. */
  acknowledged(): void {
    if (this.invite) this.#step('ack', undefined)
  }

  /** Sends a response of ours or of downstream; what the state does not allow is absorbed. */
  respond(response: SipResponse): void {
    const final = response.status >= 200
    const before = this.answered
    if (!final) this.provisional = true
    else if (!before) this.responseTag = ownTag(toTag(response))
    this.#step(sendEvent(response.status), response)
    if (!final || before || !this.answered) return
    this.request = undefined
    this.#tables.settled()
  }

  /** The flow closed. Responses may still find their way by the Via; what is under way is told. */
  flowLost(): void {
    if (this.answered) return
    // Nothing was sent on for it yet, and now nothing need be
    if (this.user === undefined) this.abandon()
    else this.user.upstreamLost()
  }

  /** RFC 6026 §7.1: nobody will answer this INVITE any more; what comes again is absorbed until Timer L. */
  settle(): void {
    this.user = undefined
    if (this.state !== 'accepted') return
    const ms = delayOf('timerL', 0, this.#tables.timers, this.flow.listener.transport.reliable)
    if (this.#tables.bury(this, 'accepted', '', ms)) this.#tables.wheel.cancel(this.#expire)
  }

  /** Ends without a final response (RFC 4320 §4.2: the client has given up, too). */
  abandon(): void {
    if (!this.answered) this.#tables.settled()
    this.#tables.wheel.cancel(this.#expire)
    if (this.#again !== undefined) this.#tables.wheel.cancel(this.#again)
    this.state = 'terminated'
    this.request = undefined
    this.#last = ''
    this.#tables.remove(this)
  }

  fired(kind: TimerKind): void {
    this.#step(kind as ServerEvent, undefined)
  }

  #step(event: ServerEvent, response: SipResponse | undefined): void {
    const reliable = this.flow.listener.transport.reliable
    const transition: Transition<InviteServerState | NonInviteServerState> = this.invite
      ? inviteServer(this.state as InviteServerState, event as InviteServerEvent, reliable)
      : nonInviteServer(this.state as NonInviteServerState, event as NonInviteServerEvent, reliable)
    const before = this.state
    this.state = transition.next
    const { effects } = transition
    if (before !== transition.next) this.#attempt = 0
    if (effects & STOP_TIMERS) {
      this.#tables.wheel.cancel(this.#expire)
      if (this.#again !== undefined) this.#tables.wheel.cancel(this.#again)
    }
    // A 2xx to INVITE is retransmitted by the UAS; on a stream nothing comes twice
    if (effects & SEND && response !== undefined)
      this.#last = this.#tables.sendResponse(this, response, !reliable && this.state !== 'accepted')
    if (effects & RESEND && this.#last !== '') this.#tables.resendResponse(this, this.#last)
    if (effects & (FAILED | TIMED_OUT)) this.#tables.unacknowledged(this)
    if (effects & TERMINATE) {
      this.#last = ''
      this.#tables.remove(this)
      return
    }
    // §17.2.2: from here on there is nothing to do but to answer again
    if (
      transition.expire === 'timerJ' &&
      this.#tables.bury(this, 'completed', this.#last, delayOf('timerJ', 0, this.#tables.timers, reliable))
    ) {
      this.#last = ''
      return
    }
    if (transition.expire !== undefined) {
      this.#expire.kind = transition.expire
      this.#tables.wheel.schedule(this.#expire, delayOf(transition.expire, 0, this.#tables.timers, reliable))
    }
    if (transition.retransmit !== undefined) {
      this.#again ??= new WheelTimer<TimerOwner, TimerKind>(this, transition.retransmit)
      this.#again.kind = transition.retransmit
      this.#tables.wheel.schedule(this.#again, delayOf(transition.retransmit, this.#attempt++, this.#tables.timers, reliable))
    }
  }
}

const ownTag = (tag: string | undefined): string | undefined => (tag === undefined ? undefined : own(tag))
