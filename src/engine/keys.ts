import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { own } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyedHash } from '../base/keyed-hash.ts'

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
export class KeyRing implements KeyedHash {
  readonly #file: string
  readonly #clock: Clock
  readonly #rotateMs: number
  #keys: readonly StoredKey[]
  readonly #secrets = new Map<string, KeyObject>()
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
    const known = this.#recent.get(text) ?? this.#older.get(text)
    if (known !== undefined) return known
    const made = createHmac('sha256', secret).update(text, 'latin1').digest('base64url').slice(0, 11)
    if (this.#recent.size >= RECENT) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(own(text), made)
    return made
  }

  /** Makes a new key when the current one is old, and forgets those that are too old to be trusted. Called at start and every hour. */
  rotate(): void {
    const now = this.#clock.wall()
    const first = this.#keys[0]
    let keys = this.#keys.filter((_, i) => i === 0 || now - this.#keys[i - 1]!.made < this.#rotateMs)
    if (first === undefined || now - first.made >= this.#rotateMs) {
      const name = first === undefined ? 'a' : NAMES[(NAMES.indexOf(first.name) + 1) % NAMES.length]!
      keys = [{ name, secret: randomBytes(32).toString('base64url'), made: now }, ...keys.filter((key) => key.name !== name)]
      this.#store(keys)
    }
    this.#keys = keys
    this.#secrets.clear()
    this.#recent.clear()
    this.#older.clear()
    for (const key of keys) this.#secrets.set(key.name, createSecretKey(key.secret, 'base64url'))
  }

  #load(): readonly StoredKey[] {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    const read = JSON.parse(text) as { keys?: StoredKey[] }
    return (read.keys ?? []).filter((key) => /^[a-z]$/.test(key.name) && typeof key.secret === 'string' && typeof key.made === 'number')
  }

  #store(keys: readonly StoredKey[]): void {
    const temporary = `${this.#file}.new`
    const file = openSync(temporary, 'w', 0o600)
    writeSync(file, `${JSON.stringify({ keys }, undefined, 2)}\n`)
    fsyncSync(file)
    closeSync(file)
    renameSync(temporary, this.#file)
  }
}

/** Bound of the memory of MACs, twice. */
const RECENT = 20_000
