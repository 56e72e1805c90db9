/** From a configured listener to the options of its socket: certificates and roots are looked up here. */
import { readFileSync } from 'node:fs'
import { bareHost } from '../address/listener.ts'
import { CertificateError } from '../base/errors.ts'
import { covers } from '../base/host-match.ts'
import { rootsNamed } from '../certs/roots.ts'
import type { CertificateEntry, ListenerEntry, Snapshot } from '../config/snapshot.ts'
import type { CertificateMaterial, ListenerOptions, Transports } from '../transport/types.ts'

/**
 * Reads or makes a certificate. `kept`: as it is in force, and what is being changed on disk at this moment is not looked at.
 * @throws CertificateError with a sentence naming what is wrong with it
 */
export type CertificateSource = (entry: CertificateEntry, from: 'now' | 'kept') => CertificateMaterial | Promise<CertificateMaterial>

/** The options of all listeners of a snapshot by listener name; each certificate is read once. @throws CertificateError */
export const listenerOptions = async (
  snapshot: Snapshot,
  source: CertificateSource,
  from: 'now' | 'kept' = 'now',
): Promise<ReadonlyMap<string, ListenerOptions>> => {
  const materials = new Map<string, CertificateMaterial>()
  if (snapshot.listeners.some(({ options }) => options.tls !== undefined)) {
    for (const entry of snapshot.certificates) materials.set(entry.name, await source(entry, from))
  }
  return new Map(snapshot.listeners.map((entry) => [entry.listener.name, optionsOf(entry, materials)]))
}

/**
 * New handshakes get the certificates as they are now; connections stay. A listener that cannot use them keeps what it has.
 * @returns names of the listeners that show others from now on
 * @throws CertificateError, TransportError: the first that was thrown
 */
export const refreshListeners = async (
  snapshot: Snapshot,
  source: CertificateSource,
  transports: Transports,
): Promise<ReadonlySet<string>> => {
  const faults: unknown[] = []
  const other = new Set<string>()
  for (const [name, options] of await listenerOptions(snapshot, source, 'kept')) {
    try {
      if (transports.update(name, options)) other.add(name)
    } catch (fault) {
      faults.push(fault)
    }
  }
  if (faults.length > 0) throw faults[0]
  return other
}

const optionsOf = ({ listener, options }: ListenerEntry, materials: ReadonlyMap<string, CertificateMaterial>): ListenerOptions => {
  const { tls, ...rest } = options
  if (tls === undefined) return rest
  const { certificates: names, ordered, trustFiles, peers, ...policy } = tls
  const named = names.map((name) => materials.get(name)!)
  if (named.length === 0) throw new CertificateError('SBC_CERTIFICATE_MISSING', `Listener ${listener.name} has no certificate`)
  const wanted = ordered ? named : byFitness(named, listener.advertisedHost)
  const trust = trustFiles.map((file) => readFileSync(file, 'utf8'))
  const judged = peers === undefined ? {} : { peers: { ...peers, roots: peers.roots.flatMap(rootsNamed) } }
  return { ...rest, tls: { ...policy, certificates: wanted, trust, ...judged } }
}

/** The certificate for the name that the listener advertises comes first: it is what peers without SNI get (T13). */
const byFitness = (materials: readonly CertificateMaterial[], host: string): readonly CertificateMaterial[] => {
  const bare = bareHost(host)
  const fits = (one: CertificateMaterial): boolean => one.hosts.some((name) => covers(name, bare))
  return [...materials.filter(fits), ...materials.filter((one) => !fits(one))]
}
