/**
 * All calls that have media in rtpengine. A session is here from before its first offer until its delete was acknowledged; what a daemon has of
 * ours and is not here is a stray, and what is here and not there has died.
 */
import { own } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { EdgewaysError } from '../../base/errors.ts'
import type { Ids } from '../../base/ids.ts'
import { shortName } from '../../base/keyed-hash.ts'
import { type Problem, problem } from '../../base/problem.ts'
import type { Party } from '../../media/negotiation.ts'
import { planDelete } from '../../media/plan.ts'
import { type CallQuality, callQuality } from '../../media/quality.ts'
import { readReply } from '../../media/reply.ts'
import type { Log } from '../../observability/log.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { MediaState, RouteState } from '../../routing/route-state.ts'
import type { MediaEvents, MediaNode, MediaNodes, NgReply } from '../../rtpengine/types.ts'
import { type MediaLeg, mediaLeg } from '../../zones/media.ts'
import type { NatPolicy } from '../../zones/nat.ts'
import { ReportWatch } from './reports.ts'
import { MediaSession, SessionBranch } from './session.ts'

export interface DeskDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics: Metrics
  /** Four characters that tell this edge's sessions from those of others on the same node, over restarts. */
  readonly edge: string
  readonly nodes: (events: MediaEvents, ours: (ngCallId: string) => boolean) => MediaNodes
  /** What is done about NAT for the parties of a zone, by its name. */
  readonly nat?: (zone: string) => NatPolicy | undefined
  /** The daemon gave up a call for lack of media, or lost it and nobody renewed it. */
  readonly lost: (session: MediaSession) => void
  /** A call that was up is over, with what it sounded like. */
  readonly ended?: (session: MediaSession, how: string, by: Party | undefined, quality: CallQuality | undefined) => void
}

/** A stray is deleted when it was seen for so long. */
const STRAY_MS = 120_000
/** A session is missed when no command of it was under way for so long before the list, twice in a row. */
const QUIET_MS = 30_000
/** Sessions of one node that are asked about one by one, in a minute. */
const ASKED_ABOUT = 200
/** A call whose loss was told, and that went on, is given up when nothing more was heard of it for so long: its BYE was lost. */
const FORGET_MS = 86_400_000
const LIFE = 3
const RANDOM = 9
/** Of the SIP Call-ID, in the ng call-id: for people who read logs. */
const READABLE = /^[\x21-\x7d]{1,128}$/

export class MediaDesk implements MediaEvents {
  readonly nodes: MediaNodes
  readonly clock: Clock
  readonly reports: ReportWatch
  readonly #deps: DeskDeps
  /** What the ids of this process begin with: the edge, then its present life. */
  readonly #prefix: string
  readonly #sessions = new Map<string, MediaSession>()
  /** ng call-ids that nobody here knows, since when. */
  readonly #strays = new Map<string, number>()
  readonly #missed = new Set<string>()

  constructor(deps: DeskDeps) {
    this.#deps = deps
    this.clock = deps.clock
    this.reports = new ReportWatch(deps.clock, (session, error) => this.commandFailed(session, 'query', error))
    this.#prefix = deps.edge + deps.ids.token(LIFE)
    this.nodes = deps.nodes(this, (ngCallId) => ngCallId.lastIndexOf(`~${deps.edge}`) === ngCallId.length - idLength(deps.edge))
  }

  get size(): number {
    return this.#sessions.size
  }

  natOf(zone: string): NatPolicy | undefined {
    return this.#deps.nat?.(zone)
  }

  sessions(): Iterable<MediaSession> {
    return this.#sessions.values()
  }

  /** A session for a new call, on the node that the rendezvous names; a problem when no node takes calls. */
  open(callId: string, caller: MediaLeg, set: string): MediaSession | Problem {
    const id = this.#prefix + this.#deps.ids.token(RANDOM)
    const ngCallId = ngCallIdOf(callId, id)
    const node = this.nodes.candidates(set, ngCallId)[0]
    if (node === undefined) return this.#refuse(callId, set)
    const session = new MediaSession(this, { id, callId: own(callId), ngCallId: own(ngCallId), set }, caller, node, this.clock.now(), false)
    this.#sessions.set(id, session)
    return session
  }

  /**
   * The session and branch that a dialog's own state names. What an earlier process began is taken up again: rtpengine still has it.
   * @param wanted the request cannot do without, or ends it
   * @returns a problem when there is no media for it any more: 481 the call has ended, 503 no node takes it; undefined: nothing is known of it
   */
  find(
    state: RouteState,
    media: MediaState,
    callId: string,
    wanted: boolean,
  ): { session: MediaSession; branch: SessionBranch } | Problem | undefined {
    const { caller, callee } = state
    let session = this.#sessions.get(media.session)
    // What this process began, and does not have any more, is over
    if (session === undefined && media.session.startsWith(this.#prefix)) return OVER
    if (session === undefined && !wanted) return undefined
    const target = media.target === undefined ? undefined : callee.zone.targets.find(({ name }) => shortName(name) === media.target)
    const policy = target?.media ?? callee.zone.media
    if (session === undefined) {
      const set = setOf(caller.zone.media.set, policy.set)
      const names = { id: own(media.session), callId: own(callId), ngCallId: own(ngCallIdOf(callId, media.session)), set }
      const node = this.#nodeOf(media.node) ?? this.nodes.candidates(set, names.ngCallId)[0]
      if (node === undefined) return this.#refuse(callId, set)
      const leg = mediaLeg(caller.zone.name, caller.zone.media, caller.listener.transport.name)
      session = new MediaSession(this, names, leg, node, this.clock.now(), true)
      this.#sessions.set(session.id, session)
    }
    let branch = session.branches.get(media.branch)
    if (session.ended || branch?.gone) return OVER
    if (branch === undefined) {
      // Only what became a dialog has requests inside it
      branch = new SessionBranch(media.branch, mediaLeg(callee.zone.name, policy, callee.listener.transport.name), true)
      session.branches.set(media.branch, branch)
    }
    return { session, branch }
  }

  #refuse(callId: string, set: string): Problem {
    const why = this.nodes.unavailable(set)
    this.#deps.log.error({ callId, set }, why)
    this.#deps.metrics.mediaCall('refused')
    return problem(503, why, 'media', 'body')
  }

  /** The name of the node in a cookie. */
  shortNode(session: MediaSession): string {
    return shortName(session.node.name)
  }

  #nodeOf(short: string): MediaNode | undefined {
    const view = this.nodes.views().find(({ name }) => shortName(name) === short)
    return view === undefined ? undefined : this.nodes.node(view.name)
  }

  /** A fork that came to nothing, or whose dialog ended while another goes on. */
  drop(session: MediaSession, branch: SessionBranch): void {
    if (branch.gone || session.ended) return
    branch.gone = true
    session.touchedAt = this.clock.now()
    session.behind(() => {
      if (!session.ended) session.node.delete(planDelete(session.identity(branch), 'branch'), () => {})
    })
  }

  /** The end of the call: its sessions are deleted, for sure but not now, and its figures are logged. @param by who ended it */
  end(session: MediaSession, how: 'failed' | 'bye' | 'media-timeout' | 'connection-lost', by?: Party): void {
    if (session.ended) return
    session.ended = true
    this.#missed.delete(session.id)
    if (how !== 'failed') this.#deps.metrics.mediaCall('ok')
    session.behind(() => {
      session.node.delete(planDelete(session.identity(undefined), 'call'), (reply) => {
        this.#sessions.delete(session.id)
        if (how !== 'failed') this.#report(session, how, by, reply)
      })
    })
  }

  #report(session: MediaSession, how: string, by: Party | undefined, reply: NgReply | undefined): void {
    const { log, metrics } = this.#deps
    const quality = reply === undefined ? undefined : callQuality(reply, { at: this.clock.wall(), recordings: session.recordings })
    if (quality?.oneWay) metrics.mediaFlag('one-way')
    if (quality?.noMedia) metrics.mediaFlag('no-media')
    for (const leg of quality?.legs ?? []) metrics.mediaHeard(leg)
    this.#deps.ended?.(session, how, by, quality)
    if (!log.enabled('info')) return
    const seconds = Math.round((this.clock.now() - session.startedAt) / 1000)
    log.info({ callId: session.callId, node: session.node.name, seconds, how, by, quality }, 'Call ended')
  }

  // ---- what a session tells

  /** A call, or a change of one, could not have media. */
  failed(): void {
    this.#deps.metrics.mediaCall('failed')
  }

  commandFailed(session: MediaSession, command: string, error: unknown): void {
    const code = error instanceof EdgewaysError ? error.code : undefined
    this.#deps.log.warn({ callId: session.callId, node: session.node.name, command, code, err: error }, 'Media command failed')
  }

  moved(session: MediaSession, to: MediaNode): void {
    this.#deps.log.warn({ callId: session.callId, node: session.node.name, to: to.name }, 'Call goes to another media node')
  }

  warned(session: MediaSession, warning: string): void {
    this.#deps.log.warn({ callId: session.callId, node: session.node.name, warning }, 'rtpengine warned')
  }

  restoreFailed(session: MediaSession, why: string): void {
    this.#deps.log.warn({ callId: session.callId, node: session.node.name, why }, 'Media could not be set back after a refused offer')
  }

  // ---- MediaEvents

  restarted(node: MediaNode): void {
    let calls = 0
    for (const session of this.#sessions.values()) if (session.node === node && !session.ended && session.up) calls++
    this.#deps.log.warn({ node: node.name, calls }, 'Media node has restarted; its calls are silent until their next offer')
  }

  listed(node: MediaNode, ngCallIds: readonly string[]): void {
    this.#sweep(node, ngCallIds)
    this.#miss(node, new Set(ngCallIds))
  }

  /** One by one then, the ones that were not looked at for longest first: calls that are lost are found later than by a list. */
  unlisted(node: MediaNode): void {
    const now = this.clock.now()
    const quiet = [...this.#sessions.values()].filter(
      (one) => one.node === node && !one.ended && one.up && one.placed && now - Math.max(one.touchedAt, one.checkedAt) >= QUIET_MS,
    )
    quiet.sort((one, other) => one.checkedAt - other.checkedAt)
    for (const session of quiet.slice(0, ASKED_ABOUT)) {
      session.checkedAt = now
      node.request('query', { 'call-id': session.ngCallId }).then(
        (reply) => {
          if (session.ended || session.node !== node) return
          if (readReply(reply).kind === 'unknown-call') this.#missing(session)
          else this.#missed.delete(session.id)
        },
        // Whether the node is well is looked at elsewhere
        () => {},
      )
    }
  }

  /** Sessions of this life of ours that are not in the table. Those of an earlier life belong to dialogs that still go on, or to the daemon's timers. */
  #sweep(node: MediaNode, ngCallIds: readonly string[]): void {
    const now = this.clock.now()
    const seen = new Set<string>()
    for (const ngCallId of ngCallIds) {
      const id = ngCallId.slice(ngCallId.lastIndexOf('~') + 1)
      const session = this.#sessions.get(id)
      if (!id.startsWith(this.#prefix) || (session !== undefined && session.node === node)) continue
      const key = `${node.name} ${ngCallId}`
      seen.add(key)
      const since = this.#strays.get(key)
      if (since === undefined) this.#strays.set(key, now)
      else if (now - since >= STRAY_MS) {
        this.#strays.delete(key)
        this.#deps.metrics.mediaStray(node.name)
        this.#deps.log.warn({ node: node.name, session: ngCallId }, 'A stray media session is deleted')
        node.delete(planDelete({ callId: ngCallId, fromTag: '', toTag: '' }, 'everything'), () => {})
      }
    }
    for (const key of this.#strays.keys()) if (key.startsWith(`${node.name} `) && !seen.has(key)) this.#strays.delete(key)
  }

  /** Calls that the daemon does not have any more. */
  #miss(node: MediaNode, present: ReadonlySet<string>): void {
    const now = this.clock.now()
    for (const session of [...this.#sessions.values()]) {
      // One without any SDP is nowhere, and misses nothing
      if (session.node !== node || session.ended || !session.up || !session.placed) continue
      if (present.has(session.ngCallId) || now - session.touchedAt < QUIET_MS) {
        this.#missed.delete(session.id)
        continue
      }
      this.#missing(session)
    }
  }

  /** The daemon does not have it: at the second time it is believed. */
  #missing(session: MediaSession): void {
    if (!this.#missed.delete(session.id)) {
      this.#missed.add(session.id)
      return
    }
    if (session.unheard) {
      if (this.clock.now() - session.touchedAt >= FORGET_MS) this.end(session, 'media-timeout')
      return
    }
    session.unheard = true
    this.#deps.metrics.mediaFlag('timeout')
    this.#deps.log.warn({ callId: session.callId, node: session.node.name }, 'Call has no media any more')
    this.#deps.lost(session)
  }
}

const OVER = problem(481, 'Call/Transaction Does Not Exist', '§12.2.2', 'call-id')

const idLength = (edge: string): number => 1 + edge.length + LIFE + RANDOM

const ngCallIdOf = (callId: string, id: string): string => `${READABLE.test(callId) ? callId : 'call'}~${id}`

/** Which set of nodes serves a call between two zones: the callee's, unless only the caller names one. */
export const setOf = (caller: string, callee: string): string => (callee === 'default' ? caller : callee)
