import { describe, expect, it } from 'vitest'
import { covers } from '../../teams-hub/identity.ts'
import {
  createFramer,
  headerOf,
  parameterOf,
  readMessage,
  tagOf,
  uriOf,
  uriPartsOf,
  valuesOf,
  writeMessage,
} from '../../teams-hub/message.ts'
import { text } from './puppet.ts'

const CONTACT =
  'sip:api-du-a-euwe.pstnhub.microsoft.com:443;x-i=4b1e8f0c-55a1-4c2f-9f86-0a7d0d6a1e55;x-c=9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5/d/8/1f0e2d3c4b5a69788796a5b4c3d2e1f0'

/** §3.2, without the body. */
const INVITE = writeMessage('INVITE sip:+442079460011@sbc1.example.org:5061;user=phone;transport=tls SIP/2.0', [
  ['FROM', 'Ana Test<sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone>;tag=7a4be1d2c0f34a90b6f1c2de33ab9012'],
  ['TO', '<sip:+442079460011@sbc1.example.org:5061;user=phone>'],
  ['CSEQ', '1 INVITE'],
  ['CALL-ID', '9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5'],
  ['MAX-FORWARDS', '70'],
  ['VIA', 'SIP/2.0/TLS 52.114.76.76:5061;branch=z9hG4bK8d1f03ab'],
  ['RECORD-ROUTE', '<sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>'],
  ['CONTACT', `\r\n <${CONTACT}>`],
  ['CONTENT-LENGTH', ''],
  [
    'HISTORY-INFO',
    '<sip:+442079460100@sip.pstnhub.microsoft.com?Reason=SIP%3Bcause%3D302>;index=1,<sip:+442079460055@sip.pstnhub.microsoft.com>;index=1.1',
  ],
])

/** §3.3, shortened. */
const OF_SBC = [
  'INVITE sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone SIP/2.0',
  'Via: SIP/2.0/TLS sbc1.example.org:5061;branch=z9hG4bK71aa;rport',
  'v: SIP/2.0/UDP 10.1.2.9:5060;branch=z9hG4bKpbx1',
  'Record-Route: <sip:sbc1.example.org:5061;transport=tls;r2=on;lr>, <sip:10.1.2.3:5060;transport=udp;r2=on;lr>',
  'Max-Forwards: 69',
  'f: "Bob, \\"B\\" <x>" <sip:+13125550123@sbc1.example.org;user=phone>;tag=pbx77',
  'To: <sip:+442079460100@sip.pstnhub.microsoft.com;user=phone>',
  'i: 77ab21@10.1.2.9',
  'CSeq: 1 INVITE',
  'm: <sip:sbc1.example.org:5061;transport=tls;x-d=Zk3w>',
]

describe('the reader of the stand-in', () => {
  it('T §3.2: reads what hubs write: glued names, long and folded Contacts, lists', () => {
    const message = readMessage(INVITE)
    expect(message.faults).toEqual([])
    expect(uriOf(headerOf(message, 'contact'))).toBe(CONTACT)
    expect(uriOf(headerOf(message, 'from'))).toBe('sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone')
    expect(tagOf(message, 'from')).toBe('7a4be1d2c0f34a90b6f1c2de33ab9012')
    expect(valuesOf(message, 'history-info')).toHaveLength(2)
  })

  it('T §3.3: reads what an SBC writes: compact names, commas in quotes, two Record-Routes in one line', () => {
    const message = readMessage(text(OF_SBC))
    expect(message.faults).toEqual([])
    expect(valuesOf(message, 'via')).toHaveLength(2)
    expect(valuesOf(message, 'record-route').map((value) => uriPartsOf(uriOf(value))?.host)).toEqual(['sbc1.example.org', '10.1.2.3'])
    expect(uriOf(headerOf(message, 'from'))).toBe('sip:+13125550123@sbc1.example.org;user=phone')
    expect(parameterOf(message.uri, 'user')).toBe('phone')
    expect(parameterOf(uriOf(headerOf(message, 'contact')), 'x-d')).toBe('Zk3w')
  })

  const without = (name: string): string => text(OF_SBC.filter((line) => !line.startsWith(name)))
  const instead = (name: string, line: string): string => text(OF_SBC.map((one) => (one.startsWith(name) ? line : one)))
  it.each([
    ['no Via', text(OF_SBC.filter((line) => !/^v/i.test(line))), 'no via'],
    ['no From', without('f:'), 'no from'],
    ['no Call-ID', without('i:'), 'no call-id'],
    ['no Max-Forwards', without('Max-Forwards'), 'a request without Max-Forwards'],
    ['another method in CSeq', instead('CSeq', 'CSeq: 1 BYE'), 'INVITE has a CSeq of BYE'],
    ['a From without a tag', instead('f:', 'f: <sip:a@b.example>'), 'From has no tag'],
    ['no magic cookie', instead('Via', 'Via: SIP/2.0/TLS sbc1.example.org;branch=71aa'), 'no branch with the magic cookie'],
    ['two Call-IDs', text([...OF_SBC, 'Call-ID: other']), 'call-id stands there 2 times'],
    ['a wrong length', text(OF_SBC, 'abc').replace('Content-Length: 3', 'Content-Length: 4'), 'Content-Length is 4, the body has 3'],
    ['a body of nothing', text(OF_SBC, 'abc'), 'a body without Content-Type'],
    ['a bare LF', text(OF_SBC).replace('69\r\n', '69\n'), 'a bare CR or LF'],
    [
      'a Record-Route without brackets',
      instead('Record-Route', 'Record-Route: sip:sbc1.example.org;lr'),
      'record-route without angle brackets',
    ],
    ['no version', text(OF_SBC).replace(' SIP/2.0\r\n', '\r\n'), 'no start line'],
    ['a header without a name', text([...OF_SBC, ': x']), 'no header line'],
  ])('%s is a fault', (_what, message, fault) => {
    expect(readMessage(message).faults.join('; ')).toContain(fault)
  })

  it('§18.3: cuts a stream wherever it is broken, and knows keep-alives', () => {
    const stream = Buffer.from(`\r\n\r\n${text(OF_SBC, 'abc')}\r\n\r\n${INVITE}`, 'latin1')
    for (let step = 1; step < 90; step += 7) {
      const framed = createFramer()
      const found = []
      for (let at = 0; at < stream.length; at += step) found.push(...framed(stream.subarray(at, at + step)))
      expect(found.flatMap((part) => (part.kind === 'message' ? [part.text] : []))).toEqual([text(OF_SBC, 'abc'), INVITE])
    }
    expect(createFramer()(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))[0]?.kind).toBe('garbage')
  })
})

it.each([
  ['sbc1.example.org', 'SBC1.example.org', true],
  ['*.example.org', 'sbc1.example.org', true],
  ['s*.example.org', 'sbc1.example.org', true],
  ['*.example.org', 'a.sbc1.example.org', false],
  ['*.example.org', 'example.org', false],
  ['*.org', 'example.org', false],
  ['sbc1.*.org', 'sbc1.example.org', false],
  ['t*.example.org', 'sbc1.example.org', false],
])('T §1.4: %s for %s: %s', (pattern, host, covered) => {
  expect(covers(pattern, host)).toBe(covered)
})
