/** Media of the whole edge: who runs the rtpengines, where they are, and what our own may use. */
import { ipFamily } from '../zones/networks.ts'
import { isPrivate } from '../zones/private.ts'
import type { Zone } from '../zones/zone.ts'
import type { DraftListener } from './listeners.ts'
import { derivedInterfaces, type OwnAddresses, type OwnInterfaces, writtenInterfaces } from './media-interfaces.ts'
import { type Fault, fault, isFault, type Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { MediaInterface, MediaNodeEntry, MediaSettings } from './snapshot.ts'
import { type Path, pathText } from './source.ts'
import { hostPort, milliseconds, reachable } from './values.ts'

type ZoneText = ConfigFile['zones'][string]
type MediaText = Exclude<NonNullable<ConfigFile['media']>, string>
type NodeText = NonNullable<MediaText['rtpengine']>[number]

/** The set of nodes, and of zones, that name none. */
const DEFAULT_SET = 'default'
const DEFAULT_PORTS = '30000-31999'
/** RTP and RTCP on both sides of a call (media §12). */
const PORTS_PER_CALL = 4

/** What zones have to know of it. */
export interface DraftMedia {
  readonly mode: MediaSettings['mode']
  /** The sets that nodes are in; none when there are no nodes. */
  readonly sets: ReadonlySet<string>
  readonly defaultSet: string
  /** Those of our own rtpengine. */
  readonly interfaces: OwnInterfaces
  readonly settings: Omit<MediaSettings, 'interfaces'>
}

/** Whether media of a zone, or of one of its targets, goes through rtpengine. */
export const wantsMedia = ({ media, targets }: ZoneText): boolean =>
  media !== 'none' || listOf(targets).some((target) => typeof target === 'object' && typeof target.media === 'object')

/** @param kept interfaces of the snapshot before, whose names stay */
export const draftMedia = (
  file: ConfigFile,
  drafts: readonly DraftListener[],
  addresses: OwnAddresses,
  kept: readonly MediaInterface[],
  report: Report,
): DraftMedia => {
  const written: MediaText = typeof file.media === 'object' ? file.media : {}
  const groups = new Set(
    Object.values(file.zones)
      .filter(wantsMedia)
      .flatMap(({ on }) => listOf(on)),
  )
  const off = file.media === 'off' || (groups.size === 0 && written.rtpengine === undefined)
  const mode = off ? 'off' : written.rtpengine === undefined ? 'local' : 'nodes'
  const nodes = nodesOf(written.rtpengine, report)
  if (mode === 'nodes') warnAboutUseless(written, report)
  const sets = new Set(nodes.map(({ set }) => set))
  const used = drafts.filter(({ listener }) => groups.has(listener.group))
  const interfaces =
    mode !== 'local' || report.failedIn(['listeners'])
      ? { list: [], toward: () => undefined }
      : written.interfaces === undefined
        ? derivedInterfaces(used, addresses, kept, report)
        : writtenInterfaces(written.interfaces, addresses, report)
  return {
    mode,
    sets,
    defaultSet: sets.has(DEFAULT_SET) || sets.size !== 1 ? DEFAULT_SET : [...sets][0]!,
    interfaces,
    settings: {
      mode,
      withoutRtpengine: written['without-rtpengine'] ?? 'refuse',
      nodes,
      local: { interfaces: interfaces.list, ...roomOf(written, mode, interfaces.list, drafts, report) },
      onMediaTimeout: written['media-timeout'] ?? 'end',
      commandMs: milliseconds(written['command-time'] ?? '2500ms'),
    },
  }
}

/** With the names of the interfaces that anchored zones and targets use, each once. */
export const mediaOf = ({ settings }: DraftMedia, zones: readonly Zone[]): MediaSettings => {
  const policies = zones.flatMap(({ media, targets }) => [media, ...targets.map((target) => target.media)])
  return { ...settings, interfaces: [...new Set(policies.flatMap((policy) => (policy.anchored ? (policy.interface ?? []) : [])))] }
}

const nodesOf = (written: MediaText['rtpengine'], report: Report): readonly MediaNodeEntry[] => {
  const names = new Map<string, Path>()
  const addresses = new Map<string, Path>()
  return placed(written, ['media', 'rtpengine']).flatMap(([text, path]) => {
    const place = typeof text === 'string' ? path : [...path, 'address']
    if (typeof text !== 'string' && text.address === undefined) return []
    const node = report.take(place, nodeOf(text))
    if (node === undefined) return []
    const address = `${node.host}:${node.port}`
    const before = addresses.get(address) ?? names.get(node.name)
    if (before !== undefined) {
      const what = addresses.has(address) ? address : `"${node.name}"`
      report.error(path, `rtpengine ${what} is there twice, also as ${pathText(before)}`, 'Remove one, or give each a name of its own')
      return []
    }
    addresses.set(address, path)
    names.set(node.name, path)
    if (ipFamily(node.host) === 4 && !isPrivate(node.host))
      report.warn(
        place,
        `${node.host} is a public address, and the ng protocol has no authentication: whoever reaches it can redirect calls`,
        'Write an address of a network of your own, and let rtpengine listen there alone',
      )
    return [node]
  })
}

const nodeOf = (text: NodeText): MediaNodeEntry | Fault => {
  const settings = typeof text === 'string' ? { address: text } : text
  const parsed = hostPort(settings.address)
  if (isFault(parsed)) return parsed
  const { host, port } = parsed
  if (ipFamily(host) === 6)
    return fault(
      `"${settings.address}" is an IPv6 address, and rtpengine is asked over IPv4`,
      'Write an IPv4 address that its "listen-ng" has too; media itself may be IPv6',
    )
  if (port === undefined) return fault(`"${settings.address}" has no port`, `Write the port of "listen-ng", such as ${host}:2223`)
  const unusable = reachable(host)
  if (unusable !== undefined) return unusable
  return {
    name: settings.name ?? `${host}:${port}`,
    host,
    port,
    set: settings.set ?? DEFAULT_SET,
    weight: settings.weight ?? 1,
    drain: settings.drain ?? false,
  }
}

const warnAboutUseless = (written: MediaText, report: Report): void => {
  for (const key of ['without-rtpengine', 'ports', 'sessions', 'interfaces'] as const) {
    if (written[key] === undefined) continue
    report.warn(
      ['media', key],
      `"${key}" is for the rtpengine that we run ourselves, and "rtpengine" names others`,
      key === 'interfaces' ? 'Remove it; interfaces of others stand in their own configuration' : 'Remove it',
      'key',
    )
  }
}

type Room = Omit<MediaSettings['local'], 'interfaces'>

/** Ports and sessions of our own rtpengine. */
const roomOf = (
  written: MediaText,
  mode: MediaSettings['mode'],
  interfaces: readonly MediaInterface[],
  drafts: readonly DraftListener[],
  report: Report,
): Room => {
  const path = ['media', 'ports']
  const { first, last } = report.take(path, portsOf(written.ports ?? DEFAULT_PORTS)) ?? { first: 30_000, last: 31_999 }
  const count = last - first + 1
  const fitting = Math.max(1, Math.floor(count / PORTS_PER_CALL))
  const maxSessions = written.sessions ?? fitting
  if (mode === 'local') {
    const why = 'our own rtpengine'
    report.derive(['media', 'without-rtpengine'], 'refuse', why)
    report.derive(path, DEFAULT_PORTS, why)
    report.derive(['media', 'sessions'], fitting, `${PORTS_PER_CALL} ports for each call`)
    const addresses = new Set(interfaces.map(({ address }) => address)).size
    if (maxSessions > Math.max(1, addresses) * fitting)
      report.warn(
        ['media', 'sessions'],
        `${maxSessions} calls need ${maxSessions * PORTS_PER_CALL} ports, and there are ${count}`,
        `Write fewer sessions, or more ports, such as ${first}-${Math.min(65_535, first + maxSessions * PORTS_PER_CALL - 1)}`,
      )
    const taken = drafts.find(({ listener: { transport, bindPort } }) => transport.name === 'udp' && bindPort >= first && bindPort <= last)
    if (taken !== undefined)
      report.warn(
        path,
        `Port ${taken.listener.bindPort} of listener ${taken.listener.name} is one of the ports of media`,
        'Write another range, so that none of them can take it from the other',
      )
  }
  return { portMin: first, portMax: last, maxSessions }
}

const portsOf = (text: string): { readonly first: number; readonly last: number } | Fault => {
  const [first = 0, last = 0] = text.split('-').map(Number)
  if (first < 1024 || last > 65_535) return fault(`Ports ${text} are not between 1024 and 65535`, `Write a range such as ${DEFAULT_PORTS}`)
  return last - first + 1 >= PORTS_PER_CALL
    ? { first, last }
    : fault(`Ports ${text} are not enough for one call, which takes ${PORTS_PER_CALL}`, `Write a range such as ${DEFAULT_PORTS}`)
}
