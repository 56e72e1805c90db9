import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { LIBRARIES } from '../../support/media/library-phone.ts'
import type { VideoCodec } from '../../support/media/mirror.ts'
import { readSdp } from '../../support/media/sdp.ts'
import { usualZones } from '../11-media-calls/ground.ts'
import type { Party } from '../11-media-calls/parties.ts'
import { hearEachOther, hearNothing } from '../11-media-calls/talk.ts'
import { called, calling, type Stage, setStage, talking } from './place.ts'

let stage: Stage

beforeAll(async () => {
  // Browsers call each other by their Contact, without a registrar between them
  stage = await setStage(4, (ground) =>
    usualZones(ground)
      .replace(';transport=udp', '')
      .replace('routes:\n', "routes:\n  - { from: browsers, host: '*.invalid', to: browsers }\n"),
  )
})

afterAll(() => stage?.stop())

afterEach(() => stage.cleared())

const pbxWith = (mirror?: VideoCodec): Promise<Party> => stage.pbx(mirror === undefined ? {} : { media: { mirror } })

/** The m-lines of the last SDP that the page got: what it may send. */
const portsOf = (text: string): readonly (readonly [string, boolean])[] =>
  readSdp(text.slice(text.indexOf('\r\n\r\n') + 4)).sections.map(({ media, port }) => [media, port !== 0])

describe.each(LIBRARIES)('%s', (library) => {
  it.each(['VP8', 'H264'] as const)('calls a PBX with audio and %s, which comes back from there', async (codec) => {
    const pbx = await pbxWith(codec)
    const page = await stage.open(library, { colour: 'green' })
    const side = await calling(stage, page, pbx, { video: true })
    // §18.1.1: more than a datagram should go by TCP, which this PBX does not know
    expect(pbx.requests.find(({ method }) => method === 'INVITE')?.bytes.length).toBeGreaterThan(1300)
    await Promise.all([side.call.answer(), page.phone.event('confirmed')])
    await Promise.all([hearEachOther(page, side), page.sees('green')])
    await side.call.bye()
  })

  it('is called with audio and VP8; both sides hold and resume', async () => {
    const pbx = await pbxWith('VP8')
    const page = await stage.open(library, { colour: 'red', video: true })
    const side = await called(pbx)
    await Promise.all([side.call.established(), page.phone.event('confirmed')])
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await page.phone.do('hold')
    await page.phone.event('hold answered')
    await side.hearsSilenceFor(300)
    await page.phone.do('unhold')
    await page.phone.event('unhold answered')
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await side.call.hold('inactive')
    await hearNothing(page, side)
    await side.call.resume()
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await side.call.bye()
  })

  it('is called with an offer of more than 6 KB in one datagram', async () => {
    const pbx = await pbxWith('VP8')
    pbx.alter = (sdp) => `${sdp}${Array.from({ length: 60 }, (_, i) => `a=x-more:${i} ${'x'.repeat(80)}\r\n`).join('')}`
    const page = await stage.open(library, { colour: 'red', video: true })
    const side = await called(pbx)
    await Promise.all([side.call.established(), page.phone.event('confirmed')])
    expect(page.last('received', 'INVITE').length).toBeGreaterThan(6000)
    await Promise.all([hearEachOther(page, side), page.sees('red')])
    await side.call.bye()
  })

  it('RFC 3264 §6: a PBX without video refuses it with port 0; both talk', async () => {
    const pbx = await pbxWith()
    const page = await stage.open(library)
    const side = await calling(stage, page, pbx, { video: true })
    await Promise.all([side.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, side)
    expect(portsOf(page.last('received', 'SIP/2.0 200'))).toEqual([
      ['audio', true],
      ['video', false],
    ])
    await side.call.bye()
  })

  it('a page that insists on one transport (max-bundle) talks without video', async () => {
    const pbx = await pbxWith('VP8')
    const page = await stage.open(library, { configuration: { bundlePolicy: 'max-bundle' } })
    const side = await calling(stage, page, pbx, { video: true })
    await Promise.all([side.call.answer(), page.phone.event('confirmed')])
    await hearEachOther(page, side)
    expect(portsOf(page.last('received', 'SIP/2.0 200'))).toEqual([
      ['audio', true],
      ['video', false],
    ])
    await side.call.bye()
  })

  it('one browser calls another with audio and video', async () => {
    const pbx = await pbxWith()
    const bob = await stage.open(library, { uri: 'sip:bob@sbc.edge.test', hz: 700, colour: 'red', video: true })
    const { contact } = await pbx.registered()
    const alice = await stage.open(library, { colour: 'green' })
    await alice.phone.do('call', { target: contact, video: true })
    await Promise.all([alice.phone.event('confirmed'), bob.phone.event('confirmed')])
    await Promise.all([hearEachOther(alice, bob), alice.sees('red'), bob.sees('green')])
    await alice.phone.do('hangUp')
    expect(await bob.phone.event('ended')).toBe('ended remote')
  })

  it('adds video to a call that began without: it is refused, and both talk on', async () => {
    const pbx = await pbxWith('VP8')
    const page = await stage.open(library, { colour: 'green' })
    const side = await talking('browser', stage, page, pbx)
    await page.phone.do('addVideo')
    await page.phone.event('video answered')
    expect(portsOf(page.last('received', 'SIP/2.0 200'))).toEqual([
      ['audio', true],
      ['video', false],
    ])
    await hearEachOther(page, side)
    await side.call.bye()
  })
})
