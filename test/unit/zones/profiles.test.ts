import { expect, test } from 'vitest'
import { canonicalName } from '../../../src/sip/headers/table.ts'
import { PROFILES, ZONE_KINDS } from '../../../src/zones/profiles.ts'
import { PROTECTED, ROUTING_HEADERS } from '../../../src/zones/protected.ts'

test('each kind of zone is one profile', () => {
  expect(ZONE_KINDS).toEqual(['trunk', 'teams', 'webrtc', 'phones'])
  expect(PROFILES.webrtc).toMatchObject({ reach: 'flow', admit: 'anyone', media: 'webrtc', probe: false })
  expect(PROFILES.phones).toMatchObject({ reach: 'flow', admit: 'anyone', media: 'transport', probe: false })
  expect(PROFILES.trunk).toMatchObject({
    reach: 'address',
    admit: 'targets',
    media: 'transport',
    keys: 'any',
    contact: 'keep',
    clientCertificate: 'none',
    probe: true,
  })
  expect(PROFILES.teams).toMatchObject({
    reach: 'address',
    admit: 'targets',
    media: 'teams',
    keys: 'rsa',
    contact: 'keep',
    clientCertificate: 'request',
    probe: true,
  })
})

test('protected headers have canonical names', () => {
  for (const name of PROTECTED) expect(canonicalName(name)).toBe(name)
  for (const name of ROUTING_HEADERS) expect(PROTECTED.has(name)).toBe(true)
})
