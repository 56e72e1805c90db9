import { DELIVER, FAILED, RESEND, row, SEND, STOP_TIMERS, type Table, TERMINATE, TIMED_OUT, type Transition, to } from './transition.ts'

/** §17.1.2, figure 6. CANCEL has such a transaction of its own. */
export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export type NonInviteClientEvent = 'response1xx' | 'response2xx' | 'response3xx6xx' | 'timerE' | 'timerF' | 'timerK' | 'transportError'

export const NON_INVITE_CLIENT_STATES: readonly NonInviteClientState[] = ['trying', 'proceeding', 'completed', 'terminated']
export const NON_INVITE_CLIENT_EVENTS: readonly NonInviteClientEvent[] = [
  'response1xx',
  'response2xx',
  'response3xx6xx',
  'timerE',
  'timerF',
  'timerK',
  'transportError',
]

const TIMEOUT = to('terminated', STOP_TIMERS | TIMED_OUT | TERMINATE)
const FAILURE = to('terminated', STOP_TIMERS | FAILED | TERMINATE)

// Timer K is 0 where the response cannot come twice: the Completed state ends as it begins.
const final = (reliable: boolean): Transition<NonInviteClientState> =>
  reliable ? to('terminated', STOP_TIMERS | DELIVER | TERMINATE) : to('completed', STOP_TIMERS | DELIVER, 'timerK')

const table = (reliable: boolean): Table<NonInviteClientState, NonInviteClientEvent> =>
  Object.freeze({
    trying: row<NonInviteClientState, NonInviteClientEvent>('trying', NON_INVITE_CLIENT_EVENTS, {
      // Timers E and F run on: a provisional response to a request other than INVITE promises nothing.
      response1xx: to('proceeding', DELIVER),
      response2xx: final(reliable),
      response3xx6xx: final(reliable),
      timerE: to('trying', RESEND, undefined, 'timerE'),
      timerF: TIMEOUT,
      transportError: FAILURE,
    }),
    proceeding: row<NonInviteClientState, NonInviteClientEvent>('proceeding', NON_INVITE_CLIENT_EVENTS, {
      response1xx: to('proceeding', DELIVER),
      response2xx: final(reliable),
      response3xx6xx: final(reliable),
      timerE: to('proceeding', RESEND, undefined, 'timerE'),
      timerF: TIMEOUT,
      transportError: FAILURE,
    }),
    completed: row<NonInviteClientState, NonInviteClientEvent>('completed', NON_INVITE_CLIENT_EVENTS, {
      timerK: to('terminated', STOP_TIMERS | TERMINATE),
    }),
    terminated: row<NonInviteClientState, NonInviteClientEvent>('terminated', NON_INVITE_CLIENT_EVENTS, {}),
  })

const UNRELIABLE = table(false)
const RELIABLE = table(true)
const START_UNRELIABLE: Transition<NonInviteClientState> = to('trying', SEND, 'timerF', 'timerE')
const START_RELIABLE: Transition<NonInviteClientState> = to('trying', SEND, 'timerF')

/** The first step: the request goes out. */
export const startNonInviteClient = (reliable: boolean): Transition<NonInviteClientState> => (reliable ? START_RELIABLE : START_UNRELIABLE)

/** @param reliable the transport under the transaction does not lose messages (anything but UDP) */
export const nonInviteClient = (
  state: NonInviteClientState,
  event: NonInviteClientEvent,
  reliable: boolean,
): Transition<NonInviteClientState> => (reliable ? RELIABLE : UNRELIABLE)[state][event]
