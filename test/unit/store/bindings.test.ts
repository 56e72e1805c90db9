import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Log, LogFields } from '../../../src/observability/log.ts'
import { Bindings } from '../../../src/registrar/bindings.ts'
import type { Binding } from '../../../src/registrar/types.ts'
import { StoredBindings } from '../../../src/store/bindings.ts'
import { type Database, openDatabase } from '../../../src/store/database.ts'

const NOW = 1_790_000_000_000

const BINDING: Binding = {
  aor: 'alice@example.com',
  key: '<urn:uuid:1>;1',
  zone: 'browsers',
  listener: 'web/wss',
  flow: { kind: 'connection', boot: 'b', id: '7', identity: 'u1' },
  contact: 'sip:x@y.invalid;transport=ws',
  parameters: ';+sip.instance="<urn:uuid:1>";reg-id=1',
  q: 500,
  path: ['<sip:p.example.com;lr>'],
  callId: 'c@d',
  cseq: 3,
  expiresAt: NOW + 600_000,
  since: NOW - 5000,
  refreshedAt: NOW,
  userAgent: 'Phone/1.0',
  nat: ['contact-private'],
  registrar: undefined,
}

const PASSED: Binding = {
  ...BINDING,
  aor: 'bob@pbx.example',
  flow: { kind: 'datagram', address: '198.51.100.7', port: 5062 },
  registrar: {
    zone: 'pbx',
    target: 't',
    uri: 'sip:pbx.example',
    to: '<sip:bob@pbx.example>',
    keptUntil: NOW + 9_000_000,
    contact: '<sip:b@c>',
  },
}

interface Place {
  readonly lines: LogFields[]
  /** The process was killed: nothing was closed. */
  readonly again: () => { readonly database: Database; readonly store: StoredBindings }
  readonly database: Database
  readonly store: StoredBindings
}

const start = (): Place => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeways-bindings-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const lines: LogFields[] = []
  const log = { error: (fields: LogFields) => lines.push(fields) } as unknown as Log
  const again = () => {
    const database = openDatabase(join(folder, 'edgeways.db'), { busyMs: 100, wall: () => NOW })
    onTestFinished(() => database.close())
    return { database, store: new StoredBindings(database, log) }
  }
  return { lines, again, ...again() }
}

describe('registrations in the database', () => {
  test('what was put is there for the next process, whole', () => {
    const { store, again } = start()
    store.put(BINDING)
    store.put(PASSED)
    expect(again().store.load()).toEqual([BINDING, PASSED])
  })

  test('a refresh replaces, a removal removes', () => {
    const { store, again } = start()
    store.put(BINDING)
    store.put({ ...BINDING, cseq: 4 })
    store.put(PASSED)
    store.remove(PASSED.aor, PASSED.key)
    expect(again().store.load()).toEqual([{ ...BINDING, cseq: 4 }])
  })

  test.each([
    ['no JSON', '{'],
    ['another value', '7'],
    ['no flow', JSON.stringify({ ...BINDING, flow: undefined })],
    ['a flow of another kind', JSON.stringify({ ...BINDING, flow: { kind: 'pigeon' } })],
    ['a number that is a text', JSON.stringify({ ...BINDING, q: '1' })],
    ['a path that is no list', JSON.stringify({ ...BINDING, path: 'sip:x' })],
    ['half of a registrar', JSON.stringify({ ...BINDING, registrar: { zone: 'pbx' } })],
  ])('a damaged row (%s) is left out with a line in the log, once, and the others are there', (_what, text) => {
    const { store, database, again, lines } = start()
    store.put(BINDING)
    database.sql.prepare('INSERT INTO bindings VALUES (?, ?, ?, ?)').run('a@b', 'k', NOW + 1000, text)
    expect(store.load()).toEqual([BINDING])
    expect(lines).toEqual([{ code: 'SBC_STORE_ROW', rows: 1, first: 'a@b' }])
    expect(again().store.load()).toEqual([BINDING])
    expect(lines.length).toBe(1)
  })

  test('all of several changes, or none', () => {
    const { store, again } = start()
    store.put(PASSED)
    expect(() =>
      store.together(() => {
        store.remove(PASSED.aor, PASSED.key)
        store.put(BINDING)
        throw new Error('in the midst')
      }),
    ).toThrow()
    expect(again().store.load()).toEqual([PASSED])
  })

  test('what has expired meanwhile is nobody’s, and leaves the database', () => {
    const { store, again } = start()
    store.put(BINDING)
    store.put({ ...PASSED, expiresAt: NOW - 1 })
    const bindings = new Bindings(store, () => NOW)
    expect([...bindings.all()]).toEqual([BINDING])
    expect(again().store.load()).toEqual([BINDING])
  })

  test('what cannot be kept is not there either', () => {
    const { store, database } = start()
    const bindings = new Bindings(store, () => NOW)
    database.sql.exec('DROP TABLE bindings')
    expect(() => bindings.put(BINDING)).toThrow(expect.objectContaining({ code: 'SBC_STORE_WRITE' }))
    expect(() => bindings.change('alice@example.com', [BINDING, { ...BINDING, key: 'other' }], [])).toThrow()
    expect(bindings.size).toBe(0)
  })
})
