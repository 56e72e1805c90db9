import { expect, test } from 'vitest'
import { headerOf } from '../../support/wire.ts'
import { CALLED_HZ, CALLER_HZ, hearEachOther, layGround, leaping, startDaemon } from './ground.ts'

const OTHER_HZ = 620

test('two calls with one Call-ID, from two sources: two sessions, and the end of one leaves the other its sound', async () => {
  const daemon = await startDaemon(94)
  const ground = await layGround(94, { nodes: { a: daemon } })
  const other = await ground.anotherCaller(13, OTHER_HZ)
  const callId = 'the-same@both'
  const one = await ground.dial({ callId })
  const oneCalled = await ground.called.incoming()
  await Promise.all([one.established(), oneCalled.answer()])
  const two = await ground.dial({ callId }, other)
  const twoCalled = await ground.called.incoming()
  await Promise.all([two.established(), twoCalled.answer()])
  const sound = async (): Promise<void> => {
    await Promise.all([two.media().hears(CALLED_HZ), twoCalled.media().hears(OTHER_HZ, 5000, [CALLER_HZ])])
  }
  await Promise.all([hearEachOther({ caller: one, called: oneCalled }), sound()])
  expect(new Set(await daemon.list()).size).toBe(2)
  for (const id of await daemon.list()) expect(id).toMatch(/^the-same@both~/)
  await oneCalled.bye()
  await sound()
  expect(await daemon.list()).toHaveLength(1)
  await two.hold()
  await two.resume()
  await sound()
  await two.bye()
  await ground.empty(daemon)
})

test('both sides fall silent: the daemon gives the call up, and the edge ends it on both sides', async () => {
  const daemon = await startDaemon(95, { extra: ['--timeout=2'] })
  const ground = await layGround(95, { nodes: { a: daemon }, environment: leaping })
  const silent = await ground.connect()
  const alive = await ground.connect()
  silent.caller.media().unplug()
  silent.called.media().unplug()
  await ground.listed(daemon, 1)
  // The sweep of each minute; of the second one that misses the call it is believed
  ground.leap()
  await ground.metricReaches('edgeways_media_commands_total', { command: 'list' }, 1)
  expect(silent.caller.arrived.some(({ method, status }) => method === 'BYE' && status === 0)).toBe(false)
  ground.leap()
  const byes = await Promise.all([silent.caller.ended(), silent.called.ended()])
  expect(byes.map((bye) => headerOf(bye, 'reason'))).toEqual(Array(2).fill('SIP;cause=408;text="Media timeout"'))
  await hearEachOther(alive)
  await ground.metricReaches('edgeways_media_calls_flagged_total', { flag: 'timeout' }, 1)
  await alive.caller.bye()
  await ground.empty(daemon)
})

test('both sides fall silent, and the operator wants a report only: the call stays, and its BYE ends it', async () => {
  const daemon = await startDaemon(95, { extra: ['--timeout=2'] })
  const media = `{ rtpengine: [{ name: a, address: '${daemon.host}:${daemon.port}' }], media-timeout: report }`
  const ground = await layGround(95, { media, environment: leaping })
  await ground.becomes('a', 'up')
  const pair = await ground.connect()
  pair.caller.media().unplug()
  pair.called.media().unplug()
  await ground.listed(daemon, 0)
  ground.leap()
  await ground.metricReaches('edgeways_media_commands_total', { command: 'list' }, 1)
  ground.leap()
  await ground.edge.logged(({ msg }) => msg === 'Call has no media any more', 'report')
  expect((await pair.caller.bye()).status).toBe(200)
  await pair.called.ended()
  await ground.empty(daemon)
})

test('the edge is killed in mid-call: sound goes on, its sweeps leave the call alone, and a BYE through its next life deletes it', async () => {
  const daemon = await startDaemon(96)
  const ground = await layGround(96, { nodes: { a: daemon }, environment: leaping })
  const [one, two] = [await ground.connect(), await ground.connect()]
  const before = await daemon.list()
  await ground.edge.kill9()
  await hearEachOther(one)
  await ground.edge.restart()
  await ground.becomes('a', 'up')
  // A stray of its own life would be deleted after two minutes
  for (const sweep of [1, 2, 3, 4]) {
    ground.leap()
    await ground.metricReaches('edgeways_media_commands_total', { command: 'list' }, sweep)
  }
  expect([...(await daemon.list())].sort()).toEqual([...before].sort())
  await Promise.all([hearEachOther(one), hearEachOther(two)])
  await one.called.hold()
  await one.called.resume()
  await hearEachOther(one)
  expect((await one.caller.bye()).status).toBe(200)
  await one.called.ended()
  await ground.listed(daemon, 1)
  expect((await two.called.bye()).status).toBe(200)
  await two.caller.ended()
  await ground.empty(daemon)
})

test('a node is drained through the API: new calls go elsewhere, its own go on to their end, and it is taken back', async () => {
  const [a, b] = [await startDaemon(97), await startDaemon(97)]
  const ground = await layGround(97, { nodes: { a, b } })
  const pair = await ground.connect()
  const [name, busy, spare] = (await a.list()).length > 0 ? ['a', a, b] : ['b', b, a]
  expect(await ground.post(`/api/media/nodes/${name}/drain`, { drain: true })).toBe(200)
  await ground.becomes(name, 'drain')
  const attempts = await ground.crowd(6)
  expect(attempts.map(({ final }) => final.status)).toEqual(Array(6).fill(200))
  expect([(await busy.list()).length, (await spare.list()).length]).toEqual([1, 6])
  await pair.caller.hold()
  await pair.caller.resume()
  await hearEachOther(pair)
  await pair.called.bye()
  await ground.listed(busy, 0)
  expect(await ground.post(`/api/media/nodes/${name}/drain`, { drain: false })).toBe(200)
  await ground.becomes(name, 'up')
  const more = await ground.crowd(12)
  expect((await busy.list()).length).toBeGreaterThan(0)
  await Promise.all([...attempts, ...more].map(({ call }) => call.bye()))
  await ground.empty(a, b)
})
