import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Destination } from '../../../src/address/destination.ts'
import type { Listener } from '../../../src/address/listener.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

const HOUR_MS = 3_600_000
/** Of a zone whose peers open connections of their own. */
const APART = { share: false, renewMs: HOUR_MS } as const

let world: ReturnType<typeof start>
let sockets: Socket[]
let servers: Server[]
beforeEach(() => {
  world = start()
  sockets = []
  servers = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await world.transports.closeAll('test over')
  for (const server of servers) server.close()
})

const listen = async (): Promise<Listener> => {
  const listener = await makeListener('tcp')
  await world.transports.open(listener, options())
  return listener
}

/** A peer that accepts connections. */
const peer = async () => {
  const accepted: Socket[] = []
  const server = createServer((socket) => {
    accepted.push(socket)
    sockets.push(socket)
    socket.on('error', () => {})
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const destination: Destination = { transport: 'tcp', address: '127.0.0.1', port, host: 'hub.test' }
  const connection = async (count: number): Promise<Socket> => {
    while (accepted.length < count) await once(server, 'connection')
    return accepted[count - 1]!
  }
  return { destination, connection }
}

const opened = async (count: number) => (await world.events.wait('opened', count)).flow

test('T6.7: a connection that the peer opened carries no request of ours, even to the very address and port that it comes from', async () => {
  const listener = await listen()
  const socket = connect({ host: '127.0.0.1', port: listener.bindPort })
  socket.on('error', () => {})
  sockets.push(socket)
  const theirs = await opened(1)
  const destination: Destination = { transport: 'tcp', address: theirs.remoteAddress, port: theirs.remotePort, host: 'hub.test' }
  expect(world.transports.flowTo(listener, destination), 'where connections are shared').toBe(theirs)
  const ours = world.transports.flowTo(listener, destination, APART)
  expect(ours).not.toBe(theirs)
  expect(ours.inbound).toBe(false)
  expect(world.transports.flowById(theirs.id), 'a response still finds it').toBe(theirs)
})

test('T6.10: a connection of ours that is an hour old takes nothing new, gets the answers that are under way, and closes', async () => {
  const listener = await listen()
  const { destination, connection } = await peer()
  const before = world.transports.flowTo(listener, destination, APART)
  before.send(bytes('invite'))
  await opened(1)
  expect(before).toMatchObject({ host: 'hub.test', openedAt: world.clock.now() })
  world.events.busy.add(before)
  world.pass(HOUR_MS - 1)
  expect(world.transports.flowTo(listener, destination, APART)).toBe(before)
  world.pass(1)
  const after = world.transports.flowTo(listener, destination, APART)
  expect(after).not.toBe(before)
  await opened(2)
  expect([...world.transports.connections()]).toEqual([before, after])
  expect(world.events.of('retired')).toMatchObject([{ flow: before, reason: 'age' }])
  // A phone rings for as long as it likes
  world.pass(300_000)
  ;(await connection(1)).write(text('ok', 'SIP/2.0 200 OK'))
  expect(await world.events.wait('received')).toMatchObject({ flow: before, text: text('ok', 'SIP/2.0 200 OK') })
  world.events.busy.delete(before)
  world.pass(500)
  expect(before.open, 'a 200 may come again').toBe(true)
  world.pass(1000)
  expect(await world.events.wait('closed')).toMatchObject({ flow: before, reason: 'another connection has taken its place' })
  expect(after.open).toBe(true)
})

test('T6.10: without anything to do it stays for 64*T1 and a little, whoever asks for a connection then', async () => {
  const listener = await listen()
  const { destination } = await peer()
  const before = world.transports.flowTo(listener, destination, APART)
  await opened(1)
  world.pass(HOUR_MS)
  expect(world.events.of('retired'), 'nobody asked for it').toHaveLength(1)
  world.pass(34_999)
  expect(before.open).toBe(true)
  world.pass(1)
  expect((await world.events.wait('closed')).flow).toBe(before)
})

test('T6.10: one that the peer opened closes when its time has come and nothing is under way on it', async () => {
  const listener = await listen()
  for (let i = 0; i < 2; i++) {
    const socket = connect({ host: '127.0.0.1', port: listener.bindPort })
    socket.on('error', () => {})
    sockets.push(socket)
  }
  await opened(2)
  const [one, other] = [...world.transports.connections()]
  world.transports.retire(one!, 'certificate', 500)
  world.transports.retire(other!, 'certificate', 10_000)
  world.events.busy.add(one!)
  world.pass(2000)
  expect([one!.open, other!.open]).toEqual([true, true])
  world.events.busy.clear()
  world.pass(1)
  expect([one!.open, other!.open]).toEqual([false, true])
  world.pass(8000)
  expect(other!.open).toBe(false)
})
