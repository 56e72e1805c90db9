import { expect, test } from 'vitest'
import type { ConfigCheck } from '../../../src/admin/contract.ts'
import { firstRunConfig } from '../../../src/config/examples.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { formsOf } from '../../../src/teams/national.ts'
import { proposeSetup as propose } from '../../../src/teams/setup.ts'
import type { SetupAnswers } from '../../../src/teams/types.ts'

const check = (text: string): ConfigCheck => {
  const loaded = loadConfig(text, { file: '/etc/edgeways.yaml', dataDir: '/data' })
  return { ok: loaded.ok, problems: loaded.ok ? loaded.warnings : loaded.problems, changes: [] }
}
const snapshotOf = (text: string) => {
  const loaded = loadConfig(text, { file: '/etc/edgeways.yaml', dataDir: '/data' })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}
const ANSWERS: SetupAnswers = {
  ...{ name: 'sbc.contoso.com', cloud: 'worldwide', port: 5061, certificate: 'main', pbx: { zone: 'pbx' }, bypass: false },
  numbers: ['+4420794601xx'],
  country: '44',
}
const PLAIN = `# Ours
public-address: 198.41.0.4      # of the router
listeners:
  lan: { udp: 10.0.0.5:5060 }   # the PBX
zones:
  pbx: { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
# who may call whom
routes:
  - { from: pbx, number: "0*", to: pbx }   # never
certificates: { main: { chain: a.pem, key: a.key } }
`
const proposeSetup = (answers: SetupAnswers, text: string, how: typeof check, found?: string) =>
  propose(answers, { text, check: how, own: ['127.0.0.1', '::1', '10.0.0.9'], found })
const lines = (text: string): readonly string[] => text.split('\n')

test('a zone is written with all that belongs to it, and nothing else of the file is touched', () => {
  const { configuration, changes, problems } = proposeSetup(ANSWERS, PLAIN, check)
  expect(problems).toEqual([])
  for (const line of lines(PLAIN)) expect(lines(configuration)).toContain(line)
  expect(changes).toEqual([
    'Our name becomes sbc.contoso.com',
    'A listener for Teams: 10.0.0.5:5061, in group teams',
    'A zone teams of kind teams: hubs, networks, roots and dialect follow from that',
    'Calls from Teams go to pbx',
    'Calls of pbx to +4420794601xx go to Teams',
  ])
  const snapshot = snapshotOf(configuration)
  const zone = snapshot.zones.get('teams')!
  expect([zone.kind, zone.listeners.map(({ sentBy }) => sentBy), zone.targets.length]).toEqual(['teams', ['sbc.contoso.com:5061'], 3])
  expect(zone.numbersOut).toMatchObject([{ kind: 'e164', country: '44', trunkPrefix: '0' }])
  const toTeams = snapshot.routes.find(({ name }) => name === 'to-teams')!
  for (const dialled of ['+442079460155', '00442079460155', '02079460155']) expect(toTeams.number!.test(dialled)).toBe(true)
  expect(toTeams.number!.test('02079460255')).toBe(false)
})

test('the same answers once more change nothing, on every kind of file', () => {
  const files = [PLAIN, firstRunConfig(), PLAIN.replace('routes:\n  - { from: pbx, number: "0*", to: pbx }   # never\n', '')]
  for (const [index, file] of files.entries()) {
    for (const answers of [ANSWERS, { ...ANSWERS, cloud: 'dod', bypass: true, numbers: ['+442079460100', '+44 20 7946 0101'] } as const]) {
      const ours = index === 1 ? { ...answers, certificate: 'local', port: 5071 } : answers
      const once = proposeSetup(ours, file, check)
      const twice = proposeSetup(ours, once.configuration, check)
      expect(once.changes.length).toBeGreaterThan(2)
      expect([twice.changes, twice.configuration]).toEqual([[], once.configuration])
    }
  }
})

test('other answers change what is different, and nothing else', () => {
  const { configuration } = proposeSetup(ANSWERS, PLAIN, check)
  const after = proposeSetup(
    {
      ...ANSWERS,
      name: 'other.contoso.com',
      port: 5067,
      cloud: 'worldwide',
      bypass: true,
      country: '49',
      numbers: ['+4930901820xx'],
      bind: '10.0.0.6',
    },
    configuration,
    check,
  )
  expect(after.problems).toEqual([])
  expect(after.changes).toEqual([
    'Listener group teams binds 10.0.0.6:5067',
    'Listener group teams advertises other.contoso.com',
    'Media of zone teams can bypass Microsoft (media bypass)',
    'Numbers to Teams become +E.164, with the country code 49',
    'Calls of pbx to +4930901820xx go to Teams',
  ])
  const zone = snapshotOf(after.configuration).zones.get('teams')!
  expect([zone.listeners[0]!.sentBy, zone.listeners[0]!.bindAddress, zone.media.kind]).toEqual([
    'other.contoso.com:5067',
    '10.0.0.6',
    'teams-bypass',
  ])
  expect(zone.numbersOut).toMatchObject([{ kind: 'e164', country: '49' }])
  for (const comment of ['# of the router', '# the PBX', '# who may call whom', '# never']) expect(after.configuration).toContain(comment)
})

test('a public port that a router forwards stays apart from the port that is bound', () => {
  const file = PLAIN.replace(
    'zones:',
    '  outside: { tls: 10.0.0.5:15061, advertise: "sbc.contoso.com:5061", certificate: main }\nzones:\n  teams: { kind: teams, on: outside }',
  )
  const { configuration, changes } = proposeSetup({ ...ANSWERS, port: 5062 }, file, check)
  expect(changes).toContain('Listener group outside advertises sbc.contoso.com:5062')
  const { listeners } = snapshotOf(configuration).zones.get('teams')!
  expect([listeners[0]!.bindPort, listeners[0]!.advertisedPort]).toEqual([15061, 5062])
})

test('a name that others use is left to them: the listener for Teams has its own', () => {
  const { configuration, problems } = proposeSetup({ ...ANSWERS, certificate: 'local', port: 5071 }, firstRunConfig(), check)
  const { zones, name } = snapshotOf(configuration)
  expect(problems).toEqual([])
  expect(check(configuration).problems.map(({ remedy }) => remedy)).toEqual([expect.stringContaining('Add "public-address')])
  expect([name, zones.get('teams')!.listeners[0]!.advertisedHost]).toEqual(['localhost', 'sbc.contoso.com'])
  expect(zones.get('teams')!.listeners[0]!.bindAddress).toBe('10.0.0.9')
  expect(zones.get('phones')!.listeners[0]!.advertisedHost).toBe('localhost')
})

test('behind a router the address that the DNS has is ours, unless the file says another one', () => {
  const without = PLAIN.replace('public-address: 198.41.0.4      # of the router\n', '')
  const { configuration, changes, problems } = proposeSetup(ANSWERS, without, check, '198.41.0.7')
  expect([problems, changes[1]]).toEqual([[], 'Our public address becomes 198.41.0.7, as the DNS says of sbc.contoso.com'])
  expect(snapshotOf(configuration).publicAddress).toBe('198.41.0.7')
  expect(proposeSetup(ANSWERS, PLAIN, check, '198.41.0.7').configuration).toContain('public-address: 198.41.0.4      # of the router')
})

test('a new PBX gets a zone, once', () => {
  const answers: SetupAnswers = { ...ANSWERS, pbx: { uri: 'sip:10.0.0.30:5060;transport=udp', listener: 'lan' } }
  const { configuration, changes, problems } = proposeSetup(answers, PLAIN, check)
  expect(problems).toEqual([])
  expect(changes).toContain('A zone pbx-2 for the PBX at sip:10.0.0.30:5060;transport=udp')
  expect(snapshotOf(configuration).zones.get('pbx-2')).toMatchObject({ kind: 'trunk', targets: [{ host: '10.0.0.30' }] })
  expect(proposeSetup(answers, configuration, check).changes).toEqual([])
})

test('what stands against it is said: certificate, PBX, numbers, name, a port that is taken', () => {
  const problems = (answers: Partial<SetupAnswers>, file = PLAIN): string =>
    proposeSetup({ ...ANSWERS, ...answers }, file, check).problems.join('\n')
  expect(problems({ certificate: 'none' })).toContain('There is no certificate "none"')
  expect(problems({ pbx: { zone: 'nobody' } })).toContain('There is no zone "nobody" for the PBX')
  expect(problems({ pbx: { uri: 'sip:1', listener: 'nowhere' } })).toContain('There is no listener group "nowhere"')
  expect(problems({ numbers: [] })).toContain('No numbers of Teams users are named')
  expect(problems({ name: 'sbc.contoso.onmicrosoft.com' })).toContain('onmicrosoft.com, which Microsoft refuses')
  expect(problems({}, PLAIN.replace('udp: 10.0.0.5:5060 }', 'udp: 10.0.0.5:5060, tls: 10.0.0.5:5061 }'))).toMatch(/5061/)
  expect(problems({}, 'name: [')).toContain('no YAML that can be read')
  expect(problems({ pbx: { uri: 'nonsense', listener: 'lan' } })).toMatch(/nonsense/)
})

test('a file that has mistakes of its own is not blamed on the wizard twice, and warnings from before are not repeated', () => {
  const warned = `${PLAIN}demo: false\n`.replace('lan: {', 'idle: { udp: 10.0.0.7:5060 }\n  lan: {')
  expect(check(warned).problems.map(({ severity }) => severity)).toContain('warning')
  expect(proposeSetup(ANSWERS, warned, check).problems).toEqual([])
})

test('warnings are told by the check of the text, and stand against nothing', () => {
  const behind = firstRunConfig().replace('name: localhost', 'name: localhost\npublic-address: 198.41.0.4')
  const { configuration, problems } = proposeSetup(ANSWERS, behind.replace('local: development', 'main: development'), check)
  expect(check(configuration).problems.map(({ severity }) => severity)).toContain('warning')
  expect(problems).toEqual([])
})

test.each([
  ['+4420794601xx', '44', ['+4420794601xx', '004420794601xx', '020794601xx']],
  ['+12125550123', '1', ['+12125550123', '0012125550123', '12125550123', '2125550123']],
  ['+390612345xx', '39', ['+390612345xx', '00390612345xx', '0612345xx']],
  ['+4930901820xx', '44', ['+4930901820xx']],
  ['+44 (20) 7946-01xx', undefined, ['+4420794601xx']],
  ['+44 (0)20 7946 01xx', '44', ['+4420794601xx', '004420794601xx', '020794601xx']],
  ['+44*', '44', ['+44*']],
  ['/\\+44(1|2).{3,}/', '44', ['/\\+44(1|2).{3,}/']],
])('%s is dialled in country %s as %j', (pattern, country, forms) => {
  expect(formsOf(pattern, country)).toEqual(forms)
})
