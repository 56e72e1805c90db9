import { describe, expect, test } from 'vitest'
import { asked, browser, button, edge, enter, field, page, seen } from './ground.ts'
import { openTab } from './support.ts'
import { CONFIG } from './world.ts'

/** The configuration is changed in its text and by its form. */

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
