import { beforeEach, describe, expect, it } from 'vitest'
import { InvariantError, MediaError } from '../../../src/base/errors.ts'
import type { NgDictionary } from '../../../src/media/types.ts'
import { DeleteQueue } from '../../../src/rtpengine/deletes.ts'
import type { NgReply } from '../../../src/rtpengine/types.ts'
import { FakeTime, settled } from './ng-world.ts'

const NOTHING = "Call-ID not found or tags didn't match"
const OK: NgReply = { result: 'ok', totals: { RTP: { packets: 3 } } }
const MISSED: NgReply = { result: 'ok', warning: NOTHING }

const call = (id: string): NgDictionary => ({ 'call-id': id, 'from-tag': 'a', 'delete-delay': 0 })
const branch = (id: string): NgDictionary => ({ ...call(id), 'to-tag': 'b1' })

let time: FakeTime
let queue: DeleteQueue
/** What the daemon was asked, with the milliseconds since the test began. */
let asked: (readonly [number, NgDictionary])[]
let answer: (dictionary: NgDictionary) => NgReply | Error | Promise<NgReply>
let deleted: (readonly [string, NgReply | undefined])[]
let givenUp: string[]
let broken: unknown[]

const LATE = new MediaError('SBC_MEDIA_TIMEOUT', 'no reply')

beforeEach(() => {
  time = new FakeTime()
  const begin = time.now()
  asked = []
  deleted = []
  givenUp = []
  broken = []
  answer = () => OK
  queue = new DeleteQueue({
    clock: time,
    ask: async (dictionary) => {
      asked.push([time.now() - begin, dictionary])
      const said = await answer(dictionary)
      if (said instanceof Error) throw said
      return said
    },
    givenUp: ({ 'call-id': id }, why) => givenUp.push(`${id}: ${why}`),
    broken: (error) => broken.push(error),
    most: 100,
  })
  time.every(250, () => queue.tick())
})

const add = (dictionary: NgDictionary): void => queue.add(dictionary, (reply) => deleted.push([dictionary['call-id'], reply]))
const times = (): readonly number[] => asked.map(([at]) => at)

describe('media §9: a delete happens', () => {
  it('at once, and its statistics come back', async () => {
    add(call('c1'))
    expect(times()).toEqual([0])
    expect(queue.size).toBe(1)
    await settled()
    expect(deleted).toEqual([['c1', OK]])
    expect(queue.size).toBe(0)
  })

  it('again after 1, 2, 5, 10 and then every 30 seconds', async () => {
    answer = () => LATE
    add(call('c1'))
    await time.passes(110_000)
    expect(times()).toEqual([0, 1000, 3000, 8000, 18_000, 48_000, 78_000, 108_000])
    expect(deleted).toEqual([])
  })

  it.each([
    ['is lost', LATE],
    ['cannot be sent', new MediaError('SBC_MEDIA_SEND', 'no route')],
    ['is not understood', new MediaError('SBC_MEDIA_REPLY', 'nonsense')],
    ['is cut off', new MediaError('SBC_MEDIA_CLOSED', 'closed')],
  ])('also when it %s', async (_, error) => {
    answer = () => error
    add(call('c1'))
    await settled()
    answer = () => OK
    await time.passes(1000)
    expect(deleted).toEqual([['c1', OK]])
    await time.passes(600_000)
    expect(asked).toHaveLength(2)
    expect(deleted).toHaveLength(1)
  })

  it('it is given up after ten minutes, with a word, and its callback is called once', async () => {
    answer = () => LATE
    add(call('c1'))
    await time.passes(599_000)
    expect(givenUp).toEqual([])
    await time.passes(2000)
    expect(givenUp).toEqual(['c1: it was not acknowledged in ten minutes'])
    expect(deleted).toEqual([['c1', undefined]])
    expect(queue.size).toBe(0)
    const { length } = asked
    await time.passes(100_000)
    expect(asked).toHaveLength(length)
  })

  it('none waits for its pause when the daemon is there again', async () => {
    answer = () => LATE
    add(call('c1'))
    await time.passes(20_000)
    answer = () => MISSED
    const { length } = asked
    queue.hurry()
    await settled()
    expect(asked).toHaveLength(length + 2)
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('of too many the oldest is given up', async () => {
    answer = () => LATE
    for (let i = 0; i < 102; i++) add(call(`c${i}`))
    expect(givenUp).toEqual(['c0: there are too many', 'c1: there are too many'])
    expect(queue.size).toBe(100)
    answer = () => OK
    await time.passes(2000)
    expect(deleted.map(([id]) => id).toSorted()).toEqual(Array.from({ length: 102 }, (_, i) => `c${i}`).toSorted())
  })

  it('64 are on their way at the same time, the others follow as these are answered', async () => {
    const answers: ((reply: NgReply) => void)[] = []
    answer = () => new Promise((resolve) => answers.push(resolve))
    for (let i = 0; i < 100; i++) add(call(`c${i}`))
    await settled()
    expect(asked).toHaveLength(64)
    for (const resolve of answers.splice(0, 10)) resolve(OK)
    await settled()
    expect(asked).toHaveLength(74)
    while (answers.length > 0) {
      for (const resolve of answers.splice(0)) resolve(OK)
      await settled()
    }
    expect(deleted).toHaveLength(100)
  })
})

describe('media §4: tags that match nothing', () => {
  it('the whole call is deleted instead, without statistics', async () => {
    answer = (dictionary) => (dictionary['from-tag'] === undefined ? { result: 'ok' } : MISSED)
    add(call('c1'))
    await settled()
    expect(asked.map(([, dictionary]) => dictionary)).toEqual([call('c1'), { 'call-id': 'c1', 'delete-delay': 0 }])
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('an error says no more than that', async () => {
    answer = () => ({ result: 'error', 'error-reason': NOTHING })
    add(call('c1'))
    await settled()
    expect(asked).toHaveLength(2)
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('when only that is lost, only that is asked again', async () => {
    answer = (dictionary) => (dictionary['from-tag'] === undefined ? LATE : MISSED)
    add(call('c1'))
    await settled()
    answer = () => ({ result: 'ok' })
    await time.passes(1000)
    expect(asked.map(([, dictionary]) => dictionary['from-tag'])).toEqual(['a', undefined, undefined])
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('a branch that is not there takes no other branch along: nothing more is asked', async () => {
    answer = () => MISSED
    add(branch('c1'))
    await settled()
    expect(asked.map(([, dictionary]) => dictionary)).toEqual([branch('c1')])
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('a delete of the whole call that finds nothing has nothing to say', async () => {
    answer = () => MISSED
    add({ 'call-id': 'c1' })
    await settled()
    expect(asked).toHaveLength(1)
    expect(deleted).toEqual([['c1', undefined]])
  })
})

describe('a delete that must not happen any more', () => {
  it('an offer brings the call back: its delete is forgotten, those of single branches and of other calls are not', async () => {
    answer = () => LATE
    add(call('c1'))
    add(branch('c1'))
    add(call('c2'))
    await settled()
    queue.revived('c1')
    expect(deleted).toEqual([['c1', undefined]])
    expect(givenUp).toEqual([])
    asked = []
    await time.passes(1000)
    expect(asked.map(([, dictionary]) => dictionary)).toEqual([branch('c1'), call('c2')])
  })

  it('neither is the whole call deleted when the call came back meanwhile', async () => {
    let reply: (reply: NgReply) => void = () => {}
    answer = () => new Promise((resolve) => (reply = resolve))
    add(call('c1'))
    await settled()
    queue.revived('c1')
    reply(MISSED)
    await settled()
    expect(asked).toHaveLength(1)
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('at the end all are given up, each once', async () => {
    answer = () => LATE
    add(call('c1'))
    add(call('c2'))
    queue.close()
    expect(givenUp).toHaveLength(2)
    await time.passes(60_000)
    expect(asked).toHaveLength(2)
    expect(deleted).toEqual([
      ['c1', undefined],
      ['c2', undefined],
    ])
  })
})

describe('our own mistakes', () => {
  it('a dictionary that cannot be sent at all is not tried for ten minutes', async () => {
    answer = () => new InvariantError('no place in bencode')
    add(call('c1'))
    await time.passes(60_000)
    expect(asked).toHaveLength(1)
    expect(broken).toHaveLength(1)
    expect(deleted).toEqual([['c1', undefined]])
  })

  it('what a callback throws disturbs no other delete', async () => {
    queue.add(call('c1'), () => {
      throw new Error('oops')
    })
    add(call('c2'))
    await settled()
    expect(broken).toEqual([new Error('oops')])
    expect(deleted).toEqual([['c2', OK]])
    expect(queue.size).toBe(0)
  })
})
