import Type from 'typebox'
import { MEDIA_KINDS } from '../../zones/media.ts'
import { type Annotations, count, duration, mapping, nameOf, optional, text } from './fragment.ts'

const nodeAddress = (options: Annotations = {}) =>
  text({ expects: 'HOST:PORT of an ng socket, such as 10.0.0.5:2223', examples: ['10.0.0.5:2223'], ...options })

const node = Type.Union(
  [
    nodeAddress(),
    mapping({
      address: nodeAddress({ description: 'Its ng socket over UDP: IPv4 address or host name, with port.' }),
      name: optional(nameOf({ description: 'For log, metrics and admin; unique. Default: the address.', examples: ['media-a'] })),
      set: optional(nameOf({ description: 'The set that it belongs to; zones name the set they use.', default: 'default' })),
      weight: optional(count({ description: 'Share of the new calls in its set.', default: 1, minimum: 1, maximum: 65535 })),
      drain: optional(Type.Boolean({ description: 'No new calls; those there are go on.', default: false })),
    }),
  ],
  { expects: 'HOST:PORT of an ng socket, such as 10.0.0.5:2223, or { address: … }' },
)

const INTERFACE_NAME = '^[A-Za-z0-9_-]{1,64}$'
const INTERFACE_EXPECTED = 'a name of up to 64 letters, digits, "-" and "_"'

const ADDRESS = 'an IP address such as 10.0.0.5'

const interfaces = Type.Record(
  Type.String({ pattern: INTERFACE_NAME }),
  Type.Union(
    [
      text({ expects: ADDRESS }),
      mapping({
        address: text({ description: 'Address of this machine that media is sent from.', expects: ADDRESS, examples: ['10.0.0.5'] }),
        advertise: optional(
          text({
            description: 'Address that SDP shows instead, behind 1:1 NAT.',
            expects: 'an IP address such as 203.0.113.5',
            examples: ['203.0.113.5'],
          }),
        ),
      }),
    ],
    { expects: `${ADDRESS}, or { address: …, advertise: … }` },
  ),
  {
    additionalProperties: false,
    keys: INTERFACE_EXPECTED,
    description:
      'Logical interfaces of our own rtpengine. Default: one for each address that listeners are bound to; SDP shows what they advertise, ' +
      'and `public-address` for a name.',
    examples: [{ lan: '10.0.0.5', wan: { address: '10.0.0.5', advertise: '203.0.113.5' } }],
    requiresRestart: true,
  },
)

/** Media of the whole edge. */
export const media = Type.Union(
  [
    Type.Enum(['off'], { expects: '"off" or a mapping', requiresRestart: true }),
    mapping({
      rtpengine: optional(
        Type.Array(node, {
          description: 'rtpengines that somebody else runs: addresses of their ng sockets. Without it we run one ourselves.',
          examples: [['10.0.0.5:2223'], ['10.0.0.5:2223', { address: 'media2.example.com:2223', weight: 2 }]],
          minItems: 1,
          maxItems: 256,
        }),
      ),
      'without-rtpengine': optional(
        Type.Enum(['refuse', 'relay'], {
          description:
            'When no rtpengine is named and the program is not on this machine: `refuse` calls with 503, or `relay` their SDP untouched. Default: refuse.',
          examples: ['relay'],
        }),
      ),
      ports: optional(
        text({
          description: 'UDP ports of our own rtpengine, four for each call. Default: 30000-31999.',
          pattern: '^\\d{1,5}-\\d{1,5}$',
          expects: 'a range of ports such as 30000-31999',
          examples: ['30000-31999'],
          requiresRestart: true,
        }),
      ),
      sessions: optional(
        count({
          description: 'Most calls of our own rtpengine at one time. Default: what the ports suffice for.',
          examples: [500],
          minimum: 1,
          maximum: 100_000,
          requiresRestart: true,
        }),
      ),
      interfaces: optional(interfaces),
      'media-timeout': optional(
        Type.Enum(['end', 'report'], {
          description: 'When both sides of a call have been silent for too long: `end` it, or `report` it in the log.',
          default: 'end',
        }),
      ),
      'command-time': optional(
        duration({
          description: 'An rtpengine answers within this, or the next one is tried.',
          default: '2500ms',
          least: '500ms',
          most: '10s',
        }),
      ),
    }),
  ],
  {
    expects: '"off" or a mapping',
    description:
      'Media through rtpengine: one that we run ourselves, or those named; `off`: SDP crosses untouched, for every call. ' +
      'Going from one of these three to another needs a new start.',
    default: {},
    examples: [{ rtpengine: ['10.0.0.5:2223'] }, { ports: '30000-31999', 'without-rtpengine': 'relay' }, 'off'],
  },
)

const codecName = text({
  pattern: '^[A-Za-z0-9-]{1,32}(/\\d{1,6}(/\\d)?)?$',
  expects: "a codec's name as in SDP, such as PCMA or opus/48000/2",
})

const codecs = (description: string, example: readonly string[], minItems = 0) =>
  optional(Type.Array(codecName, { description, examples: [example], minItems, maxItems: 64 }))

/** Media of a zone, or of a target. */
export const policy = (of: 'zone' | 'target') =>
  Type.Union(
    [
      Type.Enum(['none'], { expects: '"none" or a mapping' }),
      mapping({
        profile: optional(
          Type.Enum([...MEDIA_KINDS], {
            description:
              'What it speaks. Default: by kind, `teams` or `webrtc`; else by transport: udp and tcp `plain`, tls `sdes`, ws and wss `webrtc`.',
            examples: ['plain'],
          }),
        ),
        interface: optional(
          text({
            description:
              "rtpengine's logical interface toward it. Default: that of the listeners, or the first one of rtpengines that others run.",
            pattern: INTERFACE_NAME,
            expects: INTERFACE_EXPECTED,
            examples: ['lan'],
          }),
        ),
        set: optional(
          nameOf({ description: 'The set of rtpengines for its calls. Default: `default`, or the only one.', examples: ['west'] }),
        ),
        codecs: optional(
          mapping(
            {
              order: codecs('What is offered to it, in this order, and nothing else.', ['PCMA', 'PCMU', 'telephone-event'], 1),
              strip: codecs('Never offered to it.', ['G729']),
              transcode: codecs('Offered to it in addition; rtpengine converts when it takes one of them.', ['PCMA', 'telephone-event']),
            },
            { description: 'Codecs that it is offered. Default: those of the other side.', examples: [{ strip: ['G729'] }] },
          ),
        ),
        dtmf: optional(
          Type.Enum(['pass', 'audio'], {
            description: '`audio`: it knows no telephone-event (RFC 4733), so keys reach it as tones. Default: pass.',
            examples: ['audio'],
          }),
        ),
        ice: optional(
          Type.Enum(['remove', 'force'], { description: 'ICE toward it. Default: as the profile has it.', examples: ['force'] }),
        ),
        'max-bundle': optional(
          Type.Boolean({
            description:
              'Pages of browsers here may set the bundle policy `max-bundle`. `false`: none does; then video can be added to a call, and can come with candidates that trickle. Default: true.',
            examples: [false],
          }),
        ),
        record: optional(Type.Boolean({ description: 'Record its calls. Default: false.', examples: [true] })),
      }),
    ],
    {
      expects: '"none" or a mapping',
      description:
        of === 'zone'
          ? 'Media of this zone; `none`: its SDP is left alone. Everything not written follows from kind and listeners.'
          : "Media of this target, each setting over the zone's own; `none`: its SDP is left alone.",
      examples: of === 'zone' ? ['none', { codecs: { order: ['PCMA', 'telephone-event'] } }] : ['none', { profile: 'sdes' }],
    },
  )
