import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createAuthority } from '../../support/authority.ts'
import type { PageServer } from '../../support/browser.ts'
import { openPeerPage, type PeerPage, serveMediaPhone, startMediaBrowser } from '../../support/media/browser-media.ts'
import { type MediaEndpoint, openMediaEndpoint } from '../../support/media/endpoint.ts'
import { namesAttribute } from '../../support/media/negotiation.ts'
import { ngCall } from '../../support/media/ng-call.ts'
import type { Direction } from '../../support/media/sdp.ts'
import { temporaryFolder } from '../../support/places.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'

const BROWSER_HZ = 440
const ENDPOINT_HZ = 1000

const folder = temporaryFolder('e2e-71')
let rtpengine: Rtpengine
let pages: PageServer
let browser: Browser
let page: PeerPage
let endpoint: MediaEndpoint

beforeAll(async () => {
  rtpengine = await startRtpengine({ interfaces: { wan: '127.0.71.1', lan: '127.0.71.2' } })
  pages = await serveMediaPhone(folder.path)
  const root = createAuthority(folder.path).certificate
  browser = await startMediaBrowser({ folder: folder.path, root, name: 'sbc.edge.test', address: '127.0.71.1' }, BROWSER_HZ)
})

afterAll(async () => {
  await browser?.close()
  await pages?.close()
  await rtpengine?.stop()
  folder.remove()
})

afterEach(async () => {
  await endpoint?.close()
  await page?.close()
})

const open = async (profile: 'plain' | 'sdes' = 'plain', configuration = {}): Promise<void> => {
  page = await openPeerPage(browser, pages.origin, { configuration })
  endpoint = await openMediaEndpoint({ address: '127.0.71.12', hz: ENDPOINT_HZ, profile, name: 'endpoint' })
}

const hearEachOther = async (): Promise<void> => {
  await Promise.all([endpoint.hears(BROWSER_HZ, 8000, [ENDPOINT_HZ]), page.sound.hears(ENDPOINT_HZ, 8000, [BROWSER_HZ])])
}

const expectClean = (): void => expect(endpoint.heard()).toMatchObject({ lost: 0, unauthenticated: 0, unexpected: [] })

it.each(['plain', 'sdes'] as const)('a browser calls a %s endpoint: DTLS, ICE, tones both ways, digits', async (profile) => {
  await open(profile)
  const call = ngCall(rtpengine, { kind: 'browser', interface: 'wan' }, { kind: profile, interface: 'lan' })
  const offer = await call.offer('caller', await page.offer())
  expect(namesAttribute(offer, ['candidate', 'ice-ufrag', 'fingerprint', 'rtcp-mux', ...(profile === 'plain' ? ['crypto'] : [])])).toEqual(
    [],
  )
  await page.accept(await call.answer(endpoint.answer(offer)))
  await hearEachOther()
  await page.sound.sendDigits('159#')
  await endpoint.receivesDigits('159#')
  expect(await page.sound.stats()).toMatchObject({
    codec: 'audio/PCMU',
    connection: 'connected',
    ice: 'connected',
    dtls: 'connected',
    dtlsRole: 'client',
    srtpCipher: 'SRTP_AEAD_AES_256_GCM',
    remote: expect.stringMatching(/^127\.0\.71\.1:\d+$/),
  })
  expectClean()
  await call.delete()
})

it('an endpoint calls a browser, in PCMA', async () => {
  await open('sdes')
  const call = ngCall(rtpengine, { kind: 'sdes', interface: 'lan' }, { kind: 'browser', interface: 'wan' })
  const alaw = await openMediaEndpoint({ address: '127.0.71.13', hz: ENDPOINT_HZ, profile: 'sdes', codecs: ['PCMA', 'telephone-event'] })
  await endpoint.close()
  endpoint = alaw
  endpoint.accept(await call.answer(await page.answer(await call.offer('caller', endpoint.offer()))))
  await hearEachOther()
  await page.sound.sendDigits('0')
  await endpoint.receivesDigits('0')
  expect(await page.sound.stats()).toMatchObject({ codec: 'audio/PCMA', dtls: 'connected' })
  expectClean()
  await call.delete()
})

it('holds from both sides, an ICE restart, with a browser that insists on BUNDLE', async () => {
  await open('plain', { bundlePolicy: 'max-bundle' })
  const call = ngCall(rtpengine, { kind: 'browser', interface: 'wan' }, { kind: 'plain', interface: 'lan' })
  const fromBrowser = async (direction: Direction, iceRestart = false): Promise<void> => {
    await page.direction(direction)
    await page.accept(await call.answer(endpoint.answer(await call.offer('caller', await page.offer({ iceRestart })))))
  }
  const fromEndpoint = async (direction: Direction): Promise<void> => {
    endpoint.accept(await call.answer(await page.answer(await call.offer('called', endpoint.offer(direction)))))
  }
  await page.accept(await call.answer(endpoint.answer(await call.offer('caller', await page.offer()))))
  await hearEachOther()
  await fromBrowser('inactive')
  await Promise.all([endpoint.receivesNothingWithin(300), page.sound.hearsSilenceFor(300)])
  await fromBrowser('sendrecv', true)
  await hearEachOther()
  await fromEndpoint('sendonly')
  await Promise.all([endpoint.receivesNothingWithin(300), page.sound.hears(ENDPOINT_HZ)])
  await fromEndpoint('inactive')
  await Promise.all([endpoint.hearsSilenceFor(300), page.sound.hearsSilenceFor(300)])
  await fromEndpoint('sendrecv')
  await hearEachOther()
  expectClean()
  await call.delete()
})

it('a browser hears another browser’s tab, and says what it heard instead of what was asked for', async () => {
  await open()
  const other = await openPeerPage(browser, pages.origin, { hz: 700 })
  const call = ngCall(rtpengine, { kind: 'browser', interface: 'wan' }, { kind: 'browser', interface: 'wan' })
  await page.accept(await call.answer(await other.answer(await call.offer('caller', await page.offer()))))
  await Promise.all([page.sound.hears(700, 8000, [BROWSER_HZ]), other.sound.hears(BROWSER_HZ, 8000, [700])])
  await expect(page.sound.hears(1000, 300)).rejects.toThrow(/no 1000 Hz within 300 ms; the page heard mostly 700 Hz/)
  await other.close()
  await call.delete()
})
