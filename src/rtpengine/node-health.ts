/** Pings in a row without a reply. */
const FAILURES_DOWN = 3
/** What a command counts that was sent again until its deadline: with one more failed ping the node is down. */
const EXHAUSTED = 2
/** Pings answered in a row. */
const ANSWERS_UP = 2

/**
 * Whether an rtpengine can be given calls (media §11), from what was seen of it. It is down after three failed pings, or a command that nobody
 * answered and a failed ping; it is up after two answered pings and the check of its interfaces. Before the first check it is suspect, and one
 * answer is enough: nothing speaks against it.
 */
export class NodeHealth {
  #state: 'up' | 'suspect' | 'down' = 'suspect'
  #reason = 'It was not asked yet'
  #failures = 0
  #answers = 0
  #needed = 1

  get state(): 'up' | 'suspect' | 'down' {
    return this.#state
  }

  /** In words; undefined: it is up. */
  get reason(): string | undefined {
    return this.#state === 'up' ? undefined : this.#reason
  }

  /** A ping was answered. @returns true: with the check passed it is up */
  answered(): boolean {
    this.#failures = 0
    this.#answers++
    return this.#state !== 'up' && this.#answers >= this.#needed
  }

  /** A ping was not. */
  failed(reason: string): void {
    this.#failures++
    this.#suspected(reason)
    if (this.#failures >= FAILURES_DOWN) this.#fell(reason)
  }

  /** A command was sent again until its deadline, and not answered. */
  exhausted(reason: string): void {
    // Several at the same time tell no more than one: only a ping says that it is gone
    this.#failures = Math.max(this.#failures, EXHAUSTED)
    this.#suspected(reason)
  }

  /** A command was answered: whatever failed before it was lost on the way. */
  heard(): void {
    this.#failures = 0
  }

  /** Its interfaces are those that are wanted. */
  passed(): void {
    if (this.#state === 'up' || this.#answers < this.#needed) return
    this.#state = 'up'
    this.#needed = ANSWERS_UP
  }

  /** It answers, but cannot do what is wanted. */
  refused(reason: string): void {
    this.#fell(reason)
  }

  /** Another daemon is in its place, of which nothing is known. */
  renewed(): void {
    this.#state = 'suspect'
    this.#reason = 'It has just been started'
    this.#failures = 0
    this.#answers = 0
    this.#needed = 1
  }

  #suspected(reason: string): void {
    this.#answers = 0
    if (this.#state === 'down') return
    if (this.#state === 'up') this.#state = 'suspect'
    this.#reason = reason
  }

  #fell(reason: string): void {
    this.#state = 'down'
    this.#reason = reason
    this.#needed = ANSWERS_UP
  }
}
