import { randomUUID } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Edge, startEdge } from '../../support/edge.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { bound } from '../../support/places.ts'
import { until } from '../../support/processes.ts'
import { bdecode, bencode } from '../../support/rtpengine.ts'
import { configOf, type Ground, HZ, layGround, NAME } from './ground.ts'
import { expectLegs } from './legs.ts'
import { openParties, type Parties } from './parties.ts'
import { healthy } from './place.ts'
import { hearEachOther, hearNothing, listener } from './talk.ts'

let ground: Ground
let edge: Edge
let parties: Parties

/** Not a word about media. */
const zones = ({ lan, peers }: Ground): string => `
zones:
  pbx: { kind: trunk, on: lan, targets: ['sip:${lan(20)}:${peers.pbx};transport=udp'], probe: false }
  phones: { kind: phones, on: phones }
routes:
  - { from: phones, to: pbx }
`

beforeAll(async () => {
  ground = await layGround(6)
  edge = await startEdge({ config: configOf(ground, zones(ground)), adminPort: ground.ports.admin, folder: ground.folder })
  parties = openParties(ground, 1)
})

afterAll(async () => {
  await edge?.stop()
  await parties?.closeAll()
  ground?.remove()
})

afterEach(async () => {
  await parties.closeAll()
})

interface Daemon {
  readonly pid: number
  readonly host: string
  readonly port: number
}

/** The rtpengine of this run of the edge, by its log. */
const daemonOf = async (): Promise<Daemon> => {
  const { pid, address } = await edge.logged(({ msg }) => msg === 'rtpengine is ready', 'rtpengine of its own')
  const [host = '', port = ''] = String(address).split(':')
  return { pid: Number(pid), host, port: Number(port) }
}

/** Call-ids that it has. */
const list = ({ host, port }: Daemon): Promise<unknown> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4', (datagram) => {
      socket.close()
      const text = datagram.toString('latin1')
      resolve((bdecode(text.slice(text.indexOf(' ') + 1)) as { readonly calls: unknown }).calls)
    })
    // A cookie that it knows would get its reply from before
    socket.send(`${randomUUID()} ${bencode({ command: 'list' })}`, port, host)
  })

const runs = (pid: number): boolean => existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))

interface Talk {
  readonly phone: SipCall
  readonly pbx: SipCall
  /** Ports of rtpengine, each with its address. */
  readonly ports: readonly (readonly [address: string, port: number])[]
}

const talk = async (): Promise<Talk> => {
  const [pbx, phone] = [await parties.pbx(), await parties.phone()]
  const calling = await phone.call(`sip:1@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer(), calling.established()])
  await hearEachOther(listener(calling, HZ.phone), listener(called, HZ.pbx))
  // Interfaces follow from the listeners
  expectLegs(parties.leg(phone, 'sdes', 'wan'), parties.leg(pbx, 'plain', 'lan'))
  const ports = [calling, called].map((call) => [call.media().agreement()!.address, call.media().agreement()!.port] as const)
  return { phone: calling, pbx: called, ports }
}

const gone = async (daemon: Daemon, ports: Talk['ports']): Promise<void> => {
  const taken = (): boolean =>
    runs(daemon.pid) || [...ports, [daemon.host, daemon.port] as const].some(([address, port]) => bound('udp', address, port))
  await until(() => !taken() || undefined, 'end of rtpengine, and free ports', 3000)
}

it('without a word about media the edge runs an rtpengine, and both sides hear each other', async () => {
  const daemon = await daemonOf()
  const { phone, pbx } = await talk()
  expect(await list(daemon)).toHaveLength(1)
  expect(await edge.api('/api/state')).toMatchObject({ media: { mode: 'local', sessions: 1, nodes: [{ name: 'local', state: 'up' }] } })
  await pbx.hold('inactive')
  await hearNothing(listener(phone, HZ.phone), listener(pbx, HZ.pbx))
  await pbx.resume()
  await hearEachOther(listener(phone, HZ.phone), listener(pbx, HZ.pbx))
  await Promise.all([phone.bye(), pbx.ended()])
  await until(async () => ((await list(daemon)) as unknown[]).length === 0 || undefined, 'empty rtpengine')
  expect(await edge.metric('edgeways_media_sessions_active')).toBe(0)
  await healthy(edge)
  expect(await parties.closeAll()).toEqual([])
})

it('the edge is stopped: rtpengine is gone, and its ports are free', async () => {
  const daemon = await daemonOf()
  const { ports } = await talk()
  expect(ports.every(([address, port]) => bound('udp', address, port))).toBe(true)
  expect(await edge.stop()).toBe(0)
  await gone(daemon, ports)
  // Who was there talks no more
  await parties.closeAll()
  await edge.restart()
})

it('the edge is killed: rtpengine is gone, its ports are free, and the next one serves', async () => {
  const daemon = await daemonOf()
  const { ports } = await talk()
  await edge.kill9()
  await gone(daemon, ports)
  // Who was there talks no more
  await parties.closeAll()
  await edge.restart()
  expect((await daemonOf()).pid).not.toBe(daemon.pid)
  const { phone, pbx } = await talk()
  await Promise.all([pbx.bye(), phone.ended()])
  expect(await parties.closeAll()).toEqual([])
})
