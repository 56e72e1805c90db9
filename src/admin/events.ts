import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { ApiError } from './api-error.ts'
import { mayAs, type Role } from './auth/roles.ts'

/** What there is to follow, and who may. */
export const TOPICS = {
  state: 'viewer',
  certificates: 'viewer',
  calls: 'viewer',
  registrations: 'viewer',
  doctor: 'viewer',
  config: 'viewer',
  log: 'operator',
  audit: 'admin',
} as const satisfies Record<string, Role>
export type Topic = keyof typeof TOPICS
export const isTopic = (text: string): text is Topic => Object.hasOwn(TOPICS, text)

export interface EventHubOptions {
  readonly clock: Clock
  /** `setInterval`; what it returns stops it. */
  readonly every: (ms: number, run: () => void) => () => void
}

export interface Subscriber {
  readonly topics: readonly Topic[]
  /** Of whom; nobody has more than a few streams. */
  readonly who: string
  /** undefined: the stream ends. */
  readonly roleNow: () => Role | undefined
  /** The `id` of the last event that somebody has seen, as the header Last-Event-ID brings it. */
  readonly lastEventId?: string | undefined
}

interface Event {
  readonly number: number
  readonly topic: Topic
  readonly text: string
}

/** The last events of a topic, for those who come back. */
interface Kept {
  readonly events: Event[]
  size: number
}

const HEARTBEAT_MS = 15_000
const MOST_STREAMS = 100
const MOST_OF_ONE = 12
/** Events of each topic that a client can catch up with. */
const REPLAYED = 100
/** How long they are kept for when nobody listens. */
const REPLAYED_MS = 60_000
const QUEUED_EVENTS = 200
/** Characters, as those below. */
const QUEUED = 256 * 1024
const KEPT = 512 * 1024
const LONGEST_EVENT = 64 * 1024
/** A client that takes nothing for so long is gone. */
const STUCK_MS = 60_000

/**
 * Server-Sent Events (HTML standard §9.2): what is published goes to every stream whose owner may see it, now.
 * An event's id names this process and counts; after an interruption a client gets what it missed, or is told `missed`.
 */
export class EventHub {
  readonly #clock: Clock
  readonly #every: EventHubOptions['every']
  readonly #run = randomBytes(6).toString('base64url')
  readonly #streams = new Set<EventStream>()
  readonly #kept = new Map<Topic, Kept>()
  /** Number of the last event of a topic that nobody can catch up with any more. */
  readonly #lost = new Map<Topic, number>()
  #number = 0
  #lastListener = Number.NEGATIVE_INFINITY
  #stopHeartbeat: (() => void) | undefined
  #closed = false

  constructor({ clock, every }: EventHubOptions) {
    this.#clock = clock
    this.#every = every
  }

  /** Somebody listens, or has done so a moment ago: what is built for `publish` is not for nobody. */
  get wanted(): boolean {
    return this.#streams.size > 0 || this.#clock.now() - this.#lastListener < REPLAYED_MS
  }

  get streams(): number {
    return this.#streams.size
  }

  /** @param data JSON; nobody may change it later */
  publish(topic: Topic, data: unknown): void {
    const number = ++this.#number
    if (!this.wanted) {
      this.#kept.delete(topic)
      this.#lost.set(topic, number)
      return
    }
    const json = JSON.stringify(data) ?? 'null'
    const body = json.length <= LONGEST_EVENT ? json : JSON.stringify({ leftOut: json.length })
    const event: Event = { number, topic, text: `id: ${this.#run}-${number}\nevent: ${topic}\ndata: ${body}\n\n` }
    this.#keep(event)
    for (const stream of this.#streams) stream.offer(event)
  }

  /** @returns the body of the answer @throws ApiError 503 when there are too many */
  subscribe(subscriber: Subscriber): Readable {
    const mine = [...this.#streams].filter(({ who }) => who === subscriber.who).length
    if (this.#closed || this.#streams.size >= MOST_STREAMS || mine >= MOST_OF_ONE)
      throw new ApiError(503, 'busy', 'Too many streams of events are open; close some pages', { 'retry-after': '30' })
    const stream = new EventStream(subscriber, this.#clock)
    this.#replay(stream, subscriber)
    this.#streams.add(stream)
    stream.once('close', () => {
      this.#streams.delete(stream)
      this.#lastListener = this.#clock.now()
      if (this.#streams.size > 0) return
      this.#stopHeartbeat?.()
      this.#stopHeartbeat = undefined
    })
    this.#stopHeartbeat ??= this.#every(HEARTBEAT_MS, () => {
      this.sweep()
      for (const each of this.#streams) each.beat()
    })
    return stream
  }

  /** Ends the streams of those who may not listen any more. */
  sweep(): void {
    for (const stream of this.#streams) stream.check()
  }

  /** Ends all streams; there are no others after it. */
  close(): void {
    this.#closed = true
    for (const stream of this.#streams) stream.finish()
  }

  #keep(event: Event): void {
    const kept = this.#kept.get(event.topic) ?? { events: [], size: 0 }
    this.#kept.set(event.topic, kept)
    kept.events.push(event)
    kept.size += event.text.length
    while (kept.events.length > REPLAYED || kept.size > KEPT) {
      const oldest = kept.events.shift()!
      kept.size -= oldest.text.length
      this.#lost.set(event.topic, oldest.number)
    }
  }

  #replay(stream: EventStream, { lastEventId, topics }: Subscriber): void {
    if (lastEventId === undefined || lastEventId === '') return
    const [, run, digits] = /^([\w-]{1,20})-(\d{1,15})$/.exec(lastEventId) ?? []
    const last = run === this.#run && Number(digits) <= this.#number ? Number(digits) : undefined
    if (last === undefined || topics.some((topic) => (this.#lost.get(topic) ?? 0) > last)) stream.missed()
    const events = topics.flatMap((topic) => (this.#kept.get(topic)?.events ?? []).filter(({ number }) => number > (last ?? 0)))
    for (const event of events.sort((a, b) => a.number - b.number)) stream.offer(event)
  }
}

/** One listener. What it does not take in time is dropped, the oldest first, and it is told so. */
class EventStream extends Readable {
  readonly who: string
  readonly #topics: ReadonlySet<Topic>
  readonly #roleNow: () => Role | undefined
  readonly #clock: Clock
  readonly #queue: Event[] = []
  #size = 0
  #dropped = 0
  #missed = false
  #hungry = false
  #over = false
  /** When it last took something. */
  #took: number

  constructor({ topics, who, roleNow }: Subscriber, clock: Clock) {
    super({ highWaterMark: 16 * 1024 })
    this.who = who
    this.#topics = new Set(topics)
    this.#roleNow = roleNow
    this.#clock = clock
    this.#took = clock.now()
    // The first bytes open the stream on the other side; after an interruption it comes back in three seconds
    this.push('retry: 3000\n\n')
  }

  offer(event: Event): void {
    if (this.#over || this.destroyed || !this.#topics.has(event.topic)) return
    const role = this.#roleNow()
    if (role === undefined) {
      this.finish()
      return
    }
    if (!mayAs(role, TOPICS[event.topic])) return
    this.#queue.push(event)
    this.#size += event.text.length
    while (this.#queue.length > QUEUED_EVENTS || this.#size > QUEUED) {
      this.#size -= this.#queue.shift()!.text.length
      this.#dropped += 1
    }
    this.#feed()
  }

  /** Something is gone for good: the listener should read everything anew. */
  missed(): void {
    this.#missed = true
  }

  /** Keeps proxies from closing it, and shows whether somebody is there. */
  beat(): void {
    if (this.#over) return
    if (this.#hungry) this.#push(': \n\n')
    else if (this.#clock.now() - this.#took > STUCK_MS) this.destroy()
  }

  check(): void {
    if (this.#roleNow() === undefined) this.finish()
  }

  /** What has come until now still goes out. */
  finish(): void {
    if (this.#over || this.destroyed) return
    this.#over = true
    for (const { text } of this.#queue.splice(0)) this.push(text)
    this.push(null)
  }

  override _read(): void {
    this.#hungry = true
    this.#took = this.#clock.now()
    this.#feed()
  }

  #feed(): void {
    if (this.#over) return
    if (this.#hungry && (this.#missed || this.#dropped > 0)) {
      const data = JSON.stringify(this.#dropped > 0 ? { events: this.#dropped } : {})
      this.#missed = false
      this.#dropped = 0
      this.#push(`event: missed\ndata: ${data}\n\n`)
    }
    while (this.#hungry) {
      const event = this.#queue.shift()
      if (event === undefined) return
      this.#size -= event.text.length
      this.#push(event.text)
    }
  }

  #push(text: string): void {
    this.#hungry = this.push(text)
  }
}
