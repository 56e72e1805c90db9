/** Messages in the style of the hubs, byte for byte (T §3.1, §3.2): upper-case names, display names glued on, long Contacts. */

export interface HubCall {
  /** User part of the Request-URI and To, as it is written. */
  readonly number?: string
  readonly from?: string
  /** Parameters of the Request-URI behind `user=phone`. */
  readonly parameters?: string
  readonly contact?: string
  readonly lines?: readonly string[]
  readonly type?: string
  readonly body?: string
}

export const FROM = 'Ana Test<sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone>;tag=7a4be1d2c0f34a90b6f1c2de33ab9012'
const CONTACT =
  '<sip:api-du-a-euwe.pstnhub.microsoft.com:443;x-i=4b1e8f0c-55a1-4c2f-9f86-0a7d0d6a1e55;x-c=9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5/d/8/1f0e2d3c4b5a69788796a5b4c3d2e1f0>'
/** The same with a fold in its middle. */
export const FOLDED_CONTACT =
  '\r\n <sip:api-du-a-euwe.pstnhub.microsoft.com:443;x-i=4b1e8f0c-55a1-4c2f-9f86-0a7d0d6a1e55;\r\n\tx-c=9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5/d/8/1f0e2d3c4b5a69788796a5b4c3d2e1f0>'

export const SDP = [
  ...['v=0', 'o=- 104231 0 IN IP4 127.0.0.1', 's=session', 'c=IN IP4 52.113.17.20', 'b=CT:10000000', 't=0 0'],
  ...[
    'm=audio 51220 RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118',
    'c=IN IP4 52.113.17.20',
    'a=rtcp:51221',
    'a=label:main-audio',
    'a=mid:1',
  ],
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/|2^31',
  ...[
    'a=sendrecv',
    'a=rtpmap:104 SILK/16000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=rtpmap:13 CN/8000',
    'a=ptime:20',
    '',
  ],
].join('\r\n')

export const hubInvite = ({
  number = '+442079460011',
  from = FROM,
  parameters = '',
  contact = CONTACT,
  lines = [],
  type = 'application/sdp',
  body = SDP,
}: HubCall = {}): string =>
  [
    `INVITE sip:${number}@sbc.example.com:5061;user=phone${parameters};transport=tls SIP/2.0`,
    `FROM: ${from}`,
    `TO: <sip:${number}@sbc.example.com:5061;user=phone>`,
    'CSEQ: 1 INVITE',
    'CALL-ID: 9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5',
    'MAX-FORWARDS: 70',
    'VIA: SIP/2.0/TLS 52.112.0.1:5061;branch=z9hG4bK8d1f03ab',
    'RECORD-ROUTE: <sip:sip-du-a-eu.pstnhub.microsoft.com:5061;transport=tls;lr>',
    `CONTACT: ${contact}`,
    `CONTENT-LENGTH: ${Buffer.byteLength(body, 'latin1')}`,
    'MIN-SE: 300',
    'SUPPORTED: timer',
    'USER-AGENT: Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3',
    `CONTENT-TYPE: ${type}`,
    'ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY',
    'SESSION-EXPIRES: 3600',
    'MS-CONVERSATION-ID: 6b0f1d7e5c4b4a39a8f70e1d2c3b4a59',
    ...lines,
    '',
    body,
  ].join('\r\n')

/** The ACK to a refusal of it. @param to as the refusal had it */
export const hubAck = (to: string, { number = '+442079460011', from = FROM, parameters = '' }: HubCall = {}): string =>
  [
    `ACK sip:${number}@sbc.example.com:5061;user=phone${parameters};transport=tls SIP/2.0`,
    `FROM: ${from}`,
    `TO: ${to}`,
    'CSEQ: 1 ACK',
    'CALL-ID: 9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5',
    'MAX-FORWARDS: 70',
    'VIA: SIP/2.0/TLS 52.112.0.1:5061;branch=z9hG4bK8d1f03ab',
    'CONTENT-LENGTH: 0',
    '',
    '',
  ].join('\r\n')

const BOUNDARY = '----=_Part_8c1f_2e44'

/** An emergency call's location (RFC 4119, RFC 6442), with its own odd ends of lines. */
export const PIDF = [
  '<?xml version="1.0" encoding="utf-8"?>',
  '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:ana@example.org"><tuple id="0"><status><gp:geopriv',
  ' xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"><gp:location-info><ca:civicAddress xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr">',
  '<ca:country>GB</ca:country><ca:A3>Lond\u00c3\u00b3n</ca:A3></ca:civicAddress></gp:location-info><gp:method>LIS</gp:method></gp:geopriv></status></tuple></presence>',
].join('\n')

export const LOCATED: Required<Pick<HubCall, 'type' | 'body' | 'lines'>> = {
  type: `multipart/mixed; boundary="${BOUNDARY}"`,
  lines: ['GEOLOCATION: <cid:ana@example.org>', 'GEOLOCATION-ROUTING: yes'],
  body: [
    `--${BOUNDARY}`,
    'Content-Type: application/sdp',
    '',
    SDP,
    `--${BOUNDARY}`,
    'Content-Type: application/pidf+xml',
    'Content-ID: <ana@example.org>',
    '',
    PIDF,
    `--${BOUNDARY}--`,
    '',
  ].join('\r\n'),
}
