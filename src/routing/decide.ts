/**
 * Where an initial request goes. Rules are tried in the order of one array, the first decision wins, and its name goes to the log, so that
 * "why did this call go there?" has an answer.
 */

import { bareHost } from '../address/listener.ts'
import { InvariantError } from '../base/errors.ts'
import { headerLines, type SipRequest } from '../sip/message.ts'
import { isSip, numberOf, parseUri, type Uri, userOf } from '../sip/uri.ts'
import type { HeaderRule, NumberRule } from '../zones/rules.ts'
import type { Target, Zone } from '../zones/zone.ts'
import { applyNumberRules } from './alterations/number-rules.ts'
import type { Route } from './route.ts'
import type { Side } from './route-state.ts'
import type { TenantRoutes } from './tenants.ts'

/** An initial request with what is known of it; what the policy module sees, too. */
export interface ClassifiedRequest {
  readonly request: SipRequest
  readonly uri: Uri
  /** The zone that admitted its source. */
  readonly zone: Zone
  /** The flow that a Path of ours named: the request is for that client. */
  readonly via: Side | undefined
  /** Who sent it; undefined: the zone does not ask. */
  readonly user?: string | undefined
  /** A call for help: its number is what was dialled. */
  readonly emergency?: boolean
}

/** A frozen look at what routing may depend on. */
export interface RoutingView {
  readonly zones: ReadonlyMap<string, Zone>
  readonly routes: readonly Route[]
  /** Of tenants; undefined: there are none. */
  readonly tenants?: TenantRoutes | undefined
  /** Up, by OPTIONS and by traffic. */
  readonly usable: (zone: Zone, target: Target) => boolean
  /** A number in [0, 1): which of several targets with equal priority goes first. */
  readonly random: () => number
  /** The contacts of whoever a Request-URI names, as far as they are in these zones, all of which register here. */
  readonly called: (uri: Uri, zones: readonly Zone[], forking: 'q' | 'serial' | 'parallel') => Called
}

/** What the registrar of ours knows of a Request-URI. */
export type Called =
  | { readonly kind: 'groups'; readonly groups: readonly (readonly Candidate[])[] }
  | { readonly kind: 'nobody'; readonly status: number; readonly reason: string }

/** One place to send a request to. */
export type Candidate =
  | { readonly kind: 'target'; readonly zone: Zone; readonly target: Target; readonly requestUri: 'target' | 'keep' }
  /** By its own Request-URI, through the zone's listeners. */
  | { readonly kind: 'request-uri'; readonly zone: Zone }
  | { readonly kind: 'side'; readonly side: Side; readonly contact?: RegisteredContact }

/** What a registered client wants to be called by. */
export interface RegisteredContact {
  /** §16.6 item 2: the Request-URI. */
  readonly uri: Uri
  /** RFC 3327 §5.4: the Path of the proxies between us and the client, as Routes. */
  readonly path: readonly string[]
  /** RFC 5626 §7: another flow of the same client, for when this one fails. */
  readonly next: Candidate | undefined
}

export type RouteDecision =
  | {
      readonly kind: 'forward'
      /** Groups one after the other, the members of a group at the same time. */
      readonly groups: readonly (readonly Candidate[])[]
      readonly rule: string
      readonly advertise: string | undefined
      readonly numbers: readonly NumberRule[]
      readonly headers: readonly HeaderRule[]
    }
  | { readonly kind: 'respond'; readonly status: number; readonly reason: string; readonly rule: string }
  | { readonly kind: 'drop'; readonly why: string; readonly rule: string }
  | { readonly kind: 'pass' }

export interface Rule {
  readonly name: string
  decide(request: ClassifiedRequest, view: RoutingView): RouteDecision
}

const PASS: RouteDecision = { kind: 'pass' }

/** RFC 3327: a registrar sends along the Path that it was given; the flow in it decides. */
export const registeredFlow: Rule = {
  name: 'path',
  decide({ via }) {
    if (via === undefined) return PASS
    return { kind: 'forward', groups: [[{ kind: 'side', side: via }]], rule: 'path', advertise: undefined, numbers: [], headers: [] }
  },
}

/** Calls for a tenant's name, and those that go out under one. */
export const tenantRoutes: Rule = {
  name: 'tenants',
  decide(classified, view) {
    const route = view.tenants?.find(classified)
    return route === undefined ? PASS : act(route, classified, view)
  },
}

/** `routes` of the configuration, in file order. */
export const configuredRoutes: Rule = {
  name: 'routes',
  decide(classified, view) {
    for (const route of view.routes) {
      if (!matches(route, classified)) continue
      return act(route, classified, view)
    }
    return PASS
  },
}

const nowhere: Rule = {
  name: 'no-route',
  decide: () => ({ kind: 'respond', status: 404, reason: 'Not Found', rule: 'no-route' }),
}

/** @param policy the operator's module, asked before the routes */
export const rulesWith = (policy: Rule | undefined): readonly Rule[] =>
  policy === undefined
    ? [registeredFlow, tenantRoutes, configuredRoutes, nowhere]
    : [registeredFlow, policy, tenantRoutes, configuredRoutes, nowhere]

export const decide = (
  classified: ClassifiedRequest,
  view: RoutingView,
  rules: readonly Rule[],
): Exclude<RouteDecision, { kind: 'pass' }> => {
  for (const rule of rules) {
    // A policy module is somebody's JavaScript: one that returns nothing passes, one that forwards to nobody has no target
    const decision = rule.decide(classified, view) as RouteDecision | undefined
    if (decision === undefined || decision.kind === 'pass') continue
    if (decision.kind !== 'forward' || (decision.groups.length > 0 && decision.groups.every((group) => group.length > 0))) return decision
    return { kind: 'respond', status: 503, reason: 'No target available', rule: decision.rule }
  }
  throw new InvariantError('No rule decided')
}

/** All conditions of a route hold. */
export const matches = (route: Route, { request, uri, zone }: ClassifiedRequest): boolean => {
  if (route.from.length > 0 && !route.from.includes(zone.name)) return false
  if (route.methods.length > 0 && !route.methods.includes(request.method)) return false
  if (route.host !== undefined && !(isSip(uri) && route.host.test(bareHost(uri.host)))) return false
  if (route.tenant !== undefined && !(isSip(uri) && bareHost(uri.host) === route.tenant)) return false
  if (route.user !== undefined && !route.user.test(isSip(uri) ? (userOf(uri) ?? '') : uri.number)) return false
  if (route.number !== undefined) {
    const number = numberOf(uri)
    if (number === undefined || !route.number.test(number)) return false
  }
  return route.headers.every(({ name, match }) => headerLines(request, name).some((one) => match.test(one.value)))
}

const act = (route: Route, classified: ClassifiedRequest, view: RoutingView): RouteDecision => {
  const { action } = route
  switch (action.kind) {
    case 'respond':
      return { kind: 'respond', status: action.status, reason: action.reason, rule: route.name }
    case 'drop':
      return { kind: 'drop', why: 'route', rule: route.name }
    case 'zone': {
      const groups: (readonly Candidate[])[] = []
      let nobody: Extract<Called, { kind: 'nobody' }> | undefined
      for (const zones of neighbours(action.zones.map((name) => view.zones.get(name)!))) {
        if (!keepsClients(zones[0]!)) {
          groups.push(...candidates(zones[0]!, action, view))
          continue
        }
        const called = view.called(renumbered(classified, route), zones, action.fork ?? 'q')
        if (called.kind === 'groups') groups.push(...called.groups)
        else nobody ??= called
      }
      if (groups.length === 0 && nobody !== undefined)
        return { kind: 'respond', status: nobody.status, reason: nobody.reason, rule: route.name }
      // Teams and carriers try their next trunk on 503, and end the call on 500 or 480
      if (groups.length === 0) return { kind: 'respond', status: 503, reason: 'No target available', rule: route.name }
      return { kind: 'forward', groups, rule: route.name, advertise: action.advertise, numbers: route.numbers, headers: route.headerRules }
    }
  }
}

/** Of its clients our own registrar knows where they are. */
const keepsClients = ({ registration, targets }: Zone): boolean => registration.mode === 'here' && targets.length === 0

/** Each zone alone, but zones of registered clients that follow each other together: a user's phone and browser ring at the same time. */
const neighbours = (zones: readonly Zone[]): readonly (readonly Zone[])[] => {
  const lists: Zone[][] = []
  for (const zone of zones) {
    const last = lists.at(-1)
    if (last !== undefined && keepsClients(last[0]!) && keepsClients(zone)) last.push(zone)
    else lists.push([zone])
  }
  return lists
}

/** Whom the request is for once the route's own rules have changed the number; the contacts themselves are called as they want to be. */
const renumbered = ({ request, uri, emergency }: ClassifiedRequest, { numbers }: Route): Uri =>
  numbers.length === 0 || emergency === true ? uri : (parseUri(applyNumberRules(request, numbers).requestUri) ?? uri)

type ZoneAction = Extract<Route['action'], { kind: 'zone' }>

const candidates = (zone: Zone, action: ZoneAction, view: RoutingView): readonly (readonly Candidate[])[] => {
  if (zone.targets.length === 0) return [[{ kind: 'request-uri', zone }]]
  const ordered = orderTargets(zone, view)
  const all = ordered.map((target): Candidate => ({ kind: 'target', zone, target, requestUri: action.requestUri ?? target.requestUri }))
  return action.fork === 'parallel' ? (all.length === 0 ? [] : [all]) : all.map((one) => [one])
}

/** Usable targets by priority, within one priority in a random order by weight (as RFC 2782 does it for SRV); draining ones get no new dialogs. */
export const orderTargets = (zone: Zone, view: RoutingView): readonly Target[] => {
  const { targets } = zone
  if (targets.length === 1) {
    const only = targets[0]!
    return !only.drain && view.usable(zone, only) ? targets : []
  }
  const usable = targets.filter((target) => !target.drain && view.usable(zone, target))
  const ordered: Target[] = []
  for (const priority of [...new Set(usable.map((target) => target.priority))].sort((a, b) => a - b)) {
    const rest = usable.filter((target) => target.priority === priority)
    while (rest.length > 0) {
      ordered.push(...rest.splice(pickByWeight(rest, view.random()), 1))
    }
  }
  return ordered
}

const pickByWeight = (targets: readonly Target[], random: number): number => {
  const total = targets.reduce((sum, target) => sum + target.weight, 0)
  let mark = random * total
  for (let i = 0; i < targets.length - 1; i++) {
    mark -= targets[i]!.weight
    if (mark < 0) return i
  }
  return total === 0 ? Math.floor(random * targets.length) : targets.length - 1
}
