import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { asked, button, edge, enter, field, page, seen, tab } from './ground.ts'
import { badDay, CONFIG, firstDay } from './world.ts'
import { certificate } from './world-certificates.ts'
import { GUID, HUBS, halfway, newTeams, proposal, troubled } from './world-teams.ts'
import { DAY, iso } from './world-times.ts'

/** Microsoft Teams: how things stand, what the doctor finds, and the wizard that connects them. */

const row = (name: string) => page.locator('tbody tr', { hasText: name }).first()
const link = (name: string | RegExp) => page.getByRole('link', { name, exact: typeof name === 'string' })
const step = (title: string) => page.getByRole('navigation', { name: 'Steps' }).getByRole('link', { name: title })
const copied = (): Promise<string> => page.evaluate('navigator.clipboard.readText()')
const mayCopy = (): Promise<void> => page.context().grantPermissions(['clipboard-read', 'clipboard-write'])

describe('how Teams stands', { timeout: 30_000 }, () => {
  test('each hub with what it answered, and who asked us', async () => {
    await enter('/teams')
    await seen('Calls can go both ways')
    const texts = await row(HUBS[1]).locator('td').allTextContents()
    expect(texts.slice(1, 6)).toEqual([
      'Up',
      expect.stringMatching(/^\d+ s agonext in \d+ s$/),
      expect.stringMatching(/^200 OK\d+ s ago$/),
      '101 ms',
      '1oldest 34 min ago',
    ])
    expect(await row('sip-du-a-eu').textContent()).toMatch(/4\u2009312.*52\.114\.75\.24.*sip\.pstnhub\.microsoft\.com$/)
    expect(await page.locator('.figure', { hasText: 'Certificate' }).textContent()).toContain('59 days left')
    expect(await link('public').getAttribute('href')).toBe('#/certificates/public')
    expect(await page.locator('.nav a', { hasText: 'Teams' }).textContent()).toBe('Teams')
  })

  test('times of day instead of how long ago, for those who cannot hover', async () => {
    await enter('/teams')
    const first = row(HUBS[0]).locator('time').first()
    expect(await first.getAttribute('title')).toMatch(/\d{4}-\d\d-\d\dT/)
    await button('Exact times').click()
    expect(await first.textContent()).toMatch(/^\d+ \w+ \d{4}, \d\d:\d\d:\d\d$/)
  })

  test('a hub is drained, and taken back', async () => {
    await enter('/teams')
    await row(HUBS[2]).getByRole('button', { name: 'Drain' }).click()
    expect((await asked('POST', `/zones/teams/targets/${HUBS[2]}/drain`)).body).toEqual({ drain: true })
    await seen('gets no new calls')
  })

  test('what is wrong is marked in the navigation, said at the hub, and the next action leads to where it is put right', async () => {
    edge.world = badDay()
    await enter('/teams')
    await seen('2 of 3 hubs answer')
    expect(await page.locator('.nav a', { hasText: 'Teams' }).textContent()).toBe('Teams3')
    expect(await row(HUBS[0]).textContent()).toContain('DownNo answer to OPTIONS for 64 s')
    expect(await row(HUBS[1]).textContent()).toMatch(/Busy.*gets no calls until in \d min, as it asked.*Refused with 503/)
    await row(HUBS[2]).getByRole('button', { name: 'Take back' }).waitFor()
    await seen('Not accepted: DigiCert TLS RSA 4096 Root G5 and Microsoft RSA Root Certificate Authority 2017')
    await link('To the certificate').click()
    await page.getByRole('heading', { name: 'public' }).first().waitFor()
  })

  test('what changes at the edge is there without loading anew', async () => {
    await enter('/teams', { clock: true })
    await seen('Calls can go both ways')
    edge.world.teams = [newTeams()]
    edge.publish('state', { ...edge.world.state, openFlows: 1 })
    // What only hints at a change is gathered for a second
    await expect
      .poll(async () => {
        await page.clock.fastForward(1000)
        return page.getByText('The hubs are asked for the first time').count()
      })
      .toBe(1)
    await seen('Nobody has asked us yet')
  })

  test('without a zone for it the page leads to the wizard, and so does the overview until it is sent away', async () => {
    edge.world = firstDay()
    await enter('/teams')
    await seen('Teams is not connected')
    await link('Connect Teams').last().click()
    await page.getByRole('heading', { name: 'Connect Teams: Name' }).waitFor()
    await tab.goTo('/')
    const next = page.getByRole('region', { name: 'Next step' })
    await next.getByRole('link', { name: 'Connect Teams' }).waitFor()
    await button('Dismiss').click()
    await page.reload()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await seen('Listeners')
    expect(await next.count()).toBe(0)
  })
})

describe('the doctor', { timeout: 30_000 }, () => {
  const verdicts = (): Promise<readonly string[]> => page.locator('.doctor-step > .status').allTextContents()
  const report = async () => {
    const { id } = (await page.evaluate('({ id: sessionStorage.getItem("edgeways-doctor-teams") })')) as { readonly id: string }
    return { ...troubled(), id, startedAt: iso(0) }
  }
  /** No answer but what is published. */
  const quiet = () => page.route(/teams\/doctor\/d\d+$/, (route) => route.abort())

  test('all steps are there at once and fill in as they are done, to a summary with what to do first', async () => {
    edge.world = badDay()
    await enter('/teams/doctor')
    await quiet()
    await expect.poll(() => edge.streams().at(-1)).toContain('doctor')
    await button('Examine').click()
    await seen('Looking at Our name in public DNS')
    expect((await asked('POST', '/teams/doctor')).body).toEqual({ zone: 'teams' })
    expect(await verdicts()).toEqual(['Looking', ...Array.from({ length: 18 }, () => 'Waiting')])
    edge.publish('doctor', halfway(await report(), 4))
    await seen('4 of 19 steps done')
    expect((await verdicts()).slice(0, 6)).toEqual(['Good', 'Good', 'Good', 'Wrong', 'Looking', 'Waiting'])
    await seen('What to do: Upload the certificate together with its intermediates')
    edge.publish('doctor', await report())
    await seen('Bring the intermediate certificate first')
    expect((await verdicts()).filter((verdict) => verdict !== 'Good')).toEqual(['Wrong', 'To look at', 'Wrong', 'Left out'])
    expect(await page.locator('p[role="status"]').last().textContent()).toMatch(
      /Our certificate: Wrong.*sip3.*: Good.*From Microsoft: Left out.*Bring the intermediate/,
    )
    const hub = page.locator('.card', { hasText: 'OPTIONS to the hub' }).first()
    await hub.locator('summary').last().click()
    await hub.getByText('No trunk config found for sbc.example.com').waitFor()
  })

  test('where events do not come through, it is asked for', async () => {
    await enter('/teams/doctor')
    await button('Examine').click()
    await seen('Everything is as it should be')
    await button('Examine again').waitFor()
  })

  test('the report is copied and downloaded as text, and is there again after the page was loaded anew', async () => {
    await enter('/teams/doctor')
    await mayCopy()
    await button('Examine').click()
    await seen('Everything is as it should be')
    await button('Copy as text').click()
    await seen('Report copied')
    expect(await copied()).toMatch(/^sbc\.example\.com: Everything is as it should be\nOur name in public DNS: /)
    const download = page.waitForEvent('download')
    await link('Download text').click()
    expect((await download).suggestedFilename()).toMatch(/^teams-doctor-sbc\.example\.com-\d{4}-\d\d-\d\d\.txt$/)
    expect(readFileSync(await (await download).path(), 'utf8')).toContain('TLS to the hub')
    await page.reload()
    await seen('Everything is as it should be')
  })

  test('why it did not begin is said, and the report from before stays', async () => {
    await enter('/teams/doctor')
    await button('Examine').click()
    await seen('Everything is as it should be')
    edge.fails.set('POST /teams/doctor', {
      status: 429,
      body: { code: 'busy', message: 'The doctor was here a moment ago; ask again in 5 s' },
    })
    await button('Examine again').click()
    await seen('The doctor was here a moment ago; ask again in 5 s')
    await seen('Everything is as it should be')
    edge.fails.clear()
    await button('Examine again').click()
    await expect.poll(() => page.getByText('The doctor was here a moment ago').count()).toBe(0)
  })

  test('an examination that the edge has forgotten ends', async () => {
    await enter('/teams/doctor')
    edge.fails.set('GET /teams/doctor/x', { status: 404, body: { code: 'unknown-report', message: 'There is none' } })
    edge.fails.set('POST /teams/doctor', { status: 202, body: { ...halfway(troubled(), 0), id: 'x' } })
    await button('Examine').click()
    await seen('The edge knows nothing of this examination any more')
    await button('Examine again').waitFor()
  })
})

describe('ladders of calls with Teams', { timeout: 30_000 }, () => {
  test('why a hub refused is explained, with the identifier for Microsoft; what others say is not asked for', async () => {
    const { ladder } = edge.world
    const refusal = {
      ...ladder.messages[6]!,
      listener: 'teams/tls',
      title: '403 Forbidden',
      text: `SIP/2.0 403 Forbidden\r\nCSeq: 1 INVITE\r\nREASON: Q.850;cause=63;text="${GUID};x"\r\n\r\n`,
    }
    const busy = { ...ladder.messages[6]!, title: '404 Not Found', text: 'SIP/2.0 404 Not Found\r\nReason: Q.850;cause=63\r\n\r\n' }
    edge.world.ladder = { ...ladder, messages: [...ladder.messages.slice(0, 6), refusal, busy] }
    await enter('/calls/c1')
    await page.locator('.card > .note', { hasText: 'Microsoft does not know our name as a trunk' }).getByText(GUID).waitFor()
    await page.locator('.ladder-row', { hasText: '403' }).click()
    await page.getByRole('dialog').getByText('Compare it with Get-CsOnlinePSTNGateway').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Next' }).click()
    await page.getByRole('heading', { name: '404 Not Found' }).waitFor()
    expect(await page.getByRole('dialog').getByText('Compare it with').count()).toBe(0)
    expect(edge.reads.filter((path) => path.startsWith('/teams/explain'))).toHaveLength(1)
  })
})

describe('the wizard', { timeout: 40_000 }, () => {
  const NUMBERS = 'Numbers of your Teams users'
  const NAME = 'Public name of this edge'

  test('leads from a name to the first call, each step with the keyboard', async () => {
    await enter('/teams/setup')
    await mayCopy()
    await seen('sbc.example.com leads here')
    await field(NAME).press('Enter')
    await page.getByRole('heading', { name: 'Connect Teams: Certificate' }).waitFor()
    await seen(/^It serves: \d+ days left$/)
    await button('Continue').press('Enter')
    await field(NUMBERS).fill('+4420794601xx\n+442079460200')
    await field('Country code').fill('+44')
    await field('Country code').press('Enter')
    await seen('Zone teams is added, on listener group teams')
    expect((await asked('POST', '/teams/setup')).body).toEqual({
      name: 'sbc.example.com',
      cloud: 'worldwide',
      port: 5061,
      certificate: 'public',
      pbx: { zone: 'pbx' },
      numbers: ['+4420794601xx', '+442079460200'],
      country: '44',
      bypass: false,
    })
    await page.locator('.diff-new', { hasText: 'Teams, by the wizard' }).waitFor()
    await expect.poll(() => button('Apply…').isEnabled()).toBe(true)
    await button('Apply…').press('Enter')
    await button('Apply').press('Enter')
    expect((await asked('PUT', '/config')).body).toEqual({ text: proposal(CONFIG).configuration, version: expect.stringMatching(/^v\d+$/) })
    await page.getByRole('heading', { name: 'Connect Teams: Microsoft 365' }).waitFor()
    await button('Copy block 2').click()
    expect(await copied()).toMatch(/^New-CsOnlinePSTNGateway -Fqdn sbc\.example\.com /)
    await button('Copy all lines').click()
    await expect.poll(copied).toMatch(/^# Sign in\nConnect-MicrosoftTeams\n\n# The SBC\n/)
    await button('Continue').press('Enter')
    await button('Examine').waitFor()
    expect(await link('A call is up').getAttribute('href')).toMatch(/^#\/calls\//)
    await seen('+442079460100')
  })

  test('survives a reload, and goes back and forward', async () => {
    await enter('/teams/setup/pbx')
    await field(NUMBERS).fill('+4420794601xx')
    await step('Name').click()
    await field(NAME).fill('edge.example.com')
    await seen('edge.example.com leads here')
    await page.reload()
    expect(await field(NAME).inputValue()).toBe('edge.example.com')
    await page.goBack()
    await field(NUMBERS).waitFor()
    expect(await field(NUMBERS).inputValue()).toBe('+4420794601xx')
    await page.goForward()
    await field(NAME).waitFor()
    await button('Start over').click()
    await expect.poll(() => field(NAME).inputValue()).toBe('sbc.example.com')
  })

  test('what DNS says is told as one types, with what to enter at the provider', async () => {
    edge.world = firstDay()
    await enter('/teams/setup')
    await field(NAME).fill('sbc')
    await seen('A name with its domain, such as sbc.example.com')
    await field(NAME).fill('sbc.contoso.onmicrosoft.com')
    await seen('Microsoft refuses names in onmicrosoft.com')
    await field(NAME).fill('new.example.com')
    await seen('DNS knows no new.example.com')
    expect(await page.locator('.teams-record dd').allTextContents()).toEqual(['A', 'new.example.com', '203.0.113.5'])
    expect(await step('Name').textContent()).toContain('wrong')
    edge.fails.set('POST /teams/name', { status: 502, body: { code: 'dns', message: 'No name server answered' } })
    await button('Check again').click()
    await seen('No name server answered')
    edge.fails.clear()
    await button('Try again').click()
    await seen('DNS knows no new.example.com')
    await field('Microsoft’s cloud').selectOption('gcc-high')
    await field('Public port').fill('5071')
    await button('Continue').click()
    await seen('This cloud reaches port 5061 alone')
  })

  test('each certificate is told why it does or does not serve; a new one comes back here', async () => {
    edge.world.certificates = [
      certificate('curve', { keyType: 'ecdsa256' }),
      certificate('over', { validTo: iso(-2 * DAY) }),
      certificate('deep', { hosts: ['*.example.org', '*.com'] }),
      certificate('short', { hosts: ['sbc', 'pbx'] }),
    ]
    await enter('/teams/setup/certificate')
    await seen('Its key is ECDSA, and the hubs accept RSA alone')
    await seen('It is over (expired 2 days ago)')
    expect(await page.locator('input[type="radio"]:not([disabled])').count()).toBe(0)
    await page.getByText('Why not another one?').click()
    await seen('*.com stands for one label and does not reach sbc.example.com')
    await seen('It has short names alone (sbc and pbx)')
    await link('New certificate for sbc.example.com').click()
    await page.getByRole('heading', { name: 'Add a certificate' }).waitFor()
    expect(await field('Host names').inputValue()).toBe('sbc.example.com')
    expect(await field('Key').inputValue()).toBe('rsa2048')
    await field('Mail address').fill('anna@example.com')
    await button('Add it and place the order').click()
    await page.getByRole('heading', { name: 'Connect Teams: Certificate' }).waitFor()
    expect((await asked('POST', '/certificates')).body).toMatchObject({ name: 'teams', names: ['sbc.example.com'], key: 'rsa2048' })
  })

  test('numbers that Teams does not know are marked; steps that are left for later are asked for where they are needed', async () => {
    await enter('/teams/setup/pbx')
    await button('Continue').click()
    await seen('The numbers of your Teams users are missing')
    await field(NUMBERS).fill('+44207946010x\n020 7946 0200')
    await seen('“020 7946 0200”: begin with + and the country code')
    await page.getByText('A new one, by its address').click()
    await field('SIP URI of the PBX').fill('10.0.0.20')
    await seen('A SIP URI without user')
    await link('Later').click()
    await seen('Before the changes can be shown')
    await link('PBX and numbers').last().click()
    await field('SIP URI of the PBX').fill('sip:10.0.0.20:5060;transport=udp')
    await field(NUMBERS).fill('+44207946010x')
    await button('Continue').click()
    await seen('What changes')
    expect((await asked('POST', '/teams/setup')).body).toMatchObject({ pbx: { uri: 'sip:10.0.0.20:5060;transport=udp', listener: 'lan' } })
  })

  test('what stands against it keeps it from being applied', async () => {
    await enter('/teams/setup/pbx')
    edge.fails.set('POST /teams/setup', { body: { ...proposal(CONFIG), problems: ['Listener group teams is on another port'] } })
    await field(NUMBERS).fill('+44207946010x')
    await button('Continue').click()
    await seen('Listener group teams is on another port')
    expect(await button('Apply…').isDisabled()).toBe(true)
    await button('Go on in the configuration').click()
    await expect.poll(() => page.getByLabel('The configuration, YAML').inputValue()).toContain('# Teams, by the wizard')
  })

  test('operators prepare and examine, and leave applying to others; viewers look', async () => {
    await enter('/teams/setup/certificate', { role: 'operator' })
    await seen(/^It serves/)
    expect(await link(/New certificate/).count()).toBe(0)
    await tab.goTo('/teams/setup/pbx')
    await field(NUMBERS).fill('+4420794601xx')
    await button('Continue').click()
    await seen('Applying needs the role admin')
    expect(await button('Apply…').count()).toBe(0)
    await tab.goTo('/teams/doctor')
    await button('Examine').waitFor()
    await tab.close()
    await enter('/teams/doctor', { role: 'viewer' })
    await seen('Examining needs the role operator')
    await tab.goTo('/teams/setup')
    await seen('This page needs the role operator')
  })
})
