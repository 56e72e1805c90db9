/** `edgeways doctor`: the doctor from the command line, also while the edge runs. Beside main.ts: it joins parts. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CertificateError, EdgewaysError } from './base/errors.ts'
import { loadCertificate } from './certs/load.ts'
import { readIfThere } from './certs/store.ts'
import { loadConfigFile } from './config/commands.ts'
import { ConfigError, formatProblems } from './config/errors.ts'
import type { CertificateEntry, Snapshot } from './config/snapshot.ts'
import { VERSION } from './config/version.ts'
import { namedServers } from './dns/servers.ts'
import { RandomIds } from './engine/random-ids.ts'
import { runDoctor } from './teams/doctor.ts'
import { type Patient, patientOf, type Shown, zonesOf } from './teams/patient.ts'
import { readPeering } from './teams/peering-file.ts'
import { systemWorld } from './teams/system-world.ts'
import { headingOf, type Paint, stepText } from './teams/text.ts'
import type { DoctorReport } from './teams/types.ts'
import type { World } from './teams/world.ts'
import { ownAddresses, rootsOf } from './teams-service.ts'
import { isUsageError, UsageError } from './usage-error.ts'

export interface DoctorCommandIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Somebody is at a terminal: colours. */
  readonly terminal: boolean
  /** Default: the world as it is. */
  readonly world?: World
}

export const DOCTOR_USAGE = `usage: edgeways doctor teams [options]

Looks at everything between a zone of kind teams and Microsoft: name, DNS, certificate, clock, and each hub up to its answer to OPTIONS.
It changes nothing, and may run while the edge runs: what comes from Microsoft is then known, too.

--zone NAME        which zone; needed where there are several
--facts            all values, for a support ticket
--json             the report as JSON
--config FILE      configuration file     (EDGEWAYS_CONFIG; default: edgeways.yaml in the data folder)
--data FOLDER      data folder            (EDGEWAYS_DATA; default: ./data)

Exit code: 0 all is well, or there are warnings only; 1 something is wrong; 2 it could not look (the command, the configuration).
`

const OPTIONS = {
  zone: { type: 'string' },
  facts: { type: 'boolean' },
  json: { type: 'boolean' },
  config: { type: 'string' },
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const OK = 0
const WRONG = 1
const USAGE = 2
const RUN_MS = 90_000

const parse = (args: readonly string[]) => parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })

/** @param args what follows `doctor` @returns exit code */
export const doctorCommand = async (args: readonly string[], io: DoctorCommandIo): Promise<number> => {
  try {
    const { values, positionals } = parse(args)
    if (values.help === true) {
      io.stdout.write(DOCTOR_USAGE)
      return OK
    }
    const [what, more] = positionals
    if (what !== 'teams')
      throw new UsageError(what === undefined ? 'Doctor of what? Write: edgeways doctor teams' : `There is no doctor for "${what}"`)
    if (more !== undefined) throw new UsageError(`"${more}" is one word too many`)
    const dataDir = resolve(values.data ?? io.environment.EDGEWAYS_DATA ?? 'data')
    const file = resolve(values.config ?? io.environment.EDGEWAYS_CONFIG ?? join(dataDir, 'edgeways.yaml'))
    const snapshot = settingsOf(file, dataDir, io)
    const world = io.world ?? systemWorld({ servers: namedServers(io.environment.EDGEWAYS_DNS_SERVERS) })
    const patient = await chosen(snapshot, values.zone, dataDir, world)
    const show = values.json === true ? undefined : follow(io, values.facts === true)
    const ids = new RandomIds()
    const report = await runDoctor({
      id: ids.token(16),
      patient,
      world,
      ids,
      changed: (now) => show?.(now),
      signal: AbortSignal.timeout(RUN_MS),
    })
    io.stdout.write(values.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : `\n${report.summary}\n`)
    return report.verdict === 'bad' ? WRONG : OK
  } catch (error) {
    if (isUsageError(error)) {
      io.stderr.write(`${error.message}\n\n${DOCTOR_USAGE}`)
      return USAGE
    }
    if (!(error instanceof EdgewaysError)) throw error
    io.stderr.write(`${error.message}\n`)
    return USAGE
  }
}

/** @throws ConfigError */
const settingsOf = (file: string, dataDir: string, { environment }: DoctorCommandIo): Snapshot => {
  const loaded = loadConfigFile(file, { dataDir, environment })
  if (!loaded.ok) throw new ConfigError(formatProblems(loaded.problems, file), loaded.problems)
  return loaded.snapshot
}

const chosen = async (snapshot: Snapshot, name: string | undefined, dataDir: string, world: World): Promise<Patient> => {
  const zones = zonesOf(snapshot)
  const names = zones.map((zone) => zone.name).join(', ')
  if (zones.length === 0) throw new ConfigError('There is no zone of kind teams in the configuration; the web admin has a wizard for it')
  const zone = name === undefined ? (zones.length === 1 ? zones[0] : undefined) : zones.find((one) => one.name === name)
  if (zone === undefined)
    throw new ConfigError(
      name === undefined ? `Which zone? Write --zone with one of: ${names}` : `There is no zone "${name}" of kind teams; there is ${names}`,
    )
  const state = await readPeering(dataDir, world.wall())
  const patient = patientOf(snapshot, zone, {
    shown: (entry) => shownFrom(entry, dataDir, world.wall()),
    rootsOf,
    ownAddresses,
    peering: async () => (typeof state === 'string' ? state : (state.zones[zone.name] ?? 'The running edge does not have this zone yet')),
    refusals: async () => (typeof state === 'string' ? state : state.refusals),
  })
  if (patient === undefined) throw new ConfigError(`Zone "${zone.name}" has no tls listener`)
  return patient
}

/** As it stands in the files; nothing is made or written. @throws CertificateError */
const shownFrom = async ({ name, source }: CertificateEntry, dataDir: string, now: number): Promise<Shown> => {
  if (source.kind === 'files') return loadCertificate({ name, chain: source.chain, key: source.key }, now)
  const folder = join(dataDir, 'certificates', name)
  // Until the authority has signed, one of the development CA stands in
  for (const place of source.kind === 'development' ? ['development'] : ['.', 'development']) {
    const [chain, key] = await Promise.all(['chain.pem', 'key.pem'].map((file) => readIfThere(join(folder, place, file))))
    if (chain !== undefined && key !== undefined) return { name, chain, key }
  }
  throw new CertificateError(
    'SBC_CERTIFICATE_FILE',
    `Certificate ${name} is not in the data folder ${dataDir} yet; start the edge once, so that it is made or ordered`,
  )
}

/** Prints each step when all before it are there, so that the order is that of the report. */
const follow = ({ stdout, terminal }: DoctorCommandIo, facts: boolean): ((report: DoctorReport) => void) => {
  const paint = terminal ? colours : undefined
  let printed = 0
  let heading = ''
  return ({ steps, zone, name, startedAt }) => {
    if (printed === 0 && heading === '') stdout.write(`Microsoft Teams: zone ${zone}, name ${name}; Edgeways ${VERSION}, ${startedAt}\n`)
    heading ||= ' '
    for (; printed < steps.length && steps[printed]!.verdict !== undefined; printed++) {
      const step = steps[printed]!
      const next = headingOf(step)
      if (next !== heading) stdout.write(`\n${paint === undefined ? next : paint(next, 'bold')}\n`)
      heading = next
      stdout.write(stepText(step, facts, paint))
    }
  }
}

const CODES = { green: 32, yellow: 33, red: 31, grey: 90, bold: 1 } as const
const colours: NonNullable<Paint> = (text, colour) => `\x1b[${CODES[colour]}m${text}\x1b[0m`
