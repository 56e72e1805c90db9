import { useLayoutEffect, useState } from 'preact/hooks'

/** A value that several parts of the page look at. */
export interface Store<T> {
  get(): T
  set(next: T): void
  /** @returns what ends it */
  subscribe(changed: () => void): () => void
}

export const createStore = <T>(first: T): Store<T> => {
  let value = first
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return
      value = next
      for (const changed of [...listeners]) changed()
    },
    subscribe: (changed) => {
      listeners.add(changed)
      return () => void listeners.delete(changed)
    },
  }
}

export const useStore = <T>(store: Store<T>): T => {
  const [, draw] = useState<unknown>()
  const drawn = store.get()
  useLayoutEffect(() => {
    const changed = (): void => draw({})
    // It may have changed between drawing and now
    if (!Object.is(store.get(), drawn)) changed()
    return store.subscribe(changed)
  }, [store])
  return drawn
}
