/** Calls of the fake edge: of now, of the past, and one with all its messages. */
import type { CallDetail, CallQuality, CallView, Ladder, PastCall } from '../../web-admin/src/api/types.ts'
import { HOUR, iso, MINUTE, SECOND } from './world-times.ts'

const quality = (mos: number, more: Partial<CallQuality> = {}): CallQuality => ({
  oneWay: false,
  noMedia: false,
  durationSeconds: 184,
  legs: [
    {
      party: 'caller',
      zone: 'browsers',
      codec: 'opus/48000/2',
      encryption: 'DTLS AES_CM_128_HMAC_SHA1_80',
      endpoint: '198.51.100.7:51022',
      nat: false,
      packets: 9204,
      bytes: 1_103_220,
      errors: 0,
      lost: 12,
      lossPercent: 0.1,
      jitterMs: 4,
      mos,
      roundTripMs: 38.2,
      silent: false,
      muted: false,
    },
    {
      party: 'callee',
      zone: 'pbx',
      codec: 'PCMA/8000',
      encryption: 'none',
      endpoint: '10.0.0.20:17004',
      nat: true,
      packets: 9188,
      bytes: 1_580_336,
      errors: 3,
      silent: more.oneWay === true,
      muted: false,
    },
  ],
  ...more,
})

const browsers = { zone: 'browsers', kind: 'webrtc' } as const
const pbx = { zone: 'pbx', kind: 'plain' } as const
const teams = { zone: 'teams', kind: 'teams' } as const

const message = (text: string): string => text.replaceAll('\n', '\r\n')

const INVITE_IN = message(`INVITE sip:100@sbc.example.com SIP/2.0
Via: SIP/2.0/WSS 7d8f3k2.invalid;branch=z9hG4bK8123
Max-Forwards: 70
From: "Anna" <sip:anna@sbc.example.com>;tag=a73k
To: <sip:100@sbc.example.com>
Call-ID: 7c1fa03e5d
CSeq: 1 INVITE
Contact: <sip:anna@7d8f3k2.invalid;transport=ws>
Content-Type: application/sdp
Content-Length: 118

v=0
o=- 46117 2 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 51022 UDP/TLS/RTP/SAVPF 111
a=setup:actpass
a=rtcp-mux
`)
const INVITE_OUT = message(`INVITE sip:100@10.0.0.20:5060;transport=udp SIP/2.0
Record-Route: <sip:10.0.0.5:5060;lr;r2=on;k=a81>
Record-Route: <sip:sbc.example.com:443;transport=ws;lr;r2=on;k=a81>
Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKe1.77
Via: SIP/2.0/WSS 7d8f3k2.invalid;branch=z9hG4bK8123;received=198.51.100.7
Max-Forwards: 69
From: "Anna" <sip:anna@sbc.example.com>;tag=a73k
To: <sip:100@sbc.example.com>
Call-ID: 7c1fa03e5d
CSeq: 1 INVITE
Contact: <sip:anna@7d8f3k2.invalid;transport=ws>
Content-Type: application/sdp
Content-Length: 96

v=0
o=- 46117 2 IN IP4 10.0.0.5
s=-
t=0 0
m=audio 30418 RTP/AVP 8 0 101
a=sendrecv
`)
const simple = (start: string, cseq: string, via: string): string =>
  message(`${start}
Via: ${via}
From: "Anna" <sip:anna@sbc.example.com>;tag=a73k
To: <sip:100@sbc.example.com>;tag=pbx1
Call-ID: 7c1fa03e5d
CSeq: ${cseq}
Content-Length: 0

`)
const WSS = 'SIP/2.0/WSS 7d8f3k2.invalid;branch=z9hG4bK8123'
const UDP = 'SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKe1.77'

export const ladder = (): Ladder => {
  const at = Date.now() - 3 * MINUTE
  const base = { repeated: false, changed: [], cseq: '1 INVITE' }
  const wss = { party: 0, listener: 'web/wss', transport: 'wss' }
  const udp = { party: 1, listener: 'lan/udp', transport: 'udp' }
  const changed = [
    {
      header: 'start line',
      before: 'INVITE sip:100@sbc.example.com SIP/2.0',
      after: 'INVITE sip:100@10.0.0.20:5060;transport=udp SIP/2.0',
    },
    { header: 'record-route', after: 'Record-Route: <sip:10.0.0.5:5060;lr;r2=on;k=a81>' },
    { header: 'via', after: 'Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKe1.77' },
    { header: 'max-forwards', before: 'Max-Forwards: 70', after: 'Max-Forwards: 69' },
    { header: 'body', before: 'v=0', after: 'v=0' },
  ]
  const via = [{ header: 'via', before: UDP }]
  const ok = simple('SIP/2.0 200 OK', '1 INVITE', UDP)
  const messages: Ladder['messages'] = [
    { ...base, ...wss, at, direction: 'in', title: 'INVITE sip:100@sbc.example.com', bytes: 1842, text: INVITE_IN },
    { ...base, ...wss, at: at + 1, direction: 'out', title: '100 Trying', bytes: 322, text: simple('SIP/2.0 100 Trying', '1 INVITE', WSS) },
    {
      ...base,
      ...udp,
      at: at + 6,
      direction: 'out',
      title: 'INVITE sip:100@10.0.0.20:5060;transport=udp',
      bytes: 1207,
      source: 0,
      changed,
      text: INVITE_OUT,
    },
    { ...base, ...udp, at: at + 18, direction: 'in', title: '100 Trying', bytes: 310, text: simple('SIP/2.0 100 Trying', '1 INVITE', UDP) },
    {
      ...base,
      ...udp,
      at: at + 41,
      direction: 'in',
      title: '180 Ringing',
      bytes: 388,
      text: simple('SIP/2.0 180 Ringing', '1 INVITE', UDP),
    },
    {
      ...base,
      ...wss,
      at: at + 42,
      direction: 'out',
      title: '180 Ringing',
      bytes: 371,
      source: 4,
      changed: via,
      text: simple('SIP/2.0 180 Ringing', '1 INVITE', WSS),
    },
    { ...base, ...udp, at: at + 2210, direction: 'in', title: '200 OK', bytes: 902, text: ok },
    {
      ...base,
      ...wss,
      at: at + 2216,
      direction: 'out',
      title: '200 OK',
      bytes: 1544,
      source: 6,
      changed: [...via, changed[4]!],
      text: simple('SIP/2.0 200 OK', '1 INVITE', WSS),
    },
    {
      ...base,
      ...wss,
      at: at + 2716,
      direction: 'out',
      title: '200 OK',
      bytes: 1544,
      source: 6,
      repeated: true,
      changed: via,
      text: simple('SIP/2.0 200 OK', '1 INVITE', WSS),
    },
    {
      ...base,
      ...wss,
      at: at + 2731,
      direction: 'in',
      cseq: '1 ACK',
      title: 'ACK sip:100@10.0.0.20:5060',
      bytes: 540,
      text: simple('ACK sip:100@10.0.0.20:5060 SIP/2.0', '1 ACK', WSS),
    },
    {
      ...base,
      ...udp,
      at: at + 2732,
      direction: 'out',
      cseq: '1 ACK',
      title: 'ACK sip:100@10.0.0.20:5060',
      bytes: 488,
      source: 9,
      changed: via,
      text: simple('ACK sip:100@10.0.0.20:5060 SIP/2.0', '1 ACK', UDP),
    },
  ]
  return {
    id: 'c1',
    callId: '7c1fa03e5d',
    parties: [
      { address: '198.51.100.7:51022', listener: 'web/wss', transport: 'wss' },
      { address: '10.0.0.20:5060', listener: 'lan/udp', transport: 'udp' },
    ],
    messages,
    notes: [{ at: at + 2, text: 'Rule routes[0]: from browsers to pbx' }],
  }
}

export const calls = (): CallView[] => [
  { id: 'c1', callId: '7c1fa03e5d', from: browsers, to: pbx, state: 'up', since: iso(-3 * MINUTE), node: 'local', codec: 'opus/48000/2' },
  {
    id: 'c2',
    callId: 'f09a7b61c2e84410a5d2@10.0.0.20',
    from: pbx,
    to: teams,
    state: 'up',
    since: iso(-12 * MINUTE - 7000),
    node: 'local',
    codec: 'PCMA/8000',
  },
  { id: 'c3', callId: 'a4410be2', from: teams, to: pbx, state: 'ringing', since: iso(-4 * SECOND), node: 'local' },
]

export const past = (): PastCall[] => {
  const one = (id: string, ago: number, seconds: number, more: Partial<PastCall>): PastCall => ({
    id,
    callId: `${id}-8d2f41@10.0.0.20`,
    from: browsers,
    to: pbx,
    startedAt: iso(-ago),
    seconds,
    how: 'bye',
    by: 'caller',
    node: 'local',
    ...more,
  })
  return [
    one('p1', 9 * MINUTE, 184, { quality: quality(4.4) }),
    one('p2', 31 * MINUTE, 71, { from: pbx, to: teams, by: 'callee', quality: quality(3.4) }),
    one('p3', 2 * HOUR, 12, { from: teams, to: pbx, quality: quality(4.1, { oneWay: true }) }),
    one('p4', 3 * HOUR, 2640, { how: 'media-timeout', quality: quality(2.7) }),
    one('p5', 26 * HOUR, 305, { from: pbx, to: browsers }),
  ]
}

export const details = (views: readonly CallView[], over: readonly PastCall[]): Map<string, CallDetail> => {
  const decision = {
    rule: 'routes[0]',
    explanation: [
      'Came in on listener web/wss, which is of zone browsers',
      'Route 1 fits: from teams or browsers, to pbx',
      'Target sip:10.0.0.20:5060;transport=udp: priority 1, and up',
      'Leaves by listener lan/udp; Record-Route in two entries, because the transports differ',
      'Media from WebRTC to plain RTP: rtpengine local',
    ],
  }
  return new Map<string, CallDetail>([
    ...views.map(
      (view) =>
        [
          view.id,
          { ...view, startedAt: view.since, decision, ladder: view.id === 'c1', ...(view.id === 'c1' && { quality: quality(4.3) }) },
        ] as const,
    ),
    ...over.map((call) => [call.id, { ...call, decision, ladder: call.id === 'p1' }] as const),
  ])
}
