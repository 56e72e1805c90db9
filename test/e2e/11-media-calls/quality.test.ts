import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { SipCall } from '../../support/media/sip-call.ts'
import { until } from '../../support/processes.ts'
import { HZ, NAME } from './ground.ts'
import { expectLegs, type Leg } from './legs.ts'
import { type Browsers, startBrowsers } from './page.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { hearEachOther, hearsAlone, listener } from './talk.ts'

let place: Place
let browsers: Browsers
let legs: (() => readonly [Leg, Leg]) | undefined

beforeAll(async () => {
  place = await layPlace(8)
  browsers = await startBrowsers(place)
})

afterAll(async () => {
  await browsers?.close()
  await place?.stop()
})

afterEach(() => place.settled(() => expectLegs(...legs!())))

/** As the log has it. */
interface LegLine {
  readonly party: string
  readonly zone: string
  readonly codec: string
  readonly encryption: string
  readonly packets: number
  readonly errors: number
  readonly lost: number
  readonly lossPercent: number
  readonly mos: number
  readonly silent: boolean
}
interface Ended {
  readonly by: string
  readonly quality: { readonly legs: readonly [LegLine, LegLine]; readonly oneWay: boolean; readonly noMedia: boolean }
}

const ended = async ({ callId }: SipCall): Promise<Ended> =>
  (await place.edge.logged(
    ({ msg, callId: its }) => msg === 'Call ended' && its === callId,
    'end of the call in the log',
  )) as unknown as Ended

/** Reports come often, so that a short call has a quality. */
const REPORTS = { media: { reportMs: 200 } }

const talk = async (): Promise<{ readonly phone: SipCall; readonly pbx: SipCall; readonly parties: readonly [Party, Party] }> => {
  const [pbx, phone] = [await place.pbx(REPORTS), await place.phone(REPORTS)]
  legs = () => [place.leg(phone, 'sdes', 'wan'), place.leg(pbx, 'plain', 'lan')]
  const calling = await phone.call(`sip:1@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer(), calling.established()])
  await hearEachOther(listener(calling, HZ.phone), listener(called, HZ.pbx))
  return { phone: calling, pbx: called, parties: [phone, pbx] }
}

/** By SSRC of who reports; ten times the mean opinion score. */
type Scores = Readonly<Record<string, { readonly 'average MOS'?: { readonly MOS: number } }>>

/** Resolves when rtpengine has a score of what each side hears: it needs the reports of both, and reckons by whole ones. */
const scored = async (...calls: readonly SipCall[]): Promise<void> => {
  const [callId] = await place.rtpengine.list()
  const judged = async (): Promise<true | undefined> => {
    const { SSRC: scores = {} } = (await place.rtpengine.request('query', { 'call-id': callId })) as { readonly SSRC?: Scores }
    return calls.every((call) => (scores[call.media().ssrc]?.['average MOS']?.MOS ?? 0) > 0) || undefined
  }
  await until(judged, 'score of both sides')
}

it('a call of a TLS phone: codec, keys, packets, loss and score of each leg, in the log and in the metrics', async () => {
  const { phone, pbx } = await talk()
  const { calls } = await place.edge.api<{ readonly calls: readonly object[] }>('/api/calls')
  expect(calls).toMatchObject([
    { callId: phone.callId, state: 'up', from: { zone: 'phones', kind: 'sdes' }, to: { zone: 'pbx', kind: 'plain' } },
  ])
  expect(await place.edge.api('/api/state')).toMatchObject({ media: { mode: 'nodes', sessions: 1, deletes: 0, nodes: [{ state: 'up' }] } })
  await scored(phone, pbx)
  // For a moment the phone's sound does not reach the PBX
  const before = pbx.media().heard().packets
  await place.rtpengine.request('block media', { 'call-id': (await place.rtpengine.list())[0], 'from-tag': 'a' })
  await pbx.media().receivesNothingWithin(200)
  await place.rtpengine.request('unblock media', { 'call-id': (await place.rtpengine.list())[0], 'from-tag': 'a' })
  const { lost } = await pbx.media().receives(({ lost: gap, packets }) => gap > 5 && packets > before + 10, 'a gap')
  await phone
    .media()
    .receives(({ reports }) => reports.at(-1)!.blocks.some(({ cumulativeLost }) => cumulativeLost >= lost), 'a report of the gap')
  const sent = [phone.media().sent(), pbx.media().sent()] as const
  await Promise.all([phone.bye(), pbx.ended()])
  const { by, quality } = await ended(phone)
  expect({ by, ...quality, legs: [] }).toMatchObject({ by: 'caller', oneWay: false, noMedia: false })
  const [atPhone, atPbx] = quality.legs
  expect(atPhone).toMatchObject({
    ...{ party: 'caller', zone: 'phones', codec: 'PCMU/8000', encryption: 'SDES AES_CM_128_HMAC_SHA1_80' },
    ...{ lost: phone.media().heard().lost, silent: false },
  })
  expect(atPbx).toMatchObject({ party: 'callee', zone: 'pbx', codec: 'PCMU/8000', encryption: 'none', lost, silent: false })
  for (const [i, leg] of quality.legs.entries()) {
    expect(Math.abs(leg.packets - sent[i]!), 'packets, but for a few at either end').toBeLessThan(25)
    // What comes before rtpengine knows the answer
    expect(leg.errors).toBeLessThan(25)
    expect(leg.mos).toBeGreaterThanOrEqual(1)
    expect(leg.mos).toBeLessThan(4.6)
  }
  expect(atPhone.mos).toBeGreaterThan(3)
  expect(atPbx.lossPercent).toBeGreaterThanOrEqual(0)
  for (const zone of ['phones', 'pbx'] as const) {
    expect(await place.edge.metric('edgeways_media_mos_count', { zone })).toBe(1)
    expect(await place.edge.metric('edgeways_media_loss_ratio_count', { zone })).toBe(1)
  }
})

it('a call of a browser: DTLS-SRTP and its suite', async () => {
  const pbx = await place.pbx(REPORTS)
  const page = await browsers.open({ register: false })
  legs = () => [page.leg(), place.leg(pbx, 'plain', 'lan')]
  await page.phone.do('call', `sip:1@${NAME}`)
  const call = await pbx.incoming()
  await call.answer()
  await page.phone.event('confirmed')
  await hearEachOther(page, listener(call, HZ.pbx))
  await call.bye()
  await page.phone.event('ended')
  await page.close()
  const { by, quality } = await ended(call)
  expect({ by, ...quality }).toMatchObject({
    by: 'callee',
    oneWay: false,
    legs: [
      { party: 'caller', zone: 'browsers', codec: 'PCMU/8000', encryption: 'DTLS-SRTP AEAD_AES_256_GCM', silent: false },
      { party: 'callee', zone: 'pbx', codec: 'PCMU/8000', encryption: 'none', silent: false },
    ],
  })
})

it('one side sends nothing, though its SDP says that it will: the call counts as one-way', async () => {
  const [pbx, phone] = [await place.pbx(), await place.phone()]
  legs = () => [place.leg(phone, 'sdes', 'wan'), place.leg(pbx, 'plain', 'lan')]
  pbx.alter = (sdp) => sdp.replace('a=recvonly', 'a=sendrecv')
  const calling = await phone.call(`sip:1@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer({ direction: 'recvonly' }), calling.established()])
  await hearsAlone(listener(called, HZ.pbx), listener(calling, HZ.phone))
  await until(() => called.media().heard().packets > 60 || undefined, 'more than a second of sound')
  expect(called.media().sent()).toBe(0)
  const flagged = await place.edge.metric('edgeways_media_calls_flagged_total', { flag: 'one-way' })
  await Promise.all([calling.bye(), called.ended()])
  expect((await ended(calling)).quality).toMatchObject({
    oneWay: true,
    noMedia: false,
    legs: [{ silent: false }, { silent: true, muted: false }],
  })
  expect(await place.edge.metric('edgeways_media_calls_flagged_total', { flag: 'one-way' })).toBe(flagged + 1)
})

it('on hold nobody has to send anything: no flag', async () => {
  const { phone, pbx } = await talk()
  await phone.hold('inactive')
  await phone.media().receivesNothingWithin(200)
  await Promise.all([pbx.bye(), phone.ended()])
  expect((await ended(phone)).quality).toMatchObject({ oneWay: false, noMedia: false, legs: [{ muted: true }, { muted: true }] })
})
