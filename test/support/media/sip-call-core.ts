/** What the two roles of a call share: what arrived, the dialog, requests inside of it, SDP in and out in the order of arrival. */
import { headerOf, type Wire } from '../wire.ts'
import type { MediaEndpoint } from './endpoint.ts'
import type { Direction } from './sdp.ts'
import { type HeaderPair, nextHopOf, requestText, type SipDialog } from './sip-dialog.ts'
import type { SipLink } from './sip-link.ts'
import { newBranch, type SipTransactions } from './sip-transactions.ts'
import { createWatch, type Watch } from './watch.ts'

/** An SDP that arrived, as it stood there. */
export interface ArrivedSdp {
  /** `INVITE`, `183 INVITE`, `ACK` … */
  readonly with: string
  readonly sdp: string
}

/** What a call needs of its endpoint. */
export interface CallWorld {
  readonly transactions: SipTransactions
  /** The value of a Via. */
  via(branch: string): string
  /** The value of Contact. */
  readonly contact: string
  /** A way to the hop of this URI; `last` is where the dialog's messages came from. */
  link(hop: string, last: SipLink | undefined): Promise<SipLink>
  readonly media: MediaEndpoint
  receiving(sdp: string, kind: 'offer' | 'answer'): Promise<string>
  sending(sdp: string, kind: 'offer' | 'answer'): Promise<string>
  problem(text: string): void
}

export interface CallCore {
  readonly world: CallWorld
  readonly callId: string
  /** Of ours. */
  readonly tag: string
  readonly arrived: readonly Wire[]
  readonly sdps: readonly ArrivedSdp[]
  readonly watch: Watch
  media: MediaEndpoint
  dialog: SipDialog | undefined
  /** Where the last message of the call came from. */
  last: SipLink | undefined
  cseq: number
  /** One after the other, as things came; what fails is the endpoint's problem. */
  inOrder(act: () => Promise<void>): void
  /** Resolves when all that came so far is done. */
  settled(): Promise<unknown>
  record(message: Wire): void
  /** The next message that fits and was not asked for yet. */
  next(wanted: string | ((message: Wire) => boolean), ms?: number): Promise<Wire>
  /** The final response to a request of ours. */
  final(method: string, number: number, ms?: number): Promise<Wire>
  current(): SipDialog
  /** The header lines of a request inside a dialog. */
  head(within: SipDialog, branch: string, number: number, method: string): readonly HeaderPair[]
  /** Sends a request other than INVITE and ACK inside a dialog; its final response. */
  transact(method: string, headers: readonly HeaderPair[], body: string, within?: SipDialog): Promise<Wire>
  offered(direction?: Direction, by?: MediaEndpoint): Promise<string>
  answered(offer: string, direction?: Direction, by?: MediaEndpoint): Promise<string>
  accepted(answer: string, by?: MediaEndpoint): Promise<void>
}

export const PATIENCE = 10_000
export const sdpOf = (message: Wire): string => message.body.toString('latin1')
export const numberOf = (message: Wire): number => Number.parseInt(headerOf(message, 'cseq'), 10)

const isSdp = (message: Wire): boolean => message.body.length > 0 && headerOf(message, 'content-type').startsWith('application/sdp')

/** `BYE`, `183 INVITE`. */
export const nameOfMessage = (message: Wire): string => (message.status === 0 ? message.method : `${message.status} ${message.method}`)

export const createCore = (world: CallWorld, callId: string, tag: string): CallCore => {
  const arrived: Wire[] = []
  const sdps: ArrivedSdp[] = []
  const asked = new Set<Wire>()
  const watch = createWatch()
  let order: Promise<unknown> = Promise.resolve()
  const seen = (): string => `there came ${arrived.map(nameOfMessage).join(', ') || 'nothing'}`
  const core: CallCore = {
    world,
    callId,
    tag,
    arrived,
    sdps,
    watch,
    media: world.media,
    dialog: undefined,
    last: undefined,
    cseq: 0,
    inOrder: (act) => {
      order = order
        .then(act)
        .catch((error) => world.problem(`${callId}: ${(error as Error).message}`))
        .finally(watch.happened)
    },
    settled: () => order,
    record: (message) => {
      arrived.push(message)
      if (isSdp(message)) sdps.push({ with: nameOfMessage(message), sdp: sdpOf(message) })
    },
    next: (wanted, ms = PATIENCE) => {
      const fits = typeof wanted === 'string' ? (message: Wire): boolean => nameOfMessage(message) === wanted : wanted
      return watch.until(
        () => {
          const found = arrived.find((message) => !asked.has(message) && fits(message))
          if (found !== undefined) asked.add(found)
          return found
        },
        () => `no ${typeof wanted === 'string' ? wanted : 'such message'} within ${ms} ms; ${seen()}`,
        ms,
      )
    },
    final: (method, number, ms = PATIENCE) =>
      watch.until(
        () => arrived.find((message) => message.status >= 200 && message.method === method && numberOf(message) === number),
        () => `no final response to ${method} within ${ms} ms; ${seen()}`,
        ms,
      ),
    current: () => {
      if (core.dialog === undefined) throw new Error('there is no dialog yet')
      return core.dialog
    },
    head: (within, branch, number, method) => [
      ['Via', world.via(branch)],
      ...within.routes.map((route): HeaderPair => ['Route', route]),
      ['Max-Forwards', '70'],
      ['From', within.local],
      ['To', within.remote],
      ['Call-ID', within.callId],
      ['CSeq', `${number} ${method}`],
    ],
    transact: async (method, headers, body, within = core.current()) => {
      const branch = newBranch()
      const number = ++core.cseq
      const link = await world.link(nextHopOf(within.target, within.routes), core.last)
      const text = requestText(method, within.target, [...core.head(within, branch, number, method), ...headers], body)
      world.transactions.send(link, branch, method, text, (response) => {
        core.record(response)
        watch.happened()
      })
      return core.final(method, number)
    },
    offered: async (direction, by = core.media) => world.sending(by.offer(direction), 'offer'),
    answered: async (offer, direction, by = core.media) =>
      world.sending(by.answer(await world.receiving(offer, 'offer'), direction), 'answer'),
    accepted: async (answer, by = core.media) => by.accept(await world.receiving(answer, 'answer')),
  }
  return core
}
