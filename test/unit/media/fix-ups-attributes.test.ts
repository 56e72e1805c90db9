import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutBrowserAttributes } from '../../../src/media/fix-ups/browser-attributes.ts'
import { holdInactive } from '../../../src/media/fix-ups/hold.ts'
import { ownMids } from '../../../src/media/fix-ups/mids.ts'
import { mid } from '../../../src/sdp/attributes.ts'
import { anySdp, linesOnlyIn, onText, RECORDED, recorded, sdpFixture, sdpOf } from '../sdp/fixtures.ts'

const named = (written: string, ...mids: readonly (string | undefined)[]): string => onText((sdp) => ownMids(sdp, mids))(written)
const mids = (written: string): readonly (string | undefined)[] => sdpOf(written).sections.map(mid)
const slim = (written: string, ...own: readonly (string | undefined)[]): string =>
  onText((sdp) => withoutBrowserAttributes(sdp, own))(written)
const hold = onText(holdInactive)

describe('media §6: a browser’s own mids', () => {
  const made = recorded('plain--webrtc', 0).made
  const two = `v=0\r\na=group:LS 1 2\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\nm=video 9 RTP/AVP 96\r\na=mid:2\r\n`

  test('INTEROP(Chromium): they come back when rtpengine made others', () => {
    expect(named(made, 'audio')).toBe(made.replace('a=mid:1\r\n', 'a=mid:audio\r\n'))
  })

  test('nothing is done when they are the same, or not known', () => {
    expect(named(made, '1')).toBe(made)
    expect(named(made)).toBe(made)
    expect(named(made, undefined)).toBe(made)
  })

  test('where rtpengine wrote none they are written', () => {
    const bare = made.replace('a=mid:1\r\n', '')
    expect(linesOnlyIn(named(bare, '0'), bare)).toEqual(['a=mid:0'])
    expect(named('v=0\nm=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.1', '0')).toBe('v=0\nm=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.1\na=mid:0\n')
  })

  test('a new section does not get a name that is taken', () => {
    expect(mids(named(two, '2'))).toEqual(['2', '1'])
    expect(mids(named(two, '1'))).toEqual(['1', '2'])
    expect(mids(named(two, undefined, '1'))).toEqual(['2', '1'])
  })

  test('RFC 5888 §5: groups name the sections by their new names', () => {
    expect(named(two, 'a', 'b')).toContain('a=group:LS a b\r\n')
    expect(named(two, '2')).toContain('a=group:LS 2 1\r\n')
    expect(named(two, '1')).toBe(two)
  })
})

describe('media §6: from a browser to somebody else', () => {
  const GONE = /^a=(?:msid|msid-semantic|ssrc|ssrc-group|rtcp-rsize|rtcp-xr|rtcp-fb|extmap-allow-mixed|mid|group:BUNDLE.*)(?::|\r|$)/

  test.each(['webrtc--plain', 'webrtc--sdes', 'webrtc--teams', 'webrtc--bypass', 'av-video-rejected-webrtc--plain'])(
    '%s: what only browsers use goes, all else stays',
    (file) => {
      const { made } = recorded(file, 0)
      const left = made.split('\r\n').filter((line) => !GONE.test(line))
      expect(slim(made).split('\r\n')).toEqual(left)
      expect(slim(made).length).toBeLessThan(made.length - 200)
    },
  )

  test('the fixture as the browser wrote it: the BUNDLE group goes too', () => {
    expect(linesOnlyIn(sdpFixture('chrome-answer-audio-pcmu'), slim(sdpFixture('chrome-answer-audio-pcmu')))).toEqual([
      'a=group:BUNDLE 0',
      'a=extmap-allow-mixed',
      'a=msid-semantic: WMS',
      'a=mid:0',
      'a=msid:- 0d9ad6ae-8d0b-4f0e-9a3b-2f6f3f1c1a77',
      'a=ssrc:871203345 cname:Qm4b1yXr9sWcTzAe',
    ])
  })

  test('extmap is left to rtpengine, and other attributes that begin like one of these', () => {
    const written = 'v=0\r\na=msid-other:1\r\nm=audio 9 RTP/AVP 0\r\na=extmap:1 urn:x\r\na=ssrcs:1\r\na=rtcp:9\r\na=middle\r\n'
    expect(slim(written)).toBe(written)
  })

  test('RFC 5888 §9.1: the mid that the receiver gave to its section stays', () => {
    const { made } = recorded('teams--webrtc', 1)
    expect(mids(made)).toEqual(['1'])
    expect(mids(slim(made, '1'))).toEqual(['1'])
    expect(mids(slim(made, '0'))).toEqual([undefined])
    expect(mids(slim(made))).toEqual([undefined])
  })

  test('RFC 5888 §5: mids that another group names stay', () => {
    const written =
      'v=0\r\na=group:BUNDLE 0 1 2\r\na=group:LS 0 1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\nm=video 9 RTP/AVP 96\r\na=mid:1\r\nm=video 9 RTP/AVP 96\r\na=mid:2\r\n'
    expect(slim(written)).toBe(written.replace('a=group:BUNDLE 0 1 2\r\n', '').replace('a=mid:2\r\n', ''))
  })
})

describe('media §6: INTEROP(Teams): no hold but inactive', () => {
  test.each([
    ['pbx-reoffer-hold-sendonly', 'a=sendonly'],
    ['pbx-answer-hold-recvonly', 'a=recvonly'],
    ['chrome-reoffer-hold-sendonly', 'a=sendonly'],
  ])('%s', (name, line) => {
    expect(hold(sdpFixture(name))).toBe(sdpFixture(name).replace(line, 'a=inactive'))
  })

  test('also where rtpengine turned the zero address into sendonly', () => {
    const { made } = recorded('hold-resume-plain--teams', 4)
    expect(made).toContain('a=sendonly\r\n')
    expect(hold(made)).toBe(made.replace('a=sendonly', 'a=inactive'))
  })

  test('each section, and the session', () => {
    expect(hold('v=0\na=sendonly \nm=audio 9 RTP/AVP 0\na=recvonly\nm=audio 9 RTP/AVP 0\na=sendrecv\n')).toBe(
      'v=0\na=inactive \nm=audio 9 RTP/AVP 0\na=inactive\nm=audio 9 RTP/AVP 0\na=sendrecv\n',
    )
  })

  test('sendrecv and inactive stay', () => {
    for (const name of ['pbx-offer-g711', 'pbx-reoffer-hold-inactive', 'fax-answer-t38'])
      expect(hold(sdpFixture(name))).toBe(sdpFixture(name))
  })

  test('RFC 3264 §6.1: the answer to what was sendonly is inactive, which is legal', () => {
    const { sent, made } = recorded('hold-resume-plain--teams', 3)
    expect(sent).toContain('a=inactive')
    expect(made).toContain('a=inactive')
  })
})

test('twice is once', () => {
  const rules = [
    slim,
    (written: string) => slim(written, '1', '2'),
    hold,
    (written: string) => named(written, '1', undefined, '0'),
    (written: string) => named(written, undefined, '2', '2'),
  ]
  for (const { made } of RECORDED) for (const rule of rules) expect(rule(rule(made))).toBe(rule(made))
  fc.assert(
    fc.property(anySdp, fc.constantFrom(...rules), (written, rule) => {
      expect(rule(rule(written))).toBe(rule(written))
    }),
    { numRuns: 1500 },
  )
})
