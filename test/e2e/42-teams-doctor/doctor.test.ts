import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DoctorReport, SetupProposal, TeamsView, Verdict } from '../../../src/teams/types.ts'
import { type Edge, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { startHub } from '../../teams-hub/hub.ts'
import type { Hub } from '../../teams-hub/types.ts'

const NAME = 'sbc1.example.org'
/** In the certificate, and no trunk. */
const UNKNOWN = 'sbc2.example.org'
const HUBS = ['sip', 'sip2', 'sip3'].map((site) => `${site}.pstnhub.microsoft.com`)
const OF_HUB = ['dns', 'ranges', 'tcp', 'tls', 'certificate', 'asked', 'options-out', 'health']
const net = 1 + (process.pid % 250)
const wan = (host: number): string => `127.45.${net}.${host}`
const root = join(import.meta.dirname, '..', '..', '..')

const folder = temporaryFolder('e2e-42')
let hub: Hub
let edge: Edge
let api = ''

beforeAll(async () => {
  const [main, other, admin] = [await freePort(wan(1)), await freePort(wan(1)), await freePort('127.0.0.1')]
  hub = await startHub({
    ...{ folder: folder.path, addresses: [wan(65), wan(66), wan(67)], machines: [wan(71)], media: wan(80), sbcAddress: wan(1) },
    tenants: [{ name: 'example', domains: ['example.org'], trunks: [{ fqdn: NAME, port: main }], users: {} }],
    times: { pinging: 1000 },
  })
  const own = hub.issue('edge', [NAME, UNKNOWN])
  const zone = `kind: teams, peers: { roots: [ '${hub.rootsFile}' ] }, admit: { networks: [ ${wan(64)}/26 ] }, probe: { interval: 1s, timeout: 500ms }`
  const config = `# Ours
name: ${NAME}
listeners:
  lan: { udp: '${wan(2)}:5060' }
  teams: { tls: '${wan(1)}:${main}' }   # the trunk
  other: { tls: '${wan(1)}:${other}', advertise: '${UNKNOWN}:${other}' }
certificates: { main: { chain: '${own.chainFile}', key: '${own.keyFile}' } }
zones:
  pbx: { kind: trunk, on: lan, targets: [ 'sip:${wan(3)}:5060;transport=udp' ], probe: false }
  teams: { on: teams, ${zone} }
  other: { on: other, ${zone} }
routes:
  - { from: [ teams, other ], to: pbx }   # calls from Teams
media: off
admin: { listen: '127.0.0.1:${admin}', plain: true }
`
  edge = await startEdge({ config, adminPort: admin, folder: folder.path, environment: { EDGEWAYS_DNS_SERVERS: hub.dns } })
  api = `http://127.0.0.1:${admin}/api`
})
afterAll(async () => {
  await edge?.stop()
  await hub?.stop()
  folder.remove()
})

const post = async <T>(path: string, body: object): Promise<T> => {
  const answer = await fetch(`${api}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as T
}
const examined = async (zone: string): Promise<DoctorReport> => {
  const { id } = await post<DoctorReport>('/teams/doctor', { zone })
  const read = () => edge.api<DoctorReport>(`/api/teams/doctor/${id}`)
  await expect.poll(async () => (await read()).finishedAt, { timeout: 10_000, interval: 100 }).toBeDefined()
  return read()
}
const verdicts = ({ steps }: DoctorReport, host: string): readonly (Verdict | undefined)[] =>
  OF_HUB.map((name) => steps.find(({ id }) => id === `${host}/${name}`)?.verdict)
const step = ({ steps }: DoctorReport, wanted: string) => steps.find(({ id }) => id === wanted)

test('T §7.2: every hub is well in every check, and Microsoft asks us; the event stream tells of it', async () => {
  await hub.until(
    () => hub.options().some(({ direction, status }) => direction === 'to-sbc' && status === 200) || undefined,
    'OPTIONS to us',
  )
  const both = async (): Promise<boolean> => {
    const { askers, targets } = (await edge.api<TeamsView[]>('/api/teams'))[0]!.peering
    return askers.length > 0 && targets.every(({ health }) => health === 'up')
  }
  // Hubs are asked one after the other, within some seconds
  await expect.poll(both, { timeout: 10_000 }).toBe(true)
  const abort = new AbortController()
  const events = await fetch(`${api}/events?topics=doctor`, { signal: abort.signal })
  const report = await examined('teams')
  for (const host of HUBS) expect([host, verdicts(report, host)]).toEqual([host, OF_HUB.map(() => 'good')])
  expect(step(report, 'options-in')).toMatchObject({ verdict: 'good', finding: expect.stringContaining('sip-du-a-') })
  expect(step(report, 'port')).toMatchObject({ verdict: 'good' })
  expect(step(report, 'refusals')).toMatchObject({ verdict: 'good' })
  // An authority that nobody else knows, and an address of loopback
  expect([step(report, 'certificate/chain')?.verdict, step(report, 'dns')?.verdict, report.verdict]).toEqual(['bad', 'bad', 'bad'])
  const reader = events.body!.getReader()
  let told = ''
  while (!told.includes('"finishedAt"')) told += Buffer.from((await reader.read()).value!).toString()
  abort.abort()
  expect(told).toContain(`event: doctor\ndata: {"id":"${report.id}"`)
})

test('T §3.4, T6.18: a name that is no trunk gets 403, which is explained; a hub that is closed, and one that asks for a pause', async () => {
  await hub.mood('sip2', 'refusing')
  await hub.mood('sip3', { retryAfter: 30 })
  const report = await examined('other')
  const answered = step(report, `${HUBS[0]}/options-out`)
  expect(answered).toMatchObject({ verdict: 'bad', finding: expect.stringMatching(/403.*(?:trunk|name)/) })
  expect(answered?.facts?.map(([label]) => label)).toContain('GUID for Microsoft')
  expect(verdicts(report, HUBS[1]!).slice(2, 7)).toEqual(['bad', 'skipped', 'skipped', 'skipped', 'skipped'])
  expect(step(report, `${HUBS[2]}/options-out`)).toMatchObject({ verdict: 'bad', finding: expect.stringContaining('takes no calls now') })
  await hub.mood('sip2', 'well')
  await hub.mood('sip3', 'well')
})

const doctorProgram = () => {
  const args = [join(root, 'src/main.ts'), 'doctor', 'teams', '--zone', 'teams', '--config', edge.configFile, '--data', edge.dataFolder]
  return spawn(join(root, 'node_modules/.bin/node'), args, { env: { ...process.env, EDGEWAYS_DNS_SERVERS: hub.dns } })
}

test('who reads no further, as head does, gets no complaint', async () => {
  const program = doctorProgram()
  program.stdout.once('data', () => program.stdout.destroy())
  let complaint = ''
  program.stderr.on('data', (bytes: Buffer) => {
    complaint += bytes
  })
  const code = await new Promise((done) => program.once('exit', done))
  expect([code, complaint]).toEqual([0, ''])
})

test('from the command line the same is found beside the running edge', async () => {
  const program = doctorProgram()
  let out = ''
  program.stdout.on('data', (bytes: Buffer) => {
    out += bytes
  })
  const code = await new Promise((done) => program.once('exit', done))
  expect(code).toBe(1)
  expect(out.match(/^ok {3}OPTIONS to the hub: 200 OK/gm)).toHaveLength(3)
  expect(out).toContain('BAD  Chain of the certificate: ')
})

test('what the wizard proposes for what is there already adds what was asked for, keeps comments, and is valid', async () => {
  const [view] = await edge.api<TeamsView[]>('/api/teams')
  const answers = { name: NAME, cloud: 'worldwide', port: view!.peering.port, certificate: 'main', pbx: { zone: 'pbx' }, bypass: false }
  const proposal = await post<SetupProposal>('/teams/setup', { ...answers, numbers: ['+4420794601xx'], country: '44' })
  expect([proposal.problems, proposal.changes]).toEqual([
    [],
    [
      'Listener group teams shows certificate main',
      'Numbers to Teams become +E.164, with the country code 44',
      'Calls of pbx to +4420794601xx go to Teams',
    ],
  ])
  for (const comment of ['# Ours', '# the trunk', '# calls from Teams']) expect(proposal.configuration).toContain(comment)
})
