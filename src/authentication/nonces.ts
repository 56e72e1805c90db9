/** Nonces that need no memory until they were used rightly (RFC 7616 §5.4), and the memory that keeps them from being used twice. */
import { createHmac } from 'node:crypto'
import { own } from '../base/bytes.ts'
import type { Ids } from '../base/ids.ts'
import { sameText } from '../base/keyed-hash.ts'

export interface NonceOptions {
  /** 32 random bytes of this process: what another life of it handed out is unknown here, and so cannot be used twice. */
  readonly key: Buffer
  readonly ids: Ids
  /** Milliseconds that never go back. */
  readonly now: () => number
  /** Nonces whose use is remembered. */
  readonly most?: number
}

/** A count of a nonce that was used, and which of the `WINDOW` before it were. */
interface Use {
  readonly madeAt: number
  highest: number
  /** Bit i: `highest - i` was used. */
  seen: number
}

/** How far counts may overtake each other: a client sends several requests at once. */
const WINDOW = 31
const MOST = 65_536
/** `<milliseconds in base 36>.<8 random>.<22 of the MAC>` */
const FORM = /^([0-9a-z]{1,11})\.([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{22})$/

export class Nonces {
  readonly #options: NonceOptions
  readonly #used = new Map<string, Use>()
  /** Uses of nonces that were made until then are forgotten, so they are good no more. */
  #forgotten = -1

  constructor(options: NonceOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#used.size
  }

  make(realm: string): string {
    const { ids, now } = this.#options
    const head = `${Math.floor(now()).toString(36)}.${ids.token(8)}`
    return `${head}.${this.#mac(realm, head)}`
  }

  /** `unknown`: not ours, of another realm, or of another life of the process. */
  judge(nonce: string, realm: string, lifeMs: number): 'good' | 'old' | 'unknown' {
    const made = this.#madeAt(nonce, realm)
    if (made === undefined) return 'unknown'
    if (this.#options.now() - made > lifeMs) return 'old'
    return made > this.#forgotten || this.#used.has(nonce) ? 'good' : 'old'
  }

  /**
   * Uses a nonce that is good, with a count of the client's (RFC 7616 §3.4): the first use wins, gaps are allowed, and a count may come late
   * by `WINDOW`. Call it when the response is right: a stranger's guess uses nothing up.
   * @param nc undefined: from a client that does not count; it may use the nonce once
   * @returns false: it was used already, or cannot be told any more
   */
  use(nonce: string, nc: number | undefined, lifeMs: number): boolean {
    const count = nc ?? Number.POSITIVE_INFINITY
    const use = this.#used.get(nonce)
    if (use === undefined) {
      const madeAt = Number.parseInt(nonce.slice(0, nonce.indexOf('.')), 36)
      if (madeAt <= this.#forgotten) return false
      this.#makeRoom(lifeMs)
      this.#used.set(own(nonce), { madeAt, highest: count, seen: 1 })
      return true
    }
    if (count > use.highest) {
      const ahead = count - use.highest
      use.seen = ahead > WINDOW ? 1 : ((use.seen << ahead) | 1) >>> 0
      use.highest = count
      return true
    }
    const behind = use.highest - count
    if (!(behind <= WINDOW) || ((use.seen >>> behind) & 1) === 1) return false
    use.seen = (use.seen | (1 << behind)) >>> 0
    return true
  }

  #madeAt(nonce: string, realm: string): number | undefined {
    const match = FORM.exec(nonce)
    if (match === null) return undefined
    const [, time, random, mac] = match
    return sameText(this.#mac(realm, `${time}.${random}`), mac!) ? Number.parseInt(time!, 36) : undefined
  }

  #makeRoom(lifeMs: number): void {
    const { now, most = MOST } = this.#options
    const oldest = now() - lifeMs
    for (const [nonce, { madeAt }] of this.#used) {
      if (madeAt < oldest) this.#used.delete(nonce)
      else if (this.#used.size < most) return
      else {
        this.#used.delete(nonce)
        // Whoever has it gets `stale`, and another one
        if (madeAt > this.#forgotten) this.#forgotten = madeAt
      }
    }
  }

  #mac(realm: string, head: string): string {
    return createHmac('sha256', this.#options.key).update(`${realm}\n${head}`).digest('base64url').slice(0, 22)
  }
}
