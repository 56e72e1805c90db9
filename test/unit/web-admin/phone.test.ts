import { describe, expect, test } from 'vitest'
import { type Entry, figuresOf } from '../../../web-admin/src/phone/figures.ts'
import { causeText, iceText, microphoneText, refusalText, targetOf } from '../../../web-admin/src/words/phone.ts'
import { natText, standingOf } from '../../../web-admin/src/words/registration.ts'
import { aliasesOf, subscriberStanding } from '../../../web-admin/src/words/subscriber.ts'

/** As Chromium says it, shortened. */
const REPORT: readonly Entry[] = [
  {
    id: 'T1',
    type: 'transport',
    dtlsState: 'connected',
    dtlsRole: 'client',
    tlsVersion: 'FEFD',
    dtlsCipher: 'TLS_X',
    srtpCipher: 'AES_CM_128_HMAC_SHA1_80',
    iceState: 'connected',
    selectedCandidatePairId: 'P2',
    packetsReceived: 90,
    bytesReceived: 9000,
  },
  { id: 'P1', type: 'candidate-pair', state: 'failed', localCandidateId: 'L2', remoteCandidateId: 'R1' },
  {
    id: 'P2',
    type: 'candidate-pair',
    state: 'succeeded',
    nominated: true,
    localCandidateId: 'L1',
    remoteCandidateId: 'R1',
    currentRoundTripTime: 0.002,
  },
  { id: 'L1', type: 'local-candidate', candidateType: 'relay', address: '2001:db8::1', port: 4000, protocol: 'udp', relayProtocol: 'tls' },
  { id: 'R1', type: 'remote-candidate', candidateType: 'host', address: '192.0.2.9', port: 30_000, protocol: 'udp' },
  { id: 'C1', type: 'codec', mimeType: 'audio/opus', clockRate: 48_000 },
  { id: 'C0', type: 'codec', mimeType: 'audio/PCMU', clockRate: 8000 },
  { id: 'O1', type: 'outbound-rtp', kind: 'audio', codecId: 'C1', packetsSent: 100, bytesSent: 12_000 },
  {
    id: 'I1',
    type: 'inbound-rtp',
    kind: 'audio',
    codecId: 'C0',
    packetsReceived: 95,
    bytesReceived: 11_000,
    packetsLost: 5,
    jitter: 0.004,
  },
  { id: 'M1', type: 'remote-inbound-rtp', kind: 'audio', fractionLost: 0.02, roundTripTime: 0.018 },
]

describe('the figures of a call', () => {
  test('codecs, keys, the selected way, and what was lost in both directions', () => {
    expect(figuresOf(REPORT)).toEqual({
      sentCodec: 'opus/48000',
      heardCodec: 'PCMU/8000',
      dtlsState: 'connected',
      dtlsRole: 'client',
      dtlsVersion: 'DTLS 1.2',
      dtlsCipher: 'TLS_X',
      srtpCipher: 'AES_CM_128_HMAC_SHA1_80',
      iceState: 'connected',
      local: { type: 'relay', address: '[2001:db8::1]:4000', protocol: 'tls' },
      remote: { type: 'host', address: '192.0.2.9:30000', protocol: 'udp' },
      sentPackets: 100,
      sentBytes: 12_000,
      heardPackets: 95,
      heardBytes: 11_000,
      lost: 5,
      lostPercent: 5,
      jitterMs: 4,
      missedPercent: 2,
      roundTripMs: 18,
    })
  })

  test('while it is held there is no entry for what is heard: the transport counts on; a round trip of nothing is that of ICE', () => {
    const held = REPORT.filter(({ type }) => type !== 'inbound-rtp').map((one) => (one.id === 'M1' ? { ...one, roundTripTime: 0 } : one))
    expect(figuresOf(held)).toMatchObject({
      heardPackets: 90,
      heardBytes: 9000,
      heardCodec: undefined,
      jitterMs: undefined,
      roundTripMs: 2,
    })
  })

  test('a browser that names no selected pair, and one that says nothing yet', () => {
    const firefox = REPORT.filter(({ type }) => type !== 'transport')
    expect(figuresOf(firefox)).toMatchObject({ local: { type: 'relay' }, dtlsRole: undefined, srtpCipher: undefined })
    expect(figuresOf([])).toMatchObject({
      sentPackets: 0,
      heardPackets: 0,
      lostPercent: undefined,
      local: undefined,
      roundTripMs: undefined,
    })
  })
})

describe('the words of the test phone', () => {
  test.each([
    [' +44 (20) 7946-0123 ', 'sip:+442079460123@example.com'],
    ['201', 'sip:201@example.com'],
    ['echo', 'sip:echo@example.com'],
    ['anna@other.example', 'sip:anna@other.example'],
    ['sip:anna@other.example;transport=tls', 'sip:anna@other.example;transport=tls'],
    ['', undefined],
    ['anna example', undefined],
    ['"x" <sip:a@b>', undefined],
  ])('%j is called as %s', (typed, target) => {
    expect(targetOf(typed, 'example.com')).toBe(target)
  })

  test('why a call did not come about', () => {
    expect(refusalText(486, 'Busy Here')).toBe('Busy (486 Busy Here)')
    expect(refusalText(499, 'Odd')).toBe('499 Odd')
    expect(causeText('Request Timeout')).toBe('The edge did not answer in time')
    expect(causeText('Else')).toBe('Else')
  })

  test('why there is no microphone, and what to do: each names the tone as the way out', () => {
    const cases = [
      ['NotAllowedError', true, 'refused'],
      ['NotFoundError', true, 'no such microphone'],
      ['NotReadableError', true, 'does not answer'],
      ['TypeError', false, 'not loaded securely'],
      ['OddError', true, 'OddError'],
    ] as const
    for (const [name, secure, part] of cases) {
      const { text, remedy } = microphoneText(name, secure)
      expect(text).toContain(part)
      expect(remedy).toContain('test tone')
    }
  })

  test('how ICE stands', () => {
    expect([iceText('connected'), iceText('failed'), iceText(undefined)].map(({ level }) => level)).toEqual(['ok', 'error', 'busy'])
    expect(iceText('failed').remedy).toContain('UDP')
  })
})

test('how a registration stands, and what shows NAT', () => {
  expect(standingOf({})).toEqual({ level: 'ok', text: 'Reachable' })
  expect(standingOf({ losses: 2 })).toEqual({ level: 'warn', text: '2 keep-alives unanswered' })
  expect(standingOf({ lostSince: '2026-01-01T00:00:00Z', losses: 2 }).text).toBe('Connection lost')
  expect(natText(['contact-private', 'odd'])).toBe('its Contact has a private address; odd')
})

test('how a subscriber stands, and numbers as people write them', () => {
  const fine = { enabled: true, password: true }
  expect(subscriberStanding(fine)).toEqual({ level: 'ok', text: 'Enabled' })
  expect(subscriberStanding({ ...fine, enabled: false }).text).toBe('Disabled')
  expect(subscriberStanding({ ...fine, password: false }).level).toBe('warn')
  expect(subscriberStanding({ ...fine, password: false, otherRealm: 'old' }).remedy).toContain('realm old')
  expect(aliasesOf(' 201, +44 20 7946, ,201')).toEqual(['201', '+44207946'])
})
