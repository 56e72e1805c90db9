/**
 * The message model.
 *
 * Facts about SIP headers that shape it:
 * - The order of lines of one name carries meaning, the order between names does not (§7.3.1). Proxies read the top ones.
 * - Names have any case and sometimes a compact form; values may be folded; a list may stand in one line or in several.
 * - Bytes beyond ASCII are legal (UTF-8), and wrong bytes are seen. Decoding the head as latin1 makes one byte one character, so nothing is lost.
 *
 * Therefore a message is a start line, an array of lines that point into the text they arrived in, and a body of bytes. Nothing of it
 * ever changes: an edit returns another message that shares all other lines, and lines that nobody touched leave byte for byte as they came
 * (`serialise` copies each run of untouched lines in one piece). Typed values are read on demand and remembered on their line.
 */
import { InvariantError } from '../base/errors.ts'
import { canonicalName, headerFacts } from './headers/table.ts'
import { hasBareNul, isBlank, unfold } from './text.ts'

export class HeaderLine {
  /** Canonical: lower case, long form. */
  readonly name: string
  /** The text that the line is a part of, from `start` to `end`, its CRLF included. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** Where the value begins, after colon and white space. */
  readonly valueStart: number
  /** The typed value, once somebody asked; belongs to the one reader of this header. */
  memo: unknown

  constructor(name: string, text: string, start: number, valueStart: number, end: number) {
    this.name = name
    this.text = text
    this.start = start
    this.end = end
    this.valueStart = valueStart
    this.memo = undefined
  }

  /** The value without the line's end; folding is replaced by one space (§7.3.1). */
  get value(): string {
    const { text, valueStart } = this
    let end = this.end - 2
    while (end > valueStart && isBlank(text.charCodeAt(end - 1))) end--
    const raw = text.slice(valueStart, end)
    return raw.indexOf('\n') < 0 ? raw : unfold(raw)
  }

  /** The whole line as it will be written. */
  get raw(): string {
    return this.text.slice(this.start, this.end)
  }
}

export interface SipRequest {
  readonly kind: 'request'
  readonly startLine: string
  readonly method: string
  /** As written in the start line. */
  readonly requestUri: string
  readonly headers: readonly HeaderLine[]
  readonly body: Buffer
}

export interface SipResponse {
  readonly kind: 'response'
  readonly startLine: string
  readonly status: number
  readonly reason: string
  readonly headers: readonly HeaderLine[]
  readonly body: Buffer
}

export type SipMessage = SipRequest | SipResponse

export const makeRequest = (
  startLine: string,
  method: string,
  requestUri: string,
  headers: readonly HeaderLine[],
  body: Buffer,
): SipRequest => ({
  kind: 'request',
  startLine,
  method,
  requestUri,
  headers,
  body,
})

export const makeResponse = (
  startLine: string,
  status: number,
  reason: string,
  headers: readonly HeaderLine[],
  body: Buffer,
): SipResponse => ({
  kind: 'response',
  startLine,
  status,
  reason,
  headers,
  body,
})

/** CR and LF, and what is more than one byte: only the low byte would be written, and that of U+010A is a line feed. */
const BREAKS = /[\r\n\u0100-\uffff]/
/** §25.1: also white space and control characters would take a start line apart. */
const BREAKS_START_LINE = /[\0-\x20\x7f\u0100-\uffff]/

/**
 * The only door for new text. `name` in any spelling; the value is written as given, one byte for each character
 * (what somebody wrote in Unicode goes through `wireText` first).
 * @throws InvariantError when name or value would break out of the line (CR, LF, NUL that is no quoted pair) or cannot be written as bytes: callers check
 * what operators and remotes give them
 */
export const line = (name: string, value: string): HeaderLine => {
  const canonical = canonicalName(name)
  if (canonical === undefined || BREAKS.test(value) || hasBareNul(value))
    throw new InvariantError(`Header line refused: ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  const display = headerFacts(canonical)?.display ?? name
  const before = display.length + 2
  // As when it is read off the wire: white space before a value is no part of it
  let blank = 0
  while (isBlank(value.charCodeAt(blank))) blank++
  return new HeaderLine(canonical, `${display}: ${value}\r\n`, 0, before + blank, before + value.length + 2)
}

export const indexOfHeader = (message: SipMessage, name: string, from = 0): number => {
  const { headers } = message
  for (let i = from; i < headers.length; i++) if (headers[i]!.name === name) return i
  return -1
}

/** The first line of that (canonical) name: here and below, names that are looked for are canonical, names that are written have any spelling. */
export const firstHeader = (message: SipMessage, name: string): HeaderLine | undefined => {
  const { headers } = message
  for (let i = 0; i < headers.length; i++) if (headers[i]!.name === name) return headers[i]
  return undefined
}

export const headerLines = (message: SipMessage, name: string): readonly HeaderLine[] => message.headers.filter((one) => one.name === name)

/** The first line's value, unfolded and trimmed. */
export const headerValue = (message: SipMessage, name: string): string | undefined => firstHeader(message, name)?.value

export const withHeaders = <M extends SipMessage>(message: M, headers: readonly HeaderLine[]): M =>
  (message.kind === 'request'
    ? makeRequest(message.startLine, message.method, message.requestUri, headers, message.body)
    : makeResponse(message.startLine, message.status, message.reason, headers, message.body)) as M

/** Puts lines on top of the message: above all others of their names, as Via, Record-Route, Route and Path demand. */
export const prepend = <M extends SipMessage>(message: M, ...lines: readonly HeaderLine[]): M =>
  withHeaders(message, [...lines, ...message.headers])

export const append = <M extends SipMessage>(message: M, ...lines: readonly HeaderLine[]): M =>
  withHeaders(message, [...message.headers, ...lines])

/** Replaces the line at `index` by none, one or several. */
export const replaceLine = <M extends SipMessage>(message: M, index: number, ...lines: readonly HeaderLine[]): M =>
  withHeaders(message, message.headers.toSpliced(index, 1, ...lines))

export const withoutHeader = <M extends SipMessage>(message: M, name: string): M =>
  indexOfHeader(message, name) < 0
    ? message
    : withHeaders(
        message,
        message.headers.filter((one) => one.name !== name),
      )

/**
 * One line of that name (in any spelling) instead of however many there were, at the place of the first; at the end when there was none.
 * `display` is how an unknown name is written.
 */
export const setHeader = <M extends SipMessage>(message: M, name: string, value: string, display = name): M => {
  const made = line(display, value)
  const at = indexOfHeader(message, made.name)
  if (at < 0) return append(message, made)
  if (indexOfHeader(message, made.name, at + 1) < 0) return withHeaders(message, message.headers.with(at, made))
  return withHeaders(
    message,
    message.headers.flatMap((one, i) => (i === at ? [made] : one.name === made.name ? [] : [one])),
  )
}

export const withRequestUri = (request: SipRequest, requestUri: string): SipRequest => {
  if (requestUri === request.requestUri) return request
  if (requestUri === '' || BREAKS_START_LINE.test(requestUri))
    throw new InvariantError(`Request-URI refused: ${JSON.stringify(requestUri)}`)
  return makeRequest(`${request.method} ${requestUri} SIP/2.0\r\n`, request.method, requestUri, request.headers, request.body)
}

/** Another body, and the Content-Length that is true for it. */
export const withBody = <M extends SipMessage>(message: M, body: Buffer): M => {
  const measured = setHeader(message, 'content-length', String(body.length))
  return (
    measured.kind === 'request'
      ? makeRequest(measured.startLine, measured.method, measured.requestUri, measured.headers, body)
      : makeResponse(measured.startLine, measured.status, measured.reason, measured.headers, body)
  ) as M
}

/**
 * The bytes of a message. Neighbouring lines that still stand next to each other in the text they came in are copied as one piece.
 */
export const serialise = (message: SipMessage): Buffer => {
  const { headers, body } = message
  let out = message.startLine
  let text = ''
  let from = 0
  let to = 0
  for (let i = 0; i < headers.length; i++) {
    const one = headers[i]!
    if (one.start === to && one.text === text) {
      to = one.end
      continue
    }
    if (to !== 0) out += from === 0 && to === text.length ? text : text.slice(from, to)
    text = one.text
    from = one.start
    to = one.end
  }
  if (to !== 0) out += from === 0 && to === text.length ? text : text.slice(from, to)
  out += '\r\n'
  const length = out.length
  const bytes = Buffer.allocUnsafe(length + body.length)
  bytes.latin1Write(out, 0, length)
  if (body.length > 0) bytes.set(body, length)
  return bytes
}
