import type { Listener } from '../address/listener.ts'
import { hostText } from '../address/listener.ts'
import { TRANSPORTS } from '../address/transports.ts'
import type { BehindProxies, StreamLimits } from '../transport/types.ts'
import { ipFamily, isWildcard, network } from '../zones/networks.ts'
import { type Files, fileOf } from './files.ts'
import type { DraftListener } from './listeners.ts'
import { listenerPeers } from './peers.ts'
import { didYouMean, type Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { ListenerEntry, Snapshot } from './snapshot.ts'
import { bytes, endpoint, milliseconds, networkNamed } from './values.ts'
import type { DraftZone } from './zones.ts'

type Filled<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }

/** A section whose every property has a default: `readTree` has filled them in. Wrong ones are missing, but then nothing comes of it. */
const filled = <T extends object>(section: T | undefined): Filled<T> => (section ?? {}) as Filled<T>

/** The certificate that stands in where none is configured. */
export const DEVELOPMENT = 'development'
const LOOPBACK = [network('127.0.0.0/8'), network('::1')]

export const limitsOf = (file: ConfigFile): Snapshot['limits'] => {
  const limits = filled(file.limits)
  const message = { startLine: bytes(limits['start-line']), headers: limits.headers, head: bytes(limits.head), body: bytes(limits.body) }
  const stream: StreamLimits = {
    maxHead: message.head,
    maxBody: message.body,
    messageMs: milliseconds(limits['message-time']),
    handshakeMs: milliseconds(limits['handshake-time']),
    connectMs: milliseconds(limits['connect-time']),
    idleMs: milliseconds(limits.idle),
    pingMs: milliseconds(limits.ping),
    maxConnections: limits.connections,
    maxConnectionsPerSource: limits['connections-per-source'],
    maxUnsent: bytes(limits.unsent),
  }
  return { message, stream, transactions: limits.transactions, registrations: limits.registrations }
}

export const timersOf = (
  file: ConfigFile,
  report: Report,
): { readonly timers: Snapshot['timers']; readonly keyRotationSeconds: number; readonly stopMs: number } => {
  const timers = filled(file.timers)
  const [t1, t2, t4, c] = [timers.t1, timers.t2, timers.t4, timers.c].map(milliseconds) as [number, number, number, number]
  if (t2 > 0 && t2 < t1)
    report.error(['timers', 't2'], `T2 of ${timers.t2} is shorter than T1 of ${timers.t1}`, 'Write a t2 that is at least t1 (§17.1.2.1)')
  return { timers: { t1, t2, t4, c }, keyRotationSeconds: milliseconds(timers['key-rotation']) / 1000, stopMs: milliseconds(timers.stop) }
}

export const logOf = (file: ConfigFile): Snapshot['log'] => ({ level: filled(file.log).level })

export const adminOf = (file: ConfigFile, drafts: readonly DraftListener[], report: Report): Snapshot['admin'] => {
  if (file.admin?.listen === undefined) return undefined
  const path = ['admin', 'listen']
  const parsed = report.take(path, endpoint(file.admin.listen, 8080))
  if (parsed === undefined) return undefined
  const taken = drafts.find(
    ({ listener: { bindAddress, bindPort, transport } }) =>
      transport.name !== 'udp' &&
      bindPort === parsed.port &&
      (bindAddress === parsed.address ||
        (ipFamily(bindAddress) === ipFamily(parsed.address) && (isWildcard(bindAddress) || isWildcard(parsed.address)))),
  )
  if (taken !== undefined)
    report.error(
      path,
      `${hostText(parsed.address)}:${parsed.port} is already taken by listener ${taken.listener.name}`,
      'Write another port',
    )
  const { plain = false, certificate } = file.admin
  const loopback = LOOPBACK.some((one) => one?.contains(parsed.address))
  if (plain && !loopback)
    report.error(
      ['admin', 'plain'],
      `Passwords would cross the network in the clear: ${parsed.address} is no loopback address`,
      'Remove "plain", or listen on 127.0.0.1 behind a reverse proxy',
    )
  if (plain && certificate !== undefined)
    report.warn(
      ['admin', 'certificate'],
      'With "plain: true" there is no TLS, so "certificate" means nothing',
      'Remove one of the two',
      'key',
    )
  const known = Object.keys(file.certificates ?? {})
  if (certificate !== undefined && !known.includes(certificate) && !report.failedIn(['certificates', certificate]))
    report.error(['admin', 'certificate'], `There is no certificate "${certificate}"`, didYouMean(certificate, known, 'certificate'))
  return {
    ...parsed,
    plain,
    certificate,
    hosts: adminHosts(file, parsed.address, loopback),
    webSocket: webSocketZone(file, drafts, report),
  }
}

const webSocketZone = (file: ConfigFile, drafts: readonly DraftListener[], report: Report): string | undefined => {
  const name = file.admin?.websocket
  if (name === undefined) return undefined
  const path = ['admin', 'websocket']
  const zone = file.zones[name]
  if (zone === undefined) {
    report.error(path, `There is no zone "${name}"`, didYouMean(name, Object.keys(file.zones), 'zone'))
    return undefined
  }
  const groups = listOf(zone.on)
  if (!drafts.some(({ listener }) => groups.includes(listener.group) && listener.transport.webSocket))
    report.error(path, `Zone "${name}" has no ws or wss listener`, 'Name a zone of kind webrtc')
  return name
}

/** On a wildcard it is reached by every name that is ours; on loopback by the machine's own. */
const adminHosts = (file: ConfigFile, address: string, loopback: boolean): readonly string[] => {
  const wildcard = isWildcard(address)
  const named = file.name === undefined || file.name === '' ? [] : [file.name.toLowerCase()]
  const outside = wildcard && file['public-address'] ? [file['public-address']] : []
  const inside = wildcard ? ['127.0.0.1', '::1'] : [address]
  return [...new Set([...named, ...(loopback || wildcard ? ['localhost'] : []), ...inside, ...outside])]
}

export const demoOf = (file: ConfigFile, drafts: readonly DraftListener[], report: Report): Snapshot['demo'] => {
  if (file.demo === undefined || file.demo === false) return undefined
  const parsed = report.take(['demo'], endpoint(file.demo === true ? '127.0.0.1:5090' : file.demo, 5090))
  if (parsed === undefined) return undefined
  if (!LOOPBACK.some((loopback) => loopback?.contains(parsed.address))) {
    report.error(
      ['demo'],
      `The demonstration PBX has no password, and ${parsed.address} is no loopback address`,
      'Write 127.0.0.1:PORT, or "true"',
    )
  }
  const taken = drafts.find(
    ({ listener }) => listener.transport.name === 'udp' && listener.bindPort === parsed.port && listener.bindAddress === parsed.address,
  )
  if (taken !== undefined)
    report.error(
      ['demo'],
      `${hostText(parsed.address)}:${parsed.port} is already taken by listener ${taken.listener.name}`,
      'Write another port',
    )
  return parsed
}

export const policyOf = (file: ConfigFile, files: Files, report: Report): string | undefined => {
  if (file.policy === undefined) return undefined
  if (!/\.(?:ts|mts|js|mjs)$/.test(file.policy))
    report.error(['policy'], `"${file.policy}" is no TypeScript or JavaScript module`, 'Write the path of a .ts file')
  return fileOf(file.policy, ['policy'], files, report)
}

const TLS_VERSION_NAMES = { '1.0': 'TLSv1', '1.1': 'TLSv1.1', '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const
const ASKING = ['none', 'request', 'require'] as const

/** Everything about the listeners that a reload can change while they stay open: it depends on the zones that use them. */
export const listenerEntries = (
  file: ConfigFile,
  drafts: readonly DraftListener[],
  zones: readonly DraftZone[],
  limits: Snapshot['limits'],
  files: Files,
  report: Report,
): readonly ListenerEntry[] => {
  const known = Object.keys(file.certificates ?? {})
  const datagramBuffer = bytes(file.limits?.['datagram-buffer'] ?? '4m')
  for (const [group, settings] of Object.entries(file.listeners)) checkGroup(group, settings, known, report)
  const trustFiles = new Map(
    Object.entries(file.listeners).map(([group, settings]) => {
      const trust = settings['tls-settings']?.trust
      const path = ['listeners', group, 'tls-settings', 'trust']
      return [group, placed(trust, path).map(([name, place]) => fileOf(name, place, files, report))]
    }),
  )
  return drafts.map(({ listener, path }) => {
    const settings = file.listeners[listener.group]!
    const users = zones.filter(({ zone }) => zone.listeners.includes(listener))
    const certificates = listOf(settings.certificate)
    const usedCertificates = certificates.length > 0 ? certificates : known.length > 0 ? known : [DEVELOPMENT]
    const tls = settings['tls-settings']
    return {
      listener,
      options: {
        limits: {
          ...limits.stream,
          ...(settings.idle === undefined ? {} : { idleMs: milliseconds(settings.idle) }),
          ...(settings.ping === undefined ? {} : { pingMs: milliseconds(settings.ping) }),
        },
        origins: [...new Set(users.flatMap(({ origins }) => origins))],
        // A telephone that speaks WebSocket is no browser and sends no Origin
        originRequired: !users.some(({ origins, zone }) => origins.length === 0 && zone.profile.media !== 'webrtc'),
        ...behindOf(settings, listener, report),
        datagramBuffer,
        ipv6Only: settings['ipv6-only'] ?? true,
        ...(listener.transport.secure
          ? {
              tls: {
                certificates: usedCertificates,
                ordered: certificates.length > 0,
                minVersion: TLS_VERSION_NAMES[tls?.['min-version'] ?? '1.2'],
                ciphers: tls?.ciphers ?? '',
                clientCertificate: tls?.['client-certificate'] ?? asked(users),
                trustFiles: trustFiles.get(listener.group) ?? [],
                peers: listenerPeers(
                  users.map(({ zone }) => zone),
                  path,
                  report,
                ),
                verifyServer: tls?.['verify-server'] ?? true,
              },
            }
          : {}),
      },
    }
  })
}

const behindOf = (
  { behind }: ConfigFile['listeners'][string],
  { group, transport }: Listener,
  report: Report,
): { readonly behind?: BehindProxies } => {
  if (behind === undefined || transport.name === 'udp') return {}
  const path = ['listeners', group, 'behind']
  const by = behind.by ?? 'forwarded-for'
  // A header can only be shown by what speaks HTTP
  if (by === 'forwarded-for' && !transport.webSocket) return {}
  const networks = placed(behind.proxies, [...path, 'proxies']).flatMap(([written, at]) => report.take(at, networkNamed(written)) ?? [])
  return { behind: { networks, by } }
}

/** The most that a zone on the listener wants; names can only be checked on a certificate that was asked for. */
const asked = (users: readonly DraftZone[]): (typeof ASKING)[number] =>
  ASKING[
    Math.max(
      0,
      ...users.map(({ zone }) =>
        Math.max(ASKING.indexOf(zone.profile.clientCertificate), zone.admission.certificateNames.length > 0 ? 1 : 0),
      ),
    )
  ]!

const checkGroup = (group: string, settings: ConfigFile['listeners'][string], known: readonly string[], report: Report): void => {
  const path = ['listeners', group]
  const secure = Object.values(TRANSPORTS).some((transport) => transport.secure && settings[transport.name] !== undefined)
  for (const key of ['certificate', 'tls-settings'] as const) {
    if (settings[key] !== undefined && !secure)
      report.warn([...path, key], `Group "${group}" has no tls or wss address, so "${key}" means nothing`, `Remove "${key}"`, 'key')
  }
  for (const [name, place] of placed(settings.certificate, [...path, 'certificate'])) {
    if (!known.includes(name) && !report.failedIn(['certificates', name]))
      report.error(place, `There is no certificate "${name}"`, didYouMean(name, known, 'certificate'))
  }
  const tls = settings['tls-settings']
  const version = tls?.['min-version'] ?? '1.2'
  if (version < '1.2' && tls?.['allow-legacy'] !== true) {
    report.error(
      [...path, 'tls-settings', 'min-version'],
      `TLS ${version} is broken and refused`,
      'Write "1.2", or add "allow-legacy: true" for devices that know nothing better',
    )
  }
}

/** A zone that looks at certificates is deaf when its listener never asks for one. */
export const checkCertificateNames = (file: ConfigFile, zones: readonly DraftZone[], report: Report): void => {
  for (const { zone, path } of zones) {
    if (zone.admission.certificateNames.length === 0) continue
    const deaf = zone.listeners.find(
      ({ group, transport }) => transport.secure && file.listeners[group]?.['tls-settings']?.['client-certificate'] === 'none',
    )
    if (deaf === undefined) continue
    report.error(
      [...path, 'admit', 'certificates'],
      `Listener ${deaf.name} does not ask for certificates, so none can be checked`,
      `Remove "client-certificate: none" from listeners.${deaf.group}.tls-settings`,
    )
  }
}
