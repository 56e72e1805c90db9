import { bareHost, hostText, Listener, type ListenerSpec } from '../address/listener.ts'
import { TRANSPORT_NAMES, TRANSPORTS, type TransportName } from '../address/transports.ts'
import { ipFamily, isWildcard } from '../zones/networks.ts'
import { didYouMean, type Fault, fault, isFault, type Report } from './report.ts'
import { placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import { type Path, pathText } from './source.ts'
import { tenantNamesOn } from './tenants.ts'
import { endpoint, type HostPort, hostPort, isHostName, reachable } from './values.ts'

type Group = ConfigFile['listeners'][string]

/** A host has few addresses; the comparisons below are in pairs. */
const MAX_LISTENERS = 256

/** A listener and where it stands in the file. */
export interface DraftListener {
  readonly listener: Listener
  readonly path: Path
}

/** What the file says about us as a whole (A1, first level). */
export interface Identity {
  readonly name: string | undefined
  readonly publicAddress: string | undefined
}

export const identityOf = (file: ConfigFile, report: Report): Identity => {
  const name = file.name === undefined ? undefined : report.take(['name'], ourName(file.name))
  const address = file['public-address'] === undefined ? undefined : report.take(['public-address'], ourAddress(file['public-address']))
  return { name: name?.host, publicAddress: address?.host }
}

const ourName = (text: string): HostPort | Fault => {
  const parsed = hostPort(text)
  if (isFault(parsed)) return parsed
  if (parsed.port !== undefined) return fault(`"${text}" has a port`, 'Write the name alone; ports stand at the listeners')
  return reachable(parsed.host) ?? parsed
}

const ourAddress = (text: string): HostPort | Fault => {
  const parsed = ourName(text)
  if (isFault(parsed) || ipFamily(parsed.host) !== undefined) return parsed
  return fault(`"${text}" is a name, and public-address is an IP address`, `Write the IP address here, and "name: ${text}" beside it`)
}

/**
 * All listeners of the file, each address one. A1 to A3: what a listener advertises, its own word before the global one.
 * @param kept listeners of the snapshot before, reused when nothing of them changed, so that open flows stay theirs
 */
export const draftListeners = (
  file: ConfigFile,
  identity: Identity,
  report: Report,
  kept: ReadonlyMap<string, Listener>,
): readonly DraftListener[] => {
  const drafts: DraftListener[] = []
  for (const [group, settings] of Object.entries(file.listeners)) {
    const path = ['listeners', group]
    const names = [...new Set([...tenantNames(settings, [...path, 'names'], report), ...tenantNamesOn(file, group)])]
    let any = false
    for (const transport of TRANSPORT_NAMES) {
      const written = settings[transport]
      for (const [index, text] of (Array.isArray(written) ? written : [written]).entries()) {
        if (written !== undefined) any = true
        if (text === undefined) continue
        if (drafts.length === MAX_LISTENERS) {
          report.error(['listeners'], `There are more than ${MAX_LISTENERS} listeners`, 'Write fewer addresses', 'key')
          return drafts
        }
        const place = Array.isArray(written) ? [...path, transport, index] : [...path, transport]
        const bound = report.take(place, endpoint(text, TRANSPORTS[transport].defaultPort))
        if (bound === undefined) continue
        const name = `${group}/${transport}${index === 0 ? '' : `#${index + 1}`}`
        const advertised = advertisedOf(settings, transport, name, { host: bound.address, port: bound.port }, identity, place, path, report)
        if (advertised === undefined) continue
        const spec: ListenerSpec = {
          name,
          group,
          transport,
          bindAddress: bound.address,
          bindPort: bound.port,
          advertisedHost: advertised.host,
          advertisedPort: advertised.port ?? bound.port,
          names: names.filter((tenant) => tenant !== advertised.host),
        }
        if (advertised.word !== '')
          report.derive([...path, 'advertise', transport], advertised.word, `${hostText(spec.advertisedHost)}:${spec.advertisedPort}`)
        const before = kept.get(name)
        drafts.push({ listener: before !== undefined && sameListener(before, spec) ? before : new Listener(spec), path: place })
      }
    }
    for (const transport of Object.keys(typeof settings.advertise === 'object' ? settings.advertise : {})) {
      if (settings[transport as TransportName] !== undefined) continue
      report.warn(
        [...path, 'advertise', transport],
        `Group "${group}" has no ${transport} address to advertise`,
        'Remove this, or add the address',
        'key',
      )
    }
    if (!any && !report.failedIn(path))
      report.error(
        path,
        `Group "${group}" has no address`,
        `Add one, for example udp: 10.0.0.5:5060 (transports: ${TRANSPORT_NAMES.join(', ')})`,
        'key',
      )
  }
  if (Object.keys(file.listeners).length === 0)
    report.error(['listeners'], 'There is no listener', 'Add a group, for example lan: { udp: 10.0.0.5:5060 }', 'key')
  refuseClashes(drafts, report)
  return drafts
}

/** Compared by value: everything that peers or sockets can see of a listener. */
export const sameListener = (listener: Listener, spec: ListenerSpec | Listener): boolean =>
  sameBinding(listener, spec) && listener.names.join() === spec.names.join()

/** The same socket, which may have got other names beside its own: its connections need not hear of that. */
export const sameBinding = (listener: Listener, spec: ListenerSpec | Listener): boolean =>
  listener.name === spec.name &&
  listener.group === spec.group &&
  listener.transport.name === (typeof spec.transport === 'string' ? spec.transport : spec.transport.name) &&
  listener.bindAddress === spec.bindAddress &&
  listener.bindPort === spec.bindPort &&
  listener.advertisedHost === spec.advertisedHost &&
  listener.advertisedPort === spec.advertisedPort

const tenantNames = (settings: Group, path: Path, report: Report): readonly string[] => {
  const names = placed(settings.names, path).map(([written, place]) => {
    if (!isHostName(written))
      report.error(place, `"${written}" is no host name`, 'Write a full name such as tenant1.example.com, without port')
    return bareHost(written)
  })
  return [...new Set(names)]
}

interface Advertised extends HostPort {
  /** The word that would say the same in `advertise`, when this is a default. */
  readonly word: '' | 'bind' | 'name' | 'public-address'
}

const advertisedOf = (
  settings: Group,
  transport: TransportName,
  name: string,
  bound: HostPort,
  identity: Identity,
  place: Path,
  group: Path,
  report: Report,
): Advertised | undefined => {
  const setting = settings.advertise
  const word = typeof setting === 'string' ? setting : setting?.[transport]
  if (word === undefined) {
    const chosen = byDefault(transport, bound, identity)
    if (!isWildcard(chosen.host)) return chosen
    const message = `Listener ${name} is bound to all addresses (${hostText(bound.host)}) and has none to advertise, so no peer could answer it`
    report.error(place, message, `Bind one address, or add "advertise:" with the address or name that peers use to ${pathText(group)}`)
    return undefined
  }
  const path = typeof setting === 'string' ? [...group, 'advertise'] : [...group, 'advertise', transport]
  const advertised = report.take(path, namedAddress(word, bound, identity))
  return advertised && { ...advertised, word: '' }
}

/** A1, A3: encrypted listeners face the world and speak under our name, the others under the address that they are bound to. */
const byDefault = (transport: TransportName, bound: HostPort, { name, publicAddress }: Identity): Advertised => {
  const own: Advertised = { host: bound.host, port: undefined, word: 'bind' }
  if (!TRANSPORTS[transport].secure) return own
  if (name !== undefined) return { ...own, host: name, word: 'name' }
  return publicAddress !== undefined && ipFamily(publicAddress) === ipFamily(bound.host)
    ? { ...own, host: publicAddress, word: 'public-address' }
    : own
}

const namedAddress = (word: string, bound: HostPort, { name, publicAddress }: Identity): HostPort | Fault => {
  switch (word) {
    case 'name':
      return name === undefined
        ? fault('"advertise: name" needs "name", which is not set', 'Add "name: sbc.example.com" at the top of the file')
        : { host: name, port: undefined }
    case 'public-address':
      if (publicAddress === undefined)
        return fault(
          '"advertise: public-address" needs "public-address", which is not set',
          'Add "public-address: 203.0.113.5" at the top of the file',
        )
      if (ipFamily(publicAddress) === ipFamily(bound.host)) return { host: publicAddress, port: undefined }
      return fault(
        `public-address ${publicAddress} is of another IP version than ${bound.host}`,
        'Write the address or name to advertise here',
      )
    case 'bind':
      return reachable(bound.host) ?? { host: bound.host, port: undefined }
    default: {
      const parsed = hostPort(word)
      return isFault(parsed) ? parsed : (reachable(parsed.host) ?? parsed)
    }
  }
}

/** T2: an incoming Route has to name exactly one listener, and a socket can be bound once. */
const refuseClashes = (drafts: readonly DraftListener[], report: Report): void => {
  const owners = new Map<string, DraftListener>()
  for (const draft of drafts) {
    for (const identity of identitiesOf(draft.listener)) {
      const owner = owners.get(identity)
      if (owner === undefined) owners.set(identity, draft)
      else if (owner !== draft && !sameSocket(owner.listener, draft.listener)) {
        const { listener } = draft
        const message = `Listeners ${owner.listener.name} and ${listener.name} are both reached as ${identity}, so a Route that comes back would name both`
        report.error(
          draft.path,
          message,
          `Give ${listener.name} another port, or another name with "advertise:" in ${pathText(['listeners', listener.group])}`,
        )
      }
    }
  }
  for (const [index, draft] of drafts.entries()) {
    const other = drafts.slice(0, index).find(({ listener }) => sameSocket(listener, draft.listener))
    if (other === undefined) continue
    const { bindAddress, bindPort, name } = draft.listener
    report.error(
      draft.path,
      `${hostText(bindAddress)}:${bindPort} of listener ${name} is already taken by listener ${other.listener.name}`,
      'Give one of them another port or address',
    )
  }
}

/** Every host and port with its URI transport by which a listener is known: advertised, tenants, bound. */
const identitiesOf = (listener: Listener): ReadonlySet<string> => {
  const suffix = `;transport=${listener.transport.uri}`
  const identities = [listener.advertisedHost, ...listener.names].map((host) => `${hostText(host)}:${listener.advertisedPort}${suffix}`)
  if (!isWildcard(listener.bindAddress)) identities.push(`${hostText(listener.bindAddress)}:${listener.bindPort}${suffix}`)
  return new Set(identities)
}

const sameSocket = (a: Listener, b: Listener): boolean =>
  a.bindPort === b.bindPort &&
  (a.transport.name === 'udp') === (b.transport.name === 'udp') &&
  ipFamily(a.bindAddress) === ipFamily(b.bindAddress) &&
  (a.bindAddress === b.bindAddress || isWildcard(a.bindAddress) || isWildcard(b.bindAddress))

/** Whether `host` is a name under which every one of the listeners speaks and is recognised (T2). */
export const ownedByAll = (listeners: readonly Listener[], host: string): boolean =>
  listeners.every((listener) => listener.advertisedHost === host || listener.goesBy(host))

/** T2, A1 third level: `advertise` of a zone or route has to be a name that each listener it may leave by recognises. */
export const advertisedName = (written: string, listeners: readonly Listener[]): { readonly host: string } | Fault => {
  const host = bareHost(written)
  if (ownedByAll(listeners, host)) return { host }
  const stranger = listeners.find((listener) => !ownedByAll([listener], host))
  const known = listeners.flatMap((listener) => [listener.advertisedHost, ...listener.names])
  return fault(
    `"${written}" is no name of listener ${stranger?.name}, so we would not recognise it when it comes back in a Route`,
    `Add it to "names" in ${pathText(['listeners', stranger?.group ?? ''])}, or: ${didYouMean(host, new Set(known), 'name')}`,
  )
}
