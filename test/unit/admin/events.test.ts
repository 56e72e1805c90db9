import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { Role } from '../../../src/admin/auth/roles.ts'
import { EventHub, type Subscriber, type Topic } from '../../../src/admin/events.ts'
import { accountsWith, HandClock, serverWith, signIn } from './support.ts'

const TOPICS: readonly Topic[] = ['state', 'certificates', 'calls', 'config', 'log', 'audit']

interface Seen {
  readonly event: string
  readonly id?: string
  readonly data?: unknown
}

/** A hub whose heart beats when the test says so. */
const hubWith = () => {
  const clock = new HandClock()
  let beat: (() => void) | undefined
  const hub = new EventHub({
    clock,
    every: (_ms, run) => {
      beat = run
      return () => {
        beat = undefined
      }
    },
  })
  return { clock, hub, beat: () => beat?.(), beating: () => beat !== undefined }
}

const parsed = (text: string): Seen[] =>
  text.split('\n\n').flatMap((block) => {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    )
    if (fields.event === undefined) return []
    return [{ event: fields.event, ...(fields.id && { id: fields.id }), data: JSON.parse(fields.data!) as unknown }]
  })

/** A listener that reads everything at once. */
const listen = (hub: EventHub, wishes: Partial<Subscriber> & { readonly role?: () => Role | undefined } = {}) => {
  const stream = hub.subscribe({ topics: TOPICS, who: 'ann', roleNow: wishes.role ?? (() => 'admin'), ...wishes })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return {
    stream,
    text: () => text,
    /** What has come until now; a stream hands on in a later turn. */
    seen: async () => {
      await new Promise((done) => setImmediate(done))
      return parsed(text)
    },
  }
}

test('an event has an id, its topic as type, and JSON; the first bytes say when to come back', async () => {
  const { hub } = hubWith()
  const one = listen(hub)
  hub.publish('state', { phase: 'running', text: 'two\nlines' })
  hub.publish('calls', [])
  expect(await one.seen()).toEqual([
    { event: 'state', id: expect.stringMatching(/^[\w-]+-1$/), data: { phase: 'running', text: 'two\nlines' } },
    { event: 'calls', id: expect.stringMatching(/-2$/), data: [] },
  ])
  expect(one.text()).toMatch(/^retry: 3000\n\nid: /)
})

test('each hears the topics that were asked for and that the role allows', async () => {
  const { hub } = hubWith()
  const listeners = (['viewer', 'operator', 'admin'] as const).map((role) => listen(hub, { role: () => role }))
  const calls = listen(hub, { topics: ['calls'] })
  for (const topic of TOPICS) hub.publish(topic, 1)
  const heard = await Promise.all([...listeners, calls].map(async ({ seen }) => (await seen()).map(({ event }) => event).join(' ')))
  expect(heard).toEqual([
    'state certificates calls config',
    'state certificates calls config log',
    'state certificates calls config log audit',
    'calls',
  ])
})

test('a role that is less now hears less from now on, and nobody hears nothing: the stream ends', async () => {
  const { hub, beat } = hubWith()
  let role: Role | undefined = 'admin'
  const one = listen(hub, { role: () => role })
  const idle = listen(hub, { role: () => role, topics: [] })
  hub.publish('audit', 1)
  role = 'viewer'
  hub.publish('audit', 2)
  hub.publish('state', 3)
  role = undefined
  hub.publish('state', 4)
  expect((await one.seen()).map(({ data }) => data)).toEqual([1, 3])
  await new Promise((done) => setImmediate(done))
  expect([one.stream.readableEnded, idle.stream.readableEnded]).toEqual([true, false])
  beat()
  await once(idle.stream, 'close')
  expect(hub.streams).toBe(0)
})

test('who comes back with the id of the last event gets what was missed', async () => {
  const { hub, clock } = hubWith()
  const first = listen(hub)
  for (const data of [1, 2, 3]) hub.publish('state', data)
  const { id } = (await first.seen())[0]!
  first.stream.destroy()
  await once(first.stream, 'close')
  hub.publish('calls', 4)
  clock.pass(59_000)
  hub.publish('audit', 5)
  const again = listen(hub, { lastEventId: id })
  hub.publish('state', 6)
  expect((await again.seen()).map(({ data }) => data)).toEqual([2, 3, 4, 5, 6])
  const some = listen(hub, { lastEventId: id, topics: ['calls', 'state'], role: () => 'viewer' })
  expect((await some.seen()).map(({ data }) => data)).toEqual([2, 3, 4, 6])
})

test('what nobody can catch up with any more is told as missed', async () => {
  const { hub } = hubWith()
  const first = listen(hub)
  hub.publish('state', 0)
  const { id } = (await first.seen())[0]!
  for (let index = 1; index <= 101; index++) hub.publish('log', index)
  expect((await listen(hub, { lastEventId: id }).seen())[0]).toEqual({ event: 'missed', data: {} })
  expect((await listen(hub, { lastEventId: id, topics: ['state'] }).seen()).length).toBe(0)
  first.stream.destroy()
  for (const topic of TOPICS) {
    const one = listen(hub, { lastEventId: `another-run-1`, topics: [topic] })
    expect((await one.seen())[0]).toEqual({ event: 'missed', data: {} })
    one.stream.destroy()
  }
  await new Promise((done) => setImmediate(done))
  expect((await listen(hub, { lastEventId: id!.replace(/\d+$/, '999') }).seen())[0]).toEqual({ event: 'missed', data: {} })
})

test.each(['', 'x', '-', '1', '💥-1', `${'x'.repeat(500)}-1`, 'a-99999999999999999999'])('%j is no id that harms', async (lastEventId) => {
  const { hub } = hubWith()
  const one = listen(hub, { lastEventId })
  hub.publish('state', 1)
  const events = (await one.seen()).map(({ event }) => event)
  expect(events).toEqual(lastEventId === '' ? ['state'] : ['missed', 'state'])
})

test('for nobody nothing is built and nothing is kept', async () => {
  const { hub, clock } = hubWith()
  const data = {
    toJSON: () => {
      throw new Error('built')
    },
  }
  expect(hub.wanted).toBe(false)
  hub.publish('state', data)
  const one = listen(hub)
  expect(hub.wanted).toBe(true)
  expect(() => hub.publish('state', data)).toThrow('built')
  one.stream.destroy()
  await once(one.stream, 'close')
  clock.pass(59_999)
  expect(hub.wanted).toBe(true)
  clock.pass(1)
  expect(hub.wanted).toBe(false)
  hub.publish('state', data)
})

test('who does not read loses the oldest, is told how many, and goes on with the newest', async () => {
  const { hub } = hubWith()
  const stream = hub.subscribe({ topics: TOPICS, who: 'ann', roleNow: () => 'admin' })
  // It has begun, and stops when its buffer is full
  stream.once('readable', () => undefined)
  await new Promise((done) => setImmediate(done))
  for (let index = 1; index <= 1000; index++) hub.publish('log', { index, text: 'x'.repeat(200) })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  while (!text.includes('"index":1000')) await new Promise((done) => setImmediate(done))
  const seen = parsed(text)
  const missed = seen.find(({ event }) => event === 'missed')!
  const numbers = seen.filter(({ event }) => event === 'log').map(({ data }) => (data as { index: number }).index)
  const gap = numbers.findIndex((number, index) => index > 0 && number !== numbers[index - 1]! + 1)
  expect(missed.data).toEqual({ events: 1000 - numbers.length })
  expect(numbers.slice(gap)).toHaveLength(200)
  expect(numbers.at(-1)).toBe(1000)
  expect(numbers.length).toBeLessThan(350)
})

test('large events are bounded, too: by what waits, and one by one', async () => {
  const { hub } = hubWith()
  const stream = hub.subscribe({ topics: TOPICS, who: 'ann', roleNow: () => 'admin' })
  for (let index = 0; index < 100; index++) hub.publish('log', 'x'.repeat(60_000))
  expect(stream.readableLength).toBeLessThan(130_000)
  const one = listen(hub)
  hub.publish('state', 'x'.repeat(70_000))
  expect((await one.seen())[0]?.data).toEqual({ leftOut: 70_002 })
})

test('the heart beats for all while somebody listens, and who takes nothing for a minute is cut off', async () => {
  const { hub, clock, beat, beating } = hubWith()
  expect(beating()).toBe(false)
  const one = listen(hub)
  const stuck = hub.subscribe({ topics: TOPICS, who: 'bob', roleNow: () => 'admin' })
  for (let index = 0; index < 200; index++) hub.publish('log', 'x'.repeat(500))
  await one.seen()
  clock.pass(15_000)
  beat()
  await one.seen()
  expect(one.text()).toMatch(/: \n\n$/)
  expect(stuck.destroyed).toBe(false)
  clock.pass(46_000)
  beat()
  await once(stuck, 'close')
  expect([hub.streams, beating()]).toEqual([1, true])
  one.stream.destroy()
  await once(one.stream, 'close')
  expect(beating()).toBe(false)
})

test('one has twelve streams at most, all together a hundred', () => {
  const { hub } = hubWith()
  for (let index = 0; index < 12; index++) hub.subscribe({ topics: [], who: 'ann', roleNow: () => 'admin' })
  expect(() => hub.subscribe({ topics: [], who: 'ann', roleNow: () => 'admin' })).toThrow('close some pages')
  for (let index = 12; index < 100; index++) hub.subscribe({ topics: [], who: `u${index}`, roleNow: () => 'admin' })
  expect(() => hub.subscribe({ topics: [], who: 'bob', roleNow: () => 'admin' })).toThrow('Too many streams')
  hub.close()
  expect(() => hub.subscribe({ topics: [], who: 'bob', roleNow: () => 'admin' })).toThrow()
})

const place = async () => {
  const clock = new HandClock()
  const accounts = await accountsWith(['viewer', 'operator', 'admin'], clock)
  const server = serverWith({ accounts, clock })
  const url = await server.start()
  return { clock, accounts, server, url }
}

/** Reads an answer's events until one fits. */
const reader = (answer: Response) => {
  const chunks = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    until: async (wanted: string): Promise<string> => {
      while (!text.includes(wanted)) {
        const { done, value } = await chunks.read()
        if (done) throw new Error(`The stream ended after ${text}`)
        text += value
      }
      return text
    },
    end: async (): Promise<string> => {
      for (;;) {
        const { done, value } = await chunks.read()
        if (done) return text
        text += value
      }
    },
  }
}

test('GET /api/events: a stream over a socket that ends when its session does', async () => {
  const { server, url } = await place()
  const viewer = await signIn(server, 'viewer')
  const answer = await fetch(`${url}/api/events`, { headers: { cookie: viewer.cookie } })
  expect(answer.status).toBe(200)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  })
  const events = reader(answer)
  await events.until('retry')
  server.events.publish('log', 'secret')
  server.events.publish('state', { phase: 'running' })
  expect(await events.until('running')).not.toContain('secret')
  await viewer.send('POST', '/api/logout')
  await events.end()
  expect((await fetch(`${url}/api/events`, { headers: { cookie: viewer.cookie } })).status).toBe(401)
})

test('a stream is no use of its session: half an hour later it is over', async () => {
  const { server, url, clock } = await place()
  const viewer = await signIn(server, 'viewer')
  const events = reader(await fetch(`${url}/api/events`, { headers: { cookie: viewer.cookie } }))
  await events.until('retry')
  clock.pass(30 * 60_000)
  server.events.publish('state', 'late')
  expect(await events.end()).not.toContain('late')
})

test('a stream ends with its user, with its token, and with the server', async () => {
  const { server, url, accounts } = await place()
  const open = async (headers: Record<string, string>) => {
    const events = reader(await fetch(`${url}/api/events`, { headers }))
    await events.until('retry')
    return events
  }
  const admin = await signIn(server, 'admin')
  const { secret } = await accounts.tokens.make({ name: 'tool', role: 'operator', days: 1, madeBy: 'admin' })
  const viewer = await open({ cookie: (await signIn(server, 'viewer')).cookie })
  const tool = await open({ authorization: `Bearer ${secret}` })
  const last = await open({ cookie: admin.cookie })
  await admin.send('DELETE', '/api/users/viewer')
  await viewer.end()
  await admin.send('DELETE', '/api/tokens/tool')
  await tool.end()
  expect(await last.until('token-remove')).toContain('event: audit')
  await server.stop()
  await last.end()
})

test('topics that there are not are told', async () => {
  const { server } = await place()
  const viewer = await signIn(server, 'viewer')
  const answer = await viewer.send('GET', '/api/events?topics=state,calls,news')
  expect([answer.statusCode, answer.json().message]).toEqual([
    ...[400, 'There is no topic "news"; there is state, certificates, calls, registrations, doctor, config, log, audit'],
  ])
  expect((await server.app.inject({ method: 'HEAD', url: '/api/events', headers: { cookie: viewer.cookie } })).statusCode).toBe(405)
})

test('a client that goes away leaves nothing behind', async () => {
  const { server, url } = await place()
  const viewer = await signIn(server, 'viewer')
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`GET /api/events?topics=state HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${viewer.cookie}\r\n\r\n`)
  await once(socket, 'data')
  expect(server.events.streams).toBe(1)
  socket.destroy()
  while (server.events.streams > 0) await new Promise((done) => setImmediate(done))
})
