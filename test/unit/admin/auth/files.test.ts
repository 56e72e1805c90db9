import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { JsonFile, privateFolder, readIfThere, removeIfThere, writeWhole } from '../../../../src/admin/auth/files.ts'
import { newFolder } from '../support.ts'

const SCHEMA = Type.Object({ count: Type.Integer() }, { additionalProperties: false })
type Count = { readonly count: number }

test('a file is written for its owner alone, and a file of others is closed again', async () => {
  const folder = join(newFolder(), 'admin')
  await privateFolder(folder)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  const path = join(folder, 'a')
  await writeWhole(path, 'one')
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777, readdirSync(folder)]).toEqual(['one', 0o600, ['a']])
  chmodSync(path, 0o644)
  expect([await readIfThere(path), statSync(path).mode & 0o777]).toEqual(['one', 0o600])
  chmodSync(folder, 0o755)
  await privateFolder(folder)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
})

test('a power loss while writing leaves the old text; what was begun does not stand in the way', async () => {
  const path = join(newFolder(), 'a')
  await writeWhole(path, 'old')
  writeFileSync(`${path}.new`, 'hal', { mode: 0o644 })
  expect(await readIfThere(path)).toBe('old')
  await writeWhole(path, 'new')
  expect([await readIfThere(path), existsSync(`${path}.new`), statSync(path).mode & 0o777]).toEqual(['new', false, 0o600])
})

test('what is not there is no error; what cannot be read or written is, with the path', async () => {
  const folder = newFolder()
  expect(await readIfThere(join(folder, 'none'))).toBeUndefined()
  await removeIfThere(join(folder, 'none'))
  mkdirSync(join(folder, 'a'))
  await expect(readIfThere(join(folder, 'a'))).rejects.toMatchObject({ code: 'SBC_ADMIN_FILE', message: expect.stringContaining(folder) })
  await expect(writeWhole(join(folder, 'none', 'a'), 'x')).rejects.toMatchObject({ code: 'SBC_ADMIN_FILE' })
  writeFileSync(join(folder, 'file'), '')
  await expect(privateFolder(join(folder, 'file', 'none'))).rejects.toMatchObject({ code: 'SBC_ADMIN_FILE' })
})

test('changes come one after the other, and what is in memory is on disk', async () => {
  const path = join(newFolder(), 'count.json')
  const file = await JsonFile.open<Count>(path, SCHEMA, { count: 0 })
  await Promise.all(Array.from({ length: 20 }, () => file.change(({ count }) => ({ count: count + 1 }))))
  expect(file.value).toEqual({ count: 20 })
  expect((await JsonFile.open<Count>(path, SCHEMA, { count: 0 })).value).toEqual({ count: 20 })
})

test('a change that throws, or that cannot be written, changes nothing, and the next one goes on', async () => {
  const folder = join(newFolder(), 'a')
  mkdirSync(folder)
  const path = join(folder, 'count.json')
  const file = await JsonFile.open<Count>(path, SCHEMA, { count: 1 })
  const refused = file.change(() => {
    throw new Error('no')
  })
  await expect(refused).rejects.toThrow('no')
  mkdirSync(`${path}.new`)
  await expect(file.change(() => ({ count: 2 }))).rejects.toMatchObject({ code: 'SBC_ADMIN_FILE' })
  expect(file.value).toEqual({ count: 1 })
  expect(await file.change((value) => value)).toEqual({ count: 1 })
})

test.each([
  ['', 'JSON'],
  ['{"count":1', 'JSON'],
  ['[]', 'must be object'],
  ['{"count":"1"}', '/count'],
  ['{"count":1,"more":1}', '/more'],
])('a file that holds %j is refused with a remedy, and stays as it is', async (text, why) => {
  const path = join(newFolder(), 'count.json')
  writeFileSync(path, text)
  const opened = JsonFile.open(path, SCHEMA, { count: 0 })
  await expect(opened).rejects.toMatchObject({ code: 'SBC_ADMIN_FILE', message: expect.stringContaining('backup') })
  await expect(opened).rejects.toThrow(why)
  expect(readFileSync(path, 'utf8')).toBe(text)
})
