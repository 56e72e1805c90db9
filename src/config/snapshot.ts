import type { Listener } from '../address/listener.ts'
import type { AcmeSettings, KeyType } from '../certs/types.ts'
import type { Route } from '../routing/route.ts'
import type { ListenerOptions, StreamLimits } from '../transport/types.ts'
import type { PeerRules } from '../zones/peers.ts'
import type { Zone } from '../zones/zone.ts'

/** Limits of the parser; what goes beyond is answered 513 or 400, or closes the connection. */
export interface MessageLimits {
  readonly startLine: number
  readonly headers: number
  readonly head: number
  readonly body: number
}

/** Milliseconds. §17 table 4. */
export interface SipTimers {
  readonly t1: number
  readonly t2: number
  readonly t4: number
  /** Timer C, §16.6 item 11: more than three minutes. */
  readonly c: number
  /** How long Timers H, J and the like keep a transaction (64*T1) is derived, not set. */
}

export interface ListenerEntry {
  readonly listener: Listener
  /** Everything but certificates, which `certs/` adds. */
  readonly options: Omit<ListenerOptions, 'tls'> & {
    readonly tls?: Omit<NonNullable<ListenerOptions['tls']>, 'certificates' | 'trust' | 'peers'> & {
      /** Names of the certificates to present. */
      readonly certificates: readonly string[]
      /** In the operator's order, of which the first is for peers without SNI; false: the one for the advertised name comes first. */
      readonly ordered: boolean
      /** Files with PEM roots. */
      readonly trustFiles: readonly string[]
      /** Of the one zone on this listener that judges its peers' certificates itself. */
      readonly peers: (PeerRules & { readonly names: readonly string[] }) | undefined
    }
  }
}

export interface CertificateEntry {
  readonly name: string
  /** Files, absolute; ordered by ourselves; kept in the data folder; or made by the development CA. */
  readonly source:
    | { readonly kind: 'files'; readonly chain: string; readonly key: string }
    | { readonly kind: 'acme'; readonly settings: AcmeSettings; readonly keyType: KeyType }
    | { readonly kind: 'stored' }
    | { readonly kind: 'development' }
  /** What it is to show; for files: nothing, they show what they show. */
  readonly hosts: readonly string[]
}

/** One rtpengine that somebody else runs. */
export interface MediaNodeEntry {
  /** As the operator named it, or `address:port`. */
  readonly name: string
  /** IPv4 literal or host name. */
  readonly host: string
  readonly port: number
  readonly set: string
  readonly weight: number
  readonly drain: boolean
}

/** A logical interface of the rtpengine that we run ourselves. */
export interface MediaInterface {
  readonly name: string
  /** Address literal that it binds; never a wildcard. */
  readonly address: string
  /** What SDP shows instead (1:1 NAT). */
  readonly advertised: string | undefined
}

export interface MediaSettings {
  /** `off`: SDP crosses untouched, for every call. `local`: we run an rtpengine ourselves. `nodes`: those of the list. */
  readonly mode: 'off' | 'local' | 'nodes'
  /** What becomes of calls when there is neither a node in the configuration nor an rtpengine on this machine. */
  readonly withoutRtpengine: 'refuse' | 'relay'
  readonly nodes: readonly MediaNodeEntry[]
  readonly local: {
    readonly interfaces: readonly MediaInterface[]
    readonly portMin: number
    readonly portMax: number
    readonly maxSessions: number
  }
  /** Names of interfaces that zones use: each node must have them all. */
  readonly interfaces: readonly string[]
  /** A session whose daemon gave it up for lack of media: end the call on both sides, or log it only. */
  readonly onMediaTimeout: 'end' | 'report'
  /** Milliseconds for one command, resends included. */
  readonly commandMs: number
}

export interface AdminSettings {
  readonly address: string
  readonly port: number
  /** HTTP without TLS; the address is a loopback address then. */
  readonly plain: boolean
  /** Name of a certificate; undefined: one of the development CA for `hosts`, or, with `plain`, none. */
  readonly certificate: string | undefined
  /** Names and addresses by which people reach it. */
  readonly hosts: readonly string[]
  /** The zone whose clients may connect by WebSocket on this port, too; undefined: none. */
  readonly webSocket: string | undefined
}

/** The embedded registrar. */
export interface RegistrarSettings {
  /** Lower case, no brackets. */
  readonly domains: readonly string[]
  readonly leastSeconds: number
  readonly usualSeconds: number
  readonly mostSeconds: number
  /** Most contacts of one address-of-record. */
  readonly contacts: number
}

export interface AuthenticationSettings {
  readonly realm: string
  /** As they are offered; clients take the first that they know. */
  readonly algorithms: readonly ('SHA-256' | 'MD5')[]
  readonly nonceMs: number
  /** Wrong credentials of one source or for one user within `failureMs`. */
  readonly failures: number
  readonly failureMs: number
  /** JWT; files absolute. */
  readonly tokens:
    | {
        readonly secretFile: string | undefined
        readonly keyFile: string | undefined
        readonly keysUrl: string | undefined
        readonly issuer: string | undefined
        readonly audience: string | undefined
        readonly userClaim: string
      }
    | undefined
  readonly timedSecretFile: string | undefined
}

export interface TurnSettings {
  readonly servers: readonly string[]
  readonly secretFile: string
  readonly lifetimeSeconds: number
}

/** The configuration as the program uses it: whole, checked, frozen. A request keeps the one it began with. */
export interface Snapshot {
  /** Our public name. */
  readonly name: string
  readonly publicAddress: string | undefined
  readonly listeners: readonly ListenerEntry[]
  readonly zones: ReadonlyMap<string, Zone>
  readonly routes: readonly Route[]
  readonly certificates: readonly CertificateEntry[]
  readonly limits: {
    readonly message: MessageLimits
    readonly stream: StreamLimits
    readonly transactions: number
    /** REGISTERs of clients that are new, in one second. */
    readonly registrations: number
  }
  readonly timers: SipTimers
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' }
  readonly media: MediaSettings
  readonly registrar: RegistrarSettings | undefined
  readonly authentication: AuthenticationSettings
  readonly turn: TurnSettings | undefined
  /** Numbers as they are dialled. */
  readonly emergency: readonly string[]
  /** Memory for the messages of calls, bytes; 0: none are kept. */
  readonly traceBytes: number
  readonly admin: AdminSettings | undefined
  /** Where alarms go; `secretFile`: absolute. */
  readonly alarms: { readonly webhook: string; readonly secretFile: string | undefined } | undefined
  /** A `User-Agent`/`Server` text for what we originate; empty: none. */
  readonly serverHeader: string
  /** Absolute path of the policy module. */
  readonly policyModule: string | undefined
  /** The demonstration PBX on loopback, for a first start. */
  readonly demo: { readonly address: string; readonly port: number } | undefined
  /** Seconds after which a key for the signed route state is replaced; the one before stays valid for the same time. */
  readonly keyRotationSeconds: number
  /** Bound on what a stop waits for, ms. */
  readonly stopMs: number
}
