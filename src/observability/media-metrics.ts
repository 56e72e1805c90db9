import type { NgCommand, NodeState } from '../rtpengine/types.ts'
import { BUCKETS, METRICS, type MetricKey } from './metric-table.ts'
import type { HeardSample, MetricSources } from './metrics.ts'
import { Histogram, type Sample, WordCounter } from './samples.ts'

const STATES: readonly NodeState[] = ['up', 'suspect', 'down', 'drain']
/** More nodes or zones than this share one series, `other`: names come and go with reloads. */
const MOST_NAMES = 64

interface CommandCounts {
  readonly outcomes: Map<string, number>
  readonly seconds: Histogram
}

interface Heard {
  readonly mos: Histogram
  readonly loss: Histogram
  readonly jitter: Histogram
}

/** The entry of a name, made when it is new; of `other` when there are too many. */
const entryOf = <T>(map: Map<string, T>, name: string, make: () => T): T => {
  const key = map.has(name) || map.size < MOST_NAMES ? name : 'other'
  const entry = map.get(key) ?? make()
  map.set(key, entry)
  return entry
}

type MediaKey = Extract<MetricKey, `media${string}`>
type Readers = Readonly<Record<MediaKey, () => Iterable<Sample>>>

/** The part of the counters that is about rtpengine and what calls sounded like. */
export class MediaMetrics {
  readonly #commands = new Map<string, Map<NgCommand, CommandCounts>>()
  readonly #resends = new WordCounter()
  readonly #dropped = new WordCounter()
  readonly #strays = new WordCounter()
  readonly #calls = { ok: 0, failed: 0, refused: 0 }
  readonly #flags = { 'one-way': 0, 'no-media': 0, timeout: 0 }
  readonly #heard = new Map<string, Heard>()

  command(node: string, command: NgCommand, outcome: string, seconds: number, resends: number): void {
    const byCommand = entryOf(this.#commands, node, () => new Map<NgCommand, CommandCounts>())
    let counts = byCommand.get(command)
    if (counts === undefined) {
      counts = { outcomes: new Map(), seconds: new Histogram(BUCKETS.mediaCommandSeconds) }
      byCommand.set(command, counts)
    }
    const { outcomes } = counts
    const word = outcomes.has(outcome) || outcomes.size < MOST_NAMES ? outcome : 'other'
    outcomes.set(word, (outcomes.get(word) ?? 0) + 1)
    counts.seconds.observe(seconds)
    if (resends > 0) this.#resends.add(node, '', resends)
  }

  replyDropped(node: string, reason: string): void {
    this.#dropped.add(node, reason)
  }

  call(outcome: 'ok' | 'failed' | 'refused'): void {
    this.#calls[outcome] += 1
  }

  flag(flag: 'one-way' | 'no-media' | 'timeout'): void {
    this.#flags[flag] += 1
  }

  stray(node: string): void {
    this.#strays.add(node, '')
  }

  heard({ zone, mos, lossPercent, jitterMs }: HeardSample): void {
    if (mos === undefined && lossPercent === undefined && jitterMs === undefined) return
    const {
      mos: byMos,
      loss,
      jitter,
    } = entryOf(this.#heard, zone, () => ({
      mos: new Histogram(BUCKETS.mediaMos),
      loss: new Histogram(BUCKETS.mediaLoss),
      jitter: new Histogram(BUCKETS.mediaJitter),
    }))
    if (mos !== undefined) byMos.observe(mos)
    if (lossPercent !== undefined) loss.observe(lossPercent / 100)
    if (jitterMs !== undefined) jitter.observe(jitterMs / 1000)
  }

  /** @param sources asked at scrape time */
  readers(sources: () => MetricSources | undefined): Readers {
    const byWord = (label: string, counts: Readonly<Record<string, number>>) =>
      Object.entries(counts).map(([word, value]) => ({ labels: { [label]: word }, value }))
    const asked = (value: number | undefined): Iterable<Sample> => (value === undefined ? [] : [{ labels: {}, value }])
    const nodes = () => [...(sources()?.mediaNodes?.() ?? [])]
    return {
      mediaCommands: () => this.#commandSamples(),
      mediaCommandSeconds: () => this.#secondsSamples(),
      mediaResends: () => this.#resends.samples('node'),
      mediaDroppedReplies: () => this.#dropped.samples('node', 'reason'),
      mediaNodeState: () =>
        nodes().flatMap(({ name, set, state }) =>
          STATES.map((one) => ({ labels: { node: name, set, state: one }, value: one === state ? 1 : 0 })),
        ),
      mediaNodeSessions: () =>
        nodes().flatMap(({ name, sessions }) => (sessions === undefined ? [] : [{ labels: { node: name }, value: sessions }])),
      mediaSessions: () => asked(sources()?.mediaSessions?.()),
      mediaCalls: () => byWord('outcome', this.#calls),
      mediaFlagged: () => byWord('flag', this.#flags),
      mediaDeletes: () => asked(sources()?.mediaDeletes?.()),
      mediaStrays: () => this.#strays.samples('node'),
      mediaMos: () => this.#heardSamples('mediaMos', 'mos'),
      mediaLoss: () => this.#heardSamples('mediaLoss', 'loss'),
      mediaJitter: () => this.#heardSamples('mediaJitter', 'jitter'),
    }
  }

  *#commandSamples(): Iterable<Sample> {
    for (const [node, byCommand] of this.#commands) {
      for (const [command, { outcomes }] of byCommand) {
        for (const [outcome, value] of outcomes) yield { labels: { node, command, outcome }, value }
      }
    }
  }

  *#secondsSamples(): Iterable<Sample> {
    for (const [node, byCommand] of this.#commands) {
      for (const [command, { seconds }] of byCommand) yield* seconds.samples(METRICS.mediaCommandSeconds.name, { node, command })
    }
  }

  *#heardSamples(key: 'mediaMos' | 'mediaLoss' | 'mediaJitter', part: keyof Heard): Iterable<Sample> {
    for (const [zone, heard] of this.#heard) yield* heard[part].samples(METRICS[key].name, { zone })
  }
}
