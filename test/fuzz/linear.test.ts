import { beforeAll, expect, test } from 'vitest'
import { offeredCodecs } from '../../src/media/codecs.ts'
import { rewrite } from '../../src/routing/rewrite.ts'
import { validateRequest, wellFormed } from '../../src/routing/validate.ts'
import { StreamFramer } from '../../src/sip/framing.ts'
import { type SipMessage, serialise } from '../../src/sip/message.ts'
import { parseNameAddrs } from '../../src/sip/name-addr.ts'
import { parameter, withoutParameter, withParameter } from '../../src/sip/parameters.ts'
import { type ParseLimits, parse } from '../../src/sip/parse.ts'
import { address, addresses, cseq, splitList, tokens, vias } from '../../src/sip/read.ts'
import { numberOf, parseUri, uriParameter, withoutUriParameter } from '../../src/sip/uri.ts'
import { parseVia } from '../../src/sip/via.ts'
import { MEDIA_PROFILES, type MediaKind, type MediaLeg } from '../../src/zones/media.ts'
import { teams } from '../../src/zones/teams.ts'
import { bytesOf, optionsWith } from '../support/messages.ts'
import { crossing, lanUdp, side, zone } from '../unit/routing/support.ts'

/**
 * A stranger must not buy much time of ours with few bytes. Sixteen times the input may take sixteen times as long; a step that is quadratic takes
 * 256 times as long, which at these sizes are seconds. A result counts only when it comes several times: the machine may be busy.
 */
const SMALL = 4_000
const LARGE = 64_000
const ALLOWED_MS = 25
const ALLOWED_GROWTH = 48
const ATTEMPTS = 6

const limits: ParseLimits = { startLine: 200_000, headers: 100_000, head: 200_000, body: 200_000 }

const PIECES = [
  ' ', '\t', ' \t', ',', ', ', ';', ';a', ';a=b', ';a="', ';lr', ';tag=', ';%6Cr', '"', '""', '\\', '"\\', '<', '>', '<>', '<sip:a>,', '"a" <sip:a>,', '%', '%41', '%%', '%25', ':', '::', '1:', '[', ']', '[::1]',
  '@', 'a@', '?', '.', 'a.', '1.', '-', 'a-', '_', '0', '9', 'a', 'A', 'SIP/2.0/', 'SIP/2.0/UDP a,', 'SIP / 2.0 /', '\r\n ', '\r\n\t', ' \r\n \t', 'x \r\n ', '\r', '\n', '\r\r\n', '\n ', '\0', '\\\0', '\xa0', '\xff', '*', '#', '+', '=', 'a=', '/',
] // biome-ignore format: a table

/** Where in a message a stranger may put it. */
const PLACES: Readonly<Record<string, (filling: string) => string>> = {
  'before the message': (x) => `${x}${optionsWith()}`,
  'the method': (x) => optionsWith().replace('OPTIONS', `O${x}`),
  'the Request-URI': (x) => optionsWith().replace('sip:bob@', `sip:${x}@`),
  'the end of the Request-URI': (x) => optionsWith().replace('com SIP/2.0', `com${x} SIP/2.0`),
  'the reason': (x) => optionsWith().replace('OPTIONS sip:bob@example.com SIP/2.0', `SIP/2.0 200 ${x}`),
  'a header name': (x) => optionsWith(`X${x}: 1`),
  'an unknown header': (x) => optionsWith(`X: ${x}`),
  Via: (x) => optionsWith().replace('127.0.0.1', x),
  'a Via parameter': (x) => optionsWith().replace('rport', `r${x}`),
  From: (x) => optionsWith().replace('<sip:alice', `${x}<sip:alice`),
  'the From parameters': (x) => optionsWith().replace('tag=a1', x),
  CSeq: (x) => optionsWith().replace('1 OPTIONS', `1${x} OPTIONS`),
  'Max-Forwards': (x) => optionsWith().replace('70', x),
  Route: (x) => optionsWith(`Route: <sip:a${x}`),
  Supported: (x) => optionsWith(`Supported: ${x}`),
  'Content-Length': (x) => optionsWith(`Content-Length: ${x}`),
  'many lines': (x) =>
    optionsWith(
      ...x
        .replace(/[\r\n]/g, '.')
        .match(/.{1,40}/gs)!
        .map((piece) => `X:${piece}`),
    ),
}

const view = { printed: () => true, looped: () => false, proxyRequire: new Set<string>() }

const useAll = (text: string): void => {
  const bytes = bytesOf(text)
  new StreamFramer().push(bytes, 0, { maxHead: limits.head, maxBody: limits.body }, { message: () => true, keepAlive: () => {} })
  const read = parse(bytes, limits)
  const message: SipMessage | undefined = read.kind === 'problem' ? read.message : read
  if (message === undefined) return
  for (const one of message.headers) {
    if (one.name === 'via') vias(one)
    else if (one.name === 'from') address(one)
    else if (one.name === 'route') addresses(one)
    else splitList(one.value)
  }
  cseq(message)
  tokens(message, 'supported')
  serialise(message)
  if (message.kind === 'request' && wellFormed(message) === undefined) validateRequest(message, view)
}

/** As a text comes off the wire: in one piece, not joined from several. */
const flat = (text: string): string => bytesOf(text).latin1Slice()

const useValue = (text: string): void => {
  parseVia(flat(`SIP/2.0/UDP ${text}`))
  parseVia(flat(`SIP / 2.0/UDP a${text}`))
  parseNameAddrs(flat(text))
  const parameters = flat(`;${text}`)
  parameter(parameters, 'z')
  withParameter(parameters, 'a', '1')
  withoutParameter(parameters, 'a')
  for (const uri of [`sip:${text}`, `sip:${text}@a`, `sip:a;${text}`, `tel:${text}`].map((one) => parseUri(flat(one)))) {
    if (uri === undefined) continue
    numberOf(uri)
    uriParameter(uri, 'z')
    withoutUriParameter(uri, 'lr')
  }
}

const msOf = (use: (text: string) => void, text: string): number => {
  const began = performance.now()
  use(text)
  return performance.now() - began
}

/** `undefined` when it is linear enough, once in several attempts. */
const excess = (use: (text: string) => void, make: (size: number) => string): string | undefined => {
  const small = make(SMALL)
  const large = make(LARGE)
  let told = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const slow = msOf(use, large)
    if (slow <= ALLOWED_MS) return undefined
    const fast = msOf(use, small)
    if (slow <= fast * ALLOWED_GROWTH) return undefined
    told = `${SMALL} bytes take ${fast.toFixed(1)} ms, ${LARGE} take ${slow.toFixed(1)} ms`
  }
  return told
}

/** As after some time in service: V8 compiles hot functions for the short texts they saw, and code for short texts may do more work in a loop. */
const warm = (): void => {
  for (let i = 0; i < 12_000; i++) {
    useAll(SEEN[i % SEEN.length]!)
    useValue(VALUES[i % VALUES.length]!)
  }
}
const SEEN = [optionsWith(), optionsWith('Route: <sip:a.example;lr>,<sip:b.example;lr>', 'Supported: path, timer', 'l: 0')]
const VALUES = ['a.example:5060;branch=z9hG4bKa;rport', '"A" <sip:a@b.example;lr>;tag=1', '+442079460100', 'x="y;z";lr']

beforeAll(warm, 60_000)

const filled = (piece: string, size: number): string => piece.repeat(Math.ceil(size / piece.length))

test.each(Object.entries(PLACES))('time stays linear whatever fills %s', { timeout: 60_000 }, (_, place) => {
  for (const piece of PIECES)
    expect(
      excess(useAll, (size) => place(filled(piece, size))),
      JSON.stringify(piece),
    ).toBeUndefined()
})

test('time stays linear whatever a value is made of', { timeout: 60_000 }, () => {
  for (const piece of PIECES) {
    for (const end of ['', '!', '"', '\xff'])
      expect(
        excess(useValue, (size) => filled(piece, size) + end),
        `${JSON.stringify(piece)} and ${JSON.stringify(end)}`,
      ).toBeUndefined()
  }
})

test('§18.3: time stays linear when a stream comes byte by byte', { timeout: 60_000 }, () => {
  const drip = (text: string): void => {
    const framer = new StreamFramer()
    const bytes = bytesOf(text)
    for (let i = 0; i < bytes.length; i++)
      if (
        framer.push(bytes.subarray(i, i + 1), 0, { maxHead: 200_000, maxBody: 200_000 }, { message: () => true, keepAlive: () => {} }) !==
        undefined
      )
        return
  }
  for (const piece of ['X: 1\r\n', 'l: 1\r\n', 'Content-Length: 1\r\n', 'c: 1\r\n', 'x', '\r\n ', '\n'])
    expect(
      excess(drip, (size) => `OPTIONS sip:a SIP/2.0\r\nX: ${filled(piece, size)}`),
      JSON.stringify(piece),
    ).toBeUndefined()
})

const PLAIN = zone('plain', [lanUdp])
const PARTICULAR = ['history-info', 'diversion'] as const
const toward = PARTICULAR.map((redirections) =>
  crossing(
    side(PLAIN, lanUdp),
    side(zone(redirections, [lanUdp], { trusted: false, dialect: { ...teams.dialect, caller: 'asserted', redirections } }), lanUdp),
  ),
)
const useDialect = (text: string): void => {
  for (const name of ['Allow', 'Supported', 'Diversion', 'History-Info', 'P-Asserted-Identity', 'Privacy'])
    for (const value of [text, `<sip:${text}@a>`, `<sip:a${text}>`, `<sip:a?${text}>`, `<sip:a>;index=${text}`]) {
      const read = parse(bytesOf(optionsWith(`${name}: ${value}`).replaceAll('OPTIONS', 'INVITE')), limits)
      if (read.kind === 'request') for (const way of toward) rewrite(read, way)
    }
}

test('time stays linear whatever is told to a zone in its dialect', { timeout: 60_000 }, () => {
  for (const piece of [
    '?privacy=',
    '&privacy=',
    '?reason=',
    '&reason=sip%3Bcause%3D',
    ';cause=',
    '1.',
    '100rel,',
    'REFER, ',
    '<sip:a>,',
    ';privacy=full',
    'id;',
    '%41',
    '-',
  ])
    expect(
      excess(useDialect, (size) => filled(piece, size)),
      JSON.stringify(piece),
    ).toBeUndefined()
})

const legOf = (kind: MediaKind): MediaLeg => ({
  zone: kind,
  profile: MEDIA_PROFILES[kind],
  policy: {
    ...{
      anchored: true,
      kind: undefined,
      interface: undefined,
      set: 'default',
      dtmf: 'pass',
      ice: undefined,
      maxBundle: true,
      record: false,
    },
    codecs: { order: undefined, strip: [], transcode: [] },
  },
})
const KINDS = Object.keys(MEDIA_PROFILES) as readonly MediaKind[]

test.each(KINDS)('time stays linear however many formats kind %s offers', { timeout: 60_000 }, (kind) => {
  const offer = (formats: string): void => {
    const sdp = `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP ${formats}\r\n`
    for (const other of KINDS) offeredCodecs(legOf(kind), legOf(other), sdp)
  }
  const numbers = (size: number): string => Array.from({ length: size / 8 }, (_, i) => 10_000 + i).join(' ')
  for (let i = 0; i < 100; i++) offer(numbers(SMALL))
  expect(excess(offer, numbers)).toBeUndefined()
})
