import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { type Metric, Registry } from 'prom-client'
import { TRANSPORTS, type TransportName } from '../address/transports.ts'
import type { Step } from './log.ts'
import { INSIDE_BUCKETS, METRICS, type MetricDefinition, type MetricKey } from './metric-table.ts'
import { type Direction, type MetricSources, type Metrics, TRANSACTION_KINDS, type TransactionKind } from './metrics.ts'

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  readonly metricName?: string
}

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
/** More different pairs of words than this are a mistake of ours; the rest is counted as `other`. */
const MOST_WORDS = 256
/** How often the event loop is watched, ms; it is part of what the histogram measures. */
const WATCH_MS = 10

/** Counts by two words of ours, for what happens seldom or to strangers. */
class WordCounter {
  readonly #counts = new Map<string, Map<string, number>>()
  #words = 0

  add(first: string, second: string): void {
    const count = this.#counts.get(first)?.get(second)
    if (count === undefined && this.#words >= MOST_WORDS && first !== 'other') {
      this.add('other', 'other')
      return
    }
    if (count === undefined) this.#words += 1
    const inner = this.#counts.get(first) ?? new Map<string, number>()
    inner.set(second, (count ?? 0) + 1)
    this.#counts.set(first, inner)
  }

  *samples(first: string, second?: string): Iterable<Sample> {
    for (const [one, inner] of this.#counts) {
      for (const [two, value] of inner) yield { labels: second === undefined ? { [first]: one } : { [first]: one, [second]: two }, value }
    }
  }
}

/** A metric whose samples are made when somebody asks; prom-client needs no more of a metric than this. */
class SampledMetric {
  readonly name: string
  readonly #definition: MetricDefinition
  readonly #read: () => Iterable<Sample>

  constructor(definition: MetricDefinition, read: () => Iterable<Sample>) {
    this.name = definition.name
    this.#definition = definition
    this.#read = read
  }

  async get() {
    const { name, help, type } = this.#definition
    return { name, help, type, values: [...this.#read()], aggregator: 'sum' }
  }
}

const one = (value: number): Iterable<Sample> => [{ labels: {}, value }]

/** The process's counters and the Prometheus page made from them. `start` begins to watch the event loop, `stop` ends it. */
export class EdgeMetrics implements Metrics {
  readonly #registry = new Registry()
  readonly #version: string
  readonly #messages = new Float64Array(METHODS.length * TRANSPORT_NAMES.length * DIRECTIONS.length * RESULTS.length)
  readonly #started = new Float64Array(TRANSACTION_KINDS.length)
  readonly #active = new Float64Array(TRANSACTION_KINDS.length)
  readonly #retransmissions = new Float64Array(DIRECTIONS.length)
  readonly #insideCounts = new Float64Array(INSIDE_BUCKETS.length + 1)
  readonly #drops = new WordCounter()
  readonly #unadmitted = new WordCounter()
  readonly #routeStateRefused = new WordCounter()
  readonly #internalErrors = new WordCounter()
  readonly #oversize = { tcp: 0, sent: 0 }
  readonly #reloads = { applied: 0, refused: 0 }
  #insideSum = 0
  #legViolations = 0
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
    let index = 0
    while (index < INSIDE_BUCKETS.length && seconds > INSIDE_BUCKETS[index]!) index += 1
    this.#insideCounts[index]! += 1
    this.#insideSum += seconds
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

  reload(result: 'applied' | 'refused'): void {
    this.#reloads[result] += 1
  }

  internalError(step: Step | 'other'): void {
    this.#internalErrors.add(step, '')
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
      inside: () => this.#insideSamples(),
      drops: () => this.#drops.samples('reason', 'listener'),
      unadmitted: () => this.#unadmitted.samples('listener', 'answer'),
      routeStateRefused: () => this.#routeStateRefused.samples('reason'),
      legViolations: () => one(this.#legViolations),
      oversize: () => byWord('outcome', this.#oversize),
      targetUp: () =>
        [...(this.#sources?.targets() ?? [])].map(({ zone, target, up }) => ({ labels: { zone, target }, value: up ? 1 : 0 })),
      targetOptions: () => this.#optionsSamples(),
      reloads: () => byWord('result', this.#reloads),
      internalErrors: () => this.#internalErrors.samples('step'),
      eventLoopDelay: () => this.#delaySamples(),
      eventLoopBusy: () => this.#busySamples(),
      cpu: () => one((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
      memory: () => one(process.memoryUsage.rss()),
      heap: () => one(process.memoryUsage().heapUsed),
      started: () => one(performance.timeOrigin / 1000),
    }
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

  *#insideSamples(): Iterable<Sample> {
    const { name } = METRICS.inside
    let below = 0
    for (const [index, bound] of INSIDE_BUCKETS.entries()) {
      below += this.#insideCounts[index]!
      yield { metricName: `${name}_bucket`, labels: { le: String(bound) }, value: below }
    }
    below += this.#insideCounts[INSIDE_BUCKETS.length]!
    yield { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: below }
    yield { metricName: `${name}_sum`, labels: {}, value: this.#insideSum }
    yield { metricName: `${name}_count`, labels: {}, value: below }
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
