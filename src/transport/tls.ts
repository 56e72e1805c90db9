import { constants, randomBytes, type X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  createServer,
  DEFAULT_CIPHERS,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls'
import type { PeerIdentity } from '../address/flow.ts'
import { bareHost } from '../address/listener.ts'
import { alternativeNames } from '../base/alternative-names.ts'
import { TransportError } from '../base/errors.ts'
import { wildcardOf } from '../base/host-match.ts'
import type { Judgement } from '../peers/judge.ts'
import { PeerJudge } from '../peers/peer-judge.ts'
import { sentenceOf } from '../peers/verdict.ts'
import type { CertificateMaterial, TlsOptions } from './types.ts'

/**
 * The TLS side of one listener, made from one set of options and never changed: a reload makes another, and connections
 * keep the one they began with.
 */
export class TlsSide {
  readonly options: TlsOptions
  /** Not bound to any port: it is given sockets that were accepted elsewhere, and gives them back after the handshake. */
  readonly #server: Server
  readonly #names = new Map<string, SecureContext>()
  readonly #contexts = new Map<string, SecureContext>()
  /** Of the certificates, each once; the first is what we show under a name that none of them covers. */
  readonly #clients: readonly SecureContext[]
  readonly #ticketKeys: Buffer
  /** undefined: OpenSSL judges. */
  readonly #judge: PeerJudge | undefined

  /**
   * `before` is the side that this one replaces: unchanged certificates are not read again, and sessions can still be resumed.
   * @throws TransportError when a certificate, a trust root or the ciphers cannot be used
   */
  constructor(listenerName: string, options: TlsOptions | undefined, secured: (socket: TLSSocket) => void, before?: TlsSide) {
    const [first] = options?.certificates ?? []
    if (options === undefined || first === undefined) {
      throw new TransportError(
        'SBC_TRANSPORT_TLS',
        `Listener ${listenerName} has no certificate; name one for it, or let the development CA make one`,
      )
    }
    this.options = options
    const kept = before !== undefined && settingsOf(before.options) === settingsOf(options) ? before : undefined
    // Whom we believed under other roots or rules must show its certificate again
    this.#ticketKeys = kept === undefined ? randomBytes(48) : kept.#ticketKeys
    this.#judge = kept === undefined ? options.peers && new PeerJudge(options.peers) : kept.#judge
    for (const material of options.certificates) {
      try {
        const key = `${material.chain}\n${material.key}`
        const context = (kept === undefined ? undefined : kept.#contexts.get(key)) ?? createSecureContext(this.#settings(material))
        this.#contexts.set(key, context)
        for (const host of material.hosts) if (!this.#names.has(host)) this.#names.set(host, context)
      } catch (cause) {
        throw new TransportError(
          'SBC_TRANSPORT_TLS',
          `Listener ${listenerName} cannot use certificate ${material.name}: ${(cause as Error).message}`,
          cause,
        )
      }
    }
    this.#clients = [...this.#contexts.values()]
    this.#server = createServer({
      ...this.#settings(first),
      requestCert: options.clientCertificate !== 'none' || this.#judge !== undefined,
      rejectUnauthorized: options.clientCertificate === 'require' && this.#judge === undefined,
      SNICallback: (name, answer) => answer(null, this.contextFor(name)),
    })
    this.#server.on('secureConnection', secured)
    // A failed handshake ends with the socket's close, which is where it is counted
    this.#server.on('tlsClientError', () => {})
  }

  /** Takes an accepted socket through the handshake. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  /** RFC 6066 §3: the certificate of that name, else a wildcard for one label (RFC 6125 §6.4.3), else the first. */
  contextFor(name: string): SecureContext | undefined {
    const host = bareHost(name)
    return this.#names.get(host) ?? this.#names.get(wildcardOf(host) ?? '')
  }

  /** Which of our certificates answers for a name of ours on connections that we open: that of the name, else the first, which is 0. */
  shownAs(name: string): number {
    if (this.#clients.length === 1) return 0
    const context = this.contextFor(name)
    return context === undefined ? 0 : this.#clients.indexOf(context)
  }

  /** What a connection to `host` is opened with. @param shown of `shownAs`: it answers when the server asks for a certificate */
  dialOptions(host: string, shown: number): ConnectionOptions {
    const bare = bareHost(host)
    return {
      secureContext: this.#clients[shown]!,
      // RFC 6066 §3: literal addresses are not permitted as server name
      ...(isIP(bare) === 0 ? { servername: bare } : {}),
      rejectUnauthorized: this.options.verifyServer && this.#judge === undefined,
      checkServerIdentity: (_, certificate) => (this.#judge === undefined ? checkServerIdentity(bare, certificate) : undefined),
    }
  }

  /**
   * Who the peer of an accepted connection is; undefined when it was not asked, or showed nothing to OpenSSL. Which name it has to show is a
   * matter of zones. To be asked once for each connection.
   * @param now milliseconds since 1970
   */
  peerOf(socket: TLSSocket, now: number): PeerIdentity | undefined {
    if (this.#judge !== undefined) return judged(this.#judge, socket, [], now)
    return this.options.clientCertificate === 'none' ? undefined : peerIdentity(socket)
  }

  /** The same of the server of a connection that we opened to `host`. One with a `reason` is to be left. */
  serverOf(socket: TLSSocket, host: string, now: number): PeerIdentity | undefined {
    if (this.#judge === undefined) return peerIdentity(socket)
    const names = this.options.peers?.names ?? []
    return judged(this.#judge, socket, names.length > 0 ? names : [bareHost(host)], now)
  }

  /** Nobody may come without a certificate that is good; OpenSSL, where it judges, has sent such away by now. */
  refuses(peer: PeerIdentity | undefined): boolean {
    return this.#judge !== undefined && this.options.clientCertificate === 'require' && peer?.verified !== true
  }

  #settings(material: CertificateMaterial): SecureContextOptions & { ticketKeys: Buffer } {
    const { minVersion, trust, ciphers } = this.options
    const roots = trust.length === 0 ? {} : { ca: [...trust] }
    // OpenSSL 3 allows TLS 1.0 and 1.1 on its lowest security level only
    const level = minVersion === 'TLSv1' || minVersion === 'TLSv1.1' ? ':@SECLEVEL=0' : ''
    return {
      cert: material.chain,
      key: material.key,
      minVersion,
      ciphers: `${ciphers === '' ? DEFAULT_CIPHERS : ciphers}${level}`,
      ...(this.#judge === undefined ? roots : JUDGED),
      ticketKeys: this.#ticketKeys,
    }
  }
}

/**
 * Where we judge, OpenSSL trusts nobody: Node shows the chain of a client only while OpenSSL is not content with it, and names no CAs to clients,
 * which then choose no certificate by them. And no session is resumed, since a ticket has the leaf alone: who comes back shows all again.
 */
const JUDGED: SecureContextOptions = { ca: [], secureOptions: constants.SSL_OP_NO_TICKET }

/** Everything that is the same for all certificates of a listener. */
const settingsOf = (options: TlsOptions): string =>
  JSON.stringify([options.minVersion, options.ciphers, options.clientCertificate, options.trust, options.verifyServer, options.peers])

/** Two options that would make the same side. */
export const sameTls = (one: TlsOptions | undefined, other: TlsOptions | undefined): boolean =>
  one === other || (one !== undefined && other !== undefined && JSON.stringify(one) === JSON.stringify(other))

/**
 * What the peer showed, judged when somebody asks for the first time: signatures cost milliseconds, and on a port that is open to the world most
 * who come are sent away by their address, or are clients who need no certificate.
 */
const judged = (judge: PeerJudge, socket: TLSSocket, wanted: readonly string[], now: number): PeerIdentity => {
  let shown = shownBy(socket)
  const protection = { version: socket.getProtocol() ?? '', cipher: socket.getCipher()?.name ?? '' }
  let judgement: Judgement | undefined
  const look = (): Judgement => {
    judgement ??= judge.judge(shown, wanted, now)
    shown = []
    return judgement
  }
  return {
    get verified() {
      return look().verdict.ok
    },
    get error() {
      const { verdict } = look()
      return verdict.ok ? '' : sentenceOf(verdict)
    },
    get reason() {
      const { verdict } = look()
      return verdict.ok ? undefined : verdict.reason
    },
    get names() {
      return look().names
    },
    get session() {
      const { fingerprint, validTo } = look()
      return { ...protection, fingerprint, validTo }
    },
  }
}

/** More than the judge looks at. */
const MOST_SHOWN = 16

/**
 * Everything that the peer sent, in its order, DER: `getPeerCertificate(true)` would show one way through it, chosen by names. Node hands it out
 * once: whoever asks again gets the leaf alone.
 */
const shownBy = (socket: TLSSocket): readonly Buffer[] => {
  const shown: Buffer[] = []
  for (let one: X509Certificate | undefined = socket.getPeerX509Certificate(); one !== undefined && shown.length < MOST_SHOWN; ) {
    shown.push(one.raw)
    one = one.issuerCertificate
  }
  return shown
}

/** What a TLS peer has shown; undefined when it has no certificate. */
const peerIdentity = (socket: TLSSocket): PeerIdentity | undefined => {
  const certificate = socket.getPeerCertificate()
  if (certificate?.subject === undefined) return undefined
  const alternatives = certificate.subjectaltname === undefined ? undefined : namesOf(certificate.subjectaltname)
  // RFC 5922 §7.1: the common name counts only where there are no alternative names
  const common = certificate.subject.CN as string | readonly string[] | undefined
  const names = alternatives ?? (common === undefined ? [] : [common].flat().map((name) => name.toLowerCase()))
  return { verified: socket.authorized, error: socket.authorized ? '' : String(socket.authorizationError ?? 'not verified'), names }
}

/** The DNS names of a subjectAltName in Node's text, lower case, and the hosts of its `sip:` URIs (RFC 5922 §7.1). */
export const namesOf = (text: string): string[] => {
  const names: string[] = []
  for (const { kind, value, quoted } of alternativeNames(text)) {
    if (quoted) continue
    if (kind === 'DNS') names.push(value.toLowerCase())
    if (kind !== 'URI') continue
    // RFC 5922 §7.1: a URI with a user part is a person's, not a domain's
    const host = /^sip:([^@:;?[\]]+)$/i.exec(value)?.[1]
    if (host !== undefined) names.push(host.toLowerCase())
  }
  return names
}
