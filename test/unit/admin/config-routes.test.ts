import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FastifyInstance, fastify } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addConfigRoutes } from '../../../src/admin/config-routes.ts'
import type { ReloadView } from '../../../src/admin/contract.ts'
import { answerErrors } from '../../../src/admin/errors.ts'
import { FileConfig } from '../../../src/config/desk.ts'
import { loadConfig } from '../../../src/config/load.ts'

const BEFORE = `# ours
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060 }   # the PBX
zones:
  pbx: { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060" ] }
routes: [ { from: pbx, to: pbx } ]
media: off
`
const AFTER = BEFORE.replace('zones:', 'zones:\n  carrier: { kind: trunk, on: lan, targets: [ "sip:10.0.0.30:5060" ] }').replace(
  'to: pbx }',
  'to: [ pbx, carrier ] }',
)

let folder: string
let file: string
let app: FastifyInstance
let reload: ReloadView
let desk: FileConfig

const load = (text: string) => loadConfig(text, { file, dataDir: folder })
const snapshot = () => {
  const loaded = load(BEFORE)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-config-'))
  file = join(folder, 'edge.yaml')
  writeFileSync(file, BEFORE, { mode: 0o640 })
  reload = { result: 'applied', at: '2026-01-01T00:00:00.000Z', changes: ['zone added: carrier', 'routes changed'], problems: [] }
  let time = 1_790_000_000_000
  desk = new FileConfig({
    file,
    folder: join(folder, 'history'),
    wall: () => {
      time += 1000
      return time
    },
    load,
    running: snapshot,
    reload: async () => reload,
  })
  app = fastify()
  app.decorateRequest('principal')
  app.decorateRequest('change')
  app.addHook('onRequest', async (request) => {
    request.principal = { who: 'alice' } as never
  })
  answerErrors(app, { error: () => {} } as never)
  addConfigRoutes(app, desk)
})

afterEach(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})

const get = async (url: string) => (await app.inject({ url })).json()
const put = (text: string, version: string) => app.inject({ method: 'PUT', url: '/api/config', payload: { text, version } })

test('a text is checked without being written: problems with their lines, and what a reload would do', async () => {
  const check = async (text: string) => (await app.inject({ method: 'POST', url: '/api/config/check', payload: { text } })).json()
  expect(await check(AFTER)).toMatchObject({ ok: true, changes: ['zone added: carrier', 'routes changed'] })
  expect(await check(BEFORE.replace('trunk', 'trunc'))).toMatchObject({ ok: false, problems: [{ path: 'zones.pbx.kind', line: 6 }] })
  expect(readFileSync(file, 'utf8')).toBe(BEFORE)
})

test('a change is written as it is, with its comments, and the version before is kept', async () => {
  const { version } = await get('/api/config')
  const saved = await put(AFTER, version)
  expect(saved.statusCode).toBe(200)
  expect(saved.json()).toMatchObject({ result: 'applied', changes: ['zone added: carrier', 'routes changed'] })
  expect(readFileSync(file, 'utf8')).toBe(AFTER)
  const { versions } = await get('/api/config/history')
  expect(versions).toMatchObject([{ by: 'alice', changes: ['zone added: carrier', 'routes changed'] }])
  expect(await get(`/api/config/history/${versions[0].id}`)).toEqual({ text: BEFORE })
})

test('what somebody changed in the meantime is never overwritten', async () => {
  const { version } = await get('/api/config')
  writeFileSync(file, `${BEFORE}# by hand\n`)
  const answer = await put(AFTER, version)
  expect(answer.statusCode).toBe(409)
  expect(answer.json().message).toContain('read it again')
  expect(readFileSync(file, 'utf8')).toBe(`${BEFORE}# by hand\n`)
})

test('a text with mistakes is refused and not written', async () => {
  const { version } = await get('/api/config')
  const answer = await put(BEFORE.replace('trunk', 'trunc'), version)
  expect(answer.statusCode).toBe(422)
  expect(answer.json().problems[0].path).toBe('zones.pbx.kind')
  expect(readFileSync(file, 'utf8')).toBe(BEFORE)
  expect(await get('/api/config/history')).toEqual({ versions: [] })
})

test('when the reload refuses it, the file is what it was', async () => {
  reload = { result: 'refused', at: '2026-01-01T00:00:00.000Z', problems: [] }
  const { version } = await get('/api/config')
  expect((await put(AFTER, version)).statusCode).toBe(422)
  expect(readFileSync(file, 'utf8')).toBe(BEFORE)
})

test('an earlier version is put in force again; one that is none is not found', async () => {
  const { version } = await get('/api/config')
  await put(AFTER, version)
  const [{ id }] = (await get('/api/config/history')).versions
  const restored = await app.inject({ method: 'POST', url: `/api/config/history/${id}/restore` })
  expect(restored.json().result).toBe('applied')
  expect(readFileSync(file, 'utf8')).toBe(BEFORE)
  for (const bad of ['..%2f..%2fedge', '20260101T000000000Z-00000000', 'x'])
    expect((await app.inject({ url: `/api/config/history/${bad}` })).statusCode).toBe(404)
})

test('two changes made from one text: the second one is a conflict', async () => {
  const { version } = await get('/api/config')
  const answers = await Promise.all([put(AFTER, version), put(`${BEFORE}# other\n`, version)])
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 409])
})

test('the schema and the effective configuration are there to look at', async () => {
  expect((await get('/api/config/schema')).properties.zones).toBeDefined()
  expect((await get('/api/config/effective')).text).toContain('# default')
})
