import { expect, test } from 'vitest'
import { matchingStep, newTotpSecret, otpauthUri, totpCode, totpStep } from '../../../../src/admin/auth/totp.ts'

/** `12345678901234567890`, the secret of the RFCs' examples. */
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

test('RFC 4226 appendix D: the codes of the first ten steps', () => {
  const codes = Array.from({ length: 10 }, (_each, step) => totpCode(SECRET, step))
  expect(codes).toEqual([...['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489']])
})

test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
])('RFC 6238 appendix B: at %i seconds the last six digits are %s', (seconds, code) => {
  expect(totpCode(SECRET, totpStep(seconds * 1000))).toBe(code)
})

test('RFC 6238 §5.2: a code of the step before or after is taken, none further away', () => {
  const now = 1_234_567_890_000
  const step = totpStep(now)
  const taken = [-2, -1, 0, 1, 2].map((away) => matchingStep(SECRET, totpCode(SECRET, step + away), now, -1))
  expect(taken).toEqual([undefined, step - 1, step, step + 1, undefined])
})

test('RFC 6238 §5.2: a code is good once, and none before it is good any more', () => {
  const now = 1_234_567_890_000
  const step = totpStep(now)
  expect(matchingStep(SECRET, totpCode(SECRET, step), now, step)).toBeUndefined()
  expect(matchingStep(SECRET, totpCode(SECRET, step - 1), now, step)).toBeUndefined()
  expect(matchingStep(SECRET, totpCode(SECRET, step + 1), now, step)).toBe(step + 1)
})

test('codes may have spaces; anything else is none', () => {
  const now = 59_000
  expect(matchingStep(SECRET, ' 287 082 ', now, -1)).toBe(1)
  for (const code of ['', '28708', '2870820', '28708x', '２８７０８２', '-87082'])
    expect(matchingStep(SECRET, code, now, -1)).toBeUndefined()
})

test('a secret has 160 bits in base32, and the URI has all that an app needs', () => {
  const secret = newTotpSecret()
  expect(secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(newTotpSecret()).not.toBe(secret)
  expect(otpauthUri(SECRET, 'ann@example.com', 'Edgeways')).toBe(
    `otpauth://totp/Edgeways:ann%40example.com?secret=${SECRET}&issuer=Edgeways&algorithm=SHA1&digits=6&period=30`,
  )
})
