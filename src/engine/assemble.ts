/** What one configuration comes to, and the services around it that do not change. */
import { createHash, randomBytes } from 'node:crypto'
import { Myself } from '../address/myself.ts'
import { TimerWheel } from '../base/timer-wheel.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { TransactionKind } from '../observability/metrics.ts'
import { Bindings } from '../registrar/bindings.ts'
import { type Rule, rulesWith } from '../routing/decide.ts'
import { emergencyNumbers } from '../routing/emergency.ts'
import { RouteStateCodec } from '../routing/route-state.ts'
import { ContactSeals } from '../routing/sealed-contact.ts'
import { TenantRoutes } from '../routing/tenants.ts'
import { validateView } from '../routing/validate.ts'
import type { TransportEvents } from '../transport/types.ts'
import { Admission } from './admission.ts'
import { Askers } from './askers.ts'
import type { ClientTransaction } from './client-transaction.ts'
import { Clients } from './clients.ts'
import type { EngineDeps } from './deps.ts'
import { Dialogs } from './dialogs/dialogs.ts'
import type { Edge, Running } from './edge.ts'
import { Gate } from './gate.ts'
import { TargetHealth } from './health.ts'
import type { MediaDesk } from './media/desk.ts'
import { AlterationHints } from './nat/alterations.ts'
import { KeepAlive } from './nat/keep-alive.ts'
import { CallOrder } from './order.ts'
import { Refusals } from './refusals.ts'
import { Registrations } from './registration/gone.ts'
import { Registrar } from './registration/here.ts'
import { Callees } from './registration/lookup.ts'
import { Passing } from './registration/passing.ts'
import { Storm } from './registration/storm.ts'
import { ServerTransaction } from './server-transaction.ts'
import type { TimerKind, TimerOwner } from './timers.ts'
import { Transactions } from './transactions.ts'

/** Of the timer wheel. */
export const TICK_MS = 10

const NO_PROOFS = { timedSecrets: [], tokens: undefined } as const

/** @param sent something of ours has left */
export const assemble = (
  deps: EngineDeps,
  snapshot: Snapshot,
  media: MediaDesk | undefined,
  events: TransportEvents,
  sent: () => void,
): Edge => {
  const { clock, ids, log, metrics } = deps
  const wheel = new TimerWheel<TimerOwner, TimerKind>(clock, (timer) => timer.owner.fired(timer.kind), TICK_MS)
  const transactions = new Transactions(wheel, snapshot.timers, clock, {
    requestSent: ({ method, flow }) => {
      metrics.message(method, flow.listener.transport.name, 'out')
      sent()
    },
    responseSent: ({ status }, { method, flow }) => {
      metrics.message(method, flow.listener.transport.name, 'out', status)
      sent()
    },
    started: (transaction) => metrics.transactionStarted(kindOf(transaction)),
    ended: (transaction) => metrics.transactionEnded(kindOf(transaction)),
    retransmitted: () => metrics.retransmission('out'),
    unacknowledged: ({ flow }) => {
      if (log.enabled('debug'))
        log.debug({ listener: flow.listener.name, remote: flow.remoteAddress }, 'A final response to INVITE was never acknowledged')
    },
  })
  const health = new TargetHealth(clock, ({ zone, target, up, reason }) => {
    if (up) {
      log.info({ zone, target }, 'Target is up')
      edge.passing.refreshes.registrarBack(zone, target)
    } else log.warn({ zone, target, reason }, 'Target is down')
  })
  const refusals = new Refusals(clock)
  const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 12)
  const transports = deps.transports(events)
  const clients = new Clients(ids.token(4), digest)
  const bindings = new Bindings(deps.bindings, () => clock.wall())
  const callees = new Callees({ bindings, clients, transports, subscribers: deps.subscribers })
  const edge: Edge = {
    owner: deps.owner,
    clock,
    ids,
    log,
    metrics,
    transports,
    resolver: deps.resolver,
    transactions,
    clients,
    bindings,
    callees,
    registrar: new Registrar(() => edge, deps.subscribers),
    storm: new Storm(() => edge, clock, Math.random),
    registrations: new Registrations(() => edge),
    passing: new Passing(() => edge),
    keepAlive: new KeepAlive(),
    alterations: new AlterationHints(),
    gate: new Gate({
      ...{ clock, ids, log, metrics, refusals, key: randomBytes(32), subscribers: deps.subscribers },
      proofs: deps.proofs ?? (() => NO_PROOFS),
    }),
    health,
    askers: new Askers(clock),
    order: new CallOrder((error) => {
      metrics.internalError('other')
      log.error({ err: error }, 'A queued step of a call failed')
    }),
    dialogs: new Dialogs(() => edge),
    media,
    trace: deps.trace,
    refusals,
    arrivedAt: 0,
    running: runningOf(deps, snapshot, health, callees, undefined, undefined),
    stopping: false,
  }
  edge.clients.watch((identity, flow) => edge.dialogs.registered(identity, flow))
  edge.bindings.watch((change) => edge.dialogs.bindingChanged(change))
  return edge
}

/** @param policy the operator's module @param before of the configuration before this one */
export const runningOf = (
  deps: EngineDeps,
  snapshot: Snapshot,
  health: TargetHealth,
  callees: Callees,
  policy: Rule | undefined,
  before: Admission | undefined,
): Running => {
  const listeners = snapshot.listeners.map(({ listener }) => listener)
  const myself = new Myself(listeners)
  const tenants = new TenantRoutes(snapshot.zones.values())
  const states = new RouteStateCodec(deps.keys, deps.owner, listeners, snapshot.zones.values())
  return {
    snapshot,
    myself,
    validate: validateView(myself, deps.owner),
    states,
    seals: new ContactSeals(deps.keys, states),
    emergency: emergencyNumbers(snapshot.emergency),
    admission: new Admission(snapshot.zones.values(), before),
    view: {
      zones: snapshot.zones,
      routes: snapshot.routes,
      tenants: tenants.size === 0 ? undefined : tenants,
      usable: (zone, target) => health.usable(zone, target),
      random: Math.random,
      called: (uri, zones, forking) => callees.find(uri, zones, forking, { snapshot, myself }),
    },
    rules: rulesWith(policy),
  }
}

const kindOf = (transaction: ServerTransaction | ClientTransaction): TransactionKind => {
  if (transaction instanceof ServerTransaction) return transaction.invite ? 'invite-server' : 'non-invite-server'
  return transaction.invite ? 'invite-client' : 'non-invite-client'
}
