import type { EngineView } from './contract.ts'

/** What the process has counted since its start. */
export interface Counters {
  /** SIP messages received. */
  readonly messages: number
  /** INVITE requests received, those inside of dialogs included. */
  readonly invites: number
  /** Requests that were not admitted, and what was given up without an answer. */
  readonly refused: number
}

/** The edge at this moment: `GET /api/state`, and the event of that name. */
export const stateOf = (view: EngineView, counters: Counters) => {
  const listeners = view.listeners()
  const lastReload = view.lastReload()
  return {
    version: view.version,
    phase: view.phase(),
    uptimeSeconds: view.uptimeSeconds(),
    logLevel: view.logLevel(),
    listeners,
    zones: view.zones(),
    transactions: view.transactions(),
    openFlows: listeners.reduce((sum, { flows }) => sum + flows, 0),
    registrations: view.registrations({ search: '', skip: 0, limit: 0 }).all,
    media: view.media(),
    counters,
    ...(lastReload && { lastReload }),
  }
}
