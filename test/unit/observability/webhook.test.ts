import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LogFields, SILENT_LOG } from '../../../src/observability/log.ts'
import { createWebhook, signatureOf, type Webhook } from '../../../src/observability/webhook.ts'

interface Heard {
  readonly headers: IncomingMessage['headers']
  readonly method: string
  readonly body: string
}

let server: Server
let url: string
let heard: Heard[]
let statuses: number[]
let folder: string
let said: string[]
let due: { readonly ms: number; readonly run: () => void; cancelled: boolean }[]
let hook: Webhook | undefined
let woken: (() => void)[]
const wake = (): void => {
  for (const one of woken.splice(0)) one()
}
/** Resolves when it is so; looked at whenever something happens. */
const until = async (wanted: () => boolean): Promise<void> => {
  while (!wanted()) await new Promise<void>((resolve) => void woken.push(resolve))
}

beforeEach(async () => {
  ;[heard, statuses, said, due, woken, hook] = [[], [], [], [], [], undefined]
  folder = await mkdtemp(join(tmpdir(), 'edgeways-webhook-'))
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      heard.push({ headers: request.headers, method: request.method!, body })
      const status = statuses.shift() ?? 204
      response.writeHead(status, status === 302 ? { location: url } : {}).end()
      wake()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/alarms?key=1`
})
afterEach(async () => {
  hook?.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const open = (more: { readonly url?: string; readonly secretFile?: string } = {}): Webhook => {
  const note = (_fields: LogFields, text: string) => {
    said.push(text)
    wake()
  }
  hook = createWebhook({
    url,
    secretFile: undefined,
    userAgent: 'edgeways/1',
    clock: { now: () => 0, wall: () => 1_700_000_000_500 },
    random: () => 0.5,
    log: { ...SILENT_LOG, warn: note, error: note },
    later: (ms, run) => {
      const one = { ms, run, cancelled: false }
      due.push(one)
      wake()
      return () => {
        one.cancelled = true
      }
    },
    ...more,
  })
  return hook
}

test('an alarm is posted as JSON, with an id', async () => {
  open().send({ kind: 'expiring', text: 'Läuft ab' })
  await until(() => heard.length === 1)
  expect(heard[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json', 'user-agent': 'edgeways/1' } })
  expect(JSON.parse(heard[0]!.body)).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, kind: 'expiring', text: 'Läuft ab' })
  expect(heard[0]!.headers['x-edgeways-signature']).toBeUndefined()
})

test('it is signed with the secret of the file, over the time and the body', async () => {
  const secretFile = join(folder, 'secret')
  await writeFile(secretFile, 'between us\n')
  open({ secretFile }).send({ kind: 'expired' })
  await until(() => heard.length === 1)
  const { headers, body } = heard[0]!
  const mac = createHmac('sha256', 'between us').update(`1700000000.${body}`).digest('hex')
  expect(headers['x-edgeways-signature']).toBe(`t=1700000000,v1=${mac}`)
  expect(signatureOf('between us', 1_700_000_000, body)).toBe(headers['x-edgeways-signature'])
})

test('what fails is repeated with growing pauses, the same id and body, and given up in the end', async () => {
  statuses = [500, 503, 429, 408, 500, 302, 500]
  open().send({ kind: 'expired' })
  for (let attempt = 0; attempt < 6; attempt++) {
    await until(() => due.length === attempt + 1)
    due[attempt]!.run()
  }
  await until(() => said.at(-1) === 'An alarm was not delivered: it answered 500')
  expect(due.map(({ ms }) => ms)).toEqual([10_000, 60_000, 300_000, 1_800_000, 7_200_000, 14_400_000])
  expect(heard).toHaveLength(7)
  expect(new Set(heard.map(({ body }) => body)).size).toBe(1)
  expect(said[0]).toBe('An alarm was not delivered, and is sent again: it answered 500')
})

test('a repeat that arrives is the end of it', async () => {
  statuses = [500]
  open().send({ kind: 'expired' })
  await until(() => due.length === 1)
  due[0]!.run()
  await until(() => heard.length === 2)
  expect(said).toHaveLength(1)
})

test.each([400, 401, 404, 410])('an answer %i is not repeated', async (status) => {
  statuses = [status]
  open().send({ kind: 'expired' })
  await until(() => said.length === 1)
  expect(said).toEqual([`An alarm was not delivered: it answered ${status}`])
  expect(due).toEqual([])
})

test('a server that is away, or a secret that cannot be read, is said without the path of the URL', async () => {
  open({ url: 'http://127.0.0.1:1/secret-path' }).send({ kind: 'expired' })
  await until(() => due.length === 1)
  expect(said[0]).toMatch(/is sent again: .*(?:ECONNREFUSED|bad port)/)
  expect(said[0]).not.toContain('secret-path')
  hook?.stop()
  open({ secretFile: join(folder, 'nothing') }).send({ kind: 'expired' })
  await until(() => due.length === 2)
  expect(said.at(-1)).toContain('ENOENT')
  expect(heard).toEqual([])
})

test('no more than fifty wait: the oldest are given up', async () => {
  statuses = Array.from({ length: 60 }, () => 500)
  const one = open()
  for (let count = 0; count < 50; count++) one.send({ count })
  await until(() => due.length === 50)
  one.send({ count: 50 })
  await until(() => due.length === 51)
  expect(said.filter((line) => line === 'An alarm was not delivered: too many are waiting')).toHaveLength(1)
  expect(due.filter(({ cancelled }) => cancelled)).toHaveLength(1)
})

test('stopped, it sends nothing more', async () => {
  statuses = [500]
  const one = open()
  one.send({ kind: 'expired' })
  await until(() => due.length === 1)
  one.stop()
  expect(due[0]?.cancelled).toBe(true)
  one.send({ kind: 'expired' })
  expect(heard).toHaveLength(1)
})
