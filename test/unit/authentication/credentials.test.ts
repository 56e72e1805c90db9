import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCredentials } from '../../../src/authentication/credentials.ts'

const MINIMAL = 'username="a", realm="r", nonce="n", uri="sip:r", response="ABCDEF"'

test.each([
  ['as it should be', `Digest ${MINIMAL}`],
  ['the scheme in any case', `dIGEST ${MINIMAL}`],
  ['names in any case', 'Digest UserName="a",REALM="r",Nonce="n",URI="sip:r",Response="ABCDEF"'],
  ['white space around everything', 'Digest \t username = "a" ,\trealm= "r" , nonce ="n",uri="sip:r"  ,response="ABCDEF"  '],
  ['empty elements', `Digest ,, ${MINIMAL} ,,`],
  ['values without quotes', 'Digest username=a, realm=r, nonce=n, uri=sip:r, response=ABCDEF'],
  ['fields that nobody knows', `Digest x-1="a,b=c", ${MINIMAL}, auth_param=7`],
])('reads %s', (_what, text) => {
  expect(parseCredentials(text)).toEqual({
    ...{ scheme: 'digest', username: 'a', realm: 'r', nonce: 'n', uri: 'sip:r', response: 'abcdef', algorithm: 'MD5' },
    ...{ cnonce: undefined, qop: undefined, nc: undefined, userhash: false },
  })
})

test('quoted pairs are undone, commas and equal signs in quotes are text', () => {
  const shown = parseCredentials(String.raw`Digest username="a\"b\\c, realm=\"x", realm="r,=", nonce="n", uri="sip:r", response="0"`)
  expect(shown).toMatchObject({ username: String.raw`a"b\c, realm="x`, realm: 'r,=' })
})

test('what phones quote that is a token, and in any case', () => {
  expect(parseCredentials(`Digest ${MINIMAL}, algorithm="sha-256", qop="AUTH", nc="0000000a", cnonce=x, userhash=TRUE`)).toMatchObject({
    algorithm: 'SHA-256',
    qop: 'auth',
    nc: '0000000a',
    cnonce: 'x',
    userhash: true,
  })
})

test.each([
  ['a name twice: which counts?', `Digest ${MINIMAL}, username="b"`],
  ['the same in another case', `Digest ${MINIMAL}, REALM="b"`],
  ['an open quote', `Digest ${MINIMAL}, cnonce="x`],
  ['a quote that is escaped away', String.raw`Digest ${MINIMAL}, cnonce="x\"`],
  ['no comma between', 'Digest username="a" realm="r", nonce="n", uri="sip:r", response="0"'],
  ['text behind a quote', `Digest ${MINIMAL}, qop="auth"x`],
  ['no equal sign', `Digest ${MINIMAL}, qop`],
  ['no name', `Digest ${MINIMAL}, ="x"`],
  ['a field missing', 'Digest username="a", realm="r", nonce="n", uri="sip:r"'],
  ['nothing', 'Digest'],
  ['a token with white space', 'Bearer a b'],
  ['no token', 'Bearer '],
  ['username* that is not UTF-8', `Digest username*=iso-8859-1''a, realm="r", nonce="n", uri="sip:r", response="0"`],
  ['more than anybody needs', `Digest ${MINIMAL}, x="${'y'.repeat(9000)}"`],
])('is malformed: %s', (_what, text) => {
  expect(parseCredentials(text).scheme).toBe('malformed')
})

test('other schemes are somebody else’s', () => {
  for (const text of ['Basic YTpi', 'NTLM abc', 'Digests a="b"', '', ' ']) expect(parseCredentials(text).scheme).toBe('other')
  expect(parseCredentials('bEARER  abc.def-_~+/==')).toEqual({ scheme: 'bearer', token: 'abc.def-_~+/==' })
})

test('whatever is sent, nothing is thrown, and it takes no time', () => {
  const piece = fc.constantFrom('Digest ', 'username', '=', '"', '\\', ',', ' ', '\t', 'realm="r"', 'ä', '\0', 'a')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      expect(['digest', 'bearer', 'other', 'malformed']).toContain(parseCredentials(`Digest ${pieces.join('')}`).scheme)
    }),
  )
  const began = performance.now()
  for (const one of [' ', '"', '\\"', 'a=,', 'a="b",', '\t,']) parseCredentials(`Digest ${one.repeat(8000 / one.length)}`)
  expect(performance.now() - began).toBeLessThan(500)
})

test('what is written by the book is read back, whatever the words are', () => {
  const word = fc.string({ unit: fc.constantFrom(...'ab "\\,=;ÿ\t<>'.split('')), maxLength: 12 })
  const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
  fc.assert(
    fc.property(word, word, word, (username, realm, cnonce) => {
      const text = `Digest username=${quoted(username)}, cnonce=${quoted(cnonce)},realm=${quoted(realm)}, nonce="n", uri="u", response="0"`
      expect(parseCredentials(text)).toMatchObject({ username, realm, cnonce })
    }),
  )
})

test('white space without end costs no more than its length', () => {
  const before = performance.now()
  for (let i = 0; i < 50; i++) expect(parseCredentials(`Bearer a${' '.repeat(8000)}b`).scheme).toBe('malformed')
  // A pattern that begins anew at each of them took 60 ms for one
  expect(performance.now() - before).toBeLessThan(1000)
})
