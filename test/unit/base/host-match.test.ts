import { expect, test } from 'vitest'
import { covers, isLiteral, wildcardOf } from '../../../src/base/host-match.ts'

test.each([
  ['sbc.example.com', 'sbc.example.com', true],
  ['*.example.com', 'sbc.example.com', true],
  ['*.example.com', '*.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.b.example.com', false],
  ['*.example.com', '.example.com', false],
  ['*.example.com', 'xexample.com', false],
  ['*.0.2.1', '192.0.2.1', false],
  ['sbc.example.com', '*.example.com', false],
  ['::1', '::1', true],
])('RFC 9525 §6.3: does %s cover %s? %s', (name, host, answer) => {
  expect(covers(name, host)).toBe(answer)
})

test.each(['192.0.2.1', '::1', '[2001:db8::1]', '10.1', '0x7f.1', 'host.0x1f'])('%s is a literal, which no wildcard stands for', (text) => {
  expect(isLiteral(text)).toBe(true)
  expect(wildcardOf(text)).toBeUndefined()
})

test.each([
  ['sbc.example.com', '*.example.com'],
  ['localhost', undefined],
  ['*.example.com', undefined],
])('the wildcard for %s is %s', (host, wildcard) => {
  expect(wildcardOf(host)).toBe(wildcard)
})
