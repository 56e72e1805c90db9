import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { accountFile } from '../../../src/certs/acme/account.ts'
import { createAcmeIssuer } from '../../../src/certs/acme/issuer.ts'
import type { AcmeSettings } from '../../../src/certs/types.ts'
import { SILENT_LOG } from '../../../src/observability/log.ts'
import { until } from '../../support/processes.ts'
import { startBetween } from './between.ts'
import { certificatesOf, order, realClock } from './order.ts'
import { startWorld, type World } from './world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterEach(() => {
  expect(world.sockets.open(), 'answers that are still in place').toBe(0)
})

afterAll(() => world?.stop())

const signal = new AbortController().signal
const issuerOf = (settings: AcmeSettings, folder: string) =>
  createAcmeIssuer(settings, { folder, clock: realClock, log: SILENT_LOG, environment: {}, sockets: world.sockets })

/** The chain leads to the root of the CA, and the key is ours. */
const expectSigned = async (chain: string, key: string): Promise<X509Certificate> => {
  const certificates = certificatesOf(chain)
  const root = new X509Certificate(await world.pebble.root())
  for (const [i, one] of certificates.entries()) expect(one.verify((certificates[i + 1] ?? root).publicKey)).toBe(true)
  expect(certificates[0]!.checkPrivateKey(createPrivateKey(key))).toBe(true)
  return certificates[0]!
}

test('RFC 8555 §8.3: HTTP-01, three names in one order, with an RSA key; every step is told', async () => {
  const hosts = ['one.example.test', 'two.example.test', 'three.example.test']
  const { chain, key, steps, text } = await order(world.settings(), world.deps(), hosts, { key: 'rsa' })
  const leaf = await expectSigned(await chain, key)
  expect(leaf.subjectAltName).toBe('DNS:one.example.test, DNS:two.example.test, DNS:three.example.test')
  const kinds = steps.map(({ at }) => at)
  expect(kinds.slice(0, 3)).toEqual(['start', 'account', 'order'])
  expect(kinds.filter((kind) => kind === 'challenge')).toHaveLength(3)
  expect(kinds.slice(-2)).toEqual(['finalize', 'download'])
  expect(steps.filter(({ at, host }) => at === 'validation' && host === 'two.example.test')).toHaveLength(2)
  expect(text()).toContain('two.example.test is proved')
  expect(text()).toContain('whose terms are at data:text/plain')
})

test('RFC 8737: TLS-ALPN-01, two names', async () => {
  const hosts = ['alpn.example.test', 'alpn-too.example.test']
  const { chain, key } = await order(world.settings({ challenge: 'tls-alpn-01' }), world.deps(), hosts)
  const leaf = await expectSigned(await chain, key)
  expect(leaf.subjectAltName).toBe('DNS:alpn.example.test, DNS:alpn-too.example.test')
  // Pebble looks from several places
  expect(new Set(world.sockets.handshakes)).toEqual(new Set(hosts))
})

test('RFC 8555 §8.4: DNS-01 by a program: a wildcard beside its parent, two values at one name', async () => {
  const { dns, calls } = world.hook()
  const hosts = ['*.wild.example.test', 'wild.example.test']
  const { chain, key, text } = await order(world.settings({ challenge: 'dns-01', dns }), world.deps(), hosts)
  const leaf = await expectSigned(await chain, key)
  expect(leaf.subjectAltName).toBe('DNS:*.wild.example.test, DNS:wild.example.test')
  expect(calls().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'add _acme-challenge.wild.example.test',
    'add _acme-challenge.wild.example.test',
    'remove _acme-challenge.wild.example.test',
    'remove _acme-challenge.wild.example.test',
  ])
  expect(new Set(calls().map((line) => line.split(' ')[2])).size).toBe(2)
  expect(text()).toContain('propagation: _acme-challenge.wild.example.test is visible')
  expect(text()).toContain('validation: *.wild.example.test is proved')
})

test('RFC 8555 §8.4: where _acme-challenge is an alias, the record is written where it leads', async () => {
  const { dns, calls } = world.hook()
  await world.dns.alias('_acme-challenge.delegated.example.test', 'delegated.acme.example.test')
  const { chain, key } = await order(world.settings({ challenge: 'dns-01', dns }), world.deps(), ['*.delegated.example.test'])
  await expectSigned(await chain, key)
  expect(calls()[0]).toMatch(/^add delegated\.acme\.example\.test /)
})

test('the account: registered once by orders that begin together, kept at 0600, used again', async () => {
  const deps = world.deps()
  const settings = world.settings()
  const registrations = () => world.pebble.lines.filter((line) => line.includes('POST /sign-me-up')).length
  const before = registrations()
  const [one, other] = await Promise.all([
    order(settings, deps, ['together-1.example.test']),
    order(settings, deps, ['together-2.example.test']),
  ])
  await expectSigned(await one.chain, one.key)
  await expectSigned(await other.chain, other.key)
  expect(registrations()).toBe(before + 1)
  expect([...one.steps, ...other.steps].filter(({ at }) => at === 'account')).toHaveLength(1)

  const path = accountFile(deps.folder, settings)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  expect(readdirSync(dirname(path))).toEqual(['account.json'])
  const third = await order(settings, deps, ['together-3.example.test'])
  await third.chain
  expect(registrations()).toBe(before + 1)
})

test('RFC 8555 §7.3.2: another e-mail address is told to the CA, with the same account', async () => {
  const deps = world.deps()
  const path = accountFile(deps.folder, world.settings())
  await (await order(world.settings(), deps, ['mail.example.test'])).chain
  const first = JSON.parse(readFileSync(path, 'utf8')) as { url: string; contact: string[] }
  await (await order(world.settings({ email: 'sbc@example.test' }), deps, ['mail.example.test'])).chain
  const second = JSON.parse(readFileSync(path, 'utf8')) as { url: string; contact: string[] }
  expect(second.url).toBe(first.url)
  expect(second.contact).toEqual(['mailto:sbc@example.test'])
  await (await order(world.settings({ email: '' }), world.deps(), ['mail.example.test'])).chain
})

test('RFC 8555 §7.6: revoked by the account; by the key itself when the key is out, or the account is another one', async () => {
  const deps = world.deps()
  const settings = world.settings()
  const revoked = async (folder: string, reason: number, kind: 'rsa' | 'ec') => {
    const placed = await order(settings, deps, ['revoked.example.test'], { key: kind })
    const chain = await placed.chain
    const { serialNumber } = certificatesOf(chain)[0]!
    expect(await world.pebble.status(serialNumber)).toBe('Valid')
    await issuerOf(settings, folder).revoke!(chain, placed.key, reason, signal)
    return world.pebble.status(serialNumber)
  }
  expect(await revoked(deps.folder, 4, 'ec')).toBe('Revoked')
  expect(await revoked(deps.folder, 1, 'ec')).toBe('Revoked')
  expect(await revoked(deps.folder, 1, 'rsa')).toBe('Revoked')
  expect(await revoked(world.deps().folder, 4, 'ec')).toBe('Revoked')
})

test('RFC 8555 §6.5: a CA that refuses every other nonce still signs', async () => {
  const nervous = await startWorld({ environment: { PEBBLE_WFE_NONCEREJECT: '50' } })
  try {
    const { chain } = await order(nervous.settings(), nervous.deps(), ['one.example.test', 'two.example.test'])
    expect(certificatesOf(await chain)).not.toHaveLength(0)
  } finally {
    await nervous.stop()
  }
})

test('RFC 8555 §6.5: a CA that refuses every nonce ends in a sentence', async () => {
  const mad = await startWorld({ environment: { PEBBLE_WFE_NONCEREJECT: '100' } })
  try {
    const { chain } = await order(mad.settings(), mad.deps(), ['one.example.test'])
    await expect(chain).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_ORDER',
      problem: 'badNonce',
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ refused every nonce that it gave: ".+"; is there a cache/),
    })
  } finally {
    await mad.stop()
  }
})

test('authorizations that the CA still knows are not proved again', async () => {
  const generous = await startWorld({ environment: { PEBBLE_AUTHZREUSE: '100' } })
  try {
    const deps = generous.deps()
    await (await order(generous.settings(), deps, ['again.example.test'])).chain
    const { chain, text } = await order(generous.settings(), deps, ['again.example.test'])
    await chain
    expect(text()).toContain('validation: again.example.test was proved before')
    expect(text()).not.toContain('challenge:')
  } finally {
    await generous.stop()
  }
})

test('Pebble restarted in mid-order: the account is registered again, with the same key, and the order placed again', async () => {
  const other = await startWorld({ environment: { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '3' } })
  const between = await startBetween(other.pebble.directory, other.authority)
  try {
    const deps = other.deps()
    const settings = other.settings({ directory: between.directory })
    const { chain, key, steps, text } = await order(settings, deps, ['restart.example.test'])
    await until(() => steps.find(({ at }) => at === 'validation'), 'validation')
    const accountBefore = JSON.parse(readFileSync(accountFile(deps.folder, settings), 'utf8')) as { key: string; url: string }
    await other.pebble.kill()
    const seen = between.seen.length
    // Two requests at least find nobody
    await until(() => (between.seen.length > seen + 1 ? true : undefined), 'requests while the CA is down')
    await other.pebble.startAgain()
    const [leaf, issuer] = certificatesOf(await chain)
    expect(leaf!.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(leaf!.checkIssued(issuer!)).toBe(true)
    expect(text()).toContain('does not know our account any more; it is registered again')
    const accountAfter = JSON.parse(readFileSync(accountFile(deps.folder, settings), 'utf8')) as { key: string; url: string }
    expect(accountAfter.key).toBe(accountBefore.key)
    expect(other.sockets.open()).toBe(0)
  } finally {
    await between.stop()
    await other.stop()
  }
})
