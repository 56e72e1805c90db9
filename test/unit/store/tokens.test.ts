import { createHmac, createPublicKey, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../../src/observability/log.ts'
import { KeySet } from '../../../src/store/key-set.ts'
import { createTokenJudge, type TokenSettings } from '../../../src/store/tokens.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-tokens-'))
afterAll(() => rmSync(folder, { recursive: true }))

const NOW = 1_800_000_000_000
const SECRET = randomBytes(40).toString('base64')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const secretFile = file('secret', `${SECRET}\n`)
const NOTHING: TokenSettings = {
  ...{ secretFile: undefined, keyFile: undefined, keysUrl: undefined, issuer: undefined, audience: undefined, userClaim: 'sub' },
}

// Tokens made by hand (RFC 7515 §3.1), not by the library that judges them
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const CLAIMS = { sub: 'alice', exp: NOW / 1000 + 60 }
const unsigned = (header: object, claims: object = CLAIMS) => `${encoded({ typ: 'JWT', ...header })}.${encoded(claims)}`
const hs256 = (secret: string | Buffer, claims?: object, header: object = { alg: 'HS256' }) => {
  const text = unsigned(header, claims)
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}
const signed = (alg: 'RS256' | 'ES256', key: KeyObject, more: object = {}, claims?: object) => {
  const text = unsigned({ alg, ...more }, claims)
  return `${text}.${createSign('sha256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' }, 'base64url')}`
}

const judge = (settings: Partial<TokenSettings>, keys?: KeySet) => createTokenJudge({ ...NOTHING, ...settings }, keys, () => NOW)
const kindOf = async (settings: Partial<TokenSettings>, token: string, keys?: KeySet) => (await judge(settings, keys).judge(token)).kind

describe('RFC 7515: signatures', () => {
  test('of a secret, an RSA key and an EC key', async () => {
    expect(await judge({ secretFile }).judge(hs256(SECRET))).toMatchObject({ kind: 'good', user: 'alice' })
    expect(await kindOf({ keyFile: file('rsa.pem', pem(rsa.publicKey)) }, signed('RS256', rsa.privateKey))).toBe('good')
    expect(await kindOf({ keyFile: file('ec.pem', pem(ec.publicKey)) }, signed('ES256', ec.privateKey))).toBe('good')
  })

  test('of others are worth nothing, nor are changed words', async () => {
    expect(await kindOf({ secretFile }, hs256('another secret'))).toBe('bad')
    expect(await kindOf({ keyFile: file('rsa.pem', pem(rsa.publicKey)) }, signed('RS256', other.privateKey))).toBe('bad')
    const [header, , signature] = hs256(SECRET).split('.')
    expect(await kindOf({ secretFile }, `${header}.${encoded({ ...CLAIMS, sub: 'boss' })}.${signature}`)).toBe('bad')
  })

  test('RFC 8725 §3.1: the key decides the algorithm, never the token', async () => {
    const keyFile = file('rsa.pem', pem(rsa.publicKey))
    // The public key as the secret: what a verifier that listens to the header takes
    for (const secret of [pem(rsa.publicKey), pem(rsa.publicKey).trim(), rsa.publicKey.export({ type: 'spki', format: 'der' })])
      expect(await kindOf({ keyFile }, hs256(secret))).toBe('bad')
    expect(await kindOf({ keyFile, secretFile }, hs256(pem(rsa.publicKey)))).toBe('bad')
    expect(await kindOf({ keyFile }, signed('ES256', ec.privateKey))).toBe('bad')
    expect(await kindOf({ secretFile }, signed('RS256', rsa.privateKey))).toBe('bad')
    for (const alg of ['none', 'None', 'HS512', 'RS512', '']) {
      expect(await kindOf({ secretFile, keyFile }, `${unsigned({ alg })}.`), alg).toBe('bad')
      expect(await kindOf({ secretFile, keyFile }, hs256(SECRET, CLAIMS, { alg })), alg).toBe('bad')
    }
    expect(await kindOf({ secretFile }, hs256(SECRET, CLAIMS, { alg: 'HS256', crit: ['b64'], b64: false })), 'RFC 7515 §4.1.11').toBe('bad')
    const inside = { alg: 'RS256', jwk: other.publicKey.export({ format: 'jwk' }) }
    expect(await kindOf({ keyFile }, signed('RS256', other.privateKey, inside)), 'a key inside the token').toBe('bad')
  })

  test('what is no token is told so, and nothing throws', async () => {
    for (const token of [
      '',
      '.',
      '..',
      'a.b.c',
      `${encoded({ alg: 'HS256' })}.e30`,
      `${encoded(null)}.e30.x`,
      `${encoded([])}.e30.x`,
      hs256(SECRET, []),
    ])
      expect(await kindOf({ secretFile }, token), token).toBe('bad')
  })
})

test('claims are judged behind the signature; a good token is judged once, until its end', async () => {
  let now = NOW
  const ours = createTokenJudge({ ...NOTHING, secretFile, audience: 'sbc' }, undefined, () => now)
  expect((await ours.judge(hs256(SECRET))).kind).toBe('bad')
  const token = hs256(SECRET, { ...CLAIMS, aud: 'sbc' })
  expect((await ours.judge(token)).kind).toBe('good')
  expect(ours.judge(token), 'no promise').toMatchObject({ kind: 'good' })
  expect([ours.remembers(token), ours.remembers(hs256(SECRET))]).toEqual([true, false])
  now += 91_000
  expect(ours.remembers(token)).toBe(false)
  expect((await ours.judge(token)).kind).toBe('bad')
})

test('RFC 8898 §4: an issuer by HTTPS is told in the challenge', () => {
  expect(judge({ secretFile, issuer: 'https://login.example.com' }).server).toBe('https://login.example.com')
  expect(judge({ secretFile, issuer: 'the application' }).server).toBeUndefined()
})

test.each([
  ['a secret that is short', { secretFile: file('short', 'x'.repeat(31)) }],
  ['a file that is not there', { secretFile: join(folder, 'nothing') }],
  ['no key', { keyFile: file('no.pem', 'no key') }],
  ['a short RSA key', { keyFile: file('small.pem', pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)) }],
  ['a key of another curve', { keyFile: file('p384.pem', pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey)) }],
  ['a key of another kind', { keyFile: file('ed.pem', pem(generateKeyPairSync('ed25519').publicKey)) }],
])('%s is the operator’s mistake', (_what, settings) => {
  expect(() => judge(settings)).toThrow(expect.objectContaining({ code: 'SBC_AUTHENTICATION_KEY' }))
})

describe('RFC 7517: key sets by HTTPS', () => {
  let fetched: number
  let now: number
  let warnings: string[]
  let answer: () => Response | Promise<Response>
  beforeEach(() => {
    fetched = 0
    now = 1_000_000
    warnings = []
  })
  const jwk = (key: KeyObject, more: object = {}) => ({ ...createPublicKey(pem(key)).export({ format: 'jwk' }), ...more })
  const set = (...keys: readonly object[]) => new Response(JSON.stringify({ keys }))
  const log = { enabled: () => true, warn: (_fields: object, text: string) => warnings.push(text) } as unknown as Log
  const keySet = () =>
    new KeySet({
      ...{ url: 'https://login.example.com/keys', log, clock: { now: () => now, wall: () => NOW } },
      fetch: async () => {
        fetched++
        return answer()
      },
    })
  const verdict = (keys: KeySet, token: string) => kindOf({ keysUrl: keys.url }, token, keys)

  test('the key is found by its name, for what it can do', async () => {
    answer = () => set(jwk(rsa.publicKey, { kid: 'a' }), jwk(ec.publicKey, { kid: 'b', use: 'sig', alg: 'ES256' }))
    const keys = keySet()
    expect(await verdict(keys, signed('RS256', rsa.privateKey, { kid: 'a' }))).toBe('good')
    expect(await verdict(keys, signed('ES256', ec.privateKey, { kid: 'b' }))).toBe('good')
    expect(await verdict(keys, signed('ES256', ec.privateKey))).toBe('good')
    expect(await verdict(keys, signed('RS256', rsa.privateKey, { kid: 'b' }))).toBe('bad')
    expect(await verdict(keys, signed('RS256', other.privateKey, { kid: 'a' }))).toBe('bad')
    expect(fetched).toBe(1)
  })

  test('a secret in the set, keys to encrypt and private keys are no keys', async () => {
    const secret = Buffer.from(SECRET).toString('base64url')
    answer = () =>
      set(
        { kty: 'oct', k: secret, kid: 'o' },
        jwk(rsa.publicKey, { kid: 'e', use: 'enc' }),
        { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'p' },
        jwk(ec.publicKey),
      )
    const keys = keySet()
    expect(await verdict(keys, hs256(SECRET, CLAIMS, { alg: 'HS256', kid: 'o' }))).toBe('bad')
    for (const kid of ['e', 'p']) expect(await verdict(keys, signed('RS256', rsa.privateKey, { kid }))).toBe('bad')
  })

  test('tokens with made-up keys fetch nothing for half a minute; a new key is found after that', async () => {
    answer = () => set(jwk(rsa.publicKey, { kid: 'old' }))
    const keys = keySet()
    expect(await verdict(keys, signed('RS256', rsa.privateKey, { kid: 'old' }))).toBe('good')
    answer = () => set(jwk(rsa.publicKey, { kid: 'old' }), jwk(other.publicKey, { kid: 'new' }))
    for (let i = 0; i < 20; i++) expect(await verdict(keys, signed('RS256', other.privateKey, { kid: `made-up-${i}` }))).toBe('bad')
    expect(fetched).toBe(1)
    now += 30_000
    expect(await verdict(keys, signed('RS256', other.privateKey, { kid: 'new' }))).toBe('good')
    expect(fetched).toBe(2)
  })

  test('many who wait, wait for one answer', async () => {
    answer = () => new Promise((resolve) => setImmediate(() => resolve(set(jwk(rsa.publicKey)))))
    const keys = keySet()
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, i) => verdict(keys, signed('RS256', rsa.privateKey, {}, { ...CLAIMS, jti: i }))),
    )
    expect(new Set(verdicts)).toEqual(new Set(['good']))
    expect(fetched).toBe(1)
  })

  test.each<[string, () => Response]>([
    ['an error', () => new Response('no', { status: 500 })],
    ['no JSON', () => new Response('<html>')],
    ['no key set', () => new Response('[]')],
    ['nothing usable', () => set({ kty: 'oct', k: 'AAAA' })],
    ['more than anybody needs', () => new Response('x'.repeat(300_000))],
    [
      'no connection',
      () => {
        throw new TypeError('fetch failed')
      },
    ],
  ])('%s: nobody can be judged, which is no fault of theirs; keys from before go on', async (_what, failure) => {
    answer = failure
    const empty = keySet()
    expect(await verdict(empty, signed('RS256', rsa.privateKey))).toBe('unsure')
    expect(warnings).toEqual(['The keys of tokens cannot be fetched'])
    answer = () => set(jwk(rsa.publicKey))
    const keys = keySet()
    expect(await verdict(keys, signed('RS256', rsa.privateKey))).toBe('good')
    answer = failure
    now += 11 * 60_000
    expect(await verdict(keys, signed('RS256', rsa.privateKey, {}, { ...CLAIMS, jti: 1 }))).toBe('good')
    await keys.refresh()
    expect(warnings.at(-1)).toBe('The keys of tokens cannot be fetched; those from before go on')
    now += 25 * 3_600_000
    expect(await verdict(keys, signed('RS256', rsa.privateKey, {}, { ...CLAIMS, jti: 2 }))).toBe('unsure')
  })
})
