import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowInResponse } from '../../../src/routing/alterations/allow.ts'
import { caller } from '../../../src/routing/alterations/caller.ts'
import { optionTagsInResponse } from '../../../src/routing/alterations/option-tags.ts'
import { userPhone } from '../../../src/routing/alterations/user-phone.ts'
import { allowToward, methodFault } from '../../../src/routing/methods.ts'
import { rewrite } from '../../../src/routing/rewrite.ts'
import { headerLines, line, type SipRequest, serialise } from '../../../src/sip/message.ts'
import { parse } from '../../../src/sip/parse.ts'
import { type Dialect, PLAIN_DIALECT } from '../../../src/zones/dialect.ts'
import { teams } from '../../../src/zones/teams.ts'
import { bytesOf, LIMITS, parsedResponse } from '../../support/messages.ts'
import { crossing, lanUdp, pbx, pubTls, request, side, values, zone } from './support.ts'

const hub = (more: Partial<Dialect> = {}) => zone('hub', [pubTls], { dialect: { ...teams.dialect, ...more } })
const toHub = (more: Parameters<typeof crossing>[2] = {}, dialect: Partial<Dialect> = {}) =>
  crossing(side(pbx, lanUdp), side(hub(dialect), pubTls), more)
const fromHub = crossing(side(hub(), pubTls), side(pbx, lanUdp))

/** The untouched line, or what became of it. */
const raw = (message: SipRequest, name: string): string[] => headerLines(message, name).map((one) => one.raw.trimEnd())

describe('methods', () => {
  test('§8.2.1: a method that is not in the list is a 405 with the list; without a list all pass', () => {
    expect(methodFault('INVITE', hub())).toBeUndefined()
    expect(methodFault('UPDATE', pbx)).toBeUndefined()
    expect(methodFault('UPDATE', hub())).toMatchObject({ status: 405, headers: [['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY']] })
    expect(allowToward('INVITE, REFER, BYE', hub())).toBe('INVITE, BYE')
    expect(allowToward('INVITE, REFER, BYE', pbx)).toBe('INVITE, REFER, BYE')
  })

  test.each([
    [['Allow: INVITE,ACK,CANCEL,BYE,REFER,UPDATE,NOTIFY'], ['Allow: INVITE, ACK, CANCEL, BYE, NOTIFY']],
    // Nothing has to go: the line leaves as it came
    [['ALLOW:   INVITE,ACK ,BYE'], ['ALLOW:   INVITE,ACK ,BYE']],
    [
      ['Allow: INVITE', 'Allow: REFER, INFO', 'allow: BYE,UPDATE'],
      ['Allow: INVITE', 'Allow: BYE'],
    ],
    [['Allow: REFER'], ['Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY']],
    [[], ['Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY']],
  ])('T §3.10: Allow %j of an INVITE toward it becomes %j', (lines, left) => {
    expect(raw(rewrite(request('sip:+4420@a', { lines }), toHub()), 'allow')).toEqual(left)
  })

  test('T §3.10: Allow of the hub passes as it is', () => {
    const lines = ['ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY,REFER']
    expect(raw(rewrite(request('sip:+4420@a', { lines }), fromHub), 'allow')).toEqual(lines)
  })

  test('T §3.10: the 2xx of an INVITE gets one, too, other responses lose what is too much', () => {
    const returning = { ingress: hub() }
    const response = (status: number, method: string, ...lines: string[]) =>
      allowInResponse(
        parsedResponse(`SIP/2.0 ${status} X\r\nCSeq: 1 ${method}\r\n${lines.map((one) => `${one}\r\n`).join('')}\r\n`),
        returning,
      )
    expect(values(response(200, 'INVITE'), 'allow')).toEqual(['INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY'])
    expect(values(response(200, 'INVITE', 'Allow: INVITE, BYE, REFER'), 'allow')).toEqual(['INVITE, BYE'])
    expect(values(response(183, 'INVITE', 'Allow: INVITE, UPDATE'), 'allow')).toEqual(['INVITE'])
    expect(values(response(180, 'INVITE'), 'allow')).toEqual([])
    expect(values(response(200, 'BYE'), 'allow')).toEqual([])
  })
})

describe('option tags', () => {
  test('T §3.7, T §3.9: 100rel and replaces go from Supported, Require and Proxy-Require, and Replaces with them', () => {
    const lines = [
      'Supported: 100rel, timer,Replaces',
      'k: 100rel',
      'Require: 100rel',
      'Proxy-Require: x-own',
      'Replaces: a@b;to-tag=1;from-tag=2',
    ]
    const altered = rewrite(request('sip:+4420@a', { lines }), toHub())
    expect(raw(altered, 'supported')).toEqual(['Supported: timer'])
    expect(raw(altered, 'require')).toEqual([])
    expect(raw(altered, 'proxy-require')).toEqual(['Proxy-Require: x-own'])
    expect(raw(altered, 'replaces')).toEqual([])
    // What is no token is not written anew
    expect(raw(rewrite(request('sip:1@a', { lines: ['Supported: 100rel, a\0b, timer'] }), toHub()), 'supported')).toEqual([
      'Supported: timer',
    ])
    // Compact and untouched
    expect(raw(rewrite(request('sip:1@a', { lines: ['k:timer'] }), toHub()), 'supported')).toEqual(['k:timer'])
  })

  test('RFC 4028: without `timer` nobody asks the zone for session timers, inside a dialog neither', () => {
    const lines = ['Supported: timer, path', 'Session-Expires: 90;refresher=uac', 'x: 90', 'Min-SE: 90']
    const altered = rewrite(request('sip:+4420@a', { lines }), toHub({ inDialog: true }, { without: ['timer'] }))
    expect([...raw(altered, 'supported'), ...raw(altered, 'session-expires'), ...raw(altered, 'min-se')]).toEqual(['Supported: path'])
  })

  test('RFC 3262 §4: nobody asks for reliable responses toward or from where no PRACK may pass', () => {
    const lines = ['Supported: 100rel, timer', 'Require: 100rel']
    const tags = (one: Parameters<typeof rewrite>[1]) => {
      const altered = rewrite(request('sip:+4420@a', { lines }), one)
      return [...raw(altered, 'supported'), ...raw(altered, 'require')]
    }
    expect(tags(fromHub)).toEqual(['Supported: timer'])
    expect(tags(toHub({}, { without: [] }))).toEqual(['Supported: timer'])
    expect(tags(toHub({}, { without: [], methods: ['INVITE', 'ACK', 'PRACK'] }))).toEqual(lines)
  })

  test('T6.41: an INVITE with Replaces from the hub passes untouched', () => {
    const lines = ['REQUIRE: replaces', 'SUPPORTED: replaces', 'REPLACES: 77ab21@10.1.2.9;from-tag=a;to-tag=b']
    const altered = rewrite(request('sip:+4420@a', { lines }), fromHub)
    for (const [i, name] of ['require', 'supported', 'replaces'].entries()) expect(raw(altered, name)).toEqual([lines[i]])
  })

  test('RFC 3262 §3: a response that requires 100rel goes to somebody who asked for it', () => {
    const text = 'SIP/2.0 183 X\r\nCSeq: 1 INVITE\r\nRequire: 100rel\r\nSupported: 100rel\r\nRSeq: 1\r\n\r\n'
    const altered = optionTagsInResponse(parsedResponse(text), { ingress: hub() })
    expect(values(altered, 'require')).toEqual(['100rel'])
    expect(values(altered, 'supported')).toEqual([])
  })
})

describe('user=phone', () => {
  test.each([
    ['sip:+442079460100@sip.example.com', 'sip:+442079460100@sip.example.com;user=phone'],
    ['sip:+44-20-7946-0100@a:5061;transport=tls', 'sip:+44-20-7946-0100@a:5061;transport=tls;user=phone'],
    ['sip:+442079460100;ext=12@a', 'sip:+442079460100;ext=12@a;user=phone'],
    ['sip:112@a', 'sip:112@a;user=phone'],
    ['sip:*31#@a', 'sip:*31#@a;user=phone'],
    ['sip:+4420@a;user=phone', 'sip:+4420@a;user=phone'],
    ['sip:+4420@a;User=ip', 'sip:+4420@a;User=ip'],
    ['sip:ana@a', 'sip:ana@a'],
    ['sip:a', 'sip:a'],
    ['tel:+4420', 'tel:+4420'],
  ])('§19.1.1: Request-URI %s becomes %s', (before, after) => {
    expect(userPhone(request(before), toHub()).requestUri).toBe(after)
  })

  test('§10.2: an address-of-record stays what it is', () => {
    const one = request('sip:a', { method: 'REGISTER', lines: ['P-Asserted-Identity: <tel:+4420>'] })
    const named = { ...one, headers: one.headers.map((each) => (each.name === 'to' ? line('To', '<sip:100@a>') : each)) }
    expect(userPhone(named, toHub())).toBe(named)
    const asserted = crossing(side(pbx, lanUdp), side(hub({ caller: 'asserted' }), pubTls))
    expect(caller(named, asserted)).toBe(named)
  })

  test('in From, To and identities, with every other character as it was', () => {
    const lines = ['P-Asserted-Identity: "A, B"  <sip:+4420@a>;x=1, <tel:+4420>,Ana<sip:ana@a>']
    const one = request('sip:a', { lines })
    const made = userPhone(
      {
        ...one,
        headers: request('sip:a', {
          lines: [...lines, 'FROM: Ana Test<sip:+44207@a:5061>;tag=7a', 'To: sip:+4421@a;tag=b'],
        }).headers.filter(({ raw: text }) => !text.startsWith('From') && !text.startsWith('To: <')),
      },
      toHub({ inDialog: true }),
    )
    expect(raw(made, 'from')).toEqual(['From: Ana Test<sip:+44207@a:5061;user=phone>;tag=7a'])
    expect(raw(made, 'to')).toEqual(['To: <sip:+4421@a;user=phone>;tag=b'])
    expect(raw(made, 'p-asserted-identity')).toEqual([
      'P-Asserted-Identity: "A, B"  <sip:+4420@a;user=phone>;x=1, <tel:+4420>, Ana<sip:ana@a>',
    ])
  })

  test('T §3.8: the target of a dialog and a registered contact stay byte for byte', () => {
    const target = 'sip:+4420@api.example.com:443;x-i=4b;x-c=9c/d/8/1f'
    expect(userPhone(request(target), toHub({ inDialog: true })).requestUri).toBe(target)
    expect(userPhone(request(target), toHub({ contactPath: [] })).requestUri).toBe(target)
  })
})

test('a zone that knows all of SIP gets every byte as it came', () => {
  const lines = ['Allow: INVITE, REFER', 'Supported: 100rel', 'Replaces: a@b;to-tag=1;from-tag=2']
  const altered = rewrite(
    request('sip:+4420@a', { lines }),
    crossing(side(pbx, lanUdp), side(zone('x', [pubTls], { dialect: PLAIN_DIALECT }), pubTls)),
  )
  for (const name of ['allow', 'supported', 'replaces', 'from', 'to'])
    expect(raw(altered, name)).toEqual(raw(request('sip:+4420@a', { lines }), name))
})

test('whatever a peer writes, what leaves is a message that can be read', () => {
  const names = [
    'Allow',
    'Supported',
    'Require',
    'Diversion',
    'History-Info',
    'P-Asserted-Identity',
    'Remote-Party-ID',
    'Privacy',
    'From',
    'To',
  ]
  const pieces = fc.constantFrom(
    ...['<', '>', '"', '\\', '\0', '\\\0', ';', ',', '?', '=', '%', ' ', '\t', '\r\n ', 'sip:', 'tel:', '+4420', 'a@b', '\xe0', '*', '#'],
    ...[
      '100rel',
      'REFER',
      'INVITE',
      'privacy=full',
      'Privacy=history',
      'Reason=SIP%3Bcause%3D302',
      'cause=486',
      'index=1.1',
      'counter=9',
      'id',
    ],
  )
  const value = fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join(''))
  const lines = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 6 })
  const zones = [
    hub({ caller: 'asserted' }),
    hub({ redirections: 'diversion' }),
    zone('stranger', [pubTls], { trusted: false, dialect: { ...teams.dialect, redirections: 'diversion' } }),
  ]
  fc.assert(
    fc.property(lines, fc.constantFrom(...zones), fc.boolean(), (written, there, inDialog) => {
      const text = serialise(request('sip:+4420@a')).toString('latin1')
      const more = written.map(([name, one]) => `${name}: ${one}\r\n`).join('')
      const arrived = parse(bytesOf(text.replace('\r\n\r\n', `\r\n${more}\r\n`)), LIMITS)
      if (arrived.kind !== 'request') return
      const left = serialise(rewrite(arrived, crossing(side(pbx, lanUdp), side(there, pubTls), { inDialog })))
      expect(parse(left, LIMITS).kind).toBe('request')
    }),
    { numRuns: 2000, seed: 7 },
  )
})
