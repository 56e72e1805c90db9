import { sameListener } from './listeners.ts'
import { SCHEMA } from './schema.ts'
import type { ListenerEntry, Snapshot } from './snapshot.ts'
import type { SchemaNode } from './tree.ts'

export interface SnapshotDiff {
  readonly listeners: {
    readonly unchanged: readonly ListenerEntry[]
    /** The same socket and names with other options: `Transports.update`. */
    readonly changed: readonly ListenerEntry[]
    readonly added: readonly ListenerEntry[]
    /** From the snapshot before. Close these before the added ones are opened: one may take the other's address. */
    readonly removed: readonly ListenerEntry[]
  }
  /** Paths of settings that changed and that only a new start can apply. */
  readonly restart: readonly string[]
}

/** What a reload has to do. Listeners are compared by value, so a moved line or a comment changes nothing. */
export const diffSnapshots = (before: Snapshot, after: Snapshot): SnapshotDiff => {
  const old = new Map(before.listeners.map((entry) => [entry.listener.name, entry]))
  const unchanged: ListenerEntry[] = []
  const changed: ListenerEntry[] = []
  const added: ListenerEntry[] = []
  const restart: string[] = []
  for (const entry of after.listeners) {
    const previous = old.get(entry.listener.name)
    if (previous === undefined || !sameListener(previous.listener, entry.listener)) added.push(entry)
    else {
      old.delete(entry.listener.name)
      if (equal(previous.options, entry.options)) unchanged.push(entry)
      else changed.push(entry)
      if (previous.options.ipv6Only !== entry.options.ipv6Only) restart.push(`listeners.${entry.listener.group}.ipv6-only`)
      if (previous.options.datagramBuffer !== entry.options.datagramBuffer && entry.listener.transport.name === 'udp')
        restart.push('limits.datagram-buffer')
    }
  }
  if (!equal(before.admin, after.admin)) restart.push('admin.listen')
  if (before.keyRotationSeconds !== after.keyRotationSeconds) restart.push('timers.key-rotation')
  if (before.policyModule !== after.policyModule) restart.push('policy')
  if (!equal(before.demo, after.demo)) restart.push('demo')
  return { listeners: { unchanged, changed, added, removed: [...old.values()] }, restart: [...new Set(restart)] }
}

/** For plain values: nothing in listener options, admin or demo is a function. */
const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Paths of the schema's properties that say they need a restart; a test holds `diffSnapshots` against it. */
export const restartSettings = (schema: SchemaNode = SCHEMA, path = ''): readonly string[] => [
  ...(schema.requiresRestart === true ? [path] : []),
  ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => restartSettings(value, path === '' ? key : `${path}.${key}`)),
  ...Object.values(schema.patternProperties ?? {}).flatMap((value) => restartSettings(value, `${path}.NAME`)),
]
