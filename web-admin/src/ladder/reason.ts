/** Why a hub of Microsoft says no, or hangs up: what can be asked for. */
import type { LadderMessage, State } from '../api/types.ts'

export interface Said {
  /** A Reason header (RFC 3326), or the status line. */
  readonly text: string
  /** Of the answer that it stood in. */
  readonly status?: number
}

/** Names of the listeners that hubs come in by. */
export const hubListeners = (state: State | undefined): readonly string[] =>
  (state?.zones ?? []).flatMap(({ kind, listeners }) => (kind === 'teams' ? listeners : []))

/** @param listeners as `hubListeners` has them */
export const saidBy = ({ direction, listener, title, text }: LadderMessage, listeners: readonly string[]): Said | undefined => {
  if (direction !== 'in' || !listeners.includes(listener)) return undefined
  const head = text.split(/\r?\n\r?\n/, 1)[0]!
  const reason = /^reason[ \t]*:[ \t]*(.+?)[ \t]*$/im.exec(head)?.[1]
  const status = Number(/^([3-6]\d\d) /.exec(title)?.[1] ?? 0)
  // Of a request the header alone tells anything
  if (reason === undefined && status === 0) return undefined
  return { text: (reason ?? title).slice(0, 1000), ...(status > 0 && { status }) }
}

export const explainPath = ({ text, status }: Said): string =>
  `/teams/explain?${new URLSearchParams({ text, ...(status !== undefined && { status: String(status) }) })}`
