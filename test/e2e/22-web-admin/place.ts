import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { firstRunConfig } from '../../../src/config/examples.ts'
import { startBrowser } from '../../support/browser.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { toneWav } from '../../support/media/wav.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Program, start } from '../../support/processes.ts'

const HOST = '127.0.0.1'
const PROJECT = join(import.meta.dirname, '..', '..', '..')
const IMAGES = join(PROJECT, 'docs', 'images')
/** Pictures of the pages are kept, for the documentation. */
const PICTURES = process.env.EDGEWAYS_SCREENSHOTS === '1'

export const PASSWORD = 'four words make one'

export interface Asked {
  readonly method?: string
  readonly cookie?: string
  readonly csrf?: string
  readonly body?: object
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
  json<T>(): T
}

/** The edge as a first start makes it, with a browser that trusts its development CA. */
export interface Place {
  readonly folder: string
  readonly edge: Edge
  readonly browser: Browser
  readonly origin: string
  /** What the start has printed for the first account. */
  readonly link: string
  readonly ports: Readonly<Record<'sip' | 'tls' | 'ws' | 'wss' | 'admin' | 'demo', number>>
  /** Without a browser, and with nothing but what is given. */
  ask(path: string, asked?: Asked): Promise<Answer>
  /** A telephone in a terminal that calls the demonstration PBX. */
  call(): Program
  stop(): Promise<void>
}

export interface PlaceOptions {
  /** Changes the configuration of a first start. */
  readonly change?: (config: string, ports: Place['ports']) => string
  readonly folder?: ReturnType<typeof temporaryFolder>
  /** With an rtpengine of its own, as at a first start. */
  readonly media?: boolean
  /** Hz of the tone that the browser's microphone hears. */
  readonly microphone?: number
  readonly environment?: Readonly<Record<string, string>>
}

export const startPlace = async ({
  change = (config) => config,
  environment = {},
  media = false,
  microphone,
  ...options
}: PlaceOptions = {}): Promise<Place> => {
  const folder = options.folder ?? temporaryFolder('web-admin')
  const port = () => freePort(HOST)
  const ports = { sip: await port(), tls: await port(), ws: await port(), wss: await port(), admin: await port(), demo: await port() }
  const initial = firstRunConfig({ ports })
  const config = change(initial.replace(/^media:\n(.*)$/m, media ? `media:\n  ports: ${mediaPorts()}\n$1` : 'media: off'), ports)
  const edge = await startEdge({ config, adminPort: ports.admin, folder: folder.path, environment })
  const { msg = '' } = await edge.logged((line) => line.msg?.startsWith('Web admin: ') === true, 'link')
  const link = /https:\S+/.exec(msg)?.[0] ?? ''
  const root = readFileSync(join(edge.dataFolder, 'development-ca.pem'), 'utf8')
  const tone = join(folder.path, 'microphone.wav')
  if (microphone !== undefined) writeFileSync(tone, toneWav(microphone))
  const browser = await startBrowser({
    folder: folder.path,
    root,
    name: 'localhost',
    address: HOST,
    ...(microphone !== undefined && { microphone: tone }),
  })
  return {
    folder: folder.path,
    edge,
    browser,
    origin: new URL(link).origin,
    link,
    ports,
    ask: (path, asked) => ask({ port: ports.admin, root }, path, asked),
    call: () =>
      start(join(PROJECT, 'node_modules', '.bin', 'node'), [join(PROJECT, 'src', 'main.ts'), 'call', '--config', edge.configFile], {
        cwd: PROJECT,
        environment: { EDGEWAYS_DATA: edge.dataFolder },
      }),
    stop: async () => {
      await browser.close()
      await edge.stop()
      folder.remove()
    },
  }
}

/** Two of these may run at a time, each with an rtpengine: other ports for each process, below the ephemeral ones. */
const mediaPorts = (): string => {
  const first = 30_000 + (process.pid % 13) * 200
  return `${first}-${first + 199}`
}

const ask = (
  { port, root }: { readonly port: number; readonly root: string },
  path: string,
  { method = 'GET', cookie, csrf, body }: Asked = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = {
      ...(cookie !== undefined && { cookie }),
      ...(csrf !== undefined && { 'x-csrf-token': csrf }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const options = { host: HOST, port, path, method, headers, ca: root, servername: 'localhost', agent: false }
    const sent = request(options, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const bytes = Buffer.concat(parts)
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          bytes,
          json: <T>() => JSON.parse(bytes.toString()) as T,
        })
      })
    })
    sent.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })

/** A person's tab: fields, buttons and texts by the names that people see. */
export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** What the console complained of, and what the policy for content refused. */
  readonly complaints: readonly string[]
  field(label: string): ReturnType<Page['getByLabel']>
  button(name: string | RegExp): ReturnType<Page['getByRole']>
  heading(name: string): Promise<void>
  /** Waits for a text. */
  seen(text: string | RegExp): Promise<void>
  goTo(path: string): Promise<void>
  signIn(user: string): Promise<void>
  /** `name=value` of its session. */
  cookie(): Promise<string>
  csrf(): Promise<string>
  close(): Promise<void>
}

export interface Look {
  readonly dark?: boolean
  readonly width?: number
  readonly height?: number
}

export const openTab = async (place: Place, { dark = false, width = 1280, height = 800 }: Look = {}): Promise<Tab> => {
  const context = await place.browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    acceptDownloads: true,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    // The browser itself tells each refusal of the API
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  const field: Tab['field'] = (label) => page.getByLabel(label, { exact: true })
  const button: Tab['button'] = (name) => page.getByRole('button', { name, exact: typeof name === 'string' })
  const heading = (name: string): Promise<void> => page.getByRole('heading', { name, exact: true, level: 1 }).waitFor()
  const cookie = async (): Promise<string> => {
    const found = (await context.cookies()).find(({ name }) => name === '__Host-edgeways')
    return `${found?.name}=${found?.value}`
  }
  return {
    page,
    context,
    complaints,
    field,
    button,
    heading,
    seen: (text) => page.getByText(text).first().waitFor(),
    goTo: async (path) => {
      await page.goto(`${place.origin}/#${path}`)
      await page.locator('h1').waitFor()
      await page.locator('.waiting').first().waitFor({ state: 'detached' })
    },
    signIn: async (user) => {
      await page.goto(place.origin)
      await field('User').fill(user)
      await field('Password').fill(PASSWORD)
      await button('Sign in').click()
      await heading('Overview')
    },
    cookie,
    csrf: async () => (await place.ask('/api/session', { cookie: await cookie() })).json<{ readonly csrf: string }>().csrf,
    close: () => context.close(),
  }
}

/** The first account, by the link that was printed. */
export const setUp = async (place: Place, tab: Tab, user: string): Promise<void> => {
  await tab.page.goto(place.link)
  await tab.field('User name').fill(user)
  await tab.field('Password').fill(PASSWORD)
  await tab.field('Password again').fill(PASSWORD)
  await tab.button('Make the account').click()
  await tab.heading('Overview')
}

/** Of the page as it stands, for those who see, hear or move in other ways. */
export const seriousFaults = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe.source)
  const run = 'axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] })'
  const { violations } = await page.evaluate<AxeResults>(run)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${failureSummary ?? ''}`).join('; ')}`)
}

/** Into docs/images, when EDGEWAYS_SCREENSHOTS is 1. */
export const picture = async (page: Page, name: string, fullPage = true): Promise<void> => {
  if (!PICTURES) return
  mkdirSync(IMAGES, { recursive: true })
  // Where the test keeps its files is of no interest, and what it has done just before
  await page.evaluate('for (const one of document.querySelectorAll(".page-lead > code, .toasts")) one.style.visibility = "hidden"')
  await page.screenshot({ path: join(IMAGES, `${name}.png`), fullPage, animations: 'disabled' })
}
