import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, orderTargets, type RoutingView, rulesWith } from '../../../src/routing/decide.ts'
import { parseUri } from '../../../src/sip/uri.ts'
import type { Target } from '../../../src/zones/zone.ts'
import { lanUdp, pbx, request, target, zone } from './support.ts'

/** A small generator of numbers in [0, 1) that is the same in each run (mulberry32). */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}

const view = (random = seeded(1), down: readonly string[] = []): RoutingView => ({
  zones: new Map(),
  routes: [],
  usable: (_zone, one) => !down.includes(one.name),
  random,
  called: () => ({ kind: 'nobody', status: 404, reason: 'Not Found' }),
})

const order = (targets: readonly Target[], random = seeded(1), down: readonly string[] = []) =>
  orderTargets(zone('z', [lanUdp], { targets }), view(random, down)).map((one) => one.name)

/** How often each target comes first in `rounds` draws, as parts of one. */
const shares = (targets: readonly Target[], rounds = 20_000): Readonly<Record<string, number>> => {
  const random = seeded(42)
  const counts: Record<string, number> = {}
  for (let i = 0; i < rounds; i++) {
    const first = order(targets, random)[0]!
    counts[first] = (counts[first] ?? 0) + 1 / rounds
  }
  return counts
}

describe('the order of targets (RFC 2782)', () => {
  test('calls are spread by weight', () => {
    const { a = 0, b = 0, c = 0 } = shares([target('a', { weight: 10 }), target('b', { weight: 60 }), target('c', { weight: 30 })])
    expect(Math.abs(a - 0.1)).toBeLessThan(0.015)
    expect(Math.abs(b - 0.6)).toBeLessThan(0.015)
    expect(Math.abs(c - 0.3)).toBeLessThan(0.015)
  })

  test('what is left after the first choice is spread by weight, too', () => {
    const random = seeded(7)
    let second = 0
    for (let i = 0; i < 20_000; i++) if (order([target('a'), target('b', { weight: 3 }), target('c')], random)[1] === 'b') second++
    // b is second when a or c was first (2/5), and then with 3 of 4
    expect(second / 20_000).toBeCloseTo(0.3, 1)
  })

  test('equal weights share equally, weights of zero do, too', () => {
    for (const weight of [1, 0]) {
      const found = shares([target('a', { weight }), target('b', { weight }), target('c', { weight })])
      for (const name of ['a', 'b', 'c']) expect(Math.abs(found[name]! - 1 / 3)).toBeLessThan(0.02)
    }
  })

  test('weight zero beside others is a last choice of its priority', () => {
    expect(shares([target('a', { weight: 0 }), target('b')])).toEqual({ b: expect.closeTo(1) })
    expect(order([target('a', { weight: 0 }), target('b')])).toEqual(['b', 'a'])
  })

  test('all usable targets are there, each once, by priority, whatever the numbers', () => {
    const some = fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      weight: fc.integer({ min: 0, max: 5 }),
      drain: fc.boolean(),
      up: fc.boolean(),
    })
    const numbers = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(some, { maxLength: 8 }), numbers, (list, drawn) => {
        let at = 0
        const targets = list.map(({ priority, weight, drain }, i) => target(`t${i}`, { priority, weight, drain }))
        const down = list.flatMap(({ up }, i) => (up ? [] : [`t${i}`]))
        const names = order(targets, () => drawn[at++ % drawn.length]!, down)
        const usable = targets.filter((one) => !one.drain && !down.includes(one.name))
        expect([...names].sort()).toEqual(usable.map((one) => one.name).sort())
        const priorities = names.map((name) => targets.find((one) => one.name === name)!.priority)
        expect(priorities).toEqual([...priorities].sort((a, b) => a - b))
      }),
    )
  })
})

test('without rules there is a bug, not an open relay', () => {
  const one = request('sip:a@b')
  const classified = { request: one, uri: parseUri(one.requestUri)!, zone: pbx, via: undefined }
  expect(() => decide(classified, view(), [])).toThrow('No rule decided')
  expect(decide(classified, view(), rulesWith(undefined))).toMatchObject({ kind: 'respond', status: 404 })
})
