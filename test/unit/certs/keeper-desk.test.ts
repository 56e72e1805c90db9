import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEVELOPMENT_CA, DevelopmentAuthority } from '../../../src/certs/development.ts'
import { CertificateStore } from '../../../src/certs/store.ts'
import type { CertificateEntry } from '../../../src/config/snapshot.ts'
import { acmeEntry, HOUR, MINUTE, makeWorld, START, storedEntry, usage, type World } from './keeper-world.ts'
import { DAY } from './support.ts'

let world: World
beforeEach(async () => {
  world = await makeWorld()
})
afterEach(() => world.remove())

const serialOf = (chain: string): string => new X509Certificate(chain).serialNumber
const shownSerial = (name = 'main'): string => serialOf(world.shown.get(name)!.chain)
const issue = (hosts = ['sbc.example.com'], days = 90, kind: 'rsa' | 'ec' = 'ec') =>
  world.fake.ca.issue({ hosts, from: START - DAY, to: START + days * DAY }, kind)

describe('what people bring', () => {
  beforeEach(async () => {
    await world.load([storedEntry('main')])
    await world.keeper.start()
  })

  test('until then a development certificate for the names of the listeners stands in', () => {
    expect(world.shown.get('main')?.hosts).toEqual(['sbc.example.com'])
    expect(world.view('main')).toMatchObject({
      source: 'stored',
      next: { what: 'replace', text: 'Upload a certificate, or make a request' },
      problems: [{ severity: 'error', text: expect.stringContaining('stands in') }],
    })
  })

  test('is put in force at once, and is there after a restart', async () => {
    const pair = issue()
    await world.keeper.upload('main', pair)
    expect(shownSerial()).toBe(serialOf(pair.chain))
    expect(world.listeners.refreshed).toBe(1)
    expect(world.view('main')).toMatchObject({ daysLeft: 90, next: { what: 'replace', at: new Date(START + 90 * DAY).toISOString() } })
    await world.stop()
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([storedEntry('main')])
    expect(serialOf(again.shown.get('main')!.chain)).toBe(serialOf(pair.chain))
    await again.stop()
  })

  test.each([
    ['for other names', () => issue(['other.example.com']), 'SBC_CERTIFICATE_NAMES', 'does not name sbc.example.com'],
    ['that has ended', () => issue(undefined, -0.5), 'SBC_CERTIFICATE_DATES', 'ended on'],
    ['with another key', () => ({ chain: issue().chain, key: issue().key }), 'SBC_CERTIFICATE_KEY', 'key does not belong'],
    ['that is none', () => ({ chain: 'nothing', key: 'nothing' }), 'SBC_CERTIFICATE_FORMAT', ''],
  ])('one %s is refused in words, and the old one stays', async (_what, bring, code, words) => {
    const good = issue()
    await world.keeper.upload('main', good)
    await expect(world.keeper.upload('main', bring())).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
    expect(shownSerial()).toBe(serialOf(good.chain))
    expect(world.view('main').history).toEqual([])
    expect((await readFile(join(world.folder, 'certificates', 'main', 'chain.pem'), 'utf8')).trim()).toBe(good.chain.trim())
  })

  test('one that a zone cannot use is refused', async () => {
    const needs = [{ label: 'Zone carrier', keyTypes: ['rsa'] as const }]
    await world.load([storedEntry('main')], { main: usage(undefined, { needs }) })
    await expect(world.keeper.upload('main', issue())).rejects.toThrow('Zone carrier has cipher suites for RSA only')
    await world.keeper.upload('main', issue(undefined, 90, 'rsa'))
    expect(world.view('main').keyType).toBe('RSA 2048')
  })

  test('one that a listener does not take is taken back, from the disk, too', async () => {
    const good = issue()
    await world.keeper.upload('main', good)
    world.listeners.fault = new Error('no shared cipher')
    await expect(world.keeper.upload('main', issue())).rejects.toThrow(
      'Certificate main cannot be put in force, the one before goes on: no shared cipher',
    )
    world.listeners.fault = undefined
    expect(world.view('main').serial).toBe(serialOf(good.chain))
    await world.pass(MINUTE)
    expect(shownSerial()).toBe(serialOf(good.chain))
    await world.load([storedEntry('main')])
    expect(shownSerial()).toBe(serialOf(good.chain))
  })

  test('the first one that a listener does not take leaves the stand-in', async () => {
    world.listeners.fault = new Error('no shared cipher')
    await expect(world.keeper.upload('main', issue())).rejects.toThrow('no shared cipher')
    expect(existsSync(join(world.folder, 'certificates', 'main', 'key.pem'))).toBe(false)
    expect(world.view('main').next.text).toBe('Upload a certificate, or make a request')
  })

  test('earlier versions can be put in force again, and again', async () => {
    const [one, two] = [issue(), issue()]
    await world.keeper.upload('main', one)
    world.clock.time += HOUR
    await world.keeper.upload('main', two)
    const [version] = world.view('main').history
    expect(version).toMatchObject({ serial: serialOf(one.chain), replacedAt: '2026-06-01T01:00:00.000Z' })
    await world.keeper.restore('main', version!.id)
    expect(shownSerial()).toBe(serialOf(one.chain))
    expect(world.view('main').history.map(({ serial }) => serial)).toEqual([serialOf(two.chain)])
    await expect(world.keeper.restore('main', version!.id)).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_UNKNOWN' })
    await expect(world.keeper.restore('main', '../../x')).rejects.toThrow('has no earlier version "../../x"')
  })

  test('an earlier version that has ended meanwhile is refused', async () => {
    await world.keeper.upload('main', issue(undefined, 1))
    const good = issue()
    await world.keeper.upload('main', good)
    world.clock.time += 2 * DAY
    await expect(world.keeper.restore('main', world.view('main').history[0]!.id)).rejects.toThrow('ended on')
    expect(world.view('main').serial).toBe(serialOf(good.chain))
  })

  test('uploads at the same moment come one after the other, each whole', async () => {
    const pairs = Array.from({ length: 5 }, () => issue())
    await Promise.all(pairs.map((pair) => world.keeper.upload('main', pair)))
    expect(shownSerial()).toBe(serialOf(pairs[4]!.chain))
    expect(createPrivateKey(world.shown.get('main')!.key).asymmetricKeyType).toBe('ec')
    expect(world.view('main').history).toHaveLength(4)
  })

  test('alarms say when it has to be replaced', async () => {
    await world.keeper.upload('main', issue(undefined, 100))
    for (let day = 0; day < 102; day++) await world.pass(DAY)
    expect(world.alarms.map(({ kind, daysLeft, remedy }) => `${kind} ${daysLeft} ${remedy}`)).toEqual([
      'expiring 30 Upload another one',
      'expiring 14 Upload another one',
      'expiring 7 Upload another one',
      'expiring 1 Upload another one',
      'expired 0 Upload another one',
    ])
    expect(world.keeper.daysLeft()).toEqual([{ name: 'main', days: -2 }])
    // Told once, also after a restart
    await world.stop()
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([storedEntry('main')])
    await again.keeper.start()
    expect(again.alarms).toEqual([])
    expect(again.view('main').problems[0]?.text).toContain('ended on')
    // It is shown all the same: some peers do not look at dates, and none likes a stranger's better
    expect(again.shown.get('main')?.hosts).toEqual(['sbc.example.com'])
    expect(new X509Certificate(again.shown.get('main')!.chain).issuer).toBe('CN=Test CA')
    await again.stop()
  })
})

describe('a request', () => {
  beforeEach(async () => {
    await world.load([storedEntry('main')])
    await world.keeper.start()
  })
  const wishes = { hosts: ['sbc.example.com'], keyType: 'ecdsa256' } as const

  test('has its key made here; the answer of the CA is put in force with it', async () => {
    const csr = await world.keeper.request('main', { ...wishes, subject: { organization: 'Example' } })
    expect(csr).toContain('BEGIN CERTIFICATE REQUEST')
    expect(world.view('main').next).toEqual({ what: 'answer', text: 'A request was made on 2026-06-01; upload what the CA answers' })
    // It outlives a restart
    await world.stop()
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    await again.load([storedEntry('main')])
    expect(again.view('main').next.what).toBe('answer')
    const chain = again.fake.ca.sign(csr, { hosts: ['sbc.example.com'], from: START - DAY, to: START + 100 * DAY })
    await again.keeper.answer('main', `${again.fake.ca.root}${chain}`)
    expect(serialOf(again.shown.get('main')!.chain)).toBe(serialOf(chain))
    expect(again.view('main').next.what).toBe('replace')
    expect(existsSync(join(world.folder, 'certificates', 'main', 'request'))).toBe(false)
    await expect(again.keeper.answer('main', chain)).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_REQUEST' })
    await again.stop()
  })

  test('answered with something else is refused, and still waits', async () => {
    await world.keeper.request('main', wishes)
    await expect(world.keeper.answer('main', issue().chain)).rejects.toThrow('answers another request')
    expect(world.view('main').next.what).toBe('answer')
  })

  test('is not forgotten because something was uploaded meanwhile', async () => {
    const csr = await world.keeper.request('main', wishes)
    await world.keeper.upload('main', issue())
    const chain = world.fake.ca.sign(csr, { hosts: ['sbc.example.com'], from: START - DAY, to: START + 100 * DAY })
    await world.keeper.answer('main', chain)
    expect(shownSerial()).toBe(serialOf(chain))
  })
})

describe('files', () => {
  let chainFile: string
  let keyFile: string
  let entry: CertificateEntry
  beforeEach(() => {
    chainFile = join(world.folder, 'sbc.pem')
    keyFile = join(world.folder, 'sbc.key')
    entry = { name: 'main', source: { kind: 'files', chain: chainFile, key: keyFile }, hosts: [] }
  })
  const put = async ({ chain, key }: { chain: string; key: string }) => {
    await writeFile(chainFile, chain)
    await writeFile(keyFile, key)
  }
  const looks = async () => {
    await world.pass(30_000)
    await world.pass(30_000)
  }

  test('are taken over when both have changed and fit', async () => {
    const [one, two] = [issue(), issue()]
    await put(one)
    await world.load([entry])
    await world.keeper.start()
    expect(world.view('main')).toMatchObject({ source: 'files', next: { what: 'replace' }, serial: serialOf(one.chain) })
    await put(two)
    await looks()
    expect(shownSerial()).toBe(serialOf(two.chain))
    expect(world.view('main').serial).toBe(serialOf(two.chain))
    expect(world.view('main').problems.map(({ text }) => text)).not.toContain('The files have changed')
    expect(world.listeners.refreshed).toBe(1)
  })

  test('half of a pair is waited for, and said', async () => {
    const [one, two] = [issue(), issue()]
    await put(one)
    await world.load([entry])
    await world.keeper.start()
    await writeFile(chainFile, two.chain)
    await looks()
    await looks()
    expect(shownSerial()).toBe(serialOf(one.chain))
    expect(world.view('main').problems[0]).toMatchObject({
      severity: 'warning',
      text: expect.stringContaining('The files have changed but cannot be used, and the certificate of before goes on'),
    })
    expect(world.logged.filter((line) => line.startsWith('The files have changed but'))).toHaveLength(1)
    // Something else is refreshed meanwhile: the files are not looked at
    await world.keeper.material(entry, 'kept')
    await writeFile(keyFile, two.key)
    await looks()
    expect(shownSerial()).toBe(serialOf(two.chain))
    expect(world.view('main').problems.map(({ text }) => text)).toEqual([expect.stringContaining('is no public root')])
  })

  test('that cannot be used refuse a start, and a reload, which leaves what is in force', async () => {
    await expect(world.load([entry])).rejects.toThrow(`There is no file ${chainFile} for the chain of certificate main`)
    const one = issue()
    await put(one)
    await world.load([entry])
    await world.keeper.start()
    await writeFile(chainFile, issue().chain)
    await expect(world.keeper.material({ ...entry })).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_KEY' })
    expect(serialOf((await world.keeper.material(entry, 'kept')).chain)).toBe(serialOf(one.chain))
  })

  test('are not changed here', async () => {
    await put(issue())
    await world.load([entry])
    await expect(world.keeper.upload('main', issue())).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_SOURCE',
      message: 'Certificate main is read from its files; replace these, or write "stored" in the configuration to bring it here',
    })
    await expect(world.keeper.renew('main')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_SOURCE' })
    await expect(world.keeper.revoke('main', 1)).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_SOURCE' })
  })
})

describe('the development CA', () => {
  const entry: CertificateEntry = { name: 'main', source: { kind: 'development' }, hosts: ['sbc.example.com', '127.0.0.1'] }

  test('makes a certificate for the configured names, and makes it anew before it ends', async () => {
    await world.load([entry])
    await world.keeper.start()
    const first = shownSerial()
    expect(world.view('main')).toMatchObject({ source: 'development', hosts: entry.hosts, next: { what: 'nothing' }, problems: [] })
    await world.pass(300 * DAY)
    expect(shownSerial()).toBe(first)
    await world.pass(40 * DAY)
    expect(shownSerial()).not.toBe(first)
    expect(world.alarms).toEqual([])
  })

  test('has its root for people, in the data folder and by the desk', async () => {
    await world.load([entry])
    const root = await world.keeper.developmentRoot()
    expect(await readFile(join(world.folder, 'development-ca.pem'), 'utf8')).toBe(root)
    expect(new X509Certificate(world.shown.get('main')!.chain).verify(new X509Certificate(root).publicKey)).toBe(true)
  })

  test('makes one anew when somebody asks', async () => {
    await world.load([entry])
    await world.keeper.start()
    const first = shownSerial()
    await world.keeper.renew('main')
    expect(shownSerial()).not.toBe(first)
    expect(world.view('main').serial).toBe(shownSerial())
  })

  test('makes others for parts of the program that are in no configuration', async () => {
    expect((await world.keeper.development('admin', ['127.0.0.1'])).hosts).toEqual(['127.0.0.1'])
    await world.load([entry])
    expect((await world.keeper.current('main')).hosts).toEqual(entry.hosts)
    await expect(world.keeper.current('other')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_UNKNOWN' })
  })

  test('keeps out of the way of a certificate with the same name that a CA has signed', async () => {
    await world.load([storedEntry('main')])
    await world.keeper.upload('main', issue())
    const serial = shownSerial()
    await world.load([entry])
    expect(shownSerial()).not.toBe(serial)
    await world.load([storedEntry('main')])
    expect(shownSerial()).toBe(serial)
  })

  test('of a version before moves with its key, so that those who trust its root still do', async () => {
    await world.stop()
    await rm(join(world.folder, 'certificates'), { recursive: true, force: true })
    const old = new CertificateStore(join(world.folder, 'certs'))
    const authority = await DevelopmentAuthority.open(old, () => START)
    const again = await makeWorld({ folder: world.folder, clock: world.clock })
    expect(await again.keeper.developmentRoot()).toBe(authority.root)
    expect(existsSync(join(world.folder, 'certs'))).toBe(false)
    expect(existsSync(join(world.folder, 'certificates', DEVELOPMENT_CA, 'key.pem'))).toBe(true)
    await again.stop()
  })
})

test.each(['development-ca', 'lock'])('a certificate cannot be called %s, which is a place of our own', async (name) => {
  await expect(world.load([storedEntry(name)])).rejects.toThrow(`A certificate cannot be called ${name}`)
  await expect(world.load([acmeEntry(name)])).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_NAMES' })
})

describe('a disk that somebody else writes to', () => {
  test('a pair that is put there by hand is taken over', async () => {
    await world.load([storedEntry('main')])
    await world.keeper.start()
    const pair = issue()
    await new CertificateStore(join(world.folder, 'certificates')).write('main', pair)
    await world.pass(30_000)
    await world.pass(30_000)
    expect(shownSerial()).toBe(serialOf(pair.chain))
  })

  test('a stored pair that is damaged: a development certificate stands in after a start, and the view says why', async () => {
    await world.load([acmeEntry('main')])
    await mkdir(join(world.folder, 'certificates', 'main'), { recursive: true })
    await writeFile(join(world.folder, 'certificates', 'main', 'chain.pem'), issue().chain)
    await writeFile(join(world.folder, 'certificates', 'main', 'key.pem'), issue().key)
    world.fake.fault = new Error('not now')
    await world.load([acmeEntry('main')])
    await world.keeper.start()
    await world.idle()
    expect(world.view('main').problems[0]?.text).toContain('What is stored cannot be used: The key belongs to another certificate')
    world.fake.fault = undefined
    await world.pass(2 * MINUTE)
    await world.idle()
    expect(world.view('main').issuer).toBe('CN=Test CA')
  })

  test('one that is damaged while it is in use does no harm until it is read anew', async () => {
    await world.load([storedEntry('main')])
    await world.keeper.start()
    const pair = issue()
    await world.keeper.upload('main', pair)
    await writeFile(join(world.folder, 'certificates', 'main', 'key.pem'), issue().key)
    await world.load([storedEntry('main')])
    expect(shownSerial()).toBe(serialOf(pair.chain))
    expect(serialOf((await world.keeper.current('main')).chain)).toBe(serialOf(pair.chain))
    expect(world.view('main').problems[0]?.text).toContain('What is stored cannot be used')
  })
})
