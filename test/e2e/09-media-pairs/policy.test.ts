import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { planAnswer, planDelete, planOffer } from '../../../src/media/plan.ts'
import type { Passage } from '../../../src/media/types.ts'
import type { MediaLeg } from '../../../src/zones/media.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'
import { type Seen, see } from './endpoint.ts'
import { INTERFACES, leg } from './legs.ts'

const fixture = (name: string): string => readFileSync(`test/fixtures/sdp/${name}.sdp`, 'latin1')

const RTPMAPS: Readonly<Record<string, string>> = {
  ...{ 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000', 18: 'G729/8000', 111: 'opus/48000/2' },
  ...{ 96: 'telephone-event/8000', 101: 'telephone-event/8000', 110: 'telephone-event/48000', 126: 'telephone-event/8000' },
}

/** What a PBX says. */
const pbx = (formats: string, address = '192.0.2.80', port = 18112): string =>
  [
    ...['v=0', `o=- 4242 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio ${port} RTP/AVP ${formats}`],
    ...formats.split(' ').map((format) => `a=rtpmap:${format} ${RTPMAPS[format]}`),
    'a=sendrecv',
    '',
  ].join('\r\n')

let rtpengine: Rtpengine
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edgeways-recording-'))
  rtpengine = await startRtpengine({ interfaces: INTERFACES, extra: ['--recording-method=pcap', `--recording-dir=${folder}`] })
})

afterAll(async () => {
  await rtpengine.stop()
  rmSync(folder, { recursive: true })
})

let count = 0

/** One call: what each side is shown of what the other one says. */
const call = (caller: MediaLeg, callee: MediaLeg) => {
  const callId = `policy-${++count}~t`
  const identity = { callId, fromTag: 'a', toTag: 'b1' }
  const forth = { identity, sender: caller, receiver: callee, received: undefined, senderIsCaller: true, inDialog: false }
  const back = { ...forth, sender: callee, receiver: caller, senderIsCaller: false }
  const ask = async (command: 'offer' | 'answer', passage: Passage): Promise<Record<string, unknown>> => {
    const reply = await rtpengine.request(command, (command === 'offer' ? planOffer : planAnswer)(passage))
    expect(reply).toMatchObject({ result: 'ok', sdp: expect.any(String) })
    return reply
  }
  onTestFinished(async () => {
    await rtpengine.request('delete', planDelete(identity, 'call'))
  })
  return {
    offer: (sdp: string, more: Partial<Passage> = {}) => ask('offer', { ...forth, sdp, ...more }),
    answer: (sdp: string, more: Partial<Passage> = {}) => ask('answer', { ...back, sdp, ...more }),
    reoffer: (sdp: string) => ask('offer', { ...back, identity: { ...identity, fromTag: 'b1', toTag: 'a' }, inDialog: true, sdp }),
    query: () => rtpengine.request('query', { 'call-id': callId }),
    transcodes: async () => JSON.stringify((await rtpengine.request('query', { 'call-id': callId })).tags).includes('"transcoding"'),
    complaints: () => rtpengine.lines.filter((line) => line.includes(`[${callId}`) && /\b(?:ERR|WARNING|CRIT)\b/.test(line)),
  }
}

const seen = (reply: Record<string, unknown>): Seen => see(reply.sdp as string)
const mLines = (reply: Record<string, unknown>): readonly string[] =>
  (reply.sdp as string).split('\r\n').filter((line) => line.startsWith('m='))

describe('media §8: codecs', () => {
  test('a PBX may choose opus with telephone-event/8000: the browser gets both, and nothing is transcoded', async () => {
    const { offer, answer, transcodes } = call(leg('webrtc'), leg('plain'))
    expect(seen(await offer(fixture('chrome-offer-audio'))).formats).toEqual(['111', '9', '0', '8', '126'])
    expect(seen(await answer(pbx('111 126'))).formats).toEqual(['111', '126'])
    expect(await transcodes()).toBe(false)
  })

  // What codecs.ts says of it: should this fail with another rtpengine, the reason for edits of the text may be gone
  test('rtpengine’s own filter takes the events away', async () => {
    const identity = { callId: 'policy-filter~t', fromTag: 'a', toTag: 'b1' }
    const sides = { identity, sender: leg('webrtc'), receiver: leg('plain'), received: undefined, senderIsCaller: true, inDialog: false }
    const sdp = fixture('chrome-offer-audio')
    await rtpengine.request('offer', { ...planOffer({ ...sides, sdp }), codec: { strip: ['red', 'CN'] }, sdp })
    const answer = planAnswer({ ...sides, sender: sides.receiver, receiver: sides.sender, senderIsCaller: false, sdp: pbx('111 126') })
    expect(seen(await rtpengine.request('answer', answer)).formats).toEqual(['111'])
    await rtpengine.request('delete', planDelete(identity, 'call'))
  })

  test.each([
    ['PCMA', '8 126'],
    ['G722', '9 126'],
    ['PCMU without events', '0'],
  ])('a PBX that chooses %s', async (_name, formats) => {
    const { offer, answer, transcodes } = call(leg('webrtc'), leg('teams'))
    await offer(fixture('chrome-offer-audio'))
    expect(seen(await answer(pbx(formats))).formats).toEqual(formats.split(' '))
    expect(await transcodes()).toBe(false)
  })

  test('no line of audio and video loses all its codecs', async () => {
    const { offer } = call(leg('webrtc'), leg('plain'))
    const [audio, video] = mLines(await offer(fixture('chrome-offer-av-bundle')))
    expect(audio).toMatch(/ 111 9 0 8 126$/)
    expect(video).toMatch(/ 96 102 104 108 114 116 39 45 98 100$/)
  })

  test('an order, also for video that it does not mention', async () => {
    const order = { codecs: { order: ['PCMA', 'PCMU', 'telephone-event'], strip: [], transcode: [] } }
    const { offer, complaints } = call(leg('webrtc'), leg('plain', order))
    const [audio, video] = mLines(await offer(fixture('chrome-offer-av-bundle')))
    expect(audio).toMatch(/ 8 0 126$/)
    expect(video).toMatch(/ 96 102 /)
    expect(complaints()).toEqual([])
  })

  test('video that the operator took out is offered with port 0, and refused to the browser', async () => {
    const strip = { codecs: { order: undefined, strip: ['VP8', 'VP9', 'AV1', 'H264'], transcode: [] } }
    const { offer, answer } = call(leg('webrtc'), leg('plain', strip))
    const [audio, video] = mLines(await offer(fixture('chrome-offer-av-bundle')))
    expect(audio).toMatch(/^m=audio [1-9]\d+ RTP\/AVP 111 /)
    expect(video).toMatch(/^m=video 0 RTP\/AVP \d/)
    expect(mLines(await answer(`${pbx('0 126')}m=video 0 RTP/AVP 96\r\n`))[1]).toMatch(/^m=video 0 /)
  })

  test('no codec in common: an m-line without formats comes out, which nobody may be sent', async () => {
    const order = { codecs: { order: ['PCMA', 'telephone-event'], strip: [], transcode: [] } }
    const { offer } = call(leg('webrtc'), leg('plain', order))
    expect(mLines(await offer(fixture('chrome-offer-audio-opus-only')))).toEqual([expect.stringMatching(/^m=audio \d+ RTP\/AVP *$/)])
  })

  test('conversion for a browser with nothing but opus', async () => {
    const transcode = ['PCMU', 'PCMA', 'telephone-event']
    const { offer, answer, transcodes } = call(leg('webrtc'), leg('plain', { codecs: { order: undefined, strip: [], transcode } }))
    const offered = seen(await offer(fixture('chrome-offer-audio-opus-only')))
    expect([...offered.codecs.keys()]).toEqual(expect.arrayContaining(['opus/48000/2', 'PCMU/8000', 'PCMA/8000', 'telephone-event/8000']))
    expect(seen(await answer(pbx(`0 ${offered.codecs.get('telephone-event/8000')}`))).formats).toEqual(['111', '110'])
    expect(await transcodes()).toBe(true)
  })

  test('conversion does not begin while both sides have a codec in common', async () => {
    const transcode = ['PCMU', 'PCMA', 'telephone-event']
    const { offer, answer, transcodes } = call(leg('webrtc'), leg('plain', { codecs: { order: undefined, strip: [], transcode } }))
    expect(seen(await offer(fixture('chrome-offer-audio'))).formats).toEqual(['111', '9', '0', '8', '126', '110'])
    expect(seen(await answer(pbx('0 126'))).formats).toEqual(['0', '126'])
    expect(await transcodes()).toBe(false)
  })

  test('conversion with an order that leaves nothing: what was offered is hidden, and converted from', async () => {
    const codecs = { order: ['PCMA', 'telephone-event'], strip: [], transcode: ['PCMA'] }
    const { offer, answer, transcodes } = call(leg('webrtc'), leg('plain', { codecs }))
    const offered = seen(await offer(fixture('chrome-offer-audio-opus-only')))
    expect([...offered.codecs.keys()]).toEqual(['PCMA/8000', 'telephone-event/8000'])
    expect(seen(await answer(pbx(`8 ${offered.codecs.get('telephone-event/8000')}`))).formats).toEqual(['111', '110'])
    expect(await transcodes()).toBe(true)
  })

  test('G.729 for a trunk that has nothing else', async () => {
    const codecs = { order: ['G729', 'PCMA', 'telephone-event'], strip: [], transcode: ['G729'] }
    const { offer, answer } = call(leg('webrtc'), leg('plain', { codecs }))
    const offered = seen(await offer(fixture('chrome-offer-audio')))
    expect([...offered.codecs.keys()].sort()).toEqual(['G729/8000', 'PCMA/8000', 'telephone-event/8000'])
    expect(seen(await answer(pbx('18 126'))).formats).toEqual(['8', '126'])
  })
})

describe('media §8: DTMF toward a side that knows no telephone-event', () => {
  const deaf = leg('plain', { dtmf: 'audio' })

  test.each([
    ['PCMU', '0', ['0', '126']],
    ['G722', '9', ['9', '126']],
    ['opus', '111', ['111', '110']],
  ])('it is not offered any, and the browser has them beside %s', async (_name, formats, shown) => {
    const { offer, answer } = call(leg('webrtc'), deaf)
    expect(seen(await offer(fixture('chrome-offer-audio'))).formats).toEqual(['111', '9', '0', '8'])
    expect(seen(await answer(pbx(formats))).formats).toEqual(shown)
  })

  test('when it offers, the browser is offered events', async () => {
    const { offer, answer, reoffer } = call(leg('webrtc'), deaf)
    await offer(fixture('chrome-offer-audio'))
    await answer(pbx('0'))
    expect([...seen(await reoffer(pbx('0'))).codecs.keys()]).toEqual(['PCMU/8000', 'telephone-event/8000'])
    const other = call(deaf, leg('webrtc'))
    expect([...seen(await other.offer(pbx('0'))).codecs.keys()]).toEqual(['PCMU/8000', 'telephone-event/8000'])
  })

  test('it hears the tone', async () => {
    const [sender, listener] = [await bound('127.0.0.31'), await bound('127.0.0.32')]
    const { offer, answer } = call(leg('plain'), deaf)
    const offered = seen(await offer(pbx('0 101', '127.0.0.31', sender.address().port)))
    expect(offered.formats).toEqual(['0'])
    const answered = seen(await answer(pbx('0', '127.0.0.32', listener.address().port)))
    expect(answered.formats).toEqual(['0', '101'])
    const heard: Buffer[] = []
    listener.on('message', (packet: Buffer) => heard.push(packet))
    let sequence = 0
    const send = (type: number, timestamp: number, payload: Buffer): void => {
      const header = Buffer.from([0x80, type, 0, sequence++, 0, 0, 0, 0, 0, 0, 0, 1])
      header.writeUInt32BE(timestamp, 4)
      sender.send(Buffer.concat([header, payload]), answered.port, answered.connection)
    }
    // RFC 4733 §2.3: digit 5, its duration growing; silence of PCMU before, and behind until the tone was heard
    const silence = Buffer.alloc(160, 0xff)
    for (let i = 0; i < 5; i++) send(0, 160 * i, silence)
    for (let i = 1; i <= 5; i++) send(101, 800, Buffer.from([5, i === 5 ? 0x8a : 10, (160 * i) >> 8, (160 * i) & 255]))
    let frame = 10
    const loud = await until(() => {
      send(0, 160 * frame++, silence)
      return heard.find((packet) => packet.subarray(12).some((sample) => (sample & 0x7f) < 0x30))
    }, 'tone')
    expect(loud[1]! & 0x7f).toBe(0)
    expect(heard.some((packet) => (packet[1]! & 0x7f) !== 0)).toBe(false)
  })
})

const bound = async (address: string): Promise<Socket> => {
  const socket = createSocket('udp4').bind(0, address)
  await once(socket, 'listening')
  onTestFinished(() => {
    socket.close()
  })
  return socket
}

describe('media §7: addresses and ports', () => {
  test.each([
    ['both', 'lan', 'wan', INTERFACES.wan, INTERFACES.lan],
    ['the caller', 'lan', undefined, INTERFACES.wan, INTERFACES.lan],
    ['the callee', undefined, 'lan', INTERFACES.lan, INTERFACES.wan],
    ['neither', undefined, undefined, INTERFACES.wan, INTERFACES.wan],
  ])('%s with an interface of its own; the first one is for the others', async (_who, from, to, toCallee, toCaller) => {
    const { offer, answer, reoffer } = call(leg('plain', { interface: from }), leg('plain', { interface: to }))
    expect(seen(await offer(fixture('pbx-offer-g711'))).connection).toBe(toCallee)
    expect(seen(await answer(pbx('0 101'))).connection).toBe(toCaller)
    expect(seen(await reoffer(pbx('0 101'))).connection).toBe(toCaller)
  })

  test('media of a phone behind a NAT goes where its signalling came from', async () => {
    const { offer, answer, query } = call(leg('sdes'), leg('plain'))
    await offer(fixture('pbx-offer-g711-nat-private'), { received: '127.0.0.33' })
    await answer(pbx('0 101'))
    const tags = (await query()).tags as Readonly<Record<string, { medias: { streams: { endpoint: { address: string } }[] }[] }>>
    expect(tags.a?.medias[0]?.streams[0]?.endpoint.address).toBe('127.0.0.33')
    expect(tags.b1?.medias[0]?.streams[0]?.endpoint.address).toBe('192.0.2.80')
  })

  test('media §4: forks downstream answer for one branch, and a plain caller keeps its port', async () => {
    const { offer, answer } = call(leg('plain'), leg('plain'))
    await offer(fixture('pbx-offer-g711'))
    const ports = [
      seen(await answer(pbx('0 101'))).port,
      seen(await answer(pbx('0 101', '192.0.2.81', 20000), { inDialog: true })).port,
      seen(await answer(pbx('0 101'), { inDialog: true })).port,
    ]
    expect(new Set(ports).size).toBe(1)
  })

  test('ICE toward a plain side that the operator wants it for', async () => {
    const ice = { ...leg('plain', { ice: 'force' }), profile: { ...leg('plain').profile, ice: 'force' as const } }
    const { offer, complaints } = call(leg('plain'), ice)
    const offered = seen(await offer(fixture('pbx-offer-g711')))
    expect(offered.protocol).toBe('RTP/AVP')
    expect(offered.all('candidate').map((value) => value.split(' ')[1])).toEqual(['1', '2'])
    expect(complaints()).toEqual([])
  })
})

test('media §8: a call that is recorded goes on into the same file', async () => {
  const { offer, answer } = call(leg('plain', { record: true }), leg('plain'))
  const { recordings } = await offer(fixture('pbx-offer-g711'))
  expect(recordings).toHaveLength(1)
  await answer(pbx('0 101'))
  expect((await offer(fixture('pbx-reoffer-hold-sendonly'), { inDialog: true })).recordings).toEqual(recordings)
})

test('media §4: of forks one branch goes, then the call; both tell what they know', async () => {
  const parties = [leg('webrtc'), leg('plain')] as const
  const { offer } = call(...parties)
  await offer(fixture('chrome-offer-audio'))
  const callId = `policy-${count}~t`
  const second = { callId, fromTag: 'a', toTag: 'b2' }
  await offer(fixture('chrome-offer-audio'), { identity: second })
  expect(await rtpengine.request('delete', planDelete({ ...second, toTag: 'b1' }, 'branch'))).toMatchObject({ result: 'ok' })
  expect(await rtpengine.list()).toContain(callId)
  const unknown = await rtpengine.request('delete', planDelete({ ...second, toTag: 'b9' }, 'branch'))
  expect(unknown).toMatchObject({ result: 'ok', warning: expect.any(String) })
  expect(await rtpengine.request('delete', planDelete(second, 'call'))).toMatchObject({ result: 'ok', totals: expect.anything() })
  expect(await rtpengine.list()).not.toContain(callId)
  await offer(fixture('chrome-offer-audio'))
  expect(await rtpengine.request('delete', planDelete(second, 'everything'))).toEqual({ result: 'ok' })
  expect(await rtpengine.list()).not.toContain(callId)
})
