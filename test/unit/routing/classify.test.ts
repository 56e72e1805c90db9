import { describe, expect, test } from 'vitest'
import type { Listener } from '../../../src/address/listener.ts'
import { path } from '../../../src/routing/alterations/path.ts'
import { recordRoute } from '../../../src/routing/alterations/record-route.ts'
import { type Classified, classify, dropTopRoute, PATH_BOUND, type StateRefused, topRoute } from '../../../src/routing/classify.ts'
import { RouteStateCodec, type Side } from '../../../src/routing/route-state.ts'
import type { SipRequest } from '../../../src/sip/message.ts'
import type { Zone } from '../../../src/zones/zone.ts'
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
  sixUdp,
  states,
  values,
  web,
  ZONES,
  zone,
} from './support.ts'

const look = (one: SipRequest, arrivedOn: Listener = lanUdp, codec = states, from = zoneOn(arrivedOn)): Classified | StateRefused =>
  classify(one, { myself, states: codec, arrivedOn, from })

const zoneOn = (listener: Listener): Zone => ZONES.find(({ listeners }) => listeners.includes(listener))!

/** The Record-Route values of a crossing, the outgoing side's on top. */
const recorded = (caller: Side, callee: Side, callId = CALL_ID): string[] =>
  values(
    recordRoute(
      request('sip:bob@example.com'),
      crossing(caller, callee, { recordRoute: true, cookie: states.encode(caller, callee, callId) }),
    ),
    'record-route',
  )

/** §12.1.2: the caller's route set is the Record-Route reversed, the callee's is as it stands. */
const routesOf = (who: 'caller' | 'callee', entries: readonly string[]): string[] =>
  (who === 'caller' ? [...entries].reverse() : [...entries]).map((value) => `Route: ${value}`)

const bye = (lines: readonly string[], requestUri = 'sip:peer@192.0.2.9', callId = CALL_ID) =>
  request(requestUri, { method: 'BYE', toTag: 't', lines, callId })

/** Zones of the two sides, and the listener to leave by. */
const way = (found: Classified | StateRefused): string =>
  found.kind === 'in-dialog'
    ? `${found.ingress.zone.name} -> ${found.egress.zone.name} by ${found.egress.listener.name}`
    : found.kind === 'problem'
      ? `${found.status} ${found.fault}`
      : found.kind

const phone = side(browsers, web, connection('c1'))
const voice = side(pbx, lanUdp)
const entries = recorded(phone, voice)

describe('T8: inside a dialog both own entries go, and the second says where to leave', () => {
  const sides: readonly (readonly [string, Side, Side])[] = [
    ['WSS to UDP', phone, voice],
    ['UDP to TLS by name', voice, side(cloud, pubTls)],
    ['TLS to IPv6', side(cloud, pubTls), side(pbx, sixUdp)],
    ['UDP to TCP of one address', voice, side(pbx, lanTcp)],
    ['two clients on one listener', phone, side(browsers, web, connection('c2'))],
    ['a client and its zone on one listener', side(browsers, web), phone],
    ['two zones on one listener', voice, side(cloud, lanUdp)],
  ]

  test.each(sides)('%s: from either end', (_what, caller, callee) => {
    const made = recorded(caller, callee)
    expect(made).toHaveLength(2)
    const down = look(bye(routesOf('caller', made)), caller.listener)
    expect(down).toMatchObject({ kind: 'in-dialog', ingress: caller, egress: callee })
    expect((down as { egress: Side }).egress.flow).toEqual(callee.flow)
    const up = look(bye(routesOf('callee', made)), callee.listener)
    expect(up).toMatchObject({ kind: 'in-dialog', ingress: callee, egress: caller })
    expect((up as { egress: Side }).egress.flow).toEqual(caller.flow)
    for (const found of [down, up]) expect(values((found as { request: SipRequest }).request, 'route')).toEqual([])
  })

  test('nothing differs between the sides: one entry, and it goes alone', () => {
    const made = recorded(voice, voice)
    expect(made).toHaveLength(1)
    expect(way(look(bye(routesOf('caller', made))))).toBe('pbx -> pbx by lan/udp')
  })

  test.each([
    ['one comma line', (all: string[]) => [`Route: ${all.join(', ')}`]],
    ['several lines', (all: string[]) => all.map((one) => `Route: ${one}`)],
    ['mixed', (all: string[]) => [`Route: ${all[0]}`, `Route: ${all.slice(1).join(',')}`]],
    ['folded', (all: string[]) => [`Route: ${all.join(',\r\n ')}`]],
  ])('§7.3.1: in %s, with foreign Routes below that stay as they were written', (_how, lines) => {
    const all = [...[...entries].reverse(), '"A, B"  <sip:far.example.com;lr;X=Y> ;p=1', '<sip:further.example.com;LR>']
    const found = look(bye(lines(all)), web)
    expect(way(found)).toBe('browsers -> pbx by lan/udp')
    expect(values((found as { request: SipRequest }).request, 'route').join(', ')).toBe(all.slice(2).join(', '))
  })

  test.each([
    [
      'upper-case parameters',
      (text: string) => text.replace('transport=ws', 'TRANSPORT=WS').replace(';lr', ';LR').replace('r2=on', 'R2=on'),
    ],
    ['wss, as some write it', (text: string) => text.replace('transport=ws', 'transport=wss')],
    ['the transport left out', (text: string) => text.replace(';transport=ws', '')],
    ['our name in capitals', (text: string) => text.replace('sbc.example.com', 'SBC.Example.COM')],
    ['lr with a value', (text: string) => text.replace(';lr', ';lr=on')],
    ['further parameters', (text: string) => text.replace(';lr', ';lr;ftag=1').replace('>', '>;x=y')],
    ['the bound address instead of the name', (text: string) => text.replace('sbc.example.com', '10.0.0.5')],
    ['r2 cut off', (text: string) => text.replace(';r2=on', '')],
  ])('T2, A4: an entry that comes back with %s is ours', (_what, change) => {
    expect(way(look(bye(routesOf('caller', entries.map(change))), web))).toBe('browsers -> pbx by lan/udp')
    expect(way(look(bye(routesOf('callee', entries.map(change)))))).toBe('pbx -> browsers by web/wss')
  })

  test('an outbound proxy setting puts us on top once more: that entry goes, too', () => {
    const lines = ['Route: <sip:sbc.example.com:443;transport=ws;lr>', ...routesOf('caller', entries)]
    expect(way(look(bye(lines), web))).toBe('browsers -> pbx by lan/udp')
  })

  test('A4: a call that passed twice with nobody between: from both ends straight to the last side', () => {
    const other = side(browsers, web, connection('c2'))
    const both = [...recorded(side(pbx, lanUdp), other), ...entries]
    const down = look(bye(routesOf('caller', both)), web)
    expect(down).toMatchObject({ kind: 'in-dialog', ingress: phone, egress: other })
    const up = look(bye(routesOf('callee', both)), web)
    expect(up).toMatchObject({ kind: 'in-dialog', ingress: other, egress: phone })
    expect(values((up as { request: SipRequest }).request, 'route')).toEqual([])
  })

  test('with a proxy between the two crossings the first one alone is taken off', () => {
    const both = [...recorded(side(pbx, lanUdp), side(browsers, web, connection('c2'))), '<sip:10.0.0.20;lr>', ...entries]
    const found = look(bye(routesOf('caller', both)), web)
    expect(way(found)).toBe('browsers -> pbx by lan/udp')
    expect(topRoute((found as { request: SipRequest }).request)?.uri).toBe('sip:10.0.0.20;lr')
    expect(values((found as { request: SipRequest }).request, 'route')).toHaveLength(3)
  })
})

describe('§16.4: a strict router before us', () => {
  const [top, below] = routesOf('caller', entries).map((one) => /<(.*)>/.exec(one)![1]!)

  test('moved our entry into the Request-URI: the last Route is the target', () => {
    const found = look(bye([`Route: <${below}>`, 'Route: <sip:peer@192.0.2.9:5070;ob>'], top), web)
    expect(way(found)).toBe('browsers -> pbx by lan/udp')
    expect(found).toMatchObject({ request: { requestUri: 'sip:peer@192.0.2.9:5070;ob' } })
    expect(values((found as { request: SipRequest }).request, 'route')).toEqual([])
  })

  test('the same with all Routes in one line, and foreign ones between', () => {
    const found = look(bye([`Route: <${below}>, <sip:far.example.com;lr>, <sip:peer@192.0.2.9>`], top), web)
    expect(found).toMatchObject({ kind: 'in-dialog', request: { requestUri: 'sip:peer@192.0.2.9' } })
    expect(values((found as { request: SipRequest }).request, 'route')).toEqual(['<sip:far.example.com;lr>'])
  })

  test('a tel target comes back, header fields of a Route do not get into the Request-URI', () => {
    expect(look(bye([`Route: <${below}>`, 'Route: <tel:+442079460100>'], top), web)).toMatchObject({ uri: { scheme: 'tel' } })
    expect(look(bye([`Route: <${below}>`, 'Route: <sip:a@b?Subject=x>'], top), web)).toMatchObject({ request: { requestUri: 'sip:a@b' } })
  })

  test('our entry in the Request-URI and no Route: nothing says where it was going', () => {
    expect(way(look(bye([], top), web))).toBe('stranger')
  })

  test('it is not taken for ours when it only looks like it', () => {
    const foreign = top!.replace('sbc.example.com', 'sbc.example.net')
    expect(way(look(bye([`Route: <${below}>`, 'Route: <sip:peer@192.0.2.9>'], foreign), web))).toBe('403 unpaired')
    expect(way(look(bye(['Route: <sip:peer@192.0.2.9>'], 'sip:sbc.example.com:443;transport=ws;lr'), web))).toBe('403 missing')
  })
})

describe('state that is refused (403)', () => {
  const caller = routesOf('caller', entries)

  test.each([
    ['forged', caller.map((one) => one.replace(/ew=(..)..../, 'ew=$1AAAA'))],
    ['malformed', caller.map((one) => one.replace(/ew=[^>;]*/, 'ew=nonsense'))],
    ['malformed', caller.map((one) => one.replace(/ew=[^>;]*/, 'ew'))],
    ['expired-key', caller.map((one) => one.replace('ew=a', 'ew=z'))],
    ['unpaired', caller.slice(0, 1)],
    ['unpaired', caller.slice(1)],
    ['unpaired', [caller[0]!, 'Route: <sip:far.example.com;lr>', caller[1]!]],
    ['unpaired', [caller[0]!, routesOf('caller', recorded(phone, side(cloud, pubTls)))[1]!]],
    ['unpaired', ['Route: <sip:sbc.example.com;lr;r2=on>', caller[1]!]],
    ['missing', ['Route: <sip:sbc.example.com:5061;transport=tls;lr>']],
    ['missing', ['Route: <sip:far.example.com;lr>']],
    ['missing', ['Route: <sip:sbc.example.com;lr>, <sip:far.example.com;lr>']],
  ])('%s: %o', (fault, lines) => {
    expect(way(look(bye(lines), web))).toBe(`403 ${fault}`)
  })

  test('a cookie from another call', () => {
    expect(way(look(bye(caller, undefined, 'call-2@example.com'), web))).toBe('403 forged')
  })

  test('state of a configuration that is gone', () => {
    expect(way(look(bye(caller), web, new RouteStateCodec(hashWith('a'), 'A', [lanUdp], ZONES)))).toBe('403 unknown-listener')
    expect(way(look(bye(caller), web, new RouteStateCodec(hashWith('b'), 'A', LISTENERS, ZONES)))).toBe('403 expired-key')
    expect(way(look(bye(caller), web, new RouteStateCodec(hashWith('b', 'a'), 'A', LISTENERS, ZONES)))).toBe('browsers -> pbx by lan/udp')
  })

  test('the second of two crossings is checked like the first', () => {
    const forged = routesOf('caller', recorded(voice, side(cloud, pubTls), 'call-2@example.com'))
    expect(way(look(bye([...caller, ...forged]), web))).toBe('403 forged')
  })
})

describe('no open relay by Route headers', () => {
  const initial = (lines: readonly string[], requestUri = 'sip:bob@example.com', method = 'INVITE') =>
    look(request(requestUri, { method, lines }))

  test.each([
    ['a foreign Route', ['Route: <sip:victim.example.net;lr>']],
    ['a foreign Route below ours', ['Route: <sip:10.0.0.5;lr>', 'Route: <sip:victim.example.net;lr>']],
    ['a foreign Route below ours in one line', ['Route: <sip:10.0.0.5;lr>,<sip:victim.example.net;lr>']],
    ['our host with a port that we do not own', ['Route: <sip:10.0.0.5:5070;lr>']],
    ['our host and port with another transport', ['Route: <sip:10.0.0.5:5061;transport=tcp;lr>']],
    ['a tel Route', ['Route: <tel:+44>']],
    ['the state of this very call, then a foreign Route', [...routesOf('caller', entries), 'Route: <sip:victim.example.net;lr>']],
  ])('an initial request with %s is refused', (_what, lines) => {
    expect(way(initial(lines))).toBe('403 missing')
  })

  test('a client that has us as its outbound proxy is served, also when it says so twice', () => {
    const found = initial(['Route: <sip:10.0.0.5;lr>', 'Route: <sip:sbc.example.com:5061;transport=TLS;lr>'])
    expect(found).toMatchObject({ kind: 'initial', via: undefined })
    expect(values((found as { request: SipRequest }).request, 'route')).toEqual([])
  })

  test('an initial request with good state of its own call is an initial request all the same', () => {
    expect(initial(routesOf('caller', entries))).toMatchObject({ kind: 'initial', via: undefined })
  })
})

describe('RFC 3327: the state in a Path', () => {
  const cookie = states.encode(voice, phone, PATH_BOUND)
  const made = values(path(request('sip:example.com', { method: 'REGISTER' }), crossing(phone, voice, { path: true, cookie })), 'path')
  const route = `Route: ${made[0]}`
  const invite = (lines: readonly string[], more: { readonly callId?: string; readonly toTag?: string } = {}) =>
    request('sip:alice@x1y2.invalid;transport=ws', { lines, ...more })

  test('§5.3: the registrar sends along it, in any call, and the flow in it decides', () => {
    expect(made[0]).toBe(`<sip:10.0.0.5:5060;lr;ob;ewp;ew=${cookie}>`)
    for (const callId of ['x', 'y@z']) {
      const found = look(invite([route], { callId }))
      expect(found).toMatchObject({ kind: 'initial', via: phone })
      expect(values((found as { request: SipRequest }).request, 'route')).toEqual([])
    }
  })

  test('over another listener of the registrar’s zone, and behind an outbound proxy setting', () => {
    expect(look(invite([route]), lanTcp)).toMatchObject({ kind: 'initial', via: phone })
    expect(look(invite(['Route: <sip:10.0.0.5:5060;lr>', route]))).toMatchObject({ kind: 'initial', via: phone })
  })

  test('proxies between us and the client stay in the Route', () => {
    const found = look(invite([`${route}, <sip:edge2.example.net;lr>`]))
    expect(found).toMatchObject({ kind: 'initial', via: phone })
    expect(values((found as { request: SipRequest }).request, 'route')).toEqual(['<sip:edge2.example.net;lr>'])
  })

  test('a request inside a dialog that comes by it goes to the client', () => {
    expect(way(look(invite([route], { toTag: 't' })))).toBe('pbx -> browsers by web/wss')
  })

  test('only the registrar’s side may use it: a client that got to see one may not call by it, past all routes', () => {
    expect(way(look(invite([route]), web))).toBe('403 wrong-side')
    expect(way(look(invite([route]), pubTls))).toBe('403 wrong-side')
    const own = routesOf('caller', recorded(side(cloud, pubTls), side(cloud, pubTls, connection('c9'))))
    expect(way(look(invite([...own, route]), pubTls))).toBe('403 wrong-side')
    // A call of its own that leads to the registrar's side
    const there = routesOf('caller', recorded(side(browsers, web, connection('c9')), voice))
    for (const more of [{}, { toTag: 't' }])
      expect(way(look(invite([...there, route], { callId: CALL_ID, ...more }), web))).toBe('403 wrong-side')
  })

  test('another zone on the registrar’s listener is another side', () => {
    expect(way(look(invite([route]), lanUdp, states, zone('phones', [lanUdp])))).toBe('403 wrong-side')
  })

  test('it is no Record-Route, and a Record-Route is no Path, whatever Call-ID somebody chooses', () => {
    const asRecordRoute = route.replace(';ewp', '')
    for (const callId of ['x', 'path', 'a', 'a%20path', "'a-path'"])
      expect(way(look(invite([asRecordRoute], { callId, toTag: 't' })))).toBe('403 forged')
    for (const callId of [CALL_ID, 'path', 'apath']) {
      const asPath = `Route: <sip:10.0.0.5:5060;lr;ewp;ew=${states.encode(voice, phone, callId)}>`
      expect(way(look(invite([asPath], { callId })))).toBe('403 forged')
    }
    // §25.1: what a Path is bound to can be no Call-ID
    expect(PATH_BOUND).toMatch(/\s/)
  })
})

describe('what is for us, and who is a stranger', () => {
  const kind = (method: string, requestUri: string, more: { readonly toTag?: string; readonly lines?: readonly string[] } = {}) =>
    look(request(requestUri, { method, ...more })).kind

  test.each([
    'sip:10.0.0.5',
    'sip:10.0.0.5:5060;transport=tls',
    'sips:sbc.example.com',
    'sip:tenant1.example.net:5061;transport=tls',
    'sip:[2001:DB8::5]',
  ])('§11: OPTIONS %s asks whether we live', (uri) => {
    expect(kind('OPTIONS', uri)).toBe('for-us')
    expect(kind('OPTIONS', uri, { lines: ['Route: <sip:10.0.0.5;lr>'] })).toBe('for-us')
  })

  test.each(['sip:bob@10.0.0.5', 'sip:10.0.0.5:5070', 'sip:example.com', 'tel:+44'])('OPTIONS %s is for somebody else', (uri) => {
    expect(kind('OPTIONS', uri)).toBe('initial')
  })

  test.each(['INVITE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH'])('%s to our name goes where the routes say', (method) => {
    expect(kind(method, 'sip:sbc.example.com')).toBe('initial')
  })

  test('§16.12: a request inside a dialog that nothing says we know is a stranger’s', () => {
    expect(kind('BYE', 'sip:bob@192.0.2.9', { toTag: 't' })).toBe('stranger')
    expect(kind('BYE', 'sip:10.0.0.5:5060', { toTag: 't' })).toBe('stranger')
    expect(kind('INVITE', 'tel:+44', { toTag: 't' })).toBe('stranger')
    expect(kind('OPTIONS', 'sip:10.0.0.5:5060', { toTag: 't' })).toBe('for-us')
  })
})

test('§16.4: taking off the topmost value leaves the others of its line as they were', () => {
  const one = request('sip:a@b', { lines: ['Route: <sip:a;lr> , "x, y" <sip:b;lr>;p="1,2"', 'Route: <sip:c>'] })
  const next = dropTopRoute(one)
  expect(values(next, 'route')).toEqual(['"x, y" <sip:b;lr>;p="1,2"', '<sip:c>'])
  expect(topRoute(dropTopRoute(dropTopRoute(next)))).toBeUndefined()
})
