/**
 * Who sends this? Requests that begin something, from zones with `authenticate`, have to show it: by a password (digest, RFC 3261 §22), by a
 * time-limited user name, or by a token (RFC 8898). What is shown to us goes no further.
 */
import type { Flow } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { type BearerCredentials, type Credentials, type DigestCredentials, parseCredentials } from '../authentication/credentials.ts'
import { digestChallenge, digestHa1, digestResponse, quotable, sameResource } from '../authentication/digest.ts'
import { Failures } from '../authentication/failures.ts'
import { notOwn, withoutForeignIdentities, withoutIdentities } from '../authentication/identity.ts'
import { Nonces } from '../authentication/nonces.ts'
import { ipv6Network } from '../authentication/source.ts'
import { timedName, timedPassword } from '../authentication/timed.ts'
import type { Proofs, Proven, TokenVerdict } from '../authentication/types.ts'
import type { Clock } from '../base/clock.ts'
import type { Ids } from '../base/ids.ts'
import { sameText } from '../base/keyed-hash.ts'
import { Sparingly } from '../base/sparingly.ts'
import type { AuthenticationSettings } from '../config/snapshot.ts'
import type { Log } from '../observability/log.ts'
import type { AuthenticationResult, Metrics } from '../observability/metrics.ts'
import type { DigestAlgorithm, Subscribers } from '../registrar/types.ts'
import { type HeaderLine, line, type SipRequest, withHeaders } from '../sip/message.ts'
import { type SipUri, wireUser } from '../sip/uri.ts'
import type { WebRequest } from '../transport/types.ts'
import type { Zone } from '../zones/zone.ts'
import { isOurDomain, isOurHost } from './domains.ts'
import type { Running } from './edge.ts'
import type { Refusals } from './refusals.ts'

export interface GateDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics: Metrics
  readonly refusals: Refusals
  /** 32 random bytes, of this life of the process. */
  readonly key: Buffer
  readonly subscribers: Subscribers | undefined
  /** As the configuration has them now. */
  readonly proofs: () => Proofs
}

export type Verdict =
  /** `request`: without what was shown to us. */
  | { readonly kind: 'proven'; readonly request: SipRequest; readonly proven: Proven }
  | { readonly kind: 'answer'; readonly status: number; readonly reason: string; readonly headers: readonly HeaderLine[] }

type Refusal = Extract<Verdict, { readonly kind: 'answer' }>

export type WebVerdict = { readonly kind: 'proven'; readonly proven: Proven } | Refusal

/** A request at the gate. */
interface Asked {
  readonly method: string
  /** What the digest has to be about. */
  readonly uri: string
  readonly flow: Pick<Flow, 'listener' | 'remoteAddress'>
  readonly running: Running
  readonly settings: AuthenticationSettings
  /** §22.2, §22.3: whether the one behind us is asked for (401), or we, on the way to somebody (407). */
  readonly challenge: 'WWW-Authenticate' | 'Proxy-Authenticate'
}

/** Lines in the log about sources and users that are refused: a botnet has many. */
const TOLD_IN_A_MINUTE = 10
/** Several headers are tried by nobody; a stranger could write hundreds. */
const MOST_CREDENTIALS = 8

export class Gate {
  readonly #deps: GateDeps
  readonly #nonces: Nonces
  readonly #failures = new Failures()
  readonly #told: Sparingly
  /** Sent back by clients, and read by nobody: RFC 7616 §3.3 has it for servers that keep state. */
  readonly #opaque: string
  /** Nobody's: what a name that does not exist is compared with, so that it takes as long as one that does. */
  readonly #nobody: Readonly<Record<DigestAlgorithm, string>>

  constructor(deps: GateDeps) {
    this.#deps = deps
    const { ids, clock, key } = deps
    this.#nonces = new Nonces({ key, ids, now: () => clock.now() })
    this.#opaque = ids.token(8)
    this.#told = new Sparingly(clock, TOLD_IN_A_MINUTE)
    this.#nobody = { 'SHA-256': digestHa1('SHA-256', '', '', key.toString('hex')), MD5: digestHa1('MD5', '', '', key.toString('hex')) }
  }

  /** A promise where a token's keys or signature take time; it never rejects. */
  judge(request: SipRequest, zone: Zone, flow: Flow, running: Running): Verdict | Promise<Verdict> {
    const settings = running.snapshot.authentication
    const { method, requestUri: uri } = request
    const challenge = method === 'REGISTER' && zone.registration.mode === 'here' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const asked: Asked = { method, uri, flow, running, settings, challenge }
    const verdict = this.#judge(asked, () => ownCredentials(request, settings.realm, this.#deps.proofs().tokens !== undefined))
    return verdict instanceof Promise ? verdict.then((one) => this.#ownName(asked, request, one)) : this.#ownName(asked, request, verdict)
  }

  /** The same for an HTTP request of a script (RFC 7616, RFC 6750). */
  judgeWeb({ method, target, listener, remoteAddress, authorization }: WebRequest, running: Running): WebVerdict | Promise<WebVerdict> {
    const settings = running.snapshot.authentication
    const asked: Asked = { method, uri: target, flow: { listener, remoteAddress }, running, settings, challenge: 'WWW-Authenticate' }
    const counted = (verdict: WebVerdict): WebVerdict => {
      if (verdict.kind === 'proven') this.#count(verdict.proven.by)
      return verdict
    }
    const verdict = this.#judge(asked, () => {
      const shown = authorization === undefined ? undefined : parseCredentials(authorization)
      const ours = shown !== undefined && isForUs(shown, settings.realm, this.#deps.proofs().tokens !== undefined)
      return ours || shown?.scheme === 'malformed' ? shown : undefined
    })
    return verdict instanceof Promise ? verdict.then(counted) : counted(verdict)
  }

  #judge(asked: Asked, credentials: () => Credentials | undefined): WebVerdict | Promise<WebVerdict> {
    const wait = this.#failures.refusesSource(asked.flow.remoteAddress, this.#deps.clock.now(), limitsOf(asked.settings))
    if (wait > 0) return this.#refused(asked, wait)
    const shown = credentials()
    if (shown === undefined) return this.#challenge(asked, 'challenged', false)
    switch (shown.scheme) {
      case 'digest':
        return this.#digest(asked, shown)
      case 'bearer':
        return this.#token(asked, shown)
      default:
        // What cannot be read is no guess
        this.#count('malformed')
        return answer(400, 'Credentials cannot be read')
    }
  }

  /** ACK and requests inside a dialog are not asked: what they repeat of what was meant for us stays with us (§22.3), and claims count for nothing. */
  inside(request: SipRequest, running: Running): SipRequest {
    return withoutIdentities(this.#withoutOurs(request, running))
  }

  #withoutOurs(request: SipRequest, running: Running): SipRequest {
    return withoutOurs(request, running.snapshot.authentication.realm, this.#deps.proofs().tokens !== undefined)
  }

  #digest(asked: Asked, shown: DigestCredentials): WebVerdict {
    const { method, uri, flow, settings } = asked
    const { clock, subscribers } = this.#deps
    const algorithm = settings.algorithms.find((one) => one === shown.algorithm)
    // auth-int and hashed user names were not offered; MD5 without qop is RFC 2069, from phones older than RFC 3261
    const counted = shown.qop !== undefined
    const nc = counted ? countOf(shown.nc) : undefined
    if (
      algorithm === undefined ||
      shown.userhash ||
      (counted ? shown.qop !== 'auth' || nc === undefined || shown.cnonce === undefined : algorithm !== 'MD5')
    )
      return this.#challenge(asked, 'challenged', false)
    if (!sameResource(shown.uri, uri, method, (one) => isOurs(one, asked.running))) {
      this.#count('malformed')
      return answer(400, 'The uri of the credentials is another one than the Request-URI')
    }
    const username = wireUser(shown.username)!
    const timed = timedName(username)
    const user = timed?.user ?? username
    const wait = this.#failures.refusesUser(flow.remoteAddress, user, clock.now(), limitsOf(settings))
    if (wait > 0) return this.#refused(asked, wait)
    // Who never heard a challenge of ours at that address guesses nothing there: with a forged source he would lock out whoever it belongs to
    const nonce = this.#nonces.judge(shown.nonce, nonceScope(asked), settings.nonceMs)
    if (nonce === 'unknown') return this.#challenge(asked, 'stale', true)
    const right = (ha1: string): boolean => sameText(digestResponse(algorithm, ha1, method, shown), shown.response)
    let proven: Proven | undefined
    if (timed !== undefined && timed.until > clock.wall()) {
      // Each secret is tried, so that which of them fits takes no time of its own
      const fits = this.#deps
        .proofs()
        .timedSecrets.map((secret) => right(digestHa1(algorithm, username, settings.realm, timedPassword(secret, username))))
      if (fits.includes(true)) proven = { ...ownerOf(subscribers, user), by: 'timed', until: timed.until }
    } else {
      const ha1 = subscribers?.ha1(username, algorithm)
      if (right(ha1 ?? this.#nobody[algorithm]) && ha1 !== undefined)
        proven = { ...ownerOf(subscribers, user), by: 'password', until: undefined }
    }
    if (proven === undefined) return this.#wrong(asked, user, () => this.#whyWrong(username, algorithm, timed?.until))
    // RFC 7616 §3.3: who has the password and an old nonce gets another one, without being asked for the password again
    if (nonce !== 'good' || !this.#nonces.use(shown.nonce, nc, settings.nonceMs)) return this.#challenge(asked, 'stale', true)
    return this.#proved(asked, proven)
  }

  #token(asked: Asked, { token }: BearerCredentials): WebVerdict | Promise<WebVerdict> {
    const tokens = this.#deps.proofs().tokens!
    // Signatures cost time: where somebody guesses, only those that were good before are looked at
    const wait = tokens.remembers(token)
      ? 0
      : this.#failures.refusesStranger(asked.flow.remoteAddress, this.#deps.clock.now(), limitsOf(asked.settings))
    if (wait > 0) return this.#refused(asked, wait)
    const verdict = tokens.judge(token)
    return verdict instanceof Promise ? verdict.then((one) => this.#tokenJudged(asked, one)) : this.#tokenJudged(asked, verdict)
  }

  #tokenJudged(asked: Asked, verdict: TokenVerdict): WebVerdict {
    const { flow, settings, running } = asked
    const { clock, log } = this.#deps
    if (verdict.kind !== 'good') {
      if (verdict.kind === 'bad') return this.#wrong(asked, undefined, () => verdict.why, true)
      if (log.enabled('debug'))
        log.debug({ step: 'authenticate', remote: flow.remoteAddress, reason: verdict.why }, 'A token cannot be judged')
      this.#count('unsure')
      return answer(503, 'Tokens cannot be judged now', [line('Retry-After', '10')])
    }
    const { user, domain, until } = verdict
    const wait = this.#failures.refusesUser(flow.remoteAddress, user, clock.now(), limitsOf(settings))
    if (wait > 0) return this.#refused(asked, wait)
    if (domain !== undefined && !isRealm(domain, running) && !isOurDomain(domain, running.snapshot))
      return this.#wrong(asked, undefined, () => `The token is for a user at ${domain}, which is no domain of ours`, true)
    return this.#proved(asked, { ...ownerOf(this.#deps.subscribers, user), by: 'token', until })
  }

  #proved({ flow }: Asked, proven: Proven): WebVerdict {
    this.#failures.right(flow.remoteAddress, proven.user)
    if (proven.subscriber?.enabled !== false) return { kind: 'proven', proven }
    this.#count('disabled')
    this.#deps.refusals.add(flow.remoteAddress, flow.listener.name, 'The user is disabled')
    return answer(403, 'This user is disabled')
  }

  #ownName({ flow, running }: Asked, request: SipRequest, verdict: WebVerdict): Verdict {
    if (verdict.kind !== 'proven') return verdict
    const { proven } = verdict
    const ours = (uri: SipUri): boolean => isOurs(uri, running)
    const fault = notOwn(request, proven, ours)
    if (fault !== undefined) {
      this.#count('identity')
      const { log } = this.#deps
      if (log.enabled('debug'))
        log.debug(
          { step: 'authenticate', remote: flow.remoteAddress, user: proven.user, reason: fault },
          'Somebody uses another one’s address',
        )
      this.#deps.refusals.add(flow.remoteAddress, flow.listener.name, 'From or To is not the user’s own')
      return answer(403, fault)
    }
    this.#count(proven.by)
    return { kind: 'proven', request: withoutForeignIdentities(this.#withoutOurs(request, running), proven, ours), proven }
  }

  /** For the log alone: who sent it must not learn which of them it was. */
  #whyWrong(username: string, algorithm: DigestAlgorithm, until: number | undefined): string {
    const { subscribers, clock, proofs } = this.#deps
    if (subscribers?.ha1(username, algorithm) !== undefined) return 'The password is wrong'
    if (until !== undefined && proofs().timedSecrets.length > 0)
      return until > clock.wall() ? 'The password of the time-limited name is of another secret' : 'The time-limited name is over'
    const found = subscribers?.find(username)
    if (found === undefined) return 'There is no user of that name'
    return found.user === username
      ? 'The user has no password for this realm'
      : `That is an alias of ${found.user}, and no name to log in with`
  }

  #wrong(asked: Asked, user: string | undefined, why: () => string, token = false): Refusal {
    const { flow, settings } = asked
    const { clock, log, refusals } = this.#deps
    refusals.add(flow.remoteAddress, flow.listener.name, 'Wrong credentials')
    if (log.enabled('debug'))
      log.debug(
        { step: 'authenticate', remote: flow.remoteAddress, ...(user !== undefined && { user }), reason: why() },
        'Credentials are refused',
      )
    if (this.#failures.wrong(flow.remoteAddress, user, clock.now(), limitsOf(settings))) {
      const leftOut = this.#told.pass()
      if (leftOut !== undefined)
        log.warn(
          {
            remote: flow.remoteAddress,
            listener: flow.listener.name,
            ...(user !== undefined && { user }),
            ...(leftOut > 0 && { leftOut }),
          },
          'Too many wrong credentials: from here, or for this user, they are refused without a look for a while',
        )
    }
    return this.#challenge(asked, 'wrong', false, token)
  }

  #refused({ flow }: Asked, waitMs: number): Refusal {
    this.#count('flood')
    this.#deps.refusals.add(flow.remoteAddress, flow.listener.name, 'Too many wrong credentials')
    return answer(403, 'Too many wrong credentials', [line('Retry-After', String(Math.ceil(waitMs / 1000)))])
  }

  /**
   * §22.2, §22.3, RFC 8760 §2.6: one header for each algorithm, in the order of the configuration.
   * INTEROP(JsSIP, SIP.js): of several headers they see the last one alone, and they know only MD5; over WebSocket that comes last.
   */
  #challenge(asked: Asked, result: AuthenticationResult, stale: boolean, badToken = false): Refusal {
    const { flow, settings, challenge: header } = asked
    this.#count(result)
    const { realm } = settings
    const { webSocket } = flow.listener.transport
    const algorithms = webSocket ? [...settings.algorithms].sort(md5Last) : settings.algorithms
    const nonce = this.#nonces.make(nonceScope(asked))
    const headers = algorithms.map((one) => line(header, digestChallenge(one, { realm, nonce, opaque: this.#opaque, stale })))
    const { tokens } = this.#deps.proofs()
    if (tokens !== undefined) {
      const server = tokens.server === undefined ? '' : `, authz_server="${quotable(tokens.server)}"`
      const bearer = line(header, `Bearer realm="${quotable(realm)}"${server}${badToken ? ', error="invalid_token"' : ''}`)
      if (webSocket) headers.unshift(bearer)
      else headers.push(bearer)
    }
    return header === 'WWW-Authenticate' ? answer(401, 'Unauthorized', headers) : answer(407, 'Proxy Authentication Required', headers)
  }

  #count(result: AuthenticationResult): void {
    this.#deps.metrics.authentication(result)
  }
}

const md5Last = (a: DigestAlgorithm, b: DigestAlgorithm): number => Number(a === 'MD5') - Number(b === 'MD5')

/** A nonce is good for the realm and the source that it was handed to; a client that moves gets another one. */
const nonceScope = ({ settings, flow }: Asked): string => `${settings.realm}\n${ipv6Network(flow.remoteAddress)}`

const limitsOf = ({ failures, failureMs }: AuthenticationSettings) => ({ most: failures, withinMs: failureMs })

const answer = (status: number, reason: string, headers: readonly HeaderLine[] = []): Refusal => ({
  kind: 'answer',
  status,
  reason,
  headers,
})

/** An alias stands for its user, whoever named it: a disabled one does not come in by another name. */
const ownerOf = (subscribers: Subscribers | undefined, name: string): Pick<Proven, 'user' | 'subscriber'> => {
  const subscriber = subscribers?.find(name)
  return { user: subscriber?.user ?? name, subscriber }
}

/** RFC 7616 §3.4 has eight digits; INTEROP: some send fewer. */
const countOf = (nc: string | undefined): number | undefined =>
  nc !== undefined && /^[0-9a-f]{1,8}$/i.test(nc) ? Number.parseInt(nc, 16) : undefined

const isAuthorization = ({ name }: HeaderLine): boolean => name === 'proxy-authorization' || name === 'authorization'

/**
 * What of the request is for us: digest of our realm, or a token; the first of these that can be read.
 * INTEROP(JsSIP): a token comes as Authorization, whoever asks; so either header does.
 */
const ownCredentials = (request: SipRequest, realm: string, tokens: boolean): Credentials | undefined => {
  let malformed: Credentials | undefined
  let looked = 0
  for (const one of request.headers) {
    if (!isAuthorization(one) || looked++ >= MOST_CREDENTIALS) continue
    const shown = parseCredentials(one.value)
    if (isForUs(shown, realm, tokens)) return shown
    if (shown.scheme === 'malformed') malformed = shown
  }
  return malformed
}

const isForUs = (shown: Credentials, realm: string, tokens: boolean): boolean =>
  shown.scheme === 'bearer' ? tokens : shown.scheme === 'digest' && wireUser(shown.realm) === realm

/** Other realms' stay. */
const withoutOurs = (request: SipRequest, realm: string, tokens: boolean): SipRequest => {
  if (!request.headers.some(isAuthorization)) return request
  const kept = request.headers.filter((one) => !isAuthorization(one) || !isForUs(parseCredentials(one.value), realm, tokens))
  return kept.length === request.headers.length ? request : withHeaders(request, kept)
}

/** Where our users are, or the realm: the name that people know them by. */
const isOurs = (uri: SipUri, running: Running): boolean => isRealm(bareHost(uri.host), running) || isOurHost(uri, running)

const isRealm = (host: string, { snapshot }: Running): boolean => host === snapshot.authentication.realm.toLowerCase()
