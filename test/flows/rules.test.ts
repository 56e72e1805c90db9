import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, tagOf, uriOf, valuesOf } from '../support/wire.ts'
import { hangUp } from './place.ts'

const RULES = `
media: off
listeners:
  lan: { udp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060, names: [ tenant.example.com ] }
zones:
  pbx:
    kind: trunk
    on: lan
    probe: false
    targets: [ "sip:10.0.0.20:5060;transport=udp" ]
    numbers:
      in:  [ { e164: { country: "44" } }, { e164: { country: "44" }, on: from } ]
      out: [ { match: "^\\\\+44", replace: "0", on: [ request-uri, to ] } ]
    headers:
      in:  [ { remove: X-Internal } ]
      out: [ { add: "X-Side: edge" } ]
  carrier:
    kind: trunk
    on: out
    probe: false
    targets: [ "sip:192.0.2.99:5060;transport=tcp" ]
    headers:
      in:  [ { keep: [ P-Asserted-Identity, X-Odd, X-Folded, Subject ] } ]
      out: [ { set: "Privacy: none" } ]
routes:
  - { from: carrier, tenant: tenant.example.com, to: pbx, numbers: [ { prefix: "77" } ], headers: [ { set: "X-Tenant: tenant" } ] }
  - { from: carrier, header: { Subject: "^secret" }, respond: "603 Declined" }
  - { from: carrier, to: pbx }
  - { from: pbx, number: "+44*", to: carrier }
  - { from: pbx, method: MESSAGE, to: carrier, request-uri: keep }
`

const TOUCHED = ['from', 'to', 'x-side', 'x-internal', 'x-tenant', 'privacy', 'user-agent', 'server', 'p-asserted-identity', 'contact']

const startRules = async () => {
  const edge = await startEdge(RULES, { touches: TOUCHED })
  return { edge, pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'), carrier: edge.party('carrier', 'out/tcp', '192.0.2.99:5060') }
}

describe('number rules', () => {
  test('those of the source’s side run before the routes look', async () => {
    const { pbx, carrier } = await startRules()
    pbx.sends('INVITE', { uri: 'sip:02079460101@10.0.0.5' })
    expect(carrier.gets('INVITE').uri).toBe('sip:+442079460101@192.0.2.99:5060;transport=tcp')
    carrier.sends(486)
    carrier.gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
  })

  test('those of the route, then those of the destination’s side; Request-URI and To as the rule says', async () => {
    const { pbx, carrier } = await startRules()
    carrier.sends('INVITE', { uri: 'sip:+442079460101@192.0.2.5', to: 'sip:+442079460101@192.0.2.5' })
    const invite = pbx.gets('INVITE')
    expect(invite.uri).toBe('sip:02079460101@10.0.0.20:5060')
    expect(uriOf(headerOf(invite, 'to'))).toBe('sip:02079460101@192.0.2.5')
    pbx.sends(486)
    pbx.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('§8.2.6.2: the caller gets back From and To as he wrote them, in every response, a 2xx that comes again included', async () => {
    const { pbx, carrier } = await startRules()
    const from = '"A" <sip:02079460101@10.0.0.20>;x=1'
    const sent = pbx.sends('INVITE', { uri: 'sip:02079460102@10.0.0.5', from, to: 'sip:02079460102@10.0.0.5' })
    const invite = carrier.gets('INVITE')
    expect(uriOf(headerOf(invite, 'from'))).toBe('sip:+442079460101@10.0.0.20')
    carrier.sends(180)
    const ringing = pbx.gets(100, 180)
    const accepted = carrier.sends(200)
    const answered = pbx.gets(200)
    for (const response of [ringing, answered]) {
      expect(headerOf(response, 'from')).toBe(headerOf(sent, 'from'))
      expect(headerOf(response, 'to')).toBe(`${headerOf(sent, 'to')};tag=${tagOf(accepted, 'to')}`)
    }
    carrier.repeats(accepted)
    expect(pbx.gets(200).bytes).toEqual(answered.bytes)
    pbx.sends('ACK')
    carrier.gets('ACK')
    hangUp(carrier, pbx)
  })

  test('a tenant’s route has rules of its own', async () => {
    const { pbx, carrier } = await startRules()
    carrier.sends('INVITE', { uri: 'sip:101@tenant.example.com:5060;transport=tcp' })
    const invite = pbx.gets('INVITE')
    expect(invite.uri).toBe('sip:77101@10.0.0.20:5060')
    expect(headerOf(invite, 'x-tenant')).toBe('tenant')
    expect(valuesOf(invite, 'record-route')[1]).toContain('sip:tenant.example.com:5060;transport=tcp;lr')
    pbx.sends(486)
    pbx.gets('ACK')
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('§12.2: To and From of a dialog that numbers were changed in fit for both sides', async () => {
    const { pbx, carrier } = await startRules()
    const sent = carrier.sends('INVITE', { uri: 'sip:+442079460101@192.0.2.5', to: 'sip:+442079460101@192.0.2.5' })
    pbx.gets('INVITE')
    pbx.sends(200)
    const ok = carrier.gets(100, 200)
    expect(uriOf(headerOf(ok, 'from'))).toBe(uriOf(headerOf(sent, 'from')))
    carrier.sends('ACK')
    pbx.gets('ACK')
    hangUp(pbx, carrier)
  })
})

describe('header rules', () => {
  test('each zone’s for its direction, on requests and on responses', async () => {
    const { pbx, carrier } = await startRules()
    pbx.sends('INVITE', {
      uri: 'sip:+442079460101@10.0.0.5',
      headers: ['X-Internal: secret', 'Privacy: id', 'Privacy: user', 'User-Agent: pbx'],
    })
    const invite = carrier.gets('INVITE')
    expect([headerOf(invite, 'x-internal'), valuesOf(invite, 'privacy'), headerOf(invite, 'user-agent')]).toEqual(['', ['none'], 'pbx'])
    carrier.sends(200, { headers: ['Server: carrier', 'P-Asserted-Identity: <sip:x@y>'] })
    const ok = pbx.gets(100, 200)
    expect([headerOf(ok, 'server'), headerOf(ok, 'p-asserted-identity'), headerOf(ok, 'x-side')]).toEqual(['', '<sip:x@y>', 'edge'])
    pbx.sends('ACK')
    carrier.gets('ACK')
    hangUp(carrier, pbx)
  })
})

describe('routes', () => {
  test('a header decides, and the route answers', async () => {
    const { pbx, carrier } = await startRules()
    carrier.sends('INVITE', { headers: ['Subject: secret plan'] })
    carrier.gets(603)
    carrier.sends('ACK')
    pbx.getsNothing()
  })

  test('request-uri: keep changes the next hop only', async () => {
    const { pbx, carrier } = await startRules()
    pbx.sends('MESSAGE', { uri: 'sip:bob@example.net' })
    expect(carrier.gets('MESSAGE').uri).toBe('sip:bob@example.net')
    carrier.sends(200)
    pbx.gets(200)
  })

  test('RFC 3966: a tel URI becomes a sip URI with user=phone at its target', async () => {
    const { pbx, carrier } = await startRules()
    pbx.sends('INVITE', { uri: 'tel:+44-20-7946-0101' })
    expect(carrier.gets('INVITE').uri).toMatch(/^sip:\+44.*@192\.0\.2\.99:5060;user=phone;transport=tcp$/)
    carrier.sends(486)
    carrier.gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
  })
})
