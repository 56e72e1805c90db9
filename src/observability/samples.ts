import type { MetricDefinition } from './metric-table.ts'

/** One value as prom-client wants it. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Where it differs from the metric's: the parts of a histogram. */
  readonly metricName?: string
}

/** More different pairs of words than this are a mistake of ours; the rest is counted as `other`. */
const MOST_WORDS = 256

/** Counts by two words of ours, for what happens seldom or to strangers. */
export class WordCounter {
  readonly #counts = new Map<string, Map<string, number>>()
  #words = 0

  add(first: string, second: string, by = 1): void {
    const count = this.#counts.get(first)?.get(second)
    if (count === undefined && this.#words >= MOST_WORDS && first !== 'other') {
      this.add('other', 'other', by)
      return
    }
    if (count === undefined) this.#words += 1
    const inner = this.#counts.get(first) ?? new Map<string, number>()
    inner.set(second, (count ?? 0) + by)
    this.#counts.set(first, inner)
  }

  get total(): number {
    let sum = 0
    for (const inner of this.#counts.values()) for (const count of inner.values()) sum += count
    return sum
  }

  *samples(first: string, second?: string): Iterable<Sample> {
    for (const [one, inner] of this.#counts) {
      for (const [two, value] of inner) yield { labels: second === undefined ? { [first]: one } : { [first]: one, [second]: two }, value }
    }
  }
}

/** Counts of values up to each bound; observing allocates nothing. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let index = 0
    while (index < this.#bounds.length && value > this.#bounds[index]!) index += 1
    this.#counts[index]! += 1
    this.#sum += value
  }

  *samples(name: string, labels: Readonly<Record<string, string>> = {}): Iterable<Sample> {
    let below = 0
    for (const [index, bound] of this.#bounds.entries()) {
      below += this.#counts[index]!
      yield { metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: below }
    }
    below += this.#counts[this.#bounds.length]!
    yield { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: below }
    yield { metricName: `${name}_sum`, labels, value: this.#sum }
    yield { metricName: `${name}_count`, labels, value: below }
  }
}

/** A metric whose samples are made when somebody asks; prom-client needs no more of a metric than this. */
export class SampledMetric {
  readonly name: string
  readonly #definition: MetricDefinition
  readonly #read: () => Iterable<Sample>

  constructor(definition: MetricDefinition, read: () => Iterable<Sample>) {
    this.name = definition.name
    this.#definition = definition
    this.#read = read
  }

  async get() {
    const { name, help, type } = this.#definition
    return { name, help, type, values: [...this.#read()], aggregator: 'sum' }
  }
}
