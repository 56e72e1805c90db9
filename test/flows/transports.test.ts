import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, topViaOf, uriOf, valuesOf } from '../support/wire.ts'

const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const
type Transport = (typeof TRANSPORTS)[number]

const FAMILIES = {
  IPv4: { home: '10.9.0.5', west: '10.0.0.5', east: '10.1.0.5', alice: '192.0.2.10', bob: '198.51.100.20' },
  IPv6: { home: '10.9.0.5', west: '[2001:db8:1::5]', east: '[2001:db8:2::5]', alice: '[2001:db8:a::10]', bob: '[2001:db8:b::20]' },
} as const

const isWeb = (transport: Transport): boolean => transport === 'ws' || transport === 'wss'

/** Two sides with one transport each, and a registrar for browsers. */
const configuration = (from: Transport, to: Transport, hosts: (typeof FAMILIES)['IPv4' | 'IPv6']): string => {
  const zone = (transport: Transport, group: string, peer: string): string =>
    isWeb(transport)
      ? `{ kind: webrtc, on: ${group}, origins: [ "*" ] }`
      : `{ kind: trunk, on: ${group}, probe: false, targets: [ "sip:${peer}:5080;transport=${transport}" ] }`
  return `
name: sbc.example.com
media: off
listeners:
  home: { udp: ${hosts.home}:5060 }
  west: { ${from}: "${hosts.west}:5070" }
  east: { ${to}: "${hosts.east}:5090" }
zones:
  registrar: { kind: trunk, on: home, probe: false, targets: [ "sip:10.9.0.20:5060" ] }
  caller: ${zone(from, 'west', hosts.alice)}
  callee: ${zone(to, 'east', hosts.bob)}
routes:
  - { method: REGISTER, to: registrar }
  - { from: caller, to: callee }
  - { from: callee, to: caller }
certificates: { main: development }
`
}

const pairs = TRANSPORTS.flatMap((from) => TRANSPORTS.map((to) => [from, to] as const))

describe.each(Object.entries(FAMILIES))('over %s', (family, hosts) => {
  test.each(pairs)('T1, T6, T7, T9: a call from %s to %s, with requests from both sides inside it', async (from, to) => {
    const edge = await startEdge(configuration(from, to, hosts))
    const registrar = edge.party('registrar', 'home/udp', '10.9.0.20:5060')
    const someone = (name: string, transport: Transport, listener: string, at: string): Party =>
      isWeb(transport) ? edge.browser(name, listener, at) : edge.party(name, listener, at)
    const alice = someone('alice', from, `west/${from}`, `${hosts.alice}:5080`)
    const bob = someone('bob', to, `east/${to}`, `${hosts.bob}:5080`)
    if (isWeb(to)) {
      bob.sends('REGISTER', { uri: 'sip:example.com' })
      registrar.gets('REGISTER')
      registrar.sends(200)
      bob.gets(200)
    }

    alice.sends('INVITE', { uri: isWeb(to) ? uriOf(bob.contact) : 'sip:100@example.com' })
    const invite = bob.gets('INVITE')
    const [outgoing, incoming, ...more] = valuesOf(invite, 'record-route')
    expect(more).toEqual([])
    expect(uriOf(outgoing!)).toContain(
      `${edge.listener(`east/${to}`).sentBy}${to === 'udp' ? '' : `;transport=${isWeb(to) ? 'ws' : to}`};lr;r2=on`,
    )
    expect(uriOf(incoming!)).toContain(
      `${edge.listener(`west/${from}`).sentBy}${from === 'udp' ? '' : `;transport=${isWeb(from) ? 'ws' : from}`};lr;r2=on`,
    )
    expect(topViaOf(invite)).toContain(`SIP/2.0/${to.toUpperCase()} ${edge.listener(`east/${to}`).sentBy};`)
    bob.sends(180)
    alice.gets(100, 180)
    bob.sends(200)
    alice.gets(200)
    alice.sends('ACK')
    bob.gets('ACK')

    bob.sends('INVITE')
    expect(uriOf(headerOf(alice.gets('INVITE'), 'contact'))).toBe(uriOf(bob.contact))
    alice.sends(200)
    bob.gets(100, 200)
    bob.sends('ACK')
    alice.gets('ACK')
    alice.sends('UPDATE')
    bob.gets('UPDATE')
    bob.sends(200)
    alice.gets(200)
    bob.sends('INFO')
    alice.gets('INFO')
    alice.sends(200)
    bob.gets(200)
    alice.sends('BYE')
    bob.gets('BYE')
    bob.sends(200)
    alice.gets(200)
    expect(family).toBe(hosts.alice.includes(':') ? 'IPv6' : 'IPv4')
  })
})
