import { rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PairWatch } from '../../../src/certs/pair-watch.ts'
import { makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let watch: PairWatch
let chain: string
let key: string
beforeEach(async () => {
  disk = await makeStore()
  chain = join(disk.folder, 'sbc.pem')
  key = join(disk.folder, 'sbc.key')
  await writeFile(chain, 'one')
  await writeFile(key, 'one')
  watch = new PairWatch(chain, key)
  watch.used(await watch.stamp())
})
afterEach(() => disk.remove())

test('nothing happens while nothing changes', async () => {
  for (let look = 0; look < 3; look++) expect(await watch.changed()).toBe(false)
  expect(watch.waiting).toBe(false)
})

test('a change counts when two looks in a row saw the same', async () => {
  await writeFile(chain, 'another')
  expect(await watch.changed()).toBe(false)
  expect(watch.waiting).toBe(true)
  await writeFile(key, 'another')
  expect(await watch.changed()).toBe(false)
  expect(await watch.changed()).toBe(true)
  watch.used(await watch.stamp())
  expect(await watch.changed()).toBe(false)
  expect(watch.waiting).toBe(false)
})

test('what is refused is not offered again until it changes once more', async () => {
  await writeFile(chain, 'another')
  await watch.changed()
  expect(await watch.changed()).toBe(true)
  watch.refused(await watch.stamp())
  for (let look = 0; look < 3; look++) expect(await watch.changed()).toBe(false)
  expect(watch.waiting).toBe(true)
  await writeFile(key, 'another')
  await watch.changed()
  expect(await watch.changed()).toBe(true)
})

test('a file with the same size and times, but another one, is a change', async () => {
  const time = new Date(1_700_000_000_000)
  await utimes(chain, time, time)
  watch.used(await watch.stamp())
  await watch.changed()
  const fresh = `${chain}.fresh`
  await writeFile(fresh, 'two')
  await utimes(fresh, time, time)
  await rename(fresh, chain)
  await watch.changed()
  expect(await watch.changed()).toBe(true)
})

test('symbolic links that are pointed elsewhere are followed', async () => {
  const link = join(disk.folder, 'live.pem')
  await symlink(chain, link)
  const linked = new PairWatch(link, key)
  linked.used(await linked.stamp())
  await linked.changed()
  const next = join(disk.folder, 'sbc2.pem')
  await writeFile(next, 'two')
  await rm(link)
  await symlink(next, link)
  await linked.changed()
  expect(await linked.changed()).toBe(true)
})

test('a file that is gone is a change, too: the reading says what is wrong', async () => {
  await rm(key)
  await watch.changed()
  expect(await watch.changed()).toBe(true)
})
