import { describe, expect, test } from 'vitest'
import { branchOf, branchOwner, loopHash, loopPart } from '../../../src/routing/branch.ts'
import { validateRequest, validateView, wellFormed } from '../../../src/routing/validate.ts'
import { type SipRequest, withRequestUri } from '../../../src/sip/message.ts'
import { messageText, parsed, parsedRequest } from '../../support/messages.ts'
import { CALL_ID, lanUdp, myself, pubTls, request } from './support.ts'

const view = validateView(myself, 'A')
const check = (one: SipRequest) => wellFormed(one) ?? validateRequest(one, view)
const status = (one: SipRequest) => check(one)?.status

/** A good request with some of its header lines replaced (by name) or, where the name is new, added. */
const changed = (
  changes: Readonly<Record<string, string | undefined>>,
  requestUri = 'sip:bob@example.com',
  method = 'INVITE',
): SipRequest => {
  const headers: Record<string, string | undefined> = {
    Via: 'SIP/2.0/UDP 10.0.0.20;branch=z9hG4bKx',
    'Max-Forwards': '70',
    From: '<sip:alice@example.com>;tag=1',
    To: '<sip:bob@example.com>',
    'Call-ID': CALL_ID,
    CSeq: `1 ${method}`,
    ...changes,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return parsedRequest(messageText(`${method} ${requestUri} SIP/2.0`, lines))
}

describe('§16.3 item 1: the syntax of what we use', () => {
  test('a good request passes', () => {
    expect(check(changed({}))).toBeUndefined()
    expect(check(changed({ 'Max-Forwards': undefined }))).toBeUndefined()
  })

  test.each(['From', 'To', 'Call-ID', 'CSeq', 'Via'])('§8.1.1: without %s it is 400', (name) => {
    expect(check(changed({ [name]: undefined }))).toMatchObject({ status: 400, at: name })
  })

  test.each([
    ['From', '<sip:a@b>;tag=2'],
    ['To', '<sip:a@b>'],
    ['Call-ID', 'other'],
    ['CSeq', '2 INVITE'],
    ['Max-Forwards', '1'],
  ])('§7.3.1: two lines of %s are 400', (name, second) => {
    expect(check(request('sip:bob@example.com', { lines: [`${name}: ${second}`] }))).toMatchObject({ status: 400, at: name })
  })

  test.each([
    ['From', 'sip:a@b, sip:c@d'],
    ['From', '"open <sip:a@b>;tag=1'],
    ['To', '<sip:b@exa mple.com>'],
    ['To', 'no scheme'],
    ['To', '<sip:@example.com>'],
    ['From', '<sip:a%0@b>;tag=1'],
    ['Call-ID', 'two words'],
    ['CSeq', 'INVITE'],
    ['CSeq', '-1 INVITE'],
    ['CSeq', '2147483648 INVITE'],
    ['Via', 'SIP/2.0/UDP'],
    ['Via', 'SIP/1.0/UDP a;branch=z9hG4bKx'],
    ['Route', '<sip:a@b'],
    ['Route', '<tel:>'],
    ['Route', 'nonsense'],
    ['Record-Route', '<sip:a b;lr>'],
    ['Max-Forwards', 'many'],
    ['Max-Forwards', '-1'],
    ['Max-Forwards', '256'],
    ['Max-Forwards', '99999999999'],
    ['Max-Forwards', '7 0'],
    ['Proxy-Require', 'fo\0o'],
    ['Proxy-Require', 'two words'],
  ])('%s: %o is 400', (name, value) => {
    expect(check(changed({ [name]: value }))).toMatchObject({ status: 400, at: name })
  })

  test('§20.42: also a Via further down has to be readable, since responses go by it', () => {
    expect(check(request('sip:bob@example.com', { lines: ['Via: nonsense'] }))).toMatchObject({ status: 400, at: 'Via' })
  })

  test('schemes that only pass through are not ours to judge', () => {
    expect(check(changed({ From: '<im:a@b>;tag=1', To: '<urn:service:sos>' }))).toBeUndefined()
  })

  test('§8.1.1.5: the method of CSeq is the one of the request', () => {
    expect(check(changed({ CSeq: '1 BYE' }))).toMatchObject({ status: 400, rfc: '§8.1.1.5' })
    expect(check(changed({ CSeq: '1 invite' }))).toMatchObject({ status: 400 })
  })

  test.each([
    'bob',
    'sip:',
    'sip:@example.com',
    'sip:bob@',
    'sip:bob@exa<mple.com',
    'sip:bob%zz@example.com',
    'sip:a@b@c',
    'tel:',
    'sip:bob@host:0',
  ])('Request-URI %o is 400', (uri) => {
    expect(check(changed({}, uri))).toMatchObject({ status: 400, at: 'Request-URI' })
  })

  test('§19.1.1: header fields in a Request-URI are 400', () => {
    expect(check(changed({}, 'sip:bob@example.com?Route=%3Csip:evil.net%3E'))).toMatchObject({ status: 400, rfc: '§19.1.1' })
  })

  test.each([
    'sip:%0d%0aRoute:%20x@example.com',
    'sip:bob%00@example.com',
    'sip:user%40evil.net@example.com',
    'sips:bob@[2001:db8::9]',
    'tel:+44-20-7946',
  ])('escaped characters and odd users are a matter of the target: %s', (uri) => {
    expect(check(changed({}, uri))).toBeUndefined()
  })

  test('a response needs the same headers', () => {
    expect(wellFormed(parsed(messageText('SIP/2.0 200 OK', ['Via: SIP/2.0/UDP a;branch=b', 'CSeq: 1 INVITE'])))).toMatchObject({
      at: 'From',
    })
  })
})

describe('§16.3 items 2 to 5', () => {
  test('RFC 5031: of URNs a service is none', () => {
    expect(status(changed({}, 'urn:service:sos.fire'))).toBe(undefined)
    expect(status(changed({}, 'urn:uuid:1'))).toBe(416)
  })

  test.each(['http://example.com', 'nobodyKnowsThisScheme:totallyopaquecontent', 'mailto:a@b'])('item 2: %s is 416', (uri) => {
    expect(status(changed({}, uri))).toBe(416)
  })

  test('item 3: no hops left is 483, but an OPTIONS may be answered here', () => {
    expect(status(changed({ 'Max-Forwards': '0' }))).toBe(483)
    expect(status(changed({ 'Max-Forwards': '0000' }))).toBe(483)
    expect(status(changed({ 'Max-Forwards': '0' }, undefined, 'OPTIONS'))).toBeUndefined()
    expect(status(changed({ 'Max-Forwards': '1' }))).toBeUndefined()
    expect(status(changed({ 'Max-Forwards': '255' }))).toBeUndefined()
    expect(status(changed({ 'Max-Forwards': '0' }, undefined, 'ACK'))).toBe(483)
  })

  test('item 5: an extension that we do not know is 420 and told in Unsupported', () => {
    expect(check(changed({ 'Proxy-Require': 'foo, , Bar' }))).toMatchObject({ status: 420, headers: [['Unsupported', 'foo, Bar']] })
    const known = { ...view, proxyRequire: new Set(['foo']) }
    expect(validateRequest(changed({ 'Proxy-Require': 'FOO' }), known)).toBeUndefined()
    expect(validateRequest(changed({ 'Proxy-Require': 'foo, bar' }), known)).toMatchObject({ headers: [['Unsupported', 'bar']] })
    expect(status(changed({ Require: 'anything' }))).toBeUndefined()
  })

  test.each(['ACK', 'CANCEL'])('§8.2.2.3: %s is never refused for Proxy-Require', (method) => {
    expect(status(changed({ 'Proxy-Require': 'foo' }, undefined, method))).toBeUndefined()
  })

  test('the list is gone through in its order', () => {
    const wrong = { Route: 'nonsense', 'Max-Forwards': '0', 'Proxy-Require': 'foo' }
    expect(status(changed(wrong, 'http://a'))).toBe(400)
    expect(status(changed({ ...wrong, Route: undefined }, 'http://a'))).toBe(416)
    expect(status(changed({ ...wrong, Route: undefined }))).toBe(483)
    const looping = changed({ 'Proxy-Require': 'foo' })
    expect(status(returned(looping))).toBe(482)
    expect(status(looping)).toBe(420)
  })
})

/** The request as it would come back after it left by `by`. */
const returned = (one: SipRequest, by = lanUdp): SipRequest => {
  const via = by.via(branchOf('A', 'unique-12', loopHash(one)))
  const lines = one.headers.map((each) => each.raw.slice(0, -2))
  return parsedRequest(messageText(one.startLine.slice(0, -2), [`Via: SIP/2.0/UDP 10.0.0.20;branch=z9hG4bKother`, `Via: ${via}`, ...lines]))
}

describe('§16.3 item 4, §16.6 item 8: loops and spirals', () => {
  const invite = request('sip:bob@example.com', { lines: ['Route: <sip:10.0.0.5;lr>'] })

  test('a request that comes back as it was is a loop, whichever listener it left by', () => {
    expect(status(invite)).toBeUndefined()
    expect(status(returned(invite))).toBe(482)
    expect(status(returned(invite, pubTls))).toBe(482)
    expect(status(returned(returned(invite)))).toBe(482)
  })

  test('a request that comes back with another Request-URI is a spiral', () => {
    expect(status(withRequestUri(returned(invite), 'sip:bob@10.0.0.20'))).toBeUndefined()
  })

  test.each([
    ['Route', 'Route: <sip:10.0.0.5;lr>', 'Route: <sip:10.0.0.9;lr>'],
    ['the To tag', 'To: <sip:bob@example.com>', 'To: <sip:bob@example.com>;tag=2'],
    ['the From tag', ';tag=from1', ';tag=from2'],
    ['CSeq', 'CSeq: 1 ', 'CSeq: 2 '],
    ['Call-ID', 'call-1@', 'call-2@'],
    ['credentials', 'Route:', 'Proxy-Authorization: Digest x\r\nRoute:'],
    ['Proxy-Require', 'Route:', 'Proxy-Require: x\r\nRoute:'],
  ])('§16.6 item 8: what routes it has changed: %s', (_what, from, to) => {
    const back = returned(invite)
    const text = `${back.startLine}${back.headers.map((one) => one.raw).join('')}\r\n`
    expect(text).toContain(from)
    expect(loopHash(parsedRequest(text.replace(from, to)))).not.toBe(loopHash(invite))
  })

  test('what moves from one part to its neighbour changes the hash, too', () => {
    const one = request('sip:bob@example.com', { callId: '1x' })
    const other = request('sip:bob@example.com1', { callId: 'x' })
    expect(loopHash(one)).not.toBe(loopHash(other))
  })

  test('a branch of somebody else, or of another worker, is no loop', () => {
    const hash = loopHash(invite)
    const seen = (via: string) => status(request('sip:bob@example.com', { lines: ['Route: <sip:10.0.0.5;lr>', `Via: ${via}`] }))
    expect(seen(`SIP/2.0/UDP 10.0.0.5:5060;branch=${branchOf('A', 'u', hash)}`)).toBe(482)
    expect(seen(`SIP/2.0/UDP 10.0.0.5:5060;branch=${branchOf('B', 'u', hash)}`)).toBeUndefined()
    expect(seen(`SIP/2.0/UDP 10.0.0.77:5060;branch=${branchOf('A', 'u', hash)}`)).toBeUndefined()
    expect(seen(`SIP/2.0/UDP 10.0.0.5:5060;branch=Au-${hash}`)).toBeUndefined()
    expect(seen('SIP/2.0/UDP 10.0.0.5:5060')).toBeUndefined()
  })

  test('a branch tells its owner and its loop part', () => {
    const branch = branchOf('A', 'x-y_z', 'abc')
    expect([branch, branchOwner(branch), loopPart(branch)]).toEqual(['z9hG4bKAx-y_z-abc', 'A', 'abc'])
    expect(branchOwner('1234')).toBeUndefined()
  })
})
