/** A JsSIP phone in Chromium that came to the edge over WSS: what it hears, and the SDPs that crossed its socket. */
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type PageServer, servePhone } from '../../support/browser.ts'
import { type MediaPhone, openMediaPhone, startMediaBrowser } from '../../support/media/browser-media.ts'
import { HZ, NAME } from './ground.ts'
import type { Leg } from './legs.ts'
import type { Place } from './place.ts'
import type { Listener } from './talk.ts'

export interface Browsers {
  readonly browser: Browser
  readonly pages: PageServer
  /** A tab that is connected, and registered unless it shall not be. */
  open(options?: { readonly register?: boolean; readonly codecs?: readonly string[] }): Promise<BrowserPhone>
  close(): Promise<void>
}

export interface BrowserPhone extends MediaPhone, Listener {
  /** What crossed its socket so far. */
  leg(): Leg
  /** Chromium plays RFC 4733 events: resolves when this key was heard. @param press sends it: again when the page was too busy to listen */
  hearsKey(key: string, press: () => Promise<void>): Promise<void>
  /** Begins to listen for keys. */
  listenForKeys(): Promise<void>
}

const bodiesOf = ({ phone }: MediaPhone, direction: 'sent' | 'received'): readonly string[] =>
  phone.frames
    .filter((frame) => frame.direction === direction && /\r\nContent-Type: application\/sdp\r\n/i.test(frame.text))
    .map(({ text }) => text.slice(text.indexOf('\r\n\r\n') + 4))
    .filter((body) => body !== '')

export const startBrowsers = async (place: Place): Promise<Browsers> => {
  const pages = await servePhone(place.folder, join(import.meta.dirname, 'page', 'phone.js'))
  const root = place.authority.certificate
  const browser = await startMediaBrowser({ folder: place.folder, root, name: NAME, address: place.wan(1) }, HZ.browser)
  const url = `wss://${NAME}:${place.ports.wss}`
  return {
    browser,
    pages,
    open: async ({ register = true, codecs } = {}) => {
      const page = await openMediaPhone(browser, pages.origin, { url, uri: `sip:browser@${NAME}`, register })
      if (register) await page.phone.event('registered')
      if (codecs !== undefined) await page.phone.page.evaluate(`window.speaks(${JSON.stringify(codecs)})`)
      return {
        ...page,
        hz: HZ.browser,
        hears: page.sound.hears,
        hearsSilenceFor: page.sound.hearsSilenceFor,
        leg: () => ({ kind: 'browser', address: place.wan(2), said: bodiesOf(page, 'sent'), told: bodiesOf(page, 'received') }),
        listenForKeys: () => page.phone.page.evaluate('window.keys.listen()'),
        hearsKey: async (key, press) => {
          let heard = false
          const listening = (page.phone.page.evaluate(`window.keys.hears(${JSON.stringify(key)})`) as Promise<void>).finally(() => {
            heard = true
          })
          const pressing = async (): Promise<void> => {
            while (!heard) await press()
          }
          await Promise.all([listening, pressing()])
        },
      }
    },
    close: async () => {
      await browser.close()
      await pages.close()
    },
  }
}
