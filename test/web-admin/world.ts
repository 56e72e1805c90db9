/** What the fake edge of these tests is like: an ordinary day, a bad one, and one on which nothing has happened yet. */
import type {
  AuditEntry,
  CallDetail,
  CallView,
  CertificateView,
  ConfigVersion,
  DoctorReport,
  Health,
  Ladder,
  LogLine,
  PastCall,
  Phone,
  Registration,
  Security,
  State,
  Subscriber,
  TeamsView,
  Token,
  User,
} from '../../web-admin/src/api/types.ts'
import { calls, details, ladder, past } from './world-calls.ts'
import { certificate, development, made, waiting } from './world-certificates.ts'
import { phone, registrations, subscribers } from './world-phones.ts'
import { badTeams, examined, ordinaryTeams, troubled } from './world-teams.ts'
import { DAY, HOUR, iso, MINUTE, SECOND } from './world-times.ts'

export interface World {
  state: State
  health: Health
  certificates: CertificateView[]
  calls: CallView[]
  past: PastCall[]
  details: Map<string, CallDetail>
  ladder: Ladder
  registrations: Registration[]
  phone: Phone
  subscribers: Subscriber[]
  security: Security
  log: LogLine[]
  config: string
  versions: ConfigVersion[]
  users: User[]
  tokens: Token[]
  audit: AuditEntry[]
  chain: string
  teams: TeamsView[]
  /** What the doctor finds, whenever it examines. */
  examined: DoctorReport
}

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
  registrations: 1284,
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
    registrations: registrations(),
    phone: phone(),
    subscribers: subscribers(),
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
    teams: [ordinaryTeams()],
    examined: examined(),
  }
}

export const badDay = (): World => {
  const world = ordinaryDay()
  const { state: well } = world
  return {
    ...world,
    teams: [badTeams()],
    examined: troubled(),
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
      zones: world.state.zones.filter(({ kind }) => kind !== 'teams'),
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
    phone: { zones: [], path: '/phone/sip', turn: false },
    subscribers: [],
    security: { refusals: [], bans: [] },
    log: [],
    versions: [],
    tokens: [],
    audit: [],
    users: [world.users[0]!],
    teams: [],
  }
}
