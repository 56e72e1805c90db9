import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeMedia, type Mood } from '../support/fake-media.ts'
import { EdgeUnderTest, T1 } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, tagOf, type Wire } from '../support/wire.ts'
import { RELIABLE, sdp } from './media-place.ts'

/** A zone that insists on offers. */
const OFFERS = ', dialect: { offers: always }'

/** Two targets of two destinations each, one of them with keys of its own, and two rtpengines. @param picky zone that insists on offers */
const configuration = (fork: string, picky: string): string => `
listeners:
  lan: { udp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060, udp: 192.0.2.5:5060 }
zones:
  desks:   { kind: trunk, on: lan, probe: false, targets: [ "sip:a.test;transport=udp", { uri: "sip:b.test;transport=udp", media: { interface: inside } } ]${picky === 'desks' ? OFFERS : ''} }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ]${picky === 'carrier' ? OFFERS : ''} }
routes:
  - { from: carrier, to: desks, fork: ${fork} }
  - { from: desks, to: carrier }
media: { rtpengine: [ 127.0.0.1:2223, 127.0.0.1:2224 ] }
`
const DNS = { 'A a.test': ['10.0.0.20', '10.0.0.21'], 'A b.test': ['10.0.0.22', '10.0.0.23'] }

const STATUSES = [180, 183, 183, 200, 200, 302, 486, 488, 503, 603] as const
const MOODS: readonly Mood[] = ['well', 'well', 'silent', 'full', 'deaf']

type Step =
  | { readonly kind: 'answer'; readonly desk: number; readonly status: number; readonly tag: string; readonly version: number }
  /** To what waits for an answer inside a dialog, at the carrier (4) or a desk. */
  | { readonly kind: 'reply'; readonly who: number; readonly status: number; readonly version: number }
  | { readonly kind: 'asks'; readonly who: number; readonly method: string; readonly version: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'mood'; readonly node: number; readonly mood: Mood }
  | { readonly kind: 'loses' | 'restart' | 'down'; readonly node: number }
  | { readonly kind: 'ack'; readonly version: number }
  | { readonly kind: 'cancel' | 'repeat' | 'hang-up' | 'settle' | 'hold' | 'release' | 'list' }
  | { readonly kind: 'bounce'; readonly desk: number }

const desk = fc.nat({ max: 3 })
const node = fc.nat({ max: 1 })
/** Of what is described: nothing, this, or something else. */
const version = fc.nat({ max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      desk,
      status: fc.constantFrom(...STATUSES),
      tag: fc.constantFrom('x', 'x', 'y'),
      version,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('reply' as const),
      who: fc.nat({ max: 4 }),
      status: fc.constantFrom(183, 200, 200, 401, 491, 500),
      version,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('asks' as const),
      who: fc.nat({ max: 4 }),
      method: fc.constantFrom('INVITE', 'INVITE', 'UPDATE', 'PRACK', 'BYE', 'INFO'),
      version,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(20, 500, 4100, 33_000, 191_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mood' as const), node, mood: fc.constantFrom(...MOODS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('loses' as const, 'restart' as const, 'down' as const), node }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), version }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'cancel' as const,
        'repeat' as const,
        'settle' as const,
        'settle' as const,
        'hold' as const,
        'release' as const,
        'list' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hang-up' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bounce' as const), desk }) },
)

/** A call that is up, before other things happen. */
const ANSWERED: readonly Step[] = [
  { kind: 'answer', desk: 0, status: 183, tag: 'x', version: 1 },
  { kind: 'settle' },
  { kind: 'answer', desk: 0, status: 200, tag: 'x', version: 1 },
  { kind: 'settle' },
  { kind: 'ack', version: 1 },
  { kind: 'settle' },
]

class Scene {
  readonly edge: EdgeUnderTest
  readonly media: FakeMedia
  readonly carrier: Party
  readonly desks: readonly Party[]
  /** 2xx to the INVITE that the carrier got, by To tag. */
  readonly dialogs = new Map<string, Wire>()
  readonly finals = new Set<number>()
  /** What each desk was called with, and the tags under which it answered 2xx. */
  readonly invites: (Wire | undefined)[] = []
  readonly tags = new Map<Party, Set<string>>()
  readonly waiting = new Map<Party, Wire[]>()
  gone = false
  age = 0
  #count = 0

  readonly picky: string

  constructor(edge: EdgeUnderTest, media: FakeMedia, outside: string, picky: string) {
    this.picky = picky
    this.edge = edge
    this.media = media
    this.carrier = edge.party('carrier', `out/${outside}`, '192.0.2.99:5060')
    this.desks = [20, 21, 22, 23].map((host) => edge.party(`desk${host}`, 'lan/udp', `10.0.0.${host}:5060`))
  }

  body(party: Party, which: number): { readonly body: string; readonly headers: readonly string[] } {
    return { body: which === 0 ? '' : sdp(party, which), headers: [`X-Number: ${++this.#count}`] }
  }

  look(): void {
    for (const wire of this.carrier.inbox.splice(0)) this.#got(this.carrier, wire)
    for (const [i, party] of this.desks.entries())
      for (const wire of party.inbox.splice(0)) {
        if (wire.method === 'INVITE' && wire.status === 0 && tagOf(wire, 'to') === undefined) {
          this.#judge(party, wire)
          this.invites[i] = wire
        } else this.#got(party, wire)
      }
  }

  /** T6.36: whoever insists on offers never sees an INVITE without. */
  #judge(party: Party, { method, status, body }: Wire): void {
    const insists = this.picky === (party === this.carrier ? 'carrier' : 'desks')
    if (insists && method === 'INVITE' && status === 0) expect(body.length, `offer to ${party.name}`).toBeGreaterThan(0)
  }

  #got(party: Party, wire: Wire): void {
    this.#judge(party, wire)
    if (wire.status > 0) {
      if (wire.method !== 'INVITE' || wire.status < 200) return
      const initial = party === this.carrier && headerOf(wire, 'cseq') === this.first
      if (initial) this.finals.add(wire.status)
      if (wire.status >= 300) return
      if (initial) this.dialogs.set(tagOf(wire, 'to') ?? '', wire)
      else {
        const place = this.places(party).at(-1)
        if (place !== undefined) party.sends('ACK', { ...place, ...this.body(party, this.#count % 3) })
      }
    } else if (wire.method === 'CANCEL' || wire.method === 'BYE') party.sends(200, { of: wire, ...this.body(party, 0) })
    else if (wire.method !== 'ACK') this.waiting.set(party, [...(this.waiting.get(party) ?? []), wire])
  }

  /** CSeq of the INVITE that began it all. */
  first = ''

  party(who: number): Party {
    return this.desks[who] ?? this.carrier
  }

  /** The dialogs that a party may speak in. */
  places(party: Party): readonly { readonly of: Wire; readonly tag?: string }[] {
    if (party === this.carrier) return [...this.dialogs.values()].map((of) => ({ of }))
    const invite = this.invites[this.desks.indexOf(party)]
    return invite === undefined ? [] : [...(this.tags.get(party) ?? [])].map((tag) => ({ of: invite, tag }))
  }
}

const perform = async (scene: Scene, invite: Wire, one: Step): Promise<void> => {
  const { edge, media, carrier, desks, invites } = scene
  switch (one.kind) {
    case 'answer': {
      const of = invites[one.desk]
      const party = desks[one.desk]!
      if (of === undefined) break
      if (one.status === 200) scene.tags.set(party, (scene.tags.get(party) ?? new Set()).add(one.tag))
      const { body, headers } = scene.body(party, one.version)
      party.sends(one.status, { of, tag: one.tag, body, headers: one.status === 183 ? [...headers, ...RELIABLE] : headers })
      break
    }
    case 'reply': {
      const party = scene.party(one.who)
      const of = scene.waiting.get(party)?.shift()
      if (of !== undefined && !(scene.gone && party === carrier))
        party.sends(of.method === 'INVITE' ? one.status : Math.max(one.status, 200), { of, ...scene.body(party, one.version) })
      break
    }
    case 'asks': {
      const party = scene.party(one.who)
      const place = scene.places(party).at(-1)
      if (place !== undefined && !(scene.gone && party === carrier))
        party.sends(one.method, { ...place, ...scene.body(party, one.method === 'BYE' ? 0 : one.version) })
      break
    }
    case 'pass':
      // No command takes longer than this
      if (one.ms > 4000) media.releases()
      await edge.settles()
      edge.passes(one.ms)
      scene.age += one.ms
      break
    case 'settle':
      await edge.settles()
      break
    case 'cancel':
      if (!scene.gone) carrier.sends('CANCEL')
      break
    case 'repeat':
      if (!scene.gone && scene.age < 64 * T1) carrier.repeats(invite)
      break
    case 'ack':
      for (const of of scene.dialogs.values()) if (!scene.gone) carrier.sends('ACK', { of, ...scene.body(carrier, one.version) })
      break
    case 'hang-up':
      if (carrier.spec.listener.endsWith('tcp')) {
        carrier.disconnects()
        scene.gone = true
      }
      break
    case 'bounce':
      desks[one.desk]!.bounces()
      break
    case 'mood':
      media.nodes[one.node]!.mood = one.mood
      break
    case 'loses':
      media.nodes[one.node]!.loses = 1
      break
    case 'restart':
      media.nodes[one.node]!.restarts()
      break
    case 'down':
      media.nodes[one.node]!.state = media.nodes[one.node]!.state === 'down' ? 'up' : 'down'
      break
    case 'hold':
      media.releases()
      media.holds()
      break
    case 'release':
      media.releases()
      break
    case 'list':
      media.releases()
      await edge.settles()
      edge.passes(60_000)
      scene.age += 60_000
      media.lists()
  }
  scene.look()
}

/** All that are there say goodbye, and every rtpengine does its work again. */
const ends = async (scene: Scene): Promise<void> => {
  const { edge, media, carrier, desks } = scene
  media.releases()
  for (const one of media.nodes) {
    one.mood = 'well'
    one.loses = 0
    one.state = 'up'
  }
  await edge.settles()
  scene.look()
  // Timer C, retransmissions, answers to CANCEL
  for (let i = 0; i < 24; i++) {
    edge.passes(10_000)
    await edge.settles()
    scene.look()
  }
  for (const party of scene.gone ? desks : [carrier, ...desks]) for (const place of scene.places(party)) party.sends('BYE', place)
  for (let i = 0; i < 6; i++) {
    edge.passes(10_000)
    await edge.settles()
    scene.look()
  }
}

test('media §9: whatever happens in whatever order, nobody learns where the other one is, and nothing is left in any rtpengine', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('serial', 'parallel'),
      fc.constantFrom('udp', 'tcp'),
      version,
      fc.boolean(),
      fc.constantFrom<Mood>('well', 'well', 'full', 'silent'),
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.constantFrom('nobody', 'carrier', 'desks'),
      async (fork, outside, described, answered, mood, steps, picky) => {
        const media = new FakeMedia('m1', 'm2')
        media.nodes[0]!.mood = mood
        if (mood === 'well') media.nodes[0]!.loses = steps.length % 2
        const edge = new EdgeUnderTest(configuration(fork, picky), { dns: DNS, media, touches: ['content-type'] })
        await edge.start()
        edge.tolerates(/500/)
        const scene = new Scene(edge, media, outside, picky)
        const invite = scene.carrier.sends('INVITE', scene.body(scene.carrier, described))
        scene.first = headerOf(invite, 'cseq')
        await edge.settles()
        scene.look()
        if (answered) for (const one of ANSWERED) await perform(scene, invite, one)
        for (const one of steps) await perform(scene, invite, one)
        await ends(scene)
        const failures = [...scene.finals].filter((status) => status >= 300)
        if (!scene.gone) expect(scene.finals.size, 'final answers').toBeGreaterThan(0)
        expect(failures.length, 'different failures').toBeLessThanOrEqual(1)
        if (failures.length > 0) expect(scene.dialogs.size, 'dialogs beside a failure').toBe(0)
        expect(edge.count('500'), 'mistakes of ours').toBe(0)
        edge.finished()
      },
    ),
    { numRuns: Number(process.env.FLOW_RUNS ?? 100), seed: Number(process.env.FLOW_SEED ?? 20_260_201) },
  )
}, 600_000)
