/** A 3xx for somebody who cannot call again himself (§8.1.3.4, §16.7 item 4): where it leads, and what is said there of the way. */
import { headerLines, line, prepend, replaceLine, type SipRequest, type SipResponse, withRequestUri } from '../sip/message.ts'
import { parameter } from '../sip/parameters.ts'
import { addresses } from '../sip/read.ts'
import { formatUri, isSip, numberOf, parseUri, type Uri, withoutUriParameter } from '../sip/uri.ts'

/** §21.3: 305 and 380 ask for something else than another call. */
const MOVED: ReadonlySet<number> = new Set([300, 301, 302])

/** @returns the Contact that is liked most (§20.10, q), the first of several; undefined: it leads nowhere that we could call */
export const movedTo = (response: SipResponse): Uri | undefined => {
  if (!MOVED.has(response.status)) return undefined
  let best: { readonly uri: Uri; readonly q: number } | undefined
  for (const one of headerLines(response, 'contact'))
    for (const { uri: text, parameters } of addresses(one) ?? []) {
      const uri = parseUri(text)
      const q = Number(parameter(parameters, 'q') ?? 1)
      if (uri !== undefined && (best === undefined || q > best.q)) best = { uri: callable(uri), q }
    }
  return best?.uri
}

/** §19.1.1: a Contact may hold header fields, a Request-URI may not; a transport is one of the leg that it was written on. */
export const callable = (uri: Uri): Uri => {
  const bare = withoutUriParameter(uri, 'transport')
  return isSip(bare) ? { ...bare, headers: '' } : bare
}

/** The request to `target`, with who sent it there (RFC 7044, RFC 5806): in History-Info where there is one, else in Diversion. */
export const redirected = (request: SipRequest, target: Uri, status: number): SipRequest => {
  const before = parseUri(request.requestUri)
  const plain = before === undefined ? undefined : callable(before)
  return withRequestUri(plain === undefined ? request : withHistory(request, plain, status), formatUri(target))
}

const withHistory = (request: SipRequest, by: Uri, status: number): SipRequest => {
  const at = request.headers.findLastIndex(({ name }) => name === 'history-info')
  const last = at < 0 ? undefined : addresses(request.headers[at]!)?.at(-1)
  if (last === undefined)
    return prepend(request, line('Diversion', `<${formatUri(by)}>;reason=${status === 302 ? 'unconditional' : 'unknown'};counter=1`))
  const index = `${parameter(last.parameters, 'index') ?? '1'}.1`
  const reason = isSip(by) ? `?Reason=SIP%3Bcause%3D${status}` : ''
  return replaceLine(request, at, request.headers[at]!, line('History-Info', `<${formatUri(by)}${reason}>;index=${index}`))
}

/** Does the number, or else the user part, of both say the same? */
export const sameUser = (one: Uri, other: Uri): boolean => nameOf(one) === nameOf(other)

const nameOf = (uri: Uri): string => numberOf(uri) ?? (isSip(uri) ? (uri.userinfo ?? '') : formatUri(uri))
