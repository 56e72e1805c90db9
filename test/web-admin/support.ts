import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import type { Role } from '../../web-admin/src/api/types.ts'
import type { FakeEdge } from './fake-edge.ts'

/** Where pictures of the pages go; undefined: none are made, which saves a second for each. */
const SCREENSHOTS = process.env.EDGEWAYS_PAGE_PICTURES

/** Builds the pages, as `npm run build:admin` does, into a folder of their own. */
export const buildPages = async (): Promise<string> => {
  const outDir = mkdtempSync(join(tmpdir(), 'edgeways-pages-'))
  const root = join(import.meta.dirname, '..', '..', 'web-admin')
  // Else Vite takes the environment of the tests for one of development, and the pages are others than those that are shipped
  const before = process.env.NODE_ENV
  process.env.NODE_ENV = 'production'
  try {
    await build({ configFile: join(root, 'vite.config.ts'), root, logLevel: 'error', build: { outDir, emptyOutDir: true } })
  } finally {
    process.env.NODE_ENV = before
  }
  return outDir
}

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...[
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    ],
  })

export interface Look {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly role?: Role
  /** Nobody is signed in. */
  readonly outside?: boolean
  /** Its time can be moved on: `page.clock`. */
  readonly clock?: boolean
}

export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** What the console complained of, and what the policy refused. */
  readonly complaints: string[]
  goTo(path: string): Promise<void>
  close(): Promise<void>
}

const USERS: Readonly<Record<Role, string>> = { viewer: 'wall-display', operator: 'ben', admin: 'anna' }

/** Answers of the fake edge that are refusals, and sockets that nobody answers, are told in the console by the browser itself. */
const EXPECTED = /Failed to load resource|^WebSocket connection to/

export const openTab = async (browser: Browser, edge: FakeEdge, look: Look = {}): Promise<Tab> => {
  const { width = 1360, height = 900, dark = false, role = 'admin', outside = false, clock = false } = look
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    timezoneId: 'Europe/Berlin',
    acceptDownloads: true,
  })
  if (!outside) await context.addCookies([edge.session(USERS[role], role)])
  const page = await context.newPage()
  if (clock) await page.clock.install()
  const complaints: string[] = []
  page.on('console', (message) => {
    if ((message.type() === 'error' || message.type() === 'warning') && !EXPECTED.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return {
    page,
    context,
    complaints,
    goTo: async (path) => {
      await page.goto(`${edge.origin}/#${path}`)
      await page.waitForSelector('h1')
      await page.waitForSelector('.waiting', { state: 'detached' })
    },
    close: () => context.close(),
  }
}

export const screenshot = async (page: Page, name: string, fullPage = true): Promise<void> => {
  if (SCREENSHOTS === undefined) return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage, animations: 'disabled' })
}
