import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Ground, layGround, PEER_TRANSPORTS } from '../../support/crossing.ts'
import { callWithHolds, crossingCall, expectPassed } from '../../support/crossing-call.ts'
import { expectHealthy, type Subject, startSubject } from '../../support/subject.ts'

let ground: Ground
let subject: Subject

beforeAll(async () => {
  ground = await layGround(61)
  subject = await startSubject(ground)
})

afterAll(async () => {
  await subject?.stop()
  ground?.remove()
})

describe.each(PEER_TRANSPORTS.flatMap((from) => PEER_TRANSPORTS.map((to) => [from, to] as const)))('%s to %s', (from, to) => {
  it('T4-T8: a call with holds from both sides keeps its two legs apart, the caller hangs up', async () => {
    expectPassed(await crossingCall(ground, from, to, callWithHolds('caller')))
  })
  it('T8: the called party hangs up', async () => {
    expectPassed(await crossingCall(ground, from, to, callWithHolds('called')))
  })
})

describe.each([
  ['udp', 'tls'],
  ['tcp', 'udp'],
  ['tls', 'tcp'],
] as const)('%s to %s', (from, to) => {
  it('§9.1: CANCEL crosses, and 487 comes back', async () => {
    expectPassed(await crossingCall(ground, from, to, { caller: 'caller-cancels.xml', called: 'called-cancelled.xml' }))
  })
  it('§16.7: 486 comes back, and each side acknowledges on its own hop', async () => {
    expectPassed(await crossingCall(ground, from, to, { caller: 'caller-busy.xml', called: 'called-busy.xml' }))
  })
})

it('T9: no leg changed its transport in all these calls', async () => {
  await expectHealthy(subject)
})
