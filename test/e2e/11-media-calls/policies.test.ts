import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { MediaEndpointOptions } from '../../support/media/endpoint.ts'
import { audioOf, codecsOf, readSdp } from '../../support/media/sdp.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { toneIn } from '../../support/media/tone.ts'
import { until } from '../../support/processes.ts'
import { type Ground, HZ, NAME } from './ground.ts'
import { expectLegs, type Leg } from './legs.ts'
import { type BrowserPhone, type Browsers, startBrowsers } from './page.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { hearEachOther, type Listener, listener } from './talk.ts'

/** One PBX, told by the user part of what it is called how its media is treated; another one whose media is left alone. */
const zones = ({ lan, peers }: Ground): string => {
  const zone = (name: string, media: string): string =>
    `  ${name}: { kind: trunk, on: lan, targets: ['sip:${lan(20)}:${peers.pbx};transport=udp'], probe: false, media: { interface: lan, ${media} } }`
  return `
zones:
${zone('ordered', 'codecs: { order: [ PCMA, telephone-event ] }')}
${zone('stripped', 'codecs: { strip: [ PCMU ] }')}
${zone('transcoded', 'codecs: { transcode: [ PCMU, telephone-event ] }')}
${zone('toned', 'dtmf: audio')}
${zone('recorded', 'record: true')}
  direct: { kind: trunk, on: lan, targets: ['sip:${lan(21)}:${peers.other};transport=udp'], probe: false, media: none }
  phones: { kind: phones, on: phones, media: { interface: wan } }
  browsers: { kind: webrtc, on: web, origins: ['*'], media: { interface: wan } }
routes:
  - { from: ordered, to: direct }
${['ordered', 'stripped', 'transcoded', 'toned', 'recorded'].map((name) => `  - { from: [phones, browsers], user: ${name}, to: ${name} }`).join('\n')}
`
}

let place: Place
let browsers: Browsers
let recordings: string

beforeAll(async () => {
  place = await layPlace(5, zones, (ground) => {
    recordings = join(ground.folder, 'recordings')
    mkdirSync(recordings)
    return ['--recording-method=pcap', `--recording-dir=${recordings}`]
  })
  browsers = await startBrowsers(place)
})

afterAll(async () => {
  await browsers?.close()
  await place?.stop()
})

let legs: (() => readonly [Leg, Leg]) | undefined
let page: BrowserPhone | undefined

afterEach(async () => {
  await place.settled(() => {
    if (legs !== undefined) expectLegs(...legs())
  })
  await page?.close()
  page = undefined
  legs = undefined
})

const at = (call: SipCall, hz: number): Listener & { readonly call: SipCall } => ({ ...listener(call, hz), call })
type Side = ReturnType<typeof at>

/** A TLS phone calls the PBX in one of its roles, and they talk. */
const talk = async (role: string, media: Partial<MediaEndpointOptions> = {}): Promise<{ readonly phone: Side; readonly pbx: Side }> => {
  const [pbx, phone] = [await place.pbx({ media }), await place.phone()]
  legs = () => [place.leg(phone, 'sdes', 'wan'), place.leg(pbx, 'plain', 'lan')]
  const calling = await phone.call(`sip:${role}@${NAME}`)
  const called = await pbx.incoming()
  await Promise.all([called.answer(), calling.established()])
  const both = { phone: at(calling, HZ.phone), pbx: at(called, HZ.pbx) }
  await hearEachOther(both.phone, both.pbx)
  return both
}

const hangUp = async ({ phone, pbx }: { readonly phone: Side; readonly pbx: Side }): Promise<void> => {
  await Promise.all([phone.call.bye(), pbx.call.ended()])
}

/** Names of what the first offer to a call showed, in its order. */
const offered = ({ sdps }: SipCall): readonly string[] => codecsOf(audioOf(readSdp(sdps[0]!.sdp))).map(({ name }) => name)

/** The call to the PBX from a page with these codecs. */
const fromPage = async (role: string, codecs: readonly string[]): Promise<{ readonly pbx: Side; readonly page: BrowserPhone }> => {
  const pbx = await place.pbx({ media: role === 'toned' ? { codecs: ['PCMU'] } : {} })
  const tab = await browsers.open({ register: false, codecs })
  page = tab
  legs = () => [tab.leg(), place.leg(pbx, 'plain', 'lan')]
  await tab.phone.do('call', `sip:${role}@${NAME}`)
  const call = await pbx.incoming()
  await call.answer()
  await tab.phone.event('confirmed')
  const atPbx = at(call, HZ.pbx)
  await hearEachOther(tab, atPbx)
  return { pbx: atPbx, page: tab }
}

describe('media: none', () => {
  it('SDP crosses as it was written, and both talk to each other without rtpengine', async () => {
    const [pbx, other]: readonly Party[] = await Promise.all([place.pbx(), place.other()])
    const calling = await pbx!.call(`sip:1@${place.lan(1)}:${place.ports.sip}`)
    const called = await other!.incoming()
    await Promise.all([called.answer(), calling.established()])
    await hearEachOther(at(calling, HZ.pbx), at(called, HZ.other))
    await called.hold('sendonly')
    await called.resume()
    await hearEachOther(at(calling, HZ.pbx), at(called, HZ.other))
    expect(await place.rtpengine.list()).toEqual([])
    expect(called.sdps.map(({ sdp }) => sdp)).toEqual(pbx!.said)
    expect(calling.sdps.map(({ sdp }) => sdp)).toEqual(other!.said)
    expect(called.media().heard().sources).toEqual([`${place.lan(20)}:${calling.media().port()}`])
    await Promise.all([calling.bye(), called.ended()])
  })
})

describe('codecs', () => {
  it('order: the PBX is offered what is named and nothing else, and both talk in it', async () => {
    const both = await talk('ordered')
    expect(offered(both.pbx.call)).toEqual(['PCMA', 'TELEPHONE-EVENT'])
    expect(both.phone.call.media().agreement()?.codecs.audio.name).toBe('PCMA')
    await both.phone.call.media().sendDigits('2')
    await both.pbx.call.media().receivesDigits('2')
    await hangUp(both)
  })

  it('strip: all but what is named', async () => {
    const both = await talk('stripped')
    expect(offered(both.pbx.call)).toEqual(['PCMA', 'TELEPHONE-EVENT'])
    await hangUp(both)
  })

  it('transcode: a browser with nothing but opus talks to a PBX with PCMU, keys included', async () => {
    const { pbx, page: tab } = await fromPage('transcoded', ['opus', 'telephone-event'])
    expect(offered(pbx.call)).toContain('PCMU')
    expect(await tab.sound.stats()).toMatchObject({ codec: 'audio/opus' })
    expect(pbx.call.media().agreement()?.codecs.audio.name).toBe('PCMU')
    await tab.sound.sendDigits('73')
    await pbx.call.media().receivesDigits('73')
    await Promise.all([pbx.call.bye(), tab.phone.event('ended')])
    const { quality } = (await ended(pbx.call)) as { quality: { legs: { codec: string }[] } }
    expect(quality.legs.map(({ codec }) => codec)).toEqual([expect.stringMatching(/^opus\/48000/), expect.stringMatching(/^PCMU\/8000/)])
  })

  it('transcode: the PBX holds and resumes: what converted its answer converts its offers', async () => {
    const { pbx, page: tab } = await fromPage('transcoded', ['opus', 'telephone-event'])
    await pbx.call.hold('sendonly')
    await tab.hears(pbx.hz)
    await pbx.call.resume()
    await hearEachOther(tab, pbx)
    await Promise.all([pbx.call.bye(), tab.phone.event('ended')])
  })
})

/** The log line of a call's end. */
const ended = ({ callId }: SipCall): ReturnType<Place['edge']['logged']> =>
  place.edge.logged(({ msg, callId: its }) => msg === 'Call ended' && its === callId, 'end of the call in the log')

describe('dtmf: audio', () => {
  /** The two tones of the key 5, each a good part of some 60 ms. */
  const hasFive = (samples: Int16Array): boolean => {
    const size = 480
    for (let i = 0; i + size <= samples.length; i += size / 4) {
      const piece = samples.subarray(i, i + size)
      if ([770, 1336].every((hz) => toneIn(piece, hz, 8000) > 0.25)) return true
    }
    return false
  }

  it.each(['phone', 'browser'] as const)('keys of a %s reach a PBX without telephone-event as tones', async (who) => {
    const { pbx, press, bye } =
      who === 'phone'
        ? await talk('toned', { codecs: ['PCMU', 'PCMA'] }).then((both) => ({
            ...both,
            press: () => both.phone.call.media().sendDigits('5'),
            bye: () => both.phone.call.bye(),
          }))
        : await fromPage('toned', ['PCMU', 'telephone-event']).then((both) => ({
            ...both,
            press: () => both.page.sound.sendDigits('5'),
            bye: () => both.page.phone.do('hangUp'),
          }))
    expect(offered(pbx.call)).not.toContain('TELEPHONE-EVENT')
    const heard = until(() => hasFive(pbx.call.media().samples()) || undefined, 'tones of the key 5')
    await Promise.all([press(), heard])
    expect(pbx.call.media().heard()).toMatchObject({ payloadTypes: [0], digits: [], unexpected: [] })
    await Promise.all([bye(), pbx.call.ended()])
  })
})

it('record: rtpengine writes the call to a file, whose name is in the log', async () => {
  const both = await talk('recorded')
  await both.phone.call.hold('inactive')
  await both.phone.call.resume()
  await hearEachOther(both.phone, both.pbx)
  await hangUp(both)
  const line = (await ended(both.pbx.call)) as unknown as { readonly quality: { readonly recordings: readonly string[] } }
  const files = line.quality.recordings.filter((file) => file.endsWith('.pcap'))
  expect(files).toEqual([expect.stringMatching(`^${recordings}/.*${both.pbx.call.callId}.*`)])
  // pcap, with more than 20 packets of sound in it
  const bytes = readFileSync(files[0]!)
  expect(bytes.readUInt32LE(0)).toBe(0xa1b2c3d4)
  expect(bytes.length).toBeGreaterThan(20 * 172)
})
