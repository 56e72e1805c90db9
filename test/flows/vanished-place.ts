import { FakeMedia } from '../support/fake-media.ts'
import { type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'

/** The grace of the zone of browsers. */
export const GRACE_MS = 20_000

/** A PBX on UDP, browsers in front of it that may also call each other, and a desk that takes what no browser does. */
export const configured = (media: boolean, more: string, grace = `${GRACE_MS / 1000}s`): string => `
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060 }
  web: { wss: 192.0.2.5:443 }
  out: { udp: 192.0.2.5:5060 }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  desk:     { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.1.21:5060;transport=udp" ] }
  pair:     { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp", "sip:10.0.1.21:5060;transport=udp" ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], nat: off, lost-connection: { calls: ${grace}, tell-registrar: false }${more} }
  phones:   { kind: phones, on: out, lost-connection: { tell-registrar: false } }
routes:
  - { from: browsers, to: browsers, user: "alice" }
  - { from: browsers, to: pair, user: "all", fork: parallel }
  - { from: [ browsers, phones ], to: pbx }
  - { from: pbx, to: [ browsers, desk ], user: "shared*" }
  - { from: pbx, to: phones, user: "phone*" }
  - { from: pbx, to: browsers }
media: ${media ? '{ rtpengine: [ 127.0.0.1:2223 ] }' : 'off'}
certificates: { main: development }
`

export interface VanishedPlace {
  readonly edge: EdgeUnderTest
  readonly media: FakeMedia | undefined
  readonly pbx: Party
  readonly desk: Party
  readonly browser: Party
  /** Sends, and lets happen what waits for promises. */
  says(party: Party, what: string | number, options?: SendOptions): Promise<Wire>
  /** The caller's INVITE until the callee's ACK. */
  up(caller: Party, callee: Party, options?: SendOptions): Promise<void>
  passes(ms: number): Promise<void>
}

/** @param more of the zone of browsers */
export const startVanished = async (withMedia = false, more = ''): Promise<VanishedPlace> => {
  const media = withMedia ? new FakeMedia('m1') : undefined
  const edge = await startEdge(configured(withMedia, more), media === undefined ? {} : { media })
  const says = async (party: Party, what: string | number, options: SendOptions = {}): Promise<Wire> => {
    const wire = party.sends(what, options)
    await edge.settles()
    return wire
  }
  return {
    edge,
    media,
    says,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    desk: edge.party('desk', 'lan/udp', '10.0.1.21:5060'),
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
    up: async (caller, callee, options = {}) => {
      await says(caller, 'INVITE', options)
      const invite = callee.gets('INVITE')
      callee.sends(180)
      await says(callee, 200, { of: invite })
      caller.gets(100, 180, 200)
      await says(caller, 'ACK')
      callee.gets('ACK')
    },
    passes: async (ms) => {
      edge.passes(ms)
      await edge.settles()
    },
  }
}

/** The Contact that a page made up for itself. */
export const contactOf = ({ name, spec }: Party): string => `sip:${name}@${spec.host};transport=ws`

/** The PBX is the registrar, and takes it. */
export const registers = async ({ says, pbx }: VanishedPlace, client: Party, contact = `<${contactOf(client)}>`): Promise<void> => {
  await says(client, 'REGISTER', { uri: 'sip:example.com', to: `sip:${client.name}@example.com`, contact, fresh: true })
  const register = pbx.gets('REGISTER')
  await says(pbx, 200, { of: register })
  client.gets(200)
}

/** Who gets the BYE of a call answers it. */
export const getsBye = async ({ says }: VanishedPlace, party: Party): Promise<Wire> => {
  const bye = party.gets('BYE')
  await says(party, 200, { of: bye })
  return bye
}
