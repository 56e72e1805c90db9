/** Media of zones and targets: what the operator wrote, over what follows from kind, listeners and the rtpengines there are. */
import type { Listener } from '../address/listener.ts'
import { MEDIA_PROFILES, type MediaKind, type MediaPolicy, type MediaProfile } from '../zones/media.ts'
import { ipFamily } from '../zones/networks.ts'
import { isPrivate } from '../zones/private.ts'
import type { Target, Zone, ZoneProfile } from '../zones/zone.ts'
import { type DraftMedia, wantsMedia } from './media.ts'
import { didYouMean, type Report } from './report.ts'
import { listOf } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { MediaInterface } from './snapshot.ts'
import type { Path } from './source.ts'

type ZoneText = ConfigFile['zones'][string]
type PolicyText = NonNullable<ZoneText['media']>

/** What the policies of a zone and its targets have in common. */
interface Surroundings {
  readonly profile: ZoneProfile
  readonly kind: string
  readonly listeners: readonly Listener[]
  readonly media: DraftMedia
}

/** The zone's policy. @param transports those of its targets, as far as they are written */
export const zonePolicy = (
  text: ZoneText,
  transports: readonly Target['transport'][],
  around: Surroundings,
  path: Path,
  report: Report,
): MediaPolicy => {
  const { profile, media } = around
  const place = [...path, 'media']
  const written = text.media
  const bare: MediaPolicy = {
    anchored: media.mode !== 'off',
    kind: profile.media === 'transport' ? undefined : profile.media,
    interface: undefined,
    set: media.defaultSet,
    codecs: { order: undefined, strip: [], transcode: [] },
    dtmf: 'pass',
    ice: undefined,
    maxBundle: true,
    record: false,
  }
  const whole = `Zone "${path[1]}"`
  const told = typeof written === 'object' && written.interface !== undefined
  const own = told || !wantsMedia(text) ? undefined : ownInterface(transports, around, path, report)
  const policy = policyOver({ ...bare, interface: own?.name }, written, whole, around, place, report)
  if (written === 'none') {
    if (profile.media === 'teams' && media.mode !== 'off')
      report.warn(
        place,
        `${whole} leaves SDP alone, and Teams refuses what is neither SRTP nor from an address of ours`,
        'Remove "media: none", unless the other side sends exactly what Teams wants',
      )
    return policy
  }
  if (media.mode === 'off') return policy
  if (bare.kind !== undefined) report.derive([...place, 'profile'], bare.kind, `kind ${text.kind}`)
  if (media.sets.size > 0 && media.defaultSet !== 'default') report.derive([...place, 'set'], media.defaultSet, 'the only set')
  if (profile.media === 'teams') warnAboutOutside(policy, own, media, whole, path, report)
  return policy
}

/** The target's policy: its own settings over those of the zone, one by one. */
export const targetPolicy = (
  zone: MediaPolicy,
  written: PolicyText | undefined,
  name: string,
  around: Surroundings,
  path: Path,
  report: Report,
): MediaPolicy => policyOver(zone, written, `Target "${name}"`, around, [...path, 'media'], report)

const policyOver = (
  base: MediaPolicy,
  written: PolicyText | undefined,
  whole: string,
  around: Surroundings,
  path: Path,
  report: Report,
): MediaPolicy => {
  if (written === undefined) return base
  if (written === 'none') return { ...base, anchored: false }
  const { media } = around
  if (media.mode === 'off') {
    report.warn(path, '"media: off" leaves all SDP alone, so these settings mean nothing', 'Remove them, or "media: off"', 'key')
    return base
  }
  const { codecs = {} } = written
  const policy: MediaPolicy = {
    anchored: true,
    kind: written.profile ?? base.kind,
    interface: written.interface ?? base.interface,
    set: written.set ?? base.set,
    codecs: {
      order: codecs.order === undefined ? base.codecs.order : distinct(codecs.order),
      strip: codecs.strip === undefined ? base.codecs.strip : distinct(codecs.strip),
      transcode: codecs.transcode === undefined ? base.codecs.transcode : distinct(codecs.transcode),
    },
    dtmf: written.dtmf ?? base.dtmf,
    ice: written.ice ?? base.ice,
    maxBundle: written['max-bundle'] ?? base.maxBundle,
    record: written.record ?? base.record,
  }
  checkPlaces(written, media, path, report)
  checkCodecs(policy, path, report)
  checkProfile(policy, written, whole, around, path, report)
  return policy
}

/** Codec names are compared without case (RFC 8866 §6.6). */
const plainName = (codec: string): string => codec.toLowerCase()

const distinct = (written: readonly string[]): readonly string[] => {
  const names = listOf(written)
  return names.filter((name, index) => names.findIndex((other) => plainName(other) === plainName(name)) === index)
}

/**
 * Of our own rtpengine: the interface of the listener that the zone's calls will use. Browsers come by WebSocket, targets by the
 * transport in their URI.
 */
const ownInterface = (
  transports: readonly Target['transport'][],
  { profile, listeners, media }: Surroundings,
  path: Path,
  report: Report,
): MediaInterface | undefined => {
  if (media.mode !== 'local' || listeners.length === 0 || report.failedIn(['media'])) return undefined
  const likely = listeners.filter(({ transport }) => {
    if (profile.media === 'webrtc') return transport.webSocket
    return transports.length === 0 || transports.includes(undefined) || transports.includes(transport.name)
  })
  // Who comes to us from anywhere comes encrypted, and to the address that the world sees (A3)
  const secureFirst = (list: readonly Listener[]) =>
    profile.reach === 'flow' ? list.toSorted((a, b) => Number(b.transport.secure) - Number(a.transport.secure)) : list
  const served = [likely, listeners].map((list) => secureFirst(list.filter((listener) => media.interfaces.toward(listener) !== undefined)))
  const [first, ...others] = served.find((list) => list.length > 0) ?? []
  const own = first && media.interfaces.toward(first)
  const names = media.interfaces.list.map(({ name }) => name)
  if (first === undefined || own === undefined) {
    if (!report.failedIn(['listeners']))
      report.error(
        path,
        `Zone "${path[1]}" can use none of the interfaces ${names.join(', ')} by its listeners' addresses`,
        `Write "media: { interface: ${names[0] ?? 'lan'} }" in the zone, with the one that its peers reach`,
        'key',
      )
    return undefined
  }
  report.derive([...path, 'media', 'interface'], own.name, `listener ${first.name}`)
  // Who comes by IPv6 is taken to know IPv4 as well
  const other = others
    .map((listener) => media.interfaces.toward(listener))
    .find((another) => another !== undefined && another !== own && ipFamily(another.address) === ipFamily(own.address))
  if (other !== undefined)
    report.warn(
      path,
      `Zone "${path[1]}" has listeners with several addresses for media, and all of its calls use that of ${first.name} (interface ${own.name})`,
      `Split the zone, or write "media: { interface: … }" in it: one of ${names.join(', ')}`,
      'key',
    )
  return own
}

/** A name that rtpengine does not know is replaced by its first interface without a word (media §1). */
const checkPlaces = ({ interface: name, set }: Exclude<PolicyText, 'none'>, media: DraftMedia, path: Path, report: Report): void => {
  const names = media.interfaces.list.map((own) => own.name)
  if (name !== undefined && media.mode === 'local' && !names.includes(name) && !report.failedIn(['media', 'interfaces']))
    report.error([...path, 'interface'], `There is no interface "${name}"`, didYouMean(name, names, 'interface'))
  if (set === undefined || report.failedIn(['media', 'rtpengine'])) return
  if (media.mode === 'local') {
    if (set !== media.defaultSet)
      report.error(
        [...path, 'set'],
        `There is no set "${set}": the only rtpengine is our own`,
        'Remove it, or name rtpengines under "media"',
      )
  } else if (!media.sets.has(set))
    report.error([...path, 'set'], `There is no rtpengine in set "${set}"`, didYouMean(set, media.sets, 'set'))
}

const TELEPHONE_EVENT = 'telephone-event'
/** rtpengine has no encoder for them (media §6, §8). */
const NOT_MADE = new Set(['silk', 'siren', 'x-msrta', 'ilbc', 'amr', 'amr-wb'])

const withoutRate = (codec: string): string => plainName(codec).replace(/\/.*/, '')

const checkCodecs = ({ codecs: { order, strip, transcode }, dtmf }: MediaPolicy, path: Path, report: Report): void => {
  const place = [...path, 'codecs']
  const both = [...(order ?? []), ...transcode].find((codec) => strip.some((other) => plainName(other) === plainName(codec)))
  if (both !== undefined)
    report.warn(
      [...place, 'strip'],
      `${both} is both offered and in "strip"`,
      'Remove it in one place; "order" alone leaves out all others',
    )
  const unmade = transcode.find((codec) => NOT_MADE.has(withoutRate(codec)))
  if (unmade !== undefined)
    report.warn(
      [...place, 'transcode'],
      `rtpengine cannot make ${unmade}`,
      'Write codecs such as PCMA, PCMU, G722, G729 or opus, and telephone-event',
    )
  if (order !== undefined && dtmf === 'pass' && ![...order, ...transcode].some((codec) => withoutRate(codec) === TELEPHONE_EVENT))
    report.warn([...place, 'order'], 'Without telephone-event keys that are pressed do not cross', 'Add telephone-event, or "dtmf: audio"')
}

const SPEAKS: Readonly<Record<MediaProfile['keys'], string>> = {
  none: 'plain RTP',
  sdes: 'SRTP with keys in the SDP',
  dtls: 'DTLS-SRTP',
}
const REFUSERS: Partial<Record<MediaKind, string>> = { webrtc: 'browsers refuse', teams: 'Teams refuses' }

const checkProfile = (
  policy: MediaPolicy,
  written: Exclude<PolicyText, 'none'>,
  whole: string,
  { profile, kind, listeners }: Surroundings,
  path: Path,
  report: Report,
): void => {
  if (written.profile !== undefined && profile.media !== 'transport') {
    const { keys } = MEDIA_PROFILES[written.profile]
    if (keys !== MEDIA_PROFILES[profile.media].keys)
      report.warn(
        [...path, 'profile'],
        `${whole} is of kind ${kind}, and ${REFUSERS[profile.media]} ${SPEAKS[keys]}`,
        `Remove "profile": it is ${profile.media} by itself`,
      )
  }
  if (policy.kind === undefined) return
  const { keys, iceLite, browser } = MEDIA_PROFILES[policy.kind]
  if (policy.ice === 'remove' && (browser || iceLite))
    report.warn([...path, 'ice'], `Nobody of profile ${policy.kind} can be reached without ICE`, 'Remove "ice", or write another profile')
  if (written.profile !== undefined && keys === 'sdes' && listeners.length > 0 && !listeners.some(({ transport }) => transport.secure))
    report.warn(
      [...path, 'profile'],
      `${whole} has no tls or wss listener, so the keys of its SRTP cross unencrypted`,
      'Put the zone on a group with tls, or write "profile: plain"',
    )
}

/** Teams is never in our own network. */
const warnAboutOutside = (
  { interface: name }: MediaPolicy,
  own: MediaInterface | undefined,
  media: DraftMedia,
  whole: string,
  path: Path,
  report: Report,
): void => {
  const used = own ?? media.interfaces.list.find((known) => known.name === name)
  const shown = used?.advertised ?? used?.address
  if (shown === undefined || !isPrivate(shown)) return
  report.warn(
    path,
    `${whole} gets media at ${shown}, which Teams cannot reach`,
    'Add "public-address: 203.0.113.5" with our public address at the top of the file, or bind a public one',
    'key',
  )
}

/** What can be said only with all zones before us, about rtpengines that others run. */
export const checkNodes = (media: DraftMedia, zones: readonly { readonly zone: Zone; readonly path: Path }[], report: Report): void => {
  if (media.mode !== 'nodes' || report.failedIn(['media'])) return
  const { nodes } = media.settings
  const anchored = zones.filter(({ zone }) => zone.media.anchored)
  const named = anchored.find(({ zone }) => [zone, ...zone.targets].some(({ media: policy }) => policy.interface !== undefined))
  for (const { zone, path } of named === undefined ? [] : anchored) {
    if (zone.media.interface !== undefined) continue
    report.warn(
      path,
      `Zone "${zone.name}" names no interface of rtpengine, and ${zone === named?.zone ? 'its targets do' : `zone "${named?.zone.name}" does`}`,
      'Write "media: { interface: NAME }" in every zone, or in none',
      'key',
    )
  }
  const used = new Set<string>()
  for (const { zone, path } of zones) {
    for (const policy of [zone.media, ...zone.targets.map((target) => target.media)]) {
      if (!policy.anchored || used.has(policy.set) || report.failedIn(path)) continue
      used.add(policy.set)
      const members = nodes.filter(({ set }) => set === policy.set)
      if (members.length === 0)
        report.error(
          path,
          `Zone "${zone.name}" uses the rtpengines of set "${policy.set}", and there are none`,
          `Write "media: { set: … }" in the zone: one of ${[...media.sets].join(', ')}`,
          'key',
        )
      else if (members.every(({ drain }) => drain))
        report.warn(
          ['media', 'rtpengine'],
          `Every rtpengine of set "${policy.set}" has "drain: true", so new calls are refused`,
          'Remove one of them',
        )
    }
  }
  const idle = [...media.sets].find((set) => !used.has(set))
  if (idle !== undefined)
    report.warn(['media', 'rtpengine'], `No zone uses the rtpengines of set "${idle}"`, `Write "media: { set: ${idle} }" in a zone`)
}
