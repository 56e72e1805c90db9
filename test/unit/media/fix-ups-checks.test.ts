import { describe, expect, test } from 'vitest'
import { lostMedia, noCodecs, noMedia, onlyAudio, otherCount, rawFax } from '../../../src/media/fix-ups/checks.ts'
import { foreignPayloads } from '../../../src/media/fix-ups/foreign-payloads.ts'
import { MEDIA_PROFILES } from '../../../src/zones/media.ts'
import { bad, linesOnlyIn, onText, RECORDED, recorded, SDP_NAMES, sdpFixture, sdpOf } from '../sdp/fixtures.ts'

const { plain, sdes, teams, webrtc } = MEDIA_PROFILES

test('media §3: an SDP without m-line is refused', () => {
  expect(bad(noMedia(sdpOf('v=0\r\ns=-\r\n')))).toMatchObject({ status: 488, at: 'body' })
  for (const name of SDP_NAMES) expect(noMedia(sdpOf(sdpFixture(name)))).toBeUndefined()
})

test('RFC 3264 §6: an answer has as many m-lines as its offer', () => {
  const answer = sdpOf(sdpFixture('pbx-answer-pcmu'))
  expect(otherCount(answer, 1)).toBeUndefined()
  expect(otherCount(answer, 0)).toBeUndefined()
  expect(bad(otherCount(answer, 2))).toMatchObject({ status: 488, reason: 'Answer has 1 m-lines, its offer has 2' })
})

test('media §6: rtpengine gives back as many m-lines as it got', () => {
  for (const { made, sent } of RECORDED) expect(lostMedia(sdpOf(made), sent)).toBeUndefined()
  expect(bad(lostMedia(sdpOf(sdpFixture('pbx-answer-pcmu')), sdpFixture('pbx-offer-av-h264')))).toMatchObject({ status: 488 })
})

test('media §3: an m-line whose codecs are all gone is refused', () => {
  expect(bad(noCodecs(sdpOf('v=0\r\nm=audio 30000 RTP/AVP \r\n')))).toMatchObject({ status: 488, reason: expect.stringContaining('audio') })
  expect(bad(noCodecs(sdpOf(sdpFixture('pbx-offer-av-h264').replace('RTP/AVP 99', 'RTP/AVP '))))).toMatchObject({
    reason: expect.stringContaining('video'),
  })
  expect(noCodecs(sdpOf('v=0\r\nm=audio 0 RTP/AVP \r\n'))).toBeUndefined()
  for (const { made } of RECORDED) expect(noCodecs(sdpOf(made))).toBeUndefined()
})

describe('media §8: T.38', () => {
  const fax = sdpOf(sdpFixture('pbx-reoffer-t38'))

  test.each([sdes, teams, MEDIA_PROFILES['teams-bypass'], webrtc])('a raw offer toward $kind is refused', (profile) => {
    expect(bad(rawFax(fax, profile))).toMatchObject({ status: 488, reason: expect.stringContaining(profile.kind) })
  })

  test('toward plain RTP it goes on', () => {
    expect(rawFax(fax, plain)).toBeUndefined()
  })

  test('a section that is not used does no harm', () => {
    expect(rawFax(sdpOf(sdpFixture('fax-offer-audio-and-image')), teams)).toBeUndefined()
    expect(rawFax(sdpOf(sdpFixture('pbx-offer-g711')), teams)).toBeUndefined()
  })

  test('beside audio it is refused as well', () => {
    expect(
      bad(rawFax(sdpOf(sdpFixture('fax-offer-audio-and-image').replace('m=image 0 udptl', 'm=image 4200 UDPTL')), sdes)),
    ).toMatchObject({ status: 488 })
  })
})

describe('media §8: payload types that were not offered', () => {
  const offer = recorded('webrtc--plain', 0).made

  test('telephone-event 101 to an offer of 126', () => {
    expect(foreignPayloads(sdpFixture('pbx-answer-pcmu'), offer)).toEqual(['101 telephone-event/8000'])
    expect(foreignPayloads(sdpFixture('pbx-answer-pcmu-te126'), offer)).toEqual([])
    expect(foreignPayloads(sdpFixture('pbx-answer-g729'), offer)).toEqual(['18 G729/8000', '101 telephone-event/8000'])
  })

  test('numbers without a name are told too', () => {
    expect(foreignPayloads('v=0\r\nm=audio 9 RTP/AVP 3\r\n', offer)).toEqual(['3'])
  })

  test('each section by itself; not where it is rejected, is no RTP, or was not offered', () => {
    const av = sdpFixture('pbx-offer-av-h264')
    expect(foreignPayloads(sdpFixture('pbx-answer-av-h264'), av)).toEqual(['102 H264/90000'])
    expect(foreignPayloads(sdpFixture('pbx-answer-av-video-rejected'), av)).toEqual([])
    expect(foreignPayloads(sdpFixture('pbx-answer-av-h264'), sdpFixture('pbx-offer-g711'))).toEqual([])
    expect(foreignPayloads('v=0\r\nm=image 9 udptl t38\r\n', 'v=0\r\nm=image 9 udptl x\r\n')).toEqual([])
    expect(foreignPayloads('', offer)).toEqual([])
    expect(foreignPayloads(offer, '')).toEqual([])
  })
})

describe('T §4.1: Teams offers video', () => {
  const VIDEO = 'm=video 50030 RTP/SAVP 122\r\na=rtpmap:122 X-H264UC/90000\r\na=x-caps:122 263:1280:720\r\n'

  test('it is refused with port 0; other lines, also attributes that nobody knows, stay', () => {
    const written = `${sdpFixture('teams-offer-bypass-ice')}a=x-signaling-fb:* x-message app send:dsh\r\n${VIDEO}`
    expect(linesOnlyIn(written, onText(onlyAudio)(written))).toEqual(['m=video 50030 RTP/SAVP 122'])
    expect(linesOnlyIn(onText(onlyAudio)(written), written)).toEqual(['m=video 0 RTP/SAVP 122'])
  })

  test('without audio nothing is done: there has to be something to refuse', () => {
    const written = `v=0\r\n${VIDEO}`
    expect(onText(onlyAudio)(written)).toBe(written)
  })
})
