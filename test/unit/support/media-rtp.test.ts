import { describe, expect, it } from 'vitest'
import { createDigitReader, readEvent, writeEvent } from '../../support/media/dtmf.ts'
import { type AudioCodec, PCMA, PCMU } from '../../support/media/g711.ts'
import { createReception, middleNtp, readReports, roundTripOf, writeReport } from '../../support/media/rtcp.ts'
import { isRtcp, type RtpPacket, readRtp, writeRtp } from '../../support/media/rtp.ts'
import { createVoice, type VoiceCodecs } from '../../support/media/voice.ts'

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const packetOf = (given: Partial<RtpPacket>): RtpPacket => ({
  ...{ marker: false, payloadType: 0, sequence: 1, timestamp: 0, ssrc: 7, payload: Buffer.alloc(160) },
  ...given,
})

describe('RFC 3550 §5.1: RTP', () => {
  it('is written as the RFC draws it', () => {
    const packet = packetOf({
      marker: true,
      payloadType: 101,
      sequence: 0x1234,
      timestamp: 0xfedcba98,
      ssrc: 0x89abcdef,
      payload: hex('0102'),
    })
    expect(writeRtp(packet).toString('hex')).toBe('80e51234fedcba9889abcdef0102')
    expect(readRtp(writeRtp(packet))).toEqual(packet)
  })

  it('is read with CSRCs, extension and padding', () => {
    const bytes = hex('b20800010000000200000003' + '0000000400000005' + 'bede0001aabbccdd' + '1122' + '00000004')
    expect(readRtp(bytes).payload.toString('hex')).toBe('1122')
  })

  it.each(['', '80', '4000000100000002000000ff', '9000000100000002000000ffbede0009'])('is told from what is none: %s', (text) => {
    expect(() => readRtp(hex(text))).toThrow()
  })

  it('RFC 5761 §4: is told from RTCP on one port', () => {
    expect(isRtcp(writeRtp(packetOf({ payloadType: 0 })))).toBe(false)
    expect(isRtcp(writeRtp(packetOf({ payloadType: 101, marker: true })))).toBe(false)
    expect(isRtcp(writeReport({ ssrc: 1, sender: undefined, blocks: [] }, 'a'))).toBe(true)
  })
})

describe('G.711', () => {
  it.each<[string, AudioCodec, Readonly<Record<number, number>>]>([
    ['PCMU', PCMU, { 255: 0, 127: 0, 128: 32_124, 0: -32_124, 240: 120, 112: -120, 219: 524 }],
    ['PCMA', PCMA, { 213: 8, 85: -8, 170: 32_256, 42: -32_256, 212: 24, 197: 264, 128: 5504 }],
  ])('%s: octets mean what the tables say', (_name, codec, table) => {
    const octets = Object.keys(table).map(Number)
    expect([...codec.decode(Buffer.from(octets))]).toEqual(octets.map((octet) => table[octet]))
  })

  it.each([
    ['PCMU', PCMU, 132],
    ['PCMA', PCMA, 256],
  ])('%s: a sample comes back to a 32nd of its size', (_name, codec, offset) => {
    const samples = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768)
    const back = codec.decode(codec.encode(samples))
    for (const [i, sample] of samples.entries()) {
      if (Math.abs(back[i]! - sample) > (Math.abs(sample) + offset) / 32) expect(back[i], String(sample)).toBe(sample)
      if (i > 0 && back[i]! < back[i - 1]!) expect.unreachable(`${sample} falls behind`)
    }
  })
})

describe('RFC 4733: digits', () => {
  it('§2.3: are written as the RFC draws them', () => {
    expect(writeEvent({ digit: '#', end: true, volume: 10, duration: 1600 }).toString('hex')).toBe('0b8a0640')
    expect(readEvent(hex('0a0a00a0'))).toEqual({ digit: '*', end: false, volume: 10, duration: 160 })
    expect(() => writeEvent({ digit: 'x', end: true, volume: 10, duration: 1 })).toThrow('no telephone-event')
    expect(() => readEvent(hex('100a00a0'))).toThrow('no telephone-event')
  })

  const event = (digit: string, timestamp: number, duration: number, end = false): RtpPacket =>
    packetOf({ payloadType: 101, timestamp, payload: writeEvent({ digit, end, volume: 10, duration }) })

  it('§2.5.1: all packets with one timestamp are one digit, the same digit twice is two', () => {
    const reader = createDigitReader()
    for (const packet of [event('1', 0, 160), event('1', 0, 320), event('1', 0, 480, true), event('1', 0, 480, true)]) reader.take(packet)
    reader.take(event('1', 800, 160))
    expect(reader.digits()).toEqual([
      { digit: '1', duration: 480, ended: true, payloadType: 101, timestamp: 0, packets: 4 },
      { digit: '1', duration: 160, ended: false, payloadType: 101, timestamp: 800, packets: 1 },
    ])
    expect(() => reader.take(event('2', 800, 320))).toThrow('one timestamp')
  })
})

describe('a voice', () => {
  const audio = { name: 'PCMU', payloadType: 0, clockRate: 8000 }
  const codecs: VoiceCodecs = { audio, events: { name: 'TELEPHONE-EVENT', payloadType: 96, clockRate: 8000 } }
  const seed = { ssrc: 9, sequence: 65_535, timestamp: 0xffffff00 }

  it('RFC 3550 §5.1: has gapless numbers that wrap, 160 samples a packet, and a mark at its beginning', () => {
    const voice = createVoice(440, seed)
    const packets = [1, 2, 3].flatMap(() => voice.next(codecs))
    expect(packets.map(({ sequence, timestamp, marker }) => [sequence, timestamp, marker])).toEqual([
      [65_535, 0xffffff00, true],
      [0, 0xffffffa0, false],
      [1, 0x40, false],
    ])
    expect([voice.packets(), voice.octets()]).toEqual([3, 480])
  })

  it('goes on in time while nothing is sent, and marks where it begins again', () => {
    const voice = createVoice(440, { ...seed, timestamp: 0 })
    voice.next(codecs)
    voice.skip()
    expect(voice.next(codecs)).toMatchObject([{ timestamp: 320, marker: true, sequence: 0 }])
  })

  it('RFC 4733 §2.5: puts digits in place of the sound', async () => {
    const voice = createVoice(440, { ...seed, sequence: 0, timestamp: 0 })
    const reader = createDigitReader()
    const sent = voice.digits('5#')
    const frames = Array.from({ length: 20 }, () => voice.next(codecs))
    await sent
    const packets = frames.flat()
    for (const packet of packets) if (packet.payloadType === 96) reader.take(packet)
    expect(reader.digits()).toMatchObject([
      { digit: '5', duration: 800, ended: true, packets: 7, timestamp: 0 },
      { digit: '#', duration: 800, ended: true, packets: 7, timestamp: 8 * 160 },
    ])
    expect(packets.filter(({ payloadType, marker }) => payloadType === 96 && marker)).toHaveLength(2)
    expect(packets.map(({ sequence }) => sequence)).toEqual(packets.map((_, i) => i))
    expect(frames[6]).toMatchObject([{ payloadType: 0, timestamp: 6 * 160 }])
  })

  it('refuses digits that the other side does not take, and codecs that it does not speak', async () => {
    const voice = createVoice(440, seed)
    const refused = expect(voice.digits('1')).rejects.toThrow('takes no telephone-event')
    voice.next({ audio, events: undefined })
    await refused
    expect(() => voice.next({ audio: { ...audio, name: 'G729' }, events: undefined })).toThrow('does not speak G729')
  })
})

describe('RFC 3550 §6: RTCP', () => {
  const block = { ssrc: 2, fractionLost: 3, cumulativeLost: -1, highestSequence: 70_000, jitter: 5, lastSr: 6, delaySinceLastSr: 7 }

  it('§6.4: reports are read as they were written', () => {
    const sender = { time: 1_700_000_000_500, rtpTimestamp: 1, packets: 2, octets: 3 }
    for (const report of [
      { ssrc: 1, sender, blocks: [block] },
      { ssrc: 1, sender: undefined, blocks: [block, block] },
    ]) {
      expect(readReports(writeReport(report, 'cname'))).toEqual([report])
    }
    const bytes = writeReport({ ssrc: 1, sender, blocks: [] }, 'ab')
    expect(bytes.length % 4).toBe(0)
    // 1 700 000 000 s after 1970 and a half
    expect(bytes.toString('hex', 8, 16)).toBe('e8fe6f8080000000')
    expect(bytes.toString('hex', 28)).toBe('81ca00030000000101026162000000'.concat('00'))
    expect(() => readReports(bytes.subarray(0, 20))).toThrow('cut off')
  })

  it('§A.3: loss and the highest number over the turn', () => {
    const reception = createReception(packetOf({ sequence: 65_534 }), 8000)
    for (const [i, sequence] of [65_534, 65_535, 1, 2].entries()) reception.packet(packetOf({ sequence, timestamp: i * 160 }), i * 20)
    expect(reception.block(100)).toMatchObject({ highestSequence: 65_538, cumulativeLost: 1, fractionLost: 51, lastSr: 0, jitter: 0 })
    reception.packet(packetOf({ sequence: 3, timestamp: 4 * 160 }), 96)
    expect(reception.block(100)).toMatchObject({ cumulativeLost: 1, fractionLost: 0, jitter: 8 })
  })

  it('§6.4.1: LSR and DLSR give the round trip', () => {
    const reception = createReception(packetOf({}), 8000)
    const sent = 1_700_000_000_000
    reception.senderReport({ time: sent, rtpTimestamp: 0, packets: 1, octets: 1 }, sent + 30)
    const answer = reception.block(sent + 530)
    expect(answer.lastSr).toBe(middleNtp(sent))
    expect(roundTripOf(answer, sent + 560)).toBeCloseTo(60, 0)
    expect(roundTripOf({ ...answer, lastSr: 0 }, sent)).toBeUndefined()
  })
})
