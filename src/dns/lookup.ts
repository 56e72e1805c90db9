import { Resolver as DnsResolver } from 'node:dns/promises'
import type { Answer, Lookup, NaptrRecord, Question, RecordsOf, RecordType, Reply, SrvRecord } from './records.ts'

export interface LookupOptions {
  /** `address`, `address:port`, `[address]:port`; undefined for those of the system. */
  readonly servers: readonly string[] | undefined
  /** The first attempt with one server waits this long, the second twice as long, ms. */
  readonly attemptMs: number
  /** No answer takes longer, ms. */
  readonly queryMs: number
}

/**
 * Asks through `node:dns` (c-ares: never getaddrinfo, so no thread is held and nothing waits for another name).
 * Node tells the TTL of addresses only; that of SRV and NAPTR is 0 here, "not known".
 */
export class NodeLookup implements Lookup {
  readonly #options: LookupOptions
  #resolver: DnsResolver

  constructor(options: LookupOptions) {
    this.#options = options
    this.#resolver = this.#open()
  }

  /** The system's servers are others now. What is under way goes on with the old ones. */
  renew(): void {
    this.#resolver = this.#open()
  }

  ask<T extends RecordType>({ type, name }: Question<T>): Promise<Reply<T>> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(failed('timeout', 'ETIMEOUT')), this.#options.queryMs)
      const settle = (reply: Reply<T>): void => {
        clearTimeout(timer)
        resolve(reply)
      }
      ASK[type](this.#resolver, name).then(settle, (error) => settle(faultOf(error)))
    })
  }

  stop(): void {
    this.#resolver.cancel()
  }

  #open(): DnsResolver {
    const { servers, attemptMs } = this.#options
    const resolver = new DnsResolver({ timeout: attemptMs, tries: 2 })
    if (servers !== undefined) resolver.setServers(servers)
    return resolver
  }
}

const ASK: { readonly [T in RecordType]: (resolver: DnsResolver, name: string) => Promise<Reply<T>> } = {
  A: async (resolver, name) => addresses(await resolver.resolve4(name, { ttl: true })),
  AAAA: async (resolver, name) => addresses(await resolver.resolve6(name, { ttl: true })),
  SRV: async (resolver, name) => {
    const records = await resolver.resolveSrv(name)
    return found<'SRV'>(
      records.map(({ priority, weight, port, name: target }): SrvRecord => ({ priority, weight, port, target: bare(target) })),
      0,
    )
  },
  NAPTR: async (resolver, name) => {
    const records = await resolver.resolveNaptr(name)
    return found<'NAPTR'>(
      records.map(
        ({ order, preference, flags, service, replacement }): NaptrRecord => ({
          order,
          preference,
          flags,
          service,
          replacement: bare(replacement),
        }),
      ),
      0,
    )
  },
}

const addresses = (records: readonly { readonly address: string; readonly ttl: number }[]): Reply<'A'> & Reply<'AAAA'> => ({
  answer: records.length === 0 ? { kind: 'none' } : { kind: 'records', records: records.map(({ address }) => address) },
  // a TTL of 0 is "do not keep": the cache raises it to its least, it must not be taken for "not known"
  ttl: Math.max(1, Math.min(...records.map(({ ttl }) => ttl))),
})

const found = <T extends RecordType>(records: readonly RecordsOf[T][], ttl: number): Reply<T> => ({
  answer: records.length === 0 ? { kind: 'none' } : { kind: 'records', records },
  ttl,
})

/** RFC 2782: the target `.` means "no service"; c-ares gives it as an empty name. */
const bare = (name: string): string => {
  const lower = name.toLowerCase()
  if (lower === '' || lower === '.') return '.'
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

const failed = (reason: 'timeout' | 'server', detail: string): { readonly answer: Answer<never>; readonly ttl: number } => ({
  answer: { kind: 'failed', reason, detail, old: false },
  ttl: 0,
})

const NOT_THERE = new Set(['ENODATA', 'ENOTFOUND', 'EBADNAME', 'ENONAME'])

const faultOf = (error: unknown): { readonly answer: Answer<never>; readonly ttl: number } => {
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return failed('server', String(error))
  if (NOT_THERE.has(code)) return { answer: { kind: 'none' }, ttl: 0 }
  return failed(code === 'ETIMEOUT' ? 'timeout' : 'server', code)
}
