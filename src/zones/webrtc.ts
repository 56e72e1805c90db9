import type { ZoneProfile } from './zone.ts'

/** Browsers over WebSocket: no address of their own (RFC 7118 §5), DTLS-SRTP and ICE. */
export const webrtc = {
  reach: 'flow',
  admit: 'anyone',
  clientCertificate: 'none',
  media: 'webrtc',
  contact: 'keep',
  keys: 'any',
  probe: false,
} as const satisfies ZoneProfile
