import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ground, layGround, PEER_TRANSPORTS, type PeerTransport, type Place, peerValues } from '../../support/crossing.ts'
import { freePort } from '../../support/places.ts'
import { allEnd, type SippResult, startSipp } from '../../support/sipp.ts'
import { type Subject, startSubject } from '../../support/subject.ts'
import { type TlsBridge, tlsClientBridge, tlsServerBridge } from '../../support/tls-bridge.ts'

const peers = join(import.meta.dirname, 'peers')
let ground: Ground
let subject: Subject
const bridges: TlsBridge[] = []

beforeAll(async () => {
  ground = await layGround(61)
  subject = await startSubject(ground)
}, 30_000)

afterAll(async () => {
  await subject?.stop()
  ground?.remove()
})

/** One call: a caller on one transport, a called party on another; both must end with every check passed. */
const call = async (
  from: PeerTransport,
  to: PeerTransport,
  scenarios: { readonly caller: string; readonly called: string; readonly bye?: 'caller' | 'called' },
): Promise<readonly SippResult[]> => {
  const callerPlace: Place = { address: ground.caller, port: await freePort(ground.caller) }
  const calledPlace = ground.targets[to]
  const caller = { side: 'callers', transport: from, self: callerPlace, user: 'caller' } as const
  const called = { side: 'targets', transport: to, self: calledPlace, user: 'called' } as const
  const dialled = `to-${to}`
  const ending = (who: 'caller' | 'called'): string => (scenarios.bye === who ? 'ending-sends-bye.xml' : 'ending-gets-bye.xml')
  let listenAt = calledPlace
  if (to === 'tls') {
    listenAt = { address: ground.called, port: await freePort(ground.called) }
    bridges.push(await tlsServerBridge(calledPlace, listenAt, ground.authority.issue('called', [ground.called])))
  }
  let remote: Place = { address: ground.inside, port: ground.callersPort }
  if (from === 'tls') {
    const entrance = { address: ground.caller, port: await freePort(ground.caller) }
    bridges.push(
      await tlsClientBridge(
        entrance,
        ground.caller,
        { address: ground.outside, port: ground.callersTlsPort },
        ground.name,
        ground.authority.certificate,
      ),
    )
    remote = entrance
  }
  const peer = { folder: ground.folder, seconds: 10 }
  const uas = await startSipp({
    ...peer,
    scenario: join(peers, scenarios.called),
    values: { ...peerValues(ground, called, caller, dialled), ending: ending('called') },
    transport: to === 'udp' ? 'udp' : 'tcp',
    ...listenAt,
  })
  try {
    const uac = await startSipp({
      ...peer,
      scenario: join(peers, scenarios.caller),
      values: { ...peerValues(ground, caller, called, dialled), ending: ending('caller') },
      transport: from === 'udp' ? 'udp' : 'tcp',
      ...callerPlace,
      remote,
    })
    try {
      return await allEnd([uac, uas])
    } finally {
      await uac.stop()
    }
  } finally {
    await uas.stop()
    for (const bridge of bridges.splice(0)) await bridge.close()
  }
}

const passed = (results: readonly SippResult[]): void => {
  expect(results.map((result) => result.errors)).toEqual(['', ''])
  expect(results.map((result) => result.code)).toEqual([0, 0])
}

describe.each(PEER_TRANSPORTS.flatMap((from) => PEER_TRANSPORTS.map((to) => [from, to] as const)))('%s to %s', (from, to) => {
  it('T4-T8: a call with holds from both sides keeps its two legs apart, the caller hangs up', async () => {
    passed(await call(from, to, { caller: 'caller.xml', called: 'called.xml', bye: 'caller' }))
  }, 30_000)
  it('T8: the called party hangs up', async () => {
    passed(await call(from, to, { caller: 'caller.xml', called: 'called.xml', bye: 'called' }))
  }, 30_000)
})

describe.each([
  ['udp', 'tls'],
  ['tcp', 'udp'],
  ['tls', 'tcp'],
] as const)('%s to %s', (from, to) => {
  it('§9.1: CANCEL crosses, and 487 comes back', async () => {
    passed(await call(from, to, { caller: 'caller-cancels.xml', called: 'called-cancelled.xml' }))
  }, 30_000)
  it('§16.7: 486 comes back, and each side acknowledges on its own hop', async () => {
    passed(await call(from, to, { caller: 'caller-busy.xml', called: 'called-busy.xml' }))
  }, 30_000)
})
