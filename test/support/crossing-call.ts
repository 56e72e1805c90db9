import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Ground, type PeerTransport, type Place, peerValues } from './crossing.ts'
import { freePort } from './places.ts'
import { allEnd, type SippResult, startSipp } from './sipp.ts'
import { type TlsBridge, tlsClientBridge, tlsServerBridge } from './tls-bridge.ts'

const peers = join(import.meta.dirname, '..', 'e2e', '01-transports', 'peers')

export interface CrossingScenarios {
  readonly caller: string
  readonly called: string
  /** Who hangs up; `nobody`: the call is still up when both SIPp have gone. */
  readonly bye?: 'caller' | 'called' | 'nobody'
  /** Called when the call is up; the caller, which must be on UDP, hangs up after it. */
  readonly whileUp?: () => Promise<void>
}

export interface CrossingCall {
  readonly caller: SippResult
  readonly called: SippResult
  /** Where the peers' SIPp processes stood. */
  readonly callerPlace: Place
  readonly calledPlace: Place
}

/** A whole call with holds from both sides. */
export const callWithHolds = (bye: 'caller' | 'called'): CrossingScenarios => ({ caller: 'caller.xml', called: 'called.xml', bye })

const endingOf = ({ bye, whileUp }: CrossingScenarios, user: 'caller' | 'called'): string => {
  if (bye === 'nobody') return 'ending-without-bye.xml'
  if (bye !== user) return 'ending-gets-bye.xml'
  return whileUp === undefined ? 'ending-sends-bye.xml' : 'ending-waits-and-sends-bye.xml'
}

export const callIdOf = (message: string): string => /^Call-ID: *(.*?)\r$/m.exec(message)?.[1] ?? ''

/** SIPp waits for an INFO of its call: the test's own, straight to its socket. */
const tellToGoOn = async (place: Place, callId: string): Promise<void> => {
  const socket = createSocket('udp4')
  const text = `INFO sip:go-on SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKgo\r\nFrom: <sip:test@test>;tag=t\r\nTo: <sip:go-on>;tag=t\r\nCall-ID: ${callId}\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n`
  await new Promise((resolve) => socket.send(text, place.port, place.address, resolve))
  socket.close()
}

/** One call over the subject on `ground`: SIPp calls SIPp. Both have ended when the promise resolves. */
export const crossingCall = async (
  ground: Ground,
  from: PeerTransport,
  to: PeerTransport,
  scenarios: CrossingScenarios,
): Promise<CrossingCall> => {
  const callerPlace: Place = { address: ground.caller, port: await freePort(ground.caller) }
  const calledPlace = ground.targets[to]
  const caller = { side: 'callers', transport: from, self: callerPlace, user: 'caller' } as const
  const called = { side: 'targets', transport: to, self: calledPlace, user: 'called' } as const
  const values = (leg: typeof caller | typeof called, other: typeof caller | typeof called): Record<string, string> => ({
    ...peerValues(ground, leg, other, `to-${to}`),
    ending: endingOf(scenarios, leg.user),
  })
  const open: { stop(): Promise<unknown> }[] = []
  const bridged = async (bridge: Promise<TlsBridge>): Promise<void> => {
    const made = await bridge
    open.push({ stop: () => made.close() })
  }
  try {
    let listenAt = calledPlace
    if (to === 'tls') {
      listenAt = { address: ground.called, port: await freePort(ground.called) }
      await bridged(tlsServerBridge(calledPlace, listenAt, ground.authority.issue('called', [ground.called])))
    }
    let remote: Place = { address: ground.inside, port: ground.callersPort }
    if (from === 'tls') {
      remote = { address: ground.caller, port: await freePort(ground.caller) }
      const edge = { address: ground.outside, port: ground.callersTlsPort }
      await bridged(tlsClientBridge(remote, ground.caller, edge, ground.name, ground.authority.certificate))
    }
    const common = { folder: ground.folder }
    const sippTransport = (transport: PeerTransport): 'udp' | 'tcp' => (transport === 'udp' ? 'udp' : 'tcp')
    const uas = await startSipp({
      ...common,
      scenario: join(peers, scenarios.called),
      values: values(called, caller),
      transport: sippTransport(to),
      ...listenAt,
    })
    open.push(uas)
    const uac = await startSipp({
      ...common,
      scenario: join(peers, scenarios.caller),
      values: values(caller, called),
      transport: sippTransport(from),
      ...callerPlace,
      remote,
    })
    open.push(uac)
    if (scenarios.whileUp !== undefined) {
      const callId = callIdOf(await uac.message('received', /^ACK [\s\S]*\nCSeq: 101 /))
      await scenarios.whileUp()
      await tellToGoOn(callerPlace, callId)
    }
    const [calledResult, callerResult] = await allEnd([uas, uac])
    return { caller: callerResult!, called: calledResult!, callerPlace, calledPlace: listenAt }
  } finally {
    await Promise.all(open.map((one) => one.stop()))
  }
}

/** Every check of both peers' scenarios held. */
export const expectPassed = (call: Pick<CrossingCall, 'caller' | 'called'>): void => {
  expect({ caller: call.caller.errors, called: call.called.errors }).toEqual({ caller: '', called: '' })
  expect({ caller: call.caller.code, called: call.called.code }).toEqual({ caller: 0, called: 0 })
}
