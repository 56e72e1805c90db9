import { createRequire } from 'node:module'
import { type DestinationStream, destination, type Logger as Pino, pino, stdTimeFunctions } from 'pino'
import { LOG_LEVELS, type Log, type LogFields, type LogLevel } from './log.ts'
import { type RecentLines, remembering } from './recent.ts'
import { clean } from './redact.ts'

/** Bytes of log that wait for a reader who does not read; what comes after is lost, not the process. */
const MOST_WAITING = 16 * 1024 * 1024

export interface LoggerOptions {
  readonly level: LogLevel
  /** For people instead of programs; the default is: when stdout is a terminal. */
  readonly pretty?: boolean
  /** Where lines go instead of stdout (tests). */
  readonly to?: DestinationStream
  /** Remembers the last lines. */
  readonly recent?: RecentLines
}

const rankOf = (level: LogLevel): number => LOG_LEVELS.indexOf(level)
const [TRACE, DEBUG, INFO, WARN, ERROR] = LOG_LEVELS.map(rankOf) as [number, number, number, number, number]
const RANKS: Readonly<Record<LogLevel, number>> = { trace: TRACE, debug: DEBUG, info: INFO, warn: WARN, error: ERROR }

const prettyStream = (to: DestinationStream | undefined): DestinationStream => {
  // Loaded only for a terminal: a service never needs it.
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => DestinationStream
  return pretty({
    colorize: to === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    sync: true,
    ...(to && { destination: to }),
  })
}

const streamFor = (options: LoggerOptions): DestinationStream => {
  if (options.pretty ?? (options.to === undefined && process.stdout.isTTY)) return prettyStream(options.to)
  return options.to ?? destination({ dest: 1, sync: false, maxLength: MOST_WAITING })
}

/** The level that a logger and all made from it share. */
interface Threshold {
  rank: number
}

/** One JSON line per event through pino (a readable one in a terminal); secrets masked, bodies at debug and trace only. */
export class Logger implements Log {
  readonly #pino: Pino
  readonly #threshold: Threshold

  constructor(pino: Pino, threshold: Threshold) {
    this.#pino = pino
    this.#threshold = threshold
  }

  get level(): LogLevel {
    return LOG_LEVELS[this.#threshold.rank]!
  }

  /** Takes effect at once, also for every log made by `with`. */
  setLevel(level: LogLevel): void {
    this.#threshold.rank = RANKS[level]
  }

  enabled(level: LogLevel): boolean {
    return RANKS[level] >= this.#threshold.rank
  }

  trace(fields: LogFields, text: string): void {
    if (TRACE >= this.#threshold.rank) this.#pino.trace(clean(fields), text)
  }

  debug(fields: LogFields, text: string): void {
    if (DEBUG >= this.#threshold.rank) this.#pino.debug(clean(fields), text)
  }

  info(fields: LogFields, text: string): void {
    if (INFO >= this.#threshold.rank) this.#pino.info(clean(withoutBody(fields)), text)
  }

  warn(fields: LogFields, text: string): void {
    if (WARN >= this.#threshold.rank) this.#pino.warn(clean(withoutBody(fields)), text)
  }

  error(fields: LogFields, text: string): void {
    if (ERROR >= this.#threshold.rank) this.#pino.error(clean(withoutBody(fields)), text)
  }

  with(fields: LogFields): Logger {
    return new Logger(this.#pino.child(clean(withoutBody(fields)) as Record<string, unknown>), this.#threshold)
  }
}

const withoutBody = (fields: LogFields): LogFields => {
  if (fields.body === undefined) return fields
  const { body: _body, ...rest } = fields
  return rest
}

/** The program's logger. What was logged before the process ends is written, also after an uncaught error. */
export const createLogger = (options: LoggerOptions): Logger => {
  const base = pino(
    {
      // Our threshold decides, so that a change reaches the children too.
      level: 'trace',
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    options.recent === undefined ? streamFor(options) : remembering(streamFor(options), options.recent),
  )
  return new Logger(base, { rank: RANKS[options.level] })
}
