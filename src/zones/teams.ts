import type { ZoneProfile } from './zone.ts'

/** Microsoft Teams Direct Routing: TLS both ways, and it shows a certificate when asked. */
export const teams = {
  reach: 'address',
  admit: 'targets',
  clientCertificate: 'request',
  media: 'teams',
  contact: 'keep',
  keys: 'rsa',
  probe: true,
} as const satisfies ZoneProfile
