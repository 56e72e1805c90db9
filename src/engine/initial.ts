/**
 * A request that begins something: the line in a storm, who sends it, REGISTERs that are answered here, the rules, and then the proxy core.
 */
import type { Flow } from '../address/flow.ts'
import type { Proven } from '../authentication/types.ts'
import { isProblem, type Problem, problem } from '../base/problem.ts'
import { applyNumberRules, TARGET } from '../routing/alterations/number-rules.ts'
import { breadthOf, narrowed } from '../routing/breadth.ts'
import type { Classified } from '../routing/classify.ts'
import { type Candidate, type ClassifiedRequest, decide } from '../routing/decide.ts'
import { CALLED, isEmergency } from '../routing/emergency.ts'
import { methodFault } from '../routing/methods.ts'
import { movedTo, redirected, sameUser } from '../routing/moved.ts'
import { headerValue, line, type SipResponse } from '../sip/message.ts'
import { parseUri } from '../sip/uri.ts'
import type { NumberField } from '../zones/rules.ts'
import type { Zone } from '../zones/zone.ts'
import { answer, answerTo } from './answers.ts'
import type { Follow, Plan } from './compose.ts'
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
    transaction.respond(answerTo(request, unknown, edge.ids.token(8)))
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
  // What was dialled, or what the zone's rules make of it: a prefix for outside lines may stand before it
  let emergency = transaction.invite && isEmergency(uri, running.emergency)
  if (zone.numbersIn.length > 0) {
    // A registered client is called by its own Contact, whatever looks like a number in it
    request = applyNumberRules(request, zone.numbersIn, emergency ? CALLED : classified.via === undefined ? undefined : TARGET)
    uri = parseUri(request.requestUri)!
    emergency ||= transaction.invite && isEmergency(uri, running.emergency)
  }
  const refreshed = request.method === 'REGISTER' ? edge.passing.arrives(flow, zone, request) : undefined
  if (refreshed !== undefined) {
    transaction.respond(refreshed)
    return
  }
  const decision = decided(edge, { request, uri, zone, via: classified.via, user: proven?.user, emergency }, flow, running)
  if (decision.kind === 'respond') {
    transaction.respond(answer(request, decision.status, decision.reason, edge.ids.token(8)))
    return
  }
  if (decision.kind === 'drop') {
    edge.metrics.drop('route', flow.listener.name)
    transaction.abandon()
    return
  }
  const flowToken = isBehind(zone, request, flow) ? edge.clients.token(flow, zone, request) : undefined
  if (flowToken !== undefined && transaction.invite) edge.clients.seen(flow, zone, request)
  const { named, gone } = classified
  const call: Call = {
    flow,
    running,
    transaction,
    ingress: { listener: flow.listener, zone, flow: flowToken },
    named,
    gone,
    emergency,
    since: edge.clock.now(),
  }
  const planned = planOf(edge, call, { request, uri }, decision)
  if (isProblem(planned)) {
    transaction.respond(answerTo(request, planned, edge.ids.token(8)))
    return
  }
  const follow = transaction.invite && zone.dialect.moved === 'follow' ? following(edge, call, planned, MOST_MOVES) : undefined
  return new ProxyContext(edge, running, transaction, flow, follow === undefined ? planned : { ...planned, follow }).start()
}

/** What is the same for a request wherever it goes. */
interface Call extends Pick<Plan, 'ingress' | 'named' | 'gone' | 'emergency' | 'since'> {
  readonly flow: Flow
  readonly running: Running
  readonly transaction: ServerTransaction
}

const decided = (edge: Edge, classified: ClassifiedRequest, flow: Flow, { view, rules }: Running): ReturnType<typeof decide> => {
  const { request, zone, emergency } = classified
  const decision = decide(classified, view, rules)
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
  if (edge.trace !== undefined && request.method === 'INVITE')
    edge.trace.note(
      headerValue(request, 'call-id')!,
      `${emergency ? 'Emergency call. ' : ''}From zone ${zone.name} (${flow.listener.name}): ${decidedText(decision)}`,
      decision.rule,
    )
  if (emergency)
    log.info({ callId: headerValue(request, 'call-id'), zone: zone.name, step: 'route', rule: decision.rule }, 'Emergency call')
  return decision
}

const planOf = (
  edge: Edge,
  { flow, transaction, ingress, named, gone, since, emergency = false }: Call,
  { request, uri }: Pick<Plan, 'request' | 'uri'>,
  decision: Extract<ReturnType<typeof decide>, { kind: 'forward' }>,
): Plan | Problem => {
  const groups = knowing(request.method, decision.groups)
  if (groups.length === 0) return methodFault(request.method, candidateZone(decision.groups[0]![0]!))!
  const breadth = groups.some(({ length }) => length > 1) ? breadthOf(request) : undefined
  if (breadth === 0) return problem(440, 'Max-Breadth Exceeded', 'RFC 5393 §5.3.3', 'Max-Breadth')
  return {
    request,
    uri,
    ingress,
    egress: undefined,
    named,
    groups: breadth === undefined ? groups : narrowed(groups, breadth),
    breadth,
    rule: decision.rule,
    advertise: decision.advertise,
    numbers: decision.numbers,
    headers: decision.headers,
    emergency,
    media: transaction.invite ? mediaOfCall(edge, flow, request, ingress) : undefined,
    ...(since === undefined ? {} : { since }),
    gone,
  }
}

/** Redirections of one call that are followed: what leads in a circle ends. */
const MOST_MOVES = 5

/**
 * The call goes on by the routes of whoever answered that it has moved, as if that one had forwarded it: what he may call is what he may send
 * people to. So it has to be somebody whom we trust.
 */
const following =
  (edge: Edge, call: Call, before: Plan, left: number): Follow =>
  (response, called, over) => {
    const plan = left > 0 && called.trusted && !over ? movedPlan(edge, call, before, response, called) : undefined
    if (plan !== undefined) {
      const follow = following(edge, call, plan, left - 1)
      return () => new ProxyContext(edge, call.running, call.transaction, call.flow, { ...plan, follow }).start()
    }
    return () => {
      const { request } = call.transaction
      if (request === undefined) return
      const reason = line('Reason', `SIP;cause=${response.status};text="Moved"`)
      call.transaction.respond(answer(request, 480, 'Temporarily Unavailable', edge.ids.token(8), [reason]))
    }
  }

/** @returns undefined: it leads nowhere, or back to where it was */
const movedPlan = (edge: Edge, call: Call, { request, uri }: Plan, response: SipResponse, called: Zone): Plan | undefined => {
  const target = movedTo(response)
  // The same user elsewhere: that is for the zone itself to find, its routes would bring the call back to whoever it came from
  if (target === undefined || sameUser(target, uri)) return undefined
  const moved = applyNumberRules(redirected(request, target, response.status), called.numbersIn, PARTIES)
  const there = { request: moved, uri: parseUri(moved.requestUri)! }
  const decision = decided(edge, { ...there, zone: called, via: undefined, emergency: call.emergency === true }, call.flow, call.running)
  const plan = decision.kind === 'forward' ? planOf(edge, call, there, decision) : undefined
  return plan === undefined || isProblem(plan) ? undefined : plan
}

/** Who calls does not change by it. */
const PARTIES: readonly NumberField[] = ['from', 'to', 'p-asserted-identity']

/** Those whose zones know the method; the same list where all do. */
const knowing = (method: string, groups: readonly (readonly Candidate[])[]): readonly (readonly Candidate[])[] => {
  const knows = (candidate: Candidate): boolean => methodFault(method, candidateZone(candidate)) === undefined
  return groups.every((group) => group.every(knows))
    ? groups
    : groups.map((group) => group.filter(knows)).filter(({ length }) => length > 0)
}
