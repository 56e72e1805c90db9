import { describe, expect, test } from 'vitest'
import { CLOUD_FACTS, CLOUDS } from '../../../src/zones/microsoft.ts'
import type { Zone } from '../../../src/zones/zone.ts'
import { errorsOf, snapshotOf, warningsOf } from './support.ts'

/** An edge between Teams and a PBX; `rest` follows kind and group of the Teams zone. */
const edge = (rest = '', { group = '{ tls: 10.0.0.5:5061 }', top = '', more = '' } = {}): string => `name: sbc.example.com
public-address: 203.0.113.5
${top}
listeners:
  lan: { udp: 10.0.0.5:5060 }
  teams: ${group}
zones:
  pbx: { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  teams: { kind: teams, on: teams${rest === '' ? '' : `, ${rest}`} }
  ${more}
routes:
  - { from: teams, to: pbx }
  - { from: pbx, to: teams }
certificates: { main: { chain: sbc.pem, key: sbc.key } }
`

const teams = (text: string): Zone => snapshotOf(text).zones.get('teams')!

describe('a zone of kind teams', () => {
  test('T §1.1: needs nothing but its group: three hubs by name and priority', () => {
    expect(teams(edge()).targets).toMatchObject([
      { name: 'sip.pstnhub.microsoft.com', host: 'sip.pstnhub.microsoft.com', port: 5061, transport: 'tls', priority: 1 },
      { name: 'sip2.pstnhub.microsoft.com', priority: 2 },
      { name: 'sip3.pstnhub.microsoft.com', priority: 3 },
    ])
  })

  test.each(CLOUDS)('T §1.2: in cloud %s admits its published networks with a certificate of its hubs, and nobody else', (cloud) => {
    const { admission, targets } = teams(edge(`cloud: ${cloud}`))
    expect(targets.map(({ host }) => host)).toEqual(CLOUD_FACTS[cloud].hubs)
    expect(admission).toMatchObject({ anyone: false, targets: false, certificateNames: CLOUD_FACTS[cloud].names })
    expect(admission.networks.map(({ text }) => text)).toEqual(CLOUD_FACTS[cloud].networks)
  })

  test('T §1.2: the networks of all worldwide hubs that were ever published are inside of the default', () => {
    const { networks } = teams(edge()).admission
    for (const address of ['52.112.0.1', '52.114.75.24', '52.115.255.255', '52.120.0.1', '52.122.0.1', '52.123.255.254'])
      expect(networks.some((one) => one.contains(address))).toBe(true)
    for (const address of ['52.116.0.1', '52.124.0.1', '52.111.255.255', '203.0.113.9'])
      expect(networks.some((one) => one.contains(address))).toBe(false)
  })

  test('what the operator writes counts instead', () => {
    const zone = teams(
      edge(
        'targets: [ "sip:127.0.0.2:5061;transport=tls" ], admit: { networks: [ 127.0.0.0/8 ], certificates: [ hub.example.com ] }, peers: { roots: [ ca.pem ], usage: both }, ' +
          'contact: keep, connections: { share: true, renew: off }, patience: off, trusted: false, dialect: { methods: [ invite, refer ], without: [], provisional: ringing }',
      ),
    )
    expect(zone.admission.certificateNames).toEqual(['hub.example.com'])
    expect(zone.targets).toMatchObject([{ host: '127.0.0.2', provisional: 'ringing' }])
    expect(zone).toMatchObject({
      contact: 'keep',
      peers: { roots: ['/etc/edgeways/ca.pem'], usage: 'both' },
      connections: { share: true, renewMs: undefined },
      patienceMs: undefined,
      trusted: false,
      dialect: { methods: ['INVITE', 'REFER', 'ACK', 'CANCEL', 'BYE'], without: [], userPhone: true, redirections: 'history-info' },
    })
  })

  test('T §1.6: the listener has the roots and names by which peers are judged', () => {
    const { listeners } = snapshotOf(edge())
    const { peers, clientCertificate } = listeners.find(({ listener }) => listener.name === 'teams/tls')!.options.tls!
    expect(clientCertificate).toBe('request')
    expect(peers).toEqual({ roots: ['microsoft'], usage: 'server', names: CLOUD_FACTS.worldwide.names })
  })

  test('T §2.1: OPTIONS once a minute', () => {
    expect(teams(edge()).probing).toMatchObject({ enabled: true, intervalSeconds: 60 })
  })
})

/** Known by address, though it has certificates. */
const OWN_PKI = 'own: { kind: trunk, on: out, targets: [ "sip:198.51.100.9:5061;transport=tls" ], peers: { roots: system } }'

describe('mistakes', () => {
  test.each([
    ['no TLS', edge('', { group: '{ tcp: 10.0.0.5:5061 }' }), 'zones.teams.on', 'Put the zone on a group with tls'],
    [
      'another zone with targets on the same listener',
      edge('', { more: 'carrier: { kind: trunk, on: teams, targets: [ "sip:198.51.100.9;transport=tls" ] }' }),
      'listeners.teams.tls',
      'Put the two on different listener groups',
    ],
    [
      'certificates of peers that have none',
      edge('', { more: 'plain: { kind: trunk, on: lan, targets: [ sip:10.0.0.21 ], peers: {} }' }),
      'zones.plain.peers',
      'Remove "peers"',
    ],
  ])('%s', (_what, text, path, remedy) => {
    const errors = errorsOf(text)
    expect(errors).toContainEqual(expect.objectContaining({ path, remedy: expect.stringContaining(remedy) }))
  })

  test.each([
    ['of hubs', edge('admit: { certificates: [] }'), 'zones.teams.admit.certificates'],
    ['nobody thought of', edge('', { group: '{ tls: 10.0.0.5:5061 }\n  out: { tls: 10.0.0.5:5071 }', more: OWN_PKI }), 'zones.own.peers'],
  ])('T §5: certificates %s: they are judged, and whoever shows none is admitted all the same', (_what, text, path) => {
    expect(warningsOf(text)).toContainEqual(expect.objectContaining({ path, remedy: expect.stringContaining('admit: { certificates:') }))
  })

  test('T §1.1: a gov cloud connects to port 5061 alone', () => {
    expect(warningsOf(edge('cloud: gcc-high', { group: '{ tls: 10.0.0.5:5068 }' }))).toContainEqual(
      expect.objectContaining({ path: 'zones.teams.cloud', message: expect.stringContaining('5068') }),
    )
    expect(warningsOf(edge('cloud: gcc-high', { group: '{ tls: 10.0.0.5:5068, advertise: "name" }' })).length).toBeGreaterThan(0)
    expect(warningsOf(edge('cloud: gcc-high', { group: '{ tls: 10.0.0.5:5068, advertise: "sbc.example.com:5061" }' }))).toEqual([])
  })

  test('a cloud of a zone that has none', () => {
    const text = edge('', { more: 'other: { kind: trunk, on: lan, targets: [ sip:10.0.0.21 ], cloud: dod }' })
    expect(warningsOf(text)).toContainEqual(expect.objectContaining({ path: 'zones.other.cloud', remedy: 'Remove "cloud"' }))
  })

  test('phones may share the listener: they have certificates of nobody', () => {
    expect(snapshotOf(edge('', { more: 'phones: { kind: phones, on: teams }' })).zones.has('phones')).toBe(true)
  })
})

test('T §3.13: emergency numbers have a default, and can be others', () => {
  expect(snapshotOf(edge()).emergency).toEqual(['112', '911', '933'])
  expect(snapshotOf(edge('', { top: 'emergency: [ "999", "110" ]' })).emergency).toEqual(['999', '110'])
})
