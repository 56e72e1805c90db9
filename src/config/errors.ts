import { EdgewaysError } from '../base/errors.ts'

/** One thing that is wrong, or doubtful, in a configuration file: what it is, where it stands, and what to do. */
export interface ConfigProblem {
  /** `zones.pbx.targets[0]`; empty for the file as a whole. */
  readonly path: string
  /** From 1; 0 when there is no place in the file. */
  readonly line: number
  readonly column: number
  /** Sentence case, no full stop, with the value that was wrong. */
  readonly message: string
  /** What to write instead. */
  readonly remedy: string
  readonly severity: 'error' | 'warning'
}

/** A piece of a file as one line that a terminal can show: without control characters and marks that turn the direction. */
export const printable = (text: string, length = 400): string => {
  const line = text.replace(/[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, ' ').trim()
  return line.length <= length ? line : `${line.slice(0, length - 3)}...`
}

/** The operator's mistake: start and reload refuse. */
export class ConfigError extends EdgewaysError {
  readonly problems: readonly ConfigProblem[]
  constructor(message: string, problems: readonly ConfigProblem[] = [], cause?: unknown) {
    super('SBC_CONFIG', message, cause)
    this.problems = problems
  }
}

/**
 * Problems as a terminal shows them, one after the other, in file order: `file:line:column`, severity, path, message, remedy.
 * @param file the file's name as the operator gave it
 */
export const formatProblems = (problems: readonly ConfigProblem[], file: string): string =>
  problems
    .map(({ path, line, column, message, remedy, severity }) => {
      const place = line === 0 ? file : `${file}:${line}:${column}`
      return `${place}  ${severity}${path === '' ? '' : `  ${path}`}\n  ${message}\n${remedy === '' ? '' : `  → ${remedy}\n`}`
    })
    .join('\n')

/** For the log, on one line. */
export const problemText = ({ path, line, message, remedy }: ConfigProblem): string =>
  `${line > 0 ? `line ${line}: ` : ''}${path === '' ? '' : `${path}: `}${message}. ${remedy}`

/** What was thrown, as a problem of the file as a whole. */
export const problemOf = (error: unknown): ConfigProblem => ({
  path: '',
  line: 0,
  column: 0,
  message: error instanceof Error ? error.message : String(error),
  remedy: 'Correct it and reload again',
  severity: 'error',
})
