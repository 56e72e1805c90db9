import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Listener } from '../../../src/address/listener.ts'
import type { CheckedCertificate } from '../../../src/certs/check.ts'
import { makeAuthority } from './authority.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

let ca: Awaited<ReturnType<typeof makeAuthority>>
let edge: CheckedCertificate
let proof: CheckedCertificate
beforeAll(async () => {
  ca = await makeAuthority()
  edge = await ca.issue('edge', 'sbc.example.com')
  proof = await ca.issue('proof', 'sbc.example.com')
})
afterAll(() => ca.remove())

let world: ReturnType<typeof start>
let sockets: Socket[]
let listener: Listener
beforeEach(async () => {
  world = start()
  sockets = []
  listener = await makeListener('tls')
  await world.transports.open(listener, options({}, { tls: ca.tls([edge]) }))
  world.transports.challenge('SBC.example.com', proof)
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await world.transports.closeAll('test over')
})

const dial = async (more: ConnectionOptions = {}): Promise<TLSSocket> => {
  const socket = connect({ host: '127.0.0.1', port: listener.bindPort, ca: ca.authority.root, servername: 'sbc.example.com', ...more })
  sockets.push(socket)
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}
const validate = (more: ConnectionOptions = {}) => dial({ ALPNProtocols: ['acme-tls/1'], ...more })
const serial = (socket: TLSSocket): string => socket.getPeerX509Certificate()!.serialNumber

test('RFC 8737 §3: a validation sees the certificate that proves the name, the protocol, and the end', async () => {
  const socket = await validate()
  expect(serial(socket)).toBe(new X509Certificate(proof.chain).serialNumber)
  expect(socket.alpnProtocol).toBe('acme-tls/1')
  await once(socket.resume(), 'close')
  expect(world.events.seen).toEqual([])
})

test('RFC 8737 §3: TLS 1.2 is enough', async () => {
  const socket = await validate({ maxVersion: 'TLSv1.2' })
  expect(socket.alpnProtocol).toBe('acme-tls/1')
  await once(socket.resume(), 'close')
})

test.each([
  ['without ALPN', {}],
  ['with other protocols', { ALPNProtocols: ['sip', 'h2'] }],
  ['with another protocol beside it', { ALPNProtocols: ['acme-tls/1', 'sip'] }],
  ['without a server name', { servername: '', checkServerIdentity: () => undefined }],
  ['in TLS 1.2', { maxVersion: 'TLSv1.2' }],
  [
    'for a name that is not validated',
    { ALPNProtocols: ['acme-tls/1'], servername: 'other.example.com', checkServerIdentity: () => undefined },
  ],
] as const)('every other handshake is as ever: %s', async (_what, more) => {
  const socket = await dial(more as ConnectionOptions)
  expect(serial(socket)).toBe(new X509Certificate(edge.chain).serialNumber)
  expect(socket.alpnProtocol).toBeFalsy()
  socket.write(text('hello'))
  expect((await world.events.wait('received')).text).toBe(text('hello'))
})

test('the bytes that were looked at are not lost: a ClientHello in single bytes, with messages right behind it', async () => {
  const relay = connectPlain({ host: '127.0.0.1', port: listener.bindPort, noDelay: true })
  sockets.push(relay)
  await once(relay, 'connect')
  let slowly: Promise<void> = Promise.resolve()
  const drops = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      slowly = slowly.then(async () => {
        for (let at = 0; at < chunk.length; at += 7) {
          relay.write(chunk.subarray(at, at + 7))
          await new Promise((resolve) => setImmediate(resolve))
        }
        done()
      })
    },
  })
  relay.on('data', (chunk) => drops.push(chunk))
  const socket = connect({ socket: drops, ca: ca.authority.root, servername: 'sbc.example.com' })
  await once(socket, 'secureConnect')
  socket.write(bytes('one'))
  expect((await world.events.wait('received')).text).toBe(text('one'))
  socket.destroy()
})

test('sessions are resumed as ever', async () => {
  const first = connect({ host: '127.0.0.1', port: listener.bindPort, ca: ca.authority.root, servername: 'sbc.example.com' })
  sockets.push(first)
  const [session] = (await once(first, 'session')) as [Buffer]
  expect((await dial({ session })).isSessionReused()).toBe(true)
})

test('what is no TLS is refused as ever, at once', async () => {
  const socket = connectPlain({ host: '127.0.0.1', port: listener.bindPort })
  sockets.push(socket)
  socket.on('error', () => {})
  socket.write(text())
  await once(socket.resume(), 'close')
  expect((await world.events.wait('dropped')).reason).toBe('handshake')
})

test('a peer that says nothing, or half of it, is cut off with the time for handshakes', async () => {
  const quiet = connectPlain({ host: '127.0.0.1', port: listener.bindPort })
  const half = connectPlain({ host: '127.0.0.1', port: listener.bindPort })
  sockets.push(quiet, half)
  for (const socket of [quiet, half]) {
    socket.on('error', () => {})
    await once(socket, 'connect')
  }
  half.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 0xfc]))
  // Both have been accepted when a later one has
  await dial()
  await world.events.wait('opened')
  world.pass(5001)
  await Promise.all([once(quiet.resume(), 'close'), once(half.resume(), 'close')])
  expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['handshake', 'handshake'])
})

test('a peer that goes away in the middle leaves nothing behind', async () => {
  const socket = connectPlain({ host: '127.0.0.1', port: listener.bindPort })
  sockets.push(socket)
  await once(socket, 'connect')
  socket.end(Buffer.from([22, 3, 1, 2, 0, 1]))
  await once(socket.resume(), 'close')
  expect((await world.events.wait('dropped')).reason).toBe('handshake')
})

test('bytes that go on and on and never become a ClientHello go to the TLS stack, which has no more patience than ever', async () => {
  const socket = connectPlain({ host: '127.0.0.1', port: listener.bindPort })
  sockets.push(socket)
  socket.on('error', () => {})
  await once(socket, 'connect')
  // Records of one byte each
  const records = Array.from({ length: 3000 }, () => Buffer.from([22, 3, 1, 0, 1, 0]))
  socket.write(Buffer.concat([Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x3f, 0xf0]), ...records]))
  await dial()
  await world.events.wait('opened')
  world.pass(5001)
  await once(socket.resume(), 'close')
  expect((await world.events.wait('dropped')).reason).toBe('handshake')
})

test('when it is over, nobody gets the proof any more', async () => {
  world.transports.challenge('sbc.example.com', undefined)
  const socket = await validate()
  expect(socket.alpnProtocol).toBeFalsy()
  expect(serial(socket)).toBe(new X509Certificate(edge.chain).serialNumber)
})

test('a certificate that cannot be used is refused, and the one before stays', async () => {
  expect(() => world.transports.challenge('sbc.example.com', { chain: 'none', key: 'none' })).toThrow('proves sbc.example.com')
  expect((await validate()).alpnProtocol).toBe('acme-tls/1')
})

test('a wss listener answers, too, and takes its clients as ever', async () => {
  const wss = await makeListener('wss')
  await world.transports.open(wss, options({}, { tls: ca.tls([edge]) }))
  expect((await validate({ port: wss.bindPort })).alpnProtocol).toBe('acme-tls/1')
  const client = new WebSocket(`wss://127.0.0.1:${wss.bindPort}`, 'sip', {
    ca: ca.authority.root,
    servername: 'sbc.example.com',
    ALPNProtocols: ['http/1.1'],
  } as ConstructorParameters<typeof WebSocket>[2])
  await once(client, 'open')
  client.terminate()
})

test('a hundred at once, validations and others mixed, each gets its own', async () => {
  const seen = await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? validate() : dial())))
  expect(seen.map(({ alpnProtocol }) => Boolean(alpnProtocol))).toEqual(seen.map((_, index) => index % 2 === 0))
})
