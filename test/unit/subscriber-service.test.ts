import { createHash, createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import type { Snapshot } from '../../src/config/snapshot.ts'
import { SILENT_LOG } from '../../src/observability/log.ts'
import { checkProofs, createSubscriberService, type SubscriberService } from '../../src/subscriber-service.ts'

let folder: string
let lines: { level: string; fields: object; text: string }[]
const open: SubscriberService[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-subscribers-'))
  lines = []
})
afterEach(() => {
  for (const one of open.splice(0)) one.stop()
  rmSync(folder, { recursive: true })
})

const snapshot = (authentication = ''): Snapshot => {
  const text = `
listeners: { lan: { udp: 127.0.0.1:5060 } }
zones: { phones: { kind: phones, on: lan, registration: here } }
registrar: { domains: [ example.com ] }
media: off
${authentication}`
  const loaded = loadConfig(text, { file: join(folder, 'edge.yaml'), dataDir: folder })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot
}
const service = (settings = snapshot()) => {
  const write = (level: string) => (fields: object, text: string) => void lines.push({ level, fields, text })
  const made = createSubscriberService(settings, {
    dataDir: folder,
    clock: { now: () => 0, wall: () => Date.UTC(2030, 0, 1) },
    log: { ...SILENT_LOG, info: write('info'), warn: write('warn'), error: write('error') },
  })
  open.push(made)
  return made
}
const addAlice = (to: SubscriberService) => to.desk.add({ user: 'alice', password: 'correct horse' })
const stop = (one: SubscriberService) => {
  one.stop()
  open.splice(open.indexOf(one), 1)
}

test('users outlive the process; a realm that changes, at the start or at a reload, is told with its remedy', () => {
  const first = service()
  addAlice(first)
  stop(first)
  lines = []
  const again = service()
  expect(again.subscribers.ha1('alice', 'MD5')).toBe(createHash('md5').update('alice:example.com:correct horse').digest('hex'))
  expect(lines).toEqual([])
  again.applied(snapshot('authentication: { realm: phones.example.com }'))
  expect(again.subscribers.ha1('alice', 'MD5')).toBeUndefined()
  expect(lines).toEqual([
    {
      level: 'warn',
      fields: { realm: 'phones.example.com', before: 'example.com', users: 1 },
      text: expect.stringContaining('set "authentication.realm" back, or set them anew'),
    },
  ])
})

test('who asks for credentials and has no users is told what to do', () => {
  const first = service()
  expect(lines).toEqual([{ level: 'info', fields: {}, text: expect.stringMatching(/edgeways user add NAME/) }])
  addAlice(first)
  stop(first)
  lines = []
  service()
  expect(lines).toEqual([])
})

test('at a reload, too', () => {
  const nobody = snapshot('')
  const open = { ...nobody, zones: new Map([...nobody.zones].map(([name, zone]) => [name, { ...zone, authenticate: false }])) }
  const running = service(open)
  expect(lines).toEqual([])
  running.applied(nobody)
  running.applied(nobody)
  expect(lines).toEqual([{ level: 'info', fields: {}, text: expect.stringMatching(/edgeways user add NAME/) }])
})

test('a key that is another one is told, and loses nothing', () => {
  const first = service()
  addAlice(first)
  stop(first)
  writeFileSync(join(folder, 'users.key'), randomBytes(32).toString('base64url'))
  const again = service()
  expect(lines.filter(({ level }) => level !== 'info')).toMatchObject([{ level: 'error', fields: { users: 1 } }])
  expect(again.desk.get('alice')).toMatchObject({ user: 'alice', password: false })
})

test('a damaged database is kept aside, and the edge starts', () => {
  writeFileSync(join(folder, 'edgeways.db'), 'x'.repeat(5000))
  const made = service()
  addAlice(made)
  expect(lines.filter(({ level }) => level !== 'info')).toMatchObject([{ level: 'error', text: expect.stringContaining('moved aside') }])
  expect(readdirSync(folder).filter((name) => name.startsWith('edgeways.db.damaged-'))).toHaveLength(1)
})

test('the credentials of the test phone are time-limited, made with a secret of this life alone', () => {
  const made = service()
  const { uri, user, password, realm, expires } = made.phone('test-phone')
  expect([uri, realm, expires]).toEqual(['sip:test-phone@example.com', 'example.com', '2030-01-01T12:00:00.000Z'])
  expect(user).toBe(`${Date.UTC(2030, 0, 1, 12) / 1000}:test-phone`)
  const fits = ({ proofs }: SubscriberService) =>
    proofs().timedSecrets.map((secret) => createHmac('sha1', secret).update(user).digest('base64') === password)
  expect(fits(made)).toEqual([true])
  stop(made)
  expect(fits(service())).toEqual([false])
})

test('secrets are read at the start and at each reload; one that is bad then leaves what there was', () => {
  const file = join(folder, 'timed')
  writeFileSync(file, 'a secret of the application\n')
  const settings = snapshot('authentication: { timed-secret-file: timed }')
  const made = service(settings)
  const secret = () => made.proofs().timedSecrets[0]!.toString()
  expect([secret(), made.proofs().timedSecrets.length]).toEqual(['a secret of the application', 2])
  writeFileSync(file, 'another secret of the application')
  made.applied(settings)
  expect(secret()).toBe('another secret of the application')
  writeFileSync(file, 'short')
  made.applied(settings)
  expect(secret()).toBe('another secret of the application')
  expect(lines.filter(({ level }) => level !== 'info')).toMatchObject([
    { level: 'error', text: 'Tokens and time-limited names are judged as before' },
  ])
  stop(made)
  expect(() => service(settings)).toThrow(expect.objectContaining({ code: 'SBC_AUTHENTICATION_KEY' }))
})

test('what the files hold is checked without a start, too', () => {
  const clock = { now: () => 0, wall: () => 0 }
  const check = (authentication: string) => () => checkProofs(snapshot(authentication).authentication, clock)
  writeFileSync(join(folder, 'short'), 'too short')
  expect(check('authentication: { tokens: { secret-file: short, audience: a } }')).toThrow('has 9 bytes; write at least 32')
  expect(check('authentication: { tokens: { key-file: short, audience: a } }')).toThrow('holds no public key for tokens')
  expect(check('authentication: { timed-secret-file: short }')).toThrow('has 9 bytes; write at least 16')
  writeFileSync(join(folder, 'long'), 'a'.repeat(64))
  expect(check('authentication: { tokens: { secret-file: long, audience: a }, timed-secret-file: long }')).not.toThrow()
})

test('tokens are taken where they are configured', async () => {
  writeFileSync(join(folder, 'jwt'), randomBytes(48).toString('base64'))
  const made = service()
  expect(made.proofs().tokens).toBeUndefined()
  made.applied(snapshot('authentication: { tokens: { secret-file: jwt, audience: sbc } }'))
  expect((await made.proofs().tokens!.judge('a.b.c')).kind).toBe('bad')
})
