import { expect, test } from 'vitest'
import { Passwords, passwordFault } from '../../../../src/admin/auth/passwords.ts'

test.each([
  ['short', 'at least 12 characters, and this one has 5'],
  ['elevenchars', 'has 11'],
  ['x'.repeat(257), 'at most 256'],
  ['aaaaaaaaaaaaaaaa', 'different characters'],
  ['abababababababab', 'different characters'],
  ['annabelle-2026', 'user name'],
  ['ANNABELLE annabelle', 'user name'],
  ['123456789012', 'row'],
  ['901234567890', 'row'],
  ['abcdefghijklmnop', 'row'],
  ['ponmlkjihgfedcba', 'row'],
  ['password12345', '"password"'],
  ['PassWord-PassWord', '"password"'],
  ['changeme!!!!!!1', '"changeme"'],
])('%s is no password: %s', (password, why) => {
  expect(passwordFault(password, 'annabelle')).toContain(why)
})

test.each([
  ['four words of mine'],
  ['correct horse battery staple'],
  ['!"§$%&/()=?+#'],
  ['пароль для двери'],
  ['annabelle likes green apples'],
  ['😀😃😄😁😆😅🤣😂🙂🙃😉😊'],
])('%s will do', (password) => {
  expect(passwordFault(password, 'annabelle')).toBeUndefined()
})

test('a hash says how it was made, has salt, and knows its password alone', async () => {
  const passwords = new Passwords(4)
  const kept = await passwords.hash('four words of mine')
  expect(kept).toMatch(/^scrypt\$4\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
  expect(await passwords.hash('four words of mine')).not.toBe(kept)
  expect(await passwords.matches('four words of mine', kept)).toBe(true)
  expect(await passwords.matches('four words of mind', kept)).toBe(false)
  // Of another cost, such as one from before
  expect(await new Passwords(5).matches('four words of mine', kept)).toBe(true)
})

test('the usual cost is N = 2^15', async () => {
  expect(await new Passwords().hash('four words of mine')).toMatch(/^scrypt\$15\$8\$1\$/)
})

test('RFC 8265 §4.2: it does not matter how a keyboard composes a letter', async () => {
  const passwords = new Passwords(4)
  const kept = await passwords.hash('Grüße an alle da')
  expect(await passwords.matches('Grüße an alle da'.normalize('NFD'), kept)).toBe(true)
})

test('nobody has a password, and what is no hash has none', async () => {
  const passwords = new Passwords(4)
  for (const kept of [undefined, '', 'plain', 'scrypt$4$8$1$x$y', 'scrypt$99$8$1$']) expect(await passwords.matches('', kept)).toBe(false)
})

test('two are hashed at a time, 32 wait, and more are sent away', async () => {
  const passwords = new Passwords(10)
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => passwords.hash('four words of mine')))
  const refused = all.filter((one) => one.status === 'rejected').map(({ reason }) => reason)
  expect(refused).toHaveLength(50 - 2 - 32)
  expect(refused[0]).toMatchObject({ status: 503, code: 'busy' })
  expect(await passwords.matches('four words of mine', await passwords.hash('four words of mine'))).toBe(true)
})
