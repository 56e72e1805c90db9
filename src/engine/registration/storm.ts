import type { Flow } from '../../address/flow.ts'
import type { Clock } from '../../base/clock.ts'
import { WheelTimer } from '../../base/timer-wheel.ts'
import { type HeaderLine, headerLines, headerValue, line, type SipRequest } from '../../sip/message.ts'
import type { Zone } from '../../zones/zone.ts'
import { answer } from '../answers.ts'
import type { Edge } from '../edge.ts'
import type { ServerTransaction } from '../server-transaction.ts'
import type { TimerKind, TimerOwner, Wheel } from '../timers.ts'

/**
 * After a restart thousands of clients register at once. So many in a second are let in. Those behind them wait in line for some seconds, which
 * no client notices; whoever comes when the line is full is told to come back (503 with Retry-After, RFC 3261 §20.33), each at a time of
 * its own. Whoever is registered, and whoever leaves, passes.
 *
 * INTEROP(JsSIP): it takes a 503 for the end, and leaves it to the page to try again; so the line comes first.
 */
export class Storm {
  readonly #edge: () => Edge
  readonly #line: Line
  /** Who was let in and is to show credentials now, with the time. */
  readonly #welcome = new WeakMap<Flow, number>()
  #waiting = 0

  /** @param random a number in [0, 1) */
  constructor(edge: () => Edge, clock: Clock, random: () => number) {
    this.#edge = edge
    this.#line = new Line(clock, random)
  }

  /** Before anything is done that costs time. @returns `away`: it is answered, and gets no further; a promise: it is its turn then */
  turn(flow: Flow, zone: Zone, transaction: ServerTransaction, request: SipRequest): 'now' | 'away' | Promise<void> {
    const { bindings, clients, clock, ids, metrics, running, transactions } = this.#edge()
    if (zone.profile.reach !== 'flow') return 'now'
    const since = this.#welcome.get(flow)
    if (since !== undefined && clock.now() - since < WELCOME_MS) return 'now'
    if (leaves(request) || bindings.anyOn(flow.listener.name, clients.token(flow, zone, undefined))) return 'now'
    const place = this.#line.take(running.snapshot.limits.registrations, this.#waiting < MOST_WAITING)
    if (place.kind === 'away') {
      metrics.registration(zone.name, 'delayed')
      const later = line('Retry-After', String(place.seconds))
      transaction.respond(answer(request, 503, 'Too many registrations now', ids.token(8), [later]))
      return 'away'
    }
    this.#welcome.set(flow, clock.now() + place.ms)
    if (place.ms === 0) return 'now'
    this.#waiting++
    return new Promise((resolve) => {
      new Turn(transactions.wheel, place.ms, () => {
        this.#waiting--
        resolve()
      })
    })
  }
}

/** A challenge and its answer are one registration: 64*T1. */
const WELCOME_MS = 32_000
/** Requests in memory. */
const MOST_WAITING = 10_000

class Turn implements TimerOwner {
  readonly #due: () => void

  constructor(wheel: Wheel, ms: number, due: () => void) {
    this.#due = due
    wheel.schedule(new WheelTimer<TimerOwner, TimerKind>(this, 'noReply'), ms)
  }

  fired(): void {
    this.#due()
  }
}

const leaves = (request: SipRequest): boolean => {
  const contacts = headerLines(request, 'contact')
  return contacts.length > 0 && (headerValue(request, 'expires') === '0' || contacts.every(isTakenBack))
}

const isTakenBack = ({ value }: HeaderLine): boolean => /;\s*expires\s*=\s*0\s*(?:[;,]|$)/i.test(value.slice(-200))

export type Place = { readonly kind: 'in'; readonly ms: number } | { readonly kind: 'away'; readonly seconds: number }

/** Places, so many in a second; those of one second that nobody took are there for the next one. */
export class Line {
  readonly #clock: Clock
  readonly #random: () => number
  /** Clock milliseconds of the next place in the line, and of the next one for those who come back. */
  #next = Number.NEGATIVE_INFINITY
  #later = 0

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** @param room whether anybody may wait */
  take(perSecond: number, room: boolean): Place {
    const now = this.#clock.now()
    const step = 1000 / perSecond
    const place = Math.max(this.#next, now - BURST_MS) + step
    const ms = Math.ceil(Math.max(place - now, 0))
    if (ms === 0 || (room && ms <= LONGEST_WAIT_MS)) {
      this.#next = place
      return { kind: 'in', ms }
    }
    // Behind the line as it is now: when they come back it has moved on
    this.#later = Math.max(this.#later, now + ms) + step
    const seconds = (this.#later - now) / 1000
    // Retry-After has whole seconds: without a random part all of one second would come at its beginning
    if (seconds <= LONGEST_SECONDS) return { kind: 'away', seconds: Math.ceil(seconds + this.#random()) }
    this.#later = now + LONGEST_SECONDS * 1000
    return { kind: 'away', seconds: 1 + Math.floor(this.#random() * LONGEST_SECONDS) }
  }
}

const BURST_MS = 1000
/** Well below the 32 s after which clients give up (Timer F). */
const LONGEST_WAIT_MS = 8000
/** Nobody is sent away for longer; a storm that is larger than that meets the limit again. */
const LONGEST_SECONDS = 60
