/** Where one is, and going elsewhere. */
import { type Place, placeOf } from './routes.ts'
import { createStore, useStore } from './store.ts'

const hashStore = createStore(location.hash)
addEventListener('hashchange', () => hashStore.set(location.hash))

export const usePlace = (): Place => placeOf(useStore(hashStore))
export const useHash = (): string => useStore(hashStore)

/** @param path such as `/certificates/main` */
export const go = (path: string): void => {
  location.hash = path
}

/** Away from the one-time link, which is of no use any more and should stay in no history. */
export const leaveSetupLink = (): void => {
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  hashStore.set(location.hash)
}
