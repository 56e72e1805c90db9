import { describe, expect, test } from 'vitest'
import { firstHeader, line, prepend } from '../../../src/sip/message.ts'
import { address, addresses, cseq, fromTag, splitList, tokens, topVia, toTag, vias } from '../../../src/sip/read.ts'
import { isWireText, trimBlank, unfold, wireText } from '../../../src/sip/text.ts'
import { messageText, optionsWith, parsed } from '../../support/messages.ts'

const withLines = (...lines: readonly string[]) => parsed(messageText('OPTIONS sip:a@b SIP/2.0', lines))

describe('typed values', () => {
  test('§20.42: the topmost Via is the first value of the first line', () => {
    const request = withLines('v: SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b;branch=2', 'Via: SIP/2.0/TLS c;branch=3')
    expect(topVia(request)?.branch).toBe('1')
    expect(vias(request.headers[0]!)?.map((via) => via.branch)).toEqual(['1', '2'])
    expect(topVia(prepend(request, line('Via', 'SIP/2.0/WS d;branch=0')))?.branch).toBe('0')
  })

  test('§20.42: one malformed value spoils its line, not the others', () => {
    const request = withLines('Via: SIP/2.0/UDP a;branch=1, nonsense', 'Via: SIP/2.0/TLS c;branch=3')
    expect(topVia(request)).toBeUndefined()
    expect(vias(request.headers[1]!)?.[0]?.branch).toBe('3')
    expect(vias(withLines('Via: SIP/2.0/UDP 192.0.2.15;;,;,,').headers[0]!)).toBeUndefined()
    expect(topVia(withLines('To: <sip:a>'))).toBeUndefined()
  })

  test('a comma in quotes separates no Vias', () => {
    expect(vias(withLines('Via: SIP/2.0/UDP a;x="1,2";branch=1').headers[0]!)).toHaveLength(1)
  })

  test('§20.20, §20.39: the tags', () => {
    const request = withLines('f: "A" <sip:a@b;tag=uri>;Tag=x', 't: sip:b@c')
    expect([fromTag(request), toTag(request)]).toEqual(['x', undefined])
    expect(fromTag(withLines('From: "open <sip:a@b>;tag=1'))).toBeUndefined()
    expect(fromTag(withLines('To: <sip:a@b>;tag=1'))).toBeUndefined()
    expect(toTag(withLines('TO :\r\n sip:a@b ;   tag    = 1918181833n'))).toBe('1918181833n')
  })

  test('§20.20: two values in From are malformed', () => {
    expect(address(firstHeader(withLines('From: <sip:a@b>, <sip:c@d>'), 'from')!)).toBeUndefined()
    expect(address(firstHeader(withLines('From: sip:a@b,sip:c@d'), 'from')!)).toBeUndefined()
  })

  test('§20.34: a list of addresses', () => {
    const request = withLines('Route: <sip:a;lr>,\r\n <sip:b;lr>', 'Route: <sip:c')
    expect(addresses(request.headers[0]!)?.map((one) => one.uri)).toEqual(['sip:a;lr', 'sip:b;lr'])
    expect(addresses(request.headers[1]!)).toBeUndefined()
  })

  test('what was read is remembered on its line, malformed or not', () => {
    const request = withLines('Via: SIP/2.0/UDP a;branch=1', 'From: <')
    expect(topVia(request)).toBe(topVia(request))
    expect(address(request.headers[1]!)).toBeUndefined()
    expect(address(request.headers[1]!)).toBeUndefined()
  })
})

describe('CSeq', () => {
  test.each([
    ['1 INVITE', 1, 'INVITE'],
    ['0 ACK', 0, 'ACK'],
    ['0009\t \tINVITE', 9, 'INVITE'],
    ['2147483647 OPTIONS', 2147483647, 'OPTIONS'],
    ['000000000000000000001 X', 1, 'X'],
    ["139122385 !interesting-Method0123456789_*+`.%indeed'~", 139122385, "!interesting-Method0123456789_*+`.%indeed'~"],
  ])('§20.16: %j', (value, number, method) => {
    expect(cseq(withLines(`CSeq: ${value}`))).toEqual({ number, method })
  })

  test.each([
    '',
    '1',
    'INVITE',
    '1INVITE',
    '-1 INVITE',
    '-0 INVITE',
    '+1 INVITE',
    '1.0 INVITE',
    '1e2 INVITE',
    '0x1 INVITE',
    'NaN INVITE',
    '1 INV ITE',
    '1 ',
    '1  \xa0',
    '1\xa0INVITE',
    '1 INVITE,',
    '\xb9 INVITE',
  ])('§20.16: %j is malformed', (value) => {
    expect(cseq(withLines(`CSeq: ${value}`))).toBeUndefined()
  })

  test.each(['2147483648', '4294967296', '4294967297', '36893488147419103232', '9'.repeat(400)])(
    '§8.1.1.5: %s is not less than 2**31',
    (number) => {
      expect(cseq(withLines(`CSeq: ${number} REGISTER`))).toBeUndefined()
    },
  )
})

test('§20.32: option tags are collected over all lines, empty ones are none', () => {
  expect(tokens(parsed(optionsWith('k: timer,100rel', 'Supported:', 'Supported: , replaces ,\r\n path')), 'supported')).toEqual([
    'timer',
    '100rel',
    'replaces',
    'path',
  ])
  expect(tokens(parsed(optionsWith('Require: \xa0')), 'require')).toEqual(['\xa0'])
})

test('§7.3.1: lists are split outside quotes and angle brackets', () => {
  expect(splitList('a, "b,\\",c" , <d,">, e')).toEqual(['a', '"b,\\",c"', '<d,">', 'e'])
  expect(splitList('')).toEqual([''])
  expect(splitList(',')).toEqual(['', ''])
  expect(splitList('"open, a')).toEqual(['"open, a'])
})

describe('text', () => {
  test('only SP and HTAB are trimmed', () => {
    expect(trimBlank(' \ta \t')).toBe('a')
    expect(trimBlank(' \t ')).toBe('')
    expect(trimBlank('\xa0\x0b\x0c\r\n')).toBe('\xa0\x0b\x0c\r\n')
  })

  test('§7.3.1: each fold is one space', () => {
    expect(unfold('a \t\r\n \t b\r\n \r\n\tc')).toBe('a b c')
    expect(unfold('\r\n a')).toBe('a')
  })

  test('§7.3.1: Unicode is written as UTF-8, one character for one byte', () => {
    expect(wireText('aé€')).toBe('a\xc3\xa9\xe2\x82\xac')
    expect(isWireText(wireText('\u{1f600}\u010a'))).toBe(true)
    expect(isWireText('\xff')).toBe(true)
    expect(isWireText('\u0100')).toBe(false)
  })
})
