import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { accountsWith, browserOf, HandClock, newFolder, PASSWORD, serverWith } from './support.ts'

const HOUR = 3_600_000

const fresh = async (clock = new HandClock(), folder = newFolder()) => {
  const accounts = await accountsWith([], clock, folder)
  const token = await accounts.setupToken()
  const server = serverWith({ accounts, clock, address: '192.0.2.1' })
  const setUp = (payload: object) => server.app.inject({ method: 'POST', url: '/api/setup', payload })
  return { accounts, token, server, setUp, clock, folder, file: join(folder, 'setup-token') }
}

test('the first start makes a token of 256 bits in a file for the owner alone; the next one says the same', async () => {
  const { token, file, folder, clock } = await fresh()
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(readFileSync(file, 'utf8')).toBe(`${token}\nvalid until 2026-01-02T00:00:00.000Z\n`)
  expect([statSync(file).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700])
  expect(await (await accountsWith([], clock, folder)).setupToken()).toBe(token)
})

test('the link makes the first admin, signs in, and is good once', async () => {
  const { token, server, setUp, file, accounts } = await fresh()
  const answer = await setUp({ token, user: 'Ann', password: PASSWORD })
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toMatchObject({ user: 'Ann', role: 'admin', by: 'session', csrf: expect.any(String) })
  expect((await browserOf(server, answer).send('GET', '/api/users')).json().users).toMatchObject([{ name: 'Ann', role: 'admin' }])
  expect(existsSync(file)).toBe(false)
  const again = await setUp({ token, user: 'Eve', password: PASSWORD })
  expect([again.statusCode, again.json().code]).toEqual([410, 'setup-over'])
  expect(await accounts.setupToken()).toBeUndefined()
})

test('two who use the link at once: one has an account', async () => {
  const { token, setUp, accounts } = await fresh()
  const answers = await Promise.all(['Ann', 'Eve'].map((user) => setUp({ token, user, password: PASSWORD })))
  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 410])
  expect(accounts.users.list()).toHaveLength(1)
})

test('another token makes nothing, and is slower each time', async () => {
  const { setUp, accounts, token } = await fresh()
  const wrong = () => setUp({ token: 'x'.repeat(43), user: 'Eve', password: PASSWORD })
  for (let index = 0; index < 4; index++) expect((await wrong()).json().code).toBe('wrong-setup-token')
  const answer = await wrong()
  expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([429, 'too-many-attempts', '1'])
  expect((await setUp({ token, user: 'Ann', password: PASSWORD })).statusCode).toBe(429)
  expect(accounts.anybody).toBe(false)
})

test('a weak password is refused in words, and the link stays good', async () => {
  const { token, setUp } = await fresh()
  const weak = await setUp({ token, user: 'Ann', password: 'short' })
  expect([weak.statusCode, weak.json().code]).toEqual([422, 'weak-password'])
  expect(weak.json().message).toContain('at least 12 characters')
  expect((await setUp({ token, user: 'Ann', password: PASSWORD })).statusCode).toBe(201)
})

test.each(['', 'a b', '-ann', 'ann\n', 'x'.repeat(65), 'ann/..', 'änn'])('"%s" is no user name', async (user) => {
  const { token, setUp } = await fresh()
  expect((await setUp({ token, user, password: PASSWORD })).statusCode).toBe(400)
})

test.each(['local', 'Admin-Token', 'unknown'])('the name %s has a meaning in the audit log', async (user) => {
  const { token, setUp } = await fresh()
  expect((await setUp({ token, user, password: PASSWORD })).statusCode).toBe(422)
})

test('a link is good for a day; then a start prints another', async () => {
  const { token, setUp, clock, accounts } = await fresh()
  clock.pass(24 * HOUR)
  const late = await setUp({ token, user: 'Ann', password: PASSWORD })
  expect([late.statusCode, late.json().code]).toEqual([410, 'setup-over'])
  const next = await accounts.setupToken()
  expect(next).not.toBe(token)
  expect((await setUp({ token: next, user: 'Ann', password: PASSWORD })).statusCode).toBe(201)
})

test.each(['', 'x\n', `${'x'.repeat(43)}\nvalid until never\n`, `${'x'.repeat(43)}\nvalid until 2099-01-01T00:00:00.000Z\n`])(
  'a file that holds %j holds no link, and is replaced',
  async (text) => {
    const { file, accounts } = await fresh()
    writeFileSync(file, text)
    const token = await accounts.setupToken()
    expect(token).not.toContain('xxx')
    expect(readFileSync(file, 'utf8')).toContain(token)
  },
)

test('while nobody has an account a page is told what to do', async () => {
  const { server } = await fresh()
  const answer = await server.app.inject('/api/session')
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'setup-needed'])
})
