import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ladderOf, ladderText } from '../../../src/observability/ladder.ts'
import { pcapOf } from '../../../src/observability/pcap.ts'
import { callIdIn, Trace, type TraceDirection, type TraceEntry, type TracePlace } from '../../../src/observability/trace.ts'

const clock = { now: () => 0, wall: () => 1_790_000_000_123 }

const place = (name: string, remoteAddress: string, remotePort: number, bindAddress = '10.0.0.5'): TracePlace => ({
  listener: { name, transport: { name: name.split('/')[1]! }, bindAddress, bindPort: 5060 },
  remoteAddress,
  remotePort,
})

const BROWSER = place('web/wss', '198.51.100.7', 50_000)
const PBX = place('lan/udp', '10.0.0.20', 5060)

const message = (start: string, lines: readonly string[], body = '') =>
  Buffer.from([start, ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'), 'latin1')

const invite = (via: readonly string[], more: readonly string[], body: string) =>
  message(
    'INVITE sip:+442079460101@example.com SIP/2.0',
    [
      ...via,
      'From: "Alice" <sip:alice@example.com>;tag=1',
      'To: <sip:+442079460101@example.com>',
      'Call-ID: a1@host',
      'CSeq: 1 INVITE',
      ...more,
    ],
    body,
  )

const entries = (): readonly TraceEntry[] => {
  const at = clock.wall()
  const entry = (direction: TraceDirection, one: TracePlace, bytes: Buffer): TraceEntry => ({
    kind: 'message',
    at,
    direction,
    place: one,
    bytes,
  })
  const ok = (via: readonly string[]) =>
    message('SIP/2.0 200 OK', [...via, 'From: <sip:alice@example.com>;tag=1', 'To: <sip:x@y>;tag=2', 'i: a1@host', 'CSeq: 1 INVITE'])
  return [
    entry(
      'in',
      BROWSER,
      invite(['Via: SIP/2.0/WSS b.invalid;branch=z9hG4bKb'], [], 'v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\n'),
    ),
    entry(
      'out',
      PBX,
      invite(
        ['Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKe', 'Via: SIP/2.0/WSS b.invalid;branch=z9hG4bKb'],
        ['Record-Route: <sip:10.0.0.5;lr>'],
        'v=0\r\n',
      ),
    ),
    entry('in', PBX, ok(['Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKe', 'Via: SIP/2.0/WSS b.invalid;branch=z9hG4bKb'])),
    entry('out', BROWSER, ok(['Via: SIP/2.0/WSS b.invalid;branch=z9hG4bKb'])),
    entry('out', BROWSER, ok(['Via: SIP/2.0/WSS b.invalid;branch=z9hG4bKb'])),
  ]
}

test('T11: a call is found by its Call-ID, in either form, and by nothing that only looks like it', () => {
  const trace = new Trace(clock, 1_000_000)
  for (const { direction, place, bytes } of entries()) trace.message(direction, place, bytes)
  trace.message('in', PBX, message('OPTIONS sip:x SIP/2.0', ['Call-ID: other', 'X-Mentions: a1@host', 'CSeq: 1 OPTIONS']))
  trace.note('a1@host', 'Route 1 of the configuration')
  expect(trace.of('a1@host').map(({ kind }) => kind)).toEqual(['message', 'message', 'message', 'message', 'message', 'note'])
  expect(trace.of('a1')).toEqual([])
  expect(callIdIn(Buffer.from('nothing'))).toBeUndefined()
})

test('the oldest go when the memory is full, and memory is what it says', () => {
  const trace = new Trace(clock, 10_000)
  for (let i = 0; i < 5000; i++) trace.message('in', PBX, message('OPTIONS sip:x SIP/2.0', [`Call-ID: c${i}`, 'CSeq: 1 OPTIONS']))
  expect(trace.size).toBeLessThanOrEqual(10_000)
  expect(trace.of('c0')).toEqual([])
  expect(trace.of('c4999')).toHaveLength(1)
  trace.limit(0)
  expect(trace.size).toBe(0)
  trace.message('in', PBX, Buffer.from('x'))
  expect(trace.size).toBe(0)
})

test('what is kept is whole, however often the memory was written over, and what is longer than all of it is left out', () => {
  const trace = new Trace(clock, 4096)
  const sent: Buffer[] = []
  for (let i = 0; i < 500; i++) {
    const one = message('OPTIONS sip:x SIP/2.0', [`Call-ID: c${i}`, 'CSeq: 1 OPTIONS'], 'x'.repeat((i * 37) % 900))
    sent.push(one)
    trace.message(i % 2 === 0 ? 'in' : 'out', i % 3 === 0 ? PBX : BROWSER, one)
    if (i % 10 === 0) trace.note(`c${i}`, `Call ${i}`, 'rule')
  }
  trace.message('in', PBX, message('OPTIONS sip:x SIP/2.0', ['Call-ID: long'], 'x'.repeat(5000)))
  const kept = sent.flatMap((one, i) => (trace.of(`c${i}`).some(({ kind }) => kind === 'message') ? [[one, i] as const] : []))
  expect(kept.length).toBeGreaterThan(3)
  expect(kept.map(([, i]) => i)).toEqual(Array.from({ length: kept.length }, (_, i) => 500 - kept.length + i))
  for (const [one, i] of kept) {
    const [entry, note] = trace.of(`c${i}`)
    expect(entry).toEqual({
      kind: 'message',
      at: clock.wall(),
      direction: i % 2 === 0 ? 'in' : 'out',
      place: i % 3 === 0 ? PBX : BROWSER,
      bytes: one,
    })
    if (i % 10 === 0) expect(note).toEqual({ kind: 'note', at: clock.wall(), callId: `c${i}`, text: `Call ${i}`, rule: 'rule' })
  }
  expect(trace.of('long')).toEqual([])
  expect(trace.size).toBeLessThanOrEqual(4096)
})

test('more memory keeps what was there, less the newest of it', () => {
  const trace = new Trace(clock, 4096)
  const one = (i: number) => message('OPTIONS sip:x SIP/2.0', [`Call-ID: c${i}`, 'CSeq: 1 OPTIONS'], 'x'.repeat(300))
  for (let i = 0; i < 100; i++) trace.message('in', PBX, one(i))
  const there = () => Array.from({ length: 100 }, (_, i) => i).filter((i) => trace.of(`c${i}`).length > 0)
  const before = there()
  trace.limit(65_536)
  expect(there()).toEqual(before)
  expect(trace.of('c99')).toMatchObject([{ bytes: one(99), place: PBX }])
  trace.limit(1024)
  expect(there()).toEqual(before.slice(-there().length))
  expect(there()).toContain(99)
})

test('the ladder joins what left with what came in, and shows what was rewritten', () => {
  const { parties, messages } = ladderOf(entries(), { redact: false })
  expect(parties.map(({ address, listener }) => [address, listener])).toEqual([
    ['198.51.100.7:50000', 'web/wss'],
    ['10.0.0.20:5060', 'lan/udp'],
  ])
  expect(messages.map(({ title, direction, party, source, repeated }) => [direction, party, title.slice(0, 6), source, repeated])).toEqual([
    ['in', 0, 'INVITE', undefined, false],
    ['out', 1, 'INVITE', 0, false],
    ['in', 1, '200 OK', undefined, false],
    ['out', 0, '200 OK', 2, false],
    ['out', 0, '200 OK', 2, true],
  ])
  expect(messages[1]!.changed.map(({ header, before, after }) => [header, before?.slice(0, 20), after?.slice(0, 20)])).toEqual([
    ['via', undefined, 'Via: SIP/2.0/UDP 10.'],
    ['content-length', 'Content-Length: 55', 'Content-Length: 5'],
    ['record-route', undefined, 'Record-Route: <sip:1'],
    ['body', expect.stringContaining('v=0'), 'v=0\r\n'],
  ])
})

test('keys never stand in a ladder; names and numbers do not when they are not wanted', () => {
  const plain = ladderText(ladderOf(entries(), { redact: false }))
  expect(plain).not.toContain('inline:secret')
  expect(plain).toContain('+442079460101')
  const redacted = ladderText(ladderOf(entries(), { redact: true }))
  for (const secret of ['+442079460101', '"Alice"', 'sip:alice@']) expect(redacted).not.toContain(secret)
  expect(redacted).toContain('sip:***01@example.com')
})

test('a capture is one that tshark reads, over IPv4 and IPv6', () => {
  const six = place('lan/udp', '2001:db8::20', 5060, '2001:db8::5')
  const all: readonly TraceEntry[] = [...entries(), { ...entries()[2]!, place: six }]
  const folder = mkdtempSync(join(tmpdir(), 'edgeways-pcap-'))
  try {
    writeFileSync(join(folder, 'call.pcap'), pcapOf(all))
    const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'ipv6.src', '-e', 'sip.Call-ID', '-e', 'sip.CSeq']
    const lines = execFileSync('tshark', ['-r', join(folder, 'call.pcap'), ...fields], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trimEnd()
      .split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[0]).toBe('198.51.100.7\t\ta1@host\t1 INVITE')
    expect(lines[5]).toBe('\t2001:db8::20\ta1@host\t1 INVITE')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
