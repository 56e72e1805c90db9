import type { Clock } from '../base/clock.ts'
import { MediaError } from '../base/errors.ts'
import type { NgReply } from './types.ts'

export interface SweepDeps {
  readonly list: (limit: number) => Promise<NgReply>
  /** All calls that the daemon has. */
  readonly listed: (callIds: readonly string[]) => void
  /** It answers pings. */
  readonly up: () => boolean
  /** It has more than it can say. `first`: it has been able to until now. */
  readonly unlisted: (why: string, first: boolean) => void
}

const SWEEP_MS = 60_000
/** The reply has to fit one datagram: with Call-IDs of the usual length it does. There are no pages. */
const LIMIT = 500

/** What a daemon has, once a minute (media §9, the second net). */
export class Sweep {
  readonly #clock: Clock
  readonly #deps: SweepDeps
  #at: number
  #told = false

  constructor(clock: Clock, deps: SweepDeps) {
    this.#clock = clock
    this.#deps = deps
    this.#at = clock.now()
  }

  tick(): void {
    const now = this.#clock.now()
    if (!this.#deps.up() || now - this.#at < SWEEP_MS) return
    this.#at = now
    void this.#sweep()
  }

  async #sweep(): Promise<void> {
    let reply: NgReply
    try {
      reply = await this.#deps.list(LIMIT)
    } catch (error) {
      if (error instanceof MediaError && error.code === 'SBC_MEDIA_TIMEOUT')
        this.#unlisted('it did not answer list, though it answers ping')
      return
    }
    const calls: readonly unknown[] | undefined = reply.result === 'ok' && Array.isArray(reply.calls) ? reply.calls : undefined
    if (calls === undefined) return
    // A part of it is worse than nothing: what is missing there would be taken for a call that has ended
    if (calls.length >= LIMIT) {
      this.#unlisted(`more than ${LIMIT}`)
      return
    }
    this.#told = false
    this.#deps.listed(calls.filter((callId) => typeof callId === 'string'))
  }

  #unlisted(why: string): void {
    const first = !this.#told
    this.#told = true
    this.#deps.unlisted(why, first)
  }
}
