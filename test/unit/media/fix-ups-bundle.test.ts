import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupOne, insistsOnBundle, onlyFirst, rejectBundled } from '../../../src/media/fix-ups/bundle.ts'
import { anySdp, linesOnlyIn, onText, RECORDED, recorded, SDP_NAMES, sdpFixture, sdpOf } from '../sdp/fixtures.ts'

const refuse = onText((sdp) => rejectBundled(sdp, false))
const refuseAll = onText((sdp) => rejectBundled(sdp, true))
const group = onText(groupOne)
const first = onText(onlyFirst)

describe('an offer of a browser', () => {
  test('media §6: INTEROP(Chromium): max-bundle: video without a transport of its own is rejected', () => {
    const written = sdpFixture('chrome-offer-av-maxbundle-port9')
    expect(refuse(written)).toBe(written.replace('m=video 9 ', 'm=video 0 '))
    expect(insistsOnBundle(sdpOf(written))).toBe(true)
    expect(insistsOnBundle(sdpOf(refuse(written)))).toBe(false)
  })

  test('RFC 9143 §6: a bundle-only section is rejected, and says so no longer', () => {
    const written = sdpFixture('chrome-offer-av-bundle-only-port0')
    expect(refuse(written)).toBe(written.replace('a=bundle-only\r\n', ''))
    expect(insistsOnBundle(sdpOf(written))).toBe(true)
    const counted = written.replace('m=video 0 ', 'm=video 9 ')
    expect(refuse(counted)).toBe(refuse(written))
  })

  test('media §6: sections with candidates of their own stay', () => {
    expect(refuse(sdpFixture('chrome-offer-av-bundle'))).toBe(sdpFixture('chrome-offer-av-bundle'))
    expect(insistsOnBundle(sdpOf(sdpFixture('chrome-offer-av-bundle')))).toBe(false)
  })

  test('where a group was agreed on before, only its section stays', () => {
    expect(refuseAll(sdpFixture('chrome-offer-av-bundle'))).toBe(
      sdpFixture('chrome-offer-av-bundle').replace('m=video 46003 ', 'm=video 0 '),
    )
  })

  test('candidates that trickle in later: audio stays, what else there is cannot be told from max-bundle', () => {
    expect(refuse(sdpFixture('chrome-offer-audio-trickle'))).toBe(sdpFixture('chrome-offer-audio-trickle'))
    const written = sdpFixture('chrome-offer-av-maxbundle-port9')
      .replace(/^a=candidate.*\r\n/gm, '')
      .replace('m=audio 39140', 'm=audio 9')
    expect(refuse(written)).toBe(written.replace('m=video 9 ', 'm=video 0 '))
    expect(insistsOnBundle(sdpOf(written))).toBe(false)
  })

  test('who leans on a later section is kept alone too: its transport would be gone with the group', () => {
    const written = sdpFixture('chrome-offer-av-bundle')
      .replace(/a=candidate.* 39140 .*\r\n|a=candidate.* 40140 .*\r\n/g, '')
      .replace('m=audio 39140', 'm=audio 9')
    expect(refuse(written)).toBe(written.replace('m=video 46003 ', 'm=video 0 '))
  })

  test('a section with a port of its own needs no candidates', () => {
    const written = sdpFixture('chrome-offer-av-maxbundle-port9').replace('m=video 9 ', 'm=video 46003 ')
    expect(refuse(written)).toBe(written)
  })

  test('a third section that leans on the second is rejected alone, and that is no insisting', () => {
    const written = `${sdpFixture('chrome-offer-av-bundle').replace('BUNDLE 0 1', 'BUNDLE 0 1 2')}m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:2\r\n`
    expect(linesOnlyIn(written, refuse(written))).toEqual(['a=bundle-only'])
    expect(insistsOnBundle(sdpOf(written))).toBe(false)
  })

  test('outside of a group nobody leans on another', () => {
    const written = sdpFixture('chrome-offer-av-maxbundle-port9').replace('a=group:BUNDLE 0 1\r\n', '')
    expect(refuseAll(written)).toBe(written)
    for (const name of SDP_NAMES.filter((one) => !one.startsWith('chrome-offer-av')))
      expect(refuse(sdpFixture(name))).toBe(sdpFixture(name))
  })

  test('a section that the browser rejected itself is left alone', () => {
    const written = sdpFixture('chrome-offer-av-maxbundle-port9').replace('m=video 9 ', 'm=video 0 ')
    expect(refuse(written)).toBe(written)
    expect(insistsOnBundle(sdpOf(written))).toBe(false)
  })
})

describe('to a browser', () => {
  const audio = recorded('webrtc--plain', 1).made

  test('media §6: INTEROP(Chromium): one accepted section gets a BUNDLE group of its mid', () => {
    expect(group(audio)).toBe(audio.replace('t=0 0\r\n', 't=0 0\r\na=group:BUNDLE 0\r\n'))
  })

  test('media §6: one accepted of two too', () => {
    const rejected = recorded('av-video-rejected-webrtc--plain', 1).made
    expect(linesOnlyIn(group(rejected), rejected)).toEqual(['a=group:BUNDLE 0'])
    const other = rejected.replace(/^m=audio \d+/m, 'm=audio 0').replace('m=video 0', 'm=video 9')
    expect(linesOnlyIn(group(other), other)).toEqual(['a=group:BUNDLE 1'])
  })

  test('media §6: an offer too', () => {
    const made = recorded('plain--webrtc', 0).made
    expect(linesOnlyIn(group(made), made)).toEqual(['a=group:BUNDLE 1'])
  })

  test('media §6: two accepted sections stay without, on two transports', () => {
    const made = sdpFixture('chrome-offer-av-bundle').replace('a=group:BUNDLE 0 1\r\n', '')
    expect(group(made)).toBe(made)
  })

  test('none accepted, no mid, or a group that is there: nothing is done', () => {
    for (const made of [audio.replace(/^m=audio \d+/m, 'm=audio 0'), audio.replace('a=mid:0\r\n', ''), sdpFixture('chrome-offer-audio')])
      expect(group(made)).toBe(made)
  })

  test('of an offer to a browser with a group the first accepted section stays', () => {
    const made = sdpFixture('pbx-offer-av-h264')
    expect(first(made)).toBe(made.replace('m=video 17240', 'm=video 0'))
    expect(first(made.replace('m=audio 17234', 'm=audio 0'))).toBe(made.replace('m=audio 17234', 'm=audio 0'))
    expect(first(audio)).toBe(audio)
  })
})

test('twice is once', () => {
  for (const { made } of RECORDED) expect(group(group(made))).toBe(group(made))
  fc.assert(
    fc.property(anySdp, fc.constantFrom(refuse, refuseAll, group, first), (written, rule) => {
      expect(rule(rule(written))).toBe(rule(written))
    }),
    { numRuns: 1000 },
  )
})
