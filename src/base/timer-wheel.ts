import type { Clock } from './clock.ts'
import { InvariantError } from './errors.ts'

/*
 * A hierarchical wheel (Varghese and Lauck, 1987): four rings of slots, each slot a doubly linked list whose links are
 * fields of the timers themselves, so that a transaction brings its timers with it and nothing is allocated afterwards.
 *
 *   ring 0: 256 slots of one tick        (2.56 s at 10 ms)
 *   ring 1:  64 slots of 256 ticks       (2.7 min)
 *   ring 2:  64 slots of 2^14 ticks      (2.9 h)
 *   ring 3:  64 slots of 2^20 ticks      (7.7 days; what is further away goes round again)
 *
 * When the ticks reach the beginning of a slot in an outer ring, its timers move inwards. A timer moves at most three
 * times in its life, and the most frequent ones (Timer A, E, G, K, 100 Trying) not at all.
 */
const RING_BITS = 8
const OUTER_BITS = 6
const RINGS = 4
const RING_SIZE = 1 << RING_BITS
const OUTER_SIZE = 1 << OUTER_BITS
const RING_MASK = RING_SIZE - 1
const OUTER_MASK = OUTER_SIZE - 1
/** Ticks of one slot, for each ring. */
const SPAN = [1, 2 ** RING_BITS, 2 ** (RING_BITS + OUTER_BITS), 2 ** (RING_BITS + 2 * OUTER_BITS)] as const
/** Ticks that the whole wheel looks ahead. */
const HORIZON = 2 ** (RING_BITS + 3 * OUTER_BITS)
const IDLE = -1

/** One timer. Make it together with the object that needs it, and use it again for each delay. */
export class WheelTimer<Owner extends object = object, Kind extends string = string> {
  readonly owner: Owner
  /** What is due. May be changed at any time, as a transaction does that goes from Timer B to Timer D. */
  kind: Kind
  // The wheel's own. An idle timer points at itself; neighbours that are slot heads have the same shape as timers.
  /** @internal */ next: WheelTimer<Owner, Kind> = this
  /** @internal */ previous: WheelTimer<Owner, Kind> = this
  /** @internal */ ring: number = IDLE
  /** @internal */ due = 0

  constructor(owner: Owner, kind: Kind) {
    this.owner = owner
    this.kind = kind
  }

  get scheduled(): boolean {
    return this.ring !== IDLE
  }
}

/**
 * Coarse timers for very many transactions. A timer fires at the first `advance` after its delay has passed and the tick
 * is complete: never early, and late by less than one tick plus the time between two calls of `advance`.
 */
export class TimerWheel<Owner extends object = object, Kind extends string = string> {
  readonly #clock: Clock
  readonly #fire: (timer: WheelTimer<Owner, Kind>) => void
  readonly #tickMs: number
  /** The clock's time at tick 0, so that tick numbers stay small integers. */
  readonly #origin: number
  /** Heads of the slots, ring by ring. */
  readonly #slots: readonly WheelTimer<Owner, Kind>[]
  readonly #counts = new Uint32Array(RINGS)
  #size = 0
  /** All slots before this tick are empty; its own slot may be half done when `advance` met its limit or a callback threw. */
  #tick = 0

  /**
   * @param clock the time from which delays are counted; `advance` must be called with times of the same clock
   * @param fire called once for each timer that is due, after it was taken out: it may be scheduled again at once
   * @param tickMs width of the finest slot, milliseconds
   */
  constructor(clock: Clock, fire: (timer: WheelTimer<Owner, Kind>) => void, tickMs = 10) {
    if (!(tickMs > 0)) throw new InvariantError(`Timer wheel with a tick of ${tickMs} ms`)
    this.#clock = clock
    this.#fire = fire
    this.#tickMs = tickMs
    this.#origin = clock.now()
    // The heads need an owner for their shape only; nobody reads it.
    const slots: WheelTimer<Owner, Kind>[] = []
    for (let i = 0; i < RING_SIZE + (RINGS - 1) * OUTER_SIZE; i++) slots.push(new WheelTimer<Owner, Kind>(this as never, '' as Kind))
    this.#slots = slots
  }

  /** How many timers are scheduled; at 0 nobody needs to call `advance`. */
  get size(): number {
    return this.#size
  }

  /** Fires `timer` once, `delayMs` from now by the clock; one that is scheduled already is moved. Constant time, no allocation. */
  schedule(timer: WheelTimer<Owner, Kind>, delayMs: number): void {
    if (!(delayMs >= 0 && delayMs < Number.POSITIVE_INFINITY)) throw new InvariantError(`Timer ${timer.kind} with a delay of ${delayMs} ms`)
    if (timer.ring !== IDLE) this.#unlink(timer)
    const due = Math.ceil((this.#clock.now() - this.#origin + delayMs) / this.#tickMs)
    // The slot of the present tick may be emptying right now: a delay of 0 in a callback must not keep it from ending.
    timer.due = due > this.#tick ? due : this.#tick + 1
    this.#place(timer)
  }

  /** Takes `timer` out; nothing happens when it is not scheduled. Constant time. */
  cancel(timer: WheelTimer<Owner, Kind>): void {
    if (timer.ring !== IDLE) this.#unlink(timer)
  }

  /**
   * Fires what is due at `nowMs`, in the order of the slots. A jump of hours (a suspended machine) costs no more than a few
   * hundred steps besides the timers that are due.
   * @param limit how many to fire at most; the rest keeps its order for the next call
   * @returns how many were fired; equal to `limit` when there may be more
   */
  advance(nowMs: number, limit = Number.POSITIVE_INFINITY): number {
    const target = Math.floor((nowMs - this.#origin) / this.#tickMs)
    let fired = 0
    for (;;) {
      const head = this.#slots[this.#tick & RING_MASK]!
      for (let timer = head.next; timer !== head; timer = head.next) {
        if (fired >= limit) return fired
        this.#unlink(timer)
        fired++
        this.#fire(timer)
      }
      if (this.#tick >= target) return fired
      this.#tick = Math.min(target, this.#nextStop())
      if ((this.#tick & RING_MASK) === 0) this.#moveInwards()
    }
  }

  /** The next tick at which something can be: the next one, or, while inner rings are empty, the next slot of an outer ring. */
  #nextStop(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY
    let ring = 0
    while (this.#counts[ring] === 0) ring++
    const span = SPAN[ring]!
    return this.#tick - (this.#tick % span) + span
  }

  #moveInwards(): void {
    for (let ring = RINGS - 1; ring > 0; ring--) {
      if (this.#tick % SPAN[ring]! !== 0) continue
      const head = this.#slots[outerSlot(ring, this.#tick)]!
      for (let timer = head.next; timer !== head; timer = head.next) {
        this.#unlink(timer)
        this.#place(timer)
      }
    }
  }

  #place(timer: WheelTimer<Owner, Kind>): void {
    const distance = timer.due - this.#tick
    let ring = 0
    let slot: number
    if (distance < SPAN[1]) slot = timer.due & RING_MASK
    else {
      ring = distance < SPAN[2] ? 1 : distance < SPAN[3] ? 2 : 3
      slot = outerSlot(ring, distance < HORIZON ? timer.due : this.#tick + HORIZON - 1)
    }
    const head = this.#slots[slot]!
    const last = head.previous
    timer.previous = last
    timer.next = head
    last.next = timer
    head.previous = timer
    timer.ring = ring
    this.#counts[ring]!++
    this.#size++
  }

  #unlink(timer: WheelTimer<Owner, Kind>): void {
    timer.previous.next = timer.next
    timer.next.previous = timer.previous
    timer.next = timer
    timer.previous = timer
    this.#counts[timer.ring]!--
    this.#size--
    timer.ring = IDLE
  }
}

// `>>>` works modulo 2^32, which leaves the six bits that are wanted as they are, also when the edge runs for years.
const outerSlot = (ring: number, tick: number): number =>
  RING_SIZE + (ring - 1) * OUTER_SIZE + ((tick >>> (RING_BITS + (ring - 1) * OUTER_BITS)) & OUTER_MASK)
