import { once } from 'node:events'
import {
  type ConnectionOptions,
  connect,
  createServer,
  getCACertificates,
  type Server,
  setDefaultCACertificates,
  type TLSSocket,
} from 'node:tls'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { PeerFault } from '../../../src/address/flow.ts'
import type { Listener } from '../../../src/address/listener.ts'
import { PeerJudge } from '../../../src/peers/peer-judge.ts'
import type { TlsOptions } from '../../../src/transport/types.ts'
import { type Made, makeIntermediate, makeKey, makeLeaf, makeRoot } from '../certs/intake/pki.ts'
import { bytes, makeListener, options, start, text } from './support.ts'

const HUB = 'sip.pstnhub.microsoft.com'
const SERVER = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature,keyEncipherment', 'extendedKeyUsage=serverAuth']
const root = makeRoot('/CN=Root of the hubs')
const issuing = makeIntermediate(root, '/CN=Issuing CA')
const evilRoot = makeRoot('/CN=Evil root')
const evil = makeIntermediate(evilRoot, '/CN=Evil CA')
const leafOf = (issuer: Made | undefined, hosts = [HUB], more = {}): Made => makeLeaf(issuer, hosts, { extensions: SERVER, ...more })
const shows = (leaf: Made, ...others: readonly Made[]) => ({
  key: leaf.key,
  cert: [leaf, ...others].map(({ certificate }) => certificate).join(''),
})

const sbc = makeLeaf(issuing, ['sbc.example.com'], { key: makeKey('rsa') })
const hub = leafOf(issuing)
const good = shows(hub, issuing)
/** Good for both: OpenSSL would have nothing against it, were the root its own. */
const both = shows(makeLeaf(issuing, [HUB]), issuing)

const tlsOf = (more: Partial<TlsOptions> = {}, peers: Partial<NonNullable<TlsOptions['peers']>> = {}): TlsOptions => ({
  certificates: [{ name: 'sbc', chain: sbc.certificate + issuing.certificate, key: sbc.key, hosts: ['sbc.example.com'] }],
  minVersion: 'TLSv1.2',
  ciphers: '',
  clientCertificate: 'request',
  trust: [],
  verifyServer: true,
  peers: { roots: [root.certificate], usage: 'server', names: [HUB], ...peers },
  ...more,
})

let world: ReturnType<typeof start>
let sockets: TLSSocket[]
let servers: Server[]
let wall: number
beforeEach(() => {
  world = start()
  wall = Date.now() + 60_000
  world.clock.wall = () => wall
  sockets = []
  servers = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await world.transports.closeAll('test over')
  for (const server of servers) server.close()
})

const open = async (tls: TlsOptions): Promise<Listener> => {
  const listener = await makeListener('tls')
  await world.transports.open(listener, options({}, { tls }))
  return listener
}

const dial = async (listener: Listener, more: ConnectionOptions = {}): Promise<TLSSocket> => {
  const socket = connect({ host: '127.0.0.1', port: listener.bindPort, servername: 'sbc.example.com', rejectUnauthorized: false, ...more })
  sockets.push(socket)
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** Who the edge takes the client for. */
const seen = async (tls: TlsOptions, client: ConnectionOptions) => {
  await dial(await open(tls), client)
  return (await world.events.wait('opened')).flow.peer!
}

describe('T §1.6: who connects to us', () => {
  const CASES: readonly [string, ConnectionOptions, PeerFault | 'ok', Partial<NonNullable<TlsOptions['peers']>>?][] = [
    ['a hub with a certificate for servers alone', good, 'ok'],
    ['one for both', both, 'ok'],
    ['one for both, where both is asked for', both, 'ok', { usage: 'both' }],
    ['T6.4: one for servers alone, where both is asked for', good, 'purpose', { usage: 'both' }],
    ['its chain in another order', shows(hub, root, evil, issuing), 'ok'],
    ['nobody', {}, 'no-certificate'],
    ['a forger: self-signed with the right name', shows(leafOf(undefined)), 'self-signed'],
    ['a forger: a CA of its own, with the intermediate', shows(leafOf(evil), evil), 'unknown-root'],
    ['a forger: a CA of its own, with everything', shows(leafOf(evil), evil, evilRoot), 'unknown-root'],
    ['one without its intermediate', shows(hub), 'incomplete-chain'],
    [
      'a CA as a host',
      shows(makeIntermediate(issuing, `/CN=${HUB}`, { extensions: [`subjectAltName=DNS:${HUB}`] }), issuing),
      'ca-as-leaf',
    ],
    ['a host as CA', shows(leafOf(hub), hub, issuing), 'not-a-ca'],
  ]
  test.each(CASES)('%s', async (_what, client, says, peers) => {
    const peer = await seen(tlsOf({}, peers), client)
    expect(peer.reason ?? 'ok').toBe(says)
    expect(peer.verified).toBe(says === 'ok')
    expect(peer.error === '').toBe(says === 'ok')
  })

  test('its names are shown, whoever they are, and zones say whether they are the right ones', async () => {
    expect(await seen(tlsOf(), shows(leafOf(issuing, ['Sbc.Contoso.example', '*.contoso.example']), issuing))).toMatchObject({
      verified: true,
      names: ['sbc.contoso.example', '*.contoso.example'],
    })
  })

  test('nobody is judged before somebody asks: who is sent away by his address costs no signature', async () => {
    const judged = vi.spyOn(PeerJudge.prototype, 'judge')
    onTestFinished(() => judged.mockRestore())
    const peer = await seen(tlsOf(), good)
    expect(judged).not.toHaveBeenCalled()
    expect([peer.verified, peer.reason, peer.error]).toEqual([true, undefined, ''])
    expect(judged).toHaveBeenCalledTimes(1)
  })

  test('dates are looked at in our time', async () => {
    wall += 100 * 86_400_000
    expect(await seen(tlsOf(), good)).toMatchObject({
      verified: false,
      reason: 'expired',
      error: expect.stringContaining('was valid until'),
    })
  })

  test('how the connection is protected, and by which certificate', async () => {
    expect((await seen(tlsOf(), { ...good, maxVersion: 'TLSv1.2' })).session).toEqual({
      version: 'TLSv1.2',
      cipher: expect.stringMatching(/^ECDHE-RSA-/),
      fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      validTo: expect.any(Number),
    })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session is not resumed (%s): whoever comes back shows everything again',
    async (maxVersion) => {
      const listener = await open(tlsOf())
      const first = await dial(listener, { ...good, maxVersion })
      let session: Buffer | undefined = first.getSession()
      first.on('session', (ticket: Buffer) => {
        session = ticket
      })
      const { flow } = await world.events.wait('opened')
      flow.send(bytes())
      await once(first, 'data')
      // With another certificate than the one that the session was made with
      const again = await dial(listener, { ...shows(leafOf(undefined)), maxVersion, session: session! })
      expect(again.isSessionReused()).toBe(false)
      expect((await world.events.wait('opened', 2)).flow.peer).toMatchObject({ verified: false, reason: 'self-signed' })
    },
  )

  test('its chain is seen where OpenSSL would be content with it, too: then Node shows the leaf alone', async () => {
    const before = getCACertificates('default')
    onTestFinished(() => setDefaultCACertificates(before))
    setDefaultCACertificates([root.certificate])
    expect(await seen(tlsOf({}, { usage: 'both' }), both)).toMatchObject({ verified: true, error: '' })
  })

  test('other roots hold for the next connection', async () => {
    const listener = await open(tlsOf())
    await dial(listener, good)
    world.transports.update(listener.name, options({}, { tls: tlsOf({}, { roots: [evilRoot.certificate] }) }))
    await dial(listener, good)
    await world.events.wait('opened', 2)
    const peers = world.events.of('opened').map(({ flow }) => flow.peer?.reason)
    expect(peers).toEqual([undefined, 'unknown-root'])
  })

  test('where a certificate is required nobody else is let in', async () => {
    const listener = await open(tlsOf({ clientCertificate: 'require' }))
    const socket = await dial(listener, shows(leafOf(undefined)))
    await once(socket, 'close')
    expect(world.events.of('opened')).toEqual([])
    expect(world.events.of('dropped').map(({ reason }) => reason)).toEqual(['certificate'])
    await dial(listener, good)
    expect((await world.events.wait('opened')).flow.peer?.verified).toBe(true)
  })

  test('over WebSocket, too', async () => {
    const listener = await makeListener('wss')
    await world.transports.open(listener, options({}, { tls: tlsOf() }))
    for (const client of [good, shows(leafOf(undefined))]) {
      const socket = new WebSocket(`wss://127.0.0.1:${listener.bindPort}`, ['sip'], { ...client, rejectUnauthorized: false })
      onTestFinished(() => socket.terminate())
      await once(socket, 'open')
    }
    await world.events.wait('opened', 2)
    expect(world.events.of('opened').map(({ flow }) => flow.peer?.reason)).toEqual([undefined, 'self-signed'])
  })

  test('T6.1: TLS 1.1 is refused', async () => {
    const listener = await open(tlsOf())
    await expect(dial(listener, { ...good, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' })).rejects.toThrow(
      /version/i,
    )
  })
})

describe('T §1.3: whom we connect to', () => {
  const serve = async (shown: { readonly key: string; readonly cert: string }) => {
    const arrived: string[] = []
    const asked: TLSSocket[] = []
    const server = createServer({ ...shown, requestCert: true, rejectUnauthorized: false }, (socket) => {
      sockets.push(socket)
      asked.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk) => arrived.push(chunk.toString()))
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { arrived, asked, port: (server.address() as { port: number }).port }
  }
  const call = async (tls: TlsOptions, port: number, host = HUB) => {
    const flow = world.transports.flowTo(await open(tls), { transport: 'tls', address: '127.0.0.1', port, host })
    flow.send(bytes())
    return flow
  }

  test('a hub with a certificate for servers, which sees ours', async () => {
    const { arrived, asked, port } = await serve(good)
    const flow = await call(tlsOf(), port)
    await world.events.wait('opened')
    expect(flow.peer).toMatchObject({ verified: true, error: '', names: [HUB], session: { version: 'TLSv1.3' } })
    await expect.poll(() => arrived.join('')).toBe(text())
    expect(asked[0]?.getPeerCertificate().subject.CN).toBe('sbc.example.com')
  })

  const BAD: readonly [string, { readonly key: string; readonly cert: string }, PeerFault, string][] = [
    [
      'T6.5: a wrong name',
      shows(leafOf(issuing, ['sbc.contoso.example']), issuing),
      'wrong-name',
      'names sbc.contoso.example, and not sip.pstnhub',
    ],
    ['a missing intermediate', shows(hub), 'incomplete-chain', 'issued by Issuing CA, which the peer does not show'],
    ['self-signed', shows(leafOf(undefined)), 'self-signed', 'signed by itself'],
    ['an untrusted CA', shows(leafOf(evil), evil), 'unknown-root', 'Evil'],
  ]
  test.each(BAD)('%s: it is left, and nothing was said to it', async (_what, shown, reason, words) => {
    const { arrived, asked, port } = await serve(shown)
    const flow = await call(tlsOf(), port)
    const closed = await world.events.wait('closed')
    expect(closed.flow).toBe(flow)
    expect(closed.reason).toContain(words)
    expect(flow.peer).toMatchObject({ verified: false, reason })
    expect(flow.open).toBe(false)
    expect(world.events.of('opened')).toEqual([])
    await expect.poll(() => asked.length === 0 || asked[0]!.destroyed).toBe(true)
    expect(arrived).toEqual([])
  })

  test('T6.5: an expired one', async () => {
    const { port } = await serve(good)
    wall += 100 * 86_400_000
    await call(tlsOf(), port)
    expect((await world.events.wait('closed')).reason).toContain('was valid until')
  })

  test('where no names are given, it has to show the one that it was called by', async () => {
    const { port } = await serve(good)
    const any = tlsOf({}, { names: [] })
    await call(any, port)
    await world.events.wait('opened')
    await call(any, port, 'sip2.pstnhub.microsoft.com')
    expect((await world.events.wait('closed')).reason).toContain('and not sip2.pstnhub.microsoft.com')
    await call(any, port, '127.0.0.1')
    expect((await world.events.wait('closed', 2)).reason).toContain('and not 127.0.0.1')
  })

  test('one of the names is enough, whichever it was called by', async () => {
    const { port } = await serve(good)
    await call(tlsOf({}, { names: ['sip2.pstnhub.microsoft.com', HUB] }), port, 'sip3.pstnhub.microsoft.com')
    expect((await world.events.wait('opened')).flow.peer?.verified).toBe(true)
  })
})
