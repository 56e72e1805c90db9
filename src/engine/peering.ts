/** How a zone and its targets see each other, as values of the moment. */

import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import type { PeeringView, PeerTargetView } from '../admin/contract.ts'
import type { PeerSample } from '../observability/metrics.ts'
import type { Target, Zone } from '../zones/zone.ts'
import type { Edge } from './edge.ts'
import { callViews, zoneView } from './views.ts'

export const peeringView = (edge: Edge, name: string): PeeringView | undefined => {
  const zone = edge.running.snapshot.zones.get(name)
  const [listener] = zone?.listeners ?? []
  if (zone === undefined || listener === undefined) return undefined
  const open = connectionsOf(edge, zone)
  const inbound = open.filter((flow) => flow.inbound).length
  const { targets } = zoneView(edge, zone)
  return {
    zone: name,
    name: zone.advertise ?? listener.advertisedHost,
    port: listener.advertisedPort,
    targets: targets.map((view, index): PeerTargetView => ({ ...view, ...peerOf(edge, zone, zone.targets[index]!, open) })),
    askers: edge.askers.views(name),
    connections: { inbound, outbound: open.length - inbound },
    calls: callViews(edge, Number.POSITIVE_INFINITY).filter(
      ({ state, from, to }) => state === 'up' && (from.zone === name || to.zone === name),
    ).length,
  }
}

const peerOf = (edge: Edge, zone: Zone, target: Target, open: readonly Flow[]): Omit<PeerTargetView, 'name' | 'health' | 'drain'> => {
  const { clock, health } = edge
  const { host, port, transport } = target
  const { sentAt, answeredAt, nextAt, busyUntil, status } = health.record(zone, target)
  const ours = open.filter((flow) => flow.host !== undefined && bareHost(flow.host) === bareHost(host))
  const oldest = ours.reduce((least, { openedAt = 0 }) => Math.min(least, openedAt), Number.POSITIVE_INFINITY)
  const offset = clock.wall() - clock.now()
  const moment = <K extends string>(key: K, at: number): { readonly [P in K]?: string } =>
    (at > 0 && Number.isFinite(at) ? { [key]: new Date(offset + at).toISOString() } : {}) as { readonly [P in K]?: string }
  return {
    host,
    port: port ?? (transport === 'tls' ? 5061 : 5060),
    ...moment('sentAt', sentAt),
    ...moment('answeredAt', answeredAt),
    ...(status > 0 ? { status } : {}),
    ...(zone.probing.enabled ? moment('nextAt', nextAt) : {}),
    ...(busyUntil > clock.now() ? moment('busyUntil', busyUntil) : {}),
    connections: ours.length,
    ...moment('oldestConnection', oldest),
  }
}

/** Open ones with the zone's peers, whoever opened them. */
const connectionsOf = ({ transports, running: { admission } }: Edge, zone: Zone): readonly Flow[] => {
  const hosts = new Set(zone.targets.map(({ host }) => bareHost(host)))
  const found: Flow[] = []
  for (const flow of transports.connections()) {
    if (!zone.listeners.includes(flow.listener)) continue
    if ((flow.host !== undefined && hosts.has(bareHost(flow.host))) || admission.zoneOf(flow) === zone) found.push(flow)
  }
  return found
}

/** For gauges: the zones whose peers and we open connections of our own each. */
export const peerSamples = (edge: Edge): readonly PeerSample[] => {
  const { clock, askers, health, running } = edge
  const now = clock.now()
  return [...running.snapshot.zones.values()]
    .filter(({ connections }) => !connections.share)
    .map((zone) => {
      const open = connectionsOf(edge, zone)
      const inbound = open.filter((flow) => flow.inbound).length
      const asked = askers.lastAt(zone.name)
      return {
        zone: zone.name,
        inbound,
        outbound: open.length - inbound,
        askedAgo: asked === undefined ? undefined : (now - asked) / 1000,
        targets: zone.targets.flatMap((target) => {
          const { answeredAt } = health.record(zone, target)
          return answeredAt === 0 ? [] : [{ target: target.name, answeredAgo: (now - answeredAt) / 1000 }]
        }),
      }
    })
}
