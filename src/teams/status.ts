/** How a zone and Microsoft stand with each other, and what to do next. */
import type { PeeringView } from '../admin/contract.ts'
import { daysLeft } from '../certs/alarms.ts'
import { hostsOf } from '../certs/intake/facts.ts'
import { readChain } from '../certs/intake/judge.ts'
import { answersHubs, CERTIFICATE_PARTS, type CertificatePart, judgeShown } from './certificate.ts'
import type { Outcome } from './checks.ts'
import { faultOfName } from './names.ts'
import type { Patient } from './patient.ts'
import { type RootsView, viewRoots } from './roots.ts'
import type { TeamsView } from './types.ts'

/** Hubs ask about once a minute. */
const LATE_MS = 5 * 60_000

/** What does not change from one moment to the next, and takes some milliseconds to look at. */
export interface Facts {
  readonly certificate: SeenCertificate
  readonly roots: RootsView
}

/** Never rejects. @param now milliseconds since 1970 */
export const factsOf = async (patient: Patient, now: number): Promise<Facts> => ({
  certificate: await certificateOf(patient, now),
  roots: await rootsOf(patient, now),
})

/** @param now milliseconds since 1970 */
export const viewOf = (patient: Patient, peering: PeeringView, { certificate, roots }: Facts, now: number): TeamsView => ({
  ...{ cloud: patient.cloud, peering, certificate: certificate.view, roots },
  next: nextOf(patient, peering, certificate, roots, now),
})

/** Our certificate, as far as the next step depends on it. */
export interface SeenCertificate {
  readonly view: TeamsView['certificate']
  /** undefined: nothing keeps calls from working. */
  readonly worst: Outcome | undefined
  /** It ends soon. */
  readonly ending: boolean
}

const certificateOf = async (patient: Patient, now: number): Promise<SeenCertificate> => {
  const [first] = patient.certificates
  if (first === undefined) return without('', `Listener ${patient.listener.name} has no certificate`)
  try {
    const shown = (await answersHubs(patient))!
    const parts = judgeShown({ shown, name: patient.name, cloud: patient.cloud, now })
    if ('severity' in parts) return without(shown.name, parts.text)
    const chain = readChain(shown.chain)
    const left = 'severity' in chain ? 0 : daysLeft(chain[0]!.validToDate.getTime(), now)
    const wrong = CERTIFICATE_PARTS.map((part: CertificatePart) => parts[part]).filter(
      ({ verdict }) => verdict === 'bad' || verdict === 'warning',
    )
    const name = 'severity' in chain ? shown.name : shown.name || (hostsOf(chain[0]!)[0] ?? '')
    return {
      view: { name, daysLeft: left, problems: wrong.map(({ finding }) => finding) },
      worst: wrong.find(({ verdict }) => verdict === 'bad'),
      ending: parts.days.verdict !== 'good',
    }
  } catch (error) {
    return without(first.name, error instanceof Error ? error.message : String(error))
  }
}

const without = (name: string, why: string): SeenCertificate => ({
  view: { name, daysLeft: 0, problems: [why] },
  worst: { verdict: 'bad', finding: why },
  ending: false,
})

const NO_ROOTS: RootsView = { missing: [], expiring: [] }

const rootsOf = async (patient: Patient, now: number): Promise<RootsView> => {
  if (patient.zone.peers === undefined) return NO_ROOTS
  try {
    return viewRoots(await patient.roots(), now)
  } catch {
    // A file that cannot be read accepts nobody
    return viewRoots([], now)
  }
}

/** The first thing that keeps calls from working, else what will. @param now milliseconds since 1970 */
export const nextOf = (
  patient: Pick<Patient, 'name'>,
  { targets, askers }: PeeringView,
  { view, worst, ending }: SeenCertificate,
  roots: RootsView,
  now: number,
): TeamsView['next'] => {
  const fault = faultOfName(patient.name)
  if (fault !== undefined) return { text: `${fault.finding}. ${fault.remedy ?? ''}`.trim(), page: 'setup' }
  if (worst !== undefined)
    return { text: worst.remedy === undefined ? worst.finding : `${worst.finding}. ${worst.remedy}`, page: 'certificates' }
  const busy = targets.filter(({ drain }) => !drain)
  if (busy.length === 0) return { text: 'All hubs are taken out by hand: take one in again', page: 'configuration' }
  if (busy.every(({ health }) => health === 'down')) return { text: 'No hub answers our OPTIONS: run the doctor', page: 'doctor' }
  const asked = askers[0]?.lastAt
  const answered = busy.some(({ health }) => health === 'up')
  if (answered && asked === undefined)
    return {
      text: 'Microsoft has not asked us yet, though it answers: it does not get through to our name and port, or the trunk is not enabled. Run the doctor',
      page: 'doctor',
    }
  if (asked !== undefined && now - Date.parse(asked) > LATE_MS)
    return { text: `Microsoft has not asked us since ${asked}: run the doctor`, page: 'doctor' }
  const down = busy.filter(({ health }) => health === 'down').map(({ name }) => name)
  if (down.length > 0)
    return { text: `${down.join(' and ')} ${down.length === 1 ? 'does' : 'do'} not answer; the others do. Run the doctor`, page: 'doctor' }
  if (roots.missing.length > 0)
    return { text: `Roots of Microsoft are missing: ${roots.missing.join(', ')}. Add microsoft to peers.roots`, page: 'configuration' }
  if (ending) return { text: `The certificate ends in ${view.daysLeft} days`, page: 'certificates' }
  return undefined
}
