/**
 * Answers of our own (§8.2.6), and the one table from what went wrong to the status that tells it.
 */
import { EMPTY } from '../base/bytes.ts'
import { EdgewaysError } from '../base/errors.ts'
import type { Problem } from '../base/problem.ts'
import { firstHeader, type HeaderLine, line, makeResponse, type SipRequest, type SipResponse } from '../sip/message.ts'
import { address, toTag } from '../sip/read.ts'
import { wireText } from '../sip/text.ts'

/** What we do ourselves when we are the target (OPTIONS): §11.2. */
export const OWN_ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE, MESSAGE, PUBLISH'

const NO_BODY = line('Content-Length', '0')

export const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  414: 'Request-URI Too Long',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  430: 'Flow Failed',
  440: 'Max-Breadth Exceeded',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
}

const BREAKS = /[\r\n\0]+/g

/**
 * §8.2.6: Vias, From, To (with `tag`, but not in a 100), Call-ID and CSeq of the request. A request that lacks some of them gets what it has.
 * @param reason sentence case; what a remote or an operator wrote may be in it, so line breaks are taken out and the rest leaves as UTF-8
 */
export const answer = (
  request: SipRequest,
  status: number,
  reason: string,
  tag: string,
  extra: readonly HeaderLine[] = [],
): SipResponse => {
  const headers: HeaderLine[] = []
  for (const one of request.headers) {
    switch (one.name) {
      case 'to':
        headers.push(
          status === 100 || tag === '' || address(one) === undefined || toTag(request) !== undefined
            ? one
            : line('To', `${one.value};tag=${tag}`),
        )
        break
      case 'via':
      case 'from':
      case 'call-id':
      case 'cseq':
        headers.push(one)
        break
      case 'timestamp':
        if (status === 100) headers.push(one)
        break
      default:
    }
  }
  headers.push(...extra, NO_BODY)
  const text = wireText(reason.replace(BREAKS, ' ').slice(0, 200))
  return makeResponse(`SIP/2.0 ${status} ${text}\r\n`, status, text, headers, EMPTY)
}

/** The answer to a request with that fault, with the header lines that belong to it. @param tag as for `answer` */
export const answerTo = (request: SipRequest, { status, reason, headers = [] }: Problem, tag: string): SipResponse => {
  const extra = headers.map(([name, value]) => line(name, value))
  return answer(request, status, reason, tag, extra)
}

/** §8.2.6.1: 100 has no tag of ours. */
export const trying = (request: SipRequest): SipResponse => answer(request, 100, 'Trying', '')

/** §8.2.6.2: what an answer cannot do without. ACK is never answered. */
export const canAnswer = (request: SipRequest): boolean =>
  request.method !== 'ACK' &&
  firstHeader(request, 'via') !== undefined &&
  firstHeader(request, 'call-id') !== undefined &&
  firstHeader(request, 'cseq') !== undefined

/** What an error that was thrown on the way means to the one who asked. */
export const statusOf = (error: unknown): { readonly status: number; readonly reason: string } => {
  if (!(error instanceof EdgewaysError)) return { status: 500, reason: 'Server Internal Error' }
  switch (error.code) {
    case 'SBC_RESOLVE_NOT_FOUND':
    case 'SBC_RESOLVE_NO_TRANSPORT':
    case 'SBC_RESOLVE_TIMEOUT':
      // §16.6 item 7: an empty set is as a 503 of the next hop; upstream learns that this way is closed now
      return { status: 503, reason: 'Next hop cannot be resolved' }
    default:
      return error.code.startsWith('SBC_INVARIANT')
        ? { status: 500, reason: 'Server Internal Error' }
        : { status: 503, reason: 'Service Unavailable' }
  }
}
