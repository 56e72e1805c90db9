import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ACME_DIRECTORIES } from '../../../../src/certs/acme/directories.ts'
import { createAcmeIssuer } from '../../../../src/certs/acme/issuer.ts'
import type { AcmeSettings, OrderStep } from '../../../../src/certs/types.ts'
import { SILENT_LOG } from '../../../../src/observability/log.ts'
import { freePort } from '../../../support/places.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-issuer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const nothing = () => Promise.reject(new Error('Not in this test'))
/** Nobody listens where the CA would be: what is wrong before that is told first. */
const issue = async (hosts: readonly string[], more: Partial<AcmeSettings> = {}) => {
  const settings: AcmeSettings = {
    email: '',
    directory: `https://127.0.0.1:${await freePort('127.0.0.1')}/dir`,
    challenge: 'http-01',
    httpPort: 80,
    eab: undefined,
    profile: undefined,
    trustFile: undefined,
    renewBeforeMs: undefined,
    dns: undefined,
    ...more,
  }
  const clock = { now: () => 0, wall: () => Date.UTC(2031, 0, 1) }
  const issuer = createAcmeIssuer(settings, { folder, clock, sockets: { http: nothing, alpn: nothing }, log: SILENT_LOG, environment: {} })
  const steps: OrderStep[] = []
  const fault = await issuer
    .issue({ name: 'public', hosts, keyType: 'ecdsa256' }, '', (step) => steps.push(step), new AbortController().signal)
    .catch((found: unknown) => found as Error & { code: string })
  return { steps, fault: fault as Error & { code: string } }
}

describe('names of an order', () => {
  test('are asked for in lower case, in the form of the DNS, each once', async () => {
    const { steps, fault } = await issue(['SBC.Example.test', 'sbc.example.test.', 'bücher.example.test'])
    expect(steps).toEqual([
      {
        at: 'start',
        text: expect.stringMatching(/^Ordering a certificate for sbc\.example\.test, xn--bcher-kva\.example\.test from 127\.0\.0\.1:\d+$/),
        time: Date.UTC(2031, 0, 1),
      },
    ])
    expect(fault).toMatchObject({ code: 'SBC_CERTIFICATE_CA', message: expect.stringMatching(/ refuses connections$/) })
  })

  test('may be many', async () => {
    const { steps } = await issue(['a.test', 'b.test', 'c.test', 'd.test', 'e.test'].map((host) => `sbc.${host}`))
    expect(steps[0]!.text).toMatch(/for sbc\.a\.test, sbc\.b\.test and 3 more from/)
  })

  test.each([
    [[], 'SBC_CERTIFICATE_ORDER', 'Certificate public has no names to order; set names'],
    [['192.0.2.1'], 'SBC_CERTIFICATE_ORDER', '192.0.2.1 is no DNS name that a CA can sign; give the names that others look up'],
    [['2001:db8::1'], 'SBC_CERTIFICATE_ORDER', '2001:db8::1 is no DNS name that a CA can sign; give the names that others look up'],
    [['localhost'], 'SBC_CERTIFICATE_ORDER', 'localhost is no DNS name that a CA can sign; give the names that others look up'],
    [
      ['sbc_1.example.test'],
      'SBC_CERTIFICATE_ORDER',
      'sbc_1.example.test is no DNS name that a CA can sign; give the names that others look up',
    ],
    [
      ['a.*.example.test'],
      'SBC_CERTIFICATE_ORDER',
      'a.*.example.test is no DNS name that a CA can sign; give the names that others look up',
    ],
    [
      ['*.Example.test'],
      'SBC_CERTIFICATE_CHALLENGE',
      '*.example.test is a wildcard, which is proved by dns-01 only, not by http-01; set challenge to dns-01 with a provider, or write the names out',
    ],
  ])('%j are refused before anybody is asked', async (hosts, code, message) => {
    const { steps, fault } = await issue(hosts)
    expect(fault).toMatchObject({ code, message })
    expect(steps).toEqual([])
  })
})

test('a file of roots that has none, or is not there', async () => {
  const path = join(folder, 'roots.pem')
  expect((await issue(['sbc.example.test'], { trustFile: path })).fault).toMatchObject({
    code: 'SBC_CERTIFICATE_FILE',
    message: expect.stringContaining(`Cannot read the roots of the CA in ${path}`),
  })
  writeFileSync(path, 'nothing')
  expect((await issue(['sbc.example.test'], { trustFile: path })).fault.message).toBe(`${path} has no PEM certificate`)
})

test('a CA that is not there leaves nothing behind', async () => {
  await issue(['sbc.example.test'])
  expect(readdirSync(folder)).toEqual(['roots.pem'])
})

test('the directories that have names are URLs with TLS', () => {
  expect(Object.keys(ACME_DIRECTORIES)).toEqual(['letsencrypt', 'letsencrypt-staging', 'zerossl', 'buypass', 'google'])
  for (const url of Object.values(ACME_DIRECTORIES)) expect(new URL(url).protocol).toBe('https:')
})
