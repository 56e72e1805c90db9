import { describe, expect, test } from 'vitest'
import { InvariantError, ResolveError, TransportError } from '../../../src/base/errors.ts'
import { answer, canAnswer, REASONS, statusOf, trying } from '../../../src/engine/answers.ts'
import { line, serialise } from '../../../src/sip/message.ts'
import { messageText, parsedRequest } from '../../support/messages.ts'
import { request, values } from '../routing/support.ts'

const LINES = [
  'Via: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bK1;received=10.0.0.20',
  'v: SIP/2.0/TCP a;branch=z9hG4bK2,SIP/2.0/TCP b',
  'Max-Forwards: 70',
  'f: "Al" <sip:a@b>;tag=1',
  't: <sip:c@d>;x=y',
  'i: id',
  'CSeq: 1   INVITE',
  'Timestamp: 54',
  'Record-Route: <sip:p;lr>',
  'Contact: <sip:a@c>',
]
const invite = parsedRequest(messageText('INVITE sip:c@d SIP/2.0', LINES, 'body'))

describe('§8.2.6: answers of our own', () => {
  test('they have the Vias, From, To, Call-ID and CSeq of the request, a tag, and nothing else of it', () => {
    expect(serialise(answer(invite, 404, 'Not Found', 'TAG')).toString('latin1')).toBe(
      messageText('SIP/2.0 404 Not Found', [
        LINES[0]!,
        LINES[1]!,
        LINES[3]!,
        'To: <sip:c@d>;x=y;tag=TAG',
        LINES[5]!,
        LINES[6]!,
        'Content-Length: 0',
      ]),
    )
  })

  test('§8.2.6.1: a 100 has no tag of ours, and the Timestamp', () => {
    const text = serialise(trying(invite)).toString('latin1')
    expect(text).toContain('SIP/2.0 100 Trying\r\n')
    expect(text).toContain('t: <sip:c@d>;x=y\r\n')
    expect(text).toContain('Timestamp: 54\r\n')
  })

  test('§8.2.6.2: the tag that is there stays, and no second one comes', () => {
    const inDialog = request('sip:a@b', { method: 'BYE', toTag: 'theirs' })
    expect(values(answer(inDialog, 481, 'x', 'ours'), 'to')).toEqual(['<sip:bob@example.com>;tag=theirs'])
  })

  test('a To without brackets gets the tag as a parameter of the header', () => {
    const plain = parsedRequest(messageText('OPTIONS sip:c@d SIP/2.0', ['To: sip:c@d', 'Call-ID: x']))
    expect(values(answer(plain, 200, 'OK', 'TAG'), 'to')).toEqual(['sip:c@d;tag=TAG'])
  })

  test('a malformed request gets what it has', () => {
    const poor = parsedRequest(messageText('INVITE sip:c@d SIP/2.0', ['Via: nonsense', 'To: <sip:c']))
    expect(serialise(answer(poor, 400, 'Missing Call-ID', 'TAG')).toString('latin1')).toBe(
      messageText('SIP/2.0 400 Missing Call-ID', ['Via: nonsense', 'To: <sip:c', 'Content-Length: 0']),
    )
  })

  test('further lines come along', () => {
    expect(values(answer(invite, 420, 'Bad Extension', 'T', [line('Unsupported', 'foo')]), 'unsupported')).toEqual(['foo'])
  })

  test('a reason that a remote had a hand in stays one line of bounded length', () => {
    const { startLine } = answer(invite, 400, `CSeq says a\r\nVia: b\0${'x'.repeat(5000)}`, 'T')
    expect(startLine.slice(0, -2)).not.toMatch(/[\r\n\0]/)
    expect(startLine.startsWith('SIP/2.0 400 CSeq says a Via: b x')).toBe(true)
    expect(startLine.length).toBeLessThan(220)
  })

  test('every status that we answer with has a reason', () => {
    for (const [status, reason] of Object.entries(REASONS)) expect(`${status} ${reason}`).toMatch(/^[1-6]\d\d [A-Z]/)
  })
})

describe('what can be answered', () => {
  test('§17: never an ACK, and nothing without Via, Call-ID or CSeq', () => {
    expect(canAnswer(invite)).toBe(true)
    expect(canAnswer(request('sip:a@b', { method: 'ACK' }))).toBe(false)
    for (const missing of ['Via', 'Call-ID', 'CSeq']) {
      const lines = ['Via: SIP/2.0/UDP a', 'Call-ID: x', 'CSeq: 1 INVITE'].filter((one) => !one.startsWith(missing))
      expect(canAnswer(parsedRequest(messageText('INVITE sip:c@d SIP/2.0', lines)))).toBe(false)
    }
  })
})

test.each([
  [new ResolveError('SBC_RESOLVE_NOT_FOUND', 'x'), 503],
  [new ResolveError('SBC_RESOLVE_NO_TRANSPORT', 'x'), 503],
  [new ResolveError('SBC_RESOLVE_TIMEOUT', 'x'), 503],
  [new TransportError('SBC_TRANSPORT_CONNECT', 'x'), 503],
  [new InvariantError('x'), 500],
  [new TypeError('x'), 500],
  ['a text', 500],
  [undefined, 500],
])('%s is answered with its status, and its text stays inside', (error, status) => {
  const found = statusOf(error)
  expect(found.status).toBe(status)
  expect(found.reason).not.toBe('x')
})
