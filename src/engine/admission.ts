import type { Flow, PeerFault, PeerIdentity } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import { bareHost } from '../address/listener.ts'
import { meet } from '../base/host-match.ts'
import type { Zone } from '../zones/zone.ts'

/** Why no zone admits somebody. */
export interface Stranger {
  /** `source`: its address, where no zone of the listener asks for certificates; `network`: likewise, where one does; `unverified`: as OpenSSL found. */
  readonly reason: 'source' | 'network' | 'unverified' | PeerFault
  /** A sentence for people. */
  readonly why: string
}

const UNKNOWN_SOURCE: Stranger = { reason: 'source', why: 'No zone admits this source' }

/**
 * Who may send us requests (design D8): a source is admitted by the first zone on the listener whose networks, target addresses and
 * certificate names it satisfies; a zone that admits anyone has who is left. Everyone else is a stranger.
 */
export class Admission {
  readonly #byListener = new Map<Listener, Zone[]>()
  /** Addresses that the targets of a zone resolve to, and when that was last so (clock milliseconds). */
  readonly #targets = new Map<Zone, Map<string, number>>()
  /** Which zones an identity has a name for: it is asked for every message, and stays the same for all of a connection. */
  readonly #named = new WeakMap<PeerIdentity, Map<Zone, boolean>>()

  /**
   * @param before of the configuration before this one: what it learned for zones of the same name still counts
   */
  constructor(zones: Iterable<Zone>, before?: Admission) {
    const learned = new Map((before === undefined ? [] : [...before.#targets]).map(([zone, addresses]) => [zone.name, addresses]))
    // In the order of the file alone, whoever shares a listener with phones would be one of them
    const ordered = [...zones].sort((one, other) => Number(admitsAll(one)) - Number(admitsAll(other)))
    for (const zone of ordered) {
      for (const listener of zone.listeners) {
        const there = this.#byListener.get(listener)
        if (there === undefined) this.#byListener.set(listener, [zone])
        else there.push(zone)
      }
      const literal = zone.targets.map((target) => bareHost(target.host)).filter((host) => /^[\d.]+$/.test(host) || host.includes(':'))
      const old = [...(learned.get(zone.name) ?? [])].filter(([, seen]) => Number.isFinite(seen))
      this.#targets.set(zone, new Map([...old, ...literal.map((address): [string, number] => [address, Number.POSITIVE_INFINITY])]))
    }
  }

  /** What a lookup of the zone's targets came to; literal addresses stay for ever. */
  learn(zone: Zone, address: string, now: number): void {
    const addresses = this.#targets.get(zone)
    if (addresses === undefined || addresses.get(address) === Number.POSITIVE_INFINITY) return
    addresses.set(address, now)
  }

  /** Forgets what no lookup has come to since `before`. */
  forget(before: number): void {
    for (const addresses of this.#targets.values()) for (const [address, seen] of addresses) if (seen < before) addresses.delete(address)
  }

  /** May a request inside a dialog go to that address? A zone that knows its peers by certificate alone has no addresses to compare with. */
  reaches(zone: Zone, address: string): boolean {
    const { networks, targets, anyone, certificateNames } = zone.admission
    if (certificateNames.length > 0 && networks.length === 0 && !targets && !anyone) return true
    return this.admitsAddress(zone, address)
  }

  zonesOn(listener: Listener): readonly Zone[] {
    return this.#byListener.get(listener) ?? []
  }

  zoneOf(flow: Flow): Zone | undefined {
    const zones = this.#byListener.get(flow.listener)
    if (zones === undefined) return undefined
    for (let i = 0; i < zones.length; i++) if (this.admits(zones[i]!, flow)) return zones[i]
    return undefined
  }

  /** May what crosses this flow be kept? Strangers count as the zones of their listener, when these agree. */
  traces(flow: Flow): boolean {
    const zones = this.#byListener.get(flow.listener)
    if (zones === undefined) return false
    const { trace } = zones[0]!
    for (let i = 1; i < zones.length; i++) if (zones[i]!.trace !== trace) return this.zoneOf(flow)?.trace ?? false
    return trace
  }

  admits(zone: Zone, flow: Flow): boolean {
    const { networks, targets, certificateNames } = zone.admission
    if (certificateNames.length === 0) return this.admitsAddress(zone, flow.remoteAddress)
    // Before the certificate, which may be judged only now
    if ((networks.length > 0 || targets) && !this.admitsAddress(zone, flow.remoteAddress)) return false
    const { peer } = flow
    return peer?.verified === true && this.#isNamed(zone, peer)
  }

  /**
   * The name that a verified certificate shows is one that was configured.
   * DEVIATION: RFC 5922 §7.2 takes no wildcards; INTEROP(Teams): its hubs show `*.pstnhub.microsoft.com`. One label, as RFC 9525 §6.3 has it.
   */
  #isNamed(zone: Zone, peer: PeerIdentity): boolean {
    let zones = this.#named.get(peer)
    if (zones === undefined) {
      zones = new Map()
      this.#named.set(peer, zones)
    }
    let named = zones.get(zone)
    if (named === undefined) {
      named = peer.names.some((name) => zone.admission.certificateNames.some((one) => meet(name, one)))
      zones.set(zone, named)
    }
    return named
  }

  /** What stands against a flow that no zone admits. Of zones on its listener one that asks for certificates has the most to say. */
  stranger(flow: Flow): Stranger {
    const zone = this.zonesOn(flow.listener).find(({ admission }) => admission.certificateNames.length > 0)
    if (zone === undefined) return UNKNOWN_SOURCE
    const { networks, targets, certificateNames } = zone.admission
    if ((networks.length > 0 || targets) && !this.admitsAddress(zone, flow.remoteAddress))
      return { reason: 'network', why: `Zone ${zone.name} admits certain networks only, and this source is in none of them` }
    const { peer } = flow
    if (peer === undefined) return { reason: 'no-certificate', why: `Zone ${zone.name} asks for a certificate, and this source shows none` }
    if (!peer.verified)
      return { reason: peer.reason ?? 'unverified', why: `Zone ${zone.name} does not accept the certificate of this source: ${peer.error}` }
    const shown = peer.names.slice(0, MOST_NAMES).join(', ')
    return {
      reason: 'wrong-name',
      why: `Zone ${zone.name} admits ${certificateNames.slice(0, MOST_NAMES).join(', ')}, and the certificate of this source names ${shown || 'nobody'}`,
    }
  }

  /**
   * Does the zone know that address, certificates apart? Also the measure for where a request inside a dialog may go: its Request-URI
   * and Routes are written by one of the two parties, who could name any host behind us.
   * @param address an IP literal as sockets report it
   */
  admitsAddress(zone: Zone, address: string): boolean {
    const { anyone, networks, targets } = zone.admission
    if (anyone) return true
    if (targets && this.#targets.get(zone)?.has(address)) return true
    for (let i = 0; i < networks.length; i++) if (networks[i]!.contains(address)) return true
    return false
  }
}

const admitsAll = ({ admission }: Zone): boolean => admission.anyone && admission.certificateNames.length === 0

/** Of a list, for people. */
const MOST_NAMES = 4
