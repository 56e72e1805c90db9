import { describe, expect, test } from 'vitest'
import { validateRequest, wellFormed } from '../../src/routing/validate.ts'
import { headerValue, indexOfHeader, line, prepend, replaceLine, type SipMessage, serialise } from '../../src/sip/message.ts'
import { parse } from '../../src/sip/parse.ts'
import { address, addresses, cseq, fromTag, topVia, toTag, vias } from '../../src/sip/read.ts'
import { numberOf, parseUri, uriParameter, userOf } from '../../src/sip/uri.ts'
import { withReceived } from '../../src/sip/via.ts'
import { LIMITS, parsed, parsedRequest } from '../support/messages.ts'
import { EXPECTATIONS } from './expectations.ts'
import { bytesFor, covered, FILES } from './messages.ts'

const view = { printed: () => false, looped: () => false, proxyRequire: new Set<string>() }

test('no message of RFC 4475 (50 files) and RFC 5118 (12 files) is skipped', () => {
  expect([FILES.filter((file) => file.startsWith('rfc4475')).length, FILES.filter((file) => file.startsWith('rfc5118')).length]).toEqual([
    50, 12,
  ])
  expect(FILES.filter((file) => !covered(file))).toEqual([])
  expect(new Set(EXPECTATIONS.map((one) => one.name)).size).toBe(EXPECTATIONS.length)
})

test('what is invalid and accepted has its reason in the table', () => {
  expect(EXPECTATIONS.filter((one) => one.rfc === 'invalid' && one.edge === 'forward' && one.deviation === undefined)).toEqual([])
})

describe.each(EXPECTATIONS)('$section, $name', (expectation) => {
  const bytes = bytesFor(expectation)

  test(`the parser: ${expectation.parse}`, () => {
    const message = parse(bytes, LIMITS)
    if (expectation.parse === 'accept') expect(message.kind === 'problem' ? `${message.status} ${message.reason}` : 'accept').toBe('accept')
    else if (expectation.parse === 'unanswerable') expect(message).toMatchObject({ kind: 'problem', message: undefined })
    else expect(message).toMatchObject({ kind: 'problem', status: expectation.parse, message: { kind: 'request' } })
  })

  if (expectation.parse !== 'accept') return

  test(`what a proxy uses: ${expectation.validate}`, () => {
    const message = parsed(bytes)
    const problem = wellFormed(message) ?? (message.kind === 'request' ? validateRequest(message, view) : undefined)
    expect(problem === undefined ? 'accept' : problem.status).toBe(expectation.validate)
  })

  test('accepted, it is written as it came', () => {
    const written = serialise(parsed(bytes))
    expect(written.equals(bytes.subarray(0, written.length))).toBe(true)
  })

  if (expectation.validate !== 'accept') return

  test('edited as a proxy edits it, all other lines leave as they came', () => {
    const message = parsed(bytes)
    const at = indexOfHeader(message, 'via')
    const rest = vias(message.headers[at]!)!
      .slice(1)
      .map((via) => line('Via', via.text))
    const received = line('Via', withReceived(topVia(message)!, '192.0.2.99', 4711, false))
    const edited: SipMessage = prepend(replaceLine(message, at, received, ...rest), line('Via', 'SIP/2.0/UDP edge.example;branch=z9hG4bKe'))
    const lines = (one: SipMessage): readonly string[] => one.headers.map((each) => each.raw)
    expect(lines(parsed(serialise(edited)))).toEqual([
      'Via: SIP/2.0/UDP edge.example;branch=z9hG4bKe\r\n',
      ...lines(message).slice(0, at),
      received.raw,
      ...rest.map((each) => each.raw),
      ...lines(message).slice(at + 1),
    ])
    expect(parsed(serialise(edited)).body.equals(message.body)).toBe(true)
  })
})

describe('what the RFCs say about values', () => {
  const request = (name: string) => parsedRequest(bytesFor(EXPECTATIONS.find((one) => one.name === name)!))

  test('RFC 4475 §3.1.1.1: wsinv, read through its white space', () => {
    const wsinv = request('rfc4475/wsinv')
    expect(toTag(wsinv)).toBe('1918181833n')
    expect(fromTag(wsinv)).toBe('98asjd8')
    expect(cseq(wsinv)).toEqual({ number: 9, method: 'INVITE' })
    expect(headerValue(wsinv, 'max-forwards')).toBe('0068')
    expect(headerValue(wsinv, 'newfangledheader')).toBe('newfangled value continued newfangled value')
    expect(headerValue(wsinv, 'subject')).toBe('')
    const all = wsinv.headers.flatMap((one) => (one.name === 'via' ? (vias(one) ?? []) : []))
    expect(all.map((via) => [via.transport, via.host, via.branch])).toEqual([
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ])
    expect(wsinv.body).toHaveLength(150)
  })

  test('RFC 4475 §3.1.1.2: intmeth', () => {
    const intmeth = request('rfc4475/intmeth')
    expect(intmeth.method).toBe("!interesting-Method0123456789_*+`.%indeed'~")
    expect(cseq(intmeth)).toEqual({ number: 139122385, method: intmeth.method })
    expect(parseUri(intmeth.requestUri)).toMatchObject({ host: 'example.com', parameters: '' })
    expect(fromTag(intmeth)).toBe("_token~1'+`*%!-.")
    expect(Buffer.from(headerValue(intmeth, "extensionheader-!.%*+_`'~")!, 'latin1').toString('utf8')).toBe('\ufeff大停電')
  })

  test('RFC 4475 §3.1.1.3, §3.1.1.4, §3.1.1.9: escapes and semicolons in user parts', () => {
    const esc01 = request('rfc4475/esc01')
    expect(parseUri(esc01.requestUri)).toMatchObject({ userinfo: 'sips%3Auser%40example.com', host: 'example.net' })
    const contact = parseUri(addresses(esc01.headers[indexOfHeader(esc01, 'contact')]!)![0]!.uri)!
    expect([uriParameter(contact, 'lr'), uriParameter(contact, 'name')]).toEqual(['', 'v%61lue%25%34%31'])
    const escnull = request('rfc4475/escnull')
    expect(address(escnull.headers[indexOfHeader(escnull, 'to')]!)?.uri).toBe('sip:null-%00-null@example.com')
    const semiuri = parseUri(request('rfc4475/semiuri').requestUri)!
    expect(semiuri).toMatchObject({ userinfo: 'user;par=u%40example.net', host: 'example.com', parameters: '' })
    expect(semiuri.scheme === 'sip' && userOf(semiuri)).toBe('user;par=u@example.net')
    expect(numberOf(semiuri)).toBeUndefined()
  })

  test('RFC 4475 §3.1.1.5: esc02 is no REGISTER and has two Contacts', () => {
    const esc02 = request('rfc4475/esc02')
    expect(esc02.method).toBe('RE%47IST%45R')
    expect(esc02.headers.filter((one) => one.name === 'contact')).toHaveLength(2)
  })

  test('RFC 4475 §3.1.1.8: dblreq ends at its Content-Length', () => {
    expect(request('rfc4475/dblreq').body).toHaveLength(0)
  })

  test('RFC 4475 §3.3.12, §3.3.13: a parameter of Contact, or of the URI in it', () => {
    const contact = (name: string) => {
      const message = request(name)
      const one = addresses(message.headers[indexOfHeader(message, 'contact')]!)![0]!
      return [one.uri, one.parameters]
    }
    expect(contact('rfc4475/cparam01')).toEqual(['sip:+19725552222@gw1.example.net', ';unknownparam'])
    expect(contact('rfc4475/cparam02')).toEqual(['sip:+19725552222@gw1.example.net;unknownparam', ''])
  })

  test('RFC 5118 §4.3, §4.4, §4.10: where the address ends and the port begins', () => {
    const target = (name: string) => {
      const uri = parseUri(request(name).requestUri)
      return uri?.scheme === 'sip' ? [uri.host, uri.port] : undefined
    }
    expect(target('rfc5118/port-ambiguous')).toEqual(['[2001:db8::10:5070]', undefined])
    expect(target('rfc5118/port-unambiguous')).toEqual(['[2001:db8::10]', 5070])
    expect(target('rfc5118/ipv6-bug-abnf-3-colons')).toEqual(['[2001:db8::192.0.2.1]', undefined])
    expect(target('rfc5118/ipv6-bug-abnf-3-colons')).toEqual(target('rfc5118/ipv6-correct-abnf-2-colons'))
  })
})
