import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CallQuality, callQuality, type LegQuality, recordingsOf } from '../../../src/media/quality.ts'
import { clean } from '../../../src/observability/redact.ts'
import type { NgReply } from '../../../src/rtpengine/types.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/ng-statistics')

/** A reply of rtpengine 10.5.3.5 to a real call; what the call was stands in the file. */
const recorded = (name: string): NgReply => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')).reply

const qualityOf = (name: string): CallQuality => callQuality(recorded(name))!

const [CALLER, CALLEE] = [0, 1] as const
const legOf = (name: string, index: 0 | 1): LegQuality => qualityOf(name).legs[index]!

/** Two legs with the given sections, as short as a reply can be. */
const made = (caller: readonly object[], callee: readonly object[], more: object = {}): CallQuality | undefined => {
  const subscriptions = [{ tag: 'x' }]
  const tags = { a: { label: 'caller:phones', subscriptions, medias: caller }, b1: { label: 'callee:pbx', subscriptions, medias: callee } }
  return callQuality({ result: 'ok', tags, ...more })
}

const section = (type: string, packets: number, port = 4000): object => ({
  type,
  flags: ['recv', 'send'],
  streams: [{ flags: ['RTP'], SSRC: 7, stats: { packets, bytes: packets * 172, errors: 0 }, 'advertised endpoint': { port } }],
})

describe('media §10: the report of a recorded call', () => {
  test('two plain legs that report: packets, codec, MOS, jitter, round trip; the callee is the second leg', () => {
    expect(qualityOf('plain--plain')).toEqual({
      legs: [
        {
          party: 'caller',
          zone: 'phones',
          codec: 'PCMU/8000',
          encryption: 'none',
          protocol: 'RTP/AVP',
          endpoint: '127.0.0.1:52032',
          nat: false,
          packets: 261,
          bytes: 44892,
          errors: 0,
          lost: 0,
          lossPercent: 0,
          jitterMs: 0,
          mos: 4.4,
          roundTripMs: 0.4,
          silent: false,
          muted: false,
        },
        expect.objectContaining({ party: 'callee', zone: 'pbx', packets: 261, mos: 4.4, roundTripMs: 0.3 }),
      ],
      oneWay: false,
      noMedia: false,
    })
  })

  test('a query during the call tells the same as the delete after it', () => {
    expect(qualityOf('plain--plain-query')).toEqual(qualityOf('plain--plain'))
  })

  test('loss and jitter belong to the party that heard them, not to the one that sent', () => {
    // The caller's side lost packets on the way to rtpengine; the callee's packets came late.
    expect(legOf('plain--plain-loss-jitter', CALLEE)).toMatchObject({ lost: 12, lossPercent: 4, jitterMs: 0, mos: 4.1 })
    expect(legOf('plain--plain-loss-jitter', CALLER)).toMatchObject({ lost: 0, lossPercent: 0, jitterMs: 11, mos: 4.3 })
  })

  test.each([
    ['sdes--plain', 'SDES AES_CM_128_HMAC_SHA1_80', 'RTP/SAVP', 'none', 'RTP/AVP'],
    ['plain--sdes', 'none', 'RTP/AVP', 'SDES AES_CM_128_HMAC_SHA1_80', 'RTP/SAVP'],
    ['webrtc--plain', 'DTLS-SRTP AEAD_AES_256_GCM', 'UDP/TLS/RTP/SAVPF', 'none', 'RTP/AVP'],
  ])('%s: each leg has its own encryption and protocol', (name, ...wanted) => {
    const [caller, callee] = qualityOf(name).legs
    expect([caller?.encryption, caller?.protocol, callee?.encryption, callee?.protocol]).toEqual(wanted)
  })

  test('a leg that sends no usable reports has no figures at all, rather than perfect ones', () => {
    for (const leg of [legOf('no-reports', CALLER), legOf('no-reports', CALLEE), legOf('webrtc--plain', CALLER)]) {
      for (const figure of ['lost', 'lossPercent', 'jitterMs', 'mos', 'roundTripMs']) expect(leg).not.toHaveProperty(figure)
    }
  })

  test('a converted call shows the codec of each side', () => {
    expect([legOf('transcoded', CALLER).codec, legOf('transcoded', CALLEE).codec]).toEqual(['PCMU/8000', 'PCMA/8000'])
  })

  test('media from elsewhere than the SDP says marks a NAT; with ICE it does not', () => {
    expect(legOf('nat', CALLEE)).toMatchObject({ nat: true, endpoint: '127.0.0.6:43122' })
    expect(legOf('nat', CALLER).nat).toBe(false)
    expect(legOf('webrtc--plain', CALLER)).toMatchObject({ nat: false, endpoint: '192.0.2.2:34339' })
  })

  test('a refused section is left out: the audio beside it counts', () => {
    expect(qualityOf('fax-refused')).toMatchObject({ legs: [{ packets: 76 }, { packets: 76 }], oneWay: false, noMedia: false })
  })

  test('the callee offered (INVITE without SDP): it is the callee all the same', () => {
    expect(qualityOf('offerless').legs.map(({ party, zone }) => `${party} ${zone}`)).toEqual(['caller phones', 'callee pbx'])
  })

  test('files of a recording stand in the replies to offers, not in that to the delete', () => {
    const recordings = recordingsOf(recorded('recorded-offer'))
    expect(recordings).toEqual(['/var/spool/rtpengine/pcaps/rec-2~0-36bc5ba8224f823a.pcap'])
    expect(callQuality(recorded('plain--plain'), { recordings })?.recordings).toEqual(recordings)
    expect(qualityOf('plain--plain')).not.toHaveProperty('recordings')
  })

  test('nothing of it is masked in the log', () => {
    const quality = { ...qualityOf('sdes--plain') }
    expect(clean(quality)).toEqual(quality)
  })
})

describe('media §10: what does not count as sent', () => {
  test('packets from a wrong source: a plain leg counts them among its packets, we do not', () => {
    expect(legOf('strict-source', CALLEE)).toMatchObject({ packets: 302, errors: 101 })
    expect(legOf('strict-source', CALLER)).toMatchObject({ packets: 302, errors: 0 })
  })

  test('the figures of a leg stay its own when a stranger sent to its port', () => {
    expect(legOf('sdes-intruder', CALLER)).toMatchObject({ packets: 277, errors: 76, mos: 4.4 })
  })

  test('packets that do not decrypt', () => {
    expect(legOf('wrong-key', CALLER)).toMatchObject({ packets: 0, errors: 101, silent: true })
    expect(qualityOf('wrong-key').oneWay).toBe(true)
  })

  test('reports on the media port (rtcp-mux)', () => {
    expect(legOf('reports-only', CALLER)).toMatchObject({ packets: 5, silent: true })
    expect(qualityOf('reports-only').oneWay).toBe(true)
  })
})

describe('media §10: one way, and none', () => {
  test.each([
    ['one-way', true, false],
    ['one-way-short', false, false],
    ['no-media', false, true],
    ['not-answered', false, false],
    ['hold', false, false],
    ['recvonly', false, false],
    ['inactive', false, false],
    ['plain--plain', false, false],
    ['webrtc--plain', false, false],
  ])('%s: one-way %s, no media %s', (name, oneWay, noMedia) => {
    expect(qualityOf(name)).toMatchObject({ oneWay, noMedia })
  })

  test('the direction does not matter', () => {
    const { tags, ...rest } = recorded('one-way')
    const { a, b1 } = tags as Record<string, object>
    const turned = callQuality({ ...rest, tags: { a: { ...a, label: 'callee:pbx' }, b1: { ...b1, label: 'caller:phones' } } } as NgReply)
    expect(turned).toMatchObject({
      oneWay: true,
      legs: [
        { party: 'caller', silent: true },
        { party: 'callee', silent: false },
      ],
    })
  })

  test('right after the answer nobody has to have sent anything; the daemon tells when the last SDP came', () => {
    const reply = recorded('no-media')
    const answered = (reply['last signal'] as number) * 1000
    expect(callQuality(reply, { at: answered + 900 })?.noMedia).toBe(false)
    expect(callQuality(reply, { at: answered + 5000 })?.noMedia).toBe(true)
  })

  test('before the answer there is one leg, and nothing is wrong with it', () => {
    expect(qualityOf('not-answered').legs.map(({ party }) => party)).toEqual(['caller'])
  })
})

describe('media §4: several branches', () => {
  test('one that never answered is no leg', () => {
    expect(qualityOf('fork-parallel').legs).toMatchObject([{ party: 'caller' }, { party: 'callee', endpoint: '127.0.0.7:48038' }])
  })

  test('of two that answered the one that is talked on, wherever it stands', () => {
    const { tags, ...rest } = recorded('fork-two-answers')
    const turned = Object.fromEntries(Object.entries(tags as object).reverse())
    for (const reply of [
      { tags, ...rest },
      { tags: turned, ...rest },
    ] as NgReply[]) {
      expect(callQuality(reply)?.legs).toMatchObject([{ packets: 193 }, { packets: 152, endpoint: '127.0.0.7:46582' }])
    }
  })

  test('it is the one that is subscribed, though the other sent more; without subscriptions the one that sent most', () => {
    const callee = (packets: number, subscriptions: unknown) => ({
      label: 'callee:pbx',
      subscriptions,
      medias: [section('audio', packets)],
    })
    const packetsOf = (...callees: object[]) => callQuality({ result: 'ok', tags: { ...callees } })?.legs[0]?.packets
    const [lost, talked] = [callee(900, []), callee(20, [{ tag: 'a' }])]
    expect([packetsOf(lost, talked), packetsOf(talked, lost)]).toEqual([20, 20])
    expect(packetsOf(callee(20, undefined), callee(900, undefined), callee(5, undefined))).toBe(900)
  })
})

describe('media §10: several sections', () => {
  test('with video the audio alone is judged', () => {
    const quality = made([section('audio', 500), section('video', 2000)], [section('audio', 0), section('video', 2000)])
    expect(quality).toMatchObject({ oneWay: true, legs: [{ packets: 500 }, { packets: 0, silent: true }] })
  })

  test('two audio sections add up', () => {
    expect(made([section('audio', 10), section('audio', 20)], [section('audio', 5)])?.legs[0]?.packets).toBe(30)
  })

  test('when the audio was refused, the other section is judged', () => {
    const fax = [section('audio', 0, 0), section('image', 80)]
    expect(made(fax, fax)).toMatchObject({ oneWay: false, noMedia: false, legs: [{ packets: 80 }, { packets: 80 }] })
  })
})

describe('media §10: figures that cannot be', () => {
  const figuresOf = (average: object, more: object = {}): LegQuality =>
    made([section('audio', 50)], [section('audio', 50)], { SSRC: { 7: { 'average MOS': average, ...more } } })!.legs[0]!

  test('those that can are taken over, in ms, percent and points', () => {
    const average = { MOS: 38, jitter: 21, 'packet loss': 3, 'round-trip time leg': 41_260, samples: 5 }
    expect(figuresOf(average, { 'cumulative loss': 9 })).toMatchObject({
      mos: 3.8,
      jitterMs: 21,
      lossPercent: 3,
      roundTripMs: 41.3,
      lost: 9,
    })
  })

  test.each([
    ['mos', { MOS: 0 }],
    ['mos', { MOS: 51 }],
    ['mos', { MOS: '44' }],
    ['lossPercent', { 'packet loss': 101 }],
    ['jitterMs', { jitter: 60_001 }],
    ['roundTripMs', { 'round-trip time leg': 0 }],
    ['roundTripMs', { 'round-trip time leg': 60_000_001 }],
  ])('no %s from %j', (figure, average) => {
    expect(figuresOf(average)).not.toHaveProperty(figure)
  })

  test('a negative loss (duplicates, RFC 3550 §6.4.1) is none', () => {
    expect(figuresOf({}, { 'cumulative loss': -3 })).not.toHaveProperty('lost')
  })

  test('an error with statistics beside it is an error', () => {
    expect(made([section('audio', 1)], [section('audio', 1)], { result: 'error' })).toBeUndefined()
  })
})

describe('media §10: times', () => {
  const reply = recorded('plain--plain')
  const created = reply.created as number

  test('the length of the call and the silence of a leg are told by the clock that is passed in', () => {
    const quality = callQuality(reply, { at: (created + 65) * 1000 + 400 })
    expect(quality).toMatchObject({ durationSeconds: 65, legs: [{ lastPacketAgo: 60 }, { lastPacketAgo: 60 }] })
  })

  test('a daemon whose clock is ahead gives no times, rather than negative ones', () => {
    const quality = callQuality(reply, { at: (created - 5) * 1000 })
    expect(quality).not.toHaveProperty('durationSeconds')
    expect(quality?.legs[0]).not.toHaveProperty('lastPacketAgo')
  })

  test('a leg that sent nothing has no last packet, though the daemon names a time', () => {
    expect(callQuality(recorded('no-media'), { at: 2e12 })?.legs[0]).not.toHaveProperty('lastPacketAgo')
  })
})

describe('replies that tell nothing, or nonsense', () => {
  test.each(['unknown-delete', 'unknown-query', 'delete-by-call-id', 'recorded-offer'])('%s: no report', (name) => {
    expect(callQuality(recorded(name))).toBeUndefined()
  })

  /** Whatever was believed keeps to its bounds. */
  const expectBounded = (quality: CallQuality | undefined): void => {
    if (quality === undefined) return
    expect(quality.legs.length).toBeLessThanOrEqual(2)
    expect(quality.durationSeconds ?? 0).toBeGreaterThanOrEqual(0)
    for (const file of quality.recordings ?? []) expect(file.length).toBeLessThanOrEqual(4096)
    for (const leg of quality.legs) {
      for (const [name, value] of Object.entries(leg)) {
        if (typeof value === 'number')
          expect([name, Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER]).toEqual([name, true])
        if (typeof value === 'string') expect(value.length).toBeLessThan(600)
        expect([name, value]).not.toEqual([name, undefined])
      }
      expect(leg.lossPercent ?? 0).toBeLessThanOrEqual(100)
      expect(leg.mos ?? 1).toBeGreaterThanOrEqual(1)
      expect(leg.mos ?? 1).toBeLessThanOrEqual(5)
    }
  }

  test('anything at all', () => {
    const tag = fc.record({
      label: fc.oneof(fc.constantFrom('caller:a', 'callee:b', 'caller:'), fc.anything()),
      medias: fc.oneof(fc.array(fc.record({ type: fc.anything(), streams: fc.anything(), flags: fc.anything() })), fc.anything()),
      subscriptions: fc.anything(),
    })
    const reply = fc.record({
      result: fc.constantFrom('ok', 'error', ''),
      tags: fc.oneof(fc.dictionary(fc.string(), tag), fc.anything()),
      SSRC: fc.anything(),
      created: fc.anything(),
      'last signal': fc.anything(),
      recordings: fc.anything(),
    })
    fc.assert(
      fc.property(reply, fc.option(fc.double(), { nil: undefined }), (value, at) =>
        expectBounded(callQuality(value, at === undefined ? {} : { at })),
      ),
    )
  })

  test('a real reply with any one value replaced', () => {
    const odd = fc.oneof(
      fc.constantFrom(-1, 1.5, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY, '', 'x'.repeat(100_000), null, undefined, [], {}, 99, 101),
      fc.anything(),
    )
    const wholes = ['plain--plain-loss-jitter', 'webrtc--plain', 'fork-two-answers'].map(recorded)
    fc.assert(
      fc.property(fc.constantFrom(...wholes), fc.nat(), odd, (whole, place, value) =>
        expectBounded(callQuality(withOne(whole, place, value) as NgReply, { at: 1_795_267_999_000 })),
      ),
      { numRuns: 500 },
    )
  })

  test('a huge reply takes no long time', () => {
    const medias = Array.from({ length: 100_000 }, () => ({ type: 'audio', flags: [], streams: [] }))
    const tags = Object.fromEntries(Array.from({ length: 1000 }, (_none, index) => [`b${index}`, { label: 'callee:pbx', medias }]))
    const before = performance.now()
    expect(callQuality({ result: 'ok', tags })?.legs).toHaveLength(1)
    expect(performance.now() - before).toBeLessThan(500)
  })
})

/** A copy in which the value at the `place`th position, counted through the whole tree, is another. */
const withOne = (whole: unknown, place: number, value: unknown): unknown => {
  const positions = (tree: unknown): number =>
    typeof tree === 'object' && tree !== null ? Object.values(tree).reduce((sum: number, part) => sum + 1 + positions(part), 0) : 0
  let left = place % positions(whole)
  const copy = (tree: unknown): unknown => {
    if (typeof tree !== 'object' || tree === null) return tree
    const entries = Object.entries(tree).map(([key, part]) => [key, left-- === 0 ? value : copy(part)] as const)
    return Array.isArray(tree) ? entries.map(([, part]) => part) : Object.fromEntries(entries)
  }
  return copy(whole)
}
