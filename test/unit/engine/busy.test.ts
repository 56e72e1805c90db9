import { expect, test } from 'vitest'
import { retryAfter } from '../../../src/engine/busy.ts'
import { messageText, parsedResponse } from '../../support/messages.ts'

const after = (value: string, status = '503 Busy') =>
  retryAfter(parsedResponse(messageText(`SIP/2.0 ${status}`, [`Retry-After: ${value}`])))

test('§21.5.4: how long somebody wants to be left alone is said by 503 alone, and nobody is for ever', () => {
  expect([after('1'), after('120 (in a meeting);duration=3600'), after('0'), after('-5'), after('soon'), after('')]).toEqual([
    1, 120, 0, 0, 0, 0,
  ])
  expect(after('10', '480 Away')).toBe(0)
  for (const long of ['301', '4294967295', '99999999999999999999']) expect(after(long)).toBe(300)
})
