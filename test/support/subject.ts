import type { Issued } from './authority.ts'
import type { Ground } from './crossing.ts'
import { startEdge } from './edge.ts'
import { FAULTS, type Fault, startKamailio } from './kamailio.ts'
import { bound } from './places.ts'
import { until } from './processes.ts'

/** What a crossing scenario runs against: the edge, or, to test the test, the known proxy, perhaps with a fault built in. */
export interface Subject {
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
certificates: { main: { chain: ${own.chainFile}, key: ${own.keyFile} } }
admin: { listen: '127.0.0.1:${ground.adminPort}' }
`
}

const fault = (): Fault | undefined => {
  const name = process.env.E2E_FAULT
  if (name === undefined || name === '') return undefined
  if (!Object.hasOwn(FAULTS, name)) throw new Error(`Unknown fault ${name}`)
  return name as Fault
}

export const startSubject = async (ground: Ground): Promise<Subject> => {
  const own = ground.authority.issue('edge', [ground.name])
  if (process.env.E2E_SUBJECT !== 'kamailio') {
    return startEdge({ config: crossingConfig(ground, own), adminPort: ground.adminPort, folder: ground.folder })
  }
  const program = startKamailio(ground, own, fault())
  await until(() => bound('tcp', ground.outside, ground.targetsTlsPort) || !program.running() || undefined, 'Kamailio', 15_000)
  if (!program.running()) throw new Error(program.lines.join('\n'))
  return program
}
