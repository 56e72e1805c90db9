import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestHa1 } from '../../../src/authentication/digest.ts'
import { type Database, openDatabase } from '../../../src/store/database.ts'
import { SealingKey, sealingKey } from '../../../src/store/sealing.ts'
import { newPassword } from '../../../src/store/subscriber-rules.ts'
import { SubscriberStore } from '../../../src/store/subscribers.ts'

let folder: string
let realm: string
let key: SealingKey
const open: Database[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-users-'))
  realm = 'example.com'
  key = new SealingKey(randomBytes(32))
})
afterEach(() => {
  for (const one of open.splice(0)) one.close()
  rmSync(folder, { recursive: true })
})

const store = (sealing = key) => {
  const database = openDatabase(join(folder, 'edgeways.db'), { busyMs: 500, wall: () => 1000 })
  open.push(database)
  return new SubscriberStore({ database, key: sealing, realm: () => realm, wall: () => 1000 })
}
const codeOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

describe('users', () => {
  test('are found by name and alias, with HA1 for each algorithm, and are there after a restart', () => {
    store().add({ user: 'alice', displayName: 'Alice', aliases: ['+4930123', '100'], password: 'correct horse' })
    const again = store()
    const alice = { user: 'alice', aliases: ['+4930123', '100'].sort(), displayName: 'Alice', enabled: true }
    expect(again.find('alice')).toEqual(alice)
    expect(again.find('100')).toEqual(alice)
    expect(again.find('Alice')).toBeUndefined()
    for (const algorithm of ['MD5', 'SHA-256'] as const)
      expect(again.ha1('alice', algorithm)).toBe(digestHa1(algorithm, 'alice', 'example.com', 'correct horse'))
    expect(again.ha1('100', 'MD5'), 'an alias is no login').toBeUndefined()
    expect(again.ha1('nobody', 'MD5')).toBeUndefined()
  })

  test('those that are enabled, in one look: by their own names alone', () => {
    const one = store()
    for (const user of ['alice', 'bob', 'carol']) one.add({ user })
    one.change('bob', { enabled: false })
    one.remove('carol')
    one.change('alice', { aliases: ['carol'] })
    expect([...one.enabled()]).toEqual(['alice'])
  })

  test('what another process changes counts at once, though it was remembered', () => {
    const edge = store()
    const cli = store()
    expect(edge.find('alice')).toBeUndefined()
    cli.add({ user: 'alice', password: 'correct horse' })
    expect(edge.find('alice')?.enabled).toBe(true)
    cli.change('alice', { enabled: false })
    expect(edge.find('alice')?.enabled).toBe(false)
    cli.setPassword('alice', 'another one')
    expect(edge.ha1('alice', 'MD5')).toBe(digestHa1('MD5', 'alice', 'example.com', 'another one'))
    cli.remove('alice')
    expect([edge.find('alice'), edge.ha1('alice', 'MD5')]).toEqual([undefined, undefined])
  })

  test('names are unique, aliases included, and in any case', () => {
    const users = store()
    users.add({ user: 'alice', aliases: ['100'] })
    for (const user of ['alice', 'ALICE', '100']) expect([user, codeOf(() => users.add({ user }))]).toEqual([user, 'SBC_SUBSCRIBER_EXISTS'])
    users.add({ user: 'bob' })
    for (const alias of ['alice', 'Alice', '100'])
      expect([alias, codeOf(() => users.change('bob', { aliases: [alias] }))]).toEqual([alias, 'SBC_SUBSCRIBER_EXISTS'])
    expect(() => users.add({ user: '100' })).toThrow('"100" is taken: it is an alias of "alice"')
    expect(users.get('bob')?.aliases).toEqual([])
    users.change('alice', { aliases: ['100', '101'] })
    users.change('alice', { aliases: [] })
    users.change('bob', { aliases: ['100'] })
    expect(users.find('100')?.user).toBe('bob')
  })

  test.each(['', 'a b', 'a:b', 'a@b', 'a;b', 'a"b', 'a\nb', 'x'.repeat(65), 'a%41'])('%j is no user name', (user) => {
    expect(codeOf(() => store().add({ user }))).toBe('SBC_SUBSCRIBER_INVALID')
  })

  test.each(['short', 'x'.repeat(129), 'tabs\tin it'])('%j is no password, and nobody is made', (password) => {
    const users = store()
    expect(codeOf(() => users.add({ user: 'alice', password }))).toBe('SBC_SUBSCRIBER_INVALID')
    expect(users.get('alice')).toBeUndefined()
  })

  test('names beyond ASCII are as good as others', () => {
    const users = store()
    users.add({ user: 'jörg', displayName: 'Jörg Ü', password: 'пароль-длинный' })
    expect(users.ha1('jörg', 'SHA-256')).toBe(digestHa1('SHA-256', 'jörg', 'example.com', 'пароль-длинный'))
  })

  test('who is not there cannot be changed', () => {
    const users = store()
    for (const run of [() => users.change('x', {}), () => users.setPassword('x', 'long enough'), () => users.remove('x')])
      expect(codeOf(run)).toBe('SBC_SUBSCRIBER_UNKNOWN')
  })

  test('are listed by name, in pages, those that fit what is searched for; a wildcard is text', () => {
    const users = store()
    for (let i = 0; i < 25; i++)
      users.add({ user: `user${String(i).padStart(2, '0')}`, displayName: i === 7 ? '50%_Desk' : '', aliases: [`9${i}`] })
    const first = users.list({ limit: 10 })
    expect([first.total, first.subscribers.length, first.subscribers[0]!.user, first.next]).toEqual([25, 10, 'user00', 'user09'])
    const last = users.list({ limit: 10, after: 'user19' })
    expect([last.subscribers.map(({ user }) => user), last.next]).toEqual([['user20', 'user21', 'user22', 'user23', 'user24'], undefined])
    expect(users.list({ limit: 10, search: '%_d' }).subscribers.map(({ user }) => user)).toEqual(['user07'])
    expect(users.list({ limit: 10, search: 'USER1' }).total).toBe(10)
    expect(users.list({ limit: 10, search: '924' }).subscribers.map(({ user }) => user)).toEqual(['user24'])
  })
})

describe('passwords at rest', () => {
  test('neither a password nor HA1 stands in the database', () => {
    const users = store()
    users.add({ user: 'alice', password: 'correct horse' })
    open[0]!.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const bytes = readFileSync(join(folder, 'edgeways.db'))
    expect(bytes.includes('alice')).toBe(true)
    for (const text of [
      'correct',
      digestHa1('MD5', 'alice', realm, 'correct horse'),
      digestHa1('SHA-256', 'alice', realm, 'correct horse'),
    ])
      expect(bytes.includes(text)).toBe(false)
  })

  test('rows that were exchanged open nothing', () => {
    const users = store()
    users.add({ user: 'alice', password: 'correct horse' })
    users.add({ user: 'mallory', password: 'known to him' })
    expect(users.ha1('alice', 'MD5')).toBeDefined()
    open[0]!.sql.exec(`UPDATE subscriber_secrets SET sealed = (SELECT sealed FROM subscriber_secrets m
      WHERE m.user = 'mallory' AND m.algorithm = subscriber_secrets.algorithm) WHERE user = 'alice'`)
    const again = store()
    expect(again.ha1('mallory', 'MD5')).toBeDefined()
    expect(again.ha1('alice', 'MD5')).toBeUndefined()
  })

  test('with another key there are no passwords, and it is noticed', () => {
    store().add({ user: 'alice', password: 'correct horse' })
    const other = store(new SealingKey(randomBytes(32)))
    expect(other.ha1('alice', 'MD5')).toBeUndefined()
    expect(other.get('alice')?.password).toBe(false)
    expect(other.unusable()).toEqual({ realms: [], otherRealm: 0, otherKey: 1 })
  })

  test('with another realm there are none either, until it is set back', () => {
    const users = store()
    users.add({ user: 'alice', password: 'correct horse' })
    expect(users.unusable()).toEqual({ realms: [], otherRealm: 0, otherKey: 0 })
    realm = 'example.net'
    expect(users.ha1('alice', 'MD5')).toBeUndefined()
    expect(users.get('alice')).toMatchObject({ password: false, otherRealm: 'example.com' })
    expect(users.unusable()).toEqual({ realms: ['example.com'], otherRealm: 1, otherKey: 0 })
    realm = 'example.com'
    expect(users.ha1('alice', 'MD5')).toBeDefined()
    realm = 'example.net'
    users.setPassword('alice', 'correct horse')
    expect(users.ha1('alice', 'MD5')).toBe(digestHa1('MD5', 'alice', 'example.net', 'correct horse'))
  })

  test('a password can be taken away', () => {
    const users = store()
    users.add({ user: 'alice', password: 'correct horse' })
    expect(users.setPassword('alice', undefined).password).toBe(false)
    expect(users.ha1('alice', 'MD5')).toBeUndefined()
  })

  test('the key is made once, for its owner alone; what is no key is an error', () => {
    const file = join(folder, 'users.key')
    const sealed = sealingKey(file).seal('text', 'here')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(sealingKey(file).open(sealed, 'here')).toBe('text')
    expect(sealingKey(file).open(sealed, 'there')).toBeUndefined()
    for (let i = 0; i < sealed.length; i++) {
      const damaged = Buffer.from(sealed)
      damaged[i]! ^= 1
      if (i >= 1 && i < 5) continue
      expect(sealingKey(file).open(damaged, 'here'), `byte ${i}`).toBeUndefined()
    }
    expect(sealingKey(file).open(sealed.subarray(0, 20), 'here')).toBeUndefined()
    writeFileSync(file, 'short')
    expect(codeOf(() => sealingKey(file))).toBe('SBC_STORE_KEY')
  })

  test('passwords that are made have 100 bits and are never the same', () => {
    const made = new Set(Array.from({ length: 200 }, newPassword))
    expect(made.size).toBe(200)
    for (const one of made) expect(one).toMatch(/^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/)
  })
})
