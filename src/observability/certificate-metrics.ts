import type { MetricKey } from './metric-table.ts'
import { type Sample, WordCounter } from './samples.ts'

type CertificateKey = Extract<MetricKey, `certificate${string}`>
type Readers = Readonly<Record<CertificateKey, () => Iterable<Sample>>>

/** The part of the counters that is about certificates. */
export class CertificateMetrics {
  readonly #orders = new WordCounter()
  #days: () => Iterable<{ readonly name: string; readonly days: number }> = () => []

  /** An order has come to its end. */
  order(name: string, result: 'ok' | 'failed'): void {
    this.#orders.add(name, result)
  }

  /** @param days asked at scrape time */
  watch(days: () => Iterable<{ readonly name: string; readonly days: number }>): void {
    this.#days = days
  }

  readers(): Readers {
    return {
      certificateDays: () => [...this.#days()].map(({ name, days }) => ({ labels: { name }, value: days })),
      certificateOrders: () => this.#orders.samples('name', 'result'),
    }
  }
}
