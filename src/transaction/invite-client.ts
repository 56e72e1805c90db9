import {
  DELIVER,
  FAILED,
  RESEND,
  row,
  SEND,
  SEND_ACK,
  STOP_TIMERS,
  type Table,
  TERMINATE,
  TIMED_OUT,
  type Transition,
  to,
} from './transition.ts'

/* §17.1.1, figure 5 of RFC 6026. Timer C and CANCEL are the proxy core's (§16.6 item 11, §16.8). */
export type InviteClientState = 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated'

export type InviteClientEvent =
  | 'response1xx'
  | 'response2xx'
  | 'response3xx6xx'
  | 'timerA'
  | 'timerB'
  | 'timerD'
  | 'timerM'
  | 'transportError'

export const INVITE_CLIENT_STATES: readonly InviteClientState[] = ['calling', 'proceeding', 'accepted', 'completed', 'terminated']
export const INVITE_CLIENT_EVENTS: readonly InviteClientEvent[] = [
  'response1xx',
  'response2xx',
  'response3xx6xx',
  'timerA',
  'timerB',
  'timerD',
  'timerM',
  'transportError',
]

const ACCEPTED = to('accepted', STOP_TIMERS | DELIVER, 'timerM')

// Timer D is 0 where the response cannot come twice: the Completed state ends as it begins.
const rejected = (reliable: boolean): Transition<InviteClientState> =>
  reliable ? to('terminated', STOP_TIMERS | SEND_ACK | DELIVER | TERMINATE) : to('completed', STOP_TIMERS | SEND_ACK | DELIVER, 'timerD')

const table = (reliable: boolean): Table<InviteClientState, InviteClientEvent> =>
  Object.freeze({
    calling: row<InviteClientState, InviteClientEvent>('calling', INVITE_CLIENT_EVENTS, {
      response1xx: to('proceeding', STOP_TIMERS | DELIVER),
      response2xx: ACCEPTED,
      response3xx6xx: rejected(reliable),
      timerA: to('calling', RESEND, undefined, 'timerA'),
      timerB: to('terminated', STOP_TIMERS | TIMED_OUT | TERMINATE),
      transportError: to('terminated', STOP_TIMERS | FAILED | TERMINATE),
    }),
    // Nothing is sent in this state, so nothing can fail to be sent: how long it lasts is up to Timer C.
    proceeding: row<InviteClientState, InviteClientEvent>('proceeding', INVITE_CLIENT_EVENTS, {
      response1xx: to('proceeding', DELIVER),
      response2xx: ACCEPTED,
      response3xx6xx: rejected(reliable),
    }),
    // RFC 6026 §7.2: each 2xx, also one that was seen before, goes upstream; what else comes is not of a call that was answered.
    accepted: row<InviteClientState, InviteClientEvent>('accepted', INVITE_CLIENT_EVENTS, {
      response2xx: to('accepted', DELIVER),
      timerM: to('terminated', STOP_TIMERS | TERMINATE),
    }),
    completed: row<InviteClientState, InviteClientEvent>('completed', INVITE_CLIENT_EVENTS, {
      response3xx6xx: to('completed', SEND_ACK),
      timerD: to('terminated', STOP_TIMERS | TERMINATE),
      transportError: to('terminated', STOP_TIMERS | FAILED | TERMINATE),
    }),
    terminated: row<InviteClientState, InviteClientEvent>('terminated', INVITE_CLIENT_EVENTS, {}),
  })

const UNRELIABLE = table(false)
const RELIABLE = table(true)
const START_UNRELIABLE: Transition<InviteClientState> = to('calling', SEND, 'timerB', 'timerA')
const START_RELIABLE: Transition<InviteClientState> = to('calling', SEND, 'timerB')

/** The first step: the INVITE goes out. */
export const startInviteClient = (reliable: boolean): Transition<InviteClientState> => (reliable ? START_RELIABLE : START_UNRELIABLE)

/** @param reliable the transport under the transaction does not lose messages (anything but UDP) */
export const inviteClient = (state: InviteClientState, event: InviteClientEvent, reliable: boolean): Transition<InviteClientState> =>
  (reliable ? RELIABLE : UNRELIABLE)[state][event]
