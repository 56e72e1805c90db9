import Type, { type TSchema } from 'typebox'
import { ZONE_KINDS } from '../../zones/profiles.ts'
import { count, duration, mapping, named, nameOf, oneOrMany, optional, text } from './fragment.ts'
import { policy } from './media.ts'
import { cloud, connections, contact, dialect, patience, peers, provisional, tenants, trusted } from './peers.ts'
import { lost, nat, registrarWay, registration } from './registration.ts'
import { headerRules, numberRules } from './rules.ts'

const uri = (description: string) =>
  text({
    description,
    expects: 'a SIP URI such as sip:10.0.0.20:5060;transport=udp',
    examples: ['sip:10.0.0.20:5060;transport=udp'],
  })

const target = Type.Union(
  [
    uri('Where requests go.'),
    mapping({
      uri: uri('Where requests go. Without a port or transport RFC 3263 finds them.'),
      name: optional(text({ description: 'For log, metrics and admin; unique in the zone. Default: the URI.', examples: ['pbx-a'] })),
      priority: optional(count({ description: 'Lower is tried first.', default: 1, minimum: 0, maximum: 65535 })),
      weight: optional(count({ description: 'Share of the calls among targets of one priority.', default: 1, minimum: 1, maximum: 65535 })),
      drain: optional(Type.Boolean({ description: 'No new calls; those there are go on.', default: false })),
      media: optional(policy('target')),
      provisional: optional(provisional),
      'request-uri': optional(
        Type.Enum(['target', 'keep'], {
          description: "`target`: the Request-URI's host becomes the target's; `keep`: only the next hop does.",
          default: 'target',
        }),
      ),
    }),
  ],
  { expects: 'a SIP URI such as sip:10.0.0.20:5060;transport=udp, or { uri: … }' },
)

const admit = mapping(
  {
    networks: optional(
      Type.Array(text({ expects: 'an IP address or network such as 10.0.0.0/8' }), {
        description: "Addresses and networks (CIDR) that may send requests. Default for kind teams: Microsoft's, of its `cloud`.",
        examples: [['10.0.0.0/8', '2001:db8::/32']],
      }),
    ),
    targets: optional(
      Type.Boolean({ description: "Also the addresses of the zone's targets. Default: true for kind trunk.", examples: [true] }),
    ),
    anyone: optional(
      Type.Boolean({
        description: 'Everyone who reaches the listeners. Default: true for kinds phones and webrtc when no networks are named.',
        examples: [false],
      }),
    ),
    certificates: optional(
      Type.Array(text({ expects: 'a host name such as pbx.example.com, or *.example.com' }), {
        description: 'In addition, a verified client certificate must show one of these names. Default for kind teams: those of the hubs.',
        examples: [['pbx.example.com']],
      }),
    ),
    otherwise: optional(
      Type.Enum(['reject', 'silence'], { description: 'What a stranger gets: 403, or no answer at all.', default: 'reject' }),
    ),
  },
  {
    description:
      "Who may send requests. Default: the zone's targets (trunk), Microsoft's networks with a certificate of a hub (teams), or everyone who reaches the listeners (phones, webrtc).",
    examples: [{ networks: ['10.0.0.0/8'] }],
  },
)

const probe = Type.Union(
  [
    Type.Boolean({ description: 'Probing with the defaults, or none.' }),
    mapping({
      interval: optional(
        duration({
          description: 'Between two probes of one target. Default: 30s, for kind teams 60s.',
          examples: ['10s'],
          least: '1s',
          most: '1h',
        }),
      ),
      timeout: optional(
        duration({
          description: 'Without an answer for so long a probe has failed. Default: 5s, or the interval when that is shorter.',
          examples: ['2s'],
          least: '500ms',
          most: '32s',
        }),
      ),
      'down-after': optional(
        count({ description: 'Failures in a row after which a target is down.', default: 2, minimum: 1, maximum: 100 }),
      ),
      'up-after': optional(count({ description: 'Answers in a row after which it is up again.', default: 1, minimum: 1, maximum: 100 })),
      alive: optional(
        oneOrMany(text({ pattern: '^[2-6]([0-9]{2}|[0-9][xX]|[xX]{2})$', expects: 'a status such as 404, or 2xx' }), {
          description: 'Answers that count as alive. Default: every final answer but 408, 502, 503, 504; for kind teams 2xx alone.',
          examples: [['2xx', '404']],
        }),
      ),
    }),
  ],
  { description: 'OPTIONS to the targets. Default: on for kinds trunk and teams.', examples: [{ interval: '10s' }] },
)

const directions = <T extends TSchema>(what: string, rules: (description: string) => T) =>
  mapping(
    {
      in: optional(rules(`${what} rules for requests that come from this zone.`)),
      out: optional(rules(`${what} rules for requests that go to this zone.`)),
    },
    { description: `${what} rules of the zone, for each direction.` },
  )

export const zones = named(
  mapping({
    kind: Type.Enum([...ZONE_KINDS], {
      description:
        'What is on the other side: `trunk` (PBX, carrier), `teams`, `webrtc` (browsers), `phones` (TLS phones). Everything not written follows from it.',
      examples: ['trunk'],
    }),
    on: oneOrMany(nameOf({}), { description: 'Its listeners: the name of a group, or several.', examples: ['lan'] }),
    targets: optional(
      Type.Array(target, {
        description:
          'Where requests to this zone go: SIP URIs, or mappings with priority, weight and more. Default for kind teams: the hubs of its `cloud`.',
        examples: [['sip:10.0.0.20:5060;transport=udp']],
        maxItems: 1000,
      }),
    ),
    admit: optional(admit),
    origins: optional(
      oneOrMany(text({ expects: 'an origin such as https://app.example.com, or "*"' }), {
        description: 'Web pages whose scripts may connect (the Origin of the WebSocket handshake); `*` for any. Needed for kind webrtc.',
        examples: [['https://app.example.com']],
      }),
    ),
    probe: optional(probe),
    numbers: optional(directions('Number', numberRules)),
    headers: optional(directions('Header', headerRules)),
    advertise: optional(
      text({
        description: "The name that is advertised toward this zone instead of the listeners' own; one of their `names`.",
        examples: ['tenant1.example.com'],
        expects: 'a host name',
      }),
    ),
    media: optional(policy('zone')),
    registration: optional(registration),
    authenticate: optional(
      Type.Boolean({
        description:
          'Who begins something here has to show credentials of a user of ours (see `authentication`). Default: true with `registration: here`.',
        examples: [true],
      }),
    ),
    registrar: optional(registrarWay),
    'lost-connection': optional(lost),
    nat: optional(nat),
    cloud: optional(cloud),
    contact: optional(contact),
    peers: optional(peers),
    connections: optional(connections),
    dialect: optional(dialect),
    trusted: optional(trusted),
    patience: optional(patience),
    tenants: optional(tenants),
    trace: optional(Type.Boolean({ description: 'Its messages may be kept for the ladder of a call (see `trace`).', default: true })),
    path: optional(
      Type.Boolean({
        description: 'A REGISTER from this zone gets a Path of ours (RFC 3327). Default: true for kinds phones and webrtc.',
        examples: [true],
      }),
    ),
  }),
  {
    description: 'The sides of the edge and the policy for each.',
    examples: [
      {
        pbx: { kind: 'trunk', on: 'lan', targets: ['sip:10.0.0.20:5060;transport=udp'] },
        browsers: { kind: 'webrtc', on: 'web', origins: ['https://app.example.com'] },
      },
    ],
  },
)
