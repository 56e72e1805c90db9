import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Database, type DatabaseOptions, openDatabase } from '../../../src/store/database.ts'

let folder: string
let open: Database[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-store-'))
})
afterEach(() => {
  for (const one of open) one.close()
  open = []
  rmSync(folder, { recursive: true })
})

const file = () => join(folder, 'edgeways.db')
const TABLE = [{ name: 'things-1', sql: 'CREATE TABLE things (name TEXT PRIMARY KEY) STRICT' }]
const database = (more: Partial<DatabaseOptions> = {}) => {
  const made = openDatabase(file(), { busyMs: 50, migrations: TABLE, wall: () => Date.UTC(2030, 0, 2, 3, 4, 5), ...more })
  open.push(made)
  return made
}
const put = (db: Database, name: string) => db.guarded(() => db.sql.prepare('INSERT INTO things VALUES (?)').run(name))
const names = (db: Database) =>
  (db.sql.prepare('SELECT name FROM things ORDER BY name').all() as { name: string }[]).map(({ name }) => name)
const codeOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

test('the database is made for its owner alone, its journal too, and a loose mode is tightened', () => {
  const first = database()
  put(first, 'a')
  for (const name of readdirSync(folder)) expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600])
  first.close()
  chmodSync(file(), 0o644)
  database()
  expect(statSync(file()).mode & 0o777).toBe(0o600)
})

test('what was put is there after it is opened again; a step of the tables runs once', () => {
  const first = database()
  put(first, 'a')
  first.close()
  const again = database({ migrations: [...TABLE, { name: 'things-2', sql: `INSERT INTO things VALUES ('from step 2')` }] })
  expect(names(again)).toEqual(['a', 'from step 2'])
})

test('two have it open: one sees what the other wrote, and that it was another', () => {
  const [edge, cli] = [database(), database()]
  const before = edge.foreignVersion
  put(edge, 'own')
  expect(edge.foreignVersion).toBe(before)
  put(cli, 'other')
  expect(edge.foreignVersion).not.toBe(before)
  expect(names(edge)).toEqual(['other', 'own'])
})

test('a transaction happens as a whole or not at all', () => {
  const db = database()
  expect(() =>
    db.transaction(() => {
      put(db, 'a')
      throw new Error('changed its mind')
    }),
  ).toThrow()
  expect(names(db)).toEqual([])
  db.transaction(() => db.transaction(() => put(db, 'b')))
  expect(names(db)).toEqual(['b'])
})

test('a writer that takes too long is an error with a name, not a wait for ever', () => {
  const [one, other] = [database(), database()]
  one.sql.exec('BEGIN IMMEDIATE')
  expect(codeOf(() => other.transaction(() => put(other, 'x')))).toBe('SBC_STORE_BUSY')
  one.sql.exec('ROLLBACK')
  other.transaction(() => put(other, 'x'))
  expect(names(one)).toEqual(['x'])
})

test('a database of a later version is left alone', () => {
  database({ migrations: [...TABLE, { name: 'future-1', sql: 'CREATE TABLE future (a INTEGER) STRICT' }] }).close()
  expect(codeOf(() => database({ damaged: () => expect.unreachable() }))).toBe('SBC_STORE_NEWER')
})

test('a step that fails leaves nothing of itself', () => {
  const wrong = [...TABLE, { name: 'wrong-1', sql: 'CREATE TABLE half (a INTEGER) STRICT; CREATE TABLE things (a INTEGER) STRICT' }]
  expect(codeOf(() => database({ migrations: wrong }))).toBe('SBC_STORE_WRITE')
  const again = database()
  expect(again.sql.prepare(`SELECT count(*) AS n FROM sqlite_master WHERE name = 'half'`).get()).toEqual({ n: 0 })
})

test('a damaged file is moved aside, byte for byte, and told; a process that does not own it leaves it where it is', () => {
  writeFileSync(file(), `no database ${'x'.repeat(5000)}`)
  expect(codeOf(() => database())).toBe('SBC_STORE_DAMAGED')
  expect(readdirSync(folder)).toEqual(['edgeways.db'])
  const told: string[] = []
  const fresh = database({ damaged: (aside, why) => told.push(aside, why) })
  put(fresh, 'a')
  expect(told[0]).toBe(`${file()}.damaged-20300102T030405Z`)
  expect(told[1]).toMatch(/damaged/)
  expect(readFileSync(told[0]!, 'latin1')).toBe(`no database ${'x'.repeat(5000)}`)
})

test('pages that were overwritten in the midst are noticed at the start', () => {
  const db = database()
  for (let i = 0; i < 2000; i++) put(db, `name ${i} ${'x'.repeat(50)}`)
  db.close()
  const bytes = readFileSync(file())
  bytes.fill(0xa5, 3 * 4096, 9 * 4096)
  writeFileSync(file(), bytes)
  const told: string[] = []
  database({ damaged: (aside) => told.push(aside) })
  expect(told).toHaveLength(1)
  expect(readFileSync(told[0]!).equals(bytes)).toBe(true)
})

test('a folder where a file stands is an error with a name; a reader makes nothing', () => {
  expect(codeOf(() => openDatabase(join(folder, 'a', 'b.db'), { busyMs: 1, create: false, wall: () => 0 }))).toBe('SBC_STORE_OPEN')
  expect(existsSync(join(folder, 'a'))).toBe(false)
  writeFileSync(join(folder, 'file'), '')
  expect(codeOf(() => openDatabase(join(folder, 'file', 'b.db'), { busyMs: 1, wall: () => 0 }))).toBe('SBC_STORE_OPEN')
})
