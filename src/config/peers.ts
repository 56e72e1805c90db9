/** Peers that are known by certificates and names: what follows from a kind, and what the operator says instead. */
import type { Listener } from '../address/listener.ts'
import { type Dialect, PLAIN_DIALECT } from '../zones/dialect.ts'
import { CLOUD_FACTS, HUB_PORT } from '../zones/microsoft.ts'
import type { PeerRules } from '../zones/peers.ts'
import { PROFILES } from '../zones/profiles.ts'
import type { Zone, ZoneProfile } from '../zones/zone.ts'
import { type Files, fileOf } from './files.ts'
import type { Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { Path } from './source.ts'
import { tenantsOf } from './tenants.ts'
import { milliseconds } from './values.ts'
import type { ZoneText } from './zones.ts'

/** The part of a zone that is about its peers. */
export type PeerPolicy = Pick<Zone, 'contact' | 'peers' | 'connections' | 'dialect' | 'trusted' | 'patienceMs' | 'tenants'>

/** When the operator names none. */
export const EMERGENCY: readonly string[] = ['112', '911', '933']

/** A zone whose peers are published has them without a word of the operator's: hubs as targets, networks and names of certificates. */
export const withPublished = (text: ZoneText, path: Path, report: Report): ZoneText => {
  if (PROFILES[text.kind ?? 'trunk'].admit !== 'published') return text
  const cloud = text.cloud ?? 'worldwide'
  const { hubs, networks, names } = CLOUD_FACTS[cloud]
  const derived = <T>(written: T | undefined, place: Path, value: T): T => {
    if (written !== undefined) return written
    report.derive([...path, ...place], value, `cloud ${cloud}`)
    return value
  }
  const { admit } = text
  const targets = hubs.map((host, index) => ({ uri: `sip:${host}:${HUB_PORT};transport=tls`, name: host, priority: index + 1 }))
  return {
    ...text,
    targets: derived(text.targets, ['targets'], targets),
    admit: {
      ...admit,
      ...(admit?.anyone ? {} : { networks: derived(admit?.networks, ['admit', 'networks'], [...networks]) }),
      certificates: derived(admit?.certificates, ['admit', 'certificates'], [...names]),
    },
  }
}

export const peerPolicy = (
  text: ZoneText,
  file: ConfigFile,
  profile: ZoneProfile,
  listeners: readonly Listener[],
  path: Path,
  files: Files,
  report: Report,
): PeerPolicy => {
  const { dialect, connections } = text
  const usual = profile.dialect
  deriveUsual(text, profile, path, report)
  checkCloud(text, profile, listeners, path, report)
  return {
    contact: text.contact ?? profile.contact,
    peers: peersOf(text, profile, listeners, path, files, report),
    connections: {
      share: connections?.share ?? profile.connections.share,
      renewMs: connections?.renew === undefined ? profile.connections.renewMs : millisecondsOrOff(connections.renew),
    },
    dialect: {
      methods: methodsOf(listOf(dialect?.methods)) ?? usual.methods,
      without: dialect?.without === undefined ? usual.without : listOf(dialect.without).map((tag) => tag.toLowerCase()),
      userPhone: dialect?.['user-phone'] ?? usual.userPhone,
      provisional: dialect?.provisional ?? usual.provisional,
      redirections: dialect?.redirections ?? usual.redirections,
      caller: dialect?.caller ?? usual.caller,
      moved: dialect?.moved ?? usual.moved,
      offers: dialect?.offers ?? usual.offers,
    },
    trusted: text.trusted ?? profile.trusted,
    patienceMs: text.patience === undefined ? profile.patienceMs : millisecondsOrOff(text.patience),
    tenants: tenantsOf(text.tenants, file, listeners, path, report),
  }
}

const DIALECT = {
  methods: 'methods',
  without: 'without',
  'user-phone': 'userPhone',
  provisional: 'provisional',
  redirections: 'redirections',
  caller: 'caller',
  moved: 'moved',
  offers: 'offers',
} as const satisfies Record<keyof NonNullable<ZoneText['dialect']>, keyof Dialect>

/** Shown with the configuration: what a kind has, and of the rest what others have not. */
const deriveUsual = ({ kind, ...text }: ZoneText, profile: ZoneProfile, path: Path, report: Report): void => {
  const usual = (place: Path, written: unknown, value: unknown): void => {
    if (written === undefined) report.derive([...path, ...place], value, `kind ${kind}`)
  }
  const { peers, connections, dialect, patienceMs } = profile
  usual(['contact'], text.contact, profile.contact)
  usual(['trusted'], text.trusted, profile.trusted)
  if (peers !== undefined) {
    usual(['peers', 'roots'], text.peers?.roots, peers.roots.length === 1 ? peers.roots[0] : peers.roots)
    usual(['peers', 'usage'], text.peers?.usage, peers.usage)
  }
  if (!connections.share) usual(['connections', 'share'], text.connections?.share, false)
  if (connections.renewMs !== undefined) usual(['connections', 'renew'], text.connections?.renew, durationText(connections.renewMs))
  for (const [name, property] of Object.entries(DIALECT))
    if (dialect[property] !== PLAIN_DIALECT[property])
      usual(['dialect', name], text.dialect?.[name as keyof typeof DIALECT], dialect[property])
  if (patienceMs !== undefined) usual(['patience'], text.patience, durationText(patienceMs))
}

const durationText = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`)

/** Who may call may also hang up. */
const OF_CALLS: readonly string[] = ['ACK', 'CANCEL', 'BYE']

/** @returns undefined: none are written */
const methodsOf = (written: readonly string[]): readonly string[] | undefined => {
  const methods = written.map((method) => method.toUpperCase())
  if (methods.length === 0) return undefined
  return [...new Set(methods.includes('INVITE') ? [...methods, ...OF_CALLS] : methods)]
}

const millisecondsOrOff = (text: string): number | undefined => (text === 'off' ? undefined : milliseconds(text))

const peersOf = (
  text: ZoneText,
  profile: ZoneProfile,
  listeners: readonly Listener[],
  path: Path,
  files: Files,
  report: Report,
): Zone['peers'] => {
  const place = [...path, 'peers']
  const { peers, admit } = text
  if ((peers ?? profile.peers) !== undefined && listOf(admit?.certificates).length === 0)
    report.warn(
      admit?.certificates === undefined ? place : [...path, 'admit', 'certificates'],
      `Zone "${path[1]}" judges the certificates of its peers, and admits who shows none: it knows them by address alone`,
      'Write "admit: { certificates: [ … ] }" with the names that they show',
      'key',
    )
  if (peers === undefined) return profile.peers
  if (listeners.length > 0 && !listeners.some(({ transport }) => transport.secure))
    report.error(
      place,
      `Zone "${path[1]}" has no tls or wss listener, so no peer has a certificate to judge`,
      'Remove "peers", or put the zone on a group with tls',
      'key',
    )
  const roots = placed(peers.roots ?? 'microsoft', [...place, 'roots']).map(([written, at]) =>
    written === 'microsoft' || written === 'system' ? written : fileOf(written, at, files, report),
  )
  return { roots, usage: peers.usage ?? 'server' }
}

/** Of the zones on one listener. */
export const listenerPeers = (
  zones: readonly Zone[],
  path: Path,
  report: Report,
): (PeerRules & { readonly names: readonly string[] }) | undefined => {
  const [first, ...others] = zones.filter(({ peers }) => peers !== undefined)
  if (first?.peers === undefined) return undefined
  const second = others[0] ?? zones.find((zone) => zone !== first && zone.profile.reach === 'address')
  if (second !== undefined)
    report.error(
      path,
      `Zone "${first.name}" has rules of its own for certificates, and zone "${second.name}" is on the same listener`,
      'Put the two on different listener groups',
    )
  return { ...first.peers, names: first.admission.certificateNames }
}

const checkCloud = (text: ZoneText, profile: ZoneProfile, listeners: readonly Listener[], path: Path, report: Report): void => {
  if (profile.admit !== 'published') {
    if (text.cloud !== undefined) report.warn([...path, 'cloud'], '"cloud" means something for kind teams alone', 'Remove "cloud"', 'key')
    return
  }
  const { listensOn } = CLOUD_FACTS[text.cloud ?? 'worldwide']
  const wrong = listensOn === undefined ? undefined : listeners.find(({ advertisedPort }) => advertisedPort !== listensOn)
  if (wrong !== undefined)
    report.warn(
      [...path, 'cloud'],
      `Listener ${wrong.name} advertises port ${wrong.advertisedPort}, and this cloud connects to ${listensOn} only`,
      `Write "advertise" with port ${listensOn}, or bind that port`,
    )
  if (listeners.length > 0 && !listeners.some(({ transport }) => transport.name === 'tls'))
    report.error(
      [...path, 'on'],
      `Zone "${path[1]}" of kind ${text.kind} has no tls listener, and its peers speak TLS alone`,
      'Put the zone on a group with tls',
    )
}
