/** Everything that the web admin does with Microsoft Teams: status, doctor, wizard. */
import type { ConfigDesk, EngineView } from '../admin/contract.ts'
import type { Ids } from '../base/ids.ts'
import { isPublicAddress } from '../certs/intake/public-fetch.ts'
import type { Snapshot } from '../config/snapshot.ts'
import { ipFamily } from '../zones/networks.ts'
import { answersHubs } from './certificate.ts'
import { runDoctor } from './doctor.ts'
import { checkName } from './names.ts'
import { addressesOf, type Patient, type PatientSources, patientOf, zonesOf } from './patient.ts'
import { proposeSetup } from './setup.ts'
import { type Facts, factsOf, viewOf } from './status.ts'
import { reportText } from './text.ts'
import type { DoctorReport, NameCheck, SetupAnswers, SetupProposal, TeamsView } from './types.ts'
import type { World } from './world.ts'

export interface TeamsDeskDeps {
  readonly running: () => Snapshot
  readonly engine: Pick<EngineView, 'version' | 'peering' | 'refusals'>
  readonly world: World
  readonly ids: Ids
  /** What certificates show, and the roots that zones accept. */
  readonly sources: Pick<PatientSources, 'shown' | 'rootsOf' | 'ownAddresses'>
  readonly config: ConfigDesk
  /** Told of each change of a report. */
  readonly told: (report: DoctorReport) => void
}

export type DoctorStart =
  | { readonly kind: 'started'; readonly report: DoctorReport }
  /** The zone was looked at a moment ago. */
  | { readonly kind: 'wait'; readonly seconds: number }
  /** There is no such zone, or it has no TLS. */
  | { readonly kind: 'unknown'; readonly why: string }

const KEPT = 20
/** Each run is an OPTIONS to each hub, and Microsoft wants few of them. */
const PAUSE_MS = 10_000
/** So many changes of a report are told in a second. */
const TELL_MS = 200
/** No run takes longer. */
const RUN_MS = 60_000
const NAME_MS = 12_000
/** Days left are counted, and files of roots read, so often. */
const FACTS_MS = 600_000

interface KnownFacts {
  readonly snapshot: Snapshot
  readonly chain: string | undefined
  readonly at: number
  readonly facts: Facts
}

export class TeamsDesk {
  readonly #deps: TeamsDeskDeps
  /** The latest last. */
  readonly #reports = new Map<string, DoctorReport>()
  /** Id of the report of a zone that is being made. */
  readonly #running = new Map<string, string>()
  readonly #endedAt = new Map<string, number>()
  readonly #facts = new Map<string, KnownFacts>()
  readonly #stopping = new AbortController()

  constructor(deps: TeamsDeskDeps) {
    this.#deps = deps
  }

  /** Pages ask every two seconds, so what takes long is remembered. */
  async views(): Promise<readonly TeamsView[]> {
    const { running, engine, world } = this.#deps
    const views = zonesOf(running()).map(async ({ name }) => {
      const patient = this.#patient(name)
      const peering = engine.peering(name)
      if (typeof patient === 'string' || peering === undefined) return undefined
      return viewOf(patient, peering, await this.#factsOf(name, patient), world.wall())
    })
    return (await Promise.all(views)).filter((view) => view !== undefined)
  }

  async #factsOf(zone: string, patient: Patient): Promise<Facts> {
    const { running, world } = this.#deps
    const snapshot = running()
    const shown = await answersHubs(patient).catch(() => undefined)
    const known = this.#facts.get(zone)
    const current = known?.snapshot === snapshot && known.chain === shown?.chain && world.now() - known.at < FACTS_MS
    if (known !== undefined && current) return known.facts
    const facts = await factsOf(patient, world.wall())
    for (const name of this.#facts.keys()) if (!snapshot.zones.has(name)) this.#facts.delete(name)
    this.#facts.set(zone, { snapshot, chain: shown?.chain, at: world.now(), facts })
    return facts
  }

  /** Begins it; one at a time for each zone: who asks while one runs gets that one. */
  start(zone: string): DoctorStart {
    const { world, ids } = this.#deps
    const under = this.#reports.get(this.#running.get(zone) ?? '')
    if (under !== undefined) return { kind: 'started', report: under }
    const patient = this.#patient(zone)
    if (typeof patient === 'string') return { kind: 'unknown', why: patient }
    const since = world.now() - (this.#endedAt.get(zone) ?? Number.NEGATIVE_INFINITY)
    if (since < PAUSE_MS) return { kind: 'wait', seconds: Math.ceil((PAUSE_MS - since) / 1000) }
    const id = ids.token(16)
    this.#running.set(zone, id)
    const tell = sparingly(this.#deps.told)
    const changed = (report: DoctorReport): void => {
      this.#keep(report)
      tell(report)
    }
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(RUN_MS)])
    const run = runDoctor({ id, patient, world, ids, changed, signal })
    void run.finally(() => {
      this.#running.delete(zone)
      this.#endedAt.set(zone, world.now())
    })
    return { kind: 'started', report: this.#reports.get(id)! }
  }

  report(id: string): DoctorReport | undefined {
    return this.#reports.get(id)
  }

  text(id: string): string | undefined {
    const report = this.#reports.get(id)
    return report === undefined ? undefined : reportText(report, this.#deps.engine.version)
  }

  name(name: string): Promise<NameCheck> {
    const { running, world, sources } = this.#deps
    const [zone] = zonesOf(running())
    const listener = zone?.listeners.find(({ transport }) => transport.name === 'tls')
    const ours = addressesOf(running(), listener, sources.ownAddresses())
    return checkName(name, ours, world, AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(NAME_MS)]))
  }

  /** @throws ConfigError when the file cannot be read */
  async setup(answers: SetupAnswers): Promise<SetupProposal> {
    const { config, sources } = this.#deps
    const { text } = await config.read()
    const { addresses } = await this.name(answers.name)
    const [found] = addresses
    return proposeSetup(answers, {
      ...{ text, check: (changed: string) => config.check(changed), own: sources.ownAddresses() },
      found: addresses.length === 1 && found !== undefined && ipFamily(found) === 4 && isPublicAddress(found) ? found : undefined,
    })
  }

  stop(): void {
    this.#stopping.abort()
  }

  #patient(name: string): Patient | string {
    const { running, engine, sources } = this.#deps
    const snapshot = running()
    const zone = zonesOf(snapshot).find((one) => one.name === name)
    if (zone === undefined) return `There is no zone "${name.slice(0, 64)}" of kind teams`
    const patient = patientOf(snapshot, zone, {
      ...sources,
      peering: async () => engine.peering(name) ?? 'The running edge does not have this zone yet',
      refusals: async () => engine.refusals(),
    })
    return patient ?? `Zone "${name}" has no tls listener`
  }

  #keep(report: DoctorReport): void {
    this.#reports.set(report.id, report)
    for (const id of this.#reports.keys()) {
      if (this.#reports.size <= KEPT) break
      this.#reports.delete(id)
    }
  }
}

/** The first at once, then the latest one every so often; the finished one always. */
const sparingly = (told: (report: DoctorReport) => void): ((report: DoctorReport) => void) => {
  let waiting: DoctorReport | undefined
  let timer: NodeJS.Timeout | undefined
  return (report) => {
    if (report.finishedAt !== undefined) {
      clearTimeout(timer)
      told(report)
    } else if (timer === undefined) {
      told(report)
      timer = setTimeout(() => {
        timer = undefined
        if (waiting !== undefined) told(waiting)
        waiting = undefined
      }, TELL_MS)
      timer.unref()
    } else waiting = report
  }
}
