import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type MediaEndpoint, type MediaEndpointOptions, openMediaEndpoint } from '../../support/media/endpoint.ts'
import { type NgCall, type NgParty, ngCall } from '../../support/media/ng-call.ts'
import { audioOf, type Direction, directionOf, readSdp } from '../../support/media/sdp.ts'
import { until } from '../../support/processes.ts'
import { type Rtpengine, startRtpengine } from '../../support/rtpengine.ts'

const CALLER_HZ = 440
const CALLED_HZ = 1000

let rtpengine: Rtpengine
const open: MediaEndpoint[] = []

beforeAll(async () => {
  rtpengine = await startRtpengine({ interfaces: { wan: '127.0.70.1', lan: '127.0.70.2' } })
})

afterAll(() => rtpengine?.stop())

afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.close()))
})

interface Talk {
  readonly call: NgCall
  readonly caller: MediaEndpoint
  readonly called: MediaEndpoint
  /** A new offer of one side, and the other's answer. */
  again(by: 'caller' | 'called', direction?: Direction, answered?: Direction): Promise<{ readonly offer: string; readonly answer: string }>
}

const endpoint = async (options: MediaEndpointOptions): Promise<MediaEndpoint> => {
  const made = await openMediaEndpoint(options)
  open.push(made)
  return made
}

/** Two endpoints that talk through rtpengine. */
const talk = async (caller: Partial<MediaEndpointOptions> = {}, called: Partial<MediaEndpointOptions> = {}): Promise<Talk> => {
  const party = (options: Partial<MediaEndpointOptions>, name: string): NgParty => ({ kind: options.profile ?? 'plain', interface: name })
  const call = ngCall(rtpengine, party(caller, 'wan'), party(called, 'lan'))
  const sides = {
    caller: await endpoint({ address: '127.0.70.11', hz: CALLER_HZ, name: 'caller', reportMs: 300, ...caller }),
    called: await endpoint({ address: '127.0.70.12', hz: CALLED_HZ, name: 'called', reportMs: 300, ...called }),
  }
  const again: Talk['again'] = async (by, direction, answered) => {
    const [asks, says] = by === 'caller' ? [sides.caller, sides.called] : [sides.called, sides.caller]
    const offer = await call.offer(by, asks.offer(direction))
    const answer = await call.answer(says.answer(offer, answered))
    asks.accept(answer)
    return { offer, answer }
  }
  await again('caller')
  return { call, ...sides, again }
}

const hearEachOther = async ({ caller, called }: Talk): Promise<void> => {
  await Promise.all([caller.hears(CALLED_HZ, 5000, [CALLER_HZ]), called.hears(CALLER_HZ, 5000, [CALLED_HZ])])
}

const expectClean = (...endpoints: readonly MediaEndpoint[]): void => {
  for (const one of endpoints) expect(one.heard()).toMatchObject({ lost: 0, unauthenticated: 0, unexpected: [] })
}

const sdes = { profile: 'sdes' } as const

describe.each<[string, Partial<MediaEndpointOptions>, Partial<MediaEndpointOptions>]>([
  ['plain to plain', {}, {}],
  ['SRTP to plain, PCMA', { ...sdes, codecs: ['PCMA', 'telephone-event'] }, {}],
  ['plain to SRTP', {}, { ...sdes, cryptoParameters: '|2^31' }],
  ['SRTP to SRTP', { ...sdes, cryptoTag: 7 }, sdes],
  ['a telephone-event of another number', { payloadTypes: { 'telephone-event': 96 } }, {}],
])('%s', (_what, callerOptions, calledOptions) => {
  it('both hear the other one’s tone and nothing of their own, and the digits', async () => {
    const both = await talk(callerOptions, calledOptions)
    const { caller, called } = both
    await hearEachOther(both)
    await Promise.all([caller.sendDigits('123#'), called.sendDigits('*D0')])
    const [atCalled] = await Promise.all([called.receivesDigits('123#'), caller.receivesDigits('*D0')])
    expect(atCalled.map(({ duration }) => duration)).toEqual([800, 800, 800, 800])
    await hearEachOther(both)
    expectClean(caller, called)
    expect(caller.heard().sources).toEqual([`127.0.70.1:${caller.agreement()?.port}`])
    expect(called.heard().ssrcs).toEqual([caller.ssrc])
    await both.call.delete()
  })
})

/** By SSRC of who reports; ten times the mean opinion score. */
type Quality = Readonly<Record<string, { readonly 'average MOS'?: { readonly MOS: number } }>>

it('reports cross, and rtpengine makes a quality of them', async () => {
  const both = await talk(sdes, {})
  const { caller, called } = both
  const fits = (heard: ReturnType<MediaEndpoint['heard']>): boolean => heard.roundTrip !== undefined && heard.reports.length > 3
  const [atCaller] = await Promise.all([caller.receives(fits, 'round trip'), called.receives(fits, 'round trip')])
  expect(atCaller.roundTrip).toBeGreaterThan(0)
  expect(atCaller.roundTrip).toBeLessThan(100)
  // rtpengine needs round trips of both sides, and reckons by whole reports
  const judged = await until(async () => {
    const { SSRC: found = {} } = (await rtpengine.request('query', { 'call-id': both.call.callId })) as { readonly SSRC?: Quality }
    return [caller, called].every(({ ssrc }) => (found[ssrc]?.['average MOS']?.MOS ?? 0) > 0) ? found : undefined
  }, 'quality of both sides')
  for (const { ssrc } of [caller, called]) expect(judged[ssrc]?.['average MOS']?.MOS).toBeGreaterThan(40)
  expect(Object.keys(((await both.call.delete()) as { readonly SSRC: Quality }).SSRC)).toHaveLength(2)
  expectClean(caller, called)
})

describe('hold', () => {
  it.each([
    ['plain', {}],
    ['SRTP', sdes],
  ])('%s: sendonly leaves music, inactive nothing, resume brings both back', async (_what, options) => {
    const both = await talk(options, {})
    const { caller, called } = both
    await hearEachOther(both)
    const held = await both.again('caller', 'sendonly')
    expect(directionOf(readSdp(held.answer), audioOf(readSdp(held.answer)))).toBe('recvonly')
    await Promise.all([caller.receivesNothingWithin(300), called.hears(CALLER_HZ)])
    await both.again('caller', 'inactive')
    await Promise.all([caller.receivesNothingWithin(300), called.receivesNothingWithin(300), called.hearsSilenceFor(300)])
    const port = caller.agreement()?.port
    await both.again('caller', 'sendrecv')
    await hearEachOther(both)
    expect(caller.agreement()?.port).toBe(port)
    await both.again('called', 'recvonly')
    await Promise.all([caller.hearsSilenceFor(300), called.hears(CALLER_HZ)])
    expectClean(caller, called)
    await both.call.delete()
  })

  it('an endpoint that is silent is heard as silence, with packets', async () => {
    const both = await talk()
    await hearEachOther(both)
    both.caller.say(undefined)
    await both.called.hearsSilenceFor(300)
    await expect(both.called.receivesNothingWithin(100, 300)).rejects.toThrow('called: no 100 ms without a packet within 300 ms')
    both.caller.say(620)
    await both.called.hears(620, 5000, [CALLER_HZ])
    await both.call.delete()
  })
})

it('one that moves to other ports is heard from there', async () => {
  const both = await talk(sdes, {})
  const before = both.caller.port()
  await both.caller.move()
  expect(both.caller.port()).not.toBe(before)
  await both.again('caller')
  await hearEachOther(both)
  expectClean(both.caller, both.called)
  await both.call.delete()
})

describe('what is wrong is noticed', () => {
  it('a tone that is not there, with what was heard instead', async () => {
    const both = await talk()
    await hearEachOther(both)
    await expect(both.called.hears(620, 400)).rejects.toThrow(
      /^called: no 620 Hz within 400 ms; it heard mostly 440 Hz \(100 % of -9 dBFS\)/,
    )
    await expect(both.called.receivesDigits('1', 100)).rejects.toThrow('no digits 1 within 100 ms but none')
    await both.call.delete()
  })

  it('nobody’s voice, when nothing is sent', async () => {
    const both = await talk()
    await both.call.delete()
    await both.called.receivesNothingWithin(100)
    await expect(both.called.hears(CALLER_HZ, 300)).rejects.toThrow('it heard no sound at all')
  })

  it('keys that rtpengine does not have', async () => {
    const call = ngCall(rtpengine, { kind: 'sdes', interface: 'wan' }, { kind: 'plain', interface: 'lan' })
    const caller = await endpoint({ address: '127.0.70.11', hz: CALLER_HZ, ...sdes })
    const called = await endpoint({ address: '127.0.70.12', hz: CALLED_HZ })
    const wrongKey = (sdp: string): string => sdp.replace(/inline:(.)/, (_all, first: string) => `inline:${first === 'A' ? 'B' : 'A'}`)
    const answer = await call.answer(called.answer(await call.offer('caller', wrongKey(caller.offer()))))
    caller.accept(wrongKey(answer))
    await caller.receives(({ unauthenticated }) => unauthenticated > 10, 'packets with the wrong key')
    await expect(caller.hears(CALLED_HZ, 300)).rejects.toThrow('it heard no sound at all')
    expect(called.heard().packets).toBe(0)
    await call.delete()
  })
})
