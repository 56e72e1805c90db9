import type { TransportName } from '../address/transports.ts'
import type { MediaNodeView, NgCommand } from '../rtpengine/types.ts'
import type { Step } from './log.ts'

export type Direction = 'in' | 'out'
export const TRANSACTION_KINDS = ['invite-server', 'invite-client', 'non-invite-server', 'non-invite-client'] as const
export type TransactionKind = (typeof TRANSACTION_KINDS)[number]

/** `asked`: it changed nothing; `delayed`: told to come back later. */
export type RegistrationResult = 'registered' | 'refreshed' | 'removed' | 'asked' | 'refused' | 'delayed'

/** One target as a scrape sees it. */
export interface TargetSample {
  readonly zone: string
  readonly target: string
  readonly up: boolean
  /** From OPTIONS to its answer, the last time it answered. */
  readonly optionsSeconds?: number | undefined
}

/** A zone whose peers and we open connections of our own each. */
export interface PeerSample {
  readonly zone: string
  /** Open ones: that they opened, and that we opened. */
  readonly inbound: number
  readonly outbound: number
  /** Seconds since they asked us by OPTIONS; undefined: they never did. */
  readonly askedAgo: number | undefined
  /** Seconds since the last answer to OPTIONS of ours. */
  readonly targets: readonly { readonly target: string; readonly answeredAgo: number }[]
}

/** What is asked at scrape time instead of being counted. */
export interface MetricSources {
  /** Registrations by the zone of the client and the registrar that keeps them. */
  bindings?(): Iterable<{ readonly zone: string; readonly registrar: 'here' | 'behind'; readonly count: number }>
  /** Open flows by listener: `Transports.counts()`. */
  flows(): ReadonlyMap<string, number>
  targets(): Iterable<TargetSample>
  peers?(): readonly PeerSample[]
  /** Dialogs that are kept, and their parties that have vanished and may come back. */
  dialogs?(): number
  dialogsVanished?(): number
  mediaNodes?(): Iterable<MediaNodeView>
  /** Sessions that we hold in our own table. */
  mediaSessions?(): number
  /** Deletes that no daemon has acknowledged yet. */
  mediaDeletes?(): number
}

/** What is known about the sound of one leg when its call has ended; a `LegQuality` is one. */
export interface HeardSample {
  readonly zone: string
  readonly mos?: number
  readonly lossPercent?: number
  readonly jitterMs?: number
}

/** What came of asking a request who sent it; `password`, `timed` and `token` are those that showed it. */
export type AuthenticationResult =
  | 'password'
  | 'timed'
  | 'token'
  | 'challenged'
  | 'stale'
  | 'wrong'
  | 'flood'
  | 'malformed'
  | 'unsure'
  | 'disabled'
  | 'identity'

/**
 * What code that counts depends on. Every call adds to a plain number and allocates nothing; Prometheus' form is made at scrape time.
 * Reasons are words of ours, never text of a remote: each new word is a new time series.
 */
export interface Metrics {
  /** @param status of a response; 0 (the default) for a request */
  message(method: string, transport: TransportName, direction: Direction, status?: number): void
  transactionStarted(kind: TransactionKind): void
  transactionEnded(kind: TransactionKind): void
  /** Absorbed (`in`) or sent (`out`). */
  retransmission(direction: Direction): void
  drop(reason: string, listener: string): void
  /** From receiving a message to writing it on the other side, without waiting for DNS and the like. */
  inside(seconds: number): void
  /** A leg changed its transport inside a dialog (T9): a bug. */
  legTransportViolation(): void
  /** §18.1.1: over 1300 bytes toward UDP; `tcp` when it went by TCP instead. */
  oversizeDatagram(outcome: 'tcp' | 'sent'): void
  /** The signed state in a Route of ours was not accepted. */
  routeStateRefused(reason: string): void
  /** A request from a source that no zone admits. */
  unadmitted(listener: string, answer: 'reject' | 'silence'): void
  /** One of these, on a listener whose peers show certificates: what stood against it. */
  peerRefused(listener: string, reason: string): void
  authentication(result: AuthenticationResult): void
  reload(result: 'applied' | 'refused'): void
  /** A REGISTER that we answered ourselves. */
  registration(zone: string, result: RegistrationResult): void
  /** An uncaught error in the handling of one message. */
  internalError(step: Step | 'other'): void
  /**
   * One ng command is over.
   * @param outcome a word of ours: `ok`, `error` (the daemon refused), `timeout`, and the like
   * @param seconds from the first datagram to the reply, or to giving up
   * @param resends datagrams beyond the first
   */
  mediaCommand(node: string, command: NgCommand, outcome: string, seconds: number, resends: number): void
  /** A datagram of a daemon that nobody waits for. @param reason a word of ours, such as `late` */
  mediaReplyDropped(node: string, reason: string): void
  /** A call with media was set up, failed for lack of media, or was refused because no node takes calls. */
  mediaCall(outcome: 'ok' | 'failed' | 'refused'): void
  /** A call that ended had something wrong with its sound. */
  mediaFlag(flag: 'one-way' | 'no-media' | 'timeout'): void
  /** A session of ours in a daemon that no call of ours has any more; it was deleted. */
  mediaStray(node: string): void
  /** A client whose connection was gone came back to its call. */
  dialogResumed(): void
  /** A call was ended by us, because one of its parties did not come back. */
  dialogEnded(): void
  /** One leg of a call that ended. */
  mediaHeard(leg: HeardSample): void
  /** N4: one to a client behind NAT, which was answered or was not. Packets of four bytes are `sent` alone. */
  keepAlive(zone: string, what: 'sent' | 'answered' | 'lost'): void
  /** Registrations whose registrar is behind us. @param zone of the client; with `no-path` of the registrar */
  passedRegistration(zone: string, what: PassedRegistration): void
  /** A connection that takes no new requests of ours any more. */
  connectionRetired(listener: string, why: 'age' | 'certificate' | 'busy'): void
  /** OPTIONS to ourselves, from a peer of a zone that has addresses. */
  optionsAsked(zone: string): void
  /** A request that came by a connection which we opened, in a zone where these are for requests of ours alone. */
  requestOnOurs(zone: string): void
  /** Replaces what scrapes ask. */
  setSources(sources: MetricSources): void
}

/**
 * `passed`: the registrar accepted it. `answered`: by us, between two renewals. `taken-back`: in the name of a client that is gone; `refused`
 * (it wants new credentials) and `failed` ones stay until they expire. `no-path`: an answer showed that the registrar knows no Path.
 */
export type PassedRegistration = 'passed' | 'answered' | 'taken-back' | 'take-back-refused' | 'take-back-failed' | 'no-path'

/** Counts nothing: for tests and tools. */
export const SILENT_METRICS: Metrics = {
  message: () => {},
  transactionStarted: () => {},
  transactionEnded: () => {},
  retransmission: () => {},
  drop: () => {},
  inside: () => {},
  legTransportViolation: () => {},
  oversizeDatagram: () => {},
  routeStateRefused: () => {},
  unadmitted: () => {},
  peerRefused: () => {},
  authentication: () => {},
  reload: () => {},
  registration: () => {},
  internalError: () => {},
  mediaCommand: () => {},
  mediaReplyDropped: () => {},
  mediaCall: () => {},
  mediaFlag: () => {},
  mediaStray: () => {},
  mediaHeard: () => {},
  dialogResumed: () => {},
  dialogEnded: () => {},
  keepAlive: () => {},
  passedRegistration: () => {},
  connectionRetired: () => {},
  optionsAsked: () => {},
  requestOnOurs: () => {},
  setSources: () => {},
}
