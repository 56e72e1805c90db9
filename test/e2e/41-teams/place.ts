/** The edge between a PBX and a stand-in for Microsoft's hubs, with names, certificates and DNS of their own, and a real rtpengine. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Edge, startEdge } from '../../support/edge.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { openSipEndpoint, type SipEndpoint, type SipEndpointOptions } from '../../support/media/sip-endpoint.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { startHub } from '../../teams-hub/hub.ts'
import type { CalledScenario, Hub, Tenant } from '../../teams-hub/types.ts'

/** Names of the trunks. */
export const NAME = 'sbc1.example.org'
export const BYPASS = 'sbc2.example.org'
export const CARRIER = 'sbc.carrier.example'
export const CUSTOMERS = [`cust1.${CARRIER}`, `cust2.${CARRIER}`] as const
/** Users of Teams, and a number behind the PBX. */
export const USER = '+442079460100'
export const BYPASS_USER = '+442079460200'
export const OUTSIDE = '+13125550123'
export const HZ = { teams: 600, pbx: 1000 } as const

export interface Place {
  readonly hub: Hub
  readonly edge: Edge
  readonly rtpengine: Rtpengine
  readonly pbx: SipEndpoint
  /** PBXs of the carrier's customers. */
  readonly customers: readonly SipEndpoint[]
  /** The PBX calls a number. */
  dial(number: string, from?: SipEndpoint): Promise<SipCall>
  /** The edge gets another certificate for its first name, and reloads. */
  rotate(): Promise<void>
  readonly told: readonly string[]
  stop(): Promise<void>
}

/** Two runs on one machine seldom have the same. */
const NET = 1 + (process.pid % 250)
const wan = (host: number): string => `127.43.${NET}.${host}`
const lan = (host: number): string => `127.44.${NET}.${host}`

export const layPlace = async (): Promise<Place> => {
  const { path: folder, remove } = temporaryFolder('e2e-41')
  const users: Record<string, CalledScenario> = { [USER]: {}, [BYPASS_USER]: {} }
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
    tenants,
    refreshes: false,
    times: {
      ...{ optionsLeast: 900, optionsMost: 4000, unhealthy: 4000, demoted: 8000, pinging: 1500, idle: 3000, renew: 7000 },
      ...{ failover: 4000, acknowledged: 1500, rtcpGap: 5000 },
    },
    told: (line) => told.push(line),
  })
  const names = [NAME, BYPASS, CARRIER, `*.${CARRIER}`]
  const own = hub.issue('edge', names)
  const rtpengine = await startRtpengine({ interfaces: { wan: wan(2), lan: lan(2) } })
  const sdp = (name: string, hz: number, address: string, port: number): SipEndpointOptions => ({
    ...{ name, transport: 'udp', address, port },
    media: { hz },
  })
  const ports = [await freePort(lan(20)), await freePort(lan(21)), await freePort(lan(22))] as const
  const peer = `{ roots: [ '${hub.rootsFile}' ] }`
  const common = `kind: teams, peers: ${peer}, admit: { networks: [ ${wan(64)}/26 ] }, probe: { interval: 1s, timeout: 500ms }, connections: { renew: 5s }, patience: 2s, media: { interface: wan }`
  const config = `
name: ${NAME}
listeners:
  lan: { udp: '${lan(1)}:${sip}' }
  teams: { tls: '${wan(1)}:${main}' }
  bypass: { tls: '${wan(1)}:${bypass}', advertise: '${BYPASS}:${bypass}' }
  carrier: { tls: '${wan(1)}:${carrier}', advertise: '${CARRIER}:${carrier}' }
certificates: { main: { chain: '${own.chainFile}', key: '${own.keyFile}' } }
zones:
  pbx: { kind: trunk, on: lan, targets: [ 'sip:${lan(20)}:${ports[0]};transport=udp' ], probe: false, media: { interface: lan } }
  pbx-one: { kind: trunk, on: lan, targets: [ 'sip:${lan(21)}:${ports[1]};transport=udp' ], probe: false, media: { interface: lan } }
  pbx-two: { kind: trunk, on: lan, targets: [ 'sip:${lan(22)}:${ports[2]};transport=udp' ], probe: false, media: { interface: lan } }
  teams: { on: teams, ${common} }
  bypass: { on: bypass, ${common.replace('media: {', 'media: { profile: teams-bypass,')} }
  carrier: { on: carrier, ${common}, tenants: { ${CUSTOMERS[0]}: pbx-one, ${CUSTOMERS[1]}: pbx-two } }
routes:
  - { from: [ teams, bypass ], to: pbx }
  - { from: pbx, number: '+4420794601xx', to: teams }
  - { from: pbx, number: '+4420794602xx', to: bypass }
media: { rtpengine: [ '${rtpengine.host}:${rtpengine.port}' ] }
admin: { listen: '127.0.0.1:${admin}', plain: true }
`
  const edge = await startEdge({ config, adminPort: admin, folder, environment: { EDGEWAYS_DNS_SERVERS: hub.dns } }).catch(
    async (error) => {
      await rtpengine.stop()
      await hub.stop()
      throw error
    },
  )
  const pbx = await openSipEndpoint(sdp(OUTSIDE, HZ.pbx, lan(20), ports[0]))
  const customers = [
    await openSipEndpoint(sdp('+13125550001', HZ.pbx, lan(21), ports[1])),
    await openSipEndpoint(sdp('+13125550002', HZ.pbx, lan(22), ports[2])),
  ]
  return {
    ...{ hub, edge, rtpengine, pbx, customers, told },
    dial: (number, from = pbx) => from.call(`sip:${number}@${lan(1)}:${sip}`),
    rotate: async () => {
      const next = hub.issue('next', names)
      copyFileSync(next.chainFile, own.chainFile)
      copyFileSync(next.keyFile, own.keyFile)
      hub.rotated(readFileSync(own.chainFile, 'utf8'))
      edge.reload()
    },
    stop: async () => {
      await Promise.all([pbx, ...customers].map((one) => one.close()))
      await edge.stop()
      await rtpengine.stop()
      await hub.stop()
      remove()
    },
  }
}

export const folderOfResults = join(import.meta.dirname, '..', '..', '..', '.vitest')
