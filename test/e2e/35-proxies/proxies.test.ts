import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createAuthority } from '../../support/authority.ts'
import type { Place } from '../../support/crossing.ts'
import { type Edge, metricReaches, startEdge } from '../../support/edge.ts'
import { startHaproxy } from '../../support/haproxy.ts'
import { freePort, temporaryFolder } from '../../support/places.ts'
import { type Program, until } from '../../support/processes.ts'

/** Where the edge is, where HAProxy takes connections, where it comes from, and two clients, the second of whom no zone admits. */
const [EDGE, FRONT, PROXY, CLIENT, STRANGER] = ['127.0.35.1', '127.0.35.6', '127.0.35.7', '127.0.35.9', '127.0.35.66'] as const
/** A client that only a header speaks of. */
const FAR = '203.0.113.9'
const NAME = 'sbc.edge.test'
const ORIGIN = 'https://app.edge.test'

const folder = temporaryFolder('proxies')
let edge: Edge
let proxy: Program
let root: string
let direct: Place
let adminPort: number
const doors = {} as Record<'tcp' | 'tls' | 'wss' | 'web', Place>
const open: { destroy(): unknown }[] = []

beforeAll(async () => {
  const ca = createAuthority(folder.path)
  const { chain, key, chainFile, keyFile } = ca.issue('edge', [NAME])
  root = ca.certificate
  const pem = join(folder.path, 'both.pem')
  writeFileSync(pem, `${chain}\n${key}`)
  const places = await Promise.all(['tcp', 'tls', 'wss', 'web'].map(async () => ({ address: EDGE, port: await freePort(EDGE) })))
  const [tcp, tls, wss, web] = places as [Place, Place, Place, Place]
  direct = tcp
  for (const name of ['tcp', 'tls', 'wss', 'web'] as const) doors[name] = { address: FRONT, port: await freePort(FRONT) }
  adminPort = await freePort('127.0.0.1')
  const at = ({ address, port }: Place): string => `${address}:${port}`
  edge = await startEdge({
    folder: folder.path,
    adminPort,
    config: `name: ${NAME}
listeners:
  balanced: { tcp: "${at(tcp)}", tls: "${at(tls)}", wss: "${at(wss)}", behind: { proxies: ["${PROXY}"], by: proxy-protocol } }
  web: { ws: "${at(web)}", behind: { proxies: ["${PROXY}"] } }
zones:
  phones: { kind: phones, on: balanced, origins: ["${ORIGIN}"], admit: { networks: ["${CLIENT}"] }, nat: off }
  browsers: { kind: webrtc, on: web, origins: ["${ORIGIN}"], admit: { networks: ["${CLIENT}", "${FAR}"] }, nat: off }
  pbx: { kind: trunk, on: balanced, targets: ["sip:${EDGE}:9;transport=tcp"], probe: false }
routes: [{ from: [phones, browsers], to: pbx }]
media: off
certificates: { main: { chain: "${chainFile}", key: "${keyFile}" } }
limits: { connections-per-source: 3 }
admin: { listen: "127.0.0.1:${adminPort}", plain: true, websocket: browsers }
`,
  })
  proxy = await startHaproxy({
    folder: folder.path,
    source: PROXY,
    pem,
    routes: [
      { name: 'tcp', at: doors.tcp, to: tcp, how: 'v1' },
      { name: 'tls', at: doors.tls, to: tls, how: 'v2', check: true },
      { name: 'wss', at: doors.wss, to: wss, how: 'v2' },
      { name: 'web', at: doors.web, to: web, how: 'http' },
    ],
  })
})

afterEach(() => {
  for (const one of open.splice(0)) one.destroy()
})

afterAll(async () => {
  await proxy?.stop()
  await edge?.stop()
  folder.remove()
})

const options = (transport: string): string =>
  [
    `OPTIONS sip:${NAME} SIP/2.0`,
    `Via: SIP/2.0/${transport} client.invalid;rport;branch=z9hG4bK-${Math.random().toString(36).slice(2)}`,
    'Max-Forwards: 0',
    `From: <sip:probe@${NAME}>;tag=1`,
    `To: <sip:${NAME}>`,
    `Call-ID: ${Math.random().toString(36).slice(2)}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')

/** What the edge says about whom it answers. */
interface Seen {
  readonly status: number
  readonly received: string | undefined
  readonly rport: number
}

const seenIn = (answer: string): Seen => ({
  status: Number(answer.slice(8, 11)),
  received: /received=([^;\s]+)/.exec(answer)?.[1],
  rport: Number(/rport=(\d+)/.exec(answer)?.[1]),
})

/** The local end, for those who want to compare. */
const dial = async (place: Place, from: string): Promise<Socket> => {
  const socket = connect({ host: place.address, port: place.port, localAddress: from })
  open.push(socket)
  await once(socket, 'connect')
  return socket
}

const ask = async (door: 'tcp' | 'tls' | 'wss' | 'web', from: string): Promise<Seen & { readonly port: number }> => {
  const socket = await dial(doors[door], from)
  const port = socket.localPort!
  if (door === 'tcp' || door === 'tls') {
    const stream = door === 'tcp' ? socket : connectTls({ socket, servername: NAME, ca: root })
    stream.write(options(door.toUpperCase()))
    return { ...seenIn(String((await once(stream, 'data'))[0])), port }
  }
  const client = new WebSocket(`wss://${NAME}/`, 'sip', {
    origin: ORIGIN,
    createConnection: () => connectTls({ socket, servername: NAME, ca: root }),
    // A client may have written this itself
    headers: { 'x-forwarded-for': '198.51.100.1' },
  })
  await once(client, 'open')
  client.send(options(door === 'web' ? 'WS' : 'WSS'))
  return { ...seenIn(String((await once(client, 'message'))[0])), port }
}

describe('HAProxy hands connections on', () => {
  it.each(['tcp', 'tls', 'wss'] as const)(
    'RFC 3581: %s with the PROXY protocol: the client is seen with its own address and port',
    async (door) => {
      const { status, received, rport, port } = await ask(door, CLIENT)
      expect({ status, received, rport }).toEqual({ status: 200, received: CLIENT, rport: port })
    },
  )

  it('an HTTPS reverse proxy: X-Forwarded-For names the client, and what the client wrote there itself does not count', async () => {
    expect(await ask('web', CLIENT)).toMatchObject({ status: 200, received: CLIENT })
  })

  it.each(['tcp', 'tls', 'wss', 'web'] as const)('%s: a stranger is refused though the proxy itself would be let in', async (door) => {
    expect(await ask(door, STRANGER)).toMatchObject({ status: 403 })
  })

  it('what comes past the balancer is taken as it is', async () => {
    const socket = await dial(direct, CLIENT)
    socket.write(options('TCP'))
    const { status, received, rport } = seenIn(String((await once(socket, 'data'))[0]))
    expect({ status, received, rport }).toEqual({ status: 200, received: CLIENT, rport: socket.localPort })
  })

  it('a header that comes past the balancer is no header', async () => {
    const socket = await dial(direct, CLIENT)
    socket.write(`PROXY TCP4 ${CLIENT} ${EDGE} 5060 5060\r\n${options('TCP')}\r\n\r\n\r\n`)
    socket.resume()
    await once(socket, 'close')
    await metricReaches(edge, 'edgeways_drops_total', { listener: 'balanced/tcp', reason: 'framing' }, 1)
  })

  it('the limit of connections per source is that of the client', async () => {
    await Promise.all([1, 2, 3].map(() => ask('tls', CLIENT)))
    const fourth = await dial(doors.tls, CLIENT)
    fourth.on('error', () => {})
    fourth.write('\x16\x03\x01')
    await metricReaches(edge, 'edgeways_drops_total', { listener: 'balanced/tls', reason: 'connections' }, 1)
    expect(await ask('tls', STRANGER)).toMatchObject({ status: 403 })
  })

  it('the admin port takes WebSockets on /sip, as a proxy of this machine hands them on', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${adminPort}/sip`, 'sip', { origin: ORIGIN, headers: { 'x-forwarded-for': FAR } })
    open.push({ destroy: () => client.terminate() })
    await once(client, 'open')
    client.send(options('WS'))
    expect(seenIn(String((await once(client, 'message'))[0]))).toMatchObject({ status: 200, received: FAR })
  })

  it('its health checks find the edge alive, and are no drops', async () => {
    const before = await edge.metric('edgeways_drops_total', { listener: 'balanced/tls' })
    const looked = await until(async () => ((await edge.metric('edgeways_drops_total')) >= 0 ? performance.now() : undefined), 'metrics')
    await until(() => (performance.now() - looked > 500 ? true : undefined), 'a few health checks')
    expect(await edge.metric('edgeways_drops_total', { listener: 'balanced/tls', reason: 'proxy-header' })).toBe(0)
    expect(await edge.metric('edgeways_drops_total', { listener: 'balanced/tls' })).toBe(before)
    expect(proxy.lines.filter((line) => line.includes('DOWN'))).toEqual([])
  })
})
