import type { PastCallView } from '../../admin/contract.ts'

/** The last calls that were up, for the admin side. Call records that last are another matter. */
export class PastCalls {
  readonly #calls: PastCallView[] = []
  readonly #most: number

  constructor(most = 500) {
    this.#most = most
  }

  add(call: PastCallView): void {
    this.#calls.push(call)
    if (this.#calls.length > this.#most) this.#calls.shift()
  }

  /** The newest first. @param before id of a call: those that ended before it */
  list(limit: number, before: string | undefined): readonly PastCallView[] {
    const end = before === undefined ? this.#calls.length : this.#calls.findIndex(({ id }) => id === before)
    return end < 0 ? [] : this.#calls.slice(Math.max(end - limit, 0), end).reverse()
  }

  find(id: string): PastCallView | undefined {
    return this.#calls.findLast((call) => call.id === id)
  }
}
