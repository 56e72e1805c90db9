import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TransportName } from '../../../src/address/transports.ts'
import { createResolver, type ResolverOptions } from '../../../src/dns/resolver.ts'
import type { NextHop } from '../../../src/dns/types.ts'
import { a, aaaa, cname, type DnsServer, naptr, srv, startDnsServer } from '../../support/dns-server.ts'
import { ManualClock, shown } from './fixture.ts'

/** Through `node:dns` and real datagrams, against a server of our own on loopback. */
describe('RFC 3263 over node:dns', () => {
  const ALL: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']
  let dns: DnsServer
  let stops: (() => void)[]

  beforeEach(async () => {
    dns = await startDnsServer()
    stops = []
  })
  afterEach(async () => {
    for (const stop of stops) stop()
    await dns.stop()
  })

  const start = (options: ResolverOptions = {}) => {
    const clock = new ManualClock()
    const resolver = createResolver({
      clock,
      servers: [dns.address],
      hostsFile: '/nonexistent/hosts',
      attemptMs: 2000,
      queryMs: 10_000,
      ...options,
    })
    stops.push(() => resolver.stop())
    const resolve = async (
      hop: Partial<NextHop> & { readonly host: string },
      families: readonly (4 | 6)[] = [4, 6],
    ): Promise<readonly string[]> => shown(await resolver.resolve({ secure: false, ...hop }, ALL, families))
    const isImmediate = (hop: Partial<NextHop> & { readonly host: string }, families: readonly (4 | 6)[] = [4, 6]): boolean =>
      Array.isArray(resolver.resolve({ secure: false, ...hop }, ALL, families))
    return { clock, resolver, resolve, isImmediate }
  }

  const EXAMPLE = [
    naptr('example.test', 50, 50, 'SIPS+D2T', '_sips._tcp.example.test'),
    naptr('example.test', 90, 50, 'SIP+D2T', '_sip._tcp.example.test'),
    srv('_sips._tcp.example.test', 10, 1, 5061, 'One.Example.test'),
    srv('_sips._tcp.example.test', 20, 1, 5062, 'two.example.test'),
    a('one.example.test', '192.0.2.1'),
    aaaa('one.example.test', '2001:db8::1'),
    cname('two.example.test', 'real.example.test'),
    a('real.example.test', '192.0.2.2'),
  ]

  test('§4.1, §4.2: NAPTR, then SRV, then A and AAAA; aliases are followed', async () => {
    dns.serve(...EXAMPLE)
    const { resolve, isImmediate } = start()
    expect(await resolve({ host: 'example.test' })).toEqual(['tls 192.0.2.1:5061', 'tls [2001:db8::1]:5061', 'tls 192.0.2.2:5062'])
    const asked = dns.count()
    expect(isImmediate({ host: 'example.test' })).toBe(true)
    expect(dns.count()).toBe(asked)
  })

  test('§4.1: a name with only an address: no NAPTR, no SRV, UDP', async () => {
    dns.serve(a('pbx.test', '192.0.2.9'))
    const { resolve } = start()
    expect(await resolve({ host: 'pbx.test' })).toEqual(['udp 192.0.2.9:5060'])
    expect(await resolve({ host: 'pbx.test', secure: true })).toEqual(['tls 192.0.2.9:5061'])
  })

  test('RFC 2782: the target "." refuses the service', async () => {
    dns.serve(srv('_sip._udp.pbx.test', 0, 0, 0, '.'), a('pbx.test', '192.0.2.9'))
    await expect(start().resolve({ host: 'pbx.test', transport: 'udp' })).rejects.toMatchObject({ code: 'SBC_RESOLVE_NO_SERVICE' })
  })

  test('a name that does not exist', async () => {
    await expect(start().resolve({ host: 'nowhere.test' })).rejects.toMatchObject({ code: 'SBC_RESOLVE_NOT_FOUND' })
  })

  test('the TTL of the record counts, and what changed in the DNS is used after it', async () => {
    dns.serve(a('pbx.test', '192.0.2.1', 30))
    const { clock, resolve, isImmediate } = start()
    const hop = { host: 'pbx.test', port: 5060 }
    expect(await resolve(hop, [4])).toEqual(['udp 192.0.2.1:5060'])
    dns.put(a('pbx.test', '192.0.2.2', 30))
    clock.advance(23_000)
    expect(isImmediate(hop, [4])).toBe(true)
    expect(dns.count()).toBe(1)
    clock.advance(7001)
    expect(await resolve(hop, [4])).toEqual(['udp 192.0.2.2:5060'])
  })

  test('the refresh ahead of the end happens by itself', async () => {
    dns.serve(a('pbx.test', '192.0.2.1', 100))
    const { clock, resolver, resolve } = start()
    const hop = { host: 'pbx.test', port: 5060, secure: false }
    await resolve(hop, [4])
    dns.put(a('pbx.test', '192.0.2.2', 100))
    clock.advance(90_000)
    await dns.asked({ name: 'pbx.test' }, 2)
    await vi.waitFor(() => expect(resolver.resolve(hop, ALL, [4])).toMatchObject([{ address: '192.0.2.2' }]))
    expect(resolver.stats().waited).toBe(1)
  })

  test('SERVFAIL is a failure; with an older answer it is none', async () => {
    dns.serve(a('pbx.test', '192.0.2.1', 30))
    const { clock, resolve } = start()
    const hop = { host: 'pbx.test', port: 5060 }
    await resolve(hop, [4])
    dns.behave('SERVFAIL')
    clock.advance(31_000)
    expect(await resolve(hop, [4])).toEqual(['udp 192.0.2.1:5060'])
    await expect(resolve({ host: 'other.test', port: 5060 })).rejects.toMatchObject({
      code: 'SBC_RESOLVE_FAILED',
      message: 'The DNS servers could not answer for "other.test" (ESERVFAIL)',
    })
  })

  test('REFUSED is a failure', async () => {
    dns.behave('REFUSED')
    await expect(start().resolve({ host: 'pbx.test', port: 5060 })).rejects.toMatchObject({ code: 'SBC_RESOLVE_FAILED' })
  })

  test('a server that does not answer costs a bounded time', async () => {
    dns.behave('drop')
    const { resolve } = start({ attemptMs: 30_000, queryMs: 60 })
    await expect(resolve({ host: 'pbx.test', port: 5060 })).rejects.toMatchObject({ code: 'SBC_RESOLVE_TIMEOUT' })
  })

  test('a server that is not there is a failure', async () => {
    const { resolve } = start()
    await dns.stop()
    await expect(resolve({ host: 'pbx.test', port: 5060 })).rejects.toMatchObject({ code: 'SBC_RESOLVE_FAILED' })
  })

  test('a lost datagram is asked again', async () => {
    dns.serve(a('pbx.test', '192.0.2.1'))
    const answers = dns.behave('drop')
    const { resolve } = start({ attemptMs: 250 })
    const result = resolve({ host: 'pbx.test', port: 5060 }, [4])
    await dns.asked({ name: 'pbx.test' })
    answers()
    expect(await result).toEqual(['udp 192.0.2.1:5060'])
  })

  test('callers of one name share one query, and no name waits for another', async () => {
    dns.serve(a('slow.test', '192.0.2.1'), a('fast.test', '192.0.2.2'))
    const release = dns.behave('hold', { name: 'slow.test' })
    const { resolve } = start()
    const slow = Promise.all(Array.from({ length: 20 }, () => resolve({ host: 'slow.test', port: 5060 }, [4])))
    await dns.asked({ name: 'slow.test' })
    expect(await resolve({ host: 'fast.test', port: 5060 }, [4])).toEqual(['udp 192.0.2.2:5060'])
    release()
    expect(await slow).toHaveLength(20)
    expect(dns.count({ name: 'slow.test' })).toBe(1)
  })

  test('a late answer is an answer', async () => {
    dns.serve(a('pbx.test', '192.0.2.1'))
    dns.behave({ delayMs: 30 })
    expect(await start().resolve({ host: 'pbx.test', port: 5060 }, [4])).toEqual(['udp 192.0.2.1:5060'])
  })

  test('stop rejects what is under way', async () => {
    dns.behave('drop')
    const { resolver, resolve } = start()
    const result = resolve({ host: 'pbx.test', port: 5060 })
    await dns.asked({ name: 'pbx.test' })
    resolver.stop()
    await expect(result).rejects.toMatchObject({ code: 'SBC_RESOLVE_STOPPED' })
  })

  test('names of the hosts file come without the DNS', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'edgeways-dns-'))
    try {
      await writeFile(join(folder, 'hosts'), '10.0.0.20 pbx\n')
      const { resolve, isImmediate } = start({ hostsFile: join(folder, 'hosts') })
      expect(isImmediate({ host: 'pbx' })).toBe(true)
      expect(await resolve({ host: 'pbx' })).toEqual(['udp 10.0.0.20:5060'])
      expect(await resolve({ host: 'localhost' })).toEqual(['udp 127.0.0.1:5060', 'udp [::1]:5060'])
      expect(dns.count()).toBe(0)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('the memory of dead destinations and the figures are reachable', async () => {
    dns.serve(a('pbx.test', '192.0.2.1'), a('pbx.test', '192.0.2.2'))
    const { resolver, resolve } = start()
    const [first] = await resolver.resolve({ host: 'pbx.test', port: 5060, secure: false }, ALL, [4])
    resolver.failed(first!)
    expect((await resolve({ host: 'pbx.test', port: 5060 }, [4])).at(-1)).toBe(`udp ${first!.address}:5060`)
    expect(resolver.stats()).toMatchObject({ dead: 1, records: 1, immediate: 1, waited: 1, failures: 0 })
    resolver.answered(first!)
    expect(resolver.stats().dead).toBe(0)
  })
})
