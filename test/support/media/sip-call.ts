/** One call of a test's user agent, in either role: dialog, offer and answer, and the media that goes with them. */
import { randomBytes } from 'node:crypto'
import { headerOf, type Wire } from '../wire.ts'
import type { MediaEndpoint } from './endpoint.ts'
import type { Direction } from './sdp.ts'
import { type ArrivedSdp, type CallWorld, createCore, sdpOf } from './sip-call-core.ts'
import { type HeaderPair, refreshed, type SipDialog } from './sip-dialog.ts'
import { type AnswerOptions, createInvited, type ProvisionalOptions } from './sip-invited.ts'
import { createInviting, type InviteOptions, inviteHeaders, type OutgoingCall } from './sip-inviting.ts'
import type { SipServerTransaction } from './sip-transactions.ts'

export interface SipCall {
  readonly role: 'caller' | 'called'
  readonly callId: string
  /** Of the party that the call is with now. */
  readonly media: () => MediaEndpoint
  /** @throws Error before there is one */
  readonly dialog: () => SipDialog
  /** Every SDP that arrived. */
  readonly sdps: readonly ArrivedSdp[]
  /** Every message that arrived, repeats left out. */
  readonly arrived: readonly Wire[]
  /**
   * Resolves with the next message that arrived and was not asked for yet: `BYE`, `180 INVITE`, `200 UPDATE`, or what `wanted` says.
   * Rejects (default: 10 s) with what did arrive.
   */
  arrives(wanted: string | ((message: Wire) => boolean), ms?: number): Promise<Wire>
  /** Caller: resolves with the 2xx, acknowledged, its SDP in force; rejects with another final response. */
  established(ms?: number): Promise<Wire>
  /** Caller: the final response, acknowledged, whatever it is. */
  final(ms?: number): Promise<Wire>
  /** Caller: resolves with the response to the CANCEL; the INVITE has its own final response. */
  cancel(): Promise<Wire>
  /** Called: 18x, default 180. Resolves when it is sent, or with the PRACK of a reliable one. */
  provisional(status?: number, options?: ProvisionalOptions): Promise<Wire | undefined>
  /** Called: 200, again until the ACK, with which it resolves. */
  answer(options?: AnswerOptions): Promise<Wire>
  /** Called: a final response of 300 and more. Resolves with its ACK. */
  reject(status: number, reason?: string): Promise<Wire>
  /** Resolves with the final response, acknowledged, its SDP in force. */
  reinvite(options?: InviteOptions): Promise<Wire>
  /** RFC 3311; resolves with the final response. */
  update(options?: InviteOptions): Promise<Wire>
  /** A re-INVITE with this direction, default `sendonly`; rejects when it is refused. */
  hold(direction?: Direction): Promise<Wire>
  resume(): Promise<Wire>
  /** Another request in the dialog: its final response. */
  send(method: string, headers?: readonly HeaderPair[], body?: string): Promise<Wire>
  /** The next re-INVITE or UPDATE that comes gets this. */
  refuseNext(status: number): void
  /** Resolves with the final response. */
  bye(): Promise<Wire>
  /** Resolves when the other side's BYE came; default 10 s. */
  ended(ms?: number): Promise<Wire>
}

/** The side of a call that its endpoint feeds. */
export interface FedCall extends SipCall {
  /** Messages with this To tag are its own. */
  readonly hasTag: (tag: string | undefined) => boolean
  requested(transaction: SipServerTransaction): void
  acknowledged(ack: Wire): void
  cancelled(): void
}

/** @param begun where it begins: our INVITE, or theirs */
export const createCall = (world: CallWorld, begun: OutgoingCall | SipServerTransaction): FedCall => {
  const incoming = 'request' in begun ? begun : undefined
  const callId = 'request' in begun ? headerOf(begun.request, 'call-id') : (begun.callId ?? randomBytes(12).toString('hex'))
  const core = createCore(world, callId, randomBytes(6).toString('hex'))
  const inviting = createInviting(core)
  const invited = createInvited(core, incoming)
  if ('request' in begun) {
    core.last = begun.link
    core.record(begun.request)
  } else core.inOrder(() => inviting.begin(begun))

  const needs2xx = async (response: Promise<Wire>): Promise<Wire> => {
    const got = await response
    if (got.status >= 300) throw new Error(`refused: ${got.start}`)
    return got
  }
  const final = async (ms?: number): Promise<Wire> => {
    const got = await core.final('INVITE', 1, ms)
    await core.settled()
    return got
  }
  return {
    role: incoming === undefined ? 'caller' : 'called',
    callId,
    media: () => core.media,
    dialog: core.current,
    sdps: core.sdps,
    arrived: core.arrived,
    arrives: core.next,
    final,
    established: (ms) => needs2xx(final(ms)),
    cancel: inviting.cancel,
    provisional: (status = 180, options = {}) => invited.provisional(status, options),
    answer: (options = {}) => invited.answer(options),
    reject: (status, reason = 'Refused') => invited.reject(status, reason),
    reinvite: (options = {}) => inviting.reinvite(options),
    update: async (options = {}) => {
      const body = options.offerless === true ? '' : await core.offered(options.direction)
      const response = await core.transact('UPDATE', inviteHeaders(world.contact, options.headers), body)
      if (response.status >= 300) core.media.refused()
      else {
        core.dialog = refreshed(core.current(), response)
        if (body !== '') await core.accepted(sdpOf(response))
      }
      return response
    },
    hold: (direction = 'sendonly') => needs2xx(inviting.reinvite({ direction })),
    resume: () => needs2xx(inviting.reinvite({ direction: 'sendrecv' })),
    send: (method, headers = [], body = '') => core.transact(method, headers, body),
    refuseNext: invited.refuseNext,
    bye: () => core.transact('BYE', [], ''),
    ended: (ms) => core.next('BYE', ms),
    hasTag: (tag) => tag !== undefined && (tag === core.tag || invited.hasTag(tag)),
    requested: invited.requested,
    acknowledged: invited.acknowledged,
    cancelled: invited.cancelled,
  }
}
