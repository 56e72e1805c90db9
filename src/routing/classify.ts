/**
 * §16.4 and §16.12: what is this request, once our own Route entries are off it? Undoes what a strict router did, takes off both entries of
 * a pair together (T8), and reads the state that the dialog carries.
 */
import { bareHost, type Listener } from '../address/listener.ts'
import type { Myself } from '../address/myself.ts'
import { type Problem, problem } from '../base/problem.ts'
import { headerValue, line, replaceLine, type SipRequest, withHeaders, withRequestUri } from '../sip/message.ts'
import type { NameAddr } from '../sip/name-addr.ts'
import { addresses, toTag } from '../sip/read.ts'
import { formatUri, isSip, parseUri, type SipUri, type Uri, uriParameter } from '../sip/uri.ts'
import type { Zone } from '../zones/zone.ts'
import { restoreHosts } from './alterations/own-hosts.ts'
import { unmask } from './contact-mask.ts'
import type { RouteState, RouteStateCodec, Side, StateFault } from './route-state.ts'
import type { ContactSeals, SealedContact } from './sealed-contact.ts'

export type Classified =
  /** No To tag: the routes decide, unless a Path or Contact of ours (`via`) names the side, or the very flow. */
  | {
      readonly kind: 'initial'
      readonly request: SipRequest
      readonly uri: Uri
      readonly via: Side | undefined
      /** The host that the Request-URI had as it came, where it was one of ours that stands for somebody else. */
      readonly named?: string | undefined
      /** What is said when that flow is gone: 430 (RFC 5626 §5.3.1) means something to who knows Path, and to nobody else. */
      readonly gone: 430 | 480
    }
  /** Inside a dialog that we record-routed: it leaves by `egress`, and should have come by `ingress`. */
  | {
      readonly kind: 'in-dialog'
      readonly request: SipRequest
      readonly uri: Uri
      readonly ingress: Side
      readonly egress: Side
      readonly state: RouteState
      /** Hosts under which the two sides know us; undefined: nothing in the request says it. */
      readonly names: Names
    }
  /** Addressed to the edge itself (OPTIONS ping). */
  | { readonly kind: 'for-us'; readonly request: SipRequest; readonly uri: Uri }
  /** Has a To tag and nothing that says it passed here before. */
  | { readonly kind: 'stranger'; readonly request: SipRequest; readonly uri: Uri }

/** A1, third level: the dialog itself carries the names that were advertised when it began. */
export interface Names {
  readonly ingress: string | undefined
  readonly egress: string | undefined
}

export interface ClassifyView {
  readonly myself: Myself
  readonly states: RouteStateCodec
  /** undefined: nobody gets Contacts of ours instead of the endpoints' own. */
  readonly seals?: ContactSeals
  /** The listener that the request arrived on. */
  readonly arrivedOn: Listener
  /** The zone that admitted its source: others may share the listener. */
  readonly from: Zone
  /** The Contact that a name in a masked one stands for; undefined: there are none. */
  readonly kept?: (name: string) => string | undefined
}

/** A refusal of state that we did not write, or no longer trust; `fault` is the label it is counted under. */
export interface StateRefused extends Problem {
  readonly fault: StateFault | 'unpaired' | 'missing' | 'wrong-side'
}

/** What a Request-URI that was one of our Contacts stood for. */
interface Unsealed {
  readonly request: SipRequest
  readonly contact: SealedContact
  readonly ingress: Side
  readonly egress: Side
  /** Host of the Request-URI as it came. */
  readonly named: string
}

const refuse = (fault: StateRefused['fault'], at: 'Route' | 'Request-URI' = 'Route'): StateRefused => ({
  ...problem(403, `${at} refused`, '§16.4', at),
  fault,
})

/** What the cookie in a Path is bound to: not a word that somebody could make the Call-ID of a call (§25.1: no white space there). */
export const PATH_BOUND = 'a path'

interface OwnRoute {
  readonly uri: SipUri
  readonly listener: Listener
  readonly cookie: string | undefined
  readonly path: boolean
  readonly paired: boolean
}

/** What our own entries said, read from the top. */
interface Crossed {
  readonly state: RouteState
  readonly ingress: Side
  readonly egress: Side
  readonly path: boolean
  readonly names: Names
}

export const classify = (arrived: SipRequest, view: ClassifyView): Classified | StateRefused => {
  let request = restoreTarget(arrived, view.myself)
  // Before any Route is looked at: the Request-URI names us, and yet no strict router was at work (T §3.5)
  const unsealed = request.requestUri.includes(';ewd=') ? unseal(request, view) : undefined
  if (unsealed !== undefined && 'kind' in unsealed) return unsealed
  if (unsealed !== undefined) ({ request } = unsealed)
  const masked = request.requestUri.includes('ewc=') ? unmaskTarget(request, view) : undefined
  if (masked !== undefined && 'kind' in masked) return masked
  if (masked !== undefined) ({ request } = masked)
  let crossed: Crossed | undefined
  let passed = false
  // Usually once. More often when a peer is told to use us as outbound proxy, too, or when the call passed us twice and nobody between
  // record-routed: then the last crossing says where it leaves, and the way between is ours and need not be gone
  for (let first = ownRoute(request, view.myself); first !== undefined; first = ownRoute(request, view.myself)) {
    passed = true
    request = dropTopRoute(request)
    if (first.cookie === undefined) continue
    let second = ownRoute(request, view.myself)
    if (second?.cookie === first.cookie) request = dropTopRoute(request)
    else if (first.paired) return refuse('unpaired')
    else second = undefined
    const next = cross(first, second, request, view, crossed)
    if ('kind' in next) return next
    crossed = next
    // A call that passes twice has two media sessions: each passage is to see its own SDP, so the way between is gone after all
    if (next.state.media !== undefined) break
  }
  const uri = parseUri(request.requestUri)!
  const tag = toTag(request)
  if (tag !== undefined) {
    // §10.2: no dialog has a REGISTER, and inside one nobody is asked who he is
    if (request.method === 'REGISTER') return { kind: 'stranger', request, uri }
    if (crossed !== undefined) return inDialog(request, uri, crossed)
    // INTEROP(Teams): a peer that sends to our Contact, and has forgotten the Routes
    if (unsealed !== undefined) {
      const { contact, ingress, egress, named } = unsealed
      return inDialog(request, uri, { state: contact.state, ingress, egress, names: { ingress: named, egress: undefined } })
    }
    if (passed || hasRoute(request)) return refuse('missing')
    return { kind: isSip(uri) && view.myself.owns(uri) && request.method === 'OPTIONS' ? 'for-us' : 'stranger', request, uri }
  }
  // Below a Path of ours stand the proxies between us and the client; other Routes would make us an open relay
  if (crossed?.path) return { kind: 'initial', request, uri, via: crossed.egress, gone: 430 }
  if (hasRoute(request)) return refuse('missing')
  if (unsealed !== undefined) return { kind: 'initial', request, uri, via: unsealed.egress, gone: 480, named: unsealed.named }
  return masked === undefined ? initial(request, uri, view) : { kind: 'initial', request, uri, via: masked.client, gone: 480 }
}

const inDialog = (
  request: SipRequest,
  uri: Uri,
  { ingress, egress, state, names }: Pick<Crossed, 'ingress' | 'egress' | 'state' | 'names'>,
): Classified => ({ kind: 'in-dialog', request, uri, ingress, egress, state, names })

/**
 * A peer sends to the Contact that it knows an endpoint by: the endpoint's own comes back into the Request-URI. Only the other side of that dialog
 * may use it. An INVITE with Replaces (RFC 3891), or a request with Target-Dialog (RFC 4538), begins something else and names the dialog.
 */
const unseal = (request: SipRequest, { myself, seals, arrivedOn, from }: ClassifyView): Unsealed | StateRefused | undefined => {
  // No Contact registers, and who asks whether we live means us
  if (request.method === 'REGISTER' || (request.method === 'OPTIONS' && toTag(request) === undefined)) return undefined
  const uri = parseUri(request.requestUri)
  // Another edge may write its Contacts in the same way
  if (seals === undefined || uri === undefined || !isSip(uri) || !myself.owns(uri)) return undefined
  const contact = seals.open(uri, dialogsOf(request))
  if (contact === undefined) return undefined
  if (typeof contact === 'string') {
    if (contact !== 'expired-key') return refuse(contact, 'Request-URI')
    const inside = toTag(request) !== undefined
    const [status, reason] = inside ? ([481, 'Call/Transaction Does Not Exist'] as const) : ([404, 'Not Found'] as const)
    return { ...problem(status, reason, '§12.2.2', 'Request-URI'), fault: contact }
  }
  const { caller, callee } = contact.state
  const [ingress, egress] = contact.party === 'caller' ? [callee, caller] : [caller, callee]
  if (!isSide(ingress, from, arrivedOn)) return refuse('wrong-side', 'Request-URI')
  const own = parseUri(contact.uri)
  if (own === undefined) return { ...problem(404, 'Not Found', '§8.2.2.1', 'Request-URI'), fault: 'malformed' }
  // §19.1.1: a Contact may hold header fields, a Request-URI may not
  const target = !isSip(own) || own.headers === '' ? contact.uri : formatUri({ ...own, headers: '' })
  // Of another dialog that only names this one they are others
  const known = contact.hosts === undefined || toTag(request) === undefined ? request : restoreHosts(request, contact.hosts)
  return { request: withRequestUri(known, target), contact, ingress, egress, named: bareHost(uri.host) }
}

/** Call-IDs of the dialogs that a request may belong to: its own, and that which it names. */
const dialogsOf = (request: SipRequest): readonly string[] => {
  const callId = headerValue(request, 'call-id') ?? ''
  if (toTag(request) !== undefined) return [callId]
  const others = [headerValue(request, 'replaces'), headerValue(request, 'target-dialog')]
  return [callId, ...others.flatMap((value) => value?.split(';', 1)[0]?.trim() ?? [])]
}

/**
 * A registrar that knows no Path calls by the Contact that we gave it (contact-mask.ts): the client's own comes back into the Request-URI.
 * Only the registrar's side may use it; whoever else got to see it may not.
 */
const unmaskTarget = (
  request: SipRequest,
  { myself, states, arrivedOn, from, kept }: ClassifyView,
): { readonly request: SipRequest; readonly client: Side } | StateRefused | undefined => {
  const uri = parseUri(request.requestUri)
  // Another edge behind us may write its Contacts in the same way
  if (uri === undefined || !isSip(uri) || !myself.owns(uri)) return undefined
  const found = unmask(request.requestUri, states, (name) => kept?.(name))
  if (found === undefined) return undefined
  if (typeof found === 'string') {
    const gone = found === 'expired-key' || found === 'forgotten'
    return gone ? { ...problem(480, 'Temporarily Unavailable', 'RFC 5626 §5.3.1', 'Request-URI'), fault: found } : refuse(found)
  }
  const { caller, callee } = found.state
  if (!isSide(caller, from, arrivedOn)) return refuse('wrong-side')
  // §19.1.1: a Contact may hold header fields, a Request-URI may not
  return { request: withRequestUri(request, formatUri({ ...found.uri, headers: '' })), client: callee }
}

/** Does it come from that side? */
const isSide = ({ zone }: Side, from: Zone, arrivedOn: Listener): boolean => zone.name === from.name && zone.listeners.includes(arrivedOn)

const cross = (
  first: OwnRoute,
  second: OwnRoute | undefined,
  request: SipRequest,
  { states, arrivedOn, from }: ClassifyView,
  before: Crossed | undefined,
): Crossed | StateRefused => {
  const state = states.decode(first.cookie!, first.path ? PATH_BOUND : (headerValue(request, 'call-id') ?? ''))
  if (typeof state === 'string') return refuse(state)
  const { caller, callee } = state
  // RFC 3327 §5.3: only the registrar's side sends by a Path; whoever else got to see one may not
  if (first.path) {
    // Behind another Path where the REGISTER passed us twice; behind a Record-Route anybody who has a call could write one
    const fromRegistrar = before === undefined ? isSide(caller, from, arrivedOn) : before.path && before.egress.zone === caller.zone
    if (!fromRegistrar) return refuse('wrong-side')
  }
  const egress = first.path ? callee : leavesBy(first, second, state, arrivedOn)
  return {
    state,
    ingress: before?.ingress ?? (egress === callee ? caller : callee),
    egress,
    path: first.path,
    // Each side sees its own entry first
    names: { ingress: before === undefined ? hostOf(first) : before.names.ingress, egress: hostOf(second ?? first) },
  }
}

const hostOf = ({ uri }: OwnRoute): string => bareHost(uri.host)

/**
 * T8: the second entry names the listener to leave by. When both sides share one listener the pair's order says it by `ews`: the
 * callee's entry was written on top, and each side sees its own entry first.
 */
const leavesBy = (first: OwnRoute, second: OwnRoute | undefined, state: RouteState, arrivedOn: Listener): Side => {
  const { caller, callee } = state
  if (second !== undefined) {
    const side = uriParameter(second.uri, 'ews')
    if (side !== undefined) return side === 'a' ? caller : callee
    return second.listener === caller.listener ? caller : callee
  }
  if (caller.listener !== callee.listener) return first.listener === caller.listener || arrivedOn === caller.listener ? callee : caller
  return callee
}

/** An OPTIONS for the edge itself is a question whether it lives (§11); all else goes where the routes say. */
const initial = (request: SipRequest, uri: Uri, { myself }: ClassifyView): Classified =>
  request.method === 'OPTIONS' && isSip(uri) && uri.userinfo === undefined && myself.owns(uri)
    ? { kind: 'for-us', request, uri }
    : { kind: 'initial', request, uri, via: undefined, gone: 480 }

const hasRoute = (request: SipRequest): boolean => request.headers.some((one) => one.name === 'route')

/** The topmost Route value, when it names one of our listeners. */
const ownRoute = (request: SipRequest, myself: Myself): OwnRoute | undefined => {
  const top = topRoute(request)
  if (top === undefined) return undefined
  const uri = parseUri(top.uri)
  if (uri === undefined || !isSip(uri)) return undefined
  const listener = myself.listenerOf(uri)
  if (listener === undefined) return undefined
  return {
    uri,
    listener,
    cookie: uriParameter(uri, 'ew'),
    path: uriParameter(uri, 'ewp') !== undefined,
    paired: uriParameter(uri, 'r2') !== undefined,
  }
}

const topRouteLine = (request: SipRequest): number => {
  const { headers } = request
  for (let i = 0; i < headers.length; i++) if (headers[i]!.name === 'route') return i
  return -1
}

/** The topmost value of Route; `undefined` when there is none. */
export const topRoute = (request: SipRequest): NameAddr | undefined => {
  const at = topRouteLine(request)
  return at < 0 ? undefined : addresses(request.headers[at]!)?.[0]
}

/** Without the topmost Route value; other values of the same line stay as they were written. */
export const dropTopRoute = (request: SipRequest): SipRequest => {
  const at = topRouteLine(request)
  const rest = addresses(request.headers[at]!)!.slice(1)
  return rest.length === 0 ? replaceLine(request, at) : replaceLine(request, at, line('Route', rest.map((value) => value.text).join(', ')))
}

/**
 * §16.4: a strict router before us moved our Route entry into the Request-URI, and the target to the end of the Routes. Both go back, so that
 * the rest sees a loosely routed request.
 */
const restoreTarget = (request: SipRequest, myself: Myself): SipRequest => {
  if (!request.requestUri.includes(';')) return request
  const uri = parseUri(request.requestUri)!
  if (!isSip(uri) || uriParameter(uri, 'ew') === undefined || uriParameter(uri, 'lr') === undefined) return request
  const last = request.headers.findLastIndex((one) => one.name === 'route')
  if (last < 0 || myself.listenerOf(uri) === undefined) return request
  const values = addresses(request.headers[last]!)!
  const target = parseUri(values[values.length - 1]!.uri)
  if (target === undefined) return request
  const kept = values.slice(0, -1).map((value) => value.text)
  const rest = request.headers.toSpliced(last, 1, ...(kept.length === 0 ? [] : [line('Route', kept.join(', '))]))
  // §19.1.1: a Route may hold header fields, a Request-URI may not
  const plain = isSip(target) ? { ...target, headers: '' } : target
  return withRequestUri(withHeaders(request, [line('Route', `<${request.requestUri}>`), ...rest]), formatUri(plain))
}
