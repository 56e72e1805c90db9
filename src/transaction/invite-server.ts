import { DELIVER, FAILED, RESEND, row, SEND, STOP_TIMERS, type Table, TERMINATE, TIMED_OUT, type Transition, to } from './transition.ts'

/*
 * §17.2.1, figure 7 of RFC 6026. Not here: 100 Trying within 200 ms, which is a provisional response of the TU, and the
 * ACK to a 2xx, which has its own branch and no transaction.
 */
export type InviteServerState = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated'

/** request: the INVITE again. sendNxx: a response from the TU. */
export type InviteServerEvent =
  | 'request'
  | 'ack'
  | 'send1xx'
  | 'send2xx'
  | 'send3xx6xx'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL'
  | 'transportError'

export const INVITE_SERVER_STATES: readonly InviteServerState[] = ['proceeding', 'accepted', 'completed', 'confirmed', 'terminated']
export const INVITE_SERVER_EVENTS: readonly InviteServerEvent[] = [
  'request',
  'ack',
  'send1xx',
  'send2xx',
  'send3xx6xx',
  'timerG',
  'timerH',
  'timerI',
  'timerL',
  'transportError',
]

// RFC 6026 §8.8: a response that cannot be sent is reported, and the state stays: the request may come again on a new connection.
const table = (reliable: boolean): Table<InviteServerState, InviteServerEvent> =>
  Object.freeze({
    proceeding: row<InviteServerState, InviteServerEvent>('proceeding', INVITE_SERVER_EVENTS, {
      request: to('proceeding', RESEND),
      send1xx: to('proceeding', SEND),
      // RFC 6026 §7.1: Timer L on every transport, it waits for further 2xx and not for the network.
      send2xx: to('accepted', SEND, 'timerL'),
      send3xx6xx: to('completed', SEND, 'timerH', reliable ? undefined : 'timerG'),
      transportError: to('proceeding', FAILED),
    }),
    accepted: row<InviteServerState, InviteServerEvent>('accepted', INVITE_SERVER_EVENTS, {
      // The INVITE again is absorbed without an answer: the UAS retransmits its 2xx, end to end.
      ack: to('accepted', DELIVER),
      send2xx: to('accepted', SEND),
      timerL: to('terminated', STOP_TIMERS | TERMINATE),
      transportError: to('accepted', FAILED),
    }),
    completed: row<InviteServerState, InviteServerEvent>('completed', INVITE_SERVER_EVENTS, {
      request: to('completed', RESEND),
      // Timer I is 0 where nothing can be on its way any more: the Confirmed state ends as it begins.
      ack: reliable ? to('terminated', STOP_TIMERS | TERMINATE) : to('confirmed', STOP_TIMERS, 'timerI'),
      timerG: to('completed', RESEND, undefined, 'timerG'),
      timerH: to('terminated', STOP_TIMERS | TIMED_OUT | TERMINATE),
      transportError: to('completed', FAILED),
    }),
    confirmed: row<InviteServerState, InviteServerEvent>('confirmed', INVITE_SERVER_EVENTS, {
      timerI: to('terminated', STOP_TIMERS | TERMINATE),
    }),
    terminated: row<InviteServerState, InviteServerEvent>('terminated', INVITE_SERVER_EVENTS, {}),
  })

const UNRELIABLE = table(false)
const RELIABLE = table(true)

/** The first step: the INVITE goes to the TU. */
export const INVITE_SERVER_START: Transition<InviteServerState> = to('proceeding', DELIVER)

/** @param reliable the transport under the transaction does not lose messages (anything but UDP) */
export const inviteServer = (state: InviteServerState, event: InviteServerEvent, reliable: boolean): Transition<InviteServerState> =>
  (reliable ? RELIABLE : UNRELIABLE)[state][event]
