import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatagramListener } from '../../../src/transport/udp.ts'
import { bytes, freePort, makeListener, options, Recorder, start, text } from './support.ts'

let world: ReturnType<typeof start>
let peers: Socket[]
beforeEach(() => {
  world = start()
  peers = []
})
afterEach(async () => {
  await world.transports.closeAll('test over')
  for (const peer of peers) peer.close()
})

const peer = async (address = '127.0.0.1'): Promise<Socket> => {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  peers.push(socket)
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}

describe.each(['127.0.0.1', '::1'])('on %s', (address) => {
  test('T1: a datagram is a message, and its flow leads back to the sender', async () => {
    const listener = await makeListener('udp', address)
    await world.transports.open(listener, options())
    const phone = await peer(address)
    phone.send(bytes('hello'), listener.bindPort, address)
    const { flow, text: got } = await world.events.wait('received')
    expect(got).toBe(text('hello'))
    const { port } = phone.address()
    expect(flow).toMatchObject({ id: `${address}:${port}`, remoteAddress: address, remotePort: port, inbound: false, open: true, listener })
    const answer = once(phone, 'message')
    flow.send(bytes('back'))
    const [received, from] = await answer
    expect(String(received)).toBe(text('back'))
    expect(from.port).toBe(listener.bindPort)
  })

  test('RFC 5626 §2: one remote is one flow, whether it sent or we do', async () => {
    const listener = await makeListener('udp', address)
    await world.transports.open(listener, options())
    const phone = await peer(address)
    const { port } = phone.address()
    const flow = world.transports.flowTo(listener, { transport: 'udp', address, port, host: 'pbx.test' })
    phone.send(bytes(), listener.bindPort, address)
    expect((await world.events.wait('received')).flow).toBe(flow)
    expect(world.transports.datagramFlow(listener, address, port)).toBe(flow)
  })
})

test('an IPv6 wildcard also speaks IPv4, and shows those remotes by their IPv4 address', async () => {
  const listener = await makeListener('udp', '::')
  await world.transports.open(listener, options())
  const phone = await peer('127.0.0.1')
  const { port } = phone.address()
  phone.send(bytes(), listener.bindPort, '127.0.0.1')
  const { flow } = await world.events.wait('received')
  expect(flow).toMatchObject({ id: `127.0.0.1:${port}`, remoteAddress: '127.0.0.1' })
  expect(world.transports.datagramFlow(listener, '127.0.0.1', port)).toBe(flow)
  phone.send(bytes(), listener.bindPort, '127.0.0.1')
  expect((await world.events.wait('received', 2)).flow).toBe(flow)
  const answer = once(phone, 'message')
  flow.send(bytes('back'))
  expect(String((await answer)[0])).toBe(text('back'))
})

test('ipv6Only: an IPv6 wildcard leaves IPv4 to another listener, and says nothing to an IPv4 one', async () => {
  const six = await makeListener('udp', '::')
  const four = await makeListener('udp', '0.0.0.0', { name: 'lan/udp#2', bindPort: six.bindPort })
  await world.transports.open(six, options({}, { ipv6Only: true }))
  await world.transports.open(four, options({}, { ipv6Only: true }))
  const phone = await peer('127.0.0.1')
  phone.send(bytes(), six.bindPort, '127.0.0.1')
  expect((await world.events.wait('received')).flow.listener).toBe(four)
})

test('N4: CRLF and NUL datagrams keep a pinhole open and are no messages; other tiny ones are dropped', async () => {
  const listener = await makeListener('udp')
  await world.transports.open(listener, options())
  const phone = await peer()
  for (const one of ['\r\n', '\r\n\r\n', '\0\0\0\0']) phone.send(Buffer.from(one), listener.bindPort, '127.0.0.1')
  await world.events.wait('keptAlive', 3)
  for (const one of ['', 'jaK', '\x00\x01\x00\x00!\x12\xa4B0123456789ab0123456789'])
    phone.send(Buffer.from(one), listener.bindPort, '127.0.0.1')
  await world.events.wait('dropped', 3)
  phone.send(Buffer.from(`\r\n${text()}`), listener.bindPort, '127.0.0.1')
  expect((await world.events.wait('received')).text).toBe(`\r\n${text()}`)
  expect(world.events.of('received')).toHaveLength(1)
  expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['datagram', 'datagram', 'datagram'])
})

test('a datagram that cannot leave is told as closed, and the flow stays usable', async () => {
  const listener = await makeListener('udp')
  await world.transports.open(listener, options())
  const phone = await peer()
  const flow = world.transports.datagramFlow(listener, '127.0.0.1', phone.address().port)
  flow.send(Buffer.alloc(70_000, 'x'))
  const { flow: failed, reason } = await world.events.wait('closed')
  expect(failed).toBe(flow)
  expect(reason).toBe('datagram not sent: EMSGSIZE')
  expect(flow.open).toBe(true)
  const arrival = once(phone, 'message')
  flow.send(bytes('small'))
  expect(String((await arrival)[0])).toBe(text('small'))
})

test('a destination of the other address family is told as closed', async () => {
  const listener = await makeListener('udp')
  await world.transports.open(listener, options())
  const flow = world.transports.flowTo(listener, { transport: 'udp', address: '::1', port: 5060, host: '::1' })
  flow.send(bytes())
  expect(await world.events.wait('closed')).toMatchObject({ flow, reason: 'datagram not sent: EINVAL' })
})

test('a port that is taken is said with the remedy', async () => {
  const taken = await peer()
  const listener = await makeListener('udp', '127.0.0.1', { bindPort: taken.address().port })
  await expect(world.transports.open(listener, options())).rejects.toMatchObject({
    code: 'SBC_TRANSPORT_BIND',
    message: `Listener lan/udp cannot use 127.0.0.1:${taken.address().port}: another program has this address and port; stop it, or give the listener another port`,
  })
})

test('after close the port is free, and a flow tells that it leads nowhere', async () => {
  const listener = await makeListener('udp')
  await world.transports.open(listener, options())
  await world.transports.close(listener.name)
  const other = createSocket('udp4')
  peers.push(other)
  other.bind(listener.bindPort, '127.0.0.1')
  await once(other, 'listening')
  const flow = world.transports.datagramFlow(listener, '127.0.0.1', 5060)
  expect(flow.open).toBe(false)
  flow.send(bytes())
  expect(await world.events.wait('closed')).toMatchObject({ flow, reason: 'listener lan/udp is not open' })
})

test('the memory of remotes is bounded: those not heard from for long are forgotten, the others kept', async () => {
  const listener = await makeListener('udp', '127.0.0.1', { bindPort: await freePort('udp') })
  const socket = new DatagramListener(listener, options(), new Recorder(), { now: 0 }, 4)
  await socket.bind()
  const first = socket.flow('127.0.0.2', 5060)
  const busy = socket.flow('127.0.0.3', 5060)
  for (let port = 1000; port < 1020; port++) {
    socket.flow('127.0.0.4', port)
    expect(socket.flow('127.0.0.3', 5060)).toBe(busy)
  }
  expect(socket.flow('127.0.0.2', 5060)).not.toBe(first)
  await socket.close()
})
