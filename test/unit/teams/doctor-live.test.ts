import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { expect, test } from 'vitest'
import { systemWorld } from '../../../src/teams/system-world.ts'
import type { World } from '../../../src/teams/world.ts'
import { createAuthority } from '../../support/authority.ts'
import { cname, a as recordA, startDnsServer } from '../../support/dns-server.ts'
import {
  a,
  certificates,
  closedPort,
  configOf,
  examineWith,
  folder,
  HUB,
  NAME,
  patientFrom,
  refusing,
  startHub,
  step,
  verdicts,
} from './support.ts'

const real = systemWorld({ hostsFile: '/nonexistent' })
/** Names are invented, connections are real. */
const world = (parts: Partial<World> = {}): World => ({
  ...real,
  publicName: async () => a('127.0.0.1'),
  name: async () => a('127.0.0.1'),
  clockAhead: async () => ({ server: 'time.test', milliseconds: 0 }),
  ...parts,
})
const hubTls = (more: TlsOptions = {}): TlsOptions => {
  const { hub, authority } = certificates()
  return { cert: hub.chain, key: hub.key, ca: authority.certificate, requestCert: true, ...more }
}
const HUB_STEPS = ['dns', 'ranges', 'tcp', 'tls', 'certificate', 'asked', 'options-out']

test.each([['TLSv1.2'], ['TLSv1.3']] as const)(
  'T §1.3, §2.2: a hub with %s is well in every step, sees our certificate, and gets an OPTIONS with our name',
  async (version) => {
    const hub = await startHub(hubTls({ minVersion: version, maxVersion: version === 'TLSv1.2' ? version : 'TLSv1.3' }))
    // TLS 1.3 hides whether we were asked: a hub that speaks both shows it in TLS 1.2
    const both = version === 'TLSv1.3' ? await startHub(hubTls()) : hub
    const report = await examineWith(patientFrom(configOf(both.port)), world())
    expect(verdicts(report, HUB_STEPS)).toEqual(HUB_STEPS.map(() => 'good'))
    expect(step(report, 'tls').finding).toContain(both === hub ? version : 'TLSv1.3')
    expect(both.clients).toContain(NAME)
    const [options = ''] = both.received
    expect(options).toMatch(new RegExp(`^OPTIONS sip:${HUB}:${both.port};transport=tls SIP/2.0\r\n`))
    expect(options).toContain(`Contact: <sip:${NAME}:5061;transport=tls>\r\n`)
    expect(options).toMatch(new RegExp(`Via: SIP/2.0/TLS ${NAME}:5061;branch=z9hG4bK`))
    expect(options).toContain(`From: <sip:${NAME}:5061>;tag=`)
    expect(step(report, 'options-out').facts).toContainEqual(['Server', 'Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3'])
  },
)

test('who does not ask for our certificate is no hub, or somebody in between', async () => {
  const hub = await startHub(hubTls({ requestCert: false, maxVersion: 'TLSv1.2' }))
  const report = await examineWith(patientFrom(configOf(hub.port)), world())
  expect(step(report, 'asked')).toMatchObject({ verdict: 'warning', finding: expect.stringContaining('did not ask') })
})

test.each([
  ['TLSv1.2', 'tls'],
  ['TLSv1.3', 'options-out'],
] as const)('a hub that does not take our certificate: with %s step %s says so', async (version, where) => {
  const other = createAuthority(mkdtempSync(join(folder, 'other-')))
  const hub = await startHub(hubTls({ ca: other.certificate, rejectUnauthorized: true, minVersion: version, maxVersion: version }))
  const report = await examineWith(patientFrom(configOf(hub.port, { zone: '' })), world())
  expect(step(report, where)).toMatchObject({ verdict: 'bad', remedy: expect.stringMatching(/certificate|authority/) })
})

test('a certificate of another authority, or for another name, is not taken for a hub', async () => {
  const { ours } = certificates()
  const hub = await startHub(hubTls({ cert: ours.chain, key: ours.key }))
  const report = await examineWith(patientFrom(configOf(hub.port)), world())
  expect(step(report, 'certificate')).toMatchObject({ verdict: 'bad', finding: expect.stringContaining(`names ${NAME}`) })
  const microsoft = await examineWith(patientFrom(configOf(hub.port, { zone: '' })), world())
  expect(step(microsoft, 'certificate').verdict).toBe('bad')
})

test('T §3.4: 403 is explained by its Reason, with the GUID for Microsoft', async () => {
  const guid = '5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1'
  const hub = await startHub(hubTls(), refusing('403 Forbidden', `Q.850;cause=63;text="${guid};No trunk config was found"`))
  const options = step(await examineWith(patientFrom(configOf(hub.port)), world()), 'options-out')
  expect(options).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('There is no trunk with the name in our Contact') })
  expect(options.facts).toContainEqual(['GUID for Microsoft', guid])
})

test('nobody listens: what depends on it is left out, and says why', async () => {
  const report = await examineWith(patientFrom(configOf(await closedPort())), world())
  expect(verdicts(report, HUB_STEPS)).toEqual(['good', 'good', 'bad', 'skipped', 'skipped', 'skipped', 'skipped'])
  expect(step(report, 'tcp').finding).toContain('ECONNREFUSED')
  expect(report.verdict).toBe('bad')
})

test('what answers with something else than SIP is told so', async () => {
  const hub = await startHub(hubTls(), () => 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
  const report = await examineWith(patientFrom(configOf(hub.port)), world())
  expect(step(report, 'options-out')).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('no SIP') })
})

test('our own port: our certificate is there, another one is, nobody is', async () => {
  const { ours, hub } = certificates()
  const us = await startHub({ cert: ours.chain, key: ours.key })
  const other = await startHub({ cert: hub.chain, key: hub.key })
  const look = async (port: number) => step(await examineWith(patientFrom(configOf(1, { port })), world()), 'port')
  expect(await look(us.port)).toMatchObject({ verdict: 'good' })
  expect(await look(other.port)).toMatchObject({ verdict: 'warning', finding: expect.stringContaining('another certificate') })
  expect(await look(await closedPort())).toMatchObject({ verdict: 'warning', remedy: expect.stringContaining('openssl s_client') })
})

test('names: from a DNS server, with TTL and aliases; what is not there is not there', async () => {
  const dns = await startDnsServer(recordA('one.test', '198.41.0.4', 77), cname('two.test', 'one.test'))
  try {
    const { publicName, name } = systemWorld({ servers: [dns.address], hostsFile: '/nonexistent' })
    const signal = AbortSignal.timeout(5000)
    expect(await publicName('one.test', signal)).toMatchObject({ ipv4: [{ address: '198.41.0.4', ttl: 77 }], aliases: [] })
    expect(await name('two.test', signal)).toMatchObject({ ipv4: [{ address: '198.41.0.4' }], aliases: ['one.test'] })
    expect(await name('three.test', signal)).toMatchObject({ ipv4: [], ipv6: [] })
  } finally {
    await dns.stop()
  }
})

test('the clock is compared with a time server; one that answers something else is none', async () => {
  const server = createSocket('udp4')
  let forge = false
  server.on('message', (question, from) => {
    const answer = Buffer.alloc(48)
    answer[0] = 0x24
    answer[1] = 2
    question.copy(answer, 24, 40, 48)
    if (forge) answer[24] = answer[24]! ^ 1
    const seconds = Math.floor(Date.now() / 1000) + 2_208_988_800 - 100
    answer.writeUInt32BE(seconds, 32)
    answer.writeUInt32BE(seconds, 40)
    server.send(answer, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { clockAhead } = systemWorld({ timeServer: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } })
    const { milliseconds } = await clockAhead(AbortSignal.timeout(3000))
    expect(milliseconds).toBeGreaterThan(99_000)
    expect(milliseconds).toBeLessThan(102_000)
    forge = true
    await expect(clockAhead(AbortSignal.timeout(200))).rejects.toThrow('does not answer')
  } finally {
    server.close()
  }
})
