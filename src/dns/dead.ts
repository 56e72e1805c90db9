import type { Destination } from '../address/destination.ts'
import type { Clock } from '../base/clock.ts'

/** The same address under two names is one server: the name does not count. */
export const destinationKey = ({ transport, address, port }: Destination): string => `${transport} ${address} ${port}`

/**
 * RFC 3263 §4.3 and §16.7: destinations that failed a moment ago, so that the next request does not wait for them again.
 * Each is forgotten after its time, or when it answers. Bounded: the one that failed longest ago goes first.
 */
export class DeadMemory {
  readonly #clock: Clock
  readonly #most: number
  readonly #until = new Map<string, number>()

  constructor(clock: Clock, most = 4096) {
    this.#clock = clock
    this.#most = most
  }

  /** How many are remembered, those included whose time is over but that nobody asked for since. */
  get size(): number {
    return this.#until.size
  }

  failed(destination: Destination, seconds: number): void {
    const key = destinationKey(destination)
    this.#until.delete(key)
    if (this.#until.size >= this.#most) {
      const [oldest] = this.#until.keys()
      if (oldest !== undefined) this.#until.delete(oldest)
    }
    this.#until.set(key, this.#clock.now() + seconds * 1000)
  }

  answered(destination: Destination): void {
    if (this.#until.size > 0) this.#until.delete(destinationKey(destination))
  }

  isDead(destination: Destination): boolean {
    const key = destinationKey(destination)
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (this.#clock.now() < until) return true
    this.#until.delete(key)
    return false
  }

  /** The living first, the dead after them, each in the order given; nobody is left out, so that a call is tried when all are dead. */
  livingFirst(destinations: readonly Destination[]): readonly Destination[] {
    if (this.#until.size === 0 || destinations.length < 2) return destinations
    const dead: Destination[] = []
    const living: Destination[] = []
    for (const destination of destinations) (this.isDead(destination) ? dead : living).push(destination)
    return dead.length === 0 || living.length === 0 ? destinations : [...living, ...dead]
  }

  /** Forgets those whose time is over. */
  sweep(): void {
    const now = this.#clock.now()
    for (const [key, until] of this.#until) if (now >= until) this.#until.delete(key)
  }
}
