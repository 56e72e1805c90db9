import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError } from '../../../src/base/errors.ts'
import { failsOver, ONE_BRANCH, ResponseContext, type ResponseEffect } from '../../../src/routing/response-context.ts'

/** An effect as a few words: `forward 1 180`, `best 0 486`, `best 0 401 + other401`. */
const shown = (effect: ResponseEffect<string>): string => {
  switch (effect.kind) {
    case 'forward':
      return `forward ${effect.branch} ${effect.status}`
    case 'best':
      return [`best ${effect.branch} ${effect.status}`, ...effect.challenges.map((one) => `+ ${one}`)].join(' ')
    case 'respond':
      return `respond ${effect.status} ${effect.reason}`
    case 'cancel':
      return `cancel ${effect.branch}`
    case 'startGroup':
      return `start ${effect.first}..${effect.first + effect.count - 1}`
    default:
      return effect.kind
  }
}

interface Settings {
  readonly method?: 'INVITE' | 'OPTIONS'
  readonly keep503?: boolean
  readonly failover?: (status: number, next: number, ours: boolean) => boolean
  /** Branches that were not sent yet. */
  readonly waiting?: readonly number[]
}

/** A context whose branches of the first group are under way; each call returns the effects in words. */
const context = (groups: readonly number[], { method = 'INVITE', keep503 = false, failover = failsOver, waiting = [] }: Settings = {}) => {
  const inner = new ResponseContext<string>(method === 'INVITE', groups, { keep503, failover })
  const begin = (first: number, count: number) => {
    for (let branch = first; branch < first + count; branch++) if (!waiting.includes(branch)) expect(inner.begin(branch)).toBe(true)
  }
  begin(0, groups[0]!)
  const words = (effects: readonly ResponseEffect<string>[]): string[] => {
    for (const effect of effects) if (effect.kind === 'startGroup') begin(effect.first, effect.count)
    return effects.map(shown)
  }
  return {
    inner,
    gets: (branch: number, status: number, message = `${branch}:${status}`) => words(inner.response(branch, status, message)),
    timesOut: (branch: number) => words(inner.branchTimeout(branch)),
    fails: (branch: number) => words(inner.branchFailed(branch)),
    timerC: (branch: number) => words(inner.timerC(branch)),
    isCancelled: () => words(inner.cancelled()),
    expires: () => words(inner.expired()),
  }
}

describe('one branch', () => {
  test('§16.7: a call: 100 stays here, 180 and 200 go upstream at once', () => {
    const call = context(ONE_BRANCH)
    expect(call.gets(0, 100)).toEqual([])
    expect(call.gets(0, 180)).toEqual(['forward 0 180'])
    expect(call.gets(0, 183)).toEqual(['forward 0 183'])
    expect(call.inner.answered).toBe(false)
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
    expect(call.inner.answered).toBe(true)
  })

  test('RFC 6026 §7.2: a 2xx that comes again, or from another callee, goes upstream also after done', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 200)
    expect(call.gets(0, 200)).toEqual(['forward 0 200'])
    expect(call.gets(0, 202)).toEqual(['forward 0 202'])
  })

  test.each([300, 302, 401, 404, 480, 486, 500, 504, 600, 603])('§16.7: %i is forwarded when it is the only response', (status) => {
    expect(context(ONE_BRANCH).gets(0, status)).toEqual([`best 0 ${status}`, 'done'])
  })

  test('§16.7 item 5: after the final response nothing but 2xx is forwarded', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 486)
    expect(call.gets(0, 180)).toEqual([])
    expect(call.gets(0, 486)).toEqual([])
    expect(call.gets(0, 600)).toEqual([])
    expect(call.gets(0, 200)).toEqual(['forward 0 200'])
  })

  test('§16.8: a branch without a final response counts as 408', () => {
    expect(context(ONE_BRANCH).timesOut(0)).toEqual(['respond 408 Request Timeout', 'done'])
  })

  test('§16.9: a transport error counts as 503, which goes upstream as 500', () => {
    expect(context(ONE_BRANCH).fails(0)).toEqual(['respond 500 Server Internal Error', 'done'])
  })

  test('§16.7 item 6: a 503 alone becomes 500, since 503 would say that we serve nobody', () => {
    expect(context(ONE_BRANCH).gets(0, 503)).toEqual(['respond 500 Server Internal Error', 'done'])
  })

  test('§16.7 item 6: with keep503 a 503 goes upstream as it came, and a transport error as 503', () => {
    expect(context(ONE_BRANCH, { keep503: true }).gets(0, 503)).toEqual(['best 0 503', 'done'])
    expect(context(ONE_BRANCH, { keep503: true }).fails(0)).toEqual(['respond 503 Service Unavailable', 'done'])
  })

  test('a branch that ended is not ended again', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 486)
    expect(call.timesOut(0)).toEqual([])
    expect(call.fails(0)).toEqual([])
    expect(call.timerC(0)).toEqual([])
    expect(call.isCancelled()).toEqual([])
    expect(call.inner.begin(0)).toBe(false)
  })

  test('events of a branch that there is not are ignored', () => {
    const call = context(ONE_BRANCH)
    expect([...call.gets(7, 180), ...call.gets(7, 486), ...call.timesOut(7), ...call.fails(7), ...call.timerC(7)]).toEqual([])
    expect(call.inner.begin(7)).toBe(false)
  })

  test.each([[[]], [[0]], [[1, 0]]])('groups %j are our bug', (groups) => {
    expect(() => new ResponseContext(true, groups, { keep503: false, failover: failsOver })).toThrow(InvariantError)
  })
})

describe('parallel branches', () => {
  test('§16.7 item 5: provisional responses of all branches go upstream, 100 of none', () => {
    const call = context([2])
    expect(call.gets(0, 180)).toEqual(['forward 0 180'])
    expect(call.gets(1, 183)).toEqual(['forward 1 183'])
    expect(call.gets(1, 100)).toEqual([])
  })

  test('§16.7 item 6: a final response other than 2xx and 6xx waits for the others', () => {
    const call = context([3])
    expect(call.gets(0, 486)).toEqual([])
    expect(call.gets(1, 404)).toEqual([])
    expect(call.inner.open).toBe(1)
    expect(call.gets(2, 480)).toEqual(['best 0 486', 'done'])
  })

  test('§16.7 item 10: the first 2xx cancels the branches that are still pending', () => {
    const call = context([3])
    call.gets(0, 180)
    call.gets(1, 180)
    call.gets(2, 486)
    expect(call.gets(1, 200)).toEqual(['forward 1 200', 'cancel 0'])
    expect(call.gets(0, 487)).toEqual(['done'])
  })

  test('§16.7 item 5: several 2xx to INVITE are all forwarded', () => {
    const call = context([2])
    call.gets(0, 180)
    call.gets(1, 180)
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'cancel 1'])
    expect(call.gets(1, 200)).toEqual(['forward 1 200', 'done'])
  })

  test('§16.7 item 5: a 6xx cancels the others and goes upstream when they have ended', () => {
    const call = context([3])
    call.gets(0, 180)
    call.gets(1, 183)
    call.gets(2, 180)
    expect(call.gets(2, 603)).toEqual(['cancel 0', 'cancel 1'])
    expect(call.gets(0, 487)).toEqual([])
    expect(call.gets(1, 487)).toEqual(['best 2 603', 'done'])
  })

  test('§16.7 item 5: a 2xx that crosses the CANCEL after a 6xx is forwarded, the 6xx is not', () => {
    const call = context([2])
    call.gets(0, 180)
    expect(call.gets(1, 600)).toEqual(['cancel 0'])
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
  })

  test('a second 6xx changes nothing', () => {
    const call = context([3])
    expect(call.gets(0, 600)).toEqual([])
    expect(call.gets(1, 603)).toEqual([])
    expect(call.gets(2, 486)).toEqual(['best 0 600', 'done'])
  })

  test.each<[readonly number[], string]>([
    [[486, 302], 'best 1 302'],
    [[500, 404], 'best 1 404'],
    [[404, 500], 'best 0 404'],
    [[302, 603], 'best 1 603'],
    [[404, 407], 'best 1 407'],
    [[486, 415], 'best 1 415'],
    [[486, 420], 'best 1 420'],
    [[486, 484], 'best 1 484'],
    [[404, 401], 'best 1 401'],
    [[408, 486], 'best 1 486'],
    [[503, 500], 'best 1 500'],
    [[503, 504], 'best 1 504'],
    [[486, 404], 'best 0 486'],
    [[503, 404], 'best 1 404'],
  ])('§16.7 item 6: of %j the best is %s', (statuses, best) => {
    const call = context([2])
    call.gets(0, statuses[0]!)
    expect(call.gets(1, statuses[1]!)).toEqual([best, 'done'])
  })

  test('§16.7 item 6: only 503s become 500', () => {
    const call = context([2])
    call.gets(0, 503)
    expect(call.fails(1)).toEqual(['respond 500 Server Internal Error', 'done'])
  })

  test('§16.7 item 7: the challenges of all other 401 and 407 go with the best one', () => {
    const call = context([4])
    call.gets(0, 401, 'a')
    call.gets(1, 407, 'b')
    call.gets(2, 404, 'c')
    expect(call.gets(3, 401, 'd')).toEqual(['best 0 401 + b + d', 'done'])
  })

  test('§16.7 item 7: nothing is added to a best response that is no challenge', () => {
    const call = context([2])
    call.gets(0, 401, 'a')
    expect(call.gets(1, 603)).toEqual(['best 1 603', 'done'])
  })

  test('a timeout loses against what a branch said', () => {
    const call = context([2])
    call.timesOut(0)
    expect(call.gets(1, 486)).toEqual(['best 1 486', 'done'])
  })
})

describe('CANCEL', () => {
  test('§9.1: a branch without a provisional response is cancelled only after one, also after 100', () => {
    const call = context([2])
    expect(call.gets(0, 200)).toEqual(['forward 0 200'])
    expect(call.gets(1, 100)).toEqual(['cancel 1'])
    expect(call.gets(1, 180)).toEqual([])
    expect(call.gets(1, 487)).toEqual(['done'])
  })

  test('§16.10: a CANCEL from upstream goes to all pending branches; their 487 is the final response', () => {
    const call = context([2])
    call.gets(0, 180)
    call.gets(1, 180)
    expect(call.isCancelled()).toEqual(['cancel 0', 'cancel 1'])
    expect(call.isCancelled()).toEqual([])
    expect(call.gets(0, 487)).toEqual([])
    expect(call.gets(1, 487)).toEqual(['best 0 487', 'done'])
  })

  test('§9.1: a CANCEL from upstream waits for the branch that has had no provisional response', () => {
    const call = context(ONE_BRANCH)
    expect(call.isCancelled()).toEqual([])
    expect(call.gets(0, 180)).toEqual(['forward 0 180', 'cancel 0'])
    expect(call.gets(0, 183)).toEqual(['forward 0 183'])
    expect(call.gets(0, 487)).toEqual(['best 0 487', 'done'])
  })

  test('§16.10: a 2xx that crosses the CANCEL is forwarded', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 180)
    call.isCancelled()
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
  })

  test.each(['timesOut', 'fails'] as const)('§9.1: a cancelled branch that %s counts as 487', (how) => {
    const call = context(ONE_BRANCH)
    call.isCancelled()
    expect(call[how](0)).toEqual(['respond 487 Request Terminated', 'done'])
  })

  test('§9.2: cancelled before anything was sent: 487 at once, and nothing may be sent any more', () => {
    const call = context(ONE_BRANCH, { waiting: [0] })
    expect(call.isCancelled()).toEqual(['respond 487 Request Terminated', 'done'])
    expect(call.inner.begin(0)).toBe(false)
  })

  test('§16.10: a cancelled call tries no further group', () => {
    const call = context([1, 1])
    call.gets(0, 180)
    expect(call.isCancelled()).toEqual(['cancel 0'])
    expect(call.gets(0, 503)).toEqual(['respond 500 Server Internal Error', 'done'])
  })

  test('§16.10: cancelled while the second group is looked up: 487 and not the 503 of the first', () => {
    const call = context([1, 1], { waiting: [1] })
    expect(call.gets(0, 503)).toEqual(['start 1..1'])
    expect(call.isCancelled()).toEqual(['respond 487 Request Terminated', 'done'])
  })

  test('a cancelled branch is not sent again to the next destination', () => {
    const call = context(ONE_BRANCH)
    call.isCancelled()
    expect(call.inner.begin(0)).toBe(false)
  })

  test('RFC 3263 §4.3: a branch sent again to the next destination waits for a provisional response anew', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 100)
    expect(call.inner.begin(0)).toBe(true)
    expect(call.isCancelled()).toEqual([])
    expect(call.gets(0, 180)).toEqual(['forward 0 180', 'cancel 0'])
  })

  test('a branch that was not sent when another one decided is never sent', () => {
    const call = context([2], { waiting: [1] })
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
    expect(call.inner.begin(1)).toBe(false)
    const other = context([2], { waiting: [1] })
    expect(other.gets(0, 603)).toEqual(['best 0 603', 'done'])
  })
})

describe('Timer C', () => {
  test('§16.8: with a provisional response the branch is cancelled; the 487 that this causes counts as 408', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 180)
    expect(call.timerC(0)).toEqual(['cancel 0'])
    expect(call.timerC(0)).toEqual([])
    expect(call.gets(0, 487)).toEqual(['respond 408 Request Timeout', 'done'])
  })

  test('§16.8: without a provisional response it counts as 408 at once', () => {
    expect(context(ONE_BRANCH).timerC(0)).toEqual(['respond 408 Request Timeout', 'done'])
  })

  test('§16.8: a 2xx that crosses the CANCEL is forwarded', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 180)
    call.timerC(0)
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
  })

  test('§16.8: a branch that does not even answer the CANCEL counts as 408', () => {
    const call = context(ONE_BRANCH)
    call.gets(0, 180)
    call.timerC(0)
    expect(call.timesOut(0)).toEqual(['respond 408 Request Timeout', 'done'])
  })

  test('§16.8: the next group is tried after it', () => {
    const call = context([1, 1])
    call.gets(0, 180)
    call.timerC(0)
    expect(call.gets(0, 487)).toEqual(['start 1..1'])
  })
})

describe('serial groups', () => {
  test.each([408, 430, 500, 502, 503, 504])('§16.7: %i starts the next group', (status) => {
    const call = context([1, 1])
    expect(call.gets(0, status)).toEqual(['start 1..1'])
    expect(call.gets(1, 200)).toEqual(['forward 1 200', 'done'])
  })

  test.each([302, 401, 404, 480, 486, 488, 501, 600, 603])('§16.7: %i is an answer, no further group is tried', (status) => {
    expect(context([1, 1]).gets(0, status)).toEqual([`best 0 ${status}`, 'done'])
  })

  test('§16.8, §16.9: a timeout and a transport error start the next group', () => {
    const call = context([1, 1, 2])
    expect(call.timesOut(0)).toEqual(['start 1..1'])
    expect(call.fails(1)).toEqual(['start 2..3'])
    expect(call.gets(3, 180)).toEqual(['forward 3 180'])
    expect(call.gets(2, 486)).toEqual([])
    expect(call.gets(3, 404)).toEqual(['best 2 486', 'done'])
  })

  test('T §2.3: the policy learns whether somebody said it or we concluded it', () => {
    const failover = (status: number, _: number, ours: boolean): boolean => status === 503 || ours
    expect(context([1, 1], { failover }).gets(0, 408)).toEqual(['best 0 408', 'done'])
    expect(context([1, 1], { failover }).timesOut(0)).toEqual(['start 1..1'])
    expect(context([1, 1], { failover }).fails(0)).toEqual(['start 1..1'])
    expect(context([1, 1], { failover }).gets(0, 503)).toEqual(['start 1..1'])
  })

  test('T §2.3: when the caller waits no longer 503 goes back, nobody else is tried, and what comes late changes nothing', () => {
    const call = context([2, 1])
    expect(call.gets(0, 500)).toEqual([])
    expect(call.expires()).toEqual(['respond 503 Service Unavailable', 'done'])
    expect(call.inner.begin(1), 'not sent to another destination').toBe(false)
    expect([call.gets(1, 180), call.gets(1, 503), call.timesOut(1), call.isCancelled(), call.expires()]).toEqual([[], [], [], [], []])
  })

  test('T §2.3: a call that is decided does not expire', () => {
    const call = context([2])
    call.gets(0, 603)
    expect(call.expires()).toEqual([])
    expect(call.gets(1, 486)).toEqual(['best 0 603', 'done'])
  })

  test('§16.7 item 6: the best response is chosen from all groups', () => {
    const call = context([1, 1], { failover: () => true })
    expect(call.gets(0, 404)).toEqual(['start 1..1'])
    expect(call.gets(1, 500)).toEqual(['best 0 404', 'done'])
  })

  test('§16.7: the best response of a group says whether the next one is tried', () => {
    const call = context([2, 1])
    expect(call.gets(0, 503)).toEqual([])
    expect(call.gets(1, 486)).toEqual(['best 1 486', 'done'])
    const other = context([2, 1])
    expect(other.gets(0, 503)).toEqual([])
    expect(other.gets(1, 500)).toEqual(['start 2..2'])
  })

  test('§16.7: a best response of an earlier group does not keep a later one from failing over', () => {
    const call = context([1, 1, 1], { failover: (status) => status !== 486 })
    expect(call.gets(0, 404)).toEqual(['start 1..1'])
    expect(call.gets(1, 503)).toEqual(['start 2..2'])
    expect(call.gets(2, 503)).toEqual(['best 0 404', 'done'])
  })

  test('§16.7 item 5: after a 6xx no group is started, whatever the policy says', () => {
    expect(context([1, 1], { failover: () => true }).gets(0, 603)).toEqual(['best 0 603', 'done'])
  })

  test('§16.7 item 5: a 2xx of a group that was given up is forwarded, and ends the present one', () => {
    const call = context([1, 2, 1])
    expect(call.timesOut(0)).toEqual(['start 1..2'])
    call.gets(1, 180)
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'cancel 1'])
    expect(call.gets(1, 487)).toEqual([])
    expect(call.gets(2, 503)).toEqual(['done'])
  })

  test('the same when nothing of the present group was sent yet', () => {
    const call = context([1, 1], { waiting: [1] })
    expect(call.timesOut(0)).toEqual(['start 1..1'])
    expect(call.gets(0, 200)).toEqual(['forward 0 200', 'done'])
    expect(call.inner.begin(1)).toBe(false)
  })

  test('§16.7: other responses of a group that was given up are ignored', () => {
    const call = context([1, 1])
    call.timesOut(0)
    expect([...call.gets(0, 180), ...call.gets(0, 486), ...call.timesOut(0)]).toEqual([])
    expect(call.inner.open).toBe(1)
  })
})

describe('requests other than INVITE', () => {
  test('RFC 4320 §4.1: provisional responses are not passed on', () => {
    const request = context(ONE_BRANCH, { method: 'OPTIONS' })
    expect(request.gets(0, 100)).toEqual([])
    expect(request.gets(0, 183)).toEqual([])
    expect(request.gets(0, 200)).toEqual(['forward 0 200', 'done'])
  })

  test('§16.7 item 5: only the first 2xx is forwarded, and nobody is cancelled (§9.1)', () => {
    const request = context([3], { method: 'OPTIONS' })
    request.gets(1, 100)
    expect(request.gets(0, 200)).toEqual(['forward 0 200'])
    expect(request.gets(1, 200)).toEqual([])
    expect(request.gets(2, 404)).toEqual(['done'])
    expect(request.gets(0, 200)).toEqual([])
  })

  test('§16.7 item 5: a 6xx cancels nobody and waits for the others', () => {
    const request = context([2], { method: 'OPTIONS' })
    request.gets(1, 100)
    expect(request.gets(0, 603)).toEqual([])
    expect(request.gets(1, 404)).toEqual(['best 0 603', 'done'])
  })

  test('RFC 4320 §4.2: a timeout is not answered with 408, the transaction is abandoned', () => {
    expect(context(ONE_BRANCH, { method: 'OPTIONS' }).timesOut(0)).toEqual(['abandon', 'done'])
    expect(context(ONE_BRANCH, { method: 'OPTIONS' }).gets(0, 408)).toEqual(['abandon', 'done'])
  })

  test('RFC 4320 §4.2: another response is better than none', () => {
    const request = context([2], { method: 'OPTIONS' })
    request.timesOut(0)
    expect(request.gets(1, 404)).toEqual(['best 1 404', 'done'])
  })

  test('§16.9: a transport error starts the next group', () => {
    const request = context([1, 1], { method: 'OPTIONS' })
    expect(request.fails(0)).toEqual(['start 1..1'])
    expect(request.fails(1)).toEqual(['respond 500 Server Internal Error', 'done'])
  })

  test('§9.1: CANCEL has no effect', () => {
    const request = context(ONE_BRANCH, { method: 'OPTIONS' })
    request.gets(0, 100)
    expect(request.isCancelled()).toEqual([])
    expect(request.gets(0, 200)).toEqual(['forward 0 200', 'done'])
  })
})

describe('any order of events', () => {
  const event = fc.record({
    what: fc.constantFrom('begin', 'begin', '1xx', '1xx', '2xx', 'failure', 'failure', '6xx', 'timeout', 'failed', 'timerC', 'cancelled'),
    branch: fc.nat(6),
    status: fc.constantFrom(300, 302, 401, 404, 407, 408, 480, 486, 487, 500, 503, 504),
  })

  test('§16.7: one final response besides 2xx, one done, one CANCEL for a branch and only after a 1xx, no group after 2xx, 6xx or CANCEL, and an end once all branches ended', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.array(event, { maxLength: 60 }),
        (invite, groups, keep503, events) => {
          const subject = new ResponseContext<string>(invite, groups, { keep503, failover: (status) => status !== 486 })
          const rung = new Set<number>()
          const cancels = new Set<number>()
          let started = groups[0]!
          let finals = 0
          let forwarded2xx = 0
          let dones = 0
          let closed = false
          const perform = (effects: readonly ResponseEffect<string>[]) => {
            for (const effect of effects) {
              if (effect.kind === 'forward') {
                if (effect.status >= 200) forwarded2xx++
                else expect(finals + forwarded2xx).toBe(0)
                expect(effect.status).not.toBe(100)
              } else if (effect.kind === 'cancel') {
                expect(invite && rung.has(effect.branch) && !cancels.has(effect.branch)).toBe(true)
                cancels.add(effect.branch)
              } else if (effect.kind === 'startGroup') {
                expect(closed).toBe(false)
                expect(effect.first).toBe(started)
                started += effect.count
              } else if (effect.kind === 'done') dones++
              else {
                finals++
                expect(forwarded2xx).toBe(0)
                if (effect.kind === 'best' && effect.status === 503) expect(keep503).toBe(true)
              }
            }
            expect(finals).toBeLessThanOrEqual(1)
            expect(dones).toBeLessThanOrEqual(1)
            if (dones === 1) {
              expect(subject.open).toBe(0)
              expect(subject.answered).toBe(true)
            }
            if (finals + forwarded2xx > 0) expect(subject.answered).toBe(true)
          }
          const ended = new Set<number>()
          for (const { what, branch, status } of events) {
            const live = branch < started && !ended.has(branch)
            if (what === 'begin') {
              if (subject.begin(branch)) {
                expect(live && !cancels.has(branch)).toBe(true)
                rung.delete(branch)
              }
            } else if (what === '1xx') {
              if (live) rung.add(branch)
              perform(subject.response(branch, status % 2 === 0 ? 100 : 180, 'm'))
            } else if (what === '2xx') {
              const before = forwarded2xx
              if (invite || live) closed = true
              ended.add(branch)
              perform(subject.response(branch, 200, 'm'))
              if (invite) expect(forwarded2xx).toBe(before + 1)
              else expect(forwarded2xx).toBeLessThanOrEqual(1)
            } else if (what === 'cancelled') {
              if (invite) closed = true
              perform(subject.cancelled())
            } else {
              if (live && what === '6xx') closed = true
              if (live && (what !== 'timerC' || !rung.has(branch))) ended.add(branch)
              if (what === '6xx') perform(subject.response(branch, 603, 'm'))
              else if (what === 'failure') perform(subject.response(branch, status, 'm'))
              else if (what === 'timeout') perform(subject.branchTimeout(branch))
              else if (what === 'failed') perform(subject.branchFailed(branch))
              else perform(subject.timerC(branch))
            }
          }
          for (let round = 0; round <= groups.length; round++)
            for (let branch = 0; branch < started; branch++) perform(subject.branchTimeout(branch))
          expect(dones).toBe(1)
          expect(finals === 1 || forwarded2xx > 0).toBe(true)
        },
      ),
      { seed: 167, numRuns: 2000 },
    )
  })
})
