import { describe, expect, test } from 'vitest'
import { caller } from '../../../src/routing/alterations/caller.ts'
import { identitiesInResponse, withoutClaims, withoutPrivate } from '../../../src/routing/alterations/identities.ts'
import { rewrite } from '../../../src/routing/rewrite.ts'
import { PLAIN_DIALECT } from '../../../src/zones/dialect.ts'
import { messageText, parsedResponse } from '../../support/messages.ts'
import { crossing, lanUdp, pbx, pubTls, request, side, values, zone } from './support.ts'

const stranger = zone('stranger', [pubTls], { trusted: false })
const toStranger = crossing(side(pbx, lanUdp), side(stranger, pubTls))
const carrier = zone('carrier', [pubTls], { dialect: { ...PLAIN_DIALECT, caller: 'asserted' } })
const toCarrier = crossing(side(pbx, lanUdp), side(carrier, pubTls))

const CLAIMS = [
  'P-Asserted-Identity: <tel:+4420>,<sip:ana@a>',
  'P-Preferred-Identity: <sip:ana@a>',
  'Remote-Party-ID: <sip:1@a>;party=calling',
]
const claims = (of: Parameters<typeof values>[0]): string[] =>
  ['p-asserted-identity', 'p-preferred-identity', 'remote-party-id'].flatMap((name) => values(of, name))

describe('RFC 3325', () => {
  test('§5: what somebody untrusted claims of himself is taken off, all else stays', () => {
    const left = withoutClaims(request('sip:a@b', { lines: [...CLAIMS, 'Privacy: id'] }))
    // §9.2: what he would like to be called is a wish, for the PBX that asks for his password
    expect(claims(left)).toEqual(['<sip:ana@a>'])
    expect(values(left, 'privacy')).toEqual(['id'])
  })

  test('RFC 5806, RFC 7044: nor do they say who sent the call here: carriers bill by it, and callees believe it', () => {
    const lines = ['Diversion: <sip:+4420@a>;reason=unconditional', 'History-Info: <sip:+4420@a>;index=1']
    const left = withoutClaims(request('sip:a@b', { lines }))
    expect([...values(left, 'diversion'), ...values(left, 'history-info')]).toEqual([])
  })

  test.each([
    ['id', 0],
    ['user; critical', 0],
    ['header;ID', 0],
    ['none', 3],
    ['history', 3],
    ['identity', 3],
  ])('§7: with Privacy %j the untrusted are shown %i identities, the trusted all', (privacy, left) => {
    const one = request('sip:a@b', { lines: [...CLAIMS, `PRIVACY: ${privacy}`] })
    const shown = withoutPrivate(one, toStranger)
    expect(claims(shown).length).toBe(left)
    // §9.3: who comes behind may need it as well
    expect(values(shown, 'privacy')).toEqual([privacy])
    // §7.3.1: a list may stand in several lines
    const several = request('sip:a@b', { lines: [...CLAIMS, 'Privacy: critical', `Privacy: ${privacy}`] })
    expect(claims(withoutPrivate(several, toStranger)).length).toBe(left)
    expect(withoutPrivate(one, toCarrier)).toBe(one)
  })

  test('Remote-Party-ID says itself that it is private', () => {
    const lines = ['Remote-Party-ID: "A" <sip:1@a>;privacy=full', 'Remote-Party-ID: <sip:1@a>;privacy=off;screen=yes']
    expect(values(withoutPrivate(request('sip:a@b', { lines }), toStranger), 'remote-party-id')).toEqual([
      '<sip:1@a>;privacy=off;screen=yes',
    ])
  })

  test('responses: an untrusted callee claims nothing, an untrusted caller is shown nothing private', () => {
    const response = (...lines: string[]) => parsedResponse(messageText('SIP/2.0 200 OK', [...CLAIMS, ...lines]))
    expect(claims(identitiesInResponse(response(), { ingress: pbx, egress: stranger }))).toEqual(['<sip:ana@a>'])
    expect(claims(identitiesInResponse(response('Privacy: id'), { ingress: stranger, egress: pbx }))).toEqual([])
    expect(claims(identitiesInResponse(response(), { ingress: stranger, egress: pbx })).length).toBe(3)
    expect(claims(identitiesInResponse(response('Privacy: id'), { ingress: pbx, egress: pbx })).length).toBe(3)
  })

  test('an operator’s own identity counts, what the caller wants to be private does not become public by a rule', () => {
    const set = { kind: 'set', name: 'p-asserted-identity', display: 'P-Asserted-Identity', value: '<sip:+4420@us>' } as const
    const open = rewrite(request('sip:a@b'), { ...toStranger, headers: [set] })
    expect(values(open, 'p-asserted-identity')).toEqual(['<sip:+4420@us>'])
    expect(
      values(rewrite(request('sip:a@b', { lines: ['Privacy: id'] }), { ...toStranger, headers: [set] }), 'p-asserted-identity'),
    ).toEqual([])
  })
})

describe('RFC 7044 §10.1.2: who wants to be private in a forwarded call', () => {
  const history =
    'HISTORY-INFO: "Ana" <sip:+4420@a;user=phone?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1,<sip:+4421@a?Reason=SIP%3Bcause%3D486>;index=1.1'

  test('is anonymous to the untrusted, entry by entry', () => {
    const left = withoutPrivate(request('sip:a@b', { lines: [history] }), toStranger)
    expect(values(left, 'history-info')).toEqual([
      '<sip:anonymous@anonymous.invalid>;index=1, <sip:+4421@a?Reason=SIP%3Bcause%3D486>;index=1.1',
    ])
  })

  test('with Privacy: history all of it is', () => {
    const left = withoutPrivate(request('sip:a@b', { lines: [history, 'Privacy: history'] }), toStranger)
    expect(values(left, 'history-info')).toEqual(['<sip:anonymous@anonymous.invalid>;index=1, <sip:anonymous@anonymous.invalid>;index=1.1'])
  })

  test('RFC 5806: the same for Diversion', () => {
    const lines = ['Diversion: <sip:1@a>;reason=unconditional;privacy=full, "B"<sip:2@a>;privacy="off"', 'Diversion: sip:3@a;privacy=name']
    expect(values(withoutPrivate(request('sip:a@b', { lines }), toStranger), 'diversion')).toEqual([
      '<sip:anonymous@anonymous.invalid>;reason=unconditional;privacy=full, "B"<sip:2@a>;privacy="off"',
      '<sip:anonymous@anonymous.invalid>;privacy=name',
    ])
  })

  test('what cannot be read is shown to nobody, and the trusted get every byte', () => {
    const lines = ['History-Info: <sip:1@a?Privacy=history;index=1', history]
    const one = request('sip:a@b', { lines })
    expect(values(withoutPrivate(one, toStranger), 'history-info').length).toBe(1)
    expect(withoutPrivate(one, toCarrier)).toBe(one)
  })
})

describe('caller: asserted', () => {
  const from = (lines: readonly string[], written = '"Bob" <sip:100@a>;tag=1'): string => {
    const one = request('sip:a@b', { lines: [...lines, `FROM: ${written}`] })
    return values(caller({ ...one, headers: one.headers.filter(({ raw }) => !raw.startsWith('From')) }, toCarrier), 'from')[0]!
  }

  test.each([
    [['P-Asserted-Identity: <tel:+442079460100>,<sip:ana@example.org>'], '"Bob" <sip:+442079460100@a>;tag=1'],
    [['P-Asserted-Identity: "Ana" <sip:ana@example.org>', 'P-Asserted-Identity: <sip:+44-207@x;user=phone>'], '"Bob" <sip:+44207@a>;tag=1'],
    [['P-Asserted-Identity: <sip:ana@example.org>'], '"Bob" <sip:100@a>;tag=1'],
    [[], '"Bob" <sip:100@a>;tag=1'],
    // The caller's wish
    [['P-Asserted-Identity: <tel:+4420>', 'Privacy: id'], '"Bob" <sip:100@a>;tag=1'],
  ])('%j makes From %s', (lines, expected) => {
    expect(from(lines)).toBe(expected)
  })

  test('T §3.2: who is anonymous stays so', () => {
    const written = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
    expect(from(['P-Asserted-Identity: <tel:+4420>'], written)).toBe(written)
  })
})
