import { describe, expect, test } from 'vitest'
import { Ring } from '../../../src/engine/tombs.ts'

const swept = (ring: Ring, now: number): readonly string[] => {
  const keys: string[] = []
  ring.sweep(now, (key) => keys.push(key))
  return keys
}

describe('the ring of what is to be forgotten', () => {
  test('a key is given back once, never early, and at most one slot of 10 ms late', () => {
    const ring = new Ring(1000)
    expect(ring.add('a', 1003, 32_000)).toBe(true)
    expect(ring.add('b', 1004, 5000)).toBe(true)
    expect(swept(ring, 6003)).toEqual([])
    expect(swept(ring, 6014)).toEqual(['b'])
    expect(swept(ring, 33_002)).toEqual([])
    expect(swept(ring, 33_013)).toEqual(['a'])
    expect(swept(ring, 200_000)).toEqual([])
  })

  test('what lies beyond its horizon is refused, so that the transaction keeps its own timer', () => {
    const ring = new Ring(0)
    expect(ring.add('near', 0, 81_000)).toBe(true)
    expect(ring.add('far', 0, 82_000)).toBe(false)
    expect(swept(ring, 81_000)).toEqual(['near'])
  })

  test('after a pause longer than the ring everything is due, and nothing twice', () => {
    const ring = new Ring(0)
    for (let ms = 0; ms < 80_000; ms += 777) ring.add(String(ms), 0, ms + 1)
    expect(swept(ring, 10_000_000)).toHaveLength(Math.ceil(80_000 / 777))
    expect(ring.add('later', 10_000_000, 100)).toBe(true)
    expect(swept(ring, 10_000_200)).toEqual(['later'])
  })

  test('many keys of one moment come together, those of others do not', () => {
    const ring = new Ring(0)
    for (let i = 0; i < 1000; i++) ring.add(`k${i}`, 0, i % 2 === 0 ? 500 : 700)
    expect(swept(ring, 600)).toHaveLength(500)
    expect(swept(ring, 800)).toHaveLength(500)
  })
})
