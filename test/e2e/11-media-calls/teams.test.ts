import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { audioOf, type Direction, directionOf, readSdp } from '../../support/media/sdp.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { HZ, NAME } from './ground.ts'
import { expectLegs } from './legs.ts'
import { type BrowserPhone, type Browsers, startBrowsers } from './page.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { expectClean, hearEachOther, hearNothing, hearsAlone, type Listener, listener } from './talk.ts'

let place: Place
let browsers: Browsers
let teams: Party
/** The legs of the test's calls. */
let legs: (() => Parameters<typeof expectLegs>) | undefined

beforeAll(async () => {
  place = await layPlace(3)
  browsers = await startBrowsers(place)
})

afterAll(async () => {
  await browsers?.close()
  await place?.stop()
})

afterEach(async () => {
  await place.settled(() => {
    if (legs !== undefined) expectLegs(...legs())
  })
  legs = undefined
})

interface Side extends Listener {
  readonly call: SipCall
}

const side = (call: SipCall, hz: number): Side => ({ ...listener(call, hz), call })

/** Direction of the last SDP that a call got. */
const lastDirection = ({ sdps }: SipCall): Direction => {
  const sdp = readSdp(sdps.at(-1)!.sdp)
  return directionOf(sdp, audioOf(sdp))
}

/** It also offers the same key with an MKI, which nobody else can do anything with. */
const openTeams = async (): Promise<void> => {
  const mki = `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${'A'.repeat(40)}|2^31|1:1`
  teams = await place.teams({ media: { moreLines: [mki] } })
}

describe('Teams and a PBX', () => {
  const ring = async (who: 'teams' | 'pbx'): Promise<{ readonly teams: Side; readonly pbx: Side }> => {
    await openTeams()
    const pbx = await place.pbx()
    legs = () => [place.leg(teams, 'teams', 'wan'), place.leg(pbx, 'plain', 'lan')]
    const calling = await (who === 'teams'
      ? teams.call(`sip:+4420794601@${NAME}`)
      : pbx.call(`sip:team@${place.lan(1)}:${place.ports.sip}`))
    const called = await (who === 'teams' ? pbx : teams).incoming()
    await called.provisional(183, { sdp: true })
    const [atTeams, atPbx] = who === 'teams' ? [calling, called] : [called, calling]
    const both = { teams: side(atTeams, HZ.teams), pbx: side(atPbx, HZ.pbx) }
    await (who === 'teams' ? hearsAlone(both.teams, both.pbx) : hearsAlone(both.pbx, both.teams))
    await Promise.all([called.answer(), calling.established()])
    await hearEachOther(both.teams, both.pbx)
    return both
  }

  it.each(['teams', 'pbx'] as const)('the %s calls: talk, keys, and hold, which is always inactive toward Teams', async (who) => {
    const { teams: atTeams, pbx: atPbx } = await ring(who)
    await Promise.all([atTeams.call.media().sendDigits('7#'), atPbx.call.media().sendDigits('*3')])
    await Promise.all([atPbx.call.media().receivesDigits('7#'), atTeams.call.media().receivesDigits('*3')])
    for (const direction of ['sendonly', 'inactive'] as const) {
      await atPbx.call.hold(direction)
      expect(lastDirection(atTeams.call)).toBe('inactive')
      await hearNothing(atTeams, atPbx)
      await atPbx.call.resume()
      await hearEachOther(atTeams, atPbx)
    }
    await atTeams.call.hold('inactive')
    expect(lastDirection(atPbx.call)).toBe('inactive')
    await hearNothing(atTeams, atPbx)
    await atTeams.call.resume()
    await hearEachOther(atTeams, atPbx)
    await expectClean(atTeams.call, atPbx.call)
    const [ends, ended] = who === 'teams' ? [atPbx, atTeams] : [atTeams, atPbx]
    await Promise.all([ends.call.bye(), ended.call.ended()])
  })

  it('who shows no certificate of Teams gets 403', async () => {
    const stranger = await place.teams({
      tls: { authority: place.authority.certificate, own: place.authority.issue('stranger', ['other.edge.test', place.wan(30)]) },
    })
    const call = await stranger.call(`sip:+4420794601@${NAME}`)
    expect((await call.final()).status).toBe(403)
  })
})

describe('Teams and a browser', () => {
  let page: BrowserPhone

  const converse = async (atTeams: Side): Promise<void> => {
    await hearEachOther(page, atTeams)
    await page.sound.sendDigits('8')
    await atTeams.call.media().receivesDigits('8')
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    expect(lastDirection(atTeams.call)).toBe('inactive')
    await hearNothing(page, atTeams)
    await page.phone.do('unhold')
    await page.phone.event('unhold answered')
    await hearEachOther(page, atTeams)
    await atTeams.call.hold('inactive')
    await hearNothing(page, atTeams)
    await atTeams.call.resume()
    await hearEachOther(page, atTeams)
    await expectClean(atTeams.call)
  }

  it('the browser calls: talk, keys, hold from both sides; Teams hangs up', async () => {
    await openTeams()
    page = await browsers.open({ register: false })
    legs = () => [place.leg(teams, 'teams', 'wan'), page.leg()]
    await page.phone.do('call', `sip:team@${NAME}`)
    const atTeams = side(await teams.incoming(), HZ.teams)
    await atTeams.call.provisional(183, { sdp: true })
    await page.phone.event('progress')
    await hearsAlone(page, atTeams)
    await atTeams.call.answer()
    await page.phone.event('confirmed')
    await converse(atTeams)
    await atTeams.call.bye()
    await page.phone.event('ended')
    await page.close()
  })

  it('Teams calls the browser, which hangs up', async () => {
    await openTeams()
    const pbx = await place.pbx()
    page = await browsers.open()
    legs = () => [place.leg(teams, 'teams', 'wan'), page.leg()]
    const atTeams = side(await teams.call((await pbx.registered()).contact), HZ.teams)
    await atTeams.call.established()
    await page.phone.event('confirmed')
    await converse(atTeams)
    await page.phone.do('hangUp')
    await atTeams.call.ended()
    await page.close()
  })
})

it('a TLS phone calls Teams: keys in the SDP on both legs', async () => {
  await openTeams()
  const phone = await place.phone()
  legs = () => [place.leg(teams, 'teams', 'wan'), place.leg(phone, 'sdes', 'wan'), 'shared']
  const calling = await phone.call(`sip:team@${NAME}`)
  const called = await teams.incoming()
  await Promise.all([called.answer(), calling.established()])
  const [atPhone, atTeams] = [side(calling, HZ.phone), side(called, HZ.teams)]
  await hearEachOther(atPhone, atTeams)
  await atPhone.call.hold()
  await hearNothing(atPhone, atTeams)
  await atPhone.call.resume()
  await hearEachOther(atPhone, atTeams)
  await Promise.all([calling.bye(), called.ended()])
})
