import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyedHash } from '../base/keyed-hash.ts'
import type { Sealing } from '../base/sealing.ts'
import { HmacKey } from './hmac.ts'
import { SealKey } from './seal.ts'

interface StoredKey {
  readonly name: string
  readonly secret: string
  /** Milliseconds since 1970. */
  readonly made: number
}

const NAMES = 'abcdefghijklmnopqrstuvwxyz'

/**
 * The keys of the signed route state, in the data folder, so that dialogs outlive the process (design D1). A new key signs after
 * `rotateSeconds`; the ones before stay good for as long again, which is the longest a dialog may live without a new INVITE.
 */
export class KeyRing implements KeyedHash, Sealing {
  readonly #file: string
  readonly #clock: Clock
  readonly #rotateMs: number
  #keys: readonly StoredKey[]
  readonly #secrets = new Map<string, HmacKey>()
  readonly #seals = new Map<string, SealKey>()
  /** The last MACs made: ACK and BYE of a call ask for what its INVITE asked for. */
  #recent = new Map<string, string>()
  #older = new Map<string, string>()

  constructor(folder: string, clock: Clock, rotateSeconds: number) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#file = join(folder, 'route-keys.json')
    this.#clock = clock
    this.#rotateMs = rotateSeconds * 1000
    this.#keys = this.#load()
    this.rotate()
  }

  get currentKey(): string {
    return this.#keys[0]!.name
  }

  mac(key: string, text: string): string | undefined {
    const secret = this.#secrets.get(key)
    if (secret === undefined) return undefined
    const asked = key + text
    const known = this.#recent.get(asked) ?? this.#older.get(asked)
    if (known !== undefined) return known
    const made = own(secret.mac(text).slice(0, 11))
    // A stranger chooses the Call-ID: what he makes us remember is bounded in number and size
    if (asked.length > LONGEST) return made
    if (this.#recent.size >= RECENT) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(own(asked), made)
    return made
  }

  seal(key: string, text: string, bound: string): string | undefined {
    return this.#seals.get(key)?.seal(text, bound)
  }

  open(key: string, sealed: string, bound: string): { readonly text: string } | 'forged' | undefined {
    const opener = this.#seals.get(key)
    if (opener === undefined) return undefined
    const text = opener.open(sealed, bound)
    return text === undefined ? 'forged' : { text }
  }

  /** Makes a new key when the current one is old, and forgets those that are too old to be trusted. Called at start and every hour. */
  rotate(): void {
    const now = this.#clock.wall()
    const first = this.#keys[0]
    let keys = this.#keys.filter((_, i) => i === 0 || now - this.#keys[i - 1]!.made < this.#rotateMs)
    // A clock that stood in the far future when the key was made would keep it for ever
    if (first === undefined || Math.abs(now - first.made) >= this.#rotateMs) {
      const name = first === undefined ? 'a' : NAMES[(NAMES.indexOf(first.name) + 1) % NAMES.length]!
      keys = [{ name, secret: randomBytes(32).toString('base64url'), made: now }, ...keys.filter((key) => key.name !== name)]
      this.#store(keys)
    }
    this.#keys = keys
    this.#secrets.clear()
    this.#recent.clear()
    this.#older.clear()
    this.#seals.clear()
    for (const key of keys) {
      const secret = Buffer.from(key.secret, 'base64url')
      this.#secrets.set(key.name, new HmacKey(secret))
      this.#seals.set(key.name, new SealKey(secret))
    }
  }

  #load(): readonly StoredKey[] {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    // Whoever copied the file here may have left it readable for all
    chmodSync(this.#file, 0o600)
    const keys = readKeys(text)
    // Calls under way are lost with their keys; new ones are not. The file stays for whoever wants to look at it
    if (keys.length === 0) renameSync(this.#file, `${this.#file}.unreadable`)
    return keys
  }

  #store(keys: readonly StoredKey[]): void {
    const temporary = `${this.#file}.new`
    rmSync(temporary, { force: true })
    // `wx`: the mode counts only for a file that is made here
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(file, `${JSON.stringify({ keys }, undefined, 2)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, this.#file)
    const folder = openSync(dirname(this.#file), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  }
}

/** The keys in a file's text, newest first; those that are damaged are left out: a short secret would be one that can be guessed. */
const readKeys = (text: string): readonly StoredKey[] => {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return []
  }
  const keys = (read as { keys?: unknown } | null)?.keys
  return Array.isArray(keys) ? keys.filter(isKey) : []
}

const isKey = (value: unknown): value is StoredKey => {
  const { name, secret, made } = (value ?? {}) as Partial<Record<keyof StoredKey, unknown>>
  return typeof name === 'string' && /^[a-z]$/.test(name) && typeof secret === 'string' && SECRET.test(secret) && Number.isFinite(made)
}

/** 32 bytes. */
const SECRET = /^[A-Za-z0-9_-]{43}$/

/** Bound of the memory of MACs, twice. */
const RECENT = 20_000
/** Characters of a remembered text: a cookie and a Call-ID of usual length. */
const LONGEST = 512
