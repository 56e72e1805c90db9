import type { Listener } from '../address/listener.ts'
import type { TransportName } from '../address/transports.ts'
import type { Dialect, ProvisionalPolicy } from './dialect.ts'
import type { MediaKind, MediaPolicy } from './media.ts'
import type { NatPolicy } from './nat.ts'
import type { ConnectionRules, PeerRules } from './peers.ts'
import type { LostPolicy, RegistrarWay, RegistrationPolicy } from './registration.ts'
import type { HeaderRule, NumberRule } from './rules.ts'

/** What is true of every zone of a kind. Pure data: the core asks a profile, never a name. */
export interface ZoneProfile {
  /**
   * How a peer is reached inside a dialog and after registration.
   * `flow`: only through the connection (or pinhole) it opened, named by the flow token.
   * `address`: by Route, Request-URI and RFC 3263, over connections that we open.
   */
  readonly reach: 'flow' | 'address'
  /**
   * The default of admission when the operator wrote none: the addresses of the zone's targets, anyone, or what the operator of the other side
   * has published (`microsoft.ts`).
   */
  readonly admit: 'targets' | 'anyone' | 'published'
  /** Ask TLS peers for a certificate. */
  readonly clientCertificate: 'none' | 'request' | 'require'
  /** What its peers speak in media by default; `transport`: what the leg's transport suggests (T10). */
  readonly media: MediaKind | 'transport'
  /** The default: `keep`: Contact is the endpoint's (T5). `ours`: masked by our own name toward this zone, restored on the way back. */
  readonly contact: 'keep' | 'ours'
  /** Its peers insist on certificates with RSA keys. */
  readonly keys: 'rsa' | 'any'
  /**
   * After which answers of a target the next one is tried. `broken`: what says more about the target than about the call (408, 430, 500, 502,
   * 503, 504). `unavailable`: 503 alone. A target that does not answer, or cannot be reached, is always followed by the next.
   */
  readonly failover: 'broken' | 'unavailable'
  /** Answers to OPTIONS that count as alive by default, such as `2xx`; undefined: every final one but 408, 502, 503, 504. */
  readonly alive: readonly string[] | undefined
  /** OPTIONS to targets by default, so many seconds apart; 0: none. */
  readonly probeSeconds: number
  /** The default of who judges its peers' certificates: the TLS library (undefined), or we do. */
  readonly peers: PeerRules | undefined
  /** Defaults, too. */
  readonly connections: ConnectionRules
  readonly dialect: Dialect
  /** Its peers are in our trust domain (RFC 3325 §4): what they assert of callers counts, and they see what is private. */
  readonly trusted: boolean
  /** Its callers wait so long for a sign of life, and then try their next way, ms; undefined: as long as they like. */
  readonly patienceMs: number | undefined
  /** Header lines that requests and responses toward it get; the operator's own rules come after them. `{version}` in a value is that of this program. */
  readonly headers: readonly HeaderRule[]
}

export interface Network {
  /** As the operator wrote it, for messages. */
  readonly text: string
  readonly contains: (address: string) => boolean
}

export interface Admission {
  readonly anyone: boolean
  readonly networks: readonly Network[]
  /** Also the addresses that the zone's targets resolve to (kept up to date by the engine). */
  readonly targets: boolean
  /** Names that a verified client certificate must show one of; empty: no certificate needed. */
  readonly certificateNames: readonly string[]
  /** What a stranger gets. */
  readonly otherwise: 'reject' | 'silence'
}

export interface Probing {
  readonly enabled: boolean
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  /** Consecutive failures after which a target is down, and answers after which it is up again. */
  readonly downAfter: number
  readonly upAfter: number
  /** Statuses that count as alive; the default is every final answer but 408, 502, 503, 504. */
  readonly alive: (status: number) => boolean
}

export interface Target {
  /** Unique in the zone: the text of its URI, or the name the operator gave. */
  readonly name: string
  readonly user: string | undefined
  readonly host: string
  readonly port: number | undefined
  /** From the URI; `undefined` lets RFC 3263 choose among the zone's transports. */
  readonly transport: TransportName | undefined
  readonly secure: boolean
  /** Lower first; within one priority calls are spread by weight. */
  readonly priority: number
  readonly weight: number
  /** No new dialogs; those there are go on. */
  readonly drain: boolean
  /** `target`: the Request-URI's host becomes the target's. `keep`: only the next hop does. */
  readonly requestUri: 'target' | 'keep'
  /** Media toward this target: the zone's policy with the target's own settings over it. */
  readonly media: MediaPolicy
  readonly provisional: ProvisionalPolicy
}

/** A customer of ours who has a public name of its own, where a zone's peers tell customers apart by names. */
export interface Tenant {
  /** Lower case; one of the names of the zone's listeners. */
  readonly name: string
  /** Zones that its calls go to, one after the other; calls from these zones speak under its name. */
  readonly zones: readonly string[]
  /** Patterns of numbers that are called under its name, as written; empty: all. */
  readonly numbers: readonly string[]
  /** One expression for them; undefined: all. */
  readonly number: RegExp | undefined
}

/** One side of the edge and the policy for it. */
export interface Zone {
  readonly name: string
  readonly kind: string
  readonly profile: ZoneProfile
  readonly listeners: readonly Listener[]
  readonly admission: Admission
  readonly targets: readonly Target[]
  readonly probing: Probing
  /** Rules for requests that come from this zone, and for those that go to it. */
  readonly numbersIn: readonly NumberRule[]
  readonly numbersOut: readonly NumberRule[]
  readonly headersIn: readonly HeaderRule[]
  readonly headersOut: readonly HeaderRule[]
  /** Name we advertise toward this zone instead of the listener's own (A1, third level); one of the listener's `names`. */
  readonly advertise: string | undefined
  /** A REGISTER crossing from this zone gets a Path of ours (RFC 3327). */
  readonly path: boolean
  readonly media: MediaPolicy
  /** Of the clients of this zone. */
  readonly registration: RegistrationPolicy
  /** Requests that begin something need credentials of a subscriber of ours. */
  readonly authenticate: boolean
  /** Of the registrar that this zone's targets are, for clients of other zones. */
  readonly registrar: RegistrarWay
  readonly lost: LostPolicy
  readonly nat: NatPolicy
  /** Its messages may be kept for the ladder of a call. */
  readonly trace: boolean
  /** Contact toward this zone. */
  readonly contact: 'keep' | 'ours'
  /** undefined: the TLS library judges its peers' certificates. */
  readonly peers: PeerRules | undefined
  readonly connections: ConnectionRules
  readonly dialect: Dialect
  readonly trusted: boolean
  readonly patienceMs: number | undefined
  readonly tenants: readonly Tenant[]
}
