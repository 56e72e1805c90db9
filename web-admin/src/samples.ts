/** The last minutes, as this page has seen them. */
import { useEffect } from 'preact/hooks'
import type { State } from './api/types.ts'
import { createStore } from './store.ts'
import { type Sample, withSample } from './words/rates.ts'

export const samplesStore = createStore<readonly Sample[]>([])

/** Writes down each new state. */
export const useSampling = (state: State | undefined): void => {
  useEffect(() => {
    if (state === undefined) return
    const { media, openFlows: flows, counters } = state
    samplesStore.set(withSample(samplesStore.get(), { at: Date.now(), calls: media.sessions, flows, counters }))
  }, [state])
}
