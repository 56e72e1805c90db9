/** Where everybody of these calls stands: an edge and an rtpengine, each with an address in the outer and in the inner network. */
import { type Authority, createAuthority } from '../../support/authority.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { openSipEndpoint, type SipEndpoint, type SipEndpointOptions } from '../../support/media/sip-endpoint.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import type { Leg, LegKind } from './legs.ts'

export const NAME = 'sbc.edge.test'
export const TEAMS_NAME = 'teams.edge.test'
/** The tone that each one sends. */
export const HZ = { browser: 440, phone: 620, teams: 780, pbx: 1000, other: 1400 } as const

export interface Ground {
  readonly folder: string
  readonly authority: Authority
  /** Outer addresses, by the last byte: 1 edge, 2 media, 20 phone, 30 Teams. */
  readonly wan: (host: number) => string
  /** Inner addresses: 1 edge, 2 media, 20 and up PBXs. */
  readonly lan: (host: number) => string
  /** Of the edge: `sip` inside, the others outside. */
  readonly ports: { readonly sip: number; readonly tls: number; readonly teams: number; readonly wss: number; readonly admin: number }
  /** Of those whom the edge calls. */
  readonly peers: { readonly pbx: number; readonly other: number; readonly tcp: number; readonly teams: number }
  remove(): void
}

/** @param net third byte of the addresses: one for each file, so that files never meet */
export const layGround = async (net: number): Promise<Ground> => {
  const { path: folder, remove } = temporaryFolder(`e2e-11-${net}`)
  const wan = (host: number): string => `127.11.${net}.${host}`
  const lan = (host: number): string => `127.12.${net}.${host}`
  return {
    folder,
    authority: createAuthority(folder),
    wan,
    lan,
    ports: {
      sip: await freePort(lan(1)),
      tls: await freePort(wan(1)),
      teams: await freePort(wan(1)),
      wss: await freePort(wan(1)),
      admin: await freePort('127.0.0.1'),
    },
    peers: { pbx: await freePort(lan(20)), other: await freePort(lan(21)), tcp: await freePort(lan(22)), teams: await freePort(wan(30)) },
    remove,
  }
}

/** What every configuration here has in common. @param more zones, routes, media */
export const configOf = ({ wan, lan, ports, authority }: Ground, more: string): string => {
  const own = authority.issue('edge', [NAME])
  return `
name: ${NAME}
listeners:
  lan: { udp: '${lan(1)}:${ports.sip}', tcp: '${lan(1)}:${ports.sip}' }
  phones: { tls: '${wan(1)}:${ports.tls}' }
  teams: { tls: '${wan(1)}:${ports.teams}', tls-settings: { trust: ${authority.file} } }
  web: { wss: '${wan(1)}:${ports.wss}' }
certificates: { main: { chain: ${own.chainFile}, key: ${own.keyFile} } }
admin: { listen: '127.0.0.1:${ports.admin}', plain: true }
${more}`
}

/** A PBX, TLS phones, browsers, Teams, and who calls whom; each with its interface of rtpengine. */
export const usualZones = ({ wan, lan, peers }: Ground): string => `
zones:
  pbx:
    kind: trunk
    on: lan
    targets: ['sip:${lan(20)}:${peers.pbx};transport=udp']
    probe: false
    media: { interface: lan }
  phones: { kind: phones, on: phones, media: { interface: wan } }
  browsers: { kind: webrtc, on: web, origins: ['*'], media: { interface: wan } }
  teams:
    kind: teams
    on: teams
    targets: ['sip:${wan(30)}:${peers.teams};transport=tls']
    admit: { certificates: [${TEAMS_NAME}] }
    probe: false
    media: { interface: wan }
routes:
  - { from: [pbx, browsers, phones], user: team, to: teams }
  - { from: teams, host: '*.invalid', to: browsers }
  - { from: [phones, browsers, teams], to: pbx }
`

/** Somebody with SIP and sound, and every SDP that it sent. */
export interface Party extends SipEndpoint {
  readonly said: readonly string[]
  /** What becomes of its SDPs before they are sent; undefined: nothing. */
  alter: ((sdp: string) => string) | undefined
}

export interface Place extends Ground {
  readonly rtpengine: Rtpengine
  readonly edge: Edge
  /** Opens a party; `settled` closes it. */
  party(options: SipEndpointOptions): Promise<Party>
  /** On the inner network, at the address and port that the zone's target names. */
  pbx(options?: Partial<SipEndpointOptions>): Promise<Party>
  /** A second PBX, and one over TCP. */
  other(options?: Partial<SipEndpointOptions>): Promise<Party>
  tcp(options?: Partial<SipEndpointOptions>): Promise<Party>
  /** A TLS phone that only connects. */
  phone(options?: Partial<SipEndpointOptions>): Promise<Party>
  teams(options?: Partial<SipEndpointOptions>): Promise<Party>
  /** What crossed between a party and the edge so far. @param side of the edge and rtpengine that it stands on */
  leg(party: Party, kind: LegKind, side: 'wan' | 'lan'): Leg
  /**
   * After a test: what `legs` looks at is right, nobody saw anything wrong, neither rtpengine nor the edge has anything left. Closes the
   * parties in any case.
   */
  settled(legs?: () => void): Promise<void>
  stop(): Promise<void>
}

/** Looks whether anything of a call is left in rtpengine and in the edge. What a failed test left is not held against those after it. */
const leftOvers = (rtpengine: Rtpengine, edge: Edge): (() => Promise<void>) => {
  let known: readonly string[] = []
  const look = async (): Promise<{ readonly calls: readonly string[]; readonly edge: number }> => ({
    calls: await rtpengine.list(),
    edge: (await edge.metric('edgeways_media_sessions_active')) + (await edge.metric('edgeways_media_deletes_pending')),
  })
  return async () => {
    const nothing = async (): Promise<true | undefined> => {
      const { calls, edge: sessions } = await look()
      return (calls.every((call) => known.includes(call)) && sessions <= known.length) || undefined
    }
    try {
      await until(nothing, 'end of all calls', 5000)
    } catch (error) {
      const left = await look()
      known = left.calls
      throw new Error(`left over: ${JSON.stringify(left)}`, { cause: error })
    }
  }
}

/** Nothing of ours broke, and no leg changed its transport. */
export const healthy = async (edge: Edge): Promise<void> => {
  for (const name of ['internal_errors', 'leg_transport_violations', 'route_state_refused', 'media_strays']) {
    const value = await edge.metric(`edgeways_${name}_total`)
    if (value !== 0) throw new Error(`edgeways_${name}_total is ${value}`)
  }
  const errors = edge.log().filter(({ level }) => level === 'error')
  if (errors.length > 0) throw new Error(`errors in the log: ${JSON.stringify(errors)}`)
}

/**
 * @param write zones, routes and the rest of the configuration; `media` is added
 * @param extra more arguments of rtpengine
 */
export const layPlace = async (
  net: number,
  write: (ground: Ground) => string = usualZones,
  extra: (ground: Ground) => readonly string[] = () => [],
): Promise<Place> => {
  const ground = await layGround(net)
  const { wan, lan, ports, peers, authority, folder } = ground
  const rtpengine = await startRtpengine({ interfaces: { wan: wan(2), lan: lan(2) }, extra: extra(ground) })
  const config = configOf(ground, `${write(ground)}media: { rtpengine: ['${rtpengine.host}:${rtpengine.port}'] }\n`)
  const edge = await startEdge({ config, adminPort: ports.admin, folder }).catch(async (error) => {
    await rtpengine.stop()
    throw error
  })
  const parties: Party[] = []
  const nothingLeft = leftOvers(rtpengine, edge)
  const party = async (options: SipEndpointOptions): Promise<Party> => {
    const said: string[] = []
    const sending = async (sdp: string): Promise<string> => {
      const altered = made.alter?.(sdp) ?? sdp
      said.push(altered)
      return altered
    }
    const made: Party = { ...(await openSipEndpoint({ ...options, sending })), said, alter: undefined }
    parties.push(made)
    return made
  }
  const inside = (usual: SipEndpointOptions, hz: number, options: Partial<SipEndpointOptions>): Promise<Party> =>
    party({ ...usual, ...options, media: { hz, ...options.media } })
  return {
    ...ground,
    rtpengine,
    edge,
    party,
    pbx: (options = {}) => inside({ name: 'pbx', transport: 'udp', address: lan(20), port: peers.pbx }, HZ.pbx, options),
    other: (options = {}) => inside({ name: 'other', transport: 'udp', address: lan(21), port: peers.other }, HZ.other, options),
    tcp: (options = {}) => inside({ name: 'tcp', transport: 'tcp', address: lan(22), port: peers.tcp }, HZ.pbx, options),
    phone: (options = {}) =>
      party({
        ...{ name: 'phone', transport: 'tls', address: wan(20), domain: NAME },
        proxy: { address: wan(1), port: ports.tls, name: NAME },
        tls: { authority: authority.certificate },
        ...options,
        media: { profile: 'sdes', hz: HZ.phone, ...options.media },
      }),
    teams: (options = {}) =>
      party({
        ...{ name: 'teams', transport: 'tls', address: wan(30), port: peers.teams },
        proxy: { address: wan(1), port: ports.teams, name: NAME },
        hosts: { [NAME]: wan(1) },
        tls: { authority: authority.certificate, own: authority.issue('teams', [TEAMS_NAME, wan(30)]) },
        ...options,
        media: { profile: 'sdes', hz: HZ.teams, cryptoParameters: '|2^31', ...options.media },
      }),
    leg: ({ said, calls }, kind, side) => ({
      ...{ kind, address: side === 'wan' ? wan(2) : lan(2), said },
      told: calls.flatMap(({ sdps }) => sdps.map(({ sdp }) => sdp)),
    }),
    settled: async (legs = () => undefined) => {
      const all = parties.splice(0)
      try {
        legs()
        await nothingLeft()
        await healthy(edge)
        const problems = all.flatMap((one) => one.problems)
        if (problems.length > 0) throw new Error(problems.join('\n'))
      } finally {
        await Promise.all(all.map((one) => one.close()))
      }
    },
    stop: async () => {
      await edge.stop()
      await rtpengine.stop()
      ground.remove()
    },
  }
}
