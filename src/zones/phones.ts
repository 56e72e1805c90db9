import { PLAIN_DIALECT } from './dialect.ts'
import type { ZoneProfile } from './zone.ts'

/** TLS phones, wherever they are: reached through the connection they opened, SRTP with keys in the SDP. */
export const phones = {
  reach: 'flow',
  admit: 'anyone',
  clientCertificate: 'none',
  media: 'transport',
  contact: 'keep',
  keys: 'any',
  failover: 'broken',
  alive: undefined,
  probeSeconds: 0,
  peers: undefined,
  connections: { share: true, renewMs: undefined },
  dialect: PLAIN_DIALECT,
  trusted: false,
  patienceMs: undefined,
  headers: [],
} as const satisfies ZoneProfile
