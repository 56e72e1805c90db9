import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { offeredCodecs } from '../../../src/media/codecs.ts'
import { type CodecPolicy, MEDIA_PROFILES, type MediaKind, type MediaLeg } from '../../../src/zones/media.ts'

const sdpOf = (name: string): string => readFileSync(`test/fixtures/sdp/${name}.sdp`, 'latin1')

const leg = (kind: MediaKind, codecs: Partial<CodecPolicy> = {}, dtmf: 'pass' | 'audio' = 'pass'): MediaLeg => ({
  zone: kind,
  profile: MEDIA_PROFILES[kind],
  policy: {
    anchored: true,
    kind: undefined,
    interface: undefined,
    set: 'default',
    codecs: { order: undefined, strip: [], transcode: [], ...codecs },
    dtmf,
    ice: undefined,
    maxBundle: true,
    record: false,
  },
})

const browser = leg('webrtc')
const [AUDIO, OPUS_ONLY, VIDEO, PBX] = [
  'chrome-offer-audio',
  'chrome-offer-audio-opus-only',
  'chrome-offer-av-bundle',
  'pbx-offer-g711',
].map(sdpOf) as [string, string, string, string]

/** The m-lines, from the port on: `39140 111 9`. */
const lines = (sdp: string): readonly string[] =>
  [...sdp.matchAll(/^m=\S+ (\S+) \S+(.*)\r$/gm)].map(([, port, formats]) => `${port}${formats}`)

describe('T §4.1, §4.2: what Teams offers to others, and others to Teams', () => {
  const TEAMS = sdpOf('teams-offer-nonbypass')
  const of = (kind: MediaKind) => lines(offeredCodecs(leg(kind), leg('teams'), TEAMS).sdp)

  test.each(['teams', 'teams-bypass'] as const)(
    '%s: no SILK, SIREN, RED and noise at 16 kHz for who speaks plain RTP, and G.711 first',
    (kind) => {
      const { sdp, operations } = offeredCodecs(leg(kind), leg('plain'), TEAMS)
      expect(lines(sdp)).toEqual(['50024 0 8 9 18 101 13'])
      expect(sdp).not.toMatch(/SILK|SIREN|RED|CN\/16000|useinbandfec|bitrate=/)
      expect(sdp).toMatch(/\r\na=ptime:20\r\n/)
      expect(operations).toEqual({})
    },
  )

  test('toward a TLS phone and a browser its order stays', () => {
    for (const kind of ['sdes', 'webrtc'] as const)
      expect(lines(offeredCodecs(leg('teams'), leg(kind), TEAMS).sdp)).toEqual(['50024 9 18 0 8 101 13'])
  })

  test('the operator’s order counts more, also for codecs of Teams’ own', () => {
    expect(lines(offeredCodecs(leg('teams'), leg('plain', { order: ['SILK/16000', 'G722', 'telephone-event'] }), TEAMS).sdp)).toEqual([
      '50024 104 9 101',
    ])
  })

  test('Opus is not offered to Teams, nor what else it does not know', () => {
    expect(lines(offeredCodecs(browser, leg('teams'), AUDIO).sdp)).toEqual(['39140 9 0 8 126'])
    expect(lines(offeredCodecs(browser, leg('teams'), OPUS_ONLY).sdp)).toEqual(['39140'])
    expect(lines(offeredCodecs(browser, leg('teams', { order: ['opus', 'PCMU'] }), AUDIO).sdp)).toEqual(['39140 111 0'])
  })

  test('it is, hidden, when rtpengine is to convert it', () => {
    const { sdp, operations } = offeredCodecs(browser, leg('teams', { transcode: ['PCMU', 'telephone-event'] }), OPUS_ONLY)
    expect(lines(sdp)[0]).toMatch(/^39140 111/)
    expect(operations).toMatchObject({ transcode: ['PCMU', 'telephone-event'], mask: expect.arrayContaining(['opus/48000/2']) })
  })

  test('T6.21: no payload number stands for two things: neither twice in a line nor for what Teams has it for', () => {
    const pbx = PBX.replace(' 0 8 101', ' 103 104 0 8 0 101 101').replace(
      'a=rtpmap:0 ',
      'a=rtpmap:103 G726-32/8000\r\na=rtpmap:104 speex/8000\r\na=rtpmap:0 ',
    )
    expect(lines(pbx)).toEqual(['17234 103 104 0 8 0 101 101'])
    const { sdp } = offeredCodecs(leg('plain'), leg('teams'), pbx)
    expect(lines(sdp)).toEqual(['17234 0 8 101'])
    expect(sdp).not.toMatch(/G726|speex/)
  })

  test('T §3.7: a PBX without events: Teams is offered them all the same, and its own become tones', () => {
    const deaf = leg('plain', {}, 'audio')
    const none = PBX.replace(' 0 8 101', ' 0 8').replace(/a=(?:rtpmap|fmtp):101 .*\r\n/g, '')
    expect(offeredCodecs(deaf, leg('teams'), none)).toEqual({ sdp: none, operations: { transcode: ['telephone-event'] } })
    const { sdp, operations } = offeredCodecs(leg('teams'), deaf, TEAMS)
    expect([lines(sdp), operations]).toEqual([['50024 0 8 9 18 101 13'], { consume: ['telephone-event'] }])
  })

  test('what everybody knows is byte for byte what it was', () => {
    expect(offeredCodecs(leg('plain'), leg('teams'), PBX)).toEqual({ sdp: PBX, operations: {} })
    expect(of('teams')).toEqual(['50024 104 9 103 18 0 8 101 13'])
  })
})

describe('media §8: what a browser offers to others', () => {
  test('its audio codecs in its order, and telephone-event/8000', () => {
    expect(lines(offeredCodecs(browser, leg('plain'), AUDIO).sdp)).toEqual(['39140 111 9 0 8 126'])
  })

  test('its video codecs, without repetition and redundancy', () => {
    expect(lines(offeredCodecs(browser, leg('plain'), VIDEO).sdp)).toEqual([
      '39140 111 9 0 8 126',
      '46003 96 102 104 108 114 116 39 45 98 100',
    ])
  })

  test('lines about what went are gone, all others are byte for byte what they were', () => {
    const { sdp } = offeredCodecs(browser, leg('plain'), AUDIO)
    const gone = AUDIO.split('\r\n').filter((line) => !sdp.split('\r\n').includes(line))
    expect(gone).toEqual([
      'm=audio 39140 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126',
      'a=rtpmap:63 red/48000/2',
      'a=fmtp:63 111/111',
      'a=rtpmap:13 CN/8000',
      'a=rtpmap:110 telephone-event/48000',
    ])
  })

  test('events at another rate stay when there are none at 8000 Hz', () => {
    expect(lines(offeredCodecs(browser, leg('plain'), OPUS_ONLY).sdp)).toEqual(['39140 111 110'])
  })

  test('to a browser everything goes, and from others everything', () => {
    expect(offeredCodecs(browser, browser, VIDEO)).toEqual({ sdp: VIDEO, operations: {} })
    for (const name of ['teams-offer-bypass-ice', 'pbx-offer-av-h264', 'pbx-reoffer-t38', 'fax-offer-audio-and-image']) {
      expect(offeredCodecs(leg('plain'), browser, sdpOf(name))).toEqual({ sdp: sdpOf(name), operations: {} })
    }
  })

  test('a line that is not used keeps what it says', () => {
    const off = VIDEO.replace('m=video 46003', 'm=video 0')
    expect(lines(offeredCodecs(browser, leg('plain'), off).sdp)[1]).toBe(lines(off)[1])
  })

  test('what is no SDP is left to rtpengine', () => {
    expect(offeredCodecs(browser, leg('plain'), 'x')).toEqual({ sdp: 'x', operations: {} })
  })
})

describe('media §8: an operator’s order', () => {
  const order = (...names: readonly string[]) => leg('plain', { order: names })

  test.each([
    [['PCMA', 'PCMU', 'telephone-event'], '39140 8 0 126'],
    [['pcmu/8000', 'G722', 'telephone-event'], '39140 0 9 126'],
    [['telephone-event', 'G722/8000/1', 'opus/48000/2'], '39140 126 9 111'],
    [['PCMU', 'telephone-event/48000', 'telephone-event'], '39140 0 110 126'],
    [['PCMU', 'CN'], '39140 0 13'],
    [['G729', 'PCMU'], '39140 0'],
  ])('%j', (names, expected) => {
    expect(lines(offeredCodecs(browser, order(...names), AUDIO).sdp)).toEqual([expected])
  })

  test('holds for offers of anybody', () => {
    expect(lines(offeredCodecs(leg('sdes'), order('PCMA', 'PCMU', 'telephone-event'), PBX).sdp)).toEqual(['17234 8 0 101'])
    expect(lines(offeredCodecs(leg('plain'), leg('webrtc', { order: ['PCMA'] }), PBX).sdp)).toEqual(['17234 8'])
  })

  test('payload types that need no rtpmap are known by number', () => {
    const bare = PBX.replace(/a=rtpmap:[08] .*\r\n/g, '')
    expect(lines(offeredCodecs(leg('plain'), order('PCMA', 'PCMU'), bare).sdp)).toEqual(['17234 8 0'])
  })

  test('of audio codecs says nothing about video', () => {
    expect(lines(offeredCodecs(browser, order('PCMA', 'telephone-event'), VIDEO).sdp)).toEqual([
      '39140 8 126',
      '46003 96 102 104 108 114 116 39 45 98 100',
    ])
    expect(lines(offeredCodecs(browser, order('PCMA', 'H264'), VIDEO).sdp)[1]).toBe('46003 102 104 108 114 116 39')
  })

  test('an audio line of which nothing is left has no formats: that call cannot be', () => {
    expect(lines(offeredCodecs(browser, order('PCMA', 'telephone-event'), OPUS_ONLY).sdp)).toEqual(['39140'])
    expect(lines(offeredCodecs(browser, order('PCMA', 'H264'), VIDEO.replaceAll('PCMA', 'X-A')).sdp)[0]).toBe('39140')
  })

  test('leaves fax alone', () => {
    const fax = sdpOf('pbx-reoffer-t38')
    expect(offeredCodecs(leg('plain'), order('PCMA'), fax)).toEqual({ sdp: fax, operations: {} })
  })
})

describe('media §8: what an operator takes out', () => {
  test('goes, with what repeats it', () => {
    const rtx = sdpOf('pbx-offer-av-h264')
      .replace('RTP/AVP 99', 'RTP/AVP 99 100 101 102')
      .concat(
        'a=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=99\r\na=rtpmap:101 VP8/90000\r\na=rtpmap:102 rtx/90000\r\na=fmtp:102 rtx-time=9;apt=101\r\n',
      )
    expect(lines(offeredCodecs(leg('plain'), leg('plain', { strip: ['h264'] }), rtx).sdp)).toEqual(['17234 0 8 101', '17240 101 102'])
  })

  test('also before the order', () => {
    expect(lines(offeredCodecs(browser, leg('plain', { strip: ['G722'], order: ['G722', 'PCMU'] }), AUDIO).sdp)).toEqual(['39140 0'])
  })

  test('video of which nothing is left is offered with port 0', () => {
    const none = leg('plain', { strip: ['VP8', 'VP9', 'AV1', 'H264'] })
    const [audio, video] = lines(offeredCodecs(browser, none, VIDEO).sdp)
    expect(audio).toBe('39140 111 9 0 8 126')
    expect(video).toMatch(/^0 96 97 /)
  })
})

describe('media §8: conversion', () => {
  const transcode = ['PCMU', 'PCMA', 'telephone-event']

  test('is left to rtpengine', () => {
    const { sdp, operations } = offeredCodecs(browser, leg('plain', { transcode }), AUDIO)
    expect(lines(sdp)).toEqual(['39140 111 9 0 8 126 110'])
    expect(operations).toEqual({ transcode })
  })

  test('from opus keeps its telephone-event, last; without opus nobody needs it', () => {
    const offered = (codecs: Partial<CodecPolicy>) => lines(offeredCodecs(browser, leg('plain', { transcode, ...codecs }), AUDIO).sdp)
    expect(offered({ strip: ['G722'] })).toEqual(['39140 111 0 8 126 110'])
    expect(offered({ strip: ['opus'] })).toEqual(['39140 9 0 8 126'])
    expect(offered({ order: ['PCMA', 'telephone-event'] })).toEqual(['39140 8 126'])
    expect(offered({ order: ['PCMA', 'telephone-event/48000', 'telephone-event'] })).toEqual(['39140 8 110 126'])
    expect(offered({ order: ['telephone-event', 'opus'] })).toEqual(['39140 126 110 111'])
    expect(offered({ order: ['G729', 'telephone-event'] })).toEqual(['39140 111 9 0 8 126 110'])
  })

  test('with an order: what the order leaves is converted from', () => {
    const { sdp, operations } = offeredCodecs(browser, leg('plain', { order: ['G729', 'PCMA'], transcode: ['G729'] }), AUDIO)
    expect(lines(sdp)).toEqual(['39140 8'])
    expect(operations).toEqual({ transcode: ['G729'] })
  })

  test('when the order leaves nothing: the list is hidden, and converted from', () => {
    const { sdp, operations } = offeredCodecs(browser, leg('plain', { order: ['PCMU', 'telephone-event'], transcode }), OPUS_ONLY)
    expect(lines(sdp)).toEqual(['39140 111 110'])
    expect(operations).toEqual({ transcode, mask: ['opus/48000/2', 'red/48000/2'] })
  })

  test('no telephone-event on a side: not shown to it, kept for the other one', () => {
    const { sdp, operations } = offeredCodecs(browser, leg('plain', { order: ['PCMU'] }, 'audio'), AUDIO)
    expect(lines(sdp)).toEqual(['39140 0 110 126'])
    expect(operations).toEqual({ consume: ['telephone-event'] })
    expect(offeredCodecs(browser, leg('plain', { strip: ['telephone-event'], transcode: ['G729'] }, 'audio'), AUDIO).operations).toEqual({
      transcode: ['G729'],
      consume: ['telephone-event'],
    })
  })

  test('no telephone-event on the side that offers: added for the other one', () => {
    const none = sdpOf('pbx-answer-pcmu-no-dtmf')
    const pbx = leg('plain', {}, 'audio')
    expect(offeredCodecs(pbx, browser, none).operations).toEqual({ transcode: ['telephone-event'] })
    expect(offeredCodecs(pbx, leg('webrtc', { transcode: ['opus'] }), none).operations).toEqual({ transcode: ['opus', 'telephone-event'] })
    expect(offeredCodecs(pbx, browser, PBX).operations).toEqual({})
    expect(offeredCodecs(pbx, pbx, none).operations).toEqual({})
  })

  test('none without audio', () => {
    expect(offeredCodecs(leg('plain', {}, 'audio'), leg('plain', { transcode }), sdpOf('pbx-reoffer-t38')).operations).toEqual({})
  })
})

test('time is linear in the size of the SDP', () => {
  const [head, tail] = VIDEO.split('96 97') as [string, string]
  const long = `${head}${'96 97 '.repeat(9000)}96 97${tail.slice(0, 2000)}`
  const policy = leg('plain', { order: ['H264', 'VP8', 'x', 'y', 'z'], strip: ['u', 'v', 'w'], transcode: ['G729'] }, 'audio')
  const from = performance.now()
  offeredCodecs(browser, policy, long)
  expect(performance.now() - from).toBeLessThan(500)
})

describe('what the receiver has shown in the call', () => {
  const pbx = leg('plain', { transcode: ['PCMU'] })
  const asked = (spoken: readonly string[], receiver = browser) => offeredCodecs(pbx, receiver, PBX, spoken).operations

  test('is offered by conversion where the sender has nothing of it: the first of it', () => {
    expect(asked(['opus/48000/2', 'G722/8000'])).toEqual({ transcode: ['opus/48000/2'] })
  })

  test('is not needed where one codec is common, or where a policy says what is', () => {
    expect(asked(['opus/48000/2', 'PCMA/8000'])).toEqual({})
    expect(asked([])).toEqual({})
    expect(asked(['opus/48000/2'], leg('webrtc', { transcode: ['opus'] }))).toEqual({ transcode: ['opus'] })
  })
})
