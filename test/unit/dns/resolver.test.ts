import { describe, expect, test } from 'vitest'
import type { Destination } from '../../../src/address/destination.ts'
import type { TransportName } from '../../../src/address/transports.ts'
import { parseHosts } from '../../../src/dns/hosts.ts'
import type { SipResolver } from '../../../src/dns/resolver.ts'
import { ManualClock, naptrRecord, resolverOver, settled, shown, srvRecord, TableLookup } from './fixture.ts'

const UDP: readonly TransportName[] = ['udp']
const V4 = [4] as const
const HOP = { host: 'pbx.test', port: 5060, secure: false } as const

/** What comes at once; a promise is a failure of the test. */
const now = (
  resolver: SipResolver,
  hop: Parameters<SipResolver['resolve']>[0] = HOP,
  families: readonly (4 | 6)[] = V4,
): readonly string[] => {
  const result = resolver.resolve(hop, UDP, families)
  if (result instanceof Promise) throw new Error('had to wait')
  return shown(result)
}
const waits = (resolver: SipResolver, hop = HOP): boolean => {
  const result = resolver.resolve(hop, UDP, V4)
  if (!(result instanceof Promise)) return false
  result.catch(() => undefined)
  return true
}
const later = async (resolver: SipResolver, hop: Parameters<SipResolver['resolve']>[0] = HOP): Promise<readonly string[]> =>
  shown(await resolver.resolve(hop, UDP, V4))

const made = (zone: TableLookup['zone'], options: Parameters<typeof resolverOver>[2] & { readonly ttl?: number } = {}) => {
  const { ttl = 60, ...parts } = options
  const clock = new ManualClock()
  const lookup = new TableLookup(zone, ttl)
  return { clock, lookup, resolver: resolverOver(lookup, clock, parts) }
}
const A = 'A pbx.test'

describe('answering at once', () => {
  test('a literal address never asks and never waits', () => {
    const { lookup, resolver } = made({})
    expect(now(resolver, { host: '192.0.2.1', secure: false })).toEqual(['udp 192.0.2.1:5060'])
    expect(lookup.asked).toEqual([])
  })

  test('a name waits once, then is answered at once for its TTL', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 100 })
    expect(await later(resolver)).toEqual(['udp 192.0.2.1:5060'])
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    clock.advance(79_000)
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    expect(lookup.asked).toEqual([A])
    clock.advance(21_000)
    expect(waits(resolver)).toBe(true)
  })

  test.each([
    ['of a second is raised to five', 1, 5],
    ['of a week is cut to a day', 7 * 86_400, 86_400],
  ])('T6.9: a TTL %s', async (_, ttl, seconds) => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl })
    await later(resolver)
    lookup.zone = { [A]: ['192.0.2.9'] }
    lookup.held = []
    clock.advance(seconds * 1000 - 1)
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    lookup.release()
    await settled()
    expect(now(resolver)).toEqual(['udp 192.0.2.9:5060'])
    const asked = lookup.asked.length
    clock.advance(seconds * 700)
    expect(now(resolver)).toEqual(['udp 192.0.2.9:5060'])
    expect(lookup.asked).toHaveLength(asked)
    clock.advance(seconds * 300)
    expect(waits(resolver)).toBe(true)
  })

  test('RFC 3263 §4: NAPTR, SRV and addresses are all remembered', async () => {
    const { lookup, resolver } = made({
      'NAPTR pbx.test': [naptrRecord(1, 1, 'SIP+D2U', '_sip._udp.pbx.test')],
      'SRV _sip._udp.pbx.test': [srvRecord(1, 1, 5070, 'one.pbx.test')],
      'A one.pbx.test': ['192.0.2.1'],
    })
    const hop = { host: 'pbx.test', secure: false }
    await later(resolver, hop)
    expect(now(resolver, hop)).toEqual(['udp 192.0.2.1:5070'])
    expect(lookup.asked).toEqual(['NAPTR pbx.test', 'SRV _sip._udp.pbx.test', 'A one.pbx.test'])
  })

  test('a known error is thrown at once, with code and sentence', async () => {
    const { resolver } = made({})
    await expect(later(resolver)).rejects.toMatchObject({ code: 'SBC_RESOLVE_NOT_FOUND', name: 'ResolveError' })
    expect(() => now(resolver)).toThrow('"pbx.test" has no IPv4 address')
  })

  test('RFC 2782: each call draws anew, also those that waited for one lookup', async () => {
    const draws = [0.9, 0.1, 0.9]
    const { resolver } = made(
      {
        'SRV _sip._udp.pbx.test': [srvRecord(1, 1, 5060, 'a.test'), srvRecord(1, 1, 5060, 'b.test')],
        'A a.test': ['192.0.2.1'],
        'A b.test': ['192.0.2.2'],
      },
      { random: () => draws.shift() ?? 0 },
    )
    const hop = { host: 'pbx.test', transport: 'udp' as const, secure: false }
    const [first, second] = await Promise.all([later(resolver, hop), later(resolver, hop)])
    expect([first[0], second[0], now(resolver, hop)[0]]).toEqual(['udp 192.0.2.2:5060', 'udp 192.0.2.1:5060', 'udp 192.0.2.2:5060'])
  })

  test('names of the hosts file and localhost never wait; a new file counts at once', () => {
    const { lookup, resolver } = made({})
    resolver.setHosts(parseHosts('10.0.0.1 pbx.test'))
    expect(now(resolver)).toEqual(['udp 10.0.0.1:5060'])
    expect(now(resolver, { host: 'localhost', secure: false }, [4, 6])).toEqual(['udp 127.0.0.1:5060', 'udp [::1]:5060'])
    resolver.setHosts(parseHosts('10.0.0.2 pbx.test'))
    expect(now(resolver)).toEqual(['udp 10.0.0.2:5060'])
    expect(lookup.asked).toEqual([])
  })
})

describe('one question, many callers', () => {
  test('lookups of one name share one query', async () => {
    const { lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    lookup.held = []
    const all = Promise.all(Array.from({ length: 50 }, () => later(resolver)))
    expect(lookup.asked).toEqual([A])
    expect(resolver.stats()).toMatchObject({ pending: 1, asking: 1, waited: 50 })
    lookup.release()
    expect((await all).flat()).toEqual(Array.from({ length: 50 }, () => 'udp 192.0.2.1:5060'))
    expect(resolver.stats()).toMatchObject({ pending: 0, asking: 0, questions: 1 })
  })

  test('also with another port or transport', async () => {
    const { lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    lookup.held = []
    const both = Promise.all([later(resolver), later(resolver, { ...HOP, port: 5070 })])
    expect(lookup.asked).toEqual([A])
    lookup.release()
    expect(await both).toEqual([['udp 192.0.2.1:5060'], ['udp 192.0.2.1:5070']])
  })

  test('a name that hangs blocks no other', async () => {
    const { lookup, resolver } = made({ [A]: ['192.0.2.1'], 'A other.test': ['192.0.2.2'] })
    lookup.held = []
    const hanging = later(resolver)
    const { held } = lookup
    lookup.held = undefined
    expect(await later(resolver, { host: 'other.test', port: 5060, secure: false })).toEqual(['udp 192.0.2.2:5060'])
    for (const answer of held) answer()
    expect(await hanging).toEqual(['udp 192.0.2.1:5060'])
  })

  test('the number of names that are looked up at one moment is bounded', async () => {
    const { lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { maxPending: 1 })
    lookup.held = []
    const first = later(resolver)
    expect(() => resolver.resolve({ host: 'other.test', port: 5060, secure: false }, UDP, V4)).toThrow(
      expect.objectContaining({ code: 'SBC_RESOLVE_BUSY' }) as Error,
    )
    lookup.release()
    await first
  })
})

describe('ahead of the end', () => {
  test('a name in use is renewed before its TTL ends, so that nobody waits; a new address is used', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 100 })
    await later(resolver)
    clock.advance(79_000)
    resolver.tick()
    expect(lookup.asked).toHaveLength(1)
    lookup.zone = { [A]: ['192.0.2.2'] }
    clock.advance(1000)
    resolver.tick()
    expect(lookup.asked).toHaveLength(2)
    await settled()
    expect(now(resolver)).toEqual(['udp 192.0.2.2:5060'])
    clock.advance(30_000)
    expect(now(resolver), 'the first answer would be over now').toEqual(['udp 192.0.2.2:5060'])
  })

  test('also by the call that comes near the end, without waiting itself', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 100 })
    await later(resolver)
    clock.advance(85_000)
    lookup.zone = { [A]: ['192.0.2.2'] }
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    expect(lookup.asked).toHaveLength(2)
    await settled()
    expect(now(resolver)).toEqual(['udp 192.0.2.2:5060'])
  })

  test('a refresh that takes longer than the rest of the TTL makes nobody wait', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 10 })
    await later(resolver)
    clock.advance(9000)
    lookup.held = []
    resolver.tick()
    clock.advance(2000)
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    lookup.release()
  })

  test('a name that is not used any more is left alone and forgotten', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 60 })
    await later(resolver)
    for (let second = 0; second < 4000; second++) {
      clock.advance(1000)
      resolver.tick()
      await settled()
    }
    expect(lookup.asked.length).toBeLessThan(6)
    expect(resolver.stats().records).toBe(0)
  })

  test('a name in use stays immediate for an hour of calls, also what it does not have (NAPTR, SRV)', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] }, { ttl: 20 })
    const hop = { host: 'pbx.test', secure: false }
    await later(resolver, hop)
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000)
      resolver.tick()
      await settled()
      if (second % 30 === 0) expect(now(resolver, hop)).toEqual(['udp 192.0.2.1:5060'])
    }
    expect(resolver.stats().waited).toBe(1)
    // once per minute, not once per ten seconds
    expect(lookup.asked.filter((question) => question.startsWith('NAPTR')).length).toBeLessThan(80)
  })
})

describe('negative answers', () => {
  test('a name that does not exist is not asked for again for ten seconds, then found', async () => {
    const { clock, lookup, resolver } = made({})
    await expect(later(resolver)).rejects.toMatchObject({ code: 'SBC_RESOLVE_NOT_FOUND' })
    lookup.zone = { [A]: ['192.0.2.1'] }
    clock.advance(7000)
    expect(() => now(resolver)).toThrow()
    expect(lookup.asked).toHaveLength(1)
    clock.advance(3000)
    expect(await later(resolver)).toEqual(['udp 192.0.2.1:5060'])
  })

  test('a failure is not asked for again for some seconds, then by the caller who waits for it', async () => {
    const { clock, lookup, resolver } = made({ [A]: 'timeout' })
    await expect(later(resolver)).rejects.toMatchObject({ code: 'SBC_RESOLVE_TIMEOUT' })
    clock.advance(3000)
    expect(() => now(resolver)).toThrow('No DNS server answered for "pbx.test"')
    lookup.zone = { [A]: ['192.0.2.1'] }
    clock.advance(2000)
    expect(await later(resolver)).toEqual(['udp 192.0.2.1:5060'])
  })

  test('a NAPTR question that never is answered delays the first call only', async () => {
    const { clock, lookup, resolver } = made({ 'NAPTR pbx.test': 'timeout', [A]: ['192.0.2.1'] })
    const hop = { host: 'pbx.test', secure: false }
    await later(resolver, hop)
    for (let second = 0; second < 600; second++) {
      clock.advance(1000)
      resolver.tick()
      await settled()
      expect(now(resolver, hop)).toEqual(['udp 192.0.2.1:5060'])
    }
    expect(lookup.asked.filter((question) => question.startsWith('NAPTR')).length).toBeGreaterThan(10)
  })
})

describe('RFC 8767: when the servers fail', () => {
  test('an answer that is over serves for an hour, at once, while the servers are asked again and again', async () => {
    const failing: string[] = []
    const { clock, lookup, resolver } = made(
      { [A]: ['192.0.2.1'] },
      { failing: ({ name }, detail, serving) => failing.push(`${name} ${detail} ${serving}`) },
    )
    await later(resolver)
    lookup.zone = { [A]: 'SERVFAIL' }
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000)
      resolver.tick()
      await settled()
      expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
    }
    expect(failing[0]).toBe('pbx.test ESERVFAIL true')
    expect(failing.length).toBeGreaterThan(600)
    expect(failing.length).toBeLessThan(800)
    lookup.zone = { [A]: ['192.0.2.2'] }
    clock.advance(5000)
    resolver.tick()
    await settled()
    expect(now(resolver)).toEqual(['udp 192.0.2.2:5060'])
  })

  test('also for a name that was not in use: the first call waits for the failure, the next ones do not', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    await later(resolver)
    lookup.zone = { [A]: 'timeout' }
    clock.advance(1_800_000)
    expect(waits(resolver)).toBe(true)
    await settled()
    expect(now(resolver)).toEqual(['udp 192.0.2.1:5060'])
  })

  test('after the hour it serves no more', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    await later(resolver)
    lookup.zone = { [A]: 'SERVFAIL' }
    clock.advance(3_700_000)
    await expect(later(resolver)).rejects.toMatchObject({ code: 'SBC_RESOLVE_FAILED' })
  })

  test('a name that the servers say is gone is gone', async () => {
    const { clock, lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    await later(resolver)
    lookup.zone = {}
    clock.advance(61_000)
    await expect(later(resolver)).rejects.toMatchObject({ code: 'SBC_RESOLVE_NOT_FOUND' })
  })
})

describe('RFC 3263 §4.3: dead destinations', () => {
  const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
  const destination = (address: string): Destination => ({ transport: 'udp', address, port: 5060, host: 'pbx.test' })

  test('one that failed is last for 30 s, and in its place again when it answers', async () => {
    const { clock, resolver } = made({ [A]: ADDRESSES }, { ttl: 600 })
    await later(resolver)
    resolver.failed(destination('192.0.2.1'))
    expect(now(resolver)[2]).toBe('udp 192.0.2.1:5060')
    clock.advance(29_000)
    expect(now(resolver)[2]).toBe('udp 192.0.2.1:5060')
    clock.advance(1000)
    expect(now(resolver)[0]).toBe('udp 192.0.2.1:5060')
    resolver.failed(destination('192.0.2.1'), 300)
    resolver.answered(destination('192.0.2.1'))
    expect(now(resolver)[0]).toBe('udp 192.0.2.1:5060')
  })

  test('the list is bounded, and the bound does not cut the living off', async () => {
    const { resolver } = made({ [A]: ADDRESSES }, { maxDestinations: 2 })
    expect(await later(resolver)).toEqual(['udp 192.0.2.1:5060', 'udp 192.0.2.2:5060'])
    resolver.failed(destination('192.0.2.1'))
    resolver.failed(destination('192.0.2.2'))
    expect(now(resolver)).toEqual(['udp 192.0.2.3:5060', 'udp 192.0.2.1:5060'])
  })
})

describe('bounds and the end', () => {
  test('the number of records is bounded; those that were not used for the longest time are forgotten', async () => {
    const zone = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`A h${i}.test`, [`192.0.2.${i % 250}`]]))
    const { resolver } = made(zone, { maxRecords: 100 })
    for (let i = 0; i < 300; i++) {
      await later(resolver, { host: `h${i}.test`, port: 5060, secure: false })
      now(resolver, { host: 'h0.test', port: 5060, secure: false })
    }
    expect(resolver.stats().records).toBe(100)
  })

  test('even a cache that forgets at once ends, with an error', async () => {
    const { resolver } = made({ [A]: ['192.0.2.1'], 'AAAA pbx.test': ['2001:db8::1'] }, { maxRecords: 1 })
    await expect(resolver.resolve(HOP, UDP, [4, 6])).rejects.toMatchObject({ code: 'SBC_RESOLVE_TIMEOUT' })
  })

  test('a resolution takes no longer than its bound and the question under way', async () => {
    const { clock, lookup, resolver } = made({ 'NAPTR pbx.test': 'timeout' }, { resolveMs: 8000 })
    lookup.held = []
    const result = later(resolver, { host: 'pbx.test', secure: false })
    clock.advance(9000)
    lookup.release()
    await expect(result).rejects.toMatchObject({ code: 'SBC_RESOLVE_TIMEOUT', message: '"pbx.test" could not be resolved within 8000 ms' })
  })

  test('after stop everything is refused, also what is under way', async () => {
    const { lookup, resolver } = made({ [A]: ['192.0.2.1'] })
    lookup.held = []
    const result = later(resolver)
    resolver.stop()
    await expect(result).rejects.toMatchObject({ code: 'SBC_RESOLVE_STOPPED' })
    expect(() => now(resolver)).toThrow(expect.objectContaining({ code: 'SBC_RESOLVE_STOPPED' }) as Error)
    expect(lookup.stopped).toBe(true)
  })
})
