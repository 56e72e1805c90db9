import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Edge, startEdge } from '../support/edge.ts'
import { freePort, temporaryFolder } from '../support/places.ts'
import { EXPECTATIONS, type Expectation, type StreamOutcome } from './expectations.ts'
import { bytesFor } from './messages.ts'

/**
 * The same messages through the real edge. After each one an OPTIONS of the test's own goes the same way: once that is answered, all that
 * the edge does about the message has been done, so that silence can be told from slowness without waiting.
 */
const HERE = '127.0.77.1'
const CALLER = '127.0.77.11'
const CALLED = '127.0.77.12'

const linesOf = (text: string): readonly string[] => text.slice(0, text.indexOf('\r\n\r\n')).split(/\r\n(?![ \t])/)
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
const named = (text: string, names: RegExp): readonly string[] => linesOf(text).filter((line, index) => index > 0 && names.test(line))
const CALL_ID = /^(?:call-id|i)[ \t]*:/i
const VIA = /^(?:via|v)[ \t]*:/i
const callIdOf = (text: string): string => (named(text, CALL_ID)[0] ?? '').replace(CALL_ID, '').trim()

/** The called party: keeps what it gets, and refuses calls at once, so that nothing stays open. */
class Called {
  readonly socket: DatagramSocket = createSocket('udp4')
  readonly arrived: string[] = []

  constructor() {
    this.socket.on('message', (bytes, from) => {
      const text = bytes.latin1Slice()
      if (text.startsWith('ACK ') || text.startsWith('SIP/')) return
      this.arrived.push(text)
      const status = text.startsWith('INVITE ') ? '480 Temporarily Unavailable' : '200 OK'
      const copied = named(text, /^(?:via|v|from|f|to|t|call-id|i|cseq)[ \t]*:/i)
      this.socket.send(
        Buffer.from(`SIP/2.0 ${status}\r\n${copied.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1'),
        from.port,
        from.address,
      )
    })
  }
}

/** One caller's way to the edge: what it sent, and everything that came back. */
interface Way {
  send(bytes: Buffer): void
  readonly received: string[]
  readonly closed: () => boolean
  close(): void
}

interface Places {
  readonly plain: number
  readonly web: number
}

const overUdp = async ({ plain }: Places): Promise<Way> => {
  const socket = createSocket('udp4')
  const received: string[] = []
  socket.on('message', (bytes) => received.push(bytes.latin1Slice()))
  await new Promise<void>((resolve) => socket.bind({ address: CALLER, port: 0 }, resolve))
  return { send: (bytes) => socket.send(bytes, plain, HERE), received, closed: () => false, close: () => socket.close() }
}

const overTcp = async ({ plain }: Places): Promise<Way> => {
  const socket: Socket = connect({ host: HERE, port: plain, localAddress: CALLER })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const received: string[] = []
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  let rest = ''
  socket.on('data', (bytes) => {
    rest += bytes.latin1Slice()
    for (;;) {
      const head = rest.indexOf('\r\n\r\n')
      const length = /\r\nContent-Length: *(\d+)/i.exec(rest.slice(0, head + 2))
      if (head < 0) return
      const end = head + 4 + Number(length?.[1] ?? 0)
      if (rest.length < end) return
      received.push(rest.slice(0, end))
      rest = rest.slice(end)
    }
  })
  return { send: (bytes) => socket.write(bytes), received, closed: () => closed, close: () => socket.destroy() }
}

const overWs = async ({ web }: Places): Promise<Way> => {
  const socket = new WebSocket(`ws://${HERE}:${web}`, 'sip', { origin: 'https://app.example.com', localAddress: CALLER })
  await new Promise<void>((resolve, reject) => socket.once('open', () => resolve()).once('error', reject))
  const received: string[] = []
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('message', (bytes: Buffer) => received.push(bytes.latin1Slice()))
  return { send: (bytes) => socket.send(bytes), received, closed: () => closed, close: () => socket.terminate() }
}

const TRANSPORTS = { UDP: overUdp, TCP: overTcp, WS: overWs } as const
type Transport = keyof typeof TRANSPORTS

/** Waits for an event of the edge, checked after each turn of the loop; the test's time limit ends it when it never comes. */
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

let probes = 0
const probe = async (way: Way, transport: Transport): Promise<void> => {
  const id = `probe-${++probes}`
  way.send(
    Buffer.from(
      `OPTIONS sip:probe@example.com SIP/2.0\r\nVia: SIP/2.0/${transport} probe.invalid;branch=z9hG4bK${id};rport\r\nMax-Forwards: 70\r\nTo: <sip:probe@example.com>\r\nFrom: <sip:probe@example.com>;tag=p\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  await until(() => way.received.some((text) => callIdOf(text) === id))
}

interface Seen {
  readonly forwarded: readonly string[]
  readonly answers: readonly string[]
  readonly closed: boolean
}

const outcomeOf = ({ edge, stream }: Expectation, transport: Transport): StreamOutcome => (transport === 'TCP' ? (stream ?? edge) : edge)
const closes = (outcome: StreamOutcome): boolean => outcome === 'closes' || (Array.isArray(outcome) && outcome.includes('closes'))

const statusOf = (answer: string): number => Number(answer.slice(8, 11))

/** Some messages share branch and sent-by; through one edge the second would be a retransmission of the first. */
const distinct = (bytes: Buffer, name: string): Buffer =>
  Buffer.from(bytes.latin1Slice().replace(/branch=z9hG4bK[^;,\s]+/, `$&-${name.replace(/\W/g, '-')}`), 'latin1')

/** What was forwarded has our Via on top, a true length, and every line that a proxy has no business with as it came. */
const checkForwarded = (text: string, original: string): void => {
  expect(text).toMatch(/^\S+ \S+ SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 127\.0\.77\.1:\d+;/)
  const length = named(text, /^(?:content-length|l)[ \t]*:/i)
  expect(length).toHaveLength(1)
  expect(Number(length[0]!.replace(/^[^:]*:/, ''))).toBe(bodyOf(text).length)
  const lines = new Set(linesOf(text))
  const ours = /^(?:max-forwards|route|record-route)[ \t]*:/i
  let vias = 0
  const missing = linesOf(original).filter(
    (line, index) => index > 0 && !ours.test(line) && !(VIA.test(line) && vias++ === 0) && !lines.has(line),
  )
  expect(missing).toEqual([])
  const declared = /^(?:content-length|l)[ \t]*: *(\d+)/im.exec(original)?.[1]
  expect(bodyOf(text)).toBe(declared === undefined ? bodyOf(original) : bodyOf(original).slice(0, Number(declared)))
}

/** An answer of the edge's own can be matched by the one who asked. */
const checkAnswer = (answer: string, original: string): void => {
  const same = (names: RegExp): void => expect(named(answer, names)).toEqual(named(original, names))
  same(CALL_ID)
  same(/^cseq[ \t]*:/i)
  expect(named(answer, VIA)).toHaveLength(named(original, VIA).length)
  expect(answer).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/)
  if (statusOf(answer) === 420) expect(answer).toContain('\r\nUnsupported: noProxiesSupportThis, norDoAnyProxiesSupportThis\r\n')
}

describe.each(Object.keys(TRANSPORTS) as Transport[])('through the edge over %s', (transport) => {
  const folder = temporaryFolder('torture')
  const called = new Called()
  let edge: Edge
  let places: Places

  beforeAll(async () => {
    places = { plain: await freePort(HERE), web: await freePort(HERE) }
    const lan = await freePort(HERE)
    const adminPort = await freePort('127.0.0.1')
    const target = await freePort(CALLED)
    await new Promise<void>((resolve) => called.socket.bind({ address: CALLED, port: target }, resolve))
    const config = `
name: sbc.edge.test
listeners:
  plain: { udp: '${HERE}:${places.plain}', tcp: '${HERE}:${places.plain}' }
  web: { ws: '${HERE}:${places.web}' }
  lan: { udp: '${HERE}:${lan}' }
zones:
  phones: { kind: phones, on: plain, admit: { networks: ['${CALLER}'] }, nat: off, lost-connection: { tell-registrar: false } }
  browsers: { kind: webrtc, on: web, origins: ['https://app.example.com'], lost-connection: { tell-registrar: false } }
  pbx: { kind: trunk, on: lan, registrar: path, targets: ['sip:${CALLED}:${target};transport=udp'], probe: false }
routes:
  - { from: [phones, browsers], to: pbx }
media: off
admin: { listen: '127.0.0.1:${adminPort}', plain: true }
`
    edge = await startEdge({ config, adminPort, folder: folder.path })
  }, 60_000)

  afterAll(async () => {
    await edge?.stop()
    called.socket.close()
    folder.remove()
  }, 30_000)

  const exchange = async (bytes: Buffer, outcome: StreamOutcome): Promise<Seen> => {
    called.arrived.length = 0
    const way = await TRANSPORTS[transport](places)
    way.send(bytes)
    if (closes(outcome)) await until(way.closed)
    else if (outcome !== 'waits') await probe(way, transport)
    if (closes(outcome) || outcome === 'waits') {
      const other = await TRANSPORTS[transport](places)
      await probe(other, transport)
      other.close()
    }
    const answers = way.received.filter((text) => !callIdOf(text).startsWith('probe-') && statusOf(text) >= 200)
    const seen = { forwarded: called.arrived.filter((text) => !callIdOf(text).startsWith('probe-')), answers, closed: way.closed() }
    way.close()
    return seen
  }

  test.each(EXPECTATIONS)('$section, $name', { timeout: 20_000 }, async (expectation) => {
    const outcome = outcomeOf(expectation, transport)
    const bytes = distinct(bytesFor(expectation), expectation.name)
    const original = bytes.latin1Slice()
    const seen = await exchange(bytes, outcome)
    const wanted = (Array.isArray(outcome) ? outcome : [outcome]).filter((one) => one === 'forward' || typeof one === 'number')
    const forwards = wanted.filter((one) => one === 'forward').length
    // What the called party answers may come too late when the connection is closed; our own answers do not
    const own = (text: string): boolean => !closes(outcome) || !seen.forwarded.some((one) => callIdOf(one) === callIdOf(text))
    const relayed = seen.forwarded.filter(own).map((text) => (text.startsWith('INVITE ') ? 480 : 200))
    expect({ forwarded: seen.forwarded.length, answered: seen.answers.filter(own).map(statusOf), closed: seen.closed }).toEqual({
      forwarded: forwards,
      answered: [...wanted.filter((one) => typeof one === 'number'), ...relayed],
      closed: closes(outcome),
    })
    if (outcome === 'forward') checkForwarded(seen.forwarded[0]!, original)
    for (const answer of seen.answers) if (seen.forwarded.length === 0) checkAnswer(answer, original)
  })

  test('none of them broke anything inside', async () => {
    expect(await edge.metric('edgeways_internal_errors_total')).toBe(0)
    expect(edge.log().filter((line) => line.level === 'error')).toEqual([])
  })
})
