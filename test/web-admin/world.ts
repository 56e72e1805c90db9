/** What the fake edge of these tests is like: an ordinary day, a bad one, and one on which nothing has happened yet. */
import forge from 'node-forge'
import type {
  AuditEntry,
  CallDetail,
  CallQuality,
  CallView,
  CertificateView,
  ConfigVersion,
  Health,
  Ladder,
  LogLine,
  PastCall,
  Registration,
  Security,
  State,
  Token,
  User,
} from '../../web-admin/src/api/types.ts'

export interface World {
  state: State
  health: Health
  certificates: CertificateView[]
  calls: CallView[]
  past: PastCall[]
  details: Map<string, CallDetail>
  ladder: Ladder
  registrations: Registration[]
  security: Security
  log: LogLine[]
  config: string
  versions: ConfigVersion[]
  users: User[]
  tokens: Token[]
  audit: AuditEntry[]
  chain: string
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const iso = (fromNow: number): string => new Date(Date.now() + fromNow).toISOString()

export const CONFIG = `# Edgeways at the head office
name: sbc.example.com          # our public name
public-address: 203.0.113.5    # behind 1:1 NAT

listeners:
  lan: { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  teams: { tls: 10.0.0.5:5061 }
  web: { wss: 10.0.0.5:443 }

zones:
  pbx:
    kind: trunk
    on: lan
    targets:
      - sip:10.0.0.20:5060;transport=udp   # the old one
      - { uri: "sip:10.0.0.21:5060;transport=udp", name: pbx-b, priority: 2 }
  teams:
    kind: teams
    on: teams
    targets: [ "sip:sip.pstnhub.microsoft.com:5061;transport=tls" ]
  browsers:
    kind: webrtc
    on: web
    origins: [ "https://app.example.com" ]

# The first route that fits decides
routes:
  - { from: [ teams, browsers ], to: pbx }
  - { from: pbx, number: +4420794601xx, to: teams }
  - { from: pbx, to: browsers }   # whoever registered through us

media: { ports: 30000-31999 }
certificates:
  local: development
admin: { listen: 127.0.0.1:8443 }
`

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

const ladder = (): Ladder => {
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

const calls = (): CallView[] => [
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

const past = (): PastCall[] => {
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

const details = (views: readonly CallView[], over: readonly PastCall[]): Map<string, CallDetail> => {
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

const certificate = (name: string, more: Partial<CertificateView>): CertificateView => ({
  name,
  source: 'acme',
  hosts: ['sbc.example.com', '*.sbc.example.com'],
  issuer: "R11 (Let's Encrypt)",
  serial: '04a1b2c3d4e5f60718293a4b5c6d7e8f9012',
  keyType: 'rsa2048',
  sha256: 'A3:1F:09:7C:55:E2:10:88:9B:CD:42:6E:F0:73:1A:95:BE:24:C7:0D:61:88:FF:32:5A:90:DD:13:47:E6:2B:08',
  validFrom: iso(-31 * DAY),
  validTo: iso(59 * DAY),
  daysLeft: 59,
  usedBy: ['teams/tls', 'web/wss'],
  next: { what: 'renew', at: iso(29 * DAY), text: 'It is renewed by itself, at a time that the CA suggests' },
  problems: [],
  history: [
    { id: 'h2', serial: '0399aa12bb77', validTo: iso(28 * DAY), replacedAt: iso(-31 * DAY) },
    { id: 'h1', serial: '02f1c0ffee55', validTo: iso(-32 * DAY), replacedAt: iso(-92 * DAY) },
  ],
  order: {
    running: false,
    steps: [
      { at: 'start', text: 'Ordering sbc.example.com and *.sbc.example.com', time: Date.now() - 31 * DAY },
      { at: 'account', text: 'The account is known', time: Date.now() - 31 * DAY + 400 },
      { at: 'order', text: 'The order is placed', time: Date.now() - 31 * DAY + 900 },
      { at: 'challenge', host: 'sbc.example.com', text: 'TXT record written', time: Date.now() - 31 * DAY + 2100 },
      { at: 'propagation', text: 'All name servers have the records', time: Date.now() - 31 * DAY + 9100 },
      { at: 'validation', text: 'The CA has seen them', time: Date.now() - 31 * DAY + 14_000 },
      { at: 'finalize', text: 'The request is signed', time: Date.now() - 31 * DAY + 15_200 },
      { at: 'download', text: 'The certificate is here', time: Date.now() - 31 * DAY + 15_900 },
      { at: 'check', text: 'Nothing is wrong with it', time: Date.now() - 31 * DAY + 16_000 },
      { at: 'done', text: 'In force on teams/tls and web/wss', time: Date.now() - 31 * DAY + 16_100 },
    ],
  },
  ...more,
})

/** An order in the middle of its way. */
export const runningOrder = (): CertificateView => ({
  ...certificate('public', {
    problems: [],
    next: { what: 'ordering', text: 'Waiting until the CA has seen the records' },
    history: [],
    order: {
      running: true,
      steps: [
        { at: 'start', text: 'Ordering sbc.example.com', time: Date.now() - 9000 },
        { at: 'account', text: 'The account is known', time: Date.now() - 8600 },
        { at: 'order', text: 'The order is placed', time: Date.now() - 8000 },
        { at: 'challenge', host: 'sbc.example.com', text: 'A page answers on port 80', time: Date.now() - 7000 },
        { at: 'validation', text: 'Waiting for the CA to look at it', time: Date.now() - 6000 },
      ],
    },
  }),
})

const development = (): CertificateView => {
  const { order: _order, ...rest } = certificate('local', {
    source: 'development',
    hosts: ['localhost', '127.0.0.1'],
    issuer: 'Edgeways development CA',
    keyType: 'ecdsa256',
    validFrom: iso(-10 * DAY),
    validTo: iso(355 * DAY),
    daysLeft: 355,
    usedBy: ['admin'],
    next: { what: 'nothing', text: 'It is made anew by itself' },
    history: [],
  })
  return rest
}

const waiting = (): CertificateView => {
  const {
    order: _order,
    validFrom: _from,
    validTo: _to,
    sha256: _sha,
    serial: _serial,
    issuer: _issuer,
    keyType: _key,
    daysLeft: _days,
    ...rest
  } = certificate('bought', {
    source: 'stored',
    hosts: ['voice.example.org'],
    usedBy: [],
    next: { what: 'answer', text: 'A request was made on 2025-11-18; upload what the CA answers' },
    history: [],
  })
  return rest
}

const made = (subject: string, issuer: string, days: number): string => {
  const keys = forge.pki.rsa.generateKeyPair(1024)
  const one = forge.pki.createCertificate()
  one.publicKey = keys.publicKey
  one.validity.notBefore = new Date(Date.now() - DAY)
  one.validity.notAfter = new Date(Date.now() + days * DAY)
  one.setSubject([{ name: 'commonName', value: subject }])
  one.setIssuer([{ name: 'commonName', value: issuer }])
  one.sign(keys.privateKey, forge.md.sha256.create())
  return forge.pki.certificateToPem(one)
}

const state = (): State => ({
  version: '0.1.0',
  phase: 'running',
  uptimeSeconds: 3.2 * 86_400,
  logLevel: 'info',
  listeners: [
    { name: 'lan/udp', transport: 'udp', bind: '10.0.0.5:5060', advertised: '10.0.0.5:5060', open: true, flows: 0 },
    { name: 'lan/tcp', transport: 'tcp', bind: '10.0.0.5:5060', advertised: '10.0.0.5:5060', open: true, flows: 2 },
    { name: 'teams/tls', transport: 'tls', bind: '10.0.0.5:5061', advertised: 'sbc.example.com:5061', open: true, flows: 6 },
    { name: 'web/wss', transport: 'wss', bind: '10.0.0.5:443', advertised: 'sbc.example.com:443', open: true, flows: 1284 },
  ],
  zones: [
    {
      name: 'pbx',
      kind: 'trunk',
      listeners: ['lan/udp', 'lan/tcp'],
      targets: [
        { name: 'sip:10.0.0.20:5060;transport=udp', health: 'up', drain: false, optionsSeconds: 0.0021 },
        { name: 'pbx-b', health: 'up', drain: true, optionsSeconds: 0.0034 },
      ],
    },
    {
      name: 'teams',
      kind: 'teams',
      listeners: ['teams/tls'],
      targets: [
        { name: 'sip.pstnhub.microsoft.com', health: 'up', drain: false, optionsSeconds: 0.031 },
        { name: 'sip2.pstnhub.microsoft.com', health: 'up', drain: false, optionsSeconds: 0.044 },
      ],
    },
    { name: 'browsers', kind: 'webrtc', listeners: ['web/wss'], targets: [] },
  ],
  transactions: { 'invite-server': 3, 'invite-client': 3, 'non-invite-server': 12, 'non-invite-client': 7 },
  openFlows: 1292,
  media: {
    mode: 'local',
    nodes: [
      {
        name: 'local',
        set: 'default',
        address: '127.0.0.1:22222',
        state: 'up',
        weight: 1,
        sessions: 3,
        pingSeconds: 0.0004,
        interfaces: ['lan', 'wan'],
      },
    ],
    sessions: 3,
    deletes: 0,
  },
  counters: { messages: 482_113, invites: 20_114, refused: 311 },
  lastReload: { result: 'applied', at: iso(-26 * HOUR), changes: ['target added: pbx-b'], problems: [] },
})

const logLine = (ago: number, level: LogLine['level'], msg: string, fields: object = {}): LogLine => ({
  time: iso(-ago),
  level,
  msg,
  ...fields,
})

const audit = (number: number, ago: number, more: Partial<AuditEntry>): AuditEntry => ({
  number,
  at: iso(-ago),
  who: 'anna',
  role: 'admin',
  from: '10.0.0.44',
  what: 'login',
  result: 'done',
  status: 200,
  ...more,
})

const user = (name: string, role: User['role'], totp: boolean, sessions: number): User => ({
  name,
  role,
  totp,
  sessions,
  createdAt: iso(-200 * DAY),
  passwordChangedAt: iso(-40 * DAY),
})

export const ordinaryDay = (): World => {
  const views = calls()
  const over = past()
  return {
    state: state(),
    health: { status: 'ok', checks: [{ name: 'listeners', ok: true, required: true, detail: '4 of 4 are open' }] },
    certificates: [certificate('public', {}), waiting(), development()],
    calls: views,
    past: over,
    details: details(views, over),
    ladder: ladder(),
    registrations: [
      {
        identity: '9f2c41d07be8',
        contact: 'sip:anna@7d8f3k2.invalid;transport=ws',
        zone: 'browsers',
        listener: 'web/wss',
        remote: '198.51.100.7:51022',
        since: iso(-42 * MINUTE),
        transport: 'wss',
      },
      {
        identity: '51aa03c9e7d2',
        contact: 'sip:ben@91jq0s.invalid;transport=ws',
        zone: 'browsers',
        listener: 'web/wss',
        remote: '203.0.113.77:40112',
        since: iso(-3 * HOUR),
        transport: 'wss',
      },
      {
        identity: 'c4407e1b92fa',
        contact: 'sip:door@192.0.2.14:5061;transport=tls',
        zone: 'phones',
        listener: 'phones/tls',
        remote: '192.0.2.14:5061',
        since: iso(-9 * DAY),
        transport: 'tls',
      },
    ],
    security: {
      refusals: [
        { at: iso(-40 * SECOND), source: '45.134.26.9', listener: 'lan/udp', why: 'No zone admits this source', count: 1822 },
        {
          at: iso(-11 * MINUTE),
          source: '2001:db8:77::3',
          listener: 'web/wss',
          why: 'Origin https://evil.example is not allowed',
          count: 14,
        },
        { at: iso(-2 * HOUR), source: '198.51.100.200', listener: 'teams/tls', why: 'Route state is forged or too old', count: 2 },
      ],
      bans: [],
    },
    log: [
      logLine(26 * HOUR, 'info', 'Configuration taken over', { changes: 1 }),
      logLine(9 * MINUTE, 'info', 'Call ended', { callId: 'p1-8d2f41@10.0.0.20', zone: 'browsers', seconds: 184, mos: 4.4 }),
      logLine(5 * MINUTE, 'debug', 'Route chosen', { step: 'route', callId: '7c1fa03e5d', rule: 'routes[0]' }),
      logLine(2 * MINUTE, 'warn', 'Request refused: no zone admits this source', { listener: 'lan/udp', from: '45.134.26.9', leftOut: 37 }),
      logLine(40 * SECOND, 'error', 'Certificate order failed', {
        certificate: 'public',
        err: { code: 'SBC_ACME', message: 'DNS has no such name' },
      }),
      logLine(12 * SECOND, 'info', 'Connection opened', { listener: 'web/wss', from: '198.51.100.7:51022' }),
    ],
    config: CONFIG,
    versions: [
      { id: 'v3', at: iso(-26 * HOUR), by: 'anna', changes: ['target added: pbx-b'] },
      {
        id: 'v2',
        at: iso(-9 * DAY),
        by: 'anna',
        changes: [
          'zone added: teams',
          'listener added: teams/tls',
          'route added: 2',
          'media of zone changed: browsers',
          'log level changed',
        ],
      },
      { id: 'v1', at: iso(-30 * DAY), by: 'the file', changes: [] },
    ],
    users: [user('anna', 'admin', true, 2), user('ben', 'operator', false, 0), user('wall-display', 'viewer', false, 1)],
    tokens: [
      {
        name: 'prometheus',
        role: 'viewer',
        madeBy: 'anna',
        createdAt: iso(-100 * DAY),
        expiresAt: iso(265 * DAY),
        expired: false,
        usedAt: iso(-8 * SECOND),
      },
      { name: 'old-script', role: 'operator', madeBy: 'anna', createdAt: iso(-400 * DAY), expiresAt: iso(-35 * DAY), expired: true },
    ],
    audit: [
      audit(7, 3 * MINUTE, { what: 'login' }),
      audit(6, 26 * HOUR, { what: 'config-apply', before: 'v2', after: { changes: ['target added: pbx-b'] } }),
      audit(5, 27 * HOUR, {
        who: 'ben',
        role: 'operator',
        what: 'target-drain',
        subject: 'pbx-b',
        before: { drain: false },
        after: { drain: true },
      }),
      audit(4, 2 * DAY, { who: 'unknown', from: '45.134.26.9', what: 'login', result: 'refused', status: 401, leftOut: 12 }),
      audit(3, 9 * DAY, { what: 'user-add', subject: 'ben', after: { role: 'operator' } }),
    ],
    chain: `${made('sbc.example.com', 'R11', 59)}${made('R11', 'ISRG Root X1', 900)}`,
  }
}

export const badDay = (): World => {
  const world = ordinaryDay()
  const { state: well } = world
  return {
    ...world,
    state: {
      ...well,
      listeners: well.listeners.map((listener) => (listener.name === 'web/wss' ? { ...listener, open: false, flows: 0 } : listener)),
      zones: well.zones.map((zone) =>
        zone.name === 'teams'
          ? {
              ...zone,
              targets: zone.targets.map((target) => ({ ...target, health: 'down' as const, reason: 'No answer to OPTIONS for 64 s' })),
            }
          : zone,
      ),
      media: {
        mode: 'nodes',
        nodes: [
          { name: 'media-a', set: 'default', address: '10.0.0.31:2223', state: 'up', weight: 1, sessions: 211, pingSeconds: 0.0011 },
          { name: 'media-b', set: 'default', address: '10.0.0.32:2223', state: 'down', weight: 1, reason: 'No reply to ping for 12 s' },
        ],
        sessions: 211,
        deletes: 4,
      },
      lastReload: {
        result: 'refused',
        at: iso(-5 * MINUTE),
        problems: [
          {
            path: 'zones.teams.on',
            line: 20,
            column: 9,
            message: 'There is no listener group "team"',
            remedy: 'Did you mean "teams"?',
            severity: 'error',
          },
        ],
      },
    },
    certificates: [
      certificate('public', {
        validFrom: iso(-85 * DAY),
        validTo: iso(5 * DAY),
        daysLeft: 5,
        next: { what: 'retry', at: iso(3 * HOUR), text: 'The last order failed; it is tried again' },
        problems: [
          {
            severity: 'error',
            text: 'The CA refused the order: DNS problem: NXDOMAIN looking up A for sbc.example.com',
            remedy:
              'See that sbc.example.com has an address, and that port 80 leads here; it is tried again in 3 h, or at once with “Renew now”',
          },
        ],
        order: {
          running: false,
          steps: [
            { at: 'start', text: 'Ordering sbc.example.com', time: Date.now() - HOUR },
            { at: 'account', text: 'The account is known', time: Date.now() - HOUR + 300 },
            { at: 'order', text: 'The order is placed', time: Date.now() - HOUR + 800 },
            { at: 'challenge', host: 'sbc.example.com', text: 'A page answers on port 80', time: Date.now() - HOUR + 1500 },
            { at: 'failed', text: 'DNS problem: NXDOMAIN looking up A for sbc.example.com', time: Date.now() - HOUR + 8000 },
          ],
        },
      }),
      certificate('tenant1', {
        source: 'files',
        hosts: ['tenant1.example.com'],
        validTo: iso(-2 * DAY),
        validFrom: iso(-92 * DAY),
        problems: [{ severity: 'error', text: 'It ended 2 days ago', remedy: 'Replace its files' }],
        next: { what: 'replace', text: 'Replace the files before it ends; they are taken over by themselves' },
        history: [],
      }),
      ...world.certificates.slice(1),
    ],
  }
}

export const firstDay = (): World => {
  const world = ordinaryDay()
  return {
    ...world,
    state: {
      ...world.state,
      uptimeSeconds: 42,
      openFlows: 0,
      listeners: world.state.listeners.map((listener) => ({ ...listener, flows: 0 })),
      transactions: {},
      media: {
        mode: 'local',
        nodes: [],
        sessions: 0,
        deletes: 0,
        unavailable: 'rtpengine is not installed; apt-get install rtpengine-daemon brings it',
      },
      counters: { messages: 0, invites: 0, refused: 0 },
    },
    certificates: [],
    calls: [],
    past: [],
    details: new Map(),
    registrations: [],
    security: { refusals: [], bans: [] },
    log: [],
    versions: [],
    tokens: [],
    audit: [],
    users: [world.users[0]!],
  }
}
