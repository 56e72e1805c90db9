import { describe, expect, test } from 'vitest'
import { comparable, requestedHost } from '../../../../src/certs/intake/names.ts'

test.each([
  ['SBC.Example.COM', 'sbc.example.com'],
  ['sbc.example.com.', 'sbc.example.com'],
  ['*.Example.com', '*.example.com'],
  ['*.bücher.example', '*.xn--bcher-kva.example'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['[2001:DB8::1]', '2001:db8::1'],
  ['192.0.2.1', '192.0.2.1'],
  ['10.1', '10.1'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
])('%s is compared as %s', (host, form) => {
  expect(comparable(host)).toBe(form)
})

describe('a host in a request', () => {
  test.each(['sbc.example.com', '*.example.com', 'localhost', '192.0.2.1', '2001:db8::1', 'xn--bcher-kva.example', 'a.b-c.d1'])(
    '%s',
    (host) => {
      expect(requestedHost(` ${host.toUpperCase()} `)).toBe(host)
    },
  )

  test.each([
    ['', 'write a DNS name, where * may be the first label, or an IP address'],
    ['*', 'write a DNS name, where'],
    ['*.*.example.com', 'write a DNS name, where'],
    ['a.*.example.com', 'write a DNS name, where'],
    ['s*.example.com', 'write a DNS name, where'],
    ['sip:sbc.example.com', 'write a DNS name, where'],
    ['sbc.example.com:5061', 'write a DNS name, where'],
    ['a_b.example.com', 'write a DNS name, where'],
    ['a..example.com', 'write a DNS name, where'],
    ['-a.example.com', 'write a DNS name, where'],
    ['a b', 'write a DNS name, where'],
    ['a\r\nb.example', 'write a DNS name, where'],
    ['fe80::1%eth0', 'write a DNS name, where'],
    [`${'a'.repeat(64)}.example.com`, 'DNS names have 253 characters at most, 63 between two dots'],
    [`${'a.'.repeat(130)}example`, 'DNS names have 253 characters at most, 63 between two dots'],
    ['*.com', 'no CA signs a wildcard for a whole top-level domain'],
    ['300.1.1.1', 'it looks like an IP address but is none'],
  ])('%j is none', (host, remedy) => {
    const throws = () => requestedHost(host)
    expect(throws).toThrow(`${JSON.stringify(host.slice(0, 300))} cannot be a host in a certificate; ${remedy}`)
    expect(throws).toThrow(expect.objectContaining({ code: 'SBC_CERTIFICATE_NAMES' }))
  })
})
