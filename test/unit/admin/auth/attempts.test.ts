import { expect, test } from 'vitest'
import { Attempts } from '../../../../src/admin/auth/attempts.ts'
import { HandClock } from '../support.ts'

const secondsToWait = (attempts: Attempts, source: string, user?: string): number => {
  try {
    attempts.begin(source, user).undecided()
    return 0
  } catch (error) {
    return Number((error as { headers: Record<string, string> }).headers['retry-after'])
  }
}

test('after four wrong attempts the time to wait doubles, up to half a minute for a user and a minute for a source', () => {
  const clock = new HandClock()
  const attempts = new Attempts(clock)
  const waits: number[] = []
  for (let index = 0; index < 12; index++) {
    const wait = secondsToWait(attempts, '192.0.2.1', 'ann')
    waits.push(wait)
    clock.pass(wait * 1000)
    attempts.begin('192.0.2.1', 'ann')
  }
  expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60])
  expect(secondsToWait(attempts, '192.0.2.2', 'ann')).toBe(30)
  expect(secondsToWait(attempts, '192.0.2.2', 'bob')).toBe(0)
})

test('an attempt counts from its beginning: many at once are no way around', () => {
  const attempts = new Attempts(new HandClock())
  const results = Array.from({ length: 20 }, () => {
    try {
      attempts.begin('192.0.2.1', 'ann')
      return true
    } catch {
      return false
    }
  })
  expect(results.filter(Boolean)).toHaveLength(4)
})

test('what was refused does not lengthen the wait', () => {
  const attempts = new Attempts(new HandClock())
  for (let index = 0; index < 5; index++) secondsToWait(attempts, '192.0.2.1', 'ann')
  for (let index = 0; index < 4; index++) attempts.begin('192.0.2.1', 'ann')
  for (let index = 0; index < 5; index++) expect(secondsToWait(attempts, '192.0.2.1', 'ann')).toBe(1)
})

test('success forgets what was wrong, and from where somebody has signed in a stranger cannot lock that user out', () => {
  const attempts = new Attempts(new HandClock())
  for (let index = 0; index < 3; index++) attempts.begin('192.0.2.1', 'ann')
  attempts.begin('192.0.2.1', 'Ann').succeeded()
  for (let index = 0; index < 20; index++) secondsToWait(attempts, `198.51.100.${index}`, 'ann')
  for (let index = 0; index < 4; index++) attempts.begin('198.51.100.1', 'ANN')
  expect(secondsToWait(attempts, '198.51.100.99', 'ann')).toBeGreaterThan(0)
  expect(secondsToWait(attempts, '192.0.2.1', 'ann')).toBe(0)
})

test('after a quarter of an hour without another it is forgotten', () => {
  const clock = new HandClock()
  const attempts = new Attempts(clock)
  for (let index = 0; index < 4; index++) attempts.begin('192.0.2.1', 'ann')
  clock.pass(15 * 60_000)
  attempts.begin('192.0.2.1', 'ann')
  expect(secondsToWait(attempts, '192.0.2.1', 'ann')).toBe(0)
})

test('a /64 of IPv6 is one source, and so is an IPv4 address however it is written', () => {
  const attempts = new Attempts(new HandClock())
  for (let index = 1; index <= 4; index++) attempts.begin(`2001:db8:0:7::${index}`)
  for (let index = 1; index <= 4; index++) attempts.begin('192.0.2.1')
  expect(secondsToWait(attempts, '2001:db8:0:7:ffff:1:2:3')).toBe(1)
  expect(secondsToWait(attempts, '2001:db8:0:8::1')).toBe(0)
  expect(secondsToWait(attempts, '::ffff:192.0.2.1')).toBe(1)
  expect(secondsToWait(attempts, 'fe80::1%eth0')).toBe(0)
})

test('memory is bounded: the source that was quiet for longest is forgotten', () => {
  const attempts = new Attempts(new HandClock())
  for (let index = 0; index < 4; index++) attempts.begin('192.0.2.1')
  expect(secondsToWait(attempts, '192.0.2.1')).toBe(1)
  for (let index = 0; index < 10_000; index++) attempts.begin(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)
  expect(secondsToWait(attempts, '192.0.2.1')).toBe(0)
})
