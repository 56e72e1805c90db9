import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Destination } from '../address/destination.ts'
import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import type { ConnectionRules, PeerUsage } from '../zones/peers.ts'
import type { Network } from '../zones/zone.ts'

/** Why bytes or a connection were given up; the `reason` label of `edgeways_drops_total`. */
export type DropReason =
  | 'framing' // a stream that is no SIP, or a head or body over the limit
  | 'slow-message' // began a message and did not finish it in time
  | 'handshake' // TLS or WebSocket handshake failed or took too long
  | 'certificate' // a client's was not accepted by us, where one is required
  | 'idle'
  | 'connections' // over the limit for connections, of the listener or of one source
  | 'origin' // WebSocket Origin not allowed
  | 'sub-protocol' // WebSocket without `sip`
  | 'datagram' // empty or tiny datagrams that are no keep-alive
  | 'stun' // STUN that holds no mapping: not a plain Binding request, or more of them than are answered
  | 'backpressure' // the peer does not read what we send
  | 'proxy-header' // from a proxy of ours without the PROXY header, or X-Forwarded-For, that says whose connection it is

/** Why a connection takes no new requests of ours. */
export type RetireReason =
  | 'age' // as old as its zone lets it become
  | 'certificate' // it was opened with a certificate that is not ours any more
  | 'busy' // the peer said that it is (503 with Retry-After)

/** What the transports tell the engine. Called synchronously; must not throw. */
export interface TransportEvents {
  /** One whole message: a datagram, a framed part of a stream, a WebSocket message. The bytes are the receiver's to keep. */
  received(flow: Flow, bytes: Buffer): void
  /** One whole message of ours left, or waits for its connection; keep-alives do not count. The bytes must not be changed afterwards. */
  sent?(flow: Flow, bytes: Buffer): void
  /** A connection was opened (ours or theirs), its handshakes done. */
  opened(flow: Flow): void
  /**
   * A connection is gone, or could not be opened; what it still had to send is lost. Called once, also when we closed it.
   * For UDP: a datagram could not be sent, such as to a network that cannot be reached; the flow stays usable, and this may come again.
   */
  closed(flow: Flow, reason: string): void
  /** Nothing of ours begins on a connection any more; it closes when nothing is under way on it. */
  retired?(flow: Flow, reason: RetireReason): void
  /** A transaction waits for something that comes by this connection, or has to leave by it. */
  underWay?(flow: Flow): boolean
  dropped(listener: Listener, reason: DropReason, remoteAddress: string): void
  /** A keep-alive (CRLF, WebSocket pong, STUN Binding request) arrived. */
  keptAlive(flow: Flow): void
}

export interface Transports {
  /** Binds the listener's socket. @throws TransportError with a sentence naming the address and the remedy */
  open(listener: Listener, options: ListenerOptions): Promise<void>
  /**
   * New options (certificates, origins, limits) for an open listener; connections stay, but nothing new begins on those that we opened with
   * other TLS options.
   * @returns whether peers are shown another certificate, or judged by other rules, from now on
   * @throws TransportError when a certificate cannot be used; then the options before stay
   */
  update(listenerName: string, options: ListenerOptions): boolean
  /** An open listener goes by other names: the same socket, whose flows are of this listener from now on. */
  rename(listener: Listener): void
  /**
   * TLS-ALPN-01 (RFC 8737): on every TLS listener, handshakes with ALPN `acme-tls/1` alone and this server name get this certificate, and
   * nothing else; undefined takes it away. All other handshakes are as ever. PEM.
   * @throws TransportError when it cannot be used
   */
  challenge(host: string, certificate: { readonly chain: string; readonly key: string } | undefined): void
  /** Stops accepting; connections stay until they are closed or `closeAll`. A UDP socket is closed at once. */
  close(listenerName: string): Promise<void>
  /**
   * The flow to a destination, from `listener`: for UDP always at once; for a stream an open connection that we opened
   * before, one that comes from exactly that address and port (§18) where `rules` let it be shared, else a new one that is still connecting
   * and keeps what is sent.
   * @param rules of the zone; by default it is shared and stays
   * @param as the name of ours that is spoken under, by default what the listener advertises: on a TLS connection that we open, its certificate is
   * shown, or the first where none covers it. Names with one certificate share connections
   */
  flowTo(listener: Listener, destination: Destination, rules?: ConnectionRules, as?: string): Flow
  /** Nothing of ours begins on this connection any more; it is closed when nothing is under way on it, not before `afterMs`. */
  retire(flow: Flow, reason: RetireReason, afterMs?: number): void
  /** Those that are open. */
  connections(): Iterable<Flow>
  /** For UDP: the flow to a remote that we heard from. For a connection: `flowById`. */
  datagramFlow(listener: Listener, remoteAddress: string, remotePort: number): Flow
  flowById(id: string): Flow | undefined
  /**
   * Takes over a WebSocket handshake that another HTTP server of ours was asked for: from here on it is a connection of the listener, with its
   * limits, sub-protocol and origins. Whom it refuses it answers, in words, and counts.
   * @returns its flow, of which `opened` has told already; undefined: refused
   */
  adopt(listenerName: string, handshake: Handshake): Flow | undefined
  /** Open connections, for gauges. */
  counts(): ReadonlyMap<string, number>
  closeAll(reason: string): Promise<void>
}

/** A request of a script to the HTTP side of a ws or wss listener, no WebSocket handshake. */
export interface WebRequest {
  readonly method: string
  /** Path, with `?` and query where there is one, as it was asked for. */
  readonly target: string
  readonly listener: Listener
  readonly remoteAddress: string
  /** Header Authorization. */
  readonly authorization: string | undefined
}

export interface WebAnswer {
  readonly status: number
  /** Repeated ones as a list. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

/** What there is for scripts beside WebSockets. Origins and preflights are the listener's business. */
export interface WebAnswers {
  /** Methods that are good for this path; empty: there is nothing. */
  methods(path: string): readonly string[]
  /** Of a method and path that are good. Never rejects. */
  answer(request: WebRequest): Promise<WebAnswer>
}

/** What an HTTP server's event `upgrade` brings. */
export interface Handshake {
  readonly request: IncomingMessage
  readonly socket: Socket
  readonly head: Buffer
  /** Who it is, as far as the server knows. */
  readonly remote: { readonly address: string; readonly port: number }
  /** The server has looked at the Origin itself. */
  readonly originChecked: boolean
}

export interface StreamLimits {
  /** Bytes of start line and headers. */
  readonly maxHead: number
  readonly maxBody: number
  /** A message, once begun, is complete within this. */
  readonly messageMs: number
  /** TLS and WebSocket handshakes together. */
  readonly handshakeMs: number
  readonly connectMs: number
  /** A connection without any traffic is closed after this; 0 = never. */
  readonly idleMs: number
  /** WebSocket pings are sent at this interval, a missing pong closes; 0 = never. */
  readonly pingMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerSource: number
  /** Unsent bytes after which a peer that does not read is cut off. */
  readonly maxUnsent: number
}

export interface TlsOptions {
  /** The certificates in `certs/` terms: PEM chain and key, with the names they serve. The first is the default. */
  readonly certificates: readonly CertificateMaterial[]
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL cipher list; empty for the built-in default. */
  readonly ciphers: string
  /** none: do not ask. request: ask, and report `PeerIdentity`. require: refuse without a verified one. */
  readonly clientCertificate: 'none' | 'request' | 'require'
  /** PEM roots for peers, on accepted and opened connections; empty for Node's own. */
  readonly trust: readonly string[]
  /** Verify the certificate of servers that we connect to. */
  readonly verifyServer: boolean
  /**
   * The certificates of peers are judged by us, of those that connect and of those that we connect to; `trust` and `verifyServer` do not count then.
   * A server that fails is left at once; a client is kept, and its `PeerIdentity` says what is wrong.
   */
  readonly peers?: {
    /** PEM. */
    readonly roots: readonly string[]
    readonly usage: PeerUsage
    /** A server shows one of these, whatever name it was called by; empty: the name that it was called by. Lower case, may begin with `*.`. */
    readonly names: readonly string[]
  }
}

export interface CertificateMaterial {
  readonly name: string
  /** PEM: leaf first, then intermediates. */
  readonly chain: string
  readonly key: string
  /** DNS names and IP literals of the SAN, lower case; may begin with `*.`. */
  readonly hosts: readonly string[]
}

/** Reverse proxies and load balancers in front of a listener, which tell whose connection it is. */
export interface BehindProxies {
  readonly networks: readonly Network[]
  readonly by: 'forwarded-for' | 'proxy-protocol'
}

export interface ListenerOptions {
  readonly limits: StreamLimits
  readonly tls?: TlsOptions
  /** Allowed Origins, exact and lower case (`https://app.example.com`); `*` allows any; a request without Origin passes only with `*`, or when `originRequired` is false. */
  readonly origins: readonly string[]
  readonly originRequired: boolean
  readonly behind?: BehindProxies
  /** SO_RCVBUF and SO_SNDBUF for UDP, bytes. */
  readonly datagramBuffer: number
  /** `ipv6Only` for a wildcard. */
  readonly ipv6Only: boolean
}
