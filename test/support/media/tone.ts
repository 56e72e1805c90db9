/**
 * Which tone is in a piece of sound. Samples are linear, full scale 32767. Runs in Node and in a page: no built-ins.
 */

/** Share of the power from which on a tone is there, and below which it is not. A window of 200 ms holds some 0.998 of a clean tone. */
const THERE = 0.6
const ABSENT = 0.02
/** dBFS; a tone of ours has about -9. */
const AUDIBLE = -40

/** A source of samples of one frequency, without a jump between its pieces. @param level peak, 1 is full scale */
export const createTone = (hz: number, sampleRate: number, level = 0.5): ((count: number) => Int16Array<ArrayBuffer>) => {
  let position = 0
  return (count) => {
    const start = position
    position += count
    return Int16Array.from({ length: count }, (_, i) => Math.round(32767 * level * Math.sin((2 * Math.PI * hz * (start + i)) / sampleRate)))
  }
}

/**
 * Goertzel's filter under a Hann window: the share, 0 to 1, of the power of these samples that is at `hz`.
 * Neighbours within 2 / (length in seconds) Hz count in part.
 */
export const toneIn = (samples: ArrayLike<number>, hz: number, sampleRate: number): number => {
  const count = samples.length
  const step = (2 * Math.PI) / count
  const turn = 2 * Math.cos((2 * Math.PI * hz) / sampleRate)
  let [last, lastButOne, power, weights, squares] = [0, 0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const weight = 0.5 - 0.5 * Math.cos(step * i)
    const sample = samples[i]! * weight
    const next = sample + turn * last - lastButOne
    lastButOne = last
    last = next
    power += sample * sample
    weights += weight
    squares += weight * weight
  }
  if (power === 0) return 0
  const found = last * last + lastButOne * lastButOne - turn * last * lastButOne
  return Math.min(1, (2 * found * squares) / (weights * weights * power))
}

/** Root mean square in dB of full scale; -Infinity for digital silence and for nothing. */
export const levelOf = (samples: ArrayLike<number>): number => {
  let power = 0
  for (let i = 0; i < samples.length; i++) power += samples[i]! * samples[i]!
  return power === 0 ? Number.NEGATIVE_INFINITY : 10 * Math.log10(power / samples.length / 32767 ** 2)
}

/** The tone is there, loud enough to be one, and none of `absent` is. */
export const isTone = (samples: ArrayLike<number>, hz: number, sampleRate: number, absent: readonly number[] = []): boolean =>
  levelOf(samples) > AUDIBLE &&
  toneIn(samples, hz, sampleRate) > THERE &&
  absent.every((other) => toneIn(samples, other, sampleRate) < ABSENT)

/** Nothing that a person would hear. */
export const isSilence = (samples: ArrayLike<number>): boolean => levelOf(samples) <= AUDIBLE

/** The frequency with the largest share, to 5 Hz. */
export const strongestIn = (samples: ArrayLike<number>, sampleRate: number): { readonly hz: number; readonly share: number } => {
  let best = { hz: 0, share: 0 }
  for (let hz = 50; hz < Math.min(4000, sampleRate / 2); hz += 5) {
    const share = toneIn(samples, hz, sampleRate)
    if (share > best.share) best = { hz, share }
  }
  return best
}

/** A piece of sound in words, for the text of a failure. */
export const describeSound = (samples: ArrayLike<number>, sampleRate: number): string => {
  if (samples.length === 0) return 'no sound at all'
  const level = levelOf(samples)
  if (level <= AUDIBLE) return `silence (${level.toFixed(0)} dBFS)`
  const { hz, share } = strongestIn(samples, sampleRate)
  return `mostly ${hz} Hz (${(100 * share).toFixed(0)} % of ${level.toFixed(0)} dBFS)`
}
