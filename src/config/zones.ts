import type { Listener } from '../address/listener.ts'
import { TRANSPORT_NAMES } from '../address/transports.ts'
import { PROFILES } from '../zones/profiles.ts'
import type { HeaderRule } from '../zones/rules.ts'
import type { Admission, Network, Probing, Target, Zone, ZoneProfile } from '../zones/zone.ts'
import type { Files } from './files.ts'
import { advertisedName, type DraftListener } from './listeners.ts'
import type { DraftMedia } from './media.ts'
import { targetPolicy, zonePolicy } from './media-policy.ts'
import { peerPolicy, withPublished } from './peers.ts'
import { clientPolicy } from './registration.ts'
import { didYouMean, type Report } from './report.ts'
import { headerRules, listOf, numberRules, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import { type Path, pathText } from './source.ts'
import { type DraftTarget, targetOf } from './targets.ts'
import { checkTenants } from './tenants.ts'
import { aliveStatuses, isHostName, milliseconds, networkNamed } from './values.ts'
import { VERSION } from './version.ts'

export type ZoneText = ConfigFile['zones'][string]

/** A zone, and what of it concerns its listeners. */
export interface DraftZone {
  readonly zone: Zone
  readonly path: Path
  /** Lower case, or `*`; none: requests without an Origin. */
  readonly origins: readonly string[]
}

export const draftZones = (
  file: ConfigFile,
  drafts: readonly DraftListener[],
  media: DraftMedia,
  files: Files,
  report: Report,
): readonly DraftZone[] => {
  const groups = Object.keys(file.listeners)
  // With a listener missing, complaints about zones without it would only hide the one cause
  const listeners = report.failedIn(['listeners']) ? [] : drafts.map(({ listener }) => listener)
  const zones = Object.entries(file.zones).flatMap(
    ([name, text]) => draftZone(name, withPublished(text, ['zones', name], report), file, groups, listeners, media, files, report) ?? [],
  )
  if (Object.keys(file.zones).length === 0)
    report.error(['zones'], 'There is no zone', 'Add one, for example pbx: { kind: trunk, on: lan }', 'key')
  warnAboutSharedListeners(zones, report)
  checkTenants(zones, report)
  for (const { zone, path, origins } of zones) {
    // The demonstration has to work from any page
    if (!origins.includes('*') || (file.demo !== undefined && file.demo !== false)) continue
    report.warn(
      [...path, 'origins'],
      `Any web page may connect to zone "${zone.name}"`,
      'Write the origins of your own pages, such as "https://app.example.com"',
    )
  }
  return zones
}

const draftZone = (
  name: string,
  text: ZoneText,
  file: ConfigFile,
  groups: readonly string[],
  all: readonly Listener[],
  media: DraftMedia,
  files: Files,
  report: Report,
): DraftZone | undefined => {
  const path = ['zones', name]
  // A wrong kind is reported; the rest is checked as if it were a trunk
  const profile: ZoneProfile = PROFILES[text.kind ?? 'trunk']
  const listeners = placed(text.on, [...path, 'on']).flatMap(([group, place]) => {
    if (groups.includes(group)) return all.filter((listener) => listener.group === group)
    if (report.failedIn(['listeners', group])) return []
    report.error(place, `There is no listener group "${group}"`, didYouMean(group, groups, 'listener group'))
    return []
  })
  const around = { profile, kind: text.kind, listeners, media }
  const placedTargets = targetsOf(text, listeners, all, path, report)
  const transports = placedTargets.map(({ target }) => target.transport)
  const policy = zonePolicy(text, transports, around, path, report)
  const targets = placedTargets.map(({ target, written, place }) => ({
    ...target,
    media: targetPolicy(policy, typeof written === 'string' ? undefined : written.media, target.name, around, place, report),
    provisional:
      (typeof written === 'string' ? undefined : written.provisional) ?? text.dialect?.provisional ?? profile.dialect.provisional,
  }))
  const advertised =
    text.advertise === undefined || listeners.length === 0
      ? undefined
      : report.take([...path, 'advertise'], advertisedName(text.advertise, listeners))
  if (text.path === undefined) report.derive([...path, 'path'], profile.reach === 'flow', `kind ${text.kind}`)
  return {
    path,
    origins: originsOf(text, profile, listeners, path, report),
    zone: {
      name,
      kind: text.kind,
      profile,
      listeners: [...new Set(listeners)],
      admission: admissionOf(text, profile, listeners, path, report),
      targets,
      probing: probingOf(text, profile, targets, path, report),
      numbersIn: numberRules(text.numbers?.in, [...path, 'numbers', 'in'], report),
      numbersOut: numberRules(text.numbers?.out, [...path, 'numbers', 'out'], report),
      headersIn: headerRules(text.headers?.in, [...path, 'headers', 'in'], report),
      headersOut: [...profile.headers.map(withVersion), ...headerRules(text.headers?.out, [...path, 'headers', 'out'], report)],
      advertise: advertised?.host,
      media: policy,
      path: text.path ?? profile.reach === 'flow',
      trace: text.trace ?? true,
      ...clientPolicy(text, profile, file, path, report),
      ...peerPolicy(text, file, profile, listeners, path, files, report),
    },
  }
}

const withVersion = (rule: HeaderRule): HeaderRule =>
  rule.kind === 'set' || rule.kind === 'add' ? { ...rule, value: rule.value.replace('{version}', VERSION) } : rule

interface PlacedTarget {
  readonly target: DraftTarget
  readonly written: NonNullable<ZoneText['targets']>[number]
  readonly place: Path
}

const targetsOf = (
  text: ZoneText,
  listeners: readonly Listener[],
  all: readonly Listener[],
  path: Path,
  report: Report,
): readonly PlacedTarget[] => {
  const names = new Map<string, Path>()
  return placed(text.targets, [...path, 'targets']).flatMap(([written, place]) => {
    const uriPlace = typeof written === 'string' ? place : [...place, 'uri']
    if (typeof written !== 'string' && written.uri === undefined) return []
    const target = report.take(uriPlace, targetOf(written, listeners, all))
    if (target === undefined) return []
    const before = names.get(target.name)
    if (before !== undefined) {
      report.error(
        place,
        `Target "${target.name}" is there twice, also as ${pathText(before)}`,
        'Remove one, or give it a "name" of its own',
      )
      return []
    }
    names.set(target.name, place)
    return [{ target, written, place }]
  })
}

const admissionOf = (text: ZoneText, profile: ZoneProfile, listeners: readonly Listener[], path: Path, report: Report): Admission => {
  const place = [...path, 'admit']
  const written = text.admit ?? {}
  const networks = placed(written.networks, [...place, 'networks']).flatMap(([entry, at]) => networkOf(entry, at, report) ?? [])
  const targets = written.targets ?? profile.admit === 'targets'
  // Networks that are named mean these and no others
  const anyone = written.anyone ?? (profile.admit === 'anyone' && written.networks === undefined && !targets)
  if (written.targets === undefined) report.derive([...place, 'targets'], targets, `kind ${text.kind}`)
  if (written.anyone === undefined) report.derive([...place, 'anyone'], anyone, `kind ${text.kind}`)
  const certificateNames = listOf(written.certificates).map((name) => name.toLowerCase())
  for (const [name, at] of placed(written.certificates, [...place, 'certificates'])) {
    if (!isHostName(name.replace(/^\*\./, '')))
      report.error(at, `"${name}" is no name that a certificate can show`, 'Write a host name such as pbx.example.com, or *.example.com')
  }
  if (certificateNames.length > 0 && listeners.length > 0 && !listeners.some(({ transport }) => transport.secure)) {
    report.error(
      [...place, 'certificates'],
      `Zone "${path[1]}" has no tls or wss listener, so nobody can show a certificate`,
      'Remove "certificates", or put the zone on a group with tls or wss',
    )
  }
  if (anyone && networks.length > 0)
    report.warn([...place, 'anyone'], '"anyone: true" makes the networks beside it meaningless', 'Remove one of the two')
  if (anyone && profile.admit !== 'anyone' && certificateNames.length === 0) {
    report.warn(
      [...place, 'anyone'],
      `Zone "${path[1]}" admits everyone who reaches its listeners`,
      'Name networks or certificates, unless routes keep strangers from calling at your cost',
    )
  }
  if (!anyone && networks.length === 0 && !(targets && (text.targets?.length ?? 0) > 0)) {
    report.warn(
      path,
      `Zone "${path[1]}" admits nobody: it has no targets and no networks`,
      'Add "targets", or "admit: { networks: [ … ] }"',
      'key',
    )
  }
  return { anyone, networks, targets, certificateNames, otherwise: written.otherwise ?? 'reject' }
}

const networkOf = (text: string, path: Path, report: Report): Network | undefined => {
  const parsed = report.take(path, networkNamed(text))
  if (parsed?.exact === false)
    report.warn(
      path,
      `"${text}" means the whole network around this address`,
      'Write the address alone, or the first address of the network',
    )
  return parsed
}

const probingOf = (text: ZoneText, profile: ZoneProfile, targets: readonly Target[], path: Path, report: Report): Probing => {
  const written = typeof text.probe === 'object' ? text.probe : {}
  const wanted = typeof text.probe === 'boolean' ? text.probe : text.probe !== undefined || profile.probeSeconds > 0
  if (text.probe === undefined) report.derive([...path, 'probe'], wanted, `kind ${text.kind}`)
  const intervalSeconds = written.interval === undefined ? profile.probeSeconds || 30 : milliseconds(written.interval) / 1000
  const timeoutSeconds = written.timeout === undefined ? Math.min(5, intervalSeconds) : milliseconds(written.timeout) / 1000
  if (timeoutSeconds > intervalSeconds) {
    report.error(
      [...path, 'probe', 'timeout'],
      `A probe's timeout of ${timeoutSeconds}s is longer than the interval of ${intervalSeconds}s`,
      'Write a shorter timeout or a longer interval',
    )
  }
  if (text.probe !== undefined && wanted && targets.length === 0)
    report.warn([...path, 'probe'], `Zone "${path[1]}" has no targets to probe`, 'Add "targets", or remove "probe"')
  return {
    enabled: wanted && targets.length > 0,
    intervalSeconds,
    timeoutSeconds,
    downAfter: written['down-after'] ?? 2,
    upAfter: written['up-after'] ?? 1,
    alive: aliveStatuses(written.alive === undefined ? profile.alive : listOf(written.alive)),
  }
}

const ORIGIN = /^https?:\/\/[^/?#\s@]+$/

/** RFC 6455 §10.2: without a list of origins any page on the Internet could use the logins of its visitors. */
const originsOf = (text: ZoneText, profile: ZoneProfile, listeners: readonly Listener[], path: Path, report: Report): readonly string[] => {
  const place = [...path, 'origins']
  const webSocket = listeners.some(({ transport }) => transport.webSocket)
  if (text.origins === undefined) {
    if (profile.media === 'webrtc' && !report.failedIn(place)) {
      report.error(
        path,
        `Zone "${path[1]}" of kind ${text.kind} has no "origins"`,
        'Write the pages\' origins, such as origins: [ "https://app.example.com" ], or "*" for any page',
        'key',
      )
    }
    return []
  }
  if (profile.media === 'webrtc' && listeners.length > 0 && !webSocket) {
    report.error(
      [...path, 'on'],
      `Zone "${path[1]}" of kind ${text.kind} has no ws or wss listener`,
      `Put it on a group with ws or wss (transports: ${TRANSPORT_NAMES.join(', ')})`,
    )
  } else if (listeners.length > 0 && !webSocket)
    report.warn(place, `Zone "${path[1]}" has no ws or wss listener, so "origins" means nothing`, 'Remove "origins"')
  return placed(text.origins, place).flatMap(([written, at]) => {
    if (written === '*') return ['*']
    const origin = written.toLowerCase().replace(/\/$/, '')
    if (ORIGIN.test(origin)) return [origin.replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2')]
    report.error(
      at,
      `"${written}" is no origin`,
      'Write scheme, host and port of the page and nothing more, such as "https://app.example.com"',
    )
    return []
  })
}

/** Who a stranger is on a shared listener is decided by the order of the file; two open doors beside each other are a mistake. */
const warnAboutSharedListeners = (zones: readonly DraftZone[], report: Report): void => {
  const open = new Map<Listener, DraftZone>()
  for (const draft of zones) {
    const { admission, listeners, name } = draft.zone
    if (!admission.anyone || admission.certificateNames.length > 0) continue
    for (const listener of listeners) {
      const first = open.get(listener)
      if (first === undefined) open.set(listener, draft)
      else if (!separateOrigins(first, draft)) {
        const message = `Zones "${first.zone.name}" and "${name}" both admit anyone on listener ${listener.name}: everyone there belongs to "${first.zone.name}"`
        report.warn(draft.path, message, 'Put them on different listeners, or name networks', 'key')
        break
      }
    }
  }
}

const separateOrigins = (a: DraftZone, b: DraftZone): boolean =>
  a.origins.length > 0 && b.origins.length > 0 && !a.origins.includes('*') && !a.origins.some((origin) => b.origins.includes(origin))
