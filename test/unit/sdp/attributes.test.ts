import { expect, test } from 'vitest'
import {
  attribute,
  attributeName,
  attributes,
  bundleGroups,
  codecNames,
  direction,
  hasAttribute,
  hasCandidates,
  mid,
  withoutAttributes,
} from '../../../src/sdp/attributes.ts'
import { cryptoIn, cryptoLines, withCryptoTag } from '../../../src/sdp/crypto.ts'
import { connectionAddress, directions, holdOf, mediaAddress } from '../../../src/sdp/views.ts'
import { sdpFixture, sdpOf } from './fixtures.ts'

const section = (...lines: readonly string[]) =>
  sdpOf(`v=0\r\n${['m=audio 9 RTP/AVP 0', ...lines].map((line) => `${line}\r\n`).join('')}`).sections[0]!

test('RFC 8866 §5.13: an attribute is found by its whole name', () => {
  const { lines } = section('a=midi:5', 'a=mid:0 ', 'a=mid:1', 'a=rtcp-mux', 'b=mid:3', 'a=Mid:7', 'a=x:y:z')
  expect(attribute(lines, 'mid')).toBe('0')
  expect(attributes(lines, 'mid')).toEqual(['0', '1'])
  expect(attribute(lines, 'rtcp-mux')).toBe('')
  expect(attribute(lines, 'rtcp')).toBeUndefined()
  expect(attribute(lines, 'x')).toBe('y:z')
  expect(hasAttribute(lines, 'rtcp-mux')).toBe(true)
  expect(lines.map(attributeName)).toEqual([undefined, 'midi', 'mid', 'mid', 'rtcp-mux', undefined, 'Mid', 'x'])
  expect(withoutAttributes(lines, new Set(['mid', 'rtcp-mux']))).toEqual([
    'm=audio 9 RTP/AVP 0\r\n',
    'a=midi:5\r\n',
    'b=mid:3\r\n',
    'a=Mid:7\r\n',
    'a=x:y:z\r\n',
  ])
  expect(withoutAttributes(lines, new Set(['nothing']))).toBe(lines)
})

test('RFC 5888 §4: an empty mid is none', () => {
  expect(mid(section('a=mid:'))).toBeUndefined()
  expect(mid(section('a=mid:audio'))).toBe('audio')
  expect(mid(section())).toBeUndefined()
})

test('RFC 9143 §5: the mids of BUNDLE groups', () => {
  expect(bundleGroups(sdpOf(sdpFixture('chrome-offer-av-bundle')))).toEqual([['0', '1']])
  expect(bundleGroups(sdpOf('v=0\r\na=group:LS 1 2\r\na=group:BUNDLE a\r\na=group:BUNDLE\r\na=group:BUNDLED b\r\n'))).toEqual([['a'], []])
})

test('RFC 8866 §6.7: a direction is the section’s own, else the session’s, else sendrecv', () => {
  const sdp = sdpOf('v=0\r\na=recvonly\r\nm=audio 9 RTP/AVP 0\r\na=sendonly\r\nm=audio 9 RTP/AVP 0\r\n')
  expect(sdp.sections.map((one) => direction(sdp, one))).toEqual(['sendonly', 'recvonly'])
  const plain = sdpOf('v=0\r\nm=audio 9 RTP/AVP 0\r\na=sendonly:1\r\n')
  expect(direction(plain, plain.sections[0]!)).toBe('sendrecv')
})

test('RFC 8839 §5.1: candidates', () => {
  expect(sdpOf(sdpFixture('chrome-offer-av-maxbundle-port9')).sections.map(hasCandidates)).toEqual([true, false])
})

test('RFC 8866 §6.6: codec names by payload type', () => {
  expect([...codecNames(sdpOf(sdpFixture('pbx-offer-g711')).sections[0]!)]).toEqual([
    ['0', 'PCMU/8000'],
    ['8', 'PCMA/8000'],
    ['101', 'telephone-event/8000'],
  ])
  expect(codecNames(section('a=rtpmap:x PCMU/8000', 'a=rtpmap:0')).size).toBe(0)
})

test('RFC 4568 §9.1: crypto lines are read with lifetime and MKI', () => {
  expect(cryptoLines(sdpOf(sdpFixture('teams-offer-nonbypass')).sections[0]!)).toEqual([
    {
      tag: 1,
      suite: 'AES_CM_128_HMAC_SHA1_80',
      keys: [{ key: 'n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/', lifetime: '2^31', mki: undefined }],
      parameters: [],
    },
    {
      tag: 2,
      suite: 'AES_CM_128_HMAC_SHA1_80',
      keys: [{ key: 'n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/', lifetime: '2^31', mki: '1:1' }],
      parameters: [],
    },
  ])
  expect(cryptoIn('a=crypto:7 f8_128_HMAC_SHA1_32 inline:A|1:4;inline:B|1048576|2:4 KDR=1  UNENCRYPTED_SRTP \r\n')).toEqual({
    tag: 7,
    suite: 'F8_128_HMAC_SHA1_32',
    keys: [
      { key: 'A', lifetime: undefined, mki: '1:4' },
      { key: 'B', lifetime: '1048576', mki: '2:4' },
    ],
    parameters: ['KDR=1', 'UNENCRYPTED_SRTP'],
  })
})

test.each([
  'a=crypto:1 SUITE uri:x',
  'a=crypto:1 SUITE inline:',
  'a=crypto:1 SUITE inline:a;b',
  'a=crypto:1 SUITE inline:a|1|1:1|2',
  'a=crypto:1 SUITE',
  'a=crypto:x SUITE inline:a',
  'a=crypto',
  'a=mid:0',
])('RFC 4568 §9.1: %j is no crypto line that can be read', (line) => {
  expect(cryptoIn(line)).toBeUndefined()
})

test('a crypto line under another tag keeps its bytes', () => {
  expect(withCryptoTag('a=crypto:3  X  inline:a|2^31 \r\n', 12)).toBe('a=crypto:12  X  inline:a|2^31 \r\n')
})

test('the address of the first accepted section', () => {
  expect(mediaAddress(sdpFixture('pbx-offer-g711-nat-private'))).toBe('10.20.30.40')
  expect(mediaAddress(sdpFixture('chrome-offer-audio'))).toBe('198.51.100.20')
  expect(mediaAddress('v=0\r\nc=IN IP6 2001:db8::1\r\nm=audio 0 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0\r\n')).toBe(
    '2001:db8::1',
  )
  expect(mediaAddress('v=0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127/3\r\n')).toBe('233.252.0.1')
  expect(mediaAddress(sdpFixture('fax-answer-t38-rejected'))).toBeUndefined()
  expect(mediaAddress('v=0\r\nm=audio 9 RTP/AVP 0\r\n')).toBeUndefined()
  expect(mediaAddress('no SDP')).toBeUndefined()
  const sdp = sdpOf('v=0\r\nc=ATM NSAP 47.0091\r\nm=audio 9 RTP/AVP 0\r\n')
  expect(connectionAddress(sdp, sdp.sections[0]!)).toBeUndefined()
})

test.each([
  ['pbx-offer-g711', 'sendrecv'],
  ['pbx-reoffer-hold-sendonly', 'sendonly'],
  ['pbx-reoffer-hold-inactive', 'inactive'],
  ['pbx-reoffer-hold-zeroaddr', 'sendonly'],
  ['pbx-answer-hold-recvonly', 'recvonly'],
  ['chrome-reoffer-hold-sendonly', 'sendonly'],
  ['chrome-offer-audio-trickle', 'sendrecv'],
  ['fax-answer-t38-rejected', undefined],
])('RFC 3264 §8.4: the hold in %s is %s', (name, expected) => {
  expect(holdOf(sdpFixture(name))).toBe(expected)
})

test('the direction of each section', () => {
  expect(directions(sdpFixture('pbx-offer-two-audio'))).toEqual(['sendrecv', 'sendonly'])
  expect(directions(sdpFixture('pbx-answer-av-video-rejected'))).toEqual(['sendrecv', undefined])
  expect(directions('')).toEqual([])
  expect(directions('v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n')).toEqual([
    'inactive',
    'inactive',
  ])
})
