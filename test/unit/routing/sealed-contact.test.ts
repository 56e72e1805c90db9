import { describe, expect, test } from 'vitest'
import type { Sealing } from '../../../src/base/sealing.ts'
import { SealKey } from '../../../src/engine/seal.ts'
import { recordRoute } from '../../../src/routing/alterations/record-route.ts'
import { type Classified, classify, type StateRefused } from '../../../src/routing/classify.ts'
import { RouteStateCodec, type Side } from '../../../src/routing/route-state.ts'
import { ContactSeals, type SealedState } from '../../../src/routing/sealed-contact.ts'
import { headerValue } from '../../../src/sip/message.ts'
import { parseUri, type SipUri } from '../../../src/sip/uri.ts'
import {
  browsers,
  CALL_ID,
  cloud,
  connection,
  crossing,
  hashWith,
  LISTENERS,
  lanTcp,
  lanUdp,
  myself,
  pbx,
  pubTls,
  request,
  side,
  states,
  values,
  web,
  ZONES,
} from './support.ts'

/** Secrets that are the keys' names; the first seals. */
const sealingWith = (...keys: readonly string[]): Sealing => {
  const keyOf = (key: string) => (keys.includes(key) ? new SealKey(Buffer.from(key)) : undefined)
  return {
    currentKey: keys[0]!,
    seal: (key, text, bound) => keyOf(key)?.seal(text, bound),
    open: (key, sealed, bound) => {
      const opener = keyOf(key)
      if (opener === undefined) return undefined
      const text = opener.open(sealed, bound)
      return text === undefined ? 'forged' : { text }
    },
  }
}

const seals = new ContactSeals(sealingWith('a'), states)
const inside = side(pbx, lanUdp)
const outside = side(cloud, pubTls)
const phone = side(browsers, web, connection('c1'))
const media = { session: '0session', branch: 2, node: 'node', target: undefined }
const plain: SealedState = { caller: inside, callee: outside, media: undefined }
const OWN = 'sip:1001@10.0.0.20:5060'

const uriWith = (parameter: string, as?: string): string => pubTls.uriFor(undefined, parameter, as)
const sipUri = (text: string): SipUri => parseUri(text) as SipUri

describe('the Contact that peers see', () => {
  test('T §3.3: shows neither user nor address of the endpoint, and is opened again with all that a request to it needs', () => {
    for (const state of [plain, { caller: phone, callee: outside, media }, { caller: outside, callee: inside, media }])
      for (const party of ['caller', 'callee'] as const)
        for (const own of [
          OWN,
          'sip:x@rnd0.invalid;transport=ws',
          'sips:b@[2001:db8::1]:5061;x="%41"?a=b',
          `sip:${'u'.repeat(900)}@pbx.example.com`,
        ]) {
          const text = uriWith(seals.seal(own, party, state, CALL_ID))
          expect(text).toMatch(/^sip:sbc\.example\.com:5061;transport=tls;ewd=a[A-Za-z0-9_-]+$/)
          expect(seals.open(sipUri(text), [CALL_ID])).toEqual({ party, uri: own, state: { ...state, key: 'a', owner: 'A' } })
        }
  })

  test('T §3.3: brings back what the endpoint knows of From and To', () => {
    for (const hosts of [
      { local: '10.0.0.20:5060', remote: undefined },
      { local: undefined, remote: '[fd00::1]' },
      { local: '10.0.0.20', remote: '10.0.0.5' },
    ]) {
      const uri = sipUri(uriWith(seals.seal(OWN, 'caller', { caller: phone, callee: outside, media, hosts }, CALL_ID)))
      expect(seals.open(uri, [CALL_ID])).toEqual({
        party: 'caller',
        uri: OWN,
        hosts,
        state: { caller: phone, callee: outside, media, key: 'a', owner: 'A' },
      })
    }
    // In the dialog that it is of; another one has a From and To of its own
    const hosts = { local: '10.0.0.20', remote: '10.0.0.5' }
    const uri = uriWith(seals.seal(OWN, 'caller', { ...plain, hosts }, CALL_ID))
    const toOf = (toTag: string | undefined, callId: string, ...lines: readonly string[]): unknown => {
      const found = classify(request(uri, { callId, lines, ...(toTag === undefined ? {} : { toTag }) }), {
        myself,
        states,
        seals,
        arrivedOn: pubTls,
        from: cloud,
      })
      return found.kind === 'problem' ? found : headerValue(found.request, 'to')
    }
    expect(toOf('t', CALL_ID)).toBe('<sip:bob@10.0.0.20>;tag=t')
    expect(toOf(undefined, 'another', `Replaces: ${CALL_ID};to-tag=a;from-tag=b`)).toBe('<sip:bob@example.com>')
  })

  test('is bound to its call', () => {
    const uri = sipUri(uriWith(seals.seal(OWN, 'caller', plain, CALL_ID)))
    expect(seals.open(uri, ['another'])).toBe('forged')
    expect(seals.open(uri, ['another', CALL_ID])).toMatchObject({ uri: OWN })
    expect(seals.open(sipUri('sip:sbc.example.com;ewd=a'), [CALL_ID])).toBe('malformed')
    expect(seals.open(sipUri(`sip:sbc.example.com;ewd=a${'?'.repeat(60)}`), [CALL_ID])).toBe('malformed')
    expect(seals.open(sipUri('sip:sbc.example.com;lr'), [CALL_ID])).toBeUndefined()
  })

  test('stays the same text as long as the dialog’s key is good, whatever new dialogs are sealed with', () => {
    const before = seals.seal(OWN, 'caller', plain, CALL_ID)
    const rotated = new ContactSeals(sealingWith('b', 'a'), states)
    expect(rotated.seal(OWN, 'caller', plain, CALL_ID, 'a')).toBe(before)
    expect(rotated.seal(OWN, 'caller', plain, CALL_ID)).not.toBe(before)
    expect(rotated.open(sipUri(uriWith(before)), [CALL_ID])).toMatchObject({ uri: OWN })
    const later = new ContactSeals(sealingWith('c', 'b'), states)
    expect(later.open(sipUri(uriWith(before)), [CALL_ID])).toBe('expired-key')
    expect(later.seal(OWN, 'caller', plain, CALL_ID, 'a')).toBe(later.seal(OWN, 'caller', plain, CALL_ID))
  })

  test('a listener or zone that is not there any more is told', () => {
    const uri = sipUri(uriWith(seals.seal(OWN, 'caller', plain, CALL_ID)))
    const without = (listeners: readonly (typeof LISTENERS)[number][], zones: readonly (typeof ZONES)[number][]) =>
      new ContactSeals(sealingWith('a'), new RouteStateCodec(hashWith('a'), 'A', listeners, zones))
    expect(without([lanTcp, pubTls], ZONES).open(uri, [CALL_ID])).toBe('unknown-listener')
    expect(without(LISTENERS, [cloud]).open(uri, [CALL_ID])).toBe('unknown-zone')
  })
})

describe('the strict router that was none (T §3.5)', () => {
  const look = (requestUri: string, lines: readonly string[], from: 'cloud' | 'pbx' = 'cloud', toTag: string | undefined = 't') =>
    classify(request(requestUri, { method: 'BYE', ...(toTag === undefined ? {} : { toTag }), lines }), {
      ...{ myself, states, seals },
      ...(from === 'cloud' ? { arrivedOn: pubTls, from: cloud } : { arrivedOn: lanUdp, from: pbx }),
    })

  /** From and to where it goes, its Request-URI and what is left of Route. */
  const way = (found: Classified | StateRefused): unknown =>
    found.kind === 'in-dialog'
      ? [
          `${found.ingress.zone.name} -> ${found.egress.zone.name} by ${found.egress.listener.name}`,
          found.request.requestUri,
          headerValue(found.request, 'route'),
        ]
      : found.kind === 'problem'
        ? [found.status, found.fault]
        : found.kind

  const entriesOf = (caller: Side, callee: Side): readonly string[] =>
    values(
      recordRoute(
        request('sip:b@example.com'),
        crossing(caller, callee, { recordRoute: true, cookie: states.encode(caller, callee, CALL_ID) }),
      ),
      'record-route',
    )

  const directions = [
    ['the PBX called', { caller: inside, callee: outside, media: undefined }, 'caller'],
    ['the PBX was called', { caller: outside, callee: inside, media: undefined }, 'callee'],
  ] as const

  for (const [name, state, party] of directions) {
    const target = uriWith(seals.seal(OWN, party, state, CALL_ID))
    const [top, bottom] = entriesOf(state.caller, state.callee) as [string, string]
    // §12.1.2: the outer entry is the first that a peer outside has to visit
    const [outer, inner] = party === 'caller' ? [top, bottom] : [bottom, top]
    const reached = ['cloud -> pbx by lan/udp', OWN, undefined]

    test(`${name}: Request-URI that is our Contact, and our Routes in two lines, in one, or gone`, () => {
      expect(way(look(target, [`Route: ${outer}`, `Route: ${inner}`]))).toEqual(reached)
      expect(way(look(target, [`Route: ${outer}, ${inner}`]))).toEqual(reached)
      expect(way(look(target, []))).toEqual(reached)
    })

    test(`${name}: with a proxy of the PBX’s behind us`, () => {
      const beyond = '<sip:10.0.0.19;lr>'
      expect(way(look(target, [`Route: ${outer}, ${inner}, ${beyond}`]))).toEqual([...reached.slice(0, 2), beyond])
    })

    test(`${name}: a true strict router before us, which put our entry into the Request-URI and our Contact last`, () => {
      const uri = outer.slice(1, -1)
      expect(way(look(uri, [`Route: ${inner}`, `Route: <${target}>`]))).toEqual(reached)
      expect(way(look(uri, [`Route: ${inner}, <${target}>`]))).toEqual(reached)
    })

    test(`${name}: what the PBX sends has the peer’s own Contact and is not touched`, () => {
      const theirs = 'sip:api.example.org:443;x-i=1;x-c=a/d/8'
      expect(way(look(theirs, [`Route: ${inner}`, `Route: ${outer}`, 'Route: <sip:hub.example.org;lr>'], 'pbx'))).toEqual([
        'pbx -> cloud by pub/tls',
        theirs,
        '<sip:hub.example.org;lr>',
      ])
    })
  }

  test('the names that the two sides know us by come back from the Routes, or from the Request-URI alone', () => {
    const state = { caller: inside, callee: outside, media: undefined }
    const target = uriWith(seals.seal(OWN, 'caller', state, CALL_ID), 'tenant1.example.net')
    const entries = values(
      recordRoute(
        request('sip:b@example.com'),
        crossing(inside, outside, {
          recordRoute: true,
          cookie: states.encode(inside, outside, CALL_ID),
          advertiseEgress: 'tenant1.example.net',
        }),
      ),
      'record-route',
    )
    const namesOf = (found: Classified | StateRefused) => (found.kind === 'in-dialog' ? found.names : undefined)
    expect(namesOf(look(target, [`Route: ${entries.join(', ')}`]))).toEqual({ ingress: 'tenant1.example.net', egress: '10.0.0.5' })
    expect(namesOf(look('sip:api.example.org', [`Route: ${entries.toReversed().join(', ')}`], 'pbx'))).toEqual({
      ingress: '10.0.0.5',
      egress: 'tenant1.example.net',
    })
    expect(namesOf(look(target, []))).toEqual({ ingress: 'tenant1.example.net', egress: undefined })
  })

  test('is refused from another zone, as the Contact of another edge it is not ours, and its header fields stay behind', () => {
    const sealed = seals.seal(`${OWN}?subject=x`, 'caller', plain, CALL_ID)
    expect(way(look(uriWith(sealed), [], 'pbx'))).toEqual([403, 'wrong-side'])
    expect(way(look(`sip:other.example.com:5061${sealed}`, []))).toBe('stranger')
    expect(way(look(uriWith(sealed), []))).toEqual(['cloud -> pbx by lan/udp', OWN, undefined])
    const broken = uriWith(seals.seal('http://nobody', 'caller', plain, CALL_ID))
    expect(way(look(broken, []))).toEqual([404, 'malformed'])
  })

  test('T §2.1: OPTIONS to it, in no dialog, asks whether we live; a REGISTER finds nobody there', () => {
    const target = uriWith(seals.seal(OWN, 'caller', plain, 'another call'))
    const asked = (method: string) => classify(request(target, { method }), { myself, states, seals, arrivedOn: pubTls, from: cloud })
    expect(asked('OPTIONS').kind).toBe('for-us')
    expect(asked('REGISTER')).toMatchObject({ kind: 'initial', via: undefined })
    expect(asked('INVITE')).toMatchObject({ kind: 'problem', status: 403, fault: 'forged' })
  })
})
