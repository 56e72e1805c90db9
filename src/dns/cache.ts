import type { Clock } from '../base/clock.ts'
import type { Answer, Question, RecordsOf, RecordType, Reply } from './records.ts'

/** Seconds. */
export interface CacheTimes {
  /** For records whose TTL is not known: Node tells none for SRV and NAPTR. */
  readonly unknownTtl: number
  /** TTLs are raised and cut to these. */
  readonly leastTtl: number
  readonly mostTtl: number
  /** A name that does not exist, or a type that it does not have. */
  readonly negative: number
  /** A failure: how long no server is asked again. */
  readonly failure: number
  /** RFC 8767: how long after its end an answer still serves when no server can give a new one. */
  readonly stale: number
}

export const CACHE_TIMES: CacheTimes = { unknownTtl: 60, leastTtl: 5, mostTtl: 86400, negative: 10, failure: 5, stale: 3600 }

/** One answer. Mutable, owned by the cache; moments are the clock's milliseconds. */
export interface Entry<T extends RecordType = RecordType> {
  readonly question: Question<T>
  readonly answer: Answer<T>
  readonly stored: number
  /** Fresh until then. */
  expires: number
  /** From here on a new answer is fetched before the old one ends. */
  refreshAt: number
  /** Serves in need until then. */
  staleUntil: number
  /** Worth to be refreshed: it has records, or it belongs to a resolution that succeeded. */
  wanted: boolean
  usedAt: number
  /** Failed attempts to renew since `stored`. */
  failures: number
  /** No new attempt before. */
  retryAt: number
}

/** How long after the end a refresh that is under way is waited for without waiting, ms. */
const GRACE = 5000
/** A failure is good enough to go another way (no NAPTR, no IPv6) for this long, ms. */
const OLD_FAILURE = 60_000

/**
 * Answers by question, for as long as their TTL. Bounded: the one that was not used for the longest time goes first.
 * Knows when an answer must be renewed, and does not do it: the resolver asks.
 */
export class RecordCache {
  readonly #clock: Clock
  readonly #times: CacheTimes
  readonly #most: number
  readonly #entries = new Map<string, Entry>()
  #revision = 0

  constructor(clock: Clock, times: CacheTimes, most: number) {
    this.#clock = clock
    this.#times = times
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  /** Changes when an answer changes; what was computed from the cache is then out of date. */
  get revision(): number {
    return this.#revision
  }

  /**
   * The entry to answer with, or `undefined` when the question must be asked first.
   * @param refreshing a new answer is being fetched
   */
  use<T extends RecordType>(type: T, name: string, refreshing: boolean): Entry<T> | undefined {
    const key = questionKey(type, name)
    const entry = this.#entries.get(key) as Entry<T> | undefined
    if (entry === undefined) return undefined
    const now = this.#clock.now()
    entry.usedAt = now
    this.#entries.delete(key)
    this.#entries.set(key, entry as Entry)
    return this.#serves(entry as Entry, now, refreshing) ? entry : undefined
  }

  #serves(entry: Entry, now: number, refreshing: boolean): boolean {
    if (now < entry.expires) return true
    if (now >= entry.staleUntil) return false
    if (entry.answer.kind === 'failed' || entry.failures > 0) return true
    return refreshing && now < entry.expires + GRACE
  }

  /** A new attempt is due: near the end, after it, or after a failure. */
  isDue(entry: Entry): boolean {
    const now = this.#clock.now()
    return now >= entry.refreshAt && now >= entry.retryAt
  }

  /** @returns whether an older answer goes on to be used: this one is a failure */
  store<T extends RecordType>(question: Question<T>, { answer, ttl }: Reply<T>): boolean {
    const now = this.#clock.now()
    const key = questionKey(question.type, question.name)
    const before = this.#entries.get(key)
    if (answer.kind === 'failed' && before !== undefined && before.answer.kind !== 'failed' && now < before.staleUntil) {
      before.failures++
      before.retryAt = now + this.#times.failure * 1000
      return true
    }
    this.#revision++
    // a "no" that belongs to the set-up of a name goes on to do so (see `ledToAddresses`)
    const settled = before?.wanted === true && before.answer.kind !== 'records' && answer.kind !== 'records'
    const life = settled && answer.kind === 'none' ? this.#times.unknownTtl : this.#life(answer, ttl)
    const entry: Entry = {
      question,
      answer,
      stored: now,
      expires: 0,
      refreshAt: 0,
      staleUntil: 0,
      wanted: settled || answer.kind === 'records',
      usedAt: before?.usedAt ?? now,
      failures: 0,
      retryAt: 0,
    }
    this.#live(entry, life)
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size > this.#most) this.#forgetOldest()
    return false
  }

  /**
   * The answers that led to addresses. A "no" among them (no NAPTR, no IPv6) is part of how the name is set up: it lives as long as a
   * record without TTL, and is renewed ahead like the others, or every name in use would be asked for these again all the time.
   */
  ledToAddresses(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.wanted) continue
      entry.wanted = true
      if (entry.answer.kind === 'none') this.#live(entry, this.#times.unknownTtl)
    }
  }

  /** The questions of names in use that are to be asked now, so that whoever needs them finds them answered. */
  due(most: number): readonly Question[] {
    const now = this.#clock.now()
    const questions: Question[] = []
    for (const entry of this.#entries.values()) {
      if (questions.length >= most) break
      if (!entry.wanted || now < entry.refreshAt || now < entry.retryAt || now >= entry.staleUntil) continue
      if (now - entry.usedAt < inUse(entry)) questions.push(entry.question)
    }
    return questions
  }

  /** Forgets what can serve no more. */
  sweep(): void {
    const now = this.#clock.now()
    for (const [key, entry] of this.#entries) if (now >= entry.expires && now >= entry.staleUntil) this.#entries.delete(key)
  }

  #life(answer: Answer, ttl: number): number {
    const { leastTtl, mostTtl, unknownTtl, negative, failure } = this.#times
    if (answer.kind === 'failed') return failure
    if (answer.kind === 'none') return negative
    return Math.min(Math.max(ttl > 0 ? ttl : unknownTtl, leastTtl), mostTtl)
  }

  #live(entry: Entry, seconds: number): void {
    const life = seconds * 1000
    entry.expires = entry.stored + life
    // a fifth of its life, but not more than a minute, is enough to ask and ask again
    entry.refreshAt = entry.expires - Math.min(life / 5, 60_000)
    const { kind } = entry.answer
    if (kind === 'failed') entry.staleUntil = entry.stored + Math.max(OLD_FAILURE, life)
    else entry.staleUntil = entry.expires + (entry.wanted ? this.#times.stale * 1000 : 0)
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

const questionKey = (type: keyof RecordsOf, name: string): string => `${type} ${name}`

/** Three lives without use, at least a minute, and the name is left alone. */
const inUse = ({ stored, expires }: Entry): number => Math.max(60_000, 3 * (expires - stored))

/** The failed answer as it is after its time: see `Failure.old`. */
export const seenAt = <T extends RecordType>({ answer, expires }: Entry<T>, now: number): Answer<T> =>
  answer.kind === 'failed' && now >= expires ? { ...answer, old: true } : answer
