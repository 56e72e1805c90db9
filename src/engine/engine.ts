import type { Flow } from '../address/flow.ts'
import type { Listener } from '../address/listener.ts'
import type {
  CallView,
  EngineCommands,
  EngineView,
  LadderView,
  ListenerView,
  MediaView,
  PastCallView,
  PeeringView,
  Phase,
  RefusalView,
  RegistrationChangeView,
  RegistrationQuery,
  RegistrationsView,
  RegistrationView,
  ReloadView,
  ZoneView,
} from '../admin/contract.ts'
import { inLine } from '../base/in-line.ts'
import { shortName } from '../base/keyed-hash.ts'
import { diffSnapshots, mediaAfterReload, reloadChanges } from '../config/diff.ts'
import { type ConfigProblem, problemOf, problemText } from '../config/errors.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { LogLevel } from '../observability/log.ts'
import type { Rule } from '../routing/decide.ts'
import type { TransportEvents, WebRequest } from '../transport/types.ts'
import type { Admission } from './admission.ts'
import { assemble, runningOf, TICK_MS } from './assemble.ts'
import type { EngineDeps, MediaPool } from './deps.ts'
import type { Edge, Running } from './edge.ts'
import type { WebVerdict } from './gate.ts'
import { learnTargets } from './learn.ts'
import { ListenerSet } from './listener-set.ts'
import { MediaDesk } from './media/desk.ts'
import { endLost } from './media/lost.ts'
import { PastCalls } from './media/past.ts'
import { listenerOptions, refreshListeners } from './options.ts'
import { peeringView, peerSamples } from './peering.ts'
import { loadPolicy } from './policy.ts'
import { Prober } from './probe.ts'
import { Receiver } from './receive.ts'
import { endRegistration, registrationChange, registrationViews } from './registration/views.ts'
import { renewInbound } from './renewal.ts'
import { callViews, captureOf, ladderView, listenerViews, mediaCheck, mediaView, pastCallView, zoneViews } from './views.ts'

const HOUR_MS = 3_600_000
/** How often the addresses of targets are looked up for admission; the resolver answers from its cache while their TTL lasts. */
const LEARN_MS = 60_000
/** How often bindings are looked through for those that have expired; nobody is called by one that has, swept or not. */
const SWEEP_MS = 5000
/** RTCP of calls is looked after. */
const REPORTS_MS = 2000
/** How often a stop looks whether the last transaction has ended. */
const LOOK_MS = 20

export class Engine implements EngineView, EngineCommands {
  readonly version: string
  readonly #deps: EngineDeps
  readonly #edge: Edge
  readonly #receiver: Receiver
  readonly #prober: Prober
  readonly #past = new PastCalls()
  #media: MediaPool | undefined
  readonly #listeners: ListenerSet
  readonly #startedAt: number
  #phase: Phase = 'starting'
  #policy: Rule | undefined
  readonly #running: (() => void)[] = []
  /** Of reloads, and whatever else changes the listeners. */
  readonly #line = inLine()
  #lastReload: ReloadView | undefined

  constructor(deps: EngineDeps, snapshot: Snapshot) {
    this.#deps = deps
    this.version = deps.version
    this.#startedAt = deps.clock.now()
    const { metrics } = deps
    const edge = assemble(deps, snapshot, this.#desk(snapshot), this.#events(), () => this.#measure())
    this.#edge = edge
    this.#listeners = new ListenerSet(edge.transports)
    this.#receiver = new Receiver(edge)
    this.#prober = new Prober(edge)
    metrics.setSources({
      flows: () => edge.transports.counts(),
      bindings: () => edge.bindings.counts(),
      dialogs: () => edge.dialogs.size,
      dialogsVanished: () => edge.dialogs.vanished,
      peers: () => peerSamples(edge),
      mediaNodes: () => this.#media?.views() ?? [],
      mediaSessions: () => edge.media?.size ?? 0,
      mediaDeletes: () => this.#media?.deletes ?? 0,
      targets: () => [...edge.health.records()].map(({ zone, target, up, optionsSeconds }) => ({ zone, target, up, optionsSeconds })),
    })
  }

  #desk({ name, media }: Snapshot): MediaDesk | undefined {
    const { media: pool, clock, ids, log, metrics } = this.#deps
    if (pool === undefined || media.mode === 'off') return undefined
    return new MediaDesk({
      clock,
      ids,
      log,
      metrics,
      edge: shortName(name),
      nodes: (events, ours) => {
        this.#media = pool(media, events, ours)
        return this.#media
      },
      nat: (zone) => this.#edge.running.snapshot.zones.get(zone)?.nat,
      lost: (session) => endLost(this.#edge, session),
      ended: (session, how, by, quality) => this.#past.add(pastCallView(this.#edge, session, how, by, quality)),
    })
  }

  /** Who sends an HTTP request to a listener? */
  judgeWeb(request: WebRequest): WebVerdict | Promise<WebVerdict> {
    return this.#edge.gate.judgeWeb(request, this.#edge.running)
  }

  /** Opens all listeners, or none. @throws TransportError, CertificateError with a sentence that names the listener and the remedy */
  async start(): Promise<void> {
    const { snapshot } = this.#edge.running
    if (snapshot.policyModule !== undefined) this.#policy = await loadPolicy(snapshot.policyModule)
    this.#edge.running = this.#run(snapshot, undefined)
    const options = await listenerOptions(snapshot, this.#deps.certificates)
    await this.#listeners.start(
      snapshot.listeners.map(({ listener }) => listener),
      options,
    )
    const { every, clock, keys } = this.#deps
    const { transactions } = this.#edge
    this.#running.push(
      every(TICK_MS, () => {
        const now = clock.now()
        transactions.wheel.advance(now)
        transactions.sweep(now)
      }),
      every(HOUR_MS, () => keys.rotate()),
      every(HOUR_MS, () => this.#edge.dialogs.sweep()),
      every(LEARN_MS, () => learnTargets(this.#edge)),
      every(SWEEP_MS, () => this.#edge.registrar.sweep()),
      every(REPORTS_MS, () => this.#edge.media?.reports.look()),
    )
    this.#media?.start()
    learnTargets(this.#edge)
    this.#prober.watch(snapshot.zones.values())
    this.#edge.passing.start()
    this.#edge.registrations.start()
    this.#edge.keepAlive.start(this.#edge)
    this.#phase = 'running'
  }

  /** Takes no new transactions, waits for those under way (at most `stopMs`), closes everything. */
  async stop(): Promise<void> {
    this.#phase = 'stopping'
    this.#edge.stopping = true
    this.#prober.stop()
    this.#edge.registrations.stop()
    this.#edge.keepAlive.stop()
    await this.#finished(this.#deps.clock.now() + this.#edge.running.snapshot.stopMs)
    for (const end of this.#running) end()
    await this.#edge.transports.closeAll('stopping')
    await this.#media?.stop()
    this.#listeners.open.clear()
  }

  /** No transaction waits for its final response any more, or it is `until`. */
  #finished(until: number): Promise<void> {
    const { transactions } = this.#edge
    if (transactions.pending === 0) return Promise.resolve()
    return new Promise((done) => {
      const end = this.#deps.every(LOOK_MS, () => {
        if (transactions.pending > 0 && this.#deps.clock.now() < until) return
        end()
        done()
      })
    })
  }

  // ---- EngineCommands

  reload(): Promise<ReloadView> {
    return this.#line(() => this.#reload())
  }

  /** New handshakes get what `certificates` has in force now; connections stay. @throws CertificateError, TransportError */
  refreshCertificates(): Promise<void> {
    return this.#line(async () =>
      renewInbound(this.#edge, await refreshListeners(this.snapshot, this.#deps.certificates, this.#edge.transports)),
    )
  }

  setLogLevel(level: LogLevel): void {
    this.#deps.logLevel.set(level)
    this.#deps.log.info({ now: level }, 'Log level changed')
  }

  // ---- EngineView

  /** The configuration in use. */
  get snapshot(): Snapshot {
    return this.#edge.running.snapshot
  }

  phase(): Phase {
    return this.#phase
  }

  uptimeSeconds(): number {
    return (this.#deps.clock.now() - this.#startedAt) / 1000
  }

  listeners(): readonly ListenerView[] {
    return listenerViews(this.#edge, this.#listeners.open)
  }

  zones(): readonly ZoneView[] {
    return zoneViews(this.#edge)
  }

  calls(limit: number): readonly CallView[] {
    return callViews(this.#edge, limit)
  }

  pastCalls(limit: number, before: string | undefined): readonly PastCallView[] {
    return this.#past.list(limit, before)
  }

  ladder(id: string, redact: boolean): LadderView | undefined {
    return ladderView(this.#edge, this.#past, id, redact)
  }

  capture(id: string): Buffer | undefined {
    return captureOf(this.#edge, this.#past, id)
  }

  media(): MediaView {
    return mediaView(this.#edge, this.#media)
  }

  registrations(query: RegistrationQuery): RegistrationsView {
    return registrationViews(this.#edge, query)
  }

  watchRegistrations(watcher: (change: () => RegistrationChangeView) => void): () => void {
    return this.#edge.bindings.watch((change) => watcher(() => registrationChange(this.#edge, change)))
  }

  endRegistration(id: string): RegistrationView | undefined {
    return endRegistration(this.#edge, id)
  }

  peering(zone: string): PeeringView | undefined {
    return peeringView(this.#edge, zone)
  }

  refusals(): readonly RefusalView[] {
    return this.#edge.refusals.views()
  }

  drainTarget(zoneName: string, targetName: string, drain: boolean): boolean {
    const zone = this.#edge.running.snapshot.zones.get(zoneName)
    const target = zone?.targets.find(({ name }) => name === targetName)
    if (zone === undefined || target === undefined) return false
    this.#edge.health.drain(zone, target, drain)
    return true
  }

  drainNode(name: string, drain: boolean): boolean {
    return this.#media?.drain(name, drain) ?? false
  }

  transactions(): Readonly<Record<string, number>> {
    const { transactions, order } = this.#edge
    const { servers, clients, pending, onFlows } = transactions
    return { server: servers, client: clients, pending, onFlows, waitingCalls: order.size }
  }

  checks(): readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[] {
    return [
      {
        name: 'transactions',
        ok: !this.#edge.stopping,
        detail: this.#edge.stopping ? 'Stopping: no new transactions' : 'New transactions are taken',
      },
      ...(this.#media === undefined ? [] : [mediaCheck(this.media())]),
    ]
  }

  logLevel(): LogLevel {
    return this.#deps.logLevel.get()
  }

  lastReload(): ReloadView | undefined {
    return this.#lastReload
  }

  // ---- parts

  /** The time inside the edge: of what leaves while the message that caused it is handled, not of probes and what waited for DNS. */
  #measure(): void {
    const { arrivedAt } = this.#edge
    if (arrivedAt > 0) this.#deps.metrics.inside((this.#deps.clock.now() - arrivedAt) / 1000)
  }

  #events(): TransportEvents {
    const { metrics, log, trace } = this.#deps
    return {
      received: (flow: Flow, bytes: Buffer) => {
        if (trace !== undefined && this.#traces(flow, bytes)) trace.message('in', flow, bytes)
        this.#receiver.received(flow, bytes)
      },
      ...(trace !== undefined && {
        sent: (flow: Flow, bytes: Buffer) => {
          if (this.#traces(flow, bytes)) trace.message('out', flow, bytes)
        },
      }),
      opened: (flow: Flow) => {
        if (log.enabled('debug'))
          log.debug({ listener: flow.listener.name, remote: flow.remoteAddress, port: flow.remotePort, flow: flow.id }, 'Connection opened')
      },
      closed: (flow: Flow, reason: string) => {
        if (log.enabled('debug'))
          log.debug(
            { listener: flow.listener.name, remote: flow.remoteAddress, port: flow.remotePort, flow: flow.id, reason },
            'Connection closed',
          )
        this.#edge.clients.closed(flow)
        this.#edge.registrations.closed(flow)
        if (!flow.inbound && flow.openedAt === undefined) this.#unreachable(flow)
        if (flow.listener.transport.reliable) this.#edge.transactions.flowLost(flow, reason)
        else this.#edge.transactions.datagramFailed(flow, reason)
        this.#edge.dialogs.closed(flow)
      },
      retired: ({ listener }: Flow, reason) => metrics.connectionRetired(listener.name, reason),
      underWay: (flow: Flow) => this.#edge.transactions.waitOn(flow),
      dropped: (listener: Listener, reason: string) => metrics.drop(reason, listener.name),
      keptAlive: (flow: Flow) => this.#edge.keepAlive.heard(flow),
    }
  }

  /** No connection comes about: also an ACK, which has nobody to tell, goes elsewhere the next time. */
  #unreachable({ listener: { transport }, remoteAddress: address, remotePort: port, host }: Flow): void {
    if (transport.reliable) this.#edge.resolver.failed({ transport: transport.name, address, port, host: host ?? address })
  }

  /** Thousands of keep-alives would push the messages of calls out. */
  #traces(flow: Flow, bytes: Buffer): boolean {
    const { running, keepAlive } = this.#edge
    return running.admission.traces(flow) && !keepAlive.isOwn(flow, bytes)
  }

  #run(snapshot: Snapshot, before: Admission | undefined): Running {
    return runningOf(this.#deps, snapshot, this.#edge.health, this.#edge.callees, this.#policy, before)
  }

  /** The new file whole, or the old one as it was (the sockets included). */
  async #reload(): Promise<ReloadView> {
    const at = new Date(this.#deps.clock.wall()).toISOString()
    const before = this.#edge.running.snapshot
    let view: ReloadView
    try {
      const loaded = this.#deps.reread(before)
      view = loaded.ok
        ? await this.#apply(before, loaded.snapshot, loaded.warnings, at)
        : { result: 'refused', at, problems: loaded.problems }
    } catch (error) {
      view = { result: 'refused', at, problems: [problemOf(error)] }
    }
    this.#lastReload = view
    const { log, metrics } = this.#deps
    metrics.reload(view.result)
    if (view.result === 'applied') log.info({ changes: view.changes, warnings: view.problems.map(problemText) }, 'Configuration reloaded')
    else log.error({ problems: view.problems.map(problemText) }, 'Configuration refused; the one before goes on')
    return view
  }

  async #apply(before: Snapshot, read: Snapshot, warnings: readonly ConfigProblem[], at: string): Promise<ReloadView> {
    const { listeners } = diffSnapshots(before, read)
    const after: Snapshot = { ...read, media: mediaAfterReload(before.media, read.media) }
    const options = await listenerOptions(after, this.#deps.certificates)
    const oldOptions = listeners.removed.length > 0 ? await listenerOptions(before, this.#deps.certificates) : options
    await this.#listeners.exchange(
      { listeners: listeners.removed.map(({ listener }) => listener), options: oldOptions },
      { listeners: listeners.added.map(({ listener }) => listener), options },
    )
    // Certificates may be new where nothing in the file is
    const kept = [...listeners.unchanged, ...listeners.changed].map(({ listener }) => listener.name)
    const otherwise = kept.filter((name) => this.#edge.transports.update(name, options.get(name)!))
    for (const { listener } of listeners.changed) this.#edge.transports.rename(listener)
    const running = this.#run(after, this.#edge.running.admission)
    this.#edge.running = running
    renewInbound(this.#edge, new Set(otherwise))
    this.#edge.transactions.timers = after.timers
    this.#media?.reconfigure(after.media)
    this.#deps.trace?.limit(after.traceBytes)
    this.#edge.health.keep(after.zones.values())
    learnTargets(this.#edge)
    this.#prober.watch(after.zones.values())
    this.#edge.keepAlive.look()
    if (before.log.level !== after.log.level) this.#deps.logLevel.set(after.log.level)
    this.#deps.applied?.(after)
    return { result: 'applied', at, changes: reloadChanges(before, read), problems: warnings }
  }
}
