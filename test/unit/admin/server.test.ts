import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { CallView, MediaView, ReloadView } from '../../../src/admin/contract.ts'
import type { CertificateView } from '../../../src/certs/types.ts'
import type { Log } from '../../../src/observability/log.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { PBX, serverWith, TOKEN, type Wishes } from './support.ts'

const MEDIA: MediaView = {
  mode: 'nodes',
  nodes: [
    {
      name: '10.0.0.5:2223',
      set: 'default',
      address: '10.0.0.5:2223',
      state: 'up',
      weight: 1,
      sessions: 3,
      pingSeconds: 0.0004,
      interfaces: ['lan', 'wan'],
    },
    { name: 'media-b', set: 'default', address: '10.0.0.6:2223', state: 'down', weight: 2, reason: 'No reply to 3 pings' },
  ],
  sessions: 3,
  deletes: 1,
}
const callNumber = (number: number): CallView => ({
  id: `call-${number}`,
  callId: `${number}@10.0.0.20`,
  from: { zone: 'browsers', kind: 'webrtc' },
  to: { zone: 'pbx', kind: 'plain' },
  state: number === 1 ? 'ringing' : 'up',
  since: '2026-01-01T00:00:00.000Z',
  node: '10.0.0.5:2223',
  ...(number > 1 && { codec: 'PCMU/8000' }),
})

describe('health', () => {
  test('a running edge with open listeners is live and ready', async () => {
    const answer = await serverWith().app.inject('/api/health')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ status: 'ok', live: true, ready: true })
    expect(answer.json().listeners).toHaveLength(2)
    expect(answer.json().checks).toContainEqual({ name: 'certificates', ok: true, required: true, detail: '2 loaded' })
    expect(answer.json().checks).toContainEqual({ name: 'zone pbx', ok: true, required: false, detail: '1 of 2 targets up' })
  })

  test.each(['starting', 'stopping'] as const)('an edge that is %s is live, not ready', async (phase) => {
    const server = serverWith({ view: { phase: () => phase } })
    const [health, ready, live] = await Promise.all(['', '/ready', '/live'].map((part) => server.app.inject(`/api/health${part}`)))
    expect([health?.statusCode, ready?.statusCode, live?.statusCode]).toEqual([503, 503, 200])
    expect(health?.json()).toMatchObject({ status: phase, live: true, ready: false })
  })

  test('a listener that is not open makes it unready and is named', async () => {
    const closed = { name: 'lan/udp', transport: 'udp', bind: '10.0.0.5:5060', advertised: '10.0.0.5:5060', open: false, flows: 0 }
    const answer = await serverWith({ view: { listeners: () => [closed] } }).app.inject('/api/health')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({ status: 'unavailable', ready: false })
    expect(answer.json().checks).toContainEqual({ name: 'listeners', ok: false, required: true, detail: 'Not open: lan/udp' })
  })

  test('a zone without a target that is up makes it degraded, still ready', async () => {
    const targets = [{ name: 'sip:10.0.0.20', health: 'down', drain: false }] as const
    const answer = await serverWith({ view: { zones: () => [{ ...PBX, targets }] } }).app.inject('/api/health')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ status: 'degraded', ready: true })
  })

  test('a check of the engine that fails makes it unready', async () => {
    const checks = () => [{ name: 'certificates', ok: false, detail: 'web has none' }]
    expect((await serverWith({ view: { checks } }).app.inject('/api/health')).statusCode).toBe(503)
  })
})

describe('calls', () => {
  test('a certificate that is over or missing makes it degraded, still ready; one that nobody shows counts for nothing', async () => {
    const one = (name: string, usedBy: string[], more: object) => ({ name, usedBy, ...more }) as unknown as CertificateView
    const health = async (...certificates: CertificateView[]) =>
      (await serverWith({ certificates: () => certificates }).app.inject('/api/health')).json()
    const good = one('main', ['web/wss'], { validTo: '2027-01-01', daysLeft: 90 })
    expect(await health(good)).toMatchObject({
      status: 'ok',
      checks: expect.arrayContaining([expect.objectContaining({ name: 'certificates', ok: true })]),
    })
    const bad = await health(good, one('old', ['lan/tls'], { validTo: '2025-01-01', daysLeft: -3 }), one('new', ['lan/tls'], {}))
    expect(bad).toMatchObject({ status: 'degraded', ready: true })
    expect(bad.checks.at(-1)).toEqual({
      ...{ name: 'certificates', ok: false, required: false },
      detail: 'Not there yet: new; Expired: old',
    })
    expect((await health(one('unused', [], {}))).status).toBe('ok')
  })

  test('metrics come with their content type', async () => {
    const answer = await serverWith().app.inject('/metrics')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(answer.body).toBe('edgeways_build_info 1\n')
  })

  test('the state shows listeners, zones with target health, transactions, flows and the last reload', async () => {
    const lastReload: ReloadView = {
      result: 'refused',
      at: '2026-01-01T00:00:00.000Z',
      problems: [{ path: 'zones.pbx', line: 3, column: 1, message: 'Unknown kind', remedy: 'Write trunk', severity: 'error' }],
    }
    const answer = await serverWith({ view: { lastReload: () => lastReload } }).app.inject('/api/state')
    expect(answer.json()).toEqual({
      version: '1.2.3',
      phase: 'running',
      uptimeSeconds: 12.5,
      logLevel: 'info',
      listeners: [
        { name: 'lan/udp', transport: 'udp', bind: '10.0.0.5:5060', advertised: 'sbc.example.com:5060', open: true, flows: 0 },
        { name: 'web/wss', transport: 'wss', bind: '10.0.0.5:443', advertised: 'sbc.example.com:443', open: true, flows: 7 },
      ],
      zones: [PBX],
      transactions: { 'invite-server': 2 },
      media: { mode: 'off', nodes: [], sessions: 0, deletes: 0 },
      openFlows: 7,
      registrations: 0,
      counters: { messages: 12, invites: 3, refused: 1 },
      lastReload,
    })
  })

  test('before the first reload the state has none', async () => {
    expect((await serverWith().app.inject('/api/state')).json()).not.toHaveProperty('lastReload')
  })

  test('the state shows every rtpengine, with the reason when it is not up', async () => {
    expect((await serverWith({ view: { media: () => MEDIA } }).app.inject('/api/state')).json().media).toEqual(MEDIA)
    const none: MediaView = { mode: 'local', nodes: [], sessions: 0, deletes: 0, unavailable: 'rtpengine is not installed' }
    expect((await serverWith({ view: { media: () => none } }).app.inject('/api/state')).json().media).toEqual(none)
  })

  test('a reload that was applied answers 200 with what changed', async () => {
    const answer = await serverWith().app.inject({ method: 'POST', url: '/api/reload' })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ result: 'applied', at: '2026-01-01T00:00:00.000Z', changes: ['zone pbx'], problems: [] })
  })

  test('a reload that was refused answers 422 with the problems', async () => {
    const problems = [{ path: 'zones', line: 1, column: 1, message: 'No zones', remedy: 'Add one', severity: 'error' }] as const
    const reload = async () => ({ result: 'refused', at: '2026-01-01T00:00:00.000Z', problems }) as const
    const answer = await serverWith({ reload }).app.inject({ method: 'POST', url: '/api/reload' })
    expect(answer.statusCode).toBe(422)
    expect(answer.json().problems).toEqual(problems)
  })

  test('the log level is read and changed', async () => {
    const { app } = serverWith()
    expect((await app.inject('/api/log-level')).json()).toEqual({ level: 'info' })
    const changed = await app.inject({ method: 'PUT', url: '/api/log-level', payload: { level: 'debug' } })
    expect([changed.statusCode, changed.json()]).toEqual([200, { level: 'debug' }])
    expect((await app.inject('/api/log-level')).json()).toEqual({ level: 'debug' })
  })

  test.each([
    [{ level: 'loud' }, 'trace, debug, info, warn, error'],
    [{}, 'level'],
    [{ level: 'info', more: 1 }, 'additional properties'],
  ])('a wrong body %j gets 400 and a sentence that helps', async (payload, words) => {
    const answer = await serverWith().app.inject({ method: 'PUT', url: '/api/log-level', payload })
    expect(answer.statusCode).toBe(400)
    expect(answer.json().code).toBe('invalid')
    expect(answer.json().message).toContain(words)
  })

  test.each([
    ['no JSON', 'application/json', '{"level":', 400],
    ['another type', 'application/xml', '<level/>', 415],
    ['a huge body', 'application/json', JSON.stringify({ level: 'x'.repeat(70_000) }), 413],
  ])('%s is refused with a code', async (_what, type, payload, status) => {
    const answer = await serverWith().app.inject({ method: 'PUT', url: '/api/log-level', headers: { 'content-type': type }, payload })
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual({ code: expect.any(String), message: expect.any(String) })
  })

  test('an unknown path gets 404 in the form of every error', async () => {
    const answer = await serverWith().app.inject('/nowhere?x=1')
    expect([answer.statusCode, answer.json()]).toEqual([404, { code: 'not-found', message: 'There is no GET /nowhere' }])
  })

  test.each([
    ['/api/%zz', 400],
    [`/api/media/nodes/${'a'.repeat(300)}/drain`, 414],
  ])('a URL that cannot be read gets an error of the same form: %s', async (url, status) => {
    const answer = await serverWith().app.inject({ method: 'POST', url })
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual({ code: expect.any(String), message: expect.any(String) })
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })

  test('our own error is logged and tells the client nothing of the inside', async () => {
    const logged: unknown[] = []
    const log: Log = { ...SILENT_LOG, error: (fields) => void logged.push(fields.err) }
    const secret = new Error('path /srv/secret')
    const server = serverWith({ log, reload: () => Promise.reject(secret) })
    const answer = await server.app.inject({ method: 'POST', url: '/api/reload' })
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('secret')
    expect(logged).toEqual([secret])
  })

  test('no answer may be cached, sniffed or framed', async () => {
    for (const url of ['/api/health', '/metrics', '/api/state', '/nowhere']) {
      const { headers } = await serverWith().app.inject(url)
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
      expect(headers['content-security-policy']).toContain("default-src 'none'")
    }
  })
})

describe('media', () => {
  const calls = [1, 2, 3].map(callNumber)
  const view = { media: () => MEDIA, calls: (limit: number) => calls.slice(0, limit) }

  test('the calls that have media, with their number', async () => {
    const answer = await serverWith({ view }).app.inject('/api/calls')
    expect([answer.statusCode, answer.json()]).toEqual([200, { calls, total: 3 }])
  })

  test('no more calls than were asked for, and 100 when nobody said', async () => {
    const asked: number[] = []
    const counting = (limit: number) => {
      asked.push(limit)
      return calls.slice(0, limit)
    }
    const { app } = serverWith({ view: { ...view, calls: counting } })
    expect((await app.inject('/api/calls?limit=2')).json()).toEqual({ calls: calls.slice(0, 2), total: 3 })
    await app.inject('/api/calls')
    await app.inject('/api/calls?limit=1000')
    expect(asked).toEqual([2, 100, 1000])
  })

  test.each(['0', '-1', '1001', '1e3', 'all', '', '1.5', '01'])('a limit of "%s" is refused with what is allowed', async (limit) => {
    const answer = await serverWith({ view }).app.inject(`/api/calls?limit=${limit}`)
    expect([answer.statusCode, answer.json()]).toEqual([
      400,
      { code: 'invalid', message: `limit is a whole number from 1 to 1000, not "${limit}"` },
    ])
  })

  test('a question that nobody understands is refused, rather than answered as if it were another', async () => {
    const answer = await serverWith({ view }).app.inject('/api/calls?limt=2')
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid'])
  })

  test('an edge without media has no calls to show', async () => {
    expect((await serverWith().app.inject('/api/calls')).json()).toEqual({ calls: [], total: 0 })
  })

  const drained = (name: string, payload: object, wishes: Wishes = {}) =>
    serverWith({ view, ...wishes }).app.inject({ method: 'POST', url: `/api/media/nodes/${encodeURIComponent(name)}/drain`, payload })

  test('an rtpengine is drained and taken back, by a name with a colon, too; the log says who asked', async () => {
    const done: unknown[] = []
    const drainNode = (name: string, drain: boolean) => done.push([name, drain]) > 0
    const log: Log = { ...SILENT_LOG, info: (fields) => void done.push(fields) }
    const answer = await drained('10.0.0.5:2223', { drain: true }, { drainNode, log })
    expect([answer.statusCode, answer.json()]).toEqual([200, { name: '10.0.0.5:2223', drain: true }])
    expect((await drained('media-b', { drain: false }, { drainNode })).json()).toEqual({ name: 'media-b', drain: false })
    expect(done).toEqual([
      ['10.0.0.5:2223', true],
      { from: '127.0.0.1', who: 'local', node: '10.0.0.5:2223', drain: true },
      ['media-b', false],
    ])
  })

  test('a name of the longest host is a name', async () => {
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example.com:2223`
    expect((await drained(name, { drain: true }, { drainNode: () => true })).json()).toEqual({ name, drain: true })
  })

  test('an unknown rtpengine gets 404 and the names that there are', async () => {
    const answer = await drained('media-c', { drain: true }, { drainNode: () => false })
    expect([answer.statusCode, answer.json()]).toEqual([
      404,
      { code: 'unknown-node', message: 'There is no rtpengine of that name; there is 10.0.0.5:2223, media-b' },
    ])
    const without = await serverWith().app.inject({ method: 'POST', url: '/api/media/nodes/a/drain', payload: { drain: true } })
    expect([without.statusCode, without.json().message]).toEqual([404, 'There is no rtpengine of that name; there is none at all'])
  })

  test.each([[{}], [{ drain: 'yes' }], [{ drain: true, more: 1 }]])('a wrong body %j drains nothing', async (payload) => {
    let drains = 0
    const answer = await drained('media-b', payload, { drainNode: () => ++drains > 0 })
    expect([answer.statusCode, answer.json().code, drains]).toEqual([400, 'invalid', 0])
  })
})

describe('D8: access', () => {
  const guarded = [
    ['GET', '/api/state'],
    ['GET', '/api/calls'],
    ['POST', '/api/media/nodes/media-b/drain'],
    ['GET', '/api/log-level'],
    ['PUT', '/api/log-level'],
    ['POST', '/api/reload'],
  ] as const

  test.each(guarded)('on a public address %s %s needs the token', async (method, url) => {
    const { app } = serverWith({ address: '192.0.2.1', drainNode: () => true })
    const payload = method === 'PUT' ? { level: 'info' } : url.endsWith('/drain') ? { drain: true } : undefined
    const request = (authorization?: string) =>
      app.inject({ method, url, ...(payload && { payload }), ...(authorization && { headers: { authorization } }) })
    const none = await request()
    expect([none.statusCode, none.json().code, none.headers['www-authenticate']]).toEqual([401, 'unauthorized', 'Bearer realm="edgeways"'])
    expect((await request(`Bearer ${TOKEN}x`)).statusCode).toBe(401)
    expect((await request('Bearer x')).statusCode).toBe(401)
    expect((await request(`Basic ${TOKEN}`)).statusCode).toBe(401)
    expect((await request(`Bearer ${TOKEN}`)).statusCode).toBe(200)
  })

  test('without the token nothing is done', async () => {
    let reloads = 0
    const reload = async (): Promise<ReloadView> => {
      reloads += 1
      return { result: 'applied', at: '', changes: [], problems: [] }
    }
    const { app } = serverWith({ address: '::', reload })
    await app.inject({ method: 'POST', url: '/api/reload' })
    expect(reloads).toBe(0)
    await app.inject({ method: 'POST', url: '/api/reload', headers: { authorization: `bearer ${TOKEN}` } })
    expect(reloads).toBe(1)
  })

  test('health and metrics need no token anywhere', async () => {
    const { app } = serverWith({ address: '0.0.0.0' })
    expect((await app.inject('/api/health')).statusCode).toBe(200)
    expect((await app.inject('/metrics')).statusCode).toBe(200)
  })

  test('on loopback no token is needed', async () => {
    for (const address of ['127.0.0.1', '127.1.2.3', '::1']) {
      expect((await serverWith({ address }).app.inject({ method: 'POST', url: '/api/reload' })).statusCode).toBe(200)
    }
  })

  test('a web page of another origin cannot use a loopback server through the browser', async () => {
    const { app } = serverWith()
    const from = (origin: string) =>
      app.inject({ method: 'POST', url: '/api/reload', headers: { origin, host: '127.0.0.1:8080' } }).then(({ statusCode }) => statusCode)
    expect(await from('https://evil.example')).toBe(403)
    expect(await from('null')).toBe(403)
    expect(await from('http://127.0.0.1:8080')).toBe(200)
  })

  test('a name that was made to point at loopback is refused', async () => {
    const { app } = serverWith()
    const as = (host: string) => app.inject({ url: '/api/state', headers: { host } }).then(({ statusCode }) => statusCode)
    expect(await as('evil.example:8080')).toBe(403)
    expect(await as('localhost:8080')).toBe(200)
    expect(await as('[::1]:8080')).toBe(200)
    expect(await as('127.0.0.1')).toBe(200)
  })

  test('a refusal is logged without the token', async () => {
    const logged: string[] = []
    const log: Log = { ...SILENT_LOG, warn: (fields, text) => void logged.push(JSON.stringify(fields) + text) }
    await serverWith({ address: '192.0.2.1', log }).app.inject({ url: '/api/state', headers: { authorization: 'Bearer geheim' } })
    expect(logged).toHaveLength(1)
    expect(logged[0]).not.toContain('geheim')
  })
})

describe('the socket', () => {
  test('start answers the URL, stop closes', async () => {
    const server = serverWith()
    const url = await server.start()
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await fetch(`${url}/api/health`)).status).toBe(200)
    await server.stop()
    await expect(fetch(`${url}/api/health`)).rejects.toThrow()
  })

  test('a port that is taken is told with the address and a remedy', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    await expect(serverWith({ port }).start()).rejects.toMatchObject({
      code: 'SBC_ADMIN_LISTEN',
      message: `The admin server cannot listen on 127.0.0.1:${port}; is it in use? Set admin.listen`,
    })
    other.close()
  })
})
