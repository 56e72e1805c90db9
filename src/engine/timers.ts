import type { TimerWheel, WheelTimer } from '../base/timer-wheel.ts'
import type { TransactionTimer } from '../transaction/timers.ts'

/**
 * What may become due for a transaction: the timers of §17, and the core's own.
 * `timerC` (§16.6 item 11) and `cancelled` (§9.1: no final response 64*T1 after CANCEL) run while a client transaction is in Proceeding,
 * `noReply` while it is in Calling and there is somewhere else to go. `vanished` (N5) is the time that a client has to come back to its call.
 */
export type TimerKind = TransactionTimer | 'timerC' | 'cancelled' | 'noReply' | 'vanished'

/** One that owns wheel timers; called from the wheel, so that no timer needs a closure. */
export interface TimerOwner {
  fired(kind: TimerKind): void
}

export type Wheel = TimerWheel<TimerOwner, TimerKind>
export type Timer = WheelTimer<TimerOwner, TimerKind>
