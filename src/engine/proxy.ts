/** §16: one request on its way, from the server transaction it came in by to the branches that carry it on, and their responses back. */
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { unreachable } from '../base/errors.ts'
import { isProblem, type Problem } from '../base/problem.ts'
import { alterResponse, type Returning } from '../routing/alter-response.ts'
import { withChallenges } from '../routing/alterations/challenges.ts'
import { type Parties, partiesOf } from '../routing/alterations/parties.ts'
import { takeOffVia } from '../routing/alterations/take-off-via.ts'
import { loopHash } from '../routing/branch.ts'
import type { Candidate } from '../routing/decide.ts'
import { Provisionals, provisionalPolicy } from '../routing/provisional.ts'
import { ONE_BRANCH, ResponseContext, type ResponseEffect } from '../routing/response-context.ts'
import { headerValue, type SipResponse } from '../sip/message.ts'
import type { Uri } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'
import { learnAccepted } from './accepted.ts'
import { answer, REASONS, trying } from './answers.ts'
import { Branch } from './branch.ts'
import { type Composed, compose, type Onward, type Plan } from './compose.ts'
import type { Edge, Running } from './edge.ts'
import { isContact, policyFor } from './failover.ts'
import { lacksOffer } from './media/offers.ts'
import type { RequestMedia } from './media/request-media.ts'
import { alone, candidateZone, type Way, wayInDialog, wayTo } from './next-hop.ts'
import { type Patience, patienceOf, statusToward } from './patience.ts'
import type { Passage } from './registration/passing.ts'
import type { ServerTransaction, ServerUser } from './server-transaction.ts'

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
  /** Set where not all provisional responses go on. */
  readonly #provisionals: Provisionals | undefined
  #patience: Patience | undefined
  #loop: string | undefined
  #reason: string | undefined
  /** Final responses that we made ourselves: no Via of ours is on them. */
  #own: SipResponse[] | undefined
  /** Of a REGISTER: how it went to the registrar that was tried last. */
  #passage: Passage | undefined
  /** From and To as the sender wrote them, where a branch went out with others. */
  #parties: Parties | undefined
  #status = 0
  #started = 0
  /** Nobody is there who would get an answer. */
  #alone = false
  /** The caller wants nothing more. */
  #calledOff = false
  /** What the call goes on with. */
  #onward: Onward | undefined

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
      policyFor(plan.groups),
    )
    const shaped = server.invite && !this.inDialog && this.#candidates.some((one) => provisionalPolicy(one) !== 'pass')
    this.#provisionals = shaped ? new Provisionals() : undefined
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
    if (this.#calls) this.#patience = patienceOf(this.#edge, this.#ingressZone, this.#plan!.since, () => this.#expired())
    return this.#startGroup(0, this.#plan!.groups[0]!.length)
  }

  /** It begins a call. */
  get #calls(): boolean {
    return this.#server.invite && !this.inDialog
  }

  /** Nobody said anything in the time that the caller has. */
  #expired(): void {
    const { request } = this.#plan!
    for (const branch of this.#branches) {
      this.#media?.failed(branch.index)
      branch.expire(request, CALLER_WAITED)
    }
    this.#perform(this.#responses.expired())
  }

  /** §16.10: a CANCEL for this request; its Reason goes along with ours (RFC 3326). */
  cancel(reason: string | undefined): void {
    this.#calledOff = true
    this.#reason = reason
    this.#perform(this.#responses.cancelled())
  }

  /** The caller's connection is gone: nobody waits for an answer any more, and nobody may answer a call that has no caller. */
  upstreamLost(): void {
    this.#alone = true
    this.#calledOff = true
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
    return this.#media === undefined ? lacksOffer(this.#plan!.request, candidate) : this.#media.prepare(index, candidate, listener)
  }

  /** Later messages of this call wait for it, if there is anything to wait for. */
  hold(pending: Promise<void> | void): void {
    if (pending !== undefined) this.#edge.order.hold(this.callId, pending)
  }

  /** What comes of `pending` is done in this call's turn; a mistake in it is one of this call. */
  later<T>(pending: Promise<T>, step: (result: T) => void): void {
    this.hold(pending.then(step).catch((error) => this.#broke(error)))
  }

  /** The request as it leaves through `flow`, with a branch of its own, or that of the copy that it repeats. */
  compose({ index, candidate, repeated }: Branch, flow: Flow, target: Uri | undefined): Composed {
    this.#loop ??= loopHash(this.#server.request ?? this.#plan!.request)
    const [running, plan, loop] = [this.running, this.#plan!, this.#loop]
    const composed = compose(this.#edge, { running, plan, loop, index, candidate, flow, target, branch: repeated })
    this.#passage = composed.passage
    if (this.#server.request !== undefined) this.#parties ??= partiesOf(this.#server.request, composed.request)
    return composed
  }

  /** @param flow where the response came from: the branch may have been sent to several destinations */
  responded(branch: Branch, arrived: SipResponse, flow: Flow): void {
    this.#patience?.end()
    if (this.#alone && this.#unwanted(branch, arrived)) return
    const response = this.#provisionals === undefined ? arrived : this.#provisionals.shape(arrived, provisionalPolicy(branch.candidate))
    if (response === undefined) {
      // It counts as a sign of life, as a 100 does, and goes no further
      this.#perform(this.#responses.response(branch.index, 100, arrived))
      return
    }
    if (this.#media === undefined) {
      this.#decided(branch, response, flow)
      return
    }
    const passed = this.#media.response(branch.index, response, flow)
    if (passed instanceof Promise) this.later(passed, (result) => this.#passed(branch, result, response, flow))
    else this.#passed(branch, passed, response, flow)
  }

  /**
   * §13.2.2.4: a call that was answered when its caller had vanished is acknowledged and ended in the caller's place. In a dialog that goes on
   * (the client may come back) the 2xx gets its ACK alone.
   */
  #unwanted(branch: Branch, response: SipResponse): boolean {
    if (!this.#server.invite || response.status < 200 || response.status >= 300 || this.#plan === undefined) return false
    branch.giveUp(this.#plan.request, response, CALLER_GONE)
    if (this.inDialog) return false
    this.refuse(branch.index, 487, 'Request Terminated')
    return true
  }

  #passed(branch: Branch, result: SipResponse | Problem, arrived: SipResponse, flow: Flow): void {
    const media = this.#media!
    if (this.#alone && this.#unwanted(branch, arrived)) return
    if (isProblem(result)) {
      // Who answered is called off; for the caller this way has failed like any other
      if (this.#plan !== undefined) branch.giveUp(this.#plan.request, arrived, NO_MEDIA)
      media.failed(branch.index)
      this.refuse(branch.index, result.status, result.reason)
      return
    }
    if (arrived.status >= 300) media.failed(branch.index)
    else if (arrived.status >= 200) media.answered(branch.index, arrived)
    this.#decided(branch, result, flow)
  }

  #decided(branch: Branch, response: SipResponse, flow: Flow): void {
    const { status } = response
    const learned = status >= 200 && status < 300 ? this.#learn(branch, response, flow) : response
    this.#perform(this.#responses.response(branch.index, status, learned))
  }

  /** @returns the 2xx as the client is to get it */
  #learn(branch: Branch, response: SipResponse, flow: Flow): SipResponse {
    const [server, ingress, arrival, plan, passage] = [this.#server, this.#ingressZone, this.#arrival, this.#plan, this.#passage]
    const media = this.#media?.at(branch.index)
    return learnAccepted(this.#edge, { running: this.running, server, ingress, arrival, plan, passage, branch, flow, media }, response)
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

  /** RFC 5626 §5.3.1: the connection that the token names is gone. 430 says so to who knows Path; to others it means nothing. */
  flowFailed(branch: number): void {
    // To whoever called a user, and not that flow, the user is away
    if (isContact(this.#candidates[branch]!) || this.#plan?.gone === 480) this.refuse(branch, 480, 'Temporarily Unavailable', 430)
    else this.refuse(branch, 430, 'Flow Failed')
  }

  /** The connection that a client had opened is gone, and with it the request. */
  vanished(branch: number): void {
    const sender = this.#plan?.sender
    if (sender !== undefined && this.#edge.dialogs.undelivered(sender, this.#server.method)) this.refuse(branch, 200, 'OK')
    else if (this.inDialog) this.flowFailed(branch)
    // Another target may well be there
    else this.refuse(branch, 480, 'Temporarily Unavailable', 430)
  }

  /** The dialog's peer named somewhere that the zone does not know (design D8). */
  refused(branch: number): void {
    this.refuse(branch, 403, 'Destination not admitted')
  }

  /** A final response of our own for a branch that never left, or that we gave up. @param weighed what it counts as among those of other branches */
  refuse(branch: number, why: number, reason: string, weighed = why): void {
    this.#media?.failed(branch)
    const status = this.#calls ? statusToward(this.#ingressZone, why) : why
    const { request } = this.#server
    if (request === undefined) {
      // Another branch has answered; this one is over all the same
      this.#perform(this.#responses.branchFailed(branch))
      return
    }
    const made = answer(request, status, reason, this.#edge.ids.token(8))
    if (this.#own === undefined) this.#own = [made]
    else this.#own.push(made)
    this.#perform(this.#responses.response(branch, weighed, made))
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
    const branch = new Branch(this.#edge, this, index, candidate, this.#plan!.advertise)
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
          if (effect.status < 400 && this.#goesOn(effect.message, effect.branch)) break
          this.#upstream(withChallenges(effect.message, effect.challenges), effect.branch)
          break
        case 'respond':
          this.#status = this.#calls ? statusToward(this.#ingressZone, effect.status) : effect.status
          if (this.#server.request !== undefined)
            this.#server.respond(answer(this.#server.request, this.#status, REASONS[this.#status]!, this.#edge.ids.token(8)))
          break
        case 'abandon':
          this.#server.abandon()
          break
        case 'cancel':
          this.#branches[effect.branch]?.cancel(this.#reason ?? (this.#status >= 200 && this.#status < 300 ? ELSEWHERE : undefined))
          break
        case 'startGroup':
          this.#patience?.again()
          this.hold(this.#startGroup(effect.first, effect.count))
          break
        case 'done':
          this.#finished()
          this.#settle()
          this.hold(this.#onward?.())
          break
        default:
          unreachable(effect)
      }
    }
  }

  /** §16.7 item 4: a caller who cannot follow a 3xx is not shown it; what it leads to begins when all is over here. */
  #goesOn(response: SipResponse, branch: number): boolean {
    this.#onward = this.#plan?.follow?.(response, candidateZone(this.#branches[branch]!.candidate), this.#calledOff)
    if (this.#onward !== undefined) this.#status = response.status
    return this.#onward !== undefined
  }

  #finished(): void {
    this.#patience?.end()
    const plan = this.#plan
    if (plan?.sender !== undefined) this.#edge.dialogs.finished(plan.sender, this.#server.method, this.#status)
    else if (plan !== undefined && this.#server.invite) this.#edge.dialogs.decided(this.callId)
    this.hold(this.#media?.finished(this.#status))
    // What stays for Timers L and M is small
    this.#plan = undefined
  }

  /** Everything is decided: the transactions of an answered call shrink to what the last timers need. */
  #settle(): void {
    const { flow } = this.#server
    for (const branch of this.#branches) {
      const again = this.#media?.again(branch.index)
      branch?.settle({ ...this.#returning(branch), flow, again })
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
    this.#server.respond(alterResponse(bare, this.#returning(this.#branches[branch]!)))
  }

  #returning({ candidate, contactBack }: Branch): Returning {
    return { ingress: this.#ingressZone, egress: candidateZone(candidate), parties: this.#parties, contact: contactBack }
  }

  /** §8.2.6.2: the UAS left out the Vias below ours. Nobody can be told what it said, only that it said nothing of use. */
  #withoutVia({ status }: SipResponse): void {
    const { metrics, ids } = this.#edge
    metrics.drop('response-malformed', this.#arrival.listener.name)
    if (status >= 200 && this.#server.request !== undefined)
      this.#server.respond(answer(this.#server.request, 502, 'Bad Gateway', ids.token(8)))
  }
}

/** RFC 3326; the call was answered, and could have no sound. */
const NO_MEDIA = 'SIP;cause=503;text="Media relay failed"'
const CALLER_WAITED = 'SIP;cause=503;text="Nobody answered in time"'
const CALLER_GONE = 'SIP;cause=480;text="Connection lost"'
/** RFC 3326 §2: phones that ring too do not show a missed call then. */
const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
