/** The edge between a PBX and a stand-in for Microsoft's hubs, with names, certificates and DNS of their own, and a real rtpengine. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type Edge, startEdge } from '../../support/edge.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { openSipEndpoint, type SipEndpoint, type SipEndpointOptions } from '../../support/media/sip-endpoint.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { type Sipp, startSipp } from '../../support/sipp.ts'
import { startHub } from '../../teams-hub/hub.ts'
import { hostText } from '../../teams-hub/message.ts'
import type { CalledScenario, Hub, Tenant } from '../../teams-hub/types.ts'
import { openPlainPbx, type PlainPbx } from './plain-pbx.ts'

/** Names of the trunks. */
export const NAME = 'sbc1.example.org'
export const BYPASS = 'sbc2.example.org'
export const CARRIER = 'sbc.carrier.example'
export const CUSTOMERS = [`cust1.${CARRIER}`, `cust2.${CARRIER}`] as const
/** Users of Teams, and a number behind the PBX. */
export const USER = '+442079460100'
export const BYPASS_USER = '+442079460200'
/** Of the other government cloud, which is reached over IPv6 here. */
export const DOD = 'sbc.example.mil'
export const DOD_USER = '+442079460400'
export const GOV_USER = '+442079460300'
export const OUTSIDE = '+13125550123'
/** Behind a PBX that is not there. */
export const NOBODY = '+13125559999'
/** Behind SIPp. */
export const SIPP = '+13125550888'
export const GOV = 'gov.example.us'
export const HZ = { teams: 600, pbx: 1000 } as const

export interface Place {
  readonly hub: Hub
  readonly edge: Edge
  readonly rtpengine: Rtpengine
  readonly pbx: SipEndpoint
  /** Another PBX, which only notes what comes. */
  readonly plain: PlainPbx
  /** Of the government clouds; the second one over IPv6. */
  readonly gov: Hub
  readonly dod: Hub
  /** PBXs of the carrier's customers. */
  readonly customers: readonly SipEndpoint[]
  /** SIPp as a PBX: calls a number, or waits for a call to `SIPP`. */
  sipp(scenario: 'caller' | 'called'): Promise<Sipp>
  /** The PBX calls a number. */
  dial(number: string, from?: SipEndpoint, headers?: readonly (readonly [string, string])[]): Promise<SipCall>
  /** The edge gets another certificate for its first name, and reloads. */
  rotate(): Promise<void>
  readonly told: readonly string[]
  stop(): Promise<void>
}

/** Two runs on one machine seldom have the same. */
const NET = 1 + (process.pid % 250)
/** Some containers have no IPv6: then the second government cloud is reached over IPv4, too. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
const wan = (host: number): string => `127.43.${NET}.${host}`
const lan = (host: number): string => `127.44.${NET}.${host}`

const sixth = HAS_IPV6 ? '::1' : wan(90)

export const layPlace = async (): Promise<Place> => {
  const { path: folder, remove } = temporaryFolder('e2e-41')
  mkdirSync(join(folder, 'gov'))
  mkdirSync(join(folder, 'dod'))
  const users: Record<string, CalledScenario> = { [USER]: {}, [BYPASS_USER]: {}, [GOV_USER]: {}, [DOD_USER]: {} }
  const [sip, admin, main, bypass, carrier] = [
    await freePort(lan(1)),
    await freePort('127.0.0.1'),
    await freePort(wan(1)),
    await freePort(wan(1)),
    await freePort(wan(1)),
  ]
  const tenants: readonly Tenant[] = [
    {
      name: 'example',
      domains: ['example.org'],
      trunks: [
        { fqdn: NAME, port: main },
        { fqdn: BYPASS, port: bypass, bypass: true },
      ],
      users,
    },
    { name: 'carrier', domains: ['carrier.example'], trunks: [{ fqdn: CARRIER, port: carrier }], users },
    ...CUSTOMERS.map((name) => ({ name, domains: [name], trunks: [], users })),
  ]
  const told: string[] = []
  const hub = await startHub({
    folder,
    addresses: [wan(65), wan(66), wan(67)],
    machines: [wan(71), wan(72), wan(73)],
    media: wan(80),
    sbcAddress: wan(1),
    names: {
      'sip.pstnhub.gov.teams.microsoft.us': wan(68),
      'sip-du-a-eu.pstnhub.gov.teams.microsoft.us': wan(68),
      'sip.pstnhub.dod.teams.microsoft.us': sixth,
      'sip-du-a-eu.pstnhub.dod.teams.microsoft.us': sixth,
    },
    tenants,
    refreshes: false,
    times: {
      ...{ optionsLeast: 800, optionsMost: 4000, unhealthy: 4000, demoted: 8000, pinging: 1500, idle: 3000, renew: 7000 },
      ...{ failover: 4000, acknowledged: 1500, rtcpGap: 5000 },
    },
    told: (line) => told.push(line),
  })
  // The second customer is in a certificate of its own
  const names = [NAME, BYPASS, CARRIER, CUSTOMERS[0]]
  const own = hub.issue('edge', names)
  const wildcard = hub.issue('wildcard', [`*.${CARRIER}`])
  const gov = await startHub({
    folder: join(folder, 'gov'),
    cloud: 'gcc-high',
    addresses: [wan(68), wan(69), wan(70)],
    machines: [wan(68)],
    media: wan(80),
    sbcAddress: wan(4),
    tenants: [{ name: 'gov', domains: ['example.us'], trunks: [{ fqdn: GOV, port: 5061 }], users }],
    refreshes: false,
    times: { optionsLeast: 800, pinging: 1500, failover: 4000 },
  })
  const [six, sixHub] = [await freePort(sixth), await freePort(sixth)]
  const dod = await startHub({
    folder: join(folder, 'dod'),
    cloud: 'dod',
    addresses: [sixth],
    port: sixHub,
    trapPort: false,
    sbcAddress: sixth,
    tenants: [{ name: 'dod', domains: ['example.mil'], trunks: [{ fqdn: DOD, port: six }], users }],
    refreshes: false,
    times: { optionsLeast: 800, pinging: 1500, failover: 4000 },
  })
  const dodOwn = dod.issue('edge', [DOD])
  const govOwn = gov.issue('edge', [GOV])
  const rtpengine = await startRtpengine({ interfaces: { wan: wan(2), lan: lan(2), six: sixth } })
  const sdp = (name: string, hz: number, address: string, port: number): SipEndpointOptions => ({
    ...{ name, transport: 'udp', address, port },
    media: { hz, codecs: ['PCMU', 'PCMA', 'CN', 'telephone-event'] },
  })
  const ports = [await freePort(lan(20)), await freePort(lan(21)), await freePort(lan(22)), await freePort(lan(25))] as const
  const plain = await openPlainPbx(lan(23), lan(1), sip)
  const peer = `{ roots: [ '${hub.rootsFile}' ] }`
  const common = `kind: teams, peers: ${peer}, admit: { networks: [ ${wan(64)}/26 ] }, probe: { interval: 1s, timeout: 500ms }, connections: { renew: 5s }, patience: 1s, media: { interface: wan }`
  const config = `
name: ${NAME}
listeners:
  lan: { udp: '${lan(1)}:${sip}' }
  teams: { tls: '${wan(1)}:${main}', certificate: main }
  bypass: { tls: '${wan(1)}:${bypass}', advertise: '${BYPASS}:${bypass}', certificate: main }
  carrier: { tls: '${wan(1)}:${carrier}', advertise: '${CARRIER}:${carrier}', certificate: [ main, wildcard ] }
  gov: { tls: '${wan(4)}:5061', advertise: '${GOV}:5061', certificate: gov }
  six: { tls: '${hostText(sixth)}:${six}', advertise: '${DOD}:${six}', certificate: dod }
certificates:
  dod: { chain: '${dodOwn.chainFile}', key: '${dodOwn.keyFile}' }
  main: { chain: '${own.chainFile}', key: '${own.keyFile}' }
  wildcard: { chain: '${wildcard.chainFile}', key: '${wildcard.keyFile}' }
  gov: { chain: '${govOwn.chainFile}', key: '${govOwn.keyFile}' }
zones:
  pbx: { kind: trunk, on: lan, targets: [ 'sip:${lan(20)}:${ports[0]};transport=udp' ], probe: false, media: { interface: lan } }
  pbx-one: { kind: trunk, on: lan, targets: [ 'sip:${lan(21)}:${ports[1]};transport=udp' ], probe: false, media: { interface: lan } }
  pbx-two: { kind: trunk, on: lan, targets: [ 'sip:${lan(22)}:${ports[2]};transport=udp' ], probe: false, media: { interface: lan } }
  plain: { kind: trunk, on: lan, targets: [ 'sip:${lan(23)}:${plain.port};transport=udp' ], probe: false, media: { interface: lan } }
  sipp: { kind: trunk, on: lan, targets: [ 'sip:${lan(25)}:${ports[3]};transport=udp' ], probe: false, media: { interface: lan } }
  nobody: { kind: trunk, on: lan, targets: [ 'sip:${lan(24)}:5060;transport=udp' ], probe: false, media: { interface: lan } }
  gov: { on: gov, cloud: gcc-high, ${common.replace(hub.rootsFile, gov.rootsFile)} }
  dod: { on: six, cloud: dod, targets: [ 'sip:sip.pstnhub.dod.teams.microsoft.us:${sixHub};transport=tls' ], ${common
    .replace(hub.rootsFile, dod.rootsFile)
    .replace(`${wan(64)}/26`, `'${sixth}'`)
    .replace('interface: wan', 'interface: six')} }
  teams: { on: teams, ${common} }
  bypass: { on: bypass, ${common.replace('media: {', 'media: { profile: teams-bypass,')} }
  carrier: { on: carrier, ${common}, tenants: { ${CUSTOMERS[0]}: pbx-one, ${CUSTOMERS[1]}: pbx-two } }
routes:
  - { from: [ teams, bypass, gov, dod ], number: '${OUTSIDE}', to: pbx }
  - { from: [ teams, bypass ], number: '${NOBODY}', to: nobody }
  - { from: teams, number: '${SIPP}', to: sipp }
  - { from: sipp, number: '+4420794601xx', to: teams }
  - { from: [ teams, bypass ], to: plain }
  - { from: plain, number: '+4420794601xx', to: teams }
  - { from: pbx, number: '+4420794603xx', to: gov }
  - { from: pbx, number: '+4420794604xx', to: dod }
  - { from: pbx, number: '+4420794601xx', to: teams }
  - { from: pbx, number: '+4420794602xx', to: bypass }
media: { rtpengine: [ '${rtpengine.host}:${rtpengine.port}' ] }
admin: { listen: '127.0.0.1:${admin}', plain: true }
`
  const edge = await startEdge({ config, adminPort: admin, folder, environment: { EDGEWAYS_DNS_SERVERS: hub.dns } }).catch(
    async (error) => {
      await Promise.all([rtpengine.stop(), hub.stop(), gov.stop(), dod.stop(), plain.close()])
      throw error
    },
  )
  const pbx = await openSipEndpoint(sdp(OUTSIDE, HZ.pbx, lan(20), ports[0]))
  const customers = [
    await openSipEndpoint(sdp('+13125550001', HZ.pbx, lan(21), ports[1])),
    await openSipEndpoint(sdp('+13125550002', HZ.pbx, lan(22), ports[2])),
  ]
  return {
    ...{ hub, gov, dod, edge, rtpengine, pbx, plain, customers, told },
    sipp: (scenario) =>
      startSipp({
        scenario: join(import.meta.dirname, 'peers', `${scenario}.xml`),
        values: { number: USER },
        ...{ transport: 'udp', address: lan(25), port: ports[3], folder },
        ...(scenario === 'caller' ? { remote: { address: lan(1), port: sip } } : {}),
      }),
    dial: (number, from = pbx, headers = []) => from.call(`sip:${number}@${lan(1)}:${sip}`, { headers }),
    rotate: async () => {
      const next = hub.issue('next', names)
      copyFileSync(next.chainFile, own.chainFile)
      copyFileSync(next.keyFile, own.keyFile)
      hub.rotated(readFileSync(own.chainFile, 'utf8'))
      edge.reload()
    },
    stop: async () => {
      await Promise.all([pbx, plain, ...customers].map((one) => one.close()))
      await edge.stop()
      await rtpengine.stop()
      await Promise.all([hub.stop(), gov.stop(), dod.stop()])
      remove()
    },
  }
}
