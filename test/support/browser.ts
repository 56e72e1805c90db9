import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'

const phoneScript = join(import.meta.dirname, '..', 'e2e', '02-browser', 'page', 'phone.js')

export interface PageServer {
  readonly origin: string
  close(): Promise<void>
}

/** Bundles the test phone with JsSIP, or another script, and serves it. */
export const servePhone = async (folder: string, script = phoneScript): Promise<PageServer> => {
  const out = join(folder, 'page')
  await build({
    configFile: false,
    logLevel: 'error',
    root: join(script, '..'),
    build: {
      outDir: out,
      emptyOutDir: true,
      minify: false,
      lib: { entry: script, formats: ['iife'], name: 'phonePage', fileName: () => 'phone.js' },
    },
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const bundle = readFileSync(join(out, 'phone.js'))
  const server = createServer((request, response) => {
    if (request.url === '/phone.js') response.setHeader('content-type', 'text/javascript').end(bundle)
    else
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><meta charset="utf-8"><title>phone</title><script src="/phone.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Puts a root into the certificate database of a home folder, where Chromium looks for what its user trusts. */
const trust = (home: string, rootFile: string): void => {
  const database = join(home, '.pki', 'nssdb')
  mkdirSync(database, { recursive: true })
  for (const args of [
    ['-N', '--empty-password'],
    ['-A', '-n', 'edge', '-t', 'C,,', '-i', rootFile],
  ]) {
    const ran = spawnSync('certutil', ['-d', `sql:${database}`, ...args], { encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`certutil (package libnss3-tools): ${ran.error?.message ?? ran.stderr}`)
  }
}

export interface BrowserOptions {
  readonly folder: string
  /** PEM; Chromium trusts it as a user's own authority, and checks names and chains as it always does. */
  readonly root: string
  /** Name of the edge, and where it is. */
  readonly name: string
  readonly address: string
  /** WAV file that its microphones play, over and over. */
  readonly microphone?: string
}

export const startBrowser = (options: BrowserOptions): Promise<Browser> => {
  const home = join(options.folder, 'home')
  mkdirSync(home, { recursive: true })
  const rootFile = join(home, 'root.pem')
  writeFileSync(rootFile, options.root)
  trust(home, rootFile)
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    env: { ...(process.env as Record<string, string>), HOME: home },
    args: [
      ...[
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
      ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection'],
      ...(options.microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${options.microphone}`]),
      `--host-resolver-rules=MAP ${options.name} ${options.address}`,
    ],
  })
}

/** What crossed a page's WebSocket. */
export interface Frame {
  readonly direction: 'sent' | 'received'
  readonly text: string
}

/** One tab with the test phone. */
export class Phone {
  readonly page: Page
  readonly frames: Frame[] = []
  #seen = 0

  constructor(page: Page) {
    this.page = page
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => this.frames.push({ direction: 'sent', text: payload.toString() }))
      socket.on('framereceived', ({ payload }) => this.frames.push({ direction: 'received', text: payload.toString() }))
    })
  }

  /** Opens the page and connects. */
  static async open(
    browser: Browser,
    origin: string,
    settings: { readonly url: string; readonly uri: string; readonly register?: boolean },
  ): Promise<Phone> {
    const context = await browser.newContext()
    const phone = new Phone(await context.newPage())
    await phone.page.goto(origin)
    await phone.do('start', settings)
    return phone
  }

  /** Calls a function of `window.phone`. */
  async do(name: string, argument?: unknown): Promise<void> {
    await this.page.evaluate(`window.phone.${name}(${argument === undefined ? '' : JSON.stringify(argument)})`)
  }

  events(): Promise<readonly string[]> {
    return this.page.evaluate('window.phone.events')
  }

  /** The next event with this beginning that was not waited for yet. */
  async event(beginning: string, ms = 15_000): Promise<string> {
    const from = this.#seen
    const find = `window.phone.events.findIndex((name, i) => i >= ${from} && name.startsWith(${JSON.stringify(beginning)}))`
    try {
      await this.page.waitForFunction(`${find} >= 0`, undefined, { timeout: ms, polling: 20 })
    } catch (error) {
      throw new Error(`No ${beginning} within ${ms} ms; the phone saw ${JSON.stringify(await this.events())} from ${from}`, {
        cause: error,
      })
    }
    const index = Number(await this.page.evaluate(find))
    this.#seen = index + 1
    return (await this.events())[index] ?? ''
  }

  async close(): Promise<void> {
    await this.page.context().close()
  }
}
