import { describe, expect, test } from 'vitest'
import type { TransportName } from '../../../src/address/transports.ts'
import { localAddresses, parseHosts } from '../../../src/dns/hosts.ts'
import { arrange, isFixed, type Knowledge, literalDestination, walk } from '../../../src/dns/plan.ts'
import type { Answer, RecordType } from '../../../src/dns/records.ts'
import type { NextHop } from '../../../src/dns/types.ts'
import { answerFrom, naptrRecord, shown, srvRecord, type ZoneTable } from './fixture.ts'

const ALL: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']
const HOSTS = parseHosts('10.0.0.20 pbx\n10.0.0.21 both\n2001:db8::21 both')

const knowing = (zone: ZoneTable, asked: string[] = []): Knowledge => ({
  answer: <T extends RecordType>(type: T, name: string) => {
    asked.push(`${type} ${name}`)
    return answerFrom(zone, type, name) as Answer<T>
  },
  local: (name, family) => localAddresses(HOSTS, name, family),
})

/** The list, or the error's code. */
const walked = (
  hop: Partial<NextHop> & { readonly host: string },
  zone: ZoneTable,
  supported: readonly TransportName[] = ALL,
  families: readonly (4 | 6)[] = [4, 6],
): readonly string[] | string => {
  const result = walk({ secure: false, ...hop }, supported, families, knowing(zone))
  if (result.kind === 'missing') throw new Error('the table is complete')
  return result.kind === 'error' ? result.code : shown(arrange(result.plan, () => 0))
}

const A = 'A example.com'
const ZONE: ZoneTable = {
  'NAPTR example.com': [
    naptrRecord(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'),
    naptrRecord(90, 50, 'SIP+D2T', '_sip._tcp.example.com'),
    naptrRecord(100, 50, 'SIP+D2U', '_sip._udp.example.com'),
  ],
  'SRV _sips._tcp.example.com': [srvRecord(1, 0, 5061, 'tls.example.com')],
  'SRV _sip._tcp.example.com': [srvRecord(2, 0, 5070, 'two.example.com'), srvRecord(1, 0, 5070, 'one.example.com')],
  'SRV _sip._udp.example.com': [srvRecord(1, 0, 5080, 'one.example.com')],
  [A]: ['192.0.2.100'],
  'A tls.example.com': ['192.0.2.10'],
  'A one.example.com': ['192.0.2.1'],
  'A two.example.com': ['192.0.2.2', '192.0.2.3'],
  'A old.example.com': ['192.0.2.50'],
  'AAAA old.example.com': ['2001:db8::50'],
  'SRV _sip._tcp.srv.example.com': [srvRecord(1, 0, 5071, 'one.example.com')],
  'SRV _sips._tcp.srv.example.com': [srvRecord(1, 0, 5072, 'tls.example.com')],
  'A srv.example.com': ['192.0.2.101'],
}

describe('RFC 3263 §4.1: transport', () => {
  test.each<[string, Partial<NextHop> & { readonly host: string }, readonly TransportName[], readonly string[] | string]>([
    ['a literal is UDP for sip, with the default port', { host: '192.0.2.7' }, ALL, ['udp 192.0.2.7:5060']],
    ['a literal is TLS for sips', { host: '192.0.2.7', secure: true }, ALL, ['tls 192.0.2.7:5061']],
    ['a literal keeps its port', { host: '192.0.2.7', port: 5099 }, ALL, ['udp 192.0.2.7:5099']],
    ['a literal keeps its transport', { host: '192.0.2.7', transport: 'tcp' }, ALL, ['tcp 192.0.2.7:5060']],
    ['a literal with everything', { host: '2001:db8::7', port: 5099, transport: 'tls' }, ALL, ['tls [2001:db8::7]:5099']],
    ['a literal in brackets', { host: '[2001:db8::7]' }, ALL, ['udp [2001:db8::7]:5060']],
    ['RFC 7118 §8: a literal with transport ws has port 80', { host: '192.0.2.7', transport: 'ws' }, ALL, ['ws 192.0.2.7:80']],
    ['RFC 7118 §8: sips with transport ws has port 443', { host: '192.0.2.7', transport: 'ws', secure: true }, ALL, ['wss 192.0.2.7:443']],
    ['a port means no NAPTR and no SRV: UDP for sip', { host: 'example.com', port: 5060 }, ALL, ['udp 192.0.2.100:5060']],
    ['a port means no NAPTR and no SRV: TLS for sips', { host: 'example.com', port: 5061, secure: true }, ALL, ['tls 192.0.2.100:5061']],
    ['port and transport', { host: 'example.com', port: 5062, transport: 'tcp' }, ALL, ['tcp 192.0.2.100:5062']],
    ['port alone toward a zone without UDP', { host: 'example.com', port: 5061 }, ['tls'], ['tls 192.0.2.100:5061']],
    ['a transport means SRV for it, no NAPTR', { host: 'example.com', transport: 'udp' }, ALL, ['udp 192.0.2.1:5080']],
    ['transport=tls asks for _sips._tcp', { host: 'example.com', transport: 'tls' }, ALL, ['tls 192.0.2.10:5061']],
    ['sips and transport=tcp ask for _sips._tcp', { host: 'example.com', transport: 'tcp', secure: true }, ALL, ['tls 192.0.2.10:5061']],
    [
      'a transport without SRV: the addresses at its default port',
      { host: 'old.example.com', transport: 'tls' },
      ALL,
      ['tls 192.0.2.50:5061', 'tls [2001:db8::50]:5061'],
    ],
    ['nothing said: NAPTR decides', { host: 'example.com' }, ALL, ['tls 192.0.2.10:5061']],
    [
      'nothing said: NAPTR among what we have',
      { host: 'example.com' },
      ['udp', 'tcp'],
      ['tcp 192.0.2.1:5070', 'tcp 192.0.2.2:5070', 'tcp 192.0.2.3:5070'],
    ],
    ['sips: NAPTR discards what is not SIPS', { host: 'example.com', secure: true }, ALL, ['tls 192.0.2.10:5061']],
    [
      'no usable NAPTR: SRV of each transport, in the order of the zone',
      { host: 'srv.example.com' },
      ['udp', 'tls', 'tcp'],
      ['tls 192.0.2.10:5072', 'tcp 192.0.2.1:5071'],
    ],
    ['no NAPTR, sips: SRV of the secure transports only', { host: 'srv.example.com', secure: true }, ALL, ['tls 192.0.2.10:5072']],
    [
      'no NAPTR, no SRV: the addresses, UDP for sip',
      { host: 'old.example.com' },
      ['tcp', 'udp'],
      ['udp 192.0.2.50:5060', 'udp [2001:db8::50]:5060'],
    ],
    [
      'no NAPTR, no SRV: the addresses, TLS for sips',
      { host: 'old.example.com', secure: true },
      ALL,
      ['tls 192.0.2.50:5061', 'tls [2001:db8::50]:5061'],
    ],
    [
      'no NAPTR, no SRV, no UDP: the first transport of the zone',
      { host: 'old.example.com' },
      ['tcp', 'tls'],
      ['tcp 192.0.2.50:5060', 'tcp [2001:db8::50]:5060'],
    ],
    [
      'case and final dot of a name do not count',
      { host: 'OLD.Example.com.', port: 5060 },
      ['udp'],
      ['udp 192.0.2.50:5060', 'udp [2001:db8::50]:5060'],
    ],
    ['a transport that the zone lacks', { host: 'example.com', transport: 'udp' }, ['tls'], 'SBC_RESOLVE_NO_TRANSPORT'],
    ['sips toward a zone without TLS', { host: '192.0.2.7', secure: true }, ['udp', 'tcp'], 'SBC_RESOLVE_NO_TRANSPORT'],
    ['a name that does not exist', { host: 'nowhere.example.com' }, ALL, 'SBC_RESOLVE_NOT_FOUND'],
    ['a name that is none', { host: 'not a name' }, ALL, 'SBC_RESOLVE_BAD_NAME'],
    ['an empty name', { host: '' }, ALL, 'SBC_RESOLVE_BAD_NAME'],
    ['a label of 64 characters', { host: `${'a'.repeat(64)}.com` }, ALL, 'SBC_RESOLVE_BAD_NAME'],
  ])('%s', (_name, hop, supported, expected) => {
    expect(walked(hop, ZONE, supported)).toEqual(expected)
  })

  test('a literal never asks anything', () => {
    const asked: string[] = []
    walk({ host: '192.0.2.7', secure: false }, ALL, [4], knowing(ZONE, asked))
    expect(asked).toEqual([])
  })

  test('the short way for literals gives what the walk gives', () => {
    for (const hop of [
      { host: '192.0.2.7', secure: false },
      { host: '2001:db8::7', secure: true, port: 5099 },
      { host: '192.0.2.7', secure: false, transport: 'ws' as const },
    ]) {
      expect(shown([literalDestination(hop, ALL, [4, 6])!])).toEqual(walked(hop, {}))
    }
    expect(literalDestination({ host: 'example.com', secure: false }, ALL, [4])).toBeUndefined()
    expect(literalDestination({ host: 'pbx1', secure: false }, ALL, [4])).toBeUndefined()
    expect(literalDestination({ host: '192.0.2.7', secure: false }, ALL, [6])).toBeUndefined()
    expect(literalDestination({ host: '192.0.2.7', secure: true }, ['udp'], [4])).toBeUndefined()
  })

  test('RFC 5922 §7: the destination keeps the name of the URI, not the target of SRV', () => {
    const result = walk({ host: 'Example.com', secure: true }, ALL, [4], knowing(ZONE))
    expect(result.kind === 'plan' && arrange(result.plan, () => 0)[0]?.host).toBe('example.com')
  })
})

describe('RFC 3263 §4.2 and §4.3: the list', () => {
  const servers = (...records: readonly ReturnType<typeof srvRecord>[]): ZoneTable => ({
    'SRV _sip._udp.example.com': records,
    'A a.example.com': ['192.0.2.1'],
    'A b.example.com': ['192.0.2.2'],
    'AAAA b.example.com': ['2001:db8::2'],
  })
  const hop = { host: 'example.com', transport: 'udp' as const }

  test('all servers of all priorities stand in the list, for failover', () => {
    expect(walked(hop, servers(srvRecord(20, 0, 5060, 'a.example.com'), srvRecord(10, 0, 5062, 'b.example.com')))).toEqual([
      'udp 192.0.2.2:5062',
      'udp [2001:db8::2]:5062',
      'udp 192.0.2.1:5060',
    ])
  })

  test('a server without an address is left out', () => {
    expect(walked(hop, servers(srvRecord(1, 0, 5060, 'gone.example.com'), srvRecord(2, 0, 5060, 'a.example.com')))).toEqual([
      'udp 192.0.2.1:5060',
    ])
  })

  test('SRV records whose servers have no address are no reason to use the domain itself', () => {
    const zone = { ...servers(srvRecord(1, 0, 5060, 'gone.example.com')), [A]: ['192.0.2.100'] }
    expect(walked(hop, zone)).toBe('SBC_RESOLVE_NOT_FOUND')
  })

  test('RFC 2782: the target "." says that there is no such service', () => {
    const zone = { ...servers(srvRecord(0, 0, 0, '.')), [A]: ['192.0.2.100'] }
    expect(walked(hop, zone)).toBe('SBC_RESOLVE_NO_SERVICE')
  })

  test('RFC 2782: "." for one transport leaves the others', () => {
    const zone = { ...servers(srvRecord(0, 0, 0, '.')), 'SRV _sip._tcp.example.com': [srvRecord(0, 0, 5060, 'a.example.com')] }
    expect(walked({ host: 'example.com' }, zone)).toEqual(['tcp 192.0.2.1:5060'])
  })

  test('several NAPTR records of one order: the transports one after the other, as the domain prefers', () => {
    const zone = {
      ...ZONE,
      'NAPTR example.com': [
        naptrRecord(10, 20, 'SIP+D2U', '_sip._udp.example.com'),
        naptrRecord(10, 10, 'SIPS+D2T', '_sips._tcp.example.com'),
      ],
    }
    expect(walked({ host: 'example.com' }, zone)).toEqual(['tls 192.0.2.10:5061', 'udp 192.0.2.1:5080'])
  })

  test('NAPTR records that lead to no SRV record are passed over', () => {
    const zone = { ...ZONE, 'NAPTR old.example.com': [naptrRecord(1, 1, 'SIP+D2U', 'nothing.example.com')] }
    expect(walked({ host: 'old.example.com' }, zone, ALL, [4])).toEqual(['udp 192.0.2.50:5060'])
  })

  test('two records that lead to one address are one destination', () => {
    expect(walked(hop, servers(srvRecord(1, 0, 5060, 'a.example.com'), srvRecord(2, 0, 5060, 'a.example.com')))).toEqual([
      'udp 192.0.2.1:5060',
    ])
  })

  test('a hostile domain cannot make us look up any number of servers', () => {
    const asked: string[] = []
    const many = Array.from({ length: 300 }, (_, i) => srvRecord(1, 1, 5060, `h${i}.example.com`))
    walk({ ...hop, secure: false }, ALL, [4], knowing(servers(...many), asked))
    expect(asked.filter((question) => question.startsWith('A '))).toHaveLength(16)
  })

  test('targets that are no names, and port 0, are never asked for', () => {
    const asked: string[] = []
    walk({ ...hop, secure: false }, ALL, [4], knowing(servers(srvRecord(1, 1, 5060, 'a b'), srvRecord(1, 1, 0, 'a.example.com')), asked))
    expect(asked).toEqual(['SRV _sip._udp.example.com'])
  })

  test('the families take turns, beginning with the first one asked for; within one the order of the answer stays', () => {
    const zone = { 'A x.test': ['192.0.2.1', '192.0.2.2', '192.0.2.3'], 'AAAA x.test': ['2001:db8::1'] }
    expect(walked({ host: 'x.test', port: 1 }, zone, ['udp'], [4, 6])).toEqual([
      'udp 192.0.2.1:1',
      'udp [2001:db8::1]:1',
      'udp 192.0.2.2:1',
      'udp 192.0.2.3:1',
    ])
    expect(walked({ host: 'x.test', port: 1 }, zone, ['udp'], [6, 4])[0]).toBe('udp [2001:db8::1]:1')
  })

  test('only families that a listener can reach are asked for and returned', () => {
    const zone = { 'A x.test': ['192.0.2.1'], 'AAAA x.test': ['2001:db8::1'] }
    expect(walked({ host: 'x.test', port: 1 }, zone, ['udp'], [6])).toEqual(['udp [2001:db8::1]:1'])
    expect(walked({ host: '192.0.2.1' }, zone, ['udp'], [6])).toBe('SBC_RESOLVE_NO_FAMILY')
    expect(walked({ host: '192.0.2.1' }, zone, ['udp'], [])).toBe('SBC_RESOLVE_NO_FAMILY')
    expect(walked({ host: 'x.test' }, zone, ['udp'], [])).toBe('SBC_RESOLVE_NO_FAMILY')
    expect(walked({ host: 'v4.test', port: 1 }, { 'A v4.test': ['192.0.2.1'] }, ['udp'], [6])).toBe('SBC_RESOLVE_NOT_FOUND')
  })

  test('a draw by weight is made only where there is one', () => {
    const fixed = (zone: ZoneTable): boolean => {
      const result = walk({ ...hop, secure: false }, ALL, [4], knowing(zone))
      return result.kind === 'plan' && isFixed(result.plan)
    }
    expect(fixed(servers(srvRecord(1, 9, 5060, 'a.example.com'), srvRecord(2, 9, 5060, 'b.example.com')))).toBe(true)
    expect(fixed(servers(srvRecord(1, 9, 5060, 'a.example.com'), srvRecord(1, 9, 5060, 'b.example.com')))).toBe(false)
  })
})

describe('names of the hosts file', () => {
  test('DEVIATION: they are neither asked for NAPTR and SRV nor for addresses', () => {
    const asked: string[] = []
    const result = walk({ host: 'pbx', secure: false }, ALL, [4, 6], knowing(ZONE, asked))
    expect(result.kind === 'plan' && shown(arrange(result.plan, () => 0))).toEqual(['udp 10.0.0.20:5060'])
    expect(asked).toEqual([])
  })

  test('an SRV target can be one', () => {
    expect(walked({ host: 'example.com', transport: 'udp' }, { 'SRV _sip._udp.example.com': [srvRecord(1, 1, 5066, 'both')] })).toEqual([
      'udp 10.0.0.21:5066',
      'udp [2001:db8::21]:5066',
    ])
  })

  test('RFC 6761 §6.3: localhost needs no file', () => {
    expect(walked({ host: 'localhost' }, {})).toEqual(['udp 127.0.0.1:5060', 'udp [::1]:5060'])
  })

  test('one that the file has in another family only is asked for in the DNS', () => {
    expect(walked({ host: 'pbx', port: 1 }, { 'AAAA pbx': ['2001:db8::9'] }, ['udp'], [6])).toEqual(['udp [2001:db8::9]:1'])
  })
})

describe('when servers fail', () => {
  test.each<[string, ZoneTable, readonly string[] | string]>([
    ['DEVIATION: a failed NAPTR question leads to SRV', { ...ZONE, 'NAPTR srv.example.com': 'timeout' }, ['tcp 192.0.2.1:5071']],
    [
      'DEVIATION: failed SRV questions lead to the addresses',
      { 'SRV _sip._udp.srv.example.com': 'SERVFAIL', 'A srv.example.com': ['192.0.2.101'] },
      ['udp 192.0.2.101:5060'],
    ],
    [
      'a failed AAAA question leaves the IPv4 addresses',
      { 'A srv.example.com': ['192.0.2.101'], 'AAAA srv.example.com': 'timeout' },
      ['udp 192.0.2.101:5060'],
    ],
    ['a timeout and no address is a timeout', { 'A srv.example.com': 'timeout' }, 'SBC_RESOLVE_TIMEOUT'],
    ['a failure and no address is a failure, not "not found"', { 'AAAA srv.example.com': 'SERVFAIL' }, 'SBC_RESOLVE_FAILED'],
    ['a failed SRV question and no address is a failure', { 'SRV _sip._tcp.srv.example.com': 'SERVFAIL' }, 'SBC_RESOLVE_FAILED'],
  ])('%s', (_name, zone, expected) => {
    expect(walked({ host: 'srv.example.com' }, zone, ['udp', 'tcp'])).toEqual(expected)
  })

  test('an error is a sentence with the name', () => {
    const result = walk({ host: 'nowhere.example.com', port: 5060, secure: false }, ['udp'], [4], knowing({}))
    expect(result).toMatchObject({ kind: 'error', message: '"nowhere.example.com" has no IPv4 address' })
    const transport = walk({ host: 'pbx.example.com', transport: 'udp', secure: true }, ['udp', 'tcp'], [4], knowing({}))
    expect(transport).toMatchObject({
      message: '"pbx.example.com" needs transport udp from a sips URI; the listeners towards it have udp, tcp',
    })
  })
})

describe('what is not known yet is told', () => {
  /** Knows only the questions in `known`. */
  const missing = (known: ZoneTable): readonly string[] => {
    const knowledge: Knowledge = {
      answer: <T extends RecordType>(type: T, name: string) =>
        `${type} ${name}` in known ? (answerFrom(known, type, name) as Answer<T>) : undefined,
      local: () => undefined,
    }
    const result = walk({ host: 'example.com', secure: false }, ['udp', 'tcp'], [4, 6], knowledge)
    return result.kind === 'missing' ? result.questions.map(({ type, name }) => `${type} ${name}`) : []
  }

  test('first NAPTR, then SRV of all transports at once, then all addresses at once', () => {
    expect(missing({})).toEqual(['NAPTR example.com'])
    const noNaptr = { 'NAPTR example.com': [] }
    expect(missing(noNaptr)).toEqual(['SRV _sip._udp.example.com', 'SRV _sip._tcp.example.com'])
    expect(
      missing({
        ...noNaptr,
        'SRV _sip._udp.example.com': [srvRecord(1, 1, 1, 'a.example.com')],
        'SRV _sip._tcp.example.com': [srvRecord(1, 1, 1, 'b.example.com')],
      }),
    ).toEqual(['A a.example.com', 'AAAA a.example.com', 'A b.example.com', 'AAAA b.example.com'])
  })
})
