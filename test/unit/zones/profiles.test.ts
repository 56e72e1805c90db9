import { expect, test } from 'vitest'
import { canonicalName } from '../../../src/sip/headers/table.ts'
import { PROFILES, ZONE_KINDS } from '../../../src/zones/profiles.ts'
import { PROTECTED, ROUTING_HEADERS } from '../../../src/zones/protected.ts'

test('each kind of zone is one profile', () => {
  expect(ZONE_KINDS).toEqual(['trunk', 'teams', 'webrtc', 'phones'])
  expect(PROFILES.webrtc).toMatchObject({ reach: 'flow', admit: 'anyone', media: 'webrtc', probeSeconds: 0 })
  expect(PROFILES.phones).toMatchObject({ reach: 'flow', admit: 'anyone', media: 'transport', probeSeconds: 0 })
  expect(PROFILES.trunk).toMatchObject({
    reach: 'address',
    admit: 'targets',
    media: 'transport',
    keys: 'any',
    contact: 'keep',
    clientCertificate: 'none',
    probeSeconds: 30,
  })
  expect(PROFILES.teams).toMatchObject({
    reach: 'address',
    admit: 'published',
    media: 'teams',
    keys: 'rsa',
    contact: 'ours',
    clientCertificate: 'request',
    probeSeconds: 60,
  })
})

test('protected headers have canonical names', () => {
  for (const name of PROTECTED) expect(canonicalName(name)).toBe(name)
  for (const name of ROUTING_HEADERS) expect(PROTECTED.has(name)).toBe(true)
})
