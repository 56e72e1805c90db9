import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SipCall } from '../../support/media/sip-call.ts'
import { until } from '../../support/processes.ts'
import { HZ } from './ground.ts'
import { expectLegs } from './legs.ts'
import { type BrowserPhone, type Browsers, startBrowsers } from './page.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { expectClean, hearEachOther, hearNothing, hearsAlone, type Listener, listener } from './talk.ts'

let place: Place
let browsers: Browsers
let pbx: Party
let page: BrowserPhone

beforeAll(async () => {
  place = await layPlace(1)
  browsers = await startBrowsers(place)
})

afterAll(async () => {
  await browsers?.close()
  await place?.stop()
})

beforeEach(async () => {
  pbx = await place.pbx()
  page = await browsers.open()
})

/** Each leg as its profile has it, in everything that was sent on it. */
afterEach(async () => {
  await place.settled(() => expectLegs(place.leg(pbx, 'plain', 'lan'), page.leg()))
  await page.close()
})

interface AtPbx extends Listener {
  readonly call: SipCall
}

/** The browser calls, and the PBX has the call. */
const fromBrowser = async (): Promise<AtPbx> => {
  await page.phone.do('call', `sip:echo@${place.lan(20)}`)
  const call = await pbx.incoming()
  return { ...listener(call, HZ.pbx), call }
}

/** The PBX calls the browser by its binding. */
const fromPbx = async (): Promise<AtPbx> => {
  const { contact, path } = await pbx.registered()
  const call = await pbx.call(contact, { routes: path })
  return { ...listener(call, HZ.pbx), call }
}

/** All that two sides of a call do, whoever called. */
const converse = async (atPbx: AtPbx): Promise<void> => {
  const { call } = atPbx
  await hearEachOther(page, atPbx)
  // What comes before rtpengine has the answer, or keys, is dropped
  const { packetsLost } = await page.sound.stats()
  const { lost } = call.media().heard()
  await page.sound.sendDigits('19#')
  await call.media().receivesDigits('19#')
  expect(await page.sound.stats()).toMatchObject({
    ...{ codec: 'audio/PCMU', connection: 'connected', ice: 'connected', dtls: 'connected', dtlsRole: 'client' },
    srtpCipher: 'SRTP_AEAD_AES_256_GCM',
    remote: expect.stringMatching(`^${place.wan(2)}:`),
  })
  // One that is late is missing for a moment
  await until(async () => (await page.sound.stats()).packetsLost <= packetsLost || undefined, 'all packets at the page')
  await call.media().receives(({ lost: gap }) => gap <= lost, 'all packets')
  await page.listenForKeys()
  for (const key of '4*') await page.hearsKey(key, () => call.media().sendDigits(key))
  await page.phone.do('hold')
  await page.phone.event('hold answered')
  await hearNothing(page, atPbx)
  await page.phone.do('unhold')
  await page.phone.event('unhold answered')
  await hearEachOther(page, atPbx)
  await call.hold('sendonly')
  await Promise.all([hearsAlone(page, atPbx), call.media().receivesNothingWithin(300)])
  await call.hold('inactive')
  await hearNothing(page, atPbx)
  await call.resume()
  await hearEachOther(page, atPbx)
  await expectClean(call)
}

describe('JsSIP calls the PBX', () => {
  it('183 with SDP is heard before the answer; both talk, press keys, hold and resume; the PBX hangs up', async () => {
    const atPbx = await fromBrowser()
    await atPbx.call.provisional(183, { sdp: true })
    await page.phone.event('progress')
    await hearsAlone(page, atPbx)
    await atPbx.call.answer()
    await page.phone.event('confirmed')
    await converse(atPbx)
    await atPbx.call.bye()
    expect(await page.phone.event('ended')).toBe('ended remote Terminated')
  })

  it('and hangs up', async () => {
    const atPbx = await fromBrowser()
    await atPbx.call.provisional(180)
    await atPbx.call.answer()
    await page.phone.event('confirmed')
    await hearEachOther(page, atPbx)
    await page.phone.do('hangUp')
    await atPbx.call.ended()
  })

  it('§9.1: and gives up while it hears early media', async () => {
    const atPbx = await fromBrowser()
    await atPbx.call.provisional(183, { sdp: true })
    await page.phone.event('progress')
    await hearsAlone(page, atPbx)
    await page.phone.do('hangUp')
    expect(await page.phone.event('failed')).toBe('failed local Canceled')
  })

  it('the PBX is busy after early media', async () => {
    const atPbx = await fromBrowser()
    await atPbx.call.provisional(183, { sdp: true })
    await page.phone.event('progress')
    await atPbx.call.reject(486, 'Busy Here')
    expect(await page.phone.event('failed')).toBe('failed remote Busy 486')
  })
})

describe('the PBX calls JsSIP by its binding', () => {
  it('both talk, press keys, hold and resume; the browser hangs up', async () => {
    const atPbx = await fromPbx()
    await atPbx.call.established()
    await page.phone.event('confirmed')
    await converse(atPbx)
    await page.phone.do('hangUp')
    await atPbx.call.ended()
  })

  it('and hangs up', async () => {
    const atPbx = await fromPbx()
    await atPbx.call.established()
    await page.phone.event('confirmed')
    await hearEachOther(page, atPbx)
    await atPbx.call.bye()
    await page.phone.event('ended')
  })

  it('RFC 3264 §5: without SDP: the browser offers in its 200, the answer is in the ACK', async () => {
    const { contact, path } = await pbx.registered()
    const call = await pbx.call(contact, { routes: path, offerless: true })
    const atPbx = { ...listener(call, HZ.pbx), call }
    await call.established()
    await page.phone.event('confirmed')
    await hearEachOther(page, atPbx)
    await call.hold()
    await call.resume()
    await hearEachOther(page, atPbx)
    await call.bye()
    await page.phone.event('ended')
  })

  it.each(['gives up while it rings', 'is told that the browser is busy'])('and %s', async (how) => {
    await page.phone.do('answerCalls', false)
    const { call } = await fromPbx()
    await page.phone.event('incoming')
    await call.arrives('180 INVITE')
    if (how.startsWith('gives up')) {
      await call.cancel()
      expect((await call.final()).status).toBe(487)
      expect(await page.phone.event('failed')).toBe('failed remote Canceled')
    } else {
      await page.phone.do('hangUp', 486)
      expect((await call.final()).status).toBe(486)
    }
  })
})
