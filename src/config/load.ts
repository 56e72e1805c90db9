import { dirname, resolve } from 'node:path'
import type { Listener } from '../address/listener.ts'
import { alarmsOf } from './alarms.ts'
import { certificatesOf } from './certificates.ts'
import type { ConfigProblem } from './errors.ts'
import type { Files } from './files.ts'
import { draftListeners, identityOf } from './listeners.ts'
import { draftMedia, mediaOf } from './media.ts'
import { checkNodes } from './media-policy.ts'
import { EMERGENCY } from './peers.ts'
import { authenticationOf, checkRegistrar, registrarOf, turnOf } from './registration.ts'
import { type Origin, Report } from './report.ts'
import { draftRoutes } from './routes.ts'
import { type ConfigFile, SCHEMA } from './schema.ts'
import { adminOf, checkCertificateNames, demoOf, limitsOf, listenerEntries, logOf, policyOf, timersOf } from './settings.ts'
import type { Snapshot } from './snapshot.ts'
import { readSource, type Source } from './source.ts'
import { checkTenantCertificates, zonesOfTenants } from './tenants.ts'
import { type Environment, readTree } from './tree.ts'
import { bytes } from './values.ts'
import { draftZones } from './zones.ts'

export interface LoadOptions {
  /** Path of the file: relative paths inside start at its folder. */
  readonly file: string
  /** Absolute path of the data folder. */
  readonly dataDir: string
  /** EDGEWAYS_… variables that override settings (`OVERRIDES`); none by default. */
  readonly environment?: Environment
  /** The snapshot in use: its listeners are reused where nothing of them changed, so that their flows stay theirs. */
  readonly previous?: Snapshot
  /** IP addresses of this machine, in the order of the system, for media of listeners that are bound to all of them; none by default. */
  readonly localAddresses?: readonly string[]
  /** Tells whether a file can be read; without it files that the configuration names are not looked at. */
  readonly readable?: (path: string) => boolean
}

/** A file that was read, for showing and editing it. */
export interface LoadedDocument {
  readonly file: string
  /** The YAML with its comments and places. */
  readonly source: Source
  /** As written, checked, with the schema's defaults. */
  readonly settings: ConfigFile
  readonly origins: ReadonlyMap<string, Origin>
  /** Defaults that follow from other settings. */
  readonly derived: Report['derived']
}

export type LoadResult =
  | { readonly ok: true; readonly snapshot: Snapshot; readonly warnings: readonly ConfigProblem[]; readonly document: LoadedDocument }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/**
 * YAML text to a whole, checked, frozen snapshot, or everything that is wrong with it at once, in the order of the file.
 * Never throws. Of the file system it sees only what `readable` tells.
 */
export const loadConfig = (text: string, options: LoadOptions): LoadResult => {
  const source = readSource(text)
  if (!('document' in source)) return { ok: false, problems: source.map((problem) => ({ ...problem, path: '', severity: 'error' })) }
  const report = new Report(source)
  if (source.document.contents === null) {
    report.error([], 'The file is empty', 'Write at least listeners, zones and routes; docs/configuration.md has an example')
    return { ok: false, problems: report.problems }
  }
  const tree = readTree(SCHEMA, source, report, options.environment ?? {})
  // With required parts missing there is nothing to build upon; single wrong values are left out, and the rest is checked all the same
  const settings = tree.value as ConfigFile | undefined
  if (settings?.listeners === undefined || settings.zones === undefined) return { ok: false, problems: report.problems }
  const snapshot = build(settings, options, report)
  if (report.failed) return { ok: false, problems: report.problems }
  const document = { file: options.file, source, settings, origins: tree.origins, derived: report.derived }
  return { ok: true, snapshot: frozen(snapshot), warnings: report.problems, document }
}

const build = (file: ConfigFile, options: LoadOptions, report: Report): Snapshot => {
  const files: Files = { folder: dirname(resolve(options.file)), ...(options.readable === undefined ? {} : { readable: options.readable }) }
  const kept = new Map<string, Listener>(options.previous?.listeners.map(({ listener }) => [listener.name, listener]))
  const identity = identityOf(file, report)
  const drafts = draftListeners(file, identity, report, kept)
  const addresses = { publicAddress: identity.publicAddress, local: options.localAddresses ?? [] }
  const media = draftMedia(file, drafts, addresses, options.previous?.media.local.interfaces ?? [], report)
  const zones = draftZones(file, drafts, media, files, report)
  checkNodes(media, zones, report)
  const byName = new Map(zones.map(({ zone }) => [zone.name, zone]))
  const routes = draftRoutes(file, byName, Object.keys(file.zones), zonesOfTenants(zones), report)
  const limits = limitsOf(file)
  const listeners = listenerEntries(file, drafts, zones, limits, files, report)
  const certificates = certificatesOf(file, listeners, [...byName.values()], files, report)
  checkCertificateNames(file, zones, report)
  checkTenantCertificates(zones, listeners, certificates, report)
  checkRegistrar(file, byName, routes, report)
  const used = new Set(Object.values(file.zones).flatMap(({ on }) => on))
  for (const group of Object.keys(file.listeners)) {
    if (!used.has(group))
      report.warn(
        ['listeners', group],
        `No zone is on listener group "${group}", so it admits nobody`,
        'Add it to the "on" of a zone, or remove it',
        'key',
      )
  }
  const name = identity.name ?? identity.publicAddress ?? drafts[0]?.listener.advertisedHost ?? 'localhost'
  return {
    name,
    publicAddress: identity.publicAddress,
    listeners,
    zones: byName,
    routes,
    certificates,
    limits,
    log: logOf(file),
    traceBytes: file.trace === 'off' ? 0 : bytes(file.trace ?? '16m'),
    media: mediaOf(media, [...byName.values()]),
    registrar: registrarOf(file, name, report),
    authentication: authenticationOf(file, name, byName, files, report),
    turn: turnOf(file, files, report),
    emergency: file.emergency ?? EMERGENCY,
    admin: adminOf(file, drafts, report),
    alarms: alarmsOf(file, files, report),
    serverHeader: file['server-header'] ?? '',
    policyModule: policyOf(file, files, report),
    demo: demoOf(file, drafts, report),
    ...timersOf(file, report),
  }
}

/** Plain objects and arrays, deeply; class instances (listeners) and maps guard themselves. */
const frozen = <T>(value: T): T => {
  if (value instanceof Map) for (const entry of value.values()) frozen(entry)
  else if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value
    Object.freeze(value)
    for (const entry of Object.values(value)) frozen(entry)
  }
  return value
}

/** Where a setting comes from, for people. */
export const originText = (origin: Origin | undefined): string => {
  switch (origin?.kind) {
    case undefined:
      return ''
    case 'file':
      return `file line ${origin.line}`
    case 'environment':
      return origin.variable
    case 'default':
      return origin.why === '' ? 'default' : `default: ${origin.why}`
  }
}
