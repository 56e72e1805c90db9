import Type, { type Static } from 'typebox'
import { alarms } from './schema/alarms.ts'
import { certificates } from './schema/certificates.ts'
import { file, mapping, optional, text } from './schema/fragment.ts'
import { listeners } from './schema/listeners.ts'
import { media } from './schema/media.ts'
import { emergency } from './schema/peers.ts'
import { authentication, registrar, turn } from './schema/registration.ts'
import { routes } from './schema/routes.ts'
import { admin, limits, log, timers, trace } from './schema/settings.ts'
import { zones } from './schema/zones.ts'
import type { SchemaNode } from './tree.ts'

/** The whole file. Types, validation, defaults, docs/configuration.md and the editor's schema are made from this. */
export const CONFIG_SCHEMA = mapping(
  {
    name: optional(
      text({
        description: 'Our public name: what tls and wss listeners advertise. Also EDGEWAYS_NAME.',
        expects: 'a host name such as sbc.example.com',
        examples: ['sbc.example.com'],
      }),
    ),
    'public-address': optional(
      text({
        description:
          'Our public IP address when this host is behind 1:1 NAT; leave it out when the host owns its address. Also EDGEWAYS_PUBLIC_ADDRESS.',
        expects: 'an IP address such as 203.0.113.5',
        examples: ['203.0.113.5'],
      }),
    ),
    listeners,
    zones,
    routes: optional(routes),
    media: optional(media),
    registrar: optional(registrar),
    authentication: optional(authentication),
    turn: optional(turn),
    emergency: optional(emergency),
    certificates: optional(certificates),
    limits: optional(limits),
    timers: optional(timers),
    log: optional(log),
    trace: optional(trace),
    admin: optional(admin),
    alarms: optional(alarms),
    policy: optional(
      file({
        description: 'A TypeScript module that sees each classified request and may decide instead of the routes.',
        examples: ['policy.ts'],
        requiresRestart: true,
      }),
    ),
    'server-header': optional(
      Type.String({
        description: 'Server and User-Agent text of what we originate; "" for none.',
        default: 'Edgeways',
        maxLength: 128,
        pattern: '^[\\x20-\\x7e]*$',
        expects: 'printable ASCII text of up to 128 characters',
      }),
    ),
    demo: optional(
      Type.Union([Type.Boolean(), text({ expects: 'a loopback address such as 127.0.0.1:5090' })], {
        description: 'The demonstration PBX: true for 127.0.0.1:5090 (UDP), or another loopback address.',
        default: false,
        examples: [true, '127.0.0.1:5091'],
        requiresRestart: true,
      }),
    ),
  },
  { description: 'Configuration of Edgeways.' },
)

/** The file as written and checked against the schema, with defaults filled in. */
export type ConfigFile = Static<typeof CONFIG_SCHEMA>

/** The same, as what it is at run time: JSON Schema. */
export const SCHEMA: SchemaNode = CONFIG_SCHEMA as unknown as SchemaNode
