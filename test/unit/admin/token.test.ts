import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adminToken, sameToken } from '../../../src/admin/token.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-token-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('the first start makes a token that only the owner can read, the next reads it', async () => {
  const data = join(folder, 'data')
  const { token, file } = await adminToken(data)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(readFileSync(file, 'utf8')).toBe(`${token}\n`)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(data).mode & 0o777).toBe(0o700)
  expect((await adminToken(data)).token).toBe(token)
})

test('two first starts at once agree on one token', async () => {
  const both = await Promise.allSettled([adminToken(folder), adminToken(folder)])
  const tokens = both.map((one) => (one.status === 'fulfilled' ? one.value.token : one.reason))
  expect(tokens[0]).toBe(tokens[1])
})

test('a file that others can read is closed again', async () => {
  const { file } = await adminToken(folder)
  chmodSync(file, 0o644)
  await adminToken(folder)
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('a token that is too short is refused with a remedy', async () => {
  const { file } = await adminToken(folder)
  writeFileSync(file, 'short\n')
  await expect(adminToken(folder)).rejects.toMatchObject({ code: 'SBC_CONFIG', message: expect.stringContaining('delete it') })
})

test('tokens are compared whole', () => {
  expect(sameToken('abc', 'abc')).toBe(true)
  expect(sameToken('abc', 'abd')).toBe(false)
  expect(sameToken('abc', 'abcd')).toBe(false)
  expect(sameToken('abc', '')).toBe(false)
})
