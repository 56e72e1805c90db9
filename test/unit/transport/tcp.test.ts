import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Destination } from '../../../src/address/destination.ts'
import type { Listener } from '../../../src/address/listener.ts'
import { PONG } from '../../../src/sip/framing.ts'
import { bytes, freePort, makeListener, options, start, text } from './support.ts'

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

const dial = async (listener: Listener, localAddress?: string): Promise<Socket> => {
  const address = listener.bindAddress === '::' ? '127.0.0.1' : listener.bindAddress
  const socket = connect({ host: address, port: listener.bindPort, ...(localAddress === undefined ? {} : { localAddress }) })
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** A connection that the listener resets at once. */
const refused = async (listener: Listener, localAddress: string): Promise<void> => {
  const socket = connect({ host: listener.bindAddress, port: listener.bindPort, localAddress })
  socket.on('error', () => {})
  sockets.push(socket)
  await new Promise((resolve) => socket.on('close', resolve))
}

/** A remote that accepts connections. */
const remote = async (address = '127.0.0.1') => {
  const accepted: Socket[] = []
  const server = createServer((socket) => {
    accepted.push(socket)
    sockets.push(socket)
    socket.on('error', () => {})
  })
  servers.push(server)
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const destination: Destination = { transport: 'tcp', address, port, host: 'pbx.test' }
  const connection = async (count = 1): Promise<Socket> => {
    while (accepted.length < count) await once(server, 'connection')
    return accepted[count - 1]!
  }
  return { server, accepted, connection, destination }
}

/** The next bytes until the text has come, whatever the chunks. */
const reads = async (socket: Socket, expected: string): Promise<void> => {
  let got = ''
  while (got.length < expected.length) got += String((await once(socket, 'data'))[0])
  expect(got).toBe(expected)
}

const open = async (transport: 'tcp' = 'tcp', address = '127.0.0.1', given = options()): Promise<Listener> => {
  const listener = await makeListener(transport, address)
  await world.transports.open(listener, given)
  return listener
}

describe('connections that remotes open', () => {
  test.each(['127.0.0.1', '::1'])('T1: messages come in and go out on %s', async (address) => {
    const listener = await open('tcp', address)
    const phone = await dial(listener)
    const { flow } = await world.events.wait('opened')
    expect(flow).toMatchObject({ remoteAddress: address, remotePort: phone.localPort, inbound: true, open: true, listener })
    expect(world.transports.flowById(flow.id)).toBe(flow)
    expect(world.transports.counts().get(listener.name)).toBe(1)
    phone.write(text('one') + text('two').slice(0, 20))
    await world.events.wait('received')
    phone.write(text('two').slice(20))
    await world.events.wait('received', 2)
    expect(world.events.of('received').map((one) => one.text)).toEqual([text('one'), text('two')])
    flow.send(bytes('back'))
    flow.send(bytes('again'))
    await reads(phone, text('back') + text('again'))
  })

  test('ids begin with the owner and are never used twice', async () => {
    const listener = await open()
    const ids = new Set<string>()
    for (let i = 1; i <= 40; i++) {
      const phone = await dial(listener)
      const { flow } = await world.events.wait('opened', i)
      ids.add(flow.id)
      phone.destroy()
      await world.events.wait('closed', i)
    }
    expect(ids.size).toBe(40)
    for (const id of ids) expect(id).toMatch(/^aT0__[0-9a-z]+$/)
  })

  test('a connection that the remote closed is told once, and is found no more', async () => {
    const listener = await open()
    const phone = await dial(listener)
    const { flow } = await world.events.wait('opened')
    phone.end()
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: 'closed by the peer' })
    expect(flow.open).toBe(false)
    flow.send(bytes())
    flow.close('again')
    expect(world.transports.flowById(flow.id)).toBeUndefined()
    expect(world.transports.counts().get(listener.name)).toBe(0)
    expect(world.events.of('closed')).toHaveLength(1)
  })

  test('a connection that we close still sends what it has, and tells the reason', async () => {
    const listener = await open()
    const phone = await dial(listener)
    const { flow } = await world.events.wait('opened')
    flow.send(bytes('last'))
    flow.close('drained')
    expect(flow.open).toBe(false)
    await reads(phone, text('last'))
    await once(phone, 'close')
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: 'drained' })
  })

  test('RFC 5626 §3.5.1: a CRLFCRLF ping is answered with CRLF', async () => {
    const listener = await open()
    const phone = await dial(listener)
    phone.write('\r\n\r\n')
    await world.events.wait('keptAlive')
    await reads(phone, String(PONG))
  })

  test('garbage closes the connection, and is counted', async () => {
    const listener = await open()
    const phone = await dial(listener)
    phone.write('GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n')
    await once(phone, 'close')
    expect((await world.events.wait('closed')).reason).toBe('framing: No start line of SIP')
    expect(world.events.of('dropped')).toEqual([{ kind: 'dropped', reason: 'framing', remoteAddress: '127.0.0.1' }])
    expect(world.events.of('received')).toEqual([])
  })

  test('§18.3: a Content-Length that cannot be is answered before the connection closes', async () => {
    const listener = await open()
    world.events.onReceived = (flow) => flow.send(Buffer.from('SIP/2.0 400 Bad Content-Length\r\n\r\n'))
    const phone = await dial(listener)
    phone.write(text().replace('Content-Length: 0', 'Content-Length: -1'))
    await reads(phone, 'SIP/2.0 400 Bad Content-Length\r\n\r\n')
    await once(phone, 'close')
    await world.events.wait('closed')
    expect(world.events.of('dropped')).toHaveLength(1)
  })

  test('a flow that its receiver closes delivers nothing more of what has come', async () => {
    const listener = await open()
    world.events.onReceived = (flow) => flow.close('enough')
    const phone = await dial(listener)
    phone.write(text() + text() + text())
    expect((await world.events.wait('closed')).reason).toBe('enough')
    expect(world.events.of('received')).toHaveLength(1)
  })
})

describe('limits', () => {
  test('slowloris: a message that is not complete in time closes the connection', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ messageMs: 5000 }))
    const phone = await dial(listener)
    phone.write(text())
    await world.events.wait('received')
    world.pass(60_000)
    phone.write(`${text()}OPT`)
    await world.events.wait('received', 2)
    world.pass(4999)
    expect(world.events.of('closed')).toEqual([])
    world.pass(2)
    expect((await world.events.wait('closed')).reason).toBe('a message was not complete within 5000 ms')
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['slow-message'])
  })

  test('a connection without traffic is closed, one with traffic is kept', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ idleMs: 30_000 }))
    const phone = await dial(listener)
    world.pass(29_000)
    phone.write('\r\n\r\n')
    await world.events.wait('keptAlive')
    world.pass(29_000)
    expect(world.events.of('closed')).toEqual([])
    world.pass(2000)
    expect((await world.events.wait('closed')).reason).toBe('idle for 30000 ms')
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['idle'])
  })

  test('a peer that does not read is cut off', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ maxUnsent: 100_000 }))
    const phone = await dial(listener)
    phone.pause()
    const { flow } = await world.events.wait('opened')
    for (let sent = 0; sent < 1000 && flow.open; sent++) {
      flow.send(bytes('x'.repeat(60_000)))
      await new Promise(setImmediate)
    }
    expect((await world.events.wait('closed')).reason).toBe('the peer does not read what is sent')
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['backpressure'])
  })

  test('connections over the limit of the listener or of one source are refused, until others are gone', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ maxConnections: 3, maxConnectionsPerSource: 2 }))
    const one = await dial(listener, '127.0.0.1')
    await dial(listener, '127.0.0.1')
    await world.events.wait('opened', 2)
    await refused(listener, '127.0.0.1')
    expect((await world.events.wait('dropped')).reason).toBe('connections')
    await dial(listener, '127.0.0.2')
    await world.events.wait('opened', 3)
    await refused(listener, '127.0.0.3')
    expect(await world.events.wait('dropped', 2)).toMatchObject({ reason: 'connections', remoteAddress: '127.0.0.3' })
    one.destroy()
    await world.events.wait('closed')
    await dial(listener, '127.0.0.1')
    await world.events.wait('opened', 4)
  })

  test('new limits hold for connections that are open', async () => {
    const listener = await open()
    await dial(listener)
    await world.events.wait('opened')
    world.transports.update(listener.name, options({ idleMs: 10 }))
    world.pass(11)
    expect((await world.events.wait('closed')).reason).toBe('idle for 10 ms')
  })
})

describe('connections that we open', () => {
  test('what is sent before the connection is there leaves when it is, in order', async () => {
    const listener = await open()
    const { connection, destination } = await remote()
    const flow = world.transports.flowTo(listener, destination)
    expect(flow).toMatchObject({ inbound: false, open: true, remoteAddress: '127.0.0.1', remotePort: destination.port })
    flow.send(bytes('one'))
    flow.send(bytes('two'))
    expect((await world.events.wait('opened')).flow).toBe(flow)
    flow.send(bytes('three'))
    const peer = await connection()
    await reads(peer, text('one') + text('two') + text('three'))
    peer.write(text('', 'SIP/2.0 200 OK'))
    expect((await world.events.wait('received')).flow).toBe(flow)
  })

  test('§18.1.1: the connection to a destination is used again, and a new one is opened when it is gone', async () => {
    const listener = await open()
    const { connection, destination } = await remote()
    const other = await remote()
    const flow = world.transports.flowTo(listener, destination)
    expect(world.transports.flowTo(listener, destination)).toBe(flow)
    expect(world.transports.flowTo(listener, other.destination)).not.toBe(flow)
    await world.events.wait('opened', 2)
    expect(world.transports.flowTo(listener, destination)).toBe(flow)
    flow.close('test')
    const next = world.transports.flowTo(listener, destination)
    expect(next).not.toBe(flow)
    await world.events.wait('opened', 3)
    await connection(2)
  })

  test('§18: a connection that the remote opened carries requests to exactly the address and port it comes from', async () => {
    const listener = await open()
    const phone = connect({ host: '127.0.0.1', port: listener.bindPort })
    phone.on('error', () => {})
    sockets.push(phone)
    const { flow } = await world.events.wait('opened')
    const destination = { transport: 'tcp', address: flow.remoteAddress, port: flow.remotePort, host: flow.remoteAddress } as const
    expect(world.transports.flowTo(listener, destination)).toBe(flow)
    flow.close('test')
    expect(world.transports.flowTo(listener, destination)).not.toBe(flow)
  })

  test('RFC 5923: a connection that the remote opened is no alias for the port that it listens on', async () => {
    const listener = await open()
    const { destination } = await remote()
    const phone = connect({ host: '127.0.0.1', port: listener.bindPort, localAddress: '127.0.0.1' })
    phone.on('error', () => {})
    sockets.push(phone)
    const { flow } = await world.events.wait('opened')
    const ours = world.transports.flowTo(listener, destination)
    expect(ours).not.toBe(flow)
    expect(ours.inbound).toBe(false)
  })

  test('a refused connection is told as closed, once, and what waited is lost', async () => {
    const listener = await open()
    const port = await freePort()
    const flow = world.transports.flowTo(listener, { transport: 'tcp', address: '127.0.0.1', port, host: 'pbx.test' })
    flow.send(bytes())
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: `connect ECONNREFUSED 127.0.0.1:${port}` })
    expect(flow.open).toBe(false)
    expect(world.events.of('opened')).toEqual([])
    expect(world.transports.flowTo(listener, { transport: 'tcp', address: '127.0.0.1', port, host: 'pbx.test' })).not.toBe(flow)
  })

  test('a connection that does not come about in time is given up', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ connectMs: 2000 }))
    const { destination } = await remote()
    const flow = world.transports.flowTo(listener, destination)
    // The clock passes the limit before the socket had a turn
    world.pass(2001)
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: 'no connection within 2000 ms' })
  })

  test('too much waiting for a connection is dropped', async () => {
    const listener = await open('tcp', '127.0.0.1', options({ maxUnsent: 1000 }))
    const { destination } = await remote()
    const flow = world.transports.flowTo(listener, destination)
    for (let i = 0; i < 20; i++) flow.send(bytes('x'.repeat(100)))
    expect(flow.open).toBe(false)
    await world.events.wait('closed')
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['backpressure'])
  })

  test('A1: a connection leaves from the listener’s address', async () => {
    const listener = await open('tcp', '127.0.0.5')
    const { connection, destination } = await remote()
    world.transports.flowTo(listener, destination)
    await world.events.wait('opened')
    expect((await connection()).remoteAddress).toBe('127.0.0.5')
  })

  test('from an IPv6 wildcard to an IPv4 destination', async () => {
    const listener = await open('tcp', '::')
    const { destination } = await remote()
    world.transports.flowTo(listener, destination)
    await world.events.wait('opened')
    await dial(listener)
    expect((await world.events.wait('opened', 2)).flow.remoteAddress).toBe('127.0.0.1')
  })
})

describe('the end', () => {
  test('a closed listener takes no new connections, and keeps those it has', async () => {
    const listener = await open()
    const phone = await dial(listener)
    const { flow } = await world.events.wait('opened')
    await world.transports.close(listener.name)
    await expect(dial(listener)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    flow.send(bytes('still'))
    await reads(phone, text('still'))
  })

  test('closeAll ends every connection with its reason, also one that is still connecting', async () => {
    const listener = await open()
    await dial(listener)
    await world.events.wait('opened')
    const { destination } = await remote()
    world.transports.flowTo(listener, destination)
    await world.transports.closeAll('the edge stops')
    expect(world.events.of('closed').map(({ reason }) => reason)).toEqual(['the edge stops', 'the edge stops'])
  })

  test('a taken port is said with the remedy', async () => {
    const { destination } = await remote()
    const listener = await makeListener('tcp', '127.0.0.1', { bindPort: destination.port })
    await expect(world.transports.open(listener, options())).rejects.toThrow('another program has this address and port')
  })
})
