/** From the most to the least talkative. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The steps in the life of a message: the field `step`. */
export type Step =
  | 'receive'
  | 'parse'
  | 'validate'
  | 'match'
  | 'classify'
  | 'authenticate'
  | 'register'
  | 'route'
  | 'resolve'
  | 'media'
  | 'rewrite'
  | 'send'

/** The fields that have one name everywhere. Others may stand beside them; those named like secrets are masked. */
export interface LogFields {
  readonly callId?: string | undefined
  readonly zone?: string | undefined
  readonly listener?: string | undefined
  readonly step?: Step | undefined
  /** Which rule or route decided. */
  readonly rule?: string | undefined
  /** An Error, written with its type, code, stack and causes. */
  readonly err?: unknown
  /** Text of a message, made by `safeMessage`: written at debug and trace only. */
  readonly body?: string | undefined
  readonly [field: string]: unknown
}

/**
 * What code that logs depends on. On the hot path ask first, so that nothing is built for nobody:
 * `if (log.enabled('debug')) log.debug({ callId, step: 'route' }, 'Route chosen')`.
 */
export interface Log {
  enabled(level: LogLevel): boolean
  trace(fields: LogFields, text: string): void
  debug(fields: LogFields, text: string): void
  info(fields: LogFields, text: string): void
  warn(fields: LogFields, text: string): void
  error(fields: LogFields, text: string): void
  /** A log that writes `fields` with every line and follows the level of this one. For parts that live long, never for a message. */
  with(fields: LogFields): Log
}

/** Says nothing: for tests and tools. */
export const SILENT_LOG: Log = {
  enabled: () => false,
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => SILENT_LOG,
}
