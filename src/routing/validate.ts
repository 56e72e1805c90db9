import type { Myself } from '../address/myself.ts'
import type { Owner } from '../base/ids.ts'
import { type Problem, problem } from '../base/problem.ts'
import { type HeaderLine, indexOfHeader, type SipMessage, type SipRequest } from '../sip/message.ts'
import { address, addresses, cseq, tokens, topVia, vias } from '../sip/read.ts'
import { isSip, parseUri, schemeOf } from '../sip/uri.ts'
import { branchOwner, loopHash, loopPart } from './branch.ts'

/** What §16.3 needs to know of us. */
export interface ValidateView {
  /** Is that Via's sent-by one of ours? */
  readonly printed: (host: string, port: number | undefined) => boolean
  /** Does that branch say that this very request, unchanged in what routes it, was here before (§16.6 item 8)? */
  readonly looped: (branch: string, request: SipRequest) => boolean
  /** Option tags of Proxy-Require that we understand. */
  readonly proxyRequire: ReadonlySet<string>
}

const NO_EXTENSIONS: ReadonlySet<string> = new Set()

/** The view of a worker: what it printed, and what it wrote into its branches. */
export const validateView = (myself: Myself, owner: Owner): ValidateView => ({
  printed: (host, port) => myself.printed(host, port),
  looped: (branch, request) => branchOwner(branch) === owner && loopPart(branch) === loopHash(request),
  proxyRequire: NO_EXTENSIONS,
})

/**
 * What every message needs before anything is done with it, responses too: the headers that identify it, once each and readable.
 * The URIs of From and To are judged in requests only; in responses they are the echo of what was sent.
 */
export const wellFormed = (message: SipMessage): Problem | undefined => {
  const { headers } = message
  let from: HeaderLine | undefined
  let to: HeaderLine | undefined
  let callId: HeaderLine | undefined
  let sequence: HeaderLine | undefined
  for (let i = 0; i < headers.length; i++) {
    const one = headers[i]!
    switch (one.name) {
      case 'from':
        if (from !== undefined) return twice('From')
        from = one
        break
      case 'to':
        if (to !== undefined) return twice('To')
        to = one
        break
      case 'call-id':
        if (callId !== undefined) return twice('Call-ID')
        callId = one
        break
      case 'cseq':
        if (sequence !== undefined) return twice('CSeq')
        sequence = one
        break
      default:
    }
  }
  if (from === undefined) return missing('From')
  if (to === undefined) return missing('To')
  if (callId === undefined) return missing('Call-ID')
  if (sequence === undefined) return missing('CSeq')
  const judged = message.kind === 'request'
  if (!readable(from, judged)) return problem(400, 'Malformed From', '§20.20', 'From')
  if (!readable(to, judged)) return problem(400, 'Malformed To', '§20.39', 'To')
  const id = callId.value
  if (id === '' || BLANK.test(id)) return problem(400, 'Malformed Call-ID', '§20.8', 'Call-ID')
  if (cseq(message) === undefined) return problem(400, 'Malformed CSeq', '§20.16', 'CSeq')
  if (topVia(message) === undefined) return problem(400, 'Missing or malformed Via', '§20.42', 'Via')
  return undefined
}

const BLANK = /[ \t]/
const missing = (name: string): Problem => problem(400, `Missing ${name}`, '§8.1.1', name)
const twice = (name: string): Problem => problem(400, `More than one ${name}`, '§7.3.1', name)

const readable = (one: HeaderLine, judged: boolean): boolean => {
  const read = address(one)
  return read !== undefined && (!judged || plausibleUri(read.uri))
}

/** The form that nearly all have, taken without a closer look: nothing is routed by From and To. */
const PLAIN_URI = /^sip:(?:[A-Za-z0-9+._-]+@)?[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*(?::\d{1,4})?(?:;user=phone)?$/

/** A URI of a scheme we know must be right; of another scheme only its shape is ours to judge. */
const plausibleUri = (text: string): boolean => {
  if (PLAIN_URI.test(text)) return true
  const scheme = schemeOf(text)
  if (scheme === undefined) return false
  return scheme === 'sip' || scheme === 'sips' || scheme === 'tel' ? parseUri(text) !== undefined : !/[\s<>"]/.test(text)
}

/**
 * The list of §16.3, in its order: syntax of what we use, scheme, Max-Forwards, loop, Proxy-Require. Item 6 (credentials) belongs to the registrar.
 * @param request with `wellFormed` headers
 */
export const validateRequest = (request: SipRequest, view: ValidateView): Problem | undefined => {
  const sequence = cseq(request)!
  if (sequence.method !== request.method)
    return problem(400, `CSeq says ${sequence.method}, the request ${request.method}`, '§8.1.1.5', 'CSeq')
  const scheme = schemeOf(request.requestUri)
  if (scheme === undefined) return problem(400, 'Malformed Request-URI', '§16.3', 'Request-URI')
  for (let i = 0; i < request.headers.length; i++) {
    const one = request.headers[i]!
    if (one.name === 'via' && vias(one) === undefined) return problem(400, 'Malformed Via', '§20.42', 'Via')
    if (one.name === 'route' && !routes(one)) return problem(400, 'Malformed Route', '§20.34', 'Route')
    if (one.name === 'record-route' && !routes(one)) return problem(400, 'Malformed Record-Route', '§20.30', 'Record-Route')
  }
  const uri = parseUri(request.requestUri)
  // Of all URNs we know services alone
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel' && uri === undefined)
    return problem(416, `Unsupported URI Scheme ${scheme}`, '§16.3', 'Request-URI')
  if (uri === undefined) return problem(400, 'Malformed Request-URI', '§16.3', 'Request-URI')
  // §19.1.1: header fields must not be in a Request-URI
  if (isSip(uri) && uri.headers !== '') return problem(400, 'Request-URI with headers', '§19.1.1', 'Request-URI')
  return hops(request) ?? (loopsHere(request, view) ? problem(482, 'Loop Detected', '§16.3', 'Via') : extensions(request, view))
}

const hops = (request: SipRequest): Problem | undefined => {
  const at = indexOfHeader(request, 'max-forwards')
  if (at < 0) return undefined
  // We would count the first one down, and the next hop might read the other
  if (indexOfHeader(request, 'max-forwards', at + 1) >= 0) return problem(400, 'More than one Max-Forwards', '§7.3.1', 'Max-Forwards')
  const { value } = request.headers[at]!
  if (!/^\d{1,10}$/.test(value) || Number(value) > 255)
    return problem(400, `Malformed Max-Forwards ${value.slice(0, 20)}`, '§20.22', 'Max-Forwards')
  return Number(value) === 0 && request.method !== 'OPTIONS' ? problem(483, 'Too Many Hops', '§16.3', 'Max-Forwards') : undefined
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

const extensions = (request: SipRequest, view: ValidateView): Problem | undefined => {
  // CANCEL and ACK carry what their INVITE carried and are never refused for it (§8.2.2.3)
  if (request.method === 'ACK' || request.method === 'CANCEL' || indexOfHeader(request, 'proxy-require') < 0) return undefined
  const unknown = tokens(request, 'proxy-require').filter((tag) => !view.proxyRequire.has(tag.toLowerCase()))
  if (unknown.length === 0) return undefined
  if (!unknown.every((tag) => TOKEN.test(tag))) return problem(400, 'Malformed Proxy-Require', '§20.29', 'Proxy-Require')
  return { ...problem(420, 'Bad Extension', '§16.3', 'Proxy-Require'), headers: [['Unsupported', unknown.join(', ')]] }
}

const routes = (one: HeaderLine): boolean => addresses(one)?.every((value) => parseUri(value.uri) !== undefined) ?? false

const loopsHere = (request: SipRequest, view: ValidateView): boolean => {
  for (let i = 0; i < request.headers.length; i++) {
    const one = request.headers[i]!
    if (one.name !== 'via') continue
    for (const via of vias(one)!) {
      if (view.printed(via.host, via.port) && via.branch !== undefined && view.looped(via.branch, request)) return true
    }
  }
  return false
}
