/** What the parts of the engine share: the services that do not change, and what one configuration comes to. */
import type { Listener } from '../address/listener.ts'
import type { Myself } from '../address/myself.ts'
import type { Clock } from '../base/clock.ts'
import type { Ids, Owner } from '../base/ids.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { Resolver } from '../dns/types.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Trace } from '../observability/trace.ts'
import type { Bindings } from '../registrar/bindings.ts'
import type { RoutingView, Rule } from '../routing/decide.ts'
import type { RouteStateCodec } from '../routing/route-state.ts'
import type { ContactSeals } from '../routing/sealed-contact.ts'
import type { ValidateView } from '../routing/validate.ts'
import type { Transports } from '../transport/types.ts'
import type { Admission } from './admission.ts'
import type { Askers } from './askers.ts'
import type { Clients } from './clients.ts'
import type { Dialogs } from './dialogs/dialogs.ts'
import type { Gate } from './gate.ts'
import type { TargetHealth } from './health.ts'
import type { MediaDesk } from './media/desk.ts'
import type { AlterationHints } from './nat/alterations.ts'
import type { KeepAlive } from './nat/keep-alive.ts'
import type { CallOrder } from './order.ts'
import type { Refusals } from './refusals.ts'
import type { Registrations } from './registration/gone.ts'
import type { Registrar } from './registration/here.ts'
import type { Callees } from './registration/lookup.ts'
import type { Passing } from './registration/passing.ts'
import type { Storm } from './registration/storm.ts'
import type { Transactions } from './transactions.ts'

/** Everything that follows from one configuration. A request keeps the one it began with; a reload replaces the whole. */
export interface Running {
  readonly snapshot: Snapshot
  readonly myself: Myself
  readonly states: RouteStateCodec
  readonly seals: ContactSeals
  /** For `isEmergency`. */
  readonly emergency: ReadonlySet<string>
  readonly admission: Admission
  readonly validate: ValidateView
  readonly view: RoutingView
  readonly rules: readonly Rule[]
}

export interface Edge {
  readonly owner: Owner
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly metrics: Metrics
  readonly transports: Transports
  readonly resolver: Resolver
  readonly transactions: Transactions
  readonly clients: Clients
  readonly bindings: Bindings
  /** Who of our registered users is called by a Request-URI. */
  readonly callees: Callees
  /** The embedded registrar. */
  readonly registrar: Registrar
  readonly storm: Storm
  /** What becomes of bindings whose clients vanish. */
  readonly registrations: Registrations
  /** Registrations whose registrar is behind us. */
  readonly passing: Passing
  readonly keepAlive: KeepAlive
  readonly alterations: AlterationHints
  /** Asks requests of zones with `authenticate` who sends them. */
  readonly gate: Gate
  readonly health: TargetHealth
  /** Who asks by OPTIONS whether we live. */
  readonly askers: Askers
  readonly order: CallOrder
  readonly dialogs: Dialogs
  /** undefined: no call has media of ours. */
  readonly media: MediaDesk | undefined
  readonly trace: Trace | undefined
  readonly refusals: Refusals
  /** Clock milliseconds at which the message that is being handled arrived; 0 while none is. */
  arrivedAt: number
  /** The configuration that new requests begin with. */
  running: Running
  /** No new transactions: the process is about to end. */
  stopping: boolean
}

/** The listeners of a zone that can send to a destination: same transport, same address family, the first one configured (T3). */
export const listenerFor = (listeners: readonly Listener[], transport: string, address: string): Listener | undefined => {
  const six = address.includes(':')
  for (const listener of listeners) if (listener.transport.name === transport && listener.bindAddress.includes(':') === six) return listener
  // A wildcard `::` that is not IPv6 only sends to IPv4, too
  for (const listener of listeners) if (listener.transport.name === transport && listener.bindAddress === '::') return listener
  return undefined
}

/**
 * The first of the names that the listener owns, to be advertised instead of its own; `undefined` when there is none. What a listener does
 * not own would not be recognised when it comes back (T2).
 */
export const advertisedBy = (listener: Listener, ...wanted: readonly (string | undefined)[]): string | undefined =>
  listener.names.length === 0 ? undefined : wanted.find((name) => name !== undefined && listener.goesBy(name))
