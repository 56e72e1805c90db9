import { describe, expect, test } from 'vitest'
import { formsOf, Myself } from '../../../src/address/myself.ts'
import { parseUri, type SipUri } from '../../../src/sip/uri.ts'
import { LISTENERS, listener, myself } from '../routing/support.ts'

const uri = (text: string): SipUri => parseUri(text) as SipUri
const named = (text: string, who = myself) => who.listenerOf(uri(text))?.name

describe('the listener that a URI names', () => {
  test.each(LISTENERS)('A4: $name recognises all that it prints, whatever the case', (one) => {
    for (const as of [undefined, ...one.names]) {
      expect(named(one.routeUri(';lr', as))).toBe(one.name)
      expect(named(one.contactUri(as).toUpperCase().replace('SIP:', 'sip:'))).toBe(one.name)
    }
  })

  test.each([
    // transport and port given
    ['sip:10.0.0.5:5060', 'lan/udp'],
    ['sip:10.0.0.5:5060;transport=UDP', 'lan/udp'],
    ['sip:10.0.0.5:5060;Transport=TCP', 'lan/tcp'],
    ['sip:sbc.example.com:5061;transport=TLS', 'pub/tls'],
    ['sip:SBC.EXAMPLE.COM.:5061;transport=tls', 'pub/tls'],
    ['sip:sbc.example.com:443;transport=ws', 'web/wss'],
    ['sip:sbc.example.com:443;transport=wss', 'web/wss'],
    ['sip:sbc.example.com:443;transport=WSS', 'web/wss'],
    // the bound address of a listener that advertises a name
    ['sip:10.0.0.5:5061;transport=tls', 'pub/tls'],
    ['sip:10.0.0.5:443;transport=ws', 'web/wss'],
    // tenants
    ['sip:tenant1.example.net:5061;transport=tls', 'pub/tls'],
    ['sip:tenant2.example.net;transport=tls', 'pub/tls'],
    // no transport: UDP where there is UDP, else whatever listens there
    ['sip:sbc.example.com:5061', 'pub/tls'],
    ['sip:sbc.example.com:443', 'web/wss'],
    // no port: the default of the transport; a name may have SRV records
    ['sip:10.0.0.5', 'lan/udp'],
    ['sip:10.0.0.5;transport=tcp', 'lan/tcp'],
    ['sip:10.0.0.5;transport=tls', 'pub/tls'],
    ['sip:sbc.example.com', 'pub/tls'],
    ['sip:sbc.example.com;transport=ws', 'web/wss'],
    ['sip:sbc.example.com;transport=wss', 'web/wss'],
    // sips is TLS, also with transport=tcp (§26.2.2)
    ['sips:sbc.example.com', 'pub/tls'],
    ['sips:sbc.example.com:5061', 'pub/tls'],
    ['sips:sbc.example.com:5061;transport=tcp', 'pub/tls'],
    ['sips:sbc.example.com:443;transport=ws', 'web/wss'],
    // IPv6 in any spelling
    ['sip:[2001:db8::5]', 'six/udp'],
    ['sip:[2001:DB8:0:0::5]:5060', 'six/udp'],
    ['sip:[2001:0db8:0000::0005]:5060;lr', 'six/udp'],
    // user and parameters do not matter
    ['sip:token@10.0.0.5:5060;lr;x=y', 'lan/udp'],
  ])('T2: %s is %s', (text, name) => {
    expect(named(text)).toBe(name)
  })

  test.each([
    ['another host', 'sip:10.0.0.6:5060'],
    ['a port that we do not own', 'sip:10.0.0.5:5070'],
    ['a port of ours with another transport', 'sip:10.0.0.5:5061;transport=tcp'],
    ['a port of ours with another transport', 'sip:10.0.0.5:5060;transport=tls'],
    ['a transport that we do not know', 'sip:10.0.0.5:5060;transport=sctp'],
    ['a name that ends like ours', 'sip:evil-sbc.example.com:5061;transport=tls'],
    ['a name that begins like ours', 'sip:sbc.example.com.evil.net:5061;transport=tls'],
    ['our name as the user', 'sip:sbc.example.com@evil.net:5061;transport=tls'],
    ['sips over UDP', 'sips:10.0.0.5:5060;transport=udp'],
    ['sips on a plain port', 'sips:10.0.0.5:5060'],
    ['sips on a plain port', 'sips:10.0.0.5:5060;transport=tcp'],
    ['a wildcard', 'sip:0.0.0.0:5060'],
    ['another IPv6 address', 'sip:[2001:db8::50]:5060'],
  ])('T2: %s is foreign: %s', (_what, text) => {
    expect(named(text)).toBeUndefined()
  })

  test('T2: an address without a port is the default port, where another server may live; a name may be anything by SRV', () => {
    const beside = new Myself([
      listener('lan/udp', 'udp', '10.0.0.5', 5070),
      listener('pub/tls', 'tls', '10.0.0.5', 5063, { advertisedHost: 'sbc.example.com' }),
    ])
    expect(named('sip:10.0.0.5;lr', beside)).toBeUndefined()
    expect(beside.owns(uri('sip:10.0.0.5'))).toBe(false)
    expect(named('sip:10.0.0.5:5070;lr', beside)).toBe('lan/udp')
    expect(named('sip:sbc.example.com;lr', beside)).toBe('pub/tls')
    expect(named('sip:sbc.example.com;transport=TLS;lr', beside)).toBe('pub/tls')
    expect(named('sip:sbc.example.com;transport=tcp;lr', beside)).toBeUndefined()
    expect(beside.owns(uri('sip:sbc.example.com'))).toBe(true)
  })

  test('RFC 7118: ws without a port is the WebSocket listener on either default port, and never a TLS listener there', () => {
    const tls443 = new Myself([listener('pub/tls', 'tls', '10.0.0.5', 443, { advertisedHost: 'sbc.example.com' })])
    expect(named('sip:sbc.example.com;transport=ws', tls443)).toBeUndefined()
    const both = new Myself([listener('a/ws', 'ws', '10.0.0.5', 80), listener('a/wss', 'wss', '10.0.0.5', 443)])
    expect(named('sip:10.0.0.5;transport=ws', both)).toBe('a/ws')
    expect(named('sip:10.0.0.5;transport=wss', both)).toBe('a/wss')
    expect(named('sip:10.0.0.5:443;transport=ws', both)).toBe('a/wss')
  })

  test('A2: a wildcard socket is known by what it advertises alone', () => {
    const behind = listener('pub/udp', 'udp', '0.0.0.0', 5060, { advertisedHost: '203.0.113.5', advertisedPort: 5070 })
    expect(formsOf(behind)).toEqual([{ host: '203.0.113.5', port: 5070 }])
    expect(named('sip:203.0.113.5:5070', new Myself([behind]))).toBe('pub/udp')
  })

  test('of two listeners with the same form the first one counts; names find each', () => {
    const [first, second] = [listener('a/udp', 'udp', '10.0.0.5', 5060), listener('b/udp', 'udp', '10.0.0.5', 5060)]
    const twice = new Myself([first, second])
    expect(named('sip:10.0.0.5:5060', twice)).toBe('a/udp')
    expect(twice.named('b/udp')).toBe(second)
    expect(twice.named('c/udp')).toBeUndefined()
  })
})

describe('a Request-URI that is ours', () => {
  test.each([
    ['sip:10.0.0.5:5060;transport=tls', true],
    ['sip:10.0.0.5:5061', true],
    ['sip:[2001:DB8::0:5]:5060', true],
    ['sip:10.0.0.5', true],
    ['sip:[2001:db8::5]', true],
    ['sip:sbc.example.com', true],
    ['sips:tenant1.example.net', true],
    ['sip:10.0.0.5:5070', false],
    ['sip:sbc.example.com:5060', false],
    ['sip:example.com', false],
  ])('T2: %s: %s', (text, owned) => {
    expect(myself.owns(uri(text))).toBe(owned)
  })
})

test('§18.1.2: a Via is ours when we printed its sent-by', () => {
  expect(myself.printed('10.0.0.5', 5060)).toBe(true)
  expect(myself.printed('10.0.0.5', undefined)).toBe(true)
  expect(myself.printed('[2001:DB8:0::5]', 5060)).toBe(true)
  expect(myself.printed('SBC.example.com', 5061)).toBe(true)
  expect(myself.printed('tenant2.example.net', 5061)).toBe(true)
  expect(myself.printed('sbc.example.com', undefined)).toBe(false)
  expect(myself.printed('10.0.0.6', 5060)).toBe(false)
})
