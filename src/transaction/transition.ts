import type { ExpiryTimer, RetransmissionTimer } from './timers.ts'

/*
 * The four machines are tables: state and event give a Transition, a constant that was made when the module was loaded.
 * `step` allocates nothing, and all transitions have one shape.
 *
 * The effects of a transition are performed in the order of the bits below, then its timers are started. A transaction
 * has never more than two timers, one that sends again (A, E, G) and one that ends the state (B, D, F, H, I, J, K, L, M),
 * so that it owns two `WheelTimer`s and a timer's event is the timer's `kind`.
 */

/** Both timers of the transaction are cancelled. */
export const STOP_TIMERS = 1
/** The message of the event goes out: the TU's response; at the start of a client transaction its request. It is kept for RESEND. */
export const SEND = 2
/** What was sent last goes out again; nothing happens when nothing was sent yet. */
export const RESEND = 4
/** ACK to a final response other than 2xx, made from the INVITE that this client transaction sent (§17.1.1.3). */
export const SEND_ACK = 8
/** The received message goes to the TU. */
export const DELIVER = 16
/** The TU learns that nobody answered in time (Timer B, F: §16.8 makes it 408) or that no ACK came (Timer H). */
export const TIMED_OUT = 32
/** The TU learns that the message could not be sent (§16.9 makes it 503). */
export const FAILED = 64
/** The transaction leaves its table; always together with STOP_TIMERS. */
export const TERMINATE = 128

export interface Transition<State extends string = string> {
  readonly next: State
  /** Bits of the constants above; 0 when the event is absorbed. */
  readonly effects: number
  /** To start, or to start again, with the next attempt; undefined leaves the one that runs alone. */
  readonly retransmit: RetransmissionTimer | undefined
  /** To start; undefined leaves the one that runs alone. */
  readonly expire: ExpiryTimer | undefined
}

/** Every event in every state, so that a machine cannot leave its table. */
export type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Record<Event, Transition<State>>>>>

export const to = <const State extends string>(
  next: State,
  effects: number,
  expire?: ExpiryTimer,
  retransmit?: RetransmissionTimer,
): Transition<State> => Object.freeze({ next, effects, retransmit, expire })

/** The row of a state: what is not named is absorbed. */
export const row = <State extends string, Event extends string>(
  state: State,
  events: readonly Event[],
  transitions: Partial<Record<Event, Transition<State>>>,
): Readonly<Record<Event, Transition<State>>> => {
  const absorbed = to(state, 0)
  const complete = {} as Record<Event, Transition<State>>
  for (const event of events) complete[event] = transitions[event] ?? absorbed
  return Object.freeze(complete)
}

const NAMES = ['stopTimers', 'send', 'resend', 'sendAck', 'deliver', 'timedOut', 'failed', 'terminate'] as const
export type EffectName = (typeof NAMES)[number]

/** The effects by name in the order in which they are performed, for logs and tests. */
export const effectNames = (effects: number): EffectName[] => NAMES.filter((_, bit) => (effects & (1 << bit)) !== 0)
