/** Secrets at rest: AES-256-GCM with a key that lies beside the database, so that a copy of the database alone is worth nothing. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '../base/errors.ts'
import { giveToOwnerOf } from './files.ts'

const VERSION = 1
const NONCE = 12
const TAG = 16
const NAME = 4
const HEAD = 1 + NAME + NONCE

export class SealingKey {
  readonly #key: Buffer
  /** Tells one key from another; of a hash of it. */
  readonly #name: Buffer

  /** @param key 32 bytes */
  constructor(key: Buffer) {
    this.#key = key
    this.#name = createHash('sha256').update('name of ').update(key).digest().subarray(0, NAME)
  }

  /** @param place what it belongs to; it opens there alone, so rows cannot be exchanged */
  seal(text: string, place: string): Buffer {
    const nonce = randomBytes(NONCE)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.from([VERSION]), this.#name, nonce, cipher.getAuthTag(), sealed])
  }

  /** @returns undefined: sealed with another key, for another place, or damaged */
  open(sealed: Uint8Array, place: string): string | undefined {
    if (sealed.length < HEAD + TAG || sealed[0] !== VERSION) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(1 + NAME, HEAD), { authTagLength: TAG })
      .setAAD(Buffer.from(place))
      .setAuthTag(sealed.subarray(HEAD, HEAD + TAG))
    try {
      return decipher.update(sealed.subarray(HEAD + TAG), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      // GCM says no more than that it does not fit
      return undefined
    }
  }

  /** Is it this key that something was sealed with? */
  made(sealed: Uint8Array): boolean {
    return Buffer.compare(sealed.subarray(1, 1 + NAME), this.#name) === 0
  }
}

const KEY = /^[A-Za-z0-9_-]{43}\s*$/

/** The key of a file (0600), which is made when it is not there. @throws StoreError SBC_STORE_KEY */
export const sealingKey = (file: string): SealingKey => {
  const text = read(file) ?? make(file)
  if (!KEY.test(text))
    throw new StoreError('SBC_STORE_KEY', `${file} holds no key; restore it from a backup, or move it away for a new one`)
  return new SealingKey(Buffer.from(text.trim(), 'base64url'))
}

const read = (file: string): string | undefined => {
  try {
    const text = readFileSync(file, 'latin1')
    chmodSync(file, 0o600)
    return text
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StoreError('SBC_STORE_KEY', `Cannot read ${file}: ${(cause as Error).message}`, cause)
  }
}

/** Of two processes that make one at the same time the first wins, and both have it. */
const make = (file: string): string => {
  const draft = `${file}.${randomBytes(4).toString('hex')}.new`
  try {
    const open = openSync(draft, 'wx', 0o600)
    try {
      writeSync(open, `${randomBytes(32).toString('base64url')}\n`)
      fsyncSync(open)
    } finally {
      closeSync(open)
    }
    giveToOwnerOf(dirname(file), draft)
    try {
      linkSync(draft, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const folder = openSync(dirname(file), 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
    return readFileSync(file, 'latin1')
  } catch (cause) {
    throw new StoreError('SBC_STORE_KEY', `Cannot make ${file}: ${(cause as Error).message}`, cause)
  } finally {
    rmSync(draft, { force: true })
  }
}
