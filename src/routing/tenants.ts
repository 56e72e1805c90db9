/**
 * Tenants: customers with a public name of their own, where a zone's peers tell customers apart by names (T §5). Each comes to two routes, found by
 * name and by source zone instead of one after the other: there may be thousands.
 */
import { bareHost } from '../address/listener.ts'
import { isSip, numberOf } from '../sip/uri.ts'
import type { Tenant, Zone } from '../zones/zone.ts'
import { type ClassifiedRequest, matches } from './decide.ts'
import type { Route } from './route.ts'

export class TenantRoutes {
  /** By source zone, then by name. */
  readonly #into = new Map<string, Map<string, Route>>()
  /** By source zone. */
  readonly #outOf = new Map<string, NumberedRoutes>()

  constructor(zones: Iterable<Zone>) {
    for (const { name: zone, tenants } of zones)
      for (const tenant of tenants) {
        placeIn(this.#into, zone, () => new Map<string, Route>()).set(tenant.name, routeInto(zone, tenant))
        const out = routeOutOf(zone, tenant)
        for (const source of tenant.zones) placeIn(this.#outOf, source, () => new NumberedRoutes()).add(out, tenant)
      }
  }

  get size(): number {
    return this.#into.size + this.#outOf.size
  }

  find(classified: ClassifiedRequest): Route | undefined {
    const { request, uri, zone } = classified
    // No tenant's PBX registers with the other side
    if (request.method === 'REGISTER') return undefined
    const named = isSip(uri) ? this.#into.get(zone.name)?.get(bareHost(uri.host)) : undefined
    return named ?? this.#outOf.get(zone.name)?.find(classified)
  }
}

const placeIn = <T>(map: Map<string, T>, key: string, make: () => T): T => {
  const there = map.get(key)
  if (there !== undefined) return there
  const made = make()
  map.set(key, made)
  return made
}

const ANY = {
  methods: [],
  host: undefined,
  user: undefined,
  number: undefined,
  headers: [],
  tenant: undefined,
  numbers: [],
  headerRules: [],
}
const toZones = (zones: readonly string[], advertise: string | undefined): Route['action'] => ({
  ...{ kind: 'zone', zones, fork: undefined, requestUri: undefined, advertise },
})

const routeInto = (zone: string, { name, zones }: Tenant): Route => ({
  ...ANY,
  name: `tenant ${name} in`,
  from: [zone],
  tenant: name,
  action: toZones(zones, undefined),
})

const routeOutOf = (zone: string, { name, zones, number }: Tenant): Route => ({
  ...ANY,
  name: `tenant ${name} out`,
  from: zones,
  number,
  action: toZones([zone], name),
})

interface Placed {
  readonly route: Route
  readonly order: number
}

/**
 * Routes out of one zone, of tenants that share it: the first in the order of the file whose numbers match, then the first without. They are found by
 * the digits that their patterns begin with.
 */
class NumberedRoutes {
  readonly #byPrefix = new Map<string, Placed[]>()
  /** Of the prefixes that there are. */
  readonly #lengths = new Set<number>()
  #otherwise: Route | undefined
  #count = 0

  add(route: Route, { numbers, number }: Tenant): void {
    if (number === undefined) {
      this.#otherwise ??= route
      return
    }
    const placed = { route, order: this.#count++ }
    for (const prefix of new Set(numbers.map(prefixOf))) {
      placeIn(this.#byPrefix, prefix, () => [] as Placed[]).push(placed)
      this.#lengths.add(prefix.length)
    }
  }

  find(classified: ClassifiedRequest): Route | undefined {
    const number = this.#lengths.size === 0 ? undefined : numberOf(classified.uri)
    if (number === undefined) return this.#otherwise
    let best: Placed | undefined
    for (const length of this.#lengths) {
      if (length > number.length) continue
      for (const placed of this.#byPrefix.get(number.slice(0, length)) ?? [])
        if ((best === undefined || placed.order < best.order) && matches(placed.route, classified)) best = placed
    }
    return best?.route ?? this.#otherwise
  }
}

/** What each number that a pattern means begins with; empty: nothing is known of it. */
const prefixOf = (pattern: string): string => /^\+?\d*/.exec(pattern.replace(/[\s().-]/g, ''))![0]
