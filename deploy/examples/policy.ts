/** A policy module: what the configuration file cannot say. Name it with `policy: FILE`; docs/routing.md explains it. */
import { type ClassifiedRequest, orderTargets, type RouteDecision, type RoutingView } from '../../src/routing/decide.ts'
import { numberOf } from '../../src/sip/uri.ts'

const PREMIUM = /^\+44(?:9|87)/
const HELP_DESK = '+442079460100'

/** Asked for each request outside a dialog, before the routes. Must answer at once: no promise, no waiting. */
export const decide = ({ request, uri, zone }: ClassifiedRequest, view: RoutingView): RouteDecision => {
  const number = numberOf(uri)
  if (number === undefined || request.method !== 'INVITE') return { kind: 'pass' }
  if (zone.name === 'browsers' && PREMIUM.test(number))
    return { kind: 'respond', status: 603, reason: 'Premium numbers are barred', rule: 'policy:premium' }
  const night = view.zones.get('night')
  if (number === HELP_DESK && night !== undefined && isNight(new Date())) {
    return {
      kind: 'forward',
      // One group after the other, the members of a group at the same time: here each usable target alone, the best first
      groups: orderTargets(night, view).map((target) => [{ kind: 'target', zone: night, target, requestUri: target.requestUri }]),
      rule: 'policy:night',
      advertise: undefined,
      numbers: [],
      headers: [],
    }
  }
  return { kind: 'pass' }
}

const isNight = (now: Date): boolean => now.getHours() < 8 || now.getHours() >= 18
