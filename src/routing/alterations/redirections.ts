/**
 * How a zone is told that a call was forwarded: History-Info (RFC 7044) out of Diversion (RFC 5806), or the other way, as RFC 7544 maps them.
 * Diversion has the latest one first and says of each why it forwarded; History-Info has the first one first and says why at who came after it,
 * and its indexes grow by one level with each forwarding.
 */
import { type HeaderLine, indexOfHeader, line, type SipRequest, withHeaders } from '../../sip/message.ts'
import type { NameAddr } from '../../sip/name-addr.ts'
import { parameter } from '../../sip/parameters.ts'
import { addresses } from '../../sip/read.ts'
import { formatUri, isSip, parseUri, type Uri, uriParameter, withoutUriParameter, withUriParameter } from '../../sip/uri.ts'
import type { Crossing } from '../crossing.ts'
import { callable } from '../moved.ts'
import { wantsPrivacy } from './identities.ts'
import { asPhone } from './user-phone.ts'

/** Somebody who forwarded the call. */
interface Divertor {
  readonly display: string
  /** Without header fields and cause. */
  readonly uri: Uri
  /** RFC 4458. */
  readonly cause: number
  readonly private: boolean
  /** How often it was forwarded there. */
  readonly counter: number
}

/** The header that the zone wants is made when it is not there, and takes the place of the other one. */
export const redirections = (request: SipRequest, { egress, inDialog }: Crossing): SipRequest => {
  const { redirections: wanted, userPhone } = egress.zone.dialect
  if (wanted === 'pass' || inDialog || request.method !== 'INVITE') return request
  const other = wanted === 'diversion' ? 'history-info' : 'diversion'
  const at = indexOfHeader(request, other)
  if (at < 0 || indexOfHeader(request, wanted) >= 0) return request
  const values = request.headers.flatMap((one) => (one.name === other ? [addresses(one)] : []))
  if (values.includes(undefined)) return request
  const found = values.flatMap((list) => list!)
  const divertors = shortened(wanted === 'diversion' ? fromHistory(found, request.requestUri) : fromDiversion(found))
  if (divertors.length === 0) return request
  const made = wanted === 'diversion' ? diversionOf(divertors) : historyOf(divertors, request.requestUri, userPhone)
  return withHeaders(
    request,
    request.headers.flatMap((one, i): readonly HeaderLine[] => (i === at ? [line(wanted, made)] : one.name === other ? [] : [one])),
  )
}

/** Longer ways are cut in their middle: who was called first and who forwarded last matter most. */
const MOST = 20

const shortened = (divertors: readonly Divertor[]): readonly Divertor[] =>
  divertors.length <= MOST ? divertors : [divertors[0]!, ...divertors.slice(1 - MOST)]

/** RFC 7544 §5: reasons of Diversion and causes of RFC 4458. */
const CAUSES: Readonly<Record<string, number>> = {
  unconditional: 302,
  'user-busy': 486,
  'no-answer': 408,
  deflection: 480,
  unavailable: 503,
}
const UNKNOWN = 404
const REASONS: Readonly<Record<number, string>> = {
  302: 'unconditional',
  486: 'user-busy',
  408: 'no-answer',
  480: 'deflection',
  487: 'deflection',
  503: 'unavailable',
}

const fromDiversion = (values: readonly NameAddr[]): readonly Divertor[] =>
  values.toReversed().flatMap((value): readonly Divertor[] => {
    const uri = plain(value.uri)
    if (uri === undefined) return []
    const reason = (parameter(value.parameters, 'reason') ?? '').replaceAll('"', '').toLowerCase()
    return [
      {
        display: value.display,
        uri,
        cause: Object.hasOwn(CAUSES, reason) ? CAUSES[reason]! : UNKNOWN,
        private: wantsPrivacy(value),
        counter: Math.min(MOST, Math.max(1, Math.trunc(Number(parameter(value.parameters, 'counter') ?? 1)) || 1)),
      },
    ]
  })

/** @param target the Request-URI: the last one forwarded to it, where it is another one */
const fromHistory = (values: readonly NameAddr[], target: string): readonly Divertor[] =>
  values.flatMap((value, i): readonly Divertor[] => {
    const uri = plain(value.uri)
    const next = values[i + 1]
    const after = parseUri(next === undefined ? target : next.uri)
    if (uri === undefined || after === undefined) return []
    const depth = depthOf(value)
    const below = next === undefined ? depth + 1 : depthOf(next)
    // Another branch of the same level: it was tried beside this one
    if (below <= depth) return []
    // INTEROP(Teams): the Reason stands with who forwarded (RFC 4244), there is no cause (RFC 4458)
    const cause = (next === undefined && userOf(after) === userOf(uri) ? undefined : causeOf(after)) ?? reasonOf(value.uri)
    return cause === undefined
      ? []
      : [{ display: value.display, uri, cause, private: wantsPrivacy(value), counter: Math.min(MOST, below - depth) }]
  })

const userOf = (uri: Uri): string | undefined => (isSip(uri) ? uri.userinfo : uri.number)

const depthOf = ({ parameters }: NameAddr): number => (parameter(parameters, 'index') ?? '1').split('.', MOST * MOST).length

const causeOf = (uri: Uri): number | undefined => threeDigits(uriParameter(uri, 'cause'))

const threeDigits = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{3}$/.test(text) ? Number(text) : undefined

const reasonOf = (uri: string): number | undefined => {
  const written = /[?&]reason=([^&]*)/i.exec(uri)?.[1]
  return written === undefined ? undefined : threeDigits(/^sip(?:;|%3b)cause(?:=|%3d)(\d{3})(?!\d)/i.exec(written)?.[1])
}

/** Without what History-Info adds to it, and what has meaning on one leg only. */
const plain = (text: string): Uri | undefined => {
  const uri = parseUri(text)
  if (uri === undefined) return undefined
  return callable(withoutUriParameter(uri, 'cause'))
}

const diversionOf = (divertors: readonly Divertor[]): string =>
  divertors
    .toReversed()
    .map(
      (one) =>
        `${named(one.display)}<${formatUri(one.uri)}>;reason=${REASONS[one.cause] ?? 'unknown'};privacy=${one.private ? 'full' : 'off'};counter=${one.counter}`,
    )
    .join(', ')

const named = (display: string): string => (display === '' ? '' : `${display} `)

/** Each entry shows with `cause` why it was called, and with Reason why it forwarded: some read this one, some that one. */
const historyOf = (divertors: readonly Divertor[], target: string, phones: boolean): string => {
  const entries: string[] = []
  let index = '1'
  let before: { readonly index: string; readonly cause: number } | undefined
  const entry = (display: string, uri: Uri, headers: string): void => {
    const caused = before === undefined ? uri : withUriParameter(uri, 'cause', String(before.cause))
    const text = formatUri(caused)
    const phone = phones ? (asPhone(text) ?? text) : text
    entries.push(
      `${named(display)}<${phone}${isSip(uri) ? headers : ''}>;index=${index}${before === undefined ? '' : `;mp=${before.index}`}`,
    )
  }
  for (const one of divertors) {
    entry(one.display, one.uri, `?Reason=SIP%3Bcause%3D${one.cause}${one.private ? '&Privacy=history' : ''}`)
    before = { index, cause: one.cause }
    index += '.1'.repeat(one.counter)
  }
  const last = plain(target)
  if (last !== undefined) entry('', last, '')
  return entries.join(', ')
}
