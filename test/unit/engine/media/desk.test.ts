import { expect, test } from 'vitest'
import { isProblem } from '../../../../src/base/problem.ts'
import { MediaDesk } from '../../../../src/engine/media/desk.ts'
import { type MediaSession, SessionBranch } from '../../../../src/engine/media/session.ts'
import type { Exchange } from '../../../../src/media/negotiation.ts'
import { SILENT_METRICS } from '../../../../src/observability/metrics.ts'
import { mediaLeg } from '../../../../src/zones/media.ts'
import { FakeMedia } from '../../../support/fake-media.ts'
import { ManualClock } from '../../dns/fixture.ts'

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

const LEG = mediaLeg(
  'pbx',
  {
    anchored: true,
    kind: undefined,
    interface: undefined,
    set: 'default',
    codecs: { order: undefined, strip: [], transcode: [] },
    dtmf: 'pass',
    ice: undefined,
    maxBundle: true,
    record: false,
  },
  'udp',
)

const silent = () => {}

const startDesk = (...nodes: readonly string[]) => {
  const lost: string[] = []
  const media = new FakeMedia(...nodes)
  const clock = new ManualClock()
  let count = 0
  let ours: (ngCallId: string) => boolean = () => false
  const desk = new MediaDesk({
    clock,
    ids: { token: (length) => String(++count).padStart(length, 'x') },
    log: {
      enabled: () => false,
      trace: silent,
      debug: silent,
      info: silent,
      warn: silent,
      error: silent,
      with: () => expect.unreachable(),
    },
    metrics: SILENT_METRICS,
    edge: 'EDGE',
    nodes: (events, isOurs) => {
      media.events = events
      ours = isOurs
      return media
    },
    lost: ({ callId }) => lost.push(callId),
  })
  const open = (callId = 'call'): { session: MediaSession; branch: SessionBranch } => {
    const session = desk.open(callId, LEG, 'default')
    if (isProblem(session)) return expect.unreachable(session.reason)
    const branch = new SessionBranch(1, LEG)
    session.branches.set(1, branch)
    return { session, branch }
  }
  return { desk, media, clock, open, lost, ours: (ngCallId: string) => ours(ngCallId) }
}

test('media §4: the ng call-id shows the Call-ID where that can be read, and who we are', () => {
  const { open, ours } = startDesk()
  const one = open('abc@example.com').session.ngCallId
  expect(one).toMatch(/^abc@example\.com~EDGE/)
  const odd = open('tilde~and blank').session.ngCallId
  expect(odd).toMatch(/^call~EDGE/)
  expect([one, odd, 'abc~OTHR123456789012', 'abc', `${one}x`].map(ours)).toEqual([true, true, false, false, false])
})

test('media §9: a call that ends while rtpengine is asked is deleted behind that, wherever it has gone meanwhile', async () => {
  const { desk, media, open } = startDesk('m1', 'm2')
  const { session, branch } = open()
  media.nodes[0]!.mood = 'full'
  media.holds()
  const offer = session.offer(branch, 'caller', SDP)
  await Promise.resolve()
  desk.end(session, 'failed')
  expect(media.said()).toEqual(['m1 offer a>b1'])
  expect(desk.size).toBe(1)
  media.releases()
  await offer
  await new Promise(setImmediate)
  expect(media.left()).toEqual([])
  expect(desk.size).toBe(0)
})

test('media §9: a branch that is dropped while rtpengine is asked about it is deleted behind that', async () => {
  const { desk, media, open } = startDesk()
  const { session, branch } = open()
  const other = new SessionBranch(2, LEG)
  session.branches.set(2, other)
  await session.offer(branch, 'caller', SDP)
  media.holds()
  const offer = session.offer(other, 'caller', SDP)
  await Promise.resolve()
  desk.drop(session, other)
  media.releases()
  await offer
  await new Promise(setImmediate)
  expect([...media.nodes[0]!.calls.values()].map(({ legs }) => [...legs.keys()])).toEqual([['a', 'b1']])
})

test('media §9: what has ended is not begun again', async () => {
  const { desk, media, open } = startDesk()
  const { session, branch } = open()
  const exchange = (await session.offer(branch, 'caller', SDP)) as Exchange
  desk.end(session, 'failed')
  media.said()
  expect(isProblem(await session.offer(branch, 'caller', SDP))).toBe(true)
  expect(isProblem(await session.answer(branch, exchange, SDP))).toBe(true)
  await session.restore(branch, [exchange])
  expect(media.said()).toEqual([])
})

test('a session stays in the table until rtpengine has acknowledged its delete', async () => {
  const { desk, media, open } = startDesk()
  const { session, branch } = open()
  await session.offer(branch, 'caller', SDP)
  media.nodes[0]!.mood = 'silent'
  desk.end(session, 'failed')
  expect(desk.size).toBe(1)
  media.nodes[0]!.mood = 'well'
  expect(desk.size).toBe(0)
})

test('media §9: a daemon is asked one thing of a call after the other, also when one of them fails', async () => {
  const { media, open } = startDesk()
  const { session, branch } = open()
  const other = new SessionBranch(2, LEG)
  session.branches.set(2, other)
  media.holds()
  media.nodes[0]!.loses = 1
  const both = [session.offer(branch, 'caller', SDP), session.offer(other, 'caller', SDP)]
  await Promise.resolve()
  expect(media.asked).toHaveLength(1)
  media.releases()
  const [first, second] = await Promise.all(both)
  expect([isProblem(first!), isProblem(second!)]).toEqual([true, false])
})

test('media §9: where the list does not fit, quiet calls are asked about one by one; who is unknown twice is lost', async () => {
  const { desk, media, clock, open, lost } = startDesk()
  const up = async (callId: string) => {
    const { session, branch } = open(callId)
    const exchange = await session.offer(branch, 'caller', SDP)
    if (isProblem(exchange)) return expect.unreachable(exchange.reason)
    await session.answer(branch, exchange, SDP)
    branch.up = true
    return session
  }
  const [kept, gone] = [await up('kept'), await up('gone')]
  const node = media.nodes[0]!
  media.said()
  desk.unlisted(node)
  expect(media.said(), 'what was busy a moment ago is not asked about').toEqual([])
  node.calls.delete(gone.ngCallId)
  for (const losses of [[], ['gone']]) {
    clock.advance(60_000)
    desk.unlisted(node)
    await new Promise(setImmediate)
    expect(media.asked.splice(0).map(({ command, dictionary }) => [command, dictionary['call-id']])).toEqual([
      ['query', kept.ngCallId],
      ['query', gone.ngCallId],
    ])
    expect(lost).toEqual(losses)
  }
})
