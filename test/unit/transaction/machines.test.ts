import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { INVITE_CLIENT_EVENTS, INVITE_CLIENT_STATES, inviteClient, startInviteClient } from '../../../src/transaction/invite-client.ts'
import { INVITE_SERVER_EVENTS, INVITE_SERVER_START, INVITE_SERVER_STATES, inviteServer } from '../../../src/transaction/invite-server.ts'
import {
  NON_INVITE_CLIENT_EVENTS,
  NON_INVITE_CLIENT_STATES,
  nonInviteClient,
  startNonInviteClient,
} from '../../../src/transaction/non-invite-client.ts'
import {
  NON_INVITE_SERVER_EVENTS,
  NON_INVITE_SERVER_START,
  NON_INVITE_SERVER_STATES,
  nonInviteServer,
} from '../../../src/transaction/non-invite-server.ts'
import { delayOf, RFC_TIMERS, type TransactionTimer } from '../../../src/transaction/timers.ts'
import { STOP_TIMERS, TERMINATE, type Transition } from '../../../src/transaction/transition.ts'
import type { Machine } from './walk.ts'

const MACHINES: readonly Machine<string, string>[] = [
  {
    name: 'INVITE server',
    states: INVITE_SERVER_STATES,
    events: INVITE_SERVER_EVENTS,
    start: () => INVITE_SERVER_START,
    step: inviteServer,
  },
  {
    name: 'non-INVITE server',
    states: NON_INVITE_SERVER_STATES,
    events: NON_INVITE_SERVER_EVENTS,
    start: () => NON_INVITE_SERVER_START,
    step: nonInviteServer,
  },
  { name: 'INVITE client', states: INVITE_CLIENT_STATES, events: INVITE_CLIENT_EVENTS, start: startInviteClient, step: inviteClient },
  {
    name: 'non-INVITE client',
    states: NON_INVITE_CLIENT_STATES,
    events: NON_INVITE_CLIENT_EVENTS,
    start: startNonInviteClient,
    step: nonInviteClient,
  },
] as never

const isTimer = (event: string): event is TransactionTimer => event.startsWith('timer')

describe.each(MACHINES)('§17, random walks of the $name transaction', ({ states, events, start, step }) => {
  const walk = fc.record({ reliable: fc.boolean(), choices: fc.array(fc.nat(1000), { minLength: 1, maxLength: 80 }) })

  /** Walks as an engine would: a timer's event comes only when that timer runs. */
  const walks = (
    reliable: boolean,
    choices: readonly number[],
    seen: (before: string, event: string, transition: Transition, running: ReadonlySet<string>) => void,
  ) => {
    const running = new Set<string>()
    let state = ''
    const take = (event: string, transition: Transition) => {
      const before = state
      running.delete(event)
      if ((transition.effects & STOP_TIMERS) !== 0) running.clear()
      for (const timer of [transition.retransmit, transition.expire]) if (timer !== undefined) running.add(timer)
      state = transition.next
      seen(before, event, transition, running)
    }
    take('start', start(reliable))
    for (const choice of choices) {
      const possible = events.filter((event) => !isTimer(event) || running.has(event))
      const event = possible[choice % possible.length]!
      take(event, step(state, event, reliable))
    }
    return { state, running }
  }

  test('never leave the table', () => {
    for (const reliable of [false, true]) {
      for (const state of states) for (const event of events) expect(states).toContain(step(state, event, reliable).next)
    }
  })

  test('terminated is final: no effects, no timers, and one terminate on the way there', () => {
    fc.assert(
      fc.property(walk, ({ reliable, choices }) => {
        let terminates = 0
        walks(reliable, choices, (before, _event, { next, effects, expire, retransmit }, running) => {
          if ((effects & TERMINATE) !== 0) terminates++
          expect(terminates).toBe(next === 'terminated' ? 1 : 0)
          if (before === 'terminated') expect([next, effects, expire, retransmit]).toEqual(['terminated', 0, undefined, undefined])
          if (next === 'terminated') expect(running.size).toBe(0)
        })
      }),
      { seed: 17, numRuns: 500 },
    )
  })

  test('at most one retransmission timer and one other run, and each that runs has an answer in the state it can fire in', () => {
    fc.assert(
      fc.property(walk, ({ reliable, choices }) => {
        walks(reliable, choices, (_before, _event, { next }, running) => {
          const again = [...running].filter((timer) => 'timerA timerE timerG'.includes(timer))
          expect(again.length).toBeLessThanOrEqual(1)
          expect(running.size - again.length).toBeLessThanOrEqual(1)
          for (const timer of running) {
            const fired = step(next, timer, reliable)
            expect(fired.effects).not.toBe(0)
            // Only what sends again keeps the state; every other timer ends it.
            expect(fired.next).toBe(again.includes(timer) ? next : 'terminated')
          }
        })
      }),
      { seed: 171, numRuns: 500 },
    )
  })

  test('a walk on which nothing but timers happens any more ends in terminated, once the TU or the remote has given a final response', () => {
    fc.assert(
      fc.property(walk, ({ reliable, choices }) => {
        const { state, running } = walks(reliable, choices, () => {})
        // The states that wait for somebody: for the TU (server), for the remote under Timer C (INVITE client).
        if (running.size === 0) expect(['terminated', 'trying', 'proceeding']).toContain(state)
        const last = [...running].find((timer) => !'timerA timerE timerG'.includes(timer))
        if (running.size > 0) expect(step(state, last!, reliable).next).toBe('terminated')
      }),
      { seed: 172, numRuns: 500 },
    )
  })

  test('a reliable transport never starts Timer A, E or G, nor one whose delay would be 0', () => {
    for (const transition of [
      start(true),
      ...states.flatMap((state) => events.filter((event) => !/timer[AEG]/.test(event)).map((event) => step(state, event, true))),
    ]) {
      expect(transition.retransmit).toBeUndefined()
      if (transition.expire !== undefined) expect(delayOf(transition.expire, 0, RFC_TIMERS, true)).toBeGreaterThan(0)
    }
  })

  test('transitions are frozen constants of one shape, the same object each time', () => {
    for (const reliable of [false, true]) {
      for (const state of states) {
        for (const event of events) {
          const transition = step(state, event, reliable)
          expect(step(state, event, reliable)).toBe(transition)
          expect(Object.isFrozen(transition)).toBe(true)
          expect(Object.keys(transition)).toEqual(['next', 'effects', 'retransmit', 'expire'])
          expect((transition.effects & TERMINATE) !== 0).toBe(state !== 'terminated' && transition.next === 'terminated')
        }
      }
    }
  })
})
