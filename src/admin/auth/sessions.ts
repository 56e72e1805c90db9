import type { Clock } from '../../base/clock.ts'
import { digestOf, newSecret } from './secrets.ts'

const IDLE_MS = 30 * 60_000
const LONGEST_MS = 12 * 3_600_000
const MOST_OF_ONE = 20
const MOST = 2000

/** Somebody who signed in with a browser. */
export interface Session {
  /** User name. */
  readonly user: string
  /** What a page sends with every change (header X-CSRF-Token). */
  readonly csrf: string
  /** Source address at the beginning. */
  readonly from: string
  /** Milliseconds of the clock's `now`. */
  readonly began: number
  readonly seen: number
  /** A secret that was shown for enrolment and not confirmed yet. */
  readonly totpDraft?: string
}

/** Sessions live in memory: a restart ends them all. Of the id, which the cookie has, only a hash is kept. */
export class Sessions {
  readonly #clock: Clock
  readonly #ended: () => void
  /** By hash of the id; the one that was begun first is first. */
  readonly #sessions = new Map<string, Session>()

  /** @param ended called whenever sessions have come to their end before their time */
  constructor(clock: Clock, ended: () => void = () => {}) {
    this.#clock = clock
    this.#ended = ended
  }

  /** @returns the id for the cookie, which is nowhere else */
  begin(user: string, from: string): { readonly id: string; readonly session: Session } {
    this.#sweep()
    const mine = [...this.#sessions].filter(([, session]) => session.user === user)
    if (mine.length >= MOST_OF_ONE) this.#sessions.delete(mine[0]![0])
    if (this.#sessions.size >= MOST) this.#sessions.delete(this.#sessions.keys().next().value!)
    const id = newSecret()
    const now = this.#clock.now()
    const session: Session = { user, csrf: newSecret(), from, began: now, seen: now }
    this.#sessions.set(digestOf(id), session)
    return { id, session }
  }

  /** The session of a cookie, which is in use with this; undefined when it is over. */
  use(id: string): Session | undefined {
    const key = digestOf(id)
    const session = this.#sessions.get(key)
    if (session === undefined) return undefined
    const now = this.#clock.now()
    if (isOver(session, now)) {
      this.#sessions.delete(key)
      return undefined
    }
    const used = { ...session, seen: now }
    this.#sessions.set(key, used)
    return used
  }

  /** Whether it still lasts; to look is no use. */
  lasts(id: string): boolean {
    const session = this.#sessions.get(digestOf(id))
    return session !== undefined && !isOver(session, this.#clock.now())
  }

  /** Milliseconds until it ends however busy. */
  left(session: Session): number {
    return session.began + LONGEST_MS - this.#clock.now()
  }

  draftTotp(id: string, totpDraft: string | undefined): void {
    const key = digestOf(id)
    const session = this.#sessions.get(key)
    if (session === undefined) return
    const { totpDraft: _old, ...rest } = session
    this.#sessions.set(key, totpDraft === undefined ? rest : { ...rest, totpDraft })
  }

  end(id: string): void {
    if (this.#sessions.delete(digestOf(id))) this.#ended()
  }

  /** All sessions of a user. */
  endOf(user: string): void {
    for (const [key, session] of this.#sessions) if (session.user === user) this.#sessions.delete(key)
    this.#ended()
  }

  count(user: string): number {
    this.#sweep()
    return [...this.#sessions.values()].filter((session) => session.user === user).length
  }

  #sweep(): void {
    const now = this.#clock.now()
    for (const [key, session] of this.#sessions) if (isOver(session, now)) this.#sessions.delete(key)
  }
}

const isOver = ({ began, seen }: Session, now: number): boolean => now - seen >= IDLE_MS || now - began >= LONGEST_MS
