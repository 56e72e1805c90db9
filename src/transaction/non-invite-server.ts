import { DELIVER, FAILED, RESEND, row, SEND, STOP_TIMERS, type Table, TERMINATE, type Transition, to } from './transition.ts'

/** §17.2.2, figure 8. CANCEL has such a transaction of its own. */
export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated'

/** request: the request again. sendNxx: a response from the TU. */
export type NonInviteServerEvent = 'request' | 'send1xx' | 'send2xx' | 'send3xx6xx' | 'timerJ' | 'transportError'

export const NON_INVITE_SERVER_STATES: readonly NonInviteServerState[] = ['trying', 'proceeding', 'completed', 'terminated']
export const NON_INVITE_SERVER_EVENTS: readonly NonInviteServerEvent[] = [
  'request',
  'send1xx',
  'send2xx',
  'send3xx6xx',
  'timerJ',
  'transportError',
]

// Timer J is 0 where the answer cannot get lost: the Completed state ends as it begins.
const final = (reliable: boolean): Transition<NonInviteServerState> =>
  reliable ? to('terminated', STOP_TIMERS | SEND | TERMINATE) : to('completed', SEND, 'timerJ')

const table = (reliable: boolean): Table<NonInviteServerState, NonInviteServerEvent> =>
  Object.freeze({
    trying: row<NonInviteServerState, NonInviteServerEvent>('trying', NON_INVITE_SERVER_EVENTS, {
      send1xx: to('proceeding', SEND),
      // Erratum 1470: a final response may come without a provisional one before it.
      send2xx: final(reliable),
      send3xx6xx: final(reliable),
      transportError: to('trying', FAILED),
    }),
    proceeding: row<NonInviteServerState, NonInviteServerEvent>('proceeding', NON_INVITE_SERVER_EVENTS, {
      request: to('proceeding', RESEND),
      send1xx: to('proceeding', SEND),
      send2xx: final(reliable),
      send3xx6xx: final(reliable),
      transportError: to('proceeding', FAILED),
    }),
    completed: row<NonInviteServerState, NonInviteServerEvent>('completed', NON_INVITE_SERVER_EVENTS, {
      request: to('completed', RESEND),
      timerJ: to('terminated', STOP_TIMERS | TERMINATE),
      transportError: to('completed', FAILED),
    }),
    terminated: row<NonInviteServerState, NonInviteServerEvent>('terminated', NON_INVITE_SERVER_EVENTS, {}),
  })

const UNRELIABLE = table(false)
const RELIABLE = table(true)

/** The first step: the request goes to the TU. */
export const NON_INVITE_SERVER_START: Transition<NonInviteServerState> = to('trying', DELIVER)

/** @param reliable the transport under the transaction does not lose messages (anything but UDP) */
export const nonInviteServer = (
  state: NonInviteServerState,
  event: NonInviteServerEvent,
  reliable: boolean,
): Transition<NonInviteServerState> => (reliable ? RELIABLE : UNRELIABLE)[state][event]
