/** Tenants of a zone (T §5): their names are the listeners' names, too; the routes follow from them in `routing/tenants.ts`. */
import { bareHost, type Listener } from '../address/listener.ts'
import { covers, wildcardOf } from '../base/host-match.ts'
import type { Tenant } from '../zones/zone.ts'
import { numberPattern } from './patterns.ts'
import { didYouMean, type Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { CertificateEntry, ListenerEntry } from './snapshot.ts'
import { type Path, pathText } from './source.ts'
import type { DraftZone, ZoneText } from './zones.ts'

/** Public authorities take no more names in one certificate. */
const MOST_NAMES = 100

/** Names of all tenants of zones on a listener group, lower case. */
export const tenantNamesOn = (file: ConfigFile, group: string): readonly string[] =>
  Object.values(file.zones).flatMap((zone) => (listOf(zone?.on).includes(group) ? Object.keys(zone.tenants ?? {}).map(bareHost) : []))

/** Zones that calls for tenants go to, or that have tenants: routes of their own are not needed. */
export const zonesOfTenants = (zones: readonly DraftZone[]): ReadonlySet<string> =>
  new Set(zones.flatMap(({ zone: { name, tenants } }) => (tenants.length === 0 ? [] : [name, ...tenants.flatMap((one) => one.zones)])))

/** @param path of the zone @param listeners its own */
export const tenantsOf = (
  written: ZoneText['tenants'],
  file: ConfigFile,
  listeners: readonly Listener[],
  path: Path,
  report: Report,
): readonly Tenant[] => {
  const names = Object.keys(file.zones)
  const base = new Set(listeners.map(({ advertisedHost }) => advertisedHost))
  const seen = new Set<string>()
  /** Zones whose every call goes out under one name: tenant by zone. */
  const whole = new Map<string, string>()
  return Object.entries(written ?? {}).flatMap(([key, text]) => {
    if (text === undefined) return []
    const place = [...path, 'tenants', key]
    const name = bareHost(key)
    const long =
      typeof text === 'string' ? { to: text } : (text as { readonly to?: string | string[]; readonly numbers?: string | string[] })
    if (base.has(name))
      report.error(
        place,
        `"${key}" is the name that the listener itself goes by`,
        'Write routes for calls to it, and here the names of tenants',
        'key',
      )
    if (seen.has(name)) report.error(place, `Tenant "${name}" is there twice`, 'Remove one of the two', 'key')
    seen.add(name)
    const zones = placed(long.to, typeof text === 'string' ? place : [...place, 'to']).flatMap(([zone, at]) => {
      if (zone === path[1]) {
        report.error(at, `Calls for tenant "${key}" would go back to where they come from`, 'Name the zone of its PBX')
        return []
      }
      if (names.includes(zone)) return [zone]
      if (!report.failedIn(['zones', zone])) report.error(at, `There is no zone "${zone}"`, didYouMean(zone, names, 'zone'))
      return []
    })
    const numbers = listOf(long.numbers)
    const number = numbers.length === 0 ? undefined : report.take([...place, 'numbers'], numberPattern(numbers))
    if (numbers.length === 0)
      for (const zone of new Set(zones)) {
        const other = whole.get(zone)
        if (other === undefined) whole.set(zone, key)
        else
          report.warn(
            place,
            `Calls of zone "${zone}" go out under ${other}, never under ${key}`,
            `Write "numbers" for both tenants, or give each a zone of its own`,
            'key',
          )
      }
    return [{ name, zones: [...new Set(zones)], numbers, number }]
  })
}

/** One tenant in two zones on one listener: nobody could say whose call it is. */
export const checkTenants = (zones: readonly DraftZone[], report: Report): void => {
  const owners = new Map<string, DraftZone>()
  for (const draft of zones)
    for (const { name } of draft.zone.tenants)
      for (const listener of draft.zone.listeners) {
        const key = `${listener.name} ${name}`
        const owner = owners.get(key)
        if (owner === undefined) owners.set(key, draft)
        else if (owner !== draft)
          report.error(
            [...draft.path, 'tenants', name],
            `Tenant "${name}" is there twice, also in ${pathText([...owner.path, 'tenants'])}`,
            'Remove one of the two',
            'key',
          )
      }
}

/** Names that no certificate of their listener will show. Of files, what they show is in them. */
export const checkTenantCertificates = (
  zones: readonly DraftZone[],
  entries: readonly ListenerEntry[],
  certificates: readonly CertificateEntry[],
  report: Report,
): void => {
  for (const { kind, name, hosts } of certificates.map(({ source, ...rest }) => ({ kind: source.kind, ...rest })))
    if (kind === 'acme' && hosts.length > MOST_NAMES)
      report.error(
        ['certificates', name],
        `Certificate "${name}" would show ${hosts.length} names, and authorities take ${MOST_NAMES}`,
        'Write "names" with a wildcard, such as [ sbc.example.com, "*.sbc.example.com" ], and the DNS challenge',
        'key',
      )
  for (const { zone, path } of zones) {
    if (zone.tenants.length === 0) continue
    for (const { listener, options } of entries) {
      if (!zone.listeners.includes(listener) || options.tls === undefined) continue
      const used = certificates.filter(({ name }) => options.tls!.certificates.includes(name))
      if (used.length === 0 || used.some(({ source }) => source.kind !== 'acme')) continue
      const shown = (host: string): boolean => used.some(({ hosts }) => hosts.some((one) => covers(one, host)))
      const bare = zone.tenants.filter(({ name }) => !shown(name))
      const [first] = bare
      if (first !== undefined)
        report.warn(
          [...path, 'tenants', first.name],
          `No certificate of listener ${listener.name} shows ${first.name}${bare.length === 1 ? '' : `, nor ${bare.length - 1} more of the tenants`}`,
          `Add ${wildcardOf(first.name) ?? first.name} to the "names" of certificate "${used[0]!.name}"; a wildcard stands for one label`,
          'key',
        )
      if (!shown(listener.advertisedHost))
        report.warn(
          [...path, 'tenants'],
          `No certificate of listener ${listener.name} shows ${listener.advertisedHost}, which the wildcard for its tenants does not stand for`,
          `Add ${listener.advertisedHost} to the "names" of certificate "${used[0]!.name}"`,
          'key',
        )
    }
  }
}
