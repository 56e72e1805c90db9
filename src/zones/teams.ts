import { PLAIN_DIALECT } from './dialect.ts'
import type { ZoneProfile } from './zone.ts'

/**
 * Microsoft Teams Direct Routing: TLS with certificates both ways, and a dialect of its own.
 *
 * - No alias (RFC 5923): what we send goes over connections that we opened; these are renewed at least once an hour.
 * - Our name stands in Record-Route and Contact alike: by which of both the hub finds its tenant, documents disagree.
 * - REFER is not offered: only a B2BUA could answer it. Then the hub transfers by itself.
 * - After any final answer but 503 no other hub is asked: each would ring the same phones once more. And a hub that refuses OPTIONS refuses calls.
 * - It gives a trunk ten seconds, and then tries its next one; a 503 a little earlier lets it do so at once.
 */
export const teams = {
  reach: 'address',
  admit: 'published',
  clientCertificate: 'request',
  media: 'teams',
  contact: 'ours',
  keys: 'rsa',
  failover: 'unavailable',
  alive: ['2xx'],
  probeSeconds: 60,
  peers: { roots: ['microsoft'], usage: 'server' },
  connections: { share: false, renewMs: 55 * 60_000 },
  dialect: {
    ...PLAIN_DIALECT,
    methods: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'NOTIFY'],
    without: ['100rel', 'replaces'],
    userPhone: true,
    redirections: 'history-info',
    moved: 'follow',
    offers: 'always',
  },
  trusted: true,
  patienceMs: 8000,
  headers: [{ kind: 'set', name: 'x-ms-sbc', display: 'X-MS-SBC', value: 'Edgeways/Edgeways/{version}' }],
} as const satisfies ZoneProfile
