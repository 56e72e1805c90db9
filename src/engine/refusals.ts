import type { RefusalView } from '../admin/contract.ts'
import { own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'

interface Refusal {
  readonly source: string
  readonly listener: string
  readonly why: string
  at: number
  count: number
}

/** A flood from many addresses pushes out the oldest, and grows nothing. */
const MOST = 500

/** Who was refused of late, for people who look; counted by source, not kept by message. */
export class Refusals {
  readonly #clock: Clock
  readonly #known = new Map<string, Refusal>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param source address of the remote; `why` is a sentence of ours, one of few */
  add(source: string, listener: string, why: string): void {
    const key = `${source} ${listener} ${why}`
    const known = this.#known.get(key)
    if (known !== undefined) {
      known.count++
      known.at = this.#clock.wall()
      // Latest last
      this.#known.delete(key)
      this.#known.set(key, known)
      return
    }
    this.#known.set(own(key), { source: own(source), listener, why, at: this.#clock.wall(), count: 1 })
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!)
  }

  /** The latest first. */
  views(): readonly RefusalView[] {
    return [...this.#known.values()].reverse().map(({ at, ...rest }) => ({ ...rest, at: new Date(at).toISOString() }))
  }
}
