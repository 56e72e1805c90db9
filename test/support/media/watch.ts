/** Things that happen, and those who wait for them. */
export interface Watch {
  /** Everybody who waits looks again. */
  happened(): void
  /**
   * Resolves with what `test` finds, now or after something happened.
   * Rejects after `ms` with the words of `failure`, asked for at that time.
   */
  until<T>(test: () => T | undefined, failure: () => string, ms: number): Promise<T>
}

export const createWatch = (): Watch => {
  const waiters = new Set<() => void>()
  return {
    happened: () => {
      for (const waiter of [...waiters]) waiter()
    },
    until: <T>(test: () => T | undefined, failure: () => string, ms: number) =>
      new Promise<T>((resolve, reject) => {
        const finish = (act: () => void): void => {
          clearTimeout(timer)
          waiters.delete(look)
          act()
        }
        const look = (): void => {
          try {
            const found = test()
            if (found !== undefined) finish(() => resolve(found))
          } catch (error) {
            finish(() => reject(error))
          }
        }
        const timer = setTimeout(() => finish(() => reject(new Error(failure()))), ms)
        waiters.add(look)
        look()
      }),
  }
}

/** Resolves when `last` (performance.now) has not moved for `ms`; rejects with the words of `failure` when that does not come within `limit`. */
export const quietFor = (last: () => number, ms: number, failure: () => string, limit: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    const look = (): void => {
      const now = performance.now()
      const rest = Math.max(last(), begun) + ms - now
      if (rest <= 0) resolve()
      else if (now - begun > limit) reject(new Error(failure()))
      else setTimeout(look, Math.min(rest, 50))
    }
    look()
  })
