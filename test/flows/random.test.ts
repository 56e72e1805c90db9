import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EdgeUnderTest, T1 } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'

/** Two targets of two destinations each, tried one after the other or all at once. */
const configuration = (fork: string, transport: string): string => `
media: off
listeners:
  lan: { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  out: { tcp: 192.0.2.5:5060, udp: 192.0.2.5:5060 }
zones:
  desks:   { kind: trunk, on: lan, probe: false, targets: [ "sip:a.test;transport=${transport}", "sip:b.test;transport=${transport}" ] }
  carrier: { kind: trunk, on: out, probe: false, targets: [ "sip:192.0.2.99:5060;transport=tcp" ] }
routes:
  - { from: carrier, to: desks, fork: ${fork} }
  - { from: desks, to: carrier }
`
const DNS = { 'A a.test': ['10.0.0.20', '10.0.0.21'], 'A b.test': ['10.0.0.22', '10.0.0.23'] }

const STATUSES = [100, 180, 183, 200, 302, 401, 408, 486, 487, 500, 503, 603] as const

type Step =
  | { readonly kind: 'answer'; readonly desk: number; readonly status: (typeof STATUSES)[number]; readonly tag: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'cancel' | 'repeat' | 'hang-up' | 'settle' | 'ack' }
  | { readonly kind: 'lose' | 'bounce' | 'refuse'; readonly desk: number }

const desk = fc.nat({ max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      desk,
      status: fc.constantFrom(...STATUSES),
      tag: fc.constantFrom('x', 'y'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(20, 500, 4100, 33_000, 191_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'repeat' as const, 'settle' as const, 'ack' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hang-up' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('lose' as const, 'bounce' as const, 'refuse' as const), desk }) },
)

interface Scene {
  readonly edge: EdgeUnderTest
  readonly carrier: Party
  readonly desks: readonly Party[]
  /** Everything that the carrier got. */
  readonly got: Wire[]
  readonly invites: (Wire | undefined)[]
  gone: boolean
  /** Milliseconds since the INVITE. */
  age: number
}

const look = (scene: Scene): void => {
  scene.got.push(...scene.carrier.inbox.splice(0))
  for (const [i, party] of scene.desks.entries()) {
    for (const wire of party.inbox.splice(0)) {
      if (wire.method === 'INVITE' && wire.status === 0) scene.invites[i] = wire
      // The next hop is there; what it does about the INVITE comes as steps
      if (wire.method === 'CANCEL') party.sends(200, { of: wire })
    }
  }
}

const perform = async (scene: Scene, invite: Wire, one: Step): Promise<void> => {
  const { edge, carrier, desks, invites } = scene
  switch (one.kind) {
    case 'answer': {
      const of = invites[one.desk]
      if (of !== undefined) desks[one.desk]!.sends(one.status, { of, tag: one.tag })
      break
    }
    case 'pass':
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
      // §17.1.1.2: nobody repeats an INVITE after Timer B
      if (!scene.gone && scene.age < 64 * T1) carrier.repeats(invite)
      break
    case 'ack':
      for (const of of scene.got)
        if (of.status >= 200 && of.status < 300 && of.method === 'INVITE' && !scene.gone) carrier.sends('ACK', { of })
      break
    case 'hang-up':
      if (carrier.spec.listener.endsWith('tcp')) {
        carrier.disconnects()
        scene.gone = true
      }
      break
    case 'lose':
      desks[one.desk]!.disconnects()
      break
    case 'bounce':
      desks[one.desk]!.bounces()
      break
    case 'refuse':
      desks[one.desk]!.refuses('tcp')
  }
  look(scene)
}

test('§16.7, §17: whatever happens in whatever order, the caller has one final answer (or several 2xx), and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('serial', 'parallel'),
      fc.constantFrom('udp', 'tcp'),
      fc.constantFrom('udp', 'tcp'),
      fc.array(step, { minLength: 1, maxLength: 14 }),
      async (fork, inside, outside, steps) => {
        const edge = new EdgeUnderTest(configuration(fork, inside), { dns: DNS })
        await edge.start()
        const carrier = edge.party('carrier', `out/${outside}`, '192.0.2.99:5060')
        const desks = [20, 21, 22, 23].map((host) => edge.party(`desk${host}`, `lan/${inside}`, `10.0.0.${host}:5060`))
        const scene: Scene = { edge, carrier, desks, got: [], invites: [], gone: false, age: 0 }
        const invite = carrier.sends('INVITE')
        look(scene)
        for (const one of steps) await perform(scene, invite, one)
        await edge.settles()
        look(scene)
        // What still comes: Timer C, retransmissions, answers to CANCEL
        for (let i = 0; i < 30; i++) {
          edge.passes(10_000)
          await edge.settles()
          look(scene)
        }
        const finals = scene.got.filter(({ status, method }) => status >= 200 && method === 'INVITE')
        const failures = new Set(finals.filter(({ status }) => status >= 300).map(({ status }) => status))
        if (!scene.gone) expect(finals.length, 'final answers').toBeGreaterThan(0)
        expect(failures.size, 'different failures').toBeLessThanOrEqual(1)
        if (failures.size === 1)
          expect(
            finals.some(({ status }) => status < 300),
            'a 2xx beside a failure',
          ).toBe(false)
        edge.finished()
      },
    ),
    { numRuns: Number(process.env.FLOW_RUNS ?? 150), seed: Number(process.env.FLOW_SEED ?? 20_260_101) },
  )
}, 600_000)
