import { expect, onTestFinished, test } from 'vitest'
import { metricReaches } from '../../support/edge.ts'
import type { Rtpengine } from '../../support/rtpengine.ts'
import { type Loses, lossOf, type Relay, startRelay } from '../06-media-client/relay.ts'
import { type Attempt, layGround, startDaemon } from './ground.ts'
import { type SlowRelay, startSlowRelay } from './slow-relay.ts'

const CALLS = 30
const COMMAND_MS = 2500
/** Of one command, and what a loaded machine adds. */
const BUDGET_MS = COMMAND_MS + 1000
/** Well below the second of a command where nothing else is said: whoever waits for one takes longer. */
const AT_ONCE_MS = 700

const lossy = async (daemon: Rtpengine, loses: Loses): Promise<Relay> => {
  const relay = await startRelay(daemon, loses)
  onTestFinished(relay.close)
  return relay
}

const slow = async (daemon: Rtpengine): Promise<SlowRelay> => {
  const relay = await startSlowRelay(daemon)
  onTestFinished(relay.close)
  return relay
}

const hangUp = (attempts: readonly Attempt[]): Promise<unknown> =>
  Promise.all(attempts.filter(({ final }) => final.status === 200).map(({ call }) => call.bye()))

const statuses = (attempts: readonly Attempt[]): readonly number[] => attempts.map(({ final }) => final.status)

test('40 % of the datagrams to the daemon get lost: 30 calls at once are all set up in time, and nothing is left', async () => {
  const daemon = await startDaemon(85)
  const loss = lossOf(0.4, 'to the daemon')
  const relay = await lossy(daemon, (index, nth, direction) => direction === 'there' && loss(index, nth, direction))
  const ground = await layGround(85, { nodes: { a: relay }, commandMs: COMMAND_MS })
  const attempts = await ground.crowd(CALLS)
  expect(statuses(attempts)).toEqual(Array(CALLS).fill(200))
  expect(Math.max(...attempts.map(({ tryingAfter }) => tryingAfter))).toBeLessThan(AT_ONCE_MS)
  expect(Math.max(...attempts.map(({ finalAfter }) => finalAfter))).toBeLessThan(2 * BUDGET_MS)
  expect(await ground.edge.metric('edgeways_media_resends_total')).toBeGreaterThan(CALLS / 2)
  await hangUp(attempts)
  await ground.empty(daemon)
})

test('40 % loss each way to each of two nodes: every call is decided in time, most are set up, and nothing is left', async () => {
  const [a, b] = [await startDaemon(85), await startDaemon(85)]
  const nodes = { a: await lossy(a, lossOf(0.4, 'a')), b: await lossy(b, lossOf(0.4, 'b')) }
  const ground = await layGround(85, { nodes, commandMs: COMMAND_MS })
  const attempts = await ground.crowd(CALLS)
  for (const status of statuses(attempts)) expect([200, 503]).toContain(status)
  expect(statuses(attempts).filter((status) => status === 200).length).toBeGreaterThanOrEqual(0.8 * CALLS)
  expect(Math.max(...attempts.map(({ finalAfter }) => finalAfter))).toBeLessThan(3 * BUDGET_MS)
  await hangUp(attempts)
  await ground.empty(a, b)
}, 60_000)

test('a daemon that stands still: 100 at once, 503 in time, nobody else waits, and what it does later is cleaned up', async () => {
  const daemon = await startDaemon(86)
  const ground = await layGround(86, { nodes: { a: daemon } })
  daemon.signal('SIGSTOP')
  const crowd = ground.crowd(CALLS)
  const others = [await ground.optionsTime(), await ground.optionsTime(), await ground.optionsTime()]
  const attempts = await crowd
  expect(statuses(attempts)).toEqual(Array(CALLS).fill(503))
  expect(Math.max(...attempts.map(({ tryingAfter }) => tryingAfter))).toBeLessThan(AT_ONCE_MS)
  expect(Math.max(...attempts.map(({ finalAfter }) => finalAfter))).toBeLessThan(2500)
  expect(Math.max(...others)).toBeLessThan(AT_ONCE_MS)
  await ground.becomes('a', 'down')
  const begun = performance.now()
  const refused = await ground.dial()
  expect((await refused.final()).start).toContain('SIP/2.0 503 No rtpengine of set default takes calls')
  expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS)
  daemon.signal('SIGCONT')
  await ground.becomes('a', 'up')
  await ground.empty(daemon)
  const pair = await ground.connect()
  await pair.caller.bye()
  await ground.empty(daemon)
})

test('a daemon that stands still beside one that works: calls of the other one do not wait, its own go over when their time is up', async () => {
  const [still, well] = [await startDaemon(86), await startDaemon(86)]
  const ground = await layGround(86, { nodes: { still, well } })
  still.signal('SIGSTOP')
  const attempts = await ground.crowd(CALLS)
  expect(statuses(attempts)).toEqual(Array(CALLS).fill(200))
  const moved = attempts.filter(({ finalAfter }) => finalAfter >= 1000)
  expect([moved.length > 0, moved.length < CALLS]).toEqual([true, true])
  expect(Math.max(...moved.map(({ finalAfter }) => finalAfter))).toBeLessThan(2500)
  expect(await well.list()).toHaveLength(CALLS)
  await hangUp(attempts)
  still.signal('SIGCONT')
  await ground.becomes('still', 'up')
  await ground.empty(still, well)
})

test('a reply after its deadline: counted, believed by nobody, and the session behind it is deleted', async () => {
  const daemon = await startDaemon(87)
  const relay = await slow(daemon)
  const ground = await layGround(87, { nodes: { a: relay }, commandMs: 600 })
  relay.hold('offer')
  const caller = await ground.dial()
  expect((await caller.final()).start).toBe('SIP/2.0 503 Media node does not answer')
  const kept = relay.held()
  expect(kept).toBeGreaterThan(0)
  expect(ground.called.requests).toEqual([])
  await ground.empty(daemon)
  relay.release()
  await metricReaches(ground.edge, 'edgeways_media_dropped_replies_total', { node: 'a', reason: 'late' }, kept)
  const pair = await ground.connect()
  await pair.caller.bye()
  await ground.empty(daemon)
})
