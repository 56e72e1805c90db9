import { expect, test } from 'vitest'
import { judgeClaims } from '../../../src/authentication/claims.ts'

const RULES = { issuer: 'https://login.example.com', audience: 'sbc', userClaim: 'sub' }
const NOW = 1_800_000_000_000
const GOOD = { iss: 'https://login.example.com', aud: ['other', 'sbc'], exp: NOW / 1000 + 60, sub: 'alice' }
const judge = (changes: object) => judgeClaims({ ...GOOD, ...changes }, RULES, NOW)

test('RFC 7519 §4.1: a token of that issuer for us, in its time, names its user', () => {
  expect(judge({})).toEqual({ kind: 'good', user: 'alice', domain: undefined, until: NOW + 90_000 })
  expect(judge({ sub: 'sip:alice@EXAMPLE.com' })).toMatchObject({ kind: 'good', user: 'alice', domain: 'example.com' })
  expect(judge({ aud: 'sbc', nbf: NOW / 1000 + 20 }).kind).toBe('good')
  expect(judge({ exp: NOW / 1000 - 20 }).kind).toBe('good')
})

test.each([
  ['another issuer', { iss: 'https://login.example.net' }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'other' }],
  ['no audience', { aud: undefined }],
  ['no end', { exp: undefined }],
  ['an end that is no number', { exp: '9999999999' }],
  ['an end that is past', { exp: NOW / 1000 - 31 }],
  ['a beginning that is to come', { nbf: NOW / 1000 + 31 }],
  ['a beginning that is no number', { nbf: 'now' }],
  ['no user', { sub: undefined }],
  ['an empty user', { sub: '' }],
  ['a user that is no text', { sub: ['alice'] }],
  ['a user that takes an address apart', { sub: 'alice@a@b' }],
  ['a user with a parameter', { sub: 'alice;x=y' }],
  ['a user with a line break', { sub: 'alice\r\nX: y' }],
  ['a user without a domain behind the sign', { sub: 'alice@' }],
  ['a user that is too long', { sub: 'a'.repeat(129) }],
])('RFC 7519 §4.1: %s is refused', (_what, changes) => {
  expect(judge(changes).kind).toBe('bad')
})

test('another claim may name the user; without rules issuer and audience are free', () => {
  const rules = { issuer: undefined, audience: undefined, userClaim: 'phone' }
  expect(judgeClaims({ exp: NOW, phone: '+4930123' }, rules, NOW)).toMatchObject({ kind: 'good', user: '+4930123' })
})
