import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
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
    else expect(name).toMatch(/(_seconds|_bytes|_ratio|_info|_active|_open|_up)$/)
  }
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
