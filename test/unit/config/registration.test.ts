import { describe, expect, test } from 'vitest'
import { effectiveConfig } from '../../../src/config/effective.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { errorsOf, file, OPTIONS, warningsOf } from './support.ts'

const ROUTES = '[ { host: sbc.example.com, to: phones }, { from: phones, to: pbx } ]'
const top = (...lines: readonly string[]): string => ['name: sbc.example.com', ...lines].join('\n')
const phones = (rest: string): string => `{ kind: phones, on: web, ${rest} }`

const effective = (text: string): string => {
  const result = loadConfig(text, OPTIONS)
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 1))
  return effectiveConfig(result.document)
}

describe('mistakes about registrations', () => {
  test.each([
    ['no registrar', file({ phones: phones('registration: here') }), 'zones.phones.registration', 'registrar: {}'],
    [
      'one secret for TURN and for users',
      file({
        top: top(
          'registrar: {}',
          'authentication: { timed-secret-file: /run/secrets/one }',
          'turn: { servers: "turn:turn.example.com", secret-file: /run/secrets/one }',
        ),
        routes: ROUTES,
      }),
      'turn.secret-file',
      'another secret',
    ],
    [
      'a zone without clients',
      file({ top: top('registrar: {}'), pbx: '{ kind: trunk, on: lan, registration: here }', routes: ROUTES }),
      'zones.pbx.registration',
      'kind phones or webrtc',
    ],
    [
      'renewals that are more frequent than refreshes',
      file({ phones: phones('registration: { mode: pass, refresh: 60s, renew: 30s }') }),
      'zones.phones.registration.renew',
      'longer than "refresh"',
    ],
    [
      'a URI as a domain',
      file({ top: top('registrar: { domains: "sip:example.com" }'), routes: ROUTES }),
      'registrar.domains',
      'a host name',
    ],
    [
      'expiries that do not fit',
      file({ top: top('registrar: { least-expires: 2h }'), routes: ROUTES }),
      'registrar.expires',
      'least-expires ≤ expires ≤ most-expires',
    ],
    [
      'tokens without a key',
      file({ top: top('registrar: {}', 'authentication: { tokens: { audience: a } }'), routes: ROUTES }),
      'authentication.tokens',
      'secret-file',
    ],
    [
      'keys in the clear',
      file({ top: top('registrar: {}', 'authentication: { tokens: { audience: a, keys: "http://a.example/" } }'), routes: ROUTES }),
      'authentication.tokens.keys',
      'https://',
    ],
    [
      'keys from a host that only begins like this one',
      file({
        top: top('registrar: {}', 'authentication: { tokens: { audience: a, keys: "http://127.0.0.1.a.example/" } }'),
        routes: ROUTES,
      }),
      'authentication.tokens.keys',
      'https://',
    ],
    [
      'keys from a host behind a user name',
      file({
        top: top('registrar: {}', 'authentication: { tokens: { audience: a, keys: "http://localhost:80@a.example/" } }'),
        routes: ROUTES,
      }),
      'authentication.tokens.keys',
      'https://',
    ],
    ['a network that is none', file({ phones: phones('nat: { local: [ 10.0.0.0/33 ] }') }), 'zones.phones.nat.local[0]', '10.0.0.0/8'],
  ])('%s: told once, with place and remedy', (_what, text, path, remedy) => {
    expect(errorsOf(text)).toMatchObject([{ path, remedy: expect.stringContaining(remedy) }])
  })

  test.each([
    [
      'who registers and is called by no route',
      file({ top: top('registrar: {}'), routes: '[ { from: phones, to: pbx } ]' }),
      'zones.phones',
      '{ to: phones }',
    ],
    [
      'a registrar without clients',
      file({ top: top('registrar: {}'), phones: phones('registration: pass') }),
      'registrar',
      'remove "registrar"',
    ],
    ['credentials that nobody is asked for', file({ top: top('authentication: { failures: 5 }') }), 'authentication', 'authenticate: true'],
    [
      'clients that may register as anybody',
      file({ top: top('registrar: {}'), phones: phones('authenticate: false'), routes: ROUTES }),
      'zones.phones.authenticate',
      'authenticate: false',
    ],
    [
      'tokens for any audience',
      file({ top: top('registrar: {}', 'authentication: { tokens: { keys: "https://a.example/" } }'), routes: ROUTES }),
      'authentication.tokens',
      'audience',
    ],
  ])('%s: a warning', (_what, text, path, remedy) => {
    expect(warningsOf(text)).toMatchObject([{ path, remedy: expect.stringContaining(remedy) }])
  })

  test('a site with its own registrar has nothing to be warned of', () => {
    expect(warningsOf(file({ top: top('registrar: {}'), routes: ROUTES }))).toEqual([])
  })

  test('one origin needs no list', () => {
    const zone = (origins: string): string => file({ phones: `{ kind: webrtc, on: web, ${origins} }` })
    expect(warningsOf(zone('origins: "https://app.example.com"'))).toEqual([])
    expect(errorsOf(zone('trace: true'))).toMatchObject([{ path: 'zones.phones', message: expect.stringContaining('no "origins"') }])
    expect(errorsOf(zone('origins: { a: b }'))).toMatchObject([{ path: 'zones.phones.origins' }])
  })
})

describe('the effective configuration', () => {
  test('has what follows from a registrar of our own', () => {
    const text = effective(file({ top: top('registrar: {}'), routes: ROUTES }))
    for (const line of [
      'mode: here  # default: section registrar',
      'domains: [ sbc.example.com ]  # default: name',
      'realm: sbc.example.com  # default: name',
      'algorithms: [ MD5, SHA-256 ]',
      'nonce: 5m  # default',
      'calls: 20s  # default: kind phones',
      'keep-alive: 30s  # default: kind phones',
    ])
      expect(text).toContain(line)
  })

  test('can be loaded again', () => {
    const text = effective(file({ top: top('registrar: { domains: example.com }'), routes: ROUTES }))
    expect(text).toContain('realm: example.com  # default: registrar.domains')
    expect(loadConfig(text, OPTIONS)).toMatchObject({ ok: true, warnings: [] })
  })

  test('says nothing of credentials where nobody is asked', () => {
    expect(effective(file())).not.toContain('authentication:')
  })
})
