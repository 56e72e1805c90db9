/** Who shows a certificate, and what those who meet it want of it. Pure. */
import { covers } from '../base/host-match.ts'
import type { ListenerEntry, Snapshot } from '../config/snapshot.ts'
import type { Zone } from '../zones/zone.ts'
import type { CertificateNeeds, CertificateUse } from './intake/finding.ts'
import { comparable } from './intake/names.ts'

/** A listener that shows a certificate. */
export interface UsedAt {
  readonly listener: string
  /** By which it is reached. */
  readonly hosts: readonly string[]
  /** Names of the other certificates that it has. */
  readonly others: readonly string[]
}

export interface CertificateUsage {
  readonly at: readonly UsedAt[]
  readonly needs: readonly CertificateNeeds[]
  /** What else shows it, in words, such as `admin`. */
  readonly also: readonly string[]
}

export const UNUSED: CertificateUsage = { at: [], needs: [], also: [] }

/** The uses of all certificates of a configuration, by name. */
export const usesOf = (
  snapshot: Pick<Snapshot, 'listeners' | 'zones' | 'certificates' | 'admin'>,
): ReadonlyMap<string, CertificateUsage> => {
  const all = snapshot.certificates.map(({ name }) => name)
  return new Map(
    all.map((name) => {
      const users = snapshot.listeners.filter((entry) => shownBy(entry, all).includes(name))
      const zones = [...snapshot.zones.values()].filter((zone) =>
        zone.listeners.some((one) => users.some(({ listener }) => listener === one)),
      )
      const at = users.map((entry) => ({
        listener: entry.listener.name,
        hosts: [...new Set([entry.listener.advertisedHost, ...entry.listener.names])],
        others: shownBy(entry, all).filter((other) => other !== name),
      }))
      const also = snapshot.admin?.certificate === name ? ['admin'] : []
      return [name, { at, needs: zones.flatMap(needsOf), also }]
    }),
  )
}

const shownBy = ({ options }: ListenerEntry, all: readonly string[]): readonly string[] => {
  if (options.tls === undefined) return []
  return options.tls.certificates.length > 0 ? options.tls.certificates : all
}

const needsOf = (zone: Zone): readonly CertificateNeeds[] => {
  const rsa = zone.profile.keys === 'rsa'
  // Where we ask peers for a certificate, and connect to them, they ask us
  const dialled = zone.profile.reach === 'address' && zone.profile.clientCertificate !== 'none'
  if (!rsa && !dialled) return []
  return [{ label: `Zone ${zone.name}`, ...(rsa && { keyTypes: ['rsa'] as const }), ...(dialled && { clientAuth: true }) }]
}

export const inUse = ({ at, also }: CertificateUsage): boolean => at.length + also.length > 0

/**
 * What a certificate is measured by. A listener with this certificate alone needs all of its names in it; where there are others, they
 * share the names between them, and each has to have one.
 * @param shown the hosts that another certificate shows
 */
export const measureOf = (
  { at, needs }: CertificateUsage,
  hosts: readonly string[],
  shown: (certificate: string) => readonly string[],
): { readonly required: readonly CertificateUse[]; readonly uncovered: readonly string[] } => {
  const required: CertificateUse[] = needs.map((one) => ({ hosts: [], needs: one }))
  const uncovered: string[] = []
  for (const place of at) {
    const has = (names: readonly string[], host: string): boolean => names.some((name) => covers(comparable(name), comparable(host)))
    const elsewhere = place.others.flatMap(shown)
    const missing = place.hosts.filter((host) => !has(hosts, host))
    if (place.others.length === 0 || missing.length === place.hosts.length)
      required.push({ hosts: missing.filter((host) => !has(elsewhere, host)) })
    else uncovered.push(...missing.filter((host) => !has(elsewhere, host)))
  }
  return { required, uncovered: [...new Set(uncovered)] }
}
