import { randomFillSync } from 'node:crypto'
import type { Ids } from '../base/ids.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const POOL = 8192

/** Identifiers that cannot be guessed, cut from a pool of random characters that is refilled now and then: a token costs no system call. */
export class RandomIds implements Ids {
  readonly #pool = Buffer.alloc(POOL)
  #at = POOL

  token(length: number): string {
    if (this.#at + length > POOL) this.#refill()
    const from = this.#at
    this.#at = from + length
    return this.#pool.latin1Slice(from, this.#at)
  }

  #refill(): void {
    randomFillSync(this.#pool)
    for (let i = 0; i < POOL; i++) this.#pool[i] = ALPHABET.charCodeAt(this.#pool[i]! & 63)
    this.#at = 0
  }
}
