import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { totpCode, totpStep } from '../../../src/admin/auth/totp.ts'
import { accountsWith, browserOf, cookieOf, HandClock, login, newFolder, PASSWORD, serverWith, signIn } from './support.ts'

const MINUTE = 60_000
const NEW_PASSWORD = 'another four words of mine'

const place = async (folder = newFolder()) => {
  const clock = new HandClock()
  const accounts = await accountsWith(['viewer', 'operator', 'admin'], clock, folder)
  return { clock, accounts, server: serverWith({ accounts, clock, address: '192.0.2.1' }), folder }
}

test('signing in sets a cookie that no script, no other host and no plain HTTP can have', async () => {
  const { server } = await place()
  const answer = await login(server, 'viewer')
  expect(answer.statusCode).toBe(200)
  expect(answer.headers['set-cookie']).toMatch(/^__Host-edgeways=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
  expect(answer.json()).toEqual({
    user: 'viewer',
    role: 'viewer',
    by: 'session',
    csrf: expect.stringMatching(/^[\w-]{43}$/),
    totp: false,
    expiresAt: '2026-01-01T12:00:00.000Z',
  })
  expect((await browserOf(server, answer).send('GET', '/api/session')).json()).toEqual(answer.json())
})

test('what is stored holds neither password nor cookie nor CSRF token', async () => {
  const { server, folder } = await place()
  const browser = await signIn(server, 'viewer')
  const text = readFileSync(join(folder, 'users.json'), 'utf8') + readFileSync(join(folder, 'audit.log'), 'utf8')
  for (const secret of [PASSWORD, browser.cookie.split('=')[1]!, browser.csrf]) expect(text).not.toContain(secret)
  expect(statSync(join(folder, 'users.json')).mode & 0o777).toBe(0o600)
})

test('an unknown name and a wrong password have the same answer', async () => {
  const { server } = await place()
  const unknown = await login(server, 'nobody-here', PASSWORD)
  const wrong = await login(server, 'viewer', 'wrong')
  expect([unknown.statusCode, unknown.json().code]).toEqual([401, 'wrong-credentials'])
  expect(unknown.body).toBe(wrong.body)
  expect(Object.keys(unknown.headers)).toEqual(Object.keys(wrong.headers))
})

test('the case of a name does not matter', async () => {
  const { server } = await place()
  expect((await login(server, 'VIEWER')).json().user).toBe('viewer')
})

test('brute force is slowed down: by the name, also one that nobody has, and the right password has to wait, too', async () => {
  for (const user of ['viewer', 'nobody-here']) {
    const { server, clock } = await place()
    for (let index = 0; index < 4; index++) expect((await login(server, user, `wrong ${index}`)).statusCode).toBe(401)
    const answer = await login(server, user, PASSWORD)
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([429, 'too-many-attempts', '1'])
    clock.pass(1000)
    expect((await login(server, user, 'wrong')).statusCode).toBe(401)
    expect((await login(server, user, PASSWORD)).headers['retry-after']).toBe('2')
  }
})

test('many attempts at once are no way around', async () => {
  const { server } = await place()
  const answers = await Promise.all(Array.from({ length: 20 }, (_each, index) => login(server, 'viewer', `wrong ${index}`)))
  expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(4)
  expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(16)
})

test('a session ends after half an hour of nothing, and the cookie is taken away', async () => {
  const { server, clock } = await place()
  const browser = await signIn(server, 'viewer')
  clock.pass(29 * MINUTE)
  expect((await browser.send('GET', '/api/state')).statusCode).toBe(200)
  clock.pass(30 * MINUTE)
  const answer = await browser.send('GET', '/api/state')
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'session-over'])
  expect(answer.headers['set-cookie']).toContain('__Host-edgeways=; Max-Age=0')
})

test('signing out ends the session', async () => {
  const { server } = await place()
  const browser = await signIn(server, 'viewer')
  const other = await signIn(server, 'viewer')
  const answer = await browser.send('POST', '/api/logout')
  expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([204, expect.stringContaining('Max-Age=0')])
  expect((await browser.send('GET', '/api/state')).statusCode).toBe(401)
  expect((await other.send('GET', '/api/state')).statusCode).toBe(200)
})

test('a cookie that nobody gave is no session, whatever it looks like', async () => {
  const { server } = await place()
  const { cookie } = await signIn(server, 'viewer')
  const id = cookie.split('=')[1]!
  for (const value of ['', 'x', `${id}x`, id.slice(1), id.toUpperCase(), '__proto__', '%00', `"${id}"`]) {
    expect((await server.app.inject({ url: '/api/state', headers: { cookie: `__Host-edgeways=${value}` } })).statusCode).toBe(401)
  }
  for (const name of ['edgeways', 'x__Host-edgeways', '__host-edgeways']) {
    expect((await server.app.inject({ url: '/api/state', headers: { cookie: `${name}=${id}` } })).statusCode).toBe(401)
  }
  expect((await server.app.inject({ url: '/api/state', headers: { cookie: `a=b; ${cookie};c` } })).statusCode).toBe(200)
})

test('a change needs the CSRF token of that very session; looking does not', async () => {
  const { server } = await place()
  const browser = await signIn(server, 'operator')
  const other = await signIn(server, 'operator')
  const reload = (headers: Record<string, string>) =>
    server.app.inject({ method: 'POST', url: '/api/reload', headers: { cookie: browser.cookie, ...headers } })
  for (const headers of [{}, { 'x-csrf-token': '' }, { 'x-csrf-token': 'x' }, { 'x-csrf-token': other.csrf }]) {
    const answer = await reload(headers as Record<string, string>)
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'csrf'])
  }
  expect((await reload({ 'x-csrf-token': browser.csrf })).statusCode).toBe(200)
  expect((await server.app.inject({ url: '/api/state', headers: { cookie: browser.cookie } })).statusCode).toBe(200)
})

test('the own password changes with the old one; every other browser is signed out, this one has a new session', async () => {
  const { server } = await place()
  const browser = await signIn(server, 'viewer')
  const other = await signIn(server, 'viewer')
  const change = (current: string, password: string) => browser.send('PUT', '/api/password', { current, password })
  expect((await change('wrong', NEW_PASSWORD)).json().code).toBe('wrong-password')
  expect((await change(PASSWORD, 'short')).json().code).toBe('weak-password')
  expect((await change(PASSWORD, PASSWORD)).json().code).toBe('weak-password')
  const answer = await change(PASSWORD, NEW_PASSWORD)
  expect(answer.statusCode).toBe(200)
  const [old, others, now] = [browser, other, browserOf(server, answer)]
  expect((await old.send('GET', '/api/state')).statusCode).toBe(401)
  expect((await others.send('GET', '/api/state')).statusCode).toBe(401)
  expect((await now.send('POST', '/api/logout')).statusCode).toBe(204)
  expect((await login(server, 'viewer', PASSWORD)).statusCode).toBe(401)
  expect((await login(server, 'viewer', NEW_PASSWORD)).statusCode).toBe(200)
})

test('somebody at a browser that was left open cannot guess the password faster than at the door', async () => {
  const { server } = await place()
  const browser = await signIn(server, 'viewer')
  const guess = (index: number) => browser.send('PUT', '/api/password', { current: `wrong ${index}`, password: NEW_PASSWORD })
  for (let index = 0; index < 4; index++) expect((await guess(index)).statusCode).toBe(403)
  expect((await guess(5)).statusCode).toBe(429)
})

const enrolled = async () => {
  const made = await place()
  const browser = await signIn(made.server, 'operator')
  const draft = (await browser.send('POST', '/api/totp', { password: PASSWORD })).json<{ secret: string; uri: string }>()
  const code = (away = 0) => totpCode(draft.secret, totpStep(made.clock.wall()) + away)
  expect((await browser.send('POST', '/api/totp/confirm', { code: code() })).statusCode).toBe(204)
  made.clock.pass(30_000)
  return { ...made, browser, draft, code }
}

test('a second factor counts once a code of it was confirmed', async () => {
  const { server, clock } = await place()
  const browser = await signIn(server, 'operator')
  expect((await browser.send('POST', '/api/totp/confirm', { code: '123456' })).json().code).toBe('no-totp-draft')
  expect((await browser.send('POST', '/api/totp', { password: 'wrong' })).json().code).toBe('wrong-password')
  const { secret, uri } = (await browser.send('POST', '/api/totp', { password: PASSWORD })).json()
  expect(uri).toContain(`otpauth://totp/Edgeways:operator?secret=${secret}`)
  expect((await login(server, 'operator')).statusCode).toBe(200)
  const wrong = await browser.send('POST', '/api/totp/confirm', { code: '000000' })
  expect([wrong.statusCode, wrong.json().code]).toEqual([422, 'wrong-totp'])
  expect((await browser.send('POST', '/api/totp/confirm', { code: totpCode(secret, totpStep(clock.wall())) })).statusCode).toBe(204)
  expect((await browser.send('GET', '/api/session')).json().totp).toBe(true)
  expect((await login(server, 'operator')).json().code).toBe('totp-needed')
})

test('with a second factor the password alone is not enough, and the code alone neither', async () => {
  const { server, code } = await enrolled()
  const needed = await login(server, 'operator')
  expect([needed.statusCode, needed.json().code, needed.headers['set-cookie']]).toEqual([401, 'totp-needed', undefined])
  expect((await login(server, 'operator', 'wrong', { totp: code() })).json().code).toBe('wrong-credentials')
  expect((await login(server, 'operator', PASSWORD, { totp: '000000' })).json().code).toBe('wrong-totp')
  expect((await login(server, 'operator', PASSWORD, { totp: code() })).statusCode).toBe(200)
})

test('RFC 6238 §5.2: a code is good once, also in two requests at once, and not again after a restart', async () => {
  const { server, code, folder, clock } = await enrolled()
  const both = await Promise.all([1, 2].map(() => login(server, 'operator', PASSWORD, { totp: code() })))
  expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 401])
  const again = await login(server, 'operator', PASSWORD, { totp: code() })
  expect([again.statusCode, again.json().code]).toEqual([401, 'wrong-totp'])
  const restarted = serverWith({ accounts: await accountsWith([], clock, folder), clock, address: '192.0.2.1' })
  expect((await login(restarted, 'operator', PASSWORD, { totp: code() })).json().code).toBe('wrong-totp')
  clock.pass(30_000)
  expect((await login(restarted, 'operator', PASSWORD, { totp: code() })).statusCode).toBe(200)
})

test('the code that confirmed a second factor opens no session', async () => {
  const { server, code } = await enrolled()
  expect((await login(server, 'operator', PASSWORD, { totp: code(-1) })).json().code).toBe('wrong-totp')
})

test('codes cannot be guessed: wrong ones count, and asking without a code forgives nothing', async () => {
  const { server } = await enrolled()
  for (let index = 0; index < 4; index++) {
    expect((await login(server, 'operator', PASSWORD, { totp: '000000' })).statusCode).toBe(401)
    if (index < 3) expect((await login(server, 'operator')).json().code).toBe('totp-needed')
  }
  expect((await login(server, 'operator', PASSWORD, { totp: '000000' })).statusCode).toBe(429)
})

test('a second factor is given up with the password', async () => {
  const { server, browser } = await enrolled()
  expect((await browser.send('POST', '/api/totp/remove', { password: 'wrong' })).statusCode).toBe(403)
  expect((await browser.send('POST', '/api/totp/remove', { password: PASSWORD })).statusCode).toBe(204)
  expect((await login(server, 'operator')).statusCode).toBe(200)
})

test('accounts survive a restart, sessions do not', async () => {
  const { server, folder, clock } = await place()
  const { cookie } = await signIn(server, 'admin')
  const restarted = serverWith({ accounts: await accountsWith([], clock, folder), clock, address: '192.0.2.1' })
  expect((await restarted.app.inject({ url: '/api/state', headers: { cookie } })).statusCode).toBe(401)
  expect((await login(restarted, 'admin')).statusCode).toBe(200)
})

test('the login cannot be used by a form or script of another page', async () => {
  const { server } = await place()
  const send = (headers: Record<string, string>, payload: string) =>
    server.app.inject({ method: 'POST', url: '/api/login', headers: { host: 'sbc.example.com', ...headers }, payload })
  const body = JSON.stringify({ user: 'viewer', password: PASSWORD })
  const json = { 'content-type': 'application/json' }
  expect((await send({ ...json, origin: 'https://evil.example' }, body)).json().code).toBe('foreign-origin')
  expect((await send({ ...json, 'sec-fetch-site': 'cross-site' }, body)).json().code).toBe('foreign-origin')
  expect((await send({ ...json, 'sec-fetch-site': 'same-site' }, body)).json().code).toBe('foreign-origin')
  expect((await send({ 'content-type': 'text/plain' }, body)).statusCode).toBe(415)
  expect((await send({ 'content-type': 'application/x-www-form-urlencoded' }, 'user=a')).statusCode).toBe(415)
  const own = await send({ ...json, origin: 'https://sbc.example.com', 'sec-fetch-site': 'same-origin' }, body)
  expect([own.statusCode, cookieOf(own)]).toEqual([200, expect.stringMatching(/^__Host-edgeways=/)])
})
