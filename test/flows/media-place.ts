import { expect } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'
import type { ZoneTable } from '../unit/dns/fixture.ts'

interface MediaOptions {
  /** What the zone of the PBXs says. */
  readonly pbx?: string
  readonly targets?: string
  readonly fork?: 'serial' | 'parallel'
  /** What the zone of the carrier says. */
  readonly carrier?: string
  readonly media?: string
  /** Further zones, and routes before the others, as whole lines. */
  readonly more?: string
  readonly routes?: string
  readonly nodes?: readonly string[]
  readonly dns?: ZoneTable
  /** Headers that are not looked at. */
  readonly touches?: readonly string[]
}

/** A carrier in front and PBXs behind: the same protocol on both sides, so an SDP shows what was done with it and nothing else. */
export const configured = ({
  pbx = '',
  targets = '"sip:10.0.0.20:5060;transport=udp"',
  fork = 'serial',
  carrier = '',
  media = '{ rtpengine: [ 127.0.0.1:2223 ] }',
  more = '',
  routes = '',
}: MediaOptions = {}): string => `
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060, tls: 10.0.0.5:5061 }
  out: { tcp: 192.0.2.5:5060, udp: 192.0.2.5:5060 }
  web: { wss: 192.0.2.5:443 }
zones:
  pbx:     { kind: trunk, on: lan, probe: false, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ ${targets} ]${pbx} }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ]${carrier} }
${more}routes:
${routes}  - { from: carrier, to: pbx, fork: ${fork} }
  - { from: pbx, to: carrier }
media: ${media}
certificates: { main: development }
`

/** An SDP of that party. @param version another one: other media ports */
export const sdp = ({ spec }: Party, version = 1, ...lines: readonly string[]): string =>
  [
    'v=0',
    `o=- ${spec.port} ${version} IN IP4 ${spec.address}`,
    's=-',
    `c=IN IP4 ${spec.address}`,
    't=0 0',
    `m=audio ${4000 + 2 * version} RTP/AVP 8 0`,
    ...lines,
    '',
  ].join('\r\n')

/** `10.9.9.1:30002`: where the SDP in a message wants media. */
export const mediaOf = ({ body }: Wire): string => {
  const text = body.toString('latin1')
  return `${/^c=IN IP4 (\S+)/m.exec(text)?.[1]}:${/^m=\w+ (\d+)/m.exec(text)?.[1]}`
}

export const textOf = ({ body }: Wire): string => body.toString('latin1')

/** No description of a session is in it. */
export const hasNoSdp = (wire: Wire): void => expect(textOf(wire)).toBe('')

/** Where a party is, as rtpengine has it from its SDP. */
export const whereIs = ({ spec }: Party, version = 1): string => `${spec.address}:${4000 + 2 * version}`

export const startMedia = async (options: MediaOptions = {}) => {
  const media = new FakeMedia(...(options.nodes ?? ['m1']))
  const { dns, touches = [] } = options
  const edge = await startEdge(configured(options), { media, touches, ...(dns === undefined ? {} : { dns }) })
  const desks = [20, 21, 22].map((host) => edge.party(`pbx${host}`, 'lan/udp', `10.0.0.${host}:5060`))
  return {
    edge,
    media,
    node: media.nodes[0]!,
    carrier: edge.party('carrier', 'out/tcp', '192.0.2.99:5060'),
    pbx: desks[0]!,
    second: desks[1]!,
    third: desks[2]!,
    says: sayIn(edge),
  }
}

export type MediaPlace = Awaited<ReturnType<typeof startMedia>>

/** Sends, and lets everything happen that waits for rtpengine. */
const sayIn =
  (edge: EdgeUnderTest) =>
  async (party: Party, what: string | number, options: SendOptions = {}): Promise<Wire> => {
    const wire = party.sends(what, options)
    await edge.settles()
    return wire
  }

/** INVITE and 200 with SDP, ACK; what was said to rtpengine is looked at and forgotten. The 200 as it came to the caller. */
export const callWithMedia = async ({ says, media }: MediaPlace, caller: Party, callee: Party): Promise<Wire> => {
  await says(caller, 'INVITE', { body: sdp(caller) })
  callee.gets('INVITE')
  await says(callee, 200, { body: sdp(callee) })
  const answer = caller.gets(100, 200)
  caller.sends('ACK')
  callee.gets('ACK')
  expect(media.said().map((one) => one.replace(/^\S+ /, ''))).toEqual(['offer a>b1', 'answer a>b1'])
  return answer
}

/** Ended by `one`, and rtpengine is told. */
export const endWithMedia = async ({ says, media }: MediaPlace, one: Party, other: Party): Promise<void> => {
  await says(one, 'BYE')
  other.gets('BYE')
  await says(other, 200)
  one.gets(200)
  expect(media.said().map((text) => text.replace(/^\S+ /, ''))).toEqual(['delete a'])
}

/** A reliable provisional response (RFC 3262). */
export const RELIABLE: readonly string[] = ['Require: 100rel', 'RSeq: 1']
