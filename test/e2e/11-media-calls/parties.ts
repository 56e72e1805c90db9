/** Who calls and is called: PBXs inside, phones and Teams outside. */
import { openSipEndpoint, type SipEndpoint, type SipEndpointOptions } from '../../support/media/sip-endpoint.ts'
import { type Ground, HZ, NAME, TEAMS_NAME } from './ground.ts'
import type { Leg, LegKind } from './legs.ts'

/** Somebody with SIP and sound, and every SDP that it sent. */
export interface Party extends SipEndpoint {
  readonly said: readonly string[]
  /** What becomes of its SDPs before they are sent; undefined: nothing. */
  alter: ((sdp: string) => string) | undefined
}

type Options = Partial<SipEndpointOptions>

export interface Parties {
  /** On the inner network, at the address and port that the zone's target names. */
  pbx(options?: Options): Promise<Party>
  /** A second PBX, and one over TCP. */
  other(options?: Options): Promise<Party>
  tcp(options?: Options): Promise<Party>
  /** A TLS phone that only connects. */
  phone(options?: Options): Promise<Party>
  teams(options?: Options): Promise<Party>
  /** What crossed between a party and the edge so far. @param side of the edge and rtpengine that it stands on */
  leg(party: Party, kind: LegKind, side: 'wan' | 'lan'): Leg
  /** Closes all of them. @returns what they saw that should not have been */
  closeAll(): Promise<readonly string[]>
}

/** @param media last byte of rtpengine's addresses */
export const openParties = ({ wan, lan, ports, peers, authority }: Ground, media: 1 | 2): Parties => {
  const parties: Party[] = []
  const open = async (options: SipEndpointOptions): Promise<Party> => {
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
  const inside = (usual: SipEndpointOptions, hz: number, options: Options): Promise<Party> =>
    open({ ...usual, ...options, media: { hz, ...options.media } })
  return {
    pbx: (options = {}) => inside({ name: 'pbx', transport: 'udp', address: lan(20), port: peers.pbx }, HZ.pbx, options),
    other: (options = {}) => inside({ name: 'other', transport: 'udp', address: lan(21), port: peers.other }, HZ.other, options),
    tcp: (options = {}) => inside({ name: 'tcp', transport: 'tcp', address: lan(22), port: peers.tcp }, HZ.pbx, options),
    phone: (options = {}) =>
      open({
        ...{ name: 'phone', transport: 'tls', address: wan(20), domain: NAME },
        proxy: { address: wan(1), port: ports.tls, name: NAME },
        tls: { authority: authority.certificate },
        ...options,
        media: { profile: 'sdes', hz: HZ.phone, ...options.media },
      }),
    teams: (options = {}) =>
      open({
        ...{ name: 'teams', transport: 'tls', address: wan(30), port: peers.teams },
        proxy: { address: wan(1), port: ports.teams, name: NAME },
        hosts: { [NAME]: wan(1) },
        tls: { authority: authority.certificate, own: authority.issue('teams', [TEAMS_NAME, wan(30)]) },
        ...options,
        media: { profile: 'sdes', hz: HZ.teams, cryptoParameters: '|2^31', ...options.media },
      }),
    leg: ({ said, calls }, kind, side) => ({
      ...{ kind, address: side === 'wan' ? wan(media) : lan(media), said },
      told: calls.flatMap(({ sdps }) => sdps.map(({ sdp }) => sdp)),
    }),
    closeAll: async () => {
      const all = parties.splice(0)
      await Promise.all(all.map((one) => one.close()))
      return all.flatMap(({ problems }) => problems)
    },
  }
}
