/**
 * Chromium with a tone as its microphone, and pages that say which tone they hear: a phone (JsSIP), or a bare RTCPeerConnection
 * whose SDP the test carries.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { type BrowserOptions, type PageServer, Phone, servePhone, startBrowser } from '../browser.ts'
import type { Direction } from './sdp.ts'
import { toneWav } from './wav.ts'

const script = join(import.meta.dirname, 'page', 'media-phone.js')
const PATIENCE = 8000

/** Bundles the phone with sound and serves it. */
export const serveMediaPhone = (folder: string): Promise<PageServer> => servePhone(folder, script)

/** @param hz the tone that its microphones play */
export const startMediaBrowser = (options: Omit<BrowserOptions, 'microphone'>, hz: number): Promise<Browser> => {
  const microphone = join(options.folder, `tone-${hz}.wav`)
  writeFileSync(microphone, toneWav(hz))
  return startBrowser({ ...options, microphone })
}

/** What Chromium says of a connection; undefined what it does not know yet. */
export interface ConnectionStats {
  /** `audio/PCMU`. */
  readonly codec: string | undefined
  readonly connection: string
  readonly ice: string
  readonly iceRole: string | undefined
  readonly dtls: string | undefined
  readonly dtlsRole: string | undefined
  readonly srtpCipher: string | undefined
  readonly packetsSent: number
  /** 0 while the page holds. */
  readonly packetsReceived: number
  /** With RTCP and connectivity checks. */
  readonly transportReceived: number
  readonly packetsLost: number
  /** `address:port` of the candidate that won. */
  readonly remote: string | undefined
}

/** The sound of a page's connection. All reject with what was heard instead. */
export interface Sound {
  /** Resolves when 200 ms of what comes from now on are this tone and none of `absent`; default 8 s. */
  hears(hz: number, ms?: number, absent?: readonly number[]): Promise<void>
  /** Resolves when nothing audible came for `quiet` ms from now on; default limit: `quiet` and 8 s. */
  hearsSilenceFor(quiet: number, limit?: number): Promise<void>
  /** RFC 4733; resolves when the last digit has been sent. */
  sendDigits(digits: string): Promise<void>
  stats(): Promise<ConnectionStats>
}

export const soundOf = (page: Page): Sound => {
  const ask = <T>(call: string, argument?: unknown): Promise<T> =>
    page.evaluate(`window.${call}(${argument === undefined ? '' : JSON.stringify(argument)})`) as Promise<T>
  return {
    hears: (hz, ms = PATIENCE, absent = []) => ask('sound.hears', { hz, ms, absent }),
    hearsSilenceFor: (quiet, limit = quiet + PATIENCE) => ask('sound.silence', { quiet, ms: limit }),
    sendDigits: (digits) => ask('sound.sendDigits', digits),
    stats: () => ask('sound.stats'),
  }
}

export interface MediaPhone {
  readonly phone: Phone
  readonly sound: Sound
  close(): Promise<void>
}

/**
 * A tab with the phone, connected to `settings.url`.
 * @param settings.hz a tone of this tab's own instead of the browser's microphone
 */
export const openMediaPhone = async (
  browser: Browser,
  origin: string,
  settings: { readonly url: string; readonly uri: string; readonly register?: boolean; readonly hz?: number },
): Promise<MediaPhone> => {
  const phone = await Phone.open(browser, origin, settings)
  await phone.page.evaluate(`window.microphone(${settings.hz ?? 'undefined'})`)
  return { phone, sound: soundOf(phone.page), close: () => phone.close() }
}

/** A bare RTCPeerConnection in a tab. SDPs have all their candidates. */
export interface PeerPage {
  readonly page: Page
  readonly sound: Sound
  offer(options?: { readonly iceRestart?: boolean }): Promise<string>
  answer(sdp: string): Promise<string>
  accept(sdp: string): Promise<void>
  /** What its next offer or answer wishes for. */
  direction(direction: Direction): Promise<void>
  close(): Promise<void>
}

/**
 * @param settings.hz as for a phone
 * @param settings.configuration of the RTCPeerConnection, such as `{ bundlePolicy: 'max-bundle' }`
 */
export const openPeerPage = async (
  browser: Browser,
  origin: string,
  settings: { readonly hz?: number; readonly configuration?: Readonly<Record<string, string>> } = {},
): Promise<PeerPage> => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(origin)
  const ask = <T>(name: string, argument: unknown): Promise<T> =>
    page.evaluate(`window.peer.${name}(${JSON.stringify(argument)})`) as Promise<T>
  await page.evaluate(`window.microphone(${settings.hz ?? 'undefined'})`)
  await ask('open', settings.configuration ?? {})
  return {
    page,
    sound: soundOf(page),
    offer: (options = {}) => ask('offer', options),
    answer: (sdp) => ask('answer', sdp),
    accept: (sdp) => ask('accept', sdp),
    direction: (direction) => ask('direction', direction),
    close: () => context.close(),
  }
}
