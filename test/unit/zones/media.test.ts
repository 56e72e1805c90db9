import { expect, test } from 'vitest'
import { MEDIA_KINDS, MEDIA_PROFILES, type MediaPolicy, mediaLeg } from '../../../src/zones/media.ts'
import { isPrivate } from '../../../src/zones/private.ts'

const policy: MediaPolicy = {
  anchored: true,
  kind: undefined,
  interface: undefined,
  set: 'default',
  codecs: { order: undefined, strip: [], transcode: [] },
  dtmf: 'pass',
  ice: undefined,
  maxBundle: true,
  record: false,
}

test.each([
  ['udp', 'RTP/AVP'],
  ['tcp', 'RTP/AVP'],
  ['tls', 'RTP/SAVP'],
  ['ws', 'UDP/TLS/RTP/SAVPF'],
  ['wss', 'UDP/TLS/RTP/SAVPF'],
] as const)('T10: a leg over %s speaks %s when nothing else is said', (transport, protocol) => {
  expect(mediaLeg('pbx', policy, transport).profile.protocol).toBe(protocol)
})

test.each(MEDIA_KINDS)('T10: a policy that names %s wins over the transport', (kind) => {
  expect(mediaLeg('pbx', { ...policy, kind }, 'udp').profile).toBe(MEDIA_PROFILES[kind])
})

test('media §5: another wish for ICE changes ICE alone, and never leaves a lite agent without it', () => {
  const leg = mediaLeg('phones', { ...policy, kind: 'teams-bypass', ice: 'remove' }, 'tls')
  expect(leg.profile).toEqual({ ...MEDIA_PROFILES['teams-bypass'], ice: 'remove', iceLite: false })
  expect(mediaLeg('phones', { ...policy, ice: 'remove' }, 'udp').profile).toBe(MEDIA_PROFILES.plain)
})

test('RFC 8445 §2.5: browsers that may add sections find a lite agent; others, and phones, do not', () => {
  expect(mediaLeg('browsers', { ...policy, maxBundle: false }, 'wss').profile).toEqual({ ...MEDIA_PROFILES.webrtc, iceLite: true })
  expect(mediaLeg('browsers', { ...policy, maxBundle: false, ice: 'remove' }, 'wss').profile.iceLite).toBe(false)
  expect(mediaLeg('browsers', policy, 'wss').profile).toBe(MEDIA_PROFILES.webrtc)
  expect(mediaLeg('phones', { ...policy, maxBundle: false }, 'tls').profile).toBe(MEDIA_PROFILES.sdes)
})

test.each(['10.1.2.3', '172.31.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', '169.254.1.1', '::1', 'fd00::1', 'fe80::1'])(
  'RFC 1918, 6598, 4193: %s means something on its own network only',
  (address) => {
    expect(isPrivate(address)).toBe(true)
  },
)

test.each(['203.0.113.5', '172.32.0.1', '100.128.0.1', '2001:db8::1', 'host.example.com'])('%s is no private address', (address) => {
  expect(isPrivate(address)).toBe(false)
})
