/** What the admin side sees of the edge, as values of the moment. */
import { hostText } from '../address/listener.ts'
import type { ListenerView, TargetView, ZoneView } from '../admin/contract.ts'
import type { Edge } from './edge.ts'

/** @param open names of the listeners whose sockets are open */
export const listenerViews = (edge: Edge, open: ReadonlySet<string>): readonly ListenerView[] => {
  const counts = edge.transports.counts()
  return edge.running.snapshot.listeners.map(({ listener }) => ({
    name: listener.name,
    transport: listener.transport.name,
    bind: `${hostText(listener.bindAddress)}:${listener.bindPort}`,
    advertised: listener.sentBy,
    open: open.has(listener.name),
    flows: listener.transport.reliable ? (counts.get(listener.name) ?? 0) : 0,
  }))
}

export const zoneViews = (edge: Edge): readonly ZoneView[] =>
  [...edge.running.snapshot.zones.values()].map((zone) => ({
    name: zone.name,
    kind: zone.kind,
    listeners: zone.listeners.map((listener) => listener.name),
    targets: zone.targets.map((target): TargetView => {
      const record = edge.health.record(zone, target)
      const known = record.lastAnswer > 0 || record.lastFailure > 0
      return {
        name: target.name,
        health: known ? (record.up ? 'up' : 'down') : 'unknown',
        drain: target.drain,
        ...(record.optionsSeconds === undefined ? {} : { optionsSeconds: record.optionsSeconds }),
        ...(record.reason === '' ? {} : { reason: record.reason }),
      }
    }),
  }))
