import { expect, test } from 'vitest'
import { Sessions } from '../../../../src/admin/auth/sessions.ts'
import { HandClock } from '../support.ts'

const MINUTE = 60_000

test('a session is over half an hour after its last use', () => {
  const clock = new HandClock()
  const sessions = new Sessions(clock)
  const { id } = sessions.begin('ann', '192.0.2.1')
  clock.pass(29 * MINUTE)
  expect(sessions.use(id)?.user).toBe('ann')
  clock.pass(29 * MINUTE)
  expect(sessions.lasts(id)).toBe(true)
  clock.pass(MINUTE)
  expect(sessions.lasts(id)).toBe(false)
  expect(sessions.use(id)).toBeUndefined()
})

test('a session is over twelve hours after its begin, however busy', () => {
  const clock = new HandClock()
  const sessions = new Sessions(clock)
  const { id, session } = sessions.begin('ann', '192.0.2.1')
  expect(sessions.left(session)).toBe(12 * 60 * MINUTE)
  for (let minute = 0; minute < 12 * 60 - 20; minute += 20) {
    clock.pass(20 * MINUTE)
    expect(sessions.use(id)).toBeDefined()
  }
  clock.pass(20 * MINUTE)
  expect(sessions.use(id)).toBeUndefined()
})

test('to look whether it lasts is no use of it', () => {
  const clock = new HandClock()
  const sessions = new Sessions(clock)
  const { id } = sessions.begin('ann', '192.0.2.1')
  for (let minute = 0; minute < 30; minute++) {
    expect(sessions.lasts(id)).toBe(true)
    clock.pass(MINUTE)
  }
  expect(sessions.lasts(id)).toBe(false)
})

test('ids and CSRF tokens have 256 bits and no two are alike', () => {
  const sessions = new Sessions(new HandClock())
  const made = Array.from({ length: 10 }, () => sessions.begin('ann', '192.0.2.1'))
  const secrets = made.flatMap(({ id, session }) => [id, session.csrf])
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/)
  expect(new Set(secrets).size).toBe(20)
})

test('sessions end one by one or all of a user, and whoever wants to know is told', () => {
  let told = 0
  const sessions = new Sessions(new HandClock(), () => {
    told += 1
  })
  const [a, b] = [sessions.begin('ann', '192.0.2.1').id, sessions.begin('ann', '192.0.2.1').id]
  const other = sessions.begin('bob', '192.0.2.1').id
  sessions.end(a)
  sessions.end('unknown')
  expect([told, sessions.lasts(a), sessions.lasts(b), sessions.count('ann')]).toEqual([1, false, true, 1])
  sessions.endOf('ann')
  expect([told, sessions.lasts(b), sessions.lasts(other)]).toEqual([2, false, true])
})

test('one user has twenty at most: the oldest makes room', () => {
  const sessions = new Sessions(new HandClock())
  const first = sessions.begin('ann', '192.0.2.1').id
  const other = sessions.begin('bob', '192.0.2.1').id
  for (let index = 0; index < 20; index++) sessions.begin('ann', '192.0.2.1')
  expect([sessions.count('ann'), sessions.lasts(first), sessions.lasts(other)]).toEqual([20, false, true])
})
