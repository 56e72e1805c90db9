import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Issued } from './authority.ts'
import type { Ground } from './crossing.ts'
import { type Edge, startEdge } from './edge.ts'
import { FAULTS, type Fault, startKamailio } from './kamailio.ts'
import { bound } from './places.ts'
import { until } from './processes.ts'

/** What a crossing scenario runs against: the edge, or, to test the test, the known proxy, perhaps with a fault built in. */
export interface Subject {
  /** Only when it is the edge. */
  readonly edge?: Edge
  stop(): Promise<unknown>
}

/** The configuration of an edge that stands on `ground`: callers on one group of listeners each, called parties on others. */
export const crossingConfig = (ground: Ground, own: Issued): string => {
  const { inside, outside, targets } = ground
  return `
name: ${ground.name}
listeners:
  callers: { udp: '${inside}:${ground.callersPort}', tcp: '${inside}:${ground.callersPort}' }
  callers-tls: { tls: '${outside}:${ground.callersTlsPort}' }
  inside-udp: { udp: '${inside}:${ground.targetsPort}' }
  inside-tcp: { tcp: '${inside}:${ground.targetsPort}' }
  inside-tls:
    tls: '${outside}:${ground.targetsTlsPort}'
    tls-settings: { trust: ${ground.authority.file} }
zones:
  phones: { kind: phones, on: [callers, callers-tls], admit: { networks: ['${ground.caller}'] } }
  udp: { kind: trunk, on: inside-udp, targets: ['sip:${targets.udp.address}:${targets.udp.port};transport=udp'], probe: false }
  tcp: { kind: trunk, on: inside-tcp, targets: ['sip:${targets.tcp.address}:${targets.tcp.port};transport=tcp'], probe: false }
  tls: { kind: trunk, on: inside-tls, targets: ['sip:${targets.tls.address}:${targets.tls.port};transport=tls'], probe: false }
routes:
  - { from: phones, user: to-udp, to: udp }
  - { from: phones, user: to-tcp, to: tcp }
  - { from: phones, user: to-tls, to: tls }
media: off
certificates: { main: { chain: ${own.chainFile}, key: ${own.keyFile} } }
admin: { listen: '127.0.0.1:${ground.adminPort}', plain: true }
`
}

const fault = (): Fault | undefined => {
  const name = process.env.E2E_FAULT
  if (name === undefined || name === '') return undefined
  if (!Object.hasOwn(FAULTS, name)) throw new Error(`Unknown fault ${name}`)
  return name as Fault
}

/** The configuration of an edge with browsers before a PBX on UDP. */
export const browserConfig = (ground: Ground, origin: string): string => `
name: ${ground.name}
listeners:
  lan: { udp: '${ground.inside}:${ground.targetsPort}' }
  web: { wss: '${ground.outside}:${ground.wssPort}' }
zones:
  pbx: { kind: trunk, on: lan, targets: ['sip:${ground.targets.udp.address}:${ground.targets.udp.port};transport=udp'], probe: false }
  browsers: { kind: webrtc, on: web, origins: ['${origin}'] }
routes:
  - { from: browsers, to: pbx }
  - { from: pbx, to: browsers }
media: off
certificates: { main: development }
admin: { listen: '127.0.0.1:${ground.adminPort}', plain: true }
`

/** The root of the edge's own development authority, from its data folder. */
export const developmentRoot = (edge: Edge): string => readFileSync(join(edge.dataFolder, 'development-ca.pem'), 'utf8')

/** @returns the subject, and the root that its browsers must trust */
export const startBrowserSubject = async (
  ground: Ground,
  origin: string,
): Promise<{ readonly subject: Subject; readonly root: string }> => {
  if (process.env.E2E_SUBJECT === 'kamailio') return { subject: await startSubject(ground), root: ground.authority.certificate }
  const edge = await startEdge({ config: browserConfig(ground, origin), adminPort: ground.adminPort, folder: ground.folder })
  return { subject: { edge, stop: () => edge.stop() }, root: developmentRoot(edge) }
}

export const startSubject = async (ground: Ground): Promise<Subject> => {
  const own = ground.authority.issue('edge', [ground.name])
  if (process.env.E2E_SUBJECT !== 'kamailio') {
    const edge = await startEdge({ config: crossingConfig(ground, own), adminPort: ground.adminPort, folder: ground.folder })
    return { edge, stop: () => edge.stop() }
  }
  const program = startKamailio(ground, own, fault())
  await until(() => bound('tcp', ground.outside, ground.targetsTlsPort) || !program.running() || undefined, 'Kamailio', 15_000)
  if (!program.running()) throw new Error(program.lines.join('\n'))
  return program
}

/** What the edge says of itself after a scenario: no leg changed its transport, nothing of ours broke, nothing was logged as an error. */
export const expectHealthy = async ({ edge }: Subject): Promise<void> => {
  if (edge === undefined) return
  expect(await edge.metric('edgeways_leg_transport_violations_total')).toBe(0)
  expect(await edge.metric('edgeways_internal_errors_total')).toBe(0)
  expect(await edge.metric('edgeways_route_state_refused_total')).toBe(0)
  expect(edge.log().filter((line) => line.level === 'error')).toEqual([])
}
