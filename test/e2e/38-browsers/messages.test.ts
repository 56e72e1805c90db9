import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES, type LibraryPhone } from '../../support/media/library-phone.ts'
import type { HeaderPair } from '../../support/media/sip-dialog.ts'
import { headerOf } from '../../support/wire.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther, hearsAlone } from '../11-media-calls/talk.ts'
import { called, calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage
let pbx: Party
let page: LibraryPhone

beforeAll(async () => {
  stage = await setStage(3)
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx()
})

afterEach(() => stage.cleared())

const PLAIN: readonly HeaderPair[] = [['Content-Type', 'text/plain']]

describe.each(LIBRARIES)('%s', (library) => {
  beforeEach(async () => {
    page = await stage.open(library)
  })

  it('RFC 3428: MESSAGE both ways; OPTIONS both ways', async () => {
    const to = `sip:echo@${stage.lan(20)}`
    await page.phone.do('message', { target: to, text: 'how are you' })
    await page.phone.event('message accepted')
    expect(pbx.requests.find(({ method }) => method === 'MESSAGE')?.body.toString()).toBe('how are you')
    await page.phone.do('options', to)
    await page.phone.event('options answered')
    const { contact, path } = await pbx.registered()
    expect((await pbx.send('MESSAGE', contact, { routes: path, headers: PLAIN, body: 'very well' })).status).toBe(200)
    expect(await page.phone.event('message')).toBe('message very well')
    expect((await pbx.send('OPTIONS', contact, { routes: path })).status).toBe(200)
  })

  it('RFC 6665: SUBSCRIBE of the page, NOTIFY of the PBX', async () => {
    await page.phone.do('subscribe', { target: `sip:echo@${stage.lan(20)}`, event: 'presence' })
    expect(await page.phone.event('notified')).toBe('notified state of presence')
  })

  it('RFC 3311: UPDATE of the PBX: JsSIP holds and resumes, SIP.js says 405 and goes on', async () => {
    const side = await talking('browser', stage, page, pbx)
    const { status } = await side.call.update({ direction: 'sendonly' })
    if (library === 'JsSIP') {
      expect(status).toBe(200)
      await Promise.all([hearsAlone(page, side), side.call.media().receivesNothingWithin(300)])
      await side.call.update({ direction: 'sendrecv' })
    } else expect(status).toBe(405)
    await hearEachOther(page, side)
    await side.call.bye()
  })
})

describe('SIP.js', () => {
  beforeEach(async () => {
    page = await stage.open('SIP.js')
  })

  it('RFC 3262: answers a reliable 183 with PRACK, and hears it', async () => {
    const side = await calling(stage, page, pbx)
    const prack = await side.call.provisional(183, { sdp: true, reliable: true })
    expect(prack?.method).toBe('PRACK')
    await hearsAlone(page, side)
    await Promise.all([side.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, side)
    await side.call.bye()
  })

  it('RFC 3262: is called, and its reliable 183 is heard before it answers', async () => {
    await page.phone.do('answerCalls', false)
    const side = await called(pbx)
    await page.phone.event('incoming')
    await page.phone.do('ring')
    await side.call.arrives((message) => message.status === 183 && headerOf(message, 'require') === '100rel')
    await side.call.arrives('200 PRACK')
    await page.phone.do('answer')
    await side.call.established()
    await hearEachOther(page, side)
    await side.call.bye()
  })
})

describe('JsSIP', () => {
  it('RFC 3311: offers anew by UPDATE', async () => {
    page = await stage.open('JsSIP')
    const side = await talking('browser', stage, page, pbx)
    await page.phone.do('update')
    await page.phone.event('update answered')
    expect((await side.call.arrives('UPDATE')).body.toString()).toContain('m=audio')
    await hearEachOther(page, side)
    await side.call.bye()
  })

  it.each(['UPDATE', 'INVITE'] as const)(
    'RFC 4028: refreshes its session by %s, again and again, and both go on talking',
    async (refreshMethod) => {
      page = await stage.open('JsSIP', { hasten: 60, refreshMethod })
      const side = await talking('browser', stage, page, pbx)
      for (let count = 0; count < 3; count++) await side.call.arrives(refreshMethod)
      await hearEachOther(page, side)
      await side.call.bye()
    },
  )
})
