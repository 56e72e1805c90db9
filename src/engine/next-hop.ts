/** *resolve*: from a candidate to flows and destinations, choosing the egress listener (T3). */
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import { bareHost, type Listener } from '../address/listener.ts'
import { type TransportName, transportNamed } from '../address/transports.ts'
import type { NextHop } from '../dns/types.ts'
import { topRoute } from '../routing/classify.ts'
import type { Candidate } from '../routing/decide.ts'
import type { Side } from '../routing/route-state.ts'
import type { SipRequest } from '../sip/message.ts'
import type { NameAddr } from '../sip/name-addr.ts'
import { isSip, parseUri, type SipUri, type Uri, uriParameter } from '../sip/uri.ts'
import type { Target, Zone } from '../zones/zone.ts'
import { type Edge, listenerFor } from './edge.ts'

/** Where a request can go: through a flow that is there, or to destinations in order. */
export type Way =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'destinations'; readonly zone: Zone; readonly list: readonly Destination[] }
  | { readonly kind: 'flow-failed' }
  /** Inside a dialog, to somewhere that the zone does not know. */
  | { readonly kind: 'refused' }

const FLOW_FAILED: Way = { kind: 'flow-failed' }
const REFUSED: Way = { kind: 'refused' }

export const candidateZone = (candidate: Candidate): Zone => (candidate.kind === 'side' ? candidate.side.zone : candidate.zone)

/** @throws ResolveError, or rejects with it */
export const wayTo = (edge: Edge, candidate: Candidate, uri: Uri): Way | Promise<Way> => {
  if (candidate.kind === 'side') {
    // Who is reached by his address is called by the Contact that he wrote in another dialog
    if (candidate.side.flow === undefined) return wayByUri(edge, candidate.side, uri)
    return wayBySide(edge, candidate.side, candidate.contact !== undefined)
  }
  const { zone } = candidate
  if (candidate.kind === 'target') return wayToTarget(edge, zone, candidate.target)
  if (!isSip(uri)) return FLOW_FAILED
  if (zone.profile.reach === 'flow') {
    const flow = edge.clients.byContact(uri, zone)
    return flow === undefined ? FLOW_FAILED : { kind: 'flow', flow }
  }
  return resolve(edge, zone, hopOf(uri, undefined), zone.listeners)
}

/** @throws ResolveError, or rejects with it */
export const wayToTarget = (edge: Edge, zone: Zone, target: Target): Way | Promise<Way> =>
  resolve(edge, zone, targetHop(target), zone.listeners)

const targetHop = ({ host, port, transport, secure }: Target): NextHop => ({
  host: bareHost(host),
  secure,
  ...(port === undefined ? {} : { port }),
  ...(transport === undefined ? {} : { transport }),
})

/** @param itself by the very connection, whatever else its client may be found by */
const wayBySide = (edge: Edge, side: Side, itself = false): Way => {
  const { flow: token } = side
  if (token === undefined) return FLOW_FAILED
  const byId = (id: string): Flow | undefined => edge.transports.flowById(id)
  const flow =
    token.kind === 'datagram'
      ? edge.transports.datagramFlow(side.listener, token.address, token.port)
      : itself
        ? edge.clients.itself(token, byId)
        : edge.clients.find(token, byId)
  return flow === undefined ? FLOW_FAILED : { kind: 'flow', flow }
}

/**
 * §16.12: inside a dialog by the flow of that side, else by the topmost Route that is left, else by the Request-URI; always through the
 * listener that the dialog began with, whatever transport the URI names (T9).
 */
export const wayInDialog = (edge: Edge, side: Side, request: SipRequest, uri: Uri): Way | Promise<Way> => {
  if (side.flow !== undefined) {
    const flow = edge.dialogs.elsewhere(request, side)
    const way = flow === undefined ? wayBySide(edge, side) : ({ kind: 'flow', flow } as const)
    // A trunk behind NAT whose connection is gone: perhaps its address works all the same
    if (way.kind === 'flow' || side.zone.profile.reach === 'flow') return way
  }
  const route = topRoute(request)
  const next = route === undefined ? uri : routeUri(route)
  return side.zone.connections.share ? wayByUri(edge, side, next) : wayAmongHubs(edge, side, next)
}

/**
 * INTEROP(Teams): where peers and we open connections of our own each, a peer is many machines with one memory. When the one that the Route
 * names cannot be found or reached, the dialog goes on through the zone's targets.
 */
const wayAmongHubs = (edge: Edge, side: Side, uri: Uri | undefined): Way | Promise<Way> => {
  const nowhere = (error: unknown): Way => {
    const way = withTargets(edge, side, { kind: 'destinations', zone: side.zone, list: [] })
    if (way.kind === 'destinations' && way.list.length === 0) throw error
    return way
  }
  try {
    const way = wayByUri(edge, side, uri)
    return way instanceof Promise ? way.then((found) => withTargets(edge, side, found), nowhere) : withTargets(edge, side, way)
  } catch (error) {
    return nowhere(error)
  }
}

/** Behind the way's own destinations those of the targets, as far as their addresses are known at once. */
const withTargets = (edge: Edge, { zone: begun, listener }: Side, way: Way): Way => {
  if (way.kind !== 'destinations') return way
  const zone = edge.running.snapshot.zones.get(begun.name) ?? begun
  const list = [...way.list]
  for (const target of zone.targets) {
    try {
      const other = resolve(edge, zone, targetHop(target), alone(listener))
      if (other instanceof Promise) other.catch(() => {})
      else if (other.kind === 'destinations')
        for (const one of other.list) if (!list.some(({ address, port }) => address === one.address && port === one.port)) list.push(one)
    } catch {
      // A target that has no address is no way out
    }
  }
  return { ...way, list: edge.resolver.livingFirst(list) }
}

const wayByUri = (edge: Edge, { zone, listener }: Side, uri: Uri | undefined): Way | Promise<Way> => {
  if (uri === undefined || !isSip(uri)) return FLOW_FAILED
  const way = resolve(edge, zone, hopOf(uri, listener.transport.name), alone(listener))
  return way instanceof Promise ? way.then((found) => known(edge, zone, found)) : known(edge, zone, way)
}

/**
 * The Request-URI and the Routes below ours are written by one of the two parties, who could name any host behind us: only what the zone
 * admits is reached (design D8).
 */
const known = (edge: Edge, zone: Zone, way: Way): Way => {
  if (way.kind !== 'destinations' || way.list.length === 0) return way
  const { admission } = edge.running
  const { zones } = edge.running.snapshot
  // The zone of the present configuration: the dialog may have begun under an older one
  const current = zones.get(zone.name) ?? zone
  const list = way.list.every(({ address }) => admission.reaches(current, address))
    ? way.list
    : way.list.filter(({ address }) => admission.reaches(current, address))
  if (list === way.list) return way
  return list.length === 0 ? REFUSED : { ...way, list }
}

const routeUri = (route: NameAddr): Uri | undefined => parseUri(route.uri)

/** @param leg the transport that the dialog's leg has, which wins over what the URI says */
const hopOf = (uri: SipUri, leg: TransportName | undefined): NextHop => {
  const named = leg ?? transportNamed(uriParameter(uri, 'transport') ?? '')
  // §16.6 item 7, RFC 3263 §4: maddr, where somebody still writes it, replaces the host
  const host = bareHost(uriParameter(uri, 'maddr') ?? uri.host)
  return {
    host,
    secure: uri.scheme === 'sips',
    ...(uri.port === undefined ? {} : { port: uri.port }),
    ...(named === undefined ? {} : { transport: named }),
  }
}

const resolve = (edge: Edge, zone: Zone, hop: NextHop, listeners: readonly Listener[]): Way | Promise<Way> => {
  const { transports, families } = reachOf(listeners)
  const found = edge.resolver.resolve(hop, transports, families)
  return found instanceof Promise ? found.then((list) => usable(zone, list, listeners)) : usable(zone, found, listeners)
}

const usable = (zone: Zone, list: readonly Destination[], listeners: readonly Listener[]): Way => {
  const reachable = list.every((one) => listenerFor(listeners, one.transport, one.address) !== undefined)
    ? list
    : list.filter((one) => listenerFor(listeners, one.transport, one.address) !== undefined)
  return { kind: 'destinations', zone, list: reachable }
}

interface Reach {
  readonly transports: readonly TransportName[]
  readonly families: readonly (4 | 6)[]
}

const ALONE = new WeakMap<Listener, readonly Listener[]>()

/** The list of one listener, the same each time, so that what is remembered about lists is found. */
export const alone = (listener: Listener): readonly Listener[] => {
  let list = ALONE.get(listener)
  if (list === undefined) {
    list = [listener]
    ALONE.set(listener, list)
  }
  return list
}

const REACH = new WeakMap<readonly Listener[], Reach>()

/** What a set of listeners can send by, in their order; remembered, since zones keep their lists. */
const reachOf = (listeners: readonly Listener[]): Reach => {
  let reach = REACH.get(listeners)
  if (reach === undefined) {
    const families = new Set<4 | 6>()
    for (const listener of listeners) {
      if (listener.bindAddress === '::') families.add(4)
      families.add(listener.bindAddress.includes(':') ? 6 : 4)
    }
    reach = { transports: [...new Set(listeners.map((listener) => listener.transport.name))], families: [...families] }
    REACH.set(listeners, reach)
  }
  return reach
}
