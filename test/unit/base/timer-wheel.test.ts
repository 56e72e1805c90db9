import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../src/base/errors.ts'
import { TimerWheel, WheelTimer } from '../../../src/base/timer-wheel.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** A wheel with a clock that the test moves; `fired` holds kind and time of each timer in order. */
const bench = (start = 0) => {
  let now = start
  const fired: { readonly kind: string; readonly at: number }[] = []
  let then: (timer: WheelTimer) => void = () => {}
  const wheel = new TimerWheel({ now: () => now, wall: () => now }, (timer) => {
    fired.push({ kind: timer.kind, at: now })
    then(timer)
  })
  return {
    wheel,
    fired,
    kinds: () => fired.map(({ kind }) => kind),
    timer: (kind: string) => new WheelTimer<object, string>({}, kind),
    onFire: (callback: (timer: WheelTimer) => void) => {
      then = callback
    },
    jump: (ms: number, limit?: number) => {
      now += ms
      return wheel.advance(now, limit)
    },
    run: (ms: number, step = 10) => {
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, now + step)
        wheel.advance(now)
      }
    },
  }
}

describe('timer wheel: when', () => {
  test.each([0, 1, 10, 500, 1000, 2550, 2560, 2570, 4000, 32 * SECOND, 163_840, 180 * SECOND, 3 * HOUR, 9 * HOUR])(
    'a delay of %i ms is never early and at most 20 ms late when advanced every 10 ms',
    (delay) => {
      const { wheel, timer, fired, run } = bench(12_345.678)
      wheel.schedule(timer('timerA'), delay)
      run(delay + 50)
      expect(fired).toHaveLength(1)
      const late = fired[0]!.at - 12_345.678 - delay
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late).toBeLessThanOrEqual(20)
    },
  )

  test('any set of delays, begun at any moment, fires each once, never early, late by at most a tick and a step, in the order of the slots', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ wait: fc.nat(400), delay: fc.oneof(fc.nat(3000), fc.nat(200_000), fc.nat(40_000_000)) }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 25 }),
        (plans, tick) => {
          let now = 7.25
          let last = 0
          const due = new Map<string, number>()
          const wheel = new TimerWheel(
            { now: () => now, wall: () => now },
            (timer) => {
              const late = now - due.get(timer.kind)!
              expect(late).toBeGreaterThanOrEqual(0)
              expect(late).toBeLessThanOrEqual(tick + step)
              expect(timer.due).toBeGreaterThanOrEqual(last)
              last = timer.due
              due.delete(timer.kind)
            },
            tick,
          )
          let step = 0
          plans.forEach(({ wait, delay }, i) => {
            step = wait
            now += wait
            wheel.advance(now)
            due.set(`${i}`, now + delay)
            wheel.schedule(new WheelTimer({}, `${i}`), delay)
          })
          // From one deadline to the next: hours pass in few steps.
          for (const deadline of [...due.values()].sort((a, b) => a - b)) {
            step = 0
            now = Math.max(now, deadline + tick)
            wheel.advance(now)
          }
          expect(due.size).toBe(0)
          expect(wheel.size).toBe(0)
        },
      ),
      { seed: 6026, numRuns: 200 },
    )
  })

  test('a delay beyond the whole wheel (8 days) goes round again and fires in time', () => {
    const { wheel, timer, fired, jump } = bench()
    const delay = 20 * 24 * HOUR
    wheel.schedule(timer('late'), delay)
    for (let passed = 0; passed < delay - HOUR; passed += HOUR) jump(HOUR)
    expect(fired).toEqual([])
    jump(HOUR - 10)
    expect(fired).toEqual([])
    jump(10)
    expect(fired).toHaveLength(1)
  })

  test('ticks beyond 2^32 (a process that runs for years) keep their slots', () => {
    const { wheel, timer, kinds, jump } = bench()
    jump(2 ** 32 * 10 + 1230)
    wheel.schedule(timer('near'), 500)
    wheel.schedule(timer('far'), HOUR)
    jump(490)
    expect(kinds()).toEqual([])
    jump(10)
    expect(kinds()).toEqual(['near'])
    jump(HOUR - 510)
    expect(kinds()).toEqual(['near'])
    jump(10)
    expect(kinds()).toEqual(['near', 'far'])
  })

  test('a delay counts from the clock and not from the last advance', () => {
    let now = 0
    const fired: number[] = []
    const wheel = new TimerWheel({ now: () => now, wall: () => now }, () => fired.push(now))
    now = 95
    wheel.schedule(new WheelTimer({}, 'timerA'), 100)
    now = 190
    wheel.advance(now)
    expect(fired).toEqual([])
    now = 200
    wheel.advance(now)
    expect(fired).toEqual([200])
  })

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a delay of %d is our bug', (delay) => {
    const { wheel, timer } = bench()
    expect(() => wheel.schedule(timer('timerA'), delay)).toThrow(InvariantError)
  })
})

describe('timer wheel: order', () => {
  test('timers of different slots fire in the order of their deadlines, also in one advance over all of them', () => {
    const { wheel, timer, kinds, jump } = bench()
    for (const delay of [5000, 20, 170_000, 500, 11_000_000, 2600]) wheel.schedule(timer(`${delay}`), delay)
    jump(4 * HOUR)
    expect(kinds()).toEqual(['20', '500', '2600', '5000', '170000', '11000000'])
  })

  test('timers of one slot fire in the order in which they were scheduled', () => {
    const { wheel, timer, kinds, jump } = bench()
    for (const kind of ['a', 'b', 'c']) wheel.schedule(timer(kind), 500)
    jump(500)
    expect(kinds()).toEqual(['a', 'b', 'c'])
  })
})

describe('timer wheel: schedule and cancel', () => {
  test('a cancelled timer does not fire, a cancelled idle one is nothing', () => {
    const { wheel, timer, fired, jump } = bench()
    const one = timer('timerB')
    wheel.cancel(one)
    wheel.schedule(one, 500)
    expect(one.scheduled).toBe(true)
    expect(wheel.size).toBe(1)
    wheel.cancel(one)
    expect(one.scheduled).toBe(false)
    expect(wheel.size).toBe(0)
    jump(HOUR)
    expect(fired).toEqual([])
  })

  test('scheduling again moves the timer', () => {
    const { wheel, timer, fired, run } = bench()
    const one = timer('timerE')
    wheel.schedule(one, 500)
    wheel.schedule(one, 60 * SECOND)
    wheel.schedule(one, 1000)
    expect(wheel.size).toBe(1)
    run(2000)
    expect(fired).toEqual([{ kind: 'timerE', at: 1000 }])
  })

  test('a callback may schedule the timer that fired, with its kind changed', () => {
    const { wheel, timer, fired, onFire, run } = bench()
    onFire((one) => {
      if (one.kind === 'timerA') {
        one.kind = 'timerB'
        wheel.schedule(one, 40)
      }
    })
    wheel.schedule(timer('timerA'), 20)
    run(200)
    expect(fired).toEqual([
      { kind: 'timerA', at: 20 },
      { kind: 'timerB', at: 60 },
    ])
  })

  test('a delay of 0 in a callback waits for the next tick: advance ends', () => {
    const { wheel, timer, fired, onFire, jump } = bench()
    onFire((one) => wheel.schedule(one, 0))
    wheel.schedule(timer('again'), 0)
    jump(10)
    expect(fired).toHaveLength(1)
    jump(30)
    expect(fired.length).toBeLessThanOrEqual(4)
  })

  test('a callback may cancel a neighbour that is due in the same slot, and add others', () => {
    const { wheel, timer, kinds, onFire, jump } = bench()
    const [a, b, c, d] = [timer('a'), timer('b'), timer('c'), timer('d')]
    onFire((one) => {
      if (one !== a) return
      wheel.cancel(b)
      wheel.schedule(d, 0)
      wheel.schedule(timer('e'), 2560)
    })
    for (const one of [a, b, c]) wheel.schedule(one, 100)
    jump(100)
    expect(kinds()).toEqual(['a', 'c'])
    jump(10)
    expect(kinds()).toEqual(['a', 'c', 'd'])
    jump(2550)
    expect(kinds()).toEqual(['a', 'c', 'd', 'e'])
  })

  test('a callback that throws costs nothing but its own timer', () => {
    const { wheel, timer, kinds, onFire, jump } = bench()
    onFire(({ kind }) => {
      if (kind === 'bad') throw new Error('boom')
    })
    for (const kind of ['a', 'bad', 'b']) wheel.schedule(timer(kind), 100)
    expect(() => jump(100)).toThrow('boom')
    jump(0)
    expect(kinds()).toEqual(['a', 'bad', 'b'])
    expect(wheel.size).toBe(0)
  })

  test('random schedules, cancels and jumps agree with a list', () => {
    const action = fc.oneof(
      fc.record({ do: fc.constant('schedule' as const), id: fc.nat(9), delay: fc.oneof(fc.nat(300), fc.nat(20_000), fc.nat(2_000_000)) }),
      fc.record({ do: fc.constant('cancel' as const), id: fc.nat(9) }),
      fc.record({ do: fc.constant('jump' as const), ms: fc.oneof(fc.nat(50), fc.nat(5000), fc.nat(1_000_000)) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const { wheel, timer, fired, jump } = bench()
        const timers = Array.from({ length: 10 }, (_, i) => timer(`${i}`))
        const model = new Map<string, number>()
        let now = 0
        for (const step of actions) {
          if (step.do === 'schedule') {
            wheel.schedule(timers[step.id]!, step.delay)
            // A delay of 0 is the next tick.
            model.set(`${step.id}`, Math.max(Math.ceil((now + step.delay) / 10), Math.floor(now / 10) + 1))
          } else if (step.do === 'cancel') {
            wheel.cancel(timers[step.id]!)
            model.delete(`${step.id}`)
          } else {
            now += step.ms
            fired.length = 0
            jump(step.ms)
            const expected = [...model].filter(([, due]) => due * 10 <= now)
            for (const [kind] of expected) model.delete(kind)
            expect(fired.map(({ kind }) => kind).sort()).toEqual(expected.map(([kind]) => kind).sort())
          }
          expect(wheel.size).toBe(model.size)
        }
      }),
      { seed: 3261, numRuns: 300 },
    )
  })
})

describe('timer wheel: catching up', () => {
  test('a limit bounds one advance; the rest keeps its order', () => {
    const { wheel, timer, kinds, jump } = bench()
    for (const delay of [10, 10, 10, 20, 400, 5000]) wheel.schedule(timer(`${delay}`), delay)
    expect(jump(10 * SECOND, 2)).toBe(2)
    expect(jump(0, 2)).toBe(2)
    expect(kinds()).toEqual(['10', '10', '10', '20'])
    expect(jump(0)).toBe(2)
    expect(kinds()).toEqual(['10', '10', '10', '20', '400', '5000'])
  })

  test('a jump of a year with one timer per ring is a matter of milliseconds', () => {
    const { wheel, timer, fired, jump } = bench()
    for (const delay of [100, 60 * SECOND, HOUR, 100 * HOUR]) wheel.schedule(timer(`${delay}`), delay)
    const begin = performance.now()
    jump(365 * 24 * HOUR)
    expect(fired).toHaveLength(4)
    // Tick by tick it would be 3.2 thousand million steps.
    expect(performance.now() - begin).toBeLessThan(500)
  })

  test('300 000 timers of one transaction each are scheduled, cancelled and fired without a list growing', () => {
    const { wheel, timer, fired, run } = bench()
    const timers = Array.from({ length: 300_000 }, () => timer('timerH'))
    timers.forEach((one, i) => {
      wheel.schedule(one, 500 + (i % 32_000))
    })
    expect(wheel.size).toBe(300_000)
    for (let i = 0; i < timers.length; i += 2) wheel.cancel(timers[i]!)
    run(33 * SECOND, 20)
    expect(fired).toHaveLength(150_000)
    expect(wheel.size).toBe(0)
  })
})
