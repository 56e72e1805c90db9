import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES, type LibraryPhone } from '../../support/media/library-phone.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther, hearsAlone } from '../11-media-calls/talk.ts'
import { called, calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage
let pbx: Party

beforeAll(async () => {
  stage = await setStage(1)
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx()
})

afterEach(() => stage.cleared())

describe.each(LIBRARIES)('%s', (library) => {
  describe('calls', () => {
    let page: LibraryPhone

    beforeEach(async () => {
      page = await stage.open(library)
    })

    it.each(['browser', 'PBX'] as const)('both hear each other, and the %s hangs up', async (who) => {
      const atPbx = await talking('browser', stage, page, pbx)
      expect(await page.sound.stats()).toMatchObject({ codec: 'audio/PCMU', dtls: 'connected', dtlsRole: 'client' })
      if (who === 'browser') {
        await page.phone.do('hangUp')
        await atPbx.call.ended()
        expect(await page.phone.event('ended')).toBe('ended local')
      } else {
        await atPbx.call.bye()
        expect(await page.phone.event('ended')).toBe('ended remote')
      }
    })

    it('§9.1: gives up while the PBX rings', async () => {
      const atPbx = await calling(stage, page, pbx)
      await atPbx.call.provisional(180)
      expect(await page.phone.event('progress')).toBe('progress 180')
      await page.phone.do('hangUp')
      expect(await page.phone.event('failed')).toBe('failed local cancelled')
    })

    it.each([486, 603])('is refused with %i', async (status) => {
      const atPbx = await calling(stage, page, pbx)
      await atPbx.call.provisional(180)
      await atPbx.call.reject(status)
      expect(await page.phone.event('failed')).toBe(`failed remote ${status}`)
    })

    it('hears early media before the answer', async () => {
      const atPbx = await calling(stage, page, pbx)
      await atPbx.call.provisional(183, { sdp: true })
      expect(await page.phone.event('progress')).toBe('progress 183')
      await hearsAlone(page, atPbx)
      await Promise.all([atPbx.call.answer(), page.phone.event('confirmed')])
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
    })
  })

  describe('is called', () => {
    it.each(['browser', 'PBX'] as const)('both hear each other, and the %s hangs up', async (who) => {
      const page = await stage.open(library)
      const atPbx = await talking('PBX', stage, page, pbx)
      if (who === 'browser') {
        await page.phone.do('hangUp')
        await atPbx.call.ended()
      } else {
        await atPbx.call.bye()
        expect(await page.phone.event('ended')).toBe('ended remote')
      }
    })

    it('without SDP: its offer is in its 200, the answer in the ACK', async () => {
      const page = await stage.open(library)
      const atPbx = await called(pbx, { offerless: true })
      await Promise.all([atPbx.call.established(), page.phone.event('confirmed')])
      await hearEachOther(page, atPbx)
      await atPbx.call.bye()
      await page.phone.event('ended')
    })

    it('§9.1: the PBX gives up while it rings', async () => {
      const page = await stage.open(library, { answers: false })
      const { call } = await called(pbx)
      await page.phone.event('incoming')
      await call.arrives('180 INVITE')
      await call.cancel()
      expect((await call.final()).status).toBe(487)
      expect(await page.phone.event('failed')).toBe('failed remote cancelled')
    })

    it('refuses', async () => {
      const page = await stage.open(library, { answers: false })
      const { call } = await called(pbx)
      await page.phone.event('incoming')
      await page.phone.do('hangUp', 486)
      expect((await call.final()).status).toBe(486)
    })
  })

  it('registers with the digest of the PBX, and is refused with a wrong password', async () => {
    await pbx.close()
    const strict = await stage.other({ name: 'pbx', address: stage.lan(20), port: stage.peers.pbx, password: 'sesame' })
    const wrong = await stage.open(library, { register: false, user: 'browser', password: 'wrong' })
    await wrong.phone.do('register')
    expect(await wrong.phone.event('registration refused')).toBe('registration refused 401')
    const page = await stage.open(library, { user: 'browser', password: 'sesame' })
    expect(page.last('sent', 'REGISTER')).toMatch(/\r\nAuthorization: Digest .*username="browser"/)
    const { path } = await strict.registered()
    expect(path.join()).toMatch(/;ob;/)
    await page.phone.do('unregister')
    await page.phone.event('unregistered')
  })
})
