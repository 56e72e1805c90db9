/**
 * A tab of Chromium with a phone of JsSIP or of SIP.js: one set of words and events for both, so a test is written once. What it hears is judged by
 * tone, what it sees by colour.
 */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type PageServer, Phone, servePhone } from '../browser.ts'
import { type Sound, soundOf } from './browser-media.ts'

const script = join(import.meta.dirname, 'page', 'library-phones.js')
const PATIENCE = 8000

export const LIBRARIES = ['JsSIP', 'SIP.js'] as const
export type Library = (typeof LIBRARIES)[number]
export type Colour = 'red' | 'green' | 'blue'

/** Bundles both libraries into one page and serves it. */
export const serveLibraryPhones = (folder: string): Promise<PageServer> => servePhone(folder, script)

export interface LibraryPhoneSettings {
  readonly library: Library
  readonly url: string
  /** Address of record. */
  readonly uri: string
  readonly user?: string
  readonly password?: string
  /** A token instead of a password. */
  readonly token?: string
  /** A tone of this tab's own; default: the browser's microphone. */
  readonly hz?: number
  /** What its camera shows; default blue. */
  readonly colour?: Colour
  /** Answers what comes, with video when the call has it; default true. */
  readonly answers?: boolean
  readonly video?: boolean
  /** Of its connections, such as `{ bundlePolicy: 'max-bundle' }`. */
  readonly configuration?: Readonly<Record<string, unknown>>
  /** Sends its SDP without any candidate, or as soon as there is the first one. */
  readonly trickle?: 'none' | 'first'
  /** How JsSIP refreshes its session; default UPDATE. */
  readonly refreshMethod?: 'UPDATE' | 'INVITE'
  /** Times of the page from 20 s on are that much shorter: session timers. */
  readonly hasten?: number
}

export interface LibraryPhone {
  readonly phone: Phone
  readonly sound: Sound
  /** The tone that it sends, and what it hears: see `Sound`. */
  readonly hz: number
  hears(hz: number, ms?: number, absent?: readonly number[]): Promise<void>
  hearsSilenceFor(ms: number, limit?: number): Promise<void>
  /** Resolves when moving pictures of that colour come. */
  sees(colour: Colour, ms?: number): Promise<void>
  /** The text of the last message with that beginning that crossed its socket. */
  last(direction: 'sent' | 'received', beginning: string): string
  close(): Promise<void>
}

/** Opens the tab and connects. @param microphone tone of the browser */
export const openLibraryPhone = async (
  browser: Browser,
  origin: string,
  microphone: number,
  settings: LibraryPhoneSettings,
): Promise<LibraryPhone> => {
  const phone = await Phone.open(browser, origin, settings)
  const sound = soundOf(phone.page)
  return {
    phone,
    sound,
    hz: settings.hz ?? microphone,
    hears: sound.hears,
    hearsSilenceFor: sound.hearsSilenceFor,
    sees: (colour, ms = PATIENCE) => phone.page.evaluate(`window.picture.sees(${JSON.stringify({ colour, ms })})`),
    last: (direction, beginning) => {
      const found = phone.frames.findLast((frame) => frame.direction === direction && frame.text.startsWith(beginning))
      if (found === undefined) throw new Error(`nothing ${direction} begins with ${beginning}`)
      return found.text
    },
    close: () => phone.close(),
  }
}
