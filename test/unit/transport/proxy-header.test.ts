import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readProxyHeader } from '../../../src/transport/proxy-header.ts'
import { addresses4, addresses6, extension, v1, v2 } from './proxy-headers.ts'

const header = (length: number, address?: string, port?: number) => ({
  kind: 'header',
  length,
  client: address === undefined ? undefined : { address, port },
})
const REST = Buffer.from('\x16\x03\x01 and so on', 'latin1')
const SIX = Buffer.from('20010db80000000000000000000000ff', 'hex')

describe('version 1 (§2.1)', () => {
  test.each([
    ['TCP4', v1('203.0.113.9', 56_324), '203.0.113.9', 56_324],
    ['TCP6', v1('2001:DB8:0:0::9', 1), '2001:db8::9', 1],
    ['the longest line there can be', v1('ffff:f:ffff:ffff:ffff:ffff:ffff:ffff', 65_535), 'ffff:f:ffff:ffff:ffff:ffff:ffff:ffff', 65_535],
  ])('%s', (_, bytes, address, port) => {
    expect(readProxyHeader(Buffer.concat([bytes, REST]))).toEqual(header(bytes.length, address, port))
  })

  test.each(['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', 'PROXY UNKNOWN and whatever\r\n'])(
    '%j speaks for nobody',
    (text) => {
      expect(readProxyHeader(Buffer.from(`${text}rest`))).toEqual(header(text.length))
    },
  )

  test.each([
    'PROXY TCP4 203.0.113.9 192.0.2.1 1\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n',
    'PROXY TCP4 203.0.113.9  192.0.2.1 1 2\r\n',
    'PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n',
    'PROXY TCP6 203.0.113.9 192.0.2.1 1 2\r\n',
    'PROXY TCP4 203.0.113.256 192.0.2.1 1 2\r\n',
    'PROXY TCP4 203.0.113.09 192.0.2.1 1 2\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 01 2\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 65536 2\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 -1 2\r\n',
    'PROXY UDP4 203.0.113.9 192.0.2.1 1 2\r\n',
    'PROXY tcp4 203.0.113.9 192.0.2.1 1 2\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 1 2\n\r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
    'PROXX TCP4 203.0.113.9 192.0.2.1 1 2\r\n',
    'REGISTER sip:example.com SIP/2.0\r\n',
    '\x16\x03\x01\x02\x00\x01',
  ])('%j is none', (text) => {
    expect(readProxyHeader(Buffer.from(text, 'latin1')).kind).toBe('broken')
  })
})

describe('version 2 (§2.2)', () => {
  test.each([
    ['TCP over IPv4', v2(addresses4([203, 0, 113, 9], 56_324)), '203.0.113.9', 56_324],
    ['TCP over IPv6', v2(addresses6(SIX, 700), 0x21), '2001:db8::ff', 700],
    [
      'an IPv4 client of an IPv6 balancer',
      v2(addresses6(Buffer.from('00000000000000000000ffffcb007109', 'hex'), 7), 0x21),
      '203.0.113.9',
      7,
    ],
    [
      'with extensions',
      v2(Buffer.concat([addresses4([203, 0, 113, 9], 5), extension(4, Buffer.alloc(9)), extension(0xea, REST)])),
      '203.0.113.9',
      5,
    ],
  ])('%s', (_, bytes, address, port) => {
    expect(readProxyHeader(Buffer.concat([bytes, REST]))).toEqual(header(bytes.length, address, port))
  })

  test.each([
    ['LOCAL, as health checks have it', v2(Buffer.alloc(0), 0x00, 0x20)],
    ['LOCAL with addresses, which count for nothing', v2(addresses4([203, 0, 113, 9], 5), 0x11, 0x20)],
    ['LOCAL with a kind of address that nobody knows', v2(Buffer.alloc(7), 0x77, 0x20)],
    ['no address family', v2(Buffer.alloc(0), 0x00)],
    ['a UNIX socket', v2(Buffer.alloc(216, 'x'), 0x31)],
  ])('%s: the proxy is the client', (_, bytes) => {
    expect(readProxyHeader(Buffer.concat([bytes, REST]))).toEqual(header(bytes.length))
  })

  test.each([
    ['version 1 in binary', v2(addresses4([1, 2, 3, 4], 5), 0x11, 0x11)],
    ['an unknown command', v2(addresses4([1, 2, 3, 4], 5), 0x11, 0x22)],
    ['an unknown family', v2(Buffer.alloc(216), 0x41)],
    ['an unknown protocol', v2(addresses4([1, 2, 3, 4], 5), 0x13)],
    ['datagrams', v2(addresses4([1, 2, 3, 4], 5), 0x12)],
    ['fewer bytes than its addresses have', v2(addresses4([1, 2, 3, 4], 5).subarray(0, 11))],
    ['an extension without length', v2(Buffer.concat([addresses4([1, 2, 3, 4], 5), Buffer.from([4, 0])]))],
    ['an extension that is longer than the header', v2(Buffer.concat([addresses4([1, 2, 3, 4], 5), Buffer.from([4, 0, 2, 0])]))],
    ['a header of 5000 bytes', v2(Buffer.concat([addresses4([1, 2, 3, 4], 5), extension(4, Buffer.alloc(5000))]))],
  ])('%s is refused', (_, bytes) => {
    expect(readProxyHeader(bytes).kind).toBe('broken')
  })

  /** HAProxy 2.6 wrote it (`send-proxy-v2 proxy-v2-options crc32c`) for 127.0.0.7:40959 to 127.0.0.1:45677. */
  const CHECKED = '0d0a0d0a000d0a515549540a211100137f0000077f0000019fffb26d0300046b262775'

  test('§2.2.3: the checksum of another implementation is right, and a changed byte is noticed', () => {
    const bytes = Buffer.from(CHECKED, 'hex')
    expect(readProxyHeader(bytes)).toEqual(header(bytes.length, '127.0.0.7', 40_959))
    for (let at = 16; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = changed[at]! ^ 1
      // The type and length of the extension itself: then it is another one, or broken
      if (at === 28 || at === 29 || at === 30) continue
      expect(readProxyHeader(changed).kind, `byte ${at}`).toBe('broken')
    }
  })
})

test('whatever is there yet, the answer is the same as for the whole, or that more is needed', () => {
  const whole = [
    v1('203.0.113.9', 56_324),
    v1('2001:db8::9', 1),
    v2(addresses4([203, 0, 113, 9], 56_324)),
    v2(Buffer.concat([addresses6(SIX, 700), extension(4, Buffer.alloc(40))]), 0x21),
    v2(Buffer.alloc(0), 0x00, 0x20),
  ]
  for (const bytes of whole) {
    const expected = readProxyHeader(bytes)
    expect(expected.kind).toBe('header')
    for (let length = 1; length < bytes.length; length++) expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: 'more' })
    expect(readProxyHeader(Buffer.concat([bytes, bytes]))).toEqual(expected)
  }
})

test('no bytes make it throw, read beyond them, or want more than 4 KB', () => {
  const seeds = fc.constantFrom(v1('203.0.113.9', 1), v2(addresses4([1, 2, 3, 4], 5)), v2(addresses6(SIX, 7), 0x21))
  fc.assert(
    fc.property(
      seeds,
      fc.array(fc.tuple(fc.nat(59), fc.nat(255)), { maxLength: 4 }),
      fc.uint8Array({ maxLength: 60 }),
      (seed, changes, tail) => {
        const bytes = Buffer.concat([seed, tail])
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        const found = readProxyHeader(bytes)
        if (found.kind === 'header') expect(found.length).toBeLessThanOrEqual(bytes.length)
        expect(readProxyHeader(Buffer.concat([bytes, Buffer.alloc(5000)])).kind).not.toBe('more')
      },
    ),
    { numRuns: 3000, seed: 7 },
  )
})
