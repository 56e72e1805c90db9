import type { ConfigProblem } from '../config/errors.ts'
import type { CallQuality } from '../media/quality.ts'
import type { Ladder } from '../observability/ladder.ts'
import type { LogLevel } from '../observability/log.ts'
import type { BindingEnd } from '../registrar/types.ts'
import type { MediaNodeView } from '../rtpengine/types.ts'
import type { MediaKind } from '../zones/media.ts'

/** Everything that the admin side may see. The engine makes these views; they are values, read at the moment of the call. */
export interface EngineView {
  readonly version: string
  phase(): Phase
  uptimeSeconds(): number
  listeners(): readonly ListenerView[]
  zones(): readonly ZoneView[]
  /** Transactions in memory by kind, such as `invite-server`. */
  transactions(): Readonly<Record<string, number>>
  /** Further conditions of readiness beside the listeners, such as certificates; also those that are met. */
  checks(): readonly CheckView[]
  logLevel(): LogLevel
  lastReload(): ReloadView | undefined
  media(): MediaView
  /** Calls with media that ring or are up, the newest first. */
  calls(limit: number): readonly CallView[]
  /** Calls that were up and are over, the newest first. @param before id of one: those that ended before it */
  pastCalls(limit: number, before: string | undefined): readonly PastCallView[]
  /**
   * The messages of a call, present or past, with what was decided about it.
   * @param id of a CallView or PastCallView, or SIP's Call-ID
   * @returns undefined when there is no such call; without messages when none are kept
   */
  ladder(id: string, redact: boolean): LadderView | undefined
  /** The same as a capture file (pcap). */
  capture(id: string): Buffer | undefined
  /** Who is registered, with us or through us. */
  registrations(query: RegistrationQuery): RegistrationsView
  /** Told of every change of them, after it. @returns takes it back */
  watchRegistrations(watcher: (change: () => RegistrationChangeView) => void): () => void
  /** Sources that were refused, the latest first. */
  refusals(): readonly RefusalView[]
  /** How a zone and its targets see each other; undefined: there is no such zone. */
  peering(zone: string): PeeringView | undefined
}

/** Everything that the admin side may do. */
export interface EngineCommands {
  /** Reads the configuration again and applies it whole, or refuses it. Never rejects for what is wrong in the file. */
  reload(): Promise<ReloadView>
  setLogLevel(level: LogLevel): void
  /**
   * Takes an rtpengine out for new calls, or back in, until the next reload; its calls go on.
   * @returns false when there is none of that name
   */
  drainNode(name: string, drain: boolean): boolean
  /** The same for a target of a zone. */
  drainTarget(zone: string, target: string, drain: boolean): boolean
  /** Ends a registration, toward a registrar behind us, too. @returns what it was; undefined: there is none of that id */
  endRegistration(id: string): RegistrationView | undefined
}

/** `running` takes new transactions; `stopping` finishes those it has. */
export type Phase = 'starting' | 'running' | 'stopping'

export interface ListenerView {
  readonly name: string
  readonly transport: string
  /** `address:port` of the socket. */
  readonly bind: string
  /** `host:port` that peers see. */
  readonly advertised: string
  readonly open: boolean
  /** Open connections; for UDP 0. */
  readonly flows: number
}

export interface TargetView {
  readonly name: string
  /** `unknown`: it has answered nothing yet, and is not given up; it takes calls. */
  readonly health: 'up' | 'down' | 'unknown'
  readonly drain: boolean
  readonly optionsSeconds?: number
  /** Why it is down, in words. */
  readonly reason?: string
}

export interface ZoneView {
  readonly name: string
  readonly kind: string
  /** Names of its listeners. */
  readonly listeners: readonly string[]
  readonly targets: readonly TargetView[]
}

/** A zone whose peers we probe and who probe us. Times are ISO 8601. */
export interface PeeringView {
  readonly zone: string
  /** The name and port under which we speak to them. */
  readonly name: string
  readonly port: number
  readonly targets: readonly PeerTargetView[]
  /** Who asked us whether we live, by the host that they give in From; the latest first. */
  readonly askers: readonly AskerView[]
  /** Open ones: that they opened, and that we opened. */
  readonly connections: { readonly inbound: number; readonly outbound: number }
  /** Calls with media that are up now. */
  readonly calls: number
}

export interface PeerTargetView extends TargetView {
  readonly host: string
  readonly port: number
  /** OPTIONS of ours: when the last one was sent and when answered, the status of that answer, and when the next one goes. */
  readonly sentAt?: string
  readonly answeredAt?: string
  readonly status?: number
  readonly nextAt?: string
  /** Until when it gets no calls, because it asked for that (503 with Retry-After). */
  readonly busyUntil?: string
  /** Open connections that we opened to it, and when the oldest of them was. */
  readonly connections: number
  readonly oldestConnection?: string
}

export interface AskerView {
  readonly host: string
  readonly lastAt: string
  readonly count: number
  /** The latest ones. */
  readonly addresses: readonly string[]
  /** Names that their certificates show. */
  readonly names: readonly string[]
}

export interface MediaView {
  /** As `MediaSettings.mode`. */
  readonly mode: 'off' | 'local' | 'nodes'
  readonly nodes: readonly MediaNodeView[]
  /** Sessions of ours, those of ringing calls included. */
  readonly sessions: number
  /** Sessions that are over and whose rtpengine has not acknowledged it yet. */
  readonly deletes: number
  /** Why new calls get no media, with the remedy; undefined: they do. */
  readonly unavailable?: string
}

/** One side of a call. */
export interface CallLegView {
  readonly zone: string
  readonly kind: MediaKind
}

export interface CallView {
  /** Ours; unique among the calls of this process. */
  readonly id: string
  /** SIP's. */
  readonly callId: string
  readonly from: CallLegView
  /** Of a ringing call with several forks the one that was begun last. */
  readonly to: CallLegView
  readonly state: 'ringing' | 'up'
  /** When it got media, ISO 8601. */
  readonly since: string
  /** Name of its rtpengine. */
  readonly node: string
  /** Such as `PCMU/8000`, once it is known. */
  readonly codec?: string
}

export interface PastCallView {
  readonly id: string
  readonly callId: string
  readonly from: CallLegView
  readonly to: CallLegView
  /** ISO 8601. */
  readonly startedAt: string
  readonly seconds: number
  readonly how: 'bye' | 'media-timeout' | 'connection-lost'
  readonly by?: 'caller' | 'callee'
  readonly node: string
  readonly quality?: CallQuality
}

export interface LadderView extends Ladder {
  readonly id: string
  readonly callId: string
}

export interface RegistrationQuery {
  /** Part of the address-of-record, Contact, remote address, zone or User-Agent, in any case; empty: all. */
  readonly search: string
  /** How many come before the first one. */
  readonly skip: number
  readonly limit: number
}

export interface RegistrationsView {
  /** How many there are at all. */
  readonly all: number
  /** How many match the search. */
  readonly total: number
  /** By address-of-record; very many in the order in which they were renewed. */
  readonly registrations: readonly RegistrationView[]
}

export interface RegistrationView {
  /** Ours; stays the same over refreshes and restarts. */
  readonly id: string
  /** `alice@example.com`. */
  readonly aor: string
  /** URI, as the client wrote it. */
  readonly contact: string
  /** `+sip.instance` without quotes and brackets. */
  readonly instance?: string
  readonly zone: string
  readonly listener: string
  readonly transport: string
  /** `address:port`; empty while its connection is gone. */
  readonly remote: string
  /** When its connection was lost, ISO 8601; undefined: it can be reached. */
  readonly lostSince?: string
  /** Where it is registered; undefined: with us. `target` is empty when the Request-URI led there. */
  readonly registrar?: { readonly zone: string; readonly target: string }
  /** ISO 8601. */
  readonly since: string
  readonly refreshedAt: string
  /** From now on. */
  readonly expiresInSeconds: number
  readonly userAgent?: string
  /** What shows that it is behind NAT; empty: nothing. */
  readonly nat: readonly string[]
  /** Of the last keep-alive that was answered. */
  readonly roundTripMs?: number
  /** Keep-alives in a row without an answer; undefined: nobody sends any. */
  readonly losses?: number
}

export interface RegistrationChangeView {
  readonly kind: 'registered' | 'refreshed' | 'ended'
  /** Of an ended one. */
  readonly why?: BindingEnd
  readonly registration: RegistrationView
}

export interface RefusalView {
  /** Of the last one, ISO 8601. */
  readonly at: string
  readonly source: string
  readonly listener: string
  readonly why: string
  readonly count: number
}

export interface CheckView {
  readonly name: string
  readonly ok: boolean
  /** What is wrong, or how it stands; sentence case, no full stop. */
  readonly detail: string
}

export type ReloadView =
  /** `changes`: what is different now, in words; empty when nothing was. `problems` are warnings. `at`: ISO 8601. */
  | { readonly result: 'applied'; readonly at: string; readonly changes: readonly string[]; readonly problems: readonly ConfigProblem[] }
  /** The configuration from before goes on. */
  | { readonly result: 'refused'; readonly at: string; readonly problems: readonly ConfigProblem[] }

export interface ConfigText {
  readonly text: string
  /** Of the text: what a change names as its base. */
  readonly version: string
  readonly file: string
}

export interface ConfigCheck {
  readonly ok: boolean
  readonly problems: readonly ConfigProblem[]
  /** What a reload would do, in words. */
  readonly changes: readonly string[]
}

export type ConfigSaved =
  | (Extract<ReloadView, { readonly result: 'applied' }> & { readonly version: string })
  | Extract<ReloadView, { readonly result: 'refused' }>
  /** Somebody else changed the file in the meantime. */
  | { readonly result: 'conflict'; readonly version: string }

export interface ConfigVersionView {
  readonly id: string
  /** When it was replaced, ISO 8601, and by whom. */
  readonly at: string
  readonly by: string
  /** What changed then, in words. */
  readonly changes: readonly string[]
}

/** The configuration file, for those who may change it. Rejects with ConfigError when it cannot be read. */
export interface ConfigDesk {
  read(): Promise<ConfigText>
  check(text: string): ConfigCheck
  /** JSON Schema. */
  schema(): Readonly<Record<string, unknown>>
  /** With all defaults and where each value is from. */
  effective(): Promise<string>
  /** Writes and reloads; when the reload is refused the file is what it was. @param version of the text that it was made from */
  save(text: string, version: string, by: string): Promise<ConfigSaved>
  /** Newest first. */
  history(): Promise<readonly ConfigVersionView[]>
  version(id: string): Promise<string | undefined>
  /** @returns undefined: there is no such version */
  restore(id: string, by: string): Promise<ConfigSaved | undefined>
}
