import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FolderLock, type LockHolder } from '../../../src/certs/lock.ts'
import { makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
let path: string
let now: number
const lock = () => new FolderLock(path, () => now)
beforeEach(async () => {
  disk = await makeStore()
  path = join(disk.folder, 'certificates', 'lock')
  now = Date.now()
})
afterEach(() => disk.remove())

const written = async (): Promise<LockHolder> => JSON.parse(await readFile(path, 'utf8')) as LockHolder

test('one has it, the others learn who; given back it is free', async () => {
  const [one, other] = [lock(), lock()]
  expect(await one.take()).toBeUndefined()
  expect(one.held).toBe(true)
  expect(await other.take()).toMatchObject({ pid: process.pid })
  expect(other.held).toBe(false)
  expect(await one.take()).toBeUndefined()
  await other.release()
  await one.release()
  expect(one.held).toBe(false)
  expect(await readdir(join(disk.folder, 'certificates'))).toEqual([])
  expect(await other.take()).toBeUndefined()
})

test('of many at once exactly one gets it', async () => {
  const all = Array.from({ length: 30 }, lock)
  const answers = await Promise.all(all.map((one) => one.take()))
  expect(answers.filter((answer) => answer === undefined)).toHaveLength(1)
  expect(await readdir(join(disk.folder, 'certificates'))).toEqual(['lock'])
})

test('the lock of a process that is gone is taken over at once', async () => {
  const child = spawn('sleep', ['60'])
  await lock().take()
  const me = await written()
  const started = await (async () => {
    const line = await readFile(`/proc/${child.pid}/stat`, 'latin1')
    return `${me.started.split(' ')[0]} ${line.slice(line.lastIndexOf(')') + 2).split(' ')[19]}`
  })()
  await writeFile(path, JSON.stringify({ ...me, pid: child.pid, started }))
  const next = lock()
  expect(await next.take()).toMatchObject({ pid: child.pid })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await next.take()).toBeUndefined()
})

test('a process that has the pid of a holder that is gone does not count as the holder', async () => {
  await lock().take()
  const me = await written()
  await writeFile(path, JSON.stringify({ ...me, started: `${me.started.split(' ')[0]} 17` }))
  expect(await lock().take()).toBeUndefined()
})

test('of another machine or container the signs of life count', async () => {
  await lock().take()
  const text = JSON.stringify({ ...(await written()), place: 'elsewhere pid:[1]' })
  await writeFile(path, text)
  const touched = new Date(now - 100_000)
  await utimes(path, touched, touched)
  expect(await lock().take()).toMatchObject({ place: 'elsewhere pid:[1]' })
  now += 30_000
  const next = lock()
  expect(await next.take()).toBeUndefined()
  // And who has it gives them
  now += 500_000
  await next.take()
  await writeFile(path, text)
  await utimes(path, new Date(now), new Date(now))
  expect(await lock().take()).toMatchObject({ place: 'elsewhere pid:[1]' })
})

test('who was suspended, and whose lock went to another, knows at the next look', async () => {
  const one = lock()
  await one.take()
  await rm(path)
  const other = lock()
  await other.take()
  await writeFile(path, JSON.stringify({ ...(await written()), place: 'elsewhere' }))
  expect(await one.take()).toMatchObject({ place: 'elsewhere' })
  expect(one.held).toBe(false)
  await one.release()
  expect(await readFile(path, 'utf8')).toContain('elsewhere')
})

test('a file that is no lock is nobody’s', async () => {
  await lock().take()
  for (const text of ['', '{', '[]', '{"pid":"1"}']) {
    await writeFile(path, text)
    const next = lock()
    expect(await next.take()).toBeUndefined()
    await next.release()
    await writeFile(path, text)
  }
})

test('a folder that cannot be written is said', async () => {
  await writeFile(join(disk.folder, 'certificates'), 'a file')
  await expect(lock().take()).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FILE' })
})
