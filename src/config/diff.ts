import type { Zone } from '../zones/zone.ts'
import { sameBinding, sameListener } from './listeners.ts'
import { SCHEMA } from './schema.ts'
import type { AdminSettings, ListenerEntry, MediaInterface, MediaSettings, Snapshot } from './snapshot.ts'
import type { SchemaNode } from './tree.ts'

export interface SnapshotDiff {
  readonly listeners: {
    readonly unchanged: readonly ListenerEntry[]
    /** The same socket with other options or further names: `Transports.update`, `rename`. */
    readonly changed: readonly ListenerEntry[]
    readonly added: readonly ListenerEntry[]
    /** From the snapshot before. Close these before the added ones are opened: one may take the other's address. */
    readonly removed: readonly ListenerEntry[]
  }
  /** What of media changes with the reload, in words: `rtpengine added: b`. */
  readonly media: readonly string[]
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
    if (previous === undefined || !sameBinding(previous.listener, entry.listener)) added.push(entry)
    else {
      old.delete(entry.listener.name)
      if (sameListener(previous.listener, entry.listener) && equal(previous.options, entry.options)) unchanged.push(entry)
      else changed.push(entry)
      if (previous.options.ipv6Only !== entry.options.ipv6Only) restart.push(`listeners.${entry.listener.group}.ipv6-only`)
      if (previous.options.datagramBuffer !== entry.options.datagramBuffer && entry.listener.transport.name === 'udp')
        restart.push('limits.datagram-buffer')
    }
  }
  restart.push(...adminRestart(before.admin, after.admin))
  if (before.keyRotationSeconds !== after.keyRotationSeconds) restart.push('timers.key-rotation')
  if (before.policyModule !== after.policyModule) restart.push('policy')
  if (!equal(before.demo, after.demo)) restart.push('demo')
  restart.push(...mediaRestart(before.media, after.media))
  return {
    listeners: { unchanged, changed, added, removed: [...old.values()] },
    media: mediaChanges(before, after),
    restart: [...new Set(restart)],
  }
}

const adminRestart = (before: AdminSettings | undefined, after: AdminSettings | undefined): readonly string[] => [
  ...(before?.address === after?.address && before?.port === after?.port ? [] : ['admin.listen']),
  ...(before?.certificate === after?.certificate ? [] : ['admin.certificate']),
  ...(before?.webSocket === after?.webSocket ? [] : ['admin.websocket']),
  ...((before?.plain ?? false) === (after?.plain ?? false) ? [] : ['admin.plain']),
]

/** What a reload does, in words. */
export const reloadChanges = (before: Snapshot, after: Snapshot): readonly string[] => {
  const { listeners, media, restart } = diffSnapshots(before, after)
  const named = (what: string, entries: readonly ListenerEntry[]) => entries.map(({ listener }) => `${what}: ${listener.name}`)
  const without = (zones: Snapshot['zones'], others: Snapshot['zones'], what: string) =>
    [...zones.keys()].filter((name) => !others.has(name)).map((name) => `${what}: ${name}`)
  return [
    ...named('listener added', listeners.added),
    ...named('listener closed', listeners.removed),
    ...named('listener changed', listeners.changed),
    ...without(after.zones, before.zones, 'zone added'),
    ...without(before.zones, after.zones, 'zone removed'),
    ...[...after.zones.values()].filter((zone) => isOther(before.zones.get(zone.name), zone)).map(({ name }) => `zone changed: ${name}`),
    ...SECTIONS.filter(([key]) => written(before[key]) !== written(after[key])).map(([, path]) => `${path} changed`),
    ...media,
    ...restart.map((path) => `${path}: changes with the next start`),
  ]
}

type ToldOtherwise = 'listeners' | 'zones' | 'media' | 'admin' | 'policyModule' | 'demo' | 'keyRotationSeconds'
type Section = Exclude<keyof Snapshot, ToldOtherwise>

/** Where they stand in the file. */
const PATHS: Readonly<Record<Section, string>> = {
  name: 'name',
  publicAddress: 'public-address',
  routes: 'routes',
  certificates: 'certificates',
  registrar: 'registrar',
  authentication: 'authentication',
  turn: 'turn',
  emergency: 'emergency',
  limits: 'limits',
  timers: 'timers',
  stopMs: 'timers.stop',
  log: 'log',
  alarms: 'alarms',
  traceBytes: 'trace',
  serverHeader: 'server-header',
}
const SECTIONS = Object.entries(PATHS) as readonly (readonly [Section, string])[]

/** Its listeners and its media are told by themselves. */
const isOther = (before: Zone | undefined, after: Zone): boolean => before !== undefined && written(before) !== written(after)

const LEFT_OUT: readonly string[] = ['listeners', 'listener', 'media', 'profile']

/** Patterns as text, sets as lists. */
const written = (value: unknown): string | undefined =>
  JSON.stringify(value, (key, part: unknown) => {
    if (LEFT_OUT.includes(key)) return undefined
    if (part instanceof RegExp) return String(part)
    return part instanceof Set ? [...part] : part
  })

/** The daemon that we run has its ports and interfaces from its start; where there was none, or shall be none, nothing else differs. */
const mediaRestart = (before: MediaSettings, after: MediaSettings): readonly string[] => {
  if (before.mode !== after.mode) return ['media']
  if (after.mode !== 'local') return []
  const [old, now] = [before.local, after.local]
  const sorted = (interfaces: readonly MediaInterface[]) => interfaces.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return [
    ...(old.portMin === now.portMin && old.portMax === now.portMax ? [] : ['media.ports']),
    ...(old.maxSessions === now.maxSessions ? [] : ['media.sessions']),
    ...(equal(sorted(old.interfaces), sorted(now.interfaces)) ? [] : ['media.interfaces']),
  ]
}

/** What of `read` is in force after a reload: the parts that need a new start stay as they run. */
export const mediaAfterReload = (running: MediaSettings, read: MediaSettings): MediaSettings => {
  const { mode, local, nodes, interfaces } = running
  if (mode !== read.mode) return { ...read, mode, local, nodes, interfaces }
  if (mode !== 'local') return read
  return { ...read, local, interfaces: read.interfaces.filter((name) => local.interfaces.some((own) => own.name === name)) }
}

const mediaChanges = (before: Snapshot, after: Snapshot): readonly string[] => {
  const changes: string[] = []
  if (before.media.mode === 'nodes' && after.media.mode === 'nodes') {
    const old = new Map(before.media.nodes.map((node) => [node.name, node]))
    for (const node of after.media.nodes) {
      const previous = old.get(node.name)
      old.delete(node.name)
      if (previous === undefined) changes.push(`rtpengine added: ${node.name}`)
      else if (!equal(previous, node)) changes.push(`rtpengine changed: ${node.name}${node.drain && !previous.drain ? ' (drains)' : ''}`)
    }
    for (const name of old.keys()) changes.push(`rtpengine removed: ${name}`)
  }
  if (before.media.withoutRtpengine !== after.media.withoutRtpengine) changes.push('media changed: without-rtpengine')
  if (before.media.onMediaTimeout !== after.media.onMediaTimeout) changes.push('media changed: media-timeout')
  if (before.media.commandMs !== after.media.commandMs) changes.push('media changed: command-time')
  for (const [name, zone] of after.zones) {
    const previous = before.zones.get(name)
    if (previous !== undefined && !equal(policiesOf(previous), policiesOf(zone))) changes.push(`media of zone changed: ${name}`)
  }
  return changes
}

/** Targets that come and go are no change of policy. */
const policiesOf = ({ media, targets }: Zone): unknown => [
  media,
  targets.filter((target) => !equal(target.media, media)).map(({ name, media }) => [name, media]),
]

/** For plain values: nothing in listener options, admin or demo is a function. */
const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Paths of the schema's properties that say they need a restart; a test holds `diffSnapshots` against it. */
export const restartSettings = (schema: SchemaNode = SCHEMA, path = ''): readonly string[] => [
  ...(schema.requiresRestart === true ? [path] : []),
  ...(schema.anyOf ?? []).flatMap((alternative) => restartSettings(alternative, path)),
  ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => restartSettings(value, path === '' ? key : `${path}.${key}`)),
  ...Object.values(schema.patternProperties ?? {}).flatMap((value) => restartSettings(value, `${path}.NAME`)),
]
