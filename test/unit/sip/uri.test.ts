import { describe, expect, test } from 'vitest'
import { isHost, readHost, readPort } from '../../../src/sip/host.ts'
import {
  formatUri,
  isSip,
  numberOf,
  parseUri,
  type SipUri,
  schemeOf,
  uriParameter,
  userOf,
  withoutUriParameter,
  withUriParameter,
} from '../../../src/sip/uri.ts'

const sip = (text: string): SipUri => {
  const uri = parseUri(text)
  if (uri === undefined || uri.scheme === 'tel') expect.unreachable(text)
  return uri as SipUri
}

describe('sip and sips', () => {
  test('§19.1.1: a URI with everything is taken apart as written', () => {
    expect(parseUri('sips:al%69ce:pass;word@Example.COM:5061;transport=TCP;lr;x="?Subject=a%20b&To=c')).toBeUndefined()
    expect(parseUri('sips:al%69ce:pass;word@Example.COM:5061;transport=TCP;lr?Subject=a%20b&To=c')).toEqual({
      scheme: 'sips',
      userinfo: 'al%69ce:pass;word',
      host: 'Example.COM',
      port: 5061,
      parameters: ';transport=TCP;lr',
      headers: '?Subject=a%20b&To=c',
    })
  })

  test.each([
    ['sip:example.com', undefined, 'example.com', undefined],
    ['sip:example.com.', undefined, 'example.com.', undefined],
    ['sip:example.com:5060', undefined, 'example.com', 5060],
    ['sip:a@10.0.0.1', 'a', '10.0.0.1', undefined],
    ['sip:a@[2001:db8::10]', 'a', '[2001:db8::10]', undefined],
    ['sip:[2001:db8::10]:5070;lr', undefined, '[2001:db8::10]', 5070],
    ['sip:[2001:db8::10:5070]', undefined, '[2001:db8::10:5070]', undefined],
    ['sip:user;par=u%40example.net@example.com', 'user;par=u%40example.net', 'example.com', undefined],
    [
      "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
      "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      'example.com',
      undefined,
    ],
    ['sip:null-%00-null@example.com', 'null-%00-null', 'example.com', undefined],
    ['sip:sips%3Auser%40example.com@example.net', 'sips%3Auser%40example.com', 'example.net', undefined],
    ['sip:caf\xc3\xa9@example.com', 'caf\xc3\xa9', 'example.com', undefined],
  ])('§19.1.2: %s', (text, userinfo, host, port) => {
    const uri = sip(text)
    expect([uri.userinfo, uri.host, uri.port]).toEqual([userinfo, host, port])
    expect(formatUri(uri)).toBe(text)
  })

  test.each([
    '',
    ':',
    'sip',
    'sip9',
    'sipsx',
    'sip:',
    'sip:@example.com',
    'sip::secret@example.com',
    'sip:a@',
    'sip:a@b@c',
    'sip:a b@c',
    'sip: a@c',
    'sip:a@c ',
    'sip:a@c;lr ',
    'sip:"a"@c',
    'sip:<a>@c',
    'sip:a%4@c',
    'sip:a%zz@c',
    'sip:a%',
    'sip:a@c:',
    'sip:a@c:0',
    'sip:a@c:65536',
    'sip:a@c:123456',
    'sip:a@c:-1',
    'sip:a@c:5e3',
    'sip:a@c:5060x',
    'sip:a@c:\xb2',
    'sip:a@.c',
    'sip:a@c..d',
    'sip:a@-c',
    'sip:a@c-',
    'sip:a@c/d',
    'sip:2001:db8::10',
    'sip:a@2001:db8::10',
    'sip:[2001:db8::10',
    'sip:[2001:db8::10]x',
    'sip:[2001:db8::10]:',
    'sip:a@c\0',
    'sip:a\r\n@c',
    'sip:\u0161@c',
    'sip:a@\xe9.example',
    'http://example.com',
    'isbn:123',
    '<sip:a@c>',
    ' sip:a@c',
  ])('§25.1: %j is no URI that we can use', (text) => {
    expect(parseUri(text)).toBeUndefined()
  })

  test('§19.1.1: schemes have any case; ports may have leading zeros; both are normalised, nothing else is', () => {
    expect(formatUri(sip('SIP:a@B.Example:05060;LR'))).toBe('sip:a@B.Example:5060;LR')
    expect(sip('sIpS:a@b').scheme).toBe('sips')
    expect(parseUri('TEL:+1')).toEqual({ scheme: 'tel', number: '+1', parameters: '' })
  })

  test('§19.1.1: a question mark or semicolon in the user part begins no headers or parameters', () => {
    const uri = sip('sip:a?b;c@d;e?f')
    expect([uri.userinfo, uri.host, uri.parameters, uri.headers]).toEqual(['a?b;c', 'd', ';e', '?f'])
  })
})

describe('hosts', () => {
  test.each([
    'a',
    'a.b',
    'a-b.c',
    'a_b.example',
    '_sip._udp.example',
    'xn--bcher-kva.example',
    '1a',
    '4f3a2b1c9d8e',
    '1.example',
    '10.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    'a.',
  ])('§25.1: %s is a host', (host) => {
    expect(readHost(host)).toBe(host)
  })

  test.each([
    '',
    '.',
    '..',
    'a..',
    '.a',
    '-a',
    'a-',
    'a.-b',
    'a-.b',
    'a b',
    'a%41',
    'a:b',
    '10',
    '10.1',
    '10.0.0.256',
    '10.0.0.01',
    '010.0.0.1',
    '10.0.0.1.',
    '10.0.0.0.1',
    '2130706433',
    '0x7f000001',
    '0X7F.1',
    'example.0x',
    'example.1',
    '1\xb2.0.0.1',
    '::1',
  ])('§25.1: %j is none (what ends in a number, and is no IPv4 address, some resolvers take for one)', (host) => {
    expect(isHost(host)).toBe(false)
  })

  test.each([
    '[::]',
    '[::1]',
    '[1::]',
    '[2001:db8::9:1]',
    '[2001:DB8:0:0:0:0:0:1]',
    '[1:2:3:4:5:6:7::]',
    '[::2:3:4:5:6:7:8]',
    '[::ffff:192.0.2.10]',
    '[1:2:3:4:5:6:192.0.2.10]',
    '[2001:db8::192.0.2.1]',
    '[fe80::1%25eth0]',
  ])('RFC 5954: %s is an IPv6 reference', (host) => {
    expect(readHost(host)).toBe(host)
  })

  test.each([
    '[]',
    '[:]',
    '[:1]',
    '[1:]',
    '[1:2]',
    '[1::2::3]',
    '[1:2:3:4:5:6:7:8:9]',
    '[1:2:3:4:5:6:7:8::]',
    '[::1:2:3:4:5:6:7:8]',
    '[12345::]',
    '[g::]',
    '[::192.0.2]',
    '[::192.0.2.256]',
    '[::192.0.2.01]',
    '[192.0.2.1::]',
    '[192.0.2.1]',
    '[1:2:3:4:5:6:7:192.0.2.10]',
    '[::1',
    '::1]',
    '[[::1]]',
    '[fe80::1%eth0]',
    '[fe80::1%25]',
    '[v1.a]',
    `[${'1:'.repeat(60)}]`,
  ])('RFC 5954: %s is none', (host) => {
    expect(isHost(host)).toBe(false)
  })

  test('RFC 5118 §4.10: three colons before an IPv4 tail are tolerated, and read as two', () => {
    expect(readHost('[2001:db8:::192.0.2.1]')).toBe('[2001:db8::192.0.2.1]')
    expect(readHost('[:::192.0.2.1]')).toBe('[::192.0.2.1]')
    expect(formatUri(sip('sip:user@[2001:db8:::192.0.2.1]'))).toBe('sip:user@[2001:db8::192.0.2.1]')
    for (const host of ['[2001:db8:::10]', '[2001:db8::::192.0.2.1]', '[2001::db8:::192.0.2.1]', '[:::]', '[1:::2:192.0.2.1]'])
      expect(isHost(host)).toBe(false)
  })

  test('ports are 1 to 65535', () => {
    const port = (text: string) => readPort(text, 0, text.length)
    expect(['1', '65535', '05060', '0', '65536', '', '-1', '999999', '1 ', '\xb9'].map(port)).toEqual([
      1, 65535, 5060, -1, -1, -1, -1, -1, -1, -1,
    ])
  })
})

describe('tel', () => {
  test.each([
    ['tel:+442079460100', '+442079460100', ''],
    ['tel:+1-201-555-0123;ext=7;isub=a', '+1-201-555-0123', ';ext=7;isub=a'],
    ['tel:7042;phone-context=example.com', '7042', ';phone-context=example.com'],
    ['tel:*69#', '*69#', ''],
    ['tel:(0)20.7946', '(0)20.7946', ''],
  ])('RFC 3966 §3: %s', (text, number, parameters) => {
    expect(parseUri(text)).toEqual({ scheme: 'tel', number, parameters })
    expect(formatUri(parseUri(text)!)).toBe(text)
  })

  test.each(['tel:', 'tel:;ext=1', 'tel:+1 201', 'tel:alice', 'tel:+1@example.com', 'tel:+1?x=y', 'tel:%2B1', 'tel', 'tel1'])(
    'RFC 3966 §3: %s is none',
    (text) => {
      expect(parseUri(text)).toBeUndefined()
    },
  )
})

describe('reading parts', () => {
  test.each([
    ['sip:a', 'sip'],
    ['SIPS:a', 'sips'],
    ['tel:1', 'tel'],
    ['soap.beep://192.0.2.103:3002', 'soap.beep'],
    ['nobodyKnowsThisScheme:x', 'nobodyknowsthisscheme'],
    ['<sip:a>', undefined],
    ['1sip:a', undefined],
    [':a', undefined],
    ['sip', undefined],
    ['s\u0131p:a', undefined],
    ['\u212a:a', undefined],
  ])('§19.1: the scheme of %j is %s', (text, scheme) => {
    expect(schemeOf(text)).toBe(scheme)
  })

  test('§19.1.2: the user part is unescaped without its password; control bytes and bytes beyond ASCII stay escaped', () => {
    expect(userOf(sip('sip:%61l%69ce:pw@b'))).toBe('alice')
    expect(userOf(sip('sip:a%2541@b'))).toBe('a%41')
    expect(userOf(sip('sip:%00%0d%0A%1f%7e@b'))).toBe('%00%0d%0A%1f~')
    expect(userOf(sip('sip:%c3%a9@b'))).toBe('%c3%a9')
    expect(userOf(sip('sip:b'))).toBeUndefined()
  })

  test.each([
    ['sip:+44-20.7946(0100)@b;user=phone', '+4420794601' + '00'],
    ['sip:%2B4420@b', '+4420'],
    ['sip:4420;phone-context=x@b', '4420'],
    ['sip:*69#@b', '*69#'],
    ['tel:+1-201-555-0123', '+12015550123'],
    ['sip:alice@b', undefined],
    ['sip:+@b', undefined],
    ['sip:1+2@b', undefined],
    ['sip:b', undefined],
    ['tel:abc', undefined],
  ])('RFC 3966 §5.1.1: the number of %s is %s', (text, number) => {
    expect(numberOf(parseUri(text)!)).toBe(number)
  })

  test('parameters of a URI are read and written; those of the user part are not', () => {
    const uri = sip('sip:a;transport=x@b;Transport=tcp;lr')
    expect(uriParameter(uri, 'transport')).toBe('tcp')
    expect(formatUri(withUriParameter(uri, 'transport', 'udp'))).toBe('sip:a;transport=x@b;transport=udp;lr')
    expect(formatUri(withoutUriParameter(uri, 'transport'))).toBe('sip:a;transport=x@b;lr')
    expect(formatUri(withUriParameter(sip('sip:b?x=y'), 'lr', ''))).toBe('sip:b;lr?x=y')
  })

  test('§19.1.4: a parameter name with escapes is that name, so that it cannot hide; values stay as written', () => {
    const uri = sip('sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31')
    expect(uriParameter(uri, 'lr')).toBe('')
    expect(uriParameter(uri, 'name')).toBe('v%61lue%25%34%31')
    expect(formatUri(withoutUriParameter(sip('sip:a;%74r%61nsport=tcp;x=%41'), 'transport'))).toBe('sip:a;x=%41')
    expect(uriParameter(sip('sip:a;x%3Dlr=1;y%3Blr'), 'lr')).toBeUndefined()
  })
})

describe('services (RFC 5031)', () => {
  test.each(['urn:service:sos', 'urn:service:sos.fire', 'URN:Service:SOS'])('%s', (text) => {
    const uri = parseUri(text)!
    expect(uri).toMatchObject({ scheme: 'urn', number: text.slice(4) })
    expect(formatUri(uri)).toBe(`urn:${text.slice(4)}`)
    expect([isSip(uri), numberOf(uri)]).toEqual([false, undefined])
  })

  test.each(['urn:service:', 'urn:service:.sos', 'urn:service:sos.', 'urn:uuid:1', 'urn:', 'urn:service:sos;x', 'urn:service:sos@host'])(
    '%s is none',
    (text) => {
      expect(parseUri(text)).toBeUndefined()
    },
  )
})
