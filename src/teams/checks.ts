/** Checks of the doctor: listed from the beginning, run side by side, each bounded in time. */
import type { DoctorReport, DoctorStep, Verdict } from './types.ts'

/** What a check found; every one ends in some. */
export type Outcome = Pick<DoctorStep, 'finding' | 'remedy' | 'facts'> & { readonly verdict: Verdict }

export interface Check extends Pick<DoctorStep, 'id' | 'group' | 'hub' | 'title'> {
  /** May reject: then it could not be looked at, for the reason that it gives. */
  readonly look: (signal: AbortSignal) => Outcome | Promise<Outcome>
}

/** Checks that belong together; `end`: none of them looks any more. */
export interface Checks {
  readonly checks: readonly Check[]
  readonly end?: () => void
}

export interface Examination {
  readonly id: string
  readonly zone: string
  readonly name: string
  readonly now: () => number
  readonly wall: () => number
  /** No check takes longer. */
  readonly stepMs: number
  /** Told after each change. */
  readonly changed: (report: DoctorReport) => void
  readonly signal?: AbortSignal
}

const SEVERITY: readonly Verdict[] = ['skipped', 'good', 'warning', 'bad']

export const worst = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce<Verdict>((most, one) => (SEVERITY.indexOf(one) > SEVERITY.indexOf(most) ? one : most), 'skipped')

/** Runs them all. Never rejects. @returns the finished report */
export const examine = async (parts: readonly Checks[], options: Examination): Promise<DoctorReport> => {
  const { id, zone, name, now, wall, stepMs, changed } = options
  const all = parts.flatMap(({ checks }) => checks)
  const steps: DoctorStep[] = all.map((check) => ({ ...place(check), verdict: undefined, finding: '' }))
  const startedAt = new Date(wall()).toISOString()
  const report = (): DoctorReport => ({
    ...{ id, zone, name, startedAt, steps: [...steps], verdict: undefined },
    summary: `${steps.filter(({ verdict }) => verdict !== undefined).length} of ${steps.length} checks are done`,
  })
  changed(report())
  const run = async (check: Check): Promise<void> => {
    const began = now()
    const outcome = await bounded(check, stepMs, options.signal)
    steps[all.indexOf(check)] = { ...place(check), ...outcome, milliseconds: Math.round(now() - began) }
    changed(report())
  }
  await Promise.all(
    parts.map(async ({ checks, end }) => {
      await Promise.all(checks.map(run))
      end?.()
    }),
  )
  const finished: DoctorReport = {
    ...report(),
    finishedAt: new Date(wall()).toISOString(),
    verdict: worst(steps.map(({ verdict }) => verdict ?? 'skipped')),
    summary: summaryOf(steps),
  }
  changed(finished)
  return finished
}

const place = ({ id, group, hub, title }: Check): Pick<DoctorStep, 'id' | 'group' | 'hub' | 'title'> => ({
  ...{ id, group, title },
  ...(hub === undefined ? {} : { hub }),
})

const bounded = (check: Check, stepMs: number, stop: AbortSignal | undefined): Promise<Outcome> =>
  new Promise((resolve) => {
    const late = new AbortController()
    const signal = stop === undefined ? late.signal : AbortSignal.any([late.signal, stop])
    const timer = setTimeout(() => {
      late.abort()
      resolve({ verdict: 'bad', finding: `There was no result within ${stepMs / 1000} seconds`, remedy: 'Run the doctor once more' })
    }, stepMs)
    const settle = (outcome: Outcome): void => {
      clearTimeout(timer)
      resolve(outcome)
    }
    Promise.resolve()
      .then(() => check.look(signal))
      .then(settle, (error: unknown) => settle({ verdict: 'skipped', finding: `This could not be looked at: ${messageOf(error)}` }))
  })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300)

/** What to do first: bad things in the order of the list, which is the order in which they depend on each other. */
const summaryOf = (steps: readonly DoctorStep[]): string => {
  const bad = steps.filter(({ verdict }) => verdict === 'bad')
  const warnings = steps.filter(({ verdict }) => verdict === 'warning')
  const [first] = bad.length > 0 ? bad : warnings
  if (first === undefined) return 'All is well'
  const counts = [
    ...(bad.length > 0 ? [`${bad.length} ${bad.length === 1 ? 'thing is' : 'things are'} wrong`] : []),
    ...(warnings.length > 0 ? [`${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`] : []),
  ].join(', ')
  const where = first.hub === undefined ? first.title : `${first.title}, ${first.hub}`
  return `${counts}; first: ${where}: ${first.finding}${first.remedy === undefined ? '' : `. ${first.remedy}`}`
}

/** The same promise for all who ask: several checks look at one connection. */
export const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined
  return () => {
    if (made === undefined) {
      made = make()
      // Each of those who ask sees it
      made.catch(() => {})
    }
    return made
  }
}

/** A rejection becomes a value: for checks that have something to say about it. */
export const settled = async <T>(promise: Promise<T>): Promise<{ readonly value: T } | { readonly error: Error }> => {
  try {
    return { value: await promise }
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }
}

export const skipped = (finding: string): Outcome => ({ verdict: 'skipped', finding })
