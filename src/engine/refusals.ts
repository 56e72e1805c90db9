import type { RefusalView } from '../admin/contract.ts'
import { own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { Sparingly } from '../base/sparingly.ts'

interface Refusal {
  readonly source: string
  readonly listener: string
  readonly why: string
  at: number
  count: number
}

/** A flood from many addresses pushes out the oldest, and grows nothing. */
const MOST = 500
/** Certificates have names of strangers in them. */
const LONGEST = 500
const LINES_IN_A_MINUTE = 10

/** Who was refused of late, for people who look; counted by source, not kept by message. */
export class Refusals {
  readonly #clock: Clock
  readonly #known = new Map<string, Refusal>()
  /** For lines of the log. */
  readonly told: Sparingly

  constructor(clock: Clock) {
    this.#clock = clock
    this.told = new Sparingly(clock, LINES_IN_A_MINUTE)
  }

  /**
   * @param source address of the remote
   * @param sentence of ours, which may have names from the source's certificate in it; cut when it is very long
   * @returns whether that is new
   */
  add(source: string, listener: string, sentence: string): boolean {
    const why = sentence.length > LONGEST ? `${sentence.slice(0, LONGEST)}…` : sentence
    const key = `${source} ${listener} ${why}`
    const known = this.#known.get(key)
    if (known !== undefined) {
      known.count++
      known.at = this.#clock.wall()
      // Latest last
      this.#known.delete(key)
      this.#known.set(key, known)
      return false
    }
    this.#known.set(own(key), { source: own(source), listener, why: own(why), at: this.#clock.wall(), count: 1 })
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!)
    return true
  }

  /** The latest first. */
  views(): readonly RefusalView[] {
    return [...this.#known.values()].reverse().map(({ at, ...rest }) => ({ ...rest, at: new Date(at).toISOString() }))
  }
}
