/** Callers who go another way when nobody says anything for too long: they are told before they give up. */
import { WheelTimer } from '../base/timer-wheel.ts'
import type { Zone } from '../zones/zone.ts'
import type { Edge } from './edge.ts'
import type { Timer, TimerKind, TimerOwner } from './timers.ts'

/**
 * The patience of one caller. Any response of whoever is called is a sign of life, 100 included: then somebody is at work, and how long the
 * caller waits for more is for the caller to say. When that one has failed the rest of the time runs on.
 */
export class Patience implements TimerOwner {
  readonly #edge: Edge
  readonly #until: number
  readonly #over: () => void
  readonly #timer: Timer

  constructor(edge: Edge, ms: number, over: () => void) {
    this.#edge = edge
    this.#until = edge.clock.now() + ms
    this.#over = over
    this.#timer = new WheelTimer<TimerOwner, TimerKind>(this, 'noReply')
    edge.transactions.wheel.schedule(this.#timer, ms)
  }

  fired(): void {
    this.#over()
  }

  /** Somebody said something, or all is decided. */
  end(): void {
    this.#edge.transactions.wheel.cancel(this.#timer)
  }

  /** Somebody else is tried. */
  again(): void {
    const left = this.#until - this.#edge.clock.now()
    if (left > 0) this.#edge.transactions.wheel.schedule(this.#timer, left)
  }
}

/** @param since when the call came, clock milliseconds @returns undefined: the caller waits as long as it likes, or has waited already */
export const patienceOf = (edge: Edge, { patienceMs }: Zone, since: number | undefined, over: () => void): Patience | undefined => {
  if (patienceMs === undefined) return undefined
  const left = since === undefined ? patienceMs : since + patienceMs - edge.clock.now()
  return left > 0 ? new Patience(edge, left, over) : undefined
}

/**
 * What a caller from this zone is told in place of a final response of our own: 503 is what makes a caller with patience try its next way,
 * while the other words for "nobody there" end the call.
 */
export const statusToward = ({ patienceMs }: Zone, status: number): number =>
  patienceMs !== undefined && (status === 408 || status === 500 || status === 502 || status === 504) ? 503 : status
