/** What was seen of each point of the checklist: evidence for it, warnings, violations with the message that showed them. */
import { POINTS, type Point, pointOf } from './points.ts'

export interface Violation {
  readonly point: number
  /** The rule that was broken, as a sentence. */
  readonly rule: string
  /** The message that broke it, or what else was seen; empty: nothing to show. */
  readonly shown: string
  /** Only advised; does not make the point fail. */
  readonly warning: boolean
}

export type Outcome = 'passed' | 'failed' | 'not checkable here' | 'not run'

export interface Result extends Point {
  readonly outcome: Outcome
  /** What was seen, each sentence once, in the order in which it was seen. */
  readonly evidence: readonly string[]
  readonly warnings: readonly string[]
  readonly violations: readonly string[]
}

export interface Findings {
  readonly violations: readonly Violation[]
  /** The SBC did right, or the hub behaved so and the SBC coped; `evidence` holds nothing that differs from run to run. */
  seen(point: number, evidence: string): void
  violated(point: number, rule: string, shown?: string): void
  warned(point: number, rule: string, shown?: string): void
  /** One machine cannot show it. */
  outOfReach(point: number, why: string): void
  readonly results: () => readonly Result[]
  /** Points other than these that have failed; for tests that break one rule on purpose. */
  clear(): void
}

/** Of one kind: enough to see what is wrong. */
const KEPT = 200

/** @param told hears each violation and warning as it happens */
export const createFindings = (told: (violation: Violation) => void = () => undefined): Findings => {
  const violations: Violation[] = []
  const evidence = new Map<number, Set<string>>()
  const beyond = new Map<number, string>()
  const note = (violation: Violation): void => {
    pointOf(violation.point)
    if (violations.length < KEPT) violations.push(violation)
    told(violation)
  }
  const resultOf = (point: Point): Result => {
    const own = violations.filter((violation) => violation.point === point.id)
    const seen = [...(evidence.get(point.id) ?? [])]
    const failed = own.filter(({ warning }) => !warning)
    const why = beyond.get(point.id)
    const outcome: Outcome =
      failed.length > 0 ? 'failed' : seen.length > 0 ? 'passed' : why !== undefined ? 'not checkable here' : 'not run'
    const distinct = (some: readonly Violation[]): readonly string[] => [...new Set(some.map(({ rule }) => rule))]
    return {
      ...point,
      outcome,
      evidence: why === undefined ? seen : [...seen, why],
      warnings: distinct(own.filter(({ warning }) => warning)),
      violations: distinct(failed),
    }
  }
  return {
    violations,
    seen: (point, sentence) => {
      const known = evidence.get(pointOf(point).id) ?? new Set()
      evidence.set(point, known.add(sentence))
    },
    violated: (point, rule, shown = '') => note({ point, rule, shown, warning: false }),
    warned: (point, rule, shown = '') => note({ point, rule, shown, warning: true }),
    outOfReach: (point, why) => {
      beyond.set(pointOf(point).id, why)
    },
    results: () => POINTS.map(resultOf),
    clear: () => {
      violations.splice(0)
      evidence.clear()
    },
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** A Markdown table for each area. */
export const reportOf = (results: readonly Result[]): string => {
  const areas = [...new Set(results.map((result) => result.area))]
  const tables = areas.map((name) => {
    const rows = results
      .filter((result) => result.area === name)
      .map((result) => {
        const told = [
          ...result.violations.map((sentence) => `**${sentence}**`),
          ...result.warnings.map((sentence) => `warning: ${sentence}`),
          ...result.evidence,
        ]
        return `| ${result.id === 0 ? '–' : result.id} | ${result.kind} | ${cell(result.text)} | ${result.outcome} | ${cell(told.join('; ')) || '–'} |`
      })
    return [`## ${name}`, '', '| # | Kind | What | Result | Seen |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n')
  })
  return tables.join('\n')
}
