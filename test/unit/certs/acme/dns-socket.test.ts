import { createSocket } from 'node:dgram'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { askServer } from '../../../../src/certs/acme/dns/dns-socket.ts'
import { freePort } from '../../../support/places.ts'

const HOST = '127.0.0.1'
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})
const signal = new AbortController().signal
const query = Buffer.from('abcd28000000000000000000', 'hex')
const reply = (flags: string, tail = '') => Buffer.from(`abcd${flags}0000000000000000${tail}`, 'hex')

/** A server on one port, over UDP and TCP. undefined: it stays silent. */
const serve = async (udp: (count: number) => readonly Buffer[], tcp?: (bytes: Buffer, socket: Socket) => void) => {
  const port = await freePort(HOST)
  let count = 0
  const datagrams = createSocket('udp4', (_bytes, from) => {
    for (const one of udp(++count)) datagrams.send(one, from.port, from.address)
  })
  await new Promise<void>((resolve) => datagrams.bind(port, HOST, resolve))
  stops.push(() => datagrams.close())
  if (tcp !== undefined) {
    const streams = createServer((socket) => {
      socket.on('error', () => {}).on('data', (bytes) => tcp(bytes, socket))
      stops.push(() => socket.destroy())
    })
    await new Promise<void>((resolve) => streams.listen(port, HOST, resolve))
    expect((streams.address() as AddressInfo).port).toBe(port)
    stops.push(() => streams.close())
  }
  return { host: HOST, port, count: () => count }
}
const framed = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])

test('the answer to our question is taken; strangers’ and short ones are not', async () => {
  const server = await serve(() => [Buffer.from('ffffa8000000000000000000', 'hex'), Buffer.from('ab'), reply('a800')])
  expect((await askServer(query, server, 'udp', signal)).toString('hex')).toBe(reply('a800').toString('hex'))
})

test('a question that is lost is sent again', async () => {
  const server = await serve((count) => (count < 2 ? [] : [reply('a800')]))
  await askServer(query, server, 'udp', signal)
  expect(server.count()).toBe(2)
})

test('RFC 7766 §5: a truncated answer is fetched over TCP, also when it comes in pieces', async () => {
  const whole = framed(reply('a800', 'aa'.repeat(700)))
  const server = await serve(
    () => [reply('aa00')],
    (bytes, socket) => {
      expect(bytes.toString('hex')).toBe(framed(query).toString('hex'))
      socket.write(whole.subarray(0, 1))
      setImmediate(() => socket.write(whole.subarray(1, 600)))
      setImmediate(() => setImmediate(() => socket.write(whole.subarray(600))))
    },
  )
  expect(await askServer(query, server, 'udp', signal)).toHaveLength(12 + 700)
})

test('RFC 1035 §4.2.1: a message of more than 512 bytes goes over TCP at once', async () => {
  const server = await serve(
    () => [reply('a800')],
    (_bytes, socket) => socket.write(framed(reply('a805'))),
  )
  expect((await askServer(Buffer.concat([query, Buffer.alloc(600)]), server, 'udp', signal)).toString('hex')).toBe(
    reply('a805').toString('hex'),
  )
  expect(server.count()).toBe(0)
})

test('a server that hangs up', async () => {
  const server = await serve(
    () => [],
    (_bytes, socket) => socket.end(),
  )
  await expect(askServer(query, server, 'tcp', signal)).rejects.toThrow('closed the connection without an answer')
})

test('an abort ends the wait, over UDP and TCP', async () => {
  for (const transport of ['udp', 'tcp'] as const) {
    const abort = new AbortController()
    const heard = (): readonly Buffer[] => {
      abort.abort(new Error('enough'))
      return []
    }
    const server = await serve(heard, heard)
    await expect(askServer(query, server, transport, abort.signal)).rejects.toThrow('enough')
  }
})
