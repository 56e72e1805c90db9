import { expect, test } from 'vitest'
import type { ConfigDesk, PeeringView } from '../../../src/admin/contract.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { RandomIds } from '../../../src/engine/random-ids.ts'
import { TeamsDesk } from '../../../src/teams/desk.ts'
import { addTeamsRoutes } from '../../../src/teams/routes.ts'
import type { DoctorReport } from '../../../src/teams/types.ts'
import type { World } from '../../../src/teams/world.ts'
import { accountsWith, HandClock, serverWith, signIn, TOKEN } from '../admin/support.ts'
import { certificates, configOf, folder, HUB, NAME, OURS, peeringOf, snapshotOf, sourcesOf, worldOf } from './support.ts'

certificates()
const TEXT = `${configOf(5061)}
routes: [ { from: teams, respond: 503 Closed } ]
`

interface Wishes {
  readonly world?: Partial<World>
  readonly peering?: PeeringView
  readonly text?: string
  readonly sources?: Parameters<typeof sourcesOf>[0]
}

const place = async ({ world = {}, peering = peeringOf(), text = TEXT, sources = {} }: Wishes = {}) => {
  const snapshot = snapshotOf(text)
  const told: DoctorReport[] = []
  const config = {
    read: async () => ({ text, version: '1', file: 'edge.yaml' }),
    check: (changed: string) => {
      const loaded = loadConfig(changed, { file: `${folder}/edge.yaml`, dataDir: folder })
      return { ok: loaded.ok, problems: loaded.ok ? loaded.warnings : loaded.problems, changes: [] }
    },
  } as unknown as ConfigDesk
  const now = { ms: 0 }
  const desk = new TeamsDesk({
    running: () => snapshot,
    engine: { version: '9.9.9', peering: (zone) => (zone === 'teams' ? peering : undefined), refusals: () => [] },
    world: worldOf({ now: () => now.ms, ...world }),
    ids: new RandomIds(),
    sources: sourcesOf(sources),
    config,
    told: (report) => told.push(report),
  })
  const clock = new HandClock()
  const accounts = await accountsWith(['viewer'], clock)
  const server = serverWith({ accounts, clock, more: [(app) => addTeamsRoutes(app, desk)] })
  const ask = (method: 'GET' | 'POST', url: string, body?: object) =>
    server.app.inject({ method, url: `/api/teams${url}`, headers: { authorization: `Bearer ${TOKEN}` }, ...(body && { payload: body }) })
  const finished = async (id: string): Promise<DoctorReport> => {
    await expect.poll(() => desk.report(id)?.finishedAt).toBeDefined()
    return desk.report(id)!
  }
  return { ask, desk, told, server, finished, now }
}

test('GET /api/teams: a view of each zone, with what to do next', async () => {
  const { ask } = await place()
  const answer = await ask('GET', '')
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject([
    {
      cloud: 'worldwide',
      peering: { zone: 'teams', name: NAME, port: 5061, targets: [{ host: HUB, health: 'up', connections: 1 }] },
      certificate: { name: 'main', problems: [expect.stringContaining('chain stops')] },
      roots: { missing: { length: 7 }, expiring: [] },
      next: { page: 'certificates' },
    },
  ])
  expect(answer.body).not.toContain('PRIVATE')
})

test('who asks again and again costs little: roots and certificate are looked at anew when they are others, or after ten minutes', async () => {
  let looks = 0
  let pair = certificates().ours
  const sources = {
    shown: async ({ name }: { readonly name: string }) => ({ name, ...pair }),
    rootsOf: async () => {
      looks++
      return []
    },
  }
  const { ask, now } = await place({ sources })
  for (let times = 0; times < 3; times++) await ask('GET', '')
  expect(looks).toBe(1)
  pair = certificates().hub
  expect((await ask('GET', '')).json()[0].certificate.problems[0]).toContain('and not sbc.contoso.com')
  expect(looks).toBe(2)
  now.ms += 600_000
  await ask('GET', '')
  expect(looks).toBe(3)
})

test('the doctor: begun, followed, read as JSON and as text', async () => {
  const { ask, told, finished } = await place()
  const begun = await ask('POST', '/doctor', { zone: 'teams' })
  expect([begun.statusCode, begun.json().verdict, begun.json().steps.length > 15]).toEqual([202, undefined, true])
  const { id } = begun.json()
  const report = await finished(id)
  expect((await ask('GET', `/doctor/${id}`)).json()).toEqual(JSON.parse(JSON.stringify(report)))
  expect(told.at(-1)).toEqual(report)
  expect(told.length).toBeLessThan(report.steps.length)
  const text = await ask('GET', `/doctor/${id}/text`)
  expect([text.headers['content-type'], text.headers['content-disposition']]).toEqual([
    'text/plain; charset=utf-8',
    'attachment; filename="teams-doctor.txt"',
  ])
  expect(text.body).toContain(`Edgeways 9.9.9, zone teams, name ${NAME}`)
  expect(text.body).toContain('What to do: ')
})

test('one at a time for a zone, not again at once, and no others than there are', async () => {
  let release = () => {}
  const held = new Promise<void>((done) => {
    release = done
  })
  const world = { clockAhead: () => held.then(() => ({ server: 'time.test', milliseconds: 0 })) }
  const { ask, finished, now } = await place({ world })
  const first = (await ask('POST', '/doctor', { zone: 'teams' })).json()
  expect((await ask('POST', '/doctor', { zone: 'teams' })).json().id).toBe(first.id)
  release()
  await finished(first.id)
  const soon = await ask('POST', '/doctor', { zone: 'teams' })
  expect([soon.statusCode, soon.headers['retry-after']]).toEqual([429, '10'])
  now.ms += 10_000
  const later = await ask('POST', '/doctor', { zone: 'teams' })
  expect([later.statusCode, later.json().id === first.id]).toEqual([202, false])
  expect((await ask('POST', '/doctor', { zone: 'nobody' })).statusCode).toBe(404)
  expect((await ask('GET', '/doctor/nothing')).statusCode).toBe(404)
  expect((await ask('GET', '/doctor/nothing/text')).statusCode).toBe(404)
  expect((await ask('POST', '/doctor', { zone: 'teams', more: 1 })).statusCode).toBe(400)
})

test('the last twenty reports are kept', async () => {
  const { ask, finished, now } = await place()
  const ids: string[] = []
  for (let run = 0; run < 21; run++) {
    now.ms += 10_000
    ids.push((await ask('POST', '/doctor', { zone: 'teams' })).json().id)
    await finished(ids.at(-1)!)
  }
  expect((await ask('GET', `/doctor/${ids[0]}`)).statusCode).toBe(404)
  expect((await ask('GET', `/doctor/${ids[1]}`)).statusCode).toBe(200)
})

test('a name is looked up, and a proposal made, without anything being changed', async () => {
  const { ask } = await place()
  expect((await ask('POST', '/name', { name: 'SBC.contoso.com.' })).json()).toEqual({
    ...{ name: NAME, addresses: [OURS], expected: OURS, verdict: 'good' },
    finding: `${NAME} leads to ${OURS}, which is this edge`,
  })
  const answers = { name: NAME, cloud: 'worldwide', port: 5061, certificate: 'main', numbers: ['+4420794601xx'], bypass: false }
  const proposal = (await ask('POST', '/setup', { ...answers, pbx: { zone: 'pbx' } })).json()
  expect(proposal.problems).toContain('There is no zone "pbx" for the PBX')
  expect(proposal.powershell.map(({ lines }: { lines: string }) => lines).join('\n')).toContain(`-Fqdn '${NAME}' -SipSignalingPort 5061`)
  expect((await ask('POST', '/setup', { ...answers, pbx: { uri: 'sip:1.2.3.4' } })).statusCode).toBe(400)
  expect((await ask('POST', '/setup', { ...answers, pbx: { zone: 'x' }, country: 'DE' })).statusCode).toBe(400)
})

test('codes and texts are explained, for the ladder of a call and for people', async () => {
  const { ask } = await place()
  const explain = (text: string, status = '') => ask('GET', `/explain?text=${encodeURIComponent(text)}${status}`)
  const reason = 'Q.850;cause=63;text="5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1;No trunk config was found"'
  expect((await explain(reason)).json()).toMatchObject({
    meaning: expect.stringContaining('no trunk'),
    guid: '5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1',
  })
  expect((await explain(' 0x80090328 ')).json().meaning).toBe('The certificate has expired')
  expect((await explain('510532')).statusCode).toBe(200)
  expect((await explain('hello')).statusCode).toBe(404)
  expect((await explain('hello', '&status=488')).json().meaning).toContain('media')
  expect((await explain('x'.repeat(1001))).statusCode).toBe(400)
})

test('who may look may read; who may not run the edge may not make it ask the world', async () => {
  const { server } = await place()
  const viewer = await signIn(server, 'viewer')
  expect((await viewer.send('GET', '/api/teams')).statusCode).toBe(200)
  for (const path of ['doctor', 'name', 'setup'])
    expect((await viewer.send('POST', `/api/teams/${path}`, { zone: 'teams' })).statusCode).toBe(403)
})
