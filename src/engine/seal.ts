import { type Cipheriv, createCipheriv, timingSafeEqual } from 'node:crypto'
import { HmacKey } from './hmac.ts'

const TAG = 16
const BLOCK = 16

/**
 * Seals texts with one secret: the MAC of text and purpose is the initial counter of AES-256-CTR (SIV, as in RFC 5297), so that equal texts give equal
 * ones and no counter has to survive a restart. Keys are derived, since the secret signs other things, too. A cipher object for each text would cost
 * five times as much as all the rest: one of AES alone is made once, and makes the key stream.
 */
export class SealKey {
  readonly #mac: HmacKey
  readonly #aes: Cipheriv

  constructor(secret: Buffer) {
    const derived = new HmacKey(secret)
    this.#mac = new HmacKey(Buffer.from(derived.mac('sealing: authenticity'), 'base64url'))
    this.#aes = createCipheriv('aes-256-ecb', Buffer.from(derived.mac('sealing: secrecy'), 'base64url'), null)
    this.#aes.setAutoPadding(false)
  }

  /** @param text latin1 @returns base64url of tag and cipher text */
  seal(text: string, bound: string): string {
    const bytes = Buffer.allocUnsafe(TAG + text.length)
    this.#tag(text, bound).copy(bytes)
    bytes.latin1Write(text, TAG)
    this.#crypt(bytes)
    return bytes.toString('base64url')
  }

  /** undefined: not sealed with this key for that purpose. */
  open(sealed: string, bound: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    if (bytes.length < TAG) return undefined
    this.#crypt(bytes)
    const text = bytes.latin1Slice(TAG)
    return timingSafeEqual(bytes.subarray(0, TAG), this.#tag(text, bound)) ? text : undefined
  }

  /** With the length in front nothing can move from one part to the other. */
  #tag(text: string, bound: string): Buffer {
    return Buffer.from(this.#mac.mac(`${bound.length}|${bound}|${text}`), 'base64url').subarray(0, TAG)
  }

  /** CTR (NIST SP 800-38A §6.5) over what follows the tag, which is the first counter. */
  #crypt(bytes: Buffer): void {
    const length = bytes.length - TAG
    const counters = Buffer.allocUnsafe(Math.ceil(length / BLOCK) * BLOCK)
    const counter = Buffer.from(bytes.subarray(0, TAG))
    for (let at = 0; at < counters.length; at += BLOCK) {
      counter.copy(counters, at)
      for (let i = BLOCK - 1; i >= 0; i--) {
        counter[i] = (counter[i]! + 1) & 0xff
        if (counter[i] !== 0) break
      }
    }
    const stream = this.#aes.update(counters)
    for (let i = 0; i < length; i++) bytes[TAG + i]! ^= stream[i]!
  }
}
