import { InvariantError } from '../base/errors.ts'

/*
 * §16.7: what a stateful proxy does with the responses of the branches of one request. Branches are numbers, counted
 * through all groups in the order in which they are tried: the first group has 0 to size-1. A group's branches run side
 * by side, its successor begins when all of them have failed in a way that another target may do better.
 *
 * The engine tells what happened and performs the effects in their order. A branch may be sent more than once, to one
 * destination of its target after the other (RFC 3263 §4.3): only what ends the branch is told.
 */
export type ResponseEffect<Message> =
  /** Upstream at once: a provisional response, or a 2xx. */
  | { readonly kind: 'forward'; readonly branch: number; readonly status: number; readonly message: Message }
  /**
   * The best response, upstream. For 401 and 407 the WWW-Authenticate and Proxy-Authenticate lines of `challenges` are
   * added to it (§16.7 item 7); for others the list is empty.
   */
  | {
      readonly kind: 'best'
      readonly branch: number
      readonly status: number
      readonly message: Message
      readonly challenges: readonly Message[]
    }
  /** A final response of our own, upstream. */
  | { readonly kind: 'respond'; readonly status: number; readonly reason: string }
  /** RFC 4320 §4.2: nothing is sent, the server transaction ends: the client gave up as we did, a 408 would be a stray one. */
  | { readonly kind: 'abandon' }
  /** CANCEL for a branch that has had a provisional response; without a final one within 64*T1 call `branchTimeout` (§9.1). */
  | { readonly kind: 'cancel'; readonly branch: number }
  /** Resolve and send the branches `first` to `first + count - 1`. */
  | { readonly kind: 'startGroup'; readonly first: number; readonly count: number }
  /** Each branch has ended and the final response is out. Comes once; a further 2xx to INVITE is still to be given to `response`. */
  | { readonly kind: 'done' }

export interface ResponsePolicy {
  /** A best response of 503 goes upstream as it is; else as 500, since 503 says that we ourselves serve nobody (§16.7 item 6). */
  readonly keep503: boolean
  /**
   * The group `next` is to be tried when this is the best status of the one before. A timeout counts as 408, a transport
   * error as 503 (§16.9). Not asked after a 2xx or 6xx.
   * @param ours nobody said it: we concluded it ourselves
   */
  readonly failover: (status: number, next: number, ours: boolean) => boolean
}

/** What says more about the target than about the request. RFC 5626 §5.3: 430 is a flow that failed. */
export const failsOver = (status: number): boolean =>
  status === 408 || status === 430 || status === 500 || status === 502 || status === 503 || status === 504

const REASONS: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
}

interface Candidate<Message> {
  readonly branch: number
  readonly status: number
  /** Undefined for what we concluded ourselves: a timeout, a transport error. */
  readonly message: Message | undefined
}

/** The groups of a request with one target, as most have. */
export const ONE_BRANCH: readonly number[] = Object.freeze([1])

const BEGUN = 1
const PROVISIONAL = 2
const CANCEL_WANTED = 4
const CANCELLED = 8
/** Timer C ran out. */
const OVERDUE = 16
const ENDED = 32

const NONE: readonly never[] = Object.freeze([])

export class ResponseContext<Message> {
  readonly #invite: boolean
  readonly #groups: readonly number[]
  readonly #policy: ResponsePolicy
  readonly #flags: number[]
  #group = 0
  /** The first branch of the present group. */
  #first = 0
  /** Branches of the present group that have not ended. */
  #open: number
  #groupBest: Candidate<Message> | undefined
  #best: Candidate<Message> | undefined
  /** All 401 and 407, of all groups. */
  #challenges: Message[] | undefined
  #cancelled = false
  /** A 2xx or 6xx came: no new branches. */
  #decided = false
  #answered = false

  /**
   * The first group counts as started.
   * @param groups how many branches each group has
   * @throws InvariantError when there is nothing to start
   */
  constructor(invite: boolean, groups: readonly number[], policy: ResponsePolicy) {
    if (groups.length === 0 || groups.some((size) => !(size > 0))) throw new InvariantError(`Response context with groups [${groups}]`)
    this.#invite = invite
    this.#groups = groups
    this.#policy = policy
    this.#open = groups[0]!
    this.#flags = this.#open === 1 ? [0] : new Array<number>(this.#open).fill(0)
  }

  /** A final response went upstream, or was abandoned. */
  get answered(): boolean {
    return this.#answered
  }

  /** How many branches of the present group have not ended. */
  get open(): number {
    return this.#open
  }

  /**
   * To be called right before a branch's request is sent, also when it is sent again to another destination.
   * @returns false when it must not be sent any more: CANCEL came, or another branch decided, while the destination was looked up
   */
  begin(branch: number): boolean {
    if (((this.#flags[branch] ?? ENDED) & (ENDED | CANCEL_WANTED)) !== 0) return false
    this.#flags[branch] = BEGUN
    return true
  }

  /** A response that the branch's client transaction passed on. */
  response(branch: number, status: number, message: Message): readonly ResponseEffect<Message>[] {
    if (status < 200) return this.#provisional(branch, status, message)
    if (status < 300) return this.#success(branch, status, message)
    if (this.#ended(branch)) return NONE
    // DEVIATION: §16.8 would pass on the 487 that our own CANCEL caused; nobody upstream asked for one, and 408 is what happened.
    if (status === 487 && !this.#cancelled && (this.#flags[branch]! & OVERDUE) !== 0) return this.#failure(branch, 408, undefined)
    return this.#failure(branch, status, message)
  }

  /** No final response came: Timer B or F of the client transaction, or 64*T1 after CANCEL (§9.1). */
  branchTimeout(branch: number): readonly ResponseEffect<Message>[] {
    return this.#ended(branch) ? NONE : this.#failure(branch, this.#cancelled ? 487 : 408, undefined)
  }

  /** §16.9: the request could not be sent, to none of the target's destinations; also when there are none. */
  branchFailed(branch: number): readonly ResponseEffect<Message>[] {
    return this.#ended(branch) ? NONE : this.#failure(branch, this.#cancelled ? 487 : 503, undefined)
  }

  /** §16.8: Timer C of a branch fired. Without a provisional response the client transaction is to be dropped. */
  timerC(branch: number): readonly ResponseEffect<Message>[] {
    if (this.#ended(branch)) return NONE
    if ((this.#flags[branch]! & PROVISIONAL) === 0) return this.#failure(branch, this.#cancelled ? 487 : 408, undefined)
    this.#flags[branch]! |= OVERDUE
    const effects: ResponseEffect<Message>[] = []
    this.#cancelBranch(branch, effects)
    return effects
  }

  /** §16.10: CANCEL came from upstream. The final response is what the branches answer; their CANCEL has nothing to say for other methods (§9.1). */
  cancelled(): readonly ResponseEffect<Message>[] {
    if (!this.#invite || this.#cancelled || this.#answered) return NONE
    this.#cancelled = true
    const effects: ResponseEffect<Message>[] = []
    this.#cancelAll(effects)
    if (this.#open === 0) this.#settle(effects)
    return effects
  }

  /** The caller waits no longer: everything is given up, nothing else is tried, and 503 tells. */
  expired(): readonly ResponseEffect<Message>[] {
    if (this.#answered || this.#decided) return NONE
    this.#answered = true
    this.#decided = true
    for (let branch = this.#first; branch < this.#flags.length; branch++) if (!this.#ended(branch)) this.#end(branch)
    return [{ kind: 'respond', status: 503, reason: REASONS[503]! }, { kind: 'done' }]
  }

  #ended(branch: number): boolean {
    return ((this.#flags[branch] ?? ENDED) & ENDED) !== 0
  }

  #provisional(branch: number, status: number, message: Message): readonly ResponseEffect<Message>[] {
    if (this.#ended(branch)) return NONE
    this.#flags[branch]! |= PROVISIONAL
    // §16.7 item 5: not 100, and nothing after the final response. RFC 4320 §4.1: to other requests than INVITE only 100, which is hop by hop.
    const passed = status !== 100 && this.#invite && !this.#answered
    const waiting = (this.#flags[branch]! & (CANCEL_WANTED | CANCELLED)) === CANCEL_WANTED
    if (!passed && !waiting) return NONE
    const effects: ResponseEffect<Message>[] = []
    if (passed) effects.push({ kind: 'forward', branch, status, message })
    if (waiting) this.#sendCancel(branch, effects)
    return effects
  }

  #success(branch: number, status: number, message: Message): readonly ResponseEffect<Message>[] {
    // §16.7 item 5: after the final response only 2xx to INVITE: each is a dialog of its own that the caller must learn of.
    if (this.#answered && !this.#invite) {
      if (this.#ended(branch)) return NONE
      const rest: ResponseEffect<Message>[] = []
      this.#end(branch)
      if (this.#open === 0) this.#settle(rest)
      return rest
    }
    const effects: ResponseEffect<Message>[] = [{ kind: 'forward', branch, status, message }]
    const first = !this.#answered
    this.#answered = true
    this.#decided = true
    if (this.#ended(branch)) {
      // A response that came twice, or after we had given the branch up: nothing else changes unless it is the first 2xx.
      if (first) this.#cancelAll(effects)
      if (first && this.#open === 0) effects.push({ kind: 'done' })
      return effects
    }
    this.#end(branch)
    if (first && this.#open > 0) this.#cancelAll(effects)
    if (this.#open === 0) this.#settle(effects)
    return effects
  }

  #failure(branch: number, status: number, message: Message | undefined): readonly ResponseEffect<Message>[] {
    const effects: ResponseEffect<Message>[] = []
    this.#end(branch)
    if (!this.#answered) this.#consider({ branch, status, message })
    if (status >= 600 && !this.#decided) {
      // §16.7 item 5: a 6xx is not forwarded at once, but it ends the search; a 2xx may still overtake it.
      this.#decided = true
      if (this.#open > 0) this.#cancelAll(effects)
    }
    if (this.#open === 0) this.#settle(effects)
    return effects
  }

  #end(branch: number): void {
    this.#flags[branch]! |= ENDED
    this.#open--
  }

  #consider(candidate: Candidate<Message>): void {
    if (this.#groupBest === undefined || rank(candidate.status) < rank(this.#groupBest.status)) this.#groupBest = candidate
    if (this.#best === undefined || rank(candidate.status) < rank(this.#best.status)) this.#best = candidate
    if (candidate.message === undefined || (candidate.status !== 401 && candidate.status !== 407)) return
    if (this.#challenges === undefined) this.#challenges = [candidate.message]
    else this.#challenges.push(candidate.message)
  }

  /** All branches of the group have ended. */
  #settle(effects: ResponseEffect<Message>[]): void {
    if (this.#answered) {
      effects.push({ kind: 'done' })
      return
    }
    if (this.#mayContinue()) {
      this.#first += this.#groups[this.#group]!
      this.#group++
      this.#groupBest = undefined
      this.#open = this.#groups[this.#group]!
      for (let i = 0; i < this.#open; i++) this.#flags.push(0)
      effects.push({ kind: 'startGroup', first: this.#first, count: this.#open })
      return
    }
    this.#answered = true
    effects.push(this.#final(), { kind: 'done' })
  }

  #mayContinue(): boolean {
    if (this.#decided || this.#cancelled || this.#group + 1 >= this.#groups.length) return false
    const best = this.#groupBest
    return best !== undefined && this.#policy.failover(best.status, this.#group + 1, best.message === undefined)
  }

  #final(): ResponseEffect<Message> {
    const best = this.#best
    if (best === undefined) throw new InvariantError('Response context ended without any response')
    const { branch, status, message } = best
    if (status === 408 && !this.#invite) return { kind: 'abandon' }
    if (status === 503 && !this.#policy.keep503) return { kind: 'respond', status: 500, reason: REASONS[500]! }
    if (message === undefined) return { kind: 'respond', status, reason: REASONS[status]! }
    const challenges = status === 401 || status === 407 ? this.#challenges!.filter((one) => one !== message) : NONE
    return { kind: 'best', branch, status, message, challenges }
  }

  /** Ends all that runs: what was not sent yet at once, the rest by CANCEL. */
  #cancelAll(effects: ResponseEffect<Message>[]): void {
    for (let branch = this.#first; branch < this.#flags.length; branch++) {
      if (this.#ended(branch)) continue
      if ((this.#flags[branch]! & BEGUN) !== 0) {
        this.#cancelBranch(branch, effects)
        continue
      }
      this.#end(branch)
      if (this.#cancelled && !this.#answered) this.#consider({ branch, status: 487, message: undefined })
    }
  }

  #cancelBranch(branch: number, effects: ResponseEffect<Message>[]): void {
    // §9.1: only INVITE is worth a CANCEL, the others are answered at once.
    if (!this.#invite || (this.#flags[branch]! & CANCEL_WANTED) !== 0) return
    this.#flags[branch]! |= CANCEL_WANTED
    // §9.1: before a provisional response the CANCEL could overtake the request; it waits for one.
    if ((this.#flags[branch]! & PROVISIONAL) !== 0) this.#sendCancel(branch, effects)
  }

  #sendCancel(branch: number, effects: ResponseEffect<Message>[]): void {
    this.#flags[branch]! |= CANCELLED
    effects.push({ kind: 'cancel', branch })
  }
}

/**
 * §16.7 item 6, lower is better: 6xx, else the lowest class; in it what tells the client how to ask again, and last what
 * only says that nobody answered. Of equals the first one stays.
 */
const rank = (status: number): number => {
  if (status >= 600) return 0
  const base = Math.trunc(status / 100) * 10
  switch (status) {
    case 401:
    case 407:
    case 415:
    case 420:
    case 484:
      return base
    case 408:
    case 430:
    case 503:
      return base + 2
    default:
      return base + 1
  }
}
