/** §16: one request on its way, from the server transaction it came in by to the branches that carry it on, and their responses back. */
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { unreachable } from '../base/errors.ts'
import { isProblem, type Problem } from '../base/problem.ts'
import { contentLength } from '../routing/alterations/content-length.ts'
import { applyHeaderRules } from '../routing/alterations/header-rules.ts'
import { takeOffVia } from '../routing/alterations/take-off-via.ts'
import { loopHash } from '../routing/branch.ts'
import type { Candidate } from '../routing/decide.ts'
import { failsOver, ONE_BRANCH, ResponseContext, type ResponseEffect } from '../routing/response-context.ts'
import { append, type HeaderLine, headerValue, type SipResponse } from '../sip/message.ts'
import type { Uri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'
import { answer, trying } from './answers.ts'
import { Branch } from './branch.ts'
import { type Composed, compose, type Plan } from './compose.ts'
import type { Edge, Running } from './edge.ts'
import type { RequestMedia } from './media/request-media.ts'
import { alone, candidateZone, type Way, wayInDialog, wayTo } from './next-hop.ts'
import type { ServerTransaction, ServerUser } from './server-transaction.ts'

const POLICY = { keep503: true, failover: failsOver } as const

export class ProxyContext implements ServerUser {
  readonly running: Running
  readonly inDialog: boolean
  readonly callId: string
  readonly #edge: Edge
  readonly #server: ServerTransaction
  /** Where the request came from; the flow that a REGISTER binds. */
  readonly #arrival: Flow
  #plan: Plan | undefined
  readonly #ingressZone: Zone
  readonly #candidates: readonly Candidate[]
  readonly #branches: Branch[] = []
  readonly #media: RequestMedia | undefined
  readonly #responses: ResponseContext<SipResponse>
  #loop: string | undefined
  #reason: string | undefined
  /** Final responses that we made ourselves: no Via of ours is on them. */
  #own: SipResponse[] | undefined
  #status = 0
  #started = 0

  constructor(edge: Edge, running: Running, server: ServerTransaction, arrival: Flow, plan: Plan) {
    this.#edge = edge
    this.running = running
    this.#server = server
    this.#arrival = arrival
    this.#plan = plan
    this.#media = plan.media
    this.#ingressZone = plan.ingress.zone
    this.inDialog = plan.egress !== undefined
    this.callId = headerValue(plan.request, 'call-id') ?? ''
    this.#candidates = plan.groups.length === 1 ? plan.groups[0]! : plan.groups.flat()
    this.#responses = new ResponseContext<SipResponse>(
      server.invite,
      this.#candidates.length === 1 ? ONE_BRANCH : plan.groups.map((group) => group.length),
      POLICY,
    )
    server.user = this
  }

  /** The Request-URI as it came, own routes taken off. */
  get uri(): Uri {
    return this.#plan!.uri
  }

  get timerC(): number {
    return this.running.snapshot.timers.c
  }

  /** Other groups wait for this one to fail. */
  get hasMore(): boolean {
    return this.#started < this.#candidates.length
  }

  start(): void | Promise<void> {
    // §17.2.1: at once, before DNS and media take time
    if (this.#server.invite && !this.#server.provisional) this.#server.respond(trying(this.#plan!.request))
    return this.#startGroup(0, this.#plan!.groups[0]!.length)
  }

  /** §16.10: a CANCEL for this request; its Reason goes along with ours (RFC 3326). */
  cancel(reason: string | undefined): void {
    this.#reason = reason
    this.#perform(this.#responses.cancelled())
  }

  /** The caller's connection is gone: nobody waits for an answer any more, and nobody may answer a call that has no caller. */
  upstreamLost(): void {
    this.#perform(this.#responses.cancelled())
  }

  mayBegin(branch: number): boolean {
    return this.#responses.begin(branch)
  }

  /** Which listeners may carry a candidate: inside a dialog only the one it began with (T9). */
  egressListeners(candidate: Candidate): readonly Listener[] {
    return candidate.kind === 'side' ? alone(candidate.side.listener) : candidate.zone.listeners
  }

  /** *media*, before the request leaves on a branch; a problem means that it must not. */
  prepare({ index, candidate }: Branch, listener: Listener): Problem | undefined | Promise<Problem | undefined> {
    return this.#media?.prepare(index, candidate, listener)
  }

  /** Later messages of this call wait for it. */
  hold(pending: Promise<void>): void {
    this.#edge.order.hold(this.callId, pending)
  }

  /** What comes of `pending` is done in this call's turn; a mistake in it is one of this call. */
  later<T>(pending: Promise<T>, step: (result: T) => void): void {
    this.hold(pending.then(step).catch((error) => this.#broke(error)))
  }

  /** The request as it leaves through `flow`, with a branch of its own. */
  compose({ index, candidate }: Branch, flow: Flow, target: Uri | undefined): Composed {
    this.#loop ??= loopHash(this.#server.request ?? this.#plan!.request)
    return compose(this.#edge, { running: this.running, plan: this.#plan!, loop: this.#loop, index, candidate, flow, target })
  }

  /** @param flow where the response came from: the branch may have been sent to several destinations */
  responded(branch: Branch, response: SipResponse, flow: Flow): void {
    if (this.#media === undefined) {
      this.#decided(branch, response, flow)
      return
    }
    const passed = this.#media.response(branch.index, response, flow)
    if (passed instanceof Promise) this.later(passed, (result) => this.#passed(branch, result, response, flow))
    else this.#passed(branch, passed, response, flow)
  }

  #passed(branch: Branch, result: SipResponse | Problem, arrived: SipResponse, flow: Flow): void {
    const media = this.#media!
    if (isProblem(result)) {
      // Who answered is called off; for the caller this way has failed like any other
      if (this.#plan !== undefined) branch.giveUp(this.#plan.request, arrived, media.seen(branch.index))
      media.failed(branch.index)
      this.refuse(branch.index, result.status, result.reason)
      return
    }
    if (arrived.status >= 300) media.failed(branch.index)
    else if (arrived.status >= 200) media.answered(branch.index, arrived, branch.egress)
    this.#decided(branch, result, flow)
  }

  #decided(branch: Branch, response: SipResponse, flow: Flow): void {
    this.#learn(branch, response, flow)
    this.#perform(this.#responses.response(branch.index, response.status, response))
  }

  branchFailed(branch: number): void {
    this.#media?.failed(branch)
    this.#perform(this.#responses.branchFailed(branch))
  }

  /** @param late it was not waited for until the end: it may answer after all */
  branchTimedOut(branch: number, late = false): void {
    if (!late) this.#media?.failed(branch)
    this.#perform(this.#responses.branchTimeout(branch))
  }

  timerCFired(branch: number): void {
    this.#perform(this.#responses.timerC(branch))
  }

  /** RFC 5626 §5.3.1: the connection that the token names is gone. */
  flowFailed(branch: number): void {
    this.refuse(branch, 430, 'Flow Failed')
  }

  /** The dialog's peer named somewhere that the zone does not know (design D8). */
  refused(branch: number): void {
    this.refuse(branch, 403, 'Destination not admitted')
  }

  /** A final response of our own for a branch that never left, or that we gave up. */
  refuse(branch: number, status: number, reason: string): void {
    this.#media?.failed(branch)
    const { request } = this.#server
    if (request === undefined) {
      // Another branch has answered; this one is over all the same
      this.#perform(this.#responses.branchFailed(branch))
      return
    }
    const made = answer(request, status, reason, this.#edge.ids.token(8))
    if (this.#own === undefined) this.#own = [made]
    else this.#own.push(made)
    this.#perform(this.#responses.response(branch, status, made))
  }

  #startGroup(first: number, count: number): void | Promise<void> {
    this.#started = first + count
    let waiting: Promise<void>[] | undefined
    for (let index = first; index < first + count; index++) {
      const pending = this.#startBranch(index)
      if (pending === undefined) continue
      if (waiting === undefined) waiting = [pending]
      else waiting.push(pending)
    }
    return waiting === undefined ? undefined : Promise.all(waiting).then(() => {})
  }

  #startBranch(index: number): void | Promise<void> {
    const candidate = this.#candidates[index]!
    const branch = new Branch(this.#edge, this, index, candidate)
    this.#branches[index] = branch
    const plan = this.#plan!
    let way: Way | Promise<Way>
    try {
      way =
        plan.egress === undefined ? wayTo(this.#edge, candidate, plan.uri) : wayInDialog(this.#edge, plan.egress, plan.request, plan.uri)
    } catch (error) {
      this.#unresolved(index, error)
      return undefined
    }
    if (!(way instanceof Promise)) {
      this.#send(branch, way)
      return undefined
    }
    return way.then(
      (found) => this.#send(branch, found),
      (error) => this.#unresolved(index, error),
    )
  }

  #send(branch: Branch, way: Way): void {
    try {
      branch.start(way)
    } catch (error) {
      this.#broke(error)
    }
  }

  /** A mistake of ours in this call: it ends, on both sides, and nothing else does. */
  #broke(error: unknown): void {
    const { log, metrics, ids } = this.#edge
    metrics.internalError('other')
    log.error({ callId: this.callId, err: error }, 'Handling of a call failed')
    if (this.#server.request !== undefined) this.#server.respond(answer(this.#server.request, 500, 'Server Internal Error', ids.token(8)))
    for (const effect of this.#responses.cancelled()) if (effect.kind === 'cancel') this.#branches[effect.branch]?.cancel(undefined)
    // What was under way may never tell how it ends
    this.#finished()
  }

  #unresolved(index: number, error: unknown): void {
    const { log } = this.#edge
    if (log.enabled('warn'))
      log.warn(
        { callId: this.callId, step: 'resolve', zone: candidateZone(this.#candidates[index]!).name, err: error },
        'Next hop cannot be resolved',
      )
    this.#perform(this.#responses.branchFailed(index))
  }

  #perform(effects: readonly ResponseEffect<SipResponse>[]): void {
    try {
      this.#performAll(effects)
    } catch (error) {
      this.#broke(error)
    }
  }

  #performAll(effects: readonly ResponseEffect<SipResponse>[]): void {
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!
      switch (effect.kind) {
        case 'forward':
          this.#upstream(effect.message, effect.branch)
          break
        case 'best':
          this.#upstream(withChallenges(effect.message, effect.challenges), effect.branch)
          break
        case 'respond':
          this.#status = effect.status
          if (this.#server.request !== undefined)
            this.#server.respond(answer(this.#server.request, effect.status, effect.reason, this.#edge.ids.token(8)))
          break
        case 'abandon':
          this.#server.abandon()
          break
        case 'cancel':
          this.#branches[effect.branch]?.cancel(this.#reason)
          break
        case 'startGroup': {
          const pending = this.#startGroup(effect.first, effect.count)
          if (pending !== undefined) this.hold(pending)
          break
        }
        case 'done':
          this.#finished()
          this.#settle()
          break
        default:
          unreachable(effect)
      }
    }
  }

  #finished(): void {
    const pending = this.#media?.finished(this.#status)
    if (pending !== undefined) this.hold(pending)
    // What stays for Timers L and M is small
    this.#plan = undefined
  }

  /** Everything is decided: the transactions of an answered call shrink to what the last timers need. */
  #settle(): void {
    const { flow } = this.#server
    for (const branch of this.#branches) {
      const again = this.#media?.again(branch.index)
      branch?.settle({ flow, egress: candidateZone(branch.candidate), ingress: this.#ingressZone, again })
    }
    this.#server.settle()
  }

  #upstream(message: SipResponse, branch: number): void {
    this.#status = message.status
    // A final response that we made ourselves has no Via of ours
    const bare = this.#own?.includes(message) ? message : takeOffVia(message)
    if (bare === undefined) {
      this.#withoutVia(message)
      return
    }
    const egressZone = candidateZone(this.#candidates[branch]!)
    const ruled = applyHeaderRules(applyHeaderRules(bare, egressZone.headersIn), this.#ingressZone.headersOut)
    this.#server.respond(contentLength(ruled))
  }

  /** §8.2.6.2: the UAS left out the Vias below ours. Nobody can be told what it said, only that it said nothing of use. */
  #withoutVia({ status }: SipResponse): void {
    const { metrics, ids } = this.#edge
    metrics.drop('response-malformed', this.#arrival.listener.name)
    if (status >= 200 && this.#server.request !== undefined)
      this.#server.respond(answer(this.#server.request, 502, 'Bad Gateway', ids.token(8)))
  }

  /** Which client is behind which connection, told by what was accepted. */
  #learn(branch: Branch, response: SipResponse, flow: Flow): void {
    if (response.status < 200 || response.status >= 300) return
    const { request } = this.#server
    if (request?.method === 'REGISTER') {
      if (this.#ingressZone.profile.reach === 'flow') this.#edge.clients.registered(this.#arrival, this.#ingressZone, request)
      return
    }
    const zone = candidateZone(branch.candidate)
    if (this.#server.invite && zone.profile.reach === 'flow') this.#edge.clients.seen(flow, zone, response)
  }
}

/** §16.7 item 7: the challenges of all branches go with the best 401 or 407. */
const withChallenges = (response: SipResponse, others: readonly SipResponse[]): SipResponse => {
  if (others.length === 0) return response
  const lines: HeaderLine[] = others.flatMap((other) =>
    other.headers.filter((one) => one.name === 'www-authenticate' || one.name === 'proxy-authenticate'),
  )
  return append(response, ...lines)
}
