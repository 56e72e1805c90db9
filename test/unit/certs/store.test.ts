import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeWhole } from '../../../src/certs/store.ts'
import { makeStore } from './support.ts'

let disk: Awaited<ReturnType<typeof makeStore>>
beforeEach(async () => {
  disk = await makeStore()
})
afterEach(() => disk.remove())

const OLD = { chain: 'old chain', key: 'old key' }
const NEW = { chain: 'new chain', key: 'new key' }
const put = (name: string, text: string): Promise<void> => writeFile(join(disk.folder, 'edge', name), text)

test('a certificate is stored as chain.pem and key.pem, the key for nobody else to read', async () => {
  await disk.store.write('edge', OLD)
  expect(await readFile(join(disk.folder, 'edge', 'chain.pem'), 'utf8')).toBe('old chain')
  expect(await readFile(join(disk.folder, 'edge', 'key.pem'), 'utf8')).toBe('old key')
  expect((await stat(join(disk.folder, 'edge', 'key.pem'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(disk.folder, 'edge'))).mode & 0o777).toBe(0o700)
  expect(await disk.store.read('edge')).toEqual(OLD)
})

test('what is not there is undefined', async () => {
  expect(await disk.store.read('edge')).toBeUndefined()
  expect(await disk.store.names()).toEqual([])
  await disk.store.remove('edge')
})

test('a certificate is replaced, listed and removed', async () => {
  await disk.store.write('edge', OLD)
  await disk.store.write('edge', NEW)
  await disk.store.write('a.example.com', OLD)
  expect(await disk.store.read('edge')).toEqual(NEW)
  expect(await disk.store.names()).toEqual(['a.example.com', 'edge'])
  await disk.store.remove('edge')
  expect(await disk.store.names()).toEqual(['a.example.com'])
})

test.each([
  ['while the new key was written', { 'key.pem.new': 'new' }, OLD],
  ['while the new chain was written', { 'key.pem.new': 'new key', 'chain.pem.new': 'new ch' }, OLD],
  ['before the first rename', { 'key.pem.new': 'new key', 'chain.pem.new': 'new chain' }, OLD],
  ['between the two renames', { 'key.pem': 'new key', 'chain.pem.new': 'new chain' }, NEW],
  ['after the second rename', { 'key.pem': 'new key', 'chain.pem': 'new chain' }, NEW],
])('power lost %s leaves one pair, never a mixture', async (_, files, expected) => {
  await disk.store.write('edge', OLD)
  for (const [name, text] of Object.entries(files)) await put(name, text)
  expect(await disk.store.read('edge')).toEqual(expected)
  await disk.store.write('edge', { chain: 'third chain', key: 'third key' })
  expect(await disk.store.read('edge')).toEqual({ chain: 'third chain', key: 'third key' })
})

test('a name cannot lead out of the folder', async () => {
  for (const name of ['../edge', '', '.', '..', 'a/../b', 'a/', 'a//b', '/etc', '*.example.com', 'a\0b']) {
    await expect(disk.store.read(name)).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FILE' })
    await expect(disk.store.write(name, OLD)).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FILE' })
  }
})

test('a name can have parts, and those below a part are listed', async () => {
  await disk.store.write('edge/history/1', OLD)
  await disk.store.write('edge/history/2', NEW)
  await disk.store.write('edge', NEW)
  expect(await disk.store.read('edge/history/1')).toEqual(OLD)
  expect(await disk.store.names('edge/history')).toEqual(['1', '2'])
  expect(await disk.store.names()).toEqual(['edge'])
  await disk.store.remove('edge/history/1')
  expect(await disk.store.names('edge/history')).toEqual(['2'])
  expect(await disk.store.names('other/history')).toEqual([])
  for (const path of ['edge', 'edge/history', 'edge/history/2']) expect((await stat(join(disk.folder, path))).mode & 0o777).toBe(0o700)
})

test('a text is replaced whole, in a folder that is made for it', async () => {
  const path = join(disk.folder, 'edge', 'state.json')
  await writeWhole(path, 'one')
  await writeWhole(path, 'two')
  expect(await readFile(path, 'utf8')).toBe('two')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(join(disk.folder, 'edge'))).toEqual(['state.json'])
  await expect(writeWhole(join(path, 'below'), 'x')).rejects.toMatchObject({ code: 'SBC_CERTIFICATE_FILE' })
})

test('a file that cannot be read is said with its path', async () => {
  await mkdir(join(disk.folder, 'edge', 'chain.pem'), { recursive: true })
  await expect(disk.store.read('edge')).rejects.toThrow(`Cannot read ${join(disk.folder, 'edge', 'chain.pem')}: EISDIR`)
})
