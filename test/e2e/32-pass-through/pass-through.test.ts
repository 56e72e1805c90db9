import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../../support/processes.ts'
import { headerOf } from '../../support/wire.ts'
import { ownContact } from './client.ts'
import { expiresOf, isReached, type Site, startSite, TRANSPORTS } from './site.ts'

describe.each([
  ['path', 'auto', 'stores the Path, as Kamailio and OpenSIPS do'],
  ['plain', 'contact', 'stores the Contact as it is and knows no Path, as Asterisk does'],
  ['source', 'contact', 'calls where the REGISTER came from, as FreeSWITCH does'],
] as const)('N3: a registrar of habit %s (registrar: %s), which %s', (habit, way, _what) => {
  let site: Site

  beforeAll(async () => {
    site = await startSite(habit, { way, clients: ', lost-connection: { registration: 1s }' })
  })
  afterEach(() => site.cleared())
  afterAll(() => site?.stop())

  test.each(TRANSPORTS)('a client over %s registers with digest, is called, and takes its registration back', async (transport) => {
    const user = `${transport}-one`
    const client = await site.client(user, transport)
    const ok = await client.register()
    expect(ok.status).toBe(200)
    expect(ownContact(ok, client), headerOf(ok, 'contact')).toBeDefined()
    await site.registrar.keeps(user, 1)
    expect(site.registrar.kept(user)?.contact.includes(';ewc=')).toBe(habit !== 'path')
    await isReached(site, user, client)
    expect((await client.register(0)).status).toBe(200)
    await site.registrar.keeps(user, 0)
  })

  test('N5: a closed connection is unregistered at the registrar', async () => {
    const client = await site.client('vanisher', 'wss')
    expect((await client.register()).status).toBe(200)
    await site.registrar.keeps('vanisher', 1)
    client.vanish()
    await site.registrar.keeps('vanisher', 0)
    expect(await site.edge.metric('edgeways_passed_registrations_total', { what: 'taken-back' })).toBeGreaterThan(0)
    const { registrations } = await site.views()
    expect(registrations.filter(({ aor }) => aor.startsWith('vanisher@'))).toEqual([])
  })

  test('network change: the same client on a new connection has one Contact at the registrar, and is reached there', async () => {
    const client = await site.client('mover', 'wss')
    await client.register()
    client.vanish()
    await client.returns()
    expect((await client.register()).status).toBe(200)
    await site.registrar.keeps('mover', 1)
    await isReached(site, 'mover', client)
  })

  test('two clients of one account are two Contacts, each takes back its own, and the other is still called', async () => {
    const [first, second] = [await site.client('shared', 'wss'), await site.client('shared', 'tls')]
    await first.register()
    const ok = await second.register()
    await site.registrar.keeps('shared', 2)
    expect(ownContact(ok, first), 'the other one is named as it calls itself').toBeDefined()
    expect(ownContact(ok, second)).toBeDefined()
    expect((await site.views()).registrations.filter(({ aor }) => aor.startsWith('shared@'))).toHaveLength(2)
    await second.register(0)
    await site.registrar.keeps('shared', 1)
    await isReached(site, 'shared', first)
  })

  test('D1: after kill -9 and a restart the registrar still reaches a UDP phone, and a browser that came back', async () => {
    const phone = await site.client('desk', 'udp')
    const browser = await site.client('tab', 'wss')
    await phone.register()
    await browser.register()
    await site.edge.kill9()
    await site.edge.restart()
    await isReached(site, 'desk', phone)
    await browser.returns()
    expect((await browser.register()).status).toBe(200)
    await site.registrar.keeps('tab', 1)
    await isReached(site, 'tab', browser)
  })

  test('the registrar is restarted and has forgotten everybody: the next refresh is challenged and registers', async () => {
    const client = await site.client('keeper', 'wss')
    await client.register()
    await site.registrar.restart()
    expect((await client.register()).status).toBe(200)
    await isReached(site, 'keeper', client)
  })
})

describe('RFC 3327 §5.3: with `registrar: auto`, a registrar that knows no Path', () => {
  let site: Site

  beforeAll(async () => {
    site = await startSite('plain')
  })
  afterEach(() => site.cleared())
  afterAll(() => site?.stop())

  test('is found out by its first answer: the client comes again soon, and can be called then', async () => {
    const client = await site.client('first', 'wss')
    const ok = await client.register()
    expect(expiresOf(ok, client)).toBe('10')
    const again = await client.register()
    expect(expiresOf(again, client)).toBe('600')
    // The Contact from before, under which nobody can be called, is taken back
    await until(
      async () => (await site.edge.metric('edgeways_passed_registrations_total', { what: 'taken-back' })) >= 1 || undefined,
      'take back',
    )
    expect(site.registrar.kept('first')).toMatchObject({ count: 1, contact: expect.stringContaining(';ewc=') })
    await isReached(site, 'first', client)
  })
})

describe('refreshes that the edge answers', () => {
  let site: Site

  beforeAll(async () => {
    site = await startSite('plain', { way: 'contact', clients: ', registration: { mode: pass, refresh: 10s, renew: 1h }' })
  })
  afterEach(() => site.cleared())
  afterAll(() => site?.stop())

  test('the registrar hears of a client once, is asked for the long time, and calls it', async () => {
    const client = await site.client('often', 'tls')
    const ok = await client.register()
    expect(expiresOf(ok, client)).toBe('10')
    for (let i = 0; i < 3; i++) expect(ownContact(await client.register(), client)).toBe(ownContact(ok, client))
    expect(await site.edge.metric('edgeways_passed_registrations_total', { what: 'answered' })).toBe(3)
    expect(await site.edge.metric('edgeways_passed_registrations_total', { what: 'passed' })).toBe(1)
    await isReached(site, 'often', client)
  })
})
