/** Orders at once: each holds a port or a DNS zone, and CAs count them. */
const MOST_AT_ONCE = 2
/** Orders end with their signal; one that hangs must not hold up the end of the process. */
const PATIENCE_MS = 5000

interface Order {
  readonly abort: AbortController
  readonly done: Promise<void>
}

/** Runs orders: one at a time for each certificate, two in all; the others wait in line. */
export class Orders {
  readonly #run: (name: string, signal: AbortSignal) => Promise<void>
  readonly #ended: (name: string) => void
  readonly #waiting: string[] = []
  readonly #running = new Map<string, Order>()
  #stopped = false

  /** `run` must not reject. @param ended it does not run any more */
  constructor(run: (name: string, signal: AbortSignal) => Promise<void>, ended: (name: string) => void = () => {}) {
    this.#run = run
    this.#ended = ended
  }

  /** @returns false when it runs or waits already */
  want(name: string): boolean {
    if (this.#stopped || this.has(name)) return false
    this.#waiting.push(name)
    this.#next()
    return true
  }

  /** It runs, or waits in line. */
  has(name: string): boolean {
    return this.#running.has(name) || this.#waiting.includes(name)
  }

  runs(name: string): boolean {
    return this.#running.has(name)
  }

  /** Ends it, or takes it out of the line. */
  async abort(name: string): Promise<void> {
    const at = this.#waiting.indexOf(name)
    if (at >= 0) this.#waiting.splice(at, 1)
    const running = this.#running.get(name)
    running?.abort.abort()
    await running?.done
  }

  /** Ends all, and takes no more. What does not end soon is not waited for. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#waiting.splice(0)
    const ended = Promise.all([...this.#running.keys()].map((name) => this.abort(name)))
    const { promise, resolve } = Promise.withResolvers<void>()
    const patience = setTimeout(resolve, PATIENCE_MS)
    await Promise.race([ended, promise])
    clearTimeout(patience)
  }

  #next(): void {
    while (this.#running.size < MOST_AT_ONCE) {
      const name = this.#waiting.shift()
      if (name === undefined) return
      const abort = new AbortController()
      const done = this.#run(name, abort.signal).finally(() => {
        this.#running.delete(name)
        this.#ended(name)
        this.#next()
      })
      this.#running.set(name, { abort, done })
    }
  }
}
