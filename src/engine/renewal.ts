/** Connections that have seen a certificate of ours that is not ours any more. */
import type { Edge } from './edge.ts'

/** Between two that close: tens of them are not to come back in one moment. */
const APART_MS = 500
const MOST_MS = 60_000

/**
 * Where peers and we open connections of our own each, peers remember what the one they opened has shown them. So these close one after the other,
 * each when nothing is under way on it, and come again; dialogs are on none of them. Those of everybody else (phones, browsers) stay.
 * @param listeners names of those that show another certificate now
 */
export const renewInbound = ({ transports, running }: Edge, listeners: ReadonlySet<string>): void => {
  if (listeners.size === 0) return
  let afterMs = 0
  for (const flow of transports.connections()) {
    if (!flow.inbound || !listeners.has(flow.listener.name) || running.admission.zoneOf(flow)?.connections.share !== false) continue
    transports.retire(flow, 'certificate', afterMs)
    afterMs = Math.min(afterMs + APART_MS, MOST_MS)
  }
}
