import { describe, expect, test } from 'vitest'
import {
  NON_INVITE_CLIENT_EVENTS,
  type NonInviteClientEvent,
  type NonInviteClientState,
  nonInviteClient,
  startNonInviteClient,
} from '../../../src/transaction/non-invite-client.ts'
import { shown } from './walk.ts'

const udp = (state: NonInviteClientState, event: NonInviteClientEvent): string => shown(nonInviteClient(state, event, false))
const tcp = (state: NonInviteClientState, event: NonInviteClientEvent): string => shown(nonInviteClient(state, event, true))
const both = (state: NonInviteClientState, event: NonInviteClientEvent): string => {
  expect(tcp(state, event)).toBe(udp(state, event))
  return udp(state, event)
}

describe('non-INVITE client transaction', () => {
  test('§17.1.2.2: over UDP the request is sent with Timers E and F', () => {
    expect(shown(startNonInviteClient(false))).toBe('trying: send +timerE +timerF')
  })
  test('§17.1.2.2: over a reliable transport Timer E is not set', () => {
    expect(shown(startNonInviteClient(true))).toBe('trying: send +timerF')
  })

  test('§17.1.2.2: a 1xx in trying goes to the TU; Timers E and F run on', () => {
    expect(both('trying', 'response1xx')).toBe('proceeding: deliver')
  })
  test('§17.1.2.2: further provisional responses go to the TU', () => {
    expect(both('proceeding', 'response1xx')).toBe('proceeding: deliver')
  })

  describe.each(['trying', 'proceeding'] as const)('%s', (state) => {
    test('§17.1.2.2: Timer E sends the request again and is set again', () => {
      expect(udp(state, 'timerE')).toBe(`${state}: resend +timerE`)
    })
    test('§17.1.2.2: Timer F ends it and is told to the TU', () => {
      expect(both(state, 'timerF')).toBe('terminated: stopTimers timedOut terminate')
    })
    test('§17.1.4: a transport error ends it and is told to the TU', () => {
      expect(both(state, 'transportError')).toBe('terminated: stopTimers failed terminate')
    })
    test.each(['response2xx', 'response3xx6xx'] as const)(
      '§17.1.2.2: over UDP %s goes to the TU, completed begins with Timer K',
      (event) => {
        expect(udp(state, event)).toBe('completed: stopTimers deliver +timerK')
      },
    )
    test.each(['response2xx', 'response3xx6xx'] as const)('§17.1.2.2: over a reliable transport Timer K is 0, %s ends it', (event) => {
      expect(tcp(state, event)).toBe('terminated: stopTimers deliver terminate')
    })
    test('§17.1.2.2: Timer K of another state is absorbed', () => {
      expect(both(state, 'timerK')).toBe(`${state}:`)
    })
  })

  describe('completed', () => {
    test.each(['response1xx', 'response2xx', 'response3xx6xx', 'timerE', 'timerF', 'transportError'] as const)(
      '§17.1.2.2: %s is absorbed',
      (event) => {
        expect(both('completed', event)).toBe('completed:')
      },
    )
    test('§17.1.2.2: Timer K ends it', () => {
      expect(udp('completed', 'timerK')).toBe('terminated: stopTimers terminate')
    })
  })

  test.each(NON_INVITE_CLIENT_EVENTS)('§17.1.2.2: %s changes nothing in terminated', (event) => {
    expect(both('terminated', event)).toBe('terminated:')
  })
})
