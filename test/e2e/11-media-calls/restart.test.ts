import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { HZ, NAME } from './ground.ts'
import { expectLegs, type Leg } from './legs.ts'
import { type Browsers, startBrowsers } from './page.ts'
import { layPlace, type Place } from './place.ts'
import { expectClean, hearEachOther, hearNothing, hearsAlone, listener } from './talk.ts'

let place: Place
let browsers: Browsers
let legs: (() => readonly [Leg, Leg]) | undefined

beforeAll(async () => {
  place = await layPlace(7)
  browsers = await startBrowsers(place)
})

afterAll(async () => {
  await browsers?.close()
  await place?.stop()
})

afterEach(() => place.settled(() => expectLegs(...legs!())))

const killed = async (while_: () => Promise<void>): Promise<void> => {
  await place.edge.kill9()
  await while_()
  await place.edge.restart()
}

it('D1: a TLS phone and a PBX: sound goes on without the edge; with the next one hold, resume and BYE work', async () => {
  const [pbx, phone] = [await place.pbx(), await place.phone()]
  legs = () => [place.leg(phone, 'sdes', 'wan'), place.leg(pbx, 'plain', 'lan')]
  await phone.register()
  await pbx.registered()
  const calling = await phone.call(`sip:1@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer(), calling.established()])
  const [atPhone, atPbx] = [listener(calling, HZ.phone), listener(called, HZ.pbx)]
  await hearEachOther(atPhone, atPbx)
  await killed(() => hearEachOther(atPhone, atPbx))
  await hearEachOther(atPhone, atPbx)
  const ports = [calling, called].map((call) => call.media().agreement()?.port)
  // The phone comes back, and the PBX reaches it again
  await phone.register()
  await called.hold('inactive')
  await hearNothing(atPhone, atPbx)
  await called.resume()
  await hearEachOther(atPhone, atPbx)
  await calling.hold('sendonly')
  await hearsAlone(atPbx, atPhone)
  await calling.resume()
  await hearEachOther(atPhone, atPbx)
  expect([calling, called].map((call) => call.media().agreement()?.port)).toEqual(ports)
  await expectClean(calling, called)
  await Promise.all([called.bye(), calling.ended()])
})

it('D1: the BYE may be the first that the next edge hears of a call', async () => {
  const [pbx, phone] = [await place.pbx(), await place.phone()]
  legs = () => [place.leg(phone, 'sdes', 'wan'), place.leg(pbx, 'plain', 'lan')]
  const calling = await phone.call(`sip:1@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer(), calling.established()])
  await hearEachOther(listener(calling, HZ.phone), listener(called, HZ.pbx))
  await killed(async () => undefined)
  expect(await place.rtpengine.list()).toHaveLength(1)
  await Promise.all([calling.bye(), called.ended()])
})

it('D1: JsSIP and a PBX: the page hears on, comes back by itself, and both hold and resume', async () => {
  const pbx = await place.pbx()
  const page = await browsers.open()
  legs = () => [page.leg(), place.leg(pbx, 'plain', 'lan')]
  await page.phone.do('call', `sip:1@${NAME}`)
  const call = await pbx.incoming()
  await call.answer()
  await page.phone.event('confirmed')
  const atPbx = listener(call, HZ.pbx)
  await hearEachOther(page, atPbx)
  await killed(() => hearEachOther(page, atPbx))
  await page.phone.event('connected')
  await page.phone.event('registered')
  await hearEachOther(page, atPbx)
  await call.hold('inactive')
  await hearNothing(page, atPbx)
  await call.resume()
  await hearEachOther(page, atPbx)
  await page.phone.do('hold')
  await page.phone.event('hold answered')
  await hearNothing(page, atPbx)
  await page.phone.do('unhold')
  await page.phone.event('unhold answered')
  await hearEachOther(page, atPbx)
  await call.bye()
  await page.phone.event('ended')
  await page.close()
})
