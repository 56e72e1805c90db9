import { execFileSync } from 'node:child_process'
import forge from 'node-forge'
import { describe, expect, test } from 'vitest'
import type { CertificateView, OrderStep, State } from '../../../web-admin/src/api/types.ts'
import { callPath, certificatePath, placeOf, setupToken } from '../../../web-admin/src/routes.ts'
import { leftText, levelOf, lifeOf, stagesOf, standing } from '../../../web-admin/src/words/certificate.ts'
import { readChain } from '../../../web-admin/src/words/chain.ts'
import { fieldsOf, levelOfLine, lineMatches } from '../../../web-admin/src/words/log.ts'
import { bytesText, countOf, countText, listText, rateText, roughText, tookText } from '../../../web-admin/src/words/numbers.ts'
import { troublesOf, verdictOf } from '../../../web-admin/src/words/problems.ts'
import { mosText, remarksOf, verdictOfQuality } from '../../../web-admin/src/words/quality.ts'
import { ratesOf, type Sample, withSample } from '../../../web-admin/src/words/rates.ts'
import { worst } from '../../../web-admin/src/words/status.ts'
import { absoluteText, clockText, DAY, dateText, momentText, relativeText, spanText, timeText } from '../../../web-admin/src/words/time.ts'

const NOW = Date.UTC(2025, 10, 21, 13, 10, 5, 123)

describe('times', () => {
  test.each([
    [999, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [7_500_000, '2 h 5 min'],
    [DAY, '1 day'],
    [DAY * 2.5, '2 days 12 h'],
    [DAY * 40, '40 days'],
    [-5, '0 s'],
  ])('a span of %i ms is %s', (ms, text) => {
    expect(spanText(ms)).toBe(text)
  })

  test.each([
    [-1000, 'just now'],
    [1000, 'in a moment'],
    [-59_000, '59 s ago'],
    [-180_000, '3 min ago'],
    [5 * 3_600_000, 'in 5 h'],
    [-36 * 3_600_000, '36 h ago'],
    [23 * DAY, 'in 23 days'],
    [-90 * DAY, '2 months ago'],
    [800 * DAY, 'in 2 years'],
  ])('%i ms from now is %s', (ms, text) => {
    expect(relativeText(NOW + ms, NOW)).toBe(text)
  })

  test('something that runs is told like a clock', () => {
    expect([clockText(7_900), clockText(750_000), clockText(3_723_000), clockText(-1)]).toEqual(['0:07', '12:30', '1:02:03', '0:00'])
  })

  test('absolute times are those of the zone, and say which one', () => {
    expect(dateText(NOW, 'Europe/Berlin')).toBe('21 Nov 2025')
    expect(timeText(NOW, true, 'Europe/Berlin')).toBe('14:10:05.123')
    expect(momentText(NOW, 'America/New_York')).toBe('21 Nov 2025, 08:10:05')
    expect(absoluteText(NOW, 'Europe/Berlin')).toMatch(/Friday,? 21 November 2025 at 14:10:05 (?:CET|GMT\+1)\n2025-11-21T13:10:05\.123Z/)
    expect([dateText(Number.NaN), timeText(Number.NaN), momentText(Number.NaN), absoluteText(Number.NaN)]).toEqual([
      '–',
      '–',
      '–',
      'unknown',
    ])
  })
})

describe('numbers', () => {
  test('have their units', () => {
    expect(countText(1_234_567)).toBe('1\u2009234\u2009567')
    expect([countOf(1, 'call'), countOf(0, 'call'), countOf(2, 'entry', 'entries')]).toEqual(['1 call', '0 calls', '2 entries'])
    expect([0, 0.004, 0.42, 3.14, 9.96, 1204].map(roughText)).toEqual(['0', '0.00', '0.4', '3.1', '10', '1\u2009204'])
    expect(rateText(12.4)).toBe('12/s')
    expect([0.0008, 0.034, 0.9949, 1.24].map(tookText)).toEqual(['0.8 ms', '34 ms', '995 ms', '1.2 s'])
    expect([812, 1900, 999_499, 3_400_000, 2e9].map(bytesText)).toEqual(['812 bytes', '1.9 kB', '999 kB', '3.4 MB', '2.0 GB'])
  })

  test('lists are sentences', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map((names) => listText(names))).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
      'a, b and 2 more',
    ])
  })
})

const certificate = (more: Partial<CertificateView> = {}): CertificateView => ({
  name: 'main',
  source: 'acme',
  hosts: ['sbc.example.com'],
  validFrom: new Date(NOW - 60 * DAY).toISOString(),
  validTo: new Date(NOW + 30 * DAY).toISOString(),
  usedBy: ['web/wss'],
  next: { what: 'renew', at: new Date(NOW).toISOString(), text: 'Renewed by itself' },
  problems: [],
  history: [],
  ...more,
})

describe('a certificate', () => {
  test('how it stands', () => {
    const warning = { severity: 'warning', text: 't', remedy: 'r' } as const
    const { validTo: _gone, ...none } = certificate()
    expect(
      [
        certificate(),
        certificate({ problems: [warning] }),
        certificate({ problems: [warning, { ...warning, severity: 'error' }] }),
        certificate({ validTo: new Date(NOW).toISOString() }),
        certificate({ order: { running: true, steps: [] } }),
        none,
      ].map((one) => `${levelOf(one, NOW)} ${standing(one, NOW)}`),
    ).toEqual(['ok Valid', 'warn Look at it', 'error Problem', 'error Expired', 'busy Being ordered', 'warn No certificate yet'])
  })

  test('how much of its life is over, and where the next step lies', () => {
    expect(lifeOf(certificate(), NOW)).toEqual({ elapsed: 2 / 3, next: 2 / 3 })
    expect(lifeOf(certificate({ next: { what: 'nothing', text: '' } }), NOW + 90 * DAY)).toEqual({ elapsed: 1 })
    expect(lifeOf(certificate({ validTo: 'x' }), NOW)).toBeUndefined()
  })

  test('how long it lasts', () => {
    const left = (ms: number): string => leftText(new Date(NOW + ms).toISOString(), NOW)
    expect([30 * DAY, 1.5 * DAY, DAY / 2, -DAY / 2, -2 * DAY].map(left)).toEqual([
      '30 days left',
      '1 day left',
      'expires within 24 h',
      'expired today',
      'expired 2 days ago',
    ])
  })

  const step = (at: OrderStep['at'], text: string = at): OrderStep => ({ at, text, time: NOW })
  test('an order shows what is done, what runs and what is to come', () => {
    const stages = stagesOf({
      running: true,
      steps: [step('start'), step('account'), step('order'), step('challenge'), step('validation')],
    })
    expect(stages.map((stage) => stage.standing)).toEqual(['done', 'done', 'done', 'running', 'waiting', 'waiting'])
    expect(stages[3]!.steps).toHaveLength(2)
    expect(stagesOf({ running: true, steps: [] })[0]).toMatchObject({ standing: 'running' })
  })

  test('an order that failed says where, one that succeeded is done', () => {
    const failed = stagesOf({ running: false, steps: [step('start'), step('challenge'), step('failed', 'DNS has no such name')] })
    expect(failed.map((stage) => stage.standing)).toEqual(['done', 'done', 'done', 'failed', 'waiting', 'waiting'])
    expect(failed[3]!.steps.map(({ text }) => text)).toContain('DNS has no such name')
    const done = stagesOf({ running: false, steps: [step('start'), step('check'), step('done')] })
    expect(done.every((stage) => stage.standing === 'done')).toBe(true)
  })

  test('the chain is read: names, dates, who signed itself', () => {
    const made = (subject: string, issuer: string): string => {
      const keys = forge.pki.rsa.generateKeyPair(1024)
      const one = forge.pki.createCertificate()
      one.publicKey = keys.publicKey
      one.serialNumber = '0123'
      one.validity.notBefore = new Date(Date.UTC(2025, 0, 2, 3, 4, 5))
      one.validity.notAfter = new Date(Date.UTC(2055, 0, 2, 3, 4, 5))
      one.setSubject([{ name: 'commonName', value: subject }])
      one.setIssuer([
        { name: 'organizationName', value: 'Example' },
        { name: 'commonName', value: issuer },
      ])
      one.sign(keys.privateKey, forge.md.sha256.create())
      return forge.pki.certificateToPem(one)
    }
    expect(readChain(`${made('sbc.example.com', 'Mid')}\ntext between\n${made('Mid', 'Root')}`)).toEqual([
      {
        subject: 'sbc.example.com',
        issuer: 'Mid (Example)',
        validFrom: Date.UTC(2025, 0, 2, 3, 4, 5),
        validTo: Date.UTC(2055, 0, 2, 3, 4, 5),
        selfSigned: false,
      },
      expect.objectContaining({ subject: 'Mid', issuer: 'Root (Example)' }),
    ])
  })

  test('the chain of OpenSSL is read, too, and rubbish is left out', () => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null']
    const pem = execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/O=Größe', '-utf8', '-days', '2'], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    const [link] = readChain(pem)
    expect(link).toMatchObject({ subject: 'Größe', selfSigned: true })
    expect(link!.validTo - link!.validFrom).toBe(2 * DAY)
    const body = pem.split('\n')[1]!
    expect(readChain(`-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`)).toEqual([])
    expect(readChain('')).toEqual([])
  })
})

const STATE: State = {
  version: '1',
  phase: 'running',
  uptimeSeconds: 1,
  logLevel: 'info',
  listeners: [{ name: 'lan/udp', transport: 'udp', bind: '10.0.0.5:5060', advertised: '10.0.0.5:5060', open: true, flows: 0 }],
  zones: [{ name: 'pbx', kind: 'trunk', listeners: ['lan/udp'], targets: [{ name: 'a', health: 'up', drain: false }] }],
  transactions: {},
  openFlows: 0,
  registrations: 0,
  counters: { messages: 0, invites: 0, refused: 0 },
  media: { mode: 'off', nodes: [], sessions: 0, deletes: 0 },
}
const targets = (...healths: readonly ('up' | 'down' | 'unknown')[]): State => ({
  ...STATE,
  zones: [
    { ...STATE.zones[0]!, targets: healths.map((health, index) => ({ name: `t${index}`, health, drain: false, reason: 'no answer' })) },
  ],
})

describe('what is wrong', () => {
  const texts = (known: Parameters<typeof troublesOf>[0]): readonly string[] =>
    troublesOf(known).map(({ level, text }) => `${level}: ${text}`)

  test('nothing', () => {
    expect(troublesOf({ state: STATE, certificates: [certificate()], checks: [] })).toEqual([])
    expect(troublesOf({})).toEqual([])
    expect(verdictOf([])).toEqual({ level: 'ok', text: 'Everything is well' })
  })

  test('a zone is in trouble when no target is left, else it is warned of', () => {
    expect(texts({ state: targets('down') })).toEqual(['error: Zone pbx takes no calls: target t0 is down: no answer'])
    expect(texts({ state: targets('down', 'down') })).toEqual(['error: Zone pbx takes no calls: all 2 targets are down'])
    expect(texts({ state: targets('down', 'up') })).toEqual(['warn: Target t0 of zone pbx is down: no answer'])
    expect(texts({ state: targets('down', 'down', 'unknown') })).toEqual(['warn: Targets t0 and t1 of zone pbx are down'])
  })

  test('listeners, media, reloads, certificates and checks; the worst first', () => {
    const state: State = {
      ...targets('down', 'up'),
      listeners: [{ ...STATE.listeners[0]!, open: false }],
      media: {
        ...STATE.media,
        mode: 'nodes',
        nodes: [{ name: 'm', set: 'default', address: '10.0.0.5:2223', state: 'suspect', weight: 1, reason: 'no reply' }],
      },
      lastReload: {
        result: 'refused',
        at: '',
        problems: [{ path: '', line: 1, column: 1, message: 'Unknown key', remedy: 'Remove it', severity: 'error' }],
      },
    }
    const problems = [{ severity: 'error', text: 'runs out in 2 days', remedy: 'Replace it' }] as const
    expect(
      texts({
        state,
        certificates: [certificate({ problems })],
        checks: [
          { name: 'memory', ok: false, required: false, detail: 'Nearly full' },
          { name: 'listeners', ok: false, required: true, detail: 'told above' },
          { name: 'disk', ok: true, required: true, detail: 'fine' },
        ],
      }),
    ).toEqual([
      'error: Listener lan/udp is not open on 10.0.0.5:5060',
      'error: Certificate main: runs out in 2 days',
      'warn: Target t0 of zone pbx is down: no answer',
      'warn: Media node m is being looked at: no reply',
      'warn: The last reload was refused: Unknown key; the configuration from before is in force',
      'warn: memory: Nearly full',
    ])
  })

  test('when new calls get no media, one sentence says it', () => {
    const media = { ...STATE.media, mode: 'local', unavailable: 'rtpengine is not installed' } as const
    expect(texts({ state: { ...STATE, media } })).toEqual(['error: New calls get no media: rtpengine is not installed'])
    expect(texts({ state: { ...STATE, media: { ...media, mode: 'off' } } })).toEqual([])
  })

  test('the headline counts', () => {
    const some = (level: 'error' | 'warn'): ReturnType<typeof troublesOf>[number] => ({ level, text: '', to: '/' })
    expect(verdictOf([some('warn')]).text).toBe('One thing to look at')
    expect(verdictOf([some('warn'), some('warn')])).toEqual({ level: 'warn', text: '2 things to look at' })
    expect(verdictOf([some('error')])).toEqual({ level: 'error', text: '1 problem' })
    expect(verdictOf([some('error'), some('error'), some('warn')]).text).toBe('2 problems and 1 warning')
    expect([worst([]), worst(['ok', 'warn', 'off'])]).toEqual(['ok', 'warn'])
  })
})

describe('the quality of a call', () => {
  const leg = {
    party: 'caller',
    zone: 'a',
    encryption: 'none',
    nat: false,
    packets: 1,
    bytes: 1,
    errors: 0,
    silent: false,
    muted: false,
  } as const

  test('the worst that somebody heard counts', () => {
    expect(verdictOfQuality(undefined)).toEqual({ level: 'off', text: 'Not known' })
    expect(verdictOfQuality({ legs: [leg, leg], oneWay: false, noMedia: false })).toEqual({ level: 'off', text: 'No reports' })
    expect(
      verdictOfQuality({
        legs: [
          { ...leg, mos: 4.4 },
          { ...leg, mos: 3.2 },
        ],
        oneWay: false,
        noMedia: false,
      }),
    ).toEqual({
      level: 'warn',
      text: '3.2 poor',
    })
    expect(verdictOfQuality({ legs: [{ ...leg, lossPercent: 7 }], oneWay: false, noMedia: false })).toEqual({
      level: 'error',
      text: '7.0 % lost',
    })
    expect(verdictOfQuality({ legs: [{ ...leg, mos: 4.4 }], oneWay: true, noMedia: false }).text).toBe('One way')
    expect(verdictOfQuality({ legs: [], oneWay: false, noMedia: true }).level).toBe('error')
  })

  test('grades and remarks', () => {
    expect([4.4, 4.1, 3.7, 3.3, 2].map(mosText)).toEqual(['excellent', 'good', 'fair', 'poor', 'bad'])
    expect(remarksOf({ ...leg, silent: true, nat: true, errors: 3 }).map(({ level }) => level)).toEqual(['error', 'off', 'warn'])
    expect(remarksOf({ ...leg, silent: true, muted: true })).toHaveLength(1)
    expect(remarksOf(leg)).toEqual([])
  })
})

describe('rates', () => {
  const sample = (seconds: number, messages?: number): Sample => ({
    at: NOW + seconds * 1000,
    calls: 1,
    flows: 1,
    ...(messages !== undefined && { counters: { messages, invites: messages / 10, refused: 0 } }),
  })
  const gathered = (...samples: readonly Sample[]): readonly Sample[] => samples.reduce<readonly Sample[]>(withSample, [])

  test('are what was counted over the last seconds', () => {
    expect(ratesOf(gathered(sample(0, 0), sample(5, 1000), sample(10, 1100), sample(15, 1200)))).toEqual({
      messages: 20,
      invites: 2,
      refused: 0,
    })
    expect(ratesOf(gathered(sample(0, 0), sample(4, 8)))?.messages).toBe(2)
  })

  test('are unknown at first, without counters, and after a restart', () => {
    expect(ratesOf([])).toBeUndefined()
    expect(ratesOf([sample(0, 5)])).toBeUndefined()
    expect(ratesOf([sample(0), sample(5)])).toBeUndefined()
    expect(ratesOf(gathered(sample(0, 500), sample(5, 20)))).toBeUndefined()
  })

  test('samples keep their distance, and the old ones go', () => {
    expect(gathered(sample(0, 1), sample(1, 2), sample(2, 3)).map(({ at }) => at - NOW)).toEqual([0, 2000])
    expect(gathered(...Array.from({ length: 200 }, (_, index) => sample(index * 2, index)))).toHaveLength(180)
  })
})

describe('the log', () => {
  const line = { time: 1, level: 'warn', msg: 'Request refused', zone: 'pbx', err: { code: 'SBC_X' }, pid: 3 } as const

  test('is filtered by level and by words anywhere', () => {
    const matches = (least: 'info' | 'error', text: string): boolean => lineMatches(line, { least, text })
    expect([matches('info', ''), matches('error', '')]).toEqual([true, false])
    expect([matches('info', 'REFUSED pbx'), matches('info', 'sbc_x'), matches('info', 'refused web')]).toEqual([true, true, false])
  })

  test('shows what stands beside the text, and understands numbers of levels', () => {
    expect(fieldsOf(line)).toEqual([
      ['zone', 'pbx'],
      ['err', '{"code":"SBC_X"}'],
    ])
    expect([levelOfLine({ level: 50 as never }), levelOfLine({ level: 'debug' }), levelOfLine({ level: 'loud' as never })]).toEqual([
      'error',
      'debug',
      'info',
    ])
  })
})

describe('addresses of pages', () => {
  test.each([
    ['', { page: 'overview' }],
    ['#/', { page: 'overview' }],
    ['#/calls', { page: 'calls', part: 'now' }],
    ['#/calls/past', { page: 'calls', part: 'past' }],
    ['#/calls/a%2Fb', { page: 'call', id: 'a/b' }],
    ['#/certificates/+', { page: 'new certificate' }],
    ['#/certificates/main?x', { page: 'certificate', name: 'main' }],
    ['#/configuration/history', { page: 'configuration', part: 'history' }],
    ['#/configuration/x', { page: 'unknown', path: '/configuration/x' }],
    ['#/log/x', { page: 'unknown', path: '/log/x' }],
    ['#/nowhere', { page: 'unknown', path: '/nowhere' }],
    ['#/calls/%E0', { page: 'call', id: '%E0' }],
  ])('%s', (hash, place) => {
    expect(placeOf(hash)).toEqual(place)
  })

  test('paths lead where they say', () => {
    expect(placeOf(`#${callPath('a b/c')}`)).toEqual({ page: 'call', id: 'a b/c' })
    expect(placeOf(`#${certificatePath('main')}`)).toEqual({ page: 'certificate', name: 'main' })
    expect([setupToken('#setup=aB-_9'), setupToken('#/setup=x'), setupToken('')]).toEqual(['aB-_9', undefined, undefined])
  })
})
