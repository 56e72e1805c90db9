import { createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { KeyRing } from '../../../src/engine/keys.ts'
import { SealKey } from '../../../src/engine/seal.ts'
import { TestClock } from './support.ts'

const latin1 = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'))

test('T §3.5: what is sealed is opened again, for the same purpose alone, and is the same text each time', () => {
  const key = new SealKey(randomBytes(32))
  fc.assert(
    fc.property(latin1(600), latin1(100), latin1(100), (text, bound, other) => {
      const sealed = key.seal(text, bound)
      expect(sealed).toMatch(/^[A-Za-z0-9_-]{22,}$/)
      expect(key.seal(text, bound)).toBe(sealed)
      expect(key.open(sealed, bound)).toBe(text)
      if (other !== bound) expect(key.open(sealed, other)).toBeUndefined()
    }),
    { numRuns: 200 },
  )
})

test('every bit counts, and nothing moves from the purpose into the text', () => {
  const key = new SealKey(randomBytes(32))
  const sealed = Buffer.from(key.seal('sip:1001@10.0.0.20:5060', 'contact call-1'), 'base64url')
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(key.open(changed.toString('base64url'), 'contact call-1')).toBeUndefined()
  }
  for (const length of [0, 1, 15, 16, sealed.length - 1])
    expect(key.open(sealed.subarray(0, length).toString('base64url'), 'contact call-1')).toBeUndefined()
  expect(key.seal('|b', 'a').slice(0, 22)).not.toBe(key.seal('b', 'a|').slice(0, 22))
  expect(new SealKey(randomBytes(32)).open(sealed.toString('base64url'), 'contact call-1')).toBeUndefined()
})

test('the construction is SIV over HMAC-SHA-256 and AES-256-CTR with derived keys, as OpenSSL computes it', () => {
  const secret = randomBytes(32)
  const [mac, cipher] = ['sealing: authenticity', 'sealing: secrecy'].map((text) => createHmac('sha256', secret).update(text).digest())
  const sealed = Buffer.from(new SealKey(secret).seal('a text', 'purpose'), 'base64url')
  expect(sealed.subarray(0, 16)).toEqual(createHmac('sha256', mac!).update('7|purpose|a text').digest().subarray(0, 16))
  const open = createDecipheriv('aes-256-ctr', cipher!, sealed.subarray(0, 16))
  expect(open.update(sealed.subarray(16)).toString()).toBe('a text')
  const key = new SealKey(secret)
  // Every carry of a counter: of some 2,000 tags a few end in bytes of 255
  for (let length = 0; length < 2000; length++) {
    const text = 'x'.repeat(length % 100) + length
    const bytes = Buffer.from(key.seal(text, 'purpose'), 'base64url')
    const ctr = createDecipheriv('aes-256-ctr', cipher!, bytes.subarray(0, 16))
    expect(ctr.update(bytes.subarray(16)).toString()).toBe(text)
  }
})

test('keys that rotate: what one sealed is opened as long as that is good, also after a restart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seal-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clock = new TestClock()
  const sealed = new KeyRing(folder, clock, 86_400).seal('a', 'text', 'bound')!
  clock.time += 86_400_000
  const later = new KeyRing(folder, clock, 86_400)
  expect(later.currentKey).toBe('b')
  expect(later.open('a', sealed, 'bound')).toEqual({ text: 'text' })
  // A dialog keeps its key, so its texts stay the same
  expect(later.seal('a', 'text', 'bound')).toBe(sealed)
  expect(later.open('b', sealed, 'bound')).toBe('forged')
  clock.time += 86_400_000
  later.rotate()
  expect(later.open('a', sealed, 'bound')).toBeUndefined()
  expect(later.seal('a', 'text', 'bound')).toBeUndefined()
})
