import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openMediaEndpoint } from '../../support/media/endpoint.ts'
import { writeSdp } from '../../support/media/sdp.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import type { CallOptions } from '../../support/media/sip-endpoint.ts'
import { until } from '../../support/processes.ts'
import { HZ } from './ground.ts'
import { expectLegs } from './legs.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { expectClean, hearEachOther, hearNothing, hearsAlone, type Listener, listener } from './talk.ts'

let place: Place
let pbx: Party
let phone: Party

beforeAll(async () => {
  place = await layPlace(2)
})

afterAll(() => place?.stop())

beforeEach(async () => {
  pbx = await place.pbx()
  phone = await place.phone()
})

/** Each leg as its profile has it, in everything that was sent on it. */
afterEach(() => place.settled(() => expectLegs(place.leg(pbx, 'plain', 'lan'), place.leg(phone, 'sdes', 'wan'))))

/** One side of the call, with its ear. */
interface Side extends Listener {
  readonly call: SipCall
}

interface Talk {
  readonly caller: Side
  readonly called: Side
}

type Who = 'phone' | 'pbx'
const other = (who: Who): Who => (who === 'phone' ? 'pbx' : 'phone')

/** It rings. */
const ring = async (who: Who, options: CallOptions = {}): Promise<Talk> => {
  let calling: SipCall
  if (who === 'phone') calling = await phone.call(`sip:echo@${place.lan(20)}`, options)
  else {
    await phone.register()
    const { contact, path } = await pbx.registered()
    calling = await pbx.call(contact, { ...options, routes: path })
  }
  const called = await (who === 'phone' ? pbx : phone).incoming()
  const side = (call: SipCall, of: Who): Side => ({ ...listener(call, HZ[of]), call })
  return { caller: side(calling, who), called: side(called, other(who)) }
}

const talk = async (who: Who, options: CallOptions = {}): Promise<Talk> => {
  const both = await ring(who, options)
  await Promise.all([both.called.call.answer(), both.caller.call.established()])
  await hearEachOther(both.caller, both.called)
  return both
}

const hangUp = async (by: Side, other: Side): Promise<void> => {
  await Promise.all([by.call.bye(), other.call.ended()])
}

/** While an offer is not answered for rtpengine, too, what comes early is dropped. */
const lost = ({ call }: Side): number => call.media().heard().lost

describe.each(['phone', 'pbx'] as const)('the %s calls', (who) => {
  it('183 with SDP is heard before the answer; digits both ways; holds and resumes of both sides; the called party hangs up', async () => {
    const both = await ring(who)
    const { caller, called } = both
    await called.call.provisional(183, { sdp: true })
    await hearsAlone(caller, called)
    await Promise.all([called.call.answer(), caller.call.established()])
    await hearEachOther(caller, called)
    const before = [caller, called].map(lost)
    await Promise.all([caller.call.media().sendDigits('15#'), called.call.media().sendDigits('*90')])
    await Promise.all([called.call.media().receivesDigits('15#'), caller.call.media().receivesDigits('*90')])
    // One that is late is missing for a moment
    await Promise.all([caller, called].map(({ call }, i) => call.media().receives(({ lost: gap }) => gap <= before[i]!, 'all packets')))
    for (const [holder, held] of [
      [caller, called],
      [called, caller],
    ] as const) {
      await holder.call.hold('sendonly')
      await Promise.all([held.hears(holder.hz), holder.call.media().receivesNothingWithin(300)])
      await holder.call.hold('inactive')
      await Promise.all([hearNothing(caller, called), held.call.media().receivesNothingWithin(300)])
      await holder.call.resume()
      await hearEachOther(caller, called)
    }
    await expectClean(caller.call, called.call)
    await hangUp(called, caller)
  })

  it('180 without SDP, and the caller hangs up', async () => {
    const { caller, called } = await ring(who)
    await called.call.provisional(180)
    await caller.call.arrives('180 INVITE')
    await Promise.all([called.call.answer(), caller.call.established()])
    await hearEachOther(caller, called)
    await hangUp(caller, called)
  })

  it('RFC 3262: a reliable 183 and PRACK, then RFC 3311: UPDATE before the answer moves the caller’s media', async () => {
    const both = await ring(who, { reliable: 'required' })
    const { caller, called } = both
    await called.call.provisional(183, { sdp: true, reliable: true })
    await hearEachOther(caller, called)
    await caller.call.media().move()
    expect((await caller.call.update()).status).toBe(200)
    await hearEachOther(caller, called)
    await Promise.all([called.call.answer(), caller.call.established()])
    await hearEachOther(caller, called)
    await expectClean(caller.call, called.call)
    await hangUp(caller, called)
  })

  it('an INVITE without SDP: the offer in the 200, the answer in the ACK', async () => {
    const both = await talk(who, { offerless: true })
    await both.called.call.reinvite({ offerless: true })
    await hearEachOther(both.caller, both.called)
    await expectClean(both.caller.call, both.called.call)
    await hangUp(both.called, both.caller)
  })

  it('an INVITE without SDP: the offer in a reliable 183, the answer in PRACK', async () => {
    const { caller, called } = await ring(who, { offerless: true, reliable: 'required' })
    await called.call.provisional(183, { sdp: true, reliable: true })
    await hearEachOther(caller, called)
    await Promise.all([called.call.answer(), caller.call.established()])
    await hearEachOther(caller, called)
    await hangUp(caller, called)
  })

  it('both sides move their media to other ports, by re-INVITE and by UPDATE', async () => {
    const both = await talk(who)
    const { caller, called } = both
    const ports = [caller, called].map(({ call }) => call.media().agreement()?.port)
    for (const { call } of [caller, called, caller]) {
      await call.media().move()
      await (call === called.call ? call.update() : call.reinvite())
      await hearEachOther(caller, called)
    }
    // port-latching: who did not move sees nothing of it
    expect([caller, called].map(({ call }) => call.media().agreement()?.port)).toEqual(ports)
    await expectClean(caller.call, called.call)
    await hangUp(called, caller)
  })

  it('media §9: re-INVITE and UPDATE that are refused leave the call as it was', async () => {
    const both = await talk(who)
    const { caller, called } = both
    for (const [asks, says] of [
      [caller, called],
      [called, caller],
    ] as const) {
      const party = asks === caller ? { phone, pbx }[who] : { phone, pbx }[other(who)]
      // Nobody is at that port, and nobody has that key
      party.alter = (sdp) => sdp.replace(/^m=audio \d+/m, 'm=audio 19998').replace(/inline:.{20}/, `inline:${'A'.repeat(20)}`)
      says.call.refuseNext(488)
      expect((await asks.call.reinvite({ direction: 'sendonly' })).status).toBe(488)
      await hearEachOther(caller, called)
      says.call.refuseNext(488)
      expect((await asks.call.update({ direction: 'inactive' })).status).toBe(488)
      await hearEachOther(caller, called)
      party.alter = undefined
      await asks.call.resume()
      await hearEachOther(caller, called)
    }
    await expectClean(caller.call, called.call)
    await hangUp(caller, called)
  })

  it('§9.1: CANCEL after early media', async () => {
    const { caller, called } = await ring(who)
    await called.call.provisional(183, { sdp: true })
    await hearsAlone(caller, called)
    await caller.call.cancel()
    expect((await caller.call.final()).status).toBe(487)
  })

  it('486 after early media', async () => {
    const { caller, called } = await ring(who)
    await called.call.provisional(183, { sdp: true })
    await hearsAlone(caller, called)
    await called.call.reject(486, 'Busy Here')
    expect((await caller.call.final()).status).toBe(486)
  })
})

/** Of 20 ms: rtpengine learns for three seconds after an answer, by whole seconds, and believes from then on. */
const LEARNED_PACKETS = 210

it('media §7: strangers who send to the ports of a call from its beginning neither hear it nor are heard', async () => {
  const { caller, called } = await ring('phone')
  await called.call.provisional(183, { sdp: true })
  await hearsAlone(caller, called)
  const strangers = await Promise.all(
    [caller, called].map(async ({ call }) => {
      const { address, port } = call.media().agreement()!
      const stranger = await openMediaEndpoint({ address: address.replace(/\d+$/, '66'), hz: 1900, name: 'stranger' })
      onTestFinished(() => stranger.close())
      stranger.offer()
      stranger.accept(writeSdp(address, 1, 1, [`m=audio ${port} RTP/AVP 0`]))
      return stranger
    }),
  )
  await Promise.all([called.call.answer(), caller.call.established()])
  await Promise.all([caller.hears(called.hz, 8000, [1900]), called.hears(caller.hz, 8000, [1900])])
  const before = strangers.map((stranger) => stranger.sent())
  const patient = (): boolean => strangers.every((stranger, i) => stranger.sent() - before[i]! > LEARNED_PACKETS)
  await until(() => patient() || undefined, 'patience of strangers')
  // Whatever a side gets from then on is what the other one sends
  const counts = (): readonly number[] => [called.call.media().sent(), caller.call.media().heard().packets]
  const [sent, packets] = counts()
  await until(() => counts()[0]! >= sent! + 50 || undefined, 'a second of sound')
  expect(counts()[1]! - packets!).toBeLessThan(60)
  await hearEachOther(caller, called)
  for (const stranger of strangers) expect(stranger.heard()).toMatchObject({ packets: 0, unexpected: [] })
  await hangUp(caller, called)
})
