import type { Flow } from '../../address/flow.ts'
import type { Clock } from '../../base/clock.ts'
import { type HeaderLine, headerLines, headerValue, line, type SipRequest } from '../../sip/message.ts'
import type { Zone } from '../../zones/zone.ts'
import { answer } from '../answers.ts'
import type { Edge } from '../edge.ts'
import type { ServerTransaction } from '../server-transaction.ts'

/**
 * After a restart thousands of clients register at once. So many in a second are let in; the others are told to come back (503 with
 * Retry-After, RFC 3261 §20.33), each at a time of its own, in the order in which they came. Whoever is registered, and whoever leaves, passes.
 */
export class Storm {
  readonly #edge: () => Edge
  readonly #queue: Queue
  /** Who was let in and is to show credentials now, with the time. */
  readonly #welcome = new WeakMap<Flow, number>()

  /** @param random a number in [0, 1) */
  constructor(edge: () => Edge, clock: Clock, random: () => number) {
    this.#edge = edge
    this.#queue = new Queue(clock, random)
  }

  /** Before anything is done that costs time. @returns true: it is answered, and gets no further */
  turnsAway(flow: Flow, zone: Zone, transaction: ServerTransaction, request: SipRequest): boolean {
    const { bindings, clients, clock, ids, metrics, running } = this.#edge()
    if (zone.profile.reach !== 'flow') return false
    const since = this.#welcome.get(flow)
    if (since !== undefined && clock.now() - since < WELCOME_MS) return false
    if (leaves(request) || bindings.on(flow.listener.name, clients.token(flow, zone, undefined)).length > 0) return false
    const seconds = this.#queue.admit(running.snapshot.limits.registrations)
    if (seconds === 0) {
      this.#welcome.set(flow, clock.now())
      return false
    }
    metrics.registration(zone.name, 'delayed')
    transaction.respond(answer(request, 503, 'Too many registrations now', ids.token(8), [line('Retry-After', String(seconds))]))
    return true
  }
}

/** A challenge and its answer are one registration: 64*T1. */
const WELCOME_MS = 32_000

const leaves = (request: SipRequest): boolean => {
  const contacts = headerLines(request, 'contact')
  return contacts.length > 0 && (headerValue(request, 'expires') === '0' || contacts.every(isTakenBack))
}

const isTakenBack = ({ value }: HeaderLine): boolean => /;\s*expires\s*=\s*0\s*(?:[;,]|$)/i.test(value.slice(-200))

/**
 * A token bucket of one second, and the places behind it: whoever finds it empty gets the next free place, so that those who come back find
 * tokens. Whoever does not come back has left a gap, which later ones fill.
 */
export class Queue {
  readonly #clock: Clock
  readonly #random: () => number
  #tokens = Number.POSITIVE_INFINITY
  #filled = 0
  /** Clock milliseconds of the next free place. */
  #next = 0

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** @returns 0: come in; else whole seconds to stay away */
  admit(perSecond: number): number {
    const now = this.#clock.now()
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#filled) / 1000) * perSecond)
    this.#filled = now
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    this.#next = Math.max(this.#next, now + 1000) + 1000 / perSecond
    // Retry-After has whole seconds: without a random part all of one second would come at its beginning
    const seconds = Math.ceil((this.#next - now) / 1000 + this.#random())
    if (seconds <= LONGEST_SECONDS) return seconds
    this.#next = now + LONGEST_SECONDS * 1000
    return 1 + Math.floor(this.#random() * LONGEST_SECONDS)
  }
}

/** Nobody is sent away for longer; a storm that is larger than that meets the limit again. */
const LONGEST_SECONDS = 60
