import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES, type LibraryPhone } from '../../support/media/library-phone.ts'
import type { HeaderPair } from '../../support/media/sip-dialog.ts'
import { headerOf } from '../../support/wire.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther } from '../11-media-calls/talk.ts'
import { type AtPbx, atPbx, calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage
let pbx: Party
let page: LibraryPhone

beforeAll(async () => {
  stage = await setStage(2)
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx()
})

afterEach(() => stage.cleared())

/** What a REFER's receiver tells of the call that it makes (RFC 3515 §2.4.4). */
const notify = (side: AtPbx, refer: string, status: number, state: string): Promise<unknown> =>
  side.call.send(
    'NOTIFY',
    [
      ['Event', `refer;id=${Number.parseInt(refer, 10)}`],
      ['Subscription-State', state],
      ['Content-Type', 'message/sipfrag'],
    ],
    `SIP/2.0 ${status} Something\r\n`,
  )

describe.each(LIBRARIES)('%s', (library) => {
  beforeEach(async () => {
    page = await stage.open(library)
  })

  it.each(['browser', 'PBX'] as const)('RFC 3515: refers the PBX elsewhere in a call of the %s, and hears how it went', async (who) => {
    const side = await talking(who, stage, page, pbx)
    await page.phone.do('refer', 'sip:carol@elsewhere.test')
    const refer = await side.call.arrives('REFER')
    expect(headerOf(refer, 'refer-to')).toMatch(/^<?sip:carol@elsewhere\.test>?$/)
    await page.phone.event('refer accepted')
    await notify(side, headerOf(refer, 'cseq'), 180, 'active;expires=60')
    expect(await page.phone.event('notify')).toBe('notify 180')
    await notify(side, headerOf(refer, 'cseq'), 200, 'terminated;reason=noresource')
    expect(await page.phone.event('notify')).toBe('notify 200')
    await page.phone.do('hangUp')
    await side.call.ended()
  })

  it.each(['browser', 'PBX'] as const)('RFC 3515: is referred by the PBX in a call of the %s, calls, and says how it went', async (who) => {
    const side = await talking(who, stage, page, pbx)
    const target = `sip:carol@${stage.lan(20)}`
    const headers: readonly HeaderPair[] = [
      ['Refer-To', `<${target}>`],
      ['Referred-By', `<${pbx.contact}>`],
    ]
    expect((await side.call.send('REFER', headers)).status).toBe(202)
    expect(await page.phone.event('refer')).toBe(`refer ${target}`)
    const second = atPbx(await pbx.incoming())
    await second.call.provisional(180)
    await second.call.answer()
    await hearEachOther(page, second)
    const told = await side.call.arrives((message) => message.method === 'NOTIFY' && message.body.toString().startsWith('SIP/2.0 200'))
    expect(headerOf(told, 'content-type')).toBe(library === 'JsSIP' ? 'message/sipfrag;version=2.0' : 'message/sipfrag')
    expect(headerOf(told, 'event')).toMatch(/^refer/)
    await side.call.bye()
    await second.call.bye()
  })

  it('RFC 3891: an attended transfer: the Replaces in its Refer-To is untouched', async () => {
    const first = await talking('browser', stage, page, pbx)
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    const second = await calling(stage, page, pbx)
    await Promise.all([second.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, second)
    await page.phone.do('select', 0)
    await page.phone.do('referTo', 1)
    const value = headerOf(await first.call.arrives('REFER'), 'refer-to')
    // JsSIP names whom it called, SIP.js where that one is: its Contact
    expect(value).toContain(library === 'JsSIP' ? `<sip:echo@${stage.lan(20)}?` : `<${pbx.contact}?`)
    const replaces = decodeURIComponent(/\?Replaces=([^>&]+)/i.exec(value)?.[1] ?? '')
    const { callId, local, remoteTag } = second.call.dialog()
    expect(new Set(replaces.split(';'))).toEqual(new Set([callId, `from-tag=${remoteTag}`, `to-tag=${/;tag=(\w+)/.exec(local)?.[1]}`]))
    await page.phone.event('refer accepted')
    await Promise.all([first.call.bye(), second.call.bye()])
  })

  it('RFC 3891: an INVITE with Replaces of the PBX takes the place of the call', async () => {
    const side = await talking('browser', stage, page, pbx)
    const { target, remoteTag, local, callId, routes } = side.call.dialog()
    const replaces = `${callId};from-tag=${/;tag=(\w+)/.exec(local)?.[1]};to-tag=${remoteTag}`
    const { path } = await pbx.registered()
    expect(routes.length).toBeGreaterThan(0)
    const next = atPbx(
      await pbx.call(target, {
        routes: path,
        headers: [
          ['Replaces', replaces],
          ['Require', 'replaces'],
        ],
      }),
    )
    await next.call.established()
    await side.call.ended()
    await hearEachOther(page, next)
    await next.call.bye()
  })
})
