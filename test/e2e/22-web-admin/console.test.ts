import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openTab, PASSWORD, type Place, picture, seriousFaults, setUp, startPlace, type Tab } from './place.ts'

/** One edge, from its first start on; each test goes on where the one before it has ended. */

const PAGES = [
  ...[
    '/',
    '/calls',
    '/calls/past',
    '/zones',
    '/teams',
    '/teams/setup',
    '/registrations',
    '/subscribers',
    '/phone',
    '/certificates',
    '/certificates/local',
    '/certificates/+',
  ],
  ...['/security', '/configuration', '/configuration/effective', '/configuration/history', '/log', '/users', '/audit', '/account'],
]

let place: Place
let tab: Tab

beforeAll(async () => {
  place = await startPlace({ media: true })
  tab = await openTab(place)
})

afterAll(() => place?.stop())

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

test('first start: the printed link makes the first account, and everything is well', async () => {
  expect(place.link).toMatch(/^https:\/\/localhost:\d+\/#setup=[\w-]{43}$/)
  await setUp(place, tab, 'anna')
  expect(tab.page.url()).not.toContain('setup')
  // On a busy machine rtpengine takes its time
  await tab.page.getByText('Everything is well').waitFor({ timeout: 30_000 })
  await picture(tab.page, 'admin-overview')
})

test('first start: the link works once', async () => {
  const other = await openTab(place)
  await other.page.goto(place.link)
  await other.heading('Sign in')
  const body = { token: place.link.split('=')[1], user: 'mallory', password: PASSWORD }
  const again = await place.ask('/api/setup', { method: 'POST', body })
  expect([again.status, again.json<{ readonly code: string }>().code]).toEqual([410, 'setup-over'])
  expect((await place.ask('/api/login', { method: 'POST', body: { user: 'mallory', password: PASSWORD } })).status).toBe(401)
  await other.close()
})

test('a live call: it comes onto the page, its ladder grows, a message shows what was rewritten, and it ends', async () => {
  await tab.goTo('/calls')
  await tab.seen('No calls at the moment')
  const phone = place.call()
  await phone.line((line) => line.includes('--> ACK'), 'ACK')
  // The caller stands still in mid-call, for as long as somebody looks
  phone.signal('SIGSTOP')
  try {
    const row = tab.page.locator('tbody tr')
    await row.getByText('Talking').waitFor()
    expect(await row.count()).toBe(1)
    await row.getByRole('link').first().click()
    await tab.heading('Call')
    await tab.seen('Talking')
    await tab.seen(/^From zone browsers \(web\/wss\): routes\[0\] sends it to sip:127\.0\.0\.1/)
    await tab.page.locator('.ladder-row', { hasText: 'ACK' }).nth(1).waitFor()
    await picture(tab.page, 'admin-call')

    await tab.page.locator('.ladder-row', { hasText: 'INVITE' }).nth(1).click()
    const dialog = tab.page.getByRole('dialog')
    await dialog.getByText('Rewritten:').waitFor()
    const [before, after] = [await dialog.locator('del').allTextContents(), await dialog.locator('ins').allTextContents()]
    expect(before.join('\n')).toMatch(/^Max-Forwards: 70$/m)
    expect(after.join('\n')).toMatch(/^Max-Forwards: 69$/m)
    expect(after.join('\n')).toMatch(/^Record-Route: .*;transport=wss?/m)
    expect(after.join('\n')).toMatch(new RegExp(`^Via: SIP/2.0/UDP 127.0.0.1:${place.ports.sip};`, 'm'))
    await picture(tab.page, 'admin-message', false)
    await tab.page.keyboard.press('Escape')
  } finally {
    phone.signal('SIGCONT')
  }
  expect(await phone.ended).toBe(0)
  await tab.page.locator('.ladder-row', { hasText: 'BYE' }).nth(1).waitFor()
  await tab.seen(/^Over/)
  await tab.goTo('/calls')
  await tab.seen('No calls at the moment')
  await tab.goTo('/calls/past')
  expect(await tab.page.locator('tbody tr').count()).toBe(1)
})

/** What a click on a link brings. */
const downloaded = async (name: string): Promise<string> => {
  const download = tab.page.waitForEvent('download')
  await tab.page.getByRole('link', { name, exact: true }).click()
  const path = join(place.folder, (await download).suggestedFilename())
  await (await download).saveAs(path)
  return path
}

test('the ladder as text and as a capture that tshark reads; names are masked on request', async () => {
  await tab.goTo('/calls/past')
  await tab.page.locator('tbody tr').getByRole('link').first().click()
  await tab.page.locator('.ladder-row').first().waitFor()
  const text = readFileSync(await downloaded('Text'), 'utf8')
  expect(text).toContain('INVITE sip:echo@localhost')
  const capture = await downloaded('Capture (pcap)')
  const read = spawnSync(
    'tshark',
    ['-r', capture, '-d', 'tcp.port==1-65535,sip', '-Y', 'sip', '-T', 'fields', '-e', 'sip.Method', '-e', 'sip.Status-Code'],
    {
      encoding: 'utf8',
    },
  )
  expect([read.status, read.error]).toEqual([0, undefined])
  const messages = read.stdout
    .trim()
    .split('\n')
    .map((line) => line.trim())
  expect(messages.filter((one) => one === 'INVITE')).toHaveLength(2)
  expect(messages.filter((one) => one === 'BYE')).toHaveLength(2)
  expect(messages.at(-1)).toBe('200')
  expect(messages).toHaveLength(await tab.page.locator('.ladder-row').count())

  await tab.page.getByText('Mask names and numbers').click()
  await expect.poll(() => tab.page.getByRole('link', { name: 'Text' }).getAttribute('href')).toContain('redact')
  const masked = readFileSync(await downloaded('Text'), 'utf8')
  expect(masked).toContain('INVITE')
  expect(masked).not.toContain('sip:echo@')
})

test('every page with what is really there: nothing serious for those who see, hear or move in other ways', {
  timeout: 60_000,
}, async () => {
  const past = (await place.ask('/api/calls/past', { cookie: await tab.cookie() })).json<{
    readonly calls: readonly { readonly id: string }[]
  }>()
  for (const path of [...PAGES, `/calls/${past.calls[0]?.id}`]) {
    await tab.goTo(path)
    expect([path, await seriousFaults(tab.page)]).toEqual([path, []])
  }
})

test('the same in the dark', async () => {
  const dark = await openTab(place, { dark: true })
  await dark.signIn('anna')
  for (const path of ['/', '/certificates/local', '/configuration', '/log']) {
    await dark.goTo(path)
    expect([path, await seriousFaults(dark.page)]).toEqual([path, []])
  }
  await dark.goTo('/')
  await dark.seen('Everything is well')
  await picture(dark.page, 'admin-overview-dark')
  await dark.goTo('/calls/past')
  await dark.page.locator('tbody tr').getByRole('link').first().click()
  await dark.page.locator('.ladder-row').first().waitFor()
  await picture(dark.page, 'admin-call-dark')
  await dark.close()
})
