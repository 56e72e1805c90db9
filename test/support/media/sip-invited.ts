/** INVITEs and other requests that a call gets, and what it says to them. */
import { headerOf, type Wire } from '../wire.ts'
import type { MediaEndpoint } from './endpoint.ts'
import type { Direction } from './sdp.ts'
import { type CallCore, numberOf, sdpOf } from './sip-call-core.ts'
import { dialogByRequest, type HeaderPair, refreshed, responseText } from './sip-dialog.ts'
import { inviteHeaders } from './sip-inviting.ts'
import type { SipServerTransaction } from './sip-transactions.ts'

export interface AnswerOptions {
  readonly direction?: Direction
  /** Another To tag, and another endpoint for its SDP: several parties behind one INVITE. */
  readonly tag?: string
  readonly media?: MediaEndpoint
  readonly headers?: readonly HeaderPair[]
}

export interface ProvisionalOptions extends AnswerOptions {
  /** With the answer, or, when the INVITE had none, with an offer. */
  readonly sdp?: boolean
  /** RFC 3262: again and again until the PRACK, which the promise waits for. */
  readonly reliable?: boolean
}

export interface Invited {
  readonly hasTag: (tag: string) => boolean
  provisional(status: number, options: ProvisionalOptions): Promise<Wire | undefined>
  /** 200, again until the ACK, with which it resolves. */
  answer(options: AnswerOptions): Promise<Wire>
  /** Resolves with the ACK. */
  reject(status: number, reason: string): Promise<Wire>
  /** A request inside the dialog. */
  requested(transaction: SipServerTransaction): void
  acknowledged(ack: Wire): void
  cancelled(): void
  refuseNext(status: number): void
}

/** A response that is repeated until it is acknowledged, and whose offer it was that it carried, if it was one. */
interface Unacknowledged {
  readonly stop: () => void
  readonly offeredBy: MediaEndpoint | undefined
}

/** @param first the INVITE that began the call, unless we did */
export const createInvited = (core: CallCore, first: SipServerTransaction | undefined): Invited => {
  const { world } = core
  const { transactions } = world
  const tags = new Set([core.tag])
  const refusals: number[] = []
  const bodies = new Map<MediaEndpoint, string>()
  /** Endpoints whose offer was answered in a PRACK. */
  const settled = new Set<MediaEndpoint>()
  /** By CSeq number. */
  const unacknowledged = new Map<number, Unacknowledged>()
  /** By RSeq number. */
  const unpracked = new Map<number, Unacknowledged>()
  let rseq = 0

  const begun = (): SipServerTransaction => {
    if (first === undefined) throw new Error('the caller does not answer')
    return first
  }
  const say = (
    transaction: SipServerTransaction,
    status: number,
    reason: string,
    headers: readonly HeaderPair[] = [],
    body = '',
    tag?: string,
  ): void => transaction.respond(responseText(transaction.request, transaction.link.remote, status, reason, tag, headers, body))
  const accept = (
    transaction: SipServerTransaction,
    body: string,
    offeredBy: MediaEndpoint | undefined,
    more: readonly HeaderPair[] = [],
    tag?: string,
  ): void => {
    const stop = transactions.repeat(() => say(transaction, 200, 'OK', inviteHeaders(world.contact, more), body, tag))
    unacknowledged.set(numberOf(transaction.request), { stop, offeredBy })
  }
  const partyOf = ({ tag = core.tag, media }: AnswerOptions): { readonly tag: string; readonly by: MediaEndpoint } => {
    tags.add(tag)
    if (media !== undefined) core.media = media
    core.dialog = dialogByRequest(begun().request, tag)
    return { tag, by: core.media }
  }
  /** The SDP for a response to the first INVITE: its answer, or an offer when it had none; always the same. */
  const bodyFor = async (by: MediaEndpoint, direction: Direction | undefined): Promise<string> => {
    const offer = sdpOf(begun().request)
    const made = bodies.get(by) ?? (offer === '' ? await core.offered(direction, by) : await core.answered(offer, direction, by))
    bodies.set(by, made)
    return made
  }
  /** Whoever's offer that body is. */
  const offererOf = (by: MediaEndpoint, body: string): MediaEndpoint | undefined =>
    body !== '' && begun().request.body.length === 0 ? by : undefined
  const acked = (number: number): Promise<Wire> => core.next((message) => message.method === 'ACK' && numberOf(message) === number)
  const rackOf = (message: Wire): number => Number.parseInt(headerOf(message, 'rack'), 10)

  const pracked = async (transaction: SipServerTransaction): Promise<void> => {
    const { request } = transaction
    const waiting = unpracked.get(rackOf(request))
    if (waiting === undefined) {
      say(transaction, 481, 'No such response')
      return
    }
    waiting.stop()
    unpracked.delete(rackOf(request))
    if (waiting.offeredBy !== undefined) {
      await core.accepted(sdpOf(request), waiting.offeredBy)
      settled.add(waiting.offeredBy)
      say(transaction, 200, 'OK')
      return
    }
    say(transaction, 200, 'OK', [], request.body.length === 0 ? '' : await core.answered(sdpOf(request)))
  }
  const renegotiated = async (transaction: SipServerTransaction): Promise<void> => {
    const { request } = transaction
    const refusal = refusals.shift()
    if (refusal !== undefined) {
      say(transaction, refusal, 'Refused')
      return
    }
    core.dialog = refreshed(core.current(), request)
    const offer = sdpOf(request)
    if (request.method === 'UPDATE')
      say(transaction, 200, 'OK', inviteHeaders(world.contact), offer === '' ? '' : await core.answered(offer))
    else if (offer === '') accept(transaction, await core.offered(), core.media)
    else accept(transaction, await core.answered(offer), undefined)
  }
  return {
    hasTag: (tag) => tags.has(tag),
    provisional: async (status, options) => {
      const { tag, by } = partyOf(options)
      const body = options.sdp === true ? await bodyFor(by, options.direction) : ''
      const headers = inviteHeaders(world.contact, options.headers)
      const reason = status === 180 ? 'Ringing' : 'Session Progress'
      if (options.reliable !== true) {
        say(begun(), status, reason, headers, body, tag)
        return undefined
      }
      const number = ++rseq
      const reliable: readonly HeaderPair[] = [
        ['Require', '100rel'],
        ['RSeq', String(number)],
      ]
      const stop = transactions.repeat(() => say(begun(), status, reason, [...headers, ...reliable], body, tag))
      unpracked.set(number, { stop, offeredBy: offererOf(by, body) })
      const prack = await core.next((message) => message.method === 'PRACK' && rackOf(message) === number)
      await core.settled()
      return prack
    },
    answer: async (options) => {
      const { tag, by } = partyOf(options)
      const body = settled.has(by) ? '' : await bodyFor(by, options.direction)
      accept(begun(), body, offererOf(by, body), options.headers, tag)
      const ack = await acked(numberOf(begun().request))
      await core.settled()
      return ack
    },
    reject: (status, reason) => {
      say(begun(), status, reason, [], '', core.tag)
      return acked(numberOf(begun().request))
    },
    requested: (transaction) =>
      core.inOrder(async () => {
        const { request } = transaction
        core.last = transaction.link
        core.record(request)
        if (request.method === 'INVITE' || request.method === 'UPDATE') await renegotiated(transaction)
        else if (request.method === 'PRACK') await pracked(transaction)
        else say(transaction, 200, 'OK')
      }),
    acknowledged: (ack) =>
      core.inOrder(async () => {
        const waiting = unacknowledged.get(numberOf(ack))
        const again = core.arrived.some((message) => message.method === 'ACK' && numberOf(message) === numberOf(ack))
        if (again) return
        waiting?.stop()
        core.record(ack)
        if (waiting?.offeredBy !== undefined) await core.accepted(sdpOf(ack), waiting.offeredBy)
        else if (ack.body.length > 0) world.problem('an ACK with an SDP that nothing asked for')
      }),
    cancelled: () => {
      say(begun(), 487, 'Request Terminated', [], '', core.tag)
      core.watch.happened()
    },
    refuseNext: (status) => refusals.push(status),
  }
}
