import { bareHost } from '../address/listener.ts'
import type { Route, RouteAction } from '../routing/route.ts'
import { canonicalName } from '../sip/headers/table.ts'
import type { Zone } from '../zones/zone.ts'
import { advertisedName } from './listeners.ts'
import { hostPattern, numberPattern, regularExpression, userPattern } from './patterns.ts'
import { didYouMean, type Fault, fault, type Report } from './report.ts'
import { headerRules, listOf, numberRules, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { Path } from './source.ts'

type RouteText = NonNullable<ConfigFile['routes']>[number]

/** Comparisons of each route with those before it end here. */
const COMPARED_ROUTES = 1000

/** @param names every zone of the file, also those that could not be built @param tenants zones that tenants lead to and from */
export const draftRoutes = (
  file: ConfigFile,
  zones: ReadonlyMap<string, Zone>,
  names: readonly string[],
  tenants: ReadonlySet<string>,
  report: Report,
): readonly Route[] => {
  const written = file.routes ?? []
  const routes = written.flatMap((text, index) => (text === undefined ? [] : draftRoute(text, index, zones, names, report)))
  if (written.length === 0 && tenants.size === 0)
    report.warn(['routes'], 'There is no route, so no request is forwarded', 'Add one, for example { from: phones, to: pbx }', 'key')
  refuseEqualNames(written, report)
  warnAboutShadows(written, report)
  warnAboutForgottenZones(
    written,
    names.filter((name) => !tenants.has(name)),
    report,
  )
  return routes
}

const draftRoute = (text: RouteText, index: number, zones: ReadonlyMap<string, Zone>, names: readonly string[], report: Report): Route => {
  const path = ['routes', index]
  const from = zoneNames(text.from, [...path, 'from'], names, report)
  const expression = (key: 'host' | 'user' | 'number', compile: (texts: readonly string[]) => RegExp | Fault): RegExp | undefined =>
    text[key] === undefined ? undefined : report.take([...path, key], compile(listOf(text[key])))
  const headers = Object.entries(text.header ?? {}).flatMap(([name, value]) => {
    const match = report.take([...path, 'header', name], regularExpression(value, 'header'))
    return match === undefined ? [] : [{ name: canonicalName(name) ?? name.toLowerCase(), match }]
  })
  return {
    name: text.name ?? `routes[${index}]`,
    from,
    methods: listOf(text.method).map((method) => method.toUpperCase()),
    host: expression('host', hostPattern),
    user: expression('user', userPattern),
    number: expression('number', numberPattern),
    headers,
    tenant: text.tenant === undefined ? undefined : report.take([...path, 'tenant'], tenantName(text.tenant, from, zones))?.host,
    action: actionOf(text, path, zones, names, report),
    numbers: numberRules(text.numbers, [...path, 'numbers'], report),
    headerRules: headerRules(text.headers, [...path, 'headers'], report),
  }
}

const zoneNames = (written: RouteText['from'], path: Path, names: readonly string[], report: Report): readonly string[] => {
  for (const [name, place] of placed(written, path)) {
    if (!names.includes(name) && !report.failedIn(['zones', name]))
      report.error(place, `There is no zone "${name}"`, didYouMean(name, names, 'zone'))
  }
  return [...new Set(listOf(written))]
}

/** T2: a tenant that no listener of ours goes by would never match. */
const tenantName = (written: string, from: readonly string[], zones: ReadonlyMap<string, Zone>): { readonly host: string } | Fault => {
  const host = bareHost(written)
  const sources = from.length === 0 ? [...zones.values()] : from.flatMap((name) => zones.get(name) ?? [])
  const listeners = sources.flatMap((zone) => zone.listeners)
  const known = new Set(listeners.flatMap((listener) => [listener.advertisedHost, ...listener.names]))
  if (listeners.length === 0 || known.has(host)) return { host }
  return fault(
    `"${written}" is no name of a listener that these requests come in by`,
    `Add it to the "names" of the listener group, or: ${didYouMean(host, known, 'name')}`,
  )
}

const ONLY_WITH_TO = ['fork', 'request-uri', 'advertise', 'numbers', 'headers'] as const

const actionOf = (text: RouteText, path: Path, zones: ReadonlyMap<string, Zone>, names: readonly string[], report: Report): RouteAction => {
  const actions = (['to', 'respond', 'drop'] as const).filter((key) => text[key] !== undefined)
  if (actions.length === 0 && !report.failedIn(path))
    report.error(path, 'The route says nothing about what happens', 'Add one of "to: ZONE", "respond: 503 Text" and "drop: true"')
  if (actions.length > 1)
    report.error([...path, actions[1]!], `The route has both "${actions[0]}" and "${actions[1]}"`, 'Keep one of them', 'key')
  if (text.drop === false)
    report.error([...path, 'drop'], '"drop: false" says nothing about what happens', 'Write "drop: true", or another of "to" and "respond"')
  if (text.to === undefined && actions.length > 0) {
    const useless = ONLY_WITH_TO.find((key) => text[key] !== undefined)
    if (useless !== undefined) report.error([...path, useless], `"${useless}" means nothing without "to"`, 'Remove it', 'key')
  }
  if (text.respond !== undefined)
    return {
      kind: 'respond',
      status: Number(text.respond.slice(0, 3)),
      reason: text.respond.slice(4).trim(),
    }
  if (text.to === undefined) return { kind: 'drop' }
  const destinations = zoneNames(text.to, [...path, 'to'], names, report)
  const listeners = destinations.flatMap((name) => zones.get(name)?.listeners ?? [])
  const advertised =
    text.advertise === undefined || listeners.length === 0
      ? undefined
      : report.take([...path, 'advertise'], advertisedName(text.advertise, listeners))
  return { kind: 'zone', zones: destinations, fork: text.fork, requestUri: text['request-uri'], advertise: advertised?.host }
}

const refuseEqualNames = (written: readonly RouteText[], report: Report): void => {
  const seen = new Map<string, number>()
  for (const [index, route] of written.entries()) {
    if (route?.name === undefined) continue
    const before = seen.get(route.name)
    if (before !== undefined)
      report.error(
        ['routes', index, 'name'],
        `Route name "${route.name}" is there twice, also at routes[${before}]`,
        'Give each route a name of its own, or none',
      )
    else seen.set(route.name, index)
  }
}

const CONDITIONS = ['method', 'host', 'user', 'number', 'header', 'tenant'] as const

/** A route behind one that takes all of its requests is not what somebody wanted. */
const warnAboutShadows = (written: readonly RouteText[], report: Report): void => {
  for (const [index, route] of written.slice(0, COMPARED_ROUTES).entries()) {
    if (route === undefined) continue
    const earlier = written.findIndex((candidate, at) => at < index && candidate !== undefined && covers(candidate, route))
    if (earlier < 0 || earlier >= index) continue
    report.warn(
      ['routes', index],
      `This route never matches: routes[${earlier}] before it takes every request that it would take`,
      'Put the narrower route first, or remove this one',
    )
  }
}

const covers = (wide: RouteText, narrow: RouteText): boolean => {
  const from = listOf(narrow.from)
  const wideFrom = listOf(wide.from)
  if (wideFrom.length > 0 && (from.length === 0 || !from.every((zone) => wideFrom.includes(zone)))) return false
  return CONDITIONS.every((key) => wide[key] === undefined || JSON.stringify(wide[key]) === JSON.stringify(narrow[key]))
}

const warnAboutForgottenZones = (written: readonly RouteText[], names: readonly string[], report: Report): void => {
  const mentioned = new Set(written.flatMap((route) => [...listOf(route?.from), ...listOf(route?.to)]))
  const anySource = written.some((route) => route !== undefined && route.from === undefined)
  if (anySource || written.length === 0) return
  for (const name of names) {
    if (!mentioned.has(name))
      report.warn(['zones', name], `No route mentions zone "${name}"`, `Add a route from or to it, or remove the zone`, 'key')
  }
}
