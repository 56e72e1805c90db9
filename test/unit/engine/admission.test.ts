import { describe, expect, test } from 'vitest'
import type { PeerIdentity } from '../../../src/address/flow.ts'
import { Admission } from '../../../src/engine/admission.ts'
import { network } from '../../../src/zones/networks.ts'
import type { Admission as Policy, Zone } from '../../../src/zones/zone.ts'
import { lanUdp, listener, pubTls, sixUdp, target, zone } from '../routing/support.ts'
import { TestFlow } from './support.ts'

const policy = (more: Partial<Policy>): { readonly admission: Policy } => ({
  admission: { anyone: false, networks: [], targets: false, certificateNames: [], otherwise: 'reject', ...more },
})
const networks = (...texts: readonly string[]) => texts.map((text) => network(text)!)
const from = (address: string, by = lanUdp) => new TestFlow('f', by, address)
const showing = (names: readonly string[], verified = true, address = '198.51.100.9') =>
  new TestFlow('f', pubTls, address, { verified, error: verified ? '' : 'SELF_SIGNED', names })
const admits = (one: Zone, flow: TestFlow) => new Admission([one]).admits(one, flow)

describe('who may send us requests (design D8)', () => {
  test('nobody, when nothing was said', () => {
    expect(admits(zone('z', [lanUdp], policy({})), from('10.0.0.20'))).toBe(false)
  })

  test('anyone', () => {
    expect(admits(zone('z', [lanUdp], policy({ anyone: true })), from('203.0.113.99'))).toBe(true)
  })

  test.each([
    ['10.0.0.20', true],
    ['10.0.1.20', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:1::9', true],
    ['2001:db8:2::9', false],
    ['::ffff:10.0.0.20', true],
  ])('its networks: %s %s', (address, admitted) => {
    const one = zone('z', [lanUdp], policy({ networks: networks('10.0.0.0/24', '192.0.2.7', '2001:db8:1::/48') }))
    expect(admits(one, from(address))).toBe(admitted)
  })

  test('the addresses of its targets, IPv6 in any spelling', () => {
    const targets = [
      target('a', { host: '10.0.0.20' }),
      target('b', { host: '[2001:DB8:0:0::20]' }),
      target('c', { host: 'pbx.example.com' }),
    ]
    const one = zone('z', [lanUdp, sixUdp], { ...policy({ targets: true }), targets })
    expect(admits(one, from('10.0.0.20'))).toBe(true)
    expect(admits(one, from('2001:db8::20', sixUdp))).toBe(true)
    expect(admits(one, from('10.0.0.21'))).toBe(false)
  })

  test('what the names of its targets were resolved to, for that zone alone', () => {
    const one = zone('one', [lanUdp], { ...policy({ targets: true }), targets: [target('a', { host: 'pbx.example.com' })] })
    const other = zone('other', [lanUdp], { ...policy({ targets: true }), targets: [target('a', { host: 'pbx.example.net' })] })
    const admission = new Admission([one, other])
    expect(admission.admits(one, from('198.51.100.1'))).toBe(false)
    admission.learn(one, '198.51.100.1', 0)
    expect(admission.admits(one, from('198.51.100.1'))).toBe(true)
    expect(admission.admits(other, from('198.51.100.1'))).toBe(false)
    expect(admission.zoneOf(from('198.51.100.1'))).toBe(one)
  })

  test('what was learned outlives a reload, for the zone of the same name, and is forgotten when no lookup comes to it any more', () => {
    const named = () =>
      zone('one', [lanUdp], {
        ...policy({ targets: true }),
        targets: [target('a', { host: 'pbx.example.com' }), target('b', { host: '10.0.0.20' })],
      })
    const before = new Admission([named()])
    before.learn([...before.zonesOn(lanUdp)][0]!, '198.51.100.1', 1000)
    const one = named()
    const admission = new Admission([one, zone('other', [lanUdp], policy({ targets: true }))], before)
    expect(admission.zoneOf(from('198.51.100.1'))).toBe(one)
    admission.learn(one, '198.51.100.2', 5000)
    admission.forget(2000)
    expect(['198.51.100.1', '198.51.100.2', '10.0.0.20'].map((address) => admission.admits(one, from(address)))).toEqual([
      false,
      true,
      true,
    ])
  })

  test('a dialog reaches what its zone knows by address, and everything where certificates alone decide', () => {
    const known = zone('known', [lanUdp], policy({ networks: networks('10.0.0.0/24') }))
    const shown = zone('shown', [pubTls], policy({ certificateNames: ['sbc.example.net'] }))
    const both = zone('both', [pubTls], policy({ certificateNames: ['sbc.example.net'], networks: networks('10.0.0.0/24') }))
    const admission = new Admission([known, shown, both])
    const reached = (one: Zone) => ['10.0.0.9', '198.51.100.1'].map((address) => admission.reaches(one, address))
    expect([reached(known), reached(shown), reached(both)]).toEqual([
      [true, false],
      [true, true],
      [true, false],
    ])
  })

  test('targets do not count when the operator says so', () => {
    const one = zone('z', [lanUdp], { ...policy({ targets: false }), targets: [target('a', { host: '10.0.0.20' })] })
    const admission = new Admission([one])
    admission.learn(one, '10.0.0.21', 0)
    expect(admission.admits(one, from('10.0.0.20'))).toBe(false)
    expect(admission.admits(one, from('10.0.0.21'))).toBe(false)
  })

  test('a zone that is not of this configuration admits nobody by its targets', () => {
    const gone = zone('gone', [lanUdp], { ...policy({ targets: true }), targets: [target('a', { host: '10.0.0.20' })] })
    expect(new Admission([]).admits(gone, from('10.0.0.20'))).toBe(false)
  })
})

describe('names in client certificates', () => {
  const named = (...certificateNames: readonly string[]) => zone('z', [pubTls], policy({ certificateNames }))

  test.each<readonly [readonly string[], readonly string[], boolean]>([
    [['sip.cloud.example'], ['sip.cloud.example'], true],
    [['sip.cloud.example'], ['other.example', 'sip.cloud.example'], true],
    [['sip.cloud.example'], ['sip2.cloud.example'], false],
    [['sip.cloud.example'], ['*.cloud.example'], true],
    [['sip.cloud.example'], ['*.example'], false],
    [['a.sip.cloud.example'], ['*.cloud.example'], false],
    [['cloud.example'], ['*.cloud.example'], false],
    [['*.cloud.example'], ['sip.cloud.example'], true],
    [['*.cloud.example'], ['*.cloud.example'], true],
    [['*.cloud.example'], ['a.b.cloud.example'], false],
    [['*.cloud.example'], ['cloud.example'], false],
    [['sip.cloud.example'], ['*'], false],
    [['sip.cloud.example'], ['*.'], false],
    [['sip.cloud.example'], ['sip.cloud.example.evil.net'], false],
    [['sip.cloud.example'], ['evilsip.cloud.example'], false],
    [['sip.cloud.example'], [], false],
  ])('%o, and the peer shows %o: %s', (wanted, shown, admitted) => {
    expect(admits(named(...wanted), showing(shown))).toBe(admitted)
  })

  test('a certificate that was not verified, or none, is nobody', () => {
    expect(admits(named('sip.cloud.example'), showing(['sip.cloud.example'], false))).toBe(false)
    expect(admits(named('sip.cloud.example'), from('198.51.100.9', pubTls))).toBe(false)
  })

  test('with networks both have to be right; with anyone the certificate alone', () => {
    const both = zone('z', [pubTls], policy({ certificateNames: ['a.example'], networks: networks('198.51.100.0/24') }))
    expect(admits(both, showing(['a.example']))).toBe(true)
    expect(admits(both, showing(['a.example'], true, '203.0.113.1'))).toBe(false)
    expect(admits(both, showing(['b.example']))).toBe(false)
    const open = zone('z', [pubTls], policy({ certificateNames: ['a.example'], anyone: true, targets: true }))
    expect(admits(open, showing(['a.example'], true, '203.0.113.1'))).toBe(true)
    expect(admits(open, showing(['b.example']))).toBe(false)
  })

  test('where a request may go is a matter of addresses alone', () => {
    const one = zone('z', [pubTls], policy({ certificateNames: ['a.example'], networks: networks('198.51.100.0/24') }))
    const admission = new Admission([one])
    expect(admission.admitsAddress(one, '198.51.100.9')).toBe(true)
    expect(admission.admitsAddress(one, '10.0.0.1')).toBe(false)
  })
})

test('the certificate of somebody from another network is not looked at: on a port that is open to the world that would be work for nothing', () => {
  const teams = zone('teams', [pubTls], policy({ networks: networks('52.112.0.0/14'), certificateNames: ['hub.example.com'] }))
  const peer: PeerIdentity = {
    ...{ error: '', names: ['hub.example.com'] },
    get verified(): boolean {
      throw new Error('judged')
    },
  }
  expect(admits(teams, new TestFlow('f', pubTls, '198.51.100.9', peer))).toBe(false)
  expect(new Admission([teams]).stranger(new TestFlow('f', pubTls, '198.51.100.9', peer)).reason).toBe('network')
  expect(() => admits(teams, new TestFlow('f', pubTls, '52.112.0.1', peer))).toThrow('judged')
})

describe('several zones on one listener', () => {
  const second = listener('b/udp', 'udp', '10.0.0.6', 5060)
  const narrow = zone('narrow', [lanUdp], policy({ networks: networks('10.0.0.20') }))
  const wide = zone('wide', [lanUdp, second], policy({ networks: networks('10.0.0.0/8') }))
  const admission = new Admission([narrow, wide])

  test('the first one that admits the source has it', () => {
    expect(admission.zoneOf(from('10.0.0.20'))).toBe(narrow)
    expect(admission.zoneOf(from('10.0.0.21'))).toBe(wide)
    expect(admission.zoneOf(from('10.0.0.20', second))).toBe(wide)
    expect(admission.zoneOf(from('192.0.2.1'))).toBeUndefined()
  })

  test('whoever is known belongs to the zone that knows him, also behind one in the file that admits anyone', () => {
    const open = zone('open', [lanUdp, pubTls], policy({ anyone: true }))
    const hubs = zone('hubs', [pubTls], policy({ networks: networks('198.51.100.0/24'), certificateNames: ['hub.example.com'] }))
    // Anyone with that certificate: not everybody
    const named = zone('named', [pubTls], policy({ anyone: true, certificateNames: ['named.example.com'] }))
    const shared = new Admission([open, narrow, hubs, named])
    expect(shared.zoneOf(from('10.0.0.20'))).toBe(narrow)
    expect(shared.zoneOf(from('10.0.0.21'))).toBe(open)
    expect(shared.zoneOf(showing(['hub.example.com']))).toBe(hubs)
    expect(shared.zoneOf(showing(['hub.example.com'], false))).toBe(open)
    expect(shared.zoneOf(showing(['named.example.com'], true, '203.0.113.1'))).toBe(named)
  })

  test('a listener without zones has nobody', () => {
    expect(admission.zoneOf(from('10.0.0.20', sixUdp))).toBeUndefined()
    expect(admission.zonesOn(sixUdp)).toEqual([])
    expect(admission.zonesOn(lanUdp)).toEqual([narrow, wide])
  })
})

describe('T6.44: why somebody is admitted by no zone', () => {
  const hub = 'sip.pstnhub.microsoft.com'
  const teams = zone('teams', [pubTls], policy({ networks: networks('52.112.0.0/14'), certificateNames: [hub] }))
  const phones = zone('phones', [lanUdp], policy({ networks: networks('10.0.0.0/24') }))
  const admission = new Admission([teams, phones])
  const judged = (peer: Partial<PeerIdentity> | undefined, address = '52.112.7.7') =>
    new TestFlow('f', pubTls, address, peer === undefined ? undefined : { verified: true, error: '', names: [hub], ...peer })

  test.each([
    ['network', judged({}, '198.51.100.9'), 'admits certain networks only'],
    ['network', judged(undefined, '198.51.100.9'), 'admits certain networks only'],
    ['no-certificate', judged(undefined), 'asks for a certificate'],
    ['expired', judged({ verified: false, reason: 'expired', error: 'Certificate x was valid until …' }), 'x was valid until'],
    ['unverified', judged({ verified: false, error: 'INVALID_PURPOSE' }), 'INVALID_PURPOSE'],
    [
      'wrong-name',
      judged({ names: ['sbc.contoso.example'] }),
      `admits ${hub}, and the certificate of this source names sbc.contoso.example`,
    ],
    ['source', new TestFlow('f', lanUdp, '10.0.1.1'), 'No zone admits this source'],
  ])('%s', (reason, flow, words) => {
    expect(admission.zoneOf(flow)).toBeUndefined()
    expect(admission.stranger(flow)).toEqual({ reason, why: expect.stringContaining(words) })
  })

  test('the names of an identity are compared once for each zone, and anew after a reload', () => {
    const flow = judged({})
    expect([admission.zoneOf(flow), admission.zoneOf(flow)]).toEqual([teams, teams])
    const other = zone('teams', [pubTls], policy({ networks: networks('52.112.0.0/14'), certificateNames: ['another.example'] }))
    expect(new Admission([other], admission).zoneOf(flow)).toBeUndefined()
  })
})
