/**
 * What a call costs inside the edge, without sockets: the engine with transports that hand messages over in memory. Prints CPU µs per call
 * (13 messages in and out, UDP to UDP). `node test/bench/inside.ts [calls] [--media] [--wss]`; with `--cpu-prof` before the file it shows where
 * the time goes. With `--media` there is an rtpengine in memory, too, so that the difference is what media costs without its commands on the
 * wire. With `--wss` the caller is a browser, so that its dialogs are watched. `--up N` has N calls up at the end and prints what they hold.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Destination } from '../../src/address/destination.ts'
import type { Flow } from '../../src/address/flow.ts'
import type { Listener } from '../../src/address/listener.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createResolver } from '../../src/dns/resolver.ts'
import type { MediaPool } from '../../src/engine/deps.ts'
import { Engine } from '../../src/engine/engine.ts'
import { KeyRing } from '../../src/engine/keys.ts'
import { RandomIds } from '../../src/engine/random-ids.ts'
import { EdgeMetrics } from '../../src/observability/edge-metrics.ts'
import { SILENT_LOG } from '../../src/observability/log.ts'
import type { MediaNode } from '../../src/rtpengine/types.ts'
import type { TransportEvents, Transports } from '../../src/transport/types.ts'

const configuration = (media: boolean): string => `
name: sbc.edge.test
listeners: { lan: { udp: 127.0.77.1:5060 }, web: { ws: 127.0.77.1:5080 } }
zones:
  browsers: { kind: webrtc, on: web, origins: ["*"], nat: off }
  pbx: { kind: trunk, on: lan, targets: ["sip:127.0.77.2:5080;transport=udp"], admit: { networks: [127.0.77.0/24] }, probe: false }
routes:
  - { from: [pbx, browsers], to: pbx }
media: ${media ? '{ rtpengine: [127.0.77.5:2223] }' : 'off'}
`
const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.77.4\r\ns=-\r\nc=IN IP4 127.0.77.4\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n'

/** Datagrams in memory: what is sent goes to `peer`. */
class MemoryTransports implements Transports {
  peer: (bytes: Buffer, port: number) => void = () => {}
  readonly #flows = new Map<string, Flow>()
  async open(): Promise<void> {}
  update(): boolean {
    return false
  }
  rename(): void {}
  retire(): void {}
  connections(): Iterable<Flow> {
    return []
  }
  challenge(): void {}
  adopt(): undefined {}
  async close(): Promise<void> {}
  async closeAll(): Promise<void> {}
  counts(): ReadonlyMap<string, number> {
    return new Map()
  }
  flowById(id: string): Flow | undefined {
    return this.connection?.id === id ? this.connection : undefined
  }
  connection: Flow | undefined
  /** The caller's. */
  connect(listener: Listener, remoteAddress: string, remotePort: number): Flow {
    const send = (bytes: Buffer) => this.peer(bytes, remotePort)
    this.connection = { id: 'c1', listener, remoteAddress, remotePort, inbound: true, open: true, send, close() {} }
    return this.connection
  }
  flowTo(listener: Listener, { address, port }: Destination): Flow {
    return this.datagramFlow(listener, address, port)
  }
  datagramFlow(listener: Listener, remoteAddress: string, remotePort: number): Flow {
    const id = `${remoteAddress}:${remotePort}`
    let flow = this.#flows.get(id)
    if (flow === undefined) {
      flow = {
        id,
        listener,
        remoteAddress,
        remotePort,
        inbound: false,
        open: true,
        send: (bytes) => this.peer(bytes, remotePort),
        close() {},
      }
      this.#flows.set(id, flow)
    }
    return flow
  }
}

const DELETED = { result: 'ok', created: 1, 'last signal': 1, tags: {}, totals: { RTP: { packets: 0, bytes: 0, errors: 0 } } } as const

/** Gives back each SDP with its own address in it, and forgets at once. */
const memoryMedia = (): MediaPool => {
  const relayed = (sdp = ''): string => sdp.replace(/c=IN IP4 \S+/, 'c=IN IP4 127.0.77.5').replace(/m=audio \d+/, 'm=audio 30000')
  const node: MediaNode = {
    ...{ name: 'memory', set: 'default', state: 'up', epoch: 0 },
    request: async (_command, { sdp }) => ({ result: 'ok', sdp: relayed(sdp) }),
    delete: (_dictionary, deleted) => queueMicrotask(() => deleted(DELETED)),
  }
  return {
    ...{ candidates: () => [node], node: () => node, unavailable: () => '', views: () => [], deletes: 0 },
    ...{ start() {}, stop: async () => {}, reconfigure() {}, drain: () => false },
  }
}

const linesOf = (text: string, name: string): string =>
  text
    .split('\r\n')
    .filter((one) => one.toLowerCase().startsWith(`${name}:`))
    .map((one) => `${one}\r\n`)
    .join('')

const respond = (request: string, status: string, body = ''): Buffer => {
  const echo = (name: string) => linesOf(request, name)
  const tag = request.includes(';tag=b') ? '' : ';tag=b1'
  const head = `SIP/2.0 ${status}\r\n${echo('via')}${echo('record-route')}${echo('from')}${echo('to').trimEnd()}${tag}\r\n${echo('call-id')}${echo('cseq')}`
  const type = body === '' ? '' : 'Content-Type: application/sdp\r\n'
  const rest = `Contact: <sip:uas@127.0.77.2:5080>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n${type}Content-Length: ${body.length}\r\n\r\n${body}`
  return Buffer.from(head + rest, 'latin1')
}

const main = async (calls: number, media: boolean, wss: boolean, up: number): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'edgeways-inside-'))
  const loaded = loadConfig(configuration(media), { file: 'inside.yaml', dataDir })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const clock = { now: () => performance.now(), wall: () => Date.now() }
  const transports = new MemoryTransports()
  const resolver = createResolver({ clock })
  let events: TransportEvents | undefined
  const engine = new Engine(
    {
      version: 'bench',
      owner: '0',
      clock,
      ids: new RandomIds(),
      log: SILENT_LOG,
      metrics: new EdgeMetrics('bench'),
      resolver,
      keys: new KeyRing(dataDir, clock, 86_400),
      transports: (told) => {
        events = told
        return transports
      },
      media: media ? memoryMedia : undefined,
      certificates: () => {
        throw new Error('no certificates here')
      },
      reread: () => loaded,
      logLevel: { get: () => 'error', set() {} },
      every: (ms, run) => {
        const timer = setInterval(run, ms)
        return () => clearInterval(timer)
      },
    },
    loaded.snapshot,
  )
  await engine.start()
  const [listener, web] = ['udp', 'ws'].map(
    (name) => loaded.snapshot.listeners.find((one) => one.listener.transport.name === name)!.listener,
  )
  if (listener === undefined || web === undefined) throw new Error('no listeners')
  const caller = wss ? transports.connect(web, '127.0.77.4', 5070) : transports.datagramFlow(listener, '127.0.77.4', 5070)
  const callee = transports.datagramFlow(listener, '127.0.77.2', 5080)
  const sent: { bytes: Buffer; port: number }[] = []
  transports.peer = (bytes, port) => void sent.push({ bytes, port })
  const take = async (port: number): Promise<string> => {
    let at = sent.findIndex((one) => one.port === port)
    for (let turns = 0; at < 0 && turns < 50; turns++) {
      await undefined
      at = sent.findIndex((one) => one.port === port)
    }
    if (at < 0) throw new Error(`nothing sent to port ${port}, but ${sent.map(({ bytes }) => bytes.toString('latin1')).join('')}`)
    const { bytes } = sent.splice(at, 1)[0]!
    return bytes.latin1Slice(0, bytes.indexOf('\r\n\r\n') + 2)
  }
  let inside = 0
  const give = (flow: Flow, bytes: Buffer): void => {
    const begun = performance.now()
    events!.received(flow, bytes)
    inside += performance.now() - begun
  }
  const request = (i: number, cseq: string, uri: string, more: string, branch: number, body = ''): Buffer => {
    const [, method] = cseq.split(' ')
    const via = `Via: SIP/2.0/${wss ? 'WS' : 'UDP'} 127.0.77.4:5070;rport;branch=z9hG4bKbench${i}.${branch}\r\n`
    const identity = `From: "Bench" <sip:u@127.0.77.1>;tag=a${i}\r\nCall-ID: ${i}-bench@127.0.77.4\r\nCSeq: ${cseq}\r\nContact: <sip:uac@127.0.77.4:5070>\r\n`
    return Buffer.from(
      `${method} ${uri} SIP/2.0\r\n${via}Max-Forwards: 70\r\n${more}${identity}Content-Length: ${body.length}\r\n\r\n${body}`,
      'latin1',
    )
  }
  const call = async (i: number, stays = false): Promise<void> => {
    const to = 'To: <sip:+14255550100@127.0.77.1>'
    const offer = `${to}\r\nUser-Agent: bench\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Type: application/sdp\r\n`
    give(caller, request(i, '1 INVITE', 'sip:+14255550100@127.0.77.2:5080', offer, 1, SDP))
    await take(5070)
    const invite = await take(5080)
    give(callee, respond(invite, '180 Ringing'))
    await take(5070)
    give(callee, respond(invite, '200 OK', SDP))
    const routes = linesOf(await take(5070), 'record-route')
      .trimEnd()
      .split('\r\n')
      .toReversed()
    const dialog = `${routes.map((one) => `${one.replace('Record-', '')}\r\n`).join('')}${to};tag=b1\r\n`
    give(caller, request(i, '1 ACK', 'sip:uas@127.0.77.2:5080', dialog, 2))
    await take(5080)
    if (stays) return
    give(caller, request(i, '2 BYE', 'sip:uas@127.0.77.2:5080', dialog, 3))
    give(callee, respond(await take(5080), '200 OK'))
    await take(5070)
  }
  for (let round = 0; round < 6; round++) {
    inside = 0
    const from = process.cpuUsage()
    for (let i = 0; i < calls; i++) {
      await call(round * calls + i)
      if (i % 500 === 0) await new Promise((done) => setImmediate(done))
    }
    const { user, system } = process.cpuUsage(from)
    const total = ((user + system) / calls).toFixed(1)
    process.stdout.write(
      `${calls} calls: ${((inside * 1000) / calls).toFixed(1)} µs inside per call, ${total} µs CPU with peers and collector\n`,
    )
  }
  if (up > 0) {
    const held = async (): Promise<number> => {
      // What is left of transactions goes with their last timers
      await new Promise((done) => setTimeout(done, 45_000))
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    }
    const before = await held()
    for (let i = 0; i < up; i++) await call(calls * 6 + i, true)
    const after = await held()
    process.stdout.write(`${up} calls up: ${Math.round((after - before) / up)} bytes for each\n`)
  }
  await engine.stop()
  resolver.stop()
  rmSync(dataDir, { recursive: true })
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { media: { type: 'boolean', default: false }, wss: { type: 'boolean', default: false }, up: { type: 'string', default: '0' } },
})
await main(Number(positionals[0] ?? 5000), values.media, values.wss, Number(values.up))
