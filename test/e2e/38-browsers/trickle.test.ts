import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LIBRARIES } from '../../support/media/library-phone.ts'
import { usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther } from '../11-media-calls/talk.ts'
import { called, calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage
let pbx: Party

beforeAll(async () => {
  stage = await setStage(6, (ground) =>
    usualZones(ground).replace("origins: ['*'], media: { ", "origins: ['*'], media: { max-bundle: false, "),
  )
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx({ media: { mirror: 'VP8' } })
})

afterEach(() => stage.cleared())

describe.each(LIBRARIES)('%s', (library) => {
  it.each(['none', 'first'] as const)(
    'RFC 8838: candidates in its SDP: %s; it calls and is called, with sound and pictures',
    async (trickle) => {
      const page = await stage.open(library, { trickle, colour: 'green', video: true })
      const out = await calling(stage, page, pbx, { video: true })
      await Promise.all([out.call.answer(), page.phone.event('confirmed')])
      if (trickle === 'none') expect(page.last('sent', 'INVITE')).not.toContain('a=candidate')
      await Promise.all([hearEachOther(page, out), page.sees('green')])
      await out.call.bye()
      await page.phone.event('ended')
      const back = await called(pbx)
      await Promise.all([back.call.established(), page.phone.event('confirmed')])
      await Promise.all([hearEachOther(page, back), page.sees('green')])
      await back.call.bye()
    },
  )

  it.each(['browser', 'PBX'] as const)('RFC 8840: INFO with candidates is for the edge, in a call of the %s', async (who) => {
    const page = await stage.open(library, { trickle: 'none' })
    const side = await talking(who, stage, page, pbx)
    await page.phone.do('trickle')
    expect(await page.phone.event('INFO answered')).toBe('INFO answered 200')
    await page.phone.do('info', { type: 'application/dtmf', body: '7' })
    expect((await side.call.arrives('INFO')).body.toString()).toBe('7')
    await side.call.bye()
  })

  it.each(['browser', 'PBX'] as const)('adds video to a call of the %s', async (who) => {
    const page = await stage.open(library, { colour: 'red' })
    const side = await (who === 'browser' ? talking('browser', stage, page, pbx) : audioOf(page))
    await page.phone.do('addVideo')
    await page.phone.event('video answered')
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    await page.phone.do('unhold')
    await page.phone.event('unhold answered')
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await side.call.bye()
  })
})

/** The PBX, which has video for whoever asks, calls with audio alone. */
const audioOf = async (page: Parameters<typeof hearEachOther>[0] & { readonly phone: { event(name: string): Promise<string> } }) => {
  const side = await called(pbx, { media: { mirrorOffers: false } })
  await Promise.all([side.call.established(), page.phone.event('confirmed')])
  await hearEachOther(page, side)
  return side
}
