import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shortName } from '../../../src/base/keyed-hash.ts'
import { type FlowToken, RouteStateCodec } from '../../../src/routing/route-state.ts'
import { parseUri, type SipUri, uriParameter } from '../../../src/sip/uri.ts'
import {
  browsers,
  CALL_ID,
  cloud,
  connection,
  hashWith,
  LISTENERS,
  lanUdp,
  listener,
  pbx,
  pubTls,
  side,
  sixUdp,
  states,
  web,
  ZONES,
  zone,
} from './support.ts'

const token = fc.stringMatching(/^[A-Za-z0-9_-]{0,24}$/)
const port = fc.integer({ min: 1, max: 65535 })
const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('fe80::1%eth0'), fc.constant('::ffff:10.0.0.1'))
const flow: fc.Arbitrary<FlowToken | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({ kind: fc.constant('datagram' as const), address, port }),
  fc.record({ kind: fc.constant('connection' as const), boot: token, id: token, identity: token }),
)
const anySide = fc.record({ listener: fc.constantFrom(...LISTENERS), zone: fc.constantFrom(...ZONES), flow })

describe('the signed state of a dialog (design D1)', () => {
  test('what is written is read again, from inside a URI, for any listeners, zones and flows', () => {
    fc.assert(
      fc.property(anySide, anySide, fc.string({ minLength: 1, maxLength: 60 }), (caller, callee, bound) => {
        const cookie = states.encode(caller, callee, bound)
        const uri = parseUri(`sip:sbc.example.com:5061;transport=tls;lr;r2=on;ew=${cookie};ews=b`)
        expect(uri).toBeDefined()
        expect(uriParameter(uri!, 'ew')).toBe(cookie)
        expect(uriParameter(uri!, 'ews')).toBe('b')
        // §25.1: unreserved characters alone, which nobody on the way has a reason to escape
        expect(cookie).toMatch(/^[A-Za-z0-9\-_.!~*'()]+$/)
        expect(states.decode(cookie, bound)).toEqual({ key: 'a', owner: 'A', caller, callee })
        expect(states.decode(cookie, `${bound}x`)).toBe('forged')
      }),
      { numRuns: 500 },
    )
  })

  const cookie = states.encode(side(browsers, web, connection('c1')), side(pbx, lanUdp), CALL_ID)

  test('no cookie makes the reader throw, and none but ours is taken', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.stringMatching(/^[aA][A-Za-z0-9_.!~'*-]{10,80}$/)), (text) => {
        expect(typeof states.decode(text, CALL_ID)).toBe('string')
      }),
    )
  })

  test('§16.4: each changed, missing or additional character is noticed', () => {
    for (let i = 0; i < cookie.length; i++) {
      const other = cookie[i] === 'A' ? 'B' : 'A'
      expect(typeof states.decode(cookie.slice(0, i) + other + cookie.slice(i + 1), CALL_ID)).toBe('string')
      expect(typeof states.decode(cookie.slice(0, i) + cookie.slice(i + 1), CALL_ID)).toBe('string')
      expect(typeof states.decode(`${cookie.slice(0, i)}A${cookie.slice(i)}`, CALL_ID)).toBe('string')
    }
  })

  test('a cookie from another call is worth nothing', () => {
    expect(states.decode(cookie, 'call-2@example.com')).toBe('forged')
    expect(states.decode(cookie, '')).toBe('forged')
  })

  test('the border between cookie and Call-ID cannot be moved', () => {
    const bound = 'x|y'
    const long = states.encode(side(pbx, lanUdp), side(browsers, web, connection('c1')), bound)
    const dot = long.lastIndexOf('.')
    expect(states.decode(`${long.slice(0, dot)}|x${long.slice(dot)}`, 'y')).toBe('malformed')
  })

  test.each([
    '',
    '.',
    'a',
    'aA.',
    'aA!.xxxxxxxxxxx',
    `${'a'.repeat(60)}.12345678901`,
    `aA${'b'.repeat(400)}!${'c'.repeat(20)}.12345678901`,
  ])('%o is malformed', (text) => {
    expect(states.decode(text, CALL_ID)).toBe('malformed')
  })

  test('old keys are accepted while they are known', () => {
    const rotated = new RouteStateCodec(hashWith('b', 'a'), 'A', LISTENERS, ZONES)
    const later = new RouteStateCodec(hashWith('c', 'b'), 'A', LISTENERS, ZONES)
    expect(rotated.encode(side(pbx, lanUdp), side(cloud, pubTls), CALL_ID)[0]).toBe('b')
    expect(rotated.decode(cookie, CALL_ID)).toMatchObject({ callee: { zone: pbx } })
    expect(later.decode(cookie, CALL_ID)).toBe('expired-key')
  })

  test('another worker wrote it: the owner is told', () => {
    const other = new RouteStateCodec(hashWith('a'), 'B', LISTENERS, ZONES)
    expect(states.decode(other.encode(side(pbx, lanUdp), side(cloud, pubTls), CALL_ID), CALL_ID)).toMatchObject({ owner: 'B' })
  })

  test('a listener or zone that the configuration no longer has is refused', () => {
    const noWeb = new RouteStateCodec(hashWith('a'), 'A', [lanUdp, pubTls], ZONES)
    expect(noWeb.decode(cookie, CALL_ID)).toBe('unknown-listener')
    expect(new RouteStateCodec(hashWith('a'), 'A', LISTENERS, [browsers]).decode(cookie, CALL_ID)).toBe('unknown-zone')
    expect(() => noWeb.encode(side(browsers, web), side(pbx, lanUdp), CALL_ID)).toThrow('web/wss')
  })

  test('after a restart with the same names the state is read again', () => {
    const again = [lanUdp, web].map((one) => listener(one.name, one.transport.name, one.bindAddress, one.bindPort))
    const restarted = new RouteStateCodec(hashWith('a'), 'A', again, [zone('pbx', again), zone('browsers', again)])
    const state = restarted.decode(cookie, CALL_ID)
    expect(state).toMatchObject({ caller: { flow: connection('c1') } })
    expect((state as { callee: { listener: unknown } }).callee.listener).toBe(again[0])
  })

  test('nothing of our inside is told to the outside', () => {
    for (const word of ['lan', 'udp', 'pbx', 'browsers', '10.0.0.5', 'web']) expect(cookie).not.toContain(word)
  })

  test('a pinhole keeps IPv6 addresses and their scope without a character that is illegal in a parameter', () => {
    const pinhole: FlowToken = { kind: 'datagram', address: 'fe80::1%eth0', port: 5060 }
    const text = states.encode(side(pbx, sixUdp, pinhole), side(pbx, sixUdp), CALL_ID)
    expect(text).toContain("ufe80''1*eth0~5060")
    expect(states.decode(text, CALL_ID)).toMatchObject({ caller: { flow: pinhole } })
  })

  test('two listeners whose short names are the same are told apart', () => {
    const seen = new Map<string, string>()
    let pair: readonly [string, string] | undefined
    for (let i = 0; pair === undefined && i < 200_000; i++) {
      const before = seen.get(shortName(`l x${i}/udp`))
      if (before === undefined) seen.set(shortName(`l x${i}/udp`), `x${i}/udp`)
      else pair = [before, `x${i}/udp`]
    }
    expect(pair).toBeDefined()
    const [a, b] = pair!.map((name, i) => listener(name, 'udp', '10.0.0.5', 5060 + i))
    const codec = new RouteStateCodec(hashWith('a'), 'A', [a!, b!], ZONES)
    const state = codec.decode(codec.encode(side(pbx, a!), side(pbx, b!), CALL_ID), CALL_ID)
    expect(state).toMatchObject({ caller: { listener: a }, callee: { listener: b } })
  })

  test('it stays short enough for a datagram that has room for little', () => {
    expect((parseUri(`sip:a;ew=${cookie}`) as SipUri).parameters.length).toBeLessThan(80)
  })
})
