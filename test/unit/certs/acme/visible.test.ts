import { describe, expect, test } from 'vitest'
import type { DnsLookup } from '../../../../src/certs/acme/dns/lookup.ts'
import { recordName, untilVisible } from '../../../../src/certs/acme/dns/visible.ts'

const signal = new AbortController().signal

/** A DNS that is a table, and a clock that only pauses move. */
const world = (answers: (server: string | undefined, ms: number) => readonly string[], servers: readonly string[] = ['ns1', 'ns2']) => {
  let time = 0
  const asked: (string | undefined)[] = []
  const lookup: DnsLookup = {
    alias: async () => undefined,
    authorities: async () => servers,
    txt: async (_name, server) => {
      asked.push(server)
      return answers(server, time)
    },
  }
  const clock = { now: () => time, wall: () => time }
  const pause = async (ms: number) => {
    time += ms
  }
  return { lookup, clock, pause, asked, time: () => time }
}
const silent = (): never => {
  throw new Error('ETIMEOUT')
}
const wait = ({ lookup, clock, pause }: ReturnType<typeof world>, values: readonly string[], servers: readonly string[] = []) =>
  untilVisible('_acme-challenge.example', values, { lookup, clock, pause, servers, longest: 60_000 }, signal)

describe('a TXT record is visible', () => {
  test('when every server of the zone has all values', async () => {
    const dns = world((server, ms) => (server === 'ns1' ? ['a', 'b', 'old'] : ms < 10_000 ? ['a'] : ['a', 'b']))
    expect(await wait(dns, ['a', 'b'])).toBe(true)
    expect(dns.time()).toBeGreaterThanOrEqual(10_000)
    expect(dns.time()).toBeLessThan(16_000)
  })

  test('when the configured servers have it; others are not asked', async () => {
    const dns = world(() => ['a'])
    expect(await wait(dns, ['a'], ['192.0.2.1'])).toBe(true)
    expect(dns.asked).toEqual(['192.0.2.1'])
  })

  test('also when one server does not answer', async () => {
    const dns = world((server) => (server === 'ns2' ? silent() : ['a']))
    expect(await wait(dns, ['a'])).toBe(true)
  })

  test('by the DNS of the system where no server outside answers', async () => {
    const dns = world((server) => (server === undefined ? ['a'] : silent()))
    expect(await wait(dns, ['a'])).toBe(true)
    expect(dns.asked).toEqual(['ns1', 'ns2', undefined])
  })

  test('never, when a server keeps something else: which, and what to do', async () => {
    const dns = world((server) => (server === 'ns2' ? ['old'] : ['a']))
    await expect(wait(dns, ['a'])).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message:
        'The TXT record _acme-challenge.example was written, but ns2 has 1 other TXT records there after 60 s; raise propagation, or name servers that see the zone from outside under dns-servers',
    })
    expect(dns.time()).toBeLessThanOrEqual(60_000)
  })

  test('perhaps, when nobody answers at all', async () => {
    expect(await wait(world(silent), ['a'])).toBe(false)
    expect(await wait(world(silent), ['a'], ['192.0.2.1'])).toBe(false)
  })

  test('not looked for any more after an abort', async () => {
    const dns = world(() => [])
    const abort = new AbortController()
    const waiting = untilVisible(
      'x',
      ['a'],
      { lookup: dns.lookup, clock: dns.clock, pause: async () => abort.abort(new Error('enough')), servers: [], longest: 60_000 },
      abort.signal,
    )
    await expect(waiting).rejects.toThrow('enough')
  })
})

describe('RFC 8555 §8.4: the name of the record', () => {
  const aliases = (table: Readonly<Record<string, string>>): DnsLookup => ({
    ...world(() => []).lookup,
    alias: async (name) => table[name],
  })

  test('is the host with a prefix', async () => {
    expect(await recordName(aliases({}), 'sbc.example', [], signal)).toBe('_acme-challenge.sbc.example')
  })

  test('is where its aliases lead', async () => {
    const lookup = aliases({ '_acme-challenge.sbc.example': 'one.example', 'one.example': 'two.example' })
    expect(await recordName(lookup, 'sbc.example', [], signal)).toBe('two.example')
  })

  test('a circle of aliases is refused', async () => {
    const lookup = aliases({ '_acme-challenge.sbc.example': 'one.example', 'one.example': '_acme-challenge.sbc.example' })
    await expect(recordName(lookup, 'sbc.example', [], signal)).rejects.toMatchObject({
      code: 'SBC_CERTIFICATE_DNS',
      message: expect.stringContaining('is it a circle?'),
    })
  })

  test('a DNS that does not answer is no reason to stop: the record is tried at its usual place', async () => {
    const lookup = { ...aliases({}), alias: () => Promise.reject(new Error('ESERVFAIL')) }
    expect(await recordName(lookup, 'sbc.example', [], signal)).toBe('_acme-challenge.sbc.example')
  })
})
