import { once } from 'node:events'
import { get } from 'node:https'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import type { Listener } from '../../../src/address/listener.ts'
import type { CheckedCertificate } from '../../../src/certs/check.ts'
import type { ListenerOptions, StreamLimits } from '../../../src/transport/types.ts'
import { makeAuthority } from './authority.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

let ca: Awaited<ReturnType<typeof makeAuthority>>
let edge: CheckedCertificate
let renewed: CheckedCertificate
let phoneCertificate: CheckedCertificate
beforeAll(async () => {
  ca = await makeAuthority()
  edge = await ca.issue('edge', 'localhost', '127.0.0.1', '::1')
  renewed = await ca.issue('renewed', 'localhost', '127.0.0.1', 'new.example.com')
  phoneCertificate = await ca.issue('phone', 'phone.example.com')
})
afterAll(() => ca.remove())

let world: ReturnType<typeof start>
let clients: WebSocket[]
let sockets: Socket[]
beforeEach(() => {
  world = start()
  clients = []
  sockets = []
})
afterEach(async () => {
  for (const client of clients) client.terminate()
  for (const socket of sockets) socket.destroy()
  await world.transports.closeAll('test over')
})

type Kind = 'ws' | 'wss'
const settings = (kind: Kind, limits: Partial<StreamLimits> = {}, more: Partial<ListenerOptions> = {}): ListenerOptions =>
  options(limits, { ...(kind === 'wss' ? { tls: ca.tls([edge]) } : {}), ...more })

const open = async (
  kind: Kind,
  limits: Partial<StreamLimits> = {},
  more: Partial<ListenerOptions> = {},
  address = '127.0.0.1',
): Promise<Listener> => {
  const listener = await makeListener(kind, address)
  await world.transports.open(listener, settings(kind, limits, more))
  return listener
}

const urlOf = (listener: Listener): string =>
  `${listener.transport.name}://${listener.bindAddress.includes(':') ? `[${listener.bindAddress}]` : listener.bindAddress}:${listener.bindPort}/`

const make = (listener: Listener, more: ClientOptions = {}, protocols: string | string[] = 'sip'): WebSocket => {
  const client = new WebSocket(urlOf(listener), protocols, { ca: ca.authority.root, perMessageDeflate: false, ...more })
  clients.push(client)
  return client
}

const dial = async (listener: Listener, more: ClientOptions = {}, protocols: string | string[] = 'sip'): Promise<WebSocket> => {
  const client = make(listener, more, protocols)
  await once(client, 'open')
  client.on('error', () => {})
  return client
}

/** How a handshake is refused: status and text. */
const refusal = async (listener: Listener, more: ClientOptions = {}, protocols: string | string[] = 'sip'): Promise<[number, string]> => {
  const client = make(listener, more, protocols)
  client.on('error', () => {})
  const [, response] = await once(client, 'unexpected-response')
  let body = ''
  for await (const chunk of response) body += chunk
  return [response.statusCode, body.trim()]
}

/** A client that writes its own bytes. */
const raw = async (listener: Listener): Promise<Socket> => {
  const socket = connect(listener.bindPort, listener.bindAddress)
  sockets.push(socket)
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

const reasons = (): string[] => world.events.of('dropped').map(({ reason }) => reason)
const closes = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve))

describe.each(['ws', 'wss'] as const)('%s', (kind) => {
  test.each(['127.0.0.1', '::1'])('T1: one WebSocket message is one SIP message, on %s', async (address) => {
    const listener = await open(kind, {}, {}, address)
    const client = await dial(listener, { origin: 'https://App.Example.com' })
    const { flow } = await world.events.wait('opened')
    expect(flow).toMatchObject({ remoteAddress: address, inbound: true, open: true, origin: 'https://app.example.com', listener })
    expect(world.transports.flowById(flow.id)).toBe(flow)
    expect(world.transports.counts().get(listener.name)).toBe(1)
    client.send(text('one'))
    client.send(bytes('two'))
    await world.events.wait('received', 2)
    expect(world.events.of('received').map((one) => one.text)).toEqual([text('one'), text('two')])
    const answer = once(client, 'message')
    flow.send(bytes('back'))
    const [data, binary] = await answer
    expect([String(data), binary]).toEqual([text('back'), false])
    client.close(1000)
    expect((await world.events.wait('closed')).reason).toBe('closed by the peer')
    expect(world.transports.counts().get(listener.name)).toBe(0)
  })

  test('T12: fragments are put together, and a large offer is not cut off', async () => {
    const listener = await open(kind)
    const client = await dial(listener)
    const whole = text('v'.repeat(30_000))
    for (let at = 0; at < whole.length; at += 1000) client.send(whole.slice(at, at + 1000), { fin: at + 1000 >= whole.length })
    expect((await world.events.wait('received')).text).toBe(whole)
    expect(world.events.of('received')).toHaveLength(1)
  })

  test('RFC 7118 §4.1: of the sub-protocols offered, sip is chosen', async () => {
    const listener = await open(kind)
    const client = await dial(listener, {}, ['chat', 'sip', 'msrp'])
    expect(client.protocol).toBe('sip')
  })

  test('RFC 7118 §4.1: without sub-protocol sip the answer is 400, in words', async () => {
    const listener = await open(kind)
    const sentence = 'The WebSocket must offer sub-protocol "sip" (RFC 7118).'
    expect(await refusal(listener, {}, [])).toEqual([400, sentence])
    expect(await refusal(listener, {}, ['chat', 'sip2'])).toEqual([400, sentence])
    expect(reasons()).toEqual(['sub-protocol', 'sub-protocol'])
    expect(world.events.of('opened')).toEqual([])
  })

  test('T12: an Origin that is not allowed gets 403, in words', async () => {
    const listener = await open(kind, {}, { origins: ['https://app.example.com'], originRequired: true })
    expect(await refusal(listener, { origin: 'https://evil.example' })).toEqual([403, 'Origin https://evil.example is not allowed here.'])
    expect(await refusal(listener)).toEqual([403, 'An Origin header is required.'])
    expect(reasons()).toEqual(['origin', 'origin'])
    await dial(listener, { origin: 'https://APP.example.com' })
    world.transports.update(listener.name, settings(kind, {}, { origins: ['https://app.example.com'], originRequired: false }))
    await dial(listener)
    expect((await world.events.wait('opened', 2)).flow.origin).toBeUndefined()
    expect(await refusal(listener, { origin: 'https://evil.example' })).toContain(403)
  })

  test('a message over the limit closes the connection', async () => {
    const listener = await open(kind, { maxHead: 1000, maxBody: 1000 })
    const client = await dial(listener)
    client.send('x'.repeat(2001))
    const [code] = await once(client, 'close')
    expect(code).toBe(1009)
    expect((await world.events.wait('closed')).reason).toMatch(/^framing: /)
    expect(reasons()).toEqual(['framing'])
  })

  test('N4: pings keep a connection, and a missing pong closes it', async () => {
    const listener = await open(kind, { pingMs: 30_000 })
    const alive = await dial(listener)
    const dead = await dial(listener, { autoPong: false })
    let pings = 0
    alive.on('ping', () => pings++)
    for (let round = 1; round <= 3; round++) {
      const pinged = once(dead, 'ping')
      world.pass(30_000)
      await world.events.wait('keptAlive', round)
      if (round === 1) await pinged
      if (round > 1) await world.events.wait('closed')
    }
    expect(pings).toBe(3)
    expect(world.events.of('closed').map(({ reason }) => reason)).toEqual(['no pong within 30000 ms'])
    expect(reasons()).toEqual(['idle'])
    expect(alive.readyState).toBe(WebSocket.OPEN)
  })

  test('the answer to a ping shows the round trip; a pong that nobody asked for does not', async () => {
    const listener = await open(kind, { pingMs: 30_000 })
    const client = await dial(listener, { autoPong: false })
    const { flow } = await world.events.wait('opened')
    client.pong()
    await world.events.wait('keptAlive')
    expect(flow.roundTripMs).toBeUndefined()
    const pinged = once(client, 'ping')
    world.pass(30_000)
    await pinged
    world.clock.time += 47
    client.pong()
    await world.events.wait('keptAlive', 2)
    expect(flow.roundTripMs).toBe(47)
    world.clock.time += 1000
    client.pong()
    await world.events.wait('keptAlive', 3)
    expect(flow.roundTripMs).toBe(47)
  })

  test('a message instead of a pong is a sign of life as well', async () => {
    const listener = await open(kind, { pingMs: 30_000 })
    const client = await dial(listener, { autoPong: false })
    for (let round = 1; round <= 3; round++) {
      const pinged = once(client, 'ping')
      world.pass(30_000)
      await pinged
      client.send(text())
      await world.events.wait('received', round)
    }
    expect(world.events.of('closed')).toEqual([])
  })

  test('CRLF keep-alives of clients are answered, and are no messages', async () => {
    const listener = await open(kind)
    const client = await dial(listener)
    const answer = once(client, 'message')
    client.send('\r\n\r\n')
    expect(String((await answer)[0])).toBe('\r\n')
    client.send('\r\n')
    client.send('')
    client.send(`\r\n${text()}`)
    await world.events.wait('received')
    expect(world.events.of('keptAlive')).toHaveLength(3)
    expect(world.events.of('received')).toHaveLength(1)
  })

  test('RFC 6455 §8.1: what is no UTF-8 leaves in a binary frame', async () => {
    const listener = await open(kind)
    const client = await dial(listener)
    const { flow } = await world.events.wait('opened')
    const answer = once(client, 'message')
    flow.send(Buffer.from(text('\xff\xfe'), 'latin1'))
    const [data, binary] = await answer
    expect([data.toString('latin1'), binary]).toEqual([text('\xff\xfe'), true])
  })

  test('several messages in one turn arrive each in its own frame, in order', async () => {
    const listener = await open(kind)
    const client = await dial(listener)
    const { flow } = await world.events.wait('opened')
    const got: string[] = []
    client.on('message', (data) => got.push(String(data)))
    for (let i = 0; i < 50; i++) flow.send(bytes(`${i}`))
    while (got.length < 50) await once(client, 'message')
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => text(`${i}`)))
  })

  test('a connection that we close says that we go away, and what was sent before arrives', async () => {
    const listener = await open(kind)
    const client = await dial(listener)
    const { flow } = await world.events.wait('opened')
    const last = once(client, 'message')
    flow.send(bytes('last'))
    flow.close('drained')
    expect(String((await last)[0])).toBe(text('last'))
    expect((await once(client, 'close'))[0]).toBe(1001)
    expect((await world.events.wait('closed')).reason).toBe('drained')
  })
})

describe('the HTTP side', () => {
  test('a request that is no upgrade gets 426 and a sentence', async () => {
    const listener = await open('wss')
    const request = get(`https://127.0.0.1:${listener.bindPort}/`, { ca: ca.authority.root, agent: false })
    const [response] = await once(request, 'response')
    let body = ''
    for await (const chunk of response) body += chunk
    expect(response.statusCode).toBe(426)
    expect(response.headers).toMatchObject({ upgrade: 'websocket', connection: 'close, Upgrade' })
    expect(body).toBe('This port speaks SIP over WebSocket (RFC 7118). Connect with a WebSocket client and sub-protocol "sip".\n')
    expect((await world.events.wait('dropped')).reason).toBe('handshake')
    expect(world.events.of('closed')).toEqual([])
  })

  test('who is sent away and does not close is closed soon', async () => {
    const listener = await open('ws', { handshakeMs: 300_000 }, { origins: ['https://app.example.com'], originRequired: true })
    const stays = connect({ port: listener.bindPort, host: listener.bindAddress, allowHalfOpen: true })
    sockets.push(stays)
    stays.write(`${HANDSHAKE}Sec-WebSocket-Protocol: sip\r\n\r\n`)
    expect(String((await once(stays, 'data'))[0])).toMatch(/^HTTP\/1\.1 403 /)
    stays.on('error', () => {})
    const gone = new Promise((resolve) => {
      const writing = setInterval(() => stays.write('x'), 100)
      stays.once('close', () => {
        clearInterval(writing)
        resolve(undefined)
      })
    })
    await gone
  })

  test('what is no HTTP at all gets 400 and is counted once', async () => {
    const listener = await open('ws')
    const phone = await raw(listener)
    phone.write(text())
    expect(String((await once(phone, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    await closes(phone)
    await world.events.wait('dropped')
    expect(reasons()).toEqual(['handshake'])
  })

  test('a handshake that is not complete in time is ended, and counted once', async () => {
    const listener = await open('ws', { handshakeMs: 5000 })
    const slow = await raw(listener)
    slow.resume()
    slow.write(HANDSHAKE)
    const good = await dial(listener)
    world.pass(5001)
    await closes(slow)
    await world.events.wait('dropped')
    expect(reasons()).toEqual(['handshake'])
    expect(good.readyState).toBe(WebSocket.OPEN)
  })

  test('TLS and WebSocket handshakes have one time limit together', async () => {
    const listener = await open('wss', { handshakeMs: 5000 })
    const { connect: connectTls } = await import('node:tls')
    const slow = connectTls({ host: '127.0.0.1', port: listener.bindPort, ca: ca.authority.root })
    sockets.push(slow)
    await once(slow, 'secureConnect')
    slow.on('error', () => {})
    slow.resume()
    world.pass(5001)
    await closes(slow)
    await world.events.wait('dropped')
    expect(reasons()).toEqual(['handshake'])
  })

  test('a key or version that is missing is refused', async () => {
    const listener = await open('ws')
    const phone = await raw(listener)
    phone.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n')
    expect(String((await once(phone, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /)
    await world.events.wait('dropped')
    expect(reasons()).toEqual(['handshake'])
  })

  test('a frame that is not masked closes the connection', async () => {
    const listener = await open('ws')
    const phone = await raw(listener)
    phone.write(`${HANDSHAKE}Sec-WebSocket-Protocol: sip\r\n\r\n`)
    expect(String((await once(phone, 'data'))[0])).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\nSec-WebSocket-Protocol: sip\r\n/i)
    phone.resume()
    phone.write(Buffer.from([0x81, 2, 65, 66]))
    await closes(phone)
    expect((await world.events.wait('closed')).reason).toMatch(/^framing: .*MASK/)
    expect(reasons()).toEqual(['framing'])
  })

  test('connections over the limit of one source are refused', async () => {
    const listener = await open('wss', { maxConnectionsPerSource: 1 })
    await dial(listener)
    const second = make(listener)
    second.on('error', () => {})
    await new Promise((resolve) => second.once('close', resolve))
    expect(reasons()).toEqual(['connections'])
  })
})

describe('the life of connections', () => {
  test('T13: a client certificate is known on the flow', async () => {
    const listener = await open('wss', {}, { tls: ca.tls([edge], { clientCertificate: 'request' }) })
    await dial(listener, { cert: phoneCertificate.chain, key: phoneCertificate.key })
    expect((await world.events.wait('opened')).flow.peer).toEqual({ verified: true, error: '', names: ['phone.example.com'] })
  })

  test('T13: a reload of the certificate leaves open connections alone', async () => {
    const listener = await open('wss')
    const before = await dial(listener)
    world.transports.update(listener.name, settings('wss', {}, { tls: ca.tls([renewed]) }))
    const after = await dial(listener)
    before.send(text('before'))
    after.send(text('after'))
    await world.events.wait('received', 2)
    for (const { flow } of world.events.of('received')) flow.send(bytes('back'))
    await Promise.all([once(before, 'message'), once(after, 'message')])
    expect(world.events.of('closed')).toEqual([])
  })

  test('a silent connection is closed when that is asked for', async () => {
    const listener = await open('ws', { idleMs: 60_000 })
    await dial(listener)
    world.pass(60_001)
    expect((await world.events.wait('closed')).reason).toBe('idle for 60000 ms')
  })

  test('RFC 7118 §5: we do not open WebSocket connections, and say so', async () => {
    const listener = await open('ws')
    const flow = world.transports.flowTo(listener, { transport: 'ws', address: '127.0.0.1', port: 9, host: 'a' })
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: 'WebSocket connections are opened by clients only' })
  })

  test('a peer that never answers our close is cut off', async () => {
    const listener = await open('ws')
    const phone = await raw(listener)
    phone.write(`${HANDSHAKE}Sec-WebSocket-Protocol: sip\r\n\r\n`)
    const { flow } = await world.events.wait('opened')
    phone.resume()
    flow.close('drained')
    world.pass(1001)
    await closes(phone)
    expect((await world.events.wait('closed')).reason).toBe('drained')
  })
})
