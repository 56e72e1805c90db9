import { describe, expect, test } from 'vitest'
import type { Destination } from '../../../src/address/destination.ts'
import { DeadMemory } from '../../../src/dns/dead.ts'
import { ManualClock } from './fixture.ts'

const at = (address: string, host = 'pbx.example.com'): Destination => ({ transport: 'udp', address, port: 5060, host })
const [one, two, three] = [at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')]

describe('RFC 3263 §4.3: the memory of dead destinations', () => {
  test('a destination that failed goes to the end for its time, the others keep their order', () => {
    const clock = new ManualClock()
    const dead = new DeadMemory(clock)
    dead.failed(one, 30)
    expect(dead.livingFirst([one, two, three])).toEqual([two, three, one])
    clock.advance(29_999)
    expect(dead.livingFirst([one, two, three])).toEqual([two, three, one])
    clock.advance(1)
    expect(dead.livingFirst([one, two, three])).toEqual([one, two, three])
    expect(dead.size).toBe(0)
  })

  test('when all are dead they are returned in order, so that a call is tried', () => {
    const dead = new DeadMemory(new ManualClock())
    for (const destination of [two, one]) dead.failed(destination, 30)
    expect(dead.livingFirst([one, two])).toEqual([one, two])
  })

  test('one that answered is forgotten', () => {
    const dead = new DeadMemory(new ManualClock())
    dead.failed(one, 30)
    dead.answered(one)
    expect(dead.livingFirst([one, two])).toEqual([one, two])
    expect(dead.size).toBe(0)
  })

  test('the address counts, not the name that led to it; transport and port do', () => {
    const dead = new DeadMemory(new ManualClock())
    dead.failed(one, 30)
    expect(dead.isDead(at('192.0.2.1', 'other.example.com'))).toBe(true)
    expect(dead.isDead({ ...one, transport: 'tcp' })).toBe(false)
    expect(dead.isDead({ ...one, port: 5062 })).toBe(false)
  })

  test('failing again counts from then', () => {
    const clock = new ManualClock()
    const dead = new DeadMemory(clock)
    dead.failed(one, 30)
    clock.advance(20_000)
    dead.failed(one, 30)
    clock.advance(20_000)
    expect(dead.isDead(one)).toBe(true)
  })

  test('it is bounded: the one that failed longest ago is forgotten first', () => {
    const dead = new DeadMemory(new ManualClock(), 2)
    for (const destination of [one, two, one, three]) dead.failed(destination, 30)
    expect([one, two, three].map((destination) => dead.isDead(destination))).toEqual([true, false, true])
  })

  test('a sweep forgets those whose time is over', () => {
    const clock = new ManualClock()
    const dead = new DeadMemory(clock)
    dead.failed(one, 10)
    dead.failed(two, 30)
    clock.advance(10_000)
    dead.sweep()
    expect(dead.size).toBe(1)
  })
})
