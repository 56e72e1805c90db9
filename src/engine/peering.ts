/** How a zone and its targets see each other, as values of the moment. */
import type { PeeringView, PeerTargetView } from '../admin/contract.ts'
import type { Edge } from './edge.ts'
import { callViews, zoneView } from './views.ts'

export const peeringView = (edge: Edge, name: string): PeeringView | undefined => {
  const zone = edge.running.snapshot.zones.get(name)
  const [listener] = zone?.listeners ?? []
  if (zone === undefined || listener === undefined) return undefined
  const { targets } = zoneView(edge, zone)
  const counts = edge.transports.counts()
  const open = zone.listeners.reduce((sum, one) => sum + (counts.get(one.name) ?? 0), 0)
  return {
    zone: name,
    name: zone.advertise ?? listener.advertisedHost,
    port: listener.advertisedPort,
    targets: targets.map((target, index): PeerTargetView => {
      const { host, port, transport } = zone.targets[index]!
      return { ...target, host, port: port ?? (transport === 'tls' ? 5061 : 5060), connections: 0 }
    }),
    askers: [],
    connections: { inbound: open, outbound: 0 },
    calls: callViews(edge, Number.POSITIVE_INFINITY).filter(
      ({ state, from, to }) => state === 'up' && (from.zone === name || to.zone === name),
    ).length,
  }
}
