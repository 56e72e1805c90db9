import type { ZoneProfile } from './zone.ts'

/** TLS phones, wherever they are: reached through the connection they opened, SRTP with keys in the SDP. */
export const phones = {
  reach: 'flow',
  admit: 'anyone',
  clientCertificate: 'none',
  media: 'transport',
  contact: 'keep',
  keys: 'any',
  probe: false,
} as const satisfies ZoneProfile
