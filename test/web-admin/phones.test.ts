import { describe, expect, test } from 'vitest'
import { asked, button, edge, enter, field, page, seen } from './ground.ts'
import { iso } from './world-times.ts'

describe('registrations', () => {
  test('are searched by the edge, once somebody has stopped typing', async () => {
    await enter('/registrations')
    await seen('anna@example.com')
    await field('Search registrations').fill('door')
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
    await seen('2 keep-alives unanswered')
    expect(edge.reads.filter((one) => one === '/registrations').length).toBeLessThan(4)
    await field('Search registrations').fill('nobody at all')
    await seen('Nothing among 3 registrations matches “nobody at all”')
  })

  test('come by pages', async () => {
    const [first] = edge.world.registrations
    edge.world.registrations = Array.from({ length: 250 }, (_, i) => ({ ...first!, id: `r${i}`, aor: `user${i}@example.com` }))
    await enter('/registrations')
    await seen('1 to 100 of 250')
    // What is put in order here would be one page alone
    expect(await page.locator('th button').count()).toBe(0)
    await button('Next').click()
    await seen('101 to 200 of 250')
    await seen('user150@example.com')
    await button('Next').click()
    await seen('201 to 250 of 250')
    expect(await button('Next').isDisabled()).toBe(true)
    await button('Previous').click()
    await seen('101 to 200 of 250')
  })

  test('change while one looks', async () => {
    await enter('/registrations')
    await seen('anna@example.com')
    edge.world.registrations = edge.world.registrations.slice(1)
    edge.publish('registrations', { changes: [], more: 1 })
    await page.getByText('anna@example.com').waitFor({ state: 'detached' })
  })

  test('can be ended by operators, after a question that says what follows', async () => {
    await enter('/registrations', { role: 'operator' })
    await button('End the registration of anna@example.com').click()
    await seen(/comes back with its next refresh/)
    await button('End it').click()
    await asked('DELETE', '/registrations/9f2c41d07be8')
    await seen('anna@example.com is not registered any more')
    await page.locator('tbody').getByText('anna@example.com').waitFor({ state: 'detached' })
  })

  test('have no button for viewers', async () => {
    await enter('/registrations', { role: 'viewer' })
    await seen('anna@example.com')
    expect(await button(/^End the registration/).count()).toBe(0)
  })
})

describe('subscribers', () => {
  test('are added with a password that is made, shown once, and gone', async () => {
    await enter('/subscribers', { role: 'operator' })
    await button('Add a subscriber…').click()
    await field('Name').fill('carla')
    await field('Numbers').fill('203, +44 20 7946 0203')
    await button('Add').click()
    expect((await asked('POST', '/subscribers')).body).toEqual({ user: 'carla', aliases: ['203', '+442079460203'], generate: true })
    await seen('wren-otter-maple-7319')
    await button('Done').click()
    await page.getByText('wren-otter-maple-7319').waitFor({ state: 'detached' })
    await seen('carla')
  })

  test('one that is there already is told in the dialog, which stays', async () => {
    await enter('/subscribers')
    await button('Add a subscriber…').click()
    await field('Name').fill('anna')
    await field('Password').selectOption('own')
    await field('The password').fill('something long')
    await button('Add').click()
    expect((await asked('POST', '/subscribers')).body).toMatchObject({ password: 'something long' })
    await seen('There is a user "anna" already; change that one')
    await field('Name').fill('anna2')
    await button('Add').click()
    await seen('anna2 can register and call')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  test('are disabled, get a new password, and are removed', async () => {
    await enter('/subscribers')
    await page.locator('tr', { hasText: 'anna' }).getByRole('button', { name: 'Change…' }).click()
    await page.getByText('Enabled: can register and call').click()
    await button('Save').click()
    expect((await asked('PATCH', '/subscribers/anna')).body).toEqual({ enabled: false })
    await button('New password for door').click()
    await button('Set it').click()
    expect((await asked('PUT', '/subscribers/door/password')).body).toEqual({})
    await seen('wren-otter-maple-7319')
    await button('Done').click()
    await button('Remove ben').click()
    await button('Remove').click()
    await asked('DELETE', '/subscribers/ben')
    await seen('ben is removed')
  })

  test('whoever may only look has no buttons; where there are none, it says what they are for', async () => {
    edge.world.subscribers = []
    await enter('/subscribers', { role: 'viewer' })
    await seen('There are no subscribers')
    expect(await button(/Add a subscriber/).count()).toBe(0)
  })
})

describe('the test phone', () => {
  test('registers by the port of the page, in the first zone, and says as whom', async () => {
    await enter('/phone')
    await page.getByText('Registered', { exact: true }).waitFor()
    await seen('test-anna@sbc.example.com')
  })

  test('a call that is refused: why, in words, and the phone is ready for the next', async () => {
    await enter('/phone')
    await page.getByText('Registered', { exact: true }).waitFor()
    await field('What you send').selectOption('tone')
    await field('Number or address').fill('busy')
    await page.keyboard.press('Enter')
    await seen('Busy (486 Busy Here)')
    await seen('No sound was exchanged')
    await field('Number or address').fill('somebody')
    await page.keyboard.press('Enter')
    await seen(/^No route fits, or nobody is called so there \(404/)
    await button('Close').click()
    await page.locator('.phone-call').waitFor({ state: 'detached' })
  })

  test('what cannot be called has no button; numbers may be written as people do', async () => {
    await enter('/phone')
    await page.getByText('Registered', { exact: true }).waitFor()
    const call = page.locator('.phone-dial button')
    expect(await call.isDisabled()).toBe(true)
    await field('Number or address').fill('<script>')
    await seen('Nothing that can be called: write a number, a name or a SIP address')
    expect(await call.isDisabled()).toBe(true)
    await field('Number or address').fill('+44 (20) 7946 0123')
    expect(await call.isDisabled()).toBe(false)
  })

  test('a zone that asks who it is gets credentials that the edge lends to this session', async () => {
    await enter('/phone')
    await field('Zone to enter by').selectOption('staff')
    await button('Connect with these').click()
    expect((await asked('POST', '/phone/credentials')).body).toEqual({})
    await seen('test-phone@example.com')
    await page.getByText('Registered', { exact: true }).waitFor()
    await field('Name').fill('anna')
    await button('Connect with these').click()
    await expect.poll(() => edge.asked.filter(({ path }) => path === '/phone/credentials').at(-1)?.body).toEqual({ user: 'anna' })
    await seen('anna@example.com')
  })

  test('a listener that cannot be reached: the hint at its certificate, with a link', async () => {
    edge.world.phone = {
      ...edge.world.phone,
      zones: [{ ...edge.world.phone.zones[0]!, listeners: [{ name: 'web/wss', url: 'wss://127.0.0.1:9' }] }],
    }
    await enter('/phone')
    await field('Connect by').selectOption('web/wss')
    await button('Connect with these').click()
    await seen('The edge cannot be reached')
    await seen(/does not trust the certificate of web\/wss/)
    expect(await button('Call echo').isDisabled()).toBe(true)
  })

  test('without a demonstration PBX there is no echo, and without a zone for browsers it says what is missing', async () => {
    const { demo: _, ...rest } = edge.world.phone
    edge.world.phone = rest
    await enter('/phone')
    await page.getByText('Registered', { exact: true }).waitFor()
    expect(await button('Call echo').count()).toBe(0)
    edge.world.phone = { ...rest, zones: [] }
    edge.publish('config', { result: 'applied', at: iso(0), changes: [], problems: [] })
    await seen('No zone takes browsers')
  })

  test('where nobody carries sound it says so before one wonders', async () => {
    const { state } = edge.world
    edge.world.state = { ...state, media: { ...state.media, unavailable: 'rtpengine is not installed: apt-get install rtpengine-daemon' } }
    await enter('/phone')
    await seen('Calls have no sound at the moment')
    await seen(/apt-get install/)
  })

  test('pressing twice calls once', async () => {
    await enter('/phone')
    await page.getByText('Registered', { exact: true }).waitFor()
    await field('What you send').selectOption('tone')
    await field('Number or address').fill('busy')
    await page.evaluate('document.querySelector(".phone-dial").requestSubmit(); document.querySelector(".phone-dial").requestSubmit()')
    await seen('Busy (486 Busy Here)')
    expect(await page.locator('.phone-call').count()).toBe(1)
  })

  test('is for operators', async () => {
    await enter('/phone', { role: 'viewer' })
    await seen('This page needs the role operator')
    expect(await page.getByRole('link', { name: 'Test phone' }).count()).toBe(0)
  })
})
