/** SIP messages and dialogs as a test's own user agent writes and keeps them (RFC 3261 §8, §12). */
import { headerOf, parameterOf, tagOf, topViaOf, uriOf, valuesOf, type Wire } from '../wire.ts'

export type HeaderPair = readonly [name: string, value: string]

const text = (start: string, headers: readonly HeaderPair[], body: string): string =>
  [
    start,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === '' || headers.some(([name]) => name === 'Content-Type') ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')

/** @param body latin1, SDP unless the headers say what else; empty: none */
export const requestText = (method: string, uri: string, headers: readonly HeaderPair[], body = ''): string =>
  text(`${method} ${uri} SIP/2.0`, headers, body)

const COPIED = ['via', 'from', 'call-id', 'cseq', 'record-route']

/** RFC 3581 §4: the topmost Via learns where the request came from. */
const withSource = (via: string, source: { readonly address: string; readonly port: number }): string => {
  if (!/;rport(?=;|$)/.test(via)) return via
  return `${via.replace(/;rport(?=;|$)/, `;rport=${source.port}`)};received=${source.address}`
}

/** §8.2.6. @param tag of To, where the request has none */
export const responseText = (
  request: Wire,
  source: { readonly address: string; readonly port: number },
  status: number,
  reason: string,
  tag: string | undefined,
  headers: readonly HeaderPair[] = [],
  body = '',
): string => {
  const to = headerOf(request, 'to')
  const vias = valuesOf(request, 'via')
  const copied = COPIED.flatMap((name): readonly HeaderPair[] => {
    if (name === 'via') return vias.map((value, i) => ['Via', i === 0 ? withSource(value, source) : value])
    return request.headers.filter((header) => header.name === name).map(({ raw, value }) => [raw.slice(0, raw.indexOf(':')), value])
  })
  const ours = tag === undefined || tagOf(request, 'to') !== undefined ? to : `${to};tag=${tag}`
  return text(`SIP/2.0 ${status} ${reason}`, [...copied, ['To', ours], ...headers], body)
}

/** One side's view of a dialog (§12). */
export interface SipDialog {
  readonly callId: string
  /** From of what it sends. */
  readonly local: string
  /** To of what it sends. */
  readonly remote: string
  readonly remoteTag: string
  /** URI of the other side's Contact. */
  readonly target: string
  /** Route values, first hop first. */
  readonly routes: readonly string[]
}

const contactOf = (message: Wire): string => {
  const [contact, ...more] = valuesOf(message, 'contact')
  if (contact === undefined || more.length > 0) throw new Error(`a dialog needs one Contact: ${message.start}`)
  return uriOf(contact)
}

const loose = (routes: readonly string[]): readonly string[] => {
  for (const route of routes) if (parameterOf(uriOf(route), 'lr') === undefined) throw new Error(`not a loose router: ${route}`)
  return routes
}

/** §12.1.2: by a response to an INVITE of ours; its route set is the other way round. */
export const dialogByResponse = (response: Wire): SipDialog => ({
  callId: headerOf(response, 'call-id'),
  local: headerOf(response, 'from'),
  remote: headerOf(response, 'to'),
  remoteTag: tagOf(response, 'to') ?? '',
  target: contactOf(response),
  routes: loose(valuesOf(response, 'record-route').toReversed()),
})

/** §12.1.1: by an INVITE that we got. */
export const dialogByRequest = (request: Wire, tag: string): SipDialog => ({
  callId: headerOf(request, 'call-id'),
  local: `${headerOf(request, 'to')};tag=${tag}`,
  remote: headerOf(request, 'from'),
  remoteTag: tagOf(request, 'from') ?? '',
  target: contactOf(request),
  routes: loose(valuesOf(request, 'record-route')),
})

/** §12.2: the target follows the Contact of target refresh requests and their 2xx. */
export const refreshed = (dialog: SipDialog, message: Wire): SipDialog =>
  valuesOf(message, 'contact').length === 0 ? dialog : { ...dialog, target: contactOf(message) }

/** The hop that a request with these routes goes to first. */
export const nextHopOf = (target: string, routes: readonly string[]): string => (routes[0] === undefined ? target : uriOf(routes[0]))

/** Host and port of a URI. */
export const hostOf = (uri: string): { readonly host: string; readonly port: number | undefined } => {
  const match = /^sips?:(?:[^@;?]*@)?([^:;?]+)(?::(\d+))?/.exec(uri)
  if (match === null) throw new Error(`no SIP URI: ${uri}`)
  return { host: match[1]!, port: match[2] === undefined ? undefined : Number(match[2]) }
}

/** What makes two requests one: branch, sender and method, an ACK and a CANCEL being their INVITE's (§17.2.3). */
export const transactionKey = (request: Wire): string => {
  const via = topViaOf(request)
  const method = request.method === 'ACK' || request.method === 'CANCEL' ? 'INVITE' : request.method
  return `${method} ${parameterOf(via, 'branch') ?? ''} ${/^SIP\/2\.0\/\w+ ([^;]+)/.exec(via)?.[1]?.trim() ?? ''}`
}
