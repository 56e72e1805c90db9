import { describe, expect, test } from 'vitest'
import type { TransportName } from '../../../src/address/transports.ts'
import type { NaptrRecord } from '../../../src/dns/records.ts'
import { defaultTransport, naptrChoices, srvName, usableTransports } from '../../../src/dns/select.ts'

const ALL: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']

describe('which transports may carry a next hop', () => {
  test.each<[string, TransportName | undefined, boolean, readonly TransportName[], readonly TransportName[]]>([
    [
      'RFC 3263 §4.1: a sip URI without transport leaves the choice among all of the zone',
      undefined,
      false,
      ['tcp', 'udp'],
      ['tcp', 'udp'],
    ],
    ['RFC 3263 §4.1: a sips URI without transport leaves the secure ones', undefined, true, ALL, ['tls', 'wss']],
    ['RFC 3263 §4.1: an explicit transport is used', 'tcp', false, ALL, ['tcp']],
    ['RFC 3263 §4.1: an explicit transport that the zone lacks cannot be replaced', 'udp', false, ['tcp', 'tls'], []],
    ['§26.2.2: sips with transport=tcp is TLS', 'tcp', true, ALL, ['tls']],
    ['§26.2.2: sips with transport=udp cannot be served', 'udp', true, ALL, []],
    ['§26.2.2: sips finds nothing in a zone without a secure transport', undefined, true, ['udp', 'tcp', 'ws'], []],
    ['RFC 7118 §5.2.4: sips with transport=ws is WSS', 'ws', true, ALL, ['wss']],
    ['RFC 7118 §5.2.4: sip with transport=ws is WS where there is WS', 'ws', false, ALL, ['ws']],
    ['RFC 7118 §5.2.4: sip with transport=ws is WSS where there is only WSS', 'ws', false, ['udp', 'wss'], ['wss']],
    ['RFC 7118 §5.2.4: WSS is never replaced by WS', 'wss', false, ['udp', 'ws'], []],
  ])('%s', (_name, transport, secure, supported, expected) => {
    expect(usableTransports({ host: 'example.com', secure, ...(transport && { transport }) }, supported)).toEqual(expected)
  })

  test.each<[string, boolean, readonly TransportName[], TransportName]>([
    ['RFC 3263 §4.1: UDP for sip', false, ['tcp', 'udp'], 'udp'],
    ['RFC 3263 §4.1: TLS for sips', true, ['wss', 'tls'], 'tls'],
    ['RFC 3263 §4.1: the first of a zone without UDP', false, ['tls', 'tcp'], 'tls'],
    ['RFC 7118 §8: WSS for sips in a zone of browsers', true, ['wss'], 'wss'],
  ])('the transport that nobody names: %s', (_name, secure, usable, expected) => {
    expect(defaultTransport(secure, usable)).toBe(expected)
  })

  test.each<[TransportName, string]>([
    ['udp', '_sip._udp.example.com'],
    ['tcp', '_sip._tcp.example.com'],
    ['tls', '_sips._tcp.example.com'],
    ['ws', '_sip._ws.example.com'],
    ['wss', '_sips._wss.example.com'],
  ])('RFC 3263 §4.1: the SRV query for %s asks for %s', (transport, expected) => {
    expect(srvName(transport, 'example.com')).toBe(expected)
  })
})

describe('NAPTR', () => {
  const record = (order: number, preference: number, service: string, replacement: string, flags = 's'): NaptrRecord => ({
    order,
    preference,
    flags,
    service,
    replacement,
  })
  // the example of RFC 3263 §4.1
  const EXAMPLE = [
    record(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'),
    record(90, 50, 'SIP+D2T', '_sip._tcp.example.com'),
    record(100, 50, 'SIP+D2U', '_sip._udp.example.com'),
  ]

  test.each<[string, readonly NaptrRecord[], readonly TransportName[], readonly string[]]>([
    [
      'RFC 3263 §4.1: of the example, a client with TLS, TCP and UDP takes TLS',
      EXAMPLE,
      ['udp', 'tcp', 'tls'],
      ['tls _sips._tcp.example.com'],
    ],
    ['RFC 3263 §4.1: of the example, a client with TCP and UDP takes TCP', EXAMPLE, ['tcp', 'udp'], ['tcp _sip._tcp.example.com']],
    ['RFC 3263 §4.1: records of transports that we do not have are discarded', EXAMPLE, ['ws'], []],
    [
      'RFC 7118 §8: SIP+D2W and SIPS+D2W are WebSocket',
      [record(1, 2, 'SIP+D2W', 'w.example.com'), record(1, 1, 'SIPS+D2W', 's.example.com')],
      ['ws', 'wss'],
      ['wss s.example.com', 'ws w.example.com'],
    ],
    [
      'RFC 3403 §4.1: within an order the lower preference is first, whatever the zone prefers',
      [record(10, 20, 'SIP+D2U', 'u.example.com'), record(10, 10, 'SIP+D2T', 't.example.com')],
      ['udp', 'tcp'],
      ['tcp t.example.com', 'udp u.example.com'],
    ],
    [
      'RFC 3403 §4.1: a higher order does not count once a lower one fits',
      [record(10, 10, 'SIP+D2U', 'u.example.com'), record(20, 1, 'SIP+D2T', 't.example.com')],
      ['udp', 'tcp'],
      ['udp u.example.com'],
    ],
    [
      'RFC 3403 §4.1: service and flags are compared without case',
      [record(1, 1, 'sip+d2u', 'u.example.com', 'S')],
      ['udp'],
      ['udp u.example.com'],
    ],
    [
      'RFC 3263 §4.1: other flags are not SIP',
      [record(1, 1, 'SIP+D2U', 'u.example.com', 'u'), record(1, 1, 'SIP+D2U', 'u.example.com', '')],
      ['udp'],
      [],
    ],
    ['RFC 3263 §4.1: a record without replacement leads nowhere', [record(1, 1, 'SIP+D2U', '.'), record(1, 1, 'SIP+D2U', '')], ['udp'], []],
    ['RFC 3263 §4.1: other services (E2U) are discarded', [record(1, 1, 'E2U+sip', 'u.example.com')], ['udp'], []],
  ])('%s', (_name, records, usable, expected) => {
    expect(naptrChoices(records, usable).map(({ transport, replacement }) => `${transport} ${replacement}`)).toEqual(expected)
  })

  test('a hostile domain cannot make us ask for any number of SRV names', () => {
    const many = Array.from({ length: 200 }, (_, i) => record(1, i, 'SIP+D2U', `u${i}.example.com`))
    expect(naptrChoices(many, ['udp'])).toHaveLength(8)
  })
})
