import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PastCallView } from '../../../src/admin/contract.ts'
import type { PageServer } from '../../support/browser.ts'
import { type MediaPhone, openMediaPhone, serveMediaPhone, startMediaBrowser } from '../../support/media/browser-media.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { until } from '../../support/processes.ts'
import { headerOf } from '../../support/wire.ts'
import { HZ, NAME, usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { layPlace, type Place } from '../11-media-calls/place.ts'
import { hearEachOther, type Listener, listener } from '../11-media-calls/talk.ts'
import { type Relay, startRelay } from './relay.ts'

const GRACE_SECONDS = 6

let place: Place
let relay: Relay
let pages: PageServer
let browser: Browser
let pbx: Party
let page: MediaPhone & Listener

beforeAll(async () => {
  place = await layPlace(
    1,
    (ground) =>
      usualZones(ground).replace('kind: webrtc,', `kind: webrtc, lost-connection: { calls: ${GRACE_SECONDS}s, tell-registrar: false },`),
    undefined,
    33,
  )
  const port = place.ports.wss
  relay = await startRelay({ address: place.wan(3), port }, { address: place.wan(1), port })
  pages = await serveMediaPhone(join(place.folder, 'page'))
  const root = place.authority.certificate
  browser = await startMediaBrowser({ folder: place.folder, root, name: NAME, address: place.wan(3) }, HZ.browser)
})

afterAll(async () => {
  await browser?.close()
  await pages?.close()
  await relay?.close()
  await place?.stop()
})

beforeEach(async () => {
  relay.refuse(false)
  pbx = await place.pbx()
  const opened = await openMediaPhone(browser, pages.origin, {
    url: `wss://${NAME}:${place.ports.wss}`,
    uri: `sip:browser@${NAME}`,
    register: true,
  })
  page = { ...opened, hz: HZ.browser, hears: opened.sound.hears, hearsSilenceFor: opened.sound.hearsSilenceFor }
  await page.phone.event('registered')
})

afterEach(async () => {
  await page?.close()
  relay.release()
  await place.settled()
})

interface AtPbx extends Listener {
  readonly call: SipCall
}

/** They talk, whoever called. */
const talking = async (who: 'browser' | 'PBX'): Promise<AtPbx> => {
  const { contact, path } = await pbx.registered()
  let call: SipCall
  if (who === 'browser') {
    await page.phone.do('call', `sip:echo@${place.lan(20)}`)
    call = await pbx.incoming()
    await call.answer()
  } else {
    call = await pbx.call(contact, { routes: path })
    await call.established()
  }
  await page.phone.event('confirmed')
  const atPbx = { ...listener(call, HZ.pbx), call }
  await hearEachOther(page, atPbx)
  return atPbx
}

/** It has seen that its connection is gone, and is registered through another one. */
const isBack = async (): Promise<void> => {
  await page.phone.event('disconnected')
  await page.phone.event('connected')
  await page.phone.event('registered')
  await pbx.registered()
}

const resumed = (): Promise<number> => place.edge.metric('edgeways_dialogs_resumed_total')

describe.each(['browser', 'PBX'] as const)('N5: the network of a browser changes in mid-call, which the %s began', (who) => {
  it.each(['browser', 'PBX'] as const)('the connection is cut, JsSIP comes back: the call goes on, and the %s ends it', async (ends) => {
    const before = await resumed()
    const atPbx = await talking(who)
    relay.cut()
    await isBack()
    await until(async () => (await resumed()) === before + 1 || undefined, 'the call to be resumed')
    await hearEachOther(page, atPbx)
    if (ends === 'PBX') expect((await atPbx.call.bye()).status).toBe(200)
    else {
      await page.phone.do('hangUp')
      await atPbx.call.ended()
    }
    expect(await page.phone.event('ended')).toBe(ends === 'PBX' ? 'ended remote Terminated' : 'ended local Terminated')
  })

  it('the old connection looks alive when the new one is there: the PBX’s requests find the browser', async () => {
    const atPbx = await talking(who)
    relay.strand()
    await isBack()
    await atPbx.call.hold()
    await page.phone.event('hold')
    await atPbx.call.resume()
    await page.phone.event('unhold')
    await hearEachOther(page, atPbx)
    relay.release()
    expect((await atPbx.call.bye()).status).toBe(200)
    expect(await page.phone.event('ended')).toBe('ended remote Terminated')
  })
})

describe('N5: while the browser is away', () => {
  it('the PBX hangs up: it is answered at once, and the browser hears of it when it is back', async () => {
    const { call } = await talking('browser')
    relay.refuse(true)
    relay.cut()
    await page.phone.event('disconnected')
    await until(async () => (await place.edge.metric('edgeways_dialogs_return_pending')) === 1 || undefined, 'the edge to see it')
    expect((await call.bye()).status).toBe(200)
    relay.refuse(false)
    expect(await page.phone.event('ended')).toBe('ended remote Terminated')
  })

  it('it does not come back in time: the PBX gets a BYE, the media goes, and the call is shown with its cause', async () => {
    const { call } = await talking('browser')
    relay.refuse(true)
    relay.cut()
    const bye = await call.ended((GRACE_SECONDS + 10) * 1000)
    expect(headerOf(bye, 'reason')).toBe('SIP;cause=480;text="Connection lost"')
    const shown = async (): Promise<PastCallView | undefined> =>
      (await place.edge.api<{ readonly calls: readonly PastCallView[] }>('/api/calls/past')).calls.find(
        ({ callId }) => callId === call.callId,
      )
    expect(await until(shown, 'the call among those that ended')).toMatchObject({ how: 'connection-lost', by: 'caller' })
    relay.refuse(false)
    // Late, but it hears that its call is over
    expect(await page.phone.event('ended', 20_000)).toBe('ended remote Terminated')
  })
})

it('N5: a tab is closed in mid-call: nothing of it is left in rtpengine', async () => {
  const { call } = await talking('PBX')
  await page.close()
  await call.ended((GRACE_SECONDS + 10) * 1000)
})
