import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isProblem } from '../../../src/base/problem.ts'
import { answeredKeys, cryptoTags, offeredKeys, usableKeys } from '../../../src/media/fix-ups/crypto.ts'
import { type Sdp, text } from '../../../src/sdp/sdp.ts'
import { anySdp, bad, good, linesOnlyIn, onText, RECORDED, recorded, sdpFixture, sdpOf } from '../sdp/fixtures.ts'

const offer = (written: string): string => text(good(usableKeys(sdpOf(written))))
const answer = (written: string, ...tags: readonly (number | undefined)[]): string => text(good(answeredKeys(sdpOf(written), tags)))
const cryptos = (written: string): readonly string[] => written.split('\r\n').filter((line) => line.startsWith('a=crypto'))
const savp = (...lines: readonly string[]): string => `v=0\r\nm=audio 9 RTP/SAVP 0\r\n${lines.map((line) => `${line}\r\n`).join('')}`
const KEY = 'inline:n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/'

describe('an offer from an SDES peer', () => {
  test('media §6: INTEROP(Teams): the line with MKI goes, the same key without it stays', () => {
    const written = sdpFixture('teams-offer-nonbypass')
    expect(linesOnlyIn(written, offer(written))).toEqual([`a=crypto:2 AES_CM_128_HMAC_SHA1_80 ${KEY}|2^31|1:1`])
    expect(linesOnlyIn(offer(written), written)).toEqual([])
  })

  test('media §6: other suites go', () => {
    const written = sdpFixture('tlsphone-offer-sdes')
    expect(linesOnlyIn(written, offer(written))).toEqual([
      'a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:2MYLrdPFZnrcr/Pr2j9orUtWC+6CU4j9dcm5p8f4',
    ])
  })

  test('T §4.1: INTEROP(Teams): a short tag stands first, under tag 0: the other line is taken', () => {
    const written = sdpFixture('teams-offer-nonbypass').replace(
      'a=crypto:1 ',
      'a=crypto:0 AES_CM_128_HMAC_SHA1_32 inline:2MYLrdPFZnrcr/Pr2j9orUtWC+6CU4j9dcm5p8f4|2^31\r\na=crypto:1 ',
    )
    expect(cryptos(offer(written))).toEqual([`a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}|2^31`])
  })

  test('media §8: OSRTP too', () => {
    expect(cryptos(offer(sdpFixture('osrtp-offer-avp-with-crypto')))).toHaveLength(1)
  })

  test('media §6: one line for each suite, whatever its case, also of two that are the same', () => {
    const line = `a=crypto:4 aes_cm_128_hmac_sha1_80 ${KEY}`
    const written = savp('a=crypto:1 AEAD_AES_256_GCM inline:x', line, line, `a=crypto:5 AES_CM_128_HMAC_SHA1_80 ${KEY}`, 'a=crypto:?')
    expect(cryptos(offer(written))).toEqual([line])
  })

  test.each(['UNENCRYPTED_SRTP', 'UNENCRYPTED_SRTCP', 'KDR=1 unauthenticated_SRTP'])(
    'RFC 4568 §6.3: %s is not taken for SRTP',
    (parameters) => {
      const kept = `a=crypto:2 AES_CM_128_HMAC_SHA1_80 ${KEY} KDR=1`
      expect(cryptos(offer(savp(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY} ${parameters}`, kept)))).toEqual([kept])
    },
  )

  test.each([
    ['several, of which packets choose one', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}|2^31|1:1;${KEY.replace('n', 'm')}|2^31|2:1`],
    ['only another suite', 'a=crypto:1 NULL_HMAC_SHA1_80 inline:x'],
    ['none', 'a=mid:0'],
  ])('RFC 4568 §6: no key that can be used (%s) is a problem', (_what, line) => {
    expect(bad(usableKeys(sdpOf(savp(line))))).toMatchObject({ status: 488, reason: expect.stringContaining('AES_CM_128_HMAC_SHA1_80') })
  })

  test('T §4.1: a key with MKI is taken where there is no other', () => {
    const mki = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}|2^31|1:1`
    expect(cryptos(offer(savp('a=crypto:7 AEAD_AES_256_GCM inline:x', mki)))).toEqual([mki])
  })

  test('what is offered without SRTP beside it stays', () => {
    const written = sdpFixture('pbx-offer-savp-and-avp-alternatives')
    expect(linesOnlyIn(written, offer(written))).toHaveLength(1)
    const strange = written.replaceAll('_CM_128_HMAC_SHA1_', '_OTHER_')
    expect(
      offer(strange)
        .split('\r\n')
        .filter((line) => /^(?:m|a=crypto)/.test(line)),
    ).toEqual(['m=audio 0 RTP/SAVP 0 8 101', 'm=audio 17234 RTP/AVP 0 8 101'])
  })

  test('SRTP by DTLS, a rejected section, and plain RTP need no key', () => {
    for (const written of [
      savp('a=fingerprint:sha-256 00'),
      'v=0\r\na=fingerprint:sha-256 00\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n',
      'v=0\r\nm=audio 0 RTP/SAVP 0\r\n',
      sdpFixture('pbx-offer-g711'),
    ])
      expect(offer(written)).toBe(written)
  })
})

describe('an answer from an SDES peer', () => {
  test('media §6: the line without MKI, under the tag of our offer', () => {
    const written = sdpFixture('teams-answer-bypass-ice-two-crypto')
    expect(cryptos(answer(written, 1))).toEqual(['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:oz2bF+NRy4WyLXYScQhwGOqTE87RB5FkGfTx3Lw2|2^31'])
    expect(linesOnlyIn(answer(written, 1), written)).toEqual(cryptos(answer(written, 1)))
  })

  test('T §4.1: INTEROP(Teams): a key with MKI is better than none; a list of keys, of which packets choose one, is not', () => {
    const mki = `AES_CM_128_HMAC_SHA1_80 ${KEY}|2^31|1:1`
    expect(cryptos(answer(savp(`a=crypto:3 ${mki}`, 'a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:x'), 1))).toEqual([`a=crypto:1 ${mki}`])
    expect(bad(answeredKeys(sdpOf(savp(`a=crypto:1 ${mki};${KEY.replace('n', 'm')}|2^31|2:1`)), [1]))).toMatchObject({ status: 488 })
  })

  test('RFC 4568 §5.1.2: the right tag is left alone', () => {
    for (const name of ['teams-answer-nonbypass', 'tlsphone-answer-sdes', 'pbx-answer-pcmu']) {
      expect(answer(sdpFixture(name), 1)).toBe(sdpFixture(name))
      expect(answer(sdpFixture(name))).toBe(sdpFixture(name))
    }
  })

  test('the line with the tag of our offer is taken before another', () => {
    const [one, two] = [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 ${KEY}`, 'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:b']
    expect(cryptos(answer(savp(one, two), 2))).toEqual([two])
    expect(cryptos(answer(savp(one, two), 3))).toEqual([one.replace(':1', ':3')])
    expect(cryptos(answer(savp(one, two), undefined))).toEqual([one])
  })

  test('each section has its own tag', () => {
    const line = `a=crypto:9 AES_CM_128_HMAC_SHA1_80 ${KEY}`
    const two = savp(line, 'm=audio 9 RTP/SAVP 0', line)
    expect(cryptos(answer(two, 1, 4))).toEqual([line.replace('9', '1'), line.replace('9', '4')])
  })

  test('media §6: an answer without a key that we offered is a problem, not silence', () => {
    expect(bad(answeredKeys(sdpOf(savp('a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:x')), [1]))).toMatchObject({
      status: 488,
      rfc: 'RFC 4568 §6',
    })
    expect(bad(answeredKeys(sdpOf(savp('a=mid:0', 'm=audio 9 RTP/AVP 0')), [1]))).toMatchObject({ status: 488 })
  })
})

describe('an offer that rtpengine made', () => {
  test('media §8: of the suites that it shows toward a plain peer one stays', () => {
    const made = savp(
      'a=crypto:1 AEAD_AES_256_GCM inline:a',
      'a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:b',
      'a=crypto:12 NULL_HMAC_SHA1_32 inline:c',
    )
    expect(cryptos(onText(offeredKeys)(made))).toEqual(['a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:b'])
    expect(cryptoTags(sdpOf(made))).toEqual([7])
  })

  test('where the one is not among them nothing is done', () => {
    const made = sdpOf(savp('a=crypto:1 AEAD_AES_256_GCM inline:a'))
    expect(offeredKeys(made)).toBe(made)
    expect(cryptoTags(made)).toEqual([undefined])
  })

  test('media §5: with our dictionaries there is one line already', () => {
    for (const { made } of RECORDED) expect(onText(offeredKeys)(made)).toBe(made)
    expect(cryptoTags(sdpOf(recorded('plain--sdes', 0).made))).toEqual([1])
    expect(cryptoTags(sdpOf(recorded('plain--webrtc', 0).made))).toEqual([undefined])
  })
})

test('twice is once', () => {
  const rules: readonly ((sdp: Sdp) => Sdp | { kind: 'problem' })[] = [usableKeys, (sdp) => answeredKeys(sdp, [3, undefined]), offeredKeys]
  fc.assert(
    fc.property(anySdp, fc.constantFrom(...rules), (written, rule) => {
      const once = rule(sdpOf(written))
      if ('kind' in once && isProblem(once)) return
      expect(text(good(rule(sdpOf(text(once as Sdp)))) as Sdp)).toBe(text(once as Sdp))
    }),
    { numRuns: 1000 },
  )
})
