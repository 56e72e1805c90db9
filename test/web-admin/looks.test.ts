import { rmSync } from 'node:fs'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FakeEdge, SETUP_TOKEN, startFakeEdge } from './fake-edge.ts'
import { buildPages, type Look, openTab, screenshot, startChromium, type Tab } from './support.ts'
import { badDay, firstDay, ordinaryDay, type World } from './world.ts'

/** Each page opens, without a complaint, fits its screen, and has no serious fault for those who see, hear or move in other ways. */

const PAGES = [
  '/',
  '/calls',
  '/calls/past',
  '/calls/c1',
  '/calls/p3',
  '/zones',
  '/teams',
  '/teams/doctor',
  '/teams/setup',
  '/teams/setup/certificate',
  '/teams/setup/pbx',
  '/registrations',
  '/subscribers',
  '/phone',
  '/certificates',
  '/certificates/public',
  '/certificates/bought',
  '/certificates/+',
  '/security',
  '/configuration',
  '/configuration/effective',
  '/configuration/history',
  '/log',
  '/users',
  '/audit',
  '/account',
  '/nowhere',
] as const

let folder: string
let browser: Browser
let edge: FakeEdge

beforeAll(async () => {
  folder = await buildPages()
  edge = await startFakeEdge(folder)
  browser = await startChromium()
}, 90_000)

afterAll(async () => {
  await browser?.close()
  await edge?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What another look of the same page can get wrong; the first look is examined whole. */
const COLOURS = ['color-contrast', 'link-in-text-block']
const SCREEN = [...COLOURS, 'scrollable-region-focusable', 'target-size', 'meta-viewport']
const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']

const seriousFaults = async (page: Page, rules: readonly string[]): Promise<readonly string[]> => {
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source)
  const only = rules === EVERYTHING ? rules : { type: 'rule', values: rules }
  const run = `axe.run(document, { resultTypes: ["violations"], runOnly: ${JSON.stringify(only)} })`
  const { violations } = await page.evaluate<AxeResults>(run)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${failureSummary ?? ''}`).join('; ')}`)
}

const tooWide = (page: Page): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth')

const judge = async ({ page, complaints }: Tab, name: string, rules: readonly string[] = EVERYTHING): Promise<void> => {
  await screenshot(page, name)
  expect(await seriousFaults(page, rules)).toEqual([])
  expect(await tooWide(page)).toBeLessThanOrEqual(0)
  expect(complaints).toEqual([])
}

const nameOf = (path: string): string => (path === '/' ? 'overview' : path.slice(1).replaceAll('/', '-').replace('+', 'new'))

const LOOKS: readonly (readonly [name: string, world: () => World, look: Look, pages: readonly string[], rules: readonly string[]])[] = [
  ['light', ordinaryDay, {}, PAGES, EVERYTHING],
  ['dark', ordinaryDay, { dark: true }, PAGES, COLOURS],
  ['narrow', ordinaryDay, { width: 360, height: 740 }, PAGES, SCREEN],
  [
    'narrow-dark-bad',
    badDay,
    { width: 360, height: 740, dark: true },
    ['/', '/certificates', '/certificates/public', '/zones', '/teams'],
    EVERYTHING,
  ],
  ['bad', badDay, {}, ['/', '/certificates', '/certificates/public', '/certificates/tenant1', '/zones', '/teams'], EVERYTHING],
  ['empty', firstDay, {}, PAGES.filter((path) => !/c1|p3|public|bought/.test(path)), EVERYTHING],
  ['viewer', ordinaryDay, { role: 'viewer' }, PAGES, EVERYTHING],
]

describe.each(LOOKS)('%s', (name, world, look, pages, rules) => {
  let tab: Tab

  beforeAll(async () => {
    edge.world = world()
    tab = await openTab(browser, edge, look)
  })

  afterAll(() => tab?.close())

  test.each(pages)(
    '%s',
    async (path) => {
      await tab.goTo(path)
      await judge(tab, `${name}-${nameOf(path)}`, rules)
    },
    30_000,
  )
})

describe('dialogs and forms', () => {
  let tab: Tab

  beforeAll(async () => {
    edge.world = ordinaryDay()
    tab = await openTab(browser, edge)
  })

  afterAll(() => tab?.close())

  test('a message of a ladder, beside the one that it was made from', async () => {
    await tab.goTo('/calls/c1')
    await tab.page.click('.ladder-row >> nth=2')
    await tab.page.waitForSelector('dialog .besides')
    await judge(tab, 'dialog-message')
    await tab.page.keyboard.press('Escape')
  }, 30_000)

  test('revoking a certificate', async () => {
    await tab.goTo('/certificates/public')
    await tab.page.click('text=Revoke…')
    await judge(tab, 'dialog-revoke')
    await tab.page.keyboard.press('Escape')
  }, 30_000)

  test('the form of the configuration, with problems in the text', async () => {
    await tab.goTo('/configuration')
    await tab.page.fill('.editor-area', edge.world.config.replace('kind: trunk', 'kind: trnk').replace('on: web', 'on: webb'))
    await tab.page.click('.fold > summary:has-text("Zones")')
    await tab.page.click('.fold .fold > summary >> nth=0')
    await tab.page.waitForSelector('.code-problem')
    await tab.page.waitForSelector('.leaf .field-error')
    await judge(tab, 'configuration-problems')
    await tab.page.click('text=Difference')
    await tab.page.waitForSelector('.diff')
    await judge(tab, 'configuration-difference')
    await tab.page.click('text=Discard changes')
  }, 30_000)

  test('a wizard whose fields are wrong', async () => {
    await tab.goTo('/certificates/+')
    await tab.page.click('text=By a DNS record')
    await tab.page.click('button:has-text("Add it and place the order")')
    await tab.page.waitForSelector('.field-error')
    await judge(tab, 'wizard-wrong')
  }, 30_000)

  test('the doctor of Teams, in trouble', async () => {
    edge.world = badDay()
    await tab.goTo('/teams/doctor')
    await tab.page.click('text=Examine')
    await tab.page.waitForSelector('text=Examine again')
    await tab.page.click('.doctor-step summary >> nth=0')
    await judge(tab, 'doctor')
    edge.world = ordinaryDay()
  }, 30_000)

  test('the wizard for Teams, from the review on', async () => {
    await tab.goTo('/teams/setup/pbx')
    await tab.page.fill('textarea', '+4420794601xx')
    await tab.page.click('text=Continue')
    await tab.page.waitForSelector('.diff')
    await judge(tab, 'teams-setup-apply')
    await tab.page.click('text=Later')
    await tab.page.waitForSelector('.teams-lines')
    await judge(tab, 'teams-setup-microsoft')
    await tab.page.click('text=Continue')
    await tab.page.waitForSelector('text=The first call')
    await judge(tab, 'teams-setup-test')
  }, 30_000)

  test('adding a user, and the second factor', async () => {
    await tab.goTo('/users')
    await tab.page.click('text=Add a user…')
    await judge(tab, 'dialog-user')
    await tab.page.keyboard.press('Escape')
  }, 30_000)
})

describe('before anybody is in', () => {
  test.each([
    ['sign-in', '', false],
    ['setup', `#setup=${SETUP_TOKEN}`, true],
    ['setup-without-link', '', true],
  ])(
    '%s',
    async (name, hash, setup) => {
      edge.setup = setup
      for (const look of [{}, { dark: true, width: 360, height: 740 }]) {
        const tab = await openTab(browser, edge, { ...look, outside: true })
        await tab.page.goto(`${edge.origin}/${hash}`)
        await tab.page.waitForSelector('h1:not(:has-text("One moment"))')
        await judge(tab, `${'width' in look ? 'narrow-dark-' : ''}${name}`)
        await tab.close()
      }
      edge.setup = false
    },
    30_000,
  )
})
