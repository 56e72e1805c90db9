import { type EdgeOptions, type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'

/** The edge of most tests: a PBX on UDP behind it, Teams, browsers and phones in front, all behind 1:1 NAT. */
export const PLACE = `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:    { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  teams:  { tls: 10.0.0.5:5061, names: [ tenant1.example.com ] }
  web:    { wss: 10.0.0.5:443 }
  public: { udp: 10.0.0.5:5080, advertise: public-address }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  teams:    { kind: trunk, media: { profile: teams }, on: teams, probe: false, targets: [ "sip:52.112.0.1:5061;transport=tls" ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], lost-connection: { tell-registrar: false } }
  phones:   { kind: phones, on: public, nat: off, lost-connection: { tell-registrar: false } }
routes:
  - { from: [ teams, browsers, phones ], to: pbx }
  - { from: pbx, number: "+4420794601xx", to: teams }
  - { from: pbx, user: "phone*", to: phones }
  - { from: pbx, to: browsers }
media: off
certificates: { main: development }
`

export interface Place {
  readonly edge: EdgeUnderTest
  readonly pbx: Party
  readonly teams: Party
  readonly browser: Party
}

export const startPlace = async (options: EdgeOptions = {}): Promise<Place> => {
  const edge = await startEdge(PLACE, options)
  return {
    edge,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    teams: edge.party('teams', 'teams/tls', '52.112.0.1:5061'),
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
  }
}

/** A call that is up: INVITE, 180, 200, ACK. */
export const callUp = (caller: Party, callee: Party, uri = 'sip:100@example.com'): void => {
  caller.sends('INVITE', { uri })
  callee.gets('INVITE')
  callee.sends(180)
  caller.gets(100, 180)
  callee.sends(200)
  caller.gets(200)
  caller.sends('ACK')
  callee.gets('ACK')
}

/** Ended by `one`. */
export const hangUp = (one: Party, other: Party): void => {
  one.sends('BYE')
  other.gets('BYE')
  other.sends(200)
  one.gets(200)
}

/** The PBX is the registrar, and takes the binding. */
export const register = (client: Party, registrar: Party): void => {
  client.sends('REGISTER', { uri: 'sip:example.com', to: `sip:${client.name}@example.com`, fresh: true })
  registrar.gets('REGISTER')
  registrar.sends(200)
  client.gets(200)
}
