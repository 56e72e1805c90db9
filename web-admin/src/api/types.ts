/**
 * The shapes of the JSON API. What the server has as a contract is imported from there; the rest is said here once. Times are ISO 8601 in UTC
 * unless a comment says something else.
 */

import type { SessionReply, TokenReply, UserReply } from '../../../src/admin/auth/account-schemas.ts'
import type {
  CallView,
  ConfigVersionView,
  ListenerView,
  MediaView,
  PastCallView,
  Phase,
  RefusalView,
  RegistrationsView,
  ReloadView,
  ZoneView,
} from '../../../src/admin/contract.ts'
import type { Counters } from '../../../src/admin/state.ts'
import type { CertificateView } from '../../../src/certs/types.ts'
import type { LogLevel } from '../../../src/observability/log.ts'

export type { AuditEntry, AuditPage } from '../../../src/admin/auth/audit.ts'
export type { Role } from '../../../src/admin/auth/roles.ts'
export type {
  AskerView,
  CallLegView,
  CallView,
  ConfigCheck,
  ConfigText,
  ConfigVersionView as ConfigVersion,
  LadderView as Ladder,
  ListenerView,
  MediaView,
  PastCallView as PastCall,
  PeerTargetView,
  RefusalView as Refusal,
  RegistrationView as Registration,
  ReloadView,
  TargetView,
  ZoneView,
} from '../../../src/admin/contract.ts'
export type { PhoneView as Phone, PhoneZone } from '../../../src/admin/phone-view.ts'
export type { Counters } from '../../../src/admin/state.ts'
export type { CertificateProblem, CertificateVersion, CertificateView, OrderStep } from '../../../src/certs/types.ts'
export type { ConfigProblem } from '../../../src/config/errors.ts'
export type { CallQuality, LegQuality } from '../../../src/media/quality.ts'
export type { LadderChange, LadderMessage, LadderParty } from '../../../src/observability/ladder.ts'
export type { LogLevel } from '../../../src/observability/log.ts'
export type { MediaNodeView } from '../../../src/rtpengine/types.ts'
export type {
  DoctorReport,
  DoctorStep,
  NameCheck,
  SetupAnswers,
  SetupProposal,
  TeamsView,
  Verdict,
} from '../../../src/teams/types.ts'

/** GET /session. `by: 'local'`: over plain HTTP on this machine, while nobody has an account. */
export type Session = SessionReply
export type User = UserReply
export type Token = TokenReply

/** GET /state. */
export interface State {
  readonly version: string
  readonly phase: Phase
  readonly uptimeSeconds: number
  readonly logLevel: LogLevel
  readonly listeners: readonly ListenerView[]
  readonly zones: readonly ZoneView[]
  readonly transactions: Readonly<Record<string, number>>
  readonly openFlows: number
  readonly media: MediaView
  /** Contacts that are registered. */
  readonly registrations: number
  readonly counters: Counters
  readonly lastReload?: ReloadView
}

/** GET /health. */
export interface Health {
  readonly status: 'ok' | 'degraded' | 'starting' | 'stopping' | 'unavailable'
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly required: boolean; readonly detail: string }[]
}

export interface Certificates {
  readonly certificates: readonly CertificateView[]
}

export interface Calls {
  readonly calls: readonly CallView[]
  readonly total: number
}

export interface PastCalls {
  readonly calls: readonly PastCallView[]
}

/** GET /calls/:id, of a call now or of one that is over. */
export interface CallDetail
  extends Pick<CallView, 'id' | 'callId' | 'from' | 'to' | 'codec'>,
    Partial<Pick<PastCallView, 'startedAt' | 'seconds' | 'how' | 'by' | 'quality' | 'node'>> {
  /** Without it the call is over. */
  readonly state?: CallView['state']
  readonly since?: string
  readonly decision?: { readonly rule?: string; readonly explanation: readonly string[] }
  /** Whether its messages were kept. */
  readonly ladder: boolean
}

/** GET /registrations. */
export type Registrations = RegistrationsView

/** GET /turn: for RTCPeerConnection. */
export interface Turn {
  readonly urls: readonly string[]
  readonly username: string
  readonly credential: string
}

/** A user of phones and browsers. */
export interface Subscriber {
  readonly user: string
  readonly displayName: string
  readonly aliases: readonly string[]
  readonly enabled: boolean
  /** There is one that is good for the present realm. */
  readonly password: boolean
  /** The password was made for this realm, and is good for nothing now. */
  readonly otherRealm?: string
  readonly created: string
  readonly changed: string
}

/** GET /subscribers. */
export interface Subscribers {
  readonly realm: string
  readonly subscribers: readonly Subscriber[]
  readonly total: number
  /** `after` of the next page. */
  readonly next?: string
}

/** POST /subscribers, PUT /subscribers/:user/password: the only time that a password that was made is shown. */
export interface NewSubscriber {
  readonly subscriber: Subscriber
  readonly password?: string
}

export interface Ban {
  readonly source: string
  readonly since: string
  readonly until?: string
  readonly why: string
}

export interface Security {
  readonly refusals: readonly RefusalView[]
  readonly bans: readonly Ban[]
}

/** One line of the log, with fields as in the log itself. */
export interface LogLine {
  /** ISO 8601, or milliseconds since 1970. */
  readonly time: string | number
  readonly level: LogLevel
  readonly msg: string
  readonly [field: string]: unknown
}

export interface LogLines {
  readonly lines: readonly LogLine[]
}

/** GET /config: the file as it stands on disk. */
export interface ConfigHistory {
  readonly versions: readonly ConfigVersionView[]
}

export interface Users {
  readonly users: readonly UserReply[]
}

export interface Tokens {
  readonly tokens: readonly TokenReply[]
}

/** POST /tokens: the only time that the token itself is shown. */
export interface NewToken {
  readonly token: string
  readonly name: string
  readonly expiresAt: string
}
