import { describe, expect, test } from 'vitest'
import { headerOf } from '../support/wire.ts'
import { endWithMedia, hasNoSdp, type MediaPlace, mediaOf, RELIABLE, sdp, startMedia, textOf } from './media-place.ts'

/** What rtpengine was told since the last time, without Call-IDs. */
const told = ({ media }: MediaPlace): string[] => media.said().map((one) => one.replace(/^\S+ /, ''))

const called = async (provisional: string, more: Parameters<typeof startMedia>[0] = {}): Promise<MediaPlace> => {
  const place = await startMedia({
    pbx: `, dialect: { provisional: ${provisional} }`,
    touches: ['content-type', 'content-length'],
    ...more,
  })
  await place.says(place.carrier, 'INVITE', { body: sdp(place.carrier) })
  place.pbx.gets('INVITE')
  place.carrier.gets(100)
  expect(told(place)).toEqual(['offer a>b1'])
  return place
}

/** 200 with SDP, ACK, BYE: rtpengine hears of one answer. */
const answersAndEnds = async (place: MediaPlace): Promise<void> => {
  const { carrier, pbx, says } = place
  await says(pbx, 200, { body: sdp(pbx) })
  expect(mediaOf(carrier.gets(200))).toMatch(/^10\.9\.9\./)
  expect(told(place)).toEqual(['answer a>b1'])
  carrier.sends('ACK')
  pbx.gets('ACK')
  await endWithMedia(place, carrier, pbx)
}

describe('T §3.7: early media that brings silence', () => {
  test('ringing: 183 with SDP is a 180 without, and rtpengine hears of the answer with the 200', async () => {
    const place = await called('ringing')
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx), headers: ['Content-Type: application/sdp'] })
    const ringing = carrier.gets(180)
    expect(ringing.start).toBe('SIP/2.0 180 Ringing')
    hasNoSdp(ringing)
    expect(headerOf(ringing, 'content-type')).toBe('')
    await says(pbx, 180, { body: sdp(pbx) })
    hasNoSdp(carrier.gets(180))
    expect(told(place)).toEqual([])
    await answersAndEnds(place)
  })

  test('no-early-media: 183 goes no further, and the call can be cancelled all the same (§9.1)', async () => {
    const place = await called('no-early-media')
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx) })
    expect(carrier.inbox).toEqual([])
    await says(carrier, 'CANCEL')
    carrier.gets(200)
    pbx.gets('CANCEL')
    await says(pbx, 200)
    await says(pbx, 487, { of: pbx.invite! })
    pbx.gets('ACK')
    carrier.gets(487)
    carrier.sends('ACK')
    expect(told(place)).toEqual(['delete a'])
  })

  test('§16.7 item 2: a response that goes no further starts Timer C again', async () => {
    const place = await called('no-early-media')
    const { edge, pbx, says } = place
    for (let i = 0; i < 3; i++) {
      await says(pbx, 183, { body: sdp(pbx) })
      edge.passes(170_000)
    }
    expect(pbx.inbox.length).toBe(0)
    await answersAndEnds(place)
  })

  test('first: the first one goes on, those of other forks do not; the fork that answers is the one that is heard', async () => {
    const place = await called('first')
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx), tag: 'one' })
    expect(mediaOf(carrier.gets(183))).toMatch(/^10\.9\.9\./)
    expect(told(place)).toEqual(['answer a>b1'])
    await says(pbx, 180, { tag: 'two' })
    await says(pbx, 183, { body: sdp(pbx, 2), tag: 'two' })
    expect(carrier.inbox).toEqual([])
    expect(told(place)).toEqual([])
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'two' })
    carrier.gets(200)
    expect(told(place)).toEqual(['answer a>b1'])
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('first holds for the call: what the next target says of ringing goes no further either', async () => {
    const targets = '{ uri: "sip:10.0.0.20:5060;transport=udp", priority: 1 }, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }'
    const place = await called('first', { targets })
    const { carrier, pbx, second, says } = place
    await says(pbx, 180)
    carrier.gets(180)
    await says(pbx, 503)
    pbx.gets('ACK')
    second.gets('INVITE')
    await says(second, 180)
    await says(second, 200, { body: sdp(second) })
    carrier.gets(200)
    carrier.sends('ACK')
    second.gets('ACK')
    place.media.said()
    await endWithMedia(place, carrier, second)
  })

  test('INTEROP: a 200 without SDP behind a 183 that went no further has the SDP that stood in it, with media of ours', async () => {
    const place = await called('no-early-media')
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx) })
    await says(pbx, 200, { body: '' })
    const ok = carrier.gets(200)
    expect(mediaOf(ok)).toMatch(/^10\.9\.9\./)
    expect(headerOf(ok, 'content-type')).toBe('application/sdp')
    expect(told(place)).toEqual(['answer a>b1'])
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('RFC 3262 §3: what waits for its PRACK passes', async () => {
    const place = await called('ringing')
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    const early = carrier.gets(183)
    expect(textOf(early)).not.toBe('')
    expect(told(place)).toEqual(['answer a>b1'])
    await says(carrier, 'PRACK', { of: early, headers: ['RAck: 1 1 INVITE'] })
    pbx.gets('PRACK')
    await says(pbx, 200)
    carrier.gets(200)
    await says(pbx, 200, { of: pbx.invite!, body: sdp(pbx) })
    carrier.gets(200)
    place.media.said()
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, carrier, pbx)
  })

  test('a target’s own policy comes before its zone’s; inside the dialog every response passes', async () => {
    const place = await called('ringing', { targets: '{ uri: "sip:10.0.0.20:5060;transport=udp", provisional: pass }' })
    const { carrier, pbx, says } = place
    await says(pbx, 183, { body: sdp(pbx) })
    carrier.gets(183)
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    place.media.said()
    await endWithMedia(place, carrier, pbx)
  })
})
