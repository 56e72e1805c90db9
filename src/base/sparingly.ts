import type { Clock } from './clock.ts'

/** Lets a number of things pass in each minute and counts the others: for lines that strangers can cause. */
export class Sparingly {
  readonly #clock: Clock
  readonly #most: number
  #began = Number.NEGATIVE_INFINITY
  #passed = 0
  #heldBack = 0

  constructor(clock: Clock, mostInAMinute: number) {
    this.#clock = clock
    this.#most = mostInAMinute
  }

  /** @returns undefined: hold it back; else how many were held back before it */
  pass(): number | undefined {
    const now = this.#clock.now()
    if (now - this.#began >= 60_000) {
      this.#began = now
      this.#passed = 0
    }
    if (this.#passed >= this.#most) {
      this.#heldBack += 1
      return undefined
    }
    this.#passed += 1
    const before = this.#heldBack
    this.#heldBack = 0
    return before
  }
}
