/** What the admin side sees of the edge, as values of the moment. */
import { hostText } from '../address/listener.ts'
import type { CallView, ListenerView, TargetView, ZoneView } from '../admin/contract.ts'
import type { Edge } from './edge.ts'
import type { MediaSession } from './media/session.ts'

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

/** The newest first. */
export const callViews = ({ media, clock }: Edge, limit: number): readonly CallView[] => {
  if (media === undefined) return []
  const offset = clock.wall() - clock.now()
  return [...media.sessions()]
    .filter(({ ended, branches }) => !ended && branches.size > 0)
    .reverse()
    .slice(0, limit)
    .map((session) => callView(session, offset))
}

const callView = (session: MediaSession, offset: number): CallView => {
  const { id, callId, caller, branches, startedAt, node } = session
  const list = [...branches.values()]
  const callee = (list.findLast(({ up, gone }) => up && !gone) ?? list.at(-1)!).callee
  return {
    id,
    callId,
    from: { zone: caller.leg.zone, kind: caller.leg.profile.kind },
    to: { zone: callee.leg.zone, kind: callee.leg.profile.kind },
    state: session.up ? 'up' : 'ringing',
    since: new Date(offset + startedAt).toISOString(),
    node: node.name,
  }
}
