/** Clients: their registrations, what shows who they are, and the routers in front of them. */
import { bareHost } from '../address/listener.ts'
import type { Route } from '../routing/route.ts'
import { NAT_TESTS, type NatPolicy } from '../zones/nat.ts'
import type { LostPolicy, RegistrationPolicy } from '../zones/registration.ts'
import type { Zone, ZoneProfile } from '../zones/zone.ts'
import { type Files, fileOf } from './files.ts'
import type { Report } from './report.ts'
import { listOf, placed } from './rules.ts'
import type { ConfigFile } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import type { Path } from './source.ts'
import { isHostName, milliseconds, networkNamed } from './values.ts'
import type { ZoneText } from './zones.ts'

/** The part of a zone that is about its clients. */
export type ClientPolicy = Pick<Zone, 'registration' | 'authenticate' | 'registrar' | 'lost' | 'nat'>

export const clientPolicy = (text: ZoneText, profile: ZoneProfile, file: ConfigFile, path: Path, report: Report): ClientPolicy => {
  const registration = registrationOf(text, profile, file, path, report)
  const authenticate = text.authenticate ?? registration.mode === 'here'
  if (text.authenticate === undefined) report.derive([...path, 'authenticate'], authenticate, `registration ${registration.mode}`)
  if (!authenticate && registration.mode === 'here')
    report.warn(
      [...path, 'authenticate'],
      `Whoever reaches zone "${path[1]}" may register as anybody`,
      'Remove "authenticate: false", unless the network itself knows who is who',
    )
  return {
    registration,
    authenticate,
    registrar: text.registrar ?? 'auto',
    lost: lostOf(text, profile, path, report),
    nat: natOf(text, profile, path, report),
  }
}

const registrationOf = (text: ZoneText, profile: ZoneProfile, file: ConfigFile, path: Path, report: Report): RegistrationPolicy => {
  const place = [...path, 'registration']
  const written = typeof text.registration === 'string' ? { mode: text.registration } : (text.registration ?? {})
  const usual = profile.reach === 'flow' && file.registrar !== undefined ? 'here' : 'pass'
  const mode = written.mode ?? usual
  if (written.mode === undefined) report.derive([...place, 'mode'], mode, profile.reach !== 'flow' ? `kind ${text.kind}` : whyMode(file))
  if (mode === 'here' && profile.reach === 'flow' && file.registrar === undefined)
    report.error(
      place,
      'There is no registrar of our own that could keep them',
      'Add a section "registrar: {}", or write "pass" and a route to the PBX',
    )
  if (mode === 'here' && profile.reach !== 'flow')
    report.error(
      place,
      `Zone "${path[1]}" ${text.kind === undefined ? '' : `of kind ${text.kind} `}has peers with addresses, no clients that register`,
      'Write kind phones or webrtc, or remove "registration"',
    )
  const { refresh, renew } = written as { refresh?: string; renew?: string }
  if (refresh === undefined) return { mode, refresh: undefined }
  if (mode !== 'pass') report.warn([...place, 'refresh'], `"refresh" means something with "pass" alone`, 'Remove "refresh"', 'key')
  const clientSeconds = milliseconds(refresh) / 1000
  const renewSeconds = milliseconds(renew ?? '30m') / 1000
  if (renewSeconds < clientSeconds)
    report.error(
      [...place, renew === undefined ? 'refresh' : 'renew'],
      `The PBX would hear of a registration every ${renewSeconds}s, more often than the client refreshes it (${clientSeconds}s)`,
      'Write a "renew" that is longer than "refresh"',
    )
  return { mode, refresh: { clientSeconds, renewSeconds } }
}

const whyMode = (file: ConfigFile): string => (file.registrar === undefined ? 'no registrar of our own' : 'section registrar')

const LOST = { registration: '5s', calls: '20s', 'tell-registrar': true } as const

const lostOf = (text: ZoneText, profile: ZoneProfile, path: Path, report: Report): LostPolicy => {
  const written = text['lost-connection']
  if (written === undefined && profile.reach === 'flow')
    for (const [key, value] of Object.entries(LOST)) report.derive([...path, 'lost-connection', key], value, `kind ${text.kind}`)
  return {
    registrationMs: milliseconds(written?.registration ?? LOST.registration),
    callsMs: milliseconds(written?.calls ?? LOST.calls),
    tellRegistrar: written?.['tell-registrar'] ?? LOST['tell-registrar'],
  }
}

const KEEP_ALIVE = { 'keep-alive': '30s', by: 'options', losses: 4, lost: 'drop' } as const
const OFF: NatPolicy = { tests: [], local: [], keepAlive: undefined }

const natOf = (text: ZoneText, profile: ZoneProfile, path: Path, report: Report): NatPolicy => {
  const place = [...path, 'nat']
  const usual = profile.reach === 'flow' ? 'auto' : 'off'
  if (text.nat === undefined && usual === 'off') report.derive(place, usual, `kind ${text.kind}`)
  else if (text.nat === undefined)
    for (const [key, value] of Object.entries(KEEP_ALIVE)) report.derive([...place, key], value, `kind ${text.kind}`)
  if ((text.nat ?? usual) === 'off') return OFF
  const written = typeof text.nat === 'object' ? text.nat : {}
  const interval = written['keep-alive'] ?? KEEP_ALIVE['keep-alive']
  return {
    tests: written.tests ?? NAT_TESTS,
    local: placed(written.local, [...place, 'local']).flatMap(([entry, at]) => report.take(at, networkNamed(entry)) ?? []),
    keepAlive:
      interval === 'off'
        ? undefined
        : {
            intervalMs: milliseconds(interval),
            by: written.by ?? KEEP_ALIVE.by,
            losses: written.losses ?? KEEP_ALIVE.losses,
            // biome-ignore lint/suspicious/noThenProperty: a word of the configuration, and no promise
            then: written.lost ?? KEEP_ALIVE.lost,
          },
  }
}

export const registrarOf = (file: ConfigFile, name: string, report: Report): Snapshot['registrar'] => {
  if (file.registrar === undefined) return undefined
  const { registrar } = file
  const path = ['registrar']
  for (const [domain, at] of placed(registrar.domains, [...path, 'domains']))
    if (!isHostName(domain) && !/^[\d.:[\]]+$/.test(domain))
      report.error(at, `"${domain}" is no domain`, 'Write a host name such as example.com')
  const written = listOf(registrar.domains).map(bareHost)
  if (written.length === 0) report.derive([...path, 'domains'], [bareHost(name)], 'name')
  const [least, usual, most] = [registrar['least-expires'] ?? '60s', registrar.expires ?? '10m', registrar['most-expires'] ?? '1h'].map(
    (text) => milliseconds(text) / 1000,
  ) as [number, number, number]
  if (usual < least || most < usual)
    report.error(
      [...path, usual < least ? 'expires' : 'most-expires'],
      `${usual < least ? usual : most}s is less than ${usual < least ? `least-expires of ${least}` : `expires of ${usual}`}s`,
      'Write least-expires ≤ expires ≤ most-expires',
      'key',
    )
  return {
    domains: written.length === 0 ? [bareHost(name)] : written,
    leastSeconds: least,
    usualSeconds: usual,
    mostSeconds: most,
    contacts: registrar.contacts ?? 10,
  }
}

const MEASURES = { nonce: '5m', failures: 20, 'failure-time': '5m' } as const

/** What our own registrar would keep for nobody, and who registers there and can be called by nobody. */
export const checkRegistrar = (file: ConfigFile, zones: ReadonlyMap<string, Zone>, routes: readonly Route[], report: Report): void => {
  if (file.registrar === undefined || report.failed) return
  const kept = [...zones.values()].filter(({ registration }) => registration.mode === 'here')
  if (kept.length === 0)
    report.warn(
      ['registrar'],
      'Nobody can register here: no zone has "registration: here"',
      'Write it in a zone of kind phones or webrtc, or remove "registrar"',
      'key',
    )
  const tenants = [...zones.values()].flatMap((zone) => zone.tenants.flatMap((tenant) => tenant.zones))
  const called = new Set([...tenants, ...routes.flatMap(({ action }) => (action.kind === 'zone' ? action.zones : []))])
  for (const { name } of kept) {
    if (!called.has(name))
      report.warn(
        ['zones', name],
        `Who registers in zone "${name}" can be called by nobody, since no route leads to it`,
        `Add a route such as { to: ${name} }`,
        'key',
      )
  }
}

/** Always there: a zone may ask for credentials without a word about how. */
export const authenticationOf = (
  file: ConfigFile,
  name: string,
  zones: ReadonlyMap<string, Zone>,
  files: Files,
  report: Report,
): Snapshot['authentication'] => {
  const written = file.authentication ?? {}
  const path = ['authentication']
  const secret = (text: string | undefined, ...key: readonly string[]) =>
    text === undefined ? undefined : fileOf(text, [...path, ...key], files, report)
  const domain = listOf(file.registrar?.domains)[0]
  const realm = written.realm ?? domain ?? name
  const algorithms = written.algorithms === undefined ? (['MD5', 'SHA-256'] as const) : [...new Set(listOf(written.algorithms))]
  const asks = [...zones.values()].some(({ authenticate }) => authenticate)
  if (asks || file.authentication !== undefined) {
    report.derive([...path, 'realm'], realm, domain === undefined ? 'name' : 'registrar.domains')
    report.derive([...path, 'algorithms'], algorithms, 'what most clients know comes first')
    for (const [key, value] of Object.entries(MEASURES)) report.derive([...path, key], value, 'no section authentication')
  }
  if (!asks && file.authentication !== undefined && file.turn === undefined && !report.failed)
    report.warn(path, 'No zone asks its clients who they are, so this means nothing', 'Write "authenticate: true" in a zone', 'key')
  return {
    realm,
    algorithms,
    nonceMs: milliseconds(written.nonce ?? MEASURES.nonce),
    failures: written.failures ?? MEASURES.failures,
    failureMs: milliseconds(written['failure-time'] ?? MEASURES['failure-time']),
    tokens: tokensOf(written.tokens, secret, report),
    timedSecretFile: secret(written['timed-secret-file'], 'timed-secret-file'),
  }
}

/** Encrypted, or from this machine. */
const isSafe = (url: string): boolean => {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: '', hostname: '' }
  return protocol === 'https:' || (protocol === 'http:' && /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname))
}

const tokensOf = (
  written: NonNullable<ConfigFile['authentication']>['tokens'],
  secret: (text: string | undefined, ...key: readonly string[]) => string | undefined,
  report: Report,
): Snapshot['authentication']['tokens'] => {
  if (written === undefined) return undefined
  const path = ['authentication', 'tokens']
  const { keys, issuer, audience, user } = written
  if (written['secret-file'] === undefined && written['key-file'] === undefined && keys === undefined)
    report.error(path, 'Nothing says how the signature of a token is checked', 'Add "secret-file", "key-file" or "keys"', 'key')
  if (keys !== undefined && !isSafe(keys))
    report.error([...path, 'keys'], `"${keys}" is no https URL`, 'Keys that come in the clear can be exchanged on the way: write https://…')
  if (audience === undefined)
    report.warn(
      path,
      'Tokens that are made for other services are good here, too',
      'Add "audience", and have your application set it',
      'key',
    )
  return {
    secretFile: secret(written['secret-file'], 'tokens', 'secret-file'),
    keyFile: secret(written['key-file'], 'tokens', 'key-file'),
    keysUrl: keys,
    issuer,
    audience,
    userClaim: user ?? 'sub',
  }
}

const TURN = /^(?:turns?|stuns?):[^\s?]+(?:\?transport=(?:udp|tcp))?$/i

export const turnOf = (file: ConfigFile, files: Files, report: Report): Snapshot['turn'] => {
  if (file.turn === undefined) return undefined
  for (const [server, at] of placed(file.turn.servers, ['turn', 'servers']))
    if (!TURN.test(server))
      report.error(at, `"${server}" is no TURN or STUN URI`, 'Write turn:HOST:PORT?transport=udp or turns:HOST:PORT (RFC 7065)')
  const secretFile = file.turn['secret-file']
  // Both make the same pair of name and password of it: what was lent for TURN would open the registrar
  if (secretFile !== undefined && secretFile === file.authentication?.['timed-secret-file'])
    report.error(
      ['turn', 'secret-file'],
      'This secret is also that of time-limited user names, so whoever gets TURN credentials could register with them',
      'Use another secret for one of the two',
    )
  return {
    servers: listOf(file.turn.servers),
    secretFile: secretFile === undefined ? '' : fileOf(secretFile, ['turn', 'secret-file'], files, report),
    lifetimeSeconds: milliseconds(file.turn.lifetime ?? '1h') / 1000,
  }
}
