import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isProblem } from '../../../src/base/problem.ts'
import { attributes, bundleGroups, codecNames, direction, mid } from '../../../src/sdp/attributes.ts'
import { cryptoLines } from '../../../src/sdp/crypto.ts'
import {
  content,
  filterLines,
  insertLine,
  isAccepted,
  lineValue,
  MAX_LINES,
  MAX_SDP,
  MAX_SECTIONS,
  mapSections,
  readSdp,
  rejected,
  text,
  withLines,
  withSession,
} from '../../../src/sdp/sdp.ts'
import { connectionAddress, directions, mediaAddress } from '../../../src/sdp/views.ts'
import { anyText, bad, SDP_NAMES, sdpFixture, sdpOf } from './fixtures.ts'

describe('reading', () => {
  test('RFC 8866 §5: session and sections are divided at the m-lines', () => {
    const sdp = sdpOf(sdpFixture('chrome-offer-av-bundle'))
    expect(sdp.session.map(content)).toEqual([
      'v=0',
      'o=- 651584977024869027 2 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=group:BUNDLE 0 1',
      'a=extmap-allow-mixed',
      'a=msid-semantic: WMS',
    ])
    expect(sdp.sections.map(({ media, port, protocol }) => [media, port, protocol])).toEqual([
      ['audio', 39140, 'UDP/TLS/RTP/SAVPF'],
      ['video', 46003, 'UDP/TLS/RTP/SAVPF'],
    ])
    expect(sdp.sections[0]!.formats).toEqual(['111', '63', '9', '0', '8', '13', '110', '126'])
    expect(sdp.sections[1]!.formats).toHaveLength(23)
  })

  test.each(SDP_NAMES)('%s is given back byte for byte', (name) => {
    expect(text(sdpOf(sdpFixture(name)))).toBe(sdpFixture(name))
  })

  test('RFC 8866 §5: lines may end in LF alone, the last one in nothing', () => {
    const written = 'v=0\no=x\r\ns=-\nm=audio 1 RTP/AVP 0\na=mid:0'
    const sdp = sdpOf(written)
    expect(sdp.session).toEqual(['v=0\n', 'o=x\r\n', 's=-\n'])
    expect(mid(sdp.sections[0]!)).toBe('0')
    expect(text(sdp)).toBe(written)
  })

  test.each([
    ['m=audio 49170/2 RTP/AVP 0', { media: 'audio', port: 49170, protocol: 'RTP/AVP', formats: ['0'] }],
    ['m=audio  49170\tRTP/AVP   0  8 ', { media: 'audio', port: 49170, protocol: 'RTP/AVP', formats: ['0', '8'] }],
    ['m=audio 70000 RTP/AVP 0', { media: 'audio', port: undefined, protocol: 'RTP/AVP', formats: ['0'] }],
    ['m=audio -1 RTP/AVP 0', { media: 'audio', port: undefined, protocol: 'RTP/AVP', formats: ['0'] }],
    ['m=audio 9 RTP/AVP ', { media: 'audio', port: 9, protocol: 'RTP/AVP', formats: [] }],
    ['m=audio', { media: 'audio', port: undefined, protocol: '', formats: [] }],
    ['m=', { media: '', port: undefined, protocol: '', formats: [] }],
  ])('RFC 8866 §5.14: the m-line %j', (line, expected) => {
    expect(sdpOf(`v=0\r\n${line}\r\n`).sections[0]).toMatchObject(expected)
  })

  test('the last two texts are not read again, and nothing is mixed up', () => {
    const [one, two, three] = ['1', '2', '3'].map((port) => `v=0\r\nm=audio ${port} RTP/AVP 0\r\n`) as [string, string, string]
    const before = readSdp(one)
    readSdp(two)
    expect(readSdp(Buffer.from(one).toString())).toBe(before)
    readSdp(three)
    readSdp(two)
    expect(readSdp(one)).not.toBe(before)
    expect(readSdp(one)).toEqual(before)
    expect(readSdp('x=0\r\n')).toMatchObject({ status: 400 })
    expect(readSdp('x=0\r\n')).toMatchObject({ status: 400 })
  })

  test('empty lines before v= are looked over', () => {
    expect(text(sdpOf('\r\n\nv=0\r\n'))).toBe('\r\n\nv=0\r\n')
  })

  test.each([
    ['nothing', '', 400],
    ['empty lines', '\r\n\r\n', 400],
    ['another text', 'Signal=5\r\n', 400],
    ['an SDP that begins in the middle', 'o=x\r\nv=0\r\n', 400],
    ['too many bytes', `v=0\r\n${'a'.repeat(MAX_SDP)}`, 413],
    ['too many lines', `v=0\r\n${'\n'.repeat(MAX_LINES)}`, 488],
    ['too many m-lines', `v=0\r\n${'m=audio 9 RTP/AVP 0\n'.repeat(MAX_SECTIONS + 1)}`, 488],
  ])('refused: %s', (_what, written, status) => {
    expect(bad(readSdp(written))).toMatchObject({ status, at: 'body' })
  })

  test('as much as is allowed is taken', () => {
    expect(sdpOf(`v=0\r\n${'m=audio 9 RTP/AVP 0\n'.repeat(MAX_SECTIONS)}`).sections).toHaveLength(MAX_SECTIONS)
    expect(sdpOf(`v=0\n${'\n'.repeat(MAX_LINES - 1)}`).session).toHaveLength(MAX_LINES)
    expect(text(sdpOf('v=0\n'.padEnd(MAX_SDP, 'a')))).toHaveLength(MAX_SDP)
  })
})

describe('edits', () => {
  const sdp = sdpOf(sdpFixture('pbx-offer-av-h264'))

  test('what changes nothing gives the same value', () => {
    expect(mapSections(sdp, (section) => section)).toBe(sdp)
    expect(withSession(sdp, sdp.session)).toBe(sdp)
    expect(filterLines(sdp.session, () => true)).toBe(sdp.session)
    expect(withLines(sdp.sections[0]!, sdp.sections[0]!.lines)).toBe(sdp.sections[0])
  })

  test('RFC 3264 §6: a rejected section has port 0, and every other byte it had', () => {
    const changed = mapSections(sdp, (section) => (section.media === 'video' ? rejected(section) : section))
    expect(text(changed)).toBe(sdpFixture('pbx-offer-av-h264').replace('m=video 17240 ', 'm=video 0 '))
    expect(changed.sections.map(isAccepted)).toEqual([true, false])
    expect(rejected(changed.sections[1]!)).toBe(changed.sections[1])
    expect(rejected(sdpOf('v=0\r\nm=audio \t 5/2  RTP/AVP 0\r\n').sections[0]!).lines).toEqual(['m=audio \t 0  RTP/AVP 0\r\n'])
  })

  test('a new line ends as the others do', () => {
    expect(insertLine(sdp, sdp.session, 1, 'x=1')[1]).toBe('x=1\r\n')
    const bare = sdpOf('v=0\nm=audio 1 RTP/AVP 0')
    expect(insertLine(bare, bare.sections[0]!.lines, 1, 'a=mid:0')).toEqual(['m=audio 1 RTP/AVP 0\n', 'a=mid:0\n'])
    const single = sdpOf('v=0')
    expect(insertLine(single, single.session, 1, 's=-')).toEqual(['v=0\r\n', 's=-\r\n'])
  })
})

test('a line is found by its type', () => {
  const sdp = sdpOf(sdpFixture('pbx-offer-g711'))
  expect(lineValue(sdp.session, 'c')).toBe('IN IP4 192.0.2.80')
  expect(lineValue(sdp.session, 'b')).toBeUndefined()
})

test('whatever comes, nothing throws, and untouched text stays as it is', () => {
  fc.assert(
    fc.property(anyText, (written) => {
      const sdp = readSdp(written)
      mediaAddress(written)
      directions(written)
      if (isProblem(sdp)) return
      expect(text(sdp)).toBe(written)
      bundleGroups(sdp)
      for (const section of sdp.sections) {
        attributes(section.lines, 'mid')
        codecNames(section)
        cryptoLines(section)
        connectionAddress(sdp, section)
        direction(sdp, section)
        expect(text({ ...sdp, sections: [rejected(section)] }).length).toBeLessThanOrEqual(written.length)
      }
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ...['a', ' ', '\t', '\n', '\r', '\r\n', 'a=', 'a=:', 'a=mid', 'a=mid:', 'a=mid:0\n', 'm=', 'm= ', 'c=IN IP4 ', 'a=group:BUNDLE ', '0 '],
  ...['a=crypto:1 ', 'a=crypto:1 A inline:', 'inline:a|1|', ';', '|', 'a=rtpmap:1 '],
])('time stays linear when an SDP is full of %j', (piece) => {
  const use = (size: number): number => {
    const written = [
      `v=0\r\n${piece.repeat(size / piece.length)}`,
      `v=0\r\nm=audio ${piece.repeat(size / piece.length)}`,
      `v=0\r\nm=audio 9 RTP/SAVP 0\r\na=crypto:1 A ${piece.repeat(size / piece.length)}`,
      `v=0\r\nm=audio 9 RTP/SAVP 0\r\na=rtpmap:${piece.repeat(size / piece.length)}`,
    ]
    const began = performance.now()
    for (const one of written) {
      const sdp = readSdp(one)
      if (isProblem(sdp)) continue
      bundleGroups(sdp)
      for (const section of sdp.sections) {
        cryptoLines(section)
        codecNames(section)
        connectionAddress(sdp, section)
        direction(sdp, section)
        rejected(section)
      }
    }
    return performance.now() - began
  }
  use(3000)
  const attempts = [1, 2, 3, 4, 5].map(() => use(50_000))
  expect(Math.min(...attempts)).toBeLessThan(50)
})
