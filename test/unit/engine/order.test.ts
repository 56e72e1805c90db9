import { beforeEach, describe, expect, test } from 'vitest'
import { CallOrder } from '../../../src/engine/order.ts'

let done: string[] = []
let errors: string[] = []
let order = new CallOrder(() => {})
beforeEach(() => {
  done = []
  errors = []
  order = new CallOrder((error) => errors.push(String((error as Error).message)))
})

/** A step that waits until it is let go. */
const waiting = (name: string) => {
  let release: () => void = () => {}
  let reject: (error: Error) => void = () => {}
  const gate = new Promise<void>((resolve, refuse) => {
    release = resolve
    reject = refuse
  })
  return {
    step: () => {
      done.push(`${name} begins`)
      return gate.then(() => {
        done.push(`${name} ends`)
      })
    },
    release,
    reject,
  }
}
const quick = (name: string) => () => {
  done.push(name)
}
/** Lets all that is settled go on. */
const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('calls keep their order', () => {
  test('steps that do not wait run at once, and nothing is kept', () => {
    order.run('a', quick('1'))
    order.run('a', quick('2'))
    expect(done).toEqual(['1', '2'])
    expect(order.waits('a')).toBe(false)
    expect(order.size).toBe(0)
  })

  test('what comes while a step waits comes after it; other calls go on', async () => {
    const slow = waiting('slow')
    order.run('a', slow.step)
    order.run('a', quick('2'))
    order.run('a', quick('3'))
    order.run('b', quick('other'))
    expect(order.waits('a')).toBe(true)
    expect(order.waits('b')).toBe(false)
    expect(done).toEqual(['slow begins', 'other'])
    slow.release()
    await settled()
    expect(done).toEqual(['slow begins', 'other', 'slow ends', '2', '3'])
    expect(order.size).toBe(0)
  })

  test('several steps that wait run one after the other', async () => {
    const [first, second] = [waiting('1'), waiting('2')]
    order.run('a', first.step)
    order.run('a', second.step)
    order.run('a', quick('3'))
    second.release()
    await settled()
    expect(done).toEqual(['1 begins'])
    first.release()
    await settled()
    expect(done).toEqual(['1 begins', '1 ends', '2 begins', '2 ends', '3'])
  })

  test('a step that queues another one of its call while the queue runs', async () => {
    const slow = waiting('slow')
    order.run('a', slow.step)
    order.run('a', () => {
      done.push('2')
      order.run('a', quick('4'))
    })
    order.run('a', quick('3'))
    slow.release()
    await settled()
    expect(done.slice(2)).toEqual(['2', '3', '4'])
    expect(order.size).toBe(0)
  })

  test('what began outside is waited for, also when the call waits already', async () => {
    const [first, outside] = [waiting('1'), waiting('outside')]
    order.hold('a', first.step())
    order.run('a', quick('2'))
    order.hold('a', outside.step())
    first.release()
    await settled()
    expect(done).not.toContain('2')
    outside.release()
    await settled()
    expect(done.at(-1)).toBe('2')
    expect(order.waits('a')).toBe(false)
  })
})

describe('an error costs its step alone', () => {
  test('thrown or rejected, at once or later: it is told, and the next ones run', async () => {
    order.run('a', () => {
      throw new Error('thrown at once')
    })
    const slow = waiting('slow')
    order.run('a', slow.step)
    order.run('a', () => {
      throw new Error('thrown later')
    })
    order.run('a', () => Promise.reject(new Error('rejected')))
    order.run('a', quick('last'))
    slow.reject(new Error('waited for'))
    await settled()
    expect(errors).toEqual(['thrown at once', 'waited for', 'thrown later', 'rejected'])
    expect(done).toEqual(['slow begins', 'last'])
    expect(order.size).toBe(0)
  })

  test('something held that fails before its turn comes does not end the process', async () => {
    const slow = waiting('slow')
    order.run('a', slow.step)
    order.hold('a', Promise.reject(new Error('early')))
    await settled()
    // An unhandled rejection would fail this run
    await new Promise((resolve) => setImmediate(resolve))
    expect(errors).toEqual(['early'])
    slow.release()
    order.run('a', quick('after'))
    await settled()
    expect(done.at(-1)).toBe('after')
    expect(order.size).toBe(0)
  })
})
