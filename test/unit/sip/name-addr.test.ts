import { describe, expect, test } from 'vitest'
import { type NameAddr, parseNameAddr, parseNameAddrs, tagOf } from '../../../src/sip/name-addr.ts'

const parts = (one: NameAddr | undefined) => (one === undefined ? undefined : [one.display, one.uri, one.parameters])

describe('one value', () => {
  test.each([
    ['<sip:a@b>', '', 'sip:a@b', ''],
    ['<sip:a@b;lr?x=y>;tag=1', '', 'sip:a@b;lr?x=y', ';tag=1'],
    ['"Alice" <sip:a@b>;tag=1', '"Alice"', 'sip:a@b', ';tag=1'],
    ['"Alice"<sip:a@b>', '"Alice"', 'sip:a@b', ''],
    ['caller<sip:caller@example.com>;tag=323', 'caller', 'sip:caller@example.com', ';tag=323'],
    ['A. G. Bell <sip:a@b>', 'A. G. Bell', 'sip:a@b', ''],
    ['Zo\xc3\xab \xc3\xa0 <sip:a@b>', 'Zo\xc3\xab \xc3\xa0', 'sip:a@b', ''],
    ['\xa0<sip:a@b>', '\xa0', 'sip:a@b', ''],
    ['"J Rosenberg \\\\\\"" <sip:a@b> ; tag = x', '"J Rosenberg \\\\\\""', 'sip:a@b', '; tag = x'],
    ['"<sip:x@y>;tag=0" <sip:a@b>', '"<sip:x@y>;tag=0"', 'sip:a@b', ''],
    ['"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f" <sip:a@b>', '"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f"', 'sip:a@b', ''],
    ['""<sip:a@b>', '""', 'sip:a@b', ''],
    ['sip:a@b', '', 'sip:a@b', ''],
    ['sip:a@b;tag=1;x', '', 'sip:a@b', ';tag=1;x'],
    ['sip:a@b ;\ttag = 1', '', 'sip:a@b', ';\ttag = 1'],
    ['tel:+1;ext=2', '', 'tel:+1', ';ext=2'],
    ['<http://www.example.com>;tag=3', '', 'http://www.example.com', ';tag=3'],
    ['<sip:a@b>;x="a,b>";tag=1', '', 'sip:a@b', ';x="a,b>";tag=1'],
    ['*', '', '*', ''],
  ])('§20.10: %j', (text, display, uri, parameters) => {
    expect(parts(parseNameAddr(text))).toEqual([display, uri, parameters])
    expect(parseNameAddr(text)?.text).toBe(text)
  })

  test.each([
    '',
    '"',
    '"Alice',
    '"Alice\\"',
    '"Alice"',
    '"Alice" sip:a@b',
    '"Mr. J. User <sip:a@b>',
    '"Alice" x <sip:a@b>',
    'x "Alice" <sip:a@b>',
    'Bell, Alexander <sip:a@b>',
    'sip:x@y <sip:a@b>',
    '<sip:a@b',
    '"a\0" <sip:a@b>',
    '<sip:a@b>;x=\0',
    'a\0 <sip:a@b>',
    'sip:a@b>',
    '>sip:a@b<',
    '<sip:a@b> tag=1',
    '<sip:a@b>x',
    '<sip:a@b>,<sip:c@d>',
    '<sip:a@b>;x="',
    'sip:a@b;x="',
    'sip:a@b?Subject=x',
    'sip:a,b@c',
    'sip:a b@c',
    'sip:a\tb@c',
    ';tag=1',
    ' ;tag=1',
  ])('§20.10: %j is malformed', (text) => {
    expect(parseNameAddr(text)).toBeUndefined()
  })

  test('§19.3: the tag is a parameter of the header, not of the URI in brackets', () => {
    expect(tagOf(parseNameAddr('<sip:a@b;tag=1>')!)).toBeUndefined()
    expect(tagOf(parseNameAddr('<sip:a@b;tag=1>;TAG = 2')!)).toBe('2')
    expect(tagOf(parseNameAddr('sip:a@b;tag=1')!)).toBe('1')
    expect(tagOf(parseNameAddr('<sip:a@b>;tag=')!)).toBe('')
  })
})

describe('lists', () => {
  const uris = (text: string) => parseNameAddrs(text)?.map((one) => one.uri)

  test('§7.3.1: values are separated by commas outside quotes and brackets', () => {
    expect(uris('<sip:a@b>')).toEqual(['sip:a@b'])
    expect(uris('<sip:a@b>,<sip:c@d>;x=1 ,\t"e, f" <sip:g,h@i>')).toEqual(['sip:a@b', 'sip:c@d', 'sip:g,h@i'])
    expect(uris('sip:a@b, sip:c@d;x="1,2"')).toEqual(['sip:a@b', 'sip:c@d'])
    expect(uris('"\\"," <sip:a@b>, <sip:c@d>')).toEqual(['sip:a@b', 'sip:c@d'])
    expect(uris('<sip:a"b@c>,<sip:d@e>')).toEqual(['sip:a"b@c', 'sip:d@e'])
  })

  test.each([
    '',
    ',',
    '<sip:a@b>,',
    ',<sip:a@b>',
    '<sip:a@b>,,<sip:c@d>',
    '<sip:a@b>, ',
    '<sip:a@b>,<sip:c@d',
    '<sip:a@b>,"',
    '<sip:a@b>;x=",<sip:c@d>',
  ])('§7.3.1: a list of %j is malformed', (text) => {
    expect(parseNameAddrs(text)).toBeUndefined()
  })

  test('each value has its own text, without comma and white space', () => {
    expect(parseNameAddrs(' <sip:a@b> ; x , \tsip:c@d ')?.map((one) => one.text)).toEqual(['<sip:a@b> ; x', 'sip:c@d'])
  })
})
