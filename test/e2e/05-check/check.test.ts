import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captureLoopback, type Dissected, dissect, mayCapture, type SeenMessage, writeCapture } from '../../support/capture.ts'
import { type Ground, layGround, PEER_TRANSPORTS, type PeerTransport, type Place, shown } from '../../support/crossing.ts'
import { callWithHolds, crossingCall, expectPassed } from '../../support/crossing-call.ts'
import { freePort } from '../../support/places.ts'
import type { SippResult } from '../../support/sipp.ts'
import { type Subject, startSubject } from '../../support/subject.ts'

let ground: Ground
let subject: Subject

beforeAll(async () => {
  ground = await layGround(65)
  subject = await startSubject(ground)
})

afterAll(async () => {
  await subject?.stop()
  ground?.remove()
})

const seenBy = (result: SippResult, self: Place, edge: Place): readonly SeenMessage[] =>
  result.messages.map(({ direction, text }) => (direction === 'sent' ? { from: self, to: edge, text } : { from: edge, to: self, text }))

/** §18.3: Content-Length is the length of the body, to the byte. Wireshark does not compare them. */
const declaredLengthIsTrue = ({ text }: SeenMessage): boolean => {
  const end = text.indexOf('\r\n\r\n')
  const declared = /^Content-Length: *(\d+)\r$/im.exec(text.slice(0, end + 2))?.[1]
  return Number(declared) === text.length - end - 4
}

const plainPlace = (ground: Ground, side: 'callers' | 'targets'): Place => ({
  address: ground.inside,
  port: side === 'callers' ? ground.callersPort : ground.targetsPort,
})

/** What Wireshark must say of the called party's leg. */
const judgeCalledLeg = (messages: readonly Dissected[], from: PeerTransport, to: PeerTransport): void => {
  const top = `${to.toUpperCase()} ${shown(ground, 'targets', to)}`
  const invite = messages.find((message) => message.method === 'INVITE' && message.requestUri.startsWith(`sip:to-${to}@`))
  expect(invite?.vias).toEqual([top, expect.stringMatching(`^${from.toUpperCase()} ${ground.caller}:`)])
  expect(invite?.recordRoutes).toEqual([
    expect.stringContaining(`sip:${shown(ground, 'targets', to)}`),
    expect.stringContaining(`sip:${shown(ground, 'callers', from)}`),
  ])
  const later = messages.filter((message) => message.method !== '' && message !== invite && message.vias[0] === top)
  expect(later.map((message) => message.method)).toEqual(expect.arrayContaining(['ACK', 'INVITE', 'BYE']))
  for (const message of later)
    expect({ routes: message.routes, recordRoutes: message.recordRoutes }).toEqual({ routes: [], recordRoutes: [] })
}

it('the judge itself notices what is damaged', async () => {
  const good =
    'OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'
  const place = { address: '127.0.0.1', port: 5999 }
  const file = join(ground.folder, 'damaged.pcap')
  writeCapture(
    file,
    [good, good.replace('Length: 0', 'Length: none'), good.replace('\r\n\r\n', '\r\n')].map((text) => ({ from: place, to: place, text })),
  )
  const messages = await dissect(file, [5999])
  expect(messages.map((message) => message.complaints.length > 0)).toEqual([false, true, true])
})

describe.each(PEER_TRANSPORTS.flatMap((from) => PEER_TRANSPORTS.map((to) => [from, to] as const)))('%s to %s', (from, to) => {
  it('Wireshark reads every message that the peers saw, and finds nothing to complain about', async () => {
    const call = await crossingCall(ground, from, to, callWithHolds('caller'))
    expectPassed(call)
    const legs = {
      caller: seenBy(call.caller, call.callerPlace, plainPlace(ground, 'callers')),
      called: seenBy(call.called, call.calledPlace, plainPlace(ground, 'targets')),
    }
    for (const [name, seen] of Object.entries(legs)) {
      const file = join(ground.folder, `${from}-${to}-${name}.pcap`)
      writeCapture(file, seen)
      const messages = await dissect(file, [ground.callersPort, ground.targetsPort])
      expect(messages).toHaveLength(seen.length)
      expect(seen.filter((message) => !declaredLengthIsTrue(message))).toEqual([])
      expect(messages.flatMap((message) => message.complaints)).toEqual([])
      if (name === 'called') judgeCalledLeg(messages, from, to)
    }
  })
})

describe.runIf(mayCapture()).each([
  ['udp', 'udp'],
  ['udp', 'tcp'],
  ['tcp', 'udp'],
  ['tcp', 'tcp'],
] as const)('on the wire, %s to %s', (from, to) => {
  it('T9: each leg keeps to its transport, and Wireshark finds nothing to complain about', async () => {
    const file = join(ground.folder, `${from}-${to}.pcapng`)
    const ports = [ground.callersPort, ground.targetsPort, ground.targets[to].port]
    const capture = await captureLoopback(file, ports, await freePort('127.0.0.1'))
    const call = await crossingCall(ground, from, to, callWithHolds('caller'))
    await capture.finish()
    expectPassed(call)
    const messages = await dissect(file, ports)
    expect(messages.flatMap((message) => message.complaints)).toEqual([])
    const between = (address: string): readonly Dissected[] =>
      messages.filter((message) => message.from.startsWith(`${address}:`) || message.to.startsWith(`${address}:`))
    const [callerLeg, calledLeg] = [between(ground.caller), between(ground.called)]
    expect(new Set(callerLeg.map((message) => message.carrier))).toEqual(new Set([from]))
    expect(new Set(calledLeg.map((message) => message.carrier))).toEqual(new Set([to]))
    expect(callerLeg.length + calledLeg.length).toBe(messages.length)
    judgeCalledLeg(calledLeg, from, to)
  })
})
