import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import type { Listener } from '../../../src/address/listener.ts'
import type { TransportName } from '../../../src/address/transports.ts'
import type { CheckedCertificate } from '../../../src/certs/check.ts'
import type { BehindProxies, StreamLimits } from '../../../src/transport/types.ts'
import { network } from '../../../src/zones/networks.ts'
import { makeAuthority } from './authority.ts'
import { addresses4, v1, v2 } from './proxy-headers.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

let ca: Awaited<ReturnType<typeof makeAuthority>>
let edge: CheckedCertificate
beforeAll(async () => {
  ca = await makeAuthority()
  edge = await ca.issue('edge', 'localhost', '127.0.0.1')
})
afterAll(() => ca.remove())

let world: ReturnType<typeof start>
let sockets: { destroy(): unknown }[]
beforeEach(() => {
  world = start()
  sockets = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await world.transports.closeAll('test over')
})

/** Where proxies of ours come from; everybody else here comes from 127.0.0.1. */
const PROXY = '127.0.0.77'
const behind = (by: BehindProxies['by']): BehindProxies => ({ by, networks: [network(PROXY)!] })

const open = async (kind: TransportName, by: BehindProxies['by'], limits: Partial<StreamLimits> = {}): Promise<Listener> => {
  const listener = await makeListener(kind)
  const tls = kind === 'tls' || kind === 'wss' ? { tls: ca.tls([edge]) } : {}
  await world.transports.open(listener, options(limits, { behind: behind(by), ...tls }))
  return listener
}

/** A connection that begins with bytes of its own. */
const raw = async (listener: Listener, from = PROXY): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port: listener.bindPort, localAddress: from })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

const reasons = () => world.events.of('dropped').map(({ reason, remoteAddress }) => [reason, remoteAddress])
const closes = (socket: Socket): Promise<unknown> => {
  socket.resume()
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve))
}
const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n'

/** Goes through the handshakes of a transport on a connection whose header was sent, and says something. */
const speak = async (kind: TransportName, socket: Socket): Promise<void> => {
  const secure = kind === 'tls' || kind === 'wss'
  const inner = secure ? connectTls({ socket, servername: 'localhost', ca: ca.authority.root }) : socket
  inner.on('error', () => {})
  if (secure) await once(inner, 'secureConnect')
  if (kind === 'tls' || kind === 'tcp') {
    inner.write(text('hello'))
    return
  }
  inner.write(HANDSHAKE)
  await once(inner, 'data')
  // RFC 6455 §5.2: masked with zeros
  const message = bytes('hello')
  inner.write(Buffer.concat([Buffer.from([0x81, 0xfe, message.length >> 8, message.length & 255, 0, 0, 0, 0]), message]))
}

describe.each(['tcp', 'tls', 'ws', 'wss'] as const)('the PROXY protocol on %s', (kind) => {
  test.each([
    ['version 1', v1('203.0.113.9', 5071), '203.0.113.9', 5071],
    ['version 2', v2(addresses4([203, 0, 113, 9], 5071)), '203.0.113.9', 5071],
  ])('%s: the flow is that of the client', async (_, header, remoteAddress, remotePort) => {
    const listener = await open(kind, 'proxy-protocol')
    const socket = await raw(listener)
    socket.write(header)
    await speak(kind, socket)
    expect(await world.events.wait('received')).toMatchObject({ text: text('hello'), flow: { remoteAddress, remotePort, listener } })
    expect(reasons()).toEqual([])
  })

  test('a connection from elsewhere is a direct one, and needs no header', async () => {
    const listener = await open(kind, 'proxy-protocol')
    const socket = await raw(listener, '127.0.0.1')
    await speak(kind, socket)
    expect((await world.events.wait('received')).flow).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: socket.localPort })
  })

  test('a header of somebody who is no proxy of ours is not believed', async () => {
    const listener = await open(kind, 'proxy-protocol')
    const socket = await raw(listener, '127.0.0.1')
    socket.write(v1('203.0.113.9', 5071))
    socket.write(`${text()}\r\n\r\n`)
    await closes(socket)
    await world.events.wait('dropped')
    expect(world.events.of('received')).toEqual([])
    expect(reasons()).toEqual([[kind === 'tcp' ? 'framing' : 'handshake', '127.0.0.1']])
  })

  test('a proxy without header is refused, and counted', async () => {
    const listener = await open(kind, 'proxy-protocol')
    const socket = await raw(listener)
    socket.write(kind === 'tls' || kind === 'wss' ? Buffer.from('16030100', 'hex') : text())
    await closes(socket)
    expect(reasons()).toEqual([['proxy-header', PROXY]])
    expect(world.events.of('opened')).toEqual([])
  })

  test('a LOCAL connection is one of the proxy itself', async () => {
    const listener = await open(kind, 'proxy-protocol')
    const socket = await raw(listener)
    socket.write(v2(Buffer.alloc(0), 0, 0x20))
    await speak(kind, socket)
    expect((await world.events.wait('received')).flow).toMatchObject({ remoteAddress: PROXY, remotePort: socket.localPort })
  })

  test('health checks that say nothing, or nothing but LOCAL, are no drops', async () => {
    const listener = await open(kind, 'proxy-protocol')
    for (const header of [Buffer.alloc(0), v2(Buffer.alloc(0), 0, 0x20)]) {
      const socket = await raw(listener)
      socket.end(header)
      await closes(socket)
    }
    expect(reasons()).toEqual([])
  })

  test('the limit of connections of one source counts clients, not their proxy', async () => {
    const listener = await open(kind, 'proxy-protocol', { maxConnectionsPerSource: 2, maxConnections: 10 })
    const phone = async (address: string) => {
      const socket = await raw(listener)
      socket.write(v1(address, 5071))
      await speak(kind, socket)
      return socket
    }
    const first = await phone('203.0.113.9')
    for (const address of ['203.0.113.9', '203.0.113.10', '203.0.113.11', '203.0.113.12']) await phone(address)
    await world.events.wait('received', 5)
    const third = await raw(listener)
    third.write(v1('203.0.113.9', 5072))
    await closes(third)
    expect(reasons()).toEqual([['connections', '203.0.113.9']])
    first.destroy()
    await world.events.wait('closed')
    await phone('203.0.113.9')
    await world.events.wait('received', 6)
  })
})

describe('the PROXY header on its way', () => {
  const HEADERS = [
    ['version 1', v1('203.0.113.9', 5071)],
    ['version 2', v2(addresses4([203, 0, 113, 9], 5071))],
  ] as const

  test.each(HEADERS)('%s may come split after every byte, and with the message in one piece', async (_, header) => {
    const listener = await open('tcp', 'proxy-protocol')
    const whole = Buffer.concat([header, bytes('hello')])
    for (let at = 1; at <= header.length + 2; at++) {
      const socket = await raw(listener)
      socket.setNoDelay(true)
      socket.write(whole.subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      socket.write(whole.subarray(at))
      const { flow, text: got } = await world.events.wait('received', at)
      expect([flow.remoteAddress, got]).toEqual(['203.0.113.9', text('hello')])
    }
    expect(reasons()).toEqual([])
  })

  test('a peer that says all it has to say, and that there is no more, in one piece', async () => {
    const listener = await open('tcp', 'proxy-protocol')
    const socket = await raw(listener)
    socket.end(Buffer.concat([v1('203.0.113.9', 5071), bytes('hello')]))
    expect((await world.events.wait('received')).text).toBe(text('hello'))
    expect((await world.events.wait('closed')).reason).toBe('closed by the peer')
  })

  test('it may come with the ClientHello in one piece', async () => {
    const listener = await open('tls', 'proxy-protocol')
    const socket = await raw(listener)
    socket.cork()
    socket.write(v1('203.0.113.9', 5071))
    process.nextTick(() => socket.uncork())
    await speak('tls', socket)
    expect((await world.events.wait('received')).flow.remoteAddress).toBe('203.0.113.9')
  })

  test('it has the time of a handshake', async () => {
    const listener = await open('tcp', 'proxy-protocol', { handshakeMs: 5000 })
    const slow = await raw(listener)
    const silent = await raw(listener)
    slow.write('PROXY TCP4 203.')
    // What comes later is read later
    await speak('tcp', await raw(listener, '127.0.0.1'))
    await world.events.wait('received')
    world.pass(5001)
    await Promise.all([closes(slow), closes(silent)])
    await world.events.wait('dropped')
    expect(reasons()).toEqual([['proxy-header', PROXY]])
  })

  test('it does not grow without end', async () => {
    const listener = await open('tcp', 'proxy-protocol')
    for (const [index, head] of [Buffer.from('PROXY '), v2(Buffer.alloc(5000)).subarray(0, 16)].entries()) {
      const socket = await raw(listener)
      socket.write(head)
      socket.write(Buffer.alloc(5000, 'x'))
      await closes(socket)
      await world.events.wait('dropped', index + 1)
    }
    expect(reasons()).toEqual([
      ['proxy-header', PROXY],
      ['proxy-header', PROXY],
    ])
  })

  test('a validation of a certificate order comes through a balancer, too', async () => {
    const listener = await open('tls', 'proxy-protocol')
    world.transports.challenge('other.example.com', await ca.issue('proof', 'other.example.com'))
    const socket = await raw(listener)
    socket.write(v1('203.0.113.9', 5071))
    await speak('tls', socket)
    expect((await world.events.wait('received')).flow.remoteAddress).toBe('203.0.113.9')
  })
})

describe.each(['ws', 'wss'] as const)('X-Forwarded-For on %s', (kind) => {
  const dial = async (listener: Listener, headers: Record<string, string>, from = PROXY): Promise<WebSocket> => {
    const client = make(listener, headers, from)
    await once(client, 'open')
    return client
  }
  const make = (listener: Listener, headers: Record<string, string>, from = PROXY): WebSocket => {
    const wishes: ClientOptions = { ca: ca.authority.root, localAddress: from, headers }
    const client = new WebSocket(`${kind}://127.0.0.1:${listener.bindPort}/`, 'sip', wishes)
    client.on('error', () => {})
    sockets.push({ destroy: () => client.terminate() })
    return client
  }

  test('is believed from proxies of ours; the port stays that of their connection', async () => {
    const listener = await open(kind, 'forwarded-for')
    await dial(listener, { 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 127.0.0.77' })
    const { flow } = await world.events.wait('opened')
    expect(flow.remoteAddress).toBe('203.0.113.9')
    await dial(listener, { forwarded: 'for="[2001:db8::9]:1234"' })
    const second = (await world.events.wait('opened', 2)).flow
    expect(second.remoteAddress).toBe('2001:db8::9')
    expect(second.remotePort).not.toBe(flow.remotePort)
    expect(reasons()).toEqual([])
  })

  test('is not believed from anybody else', async () => {
    const listener = await open(kind, 'forwarded-for')
    await dial(listener, { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' }, '127.0.0.1')
    expect((await world.events.wait('opened')).flow.remoteAddress).toBe('127.0.0.1')
    expect(reasons()).toEqual([])
  })

  test.each([{}, { 'x-forwarded-for': 'garbage' }, { 'x-forwarded-for': '203.0.113.9, unknown' }])(
    'that names nobody (%o) leaves the address of the proxy, and is counted',
    async (headers: Record<string, string>) => {
      const listener = await open(kind, 'forwarded-for')
      await dial(listener, headers)
      expect((await world.events.wait('opened')).flow.remoteAddress).toBe(PROXY)
      expect(reasons()).toEqual([['proxy-header', PROXY]])
    },
  )

  test('the limit of connections of one source counts clients, not their proxy', async () => {
    const listener = await open(kind, 'forwarded-for', { maxConnectionsPerSource: 1 })
    const first = await dial(listener, { 'x-forwarded-for': '203.0.113.9' })
    await dial(listener, { 'x-forwarded-for': '203.0.113.10' })
    const [, response] = await once(make(listener, { 'x-forwarded-for': '203.0.113.9' }), 'unexpected-response')
    expect(response.statusCode).toBe(503)
    expect(reasons()).toEqual([['connections', '203.0.113.9']])
    first.terminate()
    await world.events.wait('closed')
    await dial(listener, { 'x-forwarded-for': '203.0.113.9' })
    await world.events.wait('opened', 3)
  })
})
