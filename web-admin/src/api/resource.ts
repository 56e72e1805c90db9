/** Answers of the API that pages look at: read once for all of them, kept up by the stream of events. */
import { useEffect, useState } from 'preact/hooks'
import { ApiFailure, call } from './client.ts'
import { onRenewal, onTopic, type Topic } from './live.ts'
import type { Calls, Certificates, State } from './types.ts'

export interface Resource<T> {
  readonly data: T | undefined
  /** Why the last attempt failed; `data` may be there from before. */
  readonly failure: ApiFailure | undefined
  readonly loading: boolean
  reload(): Promise<void>
}

interface Entry {
  data: unknown
  failure: ApiFailure | undefined
  running: Promise<void> | undefined
  /** Asked for again while one was running. */
  again: boolean
  /** When it was last read, milliseconds since 1970. */
  at: number
  /** Something has changed while nobody was there. */
  stale: boolean
  readonly viewers: Set<() => void>
  stop: (() => void) | undefined
  timer: ReturnType<typeof setTimeout> | undefined
}

const entries = new Map<string, Entry>()

/** How long an answer is kept that nobody looks at: coming back shows it at once, while it is read anew. */
const KEPT_MS = 120_000
/** Events that say only that something changed are gathered for so long. */
const GATHER_MS = 1000
/** Of an event that says the same again: perhaps something changed that it does not tell of. */
const SLOW_MS = 15_000
/** Whoever has done nothing for so long is not there: what is read for nobody must not keep a session from ending. */
const PRESENT_MS = 5 * 60_000

/** @returns the next value; undefined: read it again */
type Merge = (before: unknown, event: unknown) => unknown

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

const MERGES: Readonly<Partial<Record<Topic, Merge>>> = {
  state: (_before, event) => (isRecord(event) && Array.isArray((event as unknown as State).listeners) ? event : undefined),
  certificates: (before, event) => {
    if (!isRecord(event)) return undefined
    if (Array.isArray(event.certificates)) return event
    if (typeof event.name !== 'string' || !Array.isArray(event.history) || before === undefined) return undefined
    const { certificates } = before as Certificates
    const index = certificates.findIndex(({ name }) => name === event.name)
    return { certificates: index < 0 ? [...certificates, event] : certificates.with(index, event as never) }
  },
  calls: (_before, event) => (isRecord(event) && Array.isArray((event as unknown as Calls).calls) ? event : undefined),
}

const entryOf = (path: string): Entry => {
  const there = entries.get(path)
  if (there !== undefined) return there
  const made: Entry = {
    data: undefined,
    failure: undefined,
    running: undefined,
    again: false,
    at: 0,
    stale: false,
    viewers: new Set(),
    stop: undefined,
    timer: undefined,
  }
  entries.set(path, made)
  return made
}

const tell = (entry: Entry): void => {
  for (const changed of [...entry.viewers]) changed()
}

const read = (path: string, entry: Entry): Promise<void> => {
  if (entry.running !== undefined) {
    entry.again = true
    return entry.running
  }
  const run = async (): Promise<void> => {
    try {
      do {
        entry.again = false
        entry.stale = false
        entry.at = Date.now()
        entry.data = await call('GET', path)
        entry.failure = undefined
      } while (entry.again)
    } catch (error) {
      entry.failure = error instanceof ApiFailure ? error : new ApiFailure(0, 'broken', String(error))
    } finally {
      entry.running = undefined
      tell(entry)
    }
  }
  entry.running = run()
  tell(entry)
  return entry.running
}

let lastSign = Date.now()
const isPresent = (): boolean => !document.hidden && Date.now() - lastSign < PRESENT_MS

/** Somebody is there again: what has changed in the meantime is read now. */
const present = (): void => {
  if (document.hidden) return
  lastSign = Date.now()
  for (const [path, entry] of entries) if (entry.stale && entry.viewers.size > 0) void read(path, entry)
}
for (const sign of ['pointerdown', 'keydown', 'wheel', 'visibilitychange'])
  addEventListener(sign, present, { capture: true, passive: true })

/** What of an event tells whether it is another one than the last. */
const signatureOf = (event: unknown): string =>
  JSON.stringify(event, (key, value: unknown) => (key === 'uptimeSeconds' || key === 'counters' ? undefined : value))

const follow = (path: string, entry: Entry, topic: Topic | undefined): (() => void) => {
  let gathering: ReturnType<typeof setTimeout> | undefined
  let signature: string | undefined
  const later = (): void => {
    gathering ??= setTimeout(() => {
      gathering = undefined
      if (isPresent()) void read(path, entry)
      else entry.stale = true
    }, GATHER_MS)
  }
  const stops = [onRenewal(() => void read(path, entry))]
  if (topic !== undefined) {
    const own = path.split('?')[0] === `/${topic}`
    stops.push(
      onTopic(topic, (event) => {
        const next = own ? MERGES[topic]?.(entry.data, event) : undefined
        if (next !== undefined) {
          entry.data = next
          entry.failure = undefined
          tell(entry)
          return
        }
        const now = signatureOf(event)
        if (now === signature && Date.now() - entry.at < SLOW_MS) return
        signature = now
        later()
      }),
    )
  }
  return () => {
    clearTimeout(gathering)
    for (const stop of stops) stop()
  }
}

/**
 * @param path below /api; undefined: nothing yet
 * @param topic events of it change the answer
 */
export const useResource = <T>(path: string | undefined, topic?: Topic): Resource<T> => {
  const [, draw] = useState<unknown>()
  useEffect(() => {
    if (path === undefined) return undefined
    const entry = entryOf(path)
    const changed = (): void => draw({})
    clearTimeout(entry.timer)
    if (entry.viewers.size === 0) {
      entry.stop = follow(path, entry, topic)
      void read(path, entry)
    }
    entry.viewers.add(changed)
    changed()
    return () => {
      entry.viewers.delete(changed)
      if (entry.viewers.size > 0) return
      entry.stop?.()
      entry.timer = setTimeout(() => entries.delete(path), KEPT_MS)
    }
  }, [path, topic])
  const entry = path === undefined ? undefined : entries.get(path)
  return {
    data: entry?.data as T | undefined,
    failure: entry?.failure,
    loading: path !== undefined && (entry === undefined || (entry.data === undefined && entry.failure === undefined)),
    reload: () => (path === undefined ? Promise.resolve() : read(path, entryOf(path))),
  }
}

/** Reads again what pages look at and what begins with one of these: after something was changed. */
export const refresh = (...beginnings: readonly string[]): void => {
  for (const [path, entry] of entries)
    if (entry.viewers.size > 0 && beginnings.some((beginning) => path.startsWith(beginning))) void read(path, entry)
}

/** Whoever signs in next must not see what the one before saw. */
export const forgetAll = (): void => {
  for (const entry of entries.values()) {
    clearTimeout(entry.timer)
    entry.stop?.()
  }
  entries.clear()
}
