import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byPriority, byWeight, type Random } from '../../../src/dns/weigh.ts'

/** Mulberry32: the same numbers in every run. */
const seeded = (seed: number): Random => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const server = (weight: number, name = `w${weight}`) => ({ weight, name })

describe('RFC 2782: weights', () => {
  const DRAWS = 40_000

  test.each([[[10, 20, 70]], [[1, 1]], [[60, 20, 20]], [[65535, 65535, 1]]])(
    'the first place is drawn in proportion to the weights %j',
    (weights) => {
      const random = seeded(7)
      const group = weights.map((weight, i) => ({ weight, i }))
      const firsts = weights.map(() => 0)
      for (let n = 0; n < DRAWS; n++) firsts[byWeight(group, random)[0]!.i]!++
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      for (const [i, weight] of weights.entries()) expect(Math.abs(firsts[i]! / DRAWS - weight / total)).toBeLessThan(0.01)
    },
  )

  test('the second place is drawn among those left, again in proportion', () => {
    const random = seeded(11)
    const group = [server(50, 'a'), server(30, 'b'), server(20, 'c')]
    let afterA = 0
    let bAfterA = 0
    for (let n = 0; n < DRAWS; n++) {
      const [first, second] = byWeight(group, random)
      if (first!.name !== 'a') continue
      afterA++
      if (second!.name === 'b') bAfterA++
    }
    expect(Math.abs(bAfterA / afterA - 0.6)).toBeLessThan(0.01)
  })

  test('a weight of 0 beside others has a very small chance of being first, but has one', () => {
    for (const group of [
      [server(99), server(0)],
      [server(0), server(1)],
    ]) {
      const random = seeded(3)
      let zeroFirst = 0
      for (let n = 0; n < DRAWS; n++) if (byWeight(group, random)[0]!.weight === 0) zeroFirst++
      expect(zeroFirst).toBeGreaterThan(0)
      expect(zeroFirst / DRAWS).toBeLessThan(0.01)
    }
  })

  test('with weight 0 only, the order of the answer stays', () => {
    const group = [server(0, 'a'), server(0, 'b'), server(0, 'c')]
    expect(byWeight(group, seeded(1))).toEqual(group)
  })

  test('DEVIATION: two servers of weight 1 get half of the calls each, where the text would give two of three to the first', () => {
    const group = [server(1, 'a'), server(1, 'b')]
    expect([0, 0.25, 0.5, 0.75].map((drawn) => byWeight(group, () => drawn)[0]!.name)).toEqual(['a', 'a', 'b', 'b'])
  })

  test('whatever the weights, each server stands in the list once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(65535), { maxLength: 12 }), fc.integer(), (weights, seed) => {
        const group = weights.map((weight, i) => ({ weight, i }))
        const ordered = byWeight(group, seeded(seed))
        expect(ordered.map(({ i }) => i).sort((x, y) => x - y)).toEqual(group.map(({ i }) => i))
      }),
      { seed: 2782, numRuns: 200 },
    )
  })
})

describe('RFC 2782: priorities', () => {
  test('the lower number comes first; within one the order of the answer stays', () => {
    const records = [
      { priority: 20, name: 'c' },
      { priority: 10, name: 'a' },
      { priority: 20, name: 'd' },
      { priority: 10, name: 'b' },
    ]
    expect(byPriority(records).map((group) => group.map(({ name }) => name))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })
})
