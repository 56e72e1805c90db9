import { describe, expect, test } from 'vitest'
import { Provisionals, provisionalPolicy } from '../../../src/routing/provisional.ts'
import type { SipResponse } from '../../../src/sip/message.ts'
import { PLAIN_DIALECT, type ProvisionalPolicy } from '../../../src/zones/dialect.ts'
import { messageText, parsedResponse } from '../../support/messages.ts'
import { pbx, pubTls, side, target, values, zone } from './support.ts'

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n'

const response = (status: number, sdp: boolean, tag = 'a', ...lines: readonly string[]): SipResponse =>
  parsedResponse(
    messageText(
      `SIP/2.0 ${status} Because`,
      [`To: <sip:b@b>;tag=${tag}`, ...lines, ...(sdp ? ['CONTENT-TYPE: application/sdp'] : []), `Content-Length: ${sdp ? SDP.length : 0}`],
      sdp ? SDP : '',
    ),
  )

/** `180`, `183+`: status and whether there is SDP, `-` where nothing went on. */
const shown = (policy: ProvisionalPolicy, ...sent: readonly SipResponse[]): string[] => {
  const provisionals = new Provisionals()
  return sent.map((one) => {
    const left = provisionals.shape(one, policy)
    if (left === undefined) return '-'
    expect(values(left, 'content-length')).toEqual([String(left.body.length)])
    expect(values(left, 'content-type').length).toBe(left.body.length > 0 ? 1 : 0)
    return `${left.status}${left.body.length > 0 ? '+' : ''}`
  })
}

const ringing = response(180, false)
const early = response(183, true, 'b')
const silent = response(183, false)
const reliable = response(183, true, 'c', 'Require: timer, 100REL', 'RSeq: 1')
const forwarded = response(181, false)
const answer = response(200, true, 'b')

describe('T §3.7: provisional responses', () => {
  test.each<[ProvisionalPolicy, readonly SipResponse[], readonly string[]]>([
    ['pass', [ringing, early, early, answer], ['180', '183+', '183+', '200+']],
    ['first', [ringing, ringing, early, answer], ['180', '-', '-', '200+']],
    ['first', [forwarded, ringing, forwarded, early], ['181', '180', '181', '-']],
    // Who was not told anything yet hears nothing either
    ['first', [silent, ringing, early], ['183', '180', '-']],
    ['first', [early, ringing], ['183+', '-']],
    ['ringing', [early, early, ringing, answer], ['180', '180', '180', '200+']],
    ['ringing', [silent, response(180, true), response(182, false)], ['180', '180', '182']],
    ['no-early-media', [early, silent, ringing, response(180, true), answer], ['-', '-', '180', '180', '200+']],
    // RFC 3262: what waits for a PRACK passes
    ['first', [ringing, reliable], ['180', '183+']],
    ['ringing', [reliable], ['183+']],
    ['no-early-media', [reliable], ['183+']],
    ['no-early-media', [response(100, false), response(486, false)], ['100', '486']],
  ])('%s', (policy, sent, expected) => {
    expect(shown(policy, ...sent)).toEqual(expected)
  })

  test('what became 180 is one in every part, and all else of it stays', () => {
    const left = new Provisionals().shape(response(183, true, 'b', 'X-Odd:  kept', 'CONTACT: <sip:x@y>'), 'ringing')!
    expect(left.startLine).toBe('SIP/2.0 180 Ringing\r\n')
    expect(left.headers.map(({ raw }) => raw)).toEqual([
      'To: <sip:b@b>;tag=b\r\n',
      'X-Odd:  kept\r\n',
      'CONTACT: <sip:x@y>\r\n',
      'Content-Length: 0\r\n',
    ])
  })

  test.each<ProvisionalPolicy>(['ringing', 'no-early-media'])('%s: a 2xx without SDP has that of the 183 of its fork', (policy) => {
    const provisionals = new Provisionals()
    provisionals.shape(early, policy)
    expect(provisionals.shape(response(200, false, 'other'), policy)?.body.length).toBe(0)
    const left = provisionals.shape(response(200, false, 'b'), policy)!
    expect(left.body.toString()).toBe(SDP)
    expect(values(left, 'content-type')).toEqual(['application/sdp'])
    expect(values(left, 'content-length')).toEqual([String(SDP.length)])
  })

  test('the policy of a target comes before that of its zone', () => {
    const cautious = zone('hub', [pubTls], { dialect: { ...PLAIN_DIALECT, provisional: 'first' } })
    expect(
      provisionalPolicy({ kind: 'target', zone: cautious, target: target('a', { provisional: 'ringing' }), requestUri: 'target' }),
    ).toBe('ringing')
    expect(provisionalPolicy({ kind: 'request-uri', zone: cautious })).toBe('first')
    expect(provisionalPolicy({ kind: 'side', side: side(cautious, pubTls) })).toBe('first')
    expect(provisionalPolicy({ kind: 'request-uri', zone: pbx })).toBe('pass')
  })
})
