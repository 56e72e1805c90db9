import { rmSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Asked, type FakeEdge, PASSWORD, SETUP_TOKEN, startFakeEdge } from './fake-edge.ts'
import { buildPages, type Look, openTab, startChromium, type Tab } from './support.ts'
import { CONFIG, iso, ordinaryDay, runningOrder } from './world.ts'

/** What people do on the pages, and what the API gets to hear of it. */

let folder: string
let browser: Browser
let edge: FakeEdge
let tab: Tab
let page: Page

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
  edge.fails.clear()
})

afterEach(async () => {
  const complaints = tab?.complaints ?? []
  await tab?.close()
  expect(complaints).toEqual([])
})

const enter = async (path: string, look: Look = {}): Promise<void> => {
  tab = await openTab(browser, edge, look)
  page = tab.page
  page.setDefaultTimeout(8000)
  await tab.goTo(path)
}

const outside = async (hash = ''): Promise<void> => {
  tab = await openTab(browser, edge, { outside: true })
  page = tab.page
  page.setDefaultTimeout(8000)
  await page.goto(`${edge.origin}/${hash}`)
}

/** What is asked for; waits until it is. */
const asked = async (method: string, path: string): Promise<Asked> => {
  await expect.poll(() => edge.asked.find((one) => one.method === method && one.path === path), { timeout: 8000 }).toBeDefined()
  return edge.asked.find((one) => one.method === method && one.path === path)!
}

const field = (label: string) => page.getByLabel(label, { exact: true })
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const seen = (text: string | RegExp) => page.getByText(text).first().waitFor()
const focused = (): Promise<string> =>
  page.evaluate('document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent')

describe('signing in', { timeout: 30_000 }, () => {
  test('a wrong password is said, and the password is where one goes on', async () => {
    await outside()
    await field('User').fill('ben')
    await field('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await seen('User name or password is wrong')
    expect(await page.evaluate('document.activeElement.name')).toBe('password')
    await field('Password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
  })

  test('who has a second factor is asked for its code', async () => {
    await outside()
    await field('User').fill('anna')
    await field('Password').fill(PASSWORD)
    await button('Sign in').click()
    await field('Code').fill('000000')
    await page.keyboard.press('Enter')
    await seen('The code is wrong')
    await field('Code').fill('123456')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
  })

  test('the one-time link makes the first account, and goes out of the address', async () => {
    edge.setup = true
    await outside(`#setup=${SETUP_TOKEN}`)
    await field('User name').fill('root-of-all')
    await field('Password').fill('short')
    await field('Password again').fill('shorter')
    await button('Make the account').click()
    await seen('The two passwords differ')
    await field('Password again').fill('short')
    await button('Make the account').click()
    await seen('A password has at least 12 characters')
    expect(await field('Password').getAttribute('aria-invalid')).toBe('true')
    await field('Password').fill(PASSWORD)
    await field('Password again').fill(PASSWORD)
    await button('Make the account').click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(page.url()).not.toContain(SETUP_TOKEN)
    expect(edge.asked.at(-1)).toEqual({
      method: 'POST',
      path: '/setup',
      body: { token: SETUP_TOKEN, user: 'root-of-all', password: PASSWORD },
    })
  })

  test('the one-time link of an edge that has accounts leads to the door', async () => {
    await outside(`#setup=${SETUP_TOKEN}`)
    await seen('The one-time link has been used')
    await field('User').fill('ben')
    await field('Password').fill(PASSWORD)
    await button('Sign in').click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(page.url()).not.toContain(SETUP_TOKEN)
  })

  test('a session that ends leads to the door, and back to the same page', async () => {
    await enter('/zones', { role: 'operator' })
    edge.signOutAll()
    await button('Drain').first().click()
    await seen('Your session has ended')
    await field('User').fill('ben')
    await field('Password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Zones and targets' }).waitFor()
  })

  test('signing out leaves nothing to see', async () => {
    await enter('/users')
    await button('Sign out').click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await page.content()).not.toContain('wall-display')
  })
})

describe('roles', { timeout: 60_000 }, () => {
  const ALLOWED = /^(?:Skip to the page|Menu|Colours|Sign out|Mask names|Try|Dismiss|Change the password|Turn the second factor|Copy|Older)/
  const LISTS = [
    '/',
    '/calls',
    '/calls/past',
    '/calls/c1',
    '/zones',
    '/registrations',
    '/certificates',
    '/certificates/public',
    '/certificates/bought',
    '/security',
    '/account',
  ]

  test('a viewer has no button that would be refused, and no page either', async () => {
    await enter('/', { role: 'viewer' })
    expect(await page.locator('.nav a').allTextContents()).toEqual([
      ...['Overview', 'Calls3', 'Zones', 'Registrations', 'Certificates', 'Security'],
    ])
    for (const path of LISTS) {
      await tab.goTo(path)
      const names: string[] = await page.evaluate(
        '[...document.querySelectorAll("button:not(.sort)")].map((one) => one.getAttribute("aria-label") ?? one.textContent)',
      )
      expect(names.filter((name) => !ALLOWED.test(name))).toEqual([])
    }
    for (const path of ['/configuration', '/log', '/users', '/audit', '/certificates/+']) {
      await tab.goTo(path)
      await seen(/This page needs the role (?:operator|admin)/)
    }
    expect(edge.asked).toEqual([])
  })

  test('an operator drains, renews, reads messages, and tries configurations without applying them', async () => {
    await enter('/zones', { role: 'operator' })
    await button('Drain').first().click()
    expect((await asked('POST', `/zones/pbx/targets/${encodeURIComponent('sip:10.0.0.20:5060;transport=udp')}/drain`)).body).toEqual({
      drain: true,
    })
    await seen('gets no new calls')
    await tab.goTo('/certificates/public')
    await button('Renew now').click()
    await asked('POST', '/certificates/public/renew')
    expect(await button('Revoke…').count()).toBe(0)
    await tab.goTo('/calls/c1')
    await page.locator('.ladder-row').first().waitFor()
    await tab.goTo('/configuration')
    await seen('Applying needs the role admin')
    expect(await button('Apply…').count()).toBe(0)
    await tab.goTo('/users')
    await seen('This page needs the role admin')
  })
})

describe('what happens at the edge is on the page', { timeout: 30_000 }, () => {
  test('a new state, as it comes', async () => {
    await enter('/')
    await seen('Everything is well')
    const { state } = edge.world
    edge.publish('state', { ...state, listeners: state.listeners.map((listener) => ({ ...listener, open: listener.name !== 'web/wss' })) })
    await seen('Listener web/wss is not open on 10.0.0.5:443')
    edge.publish('state', state)
    await seen('Everything is well')
  })

  test('rates, once there are two readings', async () => {
    await enter('/', { clock: true })
    expect(await page.getByText('Messages received').count()).toBe(0)
    await page.clock.fastForward(5000)
    const { state } = edge.world
    edge.publish('state', { ...state, counters: { ...state.counters!, messages: state.counters!.messages + 5000 } })
    await seen('Messages received')
    expect(await page.locator('.figure:has-text("Messages received") .figure-value').textContent()).toMatch(/^\d[\d\u2009]*\/s$/)
  })

  test('an order, step by step', async () => {
    await enter('/certificates/public')
    const running = runningOrder()
    edge.publish('certificates', { certificates: [running, ...edge.world.certificates.slice(1)] })
    await seen('Waiting for the CA to look at it')
    expect(await page.locator('.stage-running').textContent()).toContain('Prove control of the names')
    expect(await page.locator('.stage-waiting').count()).toBe(2)
    expect(await button('Renew now').isDisabled()).toBe(true)
    const steps = [...running.order!.steps, { at: 'failed' as const, text: 'The CA could not connect to port 80', time: Date.now() }]
    edge.publish('certificates', { ...running, order: { running: false, steps } })
    await seen('The last order failed')
    expect(await page.locator('.stage-failed').textContent()).toContain('The CA could not connect to port 80')
  })

  test('calls come and go', async () => {
    await enter('/calls')
    expect(await page.locator('tbody tr').count()).toBe(3)
    edge.publish('calls', { calls: edge.world.calls.slice(0, 1), total: 1 })
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
    edge.publish('calls', { calls: [], total: 0 })
    await seen('No calls at the moment')
  })

  test('what only changes with the rest is read again when the rest changes, and not for nobody', async () => {
    await enter('/calls/past', { clock: true })
    const reads = (): number => edge.reads.filter((path) => path === '/calls/past').length
    await page.clock.fastForward(2000)
    const { calls } = edge.world
    edge.publish('calls', { calls, total: 3 })
    await page.clock.fastForward(2000)
    const before = reads()
    edge.publish('calls', { calls, total: 3 })
    edge.publish('calls', { calls, total: 3 })
    await page.clock.fastForward(3000)
    expect(reads()).toBe(before)
    edge.publish('calls', { calls: calls.slice(1), total: 2 })
    await page.clock.fastForward(2000)
    await expect.poll(reads).toBe(before + 1)
    // Nobody has touched anything for a long time: the session may end
    await page.clock.fastForward(6 * 60_000)
    edge.publish('calls', { calls: [], total: 0 })
    await page.clock.fastForward(2000)
    expect(reads()).toBe(before + 1)
    await page.keyboard.press('Shift')
    await expect.poll(reads).toBe(before + 2)
  })

  test('the log comes while somebody reads it, and waits while it is paused', async () => {
    await enter('/log', { clock: true })
    await expect.poll(() => edge.streams()).toEqual(['state,certificates,calls,config,audit,log'])
    edge.publish('log', { time: iso(0), level: 'warn', msg: 'Something odd', zone: 'pbx' })
    await seen('Something odd')
    edge.publish('log', { time: iso(0), level: 'debug', msg: 'Too small to see' })
    await button('Pause').click()
    edge.publish('log', { lines: [{ time: iso(0), level: 'error', msg: 'While paused' }] })
    await page.clock.fastForward(1000)
    expect(await page.getByText('While paused').count()).toBe(0)
    await button('Go on').click()
    await seen('While paused')
    expect(await page.getByText('Too small to see').count()).toBe(0)
    await field('Show').selectOption('trace')
    await seen('Too small to see')
    await field('Search the log').fill('odd zone=pbx')
    await expect.poll(() => page.locator('.log-line').count()).toBe(1)
    await field('The edge writes').selectOption('debug')
    expect((await asked('PUT', '/log-level')).body).toEqual({ level: 'debug' })
    await tab.goTo('/')
    await expect.poll(() => edge.streams()).toEqual(['state,certificates,calls,config,audit'])
  })

  test('when the connection breaks it is said, and made up for afterwards', async () => {
    await enter('/zones')
    edge.interrupt()
    await seen('No connection to the edge')
    edge.world.state = { ...edge.world.state, zones: edge.world.state.zones.slice(0, 1) }
    edge.resume()
    await button('Try now').click()
    await expect.poll(() => page.getByText('No connection to the edge').count()).toBe(0)
    await expect.poll(() => page.getByRole('heading', { name: 'teams' }).count()).toBe(0)
  })

  test('an answer that fails says why, and can be asked for again', async () => {
    edge.fails.set('GET /registrations', {
      status: 500,
      body: { code: 'internal', message: 'Something went wrong inside; the log has it' },
    })
    await enter('/registrations')
    await seen('Something went wrong inside; the log has it')
    edge.fails.clear()
    await button('Try again').click()
    await seen('sip:anna@7d8f3k2.invalid')
  })

  test('a command that fails says why, and the button can be pressed again', async () => {
    edge.fails.set('POST /media/nodes/local/drain', {
      status: 404,
      body: { code: 'unknown-node', message: 'There is no rtpengine of that name' },
    })
    await enter('/zones')
    await button('Drain').last().click()
    await seen('There is no rtpengine of that name')
    expect(await button('Drain').last().isEnabled()).toBe(true)
  })
})

describe('certificates', { timeout: 30_000 }, () => {
  test('one is ordered: the wizard asks for what is missing, and one sees the order run', async () => {
    await enter('/certificates')
    await page.getByRole('link', { name: 'Add a certificate' }).click()
    await button('Add it and place the order').click()
    await seen('Something is missing or wrong')
    expect(await page.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true')
    await field('Name in the configuration').fill('tenants')
    await field('Host names').fill('*.example.com')
    await field('Mail address').fill('ops@example.com')
    await seen('is a wildcard, which needs a DNS record')
    await page.getByText('By a DNS record (DNS-01)').click()
    await field('Who keeps the DNS zone').selectOption('hetzner')
    await field('File with an API token').fill('/run/secrets/dns')
    expect(await page.locator('.text-box').textContent()).toContain('names: [ "*.example.com" ]')
    await button('Add it and place the order').click()
    expect((await asked('POST', '/certificates')).body).toEqual({
      name: 'tenants',
      source: 'acme',
      acme: { email: 'ops@example.com', challenge: 'dns-01', dns: { provider: 'hetzner', 'token-file': '/run/secrets/dns' } },
      names: ['*.example.com'],
    })
    await page.getByRole('heading', { name: 'tenants' }).waitFor()
    await seen('Waiting for the CA to look at it')
  })

  test('a configuration that refuses it says why', async () => {
    await enter('/certificates/+')
    await page.getByText('From the development CA').click()
    await field('Name in the configuration').fill('refused')
    await button('Add it').click()
    await seen('No listener may have it')
    await seen('Choose another name')
  })

  test('a request is made, shown and downloaded', async () => {
    await enter('/certificates/+')
    await page.getByText('Make a request for a CA (CSR)').click()
    await field('Name in the configuration').fill('bought2')
    await field('Host names').fill('voice.example.org')
    await button('Add it and make the request').click()
    expect((await asked('POST', '/certificates/bought2/request')).body).toEqual({ hosts: ['voice.example.org'], keyType: 'rsa2048' })
    await seen('BEGIN CERTIFICATE REQUEST')
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).click()
    expect((await download).suggestedFilename()).toBe('bought2.csr')
  })

  test('an upload: files are sorted, a bad one is refused with the reason, a good one is in force', async () => {
    edge.world.certificates = edge.world.certificates.map((one) => ({
      ...one,
      next: { what: 'replace' as const, text: 'Upload another one' },
    }))
    await enter('/certificates/bought')
    await button('Upload…').click()
    const pem = (label: string, body: string): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
    expect(await button('Check and put in force').isDisabled()).toBe(true)
    await field('Files').setInputFiles([
      { name: 'key.pem', mimeType: 'text/plain', buffer: Buffer.from(pem('ENCRYPTED PRIVATE KEY', 'bad0')) },
      { name: 'sbc.crt', mimeType: 'text/plain', buffer: Buffer.from(pem('CERTIFICATE', 'QQ==')) },
    ])
    await seen('key.pem: an encrypted key')
    await field('Password of the key').fill('secret')
    await button('Check and put in force').click()
    await page.getByRole('dialog').getByText('The key belongs to another certificate').waitFor()
    await field('Files').setInputFiles([{ name: 'sbc.p12', mimeType: 'application/x-pkcs12', buffer: Buffer.from([0x30, 1, 2]) }])
    await button('Check and put in force').click()
    await seen('The new certificate is in force')
    expect(edge.asked.at(-1)).toEqual({ method: 'POST', path: '/certificates/bought/upload', body: { pkcs12: 'MAEC', password: 'secret' } })
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  test('revoking wants the name to be typed', async () => {
    await enter('/certificates/public')
    await button('Revoke…').click()
    await field('Reason').selectOption('1')
    expect(await button('Revoke').isDisabled()).toBe(true)
    await field('Type public to confirm').fill('public')
    await button('Revoke').click()
    expect((await asked('POST', '/certificates/public/revoke')).body).toEqual({ reason: 1 })
  })

  test('an earlier version comes back', async () => {
    await enter('/certificates/public')
    await button('Restore…').nth(1).click()
    await button('Restore').click()
    expect((await asked('POST', '/certificates/public/restore')).body).toEqual({ id: 'h1' })
  })

  test('the chain is shown and can be downloaded', async () => {
    await enter('/certificates/public')
    await seen('signed by ISRG Root X1')
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Chain' }).click()
    expect((await download).suggestedFilename()).toBe('public.pem')
  })
})

describe('calls', { timeout: 30_000 }, () => {
  test('a ladder: rewritten headers are marked, a message stands beside its origin, the next one is a key away', async () => {
    await enter('/calls')
    await page.getByRole('link', { name: '7c1fa03e5d' }).click()
    await page.locator('.ladder-row').first().waitFor()
    expect(await page.locator('.ladder-row').count()).toBe(11)
    expect(await page.locator('.ladder-row').nth(2).textContent()).toContain('5 headers rewritten')
    await page.locator('.ladder-row').nth(2).focus()
    await page.keyboard.press('Enter')
    await seen('Rewritten:')
    expect(await page.locator('dialog del').allTextContents()).toContain('INVITE sip:100@sbc.example.com SIP/2.0')
    expect(await page.locator('dialog ins').allTextContents()).toContain('Record-Route: <sip:10.0.0.5:5060;lr;r2=on;k=a81>')
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByRole('heading', { name: '100 Trying' }).waitFor()
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(await page.evaluate('document.activeElement.className')).toBe('ladder-row')
  })

  test('names and numbers can be masked; text and capture can be had', async () => {
    await enter('/calls/c1')
    await page.locator('.ladder-row').first().waitFor()
    expect(await page.getByRole('link', { name: 'Capture (pcap)' }).getAttribute('href')).toBe('api/calls/c1/ladder.pcap')
    await page.getByText('Mask names and numbers').click()
    expect(await page.getByRole('link', { name: 'Text' }).getAttribute('href')).toBe('api/calls/c1/ladder.txt?redact=true')
    await page.locator('.ladder-row').first().click()
    await expect.poll(() => page.getByRole('dialog').textContent()).toContain('***')
    expect(await page.getByRole('dialog').textContent()).not.toContain('anna')
  })

  test('a past call tells of its media; one that nobody knows says so', async () => {
    await enter('/calls/past')
    await page.getByRole('link', { name: /^p3-/ }).click()
    await seen('Sound went one way only')
    await tab.goTo('/calls/none')
    await seen('This call is not known any more')
  })
})

describe('the configuration', { timeout: 40_000 }, () => {
  const editor = () => page.getByLabel('The configuration, YAML')
  const text = (): Promise<string> => editor().inputValue()

  test('is checked as it is typed, and each problem leads to its line', async () => {
    await enter('/configuration')
    await seen('Nothing is wrong with it')
    await editor().fill(CONFIG.replace('kind: trunk', 'kind: trnk'))
    await seen('1 error')
    expect(await page.locator('.code-error').textContent()).toContain('Must be one of trunk, teams, webrtc, phones')
    expect(await button('Apply…').isDisabled()).toBe(true)
    await page.locator('.problems .line-link').first().click()
    expect(
      await page.evaluate(
        'getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)',
      ),
    ).toBe('    kind: trnk')
  })

  test('the form changes the text, and keeps its comments', async () => {
    await enter('/configuration')
    await field('Public address').fill('203.0.113.9')
    await field('Public address').press('Enter')
    await expect.poll(text).toBe(CONFIG.replace('203.0.113.5 ', '203.0.113.9 '))
    await page.locator('.fold > summary', { hasText: 'Limits' }).click()
    await field('Idle').fill('10m')
    await field('Idle').blur()
    await expect.poll(text).toContain('\nlimits:\n  idle: 10m\n')
    await page.locator('.fold > summary', { hasText: 'Zones' }).click()
    await page.locator('.fold .fold > summary').first().click()
    await page.locator('.fold > summary', { hasText: 'Targets' }).click()
    await page.locator('.fold:has(> summary:has-text("Targets")) > .fold-body > button').click()
    await expect.poll(text).toContain('priority: 2 }\n      - sip:10.0.0.20:5060;transport=udp\n')
    await button('Undo').click()
    await button('Undo').click()
    await button('Undo').click()
    await expect.poll(text).toBe(CONFIG)
  })

  test('a new zone by name, and the check that tells what it needs', async () => {
    await enter('/configuration')
    await page.locator('.fold > summary', { hasText: 'Zones' }).click()
    await field('Add one, called').fill('phones')
    await button('Add').click()
    await expect.poll(text).toContain('  phones: { kind: trunk, on: lan }\n')
    await page.locator('.fold .fold > summary', { hasText: 'phones' }).click()
    await page.getByLabel('Kind').selectOption('phones')
    await expect.poll(text).toContain('  phones: { kind: phones, on: lan }\n')
    await button('Remove phones').click()
    await expect.poll(text).toBe(CONFIG)
  })

  test('applying shows what changes, sends the text with its version, and begins anew', async () => {
    await enter('/configuration')
    const changed = CONFIG.replace('priority: 2', 'priority: 3')
    await editor().fill(changed)
    await button(/What would change/).click()
    await seen('log level changed: info to debug')
    await button('Difference').click()
    await page.locator('.diff-new', { hasText: 'priority: 3' }).waitFor()
    await button('Apply…').click()
    await button('Apply').click()
    expect((await asked('PUT', '/config')).body).toEqual({ text: changed, version: expect.stringMatching(/^v\d+$/) })
    await seen('The configuration is in force')
    await expect.poll(() => button('Apply…').isDisabled()).toBe(true)
    expect(await page.getByRole('link', { name: 'Edit', exact: true }).count()).toBe(1)
  })

  test('work that is not applied survives other pages', async () => {
    await enter('/configuration')
    await editor().fill(`${CONFIG}# mine\n`)
    await page.getByRole('link', { name: 'Calls' }).click()
    await page.getByRole('heading', { name: 'Calls' }).waitFor()
    await page.getByRole('link', { name: 'Configuration' }).click()
    expect(await text()).toContain('# mine')
    await seen('Edit (not applied)')
  })

  test('somebody else writes the file meanwhile: it is said, and one may choose', async () => {
    await enter('/configuration')
    await editor().fill(`${CONFIG}# mine\n`)
    await expect.poll(() => button('Apply…').isEnabled()).toBe(true)
    const other = await openTab(browser, edge)
    await other.goTo('/configuration')
    await other.page.getByLabel('The configuration, YAML').fill(`${CONFIG}# theirs\n`)
    await other.page.getByRole('button', { name: 'Apply…' }).click()
    await other.page.getByRole('button', { name: 'Apply', exact: true }).click()
    await other.page.getByText('The configuration is in force').waitFor()
    await other.close()
    await seen('The file has changed on disk since you began')
    expect(await text()).toContain('# mine')
    expect(await button('Apply…').isDisabled()).toBe(true)
    await button('Look').click()
    await page.locator('.diff-new', { hasText: '# theirs' }).waitFor()
    await button('Keep mine').click()
    await expect.poll(() => button('Apply…').isEnabled()).toBe(true)
    edge.asked.length = 0
    await button('Apply…').click()
    await button('Apply').click()
    expect((await asked('PUT', '/config')).body).toMatchObject({ text: `${CONFIG}# mine\n` })
    await seen('The configuration is in force')
  })

  test('an earlier version: what differs, and back to it', async () => {
    await enter('/configuration/history')
    await button('Look').first().click()
    await page.locator('dialog .diff-new', { hasText: 'priority: 1' }).waitFor()
    await page.keyboard.press('Escape')
    await button('Restore…').nth(1).click()
    await button('Restore').click()
    await asked('POST', '/config/history/v2/restore')
    await seen('The earlier version is in force again')
  })

  test('a text that the form cannot follow is left to the text', async () => {
    await enter('/configuration')
    await editor().fill('a: [ 1\n')
    await seen('The form cannot follow this text')
  })
})

describe('accounts', { timeout: 30_000 }, () => {
  test('a user is added; a weak password is refused in the dialog', async () => {
    await enter('/users')
    await button('Add a user…').click()
    await field('Name').fill('carla')
    await field('Role').selectOption('operator')
    await field('First password').fill('short')
    await button('Add').click()
    await page.getByRole('dialog').getByText('A password has at least 12 characters').waitFor()
    await field('First password').fill(PASSWORD)
    await button('Add').click()
    await page.getByRole('cell', { name: 'carla', exact: true }).waitFor()
  })

  test('a token is shown once', async () => {
    await enter('/users')
    await button('Make a token…').click()
    await field('Name').fill('deploy')
    await field('Good for').selectOption('30')
    await button('Make it').click()
    await seen('ew_1f9a7c2e5b')
    expect((await asked('POST', '/tokens')).body).toEqual({ name: 'deploy', role: 'viewer', days: 30 })
    await button('Done').click()
    expect(await page.content()).not.toContain('ew_1f9a7c2e5b')
  })

  test('a second factor: password, QR code, and a code that is right', async () => {
    await enter('/account', { role: 'operator' })
    await button('Turn the second factor on…').click()
    await field('Your password').fill(PASSWORD)
    await button('Go on').click()
    await page.getByRole('img', { name: 'QR code for the authenticator app' }).waitFor()
    await field('The code that it shows').fill('999999')
    await button('Turn it on').click()
    await seen('The code is wrong')
    await field('The code that it shows').fill('123456')
    await button('Turn it on').click()
    await seen('The second factor is on')
  })

  test('the password changes with the one of now', async () => {
    await enter('/account')
    await button('Change the password…').click()
    await field('Password of now').fill('wrong')
    await field('New password').fill(`${PASSWORD}!`)
    await field('New password again').fill(`${PASSWORD}!`)
    await button('Change').click()
    await seen('The password is wrong')
    await field('Password of now').fill(PASSWORD)
    await button('Change').click()
    await seen('The password is changed')
  })
})

describe('the keyboard', { timeout: 30_000 }, () => {
  test('the first stop leads past the navigation; a page that was gone to is read from its title on', async () => {
    await enter('/')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to the page')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.tagName')).toBe('MAIN')
    await page.getByRole('link', { name: 'Zones' }).first().press('Enter')
    await page.getByRole('heading', { name: 'Zones and targets' }).waitFor()
    await expect.poll(focused).toBe('page-title')
  })

  test('every stop can be seen, and they come in the order of the page', async () => {
    await enter('/certificates')
    const stops: string[] = []
    for (let press = 0; press < 30; press++) {
      await page.keyboard.press('Tab')
      const [name, outline, top] = (await page.evaluate(`(() => {
        const one = document.activeElement
        const { outlineStyle, outlineWidth } = getComputedStyle(one)
        return [one.textContent || one.getAttribute('aria-label'), outlineStyle === 'none' ? '' : outlineWidth, one.tagName]
      })()`)) as [string, string, string]
      if (top === 'BODY') break
      expect([name, outline]).toEqual([name, '2px'])
      stops.push(name)
    }
    const order = [
      'Skip to the page',
      'Edgeways',
      'Overview',
      'Calls3',
      'Certificates',
      'Audit',
      'anna',
      'Development CA',
      'Add a certificate',
      'public',
      'local',
    ]
    expect(stops.filter((name) => order.includes(name))).toEqual(order)
  })

  test('/ goes to the search, Escape empties it; in a field it is a letter', async () => {
    await enter('/registrations')
    await page.keyboard.press('/')
    expect(await focused()).toBe('Search registrations')
    await page.keyboard.type('ben/')
    expect(await field('Search registrations').inputValue()).toBe('ben/')
    await seen('Nothing among 3 registrations matches')
    await page.keyboard.press('Escape')
    await page.getByText('sip:door@192.0.2.14:5061').waitFor()
  })

  test('a dialog keeps the focus, Escape closes it, and the focus goes back', async () => {
    await enter('/users')
    await button('Add a user…').focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let press = 0; press < 9; press++) {
      await page.keyboard.press('Tab')
      expect(
        await page.evaluate(
          'document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)',
        ),
      ).toBe(true)
    }
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(await focused()).toBe('Add a user…')
  })

  test('a long table shows its beginning until somebody wants it whole', async () => {
    const [one] = edge.world.registrations
    edge.world.registrations = Array.from({ length: 700 }, (_, index) => ({
      ...one!,
      contact: `sip:phone${index}@192.0.2.1`,
      remote: `192.0.2.1:${index}`,
    }))
    await enter('/registrations')
    expect(await page.locator('tbody tr').count()).toBe(300)
    await button('Show all 700').click()
    expect(await page.locator('tbody tr').count()).toBe(700)
  })

  test('a table is put in order by its heads', async () => {
    await enter('/calls/past')
    const first = (): Promise<string | null> => page.locator('tbody tr td').nth(4).textContent()
    await button('Lasted').press('Enter')
    expect(await first()).toBe('12 s')
    expect(await page.locator('th:has-text("Lasted")').getAttribute('aria-sort')).toBe('ascending')
    await button('Lasted').press('Enter')
    expect(await first()).toBe('44 min')
  })
})

describe('screens', { timeout: 30_000 }, () => {
  test('on a narrow one the navigation is behind a button, which Escape and going elsewhere close', async () => {
    await enter('/', { width: 360, height: 740 })
    const calls = page.getByRole('link', { name: 'Calls' }).first()
    expect(await calls.isVisible()).toBe(false)
    await button('Menu').click()
    expect(await calls.isVisible()).toBe(true)
    expect(await button('Menu').getAttribute('aria-expanded')).toBe('true')
    await page.keyboard.press('Escape')
    expect(await calls.isVisible()).toBe(false)
    await button('Menu').click()
    await calls.click()
    await page.getByRole('heading', { name: 'Calls' }).waitFor()
    expect(await calls.isVisible()).toBe(false)
  })

  test('colours follow the system until somebody chooses, and then stay', async () => {
    await enter('/', { dark: true })
    const ground = (): Promise<string> => page.evaluate('getComputedStyle(document.body.parentElement).backgroundColor')
    const dark = await ground()
    await button('Colours: As the system').click()
    const light = await ground()
    expect(light).not.toBe(dark)
    await page.reload()
    await button('Colours: Light').waitFor()
    expect(await ground()).toBe(light)
    await button('Colours: Light').click()
    expect(await ground()).toBe(dark)
  })

  test('who wants less motion gets none', async () => {
    await enter('/calls')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    const duration: string = await page.evaluate('getComputedStyle(document.querySelector(".shape-busy")).animationDuration')
    expect(Number.parseFloat(duration)).toBeLessThan(0.001)
  })

  test('times are those of the viewer, with the whole truth in the title', async () => {
    await enter('/calls/past')
    const time = page.locator('tbody time').first()
    const at = Date.parse((await time.getAttribute('datetime'))!)
    const there = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }).format(at)
    expect(await time.textContent()).toContain(there)
    expect(await time.getAttribute('title')).toContain(new Date(at).toISOString())
  })
})
