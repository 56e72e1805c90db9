import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { afterAll, afterEach } from 'vitest'
import type { PeeringView, RefusalView } from '../../../src/admin/contract.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'
import { RandomIds } from '../../../src/engine/random-ids.ts'
import { runDoctor } from '../../../src/teams/doctor.ts'
import { type Patient, type PatientSources, patientOf, type Shown, zonesOf } from '../../../src/teams/patient.ts'
import type { DoctorReport, DoctorStep, Verdict } from '../../../src/teams/types.ts'
import type { NameAnswer, World } from '../../../src/teams/world.ts'
import { rootsOf } from '../../../src/teams-service.ts'
import { type Authority, createAuthority, type Issued } from '../../support/authority.ts'

export const NAME = 'sbc.contoso.com'
export const OURS = '198.41.0.4'
export const HUB = 'sip.pstnhub.microsoft.com'
/** In an hour: certificates of these tests are valid for twenty days from their making on, so that 19 whole days are left. */
export const NOW = Date.now() + 3_600_000

export const folder = mkdtempSync(join(tmpdir(), 'edgeways-teams-'))
afterAll(() => rmSync(folder, { recursive: true }))
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

let made: { readonly authority: Authority; readonly ours: Issued; readonly hub: Issued } | undefined
/** Made once for a file of tests: keys take a while. */
export const certificates = () => {
  const authority = made?.authority ?? createAuthority(folder)
  made ??= { authority, ours: authority.issue('ours', [NAME]), hub: authority.issue('hub', [HUB, 'sip2.pstnhub.microsoft.com']) }
  return made
}

export const a = (...addresses: readonly string[]): NameAnswer => ({
  ...{ ipv4: addresses.map((address) => ({ address, ttl: 300 })), ipv6: [], aliases: [], from: 'a test' },
})

export const configOf = (hubPort: number, more: { readonly zone?: string; readonly port?: number; readonly top?: string } = {}): string => `
name: ${NAME}
public-address: ${OURS}
listeners: { teams: { tls: "127.0.0.1:${more.port ?? 5061}" } }
zones:
  teams:
    kind: teams
    on: teams
    targets: [ "sip:${HUB}:${hubPort};transport=tls" ]
    admit: { networks: [ 127.0.0.0/8 ], certificates: [ ${HUB} ] }
    ${more.zone ?? 'peers: { roots: authority.pem }'}
certificates: { main: { chain: ours.pem, key: ours.key } }
media: off
${more.top ?? ''}`

export const snapshotOf = (text: string): Snapshot => {
  const loaded = loadConfig(text, { file: join(folder, 'edge.yaml'), dataDir: folder })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}

/** A world in which all is well and nobody is there. */
export const worldOf = (parts: Partial<World> = {}): World => ({
  now: () => performance.now(),
  wall: () => NOW,
  publicName: async () => a(OURS),
  name: async () => a('127.0.0.1'),
  tcp: async () => 7,
  tls: async () => {
    throw new Error('nobody is there')
  },
  clockAhead: async () => ({ server: 'time.test', milliseconds: 12 }),
  ...parts,
})

export const sourcesOf = (parts: Partial<PatientSources> = {}): PatientSources => ({
  shown: async ({ name }): Promise<Shown> => ({ name, ...certificates().ours }),
  rootsOf,
  ownAddresses: () => [],
  peering: async () => 'The edge is not running',
  refusals: async () => [],
  ...parts,
})

export const patientFrom = (text: string, sources: Partial<PatientSources> = {}): Patient => {
  const snapshot = snapshotOf(text)
  return patientOf(snapshot, zonesOf(snapshot)[0]!, sourcesOf(sources))!
}

export const examineWith = (patient: Patient, world: World, changed: (report: DoctorReport) => void = () => {}): Promise<DoctorReport> =>
  runDoctor({ id: 'r1', patient, world, ids: new RandomIds(), changed })

export const step = ({ steps }: DoctorReport, id: string): DoctorStep => {
  const found = steps.find((one) => one.id === `${HUB}/${id}`) ?? steps.find((one) => one.id === id)
  if (found === undefined) throw new Error(`There is no step ${id} among ${steps.map((one) => one.id).join(', ')}`)
  return found
}
export const verdicts = (report: DoctorReport, ids: readonly string[]): readonly (Verdict | undefined)[] =>
  ids.map((id) => step(report, id).verdict)

export interface Listening {
  readonly port: number
  /** What was received, as text. */
  readonly received: string[]
  /** Common names that clients showed; `none`. */
  readonly clients: string[]
}

/** @param answer to each message; undefined: none */
export const startHub = async (options: TlsOptions, answer: (message: string) => string | undefined = ok): Promise<Listening> => {
  const received: string[] = []
  const clients: string[] = []
  const open = new Set<TLSSocket>()
  const server = createServer(options, (socket) => {
    open.add(socket)
    clients.push(String(socket.getPeerCertificate()?.subject?.CN ?? 'none'))
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received.push(bytes.toString('latin1'))
      const text = answer(bytes.toString('latin1'))
      if (text !== undefined) socket.write(text)
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  ends.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, received, clients }
}

/** The header lines that a response repeats. */
const echoed = (message: string): string =>
  message
    .split('\r\n')
    .filter((line) => /^(?:via|from|to|call-id|cseq):/i.test(line))
    .map((line) => line.replace(/^[^:]+/, (name) => name.toUpperCase()))
    .join('\r\n')

/** As the hub writes it: upper case, no To-tag, no Contact. */
export const ok = (message: string): string =>
  `SIP/2.0 200 OK\r\n${echoed(message)}\r\nCONTENT-LENGTH: 0\r\nALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY\r\nSERVER: Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3\r\n\r\n`
export const refusing = (line: string, reason: string) => (message: string) =>
  `SIP/2.0 ${line}\r\n${echoed(message)}\r\nREASON: ${reason}\r\nCONTENT-LENGTH: 0\r\n\r\n`

/** A port that nobody listens on. */
export const closedPort = async (): Promise<number> => {
  const server = createTcpServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

export const peeringOf = (parts: Partial<PeeringView> = {}): PeeringView => ({
  ...{ zone: 'teams', name: NAME, port: 5061, askers: [], connections: { inbound: 0, outbound: 0 }, calls: 0 },
  targets: [{ name: `sip:${HUB}:5061;transport=tls`, health: 'up', drain: false, host: HUB, port: 5061, connections: 1 }],
  ...parts,
})

export const refusalOf = (parts: Partial<RefusalView>): RefusalView => ({
  ...{ at: new Date(NOW - 60_000).toISOString(), source: '52.114.1.1', listener: 'teams/tls', why: 'wrong-name', count: 2 },
  ...parts,
})
