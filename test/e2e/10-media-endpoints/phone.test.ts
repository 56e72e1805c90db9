import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createAuthority } from '../../support/authority.ts'
import type { PageServer } from '../../support/browser.ts'
import { type MediaPhone, openMediaPhone, serveMediaPhone, startMediaBrowser } from '../../support/media/browser-media.ts'
import { type NgCall, ngCall } from '../../support/media/ng-call.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { openSipEndpoint, type SipEndpoint } from '../../support/media/sip-endpoint.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'

const BROWSER_HZ = 440
const ENDPOINT_HZ = 1000
const NAME = 'sbc.edge.test'
const ADDRESS = '127.0.73.12'

const folder = temporaryFolder('e2e-73')
const authority = createAuthority(folder.path)
let rtpengine: Rtpengine
let pages: PageServer
let browser: Browser
let endpoint: SipEndpoint
let phone: MediaPhone
/** Of the test's one call. */
let ng: NgCall

beforeAll(async () => {
  rtpengine = await startRtpengine({ interfaces: { wan: '127.0.73.1', lan: '127.0.73.2' } })
  pages = await serveMediaPhone(folder.path)
  browser = await startMediaBrowser({ folder: folder.path, root: authority.certificate, name: NAME, address: ADDRESS }, BROWSER_HZ)
})

afterAll(async () => {
  await browser?.close()
  await pages?.close()
  await rtpengine?.stop()
  folder.remove()
})

/** The endpoint is the browser's server too, and takes each SDP through rtpengine before its own plain media sees it. */
beforeEach(async () => {
  const port = await freePort(ADDRESS)
  endpoint = await openSipEndpoint({
    ...{ name: 'pbx', transport: 'wss', address: ADDRESS, port, domain: NAME },
    tls: { authority: authority.certificate, own: authority.issue('server', [NAME]) },
    media: { hz: ENDPOINT_HZ },
    receiving: (sdp, kind) => (kind === 'offer' ? ng.offer(side(), sdp) : ng.answer(sdp)),
    sending: (sdp, kind) => (kind === 'offer' ? ng.offer(other(), sdp) : ng.answer(sdp)),
  })
  phone = await openMediaPhone(browser, pages.origin, { url: `wss://${NAME}:${port}`, uri: `sip:browser@${NAME}`, register: true })
  await phone.phone.event('registered')
})

afterEach(async () => {
  await ng.delete()
  await phone.close()
  await endpoint.close()
  expect(endpoint.problems).toEqual([])
})

let browserCalls: boolean
const side = (): 'caller' | 'called' => (browserCalls ? 'caller' : 'called')
const other = (): 'caller' | 'called' => (browserCalls ? 'called' : 'caller')

const begin = (by: 'browser' | 'pbx'): void => {
  browserCalls = by === 'browser'
  const [page, pbx] = [{ kind: 'browser', interface: 'wan' } as const, { kind: 'plain', interface: 'lan' } as const]
  ng = browserCalls ? ngCall(rtpengine, page, pbx) : ngCall(rtpengine, pbx, page)
}

const hearEachOther = async (call: SipCall): Promise<void> => {
  await Promise.all([call.media().hears(BROWSER_HZ, 8000, [ENDPOINT_HZ]), phone.sound.hears(ENDPOINT_HZ, 8000, [BROWSER_HZ])])
}

/** Holds and resumes from both sides, digits; what has to work whoever called. */
const converse = async (call: SipCall): Promise<void> => {
  await hearEachOther(call)
  await phone.sound.sendDigits('19#')
  await call.media().receivesDigits('19#')
  await phone.phone.do('hold')
  await phone.phone.event('hold answered')
  await Promise.all([call.media().hearsSilenceFor(300), phone.sound.hearsSilenceFor(300)])
  await phone.phone.do('unhold')
  await phone.phone.event('unhold answered')
  await hearEachOther(call)
  await call.hold('inactive')
  await Promise.all([call.media().hearsSilenceFor(300), phone.sound.hearsSilenceFor(300)])
  await call.resume()
  await hearEachOther(call)
  expect(await phone.sound.stats()).toMatchObject({ codec: 'audio/PCMU', connection: 'connected', dtls: 'connected', packetsLost: 0 })
  expect(call.media().heard()).toMatchObject({ lost: 0, unexpected: [] })
}

it('a JsSIP phone calls: early media, tones both ways, digits, holds from both sides', async () => {
  begin('browser')
  await phone.phone.do('call', `sip:echo@${NAME}`)
  const call = await endpoint.incoming()
  await call.provisional(183, { sdp: true })
  await phone.phone.event('progress')
  await phone.sound.hears(ENDPOINT_HZ)
  await call.answer()
  await phone.phone.event('confirmed')
  await converse(call)
  await call.bye()
  await phone.phone.event('ended')
})

it('a JsSIP phone is called by its binding, answers, and hangs up', async () => {
  begin('pbx')
  const call = await endpoint.call((await endpoint.registered()).contact)
  await call.established()
  await phone.phone.event('confirmed')
  await converse(call)
  await phone.phone.do('hangUp')
  await call.ended()
})
