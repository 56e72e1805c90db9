import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Phone } from '../../support/browser.ts'
import { LIBRARIES, type Library, type LibraryPhone } from '../../support/media/library-phone.ts'
import { headerOf } from '../../support/wire.ts'
import { type Ground, NAME, usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther } from '../11-media-calls/talk.ts'
import { type AtPbx, atPbx, calling, type Stage, setStage } from './place.ts'
import { addUser } from './users.ts'

const SECRET = 'a secret that the web application and the edge share'
const PASSWORD = 'sesame and more'

let stage: Stage
let pbx: Party

/** Our own registrar for browsers, whose pages come from one origin. */
const zones = (ground: Ground, origin: string): string => {
  const secretFile = join(ground.folder, 'token-secret')
  const timedFile = join(ground.folder, 'timed-secret')
  for (const file of [secretFile, timedFile]) writeFileSync(file, SECRET, { mode: 0o600 })
  return `${usualZones(ground)
    .replace("origins: ['*']", `origins: ['${origin}']`)
    .replace('routes:\n', `routes:\n  - { host: ${NAME}, to: browsers }\n`)}
registrar: {}
authentication: { failures: 1000, tokens: { secret-file: ${secretFile}, audience: ${NAME} }, timed-secret-file: ${timedFile} }
`
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What the web application gives to a page. @param seconds that it is good for */
const tokenFor = (user: string, seconds = 600): string => {
  const text = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: user, aud: NAME, exp: Math.floor(Date.now() / 1000) + seconds })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

beforeAll(async () => {
  stage = await setStage(5, zones)
  for (const user of ['alice', 'bob']) addUser(stage, user, PASSWORD)
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx({ proxy: { address: stage.lan(1), port: stage.ports.sip } })
})

afterEach(() => stage.cleared())

const open = (library: Library, user: string, more: Parameters<Stage['open']>[1] = {}): Promise<LibraryPhone> =>
  stage.open(library, { uri: `sip:${user}@${NAME}`, user, password: PASSWORD, ...more })

/** The PBX calls a user of the edge. */
const called = async (user: string): Promise<AtPbx> => atPbx(await pbx.call(`sip:${user}@${NAME}`))

describe.each(LIBRARIES)('%s and the edge as registrar', (library) => {
  it('with a password: registers, calls, and is called by its address', async () => {
    const page = await open(library, 'alice')
    expect(page.last('sent', 'REGISTER')).toMatch(/\r\nAuthorization: Digest .*username="alice"/)
    const out = await calling(stage, page, pbx)
    expect(headerOf(out.call.arrived[0]!, 'proxy-authorization')).toBe('')
    await Promise.all([out.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, out)
    await out.call.bye()
    await page.phone.event('ended')
    const back = await called('alice')
    await Promise.all([back.call.established(), page.phone.event('confirmed')])
    await hearEachOther(page, back)
    await page.phone.do('hangUp')
    await back.call.ended()
    await page.phone.do('unregister')
    await page.phone.event('unregistered')
    const late = await called('alice')
    expect((await late.call.final()).status).toBe(480)
  })

  it('with a wrong password is refused', async () => {
    const page = await open(library, 'alice', { register: false, password: 'wrong' })
    await page.phone.do('register')
    expect(await page.phone.event('registration refused')).toBe('registration refused 401')
    expect(page.last('sent', 'REGISTER')).toMatch(/\r\nAuthorization: Digest .*username="alice"/)
  })

  it('RFC 8898: with a token instead of a password registers, calls, and is called', async () => {
    const token = tokenFor('alice')
    const page = await stage.open(library, { uri: `sip:alice@${NAME}`, token })
    const out = await calling(stage, page, pbx, { headers: library === 'SIP.js' ? [`Authorization: Bearer ${token}`] : [] })
    expect(out.call.arrived[0]!.bytes.toString('latin1')).not.toContain(token)
    await Promise.all([out.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, out)
    await out.call.bye()
    await page.phone.event('ended')
    const back = await called('alice')
    await Promise.all([back.call.established(), page.phone.event('confirmed')])
    await back.call.bye()
  })

  it('with an expired token is refused', async () => {
    const page = await stage.open(library, { register: false, uri: `sip:alice@${NAME}`, token: tokenFor('alice', -3600) })
    await page.phone.do('register')
    expect(await page.phone.event('registration refused')).toBe('registration refused 401')
  })

  it.each([600, -600])('with a name that ends in %i s', async (seconds) => {
    const user = `${Math.floor(Date.now() / 1000) + seconds}:alice`
    const password = createHmac('sha1', SECRET).update(user).digest('base64')
    const page = await stage.open(library, { register: false, uri: `sip:alice@${NAME}`, user, password })
    await page.phone.do('register')
    expect(await page.phone.event('regist')).toBe(seconds > 0 ? 'registered' : 'registration refused 401')
    if (seconds < 0) return
    const out = await calling(stage, page, pbx)
    await Promise.all([out.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, out)
    await out.call.bye()
  })

  it('one user calls another: both hear and see each other', async () => {
    const bob = await open(library, 'bob', { hz: 700, colour: 'red', video: true })
    const alice = await open(library, 'alice', { colour: 'green' })
    await alice.phone.do('call', { target: `sip:bob@${NAME}`, video: true })
    await Promise.all([alice.phone.event('confirmed'), bob.phone.event('confirmed')])
    await Promise.all([hearEachOther(alice, bob), alice.sees('red'), bob.sees('green')])
    await bob.phone.do('hangUp')
    expect(await alice.phone.event('ended')).toBe('ended remote')
  })

  it('two tabs with one account: both ring, one answers, the other one stops', async () => {
    const one = await open(library, 'alice', { answers: false, hz: 700 })
    const other = await open(library, 'alice', { answers: false })
    const { call, ...side } = await called('alice')
    await Promise.all([one.phone.event('incoming'), other.phone.event('incoming')])
    await one.phone.do('answer')
    await call.established()
    expect(await other.phone.event('failed')).toBe('failed remote cancelled')
    await hearEachOther(one, side)
    await call.bye()
    expect(await one.phone.event('ended')).toBe('ended remote')
  })

  it('a second call to one who talks: it says 486, and talks on', async () => {
    const page = await open(library, 'alice')
    const first = await called('alice')
    await Promise.all([first.call.established(), page.phone.event('confirmed')])
    await page.phone.do('answerCalls', false)
    const second = await called('alice')
    await page.phone.event('incoming')
    await page.phone.do('select', 1)
    await page.phone.do('hangUp', 486)
    expect((await second.call.final()).status).toBe(486)
    await page.phone.do('select', 0)
    await hearEachOther(page, first)
    await first.call.bye()
  })
})

it('T12: a page of another origin gets no connection', async () => {
  const context = await stage.browser.newContext()
  const phone = new Phone(await context.newPage())
  await phone.page.goto(stage.origin.replace('127.0.0.1', 'localhost'))
  const closed = await phone.page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket('wss://${NAME}:${stage.ports.wss}', 'sip')
    socket.onopen = () => resolve('open')
    socket.onclose = ({ code }) => resolve(code)
  })`)
  expect(closed).toBe(1006)
  await phone.page.goto(stage.origin)
  const opened = await phone.page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket('wss://${NAME}:${stage.ports.wss}', 'sip')
    socket.onopen = () => resolve('open')
    socket.onclose = ({ code }) => resolve(code)
  })`)
  expect(opened).toBe('open')
  await phone.close()
})
