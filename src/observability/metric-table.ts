/** The one home of every metric's name, meaning and labels: the registry and docs/metrics.md read it. */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Each label with what it can be, for the document. */
  readonly labels: Readonly<Record<string, string>>
}

const LISTENER = 'name of the listener, such as `lan/udp`'
const NODE = 'name of the rtpengine'
const COMMAND = '`offer`, `answer`, `delete`, `query`, `list`, `ping`, `statistics`'
const ZONE = 'name of the zone'

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
  retired: {
    name: 'edgeways_connections_retired_total',
    type: 'counter',
    help: 'Connections that took no new requests of ours any more, and closed when nothing was under way on them',
    labels: {
      listener: LISTENER,
      why: '`age`: as old as `connections: { renew }` says; `certificate`: ours has changed; `busy`: 503 with Retry-After',
    },
  },
  peerConnections: {
    name: 'edgeways_peer_connections_open',
    type: 'gauge',
    help: 'Open connections with the peers of zones with `connections: { share: false }`',
    labels: { zone: ZONE, direction: '`in`: opened by the peer, `out`: by us' },
  },
  requestsOnOurs: {
    name: 'edgeways_requests_on_our_connections_total',
    type: 'counter',
    help: 'Requests that a peer of such a zone sent by a connection that we had opened; they are served',
    labels: { zone: ZONE },
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
  peersRefused: {
    name: 'edgeways_peers_refused_total',
    type: 'counter',
    help: 'Requests that no zone admits (counted above, too), on listeners of zones that ask for certificates',
    labels: {
      listener: LISTENER,
      reason:
        '`network` (another source), `no-certificate`, `self-signed`, `unknown-root`, `incomplete-chain`, `signature`, `expired`, `not-yet-valid`, `not-a-ca`, `ca-as-leaf`, `path-length`, `name-constraints`, `critical-extension`, `purpose`, `weak`, `wrong-name`, `unreadable`; `unverified` where OpenSSL judges',
    },
  },
  routeStateRefused: {
    name: 'edgeways_route_state_refused_total',
    type: 'counter',
    help: 'Requests whose Route carried signed state that was forged, damaged or too old (403)',
    labels: { reason: 'what was wrong with it' },
  },
  registrations: {
    name: 'edgeways_registrations_total',
    type: 'counter',
    help: 'REGISTERs that the edge answered itself',
    labels: {
      zone: ZONE,
      result: '`registered`, `refreshed`, `removed`, `asked` (nothing changed), `refused`, `delayed` (too many at once: told to come back)',
    },
  },
  registrationsActive: {
    name: 'edgeways_registrations_active',
    type: 'gauge',
    help: 'Contacts that are registered through the edge',
    labels: { zone: 'name of the zone that the client is in', registrar: '`here`: our own, `behind`: one behind us' },
  },
  authentications: {
    name: 'edgeways_authentications_total',
    type: 'counter',
    help: 'Requests of zones with `authenticate`, by what came of asking who sent them',
    labels: {
      result:
        '`password`, `timed`, `token` (shown); `challenged` (nothing was shown yet), `stale` (right, with an old nonce), `wrong`, `flood` (refused without a look), `malformed`, `unsure` (the keys of tokens cannot be had), `disabled`, `identity` (another one’s From or To)',
    },
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
  targetAnswered: {
    name: 'edgeways_target_options_age_seconds',
    type: 'gauge',
    help: 'Since the target answered an OPTIONS of ours, in zones with `connections: { share: false }`',
    labels: { zone: ZONE, target: 'name of the target' },
  },
  optionsAsked: {
    name: 'edgeways_options_received_total',
    type: 'counter',
    help: 'OPTIONS that asked the edge itself, from peers that have addresses',
    labels: { zone: ZONE },
  },
  optionsAskedAge: {
    name: 'edgeways_options_received_age_seconds',
    type: 'gauge',
    help: 'Since the last of them, in zones with `connections: { share: false }`',
    labels: { zone: ZONE },
  },
  dialogs: {
    name: 'edgeways_dialogs_active',
    type: 'gauge',
    help: 'Calls that are up, of those with a client reached through its own connection, or with media of ours',
    labels: {},
  },
  dialogsVanished: {
    name: 'edgeways_dialogs_return_pending',
    type: 'gauge',
    help: 'Clients in calls whose connection is gone, and who may come back',
    labels: {},
  },
  dialogsEnded: {
    name: 'edgeways_dialogs_connection_lost_total',
    type: 'counter',
    help: 'Calls that the edge ended because the client did not come back',
    labels: {},
  },
  dialogsResumed: {
    name: 'edgeways_dialogs_resumed_total',
    type: 'counter',
    help: 'Calls that went on because the client came back in time',
    labels: {},
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
  keepAlives: {
    name: 'edgeways_nat_keep_alives_total',
    type: 'counter',
    help: 'Packets that keep the way to clients behind NAT open; `sent` without `answered` or `lost` are those of four bytes',
    labels: { zone: ZONE, outcome: '`sent`, `answered`, `lost`' },
  },
  passedRegistrations: {
    name: 'edgeways_passed_registrations_total',
    type: 'counter',
    help: 'What became of registrations whose registrar is behind us',
    labels: {
      zone: "name of the client's zone; with `no-path` of the registrar's",
      what: '`passed`: accepted; `answered`: a refresh that the registrar need not hear of; `taken-back`: the registrar forgot a client that is gone, `take-back-refused`: it wanted new credentials, `take-back-failed`: it gave no answer or another one; `no-path`: an answer showed that it knows no Path',
    },
  },
  mediaCommands: {
    name: 'edgeways_media_commands_total',
    type: 'counter',
    help: 'Commands to rtpengine that are over',
    labels: { node: NODE, command: COMMAND, outcome: '`ok`, `error` (refused by the daemon), `timeout`, and the like' },
  },
  mediaCommandSeconds: {
    name: 'edgeways_media_command_seconds',
    type: 'histogram',
    help: 'Time from the first datagram of a command to its reply, or to giving up',
    labels: { node: NODE, command: COMMAND },
  },
  mediaResends: {
    name: 'edgeways_media_resends_total',
    type: 'counter',
    help: 'Datagrams sent again because no reply came; more than a few mean loss or a daemon that is too busy',
    labels: { node: NODE },
  },
  mediaDroppedReplies: {
    name: 'edgeways_media_dropped_replies_total',
    type: 'counter',
    help: 'Datagrams from rtpengine that nobody waited for',
    labels: { node: NODE, reason: 'why, such as `late`' },
  },
  mediaNodeState: {
    name: 'edgeways_media_node_state',
    type: 'gauge',
    help: '1 for the state that the rtpengine is in, 0 for the others',
    labels: { node: NODE, set: 'name of its set', state: '`up`, `suspect`, `down`, `drain`' },
  },
  mediaNodeSessions: {
    name: 'edgeways_media_node_sessions',
    type: 'gauge',
    help: 'Sessions that the rtpengine has, from its own statistics',
    labels: { node: NODE },
  },
  mediaSessions: {
    name: 'edgeways_media_sessions_active',
    type: 'gauge',
    help: 'Sessions that the edge has with rtpengine for its calls',
    labels: {},
  },
  mediaCalls: {
    name: 'edgeways_media_calls_total',
    type: 'counter',
    help: 'Calls that needed rtpengine',
    labels: { outcome: '`ok`, `failed` (no usable media), `refused` (no rtpengine took the call)' },
  },
  mediaFlagged: {
    name: 'edgeways_media_calls_flagged_total',
    type: 'counter',
    help: 'Calls that ended with something wrong in their media',
    labels: { flag: '`one-way`, `no-media`, `timeout` (the daemon gave the call up)' },
  },
  mediaDeletes: {
    name: 'edgeways_media_deletes_pending',
    type: 'gauge',
    help: 'Sessions that are over and whose rtpengine has not acknowledged it yet',
    labels: {},
  },
  mediaStrays: {
    name: 'edgeways_media_strays_total',
    type: 'counter',
    help: 'Sessions of ours found in an rtpengine that no call had any more, and deleted',
    labels: { node: NODE },
  },
  mediaMos: {
    name: 'edgeways_media_mos',
    type: 'histogram',
    help: 'Mean opinion score (1 to 5) of what a party heard, one value for each call whose endpoints send reports',
    labels: { zone: ZONE },
  },
  mediaLoss: {
    name: 'edgeways_media_loss_ratio',
    type: 'histogram',
    help: 'Share of the packets that a party missed, one value for each call whose endpoints send reports',
    labels: { zone: ZONE },
  },
  mediaJitter: {
    name: 'edgeways_media_jitter_seconds',
    type: 'histogram',
    help: 'Jitter of what a party heard, one value for each call whose endpoints send reports',
    labels: { zone: ZONE },
  },
  certificateDays: {
    name: 'edgeways_certificate_days_left',
    type: 'gauge',
    help: 'Whole days until a certificate ends, negative after that; 0 while one of the development CA stands in for it',
    labels: { name: 'name of the certificate' },
  },
  certificateOrders: {
    name: 'edgeways_certificate_order_total',
    type: 'counter',
    help: 'Orders of certificates that have come to their end',
    labels: { name: 'name of the certificate', result: '`ok`, `failed` (it is tried again)' },
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

/** Upper bounds of each histogram, in its unit. */
export const BUCKETS = {
  inside: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  mediaCommandSeconds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  mediaMos: [1.5, 2, 2.5, 3, 3.5, 3.8, 4, 4.2, 4.4],
  mediaLoss: [0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
  mediaJitter: [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25],
} as const satisfies Partial<Record<MetricKey, readonly number[]>>

/** docs/metrics.md, whole. */
export const metricsDocument = (): string => {
  const entries: MetricDefinition[] = Object.values(METRICS)
  const rows = entries.map(({ name, type, help, labels }) => {
    const described = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`)
    return `| \`${name}\` | ${type} | ${help} | ${described.join('<br>')} |`
  })
  const buckets = (Object.keys(BUCKETS) as (keyof typeof BUCKETS)[]).map(
    (key) => `| \`${METRICS[key].name}\` | ${BUCKETS[key].join(', ')} |`,
  )
  return `# Metrics

<!-- Generated by \`npm run docs\` from src/observability/metric-table.ts. Do not edit. -->

\`GET /metrics\` on the admin listener answers in the Prometheus text format. Numbers start at 0 with the process.

| Name | Type | Meaning | Labels |
| --- | --- | --- | --- |
${rows.join('\n')}

The buckets of the histograms, in the unit of the name:

| Name | Upper bounds |
| --- | --- |
${buckets.join('\n')}
`
}
