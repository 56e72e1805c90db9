import { createHmac } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { KeyRing } from '../../../src/engine/keys.ts'
import { type RouteState, RouteStateCodec } from '../../../src/routing/route-state.ts'
import { CALL_ID, LISTENERS, lanUdp, pbx, side, ZONES } from '../routing/support.ts'
import { TestClock } from './support.ts'

const DAY = 86_400
let folder = ''
let clock = new TestClock()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'))
  clock = new TestClock()
})
afterEach(() => rmSync(folder, { recursive: true }))

const ring = (rotateSeconds = DAY) => new KeyRing(folder, clock, rotateSeconds)
const file = () => join(folder, 'route-keys.json')
const stored = () => (JSON.parse(readFileSync(file(), 'utf8')) as { keys: { name: string; secret: string; made: number }[] }).keys
const mode = (path: string) => statSync(path).mode & 0o777

describe('the file', () => {
  test('is for us alone, whatever lay there before, and nothing else stays in the folder', () => {
    writeFileSync(`${file()}.new`, 'left behind', { mode: 0o666 })
    ring()
    expect(mode(file())).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['route-keys.json'])
    chmodSync(file(), 0o644)
    ring()
    expect(mode(file())).toBe(0o600)
  })

  test('a folder that is not there is made, for us alone', () => {
    const inner = join(folder, 'a', 'b')
    new KeyRing(inner, clock, DAY)
    expect(mode(inner)).toBe(0o700)
  })

  test('design D1: after a restart the same keys are read, and the same text has the same MAC', () => {
    const mac = ring().mac('a', 'text')
    expect(mac).toMatch(/^[A-Za-z0-9_-]{11}$/)
    const again = ring()
    expect(again.currentKey).toBe('a')
    expect(again.mac('a', 'text')).toBe(mac)
  })

  test('the MAC is HMAC-SHA-256 of the text', () => {
    const keys = ring()
    const secret = Buffer.from(stored()[0]!.secret, 'base64url')
    expect(secret).toHaveLength(32)
    for (const text of ['', 'a', 'x'.repeat(64), 'é'.repeat(700)])
      expect(keys.mac('a', text)).toBe(createHmac('sha256', secret).update(text, 'latin1').digest('base64url').slice(0, 11))
  })

  test.each([
    '',
    'no json',
    '[]',
    'null',
    '{"keys":7}',
    '{"keys":[{"name":"a","secret":"","made":1}]}',
    '{"keys":[{"name":"a","secret":"c2hvcnQ","made":1}]}',
    '{"keys":[null,{"name":"ab"}]}',
  ])('a damaged file (%s) is set aside, and the edge starts with a new key', (text) => {
    writeFileSync(file(), text)
    expect(ring().mac('a', 'x')).toMatch(/^.{11}$/)
    expect(readFileSync(`${file()}.unreadable`, 'utf8')).toBe(text)
    expect(stored()).toHaveLength(1)
    ring()
    expect(existsSync(file())).toBe(true)
  })

  test('what cannot be read for another reason is told', () => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
    expect(() => ring()).toThrow('EEXIST')
  })
})

describe('rotation', () => {
  test('a new key signs after the time, and the one before is good for as long again', () => {
    const keys = ring()
    const mac = keys.mac('a', 'text')
    clock.time += DAY * 1000 - 1
    keys.rotate()
    expect(keys.currentKey).toBe('a')
    clock.time += 1
    keys.rotate()
    expect(keys.currentKey).toBe('b')
    expect(keys.mac('a', 'text')).toBe(mac)
    expect(keys.mac('b', 'text')).not.toBe(mac)
    expect(stored().map(({ name }) => name)).toEqual(['b', 'a'])
    clock.time += DAY * 1000
    keys.rotate()
    expect(keys.currentKey).toBe('c')
    expect(keys.mac('a', 'text')).toBeUndefined()
    expect(keys.mac('b', 'text')).toBeDefined()
  })

  test('it goes on over restarts, also after a long time off', () => {
    const mac = ring().mac('a', 'text')
    clock.time += 10 * DAY * 1000
    const later = ring()
    expect(later.currentKey).toBe('b')
    expect(later.mac('a', 'text')).toBe(mac)
    clock.time += DAY * 1000
    expect(ring().mac('a', 'text')).toBeUndefined()
  })

  test('names come round, and a name never means two keys', () => {
    const keys = ring()
    const names = new Set<string>()
    for (let i = 0; i < 60; i++) {
      names.add(keys.currentKey)
      clock.time += DAY * 1000
      keys.rotate()
      expect(new Set(stored().map(({ name }) => name)).size).toBe(stored().length)
      expect(stored().length).toBeLessThanOrEqual(2)
    }
    expect(names.size).toBe(26)
  })

  test('a clock that stood far in the future when the key was made does not keep it for ever', () => {
    clock.time += 1000 * DAY * 1000
    ring()
    clock.time -= 1000 * DAY * 1000
    expect(ring().currentKey).toBe('b')
  })

  test('one text has another MAC with each key, asked for in any order', () => {
    const keys = ring()
    clock.time += DAY * 1000
    keys.rotate()
    const [old, fresh] = [keys.mac('a', 'text'), keys.mac('b', 'text')]
    expect(old).not.toBe(fresh)
    expect([keys.mac('b', 'text'), keys.mac('a', 'text')]).toEqual([fresh, old])
    expect(keys.mac('c', 'text')).toBeUndefined()
    expect(keys.mac('', 'text')).toBeUndefined()
  })

  test('a dialog outlives a rotation and a restart, and ends with its key', () => {
    const codec = () => new RouteStateCodec(ring(), 'A', LISTENERS, ZONES)
    const cookie = codec().encode(side(pbx, lanUdp), side(pbx, lanUdp), CALL_ID)
    clock.time += DAY * 1000
    expect((codec().decode(cookie, CALL_ID) as RouteState).caller.zone).toBe(pbx)
    clock.time += DAY * 1000
    expect(codec().decode(cookie, CALL_ID)).toBe('expired-key')
  })
})

test('MACs are right with more texts than are remembered, short and long', () => {
  const keys = ring()
  const texts = [...Array.from({ length: 45_000 }, (_, i) => `call ${i}`), 'x'.repeat(5000)]
  const first = texts.map((text) => keys.mac('a', text))
  expect(texts.map((text) => keys.mac('a', text))).toEqual(first)
  expect(new Set(first).size).toBe(texts.length)
})
