import { describe, expect, test } from 'vitest'
import { AcmeError, notBefore } from '../../../../src/certs/acme/errors.ts'
import { addressesIn, type ProblemContext, problemError, readProblem, retryTime } from '../../../../src/certs/acme/problem.ts'

const ca = 'acme.example'
const tell = (type: string, detail: string, context: Partial<ProblemContext> = {}) =>
  problemError(readProblem({ type: `urn:ietf:params:acme:error:${type}`, detail })!, { during: 'order', ca, ...context })

describe('RFC 8555 §6.7: a problem becomes a sentence', () => {
  test.each<[string, string, Partial<ProblemContext>, string, RegExp]>([
    [
      'connection',
      'Fetching http://…: Timeout.',
      { during: 'challenge', challenge: 'http-01', host: 'sbc.example', httpPort: 8080, addresses: ['203.0.113.9', '2001:db8::9'] },
      'SBC_CERTIFICATE_CHALLENGE',
      /^sbc\.example: acme\.example could not connect: "Fetching http:\/\/…: Timeout"; let TCP port 80 of 203\.0\.113\.9 and 2001:db8::9 lead to port 8080 of this machine, through every firewall and NAT$/,
    ],
    [
      'connection',
      'refused',
      { during: 'challenge', challenge: 'tls-alpn-01', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /let TCP port 443 of the addresses of sbc\.example lead to a TLS listener/,
    ],
    [
      'dns',
      'NXDOMAIN looking up A',
      { during: 'challenge', challenge: 'http-01', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /give sbc\.example an A or AAAA record that leads to this machine$/,
    ],
    [
      'dns',
      'NXDOMAIN looking up TXT',
      { during: 'challenge', challenge: 'dns-01', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /does everybody see _acme-challenge\.sbc\.example\? Raise propagation/,
    ],
    [
      'unauthorized',
      'Invalid response from http://sbc.example: 404',
      { during: 'challenge', challenge: 'http-01', host: 'sbc.example', addresses: ['203.0.113.9'] },
      'SBC_CERTIFICATE_CHALLENGE',
      /was answered by another server: .*; sbc\.example leads to 203\.0\.113\.9 there: if that is not this machine, correct its A and AAAA records$/,
    ],
    [
      'unauthorized',
      'Incorrect TXT record "x" found',
      { during: 'challenge', challenge: 'dns-01', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /found another TXT record: .*; remove what else stands at _acme-challenge\.sbc\.example/,
    ],
    [
      'incorrectResponse',
      'not what was expected',
      { during: 'challenge', challenge: 'tls-alpn-01', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /was answered by another server/,
    ],
    [
      'tls',
      'handshake failure',
      { during: 'challenge', challenge: 'tls-alpn-01', host: 'sbc.example', addresses: ['203.0.113.9'] },
      'SBC_CERTIFICATE_CHALLENGE',
      /no proxy that ends TLS in between$/,
    ],
    [
      'caa',
      'CAA record prevents issuance',
      { during: 'challenge', host: 'sbc.example' },
      'SBC_CERTIFICATE_CHALLENGE',
      /add a CAA record for it, or use a CA that is named there$/,
    ],
    [
      'unauthorized',
      'Account is not valid, has status "deactivated"',
      { accountFile: '/data/acme/x/account.json' },
      'SBC_CERTIFICATE_ACCOUNT',
      /^acme\.example does not serve this account: ".+"; remove \/data\/acme\/x\/account\.json to register a new one$/,
    ],
    ['externalAccountRequired', 'binding please', { during: 'account' }, 'SBC_CERTIFICATE_ACCOUNT', /eab\.kid and eab\.key-file$/],
    [
      'malformed',
      'unknown key identifier',
      { during: 'account', boundByKid: 'kid-1' },
      'SBC_CERTIFICATE_ACCOUNT',
      /does not accept the external account binding kid-1/,
    ],
    [
      'invalidContact',
      'example.com is forbidden',
      { during: 'account' },
      'SBC_CERTIFICATE_ACCOUNT',
      /does not accept the e-mail address: "example\.com is forbidden"; correct email$/,
    ],
    ['unsupportedIdentifier', 'no IP addresses', {}, 'SBC_CERTIFICATE_ORDER', /does not sign for names of this kind/],
    ['rejectedIdentifier', 'example.local', {}, 'SBC_CERTIFICATE_ORDER', /is the name public and spelled right/],
    ['badCSR', 'RSA too small', {}, 'SBC_CERTIFICATE_ORDER', /does not accept the certificate request/],
    ['serverInternal', 'oops', {}, 'SBC_CERTIFICATE_ORDER', /has a fault of its own: "oops"; it will be tried again$/],
    ['neverHeardOf', 'something new', {}, 'SBC_CERTIFICATE_ORDER', /^acme\.example refused: "something new"$/],
  ])('%s (%s)', (type, detail, context, code, words) => {
    const fault = tell(type, detail, context)
    expect(fault).toMatchObject({ code, problem: type })
    expect(fault.message).toMatch(words)
    expect(fault.message).not.toMatch(/[.\n]$/)
  })

  test('line breaks and endless details of a CA do not get into the log', () => {
    const { message } = tell('malformed', `first\n\r second ${'x'.repeat(5000)}`)
    expect(message).not.toMatch(/[\r\n]/)
    expect(message.length).toBeLessThan(700)
  })

  test('what is no problem document is none', () => {
    for (const one of [undefined, null, 'text', 4, [], {}, { detail: 5 }]) expect(readProblem(one)).toBeUndefined()
    expect(readProblem({ detail: 'no type' })).toMatchObject({ type: 'about:blank', detail: 'no type' })
    expect(readProblem({ type: 'x', subproblems: ['nonsense', { type: 'y', identifier: 'z' }] })?.parts).toHaveLength(1)
  })
})

describe('the addresses that a CA names', () => {
  test.each<[unknown, string, readonly string[]]>([
    [
      {
        validationRecord: [
          { hostname: 'a', addressesResolved: ['203.0.113.8'], addressUsed: '203.0.113.9' },
          { addressUsed: '2001:db8::1' },
        ],
      },
      'from 192.0.2.1',
      ['203.0.113.9', '2001:db8::1'],
    ],
    [{}, '203.0.113.9: Fetching http://x: Connection refused', ['203.0.113.9']],
    [{}, '2001:db8::9: Fetching http://x: Timeout', ['2001:db8::9']],
    [{}, 'dial tcp 127.0.0.9:5002: connect: connection refused', ['127.0.0.9']],
    [{}, 'retry after 03:04:05, 999.1.1.1 is none, nor is a:b', []],
    [undefined, '', []],
    [{ validationRecord: 'nonsense' }, '192.0.2.1 and 192.0.2.1', ['192.0.2.1']],
  ])('%j, %s', (challenge, detail, expected) => {
    expect(addressesIn(challenge, detail)).toEqual(expected)
  })
})

describe('RFC 8555 §6.6: when to ask again', () => {
  const wall = Date.UTC(2031, 0, 1)
  test.each([
    ['120', '', wall + 120_000],
    ['Wed, 01 Jan 2031 00:10:00 GMT', '', wall + 600_000],
    [undefined, 'too many certificates, retry after 2031-01-02T03:04:05Z', Date.UTC(2031, 0, 2, 3, 4, 5)],
    [undefined, 'too many certificates, retry after 2031-01-02 03:04:05 UTC', Date.UTC(2031, 0, 2, 3, 4, 5)],
    [undefined, 'no time', undefined],
    ['soon', 'no time', undefined],
    ['99999999999999999999', 'no time', undefined],
  ])('Retry-After %s, "%s"', (header, detail, expected) => {
    expect(retryTime(header, detail, wall)).toBe(expected)
  })

  test('is read from the error', () => {
    expect(notBefore(tell('rateLimited', 'slow', { notBefore: wall }))).toBe(wall)
    expect(tell('rateLimited', 'slow', { notBefore: wall }).message).toContain('it may be asked again after 2031-01-01T00:00:00.000Z')
    expect(notBefore(new AcmeError('SBC_CERTIFICATE_ORDER', 'x'))).toBeUndefined()
    expect(notBefore(new Error('x'))).toBeUndefined()
  })
})
