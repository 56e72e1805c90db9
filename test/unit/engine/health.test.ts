import { beforeEach, describe, expect, test } from 'vitest'
import { TargetHealth } from '../../../src/engine/health.ts'
import { lanUdp, target, zone } from '../routing/support.ts'
import { TestClock } from './support.ts'

const one = target('one')
const probed = zone('probed', [lanUdp], {
  targets: [one],
  probing: { enabled: true, intervalSeconds: 30, timeoutSeconds: 4, downAfter: 3, upAfter: 2, alive: () => true },
})
const quiet = zone('quiet', [lanUdp], { targets: [one] })

let clock = new TestClock()
let changes: string[] = []
let health = new TargetHealth(clock, () => {})
beforeEach(() => {
  clock = new TestClock()
  changes = []
  health = new TargetHealth(clock, ({ zone: of, target: name, up, reason }) =>
    changes.push(`${of} ${name} ${up ? 'up' : `down: ${reason}`}`),
  )
})
const fails = (times: number, of = probed) => {
  for (let i = 0; i < times; i++) health.failed(of, one, 'no answer')
}

describe('a target that is probed', () => {
  test('is usable until it failed so many times in a row, and that is told once', () => {
    expect(health.usable(probed, one)).toBe(true)
    fails(2)
    expect(health.usable(probed, one)).toBe(true)
    fails(3)
    expect(health.usable(probed, one)).toBe(false)
    expect(changes).toEqual(['probed one down: no answer'])
  })

  test('an answer between failures begins the count again', () => {
    fails(2)
    health.answered(probed, one, 0.01)
    fails(2)
    expect(health.usable(probed, one)).toBe(true)
  })

  test('is up again after so many answers to OPTIONS, not earlier, and time alone does not help', () => {
    fails(3)
    clock.time += 3_600_000
    expect(health.usable(probed, one)).toBe(false)
    health.answered(probed, one, 0.01)
    expect(health.usable(probed, one)).toBe(false)
    health.failed(probed, one, 'no answer')
    health.answered(probed, one, 0.01)
    expect(health.usable(probed, one)).toBe(false)
    health.answered(probed, one, 0.02)
    expect(health.usable(probed, one)).toBe(true)
    expect(changes).toEqual(['probed one down: no answer', 'probed one up'])
    expect(health.record(probed, one)).toMatchObject({ up: true, reason: '', optionsSeconds: 0.02, lastAnswer: clock.time })
  })

  test('a call that it answers brings it back at once', () => {
    fails(3)
    health.answered(probed, one)
    expect(health.usable(probed, one)).toBe(true)
  })
})

describe('a target that is not probed', () => {
  test('is tried again after half a minute, and one more failure puts it away again', () => {
    fails(3, quiet)
    expect(health.usable(quiet, one)).toBe(false)
    clock.time += 29_999
    expect(health.usable(quiet, one)).toBe(false)
    clock.time += 1
    expect(health.usable(quiet, one)).toBe(true)
    fails(1, quiet)
    expect(health.usable(quiet, one)).toBe(false)
    expect(changes).toHaveLength(1)
    clock.time += 30_000
    health.answered(quiet, one)
    fails(2, quiet)
    expect(health.usable(quiet, one)).toBe(true)
  })
})

describe('§21.5.4: 503 with Retry-After', () => {
  test('it gets nothing for that long, is alive all the same, and its answers to OPTIONS do not end that', () => {
    health.busy(probed, one, 60)
    expect(health.record(probed, one).up).toBe(true)
    clock.time += 30_000
    health.answered(probed, one, 0.01)
    expect(health.usable(probed, one)).toBe(false)
    clock.time += 29_999
    expect(health.usable(probed, one)).toBe(false)
    clock.time += 1
    expect(health.usable(probed, one)).toBe(true)
    expect(changes).toEqual([])
  })

  test('a peer cannot put itself out of service for more than five minutes by one header', () => {
    health.busy(quiet, one, 999_999)
    clock.time += 300_000
    expect(health.usable(quiet, one)).toBe(true)
  })

  test('to OPTIONS it is a failure, and calls stay away at once', () => {
    health.refused(probed, one, 'OPTIONS was answered with 503', 60)
    expect(health.record(probed, one)).toMatchObject({ up: true, failures: 1, busyUntil: clock.time + 60_000 })
    expect(health.usable(probed, one)).toBe(false)
    health.refused(probed, one, 'OPTIONS was answered with 503', 60)
    health.refused(probed, one, 'OPTIONS was answered with 503', 60)
    expect(changes).toEqual(['probed one down: OPTIONS was answered with 503'])
  })

  test('it is an answer: failures before it do not count on', () => {
    fails(2)
    health.busy(probed, one, 1)
    fails(2)
    expect(health.record(probed, one).up).toBe(true)
  })
})

test('zones are apart, and what the configuration no longer has is forgotten', () => {
  fails(3)
  expect(health.usable(quiet, one)).toBe(true)
  health.record(quiet, one)
  expect([...health.records()]).toHaveLength(2)
  health.keep([quiet])
  expect([...health.records()].map((record) => record.zone)).toEqual(['quiet'])
  expect(health.usable(probed, one)).toBe(true)
})
