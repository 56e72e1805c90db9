/**
 * A request that begins something: the line in a storm, who sends it, REGISTERs that are answered here, the rules, and then the proxy core.
 */
import type { Flow } from '../address/flow.ts'
import type { Proven } from '../authentication/types.ts'
import type { Problem } from '../base/problem.ts'
import { applyNumberRules, TARGET } from '../routing/alterations/number-rules.ts'
import { breadthOf, narrowed } from '../routing/breadth.ts'
import type { Classified } from '../routing/classify.ts'
import { type Candidate, decide } from '../routing/decide.ts'
import { methodFault } from '../routing/methods.ts'
import { headerValue, line, type SipRequest } from '../sip/message.ts'
import { parseUri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'
import { answer } from './answers.ts'
import type { Plan } from './compose.ts'
import { decidedText } from './decided-text.ts'
import type { Edge, Running } from './edge.ts'
import { answerForUs } from './for-us.ts'
import type { Verdict } from './gate.ts'
import { mediaOfCall } from './media/request-media.ts'
import { isBehind } from './nat/behind.ts'
import { candidateZone } from './next-hop.ts'
import { ProxyContext } from './proxy.ts'
import type { ServerTransaction } from './server-transaction.ts'

/** A request that begins something. */
export interface Arrived {
  readonly flow: Flow
  readonly running: Running
  readonly zone: Zone
  readonly transaction: ServerTransaction
  readonly classified: Extract<Classified, { kind: 'initial' }>
}

/** May throw and reject: that is the caller's, as for every other step. */
export const begin = (edge: Edge, arrived: Arrived): void | Promise<void> => {
  const { flow, zone, transaction } = arrived
  const { request } = arrived.classified
  if (Number(headerValue(request, 'max-forwards') ?? 70) === 0) {
    // §16.3 item 3: an OPTIONS that may go no further is ours to answer
    answerForUs(edge, flow, zone, request, arrived.classified.uri, transaction)
    return
  }
  const unknown = methodFault(request.method, zone)
  if (unknown !== undefined) {
    refuse(edge, transaction, request, unknown)
    return
  }
  const turn = request.method === 'REGISTER' ? edge.storm.turn(flow, zone, transaction, request) : 'now'
  if (turn === 'away') return undefined
  return turn === 'now' ? asked(edge, arrived) : turn.then(() => asked(edge, arrived))
}

/** Who sends it, where the zone asks. */
const asked = (edge: Edge, arrived: Arrived): void | Promise<void> => {
  const { flow, running, zone, transaction } = arrived
  const { request } = arrived.classified
  // The connection is gone
  if (transaction.answered) return undefined
  if (!zone.authenticate) return admitted(edge, arrived, undefined)
  const verdict = edge.gate.judge(request, zone, flow, running)
  return verdict instanceof Promise ? verdict.then((one) => judged(edge, arrived, one)) : judged(edge, arrived, verdict)
}

const judged = (edge: Edge, arrived: Arrived, verdict: Verdict): void | Promise<void> => {
  const { transaction, classified } = arrived
  // CANCEL was faster, or the connection is gone
  if (transaction.answered) return undefined
  if (verdict.kind === 'proven')
    return admitted(edge, { ...arrived, classified: { ...classified, request: verdict.request } }, verdict.proven)
  const { request } = classified
  transaction.respond(answer(request, verdict.status, verdict.reason, edge.ids.token(8), verdict.headers))
}

/** @param proven who sends it; undefined: the zone does not ask */
const admitted = (
  edge: Edge,
  { flow, running, zone, transaction, classified }: Arrived,
  proven: Proven | undefined,
): void | Promise<void> => {
  let { request, uri } = classified
  edge.alterations.look(edge, zone, request, flow)
  if (request.method === 'REGISTER' && edge.registrar.takes({ flow, zone, running, transaction, request, uri, proven })) return undefined
  if (zone.numbersIn.length > 0) {
    // A registered client is called by its own Contact, whatever looks like a number in it
    request = applyNumberRules(request, zone.numbersIn, classified.via === undefined ? undefined : TARGET)
    uri = parseUri(request.requestUri)!
  }
  const refreshed = request.method === 'REGISTER' ? edge.passing.arrives(flow, zone, request) : undefined
  if (refreshed !== undefined) {
    transaction.respond(refreshed)
    return
  }
  const decision = decide({ request, uri, zone, via: classified.via, user: proven?.user }, running.view, running.rules)
  const { log } = edge
  if (log.enabled('debug')) {
    const fields = {
      callId: headerValue(request, 'call-id'),
      zone: zone.name,
      listener: flow.listener.name,
      step: 'route',
      rule: decision.rule,
    } as const
    log.debug({ ...fields, method: request.method, decision: decision.kind }, 'Route chosen')
  }
  if (edge.trace !== undefined && transaction.invite)
    edge.trace.note(
      headerValue(request, 'call-id')!,
      `From zone ${zone.name} (${flow.listener.name}): ${decidedText(decision)}`,
      decision.rule,
    )
  if (decision.kind === 'respond') {
    transaction.respond(answer(request, decision.status, decision.reason, edge.ids.token(8)))
    return
  }
  if (decision.kind === 'drop') {
    edge.metrics.drop('route', flow.listener.name)
    transaction.abandon()
    return
  }
  const groups = knowing(request.method, decision.groups)
  if (groups.length === 0) {
    refuse(edge, transaction, request, methodFault(request.method, candidateZone(decision.groups[0]![0]!))!)
    return
  }
  const breadth = groups.some(({ length }) => length > 1) ? breadthOf(request) : undefined
  if (breadth === 0) {
    transaction.respond(answer(request, 440, 'Max-Breadth Exceeded', edge.ids.token(8)))
    return
  }
  const flowToken = isBehind(zone, request, flow) ? edge.clients.token(flow, zone, request) : undefined
  if (flowToken !== undefined && transaction.invite) edge.clients.seen(flow, zone, request)
  const ingress = { listener: flow.listener, zone, flow: flowToken }
  const plan: Plan = {
    request,
    uri,
    ingress,
    egress: undefined,
    named: classified.named,
    groups: breadth === undefined ? groups : narrowed(groups, breadth),
    breadth,
    rule: decision.rule,
    advertise: decision.advertise,
    numbers: decision.numbers,
    headers: decision.headers,
    media: transaction.invite ? mediaOfCall(edge, flow, request, ingress) : undefined,
    gone: classified.gone,
  }
  return new ProxyContext(edge, running, transaction, flow, plan).start()
}

const refuse = (edge: Edge, transaction: ServerTransaction, request: SipRequest, { status, reason, headers = [] }: Problem): void =>
  transaction.respond(
    answer(
      request,
      status,
      reason,
      edge.ids.token(8),
      headers.map(([name, value]) => line(name, value)),
    ),
  )

/** Those whose zones know the method; the same list where all do. */
const knowing = (method: string, groups: readonly (readonly Candidate[])[]): readonly (readonly Candidate[])[] => {
  const knows = (candidate: Candidate): boolean => methodFault(method, candidateZone(candidate)) === undefined
  return groups.every((group) => group.every(knows))
    ? groups
    : groups.map((group) => group.filter(knows)).filter(({ length }) => length > 0)
}
