import { describe, expect, test } from 'vitest'
import {
  NON_INVITE_SERVER_EVENTS,
  NON_INVITE_SERVER_START,
  type NonInviteServerEvent,
  type NonInviteServerState,
  nonInviteServer,
} from '../../../src/transaction/non-invite-server.ts'
import { shown } from './walk.ts'

const udp = (state: NonInviteServerState, event: NonInviteServerEvent): string => shown(nonInviteServer(state, event, false))
const tcp = (state: NonInviteServerState, event: NonInviteServerEvent): string => shown(nonInviteServer(state, event, true))
const both = (state: NonInviteServerState, event: NonInviteServerEvent): string => {
  expect(tcp(state, event)).toBe(udp(state, event))
  return udp(state, event)
}

describe('non-INVITE server transaction', () => {
  test('§17.2.2: a new request goes to the TU in trying', () => {
    expect(shown(NON_INVITE_SERVER_START)).toBe('trying: deliver')
  })

  describe('trying', () => {
    test('§17.2.2: a retransmitted request is discarded', () => {
      expect(both('trying', 'request')).toBe('trying:')
    })
    test('§17.2.2: a provisional response of the TU is sent and begins proceeding', () => {
      expect(both('trying', 'send1xx')).toBe('proceeding: send')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('trying', 'transportError')).toBe('trying: failed')
    })
  })

  describe.each(['trying', 'proceeding'] as const)('%s', (state) => {
    test.each(['send2xx', 'send3xx6xx'] as const)('§17.2.2: over UDP %s is sent and kept for Timer J', (event) => {
      expect(udp(state, event)).toBe('completed: send +timerJ')
    })
    test.each(['send2xx', 'send3xx6xx'] as const)('§17.2.2: over a reliable transport Timer J is 0, %s ends it', (event) => {
      expect(tcp(state, event)).toBe('terminated: stopTimers send terminate')
    })
    test('§17.2.2: Timer J of another state is absorbed', () => {
      expect(both(state, 'timerJ')).toBe(`${state}:`)
    })
  })

  describe('proceeding', () => {
    test('§17.2.2: a retransmitted request gets the most recent provisional response again', () => {
      expect(both('proceeding', 'request')).toBe('proceeding: resend')
    })
    test('§17.2.2: a further provisional response is sent', () => {
      expect(both('proceeding', 'send1xx')).toBe('proceeding: send')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('proceeding', 'transportError')).toBe('proceeding: failed')
    })
  })

  describe('completed', () => {
    test('§17.2.2: a retransmitted request gets the final response again', () => {
      expect(udp('completed', 'request')).toBe('completed: resend')
    })
    test.each(['send1xx', 'send2xx', 'send3xx6xx'] as const)('§17.2.2: %s after the final response is discarded', (event) => {
      expect(both('completed', event)).toBe('completed:')
    })
    test('§17.2.2: Timer J ends it', () => {
      expect(udp('completed', 'timerJ')).toBe('terminated: stopTimers terminate')
    })
    test('RFC 6026 §8.8: a transport error is told to the TU, the state stays', () => {
      expect(both('completed', 'transportError')).toBe('completed: failed')
    })
  })

  test.each(NON_INVITE_SERVER_EVENTS)('§17.2.2: %s changes nothing in terminated', (event) => {
    expect(both('terminated', event)).toBe('terminated:')
  })
})
