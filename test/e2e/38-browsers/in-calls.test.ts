import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES, type LibraryPhone } from '../../support/media/library-phone.ts'
import { HZ } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther, hearNothing, hearsAlone } from '../11-media-calls/talk.ts'
import { calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage
let pbx: Party

beforeAll(async () => {
  stage = await setStage(8)
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx()
})

afterEach(() => stage.cleared())

describe.each(LIBRARIES)('%s', (library) => {
  describe.each(['browser', 'PBX'] as const)('in a call of the %s', (who) => {
    let page: LibraryPhone

    beforeEach(async () => {
      page = await stage.open(library)
    })

    it('either side holds, both hold, and all is heard again', async () => {
      const atPbx = await talking(who, stage, page, pbx)
      await page.phone.do('hold')
      await page.phone.event('hold answered')
      await atPbx.hearsSilenceFor(300)
      await page.phone.do('unhold')
      await page.phone.event('unhold answered')
      await hearEachOther(page, atPbx)
      await atPbx.call.hold('sendonly')
      await Promise.all([hearsAlone(page, atPbx), atPbx.call.media().receivesNothingWithin(300)])
      await atPbx.call.hold('inactive')
      await hearNothing(page, atPbx)
      await atPbx.call.resume()
      await hearEachOther(page, atPbx)
      await page.phone.do('hold')
      await page.phone.event('hold answered')
      await atPbx.call.hold('inactive')
      await hearNothing(page, atPbx)
      await atPbx.call.resume()
      await page.phone.do('unhold')
      await page.phone.event('unhold answered')
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
      await page.phone.event('ended')
    })

    it('RFC 8445 §9: restarts ICE, as after a change of its network', async () => {
      const atPbx = await talking(who, stage, page, pbx)
      const ufrag = /a=ice-ufrag:(\S+)/
      const before = ufrag.exec(page.last('sent', who === 'browser' ? 'INVITE' : 'SIP/2.0 200'))?.[1]
      await page.phone.do('restartIce')
      await page.phone.event('restart answered')
      expect(ufrag.exec(page.last('sent', 'INVITE'))?.[1]).not.toBe(before)
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
      await page.phone.event('ended')
    })

    it('RFC 2543 hold: the PBX names 0.0.0.0, and its address again', async () => {
      const atPbx = await talking(who, stage, page, pbx)
      pbx.alter = (sdp) => sdp.replace(/c=IN IP4 \S+/, 'c=IN IP4 0.0.0.0')
      await atPbx.call.hold('sendrecv')
      await atPbx.call.media().receivesNothingWithin(300)
      pbx.alter = undefined
      await atPbx.call.resume()
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
      await page.phone.event('ended')
    })
  })

  it('two calls at once: one is held while it talks in the other, and the other way round', async () => {
    const page = await stage.open(library)
    const first = await talking('browser', stage, page, pbx)
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    const second = await calling(stage, page, pbx)
    second.call.media().say(HZ.other)
    await Promise.all([second.call.answer(), page.phone.event('confirmed')])
    await Promise.all([page.hears(HZ.other), second.hears(page.hz), first.hearsSilenceFor(300)])
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    await page.phone.do('select', 0)
    await page.phone.do('unhold')
    await page.phone.event('unhold answered')
    await Promise.all([hearEachOther(page, first), second.hearsSilenceFor(300)])
    await Promise.all([first.call.bye(), second.call.bye()])
  })

  describe('keys', () => {
    it('RFC 4733: pressed in the page arrive as events; those of the PBX are passed on', async () => {
      const page = await stage.open(library)
      const atPbx = await talking('browser', stage, page, pbx)
      await page.sound.sendDigits('19#')
      await atPbx.call.media().receivesDigits('19#')
      const before = (await page.sound.stats()).packetsReceived
      await atPbx.call.media().sendDigits('4*')
      expect((await page.sound.stats()).packetsReceived).toBeGreaterThan(before)
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
    })

    it('INFO application/dtmf-relay and application/dtmf, both ways', async () => {
      const page = await stage.open(library)
      const atPbx = await talking('browser', stage, page, pbx)
      await page.phone.do('infoDigits', '5#')
      for (const digit of ['5', '#']) {
        const info = await atPbx.call.arrives('INFO')
        expect(info.headers.find(({ name }) => name === 'content-type')?.value).toBe('application/dtmf-relay')
        expect(info.body.toString()).toMatch(new RegExp(`^Signal=\\s*${digit}\\r\\nDuration=\\s*100`))
      }
      await page.phone.do('info', { type: 'application/dtmf', body: '7' })
      expect((await atPbx.call.arrives('INFO')).body.toString()).toBe('7')
      const relay: readonly (readonly [string, string])[] = [['Content-Type', 'application/dtmf-relay']]
      expect((await atPbx.call.send('INFO', relay, 'Signal=8\r\nDuration=160')).status).toBe(200)
      expect(await page.phone.event('info')).toMatch(library === 'JsSIP' ? /^info dtmf 8 160/ : /^info application\/dtmf-relay Signal=8/)
      expect((await atPbx.call.send('INFO', [['Content-Type', 'application/dtmf']], '9')).status).toBe(200)
      expect(await page.phone.event('info')).toBe('info application/dtmf 9')
      await atPbx.call.bye()
    })
  })
})
