import { describe, expect, test } from 'vitest'
import { responseEvent, sendEvent } from '../../../src/transaction/status-class.ts'
import { delayOf, type ExpiryTimer, RFC_TIMERS } from '../../../src/transaction/timers.ts'
import { effectNames } from '../../../src/transaction/transition.ts'

const series = (timer: 'timerA' | 'timerE' | 'timerG', length: number, proceeding = false) =>
  Array.from({ length }, (_, attempt) => delayOf(timer, attempt, RFC_TIMERS, false, proceeding))

describe('how long the timers run', () => {
  test('§17.1.1.2: Timer A begins with T1 and doubles without bound', () => {
    expect(series('timerA', 7)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000])
  })
  test('§17.1.1.2: with Timer A an INVITE is sent seven times before Timer B', () => {
    let passed = 0
    let sent = 1
    for (let attempt = 0; ; attempt++, sent++) {
      passed += delayOf('timerA', attempt, RFC_TIMERS, false)
      if (passed >= delayOf('timerB', 0, RFC_TIMERS, false)) break
    }
    expect(sent).toBe(7)
  })
  test('§17.1.2.2: Timer E begins with T1 and doubles up to T2', () => {
    expect(series('timerE', 6)).toEqual([500, 1000, 2000, 4000, 4000, 4000])
  })
  test('§17.1.2.2: Timer E is T2 in proceeding', () => {
    expect(series('timerE', 3, true)).toEqual([4000, 4000, 4000])
  })
  test('§17.2.1: Timer G begins with T1 and doubles up to T2', () => {
    expect(series('timerG', 6)).toEqual([500, 1000, 2000, 4000, 4000, 4000])
    expect(delayOf('timerG', 5000, RFC_TIMERS, false)).toBe(4000)
  })
  test.each<[ExpiryTimer, number, number]>([
    ['timerB', 32_000, 32_000],
    ['timerD', 32_000, 0],
    ['timerF', 32_000, 32_000],
    ['timerH', 32_000, 32_000],
    ['timerI', 5000, 0],
    ['timerJ', 32_000, 0],
    ['timerK', 5000, 0],
    ['timerL', 32_000, 32_000],
    ['timerM', 32_000, 32_000],
  ])('§17.1.1.1, appendix A, RFC 6026 §7: %s runs %i ms over UDP and %i ms over a reliable transport', (timer, udp, tcp) => {
    expect(delayOf(timer, 0, RFC_TIMERS, false)).toBe(udp)
    expect(delayOf(timer, 0, RFC_TIMERS, true)).toBe(tcp)
  })
  test('§17.1.1.2: Timer D is at least 32 s also with a small T1, the others follow T1', () => {
    const quick = { t1: 50, t2: 400, t4: 500 }
    expect(delayOf('timerD', 0, quick, false)).toBe(32_000)
    expect(delayOf('timerB', 0, quick, false)).toBe(3200)
    expect(delayOf('timerK', 0, quick, false)).toBe(500)
  })
})

describe('names', () => {
  test.each([
    [100, '1xx'],
    [199, '1xx'],
    [200, '2xx'],
    [299, '2xx'],
    [300, '3xx6xx'],
    [699, '3xx6xx'],
  ])('§17: %i is a %s', (status, kind) => {
    expect(responseEvent(status)).toBe(`response${kind}`)
    expect(sendEvent(status)).toBe(`send${kind}`)
  })
  test('effects are named in the order in which they are performed', () => {
    expect(effectNames(0)).toEqual([])
    expect(effectNames(255)).toEqual(['stopTimers', 'send', 'resend', 'sendAck', 'deliver', 'timedOut', 'failed', 'terminate'])
  })
})
