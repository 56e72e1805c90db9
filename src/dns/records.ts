/** What the DNS is asked for, and what it can say, in our words: pure code sees these, never `node:dns`. */

/** RFC 2782. `target` is lower case without a final dot; `.` alone says "no such service here" and is kept as `.`. */
export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly target: string
}

/** RFC 3403 §4.1. `replacement` is lower case without a final dot. */
export interface NaptrRecord {
  readonly order: number
  readonly preference: number
  readonly flags: string
  readonly service: string
  readonly replacement: string
}

export interface RecordsOf {
  readonly A: string
  readonly AAAA: string
  readonly SRV: SrvRecord
  readonly NAPTR: NaptrRecord
}

export type RecordType = keyof RecordsOf

/** `name` is lower case without a final dot. */
export interface Question<T extends RecordType = RecordType> {
  readonly type: T
  readonly name: string
}

export type Answer<T extends RecordType = RecordType> =
  | { readonly kind: 'records'; readonly records: readonly RecordsOf[T][] }
  /** The name does not exist, or has no records of this type. */
  | { readonly kind: 'none' }
  | Failure

/** No server gave a usable answer. */
export interface Failure {
  readonly kind: 'failed'
  readonly reason: 'timeout' | 'server'
  /** The code of the DNS library: `ESERVFAIL`, `ETIMEOUT`. */
  readonly detail: string
  /** It happened a while ago and a new attempt is under way: good enough to go another way, not to give up. */
  readonly old: boolean
}

/** How long an answer may be kept, seconds; 0 when the source does not say. */
export interface Reply<T extends RecordType = RecordType> {
  readonly answer: Answer<T>
  readonly ttl: number
}

/** The edge: asks a DNS server. Never rejects; what goes wrong is a `Failure`. Bounded in time. */
export interface Lookup {
  ask<T extends RecordType>(question: Question<T>): Promise<Reply<T>>
  /** Gives up everything under way. */
  stop(): void
}
