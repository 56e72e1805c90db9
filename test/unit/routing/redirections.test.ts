import { describe, expect, test } from 'vitest'
import { redirections } from '../../../src/routing/alterations/redirections.ts'
import { PLAIN_DIALECT, type Redirections } from '../../../src/zones/dialect.ts'
import { crossing, lanUdp, pbx, pubTls, request, side, values, zone } from './support.ts'

const TARGET = 'sip:+442079460100@sip.example.com:5061;transport=tls;user=phone'

const toward = (wanted: Redirections, lines: readonly string[], { target = TARGET, userPhone = false, method = 'INVITE' } = {}) => {
  const there = zone('there', [pubTls], { dialect: { ...PLAIN_DIALECT, redirections: wanted, userPhone } })
  return redirections(request(target, { lines, method }), crossing(side(pbx, lanUdp), side(there, pubTls)))
}
const history = (...args: Parameters<typeof toward> extends [unknown, ...infer Rest] ? Rest : never): string[] => {
  const made = toward('history-info', ...args)
  return values(made, 'history-info').flatMap((value) => value.split(', '))
}
const diversion = (...args: Parameters<typeof toward> extends [unknown, ...infer Rest] ? Rest : never): string[] =>
  values(toward('diversion', ...args), 'diversion').flatMap((value) => value.split(', '))

const TWO = ['Diversion: "C" <sip:+443@pbx>;reason=unconditional;privacy=off', 'Diversion: <sip:+442@pbx>;reason="user-busy";privacy=full']

describe('RFC 7544: Diversion becomes History-Info', () => {
  test('the order is turned round, causes stand with who was called, the last entry is the target', () => {
    expect(history(TWO)).toEqual([
      '<sip:+442@pbx?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1',
      '"C" <sip:+443@pbx;cause=486?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1',
      '<sip:+442079460100@sip.example.com:5061;user=phone;cause=302>;index=1.1.1;mp=1.1',
    ])
    expect(values(toward('history-info', TWO), 'diversion')).toEqual([])
  })

  test.each([
    ['unconditional', 302],
    ['user-busy', 486],
    ['no-answer', 408],
    ['deflection', 480],
    ['unavailable', 503],
    ['do-not-disturb', 404],
    ['follow-me', 404],
    ['constructor', 404],
  ])('reason %s is cause %i', (reason, cause) => {
    expect(history([`Diversion: <sip:+442@pbx>;reason=${reason}`])[1]).toContain(`;cause=${cause}>`)
  })

  test('a counter says how many levels lie between; a wild one is bounded', () => {
    expect(history(['Diversion: <sip:+442@pbx>;reason=unconditional;counter=3'])[1]).toMatch(/index=1\.1\.1\.1;mp=1$/)
    expect(history(['Diversion: <sip:+442@pbx>;counter=99999999'])[1]!.length).toBeLessThan(200)
    expect(history(['Diversion: <sip:+442@pbx>;counter=-1'])[1]).toMatch(/index=1\.1;mp=1$/)
  })

  test('numbers say that they are numbers where the zone wants it; a tel URI has no header fields', () => {
    expect(history(['Diversion: <sip:+442@pbx>, <tel:+441>'], { userPhone: true })).toEqual([
      '<tel:+441>;index=1',
      '<sip:+442@pbx;cause=404;user=phone?Reason=SIP%3Bcause%3D404>;index=1.1;mp=1',
      '<sip:+442079460100@sip.example.com:5061;user=phone;cause=404>;index=1.1.1;mp=1.1',
    ])
  })

  test('long ways keep their first and their latest', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `Diversion: <sip:+44${60 - i}@pbx>;reason=unconditional`)
    const made = history(lines)
    expect(made.length).toBe(21)
    expect(made[0]).toContain('sip:+441@')
    expect(made[1]).toContain('sip:+4442@')
    expect(made[19]).toContain('sip:+4460@')
  })
})

describe('RFC 7544: History-Info becomes Diversion', () => {
  test('T §3.11: entries of Teams, each with the Reason why it forwarded', () => {
    const lines = [
      'HISTORY-INFO: <sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1,<sip:+442079460055@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1.1',
    ]
    expect(diversion(lines, { target: 'sip:+13125550123@pbx;cause=486' })).toEqual([
      '<sip:+442079460055@sip.pstnhub.microsoft.com:5061;user=phone>;reason=user-busy;privacy=full;counter=1',
      '<sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone>;reason=unconditional;privacy=off;counter=1',
    ])
    expect(values(toward('diversion', lines), 'history-info')).toEqual([])
  })

  test('entries of RFC 7044: the cause stands with who was called; the target is no divertor', () => {
    const lines = [
      'History-Info: "A" <sip:+441@a>;index=1',
      'History-Info: <sip:+442@a;cause=408>;index=1.1;mp=1,<sip:+443@a;cause=487>;index=1.1.1.1;mp=1.1',
    ]
    expect(diversion(lines, { target: 'sip:+443@pbx' })).toEqual([
      '<sip:+442@a>;reason=deflection;privacy=off;counter=2',
      '"A" <sip:+441@a>;reason=no-answer;privacy=off;counter=1',
    ])
  })

  test('what was tried beside it, and what was only routed, is no forwarding', () => {
    const lines = ['History-Info: <sip:+441@a>;index=1, <sip:+442@b?Reason=SIP%3Bcause%3D486>;index=1.1, <sip:+443@c>;index=1.2;rc=1']
    const made = toward('diversion', lines, { target: 'sip:+443@c' })
    expect(values(made, 'diversion')).toEqual([])
    expect(values(made, 'history-info').length).toBe(1)
  })

  test('there and back: who forwarded, why, how often and how privately', () => {
    const [made] = values(toward('history-info', [...TWO, 'Diversion: <sip:+441@pbx>;reason=no-answer;counter=4']), 'history-info')
    expect(diversion([`History-Info: ${made}`])).toEqual([
      '"C" <sip:+443@pbx>;reason=unconditional;privacy=off;counter=1',
      '<sip:+442@pbx>;reason=user-busy;privacy=full;counter=1',
      '<sip:+441@pbx>;reason=no-answer;privacy=off;counter=4',
    ])
  })
})

describe('nothing changes', () => {
  test.each([
    ['pass', TWO, 'INVITE'],
    ['diversion', TWO, 'INVITE'],
    ['history-info', ['History-Info: <sip:+441@a>;index=1', ...TWO], 'INVITE'],
    ['history-info', TWO, 'OPTIONS'],
    ['history-info', ['Diversion: <sip:+441@a'], 'INVITE'],
    ['history-info', ['Diversion: <mailto:a@b>'], 'INVITE'],
  ] as const)('toward %s with %j in %s', (wanted, lines, method) => {
    const there = zone('there', [pubTls], { dialect: { ...PLAIN_DIALECT, redirections: wanted } })
    const one = request(TARGET, { lines, method })
    expect(redirections(one, crossing(side(pbx, lanUdp), side(there, pubTls)))).toBe(one)
  })
})
