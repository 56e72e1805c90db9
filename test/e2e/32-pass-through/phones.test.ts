import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PageServer } from '../../support/browser.ts'
import { startMediaBrowser } from '../../support/media/browser-media.ts'
import { LIBRARIES, type LibraryPhone, openLibraryPhone, serveLibraryPhones } from '../../support/media/library-phone.ts'
import { openSipEndpoint, type SipEndpoint } from '../../support/media/sip-endpoint.ts'
import { temporaryFolder } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { headerOf } from '../../support/wire.ts'
import { PASSWORD } from './registrar.ts'
import { HOST, NAME, type Site, startSite } from './site.ts'

const HZ = 440

let bundle: { readonly path: string; remove(): void }
let site: Site
let pages: PageServer
let browser: Browser
let caller: SipEndpoint

beforeAll(async () => {
  bundle = temporaryFolder('e2e-32-pages')
  pages = await serveLibraryPhones(bundle.path)
  site = await startSite('plain', { origin: pages.origin, clients: ', lost-connection: { registration: 1s }' })
  browser = await startMediaBrowser({ folder: site.folder, root: site.root, name: NAME, address: HOST }, HZ)
  caller = await openSipEndpoint({ name: 'caller', transport: 'udp', address: HOST })
})

afterAll(async () => {
  await browser?.close()
  await pages?.close()
  await caller?.close()
  await site?.stop()
  bundle?.remove()
})

test.each(LIBRARIES)(
  '%s before a PBX without Path: registers, comes again when it is told so, is reached, and is gone with its tab',
  async (library) => {
    const user = library.replace('.', '').toLowerCase()
    const { registrar } = site
    const phone: LibraryPhone = await openLibraryPhone(browser, pages.origin, HZ, {
      library,
      url: `wss://${NAME}:${site.wss}`,
      uri: `sip:${user}@${HOST}:${registrar.port}`,
      user,
      password: PASSWORD,
    })
    await phone.phone.do('register')
    await phone.phone.event('registered')
    // The first of the two shows the edge what its registrar knows; a library finds its own Contact in each answer, or it would complain
    await until(() => registrar.kept(user)?.contact.includes(';ewc=') || undefined, `a Contact of ours for ${library}`, 20_000)
    const answer = await caller.send('OPTIONS', `sip:${user}@${HOST}:${registrar.port}`)
    expect(answer.status).toBe(200)
    expect(headerOf(answer, 'allow')).toContain('INVITE')
    await until(() => registrar.kept(user)?.count === 1 || undefined, `one Contact of ${library}`)
    await phone.close()
    await until(() => registrar.kept(user)?.count === 0 || undefined, `the end of ${library}`)
    expect(caller.problems).toEqual([])
  },
)
