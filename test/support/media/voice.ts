/** What an endpoint sends: a tone in frames of 20 ms, with digits in between. Knows no time: every call of `next` is 20 ms later. */
import { writeEvent } from './dtmf.ts'
import { type AudioCodec, PCMA, PCMU } from './g711.ts'
import type { RtpPacket } from './rtp.ts'
import type { SdpCodec } from './sdp.ts'
import { createTone } from './tone.ts'

export const SAMPLE_RATE = 8000
export const FRAME_MS = 20
const FRAME = (SAMPLE_RATE * FRAME_MS) / 1000
/** Frames that a digit lasts, and frames of sound before the next one. */
const DIGIT = 5
const PAUSE = 3
/** Between packets of comfort noise, and what they say: -70 dBov (RFC 3389 §3). */
const NOISE_FRAMES = 25
const NOISE_LEVEL = 70

export const AUDIO_CODECS: Readonly<Record<string, AudioCodec>> = { PCMU, PCMA }

/** What the other side said that it takes. */
export interface VoiceCodecs {
  readonly audio: SdpCodec
  readonly events: SdpCodec | undefined
  /** Comfort noise (RFC 3389). */
  readonly noise?: SdpCodec | undefined
}

export interface Voice {
  readonly ssrc: number
  readonly packets: () => number
  readonly octets: () => number
  /** Of the next frame. */
  readonly timestamp: () => number
  /** Another tone; undefined: frames of silence. Speaks again after `hush`. */
  say(hz: number | undefined): void
  /** Suppresses silence from now on: no sound is sent, and with `noise`, where the other side takes it, a packet of comfort noise twice a second. */
  hush(noise: boolean): void
  /** @returns resolves when the last packet was given out. Rejects when the other side takes no events */
  digits(text: string): Promise<void>
  /** The packets of the next frame. */
  next(codecs: VoiceCodecs): readonly RtpPacket[]
  /** A frame in which nothing is sent: time goes on (RFC 3550 §5.1). */
  skip(): void
}

interface Waiting {
  readonly digits: string[]
  resolve(): void
  reject(error: Error): void
}

/** @param seed ssrc, first sequence number and timestamp, which the specification wants random */
export const createVoice = (hz: number | undefined, seed: { ssrc: number; sequence: number; timestamp: number }): Voice => {
  const { ssrc } = seed
  let { sequence, timestamp } = seed
  let tone = hz === undefined ? undefined : createTone(hz, SAMPLE_RATE)
  let [packets, octets, frames, pause] = [0, 0, 0, 0]
  /** A packet with the marker bit begins a stretch of sound (RFC 3551 §4.1). */
  let begins = true
  const queue: Waiting[] = []
  let hushed: { readonly noise: boolean; frames: number } | undefined
  const packet = (payloadType: number, marker: boolean, at: number, payload: Buffer): RtpPacket => {
    packets++
    octets += payload.length
    const made = { marker, payloadType, sequence: sequence & 0xffff, timestamp: at >>> 0, ssrc, payload }
    sequence++
    return made
  }
  /** RFC 4733 §2.5.1: one timestamp, growing durations; the end three times. */
  const event = (digit: string, payloadType: number): readonly RtpPacket[] => {
    const began = timestamp - frames * FRAME
    frames++
    const end = frames === DIGIT
    const payload = writeEvent({ digit, end, volume: 10, duration: frames * FRAME })
    return Array.from({ length: end ? 3 : 1 }, () => packet(payloadType, frames === 1, began, payload))
  }
  const digitFrame = (codecs: VoiceCodecs): readonly RtpPacket[] | undefined => {
    const waiting = queue[0]
    const digit = waiting?.digits[0]
    if (waiting === undefined || digit === undefined) return undefined
    if (pause > 0) {
      pause--
      return undefined
    }
    if (codecs.events === undefined) {
      queue.shift()
      waiting.reject(new Error('the other side takes no telephone-event'))
      return undefined
    }
    const made = event(digit, codecs.events.payloadType)
    if (frames < DIGIT) return made
    ;[frames, pause, begins] = [0, PAUSE, true]
    waiting.digits.shift()
    if (waiting.digits.length === 0) {
      queue.shift()
      waiting.resolve()
    }
    return made
  }
  const audioFrame = ({ audio, noise }: VoiceCodecs): readonly RtpPacket[] => {
    if (hushed !== undefined) {
      begins = true
      const due = hushed.frames++ % NOISE_FRAMES === 0 && hushed.noise && noise !== undefined
      return due ? [packet(noise.payloadType, false, timestamp, Buffer.from([NOISE_LEVEL]))] : []
    }
    const codec = AUDIO_CODECS[audio.name]
    if (codec === undefined) throw new Error(`an endpoint does not speak ${audio.name}`)
    const marker = begins
    begins = false
    return [packet(audio.payloadType, marker, timestamp, codec.encode(tone === undefined ? new Int16Array(FRAME) : tone(FRAME)))]
  }
  return {
    ssrc,
    packets: () => packets,
    octets: () => octets,
    timestamp: () => timestamp,
    say: (next) => {
      tone = next === undefined ? undefined : createTone(next, SAMPLE_RATE)
      hushed = undefined
    },
    hush: (noise) => {
      hushed = { noise, frames: 0 }
    },
    digits: (text) =>
      new Promise((resolve, reject) => {
        if (text === '') resolve()
        else queue.push({ digits: [...text], resolve, reject })
      }),
    next: (codecs) => {
      const made = digitFrame(codecs) ?? audioFrame(codecs)
      timestamp = (timestamp + FRAME) >>> 0
      return made
    },
    skip: () => {
      timestamp = (timestamp + FRAME) >>> 0
      begins = true
    },
  }
}
