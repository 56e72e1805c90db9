import { once } from 'node:events'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readHello } from '../../../src/transport/client-hello.ts'

/** What a real TLS client sends first. */
const firstFlight = async (servername: string, ALPNProtocols: string[]): Promise<Buffer> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect({ host: '127.0.0.1', port, servername, ...(ALPNProtocols.length > 0 && { ALPNProtocols }) })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [import('node:net').Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

/** The same ClientHello in records of so many bytes. */
const inRecordsOf = (bytes: Buffer, size: number): Buffer => {
  const message = bytes.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

test('RFC 8446 §4.1.2: server name and protocols of a real client are read, however the bytes come', async () => {
  const bytes = await firstFlight('SBC.example.com', ['acme-tls/1'])
  const hello = { kind: 'hello', host: 'sbc.example.com', protocols: ['acme-tls/1'] }
  expect(readHello(bytes)).toEqual(hello)
  for (let length = 0; length < bytes.length; length++) expect(readHello(bytes.subarray(0, length))).toEqual({ kind: 'more' })
  for (const size of [1, 2, 3, 5, 100]) expect(readHello(inRecordsOf(bytes, size))).toEqual(hello)
})

test('a client without names or protocols has none', async () => {
  expect(readHello(await firstFlight('', []))).toEqual({ kind: 'hello', host: '', protocols: [] })
  expect(readHello(await firstFlight('a.example.com', ['sip', 'h2']))).toEqual({
    kind: 'hello',
    host: 'a.example.com',
    protocols: ['sip', 'h2'],
  })
})

test.each([
  ['SIP', Buffer.from('OPTIONS sip:a@example.com SIP/2.0\r\n')],
  ['a TLS alert', Buffer.from([21, 3, 3, 0, 2, 1, 0])],
  ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 0])],
  ['another handshake message', Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0])],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a record that is too long', Buffer.from([22, 3, 1, 0x80, 0])],
  ['a hello that is too long', Buffer.from([22, 3, 1, 0, 4, 1, 1, 0, 0])],
  ['a length that leads outside', Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
])('%s is left to the TLS stack', (_what, bytes) => {
  expect(readHello(bytes)).toEqual({ kind: 'other' })
})

test('no bytes make it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void readHello(Buffer.from(bytes))))
  const header = (length: number) => [22, 3, 1, 1, 44, 1, 0, 0, length]
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.uint8Array({ minLength: 296, maxLength: 300 }),
      (n, bytes) => void readHello(Buffer.from([...header(n), ...bytes])),
    ),
  )
})
