/** The logical interfaces of the rtpengine that we run ourselves (A3, A5): written, or made from the listeners. */
import { hostText, type Listener } from '../address/listener.ts'
import { ipFamily, isWildcard, network } from '../zones/networks.ts'
import type { DraftListener } from './listeners.ts'
import { type Fault, fault, isFault, type Report } from './report.ts'
import type { ConfigFile } from './schema.ts'
import type { MediaInterface } from './snapshot.ts'
import type { Path } from './source.ts'
import { hostPort } from './values.ts'

type MediaText = Exclude<NonNullable<ConfigFile['media']>, string>

/** An address that media is sent from, and what peers see instead. */
type Face = Omit<MediaInterface, 'name'>

export interface OwnInterfaces {
  readonly list: readonly MediaInterface[]
  /** The interface toward those that a listener reaches; undefined: none fits, or its group is served by another address. */
  readonly toward: (listener: Listener) => MediaInterface | undefined
}

export interface OwnAddresses {
  readonly publicAddress: string | undefined
  /** Addresses of this machine, in the order of the system. */
  readonly local: readonly string[]
}

const PATH: Path = ['media', 'interfaces']
const LOOPBACK = [network('127.0.0.0/8')!, network('::1')!]
const LINK_LOCAL = [network('169.254.0.0/16')!, network('fe80::/10')!]

const sameFace = (a: Face, b: Face): boolean => a.address === b.address && a.advertised === b.advertised

const sole = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined)

export const writtenInterfaces = (
  written: NonNullable<MediaText['interfaces']>,
  addresses: OwnAddresses,
  report: Report,
): OwnInterfaces => {
  const list = Object.entries(written).flatMap(([name, value]): readonly MediaInterface[] => {
    const path = [...PATH, name]
    const address = typeof value === 'string' ? value : value.address
    if (address === undefined) return []
    const bound = report.take(typeof value === 'string' ? path : [...path, 'address'], oneAddress(address))
    const advertise = typeof value === 'string' ? undefined : value.advertise
    const shown = advertise === undefined ? undefined : report.take([...path, 'advertise'], oneAddress(advertise))
    if (bound === undefined) return []
    if (shown !== undefined && ipFamily(shown.address) !== ipFamily(bound.address))
      report.error(
        [...path, 'advertise'],
        `${shown.address} is of another IP version than ${bound.address}`,
        'Write addresses of one version; each interface has one of each',
      )
    return [{ name, address: bound.address, advertised: shown?.address === bound.address ? undefined : shown?.address }]
  })
  if (Object.keys(written).length === 0 && !report.failedIn(PATH))
    report.error(PATH, 'There is no interface', 'Add one, for example lan: 10.0.0.5, or remove "interfaces"', 'key')
  const toward = (listener: Listener): MediaInterface | undefined => {
    const face = faceOf(listener, addresses)
    const fitting = list.filter((candidate) => face !== undefined && sameFace(candidate, face))
    return (
      fitting.find(({ name }) => name === listener.group) ??
      fitting[0] ??
      list.find(({ name }) => name === listener.group) ??
      sole(list.filter(({ address }) => address === face?.address)) ??
      sole(list)
    )
  }
  return { list, toward }
}

/**
 * One interface for each pair of bound and advertised address of the listeners that media goes with, named after the first group that has it.
 * A group with an IPv4 address is served by it alone: some peers take no second one.
 * @param kept interfaces of the snapshot before: a pair that is still there keeps its name, and no other gets it, so that a reload renames nothing
 */
export const derivedInterfaces = (
  drafts: readonly DraftListener[],
  addresses: OwnAddresses,
  kept: readonly MediaInterface[],
  report: Report,
): OwnInterfaces => {
  const list: MediaInterface[] = []
  const served = (listener: Listener): boolean =>
    ipFamily(listener.bindAddress) === 4 ||
    !drafts.some((other) => other.listener.group === listener.group && ipFamily(other.listener.bindAddress) === 4)
  for (const { listener, path } of drafts) {
    if (!served(listener)) continue
    const face = faceOf(listener, addresses)
    if (face === undefined) {
      report.error(
        path,
        `Listener ${listener.name} is bound to all addresses, and which of them media uses cannot be told`,
        `Bind one address, or write ${remedyFor(listener.group, '10.0.0.5')} with an address of this machine`,
      )
      continue
    }
    if (isWildcard(listener.bindAddress)) warnAboutChoice(listener, face, addresses, path, report)
    if (list.some((known) => sameFace(known, face))) continue
    const name = kept.find((known) => sameFace(known, face))?.name ?? freeName(listener, [...kept, ...list])
    list.push({ name, ...face })
    const why = `listener ${listener.name}`
    if (face.advertised === undefined) report.derive([...PATH, name], face.address, why)
    else {
      report.derive([...PATH, name, 'address'], face.address, why)
      report.derive([...PATH, name, 'advertise'], face.advertised, why)
    }
  }
  const toward = (listener: Listener): MediaInterface | undefined => {
    const face = faceOf(listener, addresses)
    return face === undefined || !served(listener) ? undefined : list.find((known) => sameFace(known, face))
  }
  return { list, toward }
}

const freeName = ({ group, transport }: Listener, taken: readonly MediaInterface[]): string =>
  [group, `${group}-${transport.name}`, ...taken.map((_, index) => `${group}-${index + 2}`)].find(
    (name) => !taken.some((known) => known.name === name),
  )!

/** A listener that speaks under a name is seen under our public address; one with an address, under that. */
const faceOf = (listener: Listener, { publicAddress, local }: OwnAddresses): Face | undefined => {
  const shown = ipFamily(listener.advertisedHost) === undefined ? publicAddress : listener.advertisedHost
  const address = isWildcard(listener.bindAddress) ? chosen(listener.bindAddress, shown, local) : listener.bindAddress
  if (address === undefined) return undefined
  return { address, advertised: shown === address || shown === undefined || ipFamily(shown) !== ipFamily(address) ? undefined : shown }
}

const chosen = (wildcard: string, shown: string | undefined, local: readonly string[]): string | undefined =>
  shown !== undefined && local.includes(shown) ? shown : candidates(wildcard, local)[0]

/** Addresses of the wildcard's own version first, those of the loopback last. */
const candidates = (wildcard: string, local: readonly string[]): readonly string[] => {
  const usable = local.filter((address) => !LINK_LOCAL.some((range) => range.contains(address)))
  const own = usable.filter((address) => ipFamily(address) === ipFamily(wildcard))
  const outside = (list: readonly string[]) => list.filter((address) => !LOOPBACK.some((range) => range.contains(address)))
  const family4 = usable.filter((address) => ipFamily(address) === 4)
  return [outside(own), outside(family4), own].find((list) => list.length > 0) ?? []
}

/** Taken for its place in a list alone: that may be a bridge of containers, or the wrong network. */
const warnAboutChoice = (
  listener: Listener,
  { address }: Face,
  { publicAddress, local }: OwnAddresses,
  path: Path,
  report: Report,
): void => {
  const { length } = candidates(listener.bindAddress, local)
  if (length < 2 || address === publicAddress || address === listener.advertisedHost) return
  report.warn(
    path,
    `Listener ${listener.name} is bound to all addresses, and media uses ${address}, the first of ${length}`,
    `Bind one address, or write ${remedyFor(listener.group, address)}`,
  )
}

const remedyFor = (group: string, address: string): string => `"media: { interfaces: { ${group}: ${hostText(address)} } }"`

/** An IP address without a port. */
const oneAddress = (text: string): { readonly address: string } | Fault => {
  const parsed = hostPort(text)
  if (isFault(parsed)) return parsed
  if (parsed.port !== undefined) return fault(`"${text}" has a port`, 'Write the address alone; "ports" has the range for media')
  if (ipFamily(parsed.host) === undefined)
    return fault(`"${text}" is a name, and media needs an IP address`, 'Write the IP address, such as 10.0.0.5')
  if (isWildcard(parsed.host)) return fault(`${parsed.host} is a wildcard, and media needs one address`, 'Write one, such as 10.0.0.5')
  return { address: parsed.host }
}
