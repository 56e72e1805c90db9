import Type from 'typebox'
import { durationOrOff, file, mapping, named, nameOf, oneOrMany, optional, text } from './fragment.ts'

const ADDRESS = 'an IP address with an optional port, such as 10.0.0.5:5060 or [2001:db8::5]:5060'

const addresses = (label: string, port: number, example: string) =>
  oneOrMany(text({ expects: ADDRESS }), {
    description: `${label} address or list of addresses to bind: IP literal with optional port (${port}); IPv6 in brackets.`,
    examples: [example],
  })

const HOST = 'HOST, HOST:PORT, "public-address", "name" or "bind"'

const advertised = (label: string) =>
  optional(text({ description: `What the ${label} listeners of this group advertise.`, expects: HOST, examples: ['sbc.example.com'] }))

export const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const

const tlsSettings = mapping(
  {
    'min-version': optional(
      Type.Enum(TLS_VERSIONS, {
        description: 'Lowest TLS version accepted. Below 1.2 only together with `allow-legacy: true`.',
        default: '1.2',
      }),
    ),
    'allow-legacy': optional(
      Type.Boolean({ description: 'Permits TLS 1.0 and 1.1, which are broken, for devices that know nothing better.', default: false }),
    ),
    ciphers: optional(
      text({
        description: 'OpenSSL cipher list; without it, the built-in one.',
        examples: ['ECDHE+AESGCM:ECDHE+CHACHA20'],
        expects: 'an OpenSSL cipher list',
      }),
    ),
    'client-certificate': optional(
      Type.Enum(['none', 'request', 'require'], {
        description: 'Whether peers are asked for a certificate. Default: what the zones on this group need.',
        examples: ['request'],
      }),
    ),
    trust: optional(
      oneOrMany(file({}), {
        description: 'PEM file or files with the roots that peers are verified against; without it, the built-in ones.',
        examples: ['roots/microsoft.pem'],
      }),
    ),
    'verify-server': optional(Type.Boolean({ description: 'Verify the certificates of servers that we connect to.', default: true })),
  },
  { description: 'TLS settings of the tls and wss listeners of this group.' },
)

export const listeners = named(
  mapping({
    udp: optional(addresses('UDP', 5060, '10.0.0.5:5060')),
    tcp: optional(addresses('TCP', 5060, '10.0.0.5:5060')),
    tls: optional(addresses('TLS', 5061, '10.0.0.5:5061')),
    ws: optional(addresses('WebSocket (unencrypted)', 80, '127.0.0.1:8088')),
    wss: optional(addresses('Secure WebSocket', 443, '10.0.0.5:443')),
    advertise: optional(
      Type.Union(
        [
          text({ expects: HOST }),
          mapping({ udp: advertised('udp'), tcp: advertised('tcp'), tls: advertised('tls'), ws: advertised('ws'), wss: advertised('wss') }),
        ],
        {
          description:
            'What peers see in Via, Record-Route, Path and Contact: HOST, HOST:PORT, `public-address`, `name` or `bind`; or a mapping from transport to one of these. ' +
            'Default: tls and wss advertise `name`, else `public-address`, else the address bound; udp, tcp and ws the address bound.',
          examples: ['public-address', { udp: '203.0.113.5:5060' }],
        },
      ),
    ),
    names: optional(
      Type.Array(text({ expects: 'a host name such as tenant1.example.com' }), {
        description: 'Further public names (tenants) that this group may advertise, and recognises as its own.',
        examples: [['tenant1.example.com', 'tenant2.example.com']],
      }),
    ),
    certificate: optional(
      oneOrMany(nameOf({}), {
        description:
          'Certificates of the tls and wss listeners, chosen by the name a client asks for (SNI), the first without one. Default: all configured ones.',
        examples: ['main'],
      }),
    ),
    'tls-settings': optional(tlsSettings),
    idle: optional(
      durationOrOff({
        description: 'Connections without traffic are closed after this. Default: `limits.idle`.',
        examples: ['10m'],
        least: '10s',
        most: '7d',
      }),
    ),
    ping: optional(
      durationOrOff({
        description: 'Interval of WebSocket pings; a missing pong closes. Default: `limits.ping`.',
        examples: ['30s'],
        least: '1s',
        most: '1h',
      }),
    ),
    behind: optional(
      mapping(
        {
          proxies: Type.Array(text({ expects: 'an IP address or network such as 10.0.0.7' }), {
            description: 'Where these come from. Nobody else is believed.',
            examples: [['10.0.0.7']],
            minItems: 1,
          }),
          by: optional(
            Type.Enum(['forwarded-for', 'proxy-protocol'], {
              description:
                'How they tell who connects: `forwarded-for`, the header X-Forwarded-For of WebSocket handshakes (a reverse proxy), or `proxy-protocol`, the PROXY protocol (version 1 or 2) that each of their connections begins with (a load balancer).',
              default: 'forwarded-for',
            }),
          ),
        },
        {
          description: 'Reverse proxies or load balancers in front of the listeners of this group (tcp, tls, ws, wss).',
          examples: [{ proxies: ['10.0.0.7'], by: 'proxy-protocol' }],
        },
      ),
    ),
    'ipv6-only': optional(
      Type.Boolean({ description: 'A listener on [::] takes IPv6 alone; false: also IPv4.', default: true, requiresRestart: true }),
    ),
  }),
  {
    description:
      'Groups of sockets we own; a zone is `on` a group. Each address is one listener, named `group/transport`, with `#2` and so on from the second.',
    examples: [{ lan: { udp: '10.0.0.5:5060', tcp: '10.0.0.5:5060' }, web: { wss: '10.0.0.5:443' } }],
  },
)
