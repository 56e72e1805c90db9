/**
 * Calls keep their order: what belongs to one Call-ID runs one after the other, also when a step has to wait (DNS, media). Nothing is
 * queued, and nothing is allocated, as long as no step waits.
 */
export class CallOrder {
  readonly #busy = new Map<string, (() => void | Promise<void>)[]>()
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Calls that wait for something, for gauges. */
  get size(): number {
    return this.#busy.size
  }

  /** Is something of that call under way? Then `run` must be used; otherwise the step may run at once. */
  waits(callId: string): boolean {
    return this.#busy.size > 0 && this.#busy.has(callId)
  }

  /** Runs `step` now, or after what is under way for that call. */
  run(callId: string, step: () => void | Promise<void>): void {
    const queue = this.#busy.get(callId)
    if (queue !== undefined) {
      queue.push(step)
      return
    }
    const pending = this.#start(step)
    if (pending !== undefined) this.#hold(callId, pending)
  }

  /** A step that began outside, and is not done yet: later ones of that call wait for it, also those that wait already. */
  hold(callId: string, pending: Promise<void>): void {
    const queue = this.#busy.get(callId)
    if (queue === undefined) {
      this.#hold(callId, pending)
      return
    }
    // Caught at once: until its turn comes nobody else would, and the process would end
    const caught = pending.catch(this.#failed)
    queue.unshift(() => caught)
  }

  #hold(callId: string, pending: Promise<void>): void {
    const queue: (() => void | Promise<void>)[] = []
    this.#busy.set(callId, queue)
    pending.catch(this.#failed).then(() => this.#next(callId, queue))
  }

  #next(callId: string, queue: (() => void | Promise<void>)[]): void {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      const pending = this.#start(step)
      if (pending !== undefined) {
        pending.catch(this.#failed).then(() => this.#next(callId, queue))
        return
      }
    }
    this.#busy.delete(callId)
  }

  #start(step: () => void | Promise<void>): Promise<void> | undefined {
    try {
      const pending = step()
      return pending === undefined ? undefined : pending
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }
}
