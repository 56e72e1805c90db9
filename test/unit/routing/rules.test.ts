import { describe, expect, test } from 'vitest'
import { applyHeaderRules, headerRules } from '../../../src/routing/alterations/header-rules.ts'
import { applyNumberRules, changeNumber, numberRules } from '../../../src/routing/alterations/number-rules.ts'
import { serialise } from '../../../src/sip/message.ts'
import type { HeaderRule, NumberField, NumberRule } from '../../../src/zones/rules.ts'
import { parsed } from '../../support/messages.ts'
import { cloud, crossing, lanUdp, pbx, pubTls, request, side, values } from './support.ts'

const fields: readonly NumberField[] = ['request-uri']
const strip = (digits: number, when?: RegExp): NumberRule => ({ kind: 'strip', fields, digits, ...(when === undefined ? {} : { when }) })
const prefix = (text: string, when?: RegExp): NumberRule => ({ kind: 'prefix', fields, text, ...(when === undefined ? {} : { when }) })
const regex = (match: RegExp, replace: string): NumberRule => ({ kind: 'regex', fields, match, replace })
const e164 = (country = '44', trunkPrefix = '0', shortest = 6): NumberRule => ({ kind: 'e164', fields, country, trunkPrefix, shortest })
const on = <R extends NumberRule>(rule: R, ...changed: readonly NumberField[]): R => ({ ...rule, fields: changed })

describe('number rules', () => {
  test.each<readonly [string, NumberRule, string | undefined]>([
    ['90123456', strip(1), '0123456'],
    ['90123456', strip(1, /^9\d{7}$/), '0123456'],
    ['80123456', strip(1, /^9\d{7}$/), undefined],
    ['123', strip(5), ''],
    ['2079460100', prefix('+44'), '+442079460100'],
    ['2079460100', prefix('+44', /^1/), undefined],
    ['02079460100', e164(), '+442079460100'],
    ['00442079460100', e164(), '+442079460100'],
    ['0033123456789', e164(), '+33123456789'],
    ['+442079460100', e164(), '+442079460100'],
    ['442079460100', e164(), '+442079460100'],
    ['2079460100', e164(), '+442079460100'],
    ['999', e164(), undefined],
    ['12345', e164(), undefined],
    ['123456', e164(), '+44123456'],
    ['*21#', e164(), undefined],
    ['*123456#', e164(), undefined],
    ['12125550123', e164('1', ''), '+12125550123'],
    ['2125550123', e164('1', '1'), '+12125550123'],
    ['12125550123', e164('1', '1'), '+12125550123'],
    ['5551234', e164('1', '1', 8), undefined],
    ['0123', regex(/^0/, '+44'), '+44123'],
    ['123', regex(/^0/, '+44'), undefined],
    ['9123', regex(/^9(\d+)$/, '00$1'), '00123'],
  ])('%s by %o is %o', (number, rule, changed) => {
    expect(changeNumber(number, rule)).toBe(changed)
  })

  const renumbered = (uri: string, ...rules: readonly NumberRule[]) => applyNumberRules(request(uri), rules).requestUri

  test.each<readonly [string, NumberRule, string]>([
    // only the number changes: password, user parameters, port, parameters stay byte for byte
    ['sip:020;ext=5:pw@host:5070;user=phone;X=%41', prefix('9'), 'sip:9020;ext=5:pw@host:5070;user=phone;X=%41'],
    ['sips:020@[2001:DB8::1]', prefix('+44'), 'sips:+44020@[2001:DB8::1]'],
    ['tel:020;phone-context=+44', strip(1), 'tel:20;phone-context=+44'],
    // RFC 3966 §5.1.1: visual separators are no part of the number
    ['tel:+44-20-7946-0100', regex(/^\+44/, '0'), 'tel:02079460100'],
    ['sip:(020)7946.0100@host', e164(), 'sip:+442079460100@host'],
    // escaped digits are digits, and # is escaped again
    ['sip:%2b4420@host', strip(3), 'sip:20@host'],
    ['sip:%2321@host', prefix('*'), 'sip:*%2321@host'],
    ['tel:*21#', prefix('9'), 'tel:9*21#'],
    // what is no number stays
    ['sip:alice@host', prefix('9'), 'sip:alice@host'],
    ['sip:host', prefix('9'), 'sip:host'],
    ['sip:12%0d%0a34@host', prefix('9'), 'sip:12%0d%0a34@host'],
    ['sip:12%40evil.net@host', prefix('9'), 'sip:12%40evil.net@host'],
    // a rule that would leave nothing, or nothing that is a URI, does not apply
    ['sip:123@host', strip(3), 'sip:123@host'],
    ['sip:123@host', strip(30), 'sip:123@host'],
    ['tel:123', strip(3), 'tel:123'],
    ['tel:123', regex(/^\d+$/, 'operator@x'), 'tel:123'],
    ['sip:123@host', regex(/^\d+$/, ''), 'sip:123@host'],
    // what an operator may write and a user part may not hold is escaped
    ['sip:123@host', regex(/^1/, 'a@b'), 'sip:a%40b23@host'],
    ['sip:123@host', regex(/^1/, 'a:b'), 'sip:a%3Ab23@host'],
    ['sip:123@host', regex(/^1/, '\r\n'), 'sip:%0D%0A23@host'],
  ])('%s by %o is %s', (uri, rule, changed) => {
    expect(renumbered(uri, rule)).toBe(changed)
  })

  test('rules see what the one before left', () => {
    expect(renumbered('sip:90207946@host', strip(1, /^9\d+$/), e164(), regex(/^\+44/, '0044'))).toBe('sip:0044207946@host')
  })

  const one = request('sip:020@host', {
    lines: ['P-Asserted-Identity: "A, B" <sip:020@pbx>;x=1, <tel:020>', 'P-Asserted-Identity: <sip:alice@pbx>, sip:0201@pbx'],
  })

  test('RFC 3325 §9.1: all identities, in one line or two, and nothing else', () => {
    const changed = applyNumberRules(one, [on(prefix('9'), 'p-asserted-identity')])
    expect(values(changed, 'p-asserted-identity')).toEqual(['"A, B" <sip:9020@pbx>;x=1, <tel:9020>', '<sip:alice@pbx>, <sip:90201@pbx>'])
    expect(changed.requestUri).toBe('sip:020@host')
  })

  test('From and To keep name, tag and parameters', () => {
    const calling = request('sip:020@host', { toTag: 'tt' })
    const text = serialise(calling).toString('latin1').replace('<sip:alice@example.com>', '"Al" <sip:0207@example.com;user=phone>')
    const changed = applyNumberRules(parsed(text) as typeof one, [on(e164('44', '0', 3), 'from', 'to')])
    expect(values(changed, 'from')).toEqual(['"Al" <sip:+44207@example.com;user=phone>;tag=from1'])
    expect(values(changed, 'to')).toEqual(['<sip:bob@example.com>;tag=tt'])
    expect(changed.requestUri).toBe('sip:020@host')
  })

  test('a request whose numbers nobody changes is the same request', () => {
    expect(applyNumberRules(one, [strip(1, /^9$/)])).toBe(one)
    expect(applyNumberRules(one, [])).toBe(one)
  })

  test('the rules of the decision come first, those of the zone it goes to after them, none inside a dialog', () => {
    const to = { ...cloud, numbersOut: [regex(/^9/, '7')] }
    const way = crossing(side(pbx, lanUdp), side(to, pubTls), { numbers: [prefix('9')] })
    expect(numberRules(one, way).requestUri).toBe('sip:7020@host')
    expect(numberRules(one, { ...way, inDialog: true })).toBe(one)
  })
})

describe('header rules', () => {
  const add = (name: string, value: string): HeaderRule => ({ kind: 'add', name: name.toLowerCase(), display: name, value })
  const set = (name: string, value: string): HeaderRule => ({ kind: 'set', name: name.toLowerCase(), display: name, value })
  const remove = (name: string): HeaderRule => ({ kind: 'remove', name })
  const keep = (...names: readonly string[]): HeaderRule => ({ kind: 'keep', names })
  const one = request('sip:a@b', { lines: ['X-Side: left', 'x-side: inner', 'User-Agent: phone', 's: hello', 'Contact: <sip:a@c>'] })

  test.each<readonly [string, readonly HeaderRule[], string, readonly string[]]>([
    ['add adds a line', [add('X-Side', 'edge')], 'x-side', ['left', 'inner', 'edge']],
    ['add adds the first one', [add('X-New', 'a: b')], 'x-new', ['a: b']],
    ['set leaves one', [set('X-Side', 'edge')], 'x-side', ['edge']],
    ['set makes one', [set('Privacy', 'none')], 'privacy', ['none']],
    ['remove takes all', [remove('x-side')], 'x-side', []],
    ['remove of what is not there', [remove('x-none')], 'x-side', ['left', 'inner']],
    ['compact forms are the same header', [remove('subject')], 'subject', []],
    ['keep drops what is not in the list', [keep('user-agent')], 'x-side', []],
    ['keep keeps what is in the list', [keep('user-agent')], 'user-agent', ['phone']],
    ['rules see what the one before left', [remove('x-side'), add('X-Side', 'edge')], 'x-side', ['edge']],
  ])('%s', (_what, rules, name, left) => {
    expect(values(applyHeaderRules(one, rules), name)).toEqual(left)
  })

  test('§7.3.1: set stands where the first one stood', () => {
    const names = applyHeaderRules(one, [set('X-Side', 'edge')]).headers.map((each) => each.name)
    expect(names.indexOf('x-side')).toBe(one.headers.findIndex((each) => each.name === 'x-side'))
  })

  test('keep never takes what dialogs, timers, events, authentication and bodies live by', () => {
    const needed = [
      'Supported: timer, 100rel',
      'Session-Expires: 1800;refresher=uac',
      'Min-SE: 90',
      'Allow: INVITE, BYE',
      'Require: 100rel',
      'RSeq: 1',
      'RAck: 1 1 INVITE',
      'Event: dialog',
      'Subscription-State: active',
      'Refer-To: <sip:c@d>',
      'Replaces: x;to-tag=1;from-tag=2',
      'Target-Dialog: x;local-tag=1;remote-tag=2',
      'SIP-ETag: 1',
      'SIP-If-Match: 1',
      'Proxy-Authorization: Digest x',
      'Authorization: Digest x',
      'Content-Type: application/sdp',
      'Content-Disposition: session',
      'Content-Encoding: gzip',
      'MIME-Version: 1.0',
      'Path: <sip:a;lr>',
      'Route: <sip:a;lr>',
      'Record-Route: <sip:a;lr>',
      'Retry-After: 5',
      'Unsupported: x',
      'Content-Length: 0',
    ]
    const before = request('sip:a@b', { lines: needed })
    const after = applyHeaderRules(request('sip:a@b', { lines: [...needed, 'X-Gone: 1', 'Server: x'] }), [keep()])
    expect(after.headers.map((each) => each.raw)).toEqual(before.headers.map((each) => each.raw))
  })

  test('§7.3.1: a line break in a rule can never become a header of its own', () => {
    for (const value of ['a\r\nVia: b', 'a\nb', 'a\rb', 'a\0b', 'a\u010ab']) {
      expect(() => applyHeaderRules(one, [add('X-Side', value)])).toThrow('refused')
      expect(() => applyHeaderRules(one, [set('X-Side', value)])).toThrow('refused')
    }
    expect(() => applyHeaderRules(one, [add('X-Side: a\r\nVia', 'b')])).toThrow('refused')
  })

  test('the zone it comes from, the decision, the zone it goes to', () => {
    const from = { ...pbx, headersIn: [set('X-Side', 'in')] }
    const to = { ...cloud, headersOut: [add('X-Side', 'out')] }
    const way = crossing(side(from, lanUdp), side(to, pubTls), { headers: [add('X-Side', 'route')] })
    expect(values(headerRules(one, way), 'x-side')).toEqual(['in', 'route', 'out'])
    expect(headerRules(one, crossing(side(pbx, lanUdp), side(cloud, pubTls)))).toBe(one)
  })
})
