import { expect, it } from 'vitest'
import { namedServers } from '../../../src/dns/servers.ts'

it.each([
  [undefined, undefined],
  ['', undefined],
  ['10.0.0.53', ['10.0.0.53']],
  ['10.0.0.53, 127.0.0.1:5353', ['10.0.0.53', '127.0.0.1:5353']],
  ['::1,[2001:db8::53]:5353', ['::1', '[2001:db8::53]:5353']],
])('EDGEWAYS_DNS_SERVERS=%s names %j', (text, servers) => {
  expect(namedServers(text)).toEqual(servers)
})

it.each(['dns.example.com', '10.0.0.53:', '10.0.0.53:70000', '[10.0.0.53'])(
  '%s is no DNS server, and the sentence says what is one',
  (text) => {
    expect(() => namedServers(text)).toThrow(/is no DNS server; write an IP address/)
  },
)
