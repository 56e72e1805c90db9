import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { Accounts } from '../../../src/admin/auth/accounts.ts'
import { passwordFault } from '../../../src/admin/auth/passwords.ts'
import { matchingStep } from '../../../src/admin/auth/totp.ts'
import { type Log, SILENT_LOG } from '../../../src/observability/log.ts'
import { accountsWith, HandClock, newFolder, serverWith, signIn, TOKEN } from './support.ts'

/** Values that have hurt others, and anything else. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '__proto__',
    'constructor',
    'toString',
    '../..',
    '..%2f..',
    '\u0000',
    '%00',
    'admin',
    'viewer',
    '💥',
    '\ud800',
    'a'.repeat(5000),
  ),
  fc.string({ unit: 'binary' }),
)
const json = fc.jsonValue({ maxDepth: 3 })
const body = fc.oneof(
  json,
  fc.record(
    {
      user: fc.oneof(text, json),
      name: fc.oneof(text, json),
      password: fc.oneof(text, json),
      totp: fc.oneof(text, json),
      token: fc.oneof(text, json),
      role: fc.oneof(fc.constantFrom('viewer', 'operator', 'admin', 'root'), json),
      days: fc.oneof(fc.integer(), json),
    },
    { requiredKeys: [] },
  ),
)
const NAMED = ['/api/users/', '/api/tokens/', '/api/media/nodes/']
const PATHS = [
  ...['/api/login', '/api/setup', '/api/logout', '/api/session', '/api/password', '/api/totp', '/api/totp/confirm', '/api/totp/remove'],
  ...['/api/users', '/api/tokens', '/api/audit', '/api/state', '/api/calls', '/api/reload', '/api/log-level', '/api/openapi.json', '/'],
]
const url = fc.oneof(
  fc.constantFrom(...PATHS),
  fc.tuple(fc.constantFrom(...NAMED), text).map(([start, name]) => start + encodeURIComponent(name.toWellFormed())),
  fc
    .tuple(fc.constantFrom('/api/audit?', '/api/calls?', '/api/state?'), fc.constantFrom('limit', 'before', 'who', 'x'), text)
    .map(([start, key, value]) => `${start}${key}=${encodeURIComponent(value.toWellFormed())}`),
  fc.webPath().map((path) => `/${path.replace(/^\/+/, '')}`),
)
/** What a header may hold at all; the parser of Node refuses the rest before us. */
const header = fc.string({ unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)) })

test('whatever is sent, every answer is one of ours: nothing breaks, and refusals have their form', async () => {
  const broken: unknown[] = []
  const log: Log = { ...SILENT_LOG, error: (fields) => void broken.push(fields) }
  const clock = new HandClock()
  const accounts = await accountsWith(['viewer', 'admin'], clock, newFolder(), log)
  const server = serverWith({ accounts, clock, log, address: '192.0.2.1', pages: newFolder() })
  const sessions = [await signIn(server, 'viewer'), await signIn(server, 'admin')]
  const credentials = fc.oneof(
    fc.constantFrom<Record<string, string>>(
      {},
      { authorization: `Bearer ${TOKEN}` },
      ...sessions.map(({ cookie, csrf }) => ({ cookie, 'x-csrf-token': csrf })),
    ),
    fc.record(
      {
        authorization: fc.oneof(
          header,
          header.map((token) => `Bearer ${token}`),
        ),
        cookie: fc.oneof(
          header,
          header.map((id) => `__Host-edgeways=${id}`),
        ),
        'x-csrf-token': header,
        origin: fc.oneof(header, fc.constant('https://sbc.example.com')),
        host: fc.oneof(header, fc.constant('sbc.example.com')),
        'x-forwarded-for': header,
      },
      { requiredKeys: [] },
    ),
  )
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
  await fc.assert(
    fc.asyncProperty(method, url, credentials, body, async (verb, path, headers, payload) => {
      clock.pass(20_000)
      const request: InjectOptions = { method: verb as 'GET', url: path, headers: { 'content-type': 'application/json', ...headers } }
      const withBody = verb === 'GET' || verb === 'HEAD' ? request : { ...request, payload: JSON.stringify(payload) }
      const answer = await server.app.inject(withBody)
      expect(answer.statusCode).not.toBe(500)
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      if (answer.statusCode >= 400 && verb !== 'HEAD' && !String(answer.headers['content-type']).startsWith('text/html'))
        expect(answer.json()).toEqual({ code: expect.stringMatching(/^[a-z][a-z_-]+$/), message: expect.any(String) })
    }),
    { numRuns: 1500 },
  )
  expect(broken).toEqual([])
  expect(({} as Record<string, unknown>).role).toBeUndefined()
  // And what it has written can be read again
  const again = await Accounts.open({ folder: accounts.folder, clock, log })
  expect(again.users.list().map(({ name }) => name)).toEqual(expect.arrayContaining(['admin']))
  await again.close()
}, 60_000)

test('passwords and codes of any kind are judged, never thrown over', () => {
  fc.assert(
    fc.property(text, text, (password, user) => {
      expect(['string', 'undefined']).toContain(typeof passwordFault(password, user))
      expect(matchingStep('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', password, 59_000, 1)).toBeUndefined()
    }),
  )
})
