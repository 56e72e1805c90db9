import { expect, test } from 'vitest'
import { Line } from '../../../../src/engine/registration/storm.ts'

/** A clock and a sequence of random numbers that is the same each time. */
const start = () => {
  const world = { now: 5000 }
  let seed = 1
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  return { world, queue: new Line({ now: () => world.now, wall: () => 0 }, random) }
}

test('within the limit everybody comes in at once', () => {
  const { world, queue } = start()
  for (let second = 0; second < 5; second++) {
    for (let i = 0; i < 100; i++) expect(queue.take(100, true)).toEqual({ kind: 'in', ms: 0 })
    world.now += 1000
  }
})

test('who comes beyond it waits in line, eight seconds at most; behind that they are sent away', () => {
  const { queue } = start()
  const places = Array.from({ length: 1000 }, () => queue.take(100, true))
  const waits = places.flatMap((place) => (place.kind === 'in' ? [place.ms] : []))
  expect(waits.length).toBe(900)
  expect(waits.slice(100, 103)).toEqual([10, 20, 30])
  expect(waits.at(-1)).toBe(8000)
  const seconds = places.flatMap((place) => (place.kind === 'away' ? [place.seconds] : []))
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(9)
  expect(Math.max(...seconds)).toBeLessThanOrEqual(11)
})

test('where nobody may wait all are sent away', () => {
  const { queue } = start()
  for (let i = 0; i < 10; i++) queue.take(10, false)
  expect(queue.take(10, false)).toMatchObject({ kind: 'away' })
})

test('§20.33: 5,000 who come at once and do as they are told are all in after little more than 5,000 over the limit, and never many more at once', () => {
  const { world, queue } = start()
  const LIMIT = 100
  const comes = new Map<number, number>([[0, 5000]])
  const admitted = new Map<number, number>()
  let all = 0
  for (let second = 0; all < 5000 && second < 300; second++) {
    const due = comes.get(second) ?? 0
    for (let i = 0; i < due; i++) {
      world.now = 5000 + second * 1000 + Math.floor((i * 1000) / due)
      const place = queue.take(LIMIT, true)
      if (place.kind === 'away') {
        comes.set(second + place.seconds, (comes.get(second + place.seconds) ?? 0) + 1)
        continue
      }
      const at = Math.floor((world.now + place.ms) / 1000)
      admitted.set(at, (admitted.get(at) ?? 0) + 1)
      all++
    }
  }
  expect(all).toBe(5000)
  expect(Math.max(...admitted.keys()) - 5).toBeLessThan(1.5 * (5000 / LIMIT))
  expect(Math.max(...admitted.values())).toBeLessThanOrEqual(2 * LIMIT + 1)
})

test('nobody is sent away for more than a minute', () => {
  const { queue } = start()
  let longest = 0
  for (let i = 0; i < 5000; i++) {
    const place = queue.take(1, true)
    if (place.kind === 'away') longest = Math.max(longest, place.seconds)
  }
  expect(longest).toBeLessThanOrEqual(61)
})
