/** What the registrar, the pass-through of registrations, authentication and their stores say to each other. */
import type { FlowToken } from '../routing/route-state.ts'

/** One contact of an address-of-record (RFC 3261 §10.3), wherever its registrar is. A value: a refresh is another one. */
export interface Binding {
  /** `alice@example.com`: the user as written, unescaped where that is possible; the host in lower case. */
  readonly aor: string
  /** Which of the address-of-record's it is: `+sip.instance` and `reg-id` (RFC 5626 §6), else the Contact's URI. */
  readonly key: string
  /** Name of the client's zone, and of the listener that it registered to. */
  readonly zone: string
  readonly listener: string
  /** How the client is reached. */
  readonly flow: FlowToken
  /** URI of the Contact, as the client wrote it. */
  readonly contact: string
  /** Its parameters as the client wrote them, without `expires` and `q`; begins with `;` or is empty. */
  readonly parameters: string
  /** Thousandths. */
  readonly q: number
  /** Values of Path, of proxies between us and the client; topmost first. */
  readonly path: readonly string[]
  readonly callId: string
  readonly cseq: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly since: number
  readonly refreshedAt: number
  /** User-Agent; empty: it did not say. */
  readonly userAgent: string
  /** What shows that it is behind NAT; empty: nothing. */
  readonly nat: readonly string[]
  /** Its user was in our store: without that user it is nobody's. */
  readonly subscriber?: boolean
  /** undefined: ours is the registrar. Else where it is. */
  readonly registrar: RegistrarBehind | undefined
}

/** A registrar that the routes led to. */
export interface RegistrarBehind {
  readonly zone: string
  /** Name of the target; empty: by the Request-URI. */
  readonly target: string
  /** Request-URI of the REGISTER as the client wrote it, and the value of its To. */
  readonly uri: string
  readonly to: string
  /** How long the registrar keeps it, milliseconds since 1970; later than `expiresAt` where the edge answers refreshes itself. */
  readonly keptUntil: number
  /** What its Contact was toward the registrar. */
  readonly contact: string
}

/** Why a binding ended. */
export type BindingEnd =
  /** The client took it back. */
  | 'unregistered'
  | 'expired'
  /** Its connection is gone, and it did not come back. */
  | 'connection-lost'
  /** It does not answer keep-alives. */
  | 'no-answer'
  /** Another contact took its place. */
  | 'replaced'
  /** By the operator. */
  | 'removed'

export type BindingChange =
  | { readonly kind: 'registered' | 'refreshed'; readonly binding: Binding }
  | { readonly kind: 'ended'; readonly binding: Binding; readonly why: BindingEnd }

/** Where bindings outlive the process. Calls are short and synchronous: what was put is there after a crash of the process. */
export interface BindingStore {
  load(): Iterable<Binding>
  /** @throws StoreError: it is not kept */
  put(binding: Binding): void
  /** Never throws: what could not be removed is at worst there again after a restart, until it expires. */
  remove(aor: string, key: string): void
  /** All that `run` puts and removes is kept, or nothing of it. @throws StoreError */
  together(run: () => void): void
}

export type DigestAlgorithm = 'SHA-256' | 'MD5'

/** A user of ours. */
export interface Subscriber {
  /** As in the address-of-record and the digest's user name. */
  readonly user: string
  /** Further user parts that are this one's: numbers. */
  readonly aliases: readonly string[]
  readonly displayName: string
  /** Locked ones can neither register nor call. */
  readonly enabled: boolean
}

/** Who our users are. Calls are short and synchronous. */
export interface Subscribers {
  /** By user or alias. */
  find(userPart: string): Subscriber | undefined
  /** H(user:realm:password) in lower-case hex (RFC 7616 §3.4.2), for the realm of the configuration; undefined: no such user, or none for that algorithm. */
  ha1(user: string, algorithm: DigestAlgorithm): string | undefined
  /** Another number after any change, whoever made it; without it changes count when somebody is asked for the next time. */
  version?(): number
  /** User names of all that are enabled, in one look: one by one takes a tenth of a millisecond each. */
  enabled?(): ReadonlySet<string>
}
