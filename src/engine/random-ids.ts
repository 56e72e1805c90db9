import { randomFillSync } from 'node:crypto'
import type { Ids } from '../base/ids.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const POOL = 8192

/** Identifiers that cannot be guessed, from a pool of random bytes that is refilled now and then: a token costs no system call. */
export class RandomIds implements Ids {
  readonly #pool = Buffer.alloc(POOL)
  #at = POOL

  token(length: number): string {
    if (this.#at + length > POOL) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    let text = ''
    const end = this.#at + length
    for (let i = this.#at; i < end; i++) text += ALPHABET[this.#pool[i]! & 63]
    this.#at = end
    return text
  }
}
