import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Listener } from '../../../src/address/listener.ts'
import { makeListener, options, start } from './support.ts'

const renamed = (listener: Listener, ...names: readonly string[]): Listener =>
  new Listener({ ...listener, transport: listener.transport.name, names })

test('T §5: a listener that goes by more names keeps its connections, and they are its own', async () => {
  const world = start()
  onTestFinished(() => world.transports.closeAll('test over'))
  const tcp = await makeListener('tcp')
  const udp = await makeListener('udp')
  for (const listener of [tcp, udp]) await world.transports.open(listener, options())
  const socket = connect(tcp.bindPort, '127.0.0.1')
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'connect')
  const { flow } = await world.events.wait('opened')
  const datagrams = world.transports.datagramFlow(udp, '127.0.0.1', 9)
  for (const [listener, one] of [
    [tcp, flow],
    [udp, datagrams],
  ] as const) {
    const now = renamed(listener, 'one.edge.test')
    world.transports.rename(now)
    expect(one.listener).toBe(now)
    expect([one.open, one.listener.goesBy('one.edge.test')]).toEqual([true, true])
  }
})
