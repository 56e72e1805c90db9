import type { ConfigProblem } from '../../../src/config/errors.ts'
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts'
import type { Snapshot } from '../../../src/config/snapshot.ts'

export const OPTIONS: LoadOptions = {
  file: '/etc/edgeways/edge.yaml',
  dataDir: '/var/lib/edgeways',
  localAddresses: ['127.0.0.1', '::1', '10.0.0.5', 'fe80::5', '2001:db8::5'],
}

/** The snapshot of a file that has to be valid. */
export const snapshotOf = (text: string, options: Partial<LoadOptions> = {}): Snapshot => {
  const result = loadConfig(text, { ...OPTIONS, ...options })
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 1))
  return result.snapshot
}

export const warningsOf = (text: string, options: Partial<LoadOptions> = {}): readonly ConfigProblem[] => {
  const result = loadConfig(text, { ...OPTIONS, ...options })
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 1))
  return result.warnings
}

/** What is wrong with a file that has to be refused: its errors. */
export const errorsOf = (text: string, options: Partial<LoadOptions> = {}): readonly ConfigProblem[] => {
  const result = loadConfig(text, { ...OPTIONS, ...options })
  if (result.ok) throw new Error('The file is valid')
  return result.problems.filter(({ severity }) => severity === 'error')
}

/** The smallest useful file; each part can be replaced by other YAML (flow style). */
export const file = (
  parts: { top?: string; lan?: string; web?: string; pbx?: string; phones?: string; routes?: string } = {},
): string => `${parts.top ?? 'name: sbc.example.com'}
listeners:
  lan: ${parts.lan ?? '{ udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }'}
  web: ${parts.web ?? '{ tls: 10.0.0.5:5061, wss: 10.0.0.5:443 }'}
zones:
  pbx: ${parts.pbx ?? '{ kind: trunk, on: lan, targets: [ sip:10.0.0.20 ] }'}
  phones: ${parts.phones ?? '{ kind: phones, on: web }'}
routes: ${parts.routes ?? '[ { from: phones, to: pbx }, { from: pbx, to: phones } ]'}
certificates: { main: development }
`

/** The same with more settings of the zone `pbx`. */
export const pbx = (rest: string): string => file({ pbx: `{ kind: trunk, on: lan, targets: [ sip:10.0.0.20 ], ${rest} }` })
