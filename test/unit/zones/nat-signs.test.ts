import { expect, test } from 'vitest'
import { TRANSPORTS, type TransportName } from '../../../src/address/transports.ts'
import type { SipMessage } from '../../../src/sip/message.ts'
import { NAT_TESTS, type NatPolicy, type NatTest } from '../../../src/zones/nat.ts'
import { alterations, natSigns } from '../../../src/zones/nat-signs.ts'
import { network } from '../../../src/zones/networks.ts'
import { messageText, parsed } from '../../support/messages.ts'

const ALL: NatPolicy = { tests: NAT_TESTS, local: [], keepAlive: undefined }

interface Shown {
  readonly start?: string
  readonly via?: string
  readonly below?: string
  readonly contact?: string
  readonly media?: string
}

/** A REGISTER or INVITE of a phone that nothing has changed on its way: it sends from 198.51.100.7:5060. */
const message = ({ start, via = '198.51.100.7:5060', below, contact = '<sip:a@198.51.100.7:5060>', media }: Shown): SipMessage => {
  const body =
    media === undefined ? '' : `v=0\r\no=- 1 1 IN IP4 ${media}\r\ns=-\r\nc=IN IP4 ${media}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n`
  const method = media === undefined ? 'REGISTER' : 'INVITE'
  const headers = [
    `Via: SIP/2.0/UDP ${via};branch=z9hG4bK1`,
    ...(below === undefined ? [] : [`Via: SIP/2.0/UDP ${below};branch=z9hG4bK0`]),
    'From: <sip:a@example.com>;tag=1',
    'To: <sip:a@example.com>',
    'Call-ID: 1',
    `CSeq: 1 ${method}`,
    ...(contact === '' ? [] : [`Contact: ${contact}`]),
    ...(media === undefined ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
  ]
  return parsed(messageText(start ?? `${method} sip:example.com SIP/2.0`, headers, body))
}

const from = (at = '198.51.100.7:5060', transport: TransportName = 'udp') => {
  const colon = at.lastIndexOf(':')
  return { remoteAddress: at.slice(0, colon), remotePort: Number(at.slice(colon + 1)), listener: { transport: TRANSPORTS[transport] } }
}

test.each<readonly [string, Shown, ReturnType<typeof from>, readonly NatTest[]]>([
  ['nothing of a phone with an address of its own', {}, from(), []],
  ['a private Contact', { contact: '<sip:a@192.168.1.5>' }, from(), ['contact-private', 'contact-source']],
  ['a Contact in shared space (RFC 6598)', { contact: '<sip:a@100.64.3.9>' }, from(), ['contact-private', 'contact-source']],
  ['a Contact in a unique local IPv6 network', { contact: '<sip:a@[fd00::5]:5060>' }, from(), ['contact-private', 'contact-source']],
  ['another public Contact', { contact: '<sip:a@203.0.113.9>' }, from(), ['contact-source']],
  ['a Via of another address', { via: '203.0.113.9' }, from(), ['via-address']],
  ['a private Via', { via: '10.0.0.4' }, from(), ['via-address', 'via-private']],
  ['a Via of another port', { via: '198.51.100.7:5062' }, from(), ['via-port']],
  ['a Via without port, which means 5060', { via: '198.51.100.7' }, from(), []],
  ['a Via without port, and another port', { via: '198.51.100.7' }, from('198.51.100.7:61000'), ['via-port']],
  ['private media', { media: '192.168.1.5' }, from(), ['sdp-private']],
  ['public media elsewhere', { media: '203.0.113.9' }, from(), []],
  [
    'all of it, in the order of the configuration',
    { contact: '<sip:a@192.168.1.5>', via: '192.168.1.5:5060', media: '192.168.1.5' },
    from('198.51.100.7:4099'),
    NAT_TESTS,
  ],
  [
    'a phone on a network that is reachable directly',
    { contact: '<sip:a@10.0.0.4>', via: '10.0.0.4', media: '10.0.0.4' },
    from('10.0.0.4:5060'),
    [],
  ],
  ['an IPv6 phone, however it writes its address', { contact: '<sip:a@[FD00:0::5]>', via: '[fd00::5]' }, from('fd00::5:5060'), []],
  ['names, which say nothing', { contact: '<sip:a@phone.local>', via: 'phone.local' }, from(), []],
  [
    'RFC 7118 §5: a browser over TCP, by its made-up name',
    { contact: '<sip:a@x7.invalid;transport=ws>', via: 'x7.invalid' },
    from('198.51.100.7:50001', 'tcp'),
    [],
  ],
  ['no Contact', { contact: '' }, from(), []],
  ['the star that takes all back', { contact: '*' }, from(), []],
  ['a connection, which comes from any port', { via: '198.51.100.7:5060' }, from('198.51.100.7:50001', 'tls'), []],
  [
    'a private Contact over TLS',
    { contact: '<sip:a@192.168.1.5>' },
    from('198.51.100.7:50001', 'tls'),
    ['contact-private', 'contact-source'],
  ],
  [
    'RFC 7118: an address that a browser made up',
    { contact: '<sip:a@192.0.2.33;transport=ws>', via: '192.0.2.33' },
    from('198.51.100.7:50001', 'wss'),
    [],
  ],
  [
    'what another proxy brings',
    { via: '198.51.100.7', below: '192.168.1.5', contact: '<sip:a@192.168.1.5>', media: '192.168.1.5' },
    from(),
    [],
  ],
  [
    'a proxy that is behind NAT itself',
    { via: '10.0.0.4', below: '10.0.0.9', contact: '<sip:a@10.0.0.9>' },
    from(),
    ['via-address', 'via-private'],
  ],
  [
    'of a response the Contact, not our Via',
    { start: 'SIP/2.0 200 OK', via: '10.0.0.1', contact: '<sip:a@192.168.1.5>' },
    from(),
    ['contact-private', 'contact-source'],
  ],
])('N1: the signs of %s', (_what, shown, source, signs) => {
  expect(natSigns(message(shown), source, ALL)).toEqual(signs)
})

test.each(NAT_TESTS)('N1: %s can be asked for alone, and be left out', (one) => {
  const everything = message({ contact: '<sip:a@192.168.1.5>', via: '192.168.1.5:5060', media: '192.168.1.5' })
  const source = from('198.51.100.7:4099')
  expect(natSigns(everything, source, { ...ALL, tests: [one] })).toEqual([one])
  const others = NAT_TESTS.filter((other) => other !== one)
  expect(natSigns(everything, source, { ...ALL, tests: others })).toEqual(others)
})

test('N1: who comes from a local network is not behind NAT, whatever it shows', () => {
  const everything = message({ contact: '<sip:a@192.168.1.5>', via: '192.168.1.5', media: '192.168.1.5' })
  const local = [network('198.51.100.0/24')!]
  expect(natSigns(everything, from('198.51.100.7:4099'), { ...ALL, local })).toEqual([])
  expect(natSigns(everything, from('198.51.101.7:4099'), { ...ALL, local })).not.toEqual([])
  expect(natSigns(everything, from('::ffff:198.51.100.7:4099'), { ...ALL, local })).toEqual([])
})

test('N1: with NAT off nobody is behind one', () => {
  expect(natSigns(message({ contact: '<sip:a@192.168.1.5>' }), from(), { ...ALL, tests: [] })).toEqual([])
})

const request = (shown: Shown, media?: string, origin = media) => {
  const made = message({ ...shown, ...(media !== undefined && { media }) })
  if (made.kind !== 'request') throw new Error('no request')
  if (media === undefined || origin === undefined) return made
  const body = Buffer.from(made.body.toString('latin1').replace(/^o=.*$/m, `o=- 1 1 IN IP4 ${origin}`), 'latin1')
  return { ...made, body }
}

test.each<readonly [string, ReturnType<typeof request>, ReturnType<typeof from>, readonly string[]]>([
  [
    'nothing of a phone that writes what it knows',
    request({ contact: '<sip:a@192.168.1.5>', via: '192.168.1.5' }, '192.168.1.5'),
    from(),
    [],
  ],
  ['nothing of a phone with an address of its own', request({}, '198.51.100.7'), from(), []],
  ['a Contact that knows more than the Via', request({ via: '192.168.1.5' }), from(), ['contact']],
  ['a c= that knows more than the o=', request({}, '198.51.100.7', '192.168.1.5'), from(), ['media-address']],
  ['an o= that knows more than the c=', request({}, '192.168.1.5', '198.51.100.7'), from(), ['media-origin']],
  ['nothing over TLS', request({ via: '192.168.1.5' }), from('198.51.100.7:50001', 'tls'), []],
  ['nothing inside one network', request({ via: '192.168.1.5', contact: '<sip:a@10.0.0.4>' }), from('10.0.0.4:5060'), []],
])('N7: what was written anew: %s', (_what, made, source, found) => {
  expect(alterations(made, source)).toEqual(found)
})
