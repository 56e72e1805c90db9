/**
 * Deletes that are sure to happen (media §9, the first net): what a daemon did not acknowledge is asked again with growing pauses, in the
 * background. Bounded in number and time: a daemon that is gone for longer has lost its calls, or ends them by its own timers.
 */
import type { Clock } from '../base/clock.ts'
import { MediaError } from '../base/errors.ts'
import type { NgDictionary } from '../media/types.ts'
import type { NgReply } from './types.ts'

/** Milliseconds to the next attempt; the last one repeats. */
const PAUSES = [1000, 2000, 5000, 10_000, 30_000] as const
const MOST_MS = 600_000
const MOST = 10_000
/** On their way at the same time: a daemon that takes them is not flooded, one that does not is not sent much in vain. */
const MOST_FLYING = 64

type Deleted = (reply: NgReply | undefined) => void

interface Waiting {
  dictionary: NgDictionary
  /** The tags matched nothing, so that the whole call is deleted: without statistics. */
  whole: boolean
  readonly deleted: Deleted
  readonly since: number
  attempts: number
  /** Clock milliseconds of the next attempt. */
  due: number
  over: boolean
}

export interface DeleteQueueDeps {
  readonly clock: Clock
  /** One command, until its deadline. */
  readonly ask: (dictionary: NgDictionary) => Promise<NgReply>
  /** A delete was given up; the daemon may still have the call. */
  readonly givenUp: (dictionary: NgDictionary, why: string) => void
  /** Our own mistake: in a dictionary, or in what follows a delete. */
  readonly broken: (error: unknown) => void
  readonly most?: number
}

export class DeleteQueue {
  readonly #deps: DeleteQueueDeps
  readonly #most: number
  /** All of them, the oldest first. */
  readonly #all = new Set<Waiting>()
  /** Their next attempt waits for nothing but a place. */
  readonly #ready = new Set<Waiting>()
  /** Their next attempt waits for its time. */
  readonly #later = new Set<Waiting>()
  #flying = 0

  constructor(deps: DeleteQueueDeps) {
    this.#deps = deps
    this.#most = deps.most ?? MOST
  }

  /** Those that were not acknowledged yet. */
  get size(): number {
    return this.#all.size
  }

  /** Asks at once. @param deleted called exactly once, never before this returns */
  add(dictionary: NgDictionary, deleted: Deleted): void {
    const now = this.#deps.clock.now()
    const waiting = { dictionary, whole: false, deleted, since: now, attempts: 0, due: now, over: false }
    this.#all.add(waiting)
    this.#ready.add(waiting)
    if (this.#all.size > this.#most) {
      const [oldest] = this.#all
      if (oldest !== undefined) this.#giveUp(oldest, 'there are too many')
    }
    this.#fly()
  }

  /** An offer brings the call back to life: what would end it again is forgotten. Deletes of single branches stay. */
  revived(callId: string): void {
    if (this.#all.size === 0) return
    for (const waiting of [...this.#all])
      if (waiting.dictionary['call-id'] === callId && waiting.dictionary['to-tag'] === undefined) this.#end(waiting, undefined)
  }

  /** Asks those whose pause is over; gives up those that are too old. */
  tick(): void {
    if (this.#later.size === 0) return
    const now = this.#deps.clock.now()
    for (const waiting of [...this.#later]) {
      if (now - waiting.since >= MOST_MS) this.#giveUp(waiting, 'it was not acknowledged in ten minutes')
      else if (now >= waiting.due) this.#soon(waiting)
    }
    this.#fly()
  }

  /** The daemon answers again: nobody waits for the end of a pause. One that has restarted says at once that it knows nothing of the call. */
  hurry(): void {
    for (const waiting of [...this.#later]) this.#soon(waiting)
    this.#fly()
  }

  /** Nobody will be asked any more. */
  close(): void {
    for (const waiting of [...this.#all]) this.#giveUp(waiting, 'nobody asks this rtpengine any more')
  }

  #soon(waiting: Waiting): void {
    this.#later.delete(waiting)
    this.#ready.add(waiting)
  }

  #fly(): void {
    for (const waiting of this.#ready) {
      if (this.#flying >= MOST_FLYING) return
      this.#ready.delete(waiting)
      void this.#attempt(waiting)
    }
  }

  async #attempt(waiting: Waiting): Promise<void> {
    this.#flying++
    waiting.attempts++
    try {
      let reply = await this.#deps.ask(waiting.dictionary)
      const whole = missed(reply) && !waiting.over ? wholeCall(waiting.dictionary) : undefined
      if (whole !== undefined) {
        waiting.dictionary = whole
        waiting.whole = true
        reply = await this.#deps.ask(whole)
      }
      this.#end(waiting, waiting.whole || missed(reply) ? undefined : reply)
    } catch (error) {
      // Why, the node has noted: it is its state that changes
      if (error instanceof MediaError) this.#again(waiting)
      else {
        this.#deps.broken(error)
        this.#end(waiting, undefined)
      }
    } finally {
      this.#flying--
      this.#fly()
    }
  }

  #again(waiting: Waiting): void {
    if (waiting.over) return
    waiting.due = this.#deps.clock.now() + (PAUSES[waiting.attempts - 1] ?? PAUSES.at(-1)!)
    this.#later.add(waiting)
  }

  #giveUp(waiting: Waiting, why: string): void {
    this.#deps.givenUp(waiting.dictionary, why)
    this.#end(waiting, undefined)
  }

  #end(waiting: Waiting, reply: NgReply | undefined): void {
    if (waiting.over) return
    waiting.over = true
    this.#all.delete(waiting)
    this.#ready.delete(waiting)
    this.#later.delete(waiting)
    try {
      waiting.deleted(reply)
    } catch (error) {
      this.#deps.broken(error)
    }
  }
}

/** The tags match nothing, or the daemon cannot do anything with them. An error is as good as an acknowledgement: the same again changes nothing. */
const missed = (reply: NgReply): boolean => reply.result !== 'ok' || reply.warning !== undefined

/**
 * Media §4: what is deleted when the tags match nothing. Not for a single branch: the daemon never heard of it, or has forgotten it, and its
 * call goes on with other branches, which the whole call would take along.
 */
const wholeCall = ({ 'from-tag': from, 'to-tag': to, ...whole }: NgDictionary): NgDictionary | undefined =>
  from === undefined || to !== undefined ? undefined : whole
