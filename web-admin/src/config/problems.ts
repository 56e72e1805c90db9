/** What the check says, at the lines that it is about. */
import type { ConfigProblem } from '../api/types.ts'

export interface LineProblems {
  readonly severity: ConfigProblem['severity']
  readonly problems: readonly ConfigProblem[]
}

export interface Placed {
  /** By line, from 1. */
  readonly byLine: ReadonlyMap<number, LineProblems>
  /** About the file as a whole. */
  readonly general: readonly ConfigProblem[]
  readonly errors: number
  readonly warnings: number
}

/** @param lines of the text now, which may have become shorter than the text that was checked */
export const placeProblems = (problems: readonly ConfigProblem[], lines: number): Placed => {
  const byLine = new Map<number, LineProblems>()
  const general: ConfigProblem[] = []
  for (const problem of problems) {
    if (problem.line < 1) {
      general.push(problem)
      continue
    }
    const line = Math.min(problem.line, Math.max(1, lines))
    const there = byLine.get(line)
    byLine.set(line, {
      severity: there?.severity === 'error' ? 'error' : problem.severity,
      problems: [...(there?.problems ?? []), problem],
    })
  }
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return { byLine, general, errors, warnings: problems.length - errors }
}

/** Those of one setting and of what is inside of it. @param path as in `ConfigProblem.path` */
export const problemsOf = (problems: readonly ConfigProblem[], path: string): readonly ConfigProblem[] =>
  problems.filter((problem) => problem.path.startsWith(path) && /^(?:$|[.[])/.test(problem.path.slice(path.length)))
