/** An edge, a browser, and what people do in it: imported by the tests that use the pages. Each test begins with an ordinary day. */
import { rmSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { type Asked, type FakeEdge, startFakeEdge } from './fake-edge.ts'
import { buildPages, type Look, openTab, startChromium, type Tab } from './support.ts'
import { ordinaryDay } from './world.ts'

let folder: string
export let browser: Browser
export let edge: FakeEdge
export let tab: Tab
export let page: Page

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

beforeEach(() => {
  edge.world = ordinaryDay()
  edge.asked.length = 0
  edge.reads.length = 0
  edge.fails.clear()
})

afterEach(async () => {
  const complaints = tab?.complaints ?? []
  await tab?.close()
  expect(complaints).toEqual([])
})

export const enter = async (path: string, look: Look = {}): Promise<void> => {
  tab = await openTab(browser, edge, look)
  page = tab.page
  page.setDefaultTimeout(8000)
  await tab.goTo(path)
}

export const outside = async (hash = ''): Promise<void> => {
  tab = await openTab(browser, edge, { outside: true })
  page = tab.page
  page.setDefaultTimeout(8000)
  await page.goto(`${edge.origin}/${hash}`)
}

/** What is asked for; waits until it is. */
export const asked = async (method: string, path: string): Promise<Asked> => {
  await expect.poll(() => edge.asked.find((one) => one.method === method && one.path === path), { timeout: 8000 }).toBeDefined()
  return edge.asked.find((one) => one.method === method && one.path === path)!
}

export const field = (label: string) => page.getByLabel(label, { exact: true })
export const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
export const seen = (text: string | RegExp) => page.getByText(text).first().waitFor()
export const focused = (): Promise<string> =>
  page.evaluate('document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent')
