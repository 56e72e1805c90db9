import { EMPTY } from '../base/bytes.ts'
import type { Problem } from '../base/problem.ts'
import { canonicalName } from './headers/table.ts'
import { HeaderLine, makeRequest, makeResponse, type SipMessage } from './message.ts'

/** Limits against strangers; what goes beyond is refused, never truncated. */
export interface ParseLimits {
  readonly startLine: number
  readonly headers: number
  readonly head: number
  readonly body: number
}

/** A message that cannot be used, with as much of it as an answer needs, when that much could be read. */
export interface ParseProblem extends Problem {
  readonly message: SipMessage | undefined
}

const HEAD_END = Buffer.from('\r\n\r\n', 'latin1')
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
 * One pass over the head of one whole message: a datagram, a framed part of a stream, a WebSocket message.
 * Values stay raw; only what frames the message (start line, line ends, Content-Length) is judged here, the rest in `validate`.
 * The body shares memory with `bytes`.
 */
export const parse = (bytes: Buffer, limits: ParseLimits): SipMessage | ParseProblem => {
  // §7.5: leading CRLFs are no part of the message
  let begin = 0
  while (begin + 1 < bytes.length && bytes[begin] === 13 && bytes[begin + 1] === 10) begin += 2
  const headEnd = bytes.indexOf(HEAD_END, begin)
  if (headEnd < 0) {
    const unfinished = bytes.length > limits.head ? undefined : partial(bytes.latin1Slice(begin), limits)
    return fault(400, 'No empty line ends the headers', '§7', 'head', unfinished)
  }
  if (headEnd - begin > limits.head)
    return fault(
      513,
      `Headers of ${headEnd - begin} bytes`,
      '§21.5.7',
      'head',
      partial(bytes.latin1Slice(begin, begin + limits.head), limits),
    )
  const text = bytes.latin1Slice(begin, headEnd + 2)
  const message = parseHead(text, limits)
  if (message.kind === 'problem') return message
  const rest = headEnd + 4
  const declared = contentLength(message)
  if (typeof declared === 'object') return { ...declared, message }
  const available = bytes.length - rest
  // §18.3: a datagram shorter than its Content-Length is an error; what is beyond it is discarded
  if (declared !== undefined && declared > available)
    return fault(400, `Content-Length ${declared} but the body has ${available} bytes`, '§18.3', 'Content-Length', message)
  const length = declared ?? available
  if (length > limits.body) return fault(513, `Body of ${length} bytes`, '§21.5.7', 'body', message)
  if (length === 0) return message
  const body = bytes.subarray(rest, rest + length)
  return message.kind === 'request'
    ? makeRequest(message.startLine, message.method, message.requestUri, message.headers, body)
    : makeResponse(message.startLine, message.status, message.reason, message.headers, body)
}

/** Start line and header lines of `text`, which ends with the last header's CRLF. */
const parseHead = (text: string, limits: ParseLimits): SipMessage | ParseProblem => {
  const firstEnd = text.indexOf('\n') + 1
  if (firstEnd < 2 || text.charCodeAt(firstEnd - 2) !== 13) return fault(400, 'Start line does not end with CRLF', '§7.1', 'start line')
  if (firstEnd > limits.startLine) return fault(414, `Start line of ${firstEnd} bytes`, '§21.4.12', 'start line')
  const headers: HeaderLine[] = []
  let bad: ParseProblem | undefined
  let at = firstEnd
  while (at < text.length) {
    let end = text.indexOf('\n', at) + 1
    // §7.3.1: a line that begins with white space continues the one before
    for (let next = text.charCodeAt(end); next === 32 || next === 9; next = text.charCodeAt(end)) {
      if (text.charCodeAt(end - 2) !== 13) break
      end = text.indexOf('\n', end) + 1
    }
    const colon = text.indexOf(':', at)
    if (colon < 0 || colon >= end || colon === at) {
      bad ??= fault(400, 'Header line without a name', '§7.3.1', 'head')
      at = end
      continue
    }
    let nameEnd = colon
    while (nameEnd > at && isBlank(text.charCodeAt(nameEnd - 1))) nameEnd--
    const name = canonicalName(text.slice(at, nameEnd))
    if (name === undefined) bad ??= fault(400, 'Header name is no token', '§7.3.1', 'head')
    else {
      let value = colon + 1
      while (value < end - 2 && isBlank(text.charCodeAt(value))) value++
      headers.push(new HeaderLine(name, text, at, value, end))
      if (headers.length > limits.headers)
        return fault(513, `More than ${limits.headers} header lines`, '§21.5.7', 'head', messageOf(startOf(text, firstEnd, headers)))
    }
    at = end
  }
  // A bare CR or LF would let two parsers see two different messages
  if (hasStray(text)) bad ??= fault(400, 'Bare CR or bare LF in the headers', '§7', 'head')
  const message = startOf(text, firstEnd, headers)
  if (message.kind === 'problem') return message
  return bad === undefined ? message : { ...bad, message }
}

const isBlank = (code: number): boolean => code === 32 || code === 9

const hasStray = (text: string): boolean => {
  let cr = text.indexOf('\r')
  let lf = text.indexOf('\n')
  while (cr >= 0 || lf >= 0) {
    if (lf !== cr + 1 || cr < 0) return true
    cr = text.indexOf('\r', lf)
    lf = text.indexOf('\n', lf + 1)
  }
  return false
}

const startOf = (text: string, firstEnd: number, headers: readonly HeaderLine[]): SipMessage | ParseProblem => {
  const startLine = text.slice(0, firstEnd)
  if (text.startsWith('SIP/2.0 ')) return statusLine(startLine, headers)
  const methodEnd = text.indexOf(' ')
  const uriEnd = text.lastIndexOf(' ', firstEnd - 2)
  if (methodEnd < 1 || methodEnd >= firstEnd) return fault(400, 'Neither a request line nor a status line', '§7.1', 'start line')
  const method = text.slice(0, methodEnd)
  if (!KNOWN_METHODS.has(method) && !METHOD.test(method)) return fault(400, 'Method is no token', '§7.1', 'start line')
  const requestUri = uriEnd > methodEnd ? text.slice(methodEnd + 1, uriEnd) : ''
  const message = makeRequest(startLine, method, requestUri, headers, EMPTY)
  const version = text.slice(uriEnd + 1, firstEnd - 2)
  if (version !== 'SIP/2.0') {
    if (version.toUpperCase() === 'SIP/2.0') return message // §7.1: "SIP/2.0" is compared without case
    return /^SIP\/\d+\.\d+$/i.test(version)
      ? fault(505, `Version ${version}`, '§21.5.6', 'start line', message)
      : fault(400, 'Request line does not end with SIP/2.0', '§7.1', 'start line', message)
  }
  if (requestUri === '' || requestUri.includes(' ') || requestUri.includes('\t'))
    return fault(400, 'Request-URI is missing or has white space in it', '§7.1', 'start line', message)
  return message
}

const statusLine = (startLine: string, headers: readonly HeaderLine[]): SipMessage | ParseProblem => {
  const status = Number(startLine.slice(8, 11))
  const separator = startLine.charCodeAt(11)
  if (!(status >= 100 && status <= 699) || !Number.isInteger(status) || (separator !== 32 && separator !== 13)) {
    return fault(400, 'Status code is not 100 to 699', '§7.2', 'start line')
  }
  return makeResponse(startLine, status, startLine.slice(12, -2), headers, EMPTY)
}

/** The declared length; `undefined` when there is none; a problem when it is no number or two lines differ. */
const contentLength = (message: SipMessage): number | undefined | Problem => {
  let declared: number | undefined
  for (let i = 0; i < message.headers.length; i++) {
    const one = message.headers[i]!
    if (one.name !== 'content-length') continue
    const { value } = one
    if (!/^\d{1,9}$/.test(value)) return fault(400, `Content-Length ${value.slice(0, 20)}`, '§20.14', 'Content-Length')
    const length = Number(value)
    if (declared !== undefined && declared !== length) return fault(400, 'Two different Content-Lengths', '§7.3.1', 'Content-Length')
    declared = length
  }
  return declared
}

/** What can be read of a head that is refused, so that it can be answered: whole lines only. */
const partial = (text: string, limits: ParseLimits): SipMessage | undefined => {
  const whole = text.slice(0, text.lastIndexOf('\r\n') + 2)
  if (whole === '') return undefined
  return messageOf(parseHead(whole, { ...limits, startLine: limits.head }))
}

const messageOf = (read: SipMessage | ParseProblem): SipMessage | undefined => (read.kind === 'problem' ? read.message : read)
