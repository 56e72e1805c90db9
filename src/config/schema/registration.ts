import Type from 'typebox'
import { NAT_TESTS } from '../../zones/nat.ts'
import { REGISTRAR_WAYS } from '../../zones/registration.ts'
import { count, duration, durationOrOff, file, mapping, oneOrMany, optional, text } from './fragment.ts'

const MODES = ['here', 'pass', 'refuse'] as const

/** Of a zone: its clients' registrations. */
export const registration = Type.Union(
  [
    Type.Enum([...MODES], {}),
    mapping({
      mode: optional(
        Type.Enum([...MODES], {
          description:
            '`here`: our own registrar keeps them (see `registrar`). `pass`: the PBX that the routes lead to does. `refuse`: nobody registers.',
          examples: ['pass'],
        }),
      ),
      refresh: optional(
        duration({
          description:
            'With `pass`: how often clients refresh, which keeps their way through NAT open. The edge answers that itself and tells the PBX only every `renew`.',
          examples: ['60s'],
          least: '10s',
          most: '1h',
        }),
      ),
      renew: optional(
        duration({
          description: 'How often the PBX hears of a registration that `refresh` keeps.',
          default: '30m',
          least: '30s',
          most: '1d',
        }),
      ),
    }),
  ],
  {
    description: 'What becomes of the registrations of its clients. Default: `here` when there is a section `registrar`, else `pass`.',
    examples: ['pass', { mode: 'pass', refresh: '60s', renew: '30m' }],
    expects: '"here", "pass", "refuse", or a mapping with mode, refresh and renew',
  },
)

/** Of a zone: whose targets are a registrar. */
export const registrarWay = Type.Enum([...REGISTRAR_WAYS], {
  description:
    "How the PBX of this zone finds the way back to clients that registered with it through us: `path` (RFC 3327; Kamailio, OpenSIPS, Asterisk with `support_path`), `contact` (it knows no Path: the Contact becomes one of ours), or `auto` (Path, until the PBX's answer shows that it took no notice).",
  default: 'auto',
})

/** Of a zone: clients that vanish. */
export const lost = mapping(
  {
    registration: optional(duration({ description: 'Then what it registered ends.', default: '5s', least: '0s', most: '1h' })),
    calls: optional(duration({ description: 'Then the other side of its calls gets a BYE.', default: '20s', least: '0s', most: '1h' })),
    'tell-registrar': optional(
      Type.Boolean({
        description:
          'The registrar behind us is told, too, with the credentials that the client showed last; a registrar that insists on new ones keeps the binding until it expires.',
        default: true,
      }),
    ),
  },
  {
    description: 'What follows when the connection of a client is gone (a closed tab), with the time that it has to come back.',
    examples: [{ calls: '10s' }],
  },
)

/** Of a zone: routers between us and its clients. */
export const nat = Type.Union(
  [
    Type.Enum(['auto', 'off'], {}),
    mapping({
      tests: optional(
        Type.Array(Type.Enum([...NAT_TESTS], {}), {
          description: 'What shows that a client is behind NAT; any of them does. Default: all.',
          examples: [['contact-private', 'via-address']],
        }),
      ),
      local: optional(
        Type.Array(text({ expects: 'an IP address or network such as 10.0.0.0/8' }), {
          description: 'Networks that are directly reachable: who comes from there is not behind NAT, whatever it shows.',
          examples: [['10.0.0.0/8']],
        }),
      ),
      'keep-alive': optional(
        durationOrOff({
          description: 'Between two packets that keep the way to a client open.',
          default: '30s',
          least: '5s',
          most: '10m',
        }),
      ),
      by: optional(
        Type.Enum(['options', 'packet'], {
          description:
            '`options`: a request whose answer shows that the client lives. `packet`: four bytes (UDP alone), which nobody answers.',
          default: 'options',
        }),
      ),
      losses: optional(
        count({ description: 'Unanswered requests in a row after which it is lost.', default: 4, minimum: 1, maximum: 100 }),
      ),
      lost: optional(
        Type.Enum(['mark', 'drop'], {
          description: 'What becomes of a lost one: shown as such, or its registration ends.',
          default: 'drop',
        }),
      ),
    }),
  ],
  {
    description: 'Routers between us and the clients of this zone. Default: `auto` for kinds phones and webrtc.',
    examples: [{ local: ['10.0.0.0/8'], 'keep-alive': '20s' }],
    expects: '"auto", "off", or a mapping such as { local: [ 10.0.0.0/8 ] }',
  },
)

/** Our own registrar. */
export const registrar = mapping(
  {
    domains: optional(
      oneOrMany(text({ expects: 'a host name such as example.com' }), {
        description: 'Domains of the addresses that it keeps (the host of a Request-URI). Default: `name`.',
        examples: ['example.com'],
      }),
    ),
    contacts: optional(count({ description: 'Most contacts of one address; beyond it 403.', default: 10, minimum: 1, maximum: 100 })),
    'least-expires': optional(duration({ description: 'Who asks for less gets 423.', default: '60s', least: '5s', most: '1d' })),
    expires: optional(duration({ description: 'For who asks for nothing.', default: '10m', least: '5s', most: '1d' })),
    'most-expires': optional(duration({ description: 'Who asks for more gets this.', default: '1h', least: '5s', most: '7d' })),
  },
  {
    description:
      'Our own registrar, for sites without one. Its zones are those with `registration: here`; its users are managed in the web admin or with `edgeways user`.',
    examples: [{}, { domains: ['example.com'], contacts: 5 }],
  },
)

/** How clients show who they are. */
export const authentication = mapping(
  {
    realm: optional(
      text({ description: 'Realm of the challenges. Default: the first domain of `registrar`, else `name`.', examples: ['example.com'] }),
    ),
    algorithms: optional(
      oneOrMany(Type.Enum(['SHA-256', 'MD5'], {}), {
        description:
          'What is offered, in that order; clients take the first that they know (RFC 8760). Many look at the first one alone and know only MD5, some give up where they see another. Default: MD5, SHA-256.',
        examples: [['SHA-256', 'MD5'], 'MD5'],
      }),
    ),
    nonce: optional(duration({ description: 'A nonce is good for so long.', default: '5m', least: '10s', most: '1d' })),
    failures: optional(
      count({
        description: 'Wrong passwords from one address or for one user, within `failure-time`; whoever has more is refused without a look.',
        default: 20,
        minimum: 3,
        maximum: 10_000,
      }),
    ),
    'failure-time': optional(duration({ description: 'See `failures`.', default: '5m', least: '10s', most: '1d' })),
    tokens: optional(
      mapping(
        {
          'secret-file': optional(file({ description: 'File with the secret of HS256 signatures.', examples: ['/run/secrets/jwt'] })),
          'key-file': optional(
            file({ description: 'PEM file with the public key of RS256 or ES256 signatures.', examples: ['jwt-public.pem'] }),
          ),
          keys: optional(
            text({
              description: 'URL of a key set (JWKS, RFC 7517) with the public keys.',
              examples: ['https://login.example.com/.well-known/jwks.json'],
              expects: 'an https URL',
            }),
          ),
          issuer: optional(text({ description: 'What `iss` must be.', examples: ['https://login.example.com'] })),
          audience: optional(text({ description: 'What `aud` must name.', examples: ['sbc.example.com'] })),
          user: optional(text({ description: 'The claim that names the user.', default: 'sub' })),
        },
        {
          description:
            'Tokens of your web application (JWT, RFC 8898) instead of passwords: a page shows one when it registers and calls, and never holds a SIP password.',
          examples: [{ 'secret-file': '/run/secrets/jwt', audience: 'sbc.example.com' }],
        },
      ),
    ),
    'timed-secret-file': optional(
      file({
        description:
          'File with a secret for time-limited user names: user `EXPIRES:alice`, password the base64 of HMAC-SHA-1 over that (as for TURN). Clients that know digest alone can use them.',
        examples: ['/run/secrets/timed'],
      }),
    ),
  },
  { description: 'How clients of zones with `authenticate` show who they are.', examples: [{ realm: 'example.com' }] },
)

/** TURN for browsers. */
export const turn = mapping(
  {
    servers: oneOrMany(text({ expects: 'a TURN or STUN URI such as turn:turn.example.com:3478?transport=udp' }), {
      description: 'URIs of the servers.',
      examples: [['turn:turn.example.com:3478', 'turns:turn.example.com:5349']],
    }),
    'secret-file': file({
      description: 'File with the secret shared with the servers (coturn: `static-auth-secret`).',
      examples: ['/run/secrets/turn'],
    }),
    lifetime: optional(duration({ description: 'Credentials are good for so long.', default: '1h', least: '1m', most: '1d' })),
  },
  {
    description: 'Time-limited TURN credentials, for browsers that have shown who they are (docs/webrtc.md).',
    examples: [{ servers: ['turn:turn.example.com:3478'], 'secret-file': '/run/secrets/turn' }],
  },
)
