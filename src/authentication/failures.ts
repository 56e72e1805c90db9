/** Wrong credentials, counted: who guesses is refused without a look, and locks nobody else out. */
import { own } from '../base/bytes.ts'
import { ipv6Network } from './source.ts'

export interface FailureLimits {
  /** Wrong ones within `withinMs`. */
  readonly most: number
  readonly withinMs: number
}

interface Count {
  count: number
  readonly since: number
}

/** Entries of each table; the one that came first makes room. */
const MOST_COUNTED = 20_000
const MOST_SOURCES = 50_000
/** Users that are remembered of one source: an office behind one address. */
const MOST_USERS = 2_000

/** Characters of a name that are remembered: a stranger may write thousands. */
const LONGEST_USER = 128

const short = (user: string): string => (user.length > LONGEST_USER ? user.slice(0, LONGEST_USER) : user)

/** Within a fixed time from the first one. */
class Counts {
  readonly #counts = new Map<string, Count>()

  /** Milliseconds until it may try again; 0: it may. */
  left(key: string, now: number, { most, withinMs }: FailureLimits): number {
    const known = this.#counts.get(key)
    if (known === undefined) return 0
    const left = known.since + withinMs - now
    if (left <= 0) {
      this.#counts.delete(key)
      return 0
    }
    return known.count >= most ? left : 0
  }

  /** @returns true: with this one the measure is full */
  add(key: string, now: number, { most, withinMs }: FailureLimits): boolean {
    const known = this.#counts.get(key)
    if (known !== undefined && now - known.since < withinMs) return ++known.count === most
    this.#counts.delete(key)
    this.#counts.set(own(key), { count: 1, since: now })
    if (this.#counts.size > MOST_COUNTED) this.#counts.delete(this.#counts.keys().next().value!)
    return most === 1
  }

  get size(): number {
    return this.#counts.size
  }
}

/**
 * Counts by source address and by user name, whether there is such a user or not. A user who has shown who he is from an address stays
 * outside both from there on: only what goes wrong for that user from that address counts then, so a stranger's guesses lock out the
 * stranger, and one phone with an old password does not lock out the office that it stands in.
 */
export class Failures {
  readonly #sources = new Counts()
  readonly #users = new Counts()
  readonly #pairs = new Counts()
  readonly #proved = new Map<string, Set<string>>()

  /** Entries in memory. */
  get size(): number {
    return this.#sources.size + this.#users.size + this.#pairs.size
  }

  /** Before any look at credentials: milliseconds until that address may try again; 0: it may, or somebody is known there. */
  refusesSource(address: string, now: number, limits: FailureLimits): number {
    const source = ipv6Network(address)
    return this.#proved.has(source) ? 0 : this.#sources.left(source, now, limits)
  }

  /** Of whom nothing is known yet, wherever others are known. */
  refusesStranger(address: string, now: number, limits: FailureLimits): number {
    return this.#sources.left(ipv6Network(address), now, limits)
  }

  /** When the credentials are read, and before they are judged. */
  refusesUser(address: string, user: string, now: number, limits: FailureLimits): number {
    const source = ipv6Network(address)
    if (this.#proved.get(source)?.has(user) === true) return this.#pairs.left(`${user} ${source}`, now, limits)
    return Math.max(this.#sources.left(source, now, limits), this.#users.left(short(user), now, limits))
  }

  /** @param user undefined: it could not be read @returns true: with this one the measure is full */
  wrong(address: string, user: string | undefined, now: number, limits: FailureLimits): boolean {
    const source = ipv6Network(address)
    if (user !== undefined && this.#proved.get(source)?.has(user) === true) return this.#pairs.add(`${user} ${source}`, now, limits)
    const bySource = this.#sources.add(source, now, limits)
    const byUser = user !== undefined && this.#users.add(short(user), now, limits)
    return bySource || byUser
  }

  right(address: string, user: string): void {
    const source = ipv6Network(address)
    const known = this.#proved.get(source)
    if (known?.has(user) === true) return
    const name = own(user)
    if (known === undefined) {
      this.#proved.set(own(source), new Set([name]))
      if (this.#proved.size > MOST_SOURCES) this.#proved.delete(this.#proved.keys().next().value!)
      return
    }
    known.add(name)
    if (known.size > MOST_USERS) known.delete(known.values().next().value!)
  }
}
