import { type Authority, createAuthority } from './authority.ts'
import { freePort, temporaryFolder } from './places.ts'
import { literal } from './sipp.ts'

/** The three transports that SIPp peers use; the browsers' come in their own scenario. */
export type PeerTransport = 'udp' | 'tcp' | 'tls'
export const PEER_TRANSPORTS: readonly PeerTransport[] = ['udp', 'tcp', 'tls']

export interface Place {
  readonly address: string
  readonly port: number
}

/** Where everybody of a crossing test stands: an edge with an inside address, and a bind address hidden behind its name. */
export interface Ground {
  readonly folder: string
  readonly authority: Authority
  readonly name: string
  /** Bound and shown. */
  readonly inside: string
  /** Bound only: peers see `name`. */
  readonly outside: string
  readonly caller: string
  readonly called: string
  /** Listeners that callers use, by transport. */
  readonly callersPort: number
  readonly callersTlsPort: number
  /** Listeners that stand toward the called parties. */
  readonly targetsPort: number
  readonly targetsTlsPort: number
  readonly wssPort: number
  readonly adminPort: number
  /** The called parties. */
  readonly targets: Readonly<Record<PeerTransport, Place>>
  remove(): void
}

/** @param net third byte of the loopback addresses: one per scenario, so that scenarios never meet */
export const layGround = async (net: number): Promise<Ground> => {
  const { path: folder, remove } = temporaryFolder(`e2e-${net}`)
  const at = (host: number): string => `127.0.${net}.${host}`
  const called = at(12)
  return {
    folder,
    authority: createAuthority(folder),
    // Kamailio starts only with a name that resolves.
    name: process.env.E2E_SUBJECT === 'kamailio' ? 'localhost' : 'sbc.edge.test',
    inside: at(1),
    outside: at(2),
    caller: at(11),
    called,
    callersPort: await freePort(at(1)),
    targetsPort: await freePort(at(1)),
    callersTlsPort: await freePort(at(2)),
    targetsTlsPort: await freePort(at(2)),
    wssPort: await freePort(at(2)),
    adminPort: await freePort('127.0.0.1'),
    targets: {
      udp: { address: called, port: await freePort(called) },
      tcp: { address: called, port: await freePort(called) },
      tls: { address: called, port: await freePort(called) },
    },
    remove,
  }
}

/** `host:port` as the edge shows itself on a leg. */
export const shown = (ground: Ground, side: 'callers' | 'targets', transport: PeerTransport): string => {
  if (transport === 'tls') return `${ground.name}:${side === 'callers' ? ground.callersTlsPort : ground.targetsTlsPort}`
  return `${ground.inside}:${side === 'callers' ? ground.callersPort : ground.targetsPort}`
}

const parameter = (transport: PeerTransport): string => (transport === 'udp' ? '' : `;transport=${transport}`)

/** A URI on a leg says its transport (UDP need not), and never another one. */
const right = (transport: PeerTransport): string => (transport === 'udp' ? '^sip:' : `;transport=${transport}(;|$)`)
const wrong = (transport: PeerTransport): string =>
  `;transport=(${['udp', 'tcp', 'tls', 'ws', 'wss'].filter((name) => name !== transport).join('|')})(;|$)`

interface Leg {
  readonly side: 'callers' | 'targets'
  readonly transport: PeerTransport
  readonly self: Place
  readonly user: string
}

/** The values of the scenario of one peer: what it writes, and what it must see of the edge and of the peer beyond. */
export const peerValues = (ground: Ground, leg: Leg, other: Leg, dialled: string): Record<string, string> => {
  const place = (at: Leg): string => `${at.self.address}:${at.self.port}`
  return {
    name: ground.name,
    dialled,
    host: leg.self.address,
    user: leg.user,
    via: leg.transport.toUpperCase(),
    self: place(leg),
    selfPattern: literal(place(leg)),
    selfTransport: parameter(leg.transport),
    edge: literal(shown(ground, leg.side, leg.transport)),
    right: right(leg.transport),
    wrong: wrong(leg.transport),
    otherUser: other.user,
    otherVia: other.transport.toUpperCase(),
    other: literal(place(other)),
    otherTransport: parameter(other.transport),
    edgeThere: literal(shown(ground, other.side, other.transport)),
    rightThere: right(other.transport),
    wrongThere: wrong(other.transport),
    hidden: `${literal(ground.outside)}[^0-9]|0\\.0\\.0\\.0`,
    // Upper case, because a comparison of `transport` knows no case (§19.1.4).
    requestUri: `sip:${dialled}@${shown(ground, leg.side, leg.transport)}${parameter(leg.transport).replace(/=.*/, (text) => text.toUpperCase())};user=phone`,
    byeCseq: leg.side === 'callers' ? '3' : '102',
  }
}
