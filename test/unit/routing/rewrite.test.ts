import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Listener } from '../../../src/address/listener.ts'
import { TRANSPORTS } from '../../../src/address/transports.ts'
import { addVia } from '../../../src/routing/alterations/add-via.ts'
import { contentLength } from '../../../src/routing/alterations/content-length.ts'
import { maxForwards } from '../../../src/routing/alterations/max-forwards.ts'
import { path } from '../../../src/routing/alterations/path.ts'
import { recordRoute } from '../../../src/routing/alterations/record-route.ts'
import { fitTransport, setTarget } from '../../../src/routing/alterations/set-target.ts'
import { strictRoute } from '../../../src/routing/alterations/strict-route.ts'
import { takeOffVia } from '../../../src/routing/alterations/take-off-via.ts'
import { REQUEST_ALTERATIONS, rewrite } from '../../../src/routing/rewrite.ts'
import type { FlowToken, Side } from '../../../src/routing/route-state.ts'
import { headerLines, type SipRequest, serialise } from '../../../src/sip/message.ts'
import { parseNameAddr } from '../../../src/sip/name-addr.ts'
import { topVia } from '../../../src/sip/read.ts'
import { formatUri, isSip, parseUri, type Uri } from '../../../src/sip/uri.ts'
import { messageText, parsedRequest, parsedResponse } from '../../support/messages.ts'
import {
  browsers,
  cloud,
  connection,
  crossing,
  LISTENERS,
  lanTcp,
  lanUdp,
  listener,
  myself,
  pbx,
  pubTls,
  request,
  side,
  sixUdp,
  values,
  web,
} from './support.ts'

const invite = request('sip:bob@example.com')

describe('T7, RFC 5658: Record-Route', () => {
  const made = (ingress: Side, egress: Side, more = {}) =>
    values(recordRoute(invite, crossing(ingress, egress, { recordRoute: true, ...more })), 'record-route')

  const URIS: ReadonlyMap<Listener, string> = new Map([
    [lanUdp, 'sip:10.0.0.5:5060;lr'],
    [lanTcp, 'sip:10.0.0.5:5060;transport=tcp;lr'],
    [sixUdp, 'sip:[2001:db8::5]:5060;lr'],
    [pubTls, 'sip:sbc.example.com:5061;transport=tls;lr'],
    [web, 'sip:sbc.example.com:443;transport=ws;lr'],
  ])
  const pairs = LISTENERS.flatMap((ingress) => LISTENERS.map((egress) => [ingress.name, egress.name, ingress, egress] as const))

  test.each(pairs)('%s to %s: the outgoing side on top, each with its own transport', (_in, _out, ingress, egress) => {
    const entries = made(side(pbx, ingress), side(cloud, egress))
    const mark = ingress === egress ? [';ews=b', ';ews=a'] : ['', '']
    expect(entries).toEqual([`<${URIS.get(egress)};r2=on;ew=COOKIE${mark[0]}>`, `<${URIS.get(ingress)};r2=on;ew=COOKIE${mark[1]}>`])
    // A4: what we advertised we recognise, each its own listener
    const uris = entries.map((entry) => parseUri(parseNameAddr(entry)!.uri)!)
    expect(uris.map((uri) => (isSip(uri) ? myself.listenerOf(uri) : undefined))).toEqual([egress, ingress])
  })

  test('one entry when nothing differs; two when a peer is reached by flow, or the names differ', () => {
    expect(made(side(pbx, lanUdp), side(pbx, lanUdp))).toEqual(['<sip:10.0.0.5:5060;lr;ew=COOKIE>'])
    expect(made(side(pbx, pubTls, connection('1')), side(pbx, pubTls))).toHaveLength(2)
    expect(made(side(pbx, pubTls), side(pbx, pubTls, connection('1')))).toHaveLength(2)
    expect(made(side(pbx, pubTls), side(pbx, pubTls), { advertiseEgress: 'tenant1.example.net' })).toEqual([
      '<sip:tenant1.example.net:5061;transport=tls;lr;r2=on;ew=COOKIE;ews=b>',
      '<sip:sbc.example.com:5061;transport=tls;lr;r2=on;ew=COOKIE;ews=a>',
    ])
  })

  test('A1: each side shows the name that its zone or tenant has', () => {
    const more = { advertiseIngress: 'tenant1.example.net', advertiseEgress: undefined }
    expect(made(side(cloud, pubTls), side(pbx, lanUdp), more)).toEqual([
      '<sip:10.0.0.5:5060;lr;r2=on;ew=COOKIE>',
      '<sip:tenant1.example.net:5061;transport=tls;lr;r2=on;ew=COOKIE>',
    ])
  })

  test('§16.6 item 4: above those that are there', () => {
    const one = request('sip:bob@example.com', { lines: ['Record-Route: <sip:p1;lr>, <sip:p0;lr>'] })
    const two = recordRoute(one, crossing(side(pbx, lanUdp), side(cloud, pubTls), { recordRoute: true }))
    expect(values(two, 'record-route').slice(2)).toEqual(['<sip:p1;lr>, <sip:p0;lr>'])
    expect(values(two, 'record-route')[0]).toContain('sbc.example.com')
  })

  test('never when it was not asked for: inside a dialog', () => {
    const bye = request('sip:bob@example.com', { method: 'BYE', toTag: 't' })
    expect(recordRoute(bye, crossing(side(pbx, lanUdp), side(cloud, pubTls)))).toBe(bye)
  })
})

describe('RFC 3327 §5.2: Path', () => {
  const register = (...lines: string[]) => request('sip:example.com', { method: 'REGISTER', lines })
  const way = crossing(side(browsers, web, connection('1')), side(pbx, lanUdp), { path: true })

  test('it names the listener toward the registrar, on top of the others, and Supported says so', () => {
    const made = path(register('Path: <sip:p0;lr>'), way)
    expect(values(made, 'path')).toEqual(['<sip:10.0.0.5:5060;lr;ob;ewp;ew=COOKIE>', '<sip:p0;lr>'])
    expect(values(made, 'supported')).toEqual(['path'])
    expect(values(path(register(), way), 'path')).toHaveLength(1)
  })

  test('Supported is left alone when it names path already', () => {
    expect(values(path(register('k: outbound, PATH'), way), 'supported')).toEqual(['outbound, PATH'])
    expect(values(path(register('k: outbound, pathology'), way), 'supported')).toEqual(['outbound, pathology', 'path'])
  })

  test('not when it was not asked for', () => {
    const one = register()
    expect(path(one, { ...way, path: false })).toBe(one)
  })
})

describe('T4: transport in the Request-URI', () => {
  const legs: readonly (readonly [Listener, string])[] = [
    [lanUdp, ''],
    [lanTcp, ';transport=tcp'],
    [pubTls, ';transport=tls'],
    [web, ';transport=ws'],
    [listener('w/ws', 'ws', '10.0.0.5', 80), ';transport=ws'],
  ]
  const written = ['udp', 'tcp', 'tls', 'ws', 'wss', 'UDP', 'Tcp', 'TLS', 'WS', 'WSS']
  const cases = legs.flatMap(([leg, fitted]) => written.map((named) => [named, leg.name, leg, fitted] as const))

  test.each(cases)('transport=%s onto %s', (named, _name, leg, fitted) => {
    const same = named.toLowerCase() === leg.transport.uri
    const shown = same ? `;transport=${named}` : fitted
    const on = crossing(side(pbx, lanUdp), side(cloud, leg))
    for (const name of ['transport', 'Transport', 'TRANSPORT']) {
      const text = `sip:bob;x=y:pw@example.com:5070;A=b;${name}=${named};user=phone;gr=urn:uuid:1`
      const kept = same ? `;${name}=${named}` : shown
      expect(setTarget(request(text), on).requestUri).toBe(`sip:bob;x=y:pw@example.com:5070;A=b${kept};user=phone;gr=urn:uuid:1`)
    }
  })

  test.each([
    'sip:bob@example.com',
    'sip:bob@example.com;x-transport=udp;transports=udp',
    'sip:bob;transport=udp@example.com;lr',
    'sip:bob@example.com;transport=sctp',
    'tel:+44;phone-context=example.com;transport=udp',
    'sip:%0d%0a@example.com;a=%0d%0a',
  ])('%s stays byte for byte', (text) => {
    const one = request(text)
    expect(setTarget(one, crossing(side(pbx, lanUdp), side(cloud, pubTls)))).toBe(one)
  })

  test('where several stand, one is left', () => {
    const uri = parseUri('sip:a@b;transport=udp;x=1;transport=tcp') as Uri
    expect(formatUri(fitTransport(uri, 'tls'))).toBe('sip:a@b;transport=tls;x=1')
    expect(formatUri(fitTransport(uri, 'udp'))).toBe('sip:a@b;transport=udp;x=1;transport=tcp')
    expect(formatUri(fitTransport(parseUri('sip:a@b;transport=tls;x=1;transport=tcp') as Uri, 'udp'))).toBe('sip:a@b;x=1')
  })

  test('§16.6 item 2: the target of the decision becomes the Request-URI, fit for its leg', () => {
    const target = parseUri('sip:bob@10.0.0.20:5070;transport=TLS;user=phone')!
    expect(setTarget(invite, crossing(side(pbx, pubTls), side(pbx, lanUdp), { target })).startLine).toBe(
      'INVITE sip:bob@10.0.0.20:5070;user=phone SIP/2.0\r\n',
    )
    expect(setTarget(invite, crossing(side(pbx, lanUdp), side(pbx, pubTls), { target })).requestUri).toBe(
      'sip:bob@10.0.0.20:5070;transport=TLS;user=phone',
    )
  })

  test('other parameters are never touched, whatever they are', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9.!~*'()[\]/:&+$-]{1,8}$/)
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.!~*-]{0,8}$/).filter((text) => text.toLowerCase() !== 'transport')
    const parameters = fc.array(fc.tuple(name, fc.option(value)), { maxLength: 4 })
    const text = (list: [string, string | null][]) => list.map(([n, v]) => (v === null ? `;${n}` : `;${n}=${v}`)).join('')
    const named = fc.constantFrom(...Object.keys(TRANSPORTS))
    fc.assert(
      fc.property(parameters, parameters, named, (before, after, transport) => {
        const uri = parseUri(`sip:a@b${text(before)};transport=${transport}${text(after)}`)!
        expect(formatUri(fitTransport(uri, 'udp')).replace(';transport=udp', '')).toBe(`sip:a@b${text(before)}${text(after)}`)
      }),
    )
  })
})

describe('§16.6 item 6: a strict router after us', () => {
  test('it gets itself as the Request-URI, and the target as the last Route', () => {
    const one = strictRoute(
      request('sip:bob@192.0.2.9;x=y', { lines: ['Route: <sip:strict.example.com;a=b>, <sip:next;lr>', 'Route: <sip:last;lr>'] }),
    )
    expect(one.requestUri).toBe('sip:strict.example.com;a=b')
    expect(values(one, 'route')).toEqual(['<sip:next;lr>', '<sip:last;lr>', '<sip:bob@192.0.2.9;x=y>'])
  })

  test('§19.1.1: its header fields do not get into the Request-URI', () => {
    expect(strictRoute(request('sip:a@b', { lines: ['Route: <sip:strict.example.com?Subject=x>'] })).requestUri).toBe(
      'sip:strict.example.com',
    )
  })

  test.each(['Route: <sip:loose;lr>', 'Route: <sip:loose;LR=on>', 'Route: <sip:loose;%6c%72>', 'X-Route: <sip:strict>'])(
    '%s: nothing to do',
    (line) => {
      const one = request('sip:a@b', { lines: [line] })
      expect(strictRoute(one)).toBe(one)
    },
  )
})

describe('§16.6 item 3: Max-Forwards', () => {
  const hops = (value: string | undefined) => {
    const lines = value === undefined ? [] : [`Max-Forwards: ${value}`]
    return values(maxForwards(parsedRequest(messageText('INVITE sip:a@b SIP/2.0', [...lines, 'To: <sip:a@b>']))), 'max-forwards')
  }

  test('one less, 70 for a request that came without', () => {
    expect(hops('70')).toEqual(['69'])
    expect(hops('1')).toEqual(['0'])
    expect(hops('255')).toEqual(['254'])
    expect(hops('0070')).toEqual(['69'])
    expect(hops('0')).toEqual(['0'])
    expect(hops(undefined)).toEqual(['70'])
  })
})

describe('§18.3: Content-Length', () => {
  test('is added when it is missing, with the length in bytes, and left alone when it is there', () => {
    expect(values(contentLength(request('sip:a@b', { body: 'voilà' })), 'content-length')).toEqual(['5'])
    expect(values(contentLength(request('sip:a@b')), 'content-length')).toEqual(['0'])
    const given = request('sip:a@b', { lines: ['l: 2'], body: 'ab' })
    expect(contentLength(given)).toBe(given)
  })
})

describe('T6: our Via, and its partner', () => {
  test.each(LISTENERS)('$name: on top, with the transport and address of the leg', (egress) => {
    const sent = addVia(invite, crossing(side(pbx, lanUdp), side(cloud, egress)))
    expect(values(sent, 'via')).toEqual([egress.via('z9hG4bKAour-1'), ...values(invite, 'via')])
    expect(topVia(sent)).toMatchObject({ transport: egress.transport.via, branch: 'z9hG4bKAour-1', port: egress.advertisedPort })
    expect(serialise(sent).toString('latin1')).toContain(`Via: ${egress.via('z9hG4bKAour-1')}\r\n`)
  })

  test('A1: under the name of the transaction', () => {
    const sent = addVia(invite, crossing(side(pbx, lanUdp), side(cloud, pubTls), { advertiseEgress: 'tenant2.example.net' }))
    expect(topVia(sent)?.host).toBe('tenant2.example.net')
  })

  const roundTrip = (lines: readonly string[]) => {
    const one = parsedRequest(messageText('INVITE sip:a@b SIP/2.0', [...lines, 'To: <sip:a@b>']))
    const sent = addVia(one, crossing(side(pbx, lanUdp), side(cloud, pubTls)))
    return takeOffVia(
      parsedResponse(
        messageText(
          'SIP/2.0 200 OK',
          headerLines(sent, 'via').map((each) => each.raw.slice(0, -2)),
        ),
      ),
    )
  }

  test('§16.7 item 3: what we put on we take off, the others as they were', () => {
    const lines = ['v: SIP/2.0/UDP a;branch=z9hG4bK1;x="1,2" ,SIP/2.0/TCP b:5070;branch=2', 'Via: SIP/2.0/TLS [2001:db8::9];branch=3']
    const back = roundTrip(lines)
    expect(headerLines(back!, 'via').map((one) => one.raw)).toEqual(lines.map((each) => `${each}\r\n`))
  })

  test('of several values in one line the first goes', () => {
    const all = `Via: ${pubTls.via('z9hG4bKx')}, SIP/2.0/UDP a;branch=z9hG4bK1;x="1,2" ,SIP/2.0/TCP b:5070;branch=2`
    const back = takeOffVia(parsedResponse(messageText('SIP/2.0 200 OK', [all, 'Via: SIP/2.0/TLS c'])))
    expect(values(back!, 'via')).toEqual(['SIP/2.0/UDP a;branch=z9hG4bK1;x="1,2", SIP/2.0/TCP b:5070;branch=2', 'SIP/2.0/TLS c'])
  })

  test('a response with no Via but ours was for us', () => {
    expect(takeOffVia(parsedResponse(messageText('SIP/2.0 200 OK', [`Via: ${pubTls.via('x')}`, 'To: <sip:a@b>'])))).toBeUndefined()
  })
})

describe('all of it (§16.6)', () => {
  const lines = [
    'v: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK1;received=10.0.0.20',
    'Max-Forwards: 70',
    'f: "Al\u00edce" <sip:alice@example.com>;tag=1',
    't: <sip:bob@example.com>',
    'i: odd  spacing-kept@x',
    'CSeq: 1   INVITE',
    'm: <sip:alice@10.0.0.20;transport=udp>;x=1',
    'X-Odd :  folded\r\n  value',
    'c: application/sdp',
  ]
  const arrived = parsedRequest(messageText('INVITE sip:+4420@10.0.0.5:5060;transport=udp SIP/2.0', lines, 'v=0\r\n'))
  const target = parseUri('sip:+4420@sip.cloud.example:5061;transport=tls')!
  const sent = rewrite(arrived, crossing(side(pbx, lanUdp), side(cloud, pubTls), { recordRoute: true, target, cookie: 'aA1' }))

  test('T4 to T7: what was meant changes, and every other line is byte-equal, Contact included', () => {
    expect(serialise(sent).toString('latin1')).toBe(
      messageText(
        'INVITE sip:+4420@sip.cloud.example:5061;transport=tls SIP/2.0',
        [
          'Via: SIP/2.0/TLS sbc.example.com:5061;branch=z9hG4bKAour-1',
          'Record-Route: <sip:sbc.example.com:5061;transport=tls;lr;r2=on;ew=aA1>',
          'Record-Route: <sip:10.0.0.5:5060;lr;r2=on;ew=aA1>',
          lines[0]!,
          'Max-Forwards: 69',
          ...lines.slice(2),
          'Content-Length: 5',
        ],
        'v=0\r\n',
      ),
    )
  })

  test('A3: the LAN sees the LAN address, the outside the public name', () => {
    const toLan = rewrite(arrived, crossing(side(cloud, pubTls), side(pbx, lanUdp), { recordRoute: true, cookie: 'aA1' }))
    expect(topVia(toLan)?.host).toBe('10.0.0.5')
    expect(topVia(sent)?.host).toBe('sbc.example.com')
  })

  test('what arrived is not changed', () => {
    expect(serialise(arrived).toString('latin1')).toBe(
      messageText('INVITE sip:+4420@10.0.0.5:5060;transport=udp SIP/2.0', lines, 'v=0\r\n'),
    )
  })

  test('whatever goes in, what comes out has no bare CR or LF, our Via on top and a true Content-Length', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9 _.;=<>"@:-]{0,20}$/)
    const flow: FlowToken = { kind: 'datagram', address: '192.0.2.7', port: 5060 }
    fc.assert(
      fc.property(
        text,
        text,
        fc.constantFrom(...LISTENERS),
        fc.constantFrom(...LISTENERS),
        fc.boolean(),
        (value, body, from, to, inDialog) => {
          const one: SipRequest = request('sip:bob@example.com;transport=TCP', { lines: [`X-Any: ${value}`], body })
          const out = rewrite(one, crossing(side(pbx, from, flow), side(cloud, to), { recordRoute: !inDialog, inDialog }))
          const bytes = serialise(out).toString('latin1')
          expect(bytes.slice(0, bytes.indexOf('\r\n\r\n')).replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
          expect(topVia(out)?.branch).toBe('z9hG4bKAour-1')
          expect(values(out, 'content-length')).toEqual([String(Buffer.byteLength(body, 'latin1'))])
          expect(bytes.endsWith(`\r\n\r\n${body}`)).toBe(true)
        },
      ),
    )
  })

  test('the order is the RFC’s: our Via last, so that everything before it sees the request as it came', () => {
    expect(REQUEST_ALTERATIONS.at(-1)).toBe(addVia)
    expect(REQUEST_ALTERATIONS.indexOf(setTarget)).toBeLessThan(REQUEST_ALTERATIONS.indexOf(strictRoute))
  })
})
