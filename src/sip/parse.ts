import { EMPTY } from '../base/bytes.ts'
import type { Problem } from '../base/problem.ts'
import { canonicalName, spellingAt } from './headers/table.ts'
import { HeaderLine, makeRequest, makeResponse, type SipMessage } from './message.ts'
import { isBlank } from './text.ts'

/** Limits against strangers; what goes beyond is refused, never truncated. */
export interface ParseLimits {
  /** Bytes, with its CRLF. */
  readonly startLine: number
  /** Lines. */
  readonly headers: number
  /** Bytes of start line and headers, with the empty line. */
  readonly head: number
  /** Bytes. */
  readonly body: number
}

/** A message that cannot be used, with as much of it as an answer needs, when that much could be read. */
export interface ParseProblem extends Problem {
  readonly message: SipMessage | undefined
}

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1')
const SMALL = 4096
const CR = 13
const LF = 10
const METHOD = /^[A-Za-z0-9\-.!%*_+`'~]+$/
const KNOWN_METHODS = new Set([
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'PRACK',
  'UPDATE',
  'INFO',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
  'MESSAGE',
  'PUBLISH',
])

const fault = (status: number, reason: string, rfc: string, at: string, message?: SipMessage): ParseProblem => ({
  kind: 'problem',
  status,
  reason,
  rfc,
  at,
  message,
})

/**
 * Where the lines of the head under way end, folded lines are one. Negative: a bare CR or LF stands in that line. Filled by `findLines`,
 * read by `parse`: both run to their end without giving way, so one array serves all messages.
 */
const LINE_ENDS: number[] = []
let lineCount = 0

/**
 * One whole message: a datagram, a framed part of a stream, a WebSocket message. Values stay raw; only what frames the message (start line,
 * line ends, Content-Length) is judged here, the rest in `validate`. The body shares memory with `bytes`.
 */
export const parse = (bytes: Buffer, limits: ParseLimits): SipMessage | ParseProblem => {
  // §7.5: leading CRLFs are no part of the message
  let begin = 0
  while (bytes[begin] === CR && bytes[begin + 1] === LF) begin += 2
  const size = bytes.length - begin
  // Decoding a small body along with the head costs less than looking for the end of the head first
  const headEnd = size <= SMALL ? -1 : bytes.indexOf(HEAD_END, begin)
  const text = bytes.latin1Slice(begin, begin + Math.min(limits.head, headEnd < 0 ? size : headEnd + 4 - begin))
  const bodyAt = findLines(text, limits.headers + 2)
  if (lineCount === 0) return fault(400, 'Not one whole line', '§7.1', 'start line')
  const startLineEnd = LINE_ENDS[0]!
  // A bare CR or LF would let two parsers see two different messages; in the start line nothing is sure then
  if (startLineEnd < 0) return fault(400, 'Bare CR or bare LF in the start line', '§7.1', 'start line')
  const lines = Math.min(lineCount, limits.headers + 1)

  let bad: ParseProblem | undefined
  let declared = -1
  const headers: HeaderLine[] = []
  for (let i = 1, at = startLineEnd; i < lines; i++) {
    const end = LINE_ENDS[i]!
    if (end < 0) {
      // Left out of the message, so that no answer copies it
      bad ??= fault(400, 'Bare CR or bare LF in the headers', '§7', 'head')
      at = -end
      continue
    }
    const one = headerLine(text, at, end)
    at = end
    if (one === undefined) {
      bad ??= fault(400, 'Header line without a name that is a token', '§7.3.1', 'head')
      continue
    }
    headers.push(one)
    if (one.name !== 'content-length') continue
    const length = digitsOf(one)
    if (length < 0) bad ??= fault(400, `Content-Length ${printable(one.value)}`, '§20.14', 'Content-Length')
    else if (declared >= 0 && declared !== length) bad ??= fault(400, 'Two different Content-Lengths', '§7.3.1', 'Content-Length')
    declared = length
  }

  if (lineCount > lines) bad = fault(513, `More than ${limits.headers} header lines`, '§21.5.7', 'head')
  else if (bodyAt < 0)
    bad =
      size > limits.head
        ? fault(513, `Headers of more than ${limits.head} bytes`, '§21.5.7', 'head')
        : fault(400, 'No empty line ends the headers', '§7', 'head')
  else if (startLineEnd > limits.startLine) bad = fault(414, `Start line of ${startLineEnd} bytes`, '§21.4.12', 'start line')

  let body: Buffer = EMPTY
  if (bad === undefined) {
    const available = size - bodyAt
    const length = declared < 0 ? available : declared
    // §18.3: a datagram shorter than its Content-Length is an error; what is beyond it is discarded
    if (length > available) bad = fault(400, `Content-Length ${length} but the body has ${available} bytes`, '§18.3', 'Content-Length')
    else if (length > limits.body) bad = fault(513, `Body of ${length} bytes`, '§21.5.7', 'body')
    else if (length > 0) body = bytes.subarray(begin + bodyAt, begin + bodyAt + length)
  }

  const startLine = text.slice(0, startLineEnd)
  const message = startLine.startsWith('SIP/') ? statusLine(startLine, headers, body) : requestLine(startLine, headers, body)
  if (bad === undefined) return message
  // The fault of the start line is the graver one, but for 414: its URI may be cut off or worse
  if (message.kind !== 'problem') return { ...bad, message }
  return bad.status === 414 ? { ...bad, message: message.message } : message
}

/**
 * One pass over the head that `text` begins with: fills `LINE_ENDS` and says where the body begins, -1 when the empty line does not come.
 * Stops after `most` lines.
 */
const findLines = (text: string, most: number): number => {
  let stray = false
  lineCount = 0
  for (let at = 0; ; ) {
    let end = text.indexOf('\n', at) + 1
    if (end === 0) return -1
    if (text.indexOf('\r', at) !== end - 2 || end === 1) {
      stray = true
      end = text.indexOf('\r\n', at) + 2
      if (end === 1) return -1
    }
    const next = text.charCodeAt(end)
    at = end
    // §7.3.1: a line that begins with white space continues the one before; the start line has no continuation
    if ((next === 32 || next === 9) && lineCount > 0) continue
    LINE_ENDS[lineCount++] = stray ? -end : end
    if (lineCount === most) return -1
    stray = false
    if (next === CR && text.charCodeAt(end + 1) === LF) return end + 2
  }
}

const headerLine = (text: string, at: number, end: number): HeaderLine | undefined => {
  const known = spellingAt(text, at)
  let name: string | undefined
  let value: number
  if (known !== undefined) {
    name = known.name
    value = at + known.text.length + 1
  } else {
    const colon = text.indexOf(':', at)
    if (colon < 0 || colon >= end) return undefined
    let nameEnd = colon
    while (nameEnd > at && isBlank(text.charCodeAt(nameEnd - 1))) nameEnd--
    name = canonicalName(text.slice(at, nameEnd))
    if (name === undefined) return undefined
    value = colon + 1
  }
  while (value < end - 2 && isBlank(text.charCodeAt(value))) value++
  return new HeaderLine(name, text, at, value, end)
}

/** The number that a line's value is, in at most nine digits; -1 when it is none. */
const digitsOf = (one: HeaderLine): number => {
  const { text, valueStart } = one
  let end = one.end - 2
  while (end > valueStart && isBlank(text.charCodeAt(end - 1))) end--
  if (end === valueStart) return -1
  let number = 0
  for (let i = valueStart; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    // A folded value is looked at unfolded
    if (digit < 0 || digit > 9) return /^\d{1,9}$/.test(one.value) ? Number(one.value) : -1
    number = number * 10 + digit
    if (number > 999_999_999) return -1
  }
  return number
}

/** A remote's text as part of a reason: it is logged, and written into the status line of the answer. */
const printable = (text: string): string => text.slice(0, 20).replace(/[^ -~]/g, '?')

const requestLine = (startLine: string, headers: readonly HeaderLine[], body: Buffer): SipMessage | ParseProblem => {
  const end = startLine.length - 2
  const methodEnd = startLine.indexOf(' ')
  if (methodEnd < 1) return fault(400, 'Neither a request line nor a status line', '§7.1', 'start line')
  const method = startLine.slice(0, methodEnd)
  if (!KNOWN_METHODS.has(method) && !METHOD.test(method)) return fault(400, 'Method is no token', '§7.1', 'start line')
  const uriEnd = startLine.lastIndexOf(' ', end)
  const requestUri = uriEnd > methodEnd ? startLine.slice(methodEnd + 1, uriEnd) : ''
  const message = makeRequest(startLine, method, requestUri, headers, body)
  // §7.1: the version is compared without case
  if (!startLine.endsWith('SIP/2.0\r\n') || uriEnd !== end - 8) {
    const version = startLine.slice(uriEnd + 1, end)
    if (!/^SIP\/\d+\.\d+$/i.test(version)) return fault(400, 'Request line does not end with SIP/2.0', '§7.1', 'start line', message)
    if (version.slice(4) !== '2.0') return fault(505, `Version ${version.slice(0, 20)}`, '§21.5.6', 'start line', message)
  }
  if (requestUri === '' || requestUri.indexOf(' ') >= 0 || requestUri.indexOf('\t') >= 0)
    return fault(400, 'Request-URI is missing or has white space in it', '§7.1', 'start line', message)
  return message
}

const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d)(?: |\r)/

const statusLine = (startLine: string, headers: readonly HeaderLine[], body: Buffer): SipMessage | ParseProblem => {
  const match = STATUS_LINE.exec(startLine)
  if (match === null) return fault(400, 'Not a status line of SIP/2.0 with a code from 100 to 699', '§7.2', 'start line')
  return makeResponse(startLine, Number(match[1]), startLine.slice(12, -2), headers, body)
}
