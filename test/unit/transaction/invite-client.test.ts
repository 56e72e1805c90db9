import { describe, expect, test } from 'vitest'
import {
  INVITE_CLIENT_EVENTS,
  type InviteClientEvent,
  type InviteClientState,
  inviteClient,
  startInviteClient,
} from '../../../src/transaction/invite-client.ts'
import { shown } from './walk.ts'

const udp = (state: InviteClientState, event: InviteClientEvent): string => shown(inviteClient(state, event, false))
const tcp = (state: InviteClientState, event: InviteClientEvent): string => shown(inviteClient(state, event, true))
const both = (state: InviteClientState, event: InviteClientEvent): string => {
  expect(tcp(state, event)).toBe(udp(state, event))
  return udp(state, event)
}

describe('INVITE client transaction', () => {
  test('§17.1.1.2: over UDP the INVITE is sent with Timers A and B', () => {
    expect(shown(startInviteClient(false))).toBe('calling: send +timerA +timerB')
  })
  test('§17.1.1.2: over a reliable transport Timer A is not set', () => {
    expect(shown(startInviteClient(true))).toBe('calling: send +timerB')
  })

  describe('calling', () => {
    test('§17.1.1.2: Timer A sends the INVITE again and is set again', () => {
      expect(udp('calling', 'timerA')).toBe('calling: resend +timerA')
    })
    test('§17.1.1.2: Timer B ends it and is told to the TU', () => {
      expect(both('calling', 'timerB')).toBe('terminated: stopTimers timedOut terminate')
    })
    test('§17.1.4: a transport error ends it and is told to the TU', () => {
      expect(both('calling', 'transportError')).toBe('terminated: stopTimers failed terminate')
    })
    test('§17.1.1.2: a 1xx in calling stops retransmissions and goes to proceeding', () => {
      expect(both('calling', 'response1xx')).toBe('proceeding: stopTimers deliver')
    })
  })

  describe.each(['calling', 'proceeding'] as const)('%s', (state) => {
    test('RFC 6026 §7.2: a 2xx goes to the TU, accepted begins with Timer M on every transport', () => {
      expect(both(state, 'response2xx')).toBe('accepted: stopTimers deliver +timerM')
    })
    test('§17.1.1.2: over UDP a 300-699 is acknowledged and goes to the TU, completed begins with Timer D', () => {
      expect(udp(state, 'response3xx6xx')).toBe('completed: stopTimers sendAck deliver +timerD')
    })
    test('§17.1.1.2: over a reliable transport Timer D is 0, a 300-699 ends it', () => {
      expect(tcp(state, 'response3xx6xx')).toBe('terminated: stopTimers sendAck deliver terminate')
    })
    test.each(['timerD', 'timerM'] as const)('§17.1.1.2: %s of another state is absorbed', (event) => {
      expect(both(state, event)).toBe(`${state}:`)
    })
  })

  describe('proceeding', () => {
    test('§17.1.1.2: further provisional responses go to the TU', () => {
      expect(both('proceeding', 'response1xx')).toBe('proceeding: deliver')
    })
    test.each(['timerA', 'timerB', 'transportError'] as const)('§17.1.1.2: %s is absorbed, nothing is sent in this state', (event) => {
      expect(both('proceeding', event)).toBe('proceeding:')
    })
  })

  describe('accepted', () => {
    test('RFC 6026 §7.2: each further 2xx goes to the TU', () => {
      expect(both('accepted', 'response2xx')).toBe('accepted: deliver')
    })
    test.each(['response1xx', 'response3xx6xx', 'timerA', 'timerB', 'timerD', 'transportError'] as const)(
      'RFC 6026 §7.2: %s is absorbed',
      (event) => {
        expect(both('accepted', event)).toBe('accepted:')
      },
    )
    test('RFC 6026 §7.2: Timer M ends it', () => {
      expect(both('accepted', 'timerM')).toBe('terminated: stopTimers terminate')
    })
  })

  describe('completed', () => {
    test('§17.1.1.2: a retransmitted 300-699 is acknowledged again and does not go to the TU', () => {
      expect(udp('completed', 'response3xx6xx')).toBe('completed: sendAck')
    })
    test.each(['response1xx', 'response2xx', 'timerA', 'timerB', 'timerM'] as const)('§17.1.1.2: %s is absorbed', (event) => {
      expect(both('completed', event)).toBe('completed:')
    })
    test('§17.1.1.2: an ACK that cannot be sent ends it and is told to the TU', () => {
      expect(both('completed', 'transportError')).toBe('terminated: stopTimers failed terminate')
    })
    test('§17.1.1.2: Timer D ends it', () => {
      expect(udp('completed', 'timerD')).toBe('terminated: stopTimers terminate')
    })
  })

  test.each(INVITE_CLIENT_EVENTS)('§17.1.1.2: %s changes nothing in terminated', (event) => {
    expect(both('terminated', event)).toBe('terminated:')
  })
})
