import { describe, expect, test } from 'vitest'
import type { Exchange, Party } from '../../../src/media/negotiation.ts'
import { offerAgain } from '../../../src/media/offer-again.ts'
import { placeholder } from '../../../src/media/placeholder.ts'
import { following, toldOf } from '../../../src/media/versions.ts'
import { readSdp } from '../../../src/sdp/sdp.ts'
import { good } from '../sdp/fixtures.ts'

const sdp = (direction: string, version = 4, ...lines: readonly string[]): string =>
  [
    'v=0',
    `o=- 17 ${version} IN IP4 203.0.113.5`,
    's=-',
    'c=IN IP4 203.0.113.5',
    't=0 0',
    'm=audio 30010 RTP/SAVP 0',
    ...lines,
    `a=${direction}`,
    '',
  ].join('\r\n')

/** What the caller and the callee said; only the other one's own words and what that one was told count. */
const exchange = (offerer: Party, offer: string, answer: string, offered = offer, answered = answer): Exchange => ({
  ...{ offerer, offer, offered, answer, answered, before: undefined, under: undefined, refused: false, inverted: false },
})

describe('T6.36: the offer in place of one that was left out', () => {
  test('is what the other side was told last, byte for byte, whoever had offered', () => {
    const told = sdp('sendrecv', 4, 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x|2^31')
    expect(offerAgain(exchange('caller', 'x', sdp('sendrecv'), told), 'caller')).toBe(told)
    expect(offerAgain(exchange('callee', sdp('sendrecv'), 'x', 'x', told), 'caller')).toBe(told)
    expect(offerAgain(exchange('caller', sdp('sendrecv'), 'x', 'x', told), 'callee')).toBe(told)
  })

  test.each([
    // The hold of who asks ends with the question
    ['held by who asks', exchange('caller', sdp('sendonly'), sdp('inactive'), sdp('inactive')), 'sendrecv'],
    ['held by who asks, in his answer', exchange('callee', sdp('sendrecv'), sdp('sendonly'), '', sdp('inactive')), 'sendrecv'],
    // That of the other side does not
    ['held by the other side', exchange('callee', sdp('inactive'), sdp('inactive'), '', sdp('inactive')), 'inactive'],
    ['held with music by the other side', exchange('callee', sdp('sendonly'), sdp('recvonly'), '', sdp('recvonly')), 'recvonly'],
  ] as const)('%s: %s', (_how, agreed, direction) => {
    expect(offerAgain(agreed, 'caller')).toContain(`\r\na=${direction}\r\n`)
  })

  test('RFC 8842 §5.2: an answer’s DTLS role is open again', () => {
    const told = sdp('sendrecv', 4, 'a=setup:passive')
    expect(offerAgain(exchange('callee', sdp('sendrecv'), 'x', '', told), 'caller')).toContain('a=setup:actpass\r\n')
  })

  test('the direction of the whole session counts, too, and other lines stay', () => {
    const told = sdp('inactive').replace('t=0 0', 't=0 0\r\na=inactive').replaceAll('\r\n', '\n')
    expect(offerAgain(exchange('caller', sdp('sendonly'), sdp('inactive'), told), 'caller')).toBe(
      told.replaceAll('a=inactive', 'a=sendrecv'),
    )
  })
})

test('T6.36: an offer in somebody’s place can be read, and names where his signalling comes from', () => {
  for (const [address, line] of [
    ['10.0.0.20', 'c=IN IP4 10.0.0.20'],
    ['2001:db8::20', 'c=IN IP6 2001:db8::20'],
  ] as const) {
    const read = good(readSdp(placeholder(address)))
    expect(read.sections.map(({ media, port, formats }) => [media, port, formats])).toEqual([['audio', 9, ['8', '0', '101']]])
    expect(read.session).toContain(`${line}\r\n`)
  }
})

describe('RFC 3264 §8: versions that rtpengine does not count', () => {
  const version = (text: string): string => /^o=- 17 (\d+) /m.exec(text)?.[1] ?? ''

  test('the same has the same version, whatever it came with; anything else has the next one', () => {
    const last = toldOf(sdp('sendrecv', 9))
    expect(following(last, sdp('sendrecv', 4))).toBe(sdp('sendrecv', 9))
    expect(following(last, sdp('inactive', 4))).toBe(sdp('inactive', 10))
    expect(following(last, sdp('inactive', 30))).toBe(sdp('inactive', 10))
  })

  test('it may be larger than a number can be, or missing', () => {
    const long = sdp('inactive').replace(' 4 ', ' 18446744073709551615 ')
    expect(version(following(toldOf(long), sdp('sendrecv')))).toBe('18446744073709551616')
    expect(following(toldOf('v=0\r\n'), 'v=0\r\ns=-\r\n')).toBe('v=0\r\ns=-\r\n')
  })
})
