/** Where everybody of these calls stands, on two networks, and the configuration of the edge between them. */
import { type Authority, createAuthority } from '../../support/authority.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'

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
  readonly ports: Readonly<Record<'sip' | 'tls' | 'teams' | 'clients' | 'wss' | 'admin', number>>
  /** Of those whom the edge calls. */
  readonly peers: { readonly pbx: number; readonly other: number; readonly tcp: number; readonly teams: number }
  remove(): void
}

/** Two runs on one machine seldom have the same tens. */
const TENS = 10 * (process.pid % 25)

/**
 * @param file 1 to 9, another one in each file: the last digit of the addresses' third byte, so that files never meet
 * @param series of scenarios: their second byte, and one more
 */
export const layGround = async (file: number, series = 11): Promise<Ground> => {
  const net = TENS + file
  const { path: folder, remove } = temporaryFolder(`e2e-${series}-${net}`)
  const wan = (host: number): string => `127.${series}.${net}.${host}`
  const lan = (host: number): string => `127.${series + 1}.${net}.${host}`
  return {
    folder,
    authority: createAuthority(folder),
    wan,
    lan,
    ports: {
      sip: await freePort(lan(1)),
      tls: await freePort(wan(1)),
      teams: await freePort(wan(1)),
      clients: await freePort(wan(1)),
      wss: await freePort(wan(1)),
      admin: await freePort('127.0.0.1'),
    },
    peers: { pbx: await freePort(lan(20)), other: await freePort(lan(21)), tcp: await freePort(lan(22)), teams: await freePort(wan(30)) },
    remove,
  }
}

/** What every configuration here has in common. @param more zones, routes, media @param listeners further ones, as whole lines */
export const configOf = ({ wan, lan, ports, authority }: Ground, more: string, listeners = ''): string => {
  const own = authority.issue('edge', [NAME])
  return `
name: ${NAME}
listeners:
  lan: { udp: '${lan(1)}:${ports.sip}', tcp: '${lan(1)}:${ports.sip}' }
  phones: { tls: '${wan(1)}:${ports.tls}' }
  teams: { tls: '${wan(1)}:${ports.teams}', tls-settings: { trust: ${authority.file} } }
  web: { wss: '${wan(1)}:${ports.wss}' }
${listeners}certificates: { main: { chain: ${own.chainFile}, key: ${own.keyFile} } }
admin: { listen: '127.0.0.1:${ports.admin}', plain: true }
${more}`
}

/** A PBX, TLS phones, browsers, Teams, and who calls whom; each with its interface of rtpengine. */
export const usualZones = ({ wan, lan, peers, authority }: Ground): string => `
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
    peers: { roots: [ ${authority.file} ] }
    admit: { networks: [ ${wan(30)} ], certificates: [${TEAMS_NAME}] }
    probe: false
    media: { interface: wan }
routes:
  - { from: [pbx, browsers, phones], user: team, to: teams }
  - { from: teams, host: '*.invalid', to: browsers }
  - { from: [phones, browsers, teams], to: pbx }
`
