/**
 * What our own rtpengine writes to standard error, on its way into our log.
 *
 * Facts (10.5, `--split-logs`): every line begins with a level, then perhaps the call in brackets, then the subsystem in brackets. What is about
 * a call stands between two marks that we choose: its id, addresses, and the whole text of a command that it refuses, with SDP and SRTP
 * keys, at the level of warnings. The lines of such a text that follow begin with `... `.
 */
import type { Clock } from '../base/clock.ts'
import type { Log, LogLevel } from '../observability/log.ts'

/** Around what is confidential. Control characters: no SDP and no Call-ID has them. */
export const LOG_MARKS = { open: '\u0001', close: '\u0002' } as const

/** One line as it may be shown. */
export interface DaemonLine {
  readonly level: LogLevel
  /** As in SIP: without the suffix of the ng call-id. */
  readonly callId: string | undefined
  readonly text: string
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  ...{ EMERG: 'error', ALERT: 'error', CRIT: 'error', ERR: 'error', ERROR: 'error' },
  ...{ WARN: 'warn', WARNING: 'warn', NOTICE: 'debug', INFO: 'debug', DEBUG: 'trace' },
}
const LEVEL = /^([A-Z]+): /
// `[call]`, `[call port 30000]`, `[call/tag/1]`
const CALL = /^\[\u0001([^\u0001\u0002]*)\u0002[^\]]*\]: /
const SUBSYSTEM = /^\[[a-z]+\] /
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g
/** A line of no known shape, such as glibc's or a library's, is shown unless it could hold any of these. */
const CONFIDENTIAL = /inline:|\ba=|pwd|password|key[ :=]/i
const LONGEST = 300
const LAST = 20

/**
 * True in normal operation, or told in the reply to whoever sent the command.
 * The first: media before DTLS is through, or RTCP of a callee before his answer is read. The others: what a remote wrote into its SDP.
 */
const HARMLESS = [
  /^SRTC?P output wanted, but no crypto suite was negotiated/,
  /^Protocol error in packet from /,
  /^Error parsing SDP at offset /,
  /^Failed to parse a=/,
]

/** One line without its line end; undefined when nothing of it may be shown. Everything from the first mark on is left out. */
export const readDaemonLine = (line: string): DaemonLine | undefined => {
  const found = LEVEL.exec(line)
  const named = found?.[1] === undefined ? undefined : LEVELS[found[1]]
  if (found === null || named === undefined) {
    const text = line.trim().slice(0, LONGEST)
    if (text === '' || CONFIDENTIAL.test(text)) return undefined
    return { level: 'warn', callId: undefined, text: text.replace(CONTROLS, ' ') }
  }
  const afterLevel = line.slice(found[0].length)
  const call = CALL.exec(afterLevel)
  const rest = call === null ? afterLevel : afterLevel.slice(call[0].length)
  if (rest.startsWith('... ')) return undefined
  const told = rest.replace(SUBSYSTEM, '')
  const mark = told.indexOf(LOG_MARKS.open)
  const text = (mark < 0 ? told : `${told.slice(0, mark)}…`).slice(0, LONGEST).replace(CONTROLS, ' ').trim()
  if (text === '') return undefined
  const level = HARMLESS.some((pattern) => pattern.test(text)) ? 'debug' : named
  return { level, callId: call?.[1]?.replace(/~[^~]*$/, ''), text }
}

/** Warnings and errors that go to our log within `windowMs`; what is beyond is counted. */
const BOUND = { lines: 20, windowMs: 10_000 }
/** A line longer than this is no line of the daemon's. */
const LONGEST_RAW = 16_384

/** The log of one life of the daemon. Fed with the text of its standard error, in any pieces. */
export class DaemonLog {
  readonly #log: Log
  readonly #clock: Clock
  readonly #last: string[] = []
  #rest = ''
  #windowSince = Number.NEGATIVE_INFINITY
  #inWindow = 0
  #leftOut = 0

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** The last warnings and errors, oldest first. */
  get last(): readonly string[] {
    return this.#last
  }

  feed(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = (lines.pop() ?? '').slice(0, LONGEST_RAW)
    for (const line of lines) this.#line(line)
  }

  /** The daemon is gone: what it began to say counts as a line. */
  end(): void {
    if (this.#rest !== '') this.#line(this.#rest)
    this.#rest = ''
    this.#tellLeftOut()
  }

  #line(line: string): void {
    const read = readDaemonLine(line)
    if (read === undefined) return
    const { level, callId, text } = read
    if (level === 'warn' || level === 'error') {
      if (this.#last.push(text) > LAST) this.#last.shift()
      if (!this.#admits()) return
    }
    if (this.#log.enabled(level)) this.#log[level]({ step: 'media', callId }, `rtpengine: ${text}`)
  }

  #admits(): boolean {
    const now = this.#clock.now()
    if (now - this.#windowSince >= BOUND.windowMs) {
      this.#tellLeftOut()
      this.#windowSince = now
      this.#inWindow = 0
    }
    if (this.#inWindow++ < BOUND.lines) return true
    this.#leftOut++
    return false
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return
    this.#log.warn({ step: 'media', lines: this.#leftOut }, 'rtpengine said more than is logged')
    this.#leftOut = 0
  }
}
