/**
 * One call in rtpengine: where it is, what its legs are, and what was said on each of its branches. It turns an SDP of one side into the SDP
 * for the other; when that goes wrong it says what the caller of it may answer, and never throws.
 */
import { own } from '../../base/bytes.ts'
import { isProblem, type Problem, problem } from '../../base/problem.ts'
import { EMPTY_MEMORY, fixReceived, fixToSend } from '../../media/fix-ups.ts'
import { type Exchange, Negotiation, otherParty, type Party } from '../../media/negotiation.ts'
import { offerAgain, toldLast } from '../../media/offer-again.ts'
import { planAnswer, planDelete, planOffer } from '../../media/plan.ts'
import { recordingsOf } from '../../media/quality.ts'
import { type MediaReply, readReply } from '../../media/reply.ts'
import type { LegMemory, MediaIdentity, NgDictionary, Passage } from '../../media/types.ts'
import { following, type Told, toldOf } from '../../media/versions.ts'
import type { MediaNode } from '../../rtpengine/types.ts'
import type { MediaLeg } from '../../zones/media.ts'
import type { Dialog } from '../dialogs/dialog.ts'
import type { MediaDesk } from './desk.ts'

/** Tag of the caller's leg in rtpengine, in every session. */
const CALLER_TAG = 'a'
/** §11: how many nodes a new call tries. */
const MOST_NODES = 2

export interface SessionLeg {
  leg: MediaLeg
  memory: LegMemory
  /** Address its signalling comes from, when its SDP shows one that is of no use to us. */
  received: string | undefined
  /** It was told a port of ours, which has to stay from then on: over forks, too, and in an early dialog. */
  told: boolean
  /** The last SDP that it was told, from the first one on that rtpengine has not made so: its versions are counted here then. */
  last: Told | undefined
}

export interface Answered {
  /** What the one who offered is to get. */
  readonly answered: string
}

/** One fork of the call: ours, whatever forks there are behind it. */
export class SessionBranch {
  readonly number: number
  readonly callee: SessionLeg
  readonly negotiation = new Negotiation()
  /** A 2xx was passed on. */
  up: boolean
  gone = false
  /** It came to nothing: nobody rings there any more. */
  failed = false
  /** By the To tags of the 2xx that were passed on, one for each fork behind us that answered: does it go on? Empty in a process that saw none. */
  readonly #dialogs = new Map<string, boolean>()

  /** @param up it is a dialog already, of a process before this one */
  constructor(number: number, leg: MediaLeg, up = false) {
    this.number = number
    this.callee = sessionLeg(leg, up)
    this.up = up
  }

  /** A 2xx with that To tag goes on. */
  answered(tag: string): void {
    this.up = true
    // A copy may come when its dialog has ended
    if (!this.#dialogs.has(tag)) this.#dialogs.set(own(tag), true)
  }

  /** The dialog with that tag has ended. @returns nothing of the branch is left */
  ended(tag: string): boolean {
    if (!this.up) return false
    if (this.#dialogs.size === 0) return true
    if (this.#dialogs.get(tag) !== true) return false
    this.#dialogs.set(tag, false)
    return ![...this.#dialogs.values()].includes(true)
  }

  /** Its tag in rtpengine. */
  get tag(): string {
    return `b${this.number}`
  }
}

const sessionLeg = (leg: MediaLeg, told: boolean): SessionLeg => ({ leg, memory: EMPTY_MEMORY, received: undefined, told, last: undefined })

export class MediaSession {
  readonly id: string
  /** SIP's. */
  readonly callId: string
  readonly ngCallId: string
  readonly caller: SessionLeg
  readonly branches = new Map<number, SessionBranch>()
  /** Those of its dialogs that we could end, from their 2xx on. */
  readonly dialogs = new Set<Dialog>()
  /** Clock milliseconds. */
  readonly startedAt: number
  /** Of the last command: what came later than a list was asked for is not missing in it. */
  touchedAt: number
  /** When its node was last asked whether it has it. */
  checkedAt = 0
  node: MediaNode
  ended = false
  /** It has no media any more, and its loss was told. */
  unheard = false
  /** The branch that answered last: the caller hears it, and nobody else. */
  #heard: SessionBranch | undefined
  /** rtpengine makes its RTCP: one side insists on reports, and the other sent none. */
  makesReports = false
  /** Files that rtpengine writes. */
  recordings: readonly string[] = []
  readonly #desk: MediaDesk
  readonly #set: string
  /** An offer succeeded: the node's addresses are known to somebody. */
  #placed: boolean
  /** Commands of one session follow each other, also those of parallel forks. */
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @param adopted it was there before this process: the node may know it */
  constructor(
    desk: MediaDesk,
    names: { readonly id: string; readonly callId: string; readonly ngCallId: string; readonly set: string },
    caller: MediaLeg,
    node: MediaNode,
    now: number,
    adopted: boolean,
  ) {
    this.#desk = desk
    this.id = names.id
    this.callId = names.callId
    this.ngCallId = names.ngCallId
    this.#set = names.set
    this.caller = sessionLeg(caller, adopted)
    this.node = node
    this.startedAt = now
    this.touchedAt = now
    this.#placed = adopted
  }

  /** For deletes: the caller's leg and that of a branch, or the whole call. */
  identity(branch: SessionBranch | undefined): MediaIdentity {
    return { callId: this.ngCallId, fromTag: CALLER_TAG, toTag: branch?.tag ?? '' }
  }

  /** Some branch is a dialog. */
  get up(): boolean {
    for (const branch of this.branches.values()) if (branch.up && !branch.gone) return true
    return false
  }

  /** Whatever the branch has answered counts: no other one has answered since. */
  hears(branch: SessionBranch): boolean {
    return this.#heard === undefined || this.#heard === branch
  }

  /** The caller hears a fork that is gone, or has come to nothing: one that is up says its answer again. @returns what has to wait for that */
  hearAgain(): Promise<void> | undefined {
    if (this.ended || this.#heard === undefined || (this.#heard.up && !this.#heard.gone)) return undefined
    for (const branch of this.branches.values()) {
      const { agreed } = branch.negotiation
      if (branch.up && !branch.gone && agreed !== undefined) return this.restore(branch, [agreed])
    }
    return undefined
  }

  /** Its node has heard of it. */
  get placed(): boolean {
    return this.#placed
  }

  /** Passes an offer on. @param inverted as for the negotiation */
  offer(branch: SessionBranch, sender: Party, sdp: string, inverted = false): Promise<Exchange | Problem> {
    return this.#inTurn(async () => {
      const passed = await this.#pass(branch, sender, sdp, 'offer', sender)
      if (isProblem(passed)) this.#desk.failed()
      if (isProblem(passed)) return passed
      return branch.negotiation.offered(sender, sdp, this.#tell(branch, otherParty(sender), passed.sdp), inverted)
    })
  }

  /** Passes an answer on; the exchange then has what the one who offered is to get. */
  answer(branch: SessionBranch, exchange: Exchange, sdp: string): Promise<Answered | Problem> {
    return this.#inTurn(async () => {
      if (exchange.answer === sdp && this.hears(branch)) return { answered: exchange.answered! }
      const sender = otherParty(exchange.offerer)
      let passed = await this.#pass(branch, sender, sdp, 'answer', exchange.offerer)
      // §11: the daemon has restarted since the offer. Inside a dialog there is no way back: the whole exchange again, and what the answerer
      // was told is right again with the next one
      if (isProblem(passed) && passed === LOST && branch.up) {
        const renewed = await this.#pass(branch, exchange.offerer, exchange.offer, 'offer', exchange.offerer)
        passed = isProblem(renewed) ? renewed : await this.#pass(branch, sender, sdp, 'answer', exchange.offerer)
      }
      if (isProblem(passed)) {
        this.#desk.failed()
        return passed
      }
      const answered = exchange.inverted ? passed.sdp : this.#tell(branch, exchange.offerer, passed.sdp)
      branch.negotiation.answered(exchange, sdp, answered)
      this.#desk.reports.agreed(this, branch)
      return { answered }
    })
  }

  /** What the other side of `sender` was told last, as an offer to it; undefined: that is not known. */
  offerAgain(branch: SessionBranch, sender: Party): string | undefined {
    const { agreed } = branch.negotiation
    if (agreed === undefined) return undefined
    this.#leg(branch, otherParty(sender)).last ??= toldOf(toldLast(agreed, sender))
    return this.#tell(branch, otherParty(sender), offerAgain(agreed, sender))
  }

  /** An offer in the caller's place, who has left it to the callee; the session that it names is the one of this leg from then on. */
  async offerFor(branch: SessionBranch, sdp: string): Promise<Exchange | Problem> {
    const exchange = await this.offer(branch, 'caller', sdp)
    if (!isProblem(exchange)) branch.callee.last ??= toldOf(exchange.offered)
    return exchange
  }

  #tell(branch: SessionBranch, party: Party, sdp: string): string {
    const leg = this.#leg(branch, party)
    if (leg.last === undefined) return sdp
    const told = following(leg.last, sdp)
    leg.last = toldOf(told)
    return told
  }

  #leg(branch: SessionBranch, party: Party): SessionLeg {
    return party === 'caller' ? this.caller : branch.callee
  }

  /** §9: a refused offer left its traces in rtpengine; what was said before, said again, undoes them. */
  restore(branch: SessionBranch, exchanges: readonly Exchange[]): Promise<void> {
    return this.#inTurn(() => this.#sayAgain(branch, exchanges))
  }

  /** From now on: what holds is said again, with that. An offer that waits for its answer is not disturbed: the answer says it. */
  makeReports(branch: SessionBranch): Promise<void> {
    this.makesReports = true
    return this.#inTurn(async () => {
      const { latest } = branch.negotiation
      if (latest?.answer !== undefined && this.hears(branch) && !this.ended && !branch.gone) await this.#sayAgain(branch, [latest])
    })
  }

  async #sayAgain(branch: SessionBranch, exchanges: readonly Exchange[]): Promise<void> {
    for (const { offerer, offer, answer } of exchanges) {
      let passed = await this.#pass(branch, offerer, offer, 'offer', offerer, true)
      if (!isProblem(passed) && answer !== undefined) passed = await this.#pass(branch, otherParty(offerer), answer, 'answer', offerer)
      if (!isProblem(passed)) continue
      this.#desk.restoreFailed(this, passed.reason)
      return
    }
  }

  /** After all commands that are under way: a delete that came before one of them would be undone by it. */
  behind(step: () => void): void {
    if (this.#waiting === 0) step()
    else void this.#last.then(step)
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#waiting++
    const done = this.#last.then(step).finally(() => this.#waiting--)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #pass(
    branch: SessionBranch,
    sender: Party,
    sdp: string,
    role: 'offer' | 'answer',
    offerer: Party,
    stays = false,
  ): Promise<Problem | { sdp: string }> {
    // rtpengine would begin anew what was deleted
    if (this.ended || branch.gone) return LOST
    const [from, to] = sender === 'caller' ? [this.caller, branch.callee] : [branch.callee, this.caller]
    const fixed = fixReceived(sdp, role, from.leg, to.leg, from.memory)
    if (isProblem(fixed)) return fixed
    const passage: Passage = {
      identity: this.#identity(branch, offerer),
      sender: from.leg,
      receiver: to.leg,
      senderIsCaller: sender === 'caller',
      inDialog: to.told,
      received: from.received,
      ...(to.memory.codecs !== undefined && { spoken: to.memory.codecs }),
      makesReports: this.makesReports,
      sdp: fixed.sdp,
    }
    const reply =
      role === 'offer' ? await this.#offerSomewhere(planOffer(passage), branch, stays) : await this.#ask('answer', planAnswer(passage))
    if (isProblem(reply)) return reply
    if (reply.kind !== 'sdp') return faultOf(reply)
    const made = fixToSend(reply.sdp, role, from.leg, to.leg, to.memory, sdp)
    if (isProblem(made)) return made
    from.memory = fixed.memory
    to.memory = made.memory
    to.told = true
    if (role === 'answer') this.#heard = branch
    if (reply.warning !== undefined) this.#desk.warned(this, reply.warning)
    return made
  }

  /** The tag of a leg in rtpengine. */
  tagOf(branch: SessionBranch, party: Party): string {
    return party === 'caller' ? CALLER_TAG : branch.tag
  }

  #identity(branch: SessionBranch, offerer: Party): MediaIdentity {
    const [fromTag, toTag] = offerer === 'caller' ? [CALLER_TAG, branch.tag] : [branch.tag, CALLER_TAG]
    return { callId: this.ngCallId, fromTag, toTag }
  }

  /** A new call tries another node when one fails; a dialog stays where it is, unless its node is lost (§11). */
  async #offerSomewhere(dictionary: NgDictionary, branch: SessionBranch, stays: boolean): Promise<MediaReply | Problem> {
    const inDialog = branch.up
    if (!stays && this.#placed && inDialog && this.node.state === 'down') this.#move(this.#elsewhere())
    for (let tries = 1; ; tries++) {
      const { node } = this
      const reply = await this.#ask('offer', dictionary)
      if (!isProblem(reply) && reply.kind === 'sdp') {
        this.#placed = true
        return reply
      }
      const transient = isProblem(reply) || reply.kind === 'full' || reply.kind === 'failed'
      // Forks that are rung already were told addresses of this node. What is said again goes to nobody: both sides keep what they have
      const free = inDialog || branch.callee.told ? !isProblem(reply) || node.state !== 'up' : !this.#placed || this.#alone(branch)
      const mayMove = free && !stays && !this.ended
      const next = transient && mayMove && tries < MOST_NODES ? this.#elsewhere() : undefined
      if (next === undefined) return reply
      this.#move(next)
    }
  }

  /** Nobody else rings, or talks. */
  #alone(branch: SessionBranch): boolean {
    for (const other of this.branches.values()) if (other !== branch && !other.failed && !other.gone) return false
    return true
  }

  #elsewhere(): MediaNode | undefined {
    return this.#desk.nodes.candidates(this.#set, this.ngCallId).find((node) => node !== this.node)
  }

  /** What the old node may have begun is deleted; it may have executed what it did not answer. */
  #move(node: MediaNode | undefined): void {
    if (node === undefined) return
    this.#desk.moved(this, node)
    this.node.delete(planDelete(this.identity(undefined), 'call'), () => {})
    this.node = node
    this.#placed = false
  }

  async #ask(command: 'offer' | 'answer', dictionary: NgDictionary): Promise<MediaReply | Problem> {
    this.touchedAt = this.#desk.clock.now()
    this.unheard = false
    try {
      const said = await this.node.request(command, dictionary)
      if (said.recordings !== undefined) this.recordings = recordingsOf(said)
      const reply = readReply(said)
      return reply.kind === 'unknown-call' ? LOST : reply
    } catch (error) {
      this.#desk.commandFailed(this, command, error)
      return UNREACHABLE
    }
  }
}

const UNREACHABLE = problem(503, 'Media node does not answer', 'media', 'body')
const LOST = problem(503, 'Media node has lost the call', 'media', 'body')

const faultOf = (reply: MediaReply): Problem => {
  switch (reply.kind) {
    case 'unreadable':
      return problem(488, 'Session description cannot be used', 'RFC 3264 §5', 'body')
    case 'full':
      return problem(503, 'Media node has no room', 'media', 'body')
    default:
      return problem(503, 'Media node refused', 'media', 'body')
  }
}
