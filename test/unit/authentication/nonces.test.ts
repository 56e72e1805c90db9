import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { Nonces } from '../../../src/authentication/nonces.ts'

const LIFE = 60_000
let now = 0
let tokens = 0
const ids = { token: (length: number) => (++tokens).toString(36).padStart(length, '-') }
const nonces = (more: { key?: Buffer; most?: number } = {}) => new Nonces({ key: randomBytes(32), ids, now: () => now, ...more })
beforeEach(() => {
  now = 1_000_000
})

describe('RFC 7616 §5.4: nonces', () => {
  test('what was made here is good until it is old', () => {
    const ours = nonces()
    const nonce = ours.make('r')
    expect(nonce).toMatch(/^[\w.-]{30,50}$/)
    expect(ours.judge(nonce, 'r', LIFE)).toBe('good')
    now += LIFE
    expect(ours.judge(nonce, 'r', LIFE)).toBe('good')
    now += 1
    expect(ours.judge(nonce, 'r', LIFE)).toBe('old')
    expect(ours.size).toBe(0)
  })

  test('those of another realm, of another process, and those that were changed are unknown', () => {
    const ours = nonces()
    const nonce = ours.make('r')
    expect(ours.judge(nonce, 's', LIFE)).toBe('unknown')
    expect(nonces().judge(nonce, 'r', LIFE)).toBe('unknown')
    for (let i = 0; i < nonce.length; i++) {
      const changed = `${nonce.slice(0, i)}${nonce[i] === 'x' ? 'y' : 'x'}${nonce.slice(i + 1)}`
      expect(ours.judge(changed, 'r', LIFE), changed).toBe('unknown')
    }
    for (const text of ['', '.', '..', `${nonce}x`, `x${nonce}`]) expect(ours.judge(text, 'r', LIFE)).toBe('unknown')
  })

  test('two are never the same', () => {
    const ours = nonces()
    expect(new Set(Array.from({ length: 1000 }, () => ours.make('r'))).size).toBe(1000)
  })
})

describe('RFC 7616 §3.4: the count of a nonce', () => {
  test('each number once; gaps are allowed; what comes late may be late by a window', () => {
    const ours = nonces()
    const nonce = ours.make('r')
    const use = (nc: number) => ours.use(nonce, nc, LIFE)
    expect(use(1)).toBe(true)
    expect(use(1)).toBe(false)
    expect(use(2)).toBe(true)
    expect(use(40)).toBe(true)
    expect(use(39)).toBe(true)
    expect(use(39)).toBe(false)
    expect(use(40)).toBe(false)
    expect(use(9)).toBe(true)
    expect(use(9)).toBe(false)
    expect(use(8)).toBe(false)
    expect(use(2)).toBe(false)
    expect(use(0xffffffff)).toBe(true)
    expect(use(0xffffffff)).toBe(false)
    expect(use(41)).toBe(false)
  })

  test('no number is good twice, in whatever order they come', () => {
    const ours = nonces()
    const nonce = ours.make('r')
    const accepted = new Map<number, number>()
    let seed = 7
    for (let i = 0; i < 5000; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648
      const nc = Math.max(1, Math.floor(i / 10) + (seed % 80) - 40)
      if (ours.use(nonce, nc, LIFE)) accepted.set(nc, (accepted.get(nc) ?? 0) + 1)
    }
    expect(Math.max(...accepted.values())).toBe(1)
    expect(accepted.size).toBeGreaterThan(300)
  })

  test('a client that does not count uses a nonce once', () => {
    const ours = nonces()
    const nonce = ours.make('r')
    expect(ours.use(nonce, undefined, LIFE)).toBe(true)
    expect(ours.use(nonce, undefined, LIFE)).toBe(false)
    expect(ours.use(nonce, 1, LIFE)).toBe(false)
  })

  test('a full memory makes the oldest nonces old, and never lets one be used twice', () => {
    const ours = nonces({ most: 3 })
    const made = Array.from({ length: 5 }, () => {
      now += 10
      return ours.make('r')
    })
    const unused = ours.make('r')
    for (const nonce of made) expect(ours.use(nonce, 1, LIFE)).toBe(true)
    expect(ours.size).toBe(3)
    expect(made.map((nonce) => ours.judge(nonce, 'r', LIFE))).toEqual(['old', 'old', 'good', 'good', 'good'])
    for (const nonce of made) expect(ours.use(nonce, 1, LIFE)).toBe(false)
    expect(ours.judge(unused, 'r', LIFE)).toBe('good')
    expect(ours.use(made[4]!, 2, LIFE)).toBe(true)
  })

  test('uses of nonces that are old anyway make room first', () => {
    const ours = nonces({ most: 100 })
    for (let i = 0; i < 50; i++) ours.use(ours.make('r'), 1, LIFE)
    now += LIFE + 1
    const fresh = ours.make('r')
    expect(ours.use(fresh, 1, LIFE)).toBe(true)
    expect(ours.size).toBe(1)
    expect(ours.judge(fresh, 'r', LIFE)).toBe('good')
  })
})
