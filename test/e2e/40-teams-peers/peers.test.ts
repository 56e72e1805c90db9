import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Place } from '../../support/crossing.ts'
import { type Edge, metricReaches, startEdge } from '../../support/edge.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Made, makeIntermediate, makeKey, makeLeaf, makeRoot } from '../../unit/certs/intake/pki.ts'

/** The edge, a hub within the networks, somebody outside of them, and the PBX. */
const [EDGE, HUB, ELSEWHERE, PBX] = ['127.0.40.1', '127.0.40.9', '127.0.40.66', '127.0.40.20'] as const
const NAME = 'sbc.edge.test'
const HUB_NAME = 'sip.pstnhub.microsoft.com'
const SERVER = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature,keyEncipherment', 'extendedKeyUsage=serverAuth']

const root = makeRoot('/CN=Root of the hubs')
const issuing = makeIntermediate(root, '/CN=Issuing CA')
const evilRoot = makeRoot('/CN=Evil root')
const evil = makeIntermediate(evilRoot, '/CN=Evil CA')
const limited = makeIntermediate(root, '/CN=CA of one customer', { extensions: ['nameConstraints=critical,permitted;DNS:contoso.example'] })
const leafOf = (issuer: Made | undefined, hosts = [HUB_NAME], more = {}): Made => makeLeaf(issuer, hosts, { extensions: SERVER, ...more })
const shows = (leaf: Made, ...others: readonly Made[]): { readonly key: string; readonly cert: string } => ({
  key: leaf.key,
  cert: [leaf, ...others].map(({ certificate }) => certificate).join(''),
})
const hub = leafOf(issuing)
const GOOD = shows(hub, issuing)
const BOTH = shows(makeLeaf(issuing, [HUB_NAME]), issuing)

const folder = temporaryFolder('teams-peers')
const sockets: TLSSocket[] = []
let edge: Edge
let pbx: Socket
/** Says that it is a hub, with a certificate of its own making. */
let impostor: Server
let told = ''
let tls: Place
let configuration: (usage: string) => string
let heard = 0
let calls = 0

beforeAll(async () => {
  const sbc = makeLeaf(issuing, [NAME], { key: makeKey('rsa') })
  const files = {
    chain: join(folder.path, 'sbc.pem'),
    key: join(folder.path, 'sbc.key'),
    roots: join(folder.path, 'roots.pem'),
  }
  writeFileSync(files.chain, sbc.certificate + issuing.certificate)
  writeFileSync(files.key, sbc.key, { mode: 0o600 })
  writeFileSync(files.roots, root.certificate)
  tls = { address: EDGE, port: await freePort(EDGE) }
  const lan = await freePort(EDGE)
  const adminPort = await freePort('127.0.0.1')
  pbx = createSocket('udp4')
  pbx.on('message', () => heard++)
  pbx.bind(0, PBX)
  await once(pbx, 'listening')
  impostor = createServer(shows(leafOf(undefined)), (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      told += String(bytes)
    })
  })
  impostor.listen(0, HUB)
  await once(impostor, 'listening')
  const { port } = impostor.address() as { port: number }
  configuration = (usage) => `name: ${NAME}
listeners:
  lan: { udp: "${EDGE}:${lan}" }
  teams: { tls: "${EDGE}:${tls.port}" }
zones:
  pbx: { kind: trunk, on: lan, probe: false, targets: ["sip:${PBX}:${pbx.address().port};transport=udp"] }
  teams:
    kind: teams
    on: teams
    probe: { interval: 1s, down-after: 1 }
    targets: ["sip:${HUB}:${port};transport=tls"]
    admit: { networks: ["127.0.40.8/29"] }
    peers: { roots: "${files.roots}", usage: ${usage} }
routes: [{ from: teams, to: pbx }]
media: off
certificates: { main: { chain: "${files.chain}", key: "${files.key}" } }
admin: { listen: "127.0.0.1:${adminPort}", plain: true }
`
  edge = await startEdge({ folder: folder.path, adminPort, config: configuration('server') })
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

afterAll(async () => {
  await edge?.stop()
  pbx?.close()
  impostor?.close()
  folder.remove()
})

const dial = async (client: ConnectionOptions, source: string = HUB): Promise<TLSSocket> => {
  const options = { host: tls.address, port: tls.port, localAddress: source, servername: NAME, ca: root.certificate }
  const socket = connect({ ...options, ...client })
  sockets.push(socket)
  await once(socket, 'secureConnect')
  return socket
}

/** Sends one request; the first final answer. */
const ask = async (socket: TLSSocket, method: string): Promise<string> => {
  calls++
  const [from, to] = [`<sip:${HUB_NAME}:5061>;tag=t${calls}`, `<sip:${NAME}:${tls.port}>`]
  socket.write(
    [
      `${method} sip:${method === 'INVITE' ? '+442079460011@' : ''}${NAME}:${tls.port};transport=tls SIP/2.0`,
      `FROM: ${from}\r\nTO: ${to}\r\nCSEQ: 1 ${method}\r\nCALL-ID: ${calls}@hub\r\nMAX-FORWARDS: 70`,
      `VIA: SIP/2.0/TLS ${HUB}:5061;branch=z9hG4bK${calls}\r\nCONTACT: <sip:${HUB_NAME}:5061>\r\nCONTENT-LENGTH: 0\r\n\r\n`,
    ].join('\r\n'),
  )
  let text = ''
  while (!/^SIP\/2\.0 [2-6]\d\d/m.test(text)) text += String((await once(socket, 'data'))[0])
  return /^SIP\/2\.0 ([2-6]\d\d)/m.exec(text)![1]!
}

interface Refusals {
  readonly refusals: readonly { readonly source: string; readonly why: string }[]
}

type Attack = readonly [what: string, client: ConnectionOptions, reason: string, words: string, source: string]
const ATTACKS: readonly Attack[] = (
  [
    ['self-signed, with the name of a hub', shows(leafOf(undefined)), 'self-signed', 'is signed by itself'],
    ['an untrusted CA that sends its intermediate', shows(leafOf(evil), evil), 'unknown-root', 'which is none of the roots'],
    ['an untrusted CA that sends everything', shows(leafOf(evil), evil, evilRoot), 'unknown-root', 'The chain ends at Evil root'],
    ['a foreign certificate from the right networks', shows(leafOf(evil, ['host.evil.example']), evil), 'unknown-root', 'Evil'],
    [
      'a right chain with a wrong name: any customer',
      shows(leafOf(issuing, ['sbc.contoso.example']), issuing),
      'wrong-name',
      'names sbc.contoso.example',
    ],
    ['expired', shows(leafOf(issuing, [HUB_NAME], { days: -1 }), issuing), 'expired', 'was valid until'],
    [
      'a CA as host',
      shows(makeIntermediate(issuing, `/CN=${HUB_NAME}`, { extensions: [`subjectAltName=DNS:${HUB_NAME}`] }), issuing),
      'ca-as-leaf',
      'of a CA',
    ],
    ['a host as CA', shows(leafOf(hub), hub, issuing), 'not-a-ca', 'may not'],
    ['no intermediate', shows(hub), 'incomplete-chain', 'does not show'],
    ['a CA that may not name it', shows(leafOf(limited), limited), 'name-constraints', 'may not issue'],
    ['no certificate', {}, 'no-certificate', 'shows no certificate'],
    ['the certificate of a hub from elsewhere', GOOD, 'network', 'in none of them', ELSEWHERE],
  ] as readonly (readonly [string, ConnectionOptions, string, string, string?])[]
).map(([what, client, reason, words, source = HUB]) => [what, client, reason, words, source])

describe('T6.44: whoever is no hub gets 403, and a reason is counted', () => {
  it.each(ATTACKS)('%s', async (_what, client, reason, words, source) => {
    const before = await edge.metric('edgeways_peers_refused_total', { reason })
    const socket = await dial(client, source)
    expect(await ask(socket, 'INVITE')).toBe('403')
    expect(await edge.metric('edgeways_peers_refused_total', { reason, listener: 'teams/tls' })).toBe(before + 1)
    const { refusals } = await edge.api<Refusals>('/api/security')
    expect(refusals[0]).toMatchObject({ source, why: expect.stringContaining(words) })
    expect(heard, 'the PBX heard nothing').toBe(0)
  })

  it('T6.44: nor does a To tag, or another method, open the door', async () => {
    const socket = await dial(shows(leafOf(evil), evil))
    for (const method of ['OPTIONS', 'REGISTER', 'BYE', 'NOTIFY']) expect(await ask(socket, method)).toBe('403')
  })

  it('T6.1: TLS 1.1 fails in the handshake', async () => {
    const before = await edge.metric('edgeways_drops_total', { reason: 'handshake' })
    const old = { ...GOOD, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
    await expect(dial(old)).rejects.toThrow(/version/i)
    await metricReaches(edge, 'edgeways_drops_total', { reason: 'handshake' }, before + 1)
  })
})

describe('T6.5: whom we connect to', () => {
  it('is left without a word when it is no hub, and the log says why', async () => {
    const line = await edge.logged(({ msg }) => msg === 'Target is down', 'target down')
    expect(line.reason).toMatch(
      /certificate of the server is not accepted: .*is signed by itself, so anybody can have made it; the peer needs/,
    )
    expect(told).toBe('')
  })
})

describe('T6.4: what a hub shows is good for', () => {
  it('a server is enough, and both is, too', async () => {
    expect(await ask(await dial(GOOD), 'OPTIONS')).toBe('200')
    expect(await ask(await dial(BOTH), 'OPTIONS')).toBe('200')
  })

  it('after the stricter rule both is needed, and a connection that was there is judged as it was', async () => {
    const there = await dial(GOOD)
    expect(await ask(there, 'OPTIONS')).toBe('200')
    edge.configure(configuration('both'))
    edge.reload()
    await edge.logged(({ msg }) => msg === 'Configuration reloaded', 'reload')
    expect(await ask(await dial(GOOD), 'OPTIONS')).toBe('403')
    expect(await edge.metric('edgeways_peers_refused_total', { reason: 'purpose' })).toBe(1)
    expect(await ask(await dial(BOTH), 'OPTIONS')).toBe('200')
    expect(await ask(there, 'OPTIONS')).toBe('200')
  })

  it('the log has a line for a source of the right networks, and none for the others', () => {
    const lines = edge.log().filter(({ msg }) => msg === 'A peer is refused')
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.length).toBeLessThanOrEqual(10)
    for (const line of lines) expect(line).toMatchObject({ remote: HUB, why: expect.stringMatching(/^Zone teams /) })
  })
})
