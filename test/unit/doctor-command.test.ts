import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { doctorCommand } from '../../src/doctor-command.ts'
import { PEERING_FILE, readPeering, writePeering } from '../../src/teams/peering-file.ts'
import { createAuthority } from '../support/authority.ts'
import { configOf, NAME, NOW, peeringOf, refusalOf, worldOf } from './teams/support.ts'

const folder = mkdtempSync(join(tmpdir(), 'edgeways-doctor-'))
const data = join(folder, 'data')
afterAll(() => rmSync(folder, { recursive: true }))
createAuthority(folder).issue('ours', [NAME])
mkdirSync(data)
writeFileSync(join(folder, 'edge.yaml'), configOf(5061))

const run = async (args: readonly string[], terminal = false) => {
  let [out, err] = ['', '']
  const code = await doctorCommand(args, {
    ...{ stdout: { write: (text) => (out += text) }, stderr: { write: (text) => (err += text) }, terminal, world: worldOf() },
    environment: { EDGEWAYS_CONFIG: join(folder, 'edge.yaml'), EDGEWAYS_DATA: data },
  })
  return { code, out, err }
}

test('steps with marks in the order of the list, the summary at the end, and exit code 1 for what is wrong', async () => {
  const { code, out, err } = await run(['teams'])
  expect([code, err]).toEqual([1, ''])
  expect(out).toMatch(
    /^Microsoft Teams: zone teams, name sbc\.contoso\.com; Edgeways \d[\w.-]*, \d{4}-[\dT:.-]+Z\n\nOur name\nok {3}Our name: /,
  )
  expect(out.indexOf('Our certificate')).toBeLessThan(out.indexOf('Hub sip.pstnhub.microsoft.com'))
  expect(out).toContain('BAD  Chain of the certificate: ')
  expect(out).toContain('--   OPTIONS from Microsoft: The edge is not running')
  expect(out.trimEnd().split('\n').at(-1)).toMatch(/things are wrong/)
  expect(out).not.toContain('\x1b')
  expect((await run(['teams'], true)).out).toContain('\x1b[31mBAD')
})

test('as JSON it is the report, and nothing else', async () => {
  const { code, out } = await run(['teams', '--json'])
  const report = JSON.parse(out)
  expect([code, report.zone, report.verdict, report.steps.length > 15]).toEqual([1, 'teams', 'bad', true])
})

test('what the running edge wrote is read, until it is old; the file is for its owner alone', async () => {
  const askers = [{ host: 'hüb.test', lastAt: new Date(NOW - 5000).toISOString(), count: 3, addresses: ['52.114.1.1'], names: [] }]
  const state = { writtenAt: new Date(NOW - 20_000).toISOString(), zones: { teams: peeringOf({ askers }) }, refusals: [refusalOf({})] }
  await writePeering(data, state)
  expect(statSync(join(data, PEERING_FILE)).mode & 0o777).toBe(0o600)
  expect(await readPeering(data, NOW)).toEqual(state)
  const { out } = await run(['teams', '--facts'])
  expect(out).toContain('OPTIONS from Microsoft: The last one came 5 s ago')
  expect(out).toContain("BAD  Refused from Microsoft's networks")
  await writePeering(data, { ...state, writtenAt: new Date(NOW - 600_000).toISOString() })
  expect((await run(['teams'])).out).toContain('The edge is not running: what it knew is from')
  writeFileSync(join(data, PEERING_FILE), '{')
  expect(await readPeering(data, NOW)).toBe('peering.json cannot be read')
  rmSync(join(data, PEERING_FILE))
})

test('nothing is written or locked by it', async () => {
  await run(['teams'])
  expect(readdirSync(data)).toEqual([])
})

test('a certificate of the data folder is read where the edge keeps it, and one that is not there yet is said to be', async () => {
  const file = join(folder, 'stored.yaml')
  writeFileSync(file, configOf(5061).replace('main: { chain: ours.pem, key: ours.key }', 'main: stored'))
  const args = ['teams', '--config', file]
  expect((await run(args)).out).toContain('Certificate main is not in the data folder')
  const kept = join(data, 'certificates', 'main')
  mkdirSync(kept, { recursive: true })
  const { chain, key } = createAuthority(mkdtempSync(join(folder, 'other-'))).issue('x', [NAME])
  writeFileSync(join(kept, 'chain.pem'), chain)
  writeFileSync(join(kept, 'key.pem'), key)
  expect((await run(args)).out).toContain(`ok   Names in the certificate: The certificate names ${NAME}`)
  rmSync(join(data, 'certificates'), { recursive: true })
})

test.each([
  [[], /Doctor of what/],
  [['nurse'], /There is no doctor for "nurse"/],
  [['teams', 'now'], /one word too many/],
  [['teams', '--zone', 'x'], /There is no zone "x" of kind teams; there is teams/],
  [['teams', '--colour'], /Unknown option/],
  [['teams', '--config', '/nonexistent.yaml'], /cannot be read/],
])('%j is not understood, with exit code 2', async (args, message) => {
  const { code, err } = await run(args)
  expect([code, err]).toEqual([2, expect.stringMatching(message)])
})

test('--help says how', async () => {
  expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('usage: edgeways doctor teams') })
})
