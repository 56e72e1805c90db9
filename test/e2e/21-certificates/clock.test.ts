import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createAcmeIssuer } from '../../../src/certs/acme/issuer.ts'
import type { CertificateAlarm } from '../../../src/certs/alarms.ts'
import { CertificateKeeper } from '../../../src/certs/keeper.ts'
import type { CertificateView, ChallengeKind } from '../../../src/certs/types.ts'
import { UNUSED } from '../../../src/certs/usage.ts'
import type { CertificateEntry } from '../../../src/config/snapshot.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { until } from '../../support/processes.ts'
import { realClock } from '../20-acme/order.ts'
import { startWorld, type World } from '../20-acme/world.ts'

const HOUR = 3_600_000
const DAY = 86_400_000

let world: World
let folder: string
let alarms: CertificateAlarm[]
/** The keeper's clock, ahead of the real one, which the CA has. */
let ahead: number
let count = 0
const keepers: CertificateKeeper[] = []

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.stop())
beforeEach(() => {
  folder = join(world.path, `keeper-${++count}`)
  mkdirSync(folder)
  ;[alarms, ahead] = [[], 0]
})
afterEach(async () => {
  for (const keeper of keepers.splice(0)) await keeper.stop()
})

const entry = (challenge: ChallengeKind): CertificateEntry => ({
  name: 'main',
  source: { kind: 'acme', settings: world.settings({ challenge }), keyType: 'ecdsa256' },
  hosts: [`clock-${count}.edge.test`],
})

/** A process with a keeper. */
const begin = async (challenge: ChallengeKind = 'http-01'): Promise<CertificateKeeper> => {
  const keeper = new CertificateKeeper({
    folder,
    clock: { now: realClock.now, wall: () => realClock.wall() + ahead },
    log: SILENT_LOG,
    random: () => 0.5,
    every: () => () => {},
    issuer: (settings) =>
      createAcmeIssuer(settings, { folder, clock: realClock, sockets: world.sockets, log: SILENT_LOG, environment: {} }),
    fetchIssuer: () => Promise.reject(new Error('not in this test')),
    refresh: async () => {},
    alarm: (alarm) => void alarms.push(alarm),
  })
  keepers.push(keeper)
  await keeper.open()
  await keeper.watch([entry(challenge)], new Map([['main', { ...UNUSED, also: ['test'] }]]))
  await keeper.start()
  return keeper
}

const view = (keeper: CertificateKeeper): CertificateView => keeper.views()[0]!
/** Nothing is ordered any more. */
const rest = (keeper: CertificateKeeper): Promise<CertificateView> =>
  until(() => (view(keeper).next.what === 'ordering' ? undefined : view(keeper)), 'end of the order', 30_000)
const pass = async (keeper: CertificateKeeper, ms: number): Promise<CertificateView> => {
  ahead += ms
  await keeper.look()
  return rest(keeper)
}

it.each(['http-01', 'tls-alpn-01'] as const)(
  'when the clock has come to two thirds of its life, a real CA renews it by %s',
  async (challenge) => {
    const keeper = await begin(challenge)
    const first = await rest(keeper)
    expect(first.issuer).toContain('Pebble')
    const life = Date.parse(first.validTo!) - Date.parse(first.validFrom!)
    expect((await pass(keeper, life / 2)).serial).toBe(first.serial)
    const second = await pass(keeper, life / 6 + DAY)
    expect(second.serial).not.toBe(first.serial)
    expect(second.history.map(({ serial }) => serial)).toEqual([first.serial])
    expect(alarms).toEqual([])
  },
)

it('a CA that is down for three days: the old one stays, attempts get rarer, and the first one after that succeeds', async () => {
  const keeper = await begin()
  const first = await rest(keeper)
  const life = Date.parse(first.validTo!) - Date.parse(first.validFrom!)
  await world.pebble.kill()
  try {
    expect(await pass(keeper, (life * 2) / 3 + DAY)).toMatchObject({ serial: first.serial, next: { what: 'retry' } })
    let attempts = 1
    let last = view(keeper).order?.steps[0]?.time
    for (let hours = 0; hours < 72; hours++) {
      const { order, serial } = await pass(keeper, HOUR)
      expect(serial).toBe(first.serial)
      if (order?.steps[0]?.time !== last) attempts++
      last = order?.steps[0]?.time
    }
    expect(attempts).toBeGreaterThan(5)
    expect(attempts).toBeLessThan(16)
    expect(alarms.map(({ kind }) => kind)).toEqual(Array.from(alarms, () => 'renewal-failed'))
    expect(alarms.length).toBeLessThanOrEqual(4)
  } finally {
    await world.pebble.startAgain()
  }
  const after = await pass(keeper, 15 * HOUR)
  expect(after.serial).not.toBe(first.serial)
  expect(alarms.at(-1)?.kind).toBe('recovered')
})

it('a process that ends in mid-order: the next one orders again, after a minute', async () => {
  const keeper = await begin()
  await until(() => (view(keeper).order?.steps.some(({ at }) => at === 'order') === true ? true : undefined), 'order')
  await keeper.stop()
  const next = await begin()
  expect(view(next).issuer).toBeUndefined()
  expect(view(next).next).toMatchObject({ what: 'retry', text: 'The last order was cut off by a restart; it is tried again' })
  expect((await pass(next, 60_000)).issuer).toContain('Pebble')
  expect(alarms).toEqual([])
})

it('revoked at the CA, and replaced by another', async () => {
  const keeper = await begin()
  const first = await rest(keeper)
  await keeper.revoke('main', 4)
  const second = await rest(keeper)
  expect(second.serial).not.toBe(first.serial)
  expect(await world.pebble.status(first.serial!)).toBe('Revoked')
  expect(await world.pebble.status(second.serial!)).toBe('Valid')
})
