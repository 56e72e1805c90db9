import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type AuditFacts, type AuditLimits, AuditLog } from '../../../../src/admin/auth/audit.ts'
import { HandClock, newFolder } from '../support.ts'

const facts = (what: string, more: Partial<AuditFacts> = {}): AuditFacts => ({
  who: 'ann',
  role: 'admin',
  from: '192.0.2.1',
  what,
  result: 'done',
  status: 200,
  ...more,
})

const opened = (folder: string, limits?: AuditLimits) => AuditLog.open(folder, new HandClock(), limits)
const numbers = async (log: AuditLog, limit: number, before?: number) => {
  const { entries, next } = await log.page({ limit, ...(before !== undefined && { before }) })
  return [entries.map(({ number }) => number), next]
}

test('each entry is a line of JSON with number and time, readable by the owner alone', async () => {
  const folder = newFolder()
  const log = await opened(folder)
  await log.append(facts('reload'))
  await log.append(facts('user-add', { subject: 'bob', after: { role: 'viewer' } }))
  const path = join(folder, 'audit.log')
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { number: 1, at: '2026-01-01T00:00:00.000Z', who: 'ann', what: 'reload' },
    { number: 2, what: 'user-add', subject: 'bob', after: { role: 'viewer' } },
  ])
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await log.close()
})

test('pages go back in time, and numbers go on after a restart', async () => {
  const folder = newFolder()
  const log = await opened(folder)
  for (let index = 0; index < 5; index++) await log.append(facts('reload'))
  await log.close()
  const again = await opened(folder)
  await again.append(facts('login'))
  expect(await numbers(again, 4)).toEqual([[6, 5, 4, 3], 3])
  expect(await numbers(again, 4, 3)).toEqual([[2, 1], undefined])
  expect(await numbers(again, 6)).toEqual([[6, 5, 4, 3, 2, 1], undefined])
  await again.close()
})

test('entries of one person or of one kind', async () => {
  const log = await opened(newFolder())
  for (const who of ['ann', 'bob']) for (const what of ['reload', 'login']) await log.append(facts(what, { who }))
  expect((await log.page({ limit: 9, who: 'bob' })).entries.map(({ what }) => what)).toEqual(['login', 'reload'])
  expect((await log.page({ limit: 9, what: 'login', who: 'ann' })).entries.map(({ number }) => number)).toEqual([2])
  await log.close()
})

test('files that are full move on, the oldest goes, and pages cross their borders', async () => {
  const folder = newFolder()
  const log = await opened(folder, { bytes: 400, files: 3 })
  for (let index = 0; index < 20; index++) await log.append(facts('reload'))
  expect(readdirSync(folder).sort()).toEqual(['audit.1.log', 'audit.2.log', 'audit.log'])
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(400)
  const [found] = (await numbers(log, 100)) as [number[], unknown]
  expect(found[0]).toBe(20)
  expect(found).toEqual(found.map((_each, index) => 20 - index))
  expect(found.length).toBeGreaterThan(5)
  await log.close()
  const again = await opened(folder, { bytes: 400, files: 3 })
  expect((await again.append(facts('login'))).number).toBe(21)
  await again.close()
})

test('right after a file was full the numbers go on, too', async () => {
  const folder = newFolder()
  const log = await opened(folder, { bytes: 150, files: 3 })
  for (let index = 0; index < 3; index++) await log.append(facts('reload'))
  await log.close()
  writeFileSync(join(folder, 'audit.log'), '')
  const again = await opened(folder, { bytes: 150, files: 3 })
  expect((await again.append(facts('login'))).number).toBe(3)
  await again.close()
})

test('half a line from a power loss is passed over, and the next entry has a line of its own', async () => {
  const folder = newFolder()
  const log = await opened(folder)
  await log.append(facts('reload'))
  await log.close()
  appendFileSync(join(folder, 'audit.log'), '{"number":2,"who":"an')
  const again = await opened(folder)
  await again.append(facts('login'))
  expect((await again.page({ limit: 9 })).entries.map(({ number, what }) => [number, what])).toEqual([
    [2, 'login'],
    [1, 'reload'],
  ])
  await again.close()
})

test('secrets are masked and long values are left out', async () => {
  const folder = newFolder()
  const log = await opened(folder)
  const { before, after } = await log.append(
    facts('x', { before: { password: 'geheim', nested: { privateKey: 'geheim' } }, after: 'x'.repeat(9000) }),
  )
  expect(before).toEqual({ password: '***', nested: { privateKey: '***' } })
  expect(after).toEqual({ leftOut: '9002 characters' })
  expect(readFileSync(join(folder, 'audit.log'), 'utf8')).not.toContain('geheim')
  await log.close()
})

test('entries that come at once are written one after the other', async () => {
  const log = await opened(newFolder(), { bytes: 1000, files: 10 })
  const entries = await Promise.all(Array.from({ length: 30 }, () => log.append(facts('reload'))))
  expect(entries.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_each, index) => index + 1))
  expect(((await numbers(log, 100)) as [number[]])[0]).toHaveLength(30)
  await log.close()
})
