import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect, createServer, type Server, type TlsOptions as ServerOptions, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Listener } from '../../../src/address/listener.ts'
import type { CheckedCertificate } from '../../../src/certs/check.ts'
import { namesOf } from '../../../src/transport/tls.ts'
import type { TlsOptions } from '../../../src/transport/types.ts'
import { makeAuthority } from './authority.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

let ca: Awaited<ReturnType<typeof makeAuthority>>
let edge: CheckedCertificate
let wild: CheckedCertificate
let renewed: CheckedCertificate
let phoneCertificate: CheckedCertificate
let stranger: Awaited<ReturnType<typeof makeAuthority>>
let strangerCertificate: CheckedCertificate
beforeAll(async () => {
  ca = await makeAuthority()
  stranger = await makeAuthority()
  edge = await ca.issue('edge', 'sbc.example.com', 'a.wild.test')
  wild = await ca.issue('wild', '*.wild.test')
  renewed = await ca.issue('renewed', 'sbc.example.com', 'new.example.com')
  phoneCertificate = await ca.issue('phone', 'Phone.example.com', '127.0.0.1')
  strangerCertificate = await stranger.issue('stranger', 'phone.example.com')
})
afterAll(() => Promise.all([ca.remove(), stranger.remove()]))

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

const open = async (tls: TlsOptions, address = '127.0.0.1', limits = {}): Promise<Listener> => {
  const listener = await makeListener('tls', address)
  await world.transports.open(listener, options(limits, { tls }))
  return listener
}

/** A TLS phone; the promise is kept when its handshake is done, and broken when it fails. */
const dial = async (listener: Listener, more: ConnectionOptions = {}): Promise<TLSSocket> => {
  const socket = connect({
    host: listener.bindAddress,
    port: listener.bindPort,
    ca: ca.authority.root,
    servername: 'sbc.example.com',
    ...more,
  })
  sockets.push(socket)
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

const shown = async (listener: Listener, servername?: string): Promise<string | undefined> => {
  const socket = await dial(listener, { servername: servername ?? '', checkServerIdentity: () => undefined })
  return socket.getPeerX509Certificate()?.subjectAltName
}

const closes = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve))

const server = async (given: ServerOptions) => {
  const accepted: TLSSocket[] = []
  const listening = createServer({ key: phoneCertificate.key, cert: phoneCertificate.chain, ...given }, (socket) => {
    accepted.push(socket)
    sockets.push(socket)
    socket.on('error', () => {})
  })
  servers.push(listening)
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as { port: number }
  const connection = async (count = 1): Promise<TLSSocket> => {
    while (accepted.length < count) await once(listening, 'secureConnection')
    return accepted[count - 1]!
  }
  return { accepted, connection, listening, port }
}

describe('connections that remotes open', () => {
  test.each(['127.0.0.1', '::1'])('T1: messages cross TLS on %s', async (address) => {
    const listener = await open(ca.tls([edge]), address)
    const phone = await dial(listener)
    expect(phone.authorized).toBe(true)
    const { flow } = await world.events.wait('opened')
    expect(flow).toMatchObject({ remoteAddress: address, remotePort: phone.localPort, inbound: true, open: true })
    expect(flow.peer).toBeUndefined()
    phone.write(text('one') + text('two'))
    await world.events.wait('received', 2)
    flow.send(bytes('back'))
    expect(String((await once(phone, 'data'))[0])).toBe(text('back'))
    phone.end()
    expect((await world.events.wait('closed')).reason).toBe('closed by the peer')
  })

  test('T13: the certificate is that of the name asked for, else a wildcard for one label, else the first', async () => {
    const listener = await open(ca.tls([edge, wild]))
    expect(await shown(listener, 'SBC.example.com')).toContain('DNS:sbc.example.com')
    expect(await shown(listener, 'b.wild.test')).toBe('DNS:*.wild.test')
    expect(await shown(listener, 'a.wild.test')).toContain('DNS:a.wild.test')
    expect(await shown(listener, 'b.a.wild.test')).toContain('DNS:sbc.example.com')
    expect(await shown(listener, 'unknown.test')).toContain('DNS:sbc.example.com')
    expect(await shown(listener)).toContain('DNS:sbc.example.com')
  })

  test('T13: a reload changes the certificate of new connections and leaves the open ones alone', async () => {
    const listener = await open(ca.tls([edge]))
    const phones = await Promise.all(Array.from({ length: 20 }, () => dial(listener)))
    await world.events.wait('opened', 20)
    world.transports.update(listener.name, options({}, { tls: ca.tls([renewed]) }))
    expect(await shown(listener, 'sbc.example.com')).toContain('new.example.com')
    for (const phone of phones) phone.write(text())
    await world.events.wait('received', 20)
    for (const { flow } of world.events.of('received')) flow.send(bytes('still here'))
    await Promise.all(phones.map((phone) => once(phone, 'data')))
    expect(world.events.of('closed')).toEqual([])
  })

  test('T13: a certificate that cannot be used is refused, and the one before stays', async () => {
    const listener = await open(ca.tls([edge]))
    const broken = { ...renewed, key: edge.key }
    expect(() => world.transports.update(listener.name, options({}, { tls: ca.tls([broken]) }))).toThrow(
      /Listener lan\/tls cannot use certificate renewed: .*key/,
    )
    expect(await shown(listener, 'sbc.example.com')).toContain('a.wild.test')
    const other = await makeListener('tls', '127.0.0.1', { name: 'lan/tls#2' })
    await expect(world.transports.open(other, options({}, { tls: ca.tls([]) }))).rejects.toThrow('Listener lan/tls#2 has no certificate')
    await expect(world.transports.open(other, options())).rejects.toMatchObject({ code: 'SBC_TRANSPORT_TLS' })
  })

  test('sessions are resumed, also after a reload that keeps the rules', async () => {
    const listener = await open(ca.tls([edge]))
    const first = await dial(listener, { maxVersion: 'TLSv1.2' })
    const session = first.getSession()!
    expect((await dial(listener, { session, maxVersion: 'TLSv1.2' })).isSessionReused()).toBe(true)
    world.transports.update(listener.name, options({}, { tls: ca.tls([renewed, edge]) }))
    expect((await dial(listener, { session, maxVersion: 'TLSv1.2' })).isSessionReused()).toBe(true)
    world.transports.update(listener.name, options({}, { tls: ca.tls([renewed, edge], { clientCertificate: 'request' }) }))
    expect((await dial(listener, { session, maxVersion: 'TLSv1.2' })).isSessionReused()).toBe(false)
  })

  test('T13: the lowest version is a setting, and old ones need it said', async () => {
    const strict = await open(ca.tls([edge], { minVersion: 'TLSv1.3' }))
    await expect(dial(strict, { maxVersion: 'TLSv1.2' })).rejects.toThrow()
    await world.events.wait('dropped')
    const old = await makeListener('tls', '127.0.0.1', { name: 'old/tls' })
    await world.transports.open(old, options({}, { tls: ca.tls([edge], { minVersion: 'TLSv1' }) }))
    const phone = await dial(old, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })
    expect(phone.getProtocol()).toBe('TLSv1.1')
  })

  test('T13: ciphers are a setting', async () => {
    const listener = await open(ca.tls([edge], { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }))
    const phone = await dial(listener, { maxVersion: 'TLSv1.2' })
    expect(phone.getCipher().name).toBe('ECDHE-ECDSA-AES256-GCM-SHA384')
    await expect(dial(listener, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow()
  })
})

describe('client certificates', () => {
  const identified = () => ({ key: phoneCertificate.key, cert: phoneCertificate.chain })

  test('request: a verified peer has its names, lower case', async () => {
    const listener = await open(ca.tls([edge], { clientCertificate: 'request' }))
    await dial(listener, identified())
    const { flow } = await world.events.wait('opened')
    expect(flow.peer).toEqual({ verified: true, error: '', names: ['phone.example.com'] })
  })

  test('request: a peer of a foreign CA is let in, and is not verified', async () => {
    const listener = await open(ca.tls([edge], { clientCertificate: 'request' }))
    await dial(listener, { key: strangerCertificate.key, cert: strangerCertificate.chain })
    const { flow } = await world.events.wait('opened')
    expect(flow.peer).toMatchObject({ verified: false, names: ['phone.example.com'] })
    expect(flow.peer!.error).not.toBe('')
  })

  test('request: a peer without certificate is let in without identity', async () => {
    const listener = await open(ca.tls([edge], { clientCertificate: 'request' }))
    await dial(listener)
    expect((await world.events.wait('opened')).flow.peer).toBeUndefined()
  })

  test('require: without a verified certificate there is no connection', async () => {
    const listener = await open(ca.tls([edge], { clientCertificate: 'require' }))
    for (const one of [{}, { key: strangerCertificate.key, cert: strangerCertificate.chain }]) {
      const phone = await dial(listener, { maxVersion: 'TLSv1.3', ...one }).catch(() => undefined)
      if (phone !== undefined) await closes(phone)
    }
    await world.events.wait('dropped', 2)
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['handshake', 'handshake'])
    expect(world.events.of('opened')).toEqual([])
    await dial(listener, identified())
    expect((await world.events.wait('opened')).flow.peer?.verified).toBe(true)
  })

  test('none: a certificate is not asked for', async () => {
    const listener = await open(ca.tls([edge]))
    await dial(listener, identified())
    expect((await world.events.wait('opened')).flow.peer).toBeUndefined()
  })

  test('a resumed session still says who the peer is', async () => {
    const listener = await open(ca.tls([edge], { clientCertificate: 'request' }))
    const first = await dial(listener, { maxVersion: 'TLSv1.2', ...identified() })
    const again = await dial(listener, { maxVersion: 'TLSv1.2', session: first.getSession()!, ...identified() })
    expect(again.isSessionReused()).toBe(true)
    expect((await world.events.wait('opened', 2)).flow.peer).toEqual({ verified: true, error: '', names: ['phone.example.com'] })
  })
})

describe('handshakes that fail', () => {
  const plain = async (listener: Listener): Promise<Socket> => {
    const socket = connectPlain(listener.bindPort, '127.0.0.1')
    sockets.push(socket)
    await once(socket, 'connect')
    socket.on('error', () => {})
    return socket
  }

  test('plain SIP or HTTP on a TLS port is dropped at once, and counted once', async () => {
    const listener = await open(ca.tls([edge]))
    for (const one of [text(), 'GET / HTTP/1.1\r\n\r\n']) {
      const phone = await plain(listener)
      phone.resume()
      phone.write(one)
      await closes(phone)
    }
    await world.events.wait('dropped', 2)
    expect(world.events.of('dropped')).toEqual([
      { kind: 'dropped', reason: 'handshake', remoteAddress: '127.0.0.1' },
      { kind: 'dropped', reason: 'handshake', remoteAddress: '127.0.0.1' },
    ])
    expect(world.events.of('opened')).toEqual([])
    expect(world.events.of('closed')).toEqual([])
  })

  test('a handshake that takes too long is ended, and counted once', async () => {
    const listener = await open(ca.tls([edge]), '127.0.0.1', { handshakeMs: 5000 })
    const phone = await plain(listener)
    const other = await dial(listener)
    await world.events.wait('opened')
    world.pass(5001)
    await closes(phone)
    await world.events.wait('dropped')
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['handshake'])
    expect(other.destroyed).toBe(false)
  })

  test('a remote that resets its connection in mid-handshake harms nobody', async () => {
    const listener = await open(ca.tls([edge]))
    for (let i = 1; i <= 10; i++) {
      const phone = await plain(listener)
      phone.write(Buffer.from('16030102', 'hex'))
      await new Promise(setImmediate)
      phone.resetAndDestroy()
      await world.events.wait('dropped', i)
    }
    await dial(listener)
    await world.events.wait('opened')
  })

  test('sockets in a handshake count against the limits, and are free when it has failed', async () => {
    const listener = await open(ca.tls([edge]), '127.0.0.1', { maxConnections: 1 })
    const phone = await plain(listener)
    await expect(dial(listener)).rejects.toThrow()
    expect((await world.events.wait('dropped')).reason).toBe('connections')
    phone.destroy()
    expect((await world.events.wait('dropped', 2)).reason).toBe('handshake')
    await dial(listener)
    await world.events.wait('opened')
  })
})

describe('connections that we open', () => {
  const to = (port: number, host = 'phone.example.com') => ({ transport: 'tls', address: '127.0.0.1', port, host }) as const

  test('the server sees our certificate and the name we look for; messages wait for its verification', async () => {
    const { connection, port } = await server({ requestCert: true, rejectUnauthorized: true, ca: ca.authority.root })
    const listener = await open(ca.tls([edge]))
    const flow = world.transports.flowTo(listener, to(port))
    flow.send(bytes('one'))
    expect(world.transports.flowTo(listener, to(port))).toBe(flow)
    await world.events.wait('opened')
    expect(flow.peer).toEqual({ verified: true, error: '', names: ['phone.example.com'] })
    const peer = await connection()
    expect(peer.authorized).toBe(true)
    expect(peer.servername).toBe('phone.example.com')
    expect(peer.getPeerX509Certificate()?.subjectAltName).toContain('sbc.example.com')
    expect(String((await once(peer, 'data'))[0])).toBe(text('one'))
    peer.write(text('', 'SIP/2.0 200 OK'))
    expect((await world.events.wait('received')).flow).toBe(flow)
  })

  test('a literal address is verified as such, and is no server name', async () => {
    const { connection, port } = await server({})
    const listener = await open(ca.tls([edge]))
    world.transports.flowTo(listener, to(port, '127.0.0.1'))
    await world.events.wait('opened')
    expect((await connection()).servername).toBe(false)
  })

  test('another name on the same address is another connection', async () => {
    const { port } = await server({})
    const listener = await open(ca.tls([edge]))
    const one = world.transports.flowTo(listener, to(port))
    expect(world.transports.flowTo(listener, to(port, '127.0.0.1'))).not.toBe(one)
  })

  test('T §3.4: a server sees the certificate of the name that we speak under; names with one certificate share a connection', async () => {
    const { accepted, port } = await server({ requestCert: true, rejectUnauthorized: true, ca: ca.authority.root })
    const listener = await makeListener('tls', '127.0.0.1', { advertisedHost: 'sbc.example.com', names: ['a.wild.test', 'other.test'] })
    await world.transports.open(listener, options({}, { tls: ca.tls([phoneCertificate, wild, edge]) }))
    const flowAs = (as?: string) => world.transports.flowTo(listener, to(port), undefined, as)
    const shows = async (as?: string): Promise<string | undefined> => {
      const flow = flowAs(as)
      flow.send(bytes(as))
      while (flow.openedAt === undefined) await world.events.wait('opened', world.events.of('opened').length + 1)
      expect(flowAs(as), 'the same the next time').toBe(flow)
      while (accepted.length < world.events.of('opened').length) await new Promise((resolve) => setImmediate(resolve))
      return accepted.at(-1)!.getPeerX509Certificate()?.subjectAltName
    }
    expect(await shows(), 'what the listener advertises, though its certificate is not the first').toContain('sbc.example.com')
    expect(await shows('b.wild.test')).toBe('DNS:*.wild.test')
    expect(await shows('other.test'), 'in none of them: the first').toContain('DNS:phone.example.com')
    expect(flowAs('c.wild.test')).toBe(flowAs('b.wild.test'))
    expect(flowAs('c.b.wild.test'), 'a wildcard stands for one label').toBe(flowAs('other.test'))
    expect(flowAs('sbc.example.com')).toBe(flowAs())
    expect(flowAs('a.wild.test'), 'a certificate of its own is better than a wildcard').toBe(flowAs())
    // All of them have seen what is not ours any more
    const before = [flowAs(), flowAs('b.wild.test'), flowAs('other.test')]
    world.transports.update(listener.name, options({}, { tls: ca.tls([renewed, wild]) }))
    expect(world.events.of('retired').map(({ flow }) => flow)).toEqual(before)
    expect(await shows('b.wild.test')).toBe('DNS:*.wild.test')
    expect(before).not.toContain(flowAs('b.wild.test'))
    expect(await shows()).toContain('new.example.com')
    expect(accepted).toHaveLength(5)
  })

  test('a listener with one certificate has one connection, whatever name it speaks under', async () => {
    const { connection, port } = await server({ requestCert: true, rejectUnauthorized: true, ca: ca.authority.root })
    const listener = await open(ca.tls([edge]))
    const flow = world.transports.flowTo(listener, to(port), undefined, 'b.wild.test')
    expect(world.transports.flowTo(listener, to(port))).toBe(flow)
    expect((await connection()).getPeerX509Certificate()?.subjectAltName).toContain('sbc.example.com')
  })

  test('after a reload with another certificate, servers see it with the next message; the connection before is closed when nothing is under way on it', async () => {
    const { connection, port } = await server({ requestCert: true, rejectUnauthorized: true, ca: ca.authority.root })
    const listener = await open(ca.tls([edge]))
    const before = world.transports.flowTo(listener, to(port))
    await world.events.wait('opened')
    world.transports.update(listener.name, options({}, { tls: ca.tls([renewed]) }))
    const after = world.transports.flowTo(listener, to(port))
    expect(after).not.toBe(before)
    expect(world.transports.flowTo(listener, to(port))).toBe(after)
    expect((await connection(2)).getPeerX509Certificate()?.subjectAltName).toContain('new.example.com')
    world.events.busy.add(before)
    world.pass(200_000)
    // What is under way on it comes to its end
    before.send(bytes('late'))
    expect(String((await once(await connection(1), 'data'))[0])).toBe(text('late'))
    world.pass(50_000)
    expect(before.open).toBe(true)
    world.events.busy.delete(before)
    world.pass(0)
    expect(await world.events.wait('closed')).toMatchObject({ flow: before, reason: 'another connection has taken its place' })
    expect(after.open).toBe(true)
  })

  test.each([
    ['of another name', () => ({}), 'other.example.com', /altnames/],
    [
      'of a foreign CA',
      () => ({ key: strangerCertificate.key, cert: strangerCertificate.chain }),
      'phone.example.com',
      /self-signed|issuer|verify/,
    ],
  ])('verifyServer: a server %s gets nothing of what waits', async (_, certificate, host, reason) => {
    const { accepted, listening, port } = await server(certificate())
    let got = 0
    listening.on('secureConnection', (socket) => socket.on('data', (chunk: Buffer) => (got += chunk.length)))
    const listener = await open(ca.tls([edge]))
    const flow = world.transports.flowTo(listener, to(port, host))
    flow.send(bytes('secret'))
    expect((await world.events.wait('closed')).reason).toMatch(reason)
    expect(flow.open).toBe(false)
    expect(world.events.of('opened')).toEqual([])
    for (const socket of accepted) await closes(socket)
    expect(got).toBe(0)
  })

  test('without verifyServer the connection is made, and says that the peer is not verified', async () => {
    const { port } = await server({ key: strangerCertificate.key, cert: strangerCertificate.chain })
    const listener = await open(ca.tls([edge], { verifyServer: false }))
    const flow = world.transports.flowTo(listener, to(port))
    await world.events.wait('opened')
    expect(flow.peer).toMatchObject({ verified: false, names: ['phone.example.com'] })
  })

  test('a server that does not finish its handshake is given up', async () => {
    const silent = (await import('node:net')).createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const listener = await open(ca.tls([edge]), '127.0.0.1', { connectMs: 2000 })
    const flow = world.transports.flowTo(listener, to((silent.address() as { port: number }).port))
    await once(silent, 'connection')
    world.pass(2001)
    expect(await world.events.wait('closed')).toEqual({ kind: 'closed', flow, reason: 'no connection within 2000 ms' })
    silent.close()
  })
})

describe('names in a certificate', () => {
  test.each([
    ['DNS:a.example, DNS:B.example, IP Address:192.0.2.1', ['a.example', 'b.example']],
    ['URI:sip:example.com, URI:sip:alice@example.org, URI:https://web.example, URI:sip:10.0.0.1:5060', ['example.com']],
    // CVE-2021-44532: a comma in a value must not begin another name
    ['DNS:"good.example, DNS:evil.example"', []],
    ['URI:"https://x, DNS:evil.example", DNS:good.example', ['good.example']],
    ['DNS:"a\\", DNS:evil.example", DNS:good.example', ['good.example']],
    ['DNS:"never closed, DNS:evil.example', []],
    ['othername:<unsupported>, DNS:a.example', ['a.example']],
    ['', []],
  ])('RFC 5922 §7.1: %j', (alternatives, names) => {
    expect(namesOf(alternatives)).toEqual(names)
  })
})
