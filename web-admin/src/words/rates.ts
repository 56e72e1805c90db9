/** Rates from what the edge has counted since its start: the difference of two readings over the time between them. */
import type { Counters } from '../api/types.ts'

export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Calls with media, and open connections, at that moment. */
  readonly calls: number
  readonly flows: number
  readonly counters?: Counters | undefined
}

/** Samples that are kept, and how far apart they are at least. */
export const MOST_SAMPLES = 180
export const SAMPLE_MS = 2000
/** Rates are those of about this time. */
const OVER_MS = 10_000

export const withSample = (samples: readonly Sample[], sample: Sample): readonly Sample[] => {
  const last = samples.at(-1)
  if (last !== undefined && sample.at - last.at < SAMPLE_MS) return samples
  // Counters that go back belong to another run of the process
  const again = last?.counters !== undefined && sample.counters !== undefined && sample.counters.messages < last.counters.messages
  return [...(again ? [] : samples.slice(1 - MOST_SAMPLES)), sample]
}

/** Per second, each; undefined while there is not enough to tell. */
export const ratesOf = (samples: readonly Sample[]): Counters | undefined => {
  const last = samples.at(-1)
  const first =
    samples.findLast(({ at, counters }) => counters !== undefined && last !== undefined && last.at - at >= OVER_MS) ?? samples[0]
  if (last?.counters === undefined || first?.counters === undefined || first === last) return undefined
  const seconds = (last.at - first.at) / 1000
  const rate = (name: keyof Counters): number => Math.max(0, (last.counters![name] - first.counters![name]) / seconds)
  return { messages: rate('messages'), invites: rate('invites'), refused: rate('refused') }
}
