import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import type { Listener } from '../../../src/address/listener.ts'
import type { Role } from '../../../src/admin/auth/roles.ts'
import { createAuthority } from '../../support/authority.ts'
import { makeListener, options, start, text } from '../transport/support.ts'
import { accountsWith, HandClock, newFolder, serverWith, signIn } from './support.ts'

let world: ReturnType<typeof start>
let clients: WebSocket[]
beforeEach(() => {
  world = start()
  clients = []
})
afterEach(async () => {
  for (const client of clients) client.terminate()
  await world.transports.closeAll('test over')
})

interface Wishes {
  readonly roles?: readonly Role[]
  /** Whether `/sip` is there. */
  readonly open?: boolean
  readonly plain?: boolean
  readonly settings?: Parameters<typeof options>
}

/** An admin server whose WebSocket connections belong to a ws listener of zone `browsers`. */
const place = async ({ roles = ['viewer', 'operator'], open = true, plain = false, settings = [] }: Wishes = {}) => {
  const listener: Listener = await makeListener('ws', '127.0.0.1', { advertisedHost: 'sbc.example.com', advertisedPort: 443 })
  const [limits = {}, more = {}] = settings
  await world.transports.open(listener, options(limits, { origins: ['https://app.example.com'], originRequired: true, ...more }))
  const clock = new HandClock()
  const accounts = await accountsWith(roles, clock)
  const ca = createAuthority(newFolder())
  const { chain, key } = ca.issue('one', ['sbc.example.com', '127.0.0.1'])
  const server = serverWith({
    accounts,
    clock,
    ...(plain ? {} : { tls: { cert: chain, key } }),
    webSocket: {
      open: () => (open ? listener.name : undefined),
      phone: (zone) => (zone === undefined || zone === 'browsers' ? listener.name : undefined),
      adopt: (name, handshake) => world.transports.adopt(name, handshake),
    },
  })
  const url = (await server.start()).replace(/^http/, 'ws')
  const make = (path: string, more: ClientOptions = {}, protocols: string[] = ['sip']): WebSocket => {
    const client = new WebSocket(`${url}${path}`, protocols, { ca: ca.certificate, ...more })
    clients.push(client)
    client.on('error', () => {})
    return client
  }
  const dial = async (path: string, more: ClientOptions = {}): Promise<WebSocket> => {
    const client = make(path, more)
    await once(client, 'open')
    return client
  }
  const refusal = async (path: string, more: ClientOptions = {}, protocols?: string[]): Promise<[number, string]> => {
    const [, response] = await once(make(path, more, protocols), 'unexpected-response')
    let body = ''
    for await (const chunk of response) body += chunk
    return [response.statusCode, body.trim()]
  }
  return { listener, server, accounts, clock, url, own: url.replace(/^ws/, 'http'), make, dial, refusal }
}

const APP = { origin: 'https://app.example.com' }

test('a handshake on /sip is one of the listener: its name, its limits, its messages', async () => {
  const { listener, dial } = await place()
  const client = await dial('/sip', APP)
  const { flow } = await world.events.wait('opened')
  expect(flow).toMatchObject({ listener, remoteAddress: '127.0.0.1', origin: 'https://app.example.com', open: true })
  expect(flow.listener.sentBy).toBe('sbc.example.com:443')
  expect(client.protocol).toBe('sip')
  expect(world.transports.counts().get(listener.name)).toBe(1)
  client.send(text('hello'))
  expect((await world.events.wait('received')).text).toBe(text('hello'))
  const answer = once(client, 'message')
  flow.send(Buffer.from(text('back')))
  expect(String((await answer)[0])).toBe(text('back'))
  client.close()
  await world.events.wait('closed')
  expect(world.transports.counts().get(listener.name)).toBe(0)
})

test('T12: origins and sub-protocol are judged and counted as on the listener', async () => {
  const { refusal } = await place()
  expect(await refusal('/sip', { origin: 'https://evil.example' })).toEqual([403, 'Origin https://evil.example is not allowed here.'])
  expect(await refusal('/sip')).toEqual([403, 'An Origin header is required.'])
  expect((await refusal('/sip', APP, ['chat']))[0]).toBe(400)
  expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['origin', 'origin', 'sub-protocol'])
})

test('the limits of connections are those of the listener, and what has ended does not count', async () => {
  const { dial, refusal } = await place({ settings: [{ maxConnectionsPerSource: 1 }] })
  const first = await dial('/sip', APP)
  expect(await refusal('/sip', APP)).toEqual([503, 'There are too many connections.'])
  first.close()
  await world.events.wait('closed')
  await dial('/sip', APP)
})

test('connections that were handed on do not use up those of the admin server', async () => {
  const { dial, server } = await place({ settings: [{ maxConnectionsPerSource: 1000 }] })
  await Promise.all(Array.from({ length: 210 }, () => dial('/sip', APP)))
  expect((await server.app.inject('/api/health')).statusCode).toBe(200)
  expect(world.transports.counts().get('lan/ws')).toBe(210)
})

test('everything else is refused', async () => {
  const { refusal } = await place({ open: false })
  for (const path of ['/sip', '/', '//', '/sip/', '/phone', '/api/state'])
    expect(await refusal(path, APP), path).toEqual([404, 'There is no WebSocket here.'])
})

test('over plain HTTP the reverse proxy of this machine says who it is', async () => {
  const { dial } = await place({ plain: true })
  await dial('/sip', { ...APP, headers: { 'x-forwarded-for': '198.51.100.7' } })
  expect((await world.events.wait('opened')).flow.remoteAddress).toBe('198.51.100.7')
})

test('the test phone connects with the session of an operator, from our own page', async () => {
  const { listener, server, own, dial, refusal } = await place({ open: false })
  const headers = { cookie: (await signIn(server, 'operator')).cookie }
  await dial('/phone/sip', { origin: own, headers })
  expect((await world.events.wait('opened')).flow).toMatchObject({ listener, origin: own })
  await dial('/phone/sip?zone=browsers', { origin: own, headers })
  expect(await refusal('/phone/sip?zone=pbx', { origin: own, headers })).toEqual([404, 'There is no such zone with a ws or wss listener.'])
  expect((await refusal('/phone/sip', { origin: 'https://app.example.com', headers }))[0]).toBe(403)
  expect((await refusal('/phone/sip', { headers }))[0]).toBe(403)
})

test('nobody else gets the test phone: viewers, tokens, strangers', async () => {
  const { server, own, refusal } = await place()
  const { cookie } = await signIn(server, 'viewer')
  expect((await refusal('/phone/sip', { origin: own, headers: { cookie } }))[0]).toBe(403)
  expect((await refusal('/phone/sip', { origin: own, headers: { cookie: `${cookie}x` } }))[0]).toBe(401)
  expect((await refusal('/phone/sip', { origin: own }))[0]).toBe(401)
  const token = { authorization: 'Bearer a-token-of-at-least-thirty-two-characters' }
  expect((await refusal('/phone/sip', { origin: own, headers: token }))[0]).toBe(403)
  expect(world.events.of('opened')).toEqual([])
})

test('on a first start, when nobody has an account, this machine has the test phone', async () => {
  const { own, dial } = await place({ roles: [], plain: true })
  await dial('/phone/sip', { origin: own })
  await world.events.wait('opened')
})

test('who signs out loses the connection of the test phone, and so does who was away for too long', async () => {
  const { server, clock, own, dial } = await place({ roles: ['viewer', 'operator', 'admin'] })
  const operator = await signIn(server, 'operator')
  const admin = await signIn(server, 'admin')
  const phone = await dial('/phone/sip', { origin: own, headers: { cookie: operator.cookie } })
  await dial('/phone/sip', { origin: own, headers: { cookie: admin.cookie } })
  const closed = once(phone, 'close')
  await operator.send('POST', '/api/logout')
  expect((await closed)[0]).toBe(1001)
  expect(await world.events.wait('closed')).toMatchObject({ reason: 'signed out of the web admin' })
  clock.pass(3_600_000)
  server.sweepPhones()
  await world.events.wait('closed', 2)
})
