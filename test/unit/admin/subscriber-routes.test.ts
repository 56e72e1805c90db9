import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addSubscriberRoutes } from '../../../src/admin/subscriber-routes.ts'
import { digestHa1 } from '../../../src/authentication/digest.ts'
import { type Database, openDatabase } from '../../../src/store/database.ts'
import { SealingKey } from '../../../src/store/sealing.ts'
import { SubscriberStore } from '../../../src/store/subscribers.ts'
import { accountsWith, HandClock, newFolder, serverWith, signIn, TOKEN } from './support.ts'

let database: Database
let store: SubscriberStore
let server: ReturnType<typeof serverWith>
const clock = new HandClock()
const phone = (user: string) => ({
  uri: `sip:${user}@example.com`,
  user: `9:${user}`,
  password: 'p',
  realm: 'example.com',
  expires: 'later',
})

beforeEach(async () => {
  const wall = () => clock.wall()
  database = openDatabase(join(newFolder(), 'edgeways.db'), { busyMs: 20, wall })
  store = new SubscriberStore({ database, key: new SealingKey(randomBytes(32)), realm: () => 'example.com', wall })
  const accounts = await accountsWith(['viewer', 'operator'], clock)
  server = serverWith({ accounts, clock, more: [(app) => addSubscriberRoutes(app, { desk: store, phone })] })
})
afterEach(() => database.close())

const send = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
  const answer = await server.app.inject({ method, url, headers: { authorization: `Bearer ${TOKEN}` }, ...(payload && { payload }) })
  return { status: answer.statusCode, body: answer.json() as Record<string, never>, text: answer.body }
}
const ALICE = { user: 'alice', displayName: 'Alice', aliases: ['100'] }
const AT = '2026-01-01T00:00:00.000Z'

describe('users of phones', () => {
  test('are added with a password that was given, which no answer shows', async () => {
    const { status, body, text } = await send('POST', '/api/subscribers', { ...ALICE, password: 'correct horse' })
    expect(status).toBe(201)
    expect(body).toEqual({ subscriber: { ...ALICE, enabled: true, password: true, created: AT, changed: AT } })
    const ha1 = digestHa1('MD5', 'alice', 'example.com', 'correct horse')
    expect(store.ha1('alice', 'MD5')).toBe(ha1)
    const all = text + (await send('GET', '/api/subscribers')).text + (await send('GET', '/api/subscribers/alice')).text
    for (const secret of [ha1, 'correct horse', digestHa1('SHA-256', 'alice', 'example.com', 'correct horse')])
      expect(all).not.toContain(secret)
  })

  test('are added with one that is made and shown once, or none', async () => {
    const { body } = await send('POST', '/api/subscribers', { user: 'alice', generate: true })
    expect(store.ha1('alice', 'SHA-256')).toBe(digestHa1('SHA-256', 'alice', 'example.com', body.password!))
    expect((await send('GET', '/api/subscribers/alice')).text).not.toContain(body.password)
    expect((await send('POST', '/api/subscribers', { user: 'bob' })).body).toMatchObject({ subscriber: { user: 'bob', password: false } })
    expect((await send('POST', '/api/subscribers', { user: 'carol', generate: true, password: 'correct horse' })).status).toBe(400)
  })

  test('are listed in pages, and searched', async () => {
    for (const user of ['a', 'b', 'c']) store.add({ user, displayName: `Name ${user}` })
    const { body } = await send('GET', '/api/subscribers?limit=2')
    expect(body).toMatchObject({ realm: 'example.com', total: 3, next: 'b', subscribers: [{ user: 'a' }, { user: 'b' }] })
    const rest = (await send('GET', '/api/subscribers?limit=2&after=b')).body
    expect(rest).toMatchObject({ subscribers: [{ user: 'c' }] })
    expect(rest).not.toHaveProperty('next')
    expect((await send('GET', '/api/subscribers?search=name%20C')).body).toMatchObject({ total: 1, subscribers: [{ user: 'c' }] })
    for (const query of ['limit=x', 'limit=-1', 'what=1']) expect((await send('GET', `/api/subscribers?${query}`)).status).toBe(400)
  })

  test('change, get another password, and go', async () => {
    store.add({ ...ALICE, password: 'correct horse' })
    expect((await send('PATCH', '/api/subscribers/alice', { enabled: false, aliases: ['101'] })).body).toMatchObject({
      enabled: false,
      aliases: ['101'],
      displayName: 'Alice',
    })
    const { body } = await send('PUT', '/api/subscribers/alice/password', {})
    expect(store.ha1('alice', 'MD5')).toBe(digestHa1('MD5', 'alice', 'example.com', body.password!))
    expect((await send('PUT', '/api/subscribers/alice/password', { password: 'another one' })).body).not.toHaveProperty('password')
    expect(store.ha1('alice', 'MD5')).toBe(digestHa1('MD5', 'alice', 'example.com', 'another one'))
    expect((await send('DELETE', '/api/subscribers/alice')).body).toEqual({ user: 'alice' })
    for (const [method, url, payload] of [
      ['GET', '', undefined],
      ['PATCH', '', { enabled: true }],
      ['PUT', '/password', {}],
      ['DELETE', '', undefined],
    ] as const)
      expect([method, (await send(method, `/api/subscribers/alice${url}`, payload)).status]).toEqual([method, 404])
  })

  test('what cannot be is refused in words', async () => {
    store.add(ALICE)
    expect(await send('POST', '/api/subscribers', { user: '100' })).toMatchObject({ status: 409, body: { code: 'SBC_SUBSCRIBER_EXISTS' } })
    expect(await send('POST', '/api/subscribers', { user: 'a b' })).toMatchObject({ status: 422, body: { code: 'SBC_SUBSCRIBER_INVALID' } })
    expect((await send('POST', '/api/subscribers', { user: 'bob', password: 'short' })).status).toBe(400)
    expect((await send('PATCH', '/api/subscribers/alice', {})).status).toBe(400)
    expect((await send('POST', '/api/subscribers', { user: 'bob', ha1: 'x' })).status).toBe(400)
  })

  test('a database that another one holds is told so', async () => {
    const other = openDatabase(database.file, { busyMs: 10, wall: () => 0 })
    other.sql.exec('BEGIN IMMEDIATE')
    expect(await send('POST', '/api/subscribers', { user: 'bob' })).toMatchObject({ status: 503, body: { code: 'SBC_STORE_BUSY' } })
    other.close()
  })
})

test('a viewer looks; an operator changes, and the audit log has it without secrets', async () => {
  const viewer = await signIn(server, 'viewer')
  expect((await viewer.send('GET', '/api/subscribers')).statusCode).toBe(200)
  for (const [method, url, payload] of [
    ['POST', '/api/subscribers', { user: 'x' }],
    ['PATCH', '/api/subscribers/x', { enabled: true }],
    ['PUT', '/api/subscribers/x/password', {}],
    ['DELETE', '/api/subscribers/x', undefined],
    ['POST', '/api/phone/credentials', {}],
  ] as const)
    expect([url, (await viewer.send(method, url, payload)).statusCode]).toEqual([url, 403])
  const operator = await signIn(server, 'operator')
  await operator.send('POST', '/api/subscribers', { ...ALICE, password: 'correct horse' })
  await operator.send('PATCH', '/api/subscribers/alice', { enabled: false })
  await operator.send('PUT', '/api/subscribers/alice/password', { password: 'another one' })
  await operator.send('POST', '/api/phone/credentials', {})
  await operator.send('DELETE', '/api/subscribers/alice')
  const audit = await server.app.inject({ url: '/api/audit', headers: { authorization: `Bearer ${TOKEN}` } })
  const entries = audit
    .json<{ entries: { who: string; what: string; subject?: string }[] }>()
    .entries.filter(({ who }) => who === 'operator')
  expect(entries.map(({ what, subject }) => `${what} ${subject}`)).toEqual(
    expect.arrayContaining([
      'subscriber-add alice',
      'subscriber-change alice',
      'subscriber-password alice',
      'phone-credentials test-phone',
      'subscriber-remove alice',
    ]),
  )
  for (const secret of ['correct horse', 'another one']) expect(audit.body).not.toContain(secret)
})

test('the test phone gets credentials for a user, or for its own name; not for who is disabled', async () => {
  expect((await send('POST', '/api/phone/credentials', {})).body).toEqual(phone('test-phone'))
  expect((await send('POST', '/api/phone/credentials', { user: 'alice' })).body).toEqual(phone('alice'))
  store.add({ user: 'locked', enabled: false })
  expect((await send('POST', '/api/phone/credentials', { user: 'locked' })).status).toBe(409)
  expect((await send('POST', '/api/phone/credentials', { user: 'a;b' })).status).toBe(422)
})
