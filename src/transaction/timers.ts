import { unreachable } from '../base/errors.ts'

/** The letters of §17 and RFC 6026 as events: a wheel timer's `kind` is the event to step the machine with. */
export type RetransmissionTimer = 'timerA' | 'timerE' | 'timerG'
export type ExpiryTimer = 'timerB' | 'timerD' | 'timerF' | 'timerH' | 'timerI' | 'timerJ' | 'timerK' | 'timerL' | 'timerM'
export type TransactionTimer = RetransmissionTimer | ExpiryTimer

/** §17.1.1.1: T1 is the round trip's estimate, T2 the longest interval between retransmissions, T4 how long the network keeps a message; all in milliseconds. */
export interface TimerValues {
  readonly t1: number
  readonly t2: number
  readonly t4: number
}

export const RFC_TIMERS: TimerValues = Object.freeze({ t1: 500, t2: 4000, t4: 5000 })

/**
 * How long a timer runs (the table of RFC 3261 appendix A, with RFC 6026).
 * @param attempt how often this timer fired already in this transaction: 0 when it is started first
 * @param proceeding the state in which the timer runs is `proceeding`, where Timer E no longer grows (§17.1.2.2)
 * @returns milliseconds
 */
export const delayOf = (timer: TransactionTimer, attempt: number, timers: TimerValues, reliable: boolean, proceeding = false): number => {
  switch (timer) {
    case 'timerA':
      return timers.t1 * 2 ** attempt
    case 'timerE':
      return proceeding ? timers.t2 : Math.min(timers.t1 * 2 ** attempt, timers.t2)
    case 'timerG':
      return Math.min(timers.t1 * 2 ** attempt, timers.t2)
    case 'timerD':
      // §17.1.1.2: at least 32 s, because the server may send its final response again until its own Timer H.
      return reliable ? 0 : Math.max(32_000, 64 * timers.t1)
    case 'timerI':
    case 'timerK':
      return reliable ? 0 : timers.t4
    case 'timerJ':
      return reliable ? 0 : 64 * timers.t1
    case 'timerB':
    case 'timerF':
    case 'timerH':
    case 'timerL':
    case 'timerM':
      return 64 * timers.t1
    default:
      return unreachable(timer)
  }
}
