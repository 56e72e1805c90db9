/** Which lines of the log are shown, and how. */
import type { LogLevel, LogLine } from '../api/types.ts'
import type { Level } from './status.ts'

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[]

export interface LogFilter {
  /** This one and those above. */
  readonly least: LogLevel
  /** Words that must all stand in the line, anywhere; not case-sensitive. */
  readonly text: string
}

/** Numbers of pino, where a server passes them on as they are. */
const PINO: Readonly<Record<number, LogLevel>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'error' }

export const levelOfLine = ({ level }: Pick<LogLine, 'level'>): LogLevel =>
  typeof level === 'number' ? (PINO[level] ?? 'info') : LEVELS.includes(level) ? level : 'info'

export const lineMatches = (line: LogLine, { least, text }: LogFilter): boolean => {
  if (LEVELS.indexOf(levelOfLine(line)) < LEVELS.indexOf(least)) return false
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const whole = `${line.msg} ${fieldsOf(line)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`.toLowerCase()
  return words.every((word) => whole.includes(word))
}

const OWN = new Set(['time', 'level', 'msg', 'pid', 'hostname', 'v', 'seq'])

/** What stands in a line beside its text. */
export const fieldsOf = (line: LogLine): readonly (readonly [name: string, value: string])[] =>
  Object.entries(line)
    .filter(([name, value]) => !OWN.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)])

export const LEVEL_LOOKS: Readonly<Record<LogLevel, Level>> = { trace: 'off', debug: 'off', info: 'ok', warn: 'warn', error: 'error' }
