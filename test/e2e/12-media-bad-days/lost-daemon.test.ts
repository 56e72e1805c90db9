import { expect, test } from 'vitest'
import type { Rtpengine } from '../../support/rtpengine.ts'
import { addressesOf, hearEachOther, layGround, startDaemon } from './ground.ts'

/** Who of the two has the call. */
const busyOf = async (a: Rtpengine, b: Rtpengine): Promise<readonly [busy: Rtpengine, spare: Rtpengine]> =>
  (await a.list()).length > 0 ? [a, b] : [b, a]

test('killed between offer and answer: the called party is let go, the caller gets 503, and nothing is left', async () => {
  const daemon = await startDaemon(81)
  const ground = await layGround(81, { nodes: { a: daemon } })
  const caller = await ground.dial()
  const called = await ground.called.incoming()
  await called.provisional(180)
  await caller.arrives('180 INVITE')
  expect(await daemon.list()).toHaveLength(1)
  await daemon.kill9()
  const answered = performance.now()
  const acked = called.answer()
  const final = await caller.final()
  expect(performance.now() - answered).toBeLessThan(2000)
  expect(final.start).toBe('SIP/2.0 503 Media node does not answer')
  await acked
  expect((await called.ended()).headers.find(({ name }) => name === 'reason')?.value).toBe('SIP;cause=503;text="Media relay failed"')
  await daemon.restart()
  await ground.empty(daemon)
  const pair = await ground.connect()
  await pair.caller.bye()
  await ground.empty(daemon)
})

test('killed between offer and answer, with a second node: its address is with the called party already, so this call fails, and the next one works', async () => {
  const [a, b] = [await startDaemon(82), await startDaemon(82)]
  const ground = await layGround(82, { nodes: { a, b }, commandMs: 2500 })
  const caller = await ground.dial()
  const called = await ground.called.incoming()
  await called.provisional(180)
  await caller.arrives('180 INVITE')
  const [busy, spare] = await busyOf(a, b)
  await busy.kill9()
  const [final] = await Promise.all([caller.final(), called.answer()])
  expect(final.status).toBe(503)
  await called.ended()
  const begun = performance.now()
  const pair = await ground.connect()
  // The node that did not answer is suspect: nobody waits for it again
  expect(performance.now() - begun).toBeLessThan(2000)
  expect(await spare.list()).toHaveLength(1)
  await pair.called.bye()
  await busy.restart()
  await ground.empty(a, b)
})

test('restarted between offer and answer: the called party is let go at once, the caller gets 503', async () => {
  const daemon = await startDaemon(82)
  const ground = await layGround(82, { nodes: { a: daemon } })
  const caller = await ground.dial()
  const called = await ground.called.incoming()
  await called.provisional(180)
  await caller.arrives('180 INVITE')
  await daemon.restart()
  const [final] = await Promise.all([caller.final(), called.answer()])
  expect(final.start).toBe('SIP/2.0 503 Media node has lost the call')
  await called.ended()
  await ground.empty(daemon)
})

test.each(['caller', 'called'] as const)(
  'gone in mid-call, with a second node: the next offer, of the %s, goes there, and sound returns both ways',
  async (by) => {
    const [a, b] = [await startDaemon(83), await startDaemon(83)]
    const ground = await layGround(83, { nodes: { a, b } })
    const pair = await ground.connect()
    const [busy, spare] = await busyOf(a, b)
    await busy.kill9()
    await Promise.all([pair.caller.media().receivesNothingWithin(300), pair.called.media().receivesNothingWithin(300)])
    const begun = performance.now()
    expect((await pair[by].reinvite()).status).toBe(200)
    expect(performance.now() - begun).toBeLessThan(2500)
    await hearEachOther(pair)
    expect(await spare.list()).toHaveLength(1)
    expect(pair.caller.media().agreement()?.address).toBe(addressesOf(83).wan)
    expect(pair.called.media().agreement()?.address).toBe(addressesOf(83).lan)
    // It stays there, also when the first one is back
    await busy.restart()
    await pair.called.hold()
    await pair.called.resume()
    await hearEachOther(pair)
    await pair.caller.bye()
    await ground.empty(a, b)
  },
)

test('gone in mid-call, known to be down: the next offer does not even ask it', async () => {
  const [a, b] = [await startDaemon(83), await startDaemon(83)]
  const ground = await layGround(83, { nodes: { a, b } })
  const pair = await ground.connect()
  const [busy] = await busyOf(a, b)
  await busy.kill9()
  await ground.becomes(busy === a ? 'a' : 'b', 'down')
  const begun = performance.now()
  await pair.caller.reinvite()
  expect(performance.now() - begun).toBeLessThan(900)
  await hearEachOther(pair)
  await pair.caller.bye()
  await busy.restart()
  await ground.empty(a, b)
})

test('the only node killed and restarted: silent until the next offer, which brings sound back', async () => {
  const daemon = await startDaemon(84)
  const ground = await layGround(84, { nodes: { a: daemon } })
  const pair = await ground.connect()
  await daemon.restart()
  await Promise.all([pair.caller.media().receivesNothingWithin(300), pair.called.media().receivesNothingWithin(300)])
  expect((await pair.called.reinvite()).status).toBe(200)
  await hearEachOther(pair)
  expect(await daemon.list()).toHaveLength(1)
  await pair.called.bye()
  await ground.empty(daemon)
})

test('the only node is gone: a re-INVITE gets 503 in time, the call itself goes on, and heals when the node is back', async () => {
  const daemon = await startDaemon(84)
  const ground = await layGround(84, { nodes: { a: daemon } })
  const pair = await ground.connect()
  await daemon.kill9()
  const begun = performance.now()
  expect((await pair.caller.reinvite()).status).toBe(503)
  expect(performance.now() - begun).toBeLessThan(2000)
  await daemon.restart()
  expect((await pair.caller.reinvite()).status).toBe(200)
  await hearEachOther(pair)
  await pair.caller.bye()
  await ground.empty(daemon)
})

test('the only node is gone: BYE is passed on at once, and the session is forgotten when the node is back', async () => {
  const daemon = await startDaemon(84)
  const ground = await layGround(84, { nodes: { a: daemon } })
  const pair = await ground.connect()
  await daemon.kill9()
  const begun = performance.now()
  expect((await pair.caller.bye()).status).toBe(200)
  expect(performance.now() - begun).toBeLessThan(700)
  await pair.called.ended()
  expect(await ground.state()).toMatchObject({ sessions: 1, deletes: 1 })
  await daemon.restart()
  await ground.empty(daemon)
})
