/** What the admin side sees of the edge, as values of the moment. */
import { hostText } from '../address/listener.ts'
import type {
  CallLegView,
  CallView,
  CheckView,
  LadderView,
  ListenerView,
  MediaView,
  PastCallView,
  TargetView,
  ZoneView,
} from '../admin/contract.ts'
import type { Party } from '../media/negotiation.ts'
import type { CallQuality } from '../media/quality.ts'
import { ladderOf } from '../observability/ladder.ts'
import { pcapOf } from '../observability/pcap.ts'
import type { Zone } from '../zones/zone.ts'
import type { MediaPool } from './deps.ts'
import type { Edge } from './edge.ts'
import type { PastCalls } from './media/past.ts'
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

export const zoneViews = (edge: Edge): readonly ZoneView[] => [...edge.running.snapshot.zones.values()].map((zone) => zoneView(edge, zone))

export const zoneView = (edge: Edge, zone: Zone): ZoneView => ({
  name: zone.name,
  kind: zone.kind,
  listeners: zone.listeners.map((listener) => listener.name),
  targets: zone.targets.map((target): TargetView => {
    const record = edge.health.record(zone, target)
    return {
      name: target.name,
      health: !record.up ? 'down' : record.lastAnswer > 0 ? 'up' : 'unknown',
      drain: edge.health.drains(zone, target),
      ...(record.optionsSeconds === undefined ? {} : { optionsSeconds: record.optionsSeconds }),
      ...(record.reason === '' ? {} : { reason: record.reason }),
    }
  }),
})

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

const callView = (session: MediaSession, offset: number): CallView => ({
  id: session.id,
  callId: session.callId,
  ...sidesOf(session),
  state: session.up ? 'up' : 'ringing',
  since: new Date(offset + session.startedAt).toISOString(),
  node: session.node.name,
})

const sidesOf = ({ caller, branches }: MediaSession): { readonly from: CallLegView; readonly to: CallLegView } => {
  const list = [...branches.values()]
  const { callee } = list.findLast(({ up, gone }) => up && !gone) ?? list.at(-1)!
  return {
    from: { zone: caller.leg.zone, kind: caller.leg.profile.kind },
    to: { zone: callee.leg.zone, kind: callee.leg.profile.kind },
  }
}

export const pastCallView = (
  { clock }: Edge,
  session: MediaSession,
  how: string,
  by: Party | undefined,
  quality: CallQuality | undefined,
): PastCallView => ({
  id: session.id,
  callId: session.callId,
  ...sidesOf(session),
  startedAt: new Date(clock.wall() - clock.now() + session.startedAt).toISOString(),
  seconds: Math.round((clock.now() - session.startedAt) / 1000),
  how: how === 'media-timeout' || how === 'connection-lost' ? how : 'bye',
  ...(by === undefined ? {} : { by }),
  node: session.node.name,
  ...(quality === undefined ? {} : { quality }),
})

/** SIP's Call-ID of a call, present or past. @param id ours, or the Call-ID itself: calls that never came to media have no other */
const callIdOf = ({ media, trace }: Edge, past: PastCalls, id: string): string | undefined => {
  for (const session of media?.sessions() ?? []) if (session.id === id) return session.callId
  return past.find(id)?.callId ?? ((trace?.of(id).length ?? 0) > 0 ? id : undefined)
}

export const ladderView = (edge: Edge, past: PastCalls, id: string, redact: boolean): LadderView | undefined => {
  const callId = callIdOf(edge, past, id)
  return callId === undefined ? undefined : { id, callId, ...ladderOf(edge.trace?.of(callId) ?? [], { redact }) }
}

export const captureOf = (edge: Edge, past: PastCalls, id: string): Buffer | undefined => {
  const callId = callIdOf(edge, past, id)
  if (callId === undefined) return undefined
  return pcapOf((edge.trace?.of(callId) ?? []).flatMap((entry) => (entry.kind === 'message' ? [entry] : [])))
}

/** @param pool undefined: media is off */
export const mediaView = (edge: Edge, pool: MediaPool | undefined): MediaView => {
  if (pool === undefined) return { mode: 'off', nodes: [], sessions: 0, deletes: 0 }
  const nodes = pool.views()
  const empty = [...new Set(nodes.map(({ set }) => set))].find((set) => pool.candidates(set, '').length === 0)
  const unavailable = nodes.length === 0 || empty !== undefined ? pool.unavailable(empty ?? 'default') : undefined
  return {
    mode: edge.running.snapshot.media.mode,
    nodes,
    sessions: edge.media?.size ?? 0,
    deletes: pool.deletes,
    ...(unavailable === undefined ? {} : { unavailable }),
  }
}

/** As a condition of readiness. */
export const mediaCheck = ({ unavailable, nodes }: MediaView): CheckView => ({
  name: 'media',
  ok: unavailable === undefined,
  detail: unavailable ?? `${nodes.filter(({ state }) => state === 'up').length} of ${nodes.length} media nodes are up`,
})
