import { expect, test } from 'vitest'
import { rootsNamed } from '../../../src/certs/roots.ts'
import { shownToHubs } from '../../../src/teams/certificate.ts'
import { checkName, faultOfName } from '../../../src/teams/names.ts'
import { inProgramme } from '../../../src/teams/programme.ts'
import { viewRoots } from '../../../src/teams/roots.ts'
import { reportText } from '../../../src/teams/text.ts'
import type { DoctorReport } from '../../../src/teams/types.ts'
import { ProbeError, type World } from '../../../src/teams/world.ts'
import { makeCa } from '../certs/ca.ts'
import {
  a,
  certificates,
  configOf,
  examineWith,
  HUB,
  NAME,
  NOW,
  OURS,
  patientFrom,
  peeringOf,
  refusalOf,
  step,
  verdicts,
  worldOf,
} from './support.ts'

const DAY = 86_400_000
certificates()
const look = (parts: Partial<World> = {}, sources: Parameters<typeof patientFrom>[1] = {}, text = configOf(5061)) =>
  examineWith(patientFrom(text, sources), worldOf(parts))

test('all steps are listed from the beginning, and told of as they are done', async () => {
  const told: DoctorReport[] = []
  const report = await examineWith(patientFrom(configOf(5061)), worldOf(), (now) => told.push(now))
  const ids = report.steps.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(told[0]!.steps.map(({ id, verdict }) => [id, verdict])).toEqual(ids.map((id) => [id, undefined]))
  expect(told.length).toBe(ids.length + 2)
  expect(told.slice(0, -1).every(({ finishedAt, verdict }) => finishedAt === undefined && verdict === undefined)).toBe(true)
  expect([report.finishedAt, report.verdict, report.zone, report.name]).toEqual([new Date(NOW).toISOString(), 'bad', 'teams', NAME])
  expect(report.summary).toMatch(/^\d+ things are wrong.*; first: /)
})

test('a check that hangs, or throws, ends; the others do not wait for it', async () => {
  const stop = AbortSignal.timeout(30)
  const hang = <T>(_: unknown, signal: AbortSignal): Promise<T> =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new ProbeError('dns', 'ETIMEDOUT', 'there was no answer in time'))),
    )
  const world = worldOf({ publicName: hang, name: hang, clockAhead: () => Promise.reject(new ProbeError('connect', '', 'no way out')) })
  const { runDoctor } = await import('../../../src/teams/doctor.ts')
  const ids = { token: (length: number) => 'x'.repeat(length) }
  const report = await runDoctor({ id: 'r', patient: patientFrom(configOf(5061)), world, ids, changed: () => {}, signal: stop })
  expect(verdicts(report, ['name', 'clock', 'tcp', 'certificate/key'])).toEqual(['good', 'skipped', 'skipped', 'good'])
  expect(report.steps.find(({ id }) => id === 'dns')).toMatchObject({
    verdict: 'bad',
    finding: expect.stringContaining('no answer in time'),
  })
  expect(report.steps.every(({ verdict }) => verdict !== undefined)).toBe(true)
})

// ---- the name

test.each([
  ['10.0.0.5', /is an address/],
  ['sbc', /no name of the public DNS/],
  ['sbc.local', /no name of the public DNS/],
  [`${'a'.repeat(52)}.contoso.com`, /has 64 characters; a trunk has 63 at most/],
  ['sbc.contoso.onmicrosoft.com', /onmicrosoft.com, which Microsoft refuses/],
  ['sbc.contoso.onmicrosoft.us', /onmicrosoft.us, which Microsoft refuses/],
  ['contoso.com', /is a domain, and a trunk is a name in one/],
  ['sbc_1.contoso.com', /no host name/],
  ['-a.contoso.com', /no host name/],
])('T §1.4: %s cannot be the name of a trunk', (name, finding) => {
  expect(faultOfName(name)?.finding).toMatch(finding)
})

test.each([
  ['our address', a(OURS), 'good', /which is this edge/],
  ['another one', a('198.41.0.9'), 'bad', /leads to 198.41.0.9, and this edge has the address 198.41.0.4/],
  ['several', a(OURS, '198.41.0.9'), 'bad', /has 2 addresses/],
  ['a private one', a('10.0.0.5'), 'bad', /nobody reaches from outside/],
  ['none', a(), 'bad', /has no address/],
  ['IPv6 alone', { ...a(), ipv6: ['2600::1'] }, 'warning', /IPv6 addresses alone/],
  ['an alias', { ...a(OURS), aliases: ['edge.contoso.com'] }, 'good', /alias/],
])('T §1.4: the DNS has %s for our name', async (_what, answer, verdict, finding) => {
  const checked = await checkName(
    `${NAME}.`,
    { expected: OURS, own: [] },
    worldOf({ publicName: async () => answer }),
    AbortSignal.timeout(1000),
  )
  expect(checked).toMatchObject({ name: NAME, verdict, finding: expect.stringMatching(finding), expected: OURS })
})

test('an address of this machine is ours; without any knowledge of one it is a warning', async () => {
  const check = (own: readonly string[]) => checkName(NAME, { expected: '10.0.0.5', own }, worldOf(), AbortSignal.timeout(1000))
  expect(await check([OURS])).toMatchObject({ verdict: 'good' })
  const unsure = await check([])
  expect(unsure).toMatchObject({ verdict: 'warning', addresses: [OURS], remedy: expect.stringContaining(`public-address: ${OURS}`) })
  expect(unsure.expected).toBeUndefined()
})

// ---- the certificate

interface Wishes {
  readonly from?: number
  readonly to?: number
  readonly kind?: 'rsa' | 'ec'
  readonly root?: boolean
}
const shownFor = (hosts: readonly string[], { from = NOW - 10 * DAY, to = NOW + 60 * DAY, kind = 'rsa', root = false }: Wishes = {}) => {
  const ca = makeCa()
  const { chain, key } = ca.issue({ hosts, from, to }, kind)
  return { shown: async () => ({ name: 'main', chain: root ? chain + ca.root : chain, key }) }
}

test.each([
  [[NAME], 'good'],
  [['*.contoso.com'], 'good'],
  [['contoso.com', '*.sbc.contoso.com'], 'bad'],
  [['*.com'], 'bad'],
])('T §1.4: a certificate for %j is %s for our name', async (hosts, verdict) => {
  expect(step(await look({}, shownFor(hosts)), 'certificate/names').verdict).toBe(verdict)
})

test('T §1.3: an ECDSA key ends in "no shared cipher"', async () => {
  const found = step(await look({}, shownFor([NAME], { kind: 'ec' })), 'certificate/key')
  expect(found).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('no shared cipher') })
})

test.each([
  [60, 'good'],
  [29, 'warning'],
  [13, 'warning'],
  [6, 'bad'],
  [-1, 'bad'],
])('%i days left: %s', async (days, verdict) => {
  expect(
    step(await look({}, shownFor([NAME], { from: NOW - 100 * DAY, to: NOW + days * DAY + 3_600_000 })), 'certificate/days').verdict,
  ).toBe(verdict)
})

test('one that lives for a few days only is not about to end from its first day on', async () => {
  const days = async (left: number) =>
    step(await look({}, shownFor([NAME], { from: NOW - DAY, to: NOW + left * DAY + 3_600_000 })), 'certificate/days').verdict
  expect([await days(5), await days(25)]).toEqual(['good', 'good'])
})

test('an authority of our own is none of Microsoft’s programme, and its chain is none', async () => {
  const parts = ['certificate/chain', 'certificate/programme']
  expect(verdicts(await look({}, shownFor([NAME], { root: true })), parts)).toEqual(['bad', 'bad'])
  const without = await look({}, shownFor([NAME]))
  expect(verdicts(without, parts)).toEqual(['bad', 'skipped'])
  expect(step(without, 'certificate/chain').finding).toContain('is not sent')
})

test('T §1.4: families in the programme are known, others are said to be unknown, and the government takes two roots', () => {
  expect(inProgramme('C=US, O=Internet Security Research Group, CN=ISRG Root X1', 'worldwide')).toMatchObject({ kind: 'known' })
  expect(inProgramme('O=Somebody, CN=Some Root', 'worldwide')).toEqual({ kind: 'unknown' })
  expect(inProgramme('C=US, O=DigiCert Inc, CN=DigiCert Global Root CA', 'dod')).toMatchObject({ kind: 'known' })
  expect(inProgramme('C=US, O=DigiCert Inc, CN=DigiCert Global Root G2', 'gcc-high')).toMatchObject({ kind: 'refused' })
})

test('without a certificate the first step of the group says why, and the others are left out', async () => {
  const report = await look({}, { shown: () => Promise.reject(new Error('There is no file x')) })
  expect(step(report, 'certificate/names')).toMatchObject({ verdict: 'bad', finding: 'There is no file x' })
  expect(verdicts(report, ['certificate/chain', 'certificate/key', 'certificate/days'])).toEqual(['skipped', 'skipped', 'skipped'])
})

test('the right certificate in second place is shown to nobody who names no server', async () => {
  const text = configOf(5061)
    .replace('certificates: {', 'certificates: { first: { chain: hub.pem, key: hub.key },')
    .replace('tls: "127.0.0.1:5061"', 'tls: "127.0.0.1:5061", certificate: [ first, main ]')
  const pairs = { first: certificates().hub, main: certificates().ours }
  const report = await look({}, { shown: async ({ name }) => ({ name, ...pairs[name as keyof typeof pairs] }) }, text)
  expect(step(report, 'certificate/names')).toMatchObject({ verdict: 'bad', remedy: expect.stringContaining('Put main first') })
  const unordered = text.replace(', certificate: [ first, main ]', '')
  const fitting = await look({}, { shown: async ({ name }) => ({ name, ...pairs[name as keyof typeof pairs] }) }, unordered)
  expect(step(fitting, 'certificate/names'), 'in no order the fitting one comes first (T13)').toMatchObject({ verdict: 'good' })
  const patient = patientFrom(text, { shown: async ({ name }) => ({ name, ...pairs[name as keyof typeof pairs] }) })
  expect(await shownToHubs(patient), 'to hubs that we call it is').toMatchObject({ name: 'main' })
  expect(await shownToHubs({ ...patient, name: 'elsewhere.example.com' }), 'in none: the first').toMatchObject({ name: 'first' })
})

test('T §1.5: all seven roots come with us; of others those that are missing are named', () => {
  expect(viewRoots(rootsNamed('microsoft'), NOW)).toEqual({ missing: [], expiring: [] })
  expect(viewRoots(rootsNamed('microsoft'), Date.UTC(2031, 0, 1))).toEqual({ missing: [], expiring: ['DigiCert Global Root CA'] })
  expect(viewRoots([], NOW).missing).toHaveLength(7)
})

test('T §5: names of customers: in the DNS, and in a certificate', async () => {
  const carrier = (names: readonly string[]) =>
    configOf(5061, {
      zone: `tenants: { ${names.map((name) => `${name}: pbx`).join(', ')} }`,
      top: 'routes: [ { from: pbx, respond: 404 No } ]',
    })
      .replace('zones:', 'zones:\n  pbx: { kind: trunk, on: lan, targets: [ "sip:10.0.0.9" ] }')
      .replace('listeners: {', 'listeners: { lan: { udp: 127.0.0.1:5070 },')
  const publicName: World['publicName'] = async (name) => a(name.startsWith('two') ? '198.41.0.9' : OURS)
  const wrong = await look({ publicName }, shownFor([NAME, `one.${NAME}`]), carrier([`one.${NAME}`, `two.${NAME}`]))
  expect(step(wrong, 'tenants')).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('1 of 2 names') })
  expect(step(wrong, 'certificate/tenants')).toMatchObject({ verdict: 'bad', finding: `No certificate names two.${NAME}` })
  const right = await look({}, shownFor([NAME, `*.${NAME}`]), carrier([`one.${NAME}`]))
  expect(verdicts(right, ['tenants', 'certificate/tenants'])).toEqual(['good', 'good'])
  expect((await look()).steps.some(({ id }) => id.includes('tenants'))).toBe(false)
})

test('T §1.1: the clouds of the government connect to one port alone', async () => {
  const dod = (port: number) =>
    look(
      {},
      {},
      configOf(5099, { port, zone: 'cloud: dod' }).replace(
        `certificates: [ ${HUB} ]`,
        'certificates: [ sip.pstnhub.dod.teams.microsoft.us ]',
      ),
    )
  expect(step(await dod(5062), 'name')).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('port 5061 alone') })
  expect(step(await dod(5061), 'name')).toMatchObject({ verdict: 'good' })
})

// ---- the clock

test.each([
  [200, 'good'],
  [-30_000, 'warning'],
  [400_000, 'bad'],
])('a clock that is %i ms ahead is %s', async (milliseconds, verdict) => {
  expect(step(await look({ clockAhead: async () => ({ server: 'time.test', milliseconds }) }), 'clock').verdict).toBe(verdict)
})

test('a clock of long ago is wrong without asking anybody', async () => {
  expect(step(await look({ wall: () => 0 }), 'clock').verdict).toBe('bad')
})

// ---- the hubs

test('T6.9: a hub outside of the networks that we admit, one in the hosts file, one that is an address', async () => {
  expect(step(await look({ name: async () => a('198.41.0.77') }), 'ranges')).toMatchObject({
    verdict: 'bad',
    finding: expect.stringContaining('get 403'),
  })
  expect(step(await look({ name: async () => ({ ...a('127.0.0.1'), from: 'the hosts file' }) }), 'dns')).toMatchObject({
    verdict: 'warning',
  })
  const literal = await look({}, {}, configOf(5066).replace(`sip:${HUB}`, 'sip:127.0.0.1'))
  expect(literal.steps.find(({ id }) => id === '127.0.0.1/dns')?.verdict).toBe('warning')
})

test('one of several addresses that does not answer is a warning', async () => {
  const tcp: World['tcp'] = async (address) => {
    if (address === '127.0.0.2') throw new ProbeError('connect', 'ECONNREFUSED', 'refused')
    return 3
  }
  expect(step(await look({ name: async () => a('127.0.0.1', '127.0.0.2'), tcp }), 'tcp')).toMatchObject({ verdict: 'warning' })
})

test.each([
  ['ssl/tls alert handshake failure', '', /cipher suite/],
  ['sslv3 alert certificate expired', '', /has expired/],
  ['tlsv1 alert unknown ca', '', /authority of our certificate/],
  ['tlsv13 alert certificate required', '', /demands a certificate/],
  ['read ECONNRESET', 'ECONNRESET', /without a word/],
  ['something else', '', /something else/],
])('T §1.3: the handshake that ends with "%s" is explained', async (message, code, finding) => {
  const report = await look({ tls: () => Promise.reject(new ProbeError('handshake', code, message)) })
  expect(step(report, 'tls')).toMatchObject({ verdict: 'bad', finding: expect.stringMatching(finding) })
})

const health = async (parts: object) =>
  step(await look({}, { peering: async () => peeringOf({ targets: [{ ...peeringOf().targets[0]!, ...parts }] }) }), 'health')

test('what the edge sees of a hub is told: up, down with the reason, drained, busy, unknown', async () => {
  expect(await health({ answeredAt: '2026-11-01T00:00:00Z' })).toMatchObject({ verdict: 'good' })
  expect(await health({ health: 'down', reason: 'OPTIONS was answered with 403' })).toMatchObject({
    verdict: 'bad',
    finding: expect.stringContaining('403'),
  })
  expect(await health({ drain: true })).toMatchObject({ verdict: 'warning' })
  expect(await health({ busyUntil: new Date(NOW + 5000).toISOString() })).toMatchObject({
    verdict: 'warning',
    finding: expect.stringContaining('Retry-After'),
  })
  expect(await health({ health: 'unknown' })).toMatchObject({ verdict: 'skipped' })
  expect(step(await look(), 'health')).toMatchObject({ verdict: 'skipped', finding: 'The edge is not running' })
})

// ---- what comes in

const asker = (secondsAgo: number) => ({
  ...{ host: 'sip-du-a-eu.pstnhub.microsoft.com', lastAt: new Date(NOW - secondsAgo * 1000).toISOString(), count: 4 },
  ...{ addresses: ['52.114.75.24'], names: [HUB] },
})

test('T §2.1: OPTIONS from Microsoft: a moment ago, long ago, never, not known', async () => {
  const incoming = async (...askers: ReturnType<typeof asker>[]) =>
    step(await look({}, { peering: async () => peeringOf({ askers }) }), 'options-in')
  expect(await incoming(asker(40))).toMatchObject({ verdict: 'good', finding: expect.stringContaining('40 s ago, from sip-du-a-eu') })
  expect(await incoming(asker(600))).toMatchObject({ verdict: 'warning', finding: expect.stringContaining('10 minutes ago') })
  expect(await incoming()).toMatchObject({ verdict: 'bad', remedy: expect.stringContaining(`${NAME}:5061`) })
  expect(step(await look(), 'options-in').verdict).toBe('skipped')
})

test('T6.44: who was refused from Microsoft’s networks on this listener is told; others are not', async () => {
  const refused = async (...refusals: ReturnType<typeof refusalOf>[]) =>
    step(await look({}, { refusals: async () => refusals }), 'refusals')
  expect(await refused(refusalOf({}))).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('52.114.1.1') })
  expect(
    await refused(
      refusalOf({ source: '198.41.0.8' }),
      refusalOf({ listener: 'lan/udp' }),
      refusalOf({ at: new Date(NOW - 2 * DAY).toISOString() }),
    ),
  ).toMatchObject({
    verdict: 'good',
  })
})

// ---- the text

test('the report as text has every finding with its values, no key, and nothing that writes into a terminal', async () => {
  const report = await look({}, { peering: async () => peeringOf({ askers: [{ ...asker(1), host: 'evil\x1b[2J.test' }] }) })
  const text = reportText(report, '9.9.9')
  for (const { title } of report.steps) expect(text).toContain(title)
  expect(text).toContain(`Edgeways 9.9.9, zone teams, name ${NAME}`)
  expect(text).not.toMatch(/PRIVATE KEY|\x1b/)
  expect(text.split('\n').every((line) => line.length < 1000)).toBe(true)
})
