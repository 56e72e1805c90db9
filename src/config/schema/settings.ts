import Type from 'typebox'
import { count, duration, durationOrOff, mapping, nameOf, optional, size, sizeOrOff, text } from './fragment.ts'

export const limits = mapping(
  {
    'start-line': optional(size({ description: 'Longest start line.', default: '4k', least: '256', most: '64k' })),
    headers: optional(count({ description: 'Most header lines of a message.', default: 256, minimum: 16, maximum: 4096 })),
    head: optional(size({ description: 'Start line and headers together.', default: '64k', least: '1k', most: '1m' })),
    body: optional(size({ description: 'Longest body.', default: '256k', least: '1k', most: '16m' })),
    'message-time': optional(
      duration({ description: 'A message on a stream, once begun, is complete within this.', default: '10s', least: '100ms', most: '5m' }),
    ),
    'handshake-time': optional(
      duration({ description: 'TLS and WebSocket handshakes together.', default: '10s', least: '100ms', most: '5m' }),
    ),
    'connect-time': optional(
      duration({ description: 'Opening a connection to a destination.', default: '5s', least: '100ms', most: '2m' }),
    ),
    idle: optional(
      durationOrOff({ description: 'A connection without traffic is closed after this.', default: '1h', least: '10s', most: '7d' }),
    ),
    ping: optional(
      durationOrOff({ description: 'Interval of WebSocket pings; a missing pong closes.', default: '30s', least: '1s', most: '1h' }),
    ),
    connections: optional(count({ description: 'Most connections of one listener.', default: 20_000, minimum: 1, maximum: 1_000_000 })),
    'connections-per-source': optional(
      count({ description: 'Most connections from one address.', default: 2000, minimum: 1, maximum: 1_000_000 }),
    ),
    unsent: optional(size({ description: 'A peer that leaves so much unread is cut off.', default: '1m', least: '64k', most: '64m' })),
    transactions: optional(
      count({
        description: 'Most transactions at one time; beyond it new requests get 503, and emergency calls may be a tenth more.',
        default: 500_000,
        minimum: 100,
        maximum: 10_000_000,
      }),
    ),
    registrations: optional(
      count({
        description:
          'Most REGISTERs in one second from clients that have no registration through us, as after a restart; those behind them wait up to 8 s for their turn, and whoever comes when that line is full is told when to come back (503 with Retry-After).',
        default: 500,
        minimum: 1,
        maximum: 1_000_000,
      }),
    ),
    'datagram-buffer': optional(
      size({
        description: "Receive and send buffer of UDP sockets, within the system's own limit.",
        default: '4m',
        least: '64k',
        most: '256m',
        requiresRestart: true,
      }),
    ),
  },
  { description: 'Bounds on everything that a stranger can make grow.', default: {}, examples: [{ body: '512k', idle: '15m' }] },
)

export const timers = mapping(
  {
    t1: optional(
      duration({
        description: 'T1, the round-trip estimate (§17.1.1.1); the other transaction timers follow from it.',
        default: '500ms',
        least: '10ms',
        most: '10s',
      }),
    ),
    t2: optional(duration({ description: 'T2, the longest interval between retransmissions.', default: '4s', least: '10ms', most: '60s' })),
    t4: optional(duration({ description: 'T4, how long a message stays in the network.', default: '5s', least: '10ms', most: '60s' })),
    c: optional(
      duration({
        description: 'Timer C: an INVITE that rings longer is given up (§16.6: more than three minutes).',
        default: '190s',
        least: '181s',
        most: '1h',
      }),
    ),
    'key-rotation': optional(
      duration({
        description: 'A key that signs route state is replaced after this and stays valid for as long again; a dialog may last that long.',
        default: '1d',
        least: '1h',
        most: '20d',
        requiresRestart: true,
      }),
    ),
    stop: optional(
      duration({ description: 'How long a stop waits for transactions under way.', default: '10s', least: '100ms', most: '10m' }),
    ),
  },
  { description: 'Times of SIP and of the program.', default: {}, examples: [{ c: '5m' }] },
)

export const log = mapping(
  {
    level: optional(
      Type.Enum(['trace', 'debug', 'info', 'warn', 'error'], {
        description: 'Least severity that is logged. Also EDGEWAYS_LOG_LEVEL.',
        default: 'info',
      }),
    ),
  },
  { description: 'Logging.', default: {}, examples: [{ level: 'debug' }] },
)

export const trace = sizeOrOff({
  description:
    'Memory for the last SIP messages, decrypted, which the ladder of a call is drawn from; the oldest go first. `off`: none are kept. A zone can be left out with its own `trace: false`.',
  default: '16m',
  least: '64k',
  most: '4096m',
})

export const admin = mapping(
  {
    listen: text({
      description: 'Address of the admin listener: pages, API, health and metrics, over HTTPS. Also EDGEWAYS_ADMIN_LISTEN.',
      expects: 'an IP address with an optional port (8080), such as 127.0.0.1:8080',
      examples: ['127.0.0.1:8080'],
      requiresRestart: true,
    }),
    certificate: optional(
      nameOf({
        description:
          'Which of `certificates` it shows. Default: one that the development CA makes for the address and the name; browsers trust it ' +
          'once they trust that CA.',
        examples: ['main'],
        requiresRestart: true,
      }),
    ),
    websocket: optional(
      nameOf({
        description:
          'A zone whose clients may connect by WebSocket on this port, too, with path /sip: for sites where only one port is open. The origins are those of the zone.',
        examples: ['browsers'],
        requiresRestart: true,
      }),
    ),
    plain: optional(
      Type.Boolean({
        description:
          'HTTP without TLS, on a loopback address alone: for tests, and for a reverse proxy on this machine that speaks HTTPS and passes ' +
          'the Host header on. While nobody has an account, every program of this machine may then do what an operator may.',
        default: false,
        requiresRestart: true,
      }),
    ),
  },
  {
    description: 'The admin listener. Without this section there is none, and no metrics.',
    examples: [{ listen: '127.0.0.1:8080' }, { listen: '10.0.0.5:8443', certificate: 'main' }],
  },
)
