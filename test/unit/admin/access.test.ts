import { expect, test } from 'vitest'
import { ROLES, type Role } from '../../../src/admin/auth/roles.ts'
import { EventHub } from '../../../src/admin/events.ts'
import type { AdminServer } from '../../../src/admin/server.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { type Log, SILENT_LOG } from '../../../src/observability/log.ts'
import { accountsWith, HandClock, PASSWORD, serverWith, signIn, TOKEN, type Wishes } from './support.ts'

const place = async (roles: readonly Role[] = ROLES, wishes: Wishes = {}) => {
  const clock = new HandClock()
  const accounts = await accountsWith(roles, clock)
  return { clock, accounts, server: serverWith({ accounts, clock, address: '192.0.2.1', drainNode: () => true, ...wishes }) }
}

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly needs: Role | 'open'
  readonly session?: boolean
}

/** Every route there is, with what it needs. A route that is not here fails the test below: decide, then add it. */
const ROUTES: readonly Route[] = [
  { method: 'GET', url: '/metrics', needs: 'open' },
  { method: 'GET', url: '/api/health', needs: 'open' },
  { method: 'GET', url: '/api/health/ready', needs: 'open' },
  { method: 'GET', url: '/api/health/live', needs: 'open' },
  { method: 'POST', url: '/api/setup', needs: 'open' },
  { method: 'POST', url: '/api/login', needs: 'open' },
  { method: 'POST', url: '/api/logout', needs: 'viewer', session: true },
  { method: 'GET', url: '/api/session', needs: 'viewer' },
  { method: 'PUT', url: '/api/password', needs: 'viewer', session: true },
  { method: 'POST', url: '/api/totp', needs: 'viewer', session: true },
  { method: 'POST', url: '/api/totp/confirm', needs: 'viewer', session: true },
  { method: 'POST', url: '/api/totp/remove', needs: 'viewer', session: true },
  { method: 'GET', url: '/api/state', needs: 'viewer' },
  { method: 'GET', url: '/api/calls', needs: 'viewer' },
  { method: 'GET', url: '/api/log-level', needs: 'viewer' },
  { method: 'GET', url: '/api/events', needs: 'viewer' },
  { method: 'GET', url: '/api/openapi.json', needs: 'viewer' },
  { method: 'PUT', url: '/api/log-level', needs: 'operator' },
  { method: 'POST', url: '/api/reload', needs: 'operator' },
  { method: 'POST', url: '/api/media/nodes/:name/drain', needs: 'operator' },
  { method: 'GET', url: '/api/users', needs: 'admin' },
  { method: 'POST', url: '/api/users', needs: 'admin' },
  { method: 'PATCH', url: '/api/users/:name', needs: 'admin' },
  { method: 'DELETE', url: '/api/users/:name', needs: 'admin' },
  { method: 'GET', url: '/api/tokens', needs: 'admin' },
  { method: 'POST', url: '/api/tokens', needs: 'admin' },
  { method: 'DELETE', url: '/api/tokens/:name', needs: 'admin' },
  { method: 'GET', url: '/api/audit', needs: 'admin' },
]
const GUARDED = ROUTES.filter(({ needs }) => needs !== 'open')

/** Of all routes of a server, as `METHOD url`. */
const routesOf = async ({ app }: AdminServer): Promise<readonly string[]> => {
  await app.ready()
  const lines = app.printRoutes({ commonPrefix: false, includeHooks: false }).split('\n')
  const parts: string[] = []
  return lines.flatMap((line) => {
    const match = /^([│ ]*)[├└]── ([^ ]*)(?: \(([^)]*)\))?/.exec(line)
    if (match === null) return []
    parts.length = match[1]!.length / 4
    parts.push(match[2]!)
    const methods = match[3]?.split(', ').filter((method) => method !== 'HEAD') ?? []
    return methods.map((method) => `${method} ${parts.join('')}`)
  })
}

test('every route says who may, and this list says the same', async () => {
  const { server } = await place()
  expect([...(await routesOf(server))].sort()).toEqual(ROUTES.map(({ method, url }) => `${method} ${url}`).sort())
})

const pathOf = ({ url }: Route): string => url.replace(':name', 'somebody')

test.each(GUARDED)('$method $url: nobody without credentials', async (route) => {
  const { server } = await place()
  const answer = await server.app.inject({ method: route.method, url: pathOf(route) })
  expect([answer.statusCode, answer.json().code, answer.headers['www-authenticate']]).toEqual([
    ...[401, 'unauthorized', 'Bearer realm="edgeways"'],
  ])
})

test('each role may what those below it may, and no more, before anything else is looked at', async () => {
  const { server, accounts, clock } = await place()
  const hub: readonly Role[] = ROLES
  for (const role of hub) {
    const browser = await signIn(server, role)
    const { secret } = await accounts.tokens.make({ name: `of-${role}`, role, days: 1, madeBy: 'admin' })
    for (const route of GUARDED) {
      if (route.url === '/api/logout' || route.url === '/api/events') continue
      const may = ROLES.indexOf(role) >= ROLES.indexOf(route.needs as Role)
      clock.pass(1000)
      const asBrowser = await browser.send(route.method, pathOf(route))
      expect([route.url, role, asBrowser.json().code === 'forbidden']).toEqual([route.url, role, !may])
      const asToken = await server.app.inject({ method: route.method, url: pathOf(route), headers: { authorization: `Bearer ${secret}` } })
      const wanted = !may ? 'forbidden' : route.session === true ? 'session-only' : undefined
      if (wanted !== undefined) expect([route.url, role, asToken.statusCode, asToken.json().code]).toEqual([route.url, role, 403, wanted])
      else expect([route.url, role, [401, 403].includes(asToken.statusCode)]).toEqual([route.url, role, false])
    }
  }
})

test('a wrong role is told which one it needs, and it is written down', async () => {
  const logged: string[] = []
  const log: Log = { ...SILENT_LOG, warn: (fields, text) => void logged.push(`${fields.who} ${text}`) }
  const { server, accounts } = await place(ROLES, { log })
  const answer = await (await signIn(server, 'viewer')).send('POST', '/api/reload')
  expect(answer.json()).toEqual({ code: 'forbidden', message: 'This needs the role operator, and viewer has the role viewer' })
  expect(logged).toEqual(['viewer Admin request refused: This needs the role operator, and viewer has the role viewer'])
  expect((await accounts.audit.page({ limit: 1 })).entries).toMatchObject([
    { who: 'viewer', what: 'reload', result: 'refused', status: 403 },
  ])
})

test('a route that does not say who may, or what the audit log calls it, does not come into being', async () => {
  const ready = (add: NonNullable<Wishes['more']>[number]) => serverWith({ more: [add] }).app.ready()
  await expect(async () => ready((app) => app.get('/api/x', () => ''))).rejects.toThrow('neither that it is open nor a role')
  await expect(async () => ready((app) => app.post('/api/x', { config: { role: 'admin' } }, () => ''))).rejects.toThrow('audit log')
})

test('the token of the data folder is an admin everywhere, and no other', async () => {
  const { server } = await place()
  const users = (authorization: string) => server.app.inject({ url: '/api/users', headers: { authorization } })
  expect((await users(`Bearer ${TOKEN}`)).statusCode).toBe(200)
  for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN}x`, `Bearer ${TOKEN} x`, 'Bearer ew_x'])
    expect((await users(authorization)).statusCode).toBe(401)
})

test('a token that is wrong is refused, also with a good cookie or from this machine', async () => {
  const { server } = await place()
  const { cookie } = await signIn(server, 'admin')
  const headers = { cookie, authorization: 'Bearer wrong' }
  expect((await server.app.inject({ url: '/api/state', headers })).statusCode).toBe(401)
  const local = serverWith({ address: '127.0.0.1' })
  expect((await local.app.inject({ url: '/api/state', headers: { authorization: 'Bearer wrong' } })).statusCode).toBe(401)
})

test('a request with a token needs no CSRF token: no page can send it', async () => {
  const { server } = await place()
  const answer = await server.app.inject({ method: 'POST', url: '/api/reload', headers: { authorization: `Bearer ${TOKEN}` } })
  expect(answer.statusCode).toBe(200)
})

test('this machine may operate over plain HTTP on loopback while nobody has an account, and decide over nobody', async () => {
  const { server, accounts } = await place([], { address: '127.0.0.1' })
  const status = async (method: 'GET' | 'POST', url: string, headers: Record<string, string> = {}) =>
    (await server.app.inject({ method, url, headers })).statusCode
  expect((await server.app.inject('/api/session')).json()).toEqual({ user: 'local', role: 'operator', by: 'local' })
  expect([await status('GET', '/api/state'), await status('POST', '/api/reload')]).toEqual([200, 200])
  expect([await status('GET', '/api/users'), await status('GET', '/api/audit')]).toEqual([403, 403])
  for (const header of ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'])
    expect(await status('GET', '/api/state', { [header]: '203.0.113.9' })).toBe(401)
  await accounts.users.add('ann', 'admin', await accounts.passwords.hash(PASSWORD))
  expect([await status('GET', '/api/state'), await status('POST', '/api/reload'), await status('GET', '/metrics')]).toEqual([401, 401, 200])
})

test('a page of another origin changes nothing and reads nothing, whatever credentials its visitor has', async () => {
  const { server } = await place()
  const browser = await signIn(server, 'admin')
  const send = (method: 'GET' | 'POST', headers: Record<string, string>) =>
    server.app.inject({
      method,
      url: method === 'GET' ? '/api/state' : '/api/reload',
      headers: { cookie: browser.cookie, 'x-csrf-token': browser.csrf, host: 'sbc.example.com:8443', ...headers },
    })
  for (const origin of ['https://evil.example', 'null', 'https://sbc.example.com', 'https://sbc.example.com:8444', 'file://', 'x'])
    for (const method of ['GET', 'POST'] as const) expect((await send(method, { origin })).json().code).toBe('foreign-origin')
  expect((await send('POST', { 'sec-fetch-site': 'cross-site' })).json().code).toBe('foreign-origin')
  expect((await send('POST', { origin: 'https://sbc.example.com:8443', 'sec-fetch-site': 'same-origin' })).statusCode).toBe(200)
})

test('a page that asks who it is before anybody has signed in is no line in the log; a wrong token is', async () => {
  const logged: string[] = []
  const log: Log = { ...SILENT_LOG, warn: (_fields, text) => void logged.push(text) }
  const { server } = await place(ROLES, { log })
  const status = async (headers: Record<string, string>) => (await server.app.inject({ url: '/api/session', headers })).statusCode
  expect([await status({}), await status({})]).toEqual([401, 401])
  expect(logged).toEqual([])
  expect(await status({ authorization: 'Bearer wrong' })).toBe(401)
  expect(logged).toHaveLength(1)
})

test('strangers cannot fill the log', async () => {
  const logged: unknown[] = []
  const log: Log = { ...SILENT_LOG, warn: (fields) => void logged.push(fields.leftOut) }
  const { server, clock } = await place(ROLES, { log })
  for (let index = 0; index < 100; index++) await server.app.inject('/api/state')
  expect(logged).toHaveLength(60)
  clock.pass(60_000)
  await server.app.inject('/api/state')
  expect(logged.at(-1)).toBe(40)
})

test('what every operator of the edge did is in the audit log, with before and after', async () => {
  const { server, accounts } = await place()
  const browser = await signIn(server, 'operator')
  await browser.send('PUT', '/api/log-level', { level: 'debug' })
  await browser.send('PUT', '/api/log-level', { level: 'loud' })
  await browser.send('POST', '/api/media/nodes/media-b/drain', { drain: true })
  await browser.send('POST', '/api/reload')
  await browser.send('POST', '/api/logout')
  const { entries } = await accounts.audit.page({ limit: 9 })
  const common = { who: 'operator', role: 'operator', from: '127.0.0.1', result: 'done' }
  expect(entries).toMatchObject([
    { ...common, what: 'logout' },
    { ...common, what: 'reload', after: { changes: ['zone pbx'] } },
    { ...common, what: 'media-drain', subject: 'media-b', after: { drain: true } },
    { ...common, what: 'log-level', before: 'info', after: 'debug' },
    { who: 'operator', what: 'login' },
  ])
})

test('failed sign-ins are in the audit log, under names that there are, and not more of them than a log can take', async () => {
  const { server, accounts, clock } = await place()
  const login = (user: string) => server.app.inject({ method: 'POST', url: '/api/login', payload: { user, password: 'x' } })
  await login('viewer')
  await login('my-password-by-mistake')
  expect((await accounts.audit.page({ limit: 9 })).entries).toMatchObject([
    { who: 'unknown', what: 'login', result: 'refused', status: 401 },
    { who: 'viewer', what: 'login', result: 'refused', status: 401 },
  ])
  for (let index = 0; index < 80; index++) {
    clock.pass(index === 0 ? 60_000 : 1)
    const remoteAddress = `198.51.100.${index}`
    await server.app.inject({ method: 'POST', url: '/api/login', payload: { user: `u${index}`, password: 'x' }, remoteAddress })
  }
  expect((await accounts.audit.page({ limit: 100 })).entries).toHaveLength(62)
  clock.pass(60_000)
  await login('nobody')
  expect((await accounts.audit.page({ limit: 1 })).entries).toMatchObject([{ leftOut: 20 }])
})

test('where the audit log cannot be written the answer comes all the same, and the log has the entry', async () => {
  const logged: unknown[] = []
  const log: Log = { ...SILENT_LOG, error: (fields) => void logged.push(fields.audit) }
  const { server, accounts } = await place(ROLES, { log })
  const browser = await signIn(server, 'operator')
  accounts.audit.append = () => Promise.reject(new Error('disk full'))
  expect((await browser.send('POST', '/api/reload')).statusCode).toBe(200)
  expect(logged).toMatchObject([{ who: 'operator', what: 'reload' }])
})

test('a new entry of the audit log is an event, too', async () => {
  const clock: Clock = new HandClock()
  const events = new EventHub({ clock, every: () => () => {} })
  const published: unknown[] = []
  events.publish = (topic, data) => void published.push([topic, data])
  const { server } = await place(ROLES, { events })
  await signIn(server, 'viewer')
  expect(published).toMatchObject([['audit', { number: 1, who: 'viewer', what: 'login' }]])
})

test('behind a reverse proxy of this machine the source is who the proxy says, and no other is believed', async () => {
  const { server, accounts } = await place(ROLES, { address: '127.0.0.1' })
  const login = (forwarded: string, remoteAddress: string) =>
    server.app.inject({
      method: 'POST',
      url: '/api/login',
      payload: { user: 'viewer', password: 'x' },
      headers: { 'x-forwarded-for': forwarded },
      remoteAddress,
    })
  await login('198.51.100.7', '127.0.0.1')
  await login('198.51.100.7, 203.0.113.9', '127.0.0.1')
  await login('198.51.100.7', '203.0.113.10')
  const { entries } = await accounts.audit.page({ limit: 3 })
  expect(entries.map(({ from }) => from)).toEqual(['203.0.113.10', '203.0.113.9', '198.51.100.7'])
})
