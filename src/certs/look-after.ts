/** What is done with a certificate by the way, while nobody asks: judging it, warning of its end, asking its CA. */
import { expiryAlarm } from './alarms.ts'
import type { Care } from './care.ts'
import { judgeCertificate } from './intake/judge.ts'
import type { AcmeSettings, CertificateProblem, RenewalWindow } from './types.ts'
import { askAgainAt, mayAsk } from './upkeep.ts'
import { inUse, measureOf } from './usage.ts'
import type { Ward } from './ward.ts'

const MOST_PROBLEMS = 20

/**
 * Finds what is wrong with what is in force, by those who use it now.
 * @param now milliseconds since 1970
 * @param shown the hosts that another certificate shows
 */
export const judge = (ward: Ward, now: number, shown: (certificate: string) => readonly string[]): void => {
  const { pair, usage } = ward
  ward.judgedAt = now
  if (pair === undefined) {
    ward.problems = []
    return
  }
  const { required, uncovered } = measureOf(usage, pair.facts.hosts, shown)
  const findings = judgeCertificate({ chain: pair.chain, key: pair.key, now, use: [{ hosts: [] }, ...required] })
  const problems: CertificateProblem[] = findings.map(({ severity, text, remedy }) => ({ severity, text, remedy }))
  if (uncovered.length > 0) {
    const text = `No certificate of its listeners names ${uncovered.slice(0, MOST_PROBLEMS).join(', ')}`
    problems.push({ severity: 'warning', text, remedy: 'Bring one that does, or take the names from the listener' })
  }
  ward.problems = problems.slice(0, MOST_PROBLEMS)
}

/** Tells people that the end is near, once for each step and version. */
export const warn = (care: Care, { name, entry, pair, usage, state }: Ward, now: number): void => {
  if (pair === undefined || !inUse(usage)) return
  const { validFrom, validTo, facts } = pair
  const { source } = entry
  const byHand = { files: 'Replace its files', stored: 'Upload another one', acme: undefined, development: undefined }[source.kind]
  const due = expiryAlarm({ name, validFrom, validTo, sha256: facts.sha256, told: state.value.told, byHand, now })
  if (due === undefined) return
  state.change({ told: { of: facts.sha256, step: due.step } })
  care.alarm(due.alarm)
}

const ASK_MS = 60_000

/** RFC 9773, in the background: what the CA says counts with the next look. */
export const askWindow = (care: Care, ward: Ward, settings: AcmeSettings, now: number): void => {
  const { pair, state, usage } = ward
  if (ward.asking || pair === undefined || !inUse(usage) || settings.renewBeforeMs !== undefined) return
  const of = pair.facts.sha256
  const known = state.value.window?.of === of ? state.value.window : undefined
  if (!mayAsk(now, known?.askAgain)) return
  const issuer = care.issuer(settings)
  if (issuer.renewal === undefined) return
  ward.asking = true
  const signal = AbortSignal.any([care.stopping, AbortSignal.timeout(ASK_MS)])
  void issuer
    .renewal(pair.chain, signal)
    .then((window) => answered(care, ward, of, window))
    .catch((err: unknown) => {
      if (care.stopping.aborted) return
      // What it said before goes on
      state.change({ window: { ...known, of, askAgain: askAgainAt(care.clock.wall(), undefined, care.random()) } })
      care.log.debug({ err, certificate: ward.name }, 'The CA did not say when it wants a certificate to be renewed')
    })
    .finally(() => {
      ward.asking = false
      care.told(ward.name)
    })
}

const answered = (care: Care, { state }: Ward, of: string, window: RenewalWindow | undefined): void => {
  const askAgain = askAgainAt(care.clock.wall(), window?.retryAfterMs, care.random())
  if (window === undefined) {
    state.change({ window: { of, askAgain } })
    return
  }
  const { start, end, explanation } = window
  state.change({ window: { of, askAgain, span: { start, end, ...(explanation !== undefined && { explanation }) } } })
}
