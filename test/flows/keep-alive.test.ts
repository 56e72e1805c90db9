import { describe, expect, test } from 'vitest'
import type { Binding, BindingStore } from '../../src/registrar/types.ts'
import { type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, parameterOf, topViaOf } from '../support/wire.ts'

const place = (nat: string): string => `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:    { udp: 10.0.0.5:5060 }
  public: { udp: 10.0.0.5:5080, tls: 10.0.0.5:5061, wss: 10.0.0.5:443, advertise: public-address }
zones:
  pbx:    { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  phones: { kind: phones, on: public, nat: ${nat} }
routes: [ { from: phones, to: pbx } ]
media: off
certificates: { main: development }
`

const HOUR = 3_600_000

class Memory implements BindingStore {
  readonly bindings = new Map<string, Binding>()
  readonly removed: string[] = []

  constructor(bindings: readonly Binding[]) {
    for (const binding of bindings) this.put(binding)
  }
  load() {
    return this.bindings.values()
  }
  put(binding: Binding) {
    this.bindings.set(`${binding.aor} ${binding.key}`, binding)
  }
  remove(aor: string, key: string) {
    this.bindings.delete(`${aor} ${key}`)
    this.removed.push(aor)
  }
  together(run: () => void) {
    run()
  }
}

/** The harness' clock begins here. */
const BEGIN = 1_790_001_000_000

const bindingOf = (name: string, port: number, more: Partial<Binding> = {}): Binding => ({
  aor: `${name}@example.com`,
  key: `sip:${name}@192.168.1.5:5060`,
  zone: 'phones',
  listener: 'public/udp',
  flow: { kind: 'datagram', address: '198.51.100.7', port },
  contact: `sip:${name}@192.168.1.5:5060;line=1`,
  parameters: '',
  q: 1000,
  path: [],
  callId: `register-${name}`,
  cseq: 1,
  expiresAt: BEGIN + HOUR,
  since: BEGIN,
  refreshedAt: BEGIN,
  userAgent: '',
  nat: ['contact-private'],
  registrar: undefined,
  ...more,
})

const start = async (nat: string, ...bindings: readonly Binding[]) => {
  const store = new Memory(bindings)
  const edge = await startEdge(place(nat), { bindings: store })
  return { edge, store }
}

/** A phone behind NAT as the edge sees it, and as it calls itself. */
const phone = (edge: EdgeUnderTest, name: string, port: number): Party =>
  edge.party(name, 'public/udp', `198.51.100.7:${port}`, { host: '192.168.1.5:5060' })

/** It goes away quietly, so that what comes after the test reaches nobody. */
const leaves = (...parties: readonly Party[]): void => {
  for (const party of parties) party.isDeaf()
}

/** The PBX takes its registration. @param at who hears the answer, where that is another one than asked */
const register = (client: Party, pbx: Party, at: Party = client): void => {
  client.sends('REGISTER', { uri: 'sip:example.com', to: 'sip:alice@example.com', fresh: true, callId: 'one', headers: ['Expires: 3600'] })
  pbx.gets('REGISTER')
  pbx.sends(200)
  at.gets(200)
}

describe('keep-alives', () => {
  test('N4: an OPTIONS to the address and port that registered, from the listener that it registered to, to the Contact that it has', async () => {
    const { edge } = await start('{ keep-alive: 30s }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    while (alice.inbox.length === 0) edge.passes(100)
    const options = alice.gets('OPTIONS')
    expect(alice.listenerOf(options)).toBe('public/udp')
    expect(options.start).toBe('OPTIONS sip:alice@192.168.1.5:5060;line=1 SIP/2.0')
    expect(topViaOf(options), 'A2').toMatch(/^SIP\/2\.0\/UDP 203\.0\.113\.5:5080;branch=z9hG4bK/)
    expect(headerOf(options, 'max-forwards')).toBe('70')
    expect(parameterOf(headerOf(options, 'to'), 'tag'), 'no dialog').toBeUndefined()
    expect(headerOf(options, 'from')).toMatch(/^<sip:203\.0\.113\.5:5080>;tag=/)
    alice.sends(200)
    expect(edge.count('keep-alive phones sent')).toBe(1)
    expect(edge.count('keep-alive phones answered')).toBe(1)
    leaves(alice)
  })

  test('N4: one in each interval, whatever the answer is', async () => {
    const { edge, store } = await start('{ keep-alive: 20s, losses: 2 }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.replies('OPTIONS', 405)
    edge.passes(200_000)
    expect(edge.count('keep-alive phones sent')).toBeGreaterThanOrEqual(10)
    expect(edge.count('keep-alive phones sent')).toBeLessThanOrEqual(11)
    expect(edge.count('keep-alive phones answered')).toBe(edge.count('keep-alive phones sent'))
    expect(store.removed).toEqual([])
    leaves(alice)
  })

  test('N4: many are spread over the interval, none waits longer than it, and after a restart the first come in its first third', async () => {
    const many = Array.from({ length: 60 }, (_, i) => bindingOf(`p${i}`, 41_000 + i))
    const { edge } = await start('{ keep-alive: 30s }', ...many)
    const parties = many.map((_, i) => phone(edge, `p${i}`, 41_000 + i))
    for (const party of parties) party.replies('OPTIONS', 200)
    const perSecond: number[] = []
    let before = 0
    for (let second = 0; second < 120; second++) {
      edge.passes(1000)
      perSecond.push(edge.count('keep-alive phones sent') - before)
      before = edge.count('keep-alive phones sent')
    }
    expect(perSecond.slice(0, 10).reduce((sum, n) => sum + n)).toBe(60)
    expect(Math.max(...perSecond.slice(0, 10)), 'the first round: 6 a second').toBeLessThanOrEqual(8)
    for (const from of [30, 60, 90]) expect(perSecond.slice(from, from + 30).reduce((sum, n) => sum + n)).toBe(60)
    expect(Math.max(...perSecond.slice(30)), 'later rounds: 2 a second').toBeLessThanOrEqual(4)
    leaves(...parties)
  })

  test('N4: no gap is longer than the interval, from the first one on', async () => {
    const { edge } = await start('{ keep-alive: 15s }', bindingOf('alice', 40001), bindingOf('bob', 40002), bindingOf('carol', 40003))
    const parties = [phone(edge, 'alice', 40001), phone(edge, 'bob', 40002), phone(edge, 'carol', 40003)]
    for (const party of parties) party.replies('OPTIONS', 200)
    // Answered by itself, an OPTIONS shows in the counters alone
    let before = 0
    let quiet = 0
    for (let ms = 0; ms < 60_000; ms += 100) {
      edge.passes(100)
      const now = edge.count('keep-alive phones sent')
      quiet = now === before ? quiet + 100 : 0
      before = now
      expect(quiet).toBeLessThan(15_000)
    }
    leaves(...parties)
  })

  test('N4: after so many unanswered ones in a row the registration ends, and nothing more is sent', async () => {
    const { edge, store } = await start('{ keep-alive: 30s, losses: 3 }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.isDeaf()
    edge.passes(100_000)
    expect(edge.count('keep-alive phones lost')).toBe(3)
    expect(store.removed).toEqual(['alice@example.com'])
    expect(edge.logged('A client behind NAT does not answer; what it registered ends')).toMatchObject([
      { zone: 'phones', listener: 'public/udp', remote: '198.51.100.7', port: 40001, bindings: 1 },
    ])
    edge.passes(120_000)
    expect(edge.count('keep-alive phones sent')).toBe(3)
  })

  test('N4: an answer in between begins the count anew', async () => {
    const { edge, store } = await start('{ keep-alive: 30s, losses: 3 }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.isDeaf()
    edge.passes(60_000)
    expect(edge.count('keep-alive phones lost')).toBe(2)
    alice.hearsAgain()
    alice.replies('OPTIONS', 200)
    edge.passes(30_000)
    alice.isDeaf()
    edge.passes(65_000)
    expect(edge.count('keep-alive phones lost')).toBe(4)
    expect(store.removed).toEqual([])
  })

  test('N4: with "lost: mark" the registration stays, and the client can come back', async () => {
    const { edge, store } = await start('{ keep-alive: 30s, losses: 2, lost: mark }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.isDeaf()
    edge.passes(130_000)
    expect(edge.logged('A client behind NAT does not answer')).toHaveLength(1)
    expect(store.removed).toEqual([])
    alice.hearsAgain()
    alice.replies('OPTIONS', 200)
    edge.passes(30_000)
    expect(edge.logged('A client behind NAT is back')).toHaveLength(1)
    leaves(alice)
  })

  test('N4: packets of four bytes hold the mapping, and nobody has to answer', async () => {
    const { edge, store } = await start('{ keep-alive: 25s, by: packet, losses: 1 }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    edge.passes(100_000)
    expect(alice.packets.length).toBeGreaterThanOrEqual(4)
    expect(new Set(alice.packets)).toEqual(new Set(['public/udp 40001']))
    expect(edge.count('keep-alive phones lost')).toBe(0)
    expect(store.removed).toEqual([])
  })

  test('N4: two accounts of one phone are one way, and one packet holds it', async () => {
    const { edge, store } = await start('{ keep-alive: 30s, losses: 1 }', bindingOf('alice', 40001), bindingOf('office', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.isDeaf()
    edge.passes(40_000)
    expect(edge.count('keep-alive phones sent')).toBe(1)
    expect(store.removed.toSorted()).toEqual(['alice@example.com', 'office@example.com'])
  })

  test.each([
    ['that is not behind NAT', '{}', bindingOf('alice', 40001, { nat: [] })],
    [
      'whose connection is gone',
      '{}',
      bindingOf('alice', 40001, { listener: 'public/tls', flow: { kind: 'connection', boot: 'b', id: '0x1', identity: 'u1' } }),
    ],
    [
      'of a browser, which WebSocket pings',
      '{}',
      bindingOf('alice', 40001, { listener: 'public/wss', flow: { kind: 'connection', boot: 'b', id: '0x1', identity: 'u1' } }),
    ],
    ['where keep-alives are off', '{ keep-alive: off }', bindingOf('alice', 40001)],
    ['where NAT is off', 'off', bindingOf('alice', 40001)],
  ])('N4: nothing is sent to a client %s', async (_what, nat, binding) => {
    const { edge } = await start(nat, binding)
    const alice = phone(edge, 'alice', 40001)
    edge.passes(120_000)
    alice.getsNothing()
    expect(edge.count('keep-alive phones sent')).toBe(0)
  })

  test('N4: after a restart the mapping is held again at once, before the phone registers', async () => {
    const { edge } = await start('{ keep-alive: 30s }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.replies('OPTIONS', 200)
    edge.passes(45_000)
    const before = edge.count('keep-alive phones sent')
    await edge.restarts()
    edge.passes(10_000)
    expect(edge.count('keep-alive phones sent')).toBe(before + 1)
    leaves(alice)
  })

  test('N4: an expired binding is not kept alive', async () => {
    const { edge } = await start('{ keep-alive: 30s }', bindingOf('alice', 40001, { expiresAt: BEGIN + 50_000 }))
    const alice = phone(edge, 'alice', 40001)
    alice.replies('OPTIONS', 200)
    edge.passes(300_000)
    expect(edge.count('keep-alive phones sent')).toBe(2)
  })

  test('N4: a reload that switches keep-alives off, or on, is followed', async () => {
    const { edge } = await start('{ keep-alive: 10s }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.replies('OPTIONS', 200)
    edge.passes(20_000)
    await edge.reloads(place('off'))
    const off = edge.count('keep-alive phones sent')
    edge.passes(60_000)
    expect(edge.count('keep-alive phones sent')).toBe(off)
    await edge.reloads(place('{ keep-alive: 10s }'))
    edge.passes(10_000)
    expect(edge.count('keep-alive phones sent')).toBe(off + 1)
    leaves(alice)
  })

  test('RFC 5626 §8: what the client sends to hold its mapping is a sign of life', async () => {
    const { edge, store } = await start('{ keep-alive: 30s, losses: 2 }', bindingOf('alice', 40001))
    const alice = phone(edge, 'alice', 40001)
    alice.isDeaf()
    for (let i = 0; i < 8; i++) {
      edge.passes(20_000)
      edge.keptAlive('public/udp', '198.51.100.7', 40001)
    }
    expect(edge.count('keep-alive phones lost')).toBeGreaterThan(3)
    expect(store.removed).toEqual([])
  })

  test('N1, N4: what a phone showed when it registered through us is what keeps it alive, where it is now', async () => {
    const edge = await startEdge(place('{ keep-alive: 10s }'))
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const alice = phone(edge, 'alice', 40001)
    register(alice, pbx)
    while (alice.inbox.length === 0) edge.passes(100)
    expect(alice.flowOf(alice.gets('OPTIONS')).remotePort).toBe(40001)
    alice.sends(200)
    const moved = phone(edge, 'moved', 40777)
    alice.moves('public/udp', 40777)
    register(alice, pbx, moved)
    while (moved.inbox.length === 0) edge.passes(100)
    expect(moved.gets('OPTIONS').start).toContain('sip:alice@192.168.1.5:5060')
    moved.replies('OPTIONS', 200)
    edge.passes(20_000)
    alice.getsNothing()
    pbx.replies('REGISTER', 200)
    leaves(alice, moved)
  })

  test('N4: over TLS by the connection that registered, until it is closed', async () => {
    const edge = await startEdge(place('{ keep-alive: 10s }'))
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const alice = edge.party('alice', 'public/tls', '198.51.100.7:50001', { host: '192.168.1.5:5061' })
    alice.connects()
    register(alice, pbx)
    alice.replies('OPTIONS', 200)
    edge.passes(30_000)
    expect(edge.count('keep-alive phones answered')).toBe(3)
    alice.disconnects()
    pbx.replies('REGISTER', 200)
    edge.passes(30_000)
    expect(edge.count('keep-alive phones sent')).toBe(3)
    expect(edge.count('keep-alive phones lost')).toBe(0)
  })

  test('N4, N5: a registration behind us that is dropped is taken back at the PBX', async () => {
    const edge = await startEdge(place('{ keep-alive: 10s, losses: 2 }'))
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const alice = phone(edge, 'alice', 40001)
    register(alice, pbx)
    alice.isDeaf()
    while (pbx.inbox.length === 0 && edge.count('keep-alive phones sent') < 5) edge.passes(100)
    const taken = pbx.gets('REGISTER')
    expect(`${headerOf(taken, 'contact')} ${headerOf(taken, 'expires')}`).toMatch(/expires=0| 0$/)
    expect(headerOf(taken, 'contact')).toContain('sip:alice@192.168.1.5:5060')
    pbx.sends(200)
    expect(edge.count('keep-alive phones lost')).toBe(2)
  })
})
