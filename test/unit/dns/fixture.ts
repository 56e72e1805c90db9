import type { Destination } from '../../../src/address/destination.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { CACHE_TIMES, type CacheTimes } from '../../../src/dns/cache.ts'
import type { Answer, Lookup, NaptrRecord, Question, RecordType, Reply, SrvRecord } from '../../../src/dns/records.ts'
import { type ResolverParts, SipResolver } from '../../../src/dns/resolver.ts'

export class ManualClock implements Clock {
  #now = 1_000_000

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }
}

export const srvRecord = (priority: number, weight: number, port: number, target: string): SrvRecord => ({ priority, weight, port, target })
export const naptrRecord = (order: number, preference: number, service: string, replacement: string): NaptrRecord => ({
  order,
  preference,
  flags: 's',
  service,
  replacement,
})

/** `tls 192.0.2.1:5061`, as tables read best. */
export const shown = (destinations: readonly Destination[]): readonly string[] =>
  destinations.map(({ transport, address, port }) => `${transport} ${address.includes(':') ? `[${address}]` : address}:${port}`)

type Records = readonly (string | SrvRecord | NaptrRecord)[]

/** A DNS made of a table: `'A pbx.test': ['192.0.2.1']`; what is not in it does not exist. */
export type ZoneTable = Readonly<Record<string, Records | 'timeout' | 'SERVFAIL'>>

export const answerFrom = (zone: ZoneTable, type: RecordType, name: string): Answer => {
  const found = zone[`${type} ${name}`]
  if (found === undefined) return { kind: 'none' }
  if (found === 'timeout') return { kind: 'failed', reason: 'timeout', detail: 'ETIMEOUT', old: false }
  if (found === 'SERVFAIL') return { kind: 'failed', reason: 'server', detail: 'ESERVFAIL', old: false }
  return { kind: 'records', records: found as readonly never[] }
}

/** Answers from a table that the test changes; can hold its answers. */
export class TableLookup implements Lookup {
  zone: ZoneTable
  ttl: number
  readonly asked: string[] = []
  held: (() => void)[] | undefined
  stopped = false

  constructor(zone: ZoneTable, ttl = 60) {
    this.zone = zone
    this.ttl = ttl
  }

  ask<T extends RecordType>({ type, name }: Question<T>): Promise<Reply<T>> {
    this.asked.push(`${type} ${name}`)
    return new Promise((resolve) => {
      const answer = (): void => resolve({ answer: answerFrom(this.zone, type, name) as Answer<T>, ttl: this.ttl })
      if (this.held === undefined) answer()
      else this.held.push(answer)
    })
  }

  release(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const answer of held) answer()
  }

  stop(): void {
    this.stopped = true
    this.release()
  }
}

export const resolverOver = (
  lookup: Lookup,
  clock: Clock,
  { times, ...parts }: Partial<Omit<ResolverParts, 'times'>> & { readonly times?: Partial<CacheTimes> } = {},
): SipResolver =>
  new SipResolver({
    clock,
    random: () => 0,
    lookup,
    times: { ...CACHE_TIMES, ...times },
    resolveMs: 8000,
    maxRecords: 100,
    maxPending: 100,
    maxDestinations: 16,
    failing: () => undefined,
    ...parts,
  })

/** Lets everything that waits for nothing but promises run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
