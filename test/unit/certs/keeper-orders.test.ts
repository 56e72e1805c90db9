import { X509Certificate } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AcmeError } from '../../../src/certs/acme/errors.ts'
import { acmeEntry, HOUR, MINUTE, makeWorld, START, unused, usage, type World } from './keeper-world.ts'
import { DAY } from './support.ts'

let world: World
beforeEach(async () => {
  world = await makeWorld()
})
afterEach(() => world.remove())

const serialOf = (chain: string): string => new X509Certificate(chain).serialNumber
const shownSerial = (name = 'main'): string => serialOf(world.shown.get(name)!.chain)
const gate = () => Promise.withResolvers<void>()

describe('the first order', () => {
  test('listeners need not wait for the CA: a development certificate with the same names stands in, and the view says so', async () => {
    const held = gate()
    world.fake.gate = held.promise
    await world.load([acmeEntry('main', ['sbc.example.com', 'tenant.example.com'])])
    expect(world.shown.get('main')?.hosts).toEqual(['sbc.example.com', 'tenant.example.com'])
    await world.keeper.start()
    await world.until(() => world.fake.busy === 1)
    expect(world.view('main')).toMatchObject({
      source: 'acme',
      hosts: ['sbc.example.com', 'tenant.example.com'],
      usedBy: ['web/wss'],
      next: { what: 'ordering', text: 'The CA took the order' },
      order: { running: true, steps: [{ at: 'start' }, { at: 'order' }] },
      problems: [{ severity: 'error', text: 'It is not there yet: a certificate of the development CA stands in, which nobody trusts' }],
    })
    expect(world.keeper.daysLeft()).toEqual([{ name: 'main', days: 0 }])
    held.resolve()
    await world.idle()
    expect(world.fake.orders).toEqual([{ name: 'main', hosts: ['sbc.example.com', 'tenant.example.com'], keyType: 'ecdsa256' }])
    const view = world.view('main')
    expect(view.order).toMatchObject({ running: false, steps: [{ at: 'start' }, { at: 'order' }, { at: 'check' }, { at: 'done' }] })
    expect(view).toMatchObject({ issuer: 'CN=Test CA', daysLeft: 90, keyType: 'ECDSA P-256', history: [] })
    expect(view.next).toMatchObject({ what: 'renew', text: 'It is renewed by itself, after two thirds of its life' })
    expect(view.problems.map(({ text }) => text)).toEqual([expect.stringContaining('is no public root')])
    expect(shownSerial()).toBe(view.serial)
    expect(world.counted).toEqual(['main ok'])
    expect(world.keeper.daysLeft()).toEqual([{ name: 'main', days: 90 }])
    expect(await world.keeper.chain('main')).toBe(world.shown.get('main')?.chain)
  })

  test('is on disk as documented, the key for its owner alone, and is there after a restart without another order', async () => {
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    const serial = shownSerial()
    await world.stop()
    const folder = join(world.folder, 'certificates', 'main')
    expect((await readdir(folder)).sort()).toEqual(['chain.pem', 'development', 'key.pem', 'state.json'])
    for (const name of ['key.pem', 'state.json']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([acmeEntry('main')])
    await again.keeper.start()
    expect(serialOf(again.shown.get('main')!.chain)).toBe(serial)
    await again.pass(DAY)
    expect(again.fake.orders).toEqual([])
    await again.stop()
  })

  test('is not made for a certificate that nobody uses', async () => {
    await world.load([acmeEntry('main')], { main: unused })
    await world.keeper.start()
    await world.pass(DAY)
    expect(world.fake.orders).toEqual([])
    expect(world.view('main').next).toEqual({ what: 'nothing', text: 'No listener uses it, so it is not ordered' })
    await world.load([acmeEntry('main')], { main: { ...unused, also: ['admin'] } })
    await world.pass(MINUTE)
    await world.idle()
    expect(world.fake.orders).toHaveLength(1)
    expect(world.view('main').usedBy).toEqual(['admin'])
  })

  test('is not made with a key that a zone cannot use', async () => {
    const needs = [{ label: 'Zone carrier', keyTypes: ['rsa'] as const }]
    await world.load([acmeEntry('main')], { main: usage(undefined, { needs }) })
    expect(new X509Certificate(world.shown.get('main')!.chain).publicKey.asymmetricKeyType).toBe('rsa')
    await world.keeper.start()
    await world.idle()
    expect(world.fake.orders).toEqual([])
    expect(world.view('main').problems[1]?.text).toBe(
      'Zone carrier cannot use a key of type ecdsa256; set key of certificate main to rsa2048, or take it from that listener',
    )
  })
})

describe('orders at once', () => {
  test('two at most, one for each certificate; the others wait in line and say so', async () => {
    const held = gate()
    world.fake.gate = held.promise
    await world.load(['a', 'b', 'c', 'd'].map((name) => acmeEntry(name)))
    await world.keeper.start()
    await world.pass(MINUTE)
    const said = () => world.keeper.views().map(({ next }) => next.text)
    const [taken, waits] = ['The CA took the order', 'It is ordered when another order is done']
    await world.until(() => world.fake.busy === 2 && said().filter((text) => text === taken).length === 2)
    expect(said()).toEqual([taken, taken, waits, waits])
    await expect(world.keeper.renew('a')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_BUSY' })
    await expect(world.keeper.renew('d')).rejects.toThrow('Certificate d is being ordered already')
    held.resolve()
    await world.idle()
    // Who of two that begin together comes first is decided by whose key is found first
    const order = world.fake.orders.map(({ name }) => name)
    expect([order.slice(0, 2).sort(), order.slice(2).sort()]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect(world.fake.most).toBe(2)
  })
})

describe('renewal', () => {
  beforeEach(async () => {
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
  })

  test('at two thirds of the life, by the timer alone; the old one goes into the history', async () => {
    const first = shownSerial()
    await world.pass(56 * DAY)
    expect(world.fake.orders).toHaveLength(1)
    await world.pass(4 * DAY)
    await world.idle()
    expect(world.fake.orders).toHaveLength(2)
    expect(shownSerial()).not.toBe(first)
    expect(world.view('main').history).toMatchObject([{ serial: first, replacedAt: '2026-07-31T00:00:00.000Z' }])
    expect(world.alarms).toEqual([])
  })

  test('RFC 9773 §5: the CA is told which one is replaced', async () => {
    const before = world.shown.get('main')!.chain
    await world.keeper.renew('main')
    await world.idle()
    expect(world.fake.orders[1]?.replaces).toBe(before)
  })

  test('a new key every time', async () => {
    const key = world.shown.get('main')!.key
    await world.keeper.renew('main')
    await world.idle()
    expect(world.shown.get('main')!.key).not.toBe(key)
  })

  test('RFC 9773: the window of the CA counts, and is asked for again as the CA says', async () => {
    const asked = world.fake.asked
    world.fake.window = { start: START + 20 * DAY, end: START + 21 * DAY, retryAfterMs: 6 * HOUR }
    await world.pass(7 * HOUR)
    await world.pass(1000)
    expect(world.fake.asked).toBe(asked + 1)
    expect(world.view('main').next.text).toBe('It is renewed by itself, at a time that the CA suggests')
    expect(world.view('main').next.at).toMatch(/^2026-06-21/)
    await world.pass(5 * HOUR)
    expect(world.fake.asked).toBe(asked + 1)
    await world.pass(2 * HOUR)
    expect(world.fake.asked).toBe(asked + 2)
    expect(world.fake.orders).toHaveLength(1)
    await world.pass(21 * DAY)
    await world.idle()
    expect(world.fake.orders).toHaveLength(2)
  })

  test('RFC 9773: a window in the past means now: the CA is about to revoke', async () => {
    world.fake.window = { start: START - 2 * DAY, end: START - DAY, explanation: 'https://ca.test/why', retryAfterMs: 6 * HOUR }
    await world.pass(7 * HOUR)
    await world.pass(1000)
    await world.idle()
    expect(world.fake.orders).toHaveLength(2)
  })

  test('RFC 9773: a CA that does not answer leaves what it said before', async () => {
    world.fake.window = { start: START + 20 * DAY, end: START + 21 * DAY, retryAfterMs: 6 * HOUR }
    await world.pass(7 * HOUR)
    world.fake.window = new Error('not there')
    await world.pass(7 * HOUR)
    await world.pass(1000)
    expect(world.view('main').next.at).toMatch(/^2026-06-21/)
  })

  test('at the time that the operator says, without asking the CA', async () => {
    const { asked } = world.fake
    await world.load([acmeEntry('main', undefined, { renewBeforeMs: 80 * DAY })])
    expect(world.view('main').next).toMatchObject({ what: 'renew', at: '2026-07-16T00:00:00.000Z' })
    await world.pass(46 * DAY)
    await world.idle()
    expect(world.fake.orders).toHaveLength(2)
    expect(world.fake.asked).toBe(asked)
  })

  test.each([
    ['other names', acmeEntry('main', ['sbc.example.com', 'b.example.com']), 'its names were changed'],
    ['another CA', acmeEntry('main', undefined, { directory: 'https://other.test/' }), 'another CA is configured'],
    [
      'another key',
      { ...acmeEntry('main'), source: { ...acmeEntry('main').source, keyType: 'rsa2048' } } as ReturnType<typeof acmeEntry>,
      'another key is configured',
    ],
  ])('a configuration with %s: it is ordered anew, and the old one goes on until then', async (_what, entry, why) => {
    const before = shownSerial()
    world.fake.fault = new Error('not now')
    await world.load([entry])
    expect(shownSerial()).toBe(before)
    expect(world.view('main').next.text).toBe(`It is ordered anew, because ${why}`)
    await world.pass(1000)
    await world.idle()
    expect(shownSerial()).toBe(before)
    world.fake.fault = undefined
    await world.pass(2 * MINUTE)
    await world.idle()
    expect(shownSerial()).not.toBe(before)
    expect(world.fake.orders.at(-1)?.hosts).toEqual(entry.hosts)
    await world.pass(DAY)
    expect(world.fake.orders).toHaveLength(3)
  })

  test('a chain that does not fit is refused, and the old one stays', async () => {
    const before = shownSerial()
    const { issue } = world.fake.issuer
    const bad = world.fake.ca.issue({ hosts: ['sbc.example.com'], from: START, to: START + 90 * DAY }).chain
    Object.assign(world.fake.issuer, { issue: async () => bad })
    await world.keeper.renew('main')
    await world.idle()
    expect(shownSerial()).toBe(before)
    expect(world.view('main').problems[0]?.text).toContain('The key belongs to another certificate')
    Object.assign(world.fake.issuer, { issue })
  })

  test('a certificate that goes out of the configuration in mid-order is given up', async () => {
    world.fake.gate = gate().promise
    await world.keeper.renew('main')
    await world.until(() => world.fake.busy === 1)
    await world.load([])
    expect(world.fake.busy).toBe(0)
    expect(world.keeper.views()).toEqual([])
    await expect(world.keeper.renew('main')).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_UNKNOWN',
      message: 'There is no certificate "main"; there is none at all',
    })
  })
})

describe('a CA that is down for days', () => {
  test('is asked with growing pauses; people are told at once and once a day, with its reason; then all is well', async () => {
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    const before = shownSerial()
    world.fake.fault = new AcmeError('SBC_CERTIFICATE_CA', 'ca.test does not answer: connect ECONNREFUSED')
    await world.pass(60 * DAY)
    await world.idle()
    const attempts: number[] = []
    const since = world.clock.time
    let count = world.fake.orders.length
    while (world.clock.time < since + 4 * DAY) {
      await world.pass(MINUTE)
      await world.idle()
      if (world.fake.orders.length > count) attempts.push((world.clock.time - since) / MINUTE)
      count = world.fake.orders.length
    }
    // Minutes after the first failure
    expect(attempts.slice(0, 4)).toEqual([1, 6, 26, 86])
    expect(attempts.length).toBeLessThan(14)
    expect(shownSerial()).toBe(before)
    const failed = world.alarms.filter(({ kind }) => kind === 'renewal-failed')
    expect(failed.length).toBeGreaterThanOrEqual(3)
    expect(failed.length).toBeLessThanOrEqual(5)
    expect(failed[0]).toMatchObject({
      certificate: 'main',
      severity: 'warning',
      text: 'Certificate main was not renewed: ca.test does not answer: connect ECONNREFUSED',
    })
    expect(world.view('main')).toMatchObject({
      next: { what: 'retry' },
      problems: [{ text: 'ca.test does not answer: connect ECONNREFUSED' }, {}],
    })
    world.fake.fault = undefined
    await world.pass(13 * HOUR)
    await world.idle()
    expect(shownSerial()).not.toBe(before)
    expect(world.alarms.at(-1)).toMatchObject({ kind: 'recovered', severity: 'info' })
    expect(world.view('main').problems.map(({ text }) => text)).toEqual([expect.stringContaining('is no public root')])
    await world.stop()
    expect((await world.state('main')).failures).toBe(0)
  }, 30_000)

  test('its "not before" is honoured, also over a restart', async () => {
    const notBefore = START + 3 * DAY
    world.fake.fault = new AcmeError('SBC_CERTIFICATE_RATE_LIMIT', 'ca.test takes no more orders for now', { notBefore })
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    expect(world.view('main').next).toMatchObject({ what: 'retry', at: new Date(notBefore).toISOString() })
    await world.pass(2 * DAY)
    expect(world.fake.orders).toHaveLength(1)
    await world.stop()
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([acmeEntry('main')])
    await again.keeper.start()
    expect(again.fake.orders).toHaveLength(0)
    await again.pass(DAY)
    await again.idle()
    expect(again.fake.orders).toHaveLength(1)
    await again.stop()
  })

  test('a person may try all the same', async () => {
    world.fake.fault = new AcmeError('SBC_CERTIFICATE_RATE_LIMIT', 'no', { notBefore: START + 3 * DAY })
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    world.fake.fault = undefined
    await world.keeper.renew('main')
    await world.idle()
    expect(world.view('main').daysLeft).toBe(90)
  })
})

describe('a restart', () => {
  test('in mid-order: it is tried again, and the view says why', async () => {
    world.fake.gate = gate().promise
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.until(() => world.fake.busy === 1)
    await world.stop()
    expect(await world.state('main')).toMatchObject({ failures: 0, order: { running: true } })
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([acmeEntry('main')])
    await again.keeper.start()
    expect(again.view('main')).toMatchObject({
      next: { what: 'retry', text: 'The last order was cut off by a restart; it is tried again' },
      order: { running: false, steps: [{ at: 'start' }, { at: 'order' }] },
    })
    expect(again.fake.orders).toHaveLength(0)
    await again.pass(MINUTE)
    await again.idle()
    expect(again.view('main').daysLeft).toBe(90)
    expect(again.alarms).toEqual([])
    await again.stop()
  })

  test('a second process on the same folder orders nothing, takes over what the first has ordered, and then its place', async () => {
    await world.load([acmeEntry('main')])
    const second = await makeWorld({ folder: world.folder, clock: world.clock })
    await second.load([acmeEntry('main')])
    await second.keeper.start()
    expect(second.view('main').next.text).toBe(`Another process (${process.pid}) on this data folder takes care of it`)
    await expect(second.keeper.renew('main')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_BUSY' })
    await world.keeper.start()
    await world.idle()
    await second.pass(30_000)
    await second.pass(30_000)
    expect(second.fake.orders).toEqual([])
    expect(serialOf(second.shown.get('main')!.chain)).toBe(shownSerial())
    expect(second.view('main').order).toBeUndefined()
    await world.stop()
    await second.pass(30_000)
    // What the first one has written down is known
    expect(second.view('main')).toMatchObject({ order: { running: false, steps: { length: 4 } }, next: { what: 'renew' } })
    await second.pass(60 * DAY)
    await second.idle()
    expect(second.fake.orders).toHaveLength(1)
    await second.stop()
  })
})

describe('revocation', () => {
  test('tells the CA with key and reason, and orders another; the old one serves until it is there', async () => {
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    const before = world.shown.get('main')!
    const held = gate()
    world.fake.gate = held.promise
    await world.keeper.revoke('main', 1)
    expect(world.fake.revoked).toEqual([{ chain: before.chain, key: before.key, reason: 1 }])
    expect(world.shown.get('main')?.chain).toBe(before.chain)
    expect((await world.state('main')).revoked).toBe(serialOf(before.chain))
    held.resolve()
    await world.idle()
    expect(world.shown.get('main')?.chain).not.toBe(before.chain)
    await world.stop()
    expect((await world.state('main')).revoked).toBeUndefined()
  })

  test('of a restart before the new one is there: it is ordered all the same', async () => {
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    world.fake.fault = new Error('not now')
    await world.keeper.revoke('main', 4)
    await world.idle()
    await world.stop()
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([acmeEntry('main')])
    await again.keeper.start()
    await again.pass(2 * MINUTE)
    await again.idle()
    expect(again.fake.orders).toHaveLength(1)
    await again.stop()
  })

  test('needs a reason that exists, and a certificate that is there', async () => {
    world.fake.gate = gate().promise
    await world.load([acmeEntry('main')])
    await expect(world.keeper.revoke('main', 6)).rejects.toThrow('6 is no reason that can be given; take one of 0 (unspecified), 1')
    await expect(world.keeper.revoke('main', 0)).rejects.toThrow('is not there yet')
  })
})
