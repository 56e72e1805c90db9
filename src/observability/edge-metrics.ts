import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { type Metric, Registry } from 'prom-client'
import { TRANSPORTS, type TransportName } from '../address/transports.ts'
import type { NgCommand } from '../rtpengine/types.ts'
import { CertificateMetrics } from './certificate-metrics.ts'
import type { Step } from './log.ts'
import { MediaMetrics } from './media-metrics.ts'
import { BUCKETS, METRICS, type MetricKey } from './metric-table.ts'
import {
  type AuthenticationResult,
  type Direction,
  type HeardSample,
  type MetricSources,
  type Metrics,
  type PassedRegistration,
  type PeerSample,
  type RegistrationResult,
  TRANSACTION_KINDS,
  type TransactionKind,
} from './metrics.ts'
import { Histogram, type Sample, SampledMetric, WordCounter } from './samples.ts'

const METHODS = [
  ...['other', 'INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'PRACK', 'UPDATE', 'INFO'],
  ...['REFER', 'NOTIFY', 'SUBSCRIBE', 'MESSAGE', 'PUBLISH'],
]
const METHOD_INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((method, index) => [method, index]))
const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as TransportName[]
const TRANSPORT_INDEX = Object.fromEntries(TRANSPORT_NAMES.map((name, index) => [name, index])) as Record<TransportName, number>
const KIND_INDEX = Object.fromEntries(TRANSACTION_KINDS.map((kind, index) => [kind, index])) as Record<TransactionKind, number>
const DIRECTIONS: readonly Direction[] = ['in', 'out']
const RESULTS = ['request', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx']
/** How often the event loop is watched, ms; it is part of what the histogram measures. */
const WATCH_MS = 10

const one = (value: number): Iterable<Sample> => [{ labels: {}, value }]

/** The process's counters and the Prometheus page made from them. `start` begins to watch the event loop, `stop` ends it. */
export class EdgeMetrics implements Metrics {
  readonly #registry = new Registry()
  readonly #version: string
  readonly #messages = new Float64Array(METHODS.length * TRANSPORT_NAMES.length * DIRECTIONS.length * RESULTS.length)
  readonly #started = new Float64Array(TRANSACTION_KINDS.length)
  readonly #active = new Float64Array(TRANSACTION_KINDS.length)
  readonly #retransmissions = new Float64Array(DIRECTIONS.length)
  readonly #inside = new Histogram(BUCKETS.inside)
  readonly certificates = new CertificateMetrics()
  readonly #media = new MediaMetrics()
  readonly #drops = new WordCounter()
  readonly #unadmitted = new WordCounter()
  readonly #peersRefused = new WordCounter()
  readonly #routeStateRefused = new WordCounter()
  readonly #internalErrors = new WordCounter()
  readonly #authentications = new WordCounter()
  readonly #registrations = new WordCounter()
  readonly #keepAlives = new WordCounter()
  readonly #passed = new WordCounter()
  readonly #retired = new WordCounter()
  readonly #asked = new WordCounter()
  readonly #onOurs = new WordCounter()
  readonly #oversize = { tcp: 0, sent: 0 }
  readonly #reloads = { applied: 0, refused: 0 }
  #legViolations = 0
  #dialogsEnded = 0
  #dialogsResumed = 0
  #sources: MetricSources | undefined
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined
  #busy: EventLoopUtilization | undefined

  constructor(version: string) {
    this.#version = version
    const readers = this.#readers()
    for (const key of Object.keys(METRICS) as MetricKey[]) {
      this.#registry.registerMetric(new SampledMetric(METRICS[key], readers[key]) as unknown as Metric)
    }
  }

  start(): void {
    this.#delay ??= monitorEventLoopDelay({ resolution: WATCH_MS })
    this.#delay.enable()
    this.#busy = performance.eventLoopUtilization()
  }

  stop(): void {
    this.#delay?.disable()
    this.#delay = undefined
    this.#busy = undefined
  }

  /** The value of Content-Type for `text()`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** What Prometheus reads. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  message(method: string, transport: TransportName, direction: Direction, status = 0): void {
    const what = (METHOD_INDEX.get(method) ?? 0) * TRANSPORT_NAMES.length + TRANSPORT_INDEX[transport]
    const result = status >= 100 && status < 700 ? (status / 100) | 0 : 0
    const index = (what * 2 + (direction === 'in' ? 0 : 1)) * RESULTS.length + result
    this.#messages[index]! += 1
  }

  transactionStarted(kind: TransactionKind): void {
    const index = KIND_INDEX[kind]
    this.#started[index]! += 1
    this.#active[index]! += 1
  }

  transactionEnded(kind: TransactionKind): void {
    this.#active[KIND_INDEX[kind]]! -= 1
  }

  retransmission(direction: Direction): void {
    this.#retransmissions[direction === 'in' ? 0 : 1]! += 1
  }

  drop(reason: string, listener: string): void {
    this.#drops.add(reason, listener)
  }

  inside(seconds: number): void {
    this.#inside.observe(seconds)
  }

  legTransportViolation(): void {
    this.#legViolations += 1
  }

  oversizeDatagram(outcome: 'tcp' | 'sent'): void {
    this.#oversize[outcome] += 1
  }

  routeStateRefused(reason: string): void {
    this.#routeStateRefused.add(reason, '')
  }

  unadmitted(listener: string, answer: 'reject' | 'silence'): void {
    this.#unadmitted.add(listener, answer)
  }

  peerRefused(listener: string, reason: string): void {
    this.#peersRefused.add(listener, reason)
  }

  authentication(result: AuthenticationResult): void {
    this.#authentications.add(result, '')
  }

  registration(zone: string, result: RegistrationResult): void {
    this.#registrations.add(zone, result)
  }

  reload(result: 'applied' | 'refused'): void {
    this.#reloads[result] += 1
  }

  internalError(step: Step | 'other'): void {
    this.#internalErrors.add(step, '')
  }

  mediaCommand(node: string, command: NgCommand, outcome: string, seconds: number, resends: number): void {
    this.#media.command(node, command, outcome, seconds, resends)
  }

  mediaReplyDropped(node: string, reason: string): void {
    this.#media.replyDropped(node, reason)
  }

  dialogResumed(): void {
    this.#dialogsResumed += 1
  }

  dialogEnded(): void {
    this.#dialogsEnded += 1
  }

  mediaCall(outcome: 'ok' | 'failed' | 'refused'): void {
    this.#media.call(outcome)
  }

  mediaFlag(flag: 'one-way' | 'no-media' | 'timeout'): void {
    this.#media.flag(flag)
  }

  mediaStray(node: string): void {
    this.#media.stray(node)
  }

  mediaHeard(leg: HeardSample): void {
    this.#media.heard(leg)
  }

  keepAlive(zone: string, what: 'sent' | 'answered' | 'lost'): void {
    this.#keepAlives.add(zone, what)
  }

  connectionRetired(listener: string, why: 'age' | 'certificate' | 'busy'): void {
    this.#retired.add(listener, why)
  }

  optionsAsked(zone: string): void {
    this.#asked.add(zone, '')
  }

  requestOnOurs(zone: string): void {
    this.#onOurs.add(zone, '')
  }

  passedRegistration(zone: string, what: PassedRegistration): void {
    this.#passed.add(zone, what)
  }

  /** Since the start: SIP messages received, INVITEs among them, and what was refused or given up without an answer. */
  counters(): { readonly messages: number; readonly invites: number; readonly refused: number } {
    const step = DIRECTIONS.length * RESULTS.length
    const invite = METHOD_INDEX.get('INVITE')
    let messages = 0
    let invites = 0
    for (let at = 0; at < this.#messages.length; at += step) {
      // What came in stands first, requests before responses
      for (let result = 0; result < RESULTS.length; result++) messages += this.#messages[at + result]!
      if (Math.floor(at / step / TRANSPORT_NAMES.length) === invite) invites += this.#messages[at]!
    }
    return { messages, invites, refused: this.#unadmitted.total + this.#drops.total }
  }

  setSources(sources: MetricSources): void {
    this.#sources = sources
  }

  #readers(): Readonly<Record<MetricKey, () => Iterable<Sample>>> {
    const byKind = (counts: Float64Array) => TRANSACTION_KINDS.map((kind, index) => ({ labels: { kind }, value: counts[index]! }))
    const byWord = (label: string, counts: Readonly<Record<string, number>>) =>
      Object.entries(counts).map(([word, value]) => ({ labels: { [label]: word }, value }))
    return {
      build: () => [{ labels: { version: this.#version, node: process.version }, value: 1 }],
      messages: () => this.#messageSamples(),
      retransmissions: () => DIRECTIONS.map((direction, index) => ({ labels: { direction }, value: this.#retransmissions[index]! })),
      transactions: () => byKind(this.#started),
      transactionsActive: () => byKind(this.#active),
      flows: () => [...(this.#sources?.flows() ?? [])].map(([listener, value]) => ({ labels: { listener }, value })),
      retired: () => this.#retired.samples('listener', 'why'),
      peerConnections: () =>
        this.#peers().flatMap(({ zone, inbound, outbound }) => [
          { labels: { zone, direction: 'in' }, value: inbound },
          { labels: { zone, direction: 'out' }, value: outbound },
        ]),
      requestsOnOurs: () => this.#onOurs.samples('zone'),
      inside: () => this.#inside.samples(METRICS.inside.name),
      drops: () => this.#drops.samples('reason', 'listener'),
      unadmitted: () => this.#unadmitted.samples('listener', 'answer'),
      peersRefused: () => this.#peersRefused.samples('listener', 'reason'),
      routeStateRefused: () => this.#routeStateRefused.samples('reason'),
      registrations: () => this.#registrations.samples('zone', 'result'),
      registrationsActive: () =>
        [...(this.#sources?.bindings?.() ?? [])].map(({ zone, registrar, count }) => ({ labels: { zone, registrar }, value: count })),
      authentications: () => this.#authentications.samples('result'),
      legViolations: () => one(this.#legViolations),
      dialogs: () => one(this.#sources?.dialogs?.() ?? 0),
      dialogsVanished: () => one(this.#sources?.dialogsVanished?.() ?? 0),
      dialogsEnded: () => one(this.#dialogsEnded),
      dialogsResumed: () => one(this.#dialogsResumed),
      oversize: () => byWord('outcome', this.#oversize),
      targetUp: () =>
        [...(this.#sources?.targets() ?? [])].map(({ zone, target, up }) => ({ labels: { zone, target }, value: up ? 1 : 0 })),
      targetOptions: () => this.#optionsSamples(),
      targetAnswered: () =>
        this.#peers().flatMap(({ zone, targets }) =>
          targets.map(({ target, answeredAgo }) => ({ labels: { zone, target }, value: answeredAgo })),
        ),
      optionsAsked: () => this.#asked.samples('zone'),
      optionsAskedAge: () =>
        this.#peers().flatMap(({ zone, askedAgo }) => (askedAgo === undefined ? [] : [{ labels: { zone }, value: askedAgo }])),
      reloads: () => byWord('result', this.#reloads),
      internalErrors: () => this.#internalErrors.samples('step'),
      keepAlives: () => this.#keepAlives.samples('zone', 'outcome'),
      passedRegistrations: () => this.#passed.samples('zone', 'what'),
      ...this.#media.readers(() => this.#sources),
      ...this.certificates.readers(),
      eventLoopDelay: () => this.#delaySamples(),
      eventLoopBusy: () => this.#busySamples(),
      cpu: () => one((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
      memory: () => one(process.memoryUsage.rss()),
      heap: () => one(process.memoryUsage().heapUsed),
      started: () => one(performance.timeOrigin / 1000),
    }
  }

  #peers(): readonly PeerSample[] {
    return this.#sources?.peers?.() ?? []
  }

  *#messageSamples(): Iterable<Sample> {
    let index = 0
    for (const method of METHODS) {
      for (const transport of TRANSPORT_NAMES) {
        for (const direction of DIRECTIONS) {
          for (const result of RESULTS) {
            const value = this.#messages[index++]!
            // Only what happened: the table has over a thousand places.
            if (value > 0) yield { labels: { method, transport, direction, result }, value }
          }
        }
      }
    }
  }

  *#optionsSamples(): Iterable<Sample> {
    for (const { zone, target, optionsSeconds } of this.#sources?.targets() ?? []) {
      if (optionsSeconds !== undefined) yield { labels: { zone, target }, value: optionsSeconds }
    }
  }

  #delaySamples(): Iterable<Sample> {
    const histogram = this.#delay
    if (histogram === undefined || histogram.count === 0) return []
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - WATCH_MS / 1000)
    const values = [
      { labels: { quantile: '0.5' }, value: late(histogram.percentile(50)) },
      { labels: { quantile: '0.99' }, value: late(histogram.percentile(99)) },
      { labels: { quantile: '1' }, value: late(histogram.max) },
    ]
    histogram.reset()
    return values
  }

  #busySamples(): Iterable<Sample> {
    if (this.#busy === undefined) return []
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#busy)
    this.#busy = now
    return one(utilization)
  }
}
