import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isProblem } from '../../../src/base/problem.ts'
import { EMPTY_MEMORY, type FixedSdp, fixReceived, fixToSend, type SdpRole } from '../../../src/media/fix-ups.ts'
import type { LegMemory } from '../../../src/media/types.ts'
import { MEDIA_KINDS, MEDIA_PROFILES, type MediaKind, type MediaLeg } from '../../../src/zones/media.ts'
import { anySdp, bad, good, linesOnlyIn, RECORDED, recorded, SDP_NAMES, sdpFixture } from '../sdp/fixtures.ts'

const leg = (kind: MediaKind): MediaLeg => ({
  zone: kind,
  profile: MEDIA_PROFILES[kind],
  policy: {
    anchored: true,
    kind,
    interface: undefined,
    set: 'default',
    codecs: { order: undefined, strip: [], transcode: [] },
    dtmf: 'pass',
    ice: undefined,
    maxBundle: true,
    record: false,
  },
})
const [plain, sdes, teams, bypass, browser] = MEDIA_KINDS.map(leg) as [MediaLeg, MediaLeg, MediaLeg, MediaLeg, MediaLeg]

const received = (sdp: string, role: SdpRole, from: MediaLeg, to: MediaLeg, memory = EMPTY_MEMORY): FixedSdp =>
  good(fixReceived(sdp, role, from, to, memory))
const sent = (made: string, role: SdpRole, from: MediaLeg, to: MediaLeg, memory = EMPTY_MEMORY, as = made): FixedSdp =>
  good(fixToSend(made, role, from, to, memory, as))
const mLines = (sdp: string): readonly string[] => sdp.split('\r\n').filter((line) => line.startsWith('m='))

describe('before rtpengine', () => {
  test('plain RTP stays as it is', () => {
    for (const name of SDP_NAMES.filter((one) => /^(?:pbx-(?!offer-savp)|fax)/.test(one)))
      expect(received(sdpFixture(name), 'offer', plain, plain).sdp).toBe(sdpFixture(name))
  })

  test('media §6: an SDES offer has one key, a browser’s offer one transport each', () => {
    expect(received(sdpFixture('teams-offer-bypass-ice'), 'offer', bypass, plain).sdp.match(/a=crypto/g)).toHaveLength(1)
    expect(mLines(received(sdpFixture('chrome-offer-av-maxbundle-port9'), 'offer', browser, plain).sdp)[1]).toMatch(/^m=video 0 /)
  })

  test('what only browsers do is not looked for in others, nor in answers', () => {
    const written = sdpFixture('chrome-offer-av-maxbundle-port9')
    expect(received(written, 'offer', plain, plain).sdp).toBe(written)
    expect(received(written, 'answer', browser, plain).sdp).toBe(written)
  })

  test('media §6: an answer gets the tag that our offer had', () => {
    const { memory } = sent(recorded('plain--bypass', 0).made.replace('a=crypto:1 ', 'a=crypto:6 '), 'offer', plain, bypass)
    expect(memory.cryptoTags).toEqual([6])
    const answer = received(sdpFixture('teams-answer-bypass-ice-two-crypto'), 'answer', bypass, plain, memory)
    expect(answer.sdp.match(/a=crypto.*/g)).toEqual([
      'a=crypto:6 AES_CM_128_HMAC_SHA1_80 inline:oz2bF+NRy4WyLXYScQhwGOqTE87RB5FkGfTx3Lw2|2^31',
    ])
    expect(answer.memory.cryptoTags).toEqual([6])
  })

  test.each([
    ['no SDP', 'Signal=5\r\n', 'offer', plain, 400],
    ['no m-line', 'v=0\r\ns=-\r\n', 'offer', plain, 488],
    ['too long', `v=0\r\n${'a'.repeat(70_000)}`, 'offer', plain, 413],
    ['T.38 to SRTP', sdpFixture('pbx-reoffer-t38'), 'offer', teams, 488],
    ['neither key nor fingerprint', sdpFixture('chrome-offer-audio').replace(/a=fingerprint.*\r\n/, ''), 'offer', plain, 488],
    ['no usable key', sdpFixture('tlsphone-offer-sdes').replaceAll('_CM_', '_XX_'), 'offer', plain, 488],
  ] as const)('refused: %s', (_what, sdp, role, to, status) => {
    expect(bad(fixReceived(sdp, role, sdes, to, EMPTY_MEMORY))).toMatchObject({ status })
  })

  test('media §8: T.38 as an answer, and toward plain, goes on', () => {
    received(sdpFixture('pbx-reoffer-t38'), 'offer', plain, plain)
    received(sdpFixture('fax-answer-t38'), 'answer', plain, teams)
  })

  test('RFC 3264 §6: an answer with other m-lines than our offer had is refused', () => {
    const { memory } = sent(sdpFixture('pbx-offer-av-h264'), 'offer', plain, plain)
    expect(memory.sections).toBe(2)
    expect(bad(fixReceived(sdpFixture('pbx-answer-pcmu'), 'answer', plain, plain, memory))).toMatchObject({ status: 488 })
    received(sdpFixture('pbx-answer-av-h264'), 'answer', plain, plain, memory)
  })
})

describe('after rtpengine', () => {
  test('media §6: from a browser to Teams: slim, and no hold but inactive', () => {
    const { made, sent: written } = recorded('webrtc--teams', 0)
    const { sdp } = sent(made.replace('a=sendrecv', 'a=sendonly'), 'offer', browser, teams, EMPTY_MEMORY, written)
    expect(linesOnlyIn(sdp, made)).toEqual(['a=inactive'])
    expect(sdp).not.toMatch(/a=(?:msid|ssrc|rtcp-fb|mid)/)
  })

  test('between browsers their attributes stay', () => {
    const { made, sent: written } = recorded('webrtc--webrtc', 0)
    expect(linesOnlyIn(made, sent(made, 'offer', browser, browser, EMPTY_MEMORY, written).sdp)).toEqual([])
  })

  test('what rtpengine made for two plain sides stays as it is', () => {
    const { made, sent: written } = recorded('plain--plain', 0)
    expect(sent(made, 'offer', plain, plain, EMPTY_MEMORY, written).sdp).toBe(made)
  })

  test.each([
    ['nothing', '', 488],
    ['no SDP', 'x', 400],
    ['no codec', 'v=0\r\nm=audio 30000 RTP/AVP \r\n', 488],
    ['one m-line of two', 'v=0\r\nm=audio 30000 RTP/AVP 0\r\n', 488],
  ])('refused: %s', (what, made, status) => {
    const written = what === 'one m-line of two' ? sdpFixture('pbx-offer-av-h264') : sdpFixture('pbx-offer-g711')
    expect(bad(fixToSend(made, 'offer', plain, plain, EMPTY_MEMORY, written))).toMatchObject({ status })
  })

  test('RFC 3264 §6: an answer with other m-lines than the receiver offered is refused', () => {
    const { memory } = received(sdpFixture('pbx-offer-av-h264'), 'offer', plain, plain)
    expect(bad(fixToSend(sdpFixture('pbx-answer-pcmu'), 'answer', plain, plain, memory, sdpFixture('pbx-answer-pcmu')))).toMatchObject({
      status: 488,
    })
  })
})

describe('a browser and its BUNDLE group', () => {
  const audioAnswer = recorded('webrtc--plain', 1)
  const offered = (name: string, memory = EMPTY_MEMORY) => received(sdpFixture(name), 'offer', browser, plain, memory)
  const answered = (made: string, memory: LegMemory) => sent(made, 'answer', plain, browser, memory)
  const VIDEO = 'm=video 30002 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n'

  test('media §6: INTEROP(Chromium): the answer to audio alone has the group', () => {
    const { memory } = offered('chrome-offer-audio')
    expect(memory).toEqual({ sections: 1, mids: ['0'], cryptoTags: [], bundle: 'offered' })
    const answer = answered(audioAnswer.made, memory)
    expect(answer.sdp).toContain('a=group:BUNDLE 0\r\n')
    expect(answer.memory.bundle).toBe('only')
  })

  describe('of a zone whose pages never set max-bundle', () => {
    const open: MediaLeg = { ...browser, policy: { ...browser.policy, maxBundle: false } }

    test('audio alone gets no group, so video can be added: it trickles, and has a transport of its own', () => {
      const { memory } = received(sdpFixture('chrome-offer-audio'), 'offer', open, plain)
      const answer = sent(audioAnswer.made, 'answer', plain, open, memory)
      expect(answer.sdp).toBe(audioAnswer.made)
      const later = received(sdpFixture('chrome-offer-av-maxbundle-port9'), 'offer', open, plain, answer.memory)
      expect(mLines(later.sdp)[1]).toMatch(/^m=video 9 /)
      expect(later.memory.bundle).toBe('offered')
    })

    test('an offer to it has no group either', () => {
      const made = recorded('plain--webrtc', 0).made
      expect(sent(made, 'offer', plain, open).sdp).toBe(made)
    })

    test('one that has agreed on a group keeps it', () => {
      const memory: LegMemory = { ...EMPTY_MEMORY, sections: 2, mids: ['0', '1'], bundle: 'only' }
      expect(mLines(received(sdpFixture('chrome-offer-av-maxbundle-port9'), 'offer', open, plain, memory).sdp)[1]).toMatch(/^m=video 0 /)
    })
  })

  test('with nothing known of the offer too', () => {
    expect(answered(audioAnswer.made, EMPTY_MEMORY).sdp).toContain('a=group:BUNDLE 0\r\n')
  })

  test('RFC 9143 §7.3.1: an offer without group is answered without', () => {
    const { memory } = received(sdpFixture('chrome-offer-audio').replace('a=group:BUNDLE 0\r\n', ''), 'offer', browser, plain)
    expect(memory.bundle).toBe('none')
    expect(answered(audioAnswer.made, memory).sdp).toBe(audioAnswer.made)
  })

  test('media §6: max-bundle: rejected video comes back rejected, the group is of the audio', () => {
    const { memory } = offered('chrome-offer-av-maxbundle-port9')
    expect(memory).toMatchObject({ sections: 2, mids: ['0', '1'], bundle: 'only' })
    expect(answered(recorded('av-video-rejected-webrtc--plain', 1).made, memory).sdp).toContain('a=group:BUNDLE 0\r\n')
  })

  test('media §6: two accepted sections: no group, and the next offer may have both again', () => {
    const { memory } = offered('chrome-offer-av-bundle')
    const answer = answered(audioAnswer.made + VIDEO, memory)
    expect(answer.sdp).toBe(audioAnswer.made + VIDEO)
    const again = received(sdpFixture('chrome-offer-av-bundle'), 'offer', browser, plain, answer.memory)
    expect(again.sdp).toBe(sdpFixture('chrome-offer-av-bundle'))
  })

  test('a fork without video settles it as one, the one that is taken as two', () => {
    const { memory } = offered('chrome-offer-av-bundle')
    const early = answered(`${audioAnswer.made}${VIDEO.replace('30002', '0')}`, memory)
    expect(early.memory.bundle).toBe('only')
    expect(answered(audioAnswer.made + VIDEO, early.memory).memory.bundle).toBe('offered')
  })

  test('INTEROP(Chromium): once there is a group, a re-offer with video that leans on it has audio only', () => {
    const { memory } = answered(audioAnswer.made, offered('chrome-offer-audio').memory)
    expect(mLines(offered('chrome-offer-av-bundle', memory).sdp)[1]).toMatch(/^m=video 0 /)
  })

  test('INTEROP(Chromium): once there is a group, an offer to the browser keeps it and adds no section', () => {
    const { memory } = answered(audioAnswer.made, offered('chrome-offer-audio').memory)
    const offer = sent(audioAnswer.made + VIDEO, 'offer', plain, browser, memory)
    expect(offer.sdp).toContain('a=group:BUNDLE 0\r\n')
    expect(mLines(offer.sdp)[1]).toMatch(/^m=video 0 /)
    expect(offer.memory).toMatchObject({ sections: 2, bundle: 'only' })
  })

  test('a browser that answers our group has agreed to it', () => {
    const offer = sent(recorded('plain--webrtc', 0).made, 'offer', plain, browser)
    expect(offer.sdp).toContain('a=group:BUNDLE 1\r\n')
    expect(offer.memory.bundle).toBe('unknown')
    expect(received(sdpFixture('chrome-answer-audio-pcmu'), 'answer', browser, plain, offer.memory).memory).toMatchObject({
      mids: ['0'],
      bundle: 'only',
    })
  })

  test('a first offer with video has both, without a group: no policy is known yet', () => {
    const made = audioAnswer.made + VIDEO
    expect(sent(made, 'offer', plain, browser).sdp).toBe(made)
  })

  test('media §6: INTEROP(Chromium): after a restart of rtpengine the browser sees its own mids, in the group too', () => {
    const { memory } = offered('chrome-offer-audio')
    const { sdp } = sent(recorded('plain--webrtc', 0).made, 'offer', plain, browser, memory)
    expect(sdp).toContain('a=group:BUNDLE 0\r\n')
    expect(sdp).toContain('a=mid:0\r\n')
    expect(sdp).not.toContain('a=mid:1\r\n')
  })
})

describe('what is remembered of a leg', () => {
  test('mids of an SDP that has none are those of the one before', () => {
    const { memory } = received(sdpFixture('teams-offer-nonbypass'), 'offer', teams, plain)
    expect(memory.mids).toEqual(['1'])
    expect(received(sdpFixture('pbx-offer-two-audio'), 'offer', teams, plain, memory).memory).toMatchObject({
      mids: ['1', undefined],
      sections: 2,
    })
  })

  test('RFC 5888 §9.1: a browser’s answer keeps the mid that the other side gave', () => {
    const { memory } = received(sdpFixture('teams-offer-nonbypass'), 'offer', teams, browser)
    const { made, sent: written } = recorded('teams--webrtc', 1)
    expect(sent(made, 'answer', browser, teams, memory, written).sdp).toBe(made)
  })

  test('an answer does not change the tags of our offer, an offer does', () => {
    const memory: LegMemory = { ...EMPTY_MEMORY, cryptoTags: [4] }
    expect(sent(recorded('sdes--plain', 1).made, 'answer', plain, sdes, memory).memory.cryptoTags).toEqual([4])
    expect(sent(recorded('plain--sdes', 0).made, 'offer', plain, sdes, memory).memory.cryptoTags).toEqual([1])
    expect(sent(recorded('plain--plain', 0).made, 'offer', plain, plain, memory).memory.cryptoTags).toEqual([undefined])
  })
})

describe('twice is once', () => {
  const anyLeg = fc.constantFrom(...MEDIA_KINDS.map(leg))
  const anyRole = fc.constantFrom<SdpRole>('offer', 'answer')
  const anyMemory = fc.record<LegMemory>({
    sections: fc.constant(0),
    mids: fc.array(fc.constantFrom('0', '1', '2', undefined), { maxLength: 3 }),
    cryptoTags: fc.array(fc.constantFrom(1, 2, 9, undefined), { maxLength: 3 }),
    bundle: fc.constantFrom('unknown', 'none', 'offered', 'only'),
  })
  const anyInput = fc.oneof(anySdp, fc.constantFrom(...SDP_NAMES.map(sdpFixture)), fc.constantFrom(...RECORDED.map(({ made }) => made)))

  test.each(['received', 'to send'])('%s', (which) => {
    let fixed = 0
    fc.assert(
      fc.property(anyInput, anyRole, anyLeg, anyLeg, anyMemory, (sdp, role, from, to, memory) => {
        const fix = (text: string, known: LegMemory) =>
          which === 'received' ? fixReceived(text, role, from, to, known) : fixToSend(text, role, from, to, known, text)
        const once = fix(sdp, memory)
        if (isProblem(once)) return
        fixed++
        expect(good(fix(once.sdp, memory)).sdp).toBe(once.sdp)
        const again = good(fix(once.sdp, once.memory))
        expect(again).toEqual(once)
        expect(once.sdp.split('\nm=').length).toBe(sdp.split('\nm=').length)
      }),
      { numRuns: 2000 },
    )
    expect(fixed).toBeGreaterThan(500)
  })
})
