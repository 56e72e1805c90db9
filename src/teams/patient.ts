/** What the doctor looks at: a zone and what belongs to it, taken from a configuration. */
import type { Listener } from '../address/listener.ts'
import type { PeeringView, RefusalView } from '../admin/contract.ts'
import type { CertificateEntry, ListenerEntry, Snapshot } from '../config/snapshot.ts'
import { CLOUD_FACTS, CLOUDS, type Cloud } from '../zones/microsoft.ts'
import { ipFamily, isWildcard } from '../zones/networks.ts'
import type { Zone } from '../zones/zone.ts'
import type { OurAddresses } from './names.ts'

/** The kind of zone that all of this is about. */
export const KIND = 'teams'

/** What listeners show, PEM. */
export interface Shown {
  readonly name: string
  readonly chain: string
  readonly key: string
}

export interface Patient {
  readonly zone: Zone
  readonly cloud: Cloud
  /** Where hubs come in, and whose name we speak under. */
  readonly listener: Listener
  readonly tls: NonNullable<ListenerEntry['options']['tls']>
  /** Our name toward them; an address when the operator gave no name. */
  readonly name: string
  readonly addresses: OurAddresses
  /** Our own address for connections that we open; undefined: the system chooses. */
  readonly localAddress: string | undefined
  readonly serverHeader: string
  /** Of its listener, in order: the first one answers those who name nobody. */
  readonly certificates: readonly CertificateEntry[]
  /** @throws CertificateError */
  readonly shown: (entry: CertificateEntry) => Promise<Shown>
  /** PEM: the roots that peers' chains may end at. @throws CertificateError */
  readonly roots: () => Promise<readonly string[]>
  /** What the running edge knows; a sentence: why that is nothing. */
  readonly peering: () => Promise<PeeringView | string>
  readonly refusals: () => Promise<readonly RefusalView[] | string>
}

/** Zones of the kind, in the order of the file. */
export const zonesOf = (snapshot: Snapshot): readonly Zone[] => [...snapshot.zones.values()].filter(({ kind }) => kind === KIND)

/** From the names that its peers' certificates have to show, or else from the hubs that it calls. */
const cloudOf = ({ admission, targets }: Zone): Cloud => {
  const among = (texts: readonly string[]) => (cloud: Cloud) =>
    (CLOUD_FACTS[cloud].names as readonly string[]).some((name) => texts.includes(name))
  return CLOUDS.find(among(admission.certificateNames)) ?? CLOUDS.find(among(targets.map(({ host }) => host))) ?? 'worldwide'
}

export type PatientSources = Pick<Patient, 'shown' | 'peering' | 'refusals'> & {
  /** Of this machine. */
  readonly ownAddresses: () => readonly string[]
  readonly rootsOf: (zone: Zone) => Promise<readonly string[]>
}

/** @param listener undefined: none is there yet */
export const addressesOf = (snapshot: Snapshot, listener: Listener | undefined, own: readonly string[]): OurAddresses => ({
  // Who bound a public address of its own needs no other
  expected: snapshot.publicAddress ?? (listener === undefined || isWildcard(listener.bindAddress) ? undefined : listener.bindAddress),
  own,
})

/** @returns undefined: the zone has no listener with TLS */
export const patientOf = (snapshot: Snapshot, zone: Zone, sources: PatientSources): Patient | undefined => {
  const entry = snapshot.listeners.find(({ listener }) => listener.transport.name === 'tls' && zone.listeners.includes(listener))
  const tls = entry?.options.tls
  if (entry === undefined || tls === undefined) return undefined
  const { listener } = entry
  const named = tls.certificates
  return {
    ...{ zone, cloud: cloudOf(zone), listener, tls },
    name: zone.advertise ?? listener.advertisedHost,
    addresses: addressesOf(snapshot, listener, sources.ownAddresses()),
    localAddress: isWildcard(listener.bindAddress) || ipFamily(listener.bindAddress) === undefined ? undefined : listener.bindAddress,
    serverHeader: snapshot.serverHeader,
    certificates:
      named.length === 0 ? snapshot.certificates : named.flatMap((name) => snapshot.certificates.find((one) => one.name === name) ?? []),
    shown: sources.shown,
    roots: () => sources.rootsOf(zone),
    peering: sources.peering,
    refusals: sources.refusals,
  }
}
