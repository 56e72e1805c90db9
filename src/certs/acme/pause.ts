import { setTimeout as sleep } from 'node:timers/promises'

/** Waits that many milliseconds; rejects when the signal aborts. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>

export const pause: Pause = async (ms, signal) => {
  await sleep(ms, undefined, { signal })
}
