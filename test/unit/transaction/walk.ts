import { effectNames, type Transition } from '../../../src/transaction/transition.ts'

/** A transition as a line that reads like the figures of the RFC: `completed: stopTimers sendAck deliver +timerD`. */
export const shown = ({ next, effects, expire, retransmit }: Transition): string =>
  [`${next}:`, ...effectNames(effects), ...[retransmit, expire].filter((timer) => timer !== undefined).map((timer) => `+${timer}`)].join(
    ' ',
  )

export interface Machine<State extends string, Event extends string> {
  readonly name: string
  readonly states: readonly State[]
  readonly events: readonly Event[]
  readonly start: (reliable: boolean) => Transition<State>
  readonly step: (state: State, event: Event, reliable: boolean) => Transition<State>
}
