import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Rival, rendezvous, seedOf } from '../../../src/media/rendezvous.ts'

interface Named extends Rival {
  readonly name: string
}

const rival = (name: string, weight = 1): Named => ({ name, weight, seed: seedOf(name) })

const names = (rivals: readonly Named[]): readonly string[] => rivals.map(({ name }) => name)

/** How often each rival comes first. */
const firsts = (rivals: readonly Named[], keys: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map(rivals.map(({ name }) => [name, 0]))
  for (const key of keys) {
    const [{ name } = rival('')] = rendezvous(rivals, key)
    counts.set(name, counts.get(name)! + 1)
  }
  return counts
}

/** Pearson's statistic of the counts against the weights. */
const deviation = (rivals: readonly Named[], counts: ReadonlyMap<string, number>, total: number): number => {
  const weights = rivals.reduce((sum, { weight }) => sum + weight, 0)
  return rivals.reduce((sum, { name, weight }) => {
    const expected = (total * weight) / weights
    return sum + (counts.get(name)! - expected) ** 2 / expected
  }, 0)
}

const KEYS = 40_000
/** Keys as they come: long common parts, differences in few characters, at the beginning, in the middle and at the end. */
const SHAPES: readonly (readonly [string, (i: number) => string])[] = [
  ['numbers at the end', (i) => `a84b4c76e66710@pc33.example.com~AbCdxyz${String(i).padStart(9, '0')}`],
  ['numbers at the beginning', (i) => `${i}-4711@192.0.2.1~AbCdxyz000000000`],
  ['numbers in the middle', (i) => `call-${i.toString(36)}@192.0.2.1~AbCdxyz000000000`],
  ['a character of a large alphabet', (i) => String.fromCharCode(33 + (i % 90), 33 + (Math.floor(i / 90) % 90), 33 + Math.floor(i / 8100))],
]

const FLEETS: readonly (readonly Named[])[] = [
  [rival('a'), rival('b')],
  [rival('media-1'), rival('media-2'), rival('media-3'), rival('media-4')],
  [rival('10.0.0.5:2223', 1), rival('10.0.0.6:2223', 2), rival('10.0.0.7:2223', 5)],
  [rival('small', 1), rival('large', 100)],
  Array.from({ length: 12 }, (_, i) => rival(`10.0.0.${i + 1}:2223`, 1 + (i % 3))),
]

describe('media §11: the keys fall on the nodes in proportion to their weights', () => {
  for (const [shape, key] of SHAPES) {
    const keys = Array.from({ length: KEYS }, (_, i) => key(i))
    it.each(FLEETS.map((fleet) => [names(fleet).slice(0, 4).join(' '), fleet] as const))(`${shape}: %s`, (_, fleet) => {
      // Mean of the statistic: one less than there are rivals; its spread: the root of twice that. Six spreads off is no chance any more
      const freedom = fleet.length - 1
      expect(deviation(fleet, firsts(fleet, keys), KEYS)).toBeLessThan(freedom + 6 * Math.sqrt(2 * freedom))
    })
  }

  it('the second place, too: what a lost node had falls on the others by their weights', () => {
    const fleet = [rival('a', 1), rival('b', 2), rival('c', 3)]
    const [, ...rest] = fleet
    const lost = SHAPES.flatMap(([, key]) => Array.from({ length: KEYS }, (_, i) => key(i))).filter(
      (key) => rendezvous(fleet, key)[0]!.name === 'a',
    )
    expect(deviation(rest, firsts(rest, lost), lost.length)).toBeLessThan(1 + 6 * Math.sqrt(2))
  })
})

describe('media §11: only its own calls move', () => {
  const fleets = fc
    .uniqueArray(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 8 })
    .chain((all) => fc.tuple(...all.map((name) => fc.integer({ min: 1, max: 50 }).map((weight) => rival(name, weight)))))
  const key = fc.string({ maxLength: 60 })

  it('a node that is lost leaves the others in their order', () => {
    fc.assert(
      fc.property(fleets, key, fc.nat(), (fleet, callId, which) => {
        const lost = fleet[which % fleet.length]!
        const rest = fleet.filter((one) => one !== lost)
        expect(names(rendezvous(rest, callId))).toEqual(names(rendezvous(fleet, callId).filter((one) => one !== lost)))
      }),
    )
  })

  it('the order in which the nodes are written does not count', () => {
    fc.assert(
      fc.property(fleets, key, (fleet, callId) => {
        expect(names(rendezvous(fleet.toReversed(), callId))).toEqual(names(rendezvous(fleet, callId)))
      }),
    )
  })

  it('more weight draws calls to a node, and moves none between others', () => {
    fc.assert(
      fc.property(fleets, key, fc.nat(), (fleet, callId, which) => {
        const favoured = fleet[which % fleet.length]!
        const heavier = fleet.map((one) => (one === favoured ? { ...one, weight: one.weight * 3 } : one))
        const before = names(rendezvous(fleet, callId))
        const after = names(rendezvous(heavier, callId))
        expect(after.indexOf(favoured.name)).toBeLessThanOrEqual(before.indexOf(favoured.name))
        expect(after.filter((name) => name !== favoured.name)).toEqual(before.filter((name) => name !== favoured.name))
      }),
    )
  })

  it('each node is there once', () => {
    fc.assert(
      fc.property(fleets, key, (fleet, callId) => {
        expect(names(rendezvous(fleet, callId)).toSorted()).toEqual(names(fleet).toSorted())
      }),
    )
  })
})

it('media §11: a single node costs nothing: the list is returned as it is', () => {
  const one = [rival('a')]
  expect(rendezvous(one, 'key')).toBe(one)
  const none: Named[] = []
  expect(rendezvous(none, 'key')).toBe(none)
})
