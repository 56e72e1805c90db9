import { X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { dropVersion, keepVersion, listVersions, MOST_VERSIONS, readVersion } from '../../../src/certs/history.ts'
import { makeCa, type TestCa } from './ca.ts'
import { DAY, makeStore } from './support.ts'

const NOW = Date.UTC(2026, 0, 31, 23, 59, 59)
let ca: TestCa
let disk: Awaited<ReturnType<typeof makeStore>>
beforeAll(() => {
  ca = makeCa()
})
beforeEach(async () => {
  disk = await makeStore()
})
afterEach(() => disk.remove())

const pair = (days = 90) => ca.issue({ hosts: ['sbc.example.com'], from: NOW, to: NOW + days * DAY })

test('a version is kept with its key, and listed with its serial number, its end, and when it was replaced', async () => {
  const old = await pair()
  await keepVersion(disk.store, 'main', old, NOW)
  const serial = new X509Certificate(old.chain).serialNumber
  const id = `20260131T235959Z-${serial}`
  expect(await listVersions(disk.store, 'main')).toEqual([
    { id, serial, validTo: '2026-05-01T23:59:59.000Z', replacedAt: '2026-01-31T23:59:59.000Z' },
  ])
  expect(await readVersion(disk.store, 'main', id)).toEqual(old)
})

test('the newest come first, and no more than ten are kept', async () => {
  for (let day = 0; day < MOST_VERSIONS + 3; day++) await keepVersion(disk.store, 'main', await pair(), NOW + day * DAY)
  const versions = await listVersions(disk.store, 'main')
  expect(versions).toHaveLength(MOST_VERSIONS)
  expect(versions[0]?.replacedAt).toBe('2026-02-12T23:59:59.000Z')
  expect(versions.at(-1)?.replacedAt).toBe('2026-02-03T23:59:59.000Z')
})

test('a pair that was kept before a loss of power is not kept twice', async () => {
  const old = await pair()
  await keepVersion(disk.store, 'main', old, NOW)
  await keepVersion(disk.store, 'main', old, NOW + 1000)
  expect(await listVersions(disk.store, 'main')).toHaveLength(1)
})

test('the version in force is no earlier one; what is damaged is not kept, and not listed', async () => {
  const old = await pair()
  await keepVersion(disk.store, 'main', old, NOW)
  expect(await listVersions(disk.store, 'main', old.chain)).toEqual([])
  await keepVersion(disk.store, 'main', { chain: 'nothing', key: 'nothing' }, NOW + 1000)
  await disk.store.write('main/history/20260101T000000Z-AB', { chain: 'nothing', key: 'nothing' })
  await disk.store.write('main/history/notes', old)
  expect(await listVersions(disk.store, 'main')).toHaveLength(1)
})

test('a version can be dropped; other ids lead nowhere', async () => {
  await keepVersion(disk.store, 'main', await pair(), NOW)
  const [version] = await listVersions(disk.store, 'main')
  for (const id of ['', '..', '../../other', 'x', `${version!.id}/..`]) {
    expect(await readVersion(disk.store, 'main', id)).toBeUndefined()
    await dropVersion(disk.store, 'main', id)
  }
  expect(await listVersions(disk.store, 'main')).toHaveLength(1)
  await dropVersion(disk.store, 'main', version!.id)
  expect(await listVersions(disk.store, 'main')).toEqual([])
})
