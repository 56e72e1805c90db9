import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Clock } from '../../base/clock.ts'
import { ApiError } from '../api-error.ts'

/** Wrong attempts that cost no time; people mistype. */
const FREE = 4
const FIRST_DELAY_MS = 1000
const LONGEST_FOR_SOURCE_MS = 60_000
const LONGEST_FOR_USER_MS = 30_000
/** Without another wrong attempt everything is forgotten. */
const FORGET_MS = 15 * 60_000
const MOST_ENTRIES = 10_000

interface Entry {
  readonly wrong: number
  readonly last: number
}

/** Wrong attempts by key, with a delay that doubles. The key that was quiet for longest makes room. */
class Delays {
  readonly #entries = new Map<string, Entry>()
  readonly #longest: number

  constructor(longestMs: number) {
    this.#longest = longestMs
  }

  /** Milliseconds to wait; 0: go on. */
  left(key: string, now: number): number {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.wrong < FREE) return 0
    if (now - entry.last >= FORGET_MS) {
      this.#entries.delete(key)
      return 0
    }
    return Math.max(0, entry.last + Math.min(this.#longest, FIRST_DELAY_MS * 2 ** (entry.wrong - FREE)) - now)
  }

  add(key: string, now: number): void {
    const entry = this.#entries.get(key)
    const wrong = entry === undefined || now - entry.last >= FORGET_MS ? 0 : entry.wrong
    this.#entries.delete(key)
    this.#entries.set(key, { wrong: wrong + 1, last: now })
    if (this.#entries.size > MOST_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
  }

  takeBack(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#entries.set(key, { ...entry, wrong: Math.max(0, entry.wrong - 1) })
  }

  forget(key: string): void {
    this.#entries.delete(key)
  }
}

/** One attempt that has begun: it counts as wrong until it is said to be right, so that many at once are no way around. */
export interface Attempt {
  succeeded(): void
  /** Neither right nor wrong: something else was missing. */
  undecided(): void
}

/**
 * How often secrets may be guessed: by source address (IPv6: by /64) and by user name, whether there is such a user or not.
 * A user's name is no way to lock that user out: from where the user has signed in before, only the source counts.
 */
export class Attempts {
  readonly #clock: Clock
  readonly #bySource = new Delays(LONGEST_FOR_SOURCE_MS)
  readonly #byUser = new Delays(LONGEST_FOR_USER_MS)
  readonly #known = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param user as written; undefined: it is about no user @throws ApiError 429 */
  begin(source: string, user?: string): Attempt {
    const now = this.#clock.now()
    const from = sourceKey(source)
    const name = user?.toLowerCase()
    const pair = `${name} ${from}`
    const left = Math.max(this.#bySource.left(from, now), name === undefined || this.#known.has(pair) ? 0 : this.#byUser.left(name, now))
    if (left > 0) {
      const seconds = Math.ceil(left / 1000)
      throw new ApiError(429, 'too-many-attempts', `Too many wrong attempts; try again in ${seconds} s`, { 'retry-after': String(seconds) })
    }
    this.#bySource.add(from, now)
    if (name !== undefined) this.#byUser.add(name, now)
    return {
      succeeded: () => {
        this.#bySource.takeBack(from)
        if (name === undefined) return
        this.#byUser.forget(name)
        this.#remember(pair)
      },
      undecided: () => {
        this.#bySource.takeBack(from)
        if (name !== undefined) this.#byUser.takeBack(name)
      },
    }
  }

  #remember(pair: string): void {
    this.#known.delete(pair)
    this.#known.add(pair)
    if (this.#known.size > MOST_ENTRIES) this.#known.delete(this.#known.keys().next().value!)
  }
}

/** Somebody with IPv6 has a whole /64 to come from (RFC 6177). */
const sourceKey = (address: string): string => {
  const bare = address.replace(/%.*$/, '')
  if (!isIPv6(bare)) return address
  const parsed = ipaddr.IPv6.parse(bare)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.parts.slice(0, 4).join(':')
}
