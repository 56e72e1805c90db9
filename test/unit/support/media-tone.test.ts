import { describe, expect, it } from 'vitest'
import { PCMA, PCMU } from '../../support/media/g711.ts'
import { createTone, describeSound, isSilence, isTone, levelOf, strongestIn, toneIn } from '../../support/media/tone.ts'
import { toneWav } from '../../support/media/wav.ts'

const RATE = 8000
const tone = (hz: number, level?: number): Int16Array => createTone(hz, RATE, level)(1600)
const mixed = (...sounds: readonly Int16Array[]): Int16Array =>
  Int16Array.from({ length: 1600 }, (_, i) => sounds.reduce((sum, sound) => sum + sound[i]!, 0))
/** The same noise in every run. */
const noise = (level: number): Int16Array => {
  let state = 1
  return Int16Array.from({ length: 1600 }, () => {
    state = (state * 48_271) % 0x7fffffff
    return (state / 0x7fffffff - 0.5) * 2 * 32_767 * level
  })
}

describe('the share of a tone', () => {
  it.each([350, 440, 1000, 1633, 3400])('is all of it at its own frequency and next to nothing elsewhere: %s Hz', (hz) => {
    expect(toneIn(tone(hz), hz, RATE)).toBeGreaterThan(0.999)
    for (const other of [300, 425, 620, 1200, 2000, 3000]) if (other !== hz) expect(toneIn(tone(hz), other, RATE)).toBeLessThan(0.001)
  })

  it('is divided among tones by their power', () => {
    const both = mixed(tone(440, 0.4), tone(1000, 0.2))
    expect(toneIn(both, 440, RATE)).toBeCloseTo(0.8, 2)
    expect(toneIn(both, 1000, RATE)).toBeCloseTo(0.2, 2)
  })

  it('does not depend on the sample rate, the level or a few Hz', () => {
    expect(toneIn(createTone(440, 48_000)(9600), 440, 48_000)).toBeGreaterThan(0.999)
    expect(toneIn(tone(440, 0.01), 440, RATE)).toBeGreaterThan(0.99)
    expect(toneIn(tone(442), 440, RATE)).toBeGreaterThan(0.7)
  })

  it('is none of silence, and little of noise', () => {
    expect(toneIn(new Int16Array(1600), 440, RATE)).toBe(0)
    expect(strongestIn(noise(0.5), RATE).share).toBeLessThan(0.05)
  })
})

describe('whether a tone is there', () => {
  it('is so, alone, in noise, and through G.711', () => {
    expect(isTone(tone(440), 440, RATE, [1000])).toBe(true)
    expect(isTone(mixed(tone(440), noise(0.1)), 440, RATE, [1000])).toBe(true)
    for (const codec of [PCMU, PCMA]) expect(isTone(codec.decode(codec.encode(tone(440))), 440, RATE, [1000, 880])).toBe(true)
  })

  it.each([
    ['another tone', tone(1000)],
    ['silence', new Int16Array(1600)],
    ['noise', noise(0.5)],
    ['a tone too soft to hear', tone(440, 0.005)],
    ['a tone with the forbidden one behind it', mixed(tone(440, 0.4), tone(1000, 0.1))],
    ['bursts of it', tone(440).map((sample, i) => (i % 800 < 200 ? sample : 0))],
    ['G.711 of one law read as the other', PCMA.decode(PCMU.encode(tone(440)))],
  ])('is not so for %s', (_what, samples) => {
    expect(isTone(samples, 440, RATE, [1000])).toBe(false)
  })
})

it('goes on without a jump from piece to piece', () => {
  const source = createTone(440, RATE)
  const pieces = [source(160), source(7), source(1433)]
  expect(pieces.flatMap((piece) => [...piece])).toEqual([...tone(440)])
})

it('is told in words', () => {
  expect(describeSound(tone(440), RATE)).toBe('mostly 440 Hz (100 % of -9 dBFS)')
  expect(describeSound(new Int16Array(1600), RATE)).toBe('silence (-Infinity dBFS)')
  expect(describeSound([], RATE)).toBe('no sound at all')
  expect(levelOf(tone(1000, 1))).toBeCloseTo(-3.01, 1)
  expect([isSilence(tone(440)), isSilence(tone(440, 0.005)), isSilence([])]).toEqual([false, true, true])
})

it('a WAV file has its header and loops without a jump', () => {
  const file = toneWav(440, 48_000, 1)
  expect(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 16) + file.toString('latin1', 36, 40)).toBe('RIFFWAVEfmt data')
  expect(file.readUInt32LE(4)).toBe(file.length - 8)
  expect([file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt16LE(34), file.readUInt32LE(40)]).toEqual([1, 48_000, 16, 96_000])
  const samples = Array.from({ length: 48_000 }, (_, i) => file.readInt16LE(44 + 2 * i))
  expect(isTone([...samples.slice(-4800), ...samples.slice(0, 4800)], 440, 48_000)).toBe(true)
})
