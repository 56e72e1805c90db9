import { describe, expect, test } from 'vitest'
import { errorsOf, snapshotOf, warningsOf } from './support.ts'

const FILES = '{ main: { chain: sbc.pem, key: sbc.key } }'

/** An edge between Teams and the PBXs of customers. @param tenants YAML of the mapping */
const edge = (
  tenants: string,
  { certificates = FILES, zones = '', routes = '[ { from: teams, to: pbx-one }, { to: teams } ]', names = '' } = {},
): string => `name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan: { udp: 10.0.0.5:5060 }
  teams: { tls: 10.0.0.5:5061, names: [ ${names} ] }
zones:
  pbx-one: { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  pbx-two: { kind: trunk, on: lan, targets: [ "sip:10.0.0.30:5060;transport=udp" ] }
  teams: { kind: teams, on: teams, tenants: { ${tenants} } }
${zones}
routes: ${routes}
certificates: ${certificates}
`

describe('tenants (T §5)', () => {
  test('are names of the listeners of their zone, lower case, beside those that are there', () => {
    const { listeners, zones } = snapshotOf(
      edge('One.sbc.example.com: pbx-one, two.sbc.example.com: { to: [ pbx-two, pbx-one ], numbers: "+4420794602xx" }', {
        names: 'other.example.com',
      }),
    )
    expect(listeners.map(({ listener }) => listener.names)).toEqual([
      [],
      ['other.example.com', 'one.sbc.example.com', 'two.sbc.example.com'],
    ])
    expect(zones.get('teams')!.tenants).toMatchObject([
      { name: 'one.sbc.example.com', zones: ['pbx-one'], numbers: [], number: undefined },
      { name: 'two.sbc.example.com', zones: ['pbx-two', 'pbx-one'], numbers: ['+4420794602xx'] },
    ])
    const { number } = zones.get('teams')!.tenants[1]!
    expect([number!.test('+442079460211'), number!.test('+442079460311')]).toEqual([true, false])
  })

  test('make routes of their own unnecessary', () => {
    expect(warningsOf(edge('one.sbc.example.com: pbx-one, two.sbc.example.com: pbx-two', { routes: '[]' }))).toEqual([])
    const routes = '[ { from: teams, to: pbx-one } ]'
    expect(warningsOf(edge('two.sbc.example.com: pbx-two', { routes }))).toEqual([])
    expect(warningsOf(edge('one.sbc.example.com: pbx-one', { routes }))).toMatchObject([{ path: 'zones.pbx-two' }])
  })

  test('5,000 of them are read', () => {
    const many = Array.from(
      { length: 5000 },
      (_, i) => `t${i}.sbc.example.com: { to: pbx-one, numbers: "+4420${String(i).padStart(4, '0')}x" }`,
    )
    expect(snapshotOf(edge(many.join(', '))).zones.get('teams')!.tenants).toHaveLength(5000)
  }, 30_000)
})

describe('mistakes with tenants', () => {
  test.each([
    [
      'a zone that is not there',
      'one.sbc.example.com: pbx-on',
      'zones.teams.tenants.one.sbc.example.com',
      'There is no zone "pbx-on"',
      'pbx-one',
    ],
    [
      'one of several',
      'one.sbc.example.com: { to: [ pbx-one, nowhere ] }',
      'zones.teams.tenants.one.sbc.example.com.to[1]',
      'There is no zone "nowhere"',
      'pbx-two',
    ],
    [
      'the base name',
      'SBC.example.com: pbx-one',
      'zones.teams.tenants.SBC.example.com',
      '"SBC.example.com" is the name that the listener itself goes by',
      'routes',
    ],
    [
      'back to where calls come from',
      'one.sbc.example.com: teams',
      'zones.teams.tenants.one.sbc.example.com',
      'would go back',
      'zone of its PBX',
    ],
    [
      'twice',
      'one.sbc.example.com: pbx-one, ONE.sbc.example.com: pbx-two',
      'zones.teams.tenants.ONE.sbc.example.com',
      'is there twice',
      'Remove',
    ],
    [
      'numbers that are none',
      'one.sbc.example.com: { to: pbx-one, numbers: [ "my number" ] }',
      'zones.teams.tenants.one.sbc.example.com.numbers',
      'no number pattern',
      'digits',
    ],
  ])('%s', (_what, tenants, path, message, remedy) => {
    expect(errorsOf(edge(tenants))).toEqual([
      expect.objectContaining({ path, message: expect.stringContaining(message), remedy: expect.stringContaining(remedy) }),
    ])
  })

  test('the same name in two zones on one listener', () => {
    const zones =
      '  more: { kind: trunk, on: lan, tenants: { a.example.com: pbx-one } }\n  most: { kind: trunk, on: lan, tenants: { a.example.com: pbx-two } }'
    expect(errorsOf(edge('one.sbc.example.com: pbx-one', { zones }))).toMatchObject([
      { path: 'zones.most.tenants.a.example.com', message: 'Tenant "a.example.com" is there twice, also in zones.more.tenants' },
    ])
  })

  test('two tenants for all calls of one PBX: the second is never spoken for', () => {
    expect(warningsOf(edge('one.sbc.example.com: pbx-one, two.sbc.example.com: pbx-one'))).toMatchObject([
      {
        path: 'zones.teams.tenants.two.sbc.example.com',
        message: 'Calls of zone "pbx-one" go out under one.sbc.example.com, never under two.sbc.example.com',
      },
    ])
  })

  test('T §1.4: a wildcard covers one label, and not the name without it', () => {
    const ordered = (names: string): string =>
      `{ main: { acme: { email: ops@example.com, challenge: dns-01, dns: { provider: rfc2136 } }, names: [ ${names} ] } }`
    const told = (tenants: string, names: string) =>
      warningsOf(edge(tenants, { certificates: ordered(names) })).map(({ path, message, remedy }) => `${path}: ${message} | ${remedy}`)
    const one = 'one.sbc.example.com: pbx-one'
    expect(told(one, 'sbc.example.com, "*.sbc.example.com"')).toEqual([])
    expect(told(one, '"*.sbc.example.com"')).toEqual([
      'zones.teams.tenants: No certificate of listener teams/tls shows sbc.example.com, which the wildcard for its tenants does not stand for | Add sbc.example.com to the "names" of certificate "main"',
    ])
    expect(
      told(`${one}, a.two.sbc.example.com: pbx-two, b.two.sbc.example.com: pbx-two`, 'sbc.example.com, "*.sbc.example.com"'),
    ).toContain(
      'zones.teams.tenants.a.two.sbc.example.com: No certificate of listener teams/tls shows a.two.sbc.example.com, nor 1 more of the tenants | Add *.two.sbc.example.com to the "names" of certificate "main"; a wildcard stands for one label',
    )
  })

  test('T §3.4: names may be shared between several certificates of the listener', () => {
    const ordered = (two: string): string => {
      const acme = 'acme: { email: ops@example.com }'
      return `{ base: { ${acme}, names: [ sbc.example.com ] }, one: { ${acme}, names: [ one.sbc.example.com ] }, two: { ${acme}, names: [ ${two} ] } }`
    }
    const tenants = 'one.sbc.example.com: pbx-one, two.sbc.example.com: pbx-two'
    const told = (two: string) => warningsOf(edge(tenants, { certificates: ordered(two) })).map(({ message }) => message)
    expect(told('two.sbc.example.com')).toEqual([])
    expect(told('three.sbc.example.com')).toEqual(['No certificate of listener teams/tls shows two.sbc.example.com'])
  })

  test('an order for more names than an authority takes', () => {
    const many = Array.from({ length: 120 }, (_, i) => `t${i}.sbc.example.com: { to: pbx-one, numbers: "+${i}x" }`).join(', ')
    expect(errorsOf(edge(many, { certificates: '{ main: { acme: { email: ops@example.com } } }' }))).toMatchObject([
      { path: 'certificates.main', message: 'Certificate "main" would show 121 names, and authorities take 100' },
    ])
  })
})
