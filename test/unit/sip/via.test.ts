import { describe, expect, test } from 'vitest'
import { parseVia, withReceived } from '../../../src/sip/via.ts'

describe('Via', () => {
  test.each([
    ['SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKa;rport', 'UDP', '10.0.0.20', 5060, 'z9hG4bKa'],
    ['SIP/2.0/TLS sbc.example.com:5061;branch=z9hG4bKa', 'TLS', 'sbc.example.com', 5061, 'z9hG4bKa'],
    ['SIP/2.0/WSS a1b2c3.invalid;branch=z9hG4bKa', 'WSS', 'a1b2c3.invalid', undefined, 'z9hG4bKa'],
    ['SIP/2.0/UDP host', 'UDP', 'host', undefined, undefined],
    ['SIP/2.0/UDP h', 'UDP', 'h', undefined, undefined],
    ['SIP/2.0/UDP [2001:db8::9:1];branch=b', 'UDP', '[2001:db8::9:1]', undefined, 'b'],
    ['SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=b', 'UDP', '[::ffff:192.0.2.10]', 19823, 'b'],
    ['SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=b', 'UDP', '[2001:db8::9:1]', undefined, 'b'],
    ['SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=b', 'UDP', '[2001:db8::9:1]', undefined, 'b'],
    ['SIP/2.0/SCTP a.example;branch=b', 'SCTP', 'a.example', undefined, 'b'],
    ['SIP/2.0/TLS-SCTP a.example;branch=b', 'TLS-SCTP', 'a.example', undefined, 'b'],
    ['SIP/2.0/UNKNOWN a.example;branch=b', 'UNKNOWN', 'a.example', undefined, 'b'],
    ['sip/2.0/udp A.example:5060;BRANCH=b', 'UDP', 'A.example', 5060, 'b'],
    ['SIP/2.0/Tcp a.example;branch=b', 'TCP', 'a.example', undefined, 'b'],
    ['SIP  /   2.0 /UDP    192.0.2.2;branch=390skdjuw', 'UDP', '192.0.2.2', undefined, '390skdjuw'],
    ['SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8', 'TCP', 'spindle.example.com', undefined, 'z9hG4bK9ikj8'],
    ['SIP/2.0/UDP a.example : 5060 ;branch=b', 'UDP', 'a.example', 5060, 'b'],
    ['SIP/2.0/UDP\ta.example;branch=b', 'UDP', 'a.example', undefined, 'b'],
    ['SIP/2.0/UDP a_b:05060;branch=b', 'UDP', 'a_b', 5060, 'b'],
    ["SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~", 'TCP', 'host1.example.com', undefined, "z9hG4bK-.!%66*_+`'~"],
    ['SIP/2.0/UDP a;x="b;branch=no";branch=yes', 'UDP', 'a', undefined, 'yes'],
    ['SIP/2.0/UDP a;comment=\xe4;branch=b', 'UDP', 'a', undefined, 'b'],
  ])('§20.42: %s', (text, transport, host, port, branch) => {
    expect(parseVia(text)).toMatchObject({ transport, host, port, branch, text })
  })

  test('the parameters end the text, so that both can be put together again', () => {
    for (const text of ['SIP/2.0/UDP a', 'SIP/2.0/UDP a ; x', 'SIP/2.0/UDP [::1]:5;x=";"', 'sip / 2.0 / udp a : 5 ;;x'])
      expect(text.endsWith(parseVia(text)!.parameters)).toBe(true)
  })

  test.each([
    '',
    'SIP/2.0',
    'SIP/2.0/',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0/ a',
    'SIP/2.0/U(DP a',
    'SIP/7.0/UDP a',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a:',
    'SIP/2.0/UDP a:0',
    'SIP/2.0/UDP a:65536',
    'SIP/2.0/UDP a:5060x',
    'SIP/2.0/UDP a:50 60',
    'SIP/2.0/UDP a:-1',
    'SIP/2.0/UDP ;branch=b',
    'SIP/2.0/UDP :5060',
    'SIP/2.0/UDP 2001:db8::1',
    'SIP/2.0/UDP [2001:db8::1',
    'SIP/2.0/UDP [2001:db8:::1]',
    'SIP/2.0/UDP []',
    'SIP/2.0/UDP [::1]a',
    'SIP/2.0/UDP [::1]5060',
    'SIP/2.0/UDP a..b',
    'SIP/2.0/UDP a-.b',
    'SIP/2.0/UDP 10.0.0.256',
    'SIP/2.0/UDP 192.0.2.15;;,;,,"',
    'SIP/2.0/UDP a;x="open',
    'SIP/2.0/UDP a branch=b',
    'SIP/2.0/UDP a,SIP/2.0/UDP b',
    'SIP/2.0/UDP\xa0a',
    'SIP/2.0/UDP a\xa0',
    'HTTP/2.0/TCP a',
    'SIP/2.0/UDP  ',
    'xSIP/2.0/UDP a',
    'SIP/2.0/UDP a;x=\0;branch=b',
    'SIP / 2.0/UDP a;x="\\\0"',
  ])('§20.42: %j is malformed', (text) => {
    expect(parseVia(text)).toBeUndefined()
  })
})

describe('§18.2.1, RFC 3581 §4: what the server adds', () => {
  const add = (text: string, asked: boolean) => withReceived(parseVia(text)!, '192.0.2.9', 4711, asked)

  test('received is added, or replaces what a client claimed', () => {
    expect(add('SIP/2.0/UDP a;branch=b', false)).toBe('SIP/2.0/UDP a;branch=b;received=192.0.2.9')
    expect(add('SIP/2.0/UDP a;received=127.0.0.1;branch=b;Received=1.1.1.1', false)).toBe('SIP/2.0/UDP a;received=192.0.2.9;branch=b')
    expect(add('SIP/2.0/UDP a', false)).toBe('SIP/2.0/UDP a;received=192.0.2.9')
  })

  test('rport gets its value at its place, only when it was asked for', () => {
    expect(add('SIP/2.0/UDP a;rport;branch=b', true)).toBe('SIP/2.0/UDP a;rport=4711;branch=b;received=192.0.2.9')
    expect(add('SIP/2.0/UDP a;RPORT = 1;branch=b', true)).toBe('SIP/2.0/UDP a;rport=4711;branch=b;received=192.0.2.9')
    expect(add('SIP/2.0/UDP a;rport=1;branch=b', false)).toBe('SIP/2.0/UDP a;rport=1;branch=b;received=192.0.2.9')
  })

  test('all else is byte for byte as it came', () => {
    expect(add('sip / 2.0/udp  A.example : 05060 ; X="\\"" ;branch = b', false)).toBe(
      'sip / 2.0/udp  A.example : 05060 ; X="\\"" ;branch = b;received=192.0.2.9',
    )
  })
})
