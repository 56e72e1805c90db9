import { expect, test } from 'vitest'
import { Failures } from '../../../src/authentication/failures.ts'
import { ipv6Network } from '../../../src/authentication/source.ts'

const LIMITS = { most: 3, withinMs: 60_000 }
const guess = (failures: Failures, address: string, user: string, times: number, now = 0) =>
  Array.from({ length: times }, () => failures.wrong(address, user, now, LIMITS))

test('an address that guesses is refused, for whatever user, until its time is over', () => {
  const failures = new Failures()
  expect(guess(failures, '192.0.2.1', 'a', 2)).toEqual([false, false])
  expect(failures.refusesSource('192.0.2.1', 10, LIMITS)).toBe(0)
  expect(guess(failures, '192.0.2.1', 'b', 1, 1000)).toEqual([true])
  expect(failures.refusesSource('192.0.2.1', 1000, LIMITS)).toBe(59_000)
  expect(failures.refusesSource('192.0.2.2', 1000, LIMITS)).toBe(0)
  expect(failures.refusesSource('192.0.2.1', 60_000, LIMITS)).toBe(0)
})

test('a user whom many addresses guess is refused from addresses that are unknown for that user', () => {
  const failures = new Failures()
  failures.right('198.51.100.1', 'alice')
  for (let i = 1; i <= 3; i++) guess(failures, `192.0.2.${i}`, 'alice', 1)
  expect(failures.refusesUser('192.0.2.9', 'alice', 1, LIMITS)).toBeGreaterThan(0)
  expect(failures.refusesUser('192.0.2.9', 'bob', 1, LIMITS)).toBe(0)
  expect(failures.refusesUser('198.51.100.1', 'alice', 1, LIMITS)).toBe(0)
})

test('where a user is known, guesses for others lock out the guesser, and those for the user count for that user there alone', () => {
  const failures = new Failures()
  failures.right('198.51.100.1', 'alice')
  guess(failures, '198.51.100.1', 'bob', 3)
  expect(failures.refusesSource('198.51.100.1', 1, LIMITS)).toBe(0)
  expect(failures.refusesUser('198.51.100.1', 'bob', 1, LIMITS)).toBeGreaterThan(0)
  expect(failures.refusesUser('198.51.100.1', 'alice', 1, LIMITS)).toBe(0)
  expect(guess(failures, '198.51.100.1', 'alice', 3)).toEqual([false, false, true])
  expect(failures.refusesUser('198.51.100.1', 'alice', 1, LIMITS)).toBeGreaterThan(0)
  expect(failures.refusesUser('192.0.2.9', 'alice', 1, LIMITS)).toBe(0)
})

test('a whole /64 of IPv6 is one address', () => {
  const failures = new Failures()
  for (let i = 1; i <= 3; i++) guess(failures, `2001:db8:0:1::${i}`, `u${i}`, 1)
  expect(failures.refusesSource('2001:db8:0:1:ffff::1', 1, LIMITS)).toBeGreaterThan(0)
  expect(failures.refusesSource('2001:db8:0:2::1', 1, LIMITS)).toBe(0)
})

test('a flood from everywhere grows nothing', () => {
  const failures = new Failures()
  for (let i = 0; i < 100_000; i++) failures.wrong(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, `user${i}`, 0, LIMITS)
  expect(failures.size).toBeLessThanOrEqual(40_000)
  for (let i = 0; i < 5000; i++) failures.right('10.0.0.1', `user${i}`)
})

test('of a name that nobody can have only its beginning is remembered', () => {
  const failures = new Failures()
  const name = 'x'.repeat(128)
  for (let i = 1; i <= LIMITS.most; i++) failures.wrong(`192.0.2.${i}`, name + 'y'.repeat(i * 1000), 0, LIMITS)
  expect(failures.refusesUser('198.51.100.1', `${name}z`, 0, LIMITS)).toBe(LIMITS.withinMs)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0000:0000:1:2:3:4', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(ipv6Network(address)).toBe(network)
})
