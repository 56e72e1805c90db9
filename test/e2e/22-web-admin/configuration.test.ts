import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openTab, type Place, picture, setUp, startPlace, type Tab } from './place.ts'

/** The configuration file of a first start, changed on its page while the edge runs. */

let place: Place
let tab: Tab
let first: string

beforeAll(async () => {
  place = await startPlace()
  first = onDisk()
  tab = await openTab(place)
  await setUp(place, tab, 'anna')
})

afterAll(() => place?.stop())

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

const onDisk = (): string => readFileSync(place.edge.configFile, 'utf8')
const editor = () => tab.field('The configuration, YAML')
const zones = async (): Promise<readonly string[]> =>
  (await place.ask('/api/state', { cookie: await tab.cookie() }))
    .json<{ readonly zones: readonly { readonly name: string }[] }>()
    .zones.map(({ name }) => name)

test('a wrong text has its problem at its line, and cannot be applied', async () => {
  await tab.goTo('/configuration')
  await tab.seen('Nothing is wrong with it')
  expect(await editor().inputValue()).toBe(first)
  await editor().fill(first.replace('kind: trunk', 'kind: trnk'))
  await tab.seen('1 error')
  expect(await tab.page.locator('.code-error').textContent()).toContain('kind: trnk')
  expect(await tab.button('Apply…').isDisabled()).toBe(true)
  const line = first.split('\n').findIndex((text) => text.includes('kind: trunk')) + 1
  expect(await tab.page.locator('.problems .line-link').first().textContent()).toContain(String(line))
  await tab.page.locator('.problems .line-link').first().click()
  await picture(tab.page, 'admin-configuration')
  // Whoever goes past the page is refused as well
  const { version } = (await place.ask('/api/config', { cookie: await tab.cookie() })).json<{ readonly version: string }>()
  const body = { text: first.replace('kind: trunk', 'kind: trnk'), version }
  const refused = await place.ask('/api/config', { method: 'PUT', cookie: await tab.cookie(), csrf: await tab.csrf(), body })
  expect(refused.status).toBe(422)
  expect(onDisk()).toBe(first)
})

test('a good change is applied by a reload, and every comment is kept', async () => {
  await tab.button('Discard changes').click()
  await tab.seen('Nothing is wrong with it')
  await tab.page.locator('.fold > summary', { hasText: 'Zones' }).click()
  await tab.field('Add one, called').fill('branch')
  await tab.button('Add').first().click()
  await expect.poll(() => editor().inputValue()).toContain('branch:')
  await editor().fill(
    (await editor().inputValue()).replace(/branch:.*/, "branch: { kind: phones, on: lan, admit: { networks: ['127.0.0.9'] } }   # ours"),
  )
  await tab.seen('1 warning')
  await tab.button(/What would change/).click()
  await tab.seen('zone added: branch')
  await tab.button('Apply…').click()
  await tab.button('Apply').click()
  await tab.seen('The configuration is in force')
  await expect.poll(zones).toContain('branch')
  const now = onDisk().split('\n')
  // Nothing is gone, and one line has come
  expect(first.split('\n').filter((line) => !now.includes(line))).toEqual([])
  expect(now.filter((line) => line.includes('branch'))).toEqual([expect.stringMatching(/# ours$/)])
})

test('what was before stands in the history, and is put back', async () => {
  await tab.page.getByRole('link', { name: 'History' }).click()
  const rows = tab.page.locator('tbody tr')
  await rows.first().waitFor()
  await rows.last().getByRole('button', { name: 'Look' }).click()
  await tab.page.locator('dialog .diff-line', { hasText: 'branch' }).waitFor()
  await tab.page.keyboard.press('Escape')
  await rows.last().getByRole('button', { name: 'Restore…' }).click()
  await tab.button('Restore').click()
  await tab.seen('The earlier version is in force again')
  await expect.poll(zones).not.toContain('branch')
  expect(onDisk()).toBe(first)
})

test('who did it is in the audit log', async () => {
  await tab.goTo('/audit')
  await tab.page.locator('tbody tr', { hasText: 'anna' }).first().waitFor()
})
