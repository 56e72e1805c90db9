import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { askAgainAt, holdUntil, mayAsk, planOf, remakeAt, retryAfterFailure, shareOf, type UpkeepFacts } from '../../../src/certs/upkeep.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1)

const facts = (more: Partial<UpkeepFacts> = {}): UpkeepFacts => ({
  now: NOW,
  inUse: true,
  current: { validFrom: NOW - 10 * DAY, validTo: NOW + 80 * DAY },
  share: 0,
  stale: undefined,
  renewBeforeMs: undefined,
  window: undefined,
  failure: undefined,
  interrupted: undefined,
  heldUntil: undefined,
  revoked: false,
  ...more,
})

describe('when a certificate is renewed', () => {
  test('at two thirds of its life, a little earlier for some', () => {
    expect(planOf(facts())).toEqual({ at: NOW + 50 * DAY, why: 'life' })
    expect(planOf(facts({ share: 1 }))).toEqual({ at: NOW + 47 * DAY, why: 'life' })
  })

  test('short lives have short margins', () => {
    const six = { validFrom: NOW, validTo: NOW + 6 * DAY }
    expect(planOf(facts({ current: six }))?.at).toBe(NOW + 4 * DAY)
    const hour = { validFrom: NOW, validTo: NOW + HOUR }
    expect(planOf(facts({ current: hour }))?.at).toBe(NOW + 40 * MINUTE)
  })

  test('as long before its end as the operator says, but not in the first half of its life', () => {
    expect(planOf(facts({ renewBeforeMs: 20 * DAY }))).toEqual({ at: NOW + 60 * DAY, why: 'renew-before' })
    expect(planOf(facts({ renewBeforeMs: 365 * DAY }))).toEqual({ at: NOW + 35 * DAY, why: 'renew-before' })
    // The operator's word counts more than the CA's
    expect(planOf(facts({ renewBeforeMs: 20 * DAY, window: { start: NOW, end: NOW + DAY } }))?.why).toBe('renew-before')
  })

  test('RFC 9773 §4.2: at a moment inside the window of the CA, a different one for each certificate', () => {
    const window = { start: NOW + 40 * DAY, end: NOW + 44 * DAY }
    expect(planOf(facts({ window, share: 0 }))).toEqual({ at: window.start, why: 'window' })
    expect(planOf(facts({ window, share: 0.5 }))?.at).toBe(NOW + 42 * DAY)
    expect(planOf(facts({ window, share: 1 }))?.at).toBe(window.end)
  })

  test('RFC 9773 §4.2: a window that has passed means now', () => {
    const plan = planOf(facts({ window: { start: NOW - 3 * DAY, end: NOW - 2 * DAY } }))
    expect(plan!.at).toBeLessThanOrEqual(NOW)
  })

  test('a window that would be too late is not waited for', () => {
    const window = { start: NOW + 200 * DAY, end: NOW + 201 * DAY }
    expect(planOf(facts({ window }))?.at).toBe(NOW + 71 * DAY)
  })

  test('at once when there is none, when it was revoked, and when it is not the one that is configured', () => {
    expect(planOf(facts({ current: undefined }))).toEqual({ at: NOW, why: 'first' })
    expect(planOf(facts({ revoked: true }))).toEqual({ at: NOW, why: 'revoked' })
    expect(planOf(facts({ stale: 'its names were changed' }))).toEqual({ at: NOW, why: 'stale' })
  })

  test('a certificate that is not used is never ordered', () => {
    for (const more of [{}, { current: undefined }, { revoked: true }, { current: { validFrom: 0, validTo: 1 } }])
      expect(planOf(facts({ ...more, inUse: false }))).toBeUndefined()
  })

  test('a version that somebody has put in force again stays for a while, but no longer than it can', () => {
    const current = { validFrom: NOW - 80 * DAY, validTo: NOW + 10 * DAY }
    const heldUntil = holdUntil(NOW, current.validTo)
    expect(heldUntil).toBe(NOW + DAY)
    expect(planOf(facts({ current, heldUntil }))).toEqual({ at: heldUntil, why: 'life' })
    expect(planOf(facts({ heldUntil }))?.at).toBe(NOW + 50 * DAY)
    expect(holdUntil(NOW, NOW + HOUR)).toBe(NOW + HOUR / 2)
    expect(holdUntil(NOW, NOW - HOUR)).toBe(NOW)
  })
})

describe('after a failure', () => {
  const failed = (time: number, retryAt: number) => ({ failure: { time, retryAt } })

  test('it is tried again when its time has come', () => {
    const due = { validFrom: NOW - 80 * DAY, validTo: NOW + 10 * DAY }
    expect(planOf(facts({ current: due, ...failed(NOW, NOW + MINUTE) }))).toEqual({ at: NOW + MINUTE, why: 'retry' })
    expect(planOf(facts({ now: NOW + MINUTE, current: due, ...failed(NOW, NOW + MINUTE) }))).toMatchObject({
      at: NOW + MINUTE,
      why: 'retry',
    })
  })

  test('a renewal that somebody wanted early, and that failed, is not tried again before its time', () => {
    expect(planOf(facts(failed(NOW, NOW + MINUTE)))?.why).toBe('life')
  })

  test('pauses grow from a minute to twelve hours, a fifth more or less', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 100].map(
      (failures) => (retryAfterFailure({ now: NOW, failures, validTo: undefined, notBefore: undefined, random: 0.5 }) - NOW) / MINUTE,
    )
    expect(pauses).toEqual([1, 5, 20, 60, 180, 360, 720, 720, 720])
    const spread = (random: number) => retryAfterFailure({ now: NOW, failures: 4, validTo: undefined, notBefore: undefined, random }) - NOW
    expect([spread(0), spread(1)]).toEqual([48 * MINUTE, 72 * MINUTE])
  })

  test('in its last two days, and after its end, it is tried every hour', () => {
    for (const validTo of [NOW + DAY, NOW - DAY])
      expect(retryAfterFailure({ now: NOW, failures: 20, validTo, notBefore: undefined, random: 0.5 }) - NOW).toBe(HOUR)
  })

  test('never before the CA said', () => {
    const notBefore = NOW + 2 * DAY
    expect(retryAfterFailure({ now: NOW, failures: 1, validTo: NOW + HOUR, notBefore, random: 1 })).toBe(notBefore)
    expect(retryAfterFailure({ now: NOW, failures: 7, validTo: undefined, notBefore: NOW + 1, random: 0.5 })).toBe(NOW + 12 * HOUR)
  })
})

describe('clocks that jump', () => {
  const current = { validFrom: NOW - 80 * DAY, validTo: NOW + 10 * DAY }

  test('back behind the last attempt: nothing is waited for', () => {
    const failure = { time: NOW, retryAt: NOW + 12 * HOUR }
    expect(planOf(facts({ now: NOW - 5 * DAY, current, failure }))).toMatchObject({ at: NOW - 20 * DAY, why: 'life' })
  })

  test('a pause of a clock that was years ahead has an end', () => {
    const failure = { time: NOW, retryAt: NOW + 3000 * DAY }
    expect(planOf(facts({ current, failure }))!.at).toBe(NOW + 8 * DAY)
  })

  test('forward over everything: due, once', () => {
    const plan = planOf(facts({ now: NOW + 1000 * DAY, current, failure: { time: NOW, retryAt: NOW + MINUTE } }))
    expect(plan!.at).toBeLessThanOrEqual(NOW + 1000 * DAY)
  })

  test('1970, a machine without a battery: a certificate that is there is kept', () => {
    expect(planOf(facts({ now: 0 }))!.at).toBeGreaterThan(0)
  })

  test('questions to the CA are asked again when the time for it lies too far ahead', () => {
    expect(mayAsk(NOW, undefined)).toBe(true)
    expect(mayAsk(NOW, NOW + HOUR)).toBe(false)
    expect(mayAsk(NOW, NOW)).toBe(true)
    expect(mayAsk(NOW, NOW + 30 * DAY)).toBe(true)
    expect(askAgainAt(NOW, 6 * HOUR, 0.9)).toBe(NOW + 6 * HOUR)
    expect(askAgainAt(NOW, undefined, 0.5)).toBe(NOW + 6 * HOUR)
  })
})

test('an order that a restart cut off is tried again, a minute after it began', () => {
  expect(planOf(facts({ interrupted: NOW - 10_000 }))).toEqual({ at: NOW + 50_000, why: 'interrupted' })
  expect(planOf(facts({ interrupted: NOW - HOUR }))!.at).toBeLessThan(NOW)
  // Of a clock that was ahead
  expect(planOf(facts({ interrupted: NOW + DAY }))?.why).toBe('life')
})

test('shares are spread over all certificates, and always the same for one', () => {
  expect(shareOf('00:00:00:00:AA')).toBe(0)
  expect(shareOf('80:00:00:00:AA')).toBe(0.5)
  expect(shareOf('FF:FF:FF:FF:AA')).toBeLessThan(1)
})

test('a development certificate is made anew in the last tenth of its life', () => {
  expect(remakeAt(NOW, NOW + 100 * DAY)).toBe(NOW + 90 * DAY)
})

test('whatever the facts, a used certificate has a next order, and it is never later than its end allows', () => {
  const time = fc.integer({ min: 0, max: 4e12 })
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
  const arbitrary = fc.record({
    now: time,
    inUse: fc.constant(true),
    current: maybe(
      fc.tuple(time, fc.integer({ min: 1000, max: 4e10 })).map(([validFrom, life]) => ({ validFrom, validTo: validFrom + life })),
    ),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    stale: maybe(fc.constant('x')),
    renewBeforeMs: maybe(fc.integer({ min: 0, max: 4e10 })),
    window: maybe(fc.tuple(time, fc.integer({ min: 1, max: 1e10 })).map(([start, length]) => ({ start, end: start + length }))),
    failure: maybe(fc.record({ time, retryAt: time })),
    interrupted: maybe(time),
    heldUntil: fc.constant(undefined),
    revoked: fc.boolean(),
  })
  fc.assert(
    fc.property(arbitrary, (some) => {
      const plan = planOf(some)!
      expect(Number.isFinite(plan.at)).toBe(true)
      if (some.current !== undefined && !['retry', 'interrupted'].includes(plan.why) && plan.at > some.now)
        expect(plan.at).toBeLessThanOrEqual(some.current.validTo)
      expect(plan.why === 'retry' ? plan.at - some.now : 0).toBeLessThanOrEqual(8 * DAY)
    }),
  )
})
