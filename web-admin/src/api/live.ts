/** What happens at the edge, as it happens: one stream of events for all pages. */
import { createStore } from '../store.ts'
import { apiUrl } from './client.ts'
import { readSession } from './session.ts'

export type Topic = 'state' | 'certificates' | 'calls' | 'registrations' | 'config' | 'log' | 'audit' | 'doctor'
const USUAL: readonly Topic[] = ['state', 'certificates', 'calls', 'registrations', 'config', 'audit']
/** Come only while somebody looks at them. */
const ON_DEMAND: readonly Topic[] = ['log', 'doctor']

export type LiveState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** `since`: milliseconds since 1970; what is shown is from then. */
  | { readonly kind: 'broken'; readonly since: number }

export const liveStore = createStore<LiveState>({ kind: 'connecting' })

type Listener = (data: unknown) => void
const listeners = new Map<Topic, Set<Listener>>()
const renewals = new Set<() => void>()

/** Calls back with the data of each event of the topic. @returns what ends it */
export const onTopic = (topic: Topic, listener: Listener): (() => void) => {
  const own = listeners.get(topic) ?? new Set()
  listeners.set(topic, own.add(listener))
  if (ON_DEMAND.includes(topic) && own.size === 1) reopen()
  return () => {
    own.delete(listener)
    if (ON_DEMAND.includes(topic) && own.size === 0) reopen()
  }
}

/** Calls back when events may have been lost: everything is to be read anew. */
export const onRenewal = (renew: () => void): (() => void) => {
  renewals.add(renew)
  return () => void renewals.delete(renew)
}

let source: EventSource | undefined
let wanted = false
let retry: ReturnType<typeof setTimeout> | undefined
let attempts = 0

export const startLive = (): void => {
  wanted = true
  open()
}

export const stopLive = (): void => {
  wanted = false
  clearTimeout(retry)
  source?.close()
  source = undefined
}

/** At once, whatever was planned. */
export const retryLive = (): void => {
  attempts = 0
  reopen()
}

const reopen = (): void => {
  if (!wanted) return
  clearTimeout(retry)
  open()
}

const open = (): void => {
  source?.close()
  const topics = [...USUAL, ...ON_DEMAND.filter((topic) => (listeners.get(topic)?.size ?? 0) > 0)]
  const mine = new EventSource(apiUrl(`/events?topics=${topics.join(',')}`))
  source = mine
  let opened = false
  mine.onopen = () => {
    attempts = 0
    liveStore.set({ kind: 'live' })
    // The browser's own reconnects say what they saw last; a new stream knows nothing of the time before
    if (!opened) renew()
    opened = true
  }
  mine.onerror = () => {
    const state = liveStore.get()
    if (state.kind !== 'broken') liveStore.set({ kind: 'broken', since: Date.now() })
    if (mine.readyState !== EventSource.CLOSED || mine !== source) return
    // The answer was no stream: signed out, too many of them, or a proxy that lost the edge
    void readSession()
    const pause = Math.min(30_000, 1000 * 2 ** attempts++) * (0.75 + Math.random() / 2)
    retry = setTimeout(reopen, pause)
  }
  mine.addEventListener('missed', renew)
  for (const topic of topics) {
    mine.addEventListener(topic, ({ data }) => {
      let value: unknown
      try {
        value = JSON.parse(data)
      } catch {
        return
      }
      for (const listener of [...(listeners.get(topic) ?? [])]) listener(value)
    })
  }
}

let first = true
const renew = (): void => {
  // The pages have just read everything when the stream opens for the first time
  if (!first) for (const one of [...renewals]) one()
  first = false
}
