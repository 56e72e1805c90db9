import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openTab, PASSWORD, type Place, setUp, startPlace, type Tab } from './place.ts'

/** Who may do what: asked of the pages, and of the API without them. */

let place: Place
let anna: Tab
let victor: Tab

beforeAll(async () => {
  place = await startPlace()
  anna = await openTab(place)
  victor = await openTab(place)
  await setUp(place, anna, 'anna')
})

afterAll(() => place?.stop())

afterEach(() => {
  expect([...anna.complaints, ...victor.complaints]).toEqual([])
})

/** What a request is told. */
const refusal = async (...asked: Parameters<Place['ask']>): Promise<readonly [status: number, code: string]> => {
  const answer = await place.ask(...asked)
  return [answer.status, answer.json<{ readonly code: string }>().code]
}

test('an admin adds a viewer, who signs in', async () => {
  await anna.goTo('/users')
  await anna.button('Add a user…').click()
  await anna.field('Name').fill('victor')
  await anna.field('Role').selectOption('viewer')
  await anna.field('First password').fill(PASSWORD)
  await anna.button('Add').click()
  await anna.page.getByRole('cell', { name: 'victor', exact: true }).waitFor()
  await victor.signIn('victor')
})

test('a viewer has no button that would be refused, and no page either', async () => {
  await victor.goTo('/zones')
  expect(await victor.button('Drain').count()).toBe(0)
  await victor.goTo('/certificates/local')
  expect(await victor.button(/Renew|Revoke|Replace|Restore|request/).count()).toBe(0)
  await victor.goTo('/certificates')
  expect(await victor.page.getByRole('link', { name: 'Add a certificate' }).count()).toBe(0)
  const links = await victor.page.locator('.nav a').allTextContents()
  // Without the numbers of what is wrong there
  expect(links.map((link) => link.replace(/\d+$/, ''))).toEqual([
    'Overview',
    'Calls',
    'Zones',
    'Teams',
    'Registrations',
    'Subscribers',
    'Certificates',
    'Security',
  ])
  for (const path of ['/configuration', '/log', '/users', '/audit', '/certificates/+']) {
    await victor.goTo(path)
    await victor.seen(/This page needs the role (?:operator|admin)/)
  }
})

test('the API refuses a viewer whatever is above the role', async () => {
  const [cookie, csrf] = [await victor.cookie(), await victor.csrf()]
  for (const path of ['/api/config', '/api/config/effective', '/api/config/history', '/api/log', '/api/users', '/api/tokens', '/api/audit'])
    expect([path, (await place.ask(path, { cookie })).status]).toEqual([path, 403])
  for (const [method, path, body] of [
    ['POST', '/api/reload', {}],
    ['PUT', '/api/log-level', { level: 'trace' }],
    ['PUT', '/api/config', { text: 'name: x', version: 'x' }],
    ['POST', '/api/certificates/local/renew', {}],
    ['POST', '/api/users', { name: 'mallory', role: 'admin', password: PASSWORD }],
  ] as const)
    expect([path, (await place.ask(path, { method, cookie, csrf, body })).status]).toEqual([path, 403])
  expect((await place.ask('/api/state', { cookie })).status).toBe(200)
})

test('a change needs the token beside the cookie, and nothing is done without', async () => {
  const cookie = await anna.cookie()
  const level = async () => (await place.ask('/api/log-level', { cookie })).json<{ readonly level: string }>().level
  const before = await level()
  const wish = { method: 'PUT', cookie, body: { level: 'trace' } }
  expect((await refusal('/api/log-level', wish))[0]).toBe(403)
  expect((await refusal('/api/log-level', { ...wish, csrf: 'guessed' }))[0]).toBe(403)
  // Nor does the token of somebody else do
  expect((await refusal('/api/log-level', { ...wish, csrf: await victor.csrf() }))[0]).toBe(403)
  expect(await level()).toBe(before)
  expect((await place.ask('/api/log-level', { ...wish, csrf: await anna.csrf(), body: { level: before } })).status).toBe(200)
})

test('the session is kept from scripts and from other sites', async () => {
  const [cookie] = await anna.context.cookies()
  expect(cookie).toMatchObject({ name: '__Host-edgeways', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
  expect(await anna.page.evaluate('document.cookie + localStorage.length + sessionStorage.length')).toBe('00')
})

test('a session ends at sign-out, at the edge as well', async () => {
  const cookie = await victor.cookie()
  await victor.goTo('/')
  await victor.button('Sign out').click()
  await victor.heading('Sign in')
  expect((await place.ask('/api/state', { cookie })).status).toBe(401)
})
