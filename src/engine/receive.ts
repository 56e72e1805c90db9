/**
 * The life of a message, from its bytes to the proxy core: receive, parse, match, validate, classify. What a message's handling throws costs
 * that message only.
 */
import type { Flow } from '../address/flow.ts'
import { isProblem, type Problem } from '../base/problem.ts'
import { safeMessage } from '../observability/redact.ts'
import { withoutClaims } from '../routing/alterations/identities.ts'
import { type Classified, classify } from '../routing/classify.ts'
import type { Candidate } from '../routing/decide.ts'
import { callsForHelp } from '../routing/emergency.ts'
import { methodFault } from '../routing/methods.ts'
import { validateRequest, wellFormed } from '../routing/validate.ts'
import { headerValue, line, type SipRequest, serialise } from '../sip/message.ts'
import { type ParseProblem, parse } from '../sip/parse.ts'
import { cseq, fromTag, topVia, toTag } from '../sip/read.ts'
import type { Via } from '../sip/via.ts'
import { hasMagicCookie, isAckTo, oldServerKey, serverKey } from '../transaction/key.ts'
import type { Zone } from '../zones/zone.ts'
import { forwardAck } from './ack.ts'
import { answer, answerTo, canAnswer, statusOf, trying } from './answers.ts'
import type { Plan } from './compose.ts'
import type { DialogSide } from './dialogs/dialog.ts'
import type { Edge, Running } from './edge.ts'
import { answerForUs } from './for-us.ts'
import { begin } from './initial.ts'
import { checkLeg } from './legs.ts'
import { mediaInDialog, type RequestMedia, takesCandidates } from './media/request-media.ts'
import { isBehind } from './nat/behind.ts'
import { ProxyContext } from './proxy.ts'
import { receiveResponse } from './receive-response.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { replyFlow, withSource } from './source.ts'
import { refuseStranger } from './stranger.ts'
import type { ServerTomb } from './tombs.ts'

/** The user of a server transaction that the core could hand a CANCEL to. */
const contextOf = (transaction: ServerTransaction | ServerTomb): ProxyContext | undefined =>
  transaction.user instanceof ProxyContext ? transaction.user : undefined

/** One part of so many of the limit is for calls for help, beyond it: who dials them without end must not fill the memory. */
const RESERVE = 10

export class Receiver {
  readonly #edge: Edge

  constructor(edge: Edge) {
    this.#edge = edge
  }

  /** One whole message from the transports; never throws. */
  received(flow: Flow, bytes: Buffer): void {
    const edge = this.#edge
    edge.arrivedAt = edge.clock.now()
    try {
      const message = parse(bytes, edge.running.snapshot.limits.message)
      if (message.kind === 'problem') this.#unreadable(flow, message)
      else if (message.kind === 'request') this.#request(flow, message)
      else receiveResponse(this.#edge, flow, message)
    } catch (error) {
      this.#broke(flow, bytes, error)
    }
    edge.arrivedAt = 0
  }

  #unreadable(flow: Flow, fault: ParseProblem): void {
    const { metrics, log } = this.#edge
    if (log.enabled('debug'))
      log.debug(
        { step: 'parse', listener: flow.listener.name, remote: flow.remoteAddress, reason: fault.reason, rfc: fault.rfc },
        'Unreadable message',
      )
    if (fault.message?.kind !== 'request') {
      metrics.drop('unreadable', flow.listener.name)
      return
    }
    metrics.message(fault.message.method, flow.listener.transport.name, 'in')
    this.#answerOnce(flow, fault.message, fault)
  }

  /** An answer outside any transaction: the request is not good enough for one. */
  #answerOnce(flow: Flow, request: SipRequest, fault: Problem): void {
    const { metrics, ids } = this.#edge
    if (!canAnswer(request) || this.#edge.running.admission.zoneOf(flow) === undefined) {
      metrics.drop('unanswerable', flow.listener.name)
      return
    }
    const response = answerTo(withSource(request, flow, true), fault, ids.token(8))
    metrics.message(request.method, flow.listener.transport.name, 'out', fault.status)
    replyFlow(this.#edge, flow, topVia(request), true).send(serialise(response))
  }

  #broke(flow: Flow, bytes: Buffer, error: unknown): void {
    const { log, metrics } = this.#edge
    metrics.internalError('other')
    log.error(
      { listener: flow.listener.name, remote: flow.remoteAddress, err: error, message: safeMessage(bytes) },
      'Handling of a message failed',
    )
    try {
      const message = parse(bytes, this.#edge.running.snapshot.limits.message)
      if (message.kind !== 'request' || !canAnswer(message) || wellFormed(message) !== undefined) return
      const transaction = this.#edge.transactions.server(this.#key(message, topVia(message)!))
      const { status, reason } = statusOf(error)
      const response = answer(withSource(message, flow, true), status, reason, this.#edge.ids.token(8))
      if (transaction !== undefined && !transaction.answered) transaction.respond(response)
      else flow.send(serialise(response))
    } catch (again) {
      log.error({ err: again }, 'The failure could not be answered')
    }
  }

  // ---- requests

  #request(flow: Flow, arrived: SipRequest): void {
    const edge = this.#edge
    const { metrics } = edge
    metrics.message(arrived.method, flow.listener.transport.name, 'in')
    const malformed = wellFormed(arrived)
    if (malformed !== undefined) {
      this.#answerOnce(flow, arrived, malformed)
      return
    }
    const via = topVia(arrived)!
    const key = this.#key(arrived, via)
    const known = edge.transactions.server(key)
    if (known !== undefined) {
      if (arrived.method !== 'ACK') {
        metrics.retransmission('in')
        known.repeated()
        return
      }
      if (known.state === 'completed' && (hasMagicCookie(via.branch) || isAckTo(toTag(arrived), known.responseTag))) {
        known.acknowledged()
        return
      }
      // INTEROP: some send the ACK to a 2xx with the INVITE's branch (RFC 2543): it still has to reach the UAS
      if (known.state !== 'accepted') return
    }
    const { running } = edge
    const zone = running.admission.zoneOf(flow)
    if (zone === undefined) {
      refuseStranger(edge, flow, arrived)
      return
    }
    if (!zone.connections.share && !flow.inbound && flow.listener.transport.reliable) metrics.requestOnOurs(zone.name)
    const symmetric = isBehind(zone, arrived, flow)
    const located = withSource(arrived, flow, symmetric)
    // Where the zone asks who they are, the gate knows what they may claim
    const request = zone.trusted || zone.authenticate ? located : withoutClaims(located)
    if (arrived.method === 'ACK') {
      forwardAck(edge, flow, request, running, zone)
      return
    }
    const reply = replyFlow(edge, flow, via, symmetric)
    if (arrived.method === 'CANCEL') {
      this.#cancel(reply, request, key, via)
      return
    }
    if (edge.stopping || (edge.transactions.servers >= running.snapshot.limits.transactions && !this.#stillTaken(request, running))) {
      metrics.drop(edge.stopping ? 'stopping' : 'transactions', flow.listener.name)
      reply.send(
        serialise(answer(request, 503, 'Service Unavailable', edge.ids.token(8), [line('Retry-After', edge.stopping ? '10' : '2')])),
      )
      metrics.message(request.method, flow.listener.transport.name, 'out', 503)
      return
    }
    const transaction = edge.transactions.createServer(key, request, reply)
    const callId = headerValue(request, 'call-id')!
    if (edge.order.waits(callId)) {
      // §17.2.1: within 200 ms, however long what it waits for takes
      if (transaction.invite) transaction.respond(trying(request))
      edge.order.run(callId, () => this.#guarded(flow, request, running, zone, transaction))
    } else {
      const pending = this.#guarded(flow, request, running, zone, transaction)
      if (pending !== undefined) edge.order.hold(callId, pending)
    }
  }

  /** A call for help is not limited as others are, and has what the limit kept for it. */
  #stillTaken(request: SipRequest, { emergency, snapshot }: Running): boolean {
    const { transactions } = snapshot.limits
    return this.#edge.transactions.servers < transactions + transactions / RESERVE && callsForHelp(request, emergency)
  }

  #guarded(flow: Flow, request: SipRequest, running: Running, zone: Zone, transaction: ServerTransaction): void | Promise<void> {
    // CANCEL was faster, or the connection is gone
    if (transaction.answered) return undefined
    try {
      return this.#proceed(flow, request, running, zone, transaction)
    } catch (error) {
      this.#failed(request, transaction, error)
      return undefined
    }
  }

  #failed(request: SipRequest, transaction: ServerTransaction, error: unknown): void {
    const { log, metrics, ids } = this.#edge
    const { status, reason } = statusOf(error)
    if (status === 500) metrics.internalError('other')
    log.error(
      { callId: headerValue(request, 'call-id'), err: error, message: safeMessage(serialise(request)) },
      'Handling of a request failed',
    )
    if (!transaction.answered) transaction.respond(answer(request, status, reason, ids.token(8)))
  }

  #proceed(flow: Flow, request: SipRequest, running: Running, zone: Zone, transaction: ServerTransaction): void | Promise<void> {
    const edge = this.#edge
    const fault = validateRequest(request, running.validate)
    if (fault !== undefined) {
      this.#refuse(transaction, request, fault, 'validate')
      return
    }
    const { myself, states, seals } = running
    const classified = classify(request, { myself, states, seals, arrivedOn: flow.listener, from: zone, kept: edge.passing.kept })
    if (classified.kind === 'problem') {
      edge.metrics.routeStateRefused(classified.fault)
      this.#refuse(transaction, request, classified, 'classify')
      return
    }
    switch (classified.kind) {
      case 'for-us':
        answerForUs(edge, flow, zone, request, classified.uri, transaction)
        return
      case 'stranger':
        transaction.respond(answer(request, 481, 'Call/Transaction Does Not Exist', edge.ids.token(8)))
        return
      case 'in-dialog': {
        checkLeg(edge, flow, request, classified.ingress)
        const inside = zone.authenticate ? { ...classified, request: edge.gate.inside(classified.request, running) } : classified
        const unknown = methodFault(request.method, zone) ?? methodFault(request.method, inside.egress.zone)
        if (unknown !== undefined && !takesCandidates(edge, inside)) {
          this.#refuse(transaction, request, unknown, 'classify')
          return
        }
        const media = mediaInDialog(edge, flow, inside)
        if (media !== undefined && isProblem(media)) {
          this.#refuse(transaction, request, media, 'media')
          return
        }
        const sender = edge.dialogs.follow(flow, inside, media?.at(0))
        if (takesCandidates(edge, inside) || edge.dialogs.byeToNobody(inside, sender, media?.at(0))) {
          transaction.respond(answer(request, 200, 'OK', edge.ids.token(8)))
          return
        }
        return new ProxyContext(edge, running, transaction, flow, inDialogPlan(inside, media, sender)).start()
      }
      case 'initial': {
        const begun = begin(edge, { flow, running, zone, transaction, classified })
        return begun instanceof Promise ? begun.catch((error: unknown) => this.#failed(request, transaction, error)) : undefined
      }
    }
  }

  #refuse(transaction: ServerTransaction, request: SipRequest, fault: Problem, step: 'validate' | 'classify' | 'media'): void {
    const { log, ids } = this.#edge
    if (log.enabled('debug'))
      log.debug({ callId: headerValue(request, 'call-id'), step, status: fault.status, rfc: fault.rfc, at: fault.at }, fault.reason)
    transaction.respond(answerTo(request, fault, ids.token(8)))
  }

  /** §16.10. */
  #cancel(reply: Flow, request: SipRequest, key: string, via: Via): void {
    const edge = this.#edge
    const invite = edge.transactions.server(this.#key(request, via, 'INVITE'))
    if (invite === undefined) {
      // Without a transaction: there could be any number of them
      reply.send(serialise(answer(request, 481, 'Call/Transaction Does Not Exist', edge.ids.token(8))))
      edge.metrics.message(request.method, reply.listener.transport.name, 'out', 481)
      return
    }
    const transaction = edge.transactions.createServer(key, request, reply)
    // §9.2: the To tag of the CANCEL's answer is the one of the INVITE's answer, where there is one
    transaction.respond(answer(request, 200, 'OK', invite.responseTag ?? edge.ids.token(8)))
    const context = contextOf(invite)
    if (context !== undefined) context.cancel(headerValue(request, 'reason'))
    // Before there is a context (the call waits for its turn) the INVITE is answered here
    else if (!invite.answered && invite.request !== undefined)
      invite.respond(answer(invite.request, 487, 'Request Terminated', edge.ids.token(8)))
  }

  // ---- parts

  #key(request: SipRequest, via: Via, method = request.method): string {
    if (hasMagicCookie(via.branch)) return serverKey(method, via.branch, via.host, via.port)
    return oldServerKey({
      method,
      requestUri: request.requestUri,
      fromTag: fromTag(request),
      toTag: toTag(request),
      callId: headerValue(request, 'call-id')!,
      cseq: cseq(request)!.number,
      via: via.text,
    })
  }
}

const inDialogPlan = (
  { request, uri, ingress, egress, state, names }: Extract<Classified, { kind: 'in-dialog' }>,
  media: RequestMedia | undefined,
  sender: DialogSide | undefined,
): Plan => {
  // In a dialog a zone's flow or listener decides, not its targets
  const candidate: Candidate = { kind: 'side', side: egress }
  return {
    request,
    uri,
    ingress,
    egress,
    state,
    named: names.ingress,
    groups: [[candidate]],
    rule: 'dialog',
    advertise: names.egress,
    numbers: [],
    headers: [],
    media,
    sender,
    gone: 430,
  }
}
