import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sameText, shortName } from '../../../src/base/keyed-hash.ts'

test('texts are the same when each character is', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => sameText(a, b) === (a === b) && sameText(a, a)))
  expect(sameText('', '')).toBe(true)
  expect(sameText('abc', 'abd')).toBe(false)
  expect(sameText('abc', 'abcd')).toBe(false)
})

test('a short name is four characters of base64url', () => {
  fc.assert(fc.property(fc.string(), (text) => /^[A-Za-z0-9_-]{4}$/.test(shortName(text))))
  const many = new Set(Array.from({ length: 2000 }, (_, i) => shortName(`l lan/udp#${i}`)))
  expect(many.size).toBeGreaterThan(1990)
})
