import { describe, expect, test } from 'vitest'
import { bareHost, hostText } from '../../../src/address/listener.ts'
import { parseUri } from '../../../src/sip/uri.ts'
import { parseVia } from '../../../src/sip/via.ts'
import { LISTENERS, lanTcp, lanUdp, listener, pubTls, sixUdp, web } from '../routing/support.ts'

describe('what a listener prints', () => {
  test('T6, A2: Via shows the transport of the leg and the advertised host and port, and asks for rport over UDP', () => {
    expect(lanUdp.via('z9hG4bK1')).toBe('SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport')
    expect(lanTcp.via('z9hG4bK1')).toBe('SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1')
    expect(sixUdp.via('z9hG4bK1')).toBe('SIP/2.0/UDP [2001:db8::5]:5060;branch=z9hG4bK1;rport')
    expect(pubTls.via('z9hG4bK1')).toBe('SIP/2.0/TLS sbc.example.com:5061;branch=z9hG4bK1')
    expect(web.via('z9hG4bK1')).toBe('SIP/2.0/WSS sbc.example.com:443;branch=z9hG4bK1')
  })

  test('T7: a route URI names the transport of its side, UDP by leaving it out', () => {
    expect(lanUdp.routeUri(';r2=on')).toBe('sip:10.0.0.5:5060;lr;r2=on')
    expect(pubTls.routeUri(';r2=on')).toBe('sip:sbc.example.com:5061;transport=tls;lr;r2=on')
    expect(web.routeUri('')).toBe('sip:sbc.example.com:443;transport=ws;lr')
    expect(sixUdp.routeUri('')).toBe('sip:[2001:db8::5]:5060;lr')
  })

  test('A1: a tenant changes the name and keeps the port', () => {
    expect(pubTls.via('b', 'tenant1.example.net')).toBe('SIP/2.0/TLS tenant1.example.net:5061;branch=b')
    expect(pubTls.routeUri('', 'tenant1.example.net')).toBe('sip:tenant1.example.net:5061;transport=tls;lr')
    expect(pubTls.contactUri('tenant1.example.net')).toBe('sip:tenant1.example.net:5061;transport=tls')
  })

  test('A2: the address of a wildcard or private socket appears nowhere', () => {
    const behind = listener('pub/udp', 'udp', '0.0.0.0', 5060, { advertisedHost: '203.0.113.5', advertisedPort: 5070 })
    const printed = [behind.via('b'), behind.routeUri(''), behind.contactUri(), behind.sentBy].join(' ')
    expect(printed).not.toContain('0.0.0.0')
    expect(printed.match(/203\.0\.113\.5:5070/g)).toHaveLength(4)
  })

  test.each(LISTENERS)('what $name prints can be read', (one) => {
    expect(parseVia(one.via('z9hG4bK1'))).toMatchObject({ transport: one.transport.via, branch: 'z9hG4bK1' })
    expect(parseUri(one.routeUri(';r2=on'))).toMatchObject({ scheme: 'sip', port: one.advertisedPort })
    expect(parseUri(one.contactUri())).toMatchObject({ scheme: 'sip', port: one.advertisedPort })
  })
})

describe('hosts', () => {
  test('§25.1: an IPv6 literal stands in brackets', () => {
    expect([hostText('::1'), hostText('10.0.0.1'), hostText('a.example')]).toEqual(['[::1]', '10.0.0.1', 'a.example'])
  })

  test.each([
    ['SBC.Example.COM', 'sbc.example.com'],
    ['sbc.example.com.', 'sbc.example.com'],
    ['10.0.0.5', '10.0.0.5'],
    ['[2001:DB8::5]', '2001:db8::5'],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::5'],
    ['[2001:0db8::0005]', '2001:db8::5'],
    ['[::ffff:10.0.0.5]', '10.0.0.5'],
    ['[::ffff:a00:5]', '10.0.0.5'],
    ['[fe80::1%25eth0]', 'fe80::1%25eth0'],
    ['', ''],
  ])('T2: %s is compared as %s', (written, compared) => {
    expect(bareHost(written)).toBe(compared)
  })
})
