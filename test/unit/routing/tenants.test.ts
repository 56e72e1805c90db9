import { describe, expect, test } from 'vitest'
import { decide, type RouteDecision, type RoutingView, rulesWith } from '../../../src/routing/decide.ts'
import { TenantRoutes } from '../../../src/routing/tenants.ts'
import { parseUri } from '../../../src/sip/uri.ts'
import type { Tenant, Zone } from '../../../src/zones/zone.ts'
import { lanUdp, pubTls, request, target, zone } from './support.ts'

const tenant = (name: string, zones: readonly string[], numbers: readonly string[] = [], number?: RegExp): Tenant => ({
  name,
  zones,
  numbers,
  number,
})

const pbxOne = zone('pbx-one', [lanUdp], { targets: [target('10.0.0.20')] })
const pbxTwo = zone('pbx-two', [lanUdp], { targets: [target('10.0.0.30')] })
const cloudWith = (...tenants: readonly Tenant[]): Zone => zone('cloud', [pubTls], { targets: [target('hub.example.com')], tenants })

const viewOf = (zones: readonly Zone[]): RoutingView => ({
  zones: new Map(zones.map((one) => [one.name, one])),
  routes: [],
  tenants: new TenantRoutes(zones),
  usable: () => true,
  random: () => 0,
  called: () => ({ kind: 'nobody', status: 404, reason: 'Not Found' }),
})

const decided = (zones: readonly Zone[], from: string, uri: string, method = 'INVITE'): Exclude<RouteDecision, { kind: 'pass' }> => {
  const view = viewOf(zones)
  return decide(
    { request: request(uri, { method }), uri: parseUri(uri)!, zone: view.zones.get(from)!, via: undefined },
    view,
    rulesWith(undefined),
  )
}

const told = (decision: RouteDecision): unknown =>
  decision.kind === 'forward'
    ? [
        decision.rule,
        decision.advertise,
        decision.groups.map((group) => group.map((one) => (one.kind === 'target' ? one.zone.name : one.kind)).join()),
      ]
    : decision.kind

describe('routes of tenants (T §5)', () => {
  const zones = [
    pbxOne,
    pbxTwo,
    cloudWith(tenant('one.example.com', ['pbx-one', 'pbx-two']), tenant('two.example.com', ['pbx-two'], ['+1xx'], /^\+1\d\d$/)),
  ]

  test('calls for a name go to its zones, one after the other', () => {
    expect(told(decided(zones, 'cloud', 'sip:+1@ONE.example.com.:5061'))).toEqual([
      'tenant one.example.com in',
      undefined,
      ['pbx-one', 'pbx-two'],
    ])
    expect(told(decided(zones, 'cloud', 'sip:two.example.com'))).toEqual(['tenant two.example.com in', undefined, ['pbx-two']])
    expect(told(decided(zones, 'cloud', 'sip:+1@example.com'))).toBe('respond')
    expect(told(decided(zones, 'pbx-one', 'sip:+1@two.example.com'))).toEqual(['tenant one.example.com out', 'one.example.com', ['cloud']])
    expect(told(decided(zones, 'cloud', 'tel:+1'))).toBe('respond')
  })

  test('who has numbers comes before who takes all', () => {
    expect(told(decided(zones, 'pbx-two', 'sip:+155@10.0.0.5'))).toEqual(['tenant two.example.com out', 'two.example.com', ['cloud']])
    expect(told(decided(zones, 'pbx-two', 'tel:+1-55'))).toEqual(['tenant two.example.com out', 'two.example.com', ['cloud']])
    for (const uri of ['sip:+1555@10.0.0.5', 'sip:alice@10.0.0.5'])
      expect(told(decided(zones, 'pbx-two', uri))).toEqual(['tenant one.example.com out', 'one.example.com', ['cloud']])
  })

  test('nobody registers with the other side', () => {
    expect(told(decided(zones, 'pbx-one', 'sip:one.example.com', 'REGISTER'))).toBe('respond')
    expect(told(decided(zones, 'cloud', 'sip:one.example.com', 'REGISTER'))).toBe('respond')
  })

  test('of two with the same numbers the first counts, whatever their patterns begin with', () => {
    const first = tenant('first.example.com', ['pbx-one'], ['/.*5/', '+442*'], /^(?:.*5|\+442.*)$/)
    const second = tenant('second.example.com', ['pbx-one'], ['+44 20-7*'], /^\+44207.*$/)
    for (const [tenants, name] of [
      [[first, second], 'first.example.com'],
      [[second, first], 'second.example.com'],
    ] as const)
      expect(told(decided([pbxOne, cloudWith(...tenants)], 'pbx-one', 'sip:+442075@10.0.0.5'))).toEqual([
        `tenant ${name} out`,
        name,
        ['cloud'],
      ])
  })

  test('thousands of them are not asked one after the other', () => {
    let asked = 0
    const many = Array.from({ length: 5000 }, (_, i): Tenant => {
      const digits = `+44${2000 + i}`
      const number = { test: (text: string) => ++asked > 0 && text.startsWith(digits) } as RegExp
      return tenant(`t${i}.example.com`, ['pbx-one'], [`${digits}xx`], number)
    })
    const all = [pbxOne, cloudWith(...many)]
    const view = viewOf(all)
    const find = (from: string, uri: string) =>
      view.tenants!.find({ request: request(uri), uri: parseUri(uri)!, zone: view.zones.get(from)!, via: undefined })?.name
    expect(find('pbx-one', 'sip:+44699911@10.0.0.5')).toBe('tenant t4999.example.com out')
    expect(find('pbx-one', 'sip:+44200011@10.0.0.5')).toBe('tenant t0.example.com out')
    expect(asked).toBe(2)
    expect(find('pbx-one', 'sip:+1@10.0.0.5')).toBeUndefined()
    expect(find('cloud', 'sip:+1@t4321.example.com')).toBe('tenant t4321.example.com in')
    expect(asked).toBe(2)
  })
})
