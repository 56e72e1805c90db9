import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto'
import { HmacKey } from './hmac.ts'

const CIPHER = 'aes-256-ctr'
const TAG = 16

/**
 * Seals texts with one secret: the MAC of text and purpose is the initial vector of the cipher (SIV, as in RFC 5297), so that equal texts give equal
 * ones and no counter has to survive a restart. Keys are derived, since the secret signs other things, too.
 */
export class SealKey {
  readonly #mac: HmacKey
  readonly #cipher: Buffer

  constructor(secret: Buffer) {
    const derived = new HmacKey(secret)
    this.#mac = new HmacKey(Buffer.from(derived.mac('sealing: authenticity'), 'base64url'))
    this.#cipher = Buffer.from(derived.mac('sealing: secrecy'), 'base64url')
  }

  /** @param text latin1 @returns base64url of tag and cipher text */
  seal(text: string, bound: string): string {
    const tag = this.#tag(text, bound)
    const cipher = createCipheriv(CIPHER, this.#cipher, tag)
    return Buffer.concat([tag, cipher.update(text, 'latin1'), cipher.final()]).toString('base64url')
  }

  /** undefined: not sealed with this key for that purpose. */
  open(sealed: string, bound: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    if (bytes.length < TAG) return undefined
    const tag = bytes.subarray(0, TAG)
    const decipher = createDecipheriv(CIPHER, this.#cipher, tag)
    const text = decipher.update(bytes.subarray(TAG), undefined, 'latin1') + decipher.final('latin1')
    return timingSafeEqual(tag, this.#tag(text, bound)) ? text : undefined
  }

  /** With the length in front nothing can move from one part to the other. */
  #tag(text: string, bound: string): Buffer {
    return Buffer.from(this.#mac.mac(`${bound.length}|${bound}|${text}`), 'base64url').subarray(0, TAG)
  }
}
