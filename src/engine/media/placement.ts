/** Where the media of a request belongs: the session that a new call gets, or the one that a dialog has. */
import type { Listener } from '../../address/listener.ts'
import { shortName } from '../../base/keyed-hash.ts'
import { isProblem, type Problem } from '../../base/problem.ts'
import type { Exchange, Party } from '../../media/negotiation.ts'
import type { Candidate } from '../../routing/decide.ts'
import type { MediaState, Side } from '../../routing/route-state.ts'
import type { SipRequest, SipResponse } from '../../sip/message.ts'
import { fromTag, toTag } from '../../sip/read.ts'
import { type MediaPolicy, mediaLeg } from '../../zones/media.ts'
import type { DialogMedia } from '../dialogs/dialog.ts'
import { candidateZone } from '../next-hop.ts'
import { type MediaDesk, setOf } from './desk.ts'
import { type MediaSession, SessionBranch } from './session.ts'

/** One branch of a request whose media is anchored. */
export interface Passing {
  readonly session: MediaSession
  readonly branch: SessionBranch
  /** The request with the SDP for this leg; undefined: as it came. */
  request: SipRequest | undefined
  /** The exchange that this request, or its response, began. */
  exchange: Exchange | undefined
  /** The request asked for an offer, and its receiver got one of ours: its answer is an offer to who asked. */
  inverted?: boolean
  /** A 2xx to it was passed on. */
  accepted: boolean
  /** What forks behind us have said before their 2xx, by To tag. */
  early: Map<string, string> | undefined
}

export interface Placement {
  readonly sender: Party
  /** Asked before a request leaves on a branch, each time. @returns undefined: not anchored */
  place(index: number, candidate: Candidate, listener: Listener): Passing | Problem | undefined
  /** Where it was placed. */
  at(index: number): DialogMedia | undefined
  /** An offer got through: what it replaces may go (§4: offer the next branch first, then delete the one before). */
  offered(): void
  /** A branch that comes to nothing. */
  failed(index: number): void
  /** A 2xx goes back. */
  answered(index: number, response: SipResponse): void
  /** Nothing more will be decided. @param status of the final response; 0: none @returns what later messages of the call have to wait for */
  finished(status: number): Promise<void> | undefined
}

const policyOf = (candidate: Candidate): MediaPolicy =>
  candidate.kind === 'target' ? candidate.target.media : candidateZone(candidate).media

/** What our Record-Route says of the branch. */
export const stateOf = (desk: MediaDesk, { session, branch }: Passing, candidate: Candidate): MediaState => ({
  session: session.id,
  branch: branch.number,
  node: desk.shortNode(session),
  target: candidate.kind === 'target' && candidate.target.media !== candidate.zone.media ? shortName(candidate.target.name) : undefined,
})

/** An INVITE that begins a call: the session is opened with the first branch that needs one. */
export class NewCall implements Placement {
  readonly sender = 'caller'
  readonly #desk: MediaDesk
  readonly #callId: string
  readonly #ingress: Side
  readonly #passings: (Passing | undefined)[] = []
  #session: MediaSession | undefined
  #over: SessionBranch[] = []

  constructor(desk: MediaDesk, callId: string, ingress: Side) {
    this.#desk = desk
    this.#callId = callId
    this.#ingress = ingress
  }

  place(index: number, candidate: Candidate, listener: Listener): Passing | Problem | undefined {
    const { zone } = this.#ingress
    const policy = policyOf(candidate)
    if (!zone.media.anchored || !policy.anchored) return undefined
    const leg = mediaLeg(candidateZone(candidate).name, policy, listener.transport.name)
    const before = this.#passings[index]
    // Another destination of the target: the same leg, unless its transport asks for other media
    if (before !== undefined && before.branch.callee.leg.profile.kind === leg.profile.kind) return before
    const session = this.#session ?? this.#desk.open(this.#callId, this.#callerLeg(), setOf(zone.media.set, policy.set))
    if (isProblem(session)) return session
    this.#session = session
    if (before !== undefined) this.#over.push(before.branch)
    const branch = new SessionBranch(session.branches.size + 1, leg)
    session.branches.set(branch.number, branch)
    const passing: Passing = { session, branch, request: undefined, exchange: undefined, accepted: false, early: undefined }
    this.#passings[index] = passing
    return passing
  }

  at(index: number): DialogMedia | undefined {
    return this.#passings[index]
  }

  offered(): void {
    for (const branch of this.#over) this.#desk.drop(this.#session!, branch)
    this.#over = []
  }

  failed(index: number): void {
    const passing = this.#passings[index]
    if (passing === undefined || passing.branch.up) return
    passing.branch.failed = true
    this.#over.push(passing.branch)
  }

  answered(index: number, response: SipResponse): void {
    this.#passings[index]?.branch.answered(toTag(response) ?? '')
  }

  finished(): Promise<void> | undefined {
    const session = this.#session
    if (session === undefined) return undefined
    if (!session.up) {
      this.#desk.end(session, 'failed')
      return undefined
    }
    for (const branch of session.branches.values()) if (!branch.up) this.#desk.drop(session, branch)
    return session.hearAgain()
  }

  #callerLeg() {
    const { zone, listener } = this.#ingress
    return mediaLeg(zone.name, zone.media, listener.transport.name)
  }
}

/** A request inside a dialog whose Route state names a session. */
export class InDialog implements Placement {
  readonly sender: Party
  readonly #desk: MediaDesk
  readonly #method: string
  /** The callee's tag: of the dialog, since several may share a branch. */
  readonly #tag: string
  readonly #passing: Passing

  constructor(
    desk: MediaDesk,
    sender: Party,
    request: SipRequest,
    found: { readonly session: MediaSession; readonly branch: SessionBranch },
  ) {
    this.#desk = desk
    this.sender = sender
    this.#method = request.method
    this.#tag = (sender === 'caller' ? toTag(request) : fromTag(request)) ?? ''
    this.#passing = { ...found, request: undefined, exchange: undefined, accepted: false, early: undefined }
  }

  place(): Passing {
    return this.#passing
  }

  at(): DialogMedia {
    return this.#passing
  }

  offered(): void {}

  failed(): void {}

  answered(): void {}

  finished(status: number): Promise<void> | undefined {
    if (this.#method !== 'BYE' || status === 401 || status === 407) return undefined
    return dialogOver(this.#desk, this.#passing, this.#tag, 'bye', this.sender)
  }
}

/**
 * A dialog has ended. Its branch goes with its last dialog, the call with its last branch.
 * @param tag the callee's @param by who ended it @returns what later messages of the call have to wait for
 */
export const dialogOver = (
  desk: MediaDesk,
  { session, branch }: DialogMedia,
  tag: string,
  how: 'bye' | 'connection-lost',
  by: Party,
): Promise<void> | undefined => {
  if (!branch.ended(tag)) return undefined
  for (const other of session.branches.values()) {
    if (other === branch || other.gone || !other.up) continue
    desk.drop(session, branch)
    return session.hearAgain()
  }
  desk.end(session, how, by)
  return undefined
}
