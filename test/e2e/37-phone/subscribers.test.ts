import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openTab, type Place, picture, seriousFaults, setUp, startPlace, type Tab } from '../22-web-admin/place.ts'

/** An edge that is the registrar itself and wants to know who calls; each test goes on where the one before it has ended. */

let place: Place
let tab: Tab

beforeAll(async () => {
  place = await startPlace({
    change: (config) =>
      config.replace(/^( {2}browsers:\n)/m, '$1    authenticate: true\n').replace(/^routes:/m, 'registrar: {}\n\nroutes:'),
  })
  tab = await openTab(place)
  await setUp(place, tab, 'anna')
})

afterAll(() => place?.stop())

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

const registered = (): Promise<void> => tab.page.getByText('Registered', { exact: true }).waitFor()

test('the test phone registers with what the edge lends it: nobody types a password', async () => {
  await tab.goTo('/phone')
  await registered()
  await tab.seen('test-phone@localhost')
})

test('a subscriber is added, and its password is made and shown once', async () => {
  await tab.goTo('/subscribers')
  await tab.seen('There are no subscribers')
  for (const [user, name, numbers] of [
    ['ben', 'Ben', '202'],
    ['anna', 'Anna Example', '201, +442079460201'],
  ] as const) {
    await tab.button('Add a subscriber…').click()
    await tab.field('Name').fill(user)
    await tab.field('Shown as').fill(name)
    await tab.field('Numbers').fill(numbers)
    await tab.button('Add').click()
    await tab.seen('Shown this once')
    if (user === 'ben') await tab.button('Done').click()
  }
  const password = (await tab.page.getByRole('dialog').locator('code').textContent()) ?? ''
  expect(password.length).toBeGreaterThan(11)
  await tab.button('Done').click()
  expect(await seriousFaults(tab.page)).toEqual([])
  // A message about it would stand over the page
  await tab.page.locator('.toast').first().waitFor({ state: 'detached' })
  await picture(tab.page, 'admin-subscribers', false)
  await tab.goTo('/phone')
  await tab.field('Name').fill('anna')
  await tab.field('Password').fill(password)
  await tab.button('Connect with these').click()
  await tab.seen('anna@localhost')
  await registered()
})

test('a wrong password is told in words, and nobody can call', async () => {
  await tab.field('Password').fill('something else')
  await tab.button('Connect with these').click()
  await tab.seen('Not registered')
  await tab.seen(/The name or the password is wrong/)
})

test('whoever is disabled gets nothing lent, and is told so', async () => {
  await tab.goTo('/subscribers')
  await tab.page.locator('tr', { hasText: 'anna' }).getByRole('button', { name: 'Change…' }).click()
  await tab.page.getByText('Enabled: can register and call').click()
  await tab.button('Save').click()
  await tab.page.locator('tr', { hasText: 'anna' }).getByText('Disabled').waitFor()
  await tab.goTo('/phone')
  await tab.seen('The user "anna" is disabled')
  await tab.page.getByText('Not registered').waitFor()
})

test('registrations of users of ours are shown as such, and an operator can end one', async () => {
  await tab.field('Name').fill('ben')
  await tab.button('Connect with these').click()
  await registered()
  const other = await openTab(place)
  await other.signIn('anna')
  await other.goTo('/registrations')
  const row = other.page.locator('tr', { hasText: 'ben@localhost' })
  await row.getByText('the edge').waitFor()
  await other.button('End the registration of ben@localhost').click()
  await other.button('End it').click()
  await other.seen('ben@localhost is not registered any more')
  await row.waitFor({ state: 'detached' })
  await other.close()
})
