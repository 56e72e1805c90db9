import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestHa1 } from '../../src/authentication/digest.ts'
import { askPassword } from '../../src/password-prompt.ts'
import { openDatabase } from '../../src/store/database.ts'
import { sealingKey } from '../../src/store/sealing.ts'
import { SubscriberStore } from '../../src/store/subscribers.ts'
import { USER_USAGE, userCommand } from '../../src/user-commands.ts'

const CONFIG = `
listeners: { lan: { udp: 127.0.0.1:5060 } }
zones: { phones: { kind: phones, on: lan, registration: here } }
registrar: { domains: [ example.com ] }
media: off
`
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-command-'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'edge.yaml'), CONFIG)
})
afterEach(() => rmSync(folder, { recursive: true }))

/** @param typed what is answered to the questions, one after the other; undefined: nobody is at a terminal, and nothing comes */
const run = async (args: readonly string[], typed: readonly string[] = [], terminal = false) => {
  const answers = [...typed]
  const questions: string[] = []
  let [out, err] = ['', '']
  const code = await userCommand(args, {
    ...{
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      terminal,
      wall: () => Date.UTC(2030, 0, 1),
    },
    environment: { EDGEWAYS_CONFIG: join(folder, 'edge.yaml'), EDGEWAYS_DATA: join(folder, 'data') },
    password: async (question) => {
      questions.push(question)
      return answers.shift() ?? ''
    },
  })
  return { code, out, err, questions }
}
const ha1 = (user: string) => {
  const database = openDatabase(join(folder, 'data', 'edgeways.db'), { busyMs: 100, wall: () => 0 })
  const key = sealingKey(join(folder, 'data', 'users.key'))
  const found = new SubscriberStore({ database, key, realm: () => 'example.com', wall: () => 0 }).ha1(user, 'MD5')
  database.close()
  return found
}
const madeOf = (user: string, password: string) => digestHa1('MD5', user, 'example.com', password)

test('a user is added with the password from the standard input, listed, shown, changed and removed', async () => {
  expect(await run(['list'])).toMatchObject({ code: 0, out: 'There are no users\n' })
  const added = await run(['add', 'alice', '--name', 'Alice A', '--alias', '100', '--alias', '+4930'], ['correct horse'])
  expect(added).toEqual({ code: 0, out: 'Added alice\n', err: '', questions: ['Password: '] })
  expect(ha1('alice')).toBe(madeOf('alice', 'correct horse'))
  expect((await run(['list'])).out).toBe('USER   NAME     ALIASES    STATE\nalice  Alice A  +4930 100  enabled\n')
  expect((await run(['list', 'nobody'])).out).toBe('No user has "nobody" in it\n')
  expect((await run(['disable', 'alice'])).out).toBe('alice is disabled\n')
  expect((await run(['show', 'alice'])).out).toMatch(/^State +disabled\nRealm +example.com\nCreated +2030-01-01T00:00:00.000Z$/m)
  expect((await run(['enable', 'alice'])).out).toBe('alice is enabled\n')
  expect((await run(['alias', 'alice', 'add', '101', '100'])).out).toBe('Aliases of alice: +4930 100 101\n')
  expect((await run(['alias', 'alice', 'remove', '+4930', '101', '100'])).out).toBe('alice has no aliases\n')
  expect((await run(['password', 'alice'], ['another one'])).out).toBe('alice has another password\n')
  expect(ha1('alice')).toBe(madeOf('alice', 'another one'))
  expect((await run(['remove', 'alice'])).out).toBe('Removed alice\n')
  expect((await run(['list'])).out).toBe('There are no users\n')
})

test('at a terminal the password is asked for twice, and has to be the same', async () => {
  const wrong = await run(['add', 'alice'], ['correct horse', 'corect horse'], true)
  expect(wrong).toMatchObject({
    code: 1,
    out: '',
    err: 'The two passwords are not the same; nothing was changed\n',
    questions: ['Password: ', 'Again: '],
  })
  expect((await run(['add', 'alice'], ['correct horse', 'correct horse'], true)).code).toBe(0)
})

test('a password that is made is printed once; a user may have none', async () => {
  const { out } = await run(['add', 'alice', '--generate'])
  const password = /^Added alice\nPassword: (\S{23})\n$/.exec(out)![1]!
  expect(ha1('alice')).toBe(madeOf('alice', password))
  expect((await run(['show', 'alice'])).out).not.toContain(password)
  expect((await run(['add', 'bob', '--no-password'])).out).toBe('Added bob\n')
  expect((await run(['list', 'bob'])).out).toContain('enabled, no password')
})

test('a realm that changed is shown', async () => {
  await run(['add', 'alice'], ['correct horse'])
  writeFileSync(join(folder, 'edge.yaml'), CONFIG.replace('[ example.com ]', '[ example.net ]'))
  expect((await run(['list'])).out).toContain('enabled, password is for the realm example.com')
})

test.each([
  [['add'], 2, /^Which user\?/],
  [['add', 'alice', 'secret'], 2, /^"secret" is one word too many; a password is never an argument/],
  [['add', 'alice', '--password', 'x'], 2, /--password/],
  [['add', 'alice', '--generate', '--no-password'], 2, /^Either --generate or --no-password/],
  [['add', 'a b', '--generate'], 1, /^"a b" is no user name: " " cannot stand in it\n$/],
  [['add', 'alice'], 1, /^The password is empty; nothing was changed\n$/],
  [['show', 'nobody'], 1, /^There is no user "nobody"\n$/],
  [['password', 'nobody', '--generate'], 1, /^There is no user "nobody"\n$/],
  [['remove', 'nobody'], 1, /^There is no user "nobody"\n$/],
  [['alias', 'alice'], 2, /^Write: edgeways user alias USER add\|remove ALIAS…/],
  [['toString'], 2, /^There is no command "toString"/],
  [[], 2, /^There is no command\n/],
  [['list', '--config', '/nowhere/edge.yaml'], 1, /there is no such file/],
  [['list', '--data', '/nowhere/data'], 1, /^There is no data folder \/nowhere\/data/],
])('%j: exit code %i, in words', async (args, code, words) => {
  const result = await run(args)
  expect([result.code, result.err]).toEqual([code, expect.stringMatching(words)])
})

test('nobody is asked for the password of a user that there is', async () => {
  await run(['add', 'alice', '--generate'])
  expect(await run(['add', 'alice'], ['correct horse'])).toMatchObject({ code: 1, questions: [] })
})

test('the help is all of it; a configuration without clients is noted', async () => {
  expect(await run(['--help'])).toMatchObject({ code: 0, out: USER_USAGE })
  writeFileSync(join(folder, 'edge.yaml'), CONFIG.replace('here', 'pass'))
  expect((await run(['list'])).err).toMatch(/^Note: no zone asks for credentials yet/)
})

test('a backup is a whole database for its owner alone, and replaces nothing', async () => {
  await run(['add', 'alice'], ['correct horse'])
  const copy = join(folder, 'copy.db')
  expect((await run(['backup', copy])).code).toBe(0)
  expect(statSync(copy).mode & 0o777).toBe(0o600)
  expect(await run(['backup', copy])).toMatchObject({ code: 1, err: expect.stringContaining('EEXIST') })
  await run(['remove', 'alice'])
  copyFileSync(copy, join(folder, 'data', 'edgeways.db'))
  for (const end of ['-wal', '-shm']) rmSync(join(folder, 'data', `edgeways.db${end}`), { force: true })
  expect(ha1('alice')).toBe(madeOf('alice', 'correct horse'))
})

const piped = (text: string) => {
  const input = new PassThrough()
  input.end(text)
  return askPassword(input as unknown as NodeJS.ReadStream, { write: () => expect.unreachable() })('Password: ')
}

test('from the standard input the first line is the password', async () => {
  expect(await piped('correct horse\r\nmore\n')).toBe('correct horse')
  expect(await piped('no end')).toBe('no end')
  expect(await piped('')).toBe('')
})

test('what is typed at a terminal is not shown; it can be corrected', async () => {
  const written: string[] = []
  const raw: boolean[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
  const asked = askPassword(input as unknown as NodeJS.ReadStream, { write: (text) => written.push(text) })('Password: ')
  for (const part of ['wrong\x15', 'corx\x7frect', ' hörse', '\r']) input.write(part)
  expect(await asked).toBe('correct hörse')
  expect(written).toEqual(['Password: ', '\n'])
  expect(raw).toEqual([true, false])
})
