import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { DoctorReport, TeamsView } from '../../../src/teams/types.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { startHub } from '../../teams-hub/hub.ts'
import type { Hub } from '../../teams-hub/types.ts'
import { openTab, type Place, picture, seriousFaults, setUp, startPlace, type Tab } from './place.ts'

/** The pages of Teams of an edge that talks to a stand-in for Microsoft's hubs. */

const NAME = 'sbc1.example.org'
/** Two runs on one machine seldom have the same. */
const NET = 1 + (process.pid % 250)
const wan = (host: number): string => `127.46.${NET}.${host}`

let hub: Hub
let place: Place
let tab: Tab

beforeAll(async () => {
  const folder = temporaryFolder('web-admin-teams')
  const port = await freePort(wan(1))
  hub = await startHub({
    folder: folder.path,
    addresses: [wan(65), wan(66), wan(67)],
    machines: [wan(71), wan(72), wan(73)],
    media: wan(80),
    sbcAddress: wan(1),
    tenants: [{ name: 'example', domains: ['example.org'], trunks: [{ fqdn: NAME, port }], users: {} }],
    times: { optionsLeast: 900, pinging: 1500 },
  })
  const { chainFile, keyFile } = hub.issue('edge', [NAME])
  place = await startPlace({
    folder,
    environment: { EDGEWAYS_DNS_SERVERS: hub.dns },
    change: (config) =>
      config
        .replace('listeners:\n', `listeners:\n  teams: { tls: '${wan(1)}:${port}', advertise: '${NAME}:${port}', certificate: sbc }\n`)
        .replace(
          'zones:\n',
          `zones:
  teams:    # Microsoft, or whoever stands in for it
    kind: teams
    on: teams
    peers: { roots: [ microsoft, '${hub.rootsFile}' ] }
    admit: { networks: [ ${wan(64)}/26 ] }
    probe: { interval: 1s, timeout: 500ms }
`,
        )
        .replace('  local: development', `  local: development\n  sbc: { chain: '${chainFile}', key: '${keyFile}' }`),
  })
  tab = await openTab(place)
  await setUp(place, tab, 'anna')
})

afterAll(async () => {
  await place?.stop()
  await hub?.stop()
})

afterEach(() => {
  expect(tab.complaints).toEqual([])
})

const onDisk = (): string => readFileSync(place.edge.configFile, 'utf8')
const api = async <T>(path: string): Promise<T> => (await place.ask(path, { cookie: await tab.cookie() })).json<T>()
const row = (name: string) => tab.page.locator('tbody tr', { hasText: `${name}.pstnhub.microsoft.com` }).first()

test('status: hubs that answer, regions that ask, a hub that is taken out, and one that falls silent', async () => {
  await tab.goTo('/teams')
  await tab.seen(/^Calls can go both ways/)
  for (const name of ['sip', 'sip2', 'sip3']) await row(name).getByText('200 OK').waitFor()
  const asking = tab.page.locator('tbody tr', { hasText: 'sip-du-a-eu.pstnhub.microsoft.com' })
  expect(await asking.textContent()).toContain(wan(71))
  await picture(tab.page, 'admin-teams')
  expect(await seriousFaults(tab.page)).toEqual([])

  await row('sip3').getByRole('button', { name: 'Drain' }).click()
  await row('sip3').getByText('Draining').waitFor()
  const [view] = await api<readonly TeamsView[]>('/api/teams')
  expect(view?.peering.targets.map(({ drain }) => drain)).toEqual([false, false, true])
  await row('sip3').getByRole('button', { name: 'Take back' }).click()

  await hub.mood('sip2', 'refusing')
  await row('sip2').getByText('Down').waitFor({ timeout: 20_000 })
  await tab.seen('2 of 3 hubs answer')
  await hub.mood('sip2', 'well')
})

test('the doctor: what it finds is on the page, and in the text, as it is in the report', async () => {
  await tab.goTo('/teams/doctor')
  await tab.button('Examine').click()
  await tab.button('Examine again').waitFor({ timeout: 30_000 })
  const id = await tab.page.evaluate<string>('sessionStorage.getItem("edgeways-doctor-teams")')
  const { steps, summary } = await api<DoctorReport>(`/api/teams/doctor/${id}`)
  await tab.page.getByRole('heading', { name: summary }).waitFor()
  expect(await tab.page.locator('.doctor-step h3').allTextContents()).toEqual(steps.map(({ title }) => title))
  const shown = await tab.page.locator('.doctor-step').allTextContents()
  for (const [index, { finding, remedy = '' }] of steps.entries()) {
    expect(shown[index]).toContain(finding)
    expect(shown[index]).toContain(remedy)
  }
  const answered = tab.page.locator('.doctor-step', { hasText: 'OPTIONS to the hub' })
  expect(await answered.allTextContents()).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^Good.*200 OK/)))
  await tab.page.locator('.doctor-step', { hasText: 'Public DNS' }).locator('summary').click()
  await picture(tab.page, 'admin-teams-doctor', false)
  const download = tab.page.waitForEvent('download')
  await tab.page.getByRole('link', { name: 'Download text' }).click()
  const text = readFileSync(await (await download).path(), 'utf8')
  for (const { title } of steps) expect(text).toContain(title)
  expect(await seriousFaults(tab.page)).toEqual([])
})

test('the wizard: from the name to the lines for Microsoft, with every comment of the configuration kept', async () => {
  const before = onDisk()
  await tab.goTo('/teams/setup')
  await tab.seen(`${NAME} leads to ${wan(1)}, an address that nobody reaches from outside`)
  expect(await tab.field('Public name of this edge').inputValue()).toBe(NAME)
  await tab.button('Continue').click()
  await tab.page.locator('.choice-option', { hasText: 'sbc' }).getByText('The chain stops at').waitFor()
  await tab.page.getByText('Why not another one?').click()
  await tab.seen('local: It has other names: localhost')
  await tab.button('Continue').click()
  await tab.field('Zone').selectOption('pbx')
  await tab.field('Numbers of your Teams users').fill('+4420794601xx')
  await tab.button('Continue').click()
  await tab.page.locator('.diff-new', { hasText: '+4420794601xx' }).waitFor()
  expect(onDisk()).toBe(before)
  await picture(tab.page, 'admin-teams-setup')
  expect(await seriousFaults(tab.page)).toEqual([])
  await tab.button('Apply…').click()
  await tab.button('Apply').click()
  await tab.heading('Connect Teams: Microsoft 365')
  const now = onDisk().split('\n')
  expect(before.split('\n').filter((line) => !now.includes(line))).toEqual([])
  expect(now.join('\n')).toContain('+4420794601xx')
  await tab.seen(new RegExp(`New-CsOnlinePSTNGateway -Fqdn '${NAME}'`))
  await tab.button('Continue').click()
  await tab.seen('The first call')
  expect(await seriousFaults(tab.page)).toEqual([])
  await tab.goTo('/configuration/history')
  await tab.page.locator('tbody tr').first().getByText('anna').waitFor()
})
