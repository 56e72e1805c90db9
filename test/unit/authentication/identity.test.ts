import { expect, test } from 'vitest'
import { nameUntil, timedName, timedPassword } from '../../../src/authentication/timed.ts'
import { wireUser } from '../../../src/sip/uri.ts'

test('a user beyond ASCII is the same as bytes, as escapes and as text', () => {
  const bytes = Buffer.from('jörg', 'utf8').toString('latin1')
  for (const written of [bytes, 'j%C3%B6rg', 'j%c3%b6rg']) expect(wireUser(written)).toBe('jörg')
  expect(wireUser('plain%41')).toBe('plain%41')
  expect(wireUser(undefined)).toBeUndefined()
})

test('a time-limited name is its end and the user; the password is what coturn computes', () => {
  expect(timedName('1893456000:alice:x')).toEqual({ user: 'alice:x', until: 1_893_456_000_000 })
  for (const other of ['alice', ':alice', '123:', 'x1:alice', '123456789012:alice']) expect(timedName(other)).toBeUndefined()
  expect(nameUntil('alice', 1_893_456_000_999)).toBe('1893456000:alice')
  // echo -n 1893456000:alice | openssl dgst -binary -sha1 -hmac secret | base64
  expect(timedPassword(Buffer.from('secret'), '1893456000:alice')).toBe('E3G2utlW3l1EnkwVS1tn63cpidQ=')
})
