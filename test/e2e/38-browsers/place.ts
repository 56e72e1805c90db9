/** The edge, rtpengine and a PBX of `11-media-calls`, and tabs with phones of both libraries. */
import type { Browser } from 'playwright-core'
import { startMediaBrowser } from '../../support/media/browser-media.ts'
import {
  type Library,
  type LibraryPhone,
  type LibraryPhoneSettings,
  openLibraryPhone,
  serveLibraryPhones,
} from '../../support/media/library-phone.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { temporaryFolder } from '../../support/places.ts'
import { type Ground, HZ, NAME, usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { layPlace, type Place } from '../11-media-calls/place.ts'
import { hearEachOther, type Listener, listener } from '../11-media-calls/talk.ts'

export interface Stage extends Place {
  readonly browser: Browser
  readonly origin: string
  /** A tab that is connected, and registered unless it shall not be. */
  open(library: Library, settings?: Partial<LibraryPhoneSettings> & { readonly register?: boolean }): Promise<LibraryPhone>
  /** Closes the tabs, and what `settled` closes and judges. */
  cleared(): Promise<void>
}

/**
 * @param file another one in each file
 * @param write zones, routes and the rest of the configuration
 */
export const setStage = async (file: number, write: (ground: Ground, origin: string) => string = usualZones): Promise<Stage> => {
  const bundle = temporaryFolder(`e2e-38-${file}`)
  const pages = await serveLibraryPhones(bundle.path)
  const place = await layPlace(file, (ground) => write(ground, pages.origin), undefined, 38).catch(async (error) => {
    await pages.close()
    bundle.remove()
    throw error
  })
  const root = place.authority.certificate
  const browser = await startMediaBrowser({ folder: place.folder, root, name: NAME, address: place.wan(1) }, HZ.browser)
  const phones: LibraryPhone[] = []
  return {
    ...place,
    browser,
    origin: pages.origin,
    open: async (library, { register = true, ...settings } = {}) => {
      const url = `wss://${NAME}:${place.ports.wss}`
      const made = await openLibraryPhone(browser, pages.origin, HZ.browser, { library, url, uri: `sip:browser@${NAME}`, ...settings })
      phones.push(made)
      if (register) {
        await made.phone.do('register')
        await made.phone.event('registered')
      }
      return made
    },
    cleared: async () => {
      await Promise.all(phones.splice(0).map((one) => one.close()))
      await place.settled()
    },
    stop: async () => {
      await browser.close()
      await pages.close()
      await place.stop()
      bundle.remove()
    },
  }
}

/** The PBX's side of a call, with its ear. */
export interface AtPbx extends Listener {
  readonly call: SipCall
}

export const atPbx = (call: SipCall): AtPbx => ({ ...listener(call, HZ.pbx), call })

/** The browser calls, the PBX has the call and has not answered. */
export const calling = async (
  stage: Stage,
  page: LibraryPhone,
  pbx: Party,
  more: Readonly<Record<string, unknown>> = {},
): Promise<AtPbx> => {
  await page.phone.do('call', { target: `sip:echo@${stage.lan(20)}`, ...more })
  return atPbx(await pbx.incoming())
}

/** The PBX calls the browser by its binding. */
export const called = async (pbx: Party, more: Parameters<Party['call']>[1] = {}): Promise<AtPbx> => {
  const { contact, path } = await pbx.registered()
  return atPbx(await pbx.call(contact, { routes: path, ...more }))
}

/** A call that is up, whoever began it, and in which both hear each other. */
export const talking = async (who: 'browser' | 'PBX', stage: Stage, page: LibraryPhone, pbx: Party): Promise<AtPbx> => {
  const side = who === 'browser' ? await calling(stage, page, pbx) : await called(pbx)
  await Promise.all([who === 'browser' ? side.call.answer() : side.call.established(), page.phone.event('confirmed')])
  await hearEachOther(page, side)
  return side
}
