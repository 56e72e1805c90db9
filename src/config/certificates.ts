import { isAbsolute, resolve } from 'node:path'
import type { AcmeSettings, DnsSettings } from '../certs/types.ts'
import { isWildcard } from '../zones/networks.ts'
import type { Zone } from '../zones/zone.ts'
import { ACME_CAS } from './acme-cas.ts'
import { type Files, fileOf } from './files.ts'
import { didYouMean, type Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import { DEVELOPMENT } from './settings.ts'
import type { CertificateEntry, ListenerEntry } from './snapshot.ts'
import type { Path } from './source.ts'
import { isHostName, milliseconds } from './values.ts'

type Written = NonNullable<ConfigFile['certificates']>[string]
type Ordered = Extract<Written, { readonly acme?: unknown }>
type AcmeText = NonNullable<Ordered['acme']>

const PROVIDERS = ['rfc2136', 'hook', 'cloudflare', 'hetzner', 'route53'] as const

/** The certificates of the file, and the development certificate that stands in when a listener needs one and there is none. */
export const certificatesOf = (
  file: ConfigFile,
  entries: readonly ListenerEntry[],
  zones: readonly Zone[],
  files: Files,
  report: Report,
): readonly CertificateEntry[] => {
  const written = Object.entries(file.certificates ?? {})
  if (written.length === 0 && entries.some(({ options }) => options.tls?.certificates.includes(DEVELOPMENT))) {
    const first = entries.find(({ options }) => options.tls !== undefined)!.listener
    report.warn(
      ['listeners', first.group],
      'No certificate is configured, so a development certificate is used, which peers do not trust',
      'Add "certificates: { main: { chain: FILE, key: FILE } }", or "certificates: { main: development }" when that is meant',
      'key',
    )
    return [{ name: DEVELOPMENT, source: { kind: 'development' }, hosts: hostsOf(DEVELOPMENT, entries) }]
  }
  return written.map(([name, value]) => entryOf(name, value, entries, zones, files, report))
}

const entryOf = (
  name: string,
  value: Written,
  entries: readonly ListenerEntry[],
  zones: readonly Zone[],
  files: Files,
  report: Report,
): CertificateEntry => {
  const path = ['certificates', name]
  if (value === 'development') return { name, source: { kind: 'development' }, hosts: hostsOf(name, entries) }
  if (value === 'stored') return { name, source: { kind: 'stored' }, hosts: publicHosts(name, entries) }
  if ('acme' in value && value.acme !== undefined) return orderedOf(name, value, entries, zones, files, report)
  const pem = (key: 'chain' | 'key'): string => {
    const place = 'chain' in value ? value[key] : undefined
    return place === undefined ? '' : fileOf(place, [...path, key], files, report)
  }
  return { name, source: { kind: 'files', chain: pem('chain'), key: pem('key') }, hosts: [] }
}

const orderedOf = (
  name: string,
  value: Ordered,
  entries: readonly ListenerEntry[],
  zones: readonly Zone[],
  files: Files,
  report: Report,
): CertificateEntry => {
  const path = ['certificates', name]
  const text = value.acme!
  for (const [host, at] of placed(value.names, [...path, 'names'])) {
    if (!isHostName(host.replace(/^\*\./, '')))
      report.error(at, `"${host}" is no name that a CA can confirm`, 'Write a host name such as sbc.example.com, or *.example.com')
  }
  const hosts = value.names === undefined ? publicHosts(name, entries) : listOf(value.names).map((host) => host.toLowerCase())
  if (value.names === undefined) report.derive([...path, 'names'], hosts, 'listeners')
  if (hosts.length === 0)
    report.error(path, `Certificate "${name}" would show no name`, 'Write "names", or a "name" for the edge that is a host name', 'key')
  const settings = acmeOf(text, [...path, 'acme'], files, report)
  const wildcard = hosts.find((host) => host.startsWith('*.'))
  if (wildcard !== undefined && settings.challenge !== 'dns-01')
    report.error([...path, 'acme'], `${wildcard} can be confirmed by DNS only`, 'Write "challenge: dns-01" and "dns"')
  const keyType = value.key ?? (usesOf(name, entries).some((entry) => wantsRsa(entry, zones)) ? 'rsa2048' : 'ecdsa256')
  if (value.key === undefined) report.derive([...path, 'key'], keyType, 'listeners')
  return { name, source: { kind: 'acme', settings, keyType }, hosts }
}

const acmeOf = (text: AcmeText, path: Path, files: Files, report: Report): AcmeSettings => {
  const directory = text.directory ?? 'letsencrypt'
  const url = Object.hasOwn(ACME_CAS, directory) ? ACME_CAS[directory as keyof typeof ACME_CAS] : directory
  if (!/^https:\/\/[^\s/]+/.test(url))
    report.error(
      [...path, 'directory'],
      `"${directory}" is no ACME directory`,
      `Write ${Object.keys(ACME_CAS).join(', ')}, or an https URL`,
    )
  const challenge = text.challenge ?? 'http-01'
  if (challenge === 'dns-01' && text.dns === undefined)
    report.error([...path, 'challenge'], 'dns-01 needs to write DNS records', 'Add "dns: { provider: … }"')
  if (text.email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(text.email))
    report.error([...path, 'email'], `"${text.email}" is no mail address`, 'Write an address that somebody reads')
  return {
    email: text.email ?? '',
    directory: url,
    challenge,
    httpPort: text['http-port'] ?? 80,
    eab: text.eab === undefined ? undefined : eabOf(text.eab, [...path, 'eab'], files, report),
    profile: text.profile,
    trustFile: text.trust === undefined ? undefined : fileOf(text.trust, [...path, 'trust'], files, report),
    renewBeforeMs: text['renew-before'] === undefined ? undefined : milliseconds(text['renew-before']),
    dns: text.dns === undefined ? undefined : dnsOf(text, text.dns, [...path, 'dns'], files, report),
  }
}

/** Wrong values are missing here; they are reported where they stand. */
const eabOf = (
  written: Partial<NonNullable<AcmeText['eab']>>,
  path: Path,
  files: Files,
  report: Report,
): NonNullable<AcmeSettings['eab']> => {
  const { kid = '', 'key-file': keyFile } = written
  return { kid, keyFile: keyFile === undefined ? '' : fileOf(keyFile, [...path, 'key-file'], files, report) }
}

const dnsOf = (text: AcmeText, written: Readonly<Record<string, string>>, path: Path, files: Files, report: Report): DnsSettings => {
  const { provider = '', ...rest } = written
  if (!PROVIDERS.some((known) => known === provider))
    report.error(
      provider === '' ? path : [...path, 'provider'],
      `There is no DNS provider "${provider}"`,
      didYouMean(provider, PROVIDERS, 'provider'),
    )
  const settings = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, key.endsWith('-file') && !isAbsolute(value) ? resolve(files.folder, value) : value]),
  )
  return { provider, settings, servers: listOf(text['dns-servers']), propagationMs: milliseconds(text.propagation ?? '2m') }
}

const usesOf = (certificate: string, entries: readonly ListenerEntry[]): readonly ListenerEntry[] =>
  entries.filter(({ options }) => options.tls?.certificates.includes(certificate))

const wantsRsa = ({ listener }: ListenerEntry, zones: readonly Zone[]): boolean =>
  zones.some((zone) => zone.listeners.includes(listener) && zone.profile.keys === 'rsa')

/** Names that a public CA may confirm: what the listeners advertise, without addresses. */
const publicHosts = (certificate: string, entries: readonly ListenerEntry[]): readonly string[] => [
  ...new Set(
    usesOf(certificate, entries)
      .flatMap(({ listener }) => [listener.advertisedHost, ...listener.names])
      .filter((host) => isHostName(host) && host.includes('.') && !/^[\d.]+$/.test(host)),
  ),
]

/** What a development certificate has to show: every name, and every address by which a listener that uses it is reached. */
const hostsOf = (certificate: string, entries: readonly ListenerEntry[]): readonly string[] => [
  ...new Set(
    usesOf(certificate, entries).flatMap(({ listener }) => [
      listener.advertisedHost,
      ...listener.names,
      ...(isWildcard(listener.bindAddress) ? [] : [listener.bindAddress]),
    ]),
  ),
]
