import type { ZoneProfile } from './zone.ts'

/** A PBX, a voice server, a carrier: known addresses, plain SIP and RTP. */
export const trunk = {
  reach: 'address',
  admit: 'targets',
  clientCertificate: 'none',
  media: 'transport',
  contact: 'keep',
  keys: 'any',
  probe: true,
} as const satisfies ZoneProfile
