import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { ApiError } from '../api-error.ts'

const SHORTEST = 12
/** Characters; more is no better, and somebody has to hash it. */
export const LONGEST_PASSWORD = 256
const LEAST_DIFFERENT = 5
/** What is tried first, once it is long enough for us. Letters and digits alone are compared. */
const COMMON = [
  'password',
  'passwort',
  'qwertyuiop',
  'qwertzuiop',
  'letmein',
  'welcome',
  'edgeways',
  'administrator',
  'changeme',
  'iloveyou',
]

/** @returns why nobody should take it as a password, as a sentence; undefined: it will do */
export const passwordFault = (password: string, user: string): string | undefined => {
  const characters = [...normal(password)]
  if (characters.length < SHORTEST)
    return `A password has at least ${SHORTEST} characters, and this one has ${characters.length}; four words make a good one`
  if (characters.length > LONGEST_PASSWORD) return `A password has at most ${LONGEST_PASSWORD} characters`
  if (new Set(characters).size < LEAST_DIFFERENT) return `A password has at least ${LEAST_DIFFERENT} different characters`
  const plain = bare(password)
  const name = bare(user)
  if (name.length > 2 && littleBeside(name, plain)) return 'The password is hardly more than the user name'
  if (isRun(plain)) return 'The password is a row of neighbouring characters, which is tried first'
  const known = COMMON.find((word) => littleBeside(word, plain))
  return known === undefined ? undefined : `The password is hardly more than "${known}", which is tried first`
}

/** The same password from another keyboard has other code points (RFC 8265 §4.2.2: a normal form first). */
const normal = (password: string): string => password.normalize('NFKC')

const bare = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')

const littleBeside = (word: string, text: string): boolean => text.includes(word) && text.replaceAll(word, '').length < SHORTEST / 2

/** 123456789012, abcdefghijkl, and the same backwards. */
const isRun = (text: string): boolean => {
  const codes = [...text].map((character) => character.charCodeAt(0))
  const steps = codes.slice(1).map((code, index) => (code === 48 && codes[index] === 57 ? 1 : code - codes[index]!))
  return steps.length > 2 && [1, -1].some((way) => steps.every((step) => step === way))
}

/** Two hashes at a time need 64 MiB, and half of the threads that files and DNS use, too. */
const AT_ONCE = 2
const MOST_WAITING = 32
const HASH_BYTES = 32
const BLOCK = 8
/** log2 of N. */
const COST = 15
const HIGHEST_COST = 20
const STORED = /^scrypt\$(\d{1,2})\$8\$1\$([\w-]{22})\$([\w-]{43})$/

/**
 * Hashes passwords off the event loop with scrypt (RFC 7914: N = 2^15, r = 8, p = 1, 16 bytes of salt), a few at a time.
 * A hash is kept as `scrypt$15$8$1$SALT$HASH`, base64url.
 */
export class Passwords {
  readonly #cost: number
  /** Compared with when there is no such user: nobody knows a password for it. */
  readonly #nobody: string
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** @param cost log2 of N; tests take a small one */
  constructor(cost: number = COST) {
    this.#cost = cost
    this.#nobody = stored(cost, randomBytes(16), randomBytes(HASH_BYTES))
  }

  /** @throws ApiError 503 when too many wait */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16)
    return stored(this.#cost, salt, await this.#derive(password, salt, this.#cost))
  }

  /**
   * @param kept what `hash` made; undefined: there is no such user, which takes as long
   * @throws ApiError 503 when too many wait
   */
  async matches(password: string, kept: string | undefined): Promise<boolean> {
    const [, cost, salt, hash] = STORED.exec(kept ?? this.#nobody) ?? STORED.exec(this.#nobody)!
    const derived = await this.#derive(password, Buffer.from(salt!, 'base64url'), Math.min(Number(cost), HIGHEST_COST))
    return timingSafeEqual(derived, Buffer.from(hash!, 'base64url'))
  }

  async #derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
    await this.#turn()
    try {
      // 128 * N * r bytes, and what OpenSSL adds
      const options: ScryptOptions = { N: 2 ** cost, r: BLOCK, p: 1, maxmem: 256 * 2 ** cost * BLOCK }
      return await new Promise((done, failed) =>
        scrypt(normal(password), salt, HASH_BYTES, options, (error, key) => (error === null ? done(key) : failed(error))),
      )
    } finally {
      // Whoever waits longest takes the place over; it is never free in between
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= MOST_WAITING)
      throw new ApiError(503, 'busy', 'Too many people sign in at this moment; try again in a few seconds', { 'retry-after': '5' })
    await new Promise<void>((next) => this.#waiting.push(next))
  }
}

const stored = (cost: number, salt: Buffer, hash: Buffer): string =>
  `scrypt$${cost}$${BLOCK}$1$${salt.toString('base64url')}$${hash.toString('base64url')}`
