import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, valuesOf } from '../support/wire.ts'

const CONFIGURATION = `
name: sbc.example.com
media: off
listeners:
  lan: { udp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060 }
  pub: { udp: 192.0.2.5:5080 }
zones:
  pbx:     { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ], dialect: { caller: asserted, redirections: diversion } }
  guests:  { kind: trunk, on: pub, probe: false, trusted: false, targets: [ "sip:198.51.100.9:5060;transport=udp" ], dialect: { methods: [ INVITE, ACK, BYE, CANCEL ] } }
routes:
  - { from: [ guests, carrier ], to: pbx }
  - { from: pbx, number: "9*", to: [ guests, carrier ] }
  - { from: pbx, number: "8*", to: guests }
  - { from: pbx, to: carrier }
`
const TOUCHES = ['from', 'to', 'allow', 'p-asserted-identity', 'remote-party-id', 'history-info', 'diversion']
const IDENTITIES = ['P-Asserted-Identity: <tel:+442079460100>,<sip:ana@example.org>', 'Remote-Party-ID: <sip:100@pbx>;party=calling']

const start = async () => {
  const edge = await startEdge(CONFIGURATION, { touches: TOUCHES })
  return {
    edge,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    carrier: edge.party('carrier', 'out/tcp', '192.0.2.99:5060'),
    guest: edge.party('guest', 'pub/udp', '198.51.100.9:5060'),
  }
}

describe('RFC 3325 in whole calls', () => {
  test('§5: an untrusted caller asserts nothing, and neither does an untrusted callee', async () => {
    const { pbx, guest } = await start()
    guest.sends('INVITE', { headers: IDENTITIES })
    const invite = pbx.gets('INVITE')
    expect([valuesOf(invite, 'p-asserted-identity'), valuesOf(invite, 'remote-party-id')]).toEqual([[], []])
    pbx.sends(486)
    pbx.gets('ACK')
    guest.gets(100, 486)
    guest.sends('ACK')
    pbx.sends('INVITE', { uri: 'sip:800@10.0.0.5', fresh: true })
    guest.gets('INVITE')
    guest.sends(603, { headers: IDENTITIES })
    guest.gets('ACK')
    expect(valuesOf(pbx.gets(100, 603), 'p-asserted-identity')).toEqual([])
    pbx.sends('ACK')
  })

  test('§7: privacy holds toward the untrusted, and carriers see who pays; the caller reads his own From', async () => {
    const { pbx, guest, carrier } = await start()
    pbx.sends('INVITE', { uri: 'sip:800@10.0.0.5', headers: [...IDENTITIES, 'Privacy: id'], fresh: true })
    expect(valuesOf(guest.gets('INVITE'), 'p-asserted-identity')).toEqual([])
    guest.sends(486)
    guest.gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
    const history = 'History-Info: <sip:+442079460101@a?Reason=SIP%3Bcause%3D486>;index=1,<sip:700@a;cause=486>;index=1.1'
    const sent = pbx.sends('INVITE', { uri: 'sip:700@10.0.0.5', headers: [...IDENTITIES, history], fresh: true })
    const invite = carrier.gets('INVITE')
    expect(headerOf(invite, 'from')).toBe(headerOf(sent, 'from').replace('pbx@', '+442079460100@'))
    expect(valuesOf(invite, 'p-asserted-identity').length).toBe(2)
    expect(headerOf(invite, 'diversion')).toBe('<sip:+442079460101@a>;reason=user-busy;privacy=off;counter=1')
    carrier.sends(486)
    carrier.gets('ACK')
    expect(headerOf(pbx.gets(100, 486), 'from')).toBe(headerOf(sent, 'from'))
    pbx.sends('ACK')
  })
})

describe('§8.2.1: methods', () => {
  test('a target whose zone does not know the method is left out, and the next one is called', async () => {
    const { pbx, carrier } = await start()
    pbx.sends('MESSAGE', { uri: 'sip:900@10.0.0.5', fresh: true })
    carrier.gets('MESSAGE')
    carrier.sends(200)
    pbx.gets(200)
  })

  test('without another one it is 405, and so it is for what the zone itself sends', async () => {
    const { pbx, guest } = await start()
    for (const [party, uri] of [
      [pbx, 'sip:800@10.0.0.5'],
      [guest, 'sip:100@192.0.2.5:5080'],
    ] as const) {
      party.sends('MESSAGE', { uri, fresh: true })
      expect(headerOf(party.gets(405), 'allow')).toBe('INVITE, ACK, BYE, CANCEL')
    }
  })
})
