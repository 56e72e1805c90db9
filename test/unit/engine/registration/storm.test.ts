import { expect, test } from 'vitest'
import { Queue } from '../../../../src/engine/registration/storm.ts'

/** A clock and a sequence of random numbers that is the same each time. */
const start = () => {
  const world = { now: 5000 }
  let seed = 1
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  return { world, queue: new Queue({ now: () => world.now, wall: () => 0 }, random) }
}

test('within the limit everybody comes in', () => {
  const { world, queue } = start()
  for (let second = 0; second < 5; second++) {
    for (let i = 0; i < 100; i++) expect(queue.admit(100)).toBe(0)
    world.now += 1000
  }
})

test('§20.33: 2,000 who come at once and do as they are told are all in after little more than 2,000 over the limit, and never much more at once', () => {
  const { world, queue } = start()
  const LIMIT = 100
  let waiting = new Map<number, number>([[0, 2000]])
  const admitted: number[] = []
  for (let second = 0; waiting.size > 0 && second < 60; second++) {
    const due = waiting.get(second) ?? 0
    waiting.delete(second)
    let come = 0
    for (let i = 0; i < due; i++) {
      world.now += 1000 / Math.max(due, 1)
      const seconds = queue.admit(LIMIT)
      if (seconds === 0) come++
      else waiting.set(second + seconds, (waiting.get(second + seconds) ?? 0) + 1)
    }
    world.now = 5000 + (second + 1) * 1000
    admitted.push(come)
    waiting = new Map([...waiting].sort(([a], [b]) => a - b))
  }
  expect(admitted.reduce((sum, one) => sum + one, 0)).toBe(2000)
  expect(admitted.length).toBeLessThan(2 * (2000 / LIMIT))
  expect(Math.max(...admitted)).toBeLessThanOrEqual(2 * LIMIT + 1)
})

test('nobody is sent away for more than a minute', () => {
  const { queue } = start()
  let longest = 0
  for (let i = 0; i < 5000; i++) longest = Math.max(longest, queue.admit(1))
  expect(longest).toBeLessThanOrEqual(61)
})
