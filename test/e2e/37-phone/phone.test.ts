import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../../support/processes.ts'
import { openTab, type Place, picture, seriousFaults, setUp, startPlace, type Tab } from '../22-web-admin/place.ts'

/** One edge, from its first start on; each test goes on where the one before it has ended. */

const HZ = 1000
/** Peak of the sound that the page plays, in Hz; 0: silence. */
const HEARD = `(async () => {
  const stream = document.querySelector('audio')?.srcObject
  if (!stream) return 0
  const context = (window.ears ??= new AudioContext())
  const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 })
  const source = context.createMediaStreamSource(stream)
  source.connect(analyser)
  await context.resume()
  await new Promise((done) => setTimeout(done, 250))
  const bins = new Float32Array(analyser.frequencyBinCount)
  analyser.getFloatFrequencyData(bins)
  source.disconnect()
  const peak = bins.indexOf(Math.max(...bins))
  return bins[peak] < -60 ? 0 : Math.round((peak * context.sampleRate) / analyser.fftSize)
})()`

let place: Place
let tab: Tab

beforeAll(async () => {
  place = await startPlace({ media: true, microphone: HZ })
  tab = await openTab(place, { height: 1000 })
  await setUp(place, tab, 'anna')
})

afterAll(() => place?.stop())

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

const heard = (on: Tab = tab): Promise<number> => on.page.evaluate<number>(HEARD)
/** The strongest tone is one of these. */
const hears = async (hz: readonly number[], on: Tab = tab): Promise<void> => {
  const heardOne = async (): Promise<true | undefined> => {
    const now = await heard(on)
    return hz.some((one) => Math.abs(now - one) < 30) ? true : undefined
  }
  await until(heardOne, `a tone of ${hz.join(' or ')} Hz in what comes back`)
}
const card = (name: string) => tab.page.locator('.card', { has: tab.page.getByRole('heading', { name, exact: true }) })
const fact = (name: string) => card('Sound of this call').locator('.facts > div', { has: tab.page.locator(`dt:text-is("${name}")`) })

test('a newcomer opens the test phone from the first link on, and is registered without a word', async () => {
  // On a busy machine rtpengine takes its time
  await tab.page.getByText('Everything is well').waitFor({ timeout: 30_000 })
  await tab.page.getByRole('link', { name: 'Test phone' }).click()
  await tab.heading('Test phone')
  await tab.page.getByText('Registered', { exact: true }).waitFor()
  expect(await tab.page.locator('.phone-main .muted').first().textContent()).toBe('test-anna@localhost, zone browsers')
  // Speech processing takes a steady tone for noise
  await tab.page.getByText('Let the browser clean it').click()
})

test('Call echo: the tone of the microphone comes back by WebRTC, the edge, rtpengine and the PBX', async () => {
  await tab.button('Call echo').click()
  await tab.seen(/^Talking/)
  await hears([HZ])
  await expect.poll(() => tab.page.locator('.meter-word').allTextContents()).toEqual(['Sound', 'Sound'])
})

test('the figures of the call: codec, encryption, the way and what was lost', async () => {
  await expect.poll(() => fact('Codec').textContent()).toMatch(/^Codec(opus|PCM[UA])/)
  expect(await fact('Encryption').textContent()).toMatch(/AES_CM_128_HMAC_SHA1_80|AEAD_AES_(?:128|256)_GCM|AES_CM/)
  expect(await fact('Encryption').textContent()).toMatch(/keys by DTLS 1\.[23]/)
  expect(await fact('To the edge').textContent()).toMatch(/127\.0\.0\.1:3[0-2]\d{3}/)
  expect(await fact('Sent').textContent()).toMatch(/Sent[\d\u2009]+ packets/)
  expect(await fact('Lost here').textContent()).toMatch(/^Lost here0/)
  await expect.poll(() => fact('Round trip').textContent(), { timeout: 15_000 }).toMatch(/ ms$/)
})

test('the ladder of this very call grows beside it, both legs, with what was rewritten', async () => {
  await tab.page.locator('.ladder-row', { hasText: 'ACK' }).nth(1).waitFor()
  const labels = await tab.page.locator('.ladder-label strong').allTextContents()
  expect(labels.filter((one) => one.startsWith('INVITE'))).toHaveLength(2)
  expect(labels.filter((one) => one.startsWith('200'))).toHaveLength(2)
  expect(await tab.page.locator('.ladder-row', { hasText: 'rewritten' }).count()).toBeGreaterThan(0)
  expect(await seriousFaults(tab.page)).toEqual([])
  await picture(tab.page, 'admin-phone')
})

test('keys, mute and hold: the PBX hears of them', async () => {
  await tab.button('5').click()
  await tab.page.keyboard.press('7')
  await tab.seen(/^57$/)
  await tab.field('Keys').selectOption('INFO')
  await tab.page.keyboard.press('9')
  await tab.page.locator('.ladder-row', { hasText: 'INFO' }).nth(1).waitFor()
  await tab.field('Keys').selectOption('RFC2833')
  await tab.button('Mute').click()
  await tab.page.locator('.meter', { hasText: 'Muted' }).waitFor()
  await until(async () => ((await heard()) === 0 ? true : undefined), 'silence while it is muted')
  // A key is two tones; the PBX sends back what RFC 4733 said of it
  await until(async () => {
    // It is short, and who listens now and then may miss it: pressed until it was heard
    await tab.button('5').click()
    const now = await heard()
    return [770, 1336].some((one) => Math.abs(now - one) < 30) ? true : undefined
  }, 'the tones of key 5 in what comes back')
  await tab.button('Mute').click()
  await hears([HZ])
  await tab.button('Hold').click()
  await tab.seen(/^On hold/)
  await tab.page.locator('.ladder-row', { hasText: 'INVITE' }).nth(3).waitFor()
  await tab.button('Hold').click()
  await tab.seen(/^Talking/)
  await hears([HZ])
})

test('hanging up: it is over on the page and at the edge, and the ladder has the BYE', async () => {
  await tab.button('Hang up').click()
  await tab.seen('You hung up')
  await tab.page.locator('.ladder-row', { hasText: 'BYE' }).nth(1).waitFor()
  await until(async () => {
    const { total } = (await place.ask('/api/calls', { cookie: await tab.cookie() })).json<{ readonly total: number }>()
    return total === 0 ? true : undefined
  }, 'no call at the edge any more')
})

test('an incoming call: the PBX calls back, it rings here, is answered and heard', async () => {
  await tab.field('Number or address').fill('1234')
  await tab.page.locator('.phone-dial button').click()
  await tab.seen(/^Talking/)
  await tab.seen('The other side hung up')
  await tab.page.getByText('Rings here').waitFor({ timeout: 15_000 })
  await tab.seen('Demonstration PBX (callback)')
  await tab.button('Answer').click()
  await tab.seen(/^Talking/)
  await hears([HZ])
  await tab.button('Hang up').click()
  await tab.seen('You hung up')
})

test('a call that does not come about says why, and has its ladder', async () => {
  await tab.field('Number or address').fill('486')
  await tab.page.locator('.phone-dial button').click()
  await tab.seen('Busy (486 Busy Here)')
  await tab.page.locator('.ladder-row', { hasText: '486' }).first().waitFor()
})

test('the registration is on its page, and ends when the tab is left', async () => {
  const other = await openTab(place, { height: 1000 })
  await other.signIn('anna')
  await other.goTo('/registrations')
  await other.page.getByText('test-anna@localhost', { exact: true }).waitFor()
  await picture(other.page, 'admin-registrations', false)
  await tab.page.getByRole('link', { name: 'Overview' }).click()
  await other.seen('Nobody is registered')
  await other.close()
})

test('narrow and dark: a call without a microphone, by the tone of the page', async () => {
  const phone = await openTab(place, { dark: true, width: 390, height: 844 })
  await phone.signIn('anna')
  await phone.goTo('/phone')
  await phone.field('What you send').selectOption('tone')
  await phone.page.getByText('Registered', { exact: true }).waitFor()
  await phone.button('Call echo').click()
  await phone.seen(/^Talking/)
  await hears([440], phone)
  expect(await seriousFaults(phone.page)).toEqual([])
  expect(await phone.page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
  await picture(phone.page, 'admin-phone-narrow-dark')
  await phone.button('Hang up').click()
  await phone.seen('You hung up')
  await phone.close()
})

test('a microphone that was refused: what happened and what to do, in words', async () => {
  const phone = await openTab(place)
  await phone.context.addInitScript(
    `navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Permission denied', 'NotAllowedError') }`,
  )
  await phone.signIn('anna')
  await phone.goTo('/phone')
  await phone.page.getByText('Registered', { exact: true }).waitFor()
  await phone.button('Call echo').click()
  await phone.seen('The microphone was refused')
  await phone.seen(/allow the microphone there, and call again/)
  expect(await phone.page.locator('.phone-call').count()).toBe(0)
  await phone.close()
})

test('by the listener itself, as browsers out there do', async () => {
  await tab.goTo('/phone')
  await tab.field('Connect by').selectOption({ label: `web/wss, wss://localhost:${place.ports.wss}` })
  await tab.button('Connect with these').click()
  await tab.page.getByText('Registered', { exact: true }).waitFor()
  await tab.button('Call echo').click()
  await tab.seen(/^Talking/)
  await hears([HZ])
  await tab.button('Hang up').click()
})
