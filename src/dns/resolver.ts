import type { Destination } from '../address/destination.ts'
import type { TransportName } from '../address/transports.ts'
import type { Clock } from '../base/clock.ts'
import { ResolveError } from '../base/errors.ts'
import { CACHE_TIMES, type CacheTimes, type Entry, RecordCache, seenAt } from './cache.ts'
import { DeadMemory } from './dead.ts'
import { type Hosts, localAddresses, parseHosts } from './hosts.ts'
import { NodeLookup } from './lookup.ts'
import { arrange, isFixed, type Knowledge, literalDestination, type Plan, walk } from './plan.ts'
import type { Answer, Lookup, Question, RecordType } from './records.ts'
import { SystemFile } from './system-file.ts'
import type { NextHop, Resolver } from './types.ts'
import type { Random } from './weigh.ts'

/** What `createResolver` takes; everything has a default. */
export interface ResolverOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** DNS servers, `address`, `address:port` or `[address]:port`; default: those of the system, followed when they change. */
  readonly servers?: readonly string[] | undefined
  readonly hostsFile?: string
  /** The first attempt with one server waits this long, the second twice as long, ms. */
  readonly attemptMs?: number
  /** No question waits longer, ms. */
  readonly queryMs?: number
  /** A resolution that is not done by then gives up at the end of the question under way, ms. */
  readonly resolveMs?: number
  /** Seconds; see `CacheTimes`. */
  readonly times?: Partial<CacheTimes>
  readonly maxRecords?: number
  /** Names that are being looked up at one moment. */
  readonly maxPending?: number
  /** A list never has more destinations. */
  readonly maxDestinations?: number
  /** Told for each question that no server answered, for the log: `serving` when an older answer goes on to be used. */
  readonly failing?: (question: Question, detail: string, serving: boolean) => void
}

export interface ResolverStats {
  readonly records: number
  readonly dead: number
  /** Resolutions that wait for the DNS. */
  readonly pending: number
  /** Questions under way, and asked since the start, and those of them that no server answered. */
  readonly asking: number
  readonly questions: number
  readonly failures: number
  /** Resolutions of names since the start that were answered at once, and those that had to wait. */
  readonly immediate: number
  readonly waited: number
}

/** What the resolver is made of; the tests put their own in. */
export interface ResolverParts {
  readonly clock: Clock
  readonly random: Random
  readonly lookup: Lookup
  readonly times: CacheTimes
  readonly resolveMs: number
  readonly maxRecords: number
  readonly maxPending: number
  readonly maxDestinations: number
  readonly failing: (question: Question, detail: string, serving: boolean) => void
}

/** A plan as it was computed from the cache, and how long it needs no look at the cache. */
interface Kept {
  readonly plan: Plan
  /** The same list each time, when there is no draw by weight. */
  readonly fixed: readonly Destination[] | undefined
  readonly until: number
  readonly revision: number
}

const DEAD_SECONDS = 30
/** Longer, and a plan in use would make its answers look unused, ms. */
const KEPT_AT_MOST = 60_000
/** While a new answer is awaited or overdue, ms. */
const KEPT_IN_DOUBT = 1000
const MOST_KEPT = 8192
/** Refreshes that one tick begins. */
const MOST_REFRESHES = 64
/** Three rounds are needed; more happen only when answers are forgotten at once. */
const MOST_ROUNDS = 6

/** RFC 3263 with a memory. What it learns comes through `parts.lookup`; `tick` is to be called once a second. */
export class SipResolver implements Resolver {
  readonly #parts: ResolverParts
  readonly #cache: RecordCache
  readonly #dead: DeadMemory
  readonly #kept = new Map<string, Kept>()
  readonly #pending = new Map<string, Promise<Plan>>()
  readonly #asking = new Map<string, Promise<void>>()
  readonly #known: Knowledge
  /** The cache's entries that the walk under way looked at. */
  #used: Entry[] = []
  #hosts: Hosts = new Map()
  #stopped = false
  #questions = 0
  #failures = 0
  #immediate = 0
  #waited = 0

  constructor(parts: ResolverParts) {
    this.#parts = parts
    this.#cache = new RecordCache(parts.clock, parts.times, parts.maxRecords)
    this.#dead = new DeadMemory(parts.clock)
    this.#known = {
      answer: (type, name) => this.#answer(type, name),
      local: (name, family) => localAddresses(this.#hosts, name, family),
    }
  }

  resolve(
    nextHop: NextHop,
    supported: readonly TransportName[],
    families: readonly (4 | 6)[],
  ): readonly Destination[] | Promise<readonly Destination[]> {
    if (this.#stopped) throw stoppedError(nextHop)
    const literal = literalDestination(nextHop, supported, families)
    if (literal !== undefined) return [literal]
    const key = `${nextHop.host} ${nextHop.port} ${nextHop.transport} ${nextHop.secure} ${supported.join()} ${families.join()}`
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.revision === this.#cache.revision && this.#parts.clock.now() < kept.until) {
      this.#immediate++
      return this.#list(kept.fixed ?? arrange(kept.plan, this.#parts.random))
    }
    return this.#resolveAgain(key, nextHop, supported, families)
  }

  #resolveAgain(
    key: string,
    nextHop: NextHop,
    supported: readonly TransportName[],
    families: readonly (4 | 6)[],
  ): readonly Destination[] | Promise<readonly Destination[]> {
    const found = this.#look(key, nextHop, supported, families)
    if ('plan' in found) {
      this.#immediate++
      return this.#list(found.fixed ?? arrange(found.plan, this.#parts.random))
    }
    this.#waited++
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      if (this.#pending.size >= this.#parts.maxPending) {
        throw new ResolveError(
          'SBC_RESOLVE_BUSY',
          `"${nextHop.host}" is not looked up: ${this.#pending.size} other names are at the moment`,
        )
      }
      pending = this.#find(key, nextHop, supported, families, found.questions).finally(() => this.#pending.delete(key))
      this.#pending.set(key, pending)
    }
    // each caller draws by weight for itself
    return pending.then((plan) => this.#list(arrange(plan, this.#parts.random)))
  }

  livingFirst(destinations: readonly Destination[]): readonly Destination[] {
    return this.#dead.livingFirst(destinations)
  }

  failed(destination: Destination, seconds = DEAD_SECONDS): void {
    this.#dead.failed(destination, seconds)
  }

  answered(destination: Destination): void {
    this.#dead.answered(destination)
  }

  /** Renews what is in use and near its end, forgets what is over. Does not wait for the answers. */
  tick(): void {
    for (const question of this.#cache.due(MOST_REFRESHES)) void this.#ask(question)
    this.#cache.sweep()
    this.#dead.sweep()
  }

  /** The hosts file was read. */
  setHosts(hosts: Hosts): void {
    this.#hosts = hosts
    this.#kept.clear()
  }

  /** Resolutions under way are rejected, later ones too. */
  stop(): void {
    this.#stopped = true
    this.#kept.clear()
    this.#parts.lookup.stop()
  }

  stats(): ResolverStats {
    return {
      records: this.#cache.size,
      dead: this.#dead.size,
      pending: this.#pending.size,
      asking: this.#asking.size,
      questions: this.#questions,
      failures: this.#failures,
      immediate: this.#immediate,
      waited: this.#waited,
    }
  }

  #list(destinations: readonly Destination[]): readonly Destination[] {
    const list = this.#dead.livingFirst(destinations)
    return list.length > this.#parts.maxDestinations ? list.slice(0, this.#parts.maxDestinations) : list
  }

  /** One walk over what is known now. @throws ResolveError */
  #look(
    key: string,
    nextHop: NextHop,
    supported: readonly TransportName[],
    families: readonly (4 | 6)[],
  ): Kept | { readonly questions: readonly Question[] } {
    this.#used = []
    const walked = walk(nextHop, supported, families, this.#known)
    if (walked.kind === 'error') throw new ResolveError(walked.code, walked.message)
    if (walked.kind === 'missing') return walked
    this.#cache.ledToAddresses(this.#used)
    const { plan } = walked
    const kept: Kept = {
      plan,
      fixed: isFixed(plan) ? arrange(plan, this.#parts.random) : undefined,
      until: this.#settledUntil(),
      revision: this.#cache.revision,
    }
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(key, kept)
    return kept
  }

  #settledUntil(): number {
    const now = this.#parts.clock.now()
    let until = now + KEPT_AT_MOST
    for (const { refreshAt, expires } of this.#used) {
      if (now < refreshAt) until = Math.min(until, refreshAt)
      else until = Math.min(until, now + KEPT_IN_DOUBT, now < expires ? expires : until)
    }
    return until
  }

  async #find(
    key: string,
    nextHop: NextHop,
    supported: readonly TransportName[],
    families: readonly (4 | 6)[],
    first: readonly Question[],
  ): Promise<Plan> {
    const { clock, resolveMs } = this.#parts
    const end = clock.now() + resolveMs
    let questions = first
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await Promise.all(questions.map((question) => this.#ask(question)))
      if (this.#stopped) throw stoppedError(nextHop)
      const found = this.#look(key, nextHop, supported, families)
      if ('plan' in found) return found.plan
      if (clock.now() >= end) break
      questions = found.questions
    }
    throw new ResolveError('SBC_RESOLVE_TIMEOUT', `"${nextHop.host}" could not be resolved within ${resolveMs} ms`)
  }

  #answer<T extends RecordType>(type: T, name: string): Answer<T> | undefined {
    const entry = this.#cache.use(type, name, this.#asking.has(`${type} ${name}`))
    if (entry === undefined) return undefined
    if (this.#cache.isDue(entry as Entry)) void this.#ask(entry.question)
    this.#used.push(entry as Entry)
    return seenAt(entry, this.#parts.clock.now())
  }

  /** One question is under way once, whoever wants to know. Ends when the cache knows. */
  #ask(question: Question): Promise<void> {
    const key = `${question.type} ${question.name}`
    const asking = this.#asking.get(key)
    if (asking !== undefined) return asking
    this.#questions++
    const asked = this.#parts.lookup.ask(question).then((reply) => {
      this.#asking.delete(key)
      if (this.#stopped) return
      const serving = this.#cache.store(question, reply)
      if (reply.answer.kind !== 'failed') return
      this.#failures++
      this.#parts.failing(question, reply.answer.detail, serving)
    })
    this.#asking.set(key, asked)
    return asked
  }
}

const stoppedError = ({ host }: NextHop): ResolveError =>
  new ResolveError('SBC_RESOLVE_STOPPED', `"${host}" is not looked up: the resolver was stopped`)

const TICK_MS = 1000
/** The hosts file and the list of DNS servers are looked at every so many ticks. */
const FILES_EVERY = 5

/**
 * The resolver of the running edge: `node:dns`, the hosts file, a timer (which keeps no process alive). `stop` ends it.
 * An answer for SRV and NAPTR is kept 60 s (`times.unknownTtl`), since Node does not tell its TTL.
 */
export const createResolver = (options: ResolverOptions = {}): Resolver & { stop(): void; stats(): ResolverStats } => {
  const { servers, attemptMs = 1000, queryMs = 4000 } = options
  const lookup = new NodeLookup({ servers, attemptMs, queryMs })
  const resolver = new SipResolver({
    clock: options.clock ?? { now: () => performance.now(), wall: () => Date.now() },
    random: options.random ?? Math.random,
    lookup,
    times: { ...CACHE_TIMES, ...options.times },
    resolveMs: options.resolveMs ?? 8000,
    maxRecords: options.maxRecords ?? 10_000,
    maxPending: options.maxPending ?? 2000,
    maxDestinations: options.maxDestinations ?? 16,
    failing: options.failing ?? (() => undefined),
  })
  const hosts = new SystemFile(options.hostsFile ?? '/etc/hosts')
  resolver.setHosts(parseHosts(hosts.readNow()))
  const systemServers = servers === undefined ? new SystemFile('/etc/resolv.conf') : undefined
  systemServers?.readNow()

  const lookAtFiles = async (): Promise<void> => {
    if (await hosts.changed()) resolver.setHosts(parseHosts(hosts.text))
    if (await systemServers?.changed()) lookup.renew()
  }
  let ticks = 0
  const timer = setInterval(() => {
    resolver.tick()
    if (++ticks % FILES_EVERY === 0) void lookAtFiles()
  }, TICK_MS)
  timer.unref()
  return {
    resolve: (nextHop, supported, families) => resolver.resolve(nextHop, supported, families),
    livingFirst: (destinations) => resolver.livingFirst(destinations),
    failed: (destination, seconds) => resolver.failed(destination, seconds),
    answered: (destination) => resolver.answered(destination),
    stats: () => resolver.stats(),
    stop: () => {
      clearInterval(timer)
      resolver.stop()
    },
  }
}
