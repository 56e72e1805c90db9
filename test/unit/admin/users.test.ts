import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { totpCode, totpStep } from '../../../src/admin/auth/totp.ts'
import { accountsWith, browserOf, HandClock, login, newFolder, PASSWORD, serverWith, signIn, TOKEN } from './support.ts'

const DAY = 86_400_000

const place = async (folder = newFolder()) => {
  const clock = new HandClock()
  const accounts = await accountsWith(['viewer', 'admin'], clock, folder)
  const server = serverWith({ accounts, clock, address: '192.0.2.1' })
  const withToken = (token: string, url = '/api/state') => server.app.inject({ url, headers: { authorization: `Bearer ${token}` } })
  return { clock, accounts, server, folder, admin: await signIn(server, 'admin'), withToken }
}

test('an admin adds users, who can sign in with their role', async () => {
  const { server, admin } = await place()
  const made = await admin.send('POST', '/api/users', { name: 'bob', role: 'operator', password: PASSWORD })
  expect([made.statusCode, made.json()]).toEqual([
    201,
    {
      name: 'bob',
      role: 'operator',
      totp: false,
      createdAt: '2026-01-01T00:00:00.000Z',
      passwordChangedAt: '2026-01-01T00:00:00.000Z',
      sessions: 0,
    },
  ])
  expect((await login(server, 'bob')).json().role).toBe('operator')
  const { users } = (await admin.send('GET', '/api/users')).json()
  expect(users.map(({ name, sessions }: { name: string; sessions: number }) => [name, sessions])).toEqual([
    ['viewer', 0],
    ['admin', 1],
    ['bob', 1],
  ])
})

test.each([
  [{ name: 'VIEWER', role: 'viewer', password: PASSWORD }, 409, 'exists'],
  [{ name: 'bob', role: 'viewer', password: 'short' }, 422, 'weak-password'],
  [{ name: 'local', role: 'viewer', password: PASSWORD }, 422, 'invalid'],
  [{ name: 'bob', role: 'root', password: PASSWORD }, 400, 'invalid'],
  [{ name: 'b b', role: 'viewer', password: PASSWORD }, 400, 'invalid'],
  [{ name: 'bob', role: 'viewer', password: PASSWORD, totp: {} }, 400, 'invalid'],
  [{ name: 'bob', role: 'viewer', password: `${PASSWORD}${'x'.repeat(2000)}` }, 400, 'invalid'],
])('%j is no user: %i %s', async (payload, status, code) => {
  const { admin, accounts } = await place()
  const answer = await admin.send('POST', '/api/users', payload)
  expect([answer.statusCode, answer.json().code]).toEqual([status, code])
  expect(accounts.users.list()).toHaveLength(2)
})

test('a role counts at once, also for who is signed in', async () => {
  const { server, admin } = await place()
  const viewer = await signIn(server, 'viewer')
  expect((await viewer.send('POST', '/api/reload')).statusCode).toBe(403)
  expect((await admin.send('PATCH', '/api/users/viewer', { role: 'operator' })).json().role).toBe('operator')
  expect((await viewer.send('POST', '/api/reload')).statusCode).toBe(200)
})

test('whom an admin gives a new password is signed out', async () => {
  const { server, admin } = await place()
  const viewer = await signIn(server, 'viewer')
  expect((await admin.send('PATCH', '/api/users/Viewer', { password: 'another four words of mine' })).statusCode).toBe(200)
  expect((await viewer.send('GET', '/api/state')).statusCode).toBe(401)
  expect((await login(server, 'viewer', 'another four words of mine')).statusCode).toBe(200)
})

test('an admin helps who has lost the second factor', async () => {
  const { server, admin, accounts, clock } = await place()
  await accounts.users.setTotp('viewer', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 0)
  expect((await login(server, 'viewer')).json().code).toBe('totp-needed')
  expect((await admin.send('PATCH', '/api/users/viewer', { totp: true })).statusCode).toBe(400)
  expect((await admin.send('PATCH', '/api/users/viewer', { totp: false })).json().totp).toBe(false)
  expect((await login(server, 'viewer')).statusCode).toBe(200)
  await accounts.users.setTotp('admin', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 0)
  const code = totpCode('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', totpStep(clock.wall()))
  expect((await login(server, 'admin', PASSWORD, { totp: code })).statusCode).toBe(200)
})

test('the own password and second factor are not changed without the password', async () => {
  const { admin } = await place()
  for (const payload of [{ password: 'another four words of mine' }, { totp: false }]) {
    const answer = await admin.send('PATCH', '/api/users/admin', payload)
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'own-account'])
  }
})

test('the last admin stays: neither removed nor made less', async () => {
  const { server, admin } = await place()
  for (const answer of [await admin.send('DELETE', '/api/users/admin'), await admin.send('PATCH', '/api/users/admin', { role: 'viewer' })])
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'last-admin'])
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  expect((await admin.send('DELETE', '/api/users/admin')).statusCode).toBe(200)
  expect((await admin.send('GET', '/api/state')).statusCode).toBe(401)
  expect((await login(server, 'admin')).statusCode).toBe(401)
})

test('two admins who remove each other at once: one stays', async () => {
  const { server, admin, accounts } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  const bob = await signIn(server, 'bob')
  const answers = await Promise.all([admin.send('DELETE', '/api/users/bob'), bob.send('DELETE', '/api/users/admin')])
  expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1)
  expect(accounts.users.list().filter(({ role }) => role === 'admin')).toHaveLength(1)
})

test('unknown names are told', async () => {
  const { admin } = await place()
  for (const answer of [await admin.send('DELETE', '/api/users/eve'), await admin.send('PATCH', '/api/users/eve', { role: 'viewer' })])
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'unknown-user'])
  const answer = await admin.send('DELETE', '/api/tokens/eve')
  expect([answer.statusCode, answer.json().code]).toEqual([404, 'unknown-token'])
})

test('who is removed is signed out, and takes the tokens along', async () => {
  const { server, admin, withToken } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  const bob = await signIn(server, 'bob')
  const { token } = (await bob.send('POST', '/api/tokens', { name: 'backup', role: 'viewer' })).json()
  expect((await withToken(token)).statusCode).toBe(200)
  expect((await admin.send('DELETE', '/api/users/bob')).json()).toEqual({ name: 'bob', tokens: ['backup'] })
  expect((await withToken(token)).statusCode).toBe(401)
  expect((await bob.send('GET', '/api/state')).statusCode).toBe(401)
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  expect((await withToken(token)).statusCode).toBe(401)
})

test('a token is shown once, works, and is nowhere in clear', async () => {
  const { admin, withToken, folder } = await place()
  const made = await admin.send('POST', '/api/tokens', { name: 'backup', role: 'operator', days: 30 })
  expect([made.statusCode, made.json()]).toEqual([
    201,
    { token: expect.stringMatching(/^ew_[\w-]{43}$/), name: 'backup', role: 'operator', expiresAt: '2026-01-31T00:00:00.000Z' },
  ])
  const { token } = made.json()
  expect((await withToken(token, '/api/session')).json()).toEqual({ user: 'token backup', role: 'operator', by: 'token' })
  const list = await admin.send('GET', '/api/tokens')
  expect(list.json().tokens).toEqual([
    {
      name: 'backup',
      role: 'operator',
      madeBy: 'admin',
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-31T00:00:00.000Z',
      expired: false,
      usedAt: '2026-01-01T00:00:00.000Z',
    },
  ])
  for (const text of [list.body, readFileSync(join(folder, 'tokens.json'), 'utf8'), readFileSync(join(folder, 'audit.log'), 'utf8')])
    expect(text).not.toContain(token)
})

test('tokens end: at their time, and when they are removed', async () => {
  const { admin, withToken, clock, server } = await place()
  const make = async (name: string) => (await admin.send('POST', '/api/tokens', { name, role: 'viewer', days: 1 })).json().token
  const [first, second] = [await make('first'), await make('second')]
  expect((await admin.send('DELETE', '/api/tokens/second')).json()).toEqual({ name: 'second' })
  expect([(await withToken(first)).statusCode, (await withToken(second)).statusCode]).toEqual([200, 401])
  clock.pass(DAY)
  expect((await withToken(first)).statusCode).toBe(401)
  expect((await (await signIn(server, 'admin')).send('GET', '/api/tokens')).json().tokens).toMatchObject([{ name: 'first', expired: true }])
})

test('a token is worth no more than its maker is now', async () => {
  const { server, admin, withToken } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  const { token } = (await (await signIn(server, 'bob')).send('POST', '/api/tokens', { name: 'all', role: 'admin' })).json()
  expect((await withToken(token, '/api/users')).statusCode).toBe(200)
  await admin.send('PATCH', '/api/users/bob', { role: 'viewer' })
  expect([(await withToken(token, '/api/users')).statusCode, (await withToken(token)).statusCode]).toEqual([403, 200])
})

test('a token that makes a token passes its maker on', async () => {
  const { server, admin, withToken } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  const { token } = (await (await signIn(server, 'bob')).send('POST', '/api/tokens', { name: 'one', role: 'admin' })).json()
  const second = await server.app.inject({
    method: 'POST',
    url: '/api/tokens',
    headers: { authorization: `Bearer ${token}` },
    payload: { name: 'two', role: 'admin' },
  })
  await admin.send('DELETE', '/api/users/bob')
  expect((await withToken(second.json().token)).statusCode).toBe(401)
})

test('who has the name of somebody from before has none of the tokens', async () => {
  const { server, admin, withToken, accounts } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'admin', password: PASSWORD })
  const { token } = (await (await signIn(server, 'bob')).send('POST', '/api/tokens', { name: 'one', role: 'admin' })).json()
  // As if somebody had moved users.json away
  await accounts.users.remove('bob')
  expect((await withToken(token)).statusCode).toBe(401)
  await admin.send('POST', '/api/users', { name: 'BOB', role: 'admin', password: PASSWORD })
  expect((await withToken(token)).statusCode).toBe(401)
})

test('tokens of the token in the data folder stay', async () => {
  const { server, withToken } = await place()
  const headers = { authorization: `Bearer ${TOKEN}` }
  const made = await server.app.inject({ method: 'POST', url: '/api/tokens', headers, payload: { name: 'script', role: 'operator' } })
  expect((await withToken(made.json().token, '/api/session')).json()).toMatchObject({ user: 'token script', role: 'operator' })
  const again = await server.app.inject({ method: 'POST', url: '/api/tokens', headers, payload: { name: 'script', role: 'viewer' } })
  expect([again.statusCode, again.json().code]).toEqual([409, 'exists'])
})

test.each([{ days: 0 }, { days: 4000 }, { days: 1.5 }, { days: '30' }, { role: 'root' }, { name: 'a b' }, { more: 1 }])(
  'a token cannot have %j',
  async (wrong) => {
    const { admin } = await place()
    expect((await admin.send('POST', '/api/tokens', { name: 'a', role: 'viewer', ...wrong })).statusCode).toBe(400)
  },
)

test('the audit log is read page by page, by person and kind', async () => {
  const { server, admin } = await place()
  await admin.send('POST', '/api/users', { name: 'bob', role: 'viewer', password: PASSWORD })
  await admin.send('PATCH', '/api/users/bob', { role: 'operator' })
  await admin.send('DELETE', '/api/users/bob')
  const read = async (query: string) => (await admin.send('GET', `/api/audit${query}`)).json()
  const all = await read('')
  expect(all.entries.map(({ number, what }: { number: number; what: string }) => [number, what])).toEqual([
    [4, 'user-remove'],
    [3, 'user-change'],
    [2, 'user-add'],
    [1, 'login'],
  ])
  expect(all.entries[1]).toEqual({
    number: 3,
    at: '2026-01-01T00:00:00.000Z',
    who: 'admin',
    role: 'admin',
    from: '127.0.0.1',
    what: 'user-change',
    subject: 'bob',
    before: { role: 'viewer', secondFactor: false },
    after: { role: 'operator', secondFactor: false },
    result: 'done',
    status: 200,
  })
  const page = await read('?limit=2')
  expect([page.entries.length, page.next]).toEqual([2, 3])
  expect((await read(`?limit=2&before=${page.next}`)).entries.map(({ number }: { number: number }) => number)).toEqual([2, 1])
  expect((await read('?what=login')).entries).toHaveLength(1)
  expect((await read('?who=nobody')).entries).toEqual([])
  for (const query of ['?limit=0', '?limit=x', '?before=-1', '?limit=1e3', '?more=1'])
    expect((await admin.send('GET', `/api/audit${query}`)).statusCode).toBe(400)
  expect((await browserOf(server, await login(server, 'viewer')).send('GET', '/api/audit')).statusCode).toBe(403)
})
