import { describe, expect, it } from 'vitest'
import type { Delays, GeneratorResult } from '../../bench/generator.ts'
import { lossOf } from '../../bench/measure.ts'
import { linesOf, type Measurement, median, textTable } from '../../bench/report.ts'

const NO_DELAYS: Delays = { count: 0, p50: 0, p99: 0, max: 0 }
const CLEAN: GeneratorResult = {
  ...{ rate: 1000, seconds: 3, generatorCpu: 0.2, clients: 0, clientsFailed: 0, registered: 0, started: 3000, completed: 3000, failed: 0 },
  ...{
    finishedInside: 3000,
    repeatedInvite: 0,
    repeatedBye: 0,
    repeatedOther: 0,
    repeatedAnswer: 0,
    late: 0,
    absorbed: 0,
    messagesIn: 18_000,
  },
  ...{ messagesOut: 18_000, stray: 0, bad: 0, timeouts: 0, lostLinks: 0, unsent: 0, backlogOpen: 3, backlogClose: 4, startDelayMax: 0 },
  ...{ recordRoutes: 2, problem: '', refused: {}, ringing: NO_DELAYS, answered: NO_DELAYS, ended: NO_DELAYS },
}

describe('what counts as loss', () => {
  it.each<[string, Partial<GeneratorResult>, string]>([
    ['nothing when all calls passed', {}, ''],
    ['less than 1 % retransmissions: no', { repeatedInvite: 20, repeatedBye: 9 }, ''],
    ['1 % retransmissions of any kind', { repeatedInvite: 10, repeatedAnswer: 10, late: 10 }, '30 retransmissions in 3000 calls'],
    ['one failed call', { failed: 1, refused: { '503': 1 } }, '1 of 3000 failed (0 timed out, 0 unsent, 1 × 503)'],
    [
      'a backlog that grows, before anything is retransmitted',
      { backlogClose: 100 },
      '97 more waiting at the end of the window than at its beginning',
    ],
    ['a message that breaks the contract', { bad: 1, problem: 'x' }, '1 messages broke the contract, first: x'],
    ['a generator at its limit', { generatorCpu: 0.99 }, 'the generator was at its own limit'],
    ['a window without calls', { started: 0 }, 'nothing was started'],
  ])('%s', (_, changed, loss) => {
    expect(lossOf({ ...CLEAN, ...changed })).toBe(loss)
  })
})

describe('the report', () => {
  it('takes the median, of an even number the mean of the middle two', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeUndefined()
  })

  it('divides the median of the edge by that of Kamailio, and leaves the ratio empty when one is missing', () => {
    const idle = (server: 'edge' | 'kamailio', pssPerClient: number): Measurement => ({
      ...{ server, scenario: 'wss-idle', repeat: 1 },
      idle: { clients: 100, pssPerClient, rssPerClient: 0, pssTotal: 0 },
    })
    const both = linesOf([idle('edge', 50), idle('edge', 60), idle('edge', 400), idle('kamailio', 120)])
    expect(both).toEqual([
      { scenario: 'wss-idle', figure: 'memory per client (PSS)', unit: 'KB', edge: '60.0', kamailio: '120.0', ratio: '0.50' },
    ])
    expect(linesOf([idle('edge', 50)])).toMatchObject([{ kamailio: '–', ratio: '' }])
    expect(textTable(both)).toContain('Idle registered WSS client: memory per client (PSS)')
  })
})
