import { expect, test } from 'vitest'
import { withoutForeignIdentities, withoutIdentities } from '../../../src/authentication/identity.ts'
import type { Proven } from '../../../src/authentication/types.ts'
import { request, values } from '../routing/support.ts'

const ALICE = { user: 'alice', subscriber: { user: 'alice', aliases: ['100'], displayName: '', enabled: true } } as unknown as Proven
const OF_HISTORY = ['diversion', 'history-info']
const left = (lines: readonly string[]): string[] => {
  const passed = withoutForeignIdentities(request('sip:a@b', { lines: [...lines] }), ALICE, ({ host }) => host === 'example.com')
  return OF_HISTORY.flatMap((name) => values(passed, name))
}

test('RFC 5806: a phone that forwards its calls says so in its own name, and in no other', () => {
  expect(left(['Diversion: <sip:100@example.com>;reason=user-busy'])).toEqual(['<sip:100@example.com>;reason=user-busy'])
  expect(left(['Diversion: <sip:100@example.com>, <sip:200@example.com>'])).toEqual([])
  expect(left(['History-Info: <sip:+442079460100@example.com>;index=1'])).toEqual([])
})

test('where nobody asks, nobody says it', () => {
  const one = request('sip:a@b', { lines: ['Diversion: <sip:100@example.com>', 'History-Info: <sip:100@example.com>;index=1'] })
  expect(OF_HISTORY.flatMap((name) => values(withoutIdentities(one), name))).toEqual([])
})
