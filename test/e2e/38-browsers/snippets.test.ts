import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PageServer, servePhone } from '../../support/browser.ts'
import { LIBRARIES, type Library } from '../../support/media/library-phone.ts'
import { temporaryFolder } from '../../support/places.ts'
import { HZ, NAME, usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { atPbx, type Stage, setStage } from './place.ts'
import { addUser } from './users.ts'

const root = join(import.meta.dirname, '..', '..', '..')

/** The page: three buttons, and a record of what it writes to the console. */
const BEFORE = `
const body = document.body ?? document.documentElement.appendChild(document.createElement('body'))
for (const id of ['call', 'answer', 'end']) body.append(Object.assign(document.createElement('button'), { id }))
`

/** The first code under the heading of that library, with the names of this place. */
const snippetOf = (library: Library, stage: Stage): string => {
  const text = readFileSync(join(root, 'docs', 'webrtc.md'), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(text.slice(text.indexOf(`## With ${library}`)))?.[1]
  if (code === undefined) throw new Error(`no code for ${library}`)
  const imports = code.split('\n').filter((line) => line.startsWith('import '))
  const rest = code.split('\n').filter((line) => !line.startsWith('import '))
  return [...imports, BEFORE, ...rest]
    .join('\n')
    .replace('wss://sbc.example.com', `wss://${NAME}:${stage.ports.wss}`)
    .replaceAll('sip:alice@sbc.example.com', `sip:alice@${NAME}`)
    .replaceAll('sip:echo@pbx.example.com', `sip:echo@${stage.lan(20)}`)
}

let stage: Stage
let pbx: Party
let page: Page | undefined
let served: PageServer | undefined

beforeAll(async () => {
  stage = await setStage(
    7,
    (ground) => `${usualZones(ground).replace('routes:\n', `routes:\n  - { host: ${NAME}, to: browsers }\n`)}registrar: {}\n`,
  )
  addUser(stage, 'alice', 'open sesame')
})

afterAll(() => stage?.stop())

beforeEach(async () => {
  pbx = await stage.pbx({ proxy: { address: stage.lan(1), port: stage.ports.sip } })
})

afterEach(async () => {
  await page?.context().close()
  await served?.close()
  await stage.cleared()
})

describe.each(LIBRARIES)('docs/webrtc.md: the page with %s', (library) => {
  it('registers, calls and is called', async () => {
    const folder = temporaryFolder('e2e-38-snippet')
    // The libraries are found from there, too
    symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'))
    const script = join(folder.path, 'snippet.js')
    writeFileSync(script, snippetOf(library, stage))
    served = await servePhone(folder.path, script)
    page = await (await stage.browser.newContext()).newPage()
    const said: string[] = []
    page.on('console', (message) => said.push(message.text()))
    const registered = page.waitForEvent('console', { predicate: (message) => /^registered$/i.test(message.text()) })
    await page.goto(served.origin)
    await registered
    await page.click('#call')
    const out = atPbx(await pbx.incoming())
    await out.call.answer()
    await out.hears(HZ.browser)
    await page.click('#end')
    await out.call.ended()
    const back = atPbx(await pbx.call(`sip:alice@${NAME}`))
    await back.call.arrives('180 INVITE')
    await page.click('#answer')
    await back.call.established()
    await back.call.bye()
    expect(said.filter((text) => /error|failed|not registered/i.test(text))).toEqual([])
    folder.remove()
  })
})
