import { PLAIN_DIALECT } from './dialect.ts'
import type { ZoneProfile } from './zone.ts'

/** Browsers over WebSocket: no address of their own (RFC 7118 §5), DTLS-SRTP and ICE. */
export const webrtc = {
  reach: 'flow',
  admit: 'anyone',
  clientCertificate: 'none',
  media: 'webrtc',
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
