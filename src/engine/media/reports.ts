import type { Clock } from '../../base/clock.ts'
import { type Reporting, reportingOf } from '../../media/reports.ts'
import { holdOf } from '../../sdp/views.ts'
import type { MediaProfile } from '../../zones/media.ts'
import type { MediaSession, SessionBranch } from './session.ts'

/** Longer than between the reports of anybody who sends them: 5 s, give or take half (RFC 3550 §6.2). */
const WAIT_MS = 8000
/** Most calls that one look asks about; the others come with the next. */
const MOST = 200

interface Awaited {
  readonly branch: SessionBranch
  readonly at: number
}

/**
 * RTCP toward who insists on it (T §4.1), in silence and on hold, too. What the other side sends rtpengine passes on, on hold as well. Some send none:
 * then rtpengine makes reports itself. Not from the start: it takes those of the others away then, and its own are 10 to 14 s apart (10.5.3, seen
 * live; twice what it means to).
 */
export class ReportWatch {
  readonly #clock: Clock
  /** In the order in which they are due. */
  readonly #waiting = new Map<MediaSession, Awaited>()

  readonly #failed: (session: MediaSession, error: unknown) => void

  constructor(clock: Clock, failed: (session: MediaSession, error: unknown) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  /** An offer was answered: from now on RTCP has to come. */
  agreed(session: MediaSession, branch: SessionBranch): void {
    const [caller, callee] = [session.caller.leg.profile, branch.callee.leg.profile]
    if (!caller.insistsOnReports && !callee.insistsOnReports) return
    this.#waiting.delete(session)
    // Browsers send some on hold, too (Chromium: every four to six seconds, seen live), and who insists on it does it himself
    if (session.makesReports || (sendsReports(caller) && sendsReports(callee))) return
    this.#waiting.set(session, { branch, at: this.#clock.now() + WAIT_MS })
  }

  /** Looks after those that were given their time; to be called every two seconds or so. */
  look(): void {
    const now = this.#clock.now()
    let asked = 0
    for (const [session, { branch, at }] of this.#waiting) {
      if (at > now || asked++ >= MOST) return
      this.#waiting.delete(session)
      if (!session.ended && !branch.gone) this.#ask(session, branch)
    }
  }

  #ask(session: MediaSession, branch: SessionBranch): void {
    const insists = session.caller.leg.profile.insistsOnReports ? 'caller' : 'callee'
    const tag = session.tagOf(branch, insists === 'caller' ? 'callee' : 'caller')
    session.node
      .request('query', { 'call-id': session.ngCallId })
      .then(async (reply) => {
        if (isWanting(reportingOf(reply, tag), onHold(branch, insists))) await session.makeReports(branch)
      })
      .catch((error: unknown) => this.#failed(session, error))
  }
}

const sendsReports = (profile: MediaProfile): boolean => profile.insistsOnReports || profile.browser

/** Who cannot be told to send any sends it as long as there is sound. */
const isWanting = (reporting: Reporting | undefined, held: boolean): boolean => reporting === 'silent' || (reporting === 'muxed' && held)

const onHold = ({ negotiation: { agreed } }: SessionBranch, party: 'caller' | 'callee'): boolean => {
  if (agreed === undefined) return false
  return holdOf(agreed.offerer === party ? agreed.offer : (agreed.answer ?? '')) === 'inactive'
}
