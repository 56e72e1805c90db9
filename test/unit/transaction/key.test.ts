import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clientKey, hasMagicCookie, isAckTo, oldServerKey, serverKey } from '../../../src/transaction/key.ts'

const BRANCH = 'z9hG4bK776asdhds'

describe('server transactions with the magic cookie', () => {
  test('§17.2.3: a retransmission has the key of the request', () => {
    expect(serverKey('INVITE', BRANCH, 'pc33.example.com', 5060)).toBe(serverKey('INVITE', BRANCH, 'pc33.example.com', 5060))
  })
  test('§17.2.3: an ACK has the key of its INVITE', () => {
    expect(serverKey('ACK', BRANCH, 'pc33.example.com', 5060)).toBe(serverKey('INVITE', BRANCH, 'pc33.example.com', 5060))
  })
  test('§9.2: a CANCEL has a key of its own, and finds the INVITE with the method INVITE', () => {
    expect(serverKey('CANCEL', BRANCH, 'pc33.example.com', 5060)).not.toBe(serverKey('INVITE', BRANCH, 'pc33.example.com', 5060))
  })
  test('§17.2.3: another sent-by host or port is another transaction, as two clients may pick the same branch', () => {
    const key = serverKey('INVITE', BRANCH, 'pc33.example.com', 5060)
    expect(serverKey('INVITE', BRANCH, 'pc34.example.com', 5060)).not.toBe(key)
    expect(serverKey('INVITE', BRANCH, 'pc33.example.com', 5070)).not.toBe(key)
    expect(serverKey('INVITE', BRANCH, 'pc33.example.com', undefined)).not.toBe(key)
  })
  test('§7.3.1: the sent-by host is compared without case, the branch with it', () => {
    const key = serverKey('INVITE', BRANCH, 'pc33.example.com', 5060)
    expect(serverKey('INVITE', BRANCH, 'PC33.Example.COM', 5060)).toBe(key)
    expect(serverKey('INVITE', BRANCH.toUpperCase(), 'pc33.example.com', 5060)).not.toBe(key)
  })
  test('an IPv6 sent-by keeps its brackets', () => {
    expect(serverKey('INVITE', BRANCH, '[2001:db8::9:1]', undefined)).toBe(serverKey('INVITE', BRANCH, '[2001:DB8::9:1]', undefined))
    expect(serverKey('INVITE', BRANCH, '[2001:db8::9]', 1)).not.toBe(serverKey('INVITE', BRANCH, '[2001:db8::9:1]', undefined))
  })
  test('different parts never make the same key', () => {
    const token = fc.string({ unit: fc.constantFrom('a', 'b', '1', ':', '-'), minLength: 1, maxLength: 4 })
    const parts = fc.tuple(
      fc.constantFrom('INVITE', 'BYE', 'CANCEL'),
      fc.string({ unit: fc.constantFrom('a', ' ', ':', '@'), maxLength: 4 }),
      token,
      fc.option(fc.nat(20), { nil: undefined }),
    )
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        // A colon ends the host only in front of digits or nothing; a written host has it in brackets only.
        fc.pre(!a[2].includes(':') && !b[2].includes(':'))
        expect(serverKey(...a) === serverKey(...b)).toBe(a.every((part, i) => part === b[i]))
      }),
      { seed: 1723 },
    )
  })
})

describe('the magic cookie', () => {
  test.each([
    [BRANCH, true],
    ['z9hG4bK-', true],
    ['Z9HG4BK776', true],
    ['z9hG4bK', false],
    ['z9hG4b', false],
    ['776asdhds', false],
    ['1z9hG4bK1', false],
    ['', false],
    [undefined, false],
  ])('§8.1.1.7, RFC 4475 §3.2.1: branch %s is unique: %s', (branch, expected) => {
    expect(hasMagicCookie(branch)).toBe(expected)
  })
})

describe('server transactions of RFC 2543', () => {
  const invite = {
    method: 'INVITE',
    requestUri: 'sip:bob@biloxi.example.com',
    fromTag: '1928301774',
    toTag: undefined,
    callId: 'a84b4c76e66710@pc33',
    cseq: 314159,
    via: 'SIP/2.0/UDP pc33.example.com',
  }
  test('§17.2.3: an INVITE again has the same key', () => {
    expect(oldServerKey({ ...invite })).toBe(oldServerKey(invite))
  })
  test('§17.2.3: an ACK has the key of its INVITE, whatever its To tag', () => {
    expect(oldServerKey({ ...invite, method: 'ACK', toTag: 'a6c85cf' })).toBe(oldServerKey(invite))
  })
  test('§17.2.3: the To tag of an ACK must be the one of the response that was sent', () => {
    expect(isAckTo('a6c85cf', 'a6c85cf')).toBe(true)
    expect(isAckTo('other', 'a6c85cf')).toBe(false)
    expect(isAckTo(undefined, 'a6c85cf')).toBe(false)
  })
  test.each([
    ['requestUri', 'sip:alice@biloxi.example.com'],
    ['fromTag', 'other'],
    ['callId', 'other'],
    ['cseq', 314160],
    ['via', 'SIP/2.0/UDP pc34.example.com'],
    ['method', 'OPTIONS'],
    ['method', 'CANCEL'],
  ])('§17.2.3: another %s (%s) is another transaction', (part, value) => {
    expect(oldServerKey({ ...invite, [part]: value })).not.toBe(oldServerKey(invite))
  })
  test('§17.2.3: for other methods than INVITE the To tag belongs to the match', () => {
    const bye = { ...invite, method: 'BYE', toTag: 'a6c85cf' }
    expect(oldServerKey({ ...bye, toTag: 'other' })).not.toBe(oldServerKey(bye))
  })
  test('no such key is one with the cookie', () => {
    expect(oldServerKey(invite).startsWith('@')).toBe(true)
    expect(serverKey('INVITE', BRANCH, 'pc33', 5060).startsWith('@')).toBe(false)
  })
})

describe('client transactions', () => {
  test('§17.1.3: branch and CSeq method find it; the CANCEL with the branch of its INVITE is another', () => {
    expect(clientKey('INVITE', BRANCH)).toBe(clientKey('INVITE', BRANCH))
    expect(clientKey('CANCEL', BRANCH)).not.toBe(clientKey('INVITE', BRANCH))
    expect(clientKey('INVITE', `${BRANCH}1`)).not.toBe(clientKey('INVITE', BRANCH))
  })
})
