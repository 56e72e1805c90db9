import type { Flow } from '../address/flow.ts'
import { EMPTY, own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { indexOfHeader, line, makeRequest, type SipRequest, type SipResponse, serialise } from '../sip/message.ts'
import { clientKey } from '../transaction/key.ts'
import type { TimerValues } from '../transaction/timers.ts'
import { ClientTransaction, type ClientUser } from './client-transaction.ts'
import { ServerTransaction } from './server-transaction.ts'
import type { Wheel } from './timers.ts'
import { ABSORBING, AcceptedTomb, type ClientTomb, Ring, ServerTomb, type Upstream } from './tombs.ts'

/** What the tables tell the rest: counted, never asked for an answer. */
export interface TransactionEvents {
  requestSent(transaction: ClientTransaction): void
  started(transaction: ServerTransaction | ClientTransaction): void
  ended(transaction: ServerTransaction | ClientTransaction): void
  responseSent(response: SipResponse, transaction: ServerTransaction): void
  retransmitted(what: 'request' | 'response', flow: Flow): void
  /** Timer H: our final response was never acknowledged. */
  unacknowledged(transaction: ServerTransaction): void
}

/** The transactions under way, and what they share (§17). */
export class Transactions {
  readonly wheel: Wheel
  timers: TimerValues
  readonly #clock: Clock
  readonly #events: TransactionEvents
  readonly #servers = new Map<string, ServerTransaction | ServerTomb>()
  readonly #clients = new Map<string, ClientTransaction | ClientTomb>()
  readonly #serverRing: Ring
  readonly #clientRing: Ring
  /** Those that a lost connection takes along; datagram flows are never lost. */
  readonly #onFlow = new Map<Flow, Set<ServerTransaction | ClientTransaction>>()

  #pending = 0

  constructor(wheel: Wheel, timers: TimerValues, clock: Clock, events: TransactionEvents) {
    this.wheel = wheel
    this.timers = timers
    this.#clock = clock
    this.#events = events
    this.#serverRing = new Ring(clock.now())
    this.#clientRing = new Ring(clock.now())
  }

  /** Server transactions that have no final response yet: what a stop waits for. */
  get pending(): number {
    return this.#pending
  }

  get servers(): number {
    return this.#servers.size
  }

  get clients(): number {
    return this.#clients.size
  }

  /** Connections that transactions depend on. */
  get onFlows(): number {
    return this.#onFlow.size
  }

  /** A transaction waits for something that comes by this connection, or has to leave by it. */
  waitOn(flow: Flow): boolean {
    return this.#onFlow.has(flow)
  }

  server(key: string): ServerTransaction | ServerTomb | undefined {
    return this.#servers.get(key)
  }

  client(key: string): ClientTransaction | ClientTomb | undefined {
    return this.#clients.get(key)
  }

  createServer(key: string, request: SipRequest, flow: Flow): ServerTransaction {
    // A key is put together from slices of the message; a copy lets go of it
    const transaction = new ServerTransaction(this, own(key), request, flow)
    this.#servers.set(transaction.key, transaction)
    this.#pending++
    this.#events.started(transaction)
    if (flow.listener.transport.reliable) this.#attach(flow, transaction)
    return transaction
  }

  /** Sends a request, whose topmost Via has `branch`, and keeps sending it as §17.1 says. */
  send(request: SipRequest, branch: string, flow: Flow, user: ClientUser): ClientTransaction {
    const key = own(clientKey(request.method, branch))
    const transaction = new ClientTransaction(this, key, request, flow, user)
    this.#clients.set(key, transaction)
    this.#events.started(transaction)
    if (flow.listener.transport.reliable) this.#attach(flow, transaction)
    transaction.start(serialise(request))
    return transaction
  }

  /** A server transaction got its final response, or ended without one. */
  settled(): void {
    this.#pending--
  }

  remove(transaction: ServerTransaction): void {
    if (this.#servers.get(transaction.key) !== transaction) return
    this.#servers.delete(transaction.key)
    this.#events.ended(transaction)
    this.#detach(transaction)
  }

  removeClient(transaction: ClientTransaction): void {
    if (this.#clients.get(transaction.key) !== transaction) return
    this.#clients.delete(transaction.key)
    this.#events.ended(transaction)
    this.#detach(transaction)
  }

  /**
   * Only Timer J or L is left of it: a tomb takes its place for `ms`.
   * @returns false when it has to keep its own timer
   */
  bury(transaction: ServerTransaction, state: 'completed' | 'accepted', answer: string, ms: number): boolean {
    const { key, flow, responseTag } = transaction
    if (this.#servers.get(key) !== transaction || !this.#serverRing.add(key, this.#clock.now(), ms)) return false
    this.#servers.set(key, new ServerTomb(state, responseTag, flow, answer, this.#repeated))
    this.#events.ended(transaction)
    this.#detach(transaction)
    return true
  }

  /** Only Timer K is left of it, or, with where 2xx go, Timer M. */
  buryClient(transaction: ClientTransaction, ms: number, upstream?: Upstream): boolean {
    const { key, flow } = transaction
    if (this.#clients.get(key) !== transaction || !this.#clientRing.add(key, this.#clock.now(), ms)) return false
    const tomb = upstream === undefined ? ABSORBING : new AcceptedTomb(flow, upstream, this.#repeated)
    this.#clients.set(key, tomb)
    this.#events.ended(transaction)
    this.#detach(transaction)
    return true
  }

  /** Forgets what is due. */
  sweep(now: number): void {
    this.#serverRing.sweep(now, this.#forgetServer)
    this.#clientRing.sweep(now, this.#forgetClient)
  }

  readonly #repeated = (flow: Flow): void => this.#events.retransmitted('response', flow)

  // A key may belong to a transaction that came after the one in the ring
  readonly #forgetServer = (key: string): void => {
    if (this.#servers.get(key) instanceof ServerTomb) this.#servers.delete(key)
  }

  readonly #forgetClient = (key: string): void => {
    const entry = this.#clients.get(key)
    if (entry !== undefined && 'buried' in entry) this.#clients.delete(key)
  }

  flowLost(flow: Flow, why: string): void {
    const lost = this.#onFlow.get(flow)
    if (lost === undefined) return
    this.#onFlow.delete(flow)
    for (const transaction of lost) transaction.flowLost(why)
  }

  /** For datagrams, where the network tells of an error without a connection: the client transactions toward that remote. */
  datagramFailed(flow: Flow, why: string): void {
    for (const transaction of [...this.#clients.values()]) if (transaction.flow === flow) transaction.flowLost(why)
  }

  /** @returns the bytes as latin1 text, for `resendResponse` */
  sendResponse(transaction: ServerTransaction, response: SipResponse, keep: boolean): string {
    const bytes = serialise(response)
    // Text of its own: a Buffer kept for Timer J would keep the pool it was cut from, a hundred times its size
    const kept = keep ? bytes.latin1Slice(0, bytes.length) : ''
    transaction.flow.send(bytes)
    this.#events.responseSent(response, transaction)
    return kept
  }

  resendResponse(transaction: ServerTransaction, text: string): void {
    transaction.flow.send(Buffer.from(text, 'latin1'))
    this.#events.retransmitted('response', transaction.flow)
  }

  sendRequest(transaction: ClientTransaction, bytes: Buffer, again: boolean): void {
    transaction.flow.send(bytes)
    if (again) this.#events.retransmitted('request', transaction.flow)
    else this.#events.requestSent(transaction)
  }

  unacknowledged(transaction: ServerTransaction): void {
    this.#events.unacknowledged(transaction)
  }

  /** §17.1.1.3: the INVITE's Request-URI, topmost Via, From, Call-ID, Route and CSeq number, and the To of the response. */
  ackFor(invite: SipRequest, response: SipResponse): Buffer {
    return serialise(hopByHop(invite, 'ACK', response))
  }

  #attach(flow: Flow, transaction: ServerTransaction | ClientTransaction): void {
    const set = this.#onFlow.get(flow)
    if (set === undefined) this.#onFlow.set(flow, new Set([transaction]))
    else set.add(transaction)
  }

  #detach(transaction: ServerTransaction | ClientTransaction): void {
    const set = this.#onFlow.get(transaction.flow)
    if (set === undefined) return
    set.delete(transaction)
    if (set.size === 0) this.#onFlow.delete(transaction.flow)
  }
}

/** §9.1: the CANCEL of an INVITE that was sent. */
export const cancelOf = (invite: SipRequest, reason: string | undefined): SipRequest => {
  const cancel = hopByHop(invite, 'CANCEL', undefined)
  return reason === undefined
    ? cancel
    : makeRequest(cancel.startLine, 'CANCEL', cancel.requestUri, [...cancel.headers, line('Reason', reason)], EMPTY)
}

const hopByHop = (invite: SipRequest, method: 'ACK' | 'CANCEL', response: SipResponse | undefined): SipRequest => {
  const headers = [invite.headers[indexOfHeader(invite, 'via')]!]
  for (const one of invite.headers) {
    if (one.name === 'to') headers.push(response === undefined ? one : response.headers[indexOfHeader(response, 'to')]!)
    else if (one.name === 'from' || one.name === 'call-id' || one.name === 'route') headers.push(one)
    else if (one.name === 'cseq') headers.push(line('CSeq', `${one.value.slice(0, one.value.search(/\s/))} ${method}`))
  }
  headers.push(line('Max-Forwards', '70'), line('Content-Length', '0'))
  return makeRequest(`${method} ${invite.requestUri} SIP/2.0\r\n`, method, invite.requestUri, headers, EMPTY)
}
