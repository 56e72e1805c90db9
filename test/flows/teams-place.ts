import type { Subscriber, Subscribers } from '../../src/registrar/types.ts'
import { type EdgeOptions, type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'
import type { ZoneTable } from '../unit/dns/fixture.ts'
import { MemoryStore } from './registrar-place.ts'

export interface TeamsOptions extends EdgeOptions {
  /** Further settings of the zone `teams`, of `pbx`, of `second`: `, contact: keep`. */
  readonly teams?: string
  readonly pbx?: string
  readonly second?: string
  /** Further names of the listener toward Teams, and of those toward the PBXs. */
  readonly names?: string
  readonly lanNames?: string
  /** Further zones, and routes before the others, as whole lines; whole lines at the top level. */
  readonly zones?: string
  readonly routes?: string
  readonly more?: string
  /** The setting `certificates`. */
  readonly certificates?: string
  /** The setting `media`. */
  readonly mediaText?: string
}

/** An edge between Teams and two PBXs, one on UDP and one on TCP, with browsers of its own. */
export const teamsConfiguration = ({
  teams = '',
  pbx = '',
  second = '',
  names = '',
  lanNames = '',
  zones = '',
  routes = '',
  more = '',
  mediaText = 'off',
  certificates = '{ main: development }',
}: TeamsOptions = {}): string => `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:   { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060, names: [ ${lanNames} ] }
  teams: { tls: 10.0.0.5:5061, names: [ ${names} ] }
  web:   { wss: 10.0.0.5:443 }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ]${pbx} }
  second:   { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.30:5060;transport=tcp" ]${second} }
  teams:    { kind: teams, on: teams, probe: false${teams} }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], authenticate: false, lost-connection: { registration: 1h } }
${zones}registrar: { domains: [ example.com ] }
routes:
${routes}  - { from: teams, user: "browser*", to: browsers }
  - { from: teams, number: "+4420794602xx", to: second }
  - { from: teams, to: pbx }
  - { from: [ pbx, second, browsers ], to: teams }
media: ${mediaText}
certificates: ${certificates}
${more}`

/** Hubs by name; the host of their Record-Route is one of them, that of their Contact is nobody that speaks SIP. */
export const HUB_DNS: ZoneTable = {
  'A sip.pstnhub.microsoft.com': ['52.112.0.1'],
  'A sip2.pstnhub.microsoft.com': ['52.112.0.2'],
  'A sip3.pstnhub.microsoft.com': ['52.112.0.3'],
  'A sip-du-a-eu.pstnhub.microsoft.com': ['52.112.0.1'],
  'A api-du-a-euwe.pstnhub.microsoft.com': ['52.112.0.77'],
}

const user = (name: string): Subscriber => ({ user: name, aliases: [], displayName: '', enabled: true })
const USERS = [user('browser')]
const SUBSCRIBERS: Subscribers = { find: (part) => USERS.find((one) => one.user === part), ha1: () => undefined }

/** What a hub's certificate shows. */
export const HUB_IDENTITY = { verified: true, error: '', names: ['sip.pstnhub.microsoft.com'] } as const

export interface TeamsPlace {
  readonly edge: EdgeUnderTest
  readonly pbx: Party
  /** By TCP. */
  readonly second: Party
  /** `sip.pstnhub.microsoft.com`, and another machine of it. */
  readonly hub: Party
  readonly other: Party
  readonly browser: Party
}

export const startTeams = async (options: TeamsOptions = {}): Promise<TeamsPlace> => {
  const { touches = [] } = options
  const edge = await startEdge(teamsConfiguration(options), {
    dns: HUB_DNS,
    subscribers: SUBSCRIBERS,
    bindings: new MemoryStore(),
    ...options,
    // Toward Teams these are ours to write
    touches: ['contact', 'from', 'to', 'allow', 'supported', 'require', 'x-ms-sbc', ...touches],
  })
  const hub = edge.party('hub', 'teams/tls', '52.112.0.1:5061', { peer: HUB_IDENTITY, proxy: HUB_ROUTE })
  // T §1.3: its requests come by connections of its own (no RFC 5923)
  hub.connects()
  const place = {
    edge,
    hub,
    other: edge.party('other', 'teams/tls', '52.112.9.9:4000', { peer: HUB_IDENTITY, proxy: HUB_ROUTE }),
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    second: edge.party('second', 'lan/tcp', '10.0.0.30:5060'),
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
  }
  await edge.settles()
  return place
}

/** Port 443 is no SIP port: whoever calls it has not looked at Record-Route. */
export const HUB_CONTACT =
  '<sip:api-du-a-euwe.pstnhub.microsoft.com:443;x-i=4b1e8f0c-55a1-4c2f-9f86-0a7d0d6a1e55;x-c=9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5/d/8/1f0e2d3c4b5a69788796a5b4c3d2e1f0>'
export const HUB_ROUTE = '<sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>'

/** An INVITE as the hub sends it. @param host a tenant's name */
export const toNumber = (number: string, more: SendOptions = {}, host = 'sbc.example.com'): SendOptions => ({
  uri: `sip:${number}@${host}:5061;user=phone;transport=tls`,
  contact: HUB_CONTACT,
  fresh: true,
  ...more,
  headers: [`Record-Route: ${HUB_ROUTE}`, ...(more.headers ?? [])],
})

/** What the hub's answers show. */
export const FROM_HUB: SendOptions = { contact: HUB_CONTACT, above: [`Record-Route: ${HUB_ROUTE}`] }

/** The call of somebody at a PBX or in a browser to a Teams user is up. @returns the INVITE that the hub got, and the caller's 200 */
export const callsTeams = async ({ edge, hub }: TeamsPlace, caller: Party, more: SendOptions = {}): Promise<{ invite: Wire; ok: Wire }> => {
  caller.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true, ...more })
  await edge.settles()
  const invite = hub.gets('INVITE')
  hub.sends(200, FROM_HUB)
  await edge.settles()
  const ok = caller.gets(100, 200)
  caller.sends('ACK')
  await edge.settles()
  hub.gets('ACK')
  return { invite, ok }
}

/** The call of a Teams user to somebody at a PBX or in a browser is up. @returns the INVITE that he got, and the hub's 200 */
export const teamsCalls = async (
  { edge, hub }: TeamsPlace,
  callee: Party,
  number = '+442079460111',
  more: SendOptions = {},
): Promise<{ invite: Wire; ok: Wire }> => {
  hub.sends('INVITE', toNumber(number, more))
  await edge.settles()
  const invite = callee.gets('INVITE')
  callee.sends(200)
  await edge.settles()
  const ok = hub.gets(100, 200)
  hub.sends('ACK')
  await edge.settles()
  callee.gets('ACK')
  return { invite, ok }
}
