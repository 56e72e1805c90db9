import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Listener } from '../../../src/address/listener.ts'
import type { ListenerOptions, WebAnswers, WebRequest } from '../../../src/transport/types.ts'
import { network } from '../../../src/zones/networks.ts'
import { makeListener, options, start } from './support.ts'

let world: ReturnType<typeof start>
let asked: WebRequest[]
const web: WebAnswers = {
  methods: (path) => (path === '/turn' ? ['GET'] : []),
  answer: async (one) => {
    asked.push(one)
    return { status: 200, headers: { 'Content-Type': 'application/json', 'WWW-Authenticate': ['a', 'b'] }, body: '{}' }
  },
}
beforeEach(() => {
  world = start(web)
  asked = []
})
afterEach(() => world.transports.closeAll('test over'))

const APP = 'https://app.example.com'
const open = async (more: Partial<ListenerOptions> = {}): Promise<Listener> => {
  const listener = await makeListener('ws')
  await world.transports.open(listener, options({}, { origins: [APP], originRequired: true, ...more }))
  return listener
}

const ask = async (listener: Listener, path: string, method = 'GET', headers: Record<string, string> = { origin: APP }) => {
  const sent = request({ host: '127.0.0.1', port: listener.bindPort, path, method, headers, agent: false })
  sent.end()
  const [response] = await once(sent, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, headers: response.headers, body }
}

test('a script of an allowed origin is answered, may read the answer, and nobody keeps it', async () => {
  const listener = await open()
  const { status, headers, body } = await ask(listener, '/turn?x=1', 'GET', {
    origin: 'https://App.example.com',
    authorization: 'Bearer abc',
  })
  expect([status, body]).toEqual([200, '{}'])
  expect(headers).toMatchObject({
    'access-control-allow-origin': 'https://App.example.com',
    'access-control-expose-headers': 'WWW-Authenticate, Retry-After',
    'cache-control': 'no-store',
    'content-type': 'application/json',
    vary: 'Origin',
    'www-authenticate': 'a, b',
    connection: 'close',
  })
  expect(asked).toEqual([{ method: 'GET', target: '/turn?x=1', listener, remoteAddress: '127.0.0.1', authorization: 'Bearer abc' }])
  expect(world.events.of('dropped')).toEqual([])
})

test('a preflight says what may be asked, without asking', async () => {
  const listener = await open()
  const headers = { origin: APP, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  const preflight = await ask(listener, '/turn', 'OPTIONS', headers)
  expect(preflight.status).toBe(204)
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': APP,
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': 'authorization',
    'access-control-max-age': '600',
  })
  expect(asked).toEqual([])
})

test('scripts of other origins get nothing, and are counted', async () => {
  const listener = await open()
  for (const method of ['GET', 'OPTIONS']) {
    const { status, headers, body } = await ask(listener, '/turn', method, { origin: 'https://evil.example' })
    expect([status, body]).toEqual([403, 'Origin https://evil.example is not allowed here.\n'])
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  }
  expect((await ask(listener, '/turn', 'GET', {})).status).toBe(403)
  expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['origin', 'origin', 'origin'])
  expect(asked).toEqual([])
})

test('other methods get 405, and other paths what they got before', async () => {
  const listener = await open()
  const { status, headers } = await ask(listener, '/turn', 'POST')
  expect([status, headers.allow]).toEqual([405, 'GET, OPTIONS'])
  expect((await ask(listener, '/turns')).status).toBe(426)
  expect((await ask(listener, '/')).status).toBe(426)
  expect(asked).toEqual([])
})

test('behind a reverse proxy it is the client who asks', async () => {
  const listener = await open({ behind: { by: 'forwarded-for', networks: [network('127.0.0.1')!] } })
  await ask(listener, '/turn', 'GET', { origin: APP, 'x-forwarded-for': '203.0.113.9' })
  expect(asked[0]?.remoteAddress).toBe('203.0.113.9')
})
