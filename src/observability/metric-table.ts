/** The one home of every metric's name, meaning and labels: the registry and docs/metrics.md read it. */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Each label with what it can be, for the document. */
  readonly labels: Readonly<Record<string, string>>
}

const LISTENER = 'name of the listener, such as `lan/udp`'

export const METRICS = {
  build: {
    name: 'edgeways_build_info',
    type: 'gauge',
    help: 'Always 1; the labels say what runs',
    labels: { version: 'version of Edgeways', node: 'version of Node' },
  },
  messages: {
    name: 'edgeways_messages_total',
    type: 'counter',
    help: 'SIP messages received and sent, retransmissions included',
    labels: {
      method: 'the method (of a response: from CSeq), `other` for methods outside the RFCs',
      transport: '`udp`, `tcp`, `tls`, `ws`, `wss`',
      direction: '`in`, `out`',
      result: '`request`, or the class of the response, `1xx` to `6xx`',
    },
  },
  retransmissions: {
    name: 'edgeways_retransmissions_total',
    type: 'counter',
    help: 'Messages that repeated an earlier one: absorbed by a transaction, or sent by one',
    labels: { direction: '`in`, `out`' },
  },
  transactions: {
    name: 'edgeways_transactions_total',
    type: 'counter',
    help: 'Transactions begun',
    labels: { kind: '`invite-server`, `invite-client`, `non-invite-server`, `non-invite-client`' },
  },
  transactionsActive: {
    name: 'edgeways_transactions_active',
    type: 'gauge',
    help: 'Transactions in memory, those that only wait for late retransmissions included',
    labels: { kind: 'as above' },
  },
  flows: {
    name: 'edgeways_flows_open',
    type: 'gauge',
    help: 'Open connections',
    labels: { listener: LISTENER },
  },
  inside: {
    name: 'edgeways_inside_seconds',
    type: 'histogram',
    help: 'Time a message spends inside the edge, from receiving it to writing it on the other side',
    labels: {},
  },
  drops: {
    name: 'edgeways_drops_total',
    type: 'counter',
    help: 'Messages, bytes or connections given up without an answer',
    labels: { reason: 'why, such as `framing`, `slow-message`, `origin`, `backpressure`', listener: LISTENER },
  },
  unadmitted: {
    name: 'edgeways_unadmitted_requests_total',
    type: 'counter',
    help: 'Requests from sources that no zone admits',
    labels: { listener: LISTENER, answer: '`reject` (403) or `silence`' },
  },
  routeStateRefused: {
    name: 'edgeways_route_state_refused_total',
    type: 'counter',
    help: 'Requests whose Route carried signed state that was forged, damaged or too old (403)',
    labels: { reason: 'what was wrong with it' },
  },
  legViolations: {
    name: 'edgeways_leg_transport_violations_total',
    type: 'counter',
    help: 'Legs that changed their transport inside a dialog; anything but 0 is a bug, please report it',
    labels: {},
  },
  oversize: {
    name: 'edgeways_oversize_datagrams_total',
    type: 'counter',
    help: 'Requests over 1300 bytes toward a UDP destination (RFC 3261 §18.1.1)',
    labels: { outcome: '`tcp`: sent by TCP instead, `sent`: sent by UDP all the same' },
  },
  targetUp: {
    name: 'edgeways_target_up',
    type: 'gauge',
    help: '1 when the target takes new calls, 0 when it is down',
    labels: { zone: 'name of the zone', target: 'name of the target' },
  },
  targetOptions: {
    name: 'edgeways_target_options_seconds',
    type: 'gauge',
    help: 'Time the target took to answer its last answered OPTIONS',
    labels: { zone: 'name of the zone', target: 'name of the target' },
  },
  reloads: {
    name: 'edgeways_reloads_total',
    type: 'counter',
    help: 'Reloads of the configuration',
    labels: { result: '`applied`, or `refused` (the old one stays)' },
  },
  internalErrors: {
    name: 'edgeways_internal_errors_total',
    type: 'counter',
    help: 'Errors of our own in the handling of one message, which got 500; please report them',
    labels: { step: 'the step in the life of the message' },
  },
  eventLoopDelay: {
    name: 'edgeways_event_loop_delay_seconds',
    type: 'gauge',
    help: 'How late timers were since the last scrape: what any message may have waited',
    labels: { quantile: '`0.5`, `0.99`, `1` (the longest)' },
  },
  eventLoopBusy: {
    name: 'edgeways_event_loop_busy_ratio',
    type: 'gauge',
    help: 'Share of the time since the last scrape in which the event loop was busy; near 1 the edge is full',
    labels: {},
  },
  cpu: { name: 'process_cpu_seconds_total', type: 'counter', help: 'CPU time of the process, user and system', labels: {} },
  memory: { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory that the process holds', labels: {} },
  heap: { name: 'edgeways_heap_used_bytes', type: 'gauge', help: 'JavaScript objects in use', labels: {} },
  started: { name: 'process_start_time_seconds', type: 'gauge', help: 'When the process started, in seconds since 1970', labels: {} },
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricKey = keyof typeof METRICS

/** Upper bounds of `edgeways_inside_seconds`. */
export const INSIDE_BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const

/** docs/metrics.md, whole. */
export const metricsDocument = (): string => {
  const entries: MetricDefinition[] = Object.values(METRICS)
  const rows = entries.map(({ name, type, help, labels }) => {
    const described = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`)
    return `| \`${name}\` | ${type} | ${help} | ${described.join('<br>')} |`
  })
  return `# Metrics

<!-- Generated by \`npm run docs\` from src/observability/metric-table.ts. Do not edit. -->

\`GET /metrics\` on the admin listener answers in the Prometheus text format. Numbers start at 0 with the process.

| Name | Type | Meaning | Labels |
| --- | --- | --- | --- |
${rows.join('\n')}

\`edgeways_inside_seconds\` has the buckets ${INSIDE_BUCKETS.map((bound) => `${bound}`).join(', ')} (seconds).
`
}
