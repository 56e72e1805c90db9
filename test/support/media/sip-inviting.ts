/** INVITEs that a call sends, the first one and later ones: their responses, ACKs, PRACKs, CANCEL. */
import { headerOf, tagOf, valuesOf, type Wire } from '../wire.ts'
import type { Direction } from './sdp.ts'
import { type CallCore, numberOf, PATIENCE, sdpOf } from './sip-call-core.ts'
import { dialogByResponse, type HeaderPair, nextHopOf, refreshed, requestText, type SipDialog } from './sip-dialog.ts'
import type { SipLink } from './sip-link.ts'
import { newBranch } from './sip-transactions.ts'

export interface InviteOptions {
  readonly direction?: Direction
  /** Without SDP: the other side offers. */
  readonly offerless?: boolean
  readonly headers?: readonly HeaderPair[]
  /** For the final response; default 10 s. */
  readonly ms?: number
}

export interface OutgoingCall extends InviteOptions {
  readonly target: string
  /** Route values, first hop first. */
  readonly routes: readonly string[]
  /** From, without its tag. */
  readonly from: string
  readonly reliable: 'no' | 'supported' | 'required'
  /** Default: one of its own. */
  readonly callId?: string
}

/** An INVITE that was sent. */
interface Sent {
  readonly uri: string
  readonly branch: string
  readonly headers: readonly HeaderPair[]
  readonly link: SipLink
  readonly number: number
  readonly first: boolean
  readonly hasOffer: boolean
}

export interface Inviting {
  begin(call: OutgoingCall): Promise<void>
  /** Resolves with the final response, acknowledged, its SDP in force. */
  reinvite(options: InviteOptions): Promise<Wire>
  /** Resolves with the final response to the CANCEL. */
  cancel(): Promise<Wire>
}

/** What every INVITE and its 2xx say of this side. */
export const inviteHeaders = (contact: string, more: readonly HeaderPair[] = []): readonly HeaderPair[] => [
  ['Contact', contact],
  ['Allow', 'INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, INFO'],
  ...more,
]

const RELIABLE: Readonly<Record<OutgoingCall['reliable'], readonly HeaderPair[]>> = {
  no: [],
  supported: [['Supported', '100rel']],
  required: [['Require', '100rel']],
}

/** Those of an INVITE that its CANCEL and the ACK of its refusal share with it (§9.1, §17.1.1.3). */
const hopHeaders = (headers: readonly HeaderPair[], names: readonly string[]): readonly HeaderPair[] =>
  headers.filter(([name]) => ['Via', 'Route', 'Max-Forwards', 'From', 'Call-ID', ...names].includes(name))

export const createInviting = (core: CallCore): Inviting => {
  const { world } = core
  const { transactions } = world
  /** ACKs by CSeq number and tag: a final response that comes again gets its ACK again. */
  const acks = new Map<string, () => void>()
  const reliableSeen = new Set<string>()
  let begun: Sent | undefined
  let confirmed = false

  const acknowledge = (response: Wire, link: SipLink, text: string): void => {
    const send = (): void => link.send(text)
    acks.set(`${numberOf(response)} ${tagOf(response, 'to')}`, send)
    send()
  }
  const refusedWith = (response: Wire, { uri, headers, link, hasOffer }: Sent): void => {
    const own: readonly HeaderPair[] = [
      ['To', headerOf(response, 'to')],
      ['CSeq', `${numberOf(response)} ACK`],
    ]
    acknowledge(response, link, requestText('ACK', uri, [...hopHeaders(headers, []), ...own]))
    if (hasOffer) core.media.refused()
  }
  const acknowledgeWith = async (response: Wire, within: SipDialog, body: string): Promise<void> => {
    const link = await world.link(nextHopOf(within.target, within.routes), core.last)
    acknowledge(response, link, requestText('ACK', within.target, core.head(within, newBranch(), numberOf(response), 'ACK'), body))
  }
  /** RFC 3262 §4; an offer of the response is answered in the PRACK. */
  const prack = async (response: Wire, hasOffer: boolean): Promise<void> => {
    const body = !hasOffer && response.body.length > 0 ? await core.answered(sdpOf(response)) : ''
    const rack: HeaderPair = ['RAck', `${headerOf(response, 'rseq')} ${headerOf(response, 'cseq')}`]
    // Its response comes in the same order as everything else: not awaited here
    void core.transact('PRACK', [rack], body, dialogByResponse(response)).catch((error: Error) => world.problem(error.message))
  }
  /** §13.2.2.4: a second party that answered is let go. */
  const letGo = async (response: Wire): Promise<void> => {
    const rival = dialogByResponse(response)
    await acknowledgeWith(response, rival, '')
    void core.transact('BYE', [], '', rival).catch((error: Error) => world.problem(error.message))
  }
  const responses = (sent: Sent): ((response: Wire) => void) => {
    /** No SDP of theirs was an offer that we answered yet. */
    let unanswered = !sent.hasOffer
    const progressed = async (response: Wire): Promise<void> => {
      if (sent.first && !confirmed && tagOf(response, 'to') !== undefined) core.dialog = dialogByResponse(response)
      const reliable = valuesOf(response, 'require').includes('100rel')
      const key = `${tagOf(response, 'to')} ${headerOf(response, 'rseq')}`
      if (reliable && reliableSeen.has(key)) return
      if (sent.hasOffer && response.body.length > 0) await core.accepted(sdpOf(response))
      if (!reliable) return
      reliableSeen.add(key)
      await prack(response, sent.hasOffer)
      if (response.body.length > 0) unanswered = false
    }
    const succeeded = async (response: Wire): Promise<void> => {
      if (sent.first && confirmed) return letGo(response)
      core.dialog = sent.first ? dialogByResponse(response) : refreshed(core.current(), response)
      confirmed = true
      let body = ''
      if (sent.hasOffer && response.body.length > 0) await core.accepted(sdpOf(response))
      if (unanswered) body = await core.answered(sdpOf(response))
      unanswered = false
      await acknowledgeWith(response, core.current(), body)
    }
    return (response) =>
      core.inOrder(async () => {
        const again = response.status >= 200 ? acks.get(`${numberOf(response)} ${tagOf(response, 'to')}`) : undefined
        if (again !== undefined) {
          again()
          return
        }
        core.record(response)
        if (response.status >= 300) refusedWith(response, sent)
        else if (response.status >= 200) await succeeded(response)
        else if (response.status > 100) await progressed(response)
      })
  }
  const send = async (
    uri: string,
    routes: readonly string[],
    body: string,
    first: boolean,
    head: (branch: string, number: number) => readonly HeaderPair[],
  ): Promise<Sent> => {
    const link = await world.link(nextHopOf(uri, routes), core.last)
    core.last ??= link
    const branch = newBranch()
    const number = ++core.cseq
    const headers = head(branch, number)
    const sent: Sent = { uri, branch, headers, link, number, first, hasOffer: body !== '' }
    transactions.send(link, branch, 'INVITE', requestText('INVITE', uri, headers, body), responses(sent))
    return sent
  }
  return {
    begin: async (call) => {
      const body = call.offerless === true ? '' : await core.offered(call.direction)
      begun = await send(call.target, call.routes, body, true, (branch, number) => [
        ['Via', world.via(branch)],
        ...call.routes.map((route): HeaderPair => ['Route', route]),
        ['Max-Forwards', '70'],
        ['From', `${call.from};tag=${core.tag}`],
        ['To', `<${call.target}>`],
        ['Call-ID', core.callId],
        ['CSeq', `${number} INVITE`],
        ...inviteHeaders(world.contact, [...RELIABLE[call.reliable], ...(call.headers ?? [])]),
      ])
    },
    reinvite: async (options) => {
      const body = options.offerless === true ? '' : await core.offered(options.direction)
      const within = core.current()
      const more = inviteHeaders(world.contact, options.headers)
      const { number } = await send(within.target, within.routes, body, false, (branch, its) => [
        ...core.head(within, branch, its, 'INVITE'),
        ...more,
      ])
      const final = await core.final('INVITE', number, options.ms)
      await core.settled()
      return final
    },
    cancel: async () => {
      const sent = await core.watch.until(
        () => begun,
        () => 'no INVITE was sent',
        PATIENCE,
      )
      const text = requestText('CANCEL', sent.uri, [...hopHeaders(sent.headers, ['To']), ['CSeq', `${sent.number} CANCEL`]])
      transactions.send(sent.link, sent.branch, 'CANCEL', text, (response) => {
        core.record(response)
        core.watch.happened()
      })
      return core.final('CANCEL', sent.number)
    },
  }
}
