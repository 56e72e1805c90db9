import { PLAIN_DIALECT } from './dialect.ts'
import type { ZoneProfile } from './zone.ts'

/** A PBX, a voice server, a carrier: known addresses, plain SIP and RTP. */
export const trunk = {
  reach: 'address',
  admit: 'targets',
  clientCertificate: 'none',
  media: 'transport',
  contact: 'keep',
  keys: 'any',
  failover: 'broken',
  alive: undefined,
  probeSeconds: 30,
  peers: undefined,
  connections: { share: true, renewMs: undefined },
  dialect: PLAIN_DIALECT,
  trusted: true,
  patienceMs: undefined,
  headers: [],
} as const satisfies ZoneProfile
