/** What an endpoint hears: decoded frames as they come, and those who wait for a sound in them. */
import { describeSound, isSilence, isTone } from './tone.ts'
import { SAMPLE_RATE } from './voice.ts'
import { createWatch, quietFor } from './watch.ts'

/** A window of 200 ms: tones that are 10 Hz apart are told from each other. */
const WINDOW = (SAMPLE_RATE * 200) / 1000
const MEMORY_SECONDS = 5

interface Frame {
  readonly number: number
  readonly ssrc: number
  readonly sequence: number
  readonly samples: Int16Array
}

export interface Ear {
  take(ssrc: number, sequence: number, samples: Int16Array): void
  /** The sound of the last seconds, of one SSRC after the other. */
  readonly samples: () => Int16Array
  /** Resolves when a window of what comes from now on holds this tone and none of `absent`. */
  hears(hz: number, ms: number, absent: readonly number[]): Promise<void>
  /** Resolves when for `ms` from now on nothing loud came, be it silence or no packets. */
  silence(ms: number, limit: number): Promise<void>
}

const joined = (frames: readonly Frame[]): Int16Array => {
  const all = new Int16Array(frames.reduce((sum, { samples }) => sum + samples.length, 0))
  let at = 0
  for (const { samples } of frames) {
    all.set(samples, at)
    at += samples.length
  }
  return all
}

/**
 * @param name of the listener
 * @param circumstances what else the listener knows, for the text of a failure
 */
export const createEar = (name: () => string, circumstances: () => string): Ear => {
  const frames: Frame[] = []
  const watch = createWatch()
  let count = 0
  let loud = Number.NEGATIVE_INFINITY
  /** Frames after the `from`th, of the SSRC that came last. */
  const since = (from: number): readonly Frame[] => {
    const ssrc = frames.at(-1)?.ssrc
    return frames.filter((frame) => frame.number > from && frame.ssrc === ssrc)
  }
  const words = (from: number): string => `it heard ${describeSound(joined(since(from)).slice(-WINDOW), SAMPLE_RATE)}; ${circumstances()}`
  return {
    take: (ssrc, sequence, samples) => {
      const before = frames.findLastIndex((frame) => frame.ssrc !== ssrc || ((sequence - frame.sequence) & 0xffff) < 0x8000)
      const same = frames[before]
      if (same?.ssrc === ssrc && same.sequence === sequence) return
      count++
      frames.splice(before + 1, 0, { number: count, ssrc, sequence, samples })
      if (frames.length > (MEMORY_SECONDS * 1000) / 20) frames.shift()
      if (!isSilence(samples)) loud = performance.now()
      watch.happened()
    },
    samples: () => joined(frames),
    hears: async (hz, ms, absent) => {
      const from = count
      await watch.until(
        () => {
          const window = joined(since(from)).slice(-WINDOW)
          return (window.length === WINDOW && isTone(window, hz, SAMPLE_RATE, absent)) || undefined
        },
        () => `${name()}: no ${hz} Hz within ${ms} ms${absent.length > 0 ? `, free of ${absent.join(', ')} Hz` : ''}; ${words(from)}`,
        ms,
      )
    },
    silence: (ms, limit) => {
      const from = count
      return quietFor(
        () => loud,
        ms,
        () => `${name()}: no ${ms} ms of silence within ${limit} ms; ${words(from)}`,
        limit,
      )
    },
  }
}
