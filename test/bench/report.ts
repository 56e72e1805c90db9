/** Medians, ratios, the printed table, the JSON file and the table in docs/performance.md. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Highest, IdleMemory, Window } from './measure.ts'
import { SCENARIOS, type ScenarioName } from './plan.ts'
import type { ServerName } from './servers.ts'
import type { SippResult } from './sipp.ts'
import type { Soak } from './soak.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = join(HERE, '..', '..')
const DOCUMENT = join(ROOT, 'docs', 'performance.md')
/** Lines of the document that the tables stand between: those of calls without media, and those with. */
const marks = (media: boolean) => {
  const name = media ? 'bench-media' : 'bench'
  return { begin: `<!-- ${name}:begin -->`, end: `<!-- ${name}:end -->` }
}

/** What one run of one scenario against one server brought. */
export interface Measurement {
  readonly server: ServerName
  readonly scenario: ScenarioName
  readonly repeat: number
  readonly fixed?: Window
  readonly highest?: Highest
  readonly half?: Window
  readonly handshakes?: Window
  readonly idle?: IdleMemory
  readonly sipp?: SippResult
  readonly soak?: Soak
  /** Why there are no figures, or not all. */
  readonly problem?: string
}

export interface Report {
  readonly taken: string
  readonly machine: { readonly cpu: string; readonly cpus: number; readonly kernel: string; readonly pinned: boolean }
  readonly versions: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, unknown>>
  /** The generator against itself, without a server between. */
  readonly direct: { readonly highest: number; readonly at: Window } | undefined
  readonly measurements: readonly Measurement[]
}

/** What a line of the table says: where the figure is found in a measurement, and how it is written. */
interface Figure {
  readonly name: string
  readonly unit: string
  readonly digits: number
  readonly of: (measurement: Measurement) => number | undefined
}

const milliseconds = (us: number | undefined): number | undefined => (us === undefined ? undefined : us / 1000)

/** Both programs together. */
const withRelay = (window: Window | undefined): number | undefined =>
  window?.relayCpuPerCall === undefined ? undefined : window.cpuPerCall + window.relayCpuPerCall

const WITH_RTPENGINE = 'CPU per call at the fixed rate, with rtpengine'

const FIGURES: readonly Figure[] = [
  { name: 'highest rate without loss', unit: 'calls/s', digits: 0, of: (m) => m.highest?.rate },
  { name: 'CPU per call there', unit: 'µs', digits: 0, of: (m) => m.highest?.at?.cpuPerCall },
  { name: 'CPU per call there, with rtpengine', unit: 'µs', digits: 0, of: (m) => withRelay(m.highest?.at) },
  { name: 'INVITE→180 at half of it, p50', unit: 'ms', digits: 2, of: (m) => milliseconds(m.half?.ringing.p50) },
  { name: 'INVITE→180 at half of it, p99', unit: 'ms', digits: 2, of: (m) => milliseconds(m.half?.ringing.p99) },
  { name: 'BYE→200 at half of it, p50', unit: 'ms', digits: 2, of: (m) => milliseconds(m.half?.ended.p50) },
  { name: 'BYE→200 at half of it, p99', unit: 'ms', digits: 2, of: (m) => milliseconds(m.half?.ended.p99) },
  { name: 'CPU per call at the fixed rate', unit: 'µs', digits: 0, of: (m) => m.fixed?.cpuPerCall },
  { name: WITH_RTPENGINE, unit: 'µs', digits: 0, of: (m) => withRelay(m.fixed) },
  {
    name: 'CPU per call at the fixed rate, by SIPp',
    unit: 'µs',
    digits: 0,
    of: (m) => (m.sipp?.status === 0 ? m.sipp.cpuPerCall : undefined),
  },
  { name: 'full handshakes', unit: '/s', digits: 0, of: (m) => m.handshakes?.completedPerSecond },
  { name: 'CPU per handshake', unit: 'µs', digits: 0, of: (m) => m.handshakes?.cpuPerCall },
  { name: 'memory per client (PSS)', unit: 'KB', digits: 1, of: (m) => m.idle?.pssPerClient },
  { name: 'CPU per minute for a thousand clients', unit: 'ms', digits: 0, of: (m) => m.idle?.cpuPerMinute },
]

/** The CPUs that other programs used while we measured: the reader's hint how far to trust the figures. */
const disturbance = (report: Report): string => {
  const others = report.measurements.flatMap((m) => [m.fixed, m.highest?.at, m.half, m.idle]).flatMap((window) => window?.otherCpu ?? [])
  return `Other programs used ${(median(others) ?? 0).toFixed(2)} CPUs meanwhile (median; at most ${Math.max(0, ...others).toFixed(2)})`
}

export const median = (values: readonly number[]): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : sorted.length > 0 ? (sorted[middle - 1]! + sorted[middle]!) / 2 : undefined
}

export interface Line {
  readonly scenario: ScenarioName
  readonly figure: string
  readonly unit: string
  readonly edge: string
  readonly kamailio: string
  /** Edge divided by Kamailio; empty when one is missing. */
  readonly ratio: string
}

/** One line for each scenario and figure of which there is at least one value. */
export const linesOf = (measurements: readonly Measurement[]): Line[] => {
  const lines: Line[] = []
  for (const scenario of Object.keys(SCENARIOS) as ScenarioName[]) {
    for (const figure of FIGURES) {
      const of = (server: ServerName): number | undefined =>
        median(measurements.filter((m) => m.server === server && m.scenario === scenario).flatMap((m) => figure.of(m) ?? []))
      const edge = of('edge')
      const kamailio = of('kamailio')
      if (edge === undefined && kamailio === undefined) continue
      const text = (value: number | undefined): string => value?.toFixed(figure.digits) ?? '–'
      const ratio = edge !== undefined && kamailio ? (edge / kamailio).toFixed(2) : ''
      lines.push({ scenario, figure: figure.name, unit: figure.unit, edge: text(edge), kamailio: text(kamailio), ratio })
    }
  }
  return lines
}

/** The table for a terminal. */
export const textTable = (lines: readonly Line[]): string => {
  const rows = [
    ['', 'edge ÷ Kamailio', 'edge', 'Kamailio', ''],
    ...lines.map((line, at) => {
      const title = line.scenario === lines[at - 1]?.scenario ? '' : `${SCENARIOS[line.scenario].title}: `
      return [`${title || '  '}${line.figure}`, line.ratio, line.edge, line.kamailio, line.unit]
    }),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 || at === 4 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const SUMMARY: readonly { readonly title: string; readonly figure: string }[] = [
  { title: 'Highest rate', figure: 'highest rate without loss' },
  { title: 'CPU per call there', figure: 'CPU per call there' },
  { title: 'CPU per call at the fixed rate', figure: 'CPU per call at the fixed rate' },
]
const MEDIA_SUMMARY = [
  ...SUMMARY.filter(({ title }) => title !== 'CPU per call there'),
  { title: 'The same with rtpengine', figure: WITH_RTPENGINE },
]

const isMedia = ({ measurements }: Report): boolean => measurements.some(({ scenario }) => SCENARIOS[scenario].media !== undefined)

const pinning = (report: Report): string => {
  if (!report.machine.pinned) return ', nothing pinned'
  return `, the server${isMedia(report) ? ' and rtpengine' : ''} pinned to one CPU and the generator to another`
}

const markdownTable = (report: Report): string => {
  const summary = isMedia(report) ? MEDIA_SUMMARY : SUMMARY
  const lines = linesOf(report.measurements)
  const scenarios = [...new Set(lines.map((line) => line.scenario))]
  const ratio = (scenario: ScenarioName, figure: string): string =>
    lines.find((line) => line.scenario === scenario && line.figure === figure)?.ratio || '–'
  const calls = scenarios.filter((scenario) => ['calls', 'options'].includes(SCENARIOS[scenario].kind))
  const others = lines.filter((line) => !calls.includes(line.scenario))
  const { machine, versions, options, direct } = report
  return [
    '### Ratios: the edge divided by Kamailio',
    '',
    `| | ${summary.map((column) => column.title).join(' | ')} |`,
    `| --- | ${summary.map(() => '---:').join(' | ')} |`,
    ...calls.map((scenario) => `| ${SCENARIOS[scenario].title} | ${summary.map((column) => ratio(scenario, column.figure)).join(' | ')} |`),
    '',
    ...others.filter((line) => line.ratio).map((line) => `- ${SCENARIOS[line.scenario].title}, ${line.figure}: ${line.ratio}`),
    ...(others.some((line) => line.ratio) ? [''] : []),
    'A rate above 1 and CPU time, delay or memory below 1 are in favour of the edge.',
    '',
    '### Absolute figures',
    '',
    '| | edge | Kamailio | |',
    '| --- | ---: | ---: | --- |',
    ...lines.map((line) => `| ${SCENARIOS[line.scenario].title}: ${line.figure} | ${line.edge} | ${line.kamailio} | ${line.unit} |`),
    '',
    '### How it was taken',
    '',
    `${report.taken.slice(0, 10)}, on ${machine.cpu} (${machine.cpus} CPUs, Linux ${machine.kernel})${pinning(report)}; ` +
      `${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}. Medians of ${String(options.repeat)}; both servers in one session, one after the other. ` +
      `Fixed rate: ${String(options.rate)} calls/s; windows of ${String(options.window)} s after ${String(options.warm)} s of warm-up. ${disturbance(report)}.` +
      (direct
        ? ` The generator alone, caller to answerer over UDP without a server: at least ${direct.highest} calls/s, INVITE→180 ${(direct.at.ringing.p50 / 1000).toFixed(2)} ms (p50) and ${(direct.at.ringing.p99 / 1000).toFixed(2)} ms (p99), which is part of the delays above.`
        : ''),
  ].join('\n')
}

const INTRODUCTION = `# Performance

The edge and Kamailio do the same job in one session on one machine: transaction stateful, double Record-Route with our name on the
encrypted side, no media. A call is INVITE 100 180 200 ACK, 200 ms, BYE 200: thirteen messages in and out of the server. "Without loss"
means no failed call, less than 1 % retransmissions (over TLS and WSS: answers later than T1), and no backlog that grows. Absolute
figures move with the machine and its neighbours; the ratios are what counts. \`npm run bench -- --write-doc\` takes them again.
`

/** Puts the table between the markers of docs/performance.md; makes the document when it is not there. */
export const writeDocument = (report: Report): string => {
  const mark = marks(isMedia(report))
  const before = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : `${INTRODUCTION}\n${mark.begin}\n${mark.end}\n`
  const begin = before.indexOf(mark.begin)
  const end = before.indexOf(mark.end)
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} has no lines ${mark.begin} and ${mark.end} to write between`)
  mkdirSync(dirname(DOCUMENT), { recursive: true })
  writeFileSync(DOCUMENT, `${before.slice(0, begin + mark.begin.length)}\n${markdownTable(report)}\n${before.slice(end)}`)
  return DOCUMENT
}

/** Keeps the whole report; returns the file. */
export const writeResults = (report: Report, file: string | undefined): string => {
  const path = file ?? join(HERE, 'results', `${report.taken.replaceAll(/[:.]/g, '-')}.json`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
  return path
}

/** Reads back what `writeResults` kept. */
export const readResults = (file: string): Report => JSON.parse(readFileSync(file, 'utf8')) as Report

/** The commit of this working tree, with a + when it has changes; empty outside of git. */
export const commit = (): string => {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return ''
    }
  }
  const id = git('rev-parse', '--short', 'HEAD')
  return id && git('status', '--porcelain', '--', 'src') ? `${id}+` : id
}
