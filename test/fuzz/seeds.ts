import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageText } from '../support/messages.ts'

const folder = join(import.meta.dirname, '..', 'fixtures', 'torture')

/** `rfc4475/wsinv` and so on, with its bytes. */
export const TORTURE: readonly { readonly name: string; readonly bytes: Buffer }[] = ['rfc4475', 'rfc5118'].flatMap((rfc) =>
  readdirSync(join(folder, rfc))
    .filter((file) => file.endsWith('.dat'))
    .sort()
    .map((file) => ({ name: `${rfc}/${file.slice(0, -4)}`, bytes: readFileSync(join(folder, rfc, file)) })),
)

const SDP = 'v=0\r\no=- 1 1 IN IP4 10.0.0.20\r\ns=-\r\nc=IN IP4 10.0.0.20\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 101\r\n'

/** Messages as they cross an edge every day. */
const EVERYDAY = [
  messageText(
    'INVITE sip:+442079460100@sbc.example.com:5060;transport=tls SIP/2.0',
    [
      'Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK-524287-1---4a2b3c4d5e6f;rport',
      'Max-Forwards: 70',
      'Route: <sip:sbc.example.com:5061;transport=tls;lr;r2=on;e=a.b.c>,<sip:10.0.0.5;lr;r2=on>',
      'Contact: <sip:alice@10.0.0.20:5060;transport=UDP>;+sip.instance="<urn:uuid:1>";expires=3600',
      'To: <sip:+442079460100@sbc.example.com>',
      'From: "Alice, \\"the\\" caller" <sip:alice@example.com>;tag=8f3a2b1c',
      'Call-ID: 7d1f2e3a4b5c6d7e8f9a@10.0.0.20',
      'CSeq: 1 INVITE',
      'Supported: replaces, timer, 100rel',
      'P-Asserted-Identity: "Alice" <sip:alice@example.com>, <tel:+442079460100>',
      'Content-Type: application/sdp',
      `Content-Length: ${SDP.length}`,
    ],
    SDP,
  ),
  messageText('SIP/2.0 180 Ringing', [
    'Via: SIP/2.0/TLS sbc.example.com:5061;branch=z9hG4bKx,SIP/2.0/WSS a1.invalid;branch=z9hG4bKy;received=192.0.2.7;rport=4711',
    'Record-Route: <sip:[2001:db8::1]:5060;lr>',
    'f: <sip:a@b.example>;tag=1',
    't: <sip:b@c.example>;tag=2',
    'i: 1@b',
    'CSeq: 1 INVITE',
    'l: 0',
  ]),
  messageText('BYE sip:bob@[2001:db8::10]:5070;lr?x=y SIP/2.0', [
    'Via: SIP/2.0/TCP [2001:db8::9]:5060;branch=z9hG4bKz',
    'From: sip:a@b.example;tag=1',
    'To: tel:+1-201-555-0123;phone-context=x;tag=2',
    'Call-ID: 1@b',
    'CSeq: 2 BYE',
    'Max-Forwards: 0',
    'Proxy-Require: foo',
    'Content-Length: 0',
  ]),
].map((text) => Buffer.from(text, 'latin1'))

export const SEEDS: readonly Buffer[] = [...TORTURE.map((one) => one.bytes), ...EVERYDAY]
