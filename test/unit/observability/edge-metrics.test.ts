import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { EdgeMetrics } from '../../../src/observability/edge-metrics.ts'
import { METRICS, type MetricDefinition, metricsDocument } from '../../../src/observability/metric-table.ts'
import { SILENT_METRICS } from '../../../src/observability/metrics.ts'

let metrics = new EdgeMetrics('1.2.3')
afterEach(() => {
  metrics.stop()
  metrics = new EdgeMetrics('1.2.3')
})

/** The lines of one metric without comments. */
const lines = async (name: string): Promise<string[]> => (await metrics.text()).split('\n').filter((line) => line.startsWith(name))

test('every metric of the table has help and type on the page', async () => {
  const page = await metrics.text()
  for (const { name, help, type } of Object.values(METRICS) as MetricDefinition[]) {
    expect(page).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
  }
})

test('names have a unit or end in _total, as Prometheus wants it', () => {
  for (const { name, type } of Object.values(METRICS)) {
    if (type === 'counter') expect(name).toMatch(/_total$/)
    else expect(name).toMatch(/(_seconds|_bytes|_ratio|_info|_active|_open|_up|_state|_sessions|_pending|_mos|_days_left)$/)
  }
})

test('the web admin gets three sums: messages received, INVITEs among them, and what was refused', () => {
  metrics.message('INVITE', 'udp', 'in')
  metrics.message('INVITE', 'wss', 'in')
  metrics.message('INVITE', 'wss', 'out')
  metrics.message('INVITE', 'tls', 'in', 200)
  metrics.message('BYE', 'tls', 'in')
  metrics.unadmitted('lan/udp', 'silence')
  metrics.drop('parse', 'lan/udp')
  expect(metrics.counters()).toEqual({ messages: 4, invites: 2, refused: 2 })
})

test('messages are counted by method, transport, direction and class of status', async () => {
  metrics.message('INVITE', 'udp', 'in')
  metrics.message('INVITE', 'wss', 'out')
  metrics.message('INVITE', 'udp', 'out', 180)
  metrics.message('INVITE', 'udp', 'out', 200)
  metrics.message('INVITE', 'udp', 'out', 200)
  metrics.message('PUBLISH', 'tls', 'in', 699)
  expect((await lines('edgeways_messages_total')).sort()).toEqual([
    'edgeways_messages_total{method="INVITE",transport="udp",direction="in",result="request"} 1',
    'edgeways_messages_total{method="INVITE",transport="udp",direction="out",result="1xx"} 1',
    'edgeways_messages_total{method="INVITE",transport="udp",direction="out",result="2xx"} 2',
    'edgeways_messages_total{method="INVITE",transport="wss",direction="out",result="request"} 1',
    'edgeways_messages_total{method="PUBLISH",transport="tls",direction="in",result="6xx"} 1',
  ])
})

test('a method that a stranger invented makes no series of its own', async () => {
  for (let i = 0; i < 1000; i++) metrics.message(`X${i}`, 'tcp', 'in')
  expect(await lines('edgeways_messages_total')).toEqual([
    'edgeways_messages_total{method="other",transport="tcp",direction="in",result="request"} 1000',
  ])
})

test('transactions have a total and a number of those that live', async () => {
  metrics.transactionStarted('invite-server')
  metrics.transactionStarted('invite-server')
  metrics.transactionEnded('invite-server')
  expect(await lines('edgeways_transactions_total{kind="invite-server"}')).toEqual(['edgeways_transactions_total{kind="invite-server"} 2'])
  expect(await lines('edgeways_transactions_active{kind="invite-server"}')).toEqual([
    'edgeways_transactions_active{kind="invite-server"} 1',
  ])
})

test('the latency histogram is cumulative, in seconds, and a bound belongs to its bucket', async () => {
  for (const seconds of [0.00001, 0.0001, 0.0003, 3]) metrics.inside(seconds)
  const text = await metrics.text()
  expect(text).toContain('edgeways_inside_seconds_bucket{le="0.00005"} 1\n')
  expect(text).toContain('edgeways_inside_seconds_bucket{le="0.0001"} 2\n')
  expect(text).toContain('edgeways_inside_seconds_bucket{le="0.0005"} 3\n')
  expect(text).toContain('edgeways_inside_seconds_bucket{le="1"} 3\n')
  expect(text).toContain('edgeways_inside_seconds_bucket{le="+Inf"} 4\n')
  expect(text).toContain('edgeways_inside_seconds_count 4\n')
  expect(text).toMatch(/edgeways_inside_seconds_sum 3\.00041/)
})

test('drops, refusals, oversize datagrams, violations, reloads and errors are counted', async () => {
  metrics.drop('framing', 'lan/tcp')
  metrics.drop('framing', 'lan/tcp')
  metrics.unadmitted('web/wss', 'silence')
  metrics.peerRefused('teams/tls', 'expired')
  metrics.routeStateRefused('signature')
  metrics.oversizeDatagram('sent')
  metrics.legTransportViolation()
  metrics.reload('refused')
  metrics.internalError('route')
  metrics.retransmission('in')
  const text = await metrics.text()
  for (const line of [
    'edgeways_drops_total{reason="framing",listener="lan/tcp"} 2',
    'edgeways_unadmitted_requests_total{listener="web/wss",answer="silence"} 1',
    'edgeways_peers_refused_total{listener="teams/tls",reason="expired"} 1',
    'edgeways_route_state_refused_total{reason="signature"} 1',
    'edgeways_oversize_datagrams_total{outcome="tcp"} 0',
    'edgeways_oversize_datagrams_total{outcome="sent"} 1',
    'edgeways_leg_transport_violations_total 1',
    'edgeways_reloads_total{result="refused"} 1',
    'edgeways_internal_errors_total{step="route"} 1',
    'edgeways_retransmissions_total{direction="in"} 1',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
})

test('words under one label are bounded, and none of the counts is lost', async () => {
  for (let i = 0; i < 2000; i++) metrics.drop(`reason-${i}`, `listener-${i}`)
  for (let i = 0; i < 2000; i++) metrics.drop('framing', `listener-${i}`)
  const found = await lines('edgeways_drops_total')
  expect(found.length).toBeLessThan(300)
  expect(found.map((line) => Number(line.split(' ').at(-1))).reduce((sum, value) => sum + value, 0)).toBe(4000)
})

test('flows and targets are asked when somebody scrapes', async () => {
  expect(await lines('edgeways_flows_open')).toEqual([])
  let open = 3
  metrics.setSources({
    flows: () => new Map([['web/wss', open]]),
    targets: () => [
      { zone: 'pbx', target: 'a "quoted"', up: true, optionsSeconds: 0.012 },
      { zone: 'pbx', target: 'b', up: false },
    ],
  })
  open = 4
  expect(await lines('edgeways_flows_open')).toEqual(['edgeways_flows_open{listener="web/wss"} 4'])
  expect(await lines('edgeways_target_up')).toEqual([
    'edgeways_target_up{zone="pbx",target="a \\"quoted\\""} 1',
    'edgeways_target_up{zone="pbx",target="b"} 0',
  ])
  expect(await lines('edgeways_target_options_seconds')).toEqual([
    'edgeways_target_options_seconds{zone="pbx",target="a \\"quoted\\""} 0.012',
  ])
})

describe('media', () => {
  test('commands are counted by node, command and outcome, with their time and what was sent again', async () => {
    metrics.mediaCommand('a', 'offer', 'ok', 0.002, 0)
    metrics.mediaCommand('a', 'offer', 'ok', 0.3, 2)
    metrics.mediaCommand('a', 'offer', 'timeout', 2.5, 3)
    metrics.mediaCommand('b', 'ping', 'ok', 0.0001, 0)
    expect((await lines('edgeways_media_commands_total')).sort()).toEqual([
      'edgeways_media_commands_total{node="a",command="offer",outcome="ok"} 2',
      'edgeways_media_commands_total{node="a",command="offer",outcome="timeout"} 1',
      'edgeways_media_commands_total{node="b",command="ping",outcome="ok"} 1',
    ])
    expect(await lines('edgeways_media_resends_total')).toEqual(['edgeways_media_resends_total{node="a"} 5'])
    const text = await metrics.text()
    for (const line of [
      'edgeways_media_command_seconds_bucket{node="a",command="offer",le="0.001"} 0',
      'edgeways_media_command_seconds_bucket{node="a",command="offer",le="0.0025"} 1',
      'edgeways_media_command_seconds_bucket{node="a",command="offer",le="2.5"} 3',
      'edgeways_media_command_seconds_count{node="a",command="offer"} 3',
      'edgeways_media_command_seconds_count{node="b",command="ping"} 1',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
  })

  test('calls and flags show 0 before there is one, so that a rate begins with the first', async () => {
    metrics.mediaCall('refused')
    metrics.mediaFlag('one-way')
    metrics.mediaFlag('one-way')
    metrics.mediaReplyDropped('a', 'late')
    metrics.mediaStray('a')
    expect(await lines('edgeways_media_calls_total')).toEqual([
      'edgeways_media_calls_total{outcome="ok"} 0',
      'edgeways_media_calls_total{outcome="failed"} 0',
      'edgeways_media_calls_total{outcome="refused"} 1',
    ])
    expect(await lines('edgeways_media_calls_flagged_total')).toEqual([
      'edgeways_media_calls_flagged_total{flag="one-way"} 2',
      'edgeways_media_calls_flagged_total{flag="no-media"} 0',
      'edgeways_media_calls_flagged_total{flag="timeout"} 0',
    ])
    expect(await lines('edgeways_media_dropped_replies_total')).toEqual(['edgeways_media_dropped_replies_total{node="a",reason="late"} 1'])
    expect(await lines('edgeways_media_strays_total')).toEqual(['edgeways_media_strays_total{node="a"} 1'])
  })

  test('a node shows which of the four states it is in, and its sessions when it told them', async () => {
    const node = { set: 'default', address: '127.0.0.1:2223', weight: 1 }
    metrics.setSources({
      flows: () => new Map(),
      targets: () => [],
      mediaNodes: () => [
        { ...node, name: 'a', state: 'up', sessions: 12 },
        { ...node, name: 'b', state: 'suspect' },
      ],
      mediaSessions: () => 11,
      mediaDeletes: () => 0,
    })
    const states = await lines('edgeways_media_node_state')
    expect(states).toHaveLength(8)
    expect(states.filter((line) => line.endsWith(' 1'))).toEqual([
      'edgeways_media_node_state{node="a",set="default",state="up"} 1',
      'edgeways_media_node_state{node="b",set="default",state="suspect"} 1',
    ])
    expect(await lines('edgeways_media_node_sessions')).toEqual(['edgeways_media_node_sessions{node="a"} 12'])
    expect(await lines('edgeways_media_sessions_active')).toEqual(['edgeways_media_sessions_active 11'])
    expect(await lines('edgeways_media_deletes_pending')).toEqual(['edgeways_media_deletes_pending 0'])
  })

  test('an edge without media shows no gauges about it', async () => {
    metrics.setSources({ flows: () => new Map(), targets: () => [] })
    for (const name of ['node_state', 'node_sessions', 'sessions_active', 'deletes_pending']) {
      expect(await lines(`edgeways_media_${name}`)).toEqual([])
    }
  })

  test('what parties heard is kept by zone, in units of Prometheus; a leg without reports counts nowhere', async () => {
    metrics.mediaHeard({ zone: 'pbx', mos: 4.3, lossPercent: 4, jitterMs: 12 })
    metrics.mediaHeard({ zone: 'pbx', lossPercent: 0 })
    metrics.mediaHeard({ zone: 'phones' })
    const text = await metrics.text()
    for (const line of [
      'edgeways_media_mos_bucket{zone="pbx",le="4.2"} 0',
      'edgeways_media_mos_bucket{zone="pbx",le="4.4"} 1',
      'edgeways_media_loss_ratio_bucket{zone="pbx",le="0"} 1',
      'edgeways_media_loss_ratio_sum{zone="pbx"} 0.04',
      'edgeways_media_loss_ratio_count{zone="pbx"} 2',
      'edgeways_media_jitter_seconds_sum{zone="pbx"} 0.012',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    expect(text).not.toContain('zone="phones"')
  })

  test('nodes, zones and words are bounded, and none of the counts is lost', async () => {
    for (let i = 0; i < 300; i++) {
      metrics.mediaCommand(`node-${i}`, 'ping', 'ok', 0.001, 1)
      metrics.mediaCommand('node-0', 'offer', `outcome-${i}`, 0.001, 0)
      metrics.mediaHeard({ zone: `zone-${i}`, mos: 4 })
    }
    const totalOf = async (name: string): Promise<number> =>
      (await lines(name)).map((line) => Number(line.split(' ').at(-1))).reduce((sum, value) => sum + value, 0)
    expect((await lines('edgeways_media_commands_total')).length).toBeLessThan(150)
    expect(await totalOf('edgeways_media_commands_total')).toBe(600)
    expect((await lines('edgeways_media_mos_count')).length).toBeLessThan(70)
    expect(await totalOf('edgeways_media_mos_count')).toBe(300)
  })
})

test('a blocked event loop shows as its delay', async () => {
  metrics.start()
  await sleep(50)
  const until = performance.now() + 120
  while (performance.now() < until);
  await sleep(50)
  const [longest] = await lines('edgeways_event_loop_delay_seconds{quantile="1"}')
  expect(Number(longest?.split(' ').at(-1))).toBeGreaterThan(0.05)
  const [busy] = await lines('edgeways_event_loop_busy_ratio')
  expect(Number(busy?.split(' ').at(-1))).toBeGreaterThan(0)
})

test('build and process are described', async () => {
  const text = await metrics.text()
  expect(text).toContain(`edgeways_build_info{version="1.2.3",node="${process.version}"} 1\n`)
  expect(text).toMatch(/process_cpu_seconds_total \d/)
  expect(text).toMatch(/process_resident_memory_bytes \d{6}/)
  expect(metrics.contentType).toContain('text/plain')
})

test('the document names every metric with its labels', () => {
  const document = metricsDocument()
  for (const { name, labels } of Object.values(METRICS) as MetricDefinition[]) {
    expect(document).toContain(`| \`${name}\` |`)
    for (const label of Object.keys(labels)) expect(document).toContain(`\`${label}\`: `)
  }
})

test('the silent metrics take every call', () => {
  for (const call of Object.values(SILENT_METRICS)) expect(() => (call as () => void)()).not.toThrow()
})

test('peers that share no connection: connections and OPTIONS each way, and what was renewed', async () => {
  metrics.setSources({
    flows: () => new Map(),
    targets: () => [],
    peers: () => [
      { zone: 'teams', inbound: 12, outbound: 3, askedAgo: 21, targets: [{ target: 'sip', answeredAgo: 7.5 }] },
      { zone: 'quiet', inbound: 0, outbound: 0, askedAgo: undefined, targets: [] },
    ],
  })
  metrics.connectionRetired('teams/tls', 'age')
  metrics.connectionRetired('teams/tls', 'age')
  metrics.connectionRetired('teams/tls', 'certificate')
  metrics.optionsAsked('teams')
  metrics.requestOnOurs('teams')
  const page = (await metrics.text())
    .split('\n')
    .filter((line) => /^edgeways_(connections_retired|peer_|options_|requests_on|target_options_age)/.test(line))
  expect(page).toEqual([
    'edgeways_connections_retired_total{listener="teams/tls",why="age"} 2',
    'edgeways_connections_retired_total{listener="teams/tls",why="certificate"} 1',
    'edgeways_peer_connections_open{zone="teams",direction="in"} 12',
    'edgeways_peer_connections_open{zone="teams",direction="out"} 3',
    'edgeways_peer_connections_open{zone="quiet",direction="in"} 0',
    'edgeways_peer_connections_open{zone="quiet",direction="out"} 0',
    'edgeways_requests_on_our_connections_total{zone="teams"} 1',
    'edgeways_target_options_age_seconds{zone="teams",target="sip"} 7.5',
    'edgeways_options_received_total{zone="teams"} 1',
    'edgeways_options_received_age_seconds{zone="teams"} 21',
  ])
})
