import { describe, expect, test } from 'vitest'
import { button, edge, enter, field, focused, page, seen } from './ground.ts'

/** The pages without a mouse, on narrow screens, in the dark. */

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
    await page.getByText('sip:door@192.168.178.31:5061').waitFor()
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
    const [one] = edge.world.users
    edge.world.users = Array.from({ length: 700 }, (_, index) => ({ ...one!, name: `user${index}` }))
    edge.world.tokens = []
    await enter('/users')
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
