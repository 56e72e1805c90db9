import { createPrivateKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLookup } from '../../../src/certs/acme/dns/lookup.ts'
import { openProvider } from '../../../src/certs/acme/dns/providers.ts'
import type { DnsSettings } from '../../../src/certs/types.ts'
import { createAuthority } from '../../support/authority.ts'
import { startPebble } from '../../support/pebble.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Named, startNamed, type TestKey } from './named.ts'
import { certificatesOf, order, realClock } from './order.ts'

const folder = temporaryFolder('acme-named')
const ZONE = 'edge.example.test'
const SHORT: TestKey = { name: 'edge-256', algorithm: 'hmac-sha256', secret: Buffer.from('a secret of the zone').toString('base64') }
const LONG: TestKey = { name: 'edge-512', algorithm: 'hmac-sha512', secret: Buffer.from('another secret of the zone').toString('base64') }
let named: Named

beforeAll(async () => {
  named = await startNamed(folder.path, ZONE, ['sbc', 'sip'], [SHORT, LONG])
})

afterAll(async () => {
  await named?.stop()
  folder.remove()
})

const keyFile = (name: string, text: string): string => {
  const path = join(folder.path, name)
  writeFileSync(path, text)
  return path
}
const rfc2136 = (settings: Readonly<Record<string, string>>, key: TestKey = SHORT): DnsSettings => ({
  provider: 'rfc2136',
  settings: { server: named.address, 'key-name': key.name, 'key-algorithm': key.algorithm, 'key-env': 'SECRET', ...settings },
  servers: [named.address],
  propagationMs: 5000,
})
const open = (settings: DnsSettings, environment: Record<string, string> = { SECRET: SHORT.secret }, clock = realClock) =>
  openProvider(settings, { environment, clock, userAgent: 'test' })
const signal = new AbortController().signal
const NAME = `_acme-challenge.sbc.${ZONE}`

describe.each([
  ['hmac-sha256 over UDP', SHORT, 'udp'],
  ['hmac-sha512 over UDP', LONG, 'udp'],
  ['hmac-sha256 over TCP', SHORT, 'tcp'],
] as const)('RFC 2136, RFC 8945: %s', (_what, key, transport) => {
  test('two values at one name; taken away one by one; the zone is found; both may be said twice', async () => {
    const provider = await open(rfc2136({ transport }, key), { SECRET: key.secret })
    await provider.add({ name: NAME, value: 'one' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    await provider.add({ name: NAME, value: 'two' }, signal)
    expect([...named.txt(NAME)].sort()).toEqual(['one', 'two'])
    await provider.remove({ name: NAME, value: 'one' }, signal)
    expect(named.txt(NAME)).toEqual(['two'])
    await provider.remove({ name: NAME, value: 'two' }, signal)
    await provider.remove({ name: NAME, value: 'two' }, signal)
    expect(named.txt(NAME)).toEqual([])
    provider.close()
  })
})

test('a key file as tsig-keygen writes it says name, algorithm and secret', async () => {
  const text = `key "${LONG.name}" {\n\talgorithm hmac-sha512;\n\tsecret "${LONG.secret}";\n};\n`
  const provider = await open({
    provider: 'rfc2136',
    settings: { server: named.address, zone: `${ZONE}.`, 'key-file': keyFile('tsig.key', text) },
    servers: [],
    propagationMs: 0,
  })
  await provider.add({ name: NAME, value: 'by file' }, signal)
  expect(named.txt(NAME)).toEqual(['by file'])
  await provider.remove({ name: NAME, value: 'by file' }, signal)
})

test.each([
  [
    'an unknown key',
    { 'key-name': 'stranger' },
    SHORT.secret,
    /the server knows no key stranger with hmac-sha256 \(BADKEY\); are key-name and key-algorithm/,
  ],
  ['the key with another algorithm', { 'key-algorithm': 'hmac-sha512' }, SHORT.secret, /\(BADKEY\)/],
  ['another secret', {}, Buffer.from('wrong').toString('base64'), /the server has another secret for the key edge-256 \(BADSIG\)$/],
  [
    'a key that may not',
    { 'key-name': 'powerless' },
    Buffer.from('powerless').toString('base64'),
    /did not change .* in the zone edge\.example\.test \(REFUSED\); let the key update/,
  ],
  ['a zone that is not there', { zone: 'other.test' }, SHORT.secret, /\(NOTAUTH\); it is not the primary server of that zone/],
  ['a name outside of the zone', { zone: 'sip.edge.example.test' }, SHORT.secret, /\(NOTAUTH\)/],
] as const)('BIND refuses %s: in words', async (_what, settings, secret, words) => {
  const provider = await open(rfc2136(settings), { SECRET: secret })
  await expect(provider.add({ name: NAME, value: 'never' }, signal)).rejects.toMatchObject({
    code: 'SBC_CERTIFICATE_DNS',
    message: expect.stringMatching(words),
  })
  expect(named.txt(NAME)).toEqual([])
})

test('a clock that is an hour wrong: BADTIME, with the difference', async () => {
  const provider = await open(rfc2136({}), undefined, { now: realClock.now, wall: () => Date.now() - 3_600_000 })
  await expect(provider.add({ name: NAME, value: 'late' }, signal)).rejects.toThrow(/too far apart \(BADTIME, 3\d{3} s\); set the clock$/)
})

test('a name of no zone of this server', async () => {
  const provider = await open(rfc2136({}))
  await expect(provider.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
    /does not say which zone _acme-challenge\.example\.net is in \(REFUSED\); set zone, or name the primary server$/,
  )
})

test('nobody listens there: said soon', async () => {
  const port = await freePort('127.0.0.1')
  const provider = await open(rfc2136({ server: `127.0.0.1:${port}` }))
  const from = performance.now()
  await expect(provider.add({ name: NAME, value: 'x' }, signal)).rejects.toThrow(`The DNS server 127.0.0.1:${port} refuses DNS connections`)
  expect(performance.now() - from).toBeLessThan(1500)
})

test('an abort while the server is silent ends at once', async () => {
  const { createSocket } = await import('node:dgram')
  const silent = createSocket('udp4')
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
  try {
    const provider = await open(rfc2136({ server: `127.0.0.1:${silent.address().port}` }))
    const abort = new AbortController()
    const heard = new Promise((resolve) => silent.once('message', resolve))
    const adding = provider.add({ name: NAME, value: 'x' }, abort.signal)
    const refused = expect(adding).rejects.toThrow('enough')
    await heard
    abort.abort(new Error('enough'))
    await refused
  } finally {
    silent.close()
  }
})

test('the DNS is asked for the servers of a zone, for aliases and texts', async () => {
  const lookup = createLookup([named.address])
  const provider = await open(rfc2136({}))
  expect(await lookup.authorities(NAME, signal)).toEqual(['127.0.0.1'])
  expect(await lookup.authorities('_acme-challenge.example.net', signal)).toEqual([])
  expect(await lookup.txt(NAME, named.address, signal)).toEqual([])
  await provider.add({ name: NAME, value: 'seen' }, signal)
  // Asked before, and not remembered
  expect(await lookup.txt(NAME, undefined, signal)).toEqual(['seen'])
  await provider.remove({ name: NAME, value: 'seen' }, signal)
  expect(await lookup.txt(NAME, undefined, signal)).toEqual([])
  expect(await lookup.alias(`alias.${ZONE}`, [], signal)).toBe(`sbc.${ZONE}`)
  expect(await lookup.alias(`sbc.${ZONE}`, [named.address], signal)).toBeUndefined()
  await expect(lookup.txt(NAME, `127.0.0.1:${await freePort('127.0.0.1')}`, signal)).rejects.toThrow()
  await expect(lookup.txt(NAME, undefined, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
})

test('RFC 8555 §8.4: a wildcard and two names from Pebble, which asks the same BIND', async () => {
  const authority = createAuthority(folder.path)
  const pebble = await startPebble({ folder: folder.path, authority, dns: named.address })
  try {
    const settings = {
      email: '',
      directory: pebble.directory,
      challenge: 'dns-01',
      httpPort: 80,
      eab: undefined,
      profile: undefined,
      trustFile: pebble.trustFile,
      renewBeforeMs: undefined,
      dns: rfc2136({}),
    } as const
    const nothing = () => Promise.reject(new Error('Not for this challenge'))
    const hosts = [`*.${ZONE}`, ZONE, `sbc.${ZONE}`]
    const { chain, key, text } = await order(
      settings,
      { folder: join(folder.path, 'data'), sockets: { http: nothing, alpn: nothing }, environment: { SECRET: SHORT.secret } },
      hosts,
    )
    const [leaf] = certificatesOf(await chain)
    expect(leaf!.subjectAltName).toBe(hosts.map((host) => `DNS:${host}`).join(', '))
    expect(leaf!.checkPrivateKey(createPrivateKey(key))).toBe(true)
    expect(text()).toContain(`TXT record _acme-challenge.${ZONE} written by rfc2136`)
    expect(named.txt(`_acme-challenge.${ZONE}`)).toEqual([])
    expect(named.txt(NAME)).toEqual([])
  } finally {
    await pebble.stop()
  }
})
