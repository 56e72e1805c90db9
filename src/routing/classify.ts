/**
 * §16.4 and §16.12: what is this request, once our own Route entries are off it? Undoes what a strict router did, takes off both entries of
 * a pair together (T8), and reads the state that the dialog carries.
 */
import type { Listener } from '../address/listener.ts'
import type { Myself } from '../address/myself.ts'
import { type Problem, problem } from '../base/problem.ts'
import { type HeaderLine, headerValue, line, replaceLine, type SipRequest, withHeaders, withRequestUri } from '../sip/message.ts'
import type { NameAddr } from '../sip/name-addr.ts'
import { addresses, toTag } from '../sip/read.ts'
import { parseUri, type SipUri, type Uri, uriParameter } from '../sip/uri.ts'
import type { RouteState, RouteStateCodec, Side, StateFault } from './route-state.ts'

export type Classified =
  /** No To tag: the routes decide, unless a Path of ours (`via`) names the flow. */
  | { readonly kind: 'initial'; readonly request: SipRequest; readonly uri: Uri; readonly via: Side | undefined }
  /** Inside a dialog that we record-routed: it leaves by `egress`, and should have come by `ingress`. */
  | {
      readonly kind: 'in-dialog'
      readonly request: SipRequest
      readonly uri: Uri
      readonly ingress: Side
      readonly egress: Side
      readonly state: RouteState
    }
  /** Addressed to the edge itself (OPTIONS ping). */
  | { readonly kind: 'for-us'; readonly request: SipRequest; readonly uri: Uri }
  /** Has a To tag and nothing that says it passed here before. */
  | { readonly kind: 'stranger'; readonly request: SipRequest; readonly uri: Uri }

export interface ClassifyView {
  readonly myself: Myself
  readonly states: RouteStateCodec
  /** The listener that the request arrived on. */
  readonly arrivedOn: Listener
}

/** A refusal of state that we did not write, or no longer trust; `fault` is the label it is counted under. */
export interface StateRefused extends Problem {
  readonly fault: StateFault | 'unpaired' | 'missing'
}

const refuse = (fault: StateRefused['fault']): StateRefused => ({ ...problem(403, 'Route refused', '§16.4', 'Route'), fault })

/** The bound text of a cookie in a Path. */
export const PATH_BOUND = 'path'

interface OwnRoute {
  readonly uri: SipUri
  readonly listener: Listener
  readonly cookie: string | undefined
  readonly path: boolean
  readonly paired: boolean
}

export const classify = (arrived: SipRequest, view: ClassifyView): Classified | StateRefused => {
  let request = arrived
  let uri = parseUri(request.requestUri)!
  // §16.4: a strict router before us moved our Route entry into the Request-URI; the real target is the last Route
  if (
    uri.scheme !== 'tel' &&
    uriParameter(uri, 'ew') !== undefined &&
    uriParameter(uri, 'lr') !== undefined &&
    view.myself.listenerOf(uri) !== undefined
  ) {
    const restored = unstrict(request)
    if (restored !== undefined) {
      request = restored
      uri = parseUri(request.requestUri)!
    }
  }
  const first = ownRoute(request, view.myself)
  const tag = toTag(request)
  if (first === undefined) {
    if (hasRoute(request)) return refuse('missing')
    if (tag !== undefined)
      return { kind: uri.scheme !== 'tel' && view.myself.owns(uri) && request.method === 'OPTIONS' ? 'for-us' : 'stranger', request, uri }
    return initial(request, uri, undefined, view)
  }
  request = dropTopRoute(request)
  let second: OwnRoute | undefined
  if (first.paired) {
    second = ownRoute(request, view.myself)
    if (second?.cookie !== undefined && second.cookie === first.cookie) request = dropTopRoute(request)
    else return refuse('unpaired')
  }
  const again = parseUri(request.requestUri)!
  if (first.cookie === undefined) {
    // A client that was told to use us as outbound proxy: `Route: <sip:sbc.example.com;lr>`
    if (tag !== undefined) return refuse('missing')
    return hasRoute(request) ? refuse('missing') : initial(request, again, undefined, view)
  }
  const state = view.states.decode(first.cookie, first.path ? PATH_BOUND : (headerValue(request, 'call-id') ?? ''))
  if (typeof state === 'string') return refuse(state)
  if (first.path) {
    if (tag === undefined) return initial(request, again, state.callee, view)
    // A dialog that was made before this Path: the registrar sends through it what it was never record-routed for
    return { kind: 'in-dialog', request, uri: again, ingress: state.caller, egress: state.callee, state }
  }
  if (tag === undefined) return hasRoute(request) ? refuse('missing') : initial(request, again, undefined, view)
  const exit = leavesBy(first, second, state, view.arrivedOn)
  return { kind: 'in-dialog', request, uri: again, ingress: exit === state.callee ? state.caller : state.callee, egress: exit, state }
}

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

const initial = (request: SipRequest, uri: Uri, via: Side | undefined, view: ClassifyView): Classified => {
  const toUs = via === undefined && uri.scheme !== 'tel' && uri.userinfo === undefined && view.myself.owns(uri)
  return toUs && request.method !== 'REGISTER' && request.method !== 'INVITE'
    ? { kind: 'for-us', request, uri }
    : { kind: 'initial', request, uri, via }
}

const hasRoute = (request: SipRequest): boolean => request.headers.some((one) => one.name === 'route')

/** The topmost Route value, when it names one of our listeners. */
const ownRoute = (request: SipRequest, myself: Myself): OwnRoute | undefined => {
  const top = topRoute(request)
  if (top === undefined) return undefined
  const uri = parseUri(top.uri)
  if (uri === undefined || uri.scheme === 'tel') return undefined
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

/** §16.4: the last Route value becomes the Request-URI. */
const unstrict = (request: SipRequest): SipRequest | undefined => {
  let last = -1
  for (let i = 0; i < request.headers.length; i++) if (request.headers[i]!.name === 'route') last = i
  if (last < 0) return undefined
  const values = addresses(request.headers[last]!)!
  const target = values[values.length - 1]!.uri
  if (parseUri(target) === undefined) return undefined
  const own: HeaderLine = line('Route', `<${request.requestUri}>`)
  const kept = values.slice(0, -1)
  const headers = request.headers.toSpliced(
    last,
    1,
    ...(kept.length === 0 ? [] : [line('Route', kept.map((value) => value.text).join(', '))]),
  )
  // Our own entry goes back to where it was, so that the rest sees a loosely routed request
  return withRequestUri(withHeaders(request, [own, ...headers]), target)
}
