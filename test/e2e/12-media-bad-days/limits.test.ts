import { describe, expect, test } from 'vitest'
import { until } from '../../support/processes.ts'
import { type Ground, hearEachOther, layGround, type Pair, startDaemon } from './ground.ts'

const finalOf = async (ground: Ground, from = ground.caller) => (await ground.dial({}, from)).final()

describe('an interface that the daemon does not have', () => {
  const lacks =
    'It has no interface tel, only wan, lan: start it with interface=tel/ADDRESS, or correct "interface" in the media of the zone'

  test('the node is down, with the reason in the state and in the log, and calls get 503 that says so', async () => {
    const daemon = await startDaemon(88)
    const ground = await layGround(88, { nodes: { a: daemon }, calledInterface: 'tel' })
    expect(await ground.becomes('a', 'down')).toMatchObject({ reason: lacks, interfaces: ['wan', 'lan'] })
    expect(await ground.edge.logged(({ msg }) => msg === 'Media node is down', 'log line')).toMatchObject({ node: 'a', reason: lacks })
    expect((await finalOf(ground)).start).toBe(
      'SIP/2.0 503 No rtpengine of set default takes calls (1 down); the log and /api/state say why, start or add one',
    )
    await ground.empty(daemon)
  })

  test('a second node that has it takes the calls', async () => {
    const [a, b] = [await startDaemon(88), await startDaemon(88, { lan: 'tel' })]
    const ground = await layGround(88, { nodes: { a, b }, calledInterface: 'tel' })
    await ground.becomes('a', 'down')
    for (let i = 0; i < 3; i++) {
      const pair = await ground.connect()
      expect(await b.list()).toHaveLength(1)
      await pair.caller.bye()
    }
    await ground.empty(a, b)
  })
})

describe('SDP that rtpengine cannot use', () => {
  const spoilt: readonly (readonly [what: string, status: number, spoil: (sdp: string) => string])[] = [
    ['a host name for an address', 488, (sdp) => sdp.replace(/^c=.*$/m, 'c=IN IP4 media.example.com')],
    // The daemon says "Error rewriting SDP", and keeps a call
    ['no media section', 488, (sdp) => sdp.slice(0, sdp.indexOf('m='))],
    ['no session', 400, () => 'hello\r\n'],
  ]

  test.each(spoilt)('an offer with %s: %d, and nothing is left', async (_what, status, spoil) => {
    const daemon = await startDaemon(89)
    const ground = await layGround(89, { nodes: { a: daemon } })
    const odd = await ground.anotherCaller(13, 620, spoil)
    expect((await finalOf(ground, odd)).status).toBe(status)
    expect(ground.called.requests).toEqual([])
    await ground.empty(daemon)
  })

  test.each(spoilt)(
    'an answer with %s: the called party is let go, the caller gets 502, and nothing is left',
    async (_what, _status, spoil) => {
      const daemon = await startDaemon(89)
      const ground = await layGround(89, { nodes: { a: daemon }, answering: spoil })
      const caller = await ground.dial()
      const called = await ground.called.incoming()
      const [final] = await Promise.all([caller.final(), called.answer()])
      expect(final.start).toBe('SIP/2.0 502 Answer cannot be used')
      await called.ended()
      await ground.empty(daemon)
    },
  )

  test.each(spoilt)('a re-INVITE with %s: %d, and both hear each other as before', async (_what, status, spoil) => {
    const daemon = await startDaemon(90)
    let spoils = false
    const ground = await layGround(90, { nodes: { a: daemon }, answering: (sdp) => (spoils ? spoil(sdp) : sdp) })
    const pair = await ground.connect()
    spoils = true
    expect((await pair.called.reinvite()).status).toBe(status)
    spoils = false
    await hearEachOther(pair)
    await pair.called.hold()
    await pair.called.resume()
    await hearEachOther(pair)
    await pair.caller.bye()
    await ground.empty(daemon)
  })
})

/** On each of the two addresses: RTP and RTCP for two calls. Nobody else uses these addresses. */
const ROOM_FOR_TWO = [21_000, 21_003] as const

/** Two calls at once; tones of the second caller are told from those of the first. */
const twoCalls = async (ground: Ground): Promise<readonly [Pair, Pair]> => {
  const first = await ground.connect()
  return [first, await ground.connect()]
}

/** What a caller may do with its own call: hold, move to other ports, come back. */
const moveAbout = async (pair: Pair): Promise<void> => {
  await hearEachOther(pair)
  await pair.caller.hold()
  await pair.caller.resume()
  await pair.caller.media().move()
  expect((await pair.caller.reinvite()).status).toBe(200)
  await hearEachOther(pair)
  await pair.called.media().move()
  expect((await pair.called.reinvite()).status).toBe(200)
  await hearEachOther(pair)
}

describe('ports are exhausted', () => {
  test('with one node the call beyond gets 503, and those that are up can hold, move and resume', async () => {
    const daemon = await startDaemon(91, { ports: ROOM_FOR_TWO })
    const ground = await layGround(91, { nodes: { a: daemon } })
    const [one, two] = await twoCalls(ground)
    expect((await finalOf(ground)).start).toBe('SIP/2.0 503 Media node has no room')
    await moveAbout(one)
    await moveAbout(two)
    expect(await daemon.list()).toHaveLength(2)
    // Who still sends to a port would be taken for the one who has it next
    await one.caller.hold('inactive')
    await one.caller.bye()
    const three = await ground.connect()
    await hearEachOther(two)
    await Promise.all([two.called.bye(), three.called.bye()])
    await ground.empty(daemon)
  })

  // The daemon destroys a call that it has no ports for; it is there again, with the ports that it had, before the parties miss it
  test('a re-INVITE for more than there is gets 503, and both go on hearing each other', async () => {
    const video = ['m=video 5000 RTP/AVP 96', 'a=rtpmap:96 VP8/90000', ''].join('\r\n')
    const daemon = await startDaemon(91, { ports: [21_000, 21_001] })
    let more = ''
    const ground = await layGround(91, { nodes: { a: daemon }, answering: (sdp) => sdp + more })
    // Of a range with room for one the daemon says now and then, before its first call, that there is none
    const withRoom = (error: unknown): undefined => {
      if (!String(error).includes('no room')) throw error
    }
    const pair = await until(() => ground.connect().catch(withRoom), 'a first call')
    more = video
    expect((await pair.called.reinvite()).start).toBe('SIP/2.0 503 Media node has no room')
    more = ''
    await until(async () => (await daemon.list())[0], 'call in the daemon')
    await hearEachOther(pair)
    await moveAbout(pair)
    await pair.called.bye()
    await ground.empty(daemon)
  })

  test('with a second node the call beyond goes there, and the first one stays up for those it has', async () => {
    const [small, large] = [await startDaemon(91, { ports: ROOM_FOR_TWO }), await startDaemon(91)]
    const ground = await layGround(91, { nodes: { small, large } })
    const attempts = await ground.crowd(12)
    expect(attempts.map(({ final }) => final.status)).toEqual(Array(12).fill(200))
    expect([(await small.list()).length, (await large.list()).length]).toEqual([2, 10])
    expect((await ground.state()).nodes.map(({ state }) => state)).toEqual(['up', 'up'])
    for (const { call } of attempts) expect((await call.reinvite({ direction: 'inactive' })).status).toBe(200)
    expect([(await small.list()).length, (await large.list()).length]).toEqual([2, 10])
    await Promise.all(attempts.map(({ call }) => call.bye()))
    await ground.empty(small, large)
  })
})

describe('the session limit of the daemon', () => {
  test('with one node the call beyond gets 503, the one that is up goes on', async () => {
    const daemon = await startDaemon(92, { extra: ['--max-sessions=1'] })
    const ground = await layGround(92, { nodes: { a: daemon } })
    const pair = await ground.connect()
    expect((await finalOf(ground)).start).toBe('SIP/2.0 503 Media node has no room')
    await moveAbout(pair)
    await pair.caller.hold('inactive')
    await pair.caller.bye()
    await (await ground.connect()).called.bye()
    await ground.empty(daemon)
  })

  test('with a second node the calls beyond go there', async () => {
    const [small, large] = [await startDaemon(92, { extra: ['--max-sessions=1'] }), await startDaemon(92)]
    const ground = await layGround(92, { nodes: { small, large } })
    const attempts = await ground.crowd(8)
    expect(attempts.map(({ final }) => final.status)).toEqual(Array(8).fill(200))
    expect([(await small.list()).length, (await large.list()).length]).toEqual([1, 7])
    await Promise.all(attempts.map(({ call }) => call.bye()))
    await ground.empty(small, large)
  })
})
