import { describe, expect, test } from 'vitest'
import {
  INVITE_SERVER_EVENTS,
  INVITE_SERVER_START,
  type InviteServerEvent,
  type InviteServerState,
  inviteServer,
} from '../../../src/transaction/invite-server.ts'
import { shown } from './walk.ts'

const udp = (state: InviteServerState, event: InviteServerEvent): string => shown(inviteServer(state, event, false))
const tcp = (state: InviteServerState, event: InviteServerEvent): string => shown(inviteServer(state, event, true))
const both = (state: InviteServerState, event: InviteServerEvent): string => {
  expect(tcp(state, event)).toBe(udp(state, event))
  return udp(state, event)
}

describe('INVITE server transaction', () => {
  test('§17.2.1: a new INVITE goes to the TU in proceeding', () => {
    expect(shown(INVITE_SERVER_START)).toBe('proceeding: deliver')
  })

  describe('proceeding', () => {
    test('§17.2.1: a retransmitted INVITE gets the most recent provisional response again', () => {
      expect(both('proceeding', 'request')).toBe('proceeding: resend')
    })
    test('§17.2.1: a provisional response of the TU is sent', () => {
      expect(both('proceeding', 'send1xx')).toBe('proceeding: send')
    })
    test('RFC 6026 §7.1: a 2xx is sent, accepted begins with Timer L on every transport', () => {
      expect(both('proceeding', 'send2xx')).toBe('accepted: send +timerL')
    })
    test('§17.2.1: over UDP a 300-699 is sent, completed begins with Timers G and H', () => {
      expect(udp('proceeding', 'send3xx6xx')).toBe('completed: send +timerG +timerH')
    })
    test('§17.2.1: over a reliable transport Timer G is not set', () => {
      expect(tcp('proceeding', 'send3xx6xx')).toBe('completed: send +timerH')
    })
    test('§17.2.1: an ACK before the final response is absorbed', () => {
      expect(both('proceeding', 'ack')).toBe('proceeding:')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('proceeding', 'transportError')).toBe('proceeding: failed')
    })
  })

  describe('accepted', () => {
    test('RFC 6026 §7.1: a retransmitted INVITE is absorbed without a response', () => {
      expect(both('accepted', 'request')).toBe('accepted:')
    })
    test('RFC 6026 §7.1: an ACK goes to the TU', () => {
      expect(both('accepted', 'ack')).toBe('accepted: deliver')
    })
    test('RFC 6026 §7.1: each further 2xx of the TU is sent', () => {
      expect(both('accepted', 'send2xx')).toBe('accepted: send')
    })
    test.each(['send1xx', 'send3xx6xx'] as const)('RFC 6026 §7.1: %s after a 2xx is discarded', (event) => {
      expect(both('accepted', event)).toBe('accepted:')
    })
    test('RFC 6026 §7.1: Timer L ends it', () => {
      expect(both('accepted', 'timerL')).toBe('terminated: stopTimers terminate')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('accepted', 'transportError')).toBe('accepted: failed')
    })
  })

  describe('completed', () => {
    test('§17.2.1: a retransmitted INVITE gets the final response again', () => {
      expect(both('completed', 'request')).toBe('completed: resend')
    })
    test('§17.2.1: over UDP an ACK stops Timers G and H and begins confirmed with Timer I', () => {
      expect(udp('completed', 'ack')).toBe('confirmed: stopTimers +timerI')
    })
    test('§17.2.1: over a reliable transport Timer I is 0, an ACK ends it', () => {
      expect(tcp('completed', 'ack')).toBe('terminated: stopTimers terminate')
    })
    test('§17.2.1: Timer G sends the final response again and is set again', () => {
      expect(udp('completed', 'timerG')).toBe('completed: resend +timerG')
    })
    test('§17.2.1: Timer H (no ACK came) ends it and is told to the TU', () => {
      expect(both('completed', 'timerH')).toBe('terminated: stopTimers timedOut terminate')
    })
    test.each(['send1xx', 'send2xx', 'send3xx6xx'] as const)('§17.2.1: %s after the final response is discarded', (event) => {
      expect(both('completed', event)).toBe('completed:')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('completed', 'transportError')).toBe('completed: failed')
    })
  })

  describe('confirmed', () => {
    test.each(['ack', 'request', 'send1xx', 'send2xx', 'send3xx6xx', 'transportError'] as const)('§17.2.1: %s is absorbed', (event) => {
      expect(both('confirmed', event)).toBe('confirmed:')
    })
    test('§17.2.1: Timer I ends it', () => {
      expect(both('confirmed', 'timerI')).toBe('terminated: stopTimers terminate')
    })
  })

  test.each(INVITE_SERVER_EVENTS)('§17.2.1: %s changes nothing in terminated', (event) => {
    expect(both('terminated', event)).toBe('terminated:')
  })

  test.each([
    ['proceeding', 'timerG'],
    ['proceeding', 'timerH'],
    ['proceeding', 'timerI'],
    ['proceeding', 'timerL'],
    ['accepted', 'timerG'],
    ['accepted', 'timerH'],
    ['accepted', 'timerI'],
    ['completed', 'timerI'],
    ['completed', 'timerL'],
    ['confirmed', 'timerG'],
    ['confirmed', 'timerH'],
    ['confirmed', 'timerL'],
  ] as const)('§17.2.1: in %s a %s of another state is absorbed', (state, event) => {
    expect(both(state, event)).toBe(`${state}:`)
  })
})
