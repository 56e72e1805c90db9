import { describe, expect, test } from 'vitest'
import { PASSWORD, SETUP_TOKEN } from './fake-edge.ts'
import { asked, button, edge, enter, field, outside, page, seen, tab } from './ground.ts'

/** Who gets in, and what each may do. */

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
    '/subscribers',
    '/certificates',
    '/certificates/public',
    '/certificates/bought',
    '/security',
    '/account',
  ]

  test('a viewer has no button that would be refused, and no page either', async () => {
    await enter('/', { role: 'viewer' })
    expect(await page.locator('.nav a').allTextContents()).toEqual([
      ...['Overview', 'Calls3', 'Zones', 'Teams', 'Registrations', 'Subscribers', 'Certificates', 'Security'],
    ])
    for (const path of LISTS) {
      await tab.goTo(path)
      const names: string[] = await page.evaluate(
        '[...document.querySelectorAll("button:not(.sort)")].map((one) => one.getAttribute("aria-label") ?? one.textContent)',
      )
      expect(names.filter((name) => !ALLOWED.test(name))).toEqual([])
    }
    for (const path of ['/phone', '/configuration', '/log', '/users', '/audit', '/certificates/+']) {
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
