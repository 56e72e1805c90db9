import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import { headerOf } from '../support/wire.ts'
import { callWithMedia, endWithMedia, mediaOf, sdp, startMedia } from './media-place.ts'

/** It rings; `early`: with media already. */
const startRinging = async (early = false) => {
  const place = await startMedia()
  const { carrier, pbx, media, says } = place
  await says(carrier, 'INVITE', { body: sdp(carrier) })
  const invite = pbx.gets('INVITE')
  if (early) await says(pbx, 183, { body: sdp(pbx) })
  else pbx.sends(180)
  carrier.gets(100, early ? 183 : 180)
  media.said()
  return { ...place, place, invite }
}

describe('media §9: calls that come to nothing', () => {
  test('§17.2.1: 100 Trying does not wait for rtpengine', async () => {
    const { carrier, pbx, media, says, edge } = await startMedia()
    media.holds()
    const invite = carrier.sends('INVITE', { body: sdp(carrier) })
    carrier.gets(100)
    carrier.repeats(invite)
    await edge.settles()
    pbx.getsNothing()
    media.releases()
    await edge.settles()
    pbx.gets('INVITE')
    await says(pbx, 486)
    pbx.gets('ACK')
    carrier.gets(486)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test('§16.10: CANCEL before rtpengine answered the offer: nobody is called; the delete comes behind the offer', async () => {
    const { carrier, pbx, media, edge } = await startMedia()
    media.holds()
    carrier.sends('INVITE', { body: sdp(carrier) })
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    await edge.settles()
    media.releases()
    await edge.settles()
    carrier.gets(487)
    carrier.sends('ACK')
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test('§17.2.4: the caller’s connection is lost before rtpengine answered: nobody is called, nothing is left', async () => {
    const { carrier, pbx, media, edge } = await startMedia()
    media.holds()
    carrier.sends('INVITE', { body: sdp(carrier) })
    carrier.gets(100)
    carrier.disconnects()
    media.releases()
    await edge.settles()
    carrier.forgets()
    pbx.getsNothing()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test.each([false, true])('media §9: CANCEL while it rings (early media: %s): deleted when the callee has ended', async (early) => {
    const { carrier, pbx, media, says, invite } = await startRinging(early)
    carrier.sends('CANCEL')
    carrier.gets(200)
    pbx.gets('CANCEL')
    pbx.sends(200)
    expect(media.said()).toEqual([])
    await says(pbx, 487, { of: invite })
    pbx.gets('ACK')
    carrier.gets(487)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §9: a 200 that crosses the CANCEL is answered as any other; the BYE deletes', async () => {
    const { place, carrier, pbx, media, says, invite } = await startRinging()
    carrier.sends('CANCEL')
    carrier.gets(200)
    pbx.gets('CANCEL')
    await says(pbx, 200, { body: sdp(pbx), of: invite })
    expect(mediaOf(carrier.gets(200))).toMatch(/^10\.9\.9\.1:/)
    pbx.sends(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual(['m1 answer a>b1'])
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: a CANCEL that comes while rtpengine has the 200: the call is there', async () => {
    const { place, carrier, pbx, media, says, edge } = await startRinging()
    media.holds()
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.sends('CANCEL')
    carrier.gets(200)
    pbx.getsNothing()
    media.releases()
    await edge.settles()
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual(['m1 answer a>b1'])
    await endWithMedia(place, carrier, pbx)
  })

  test('§16.8: Timer C: the callee is cancelled, and what it had is deleted', async () => {
    const { carrier, pbx, media, edge, says, invite } = await startRinging(true)
    edge.passes(190_100)
    pbx.gets('CANCEL')
    pbx.sends(200)
    await says(pbx, 487, { of: invite })
    pbx.gets('ACK')
    carrier.gets(408)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('§17.1.1.2: Timer B: nobody answers: deleted', async () => {
    const { carrier, pbx, media, says, edge } = await startMedia()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.isDeaf()
    pbx.forgets()
    edge.passes(64 * T1 + 100)
    carrier.gets(100, 408)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test('§17.2.4: the caller’s connection is lost while it rings', async () => {
    const { carrier, pbx, media, says, invite } = await startRinging(true)
    carrier.disconnects()
    pbx.gets('CANCEL')
    pbx.sends(200)
    await says(pbx, 487, { of: invite })
    pbx.gets('ACK')
    carrier.getsNothing()
    expect(media.said()).toEqual(['m1 delete a'])
  })
})

describe('media §9: order', () => {
  test('media §9: 183 and 200 keep their order while rtpengine is slow, and what comes behind them waits', async () => {
    const { place, carrier, pbx, media, says, edge, invite } = await startRinging()
    media.holds()
    await says(pbx, 183, { body: sdp(pbx) })
    await says(pbx, 180, { of: invite })
    await says(pbx, 200, { body: sdp(pbx, 2), of: invite })
    carrier.getsNothing()
    media.releases()
    await edge.settles()
    carrier.gets(183, 180, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: another call is not delayed by one whose rtpengine is slow', async () => {
    const { carrier, pbx, second, media, says, edge } = await startMedia()
    media.holds('slow')
    carrier.sends('INVITE', { body: sdp(carrier), callId: 'slow', fresh: true })
    carrier.gets(100)
    const other = edge.party('other', 'out/tcp', '192.0.2.99:6060')
    await says(other, 'INVITE', { body: sdp(other), callId: 'quick', fresh: true })
    expect(headerOf(pbx.gets('INVITE'), 'call-id')).toBe('quick')
    await says(pbx, 486)
    pbx.gets('ACK')
    other.gets(100, 486)
    other.sends('ACK')
    media.releases()
    await edge.settles()
    pbx.gets('INVITE')
    await says(pbx, 486)
    pbx.gets('ACK')
    carrier.gets(486)
    carrier.sends('ACK')
    second.getsNothing()
  })

  test('media §9: a 603 while the offer of another fork is under way waits for it; that fork is called, and cancelled', async () => {
    const place = await startMedia({
      targets: '"sip:10.0.0.20:5060;transport=udp", "sip:b.test:5060;transport=udp"',
      fork: 'parallel',
      dns: {},
    })
    const { carrier, pbx, second, media, says, edge } = place
    await edge.settles()
    edge.passes(11_000)
    edge.lookup.zone = { 'A b.test': ['10.0.0.21'] }
    edge.lookup.held = []
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    carrier.gets(100)
    const invite = pbx.gets('INVITE')
    media.holds()
    edge.lookup.release()
    await edge.settles()
    await says(pbx, 603, { of: invite })
    carrier.getsNothing()
    media.releases()
    await edge.settles()
    pbx.gets('ACK')
    const other = second.gets('INVITE')
    second.sends(180)
    carrier.gets(180)
    second.gets('CANCEL')
    second.sends(200)
    await says(second, 487, { of: other })
    second.gets('ACK')
    carrier.gets(603)
    carrier.sends('ACK')
    expect(media.said().at(-1)).toBe('m1 delete a')
  })

  test('media §9: a BYE that comes while a re-INVITE is with rtpengine waits, and ends the call', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, edge } = place
    await callWithMedia(place, carrier, pbx)
    media.holds()
    await says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    await says(pbx, 'BYE')
    carrier.gets(100)
    pbx.getsNothing()
    media.releases()
    await edge.settles()
    const invite = pbx.gets('INVITE')
    carrier.gets('BYE')
    await says(carrier, 200)
    pbx.gets(200)
    await says(pbx, 481, { of: invite })
    pbx.gets('ACK')
    carrier.gets(481)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
  })

  test('media §3: two calls with one Call-ID from two sources have two sessions; neither touches the other', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, edge } = place
    const other = edge.party('other', 'out/tcp', '192.0.2.99:6060')
    const invites = []
    for (const caller of [carrier, other]) {
      await says(caller, 'INVITE', { body: sdp(caller), callId: 'same', fresh: true })
      invites.push(pbx.gets('INVITE'))
    }
    expect(new Set(media.asked.map(({ dictionary }) => dictionary['call-id'])).size).toBe(2)
    expect(mediaOf(invites[0]!)).not.toBe(mediaOf(invites[1]!))
    await says(pbx, 486, { of: invites[1]! })
    pbx.gets('ACK')
    other.gets(100, 486)
    other.sends('ACK')
    expect(media.left()).toHaveLength(1)
    await says(pbx, 200, { of: invites[0]!, body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, carrier, pbx)
  })
})

const startCall = async (options: Parameters<typeof startMedia>[0] = {}) => {
  const place = await startMedia(options)
  await callWithMedia(place, place.carrier, place.pbx)
  return { ...place, place }
}

describe('media §9: BYE', () => {
  test.each(['carrier', 'pbx'] as const)(
    'media §9: of the %s: deleted behind its 200, and the log says who ended the call, and how',
    async (who) => {
      const { carrier, pbx, media, says, edge } = await startCall()
      const [one, other] = who === 'carrier' ? [carrier, pbx] : [pbx, carrier]
      edge.passes(12_000)
      await says(one, 'BYE')
      other.gets('BYE')
      expect(media.said()).toEqual([])
      await says(other, 200)
      one.gets(200)
      expect(media.said()).toEqual(['m1 delete a'])
      expect(media.asked).toEqual([])
      expect(edge.logged('Call ended')).toMatchObject([
        { node: 'm1', seconds: 12, how: 'bye', by: who === 'carrier' ? 'caller' : 'callee' },
      ])
      expect(edge.count('call ok')).toBe(1)
    },
  )

  test.each([401, 407])('§22: a BYE that is asked for credentials (%s) ends nothing; the next one does', async (status) => {
    const { place, carrier, pbx, media, says, node } = await startCall()
    const before = node.talk
    await says(carrier, 'BYE')
    pbx.gets('BYE')
    await says(pbx, status)
    carrier.gets(status)
    expect(media.said()).toEqual([])
    expect(node.talk).toBe(before)
    await endWithMedia(place, carrier, pbx)
  })

  test.each([481, 500])('§15.1.1: a BYE answered %s ends the call', async (status) => {
    const { carrier, pbx, media, says } = await startCall()
    await says(carrier, 'BYE')
    pbx.gets('BYE')
    await says(pbx, status)
    carrier.gets(status)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('§15.1.1: a BYE that nobody answers ends the call when it times out', async () => {
    const { carrier, pbx, media, edge } = await startCall()
    carrier.sends('BYE')
    pbx.isDeaf()
    pbx.forgets()
    edge.passes(64 * T1 + 100)
    expect(media.said()).toEqual(['m1 delete a'])
    expect(edge.logged('Call ended')).toMatchObject([{ how: 'bye', by: 'caller' }])
  })

  test('§15.1.1: both say BYE at once: one delete, one line in the log', async () => {
    const { carrier, pbx, media, says, edge } = await startCall()
    carrier.sends('BYE')
    pbx.sends('BYE')
    pbx.gets('BYE')
    carrier.gets('BYE')
    await says(carrier, 481)
    await says(pbx, 481)
    carrier.gets(481)
    pbx.gets(481)
    expect(media.said()).toEqual(['m1 delete a'])
    expect(edge.logged('Call ended')).toHaveLength(1)
  })

  test('N5: the caller’s connection is lost in the call: the BYE of the other side is answered, and deletes', async () => {
    const browser = await startBrowserCall()
    const { client, pbx, media, says } = browser
    client.disconnects()
    expect(media.said()).toEqual([])
    await says(pbx, 'BYE')
    pbx.gets(200)
    expect(media.said()).toEqual(['m1 delete a'])
  })
})

/** The PBX has called a browser, and they talk. */
const startBrowserCall = async () => {
  const place = await startMedia({
    more: '  browsers: { kind: webrtc, on: web, origins: [ "*" ] }\n',
    routes: '  - { from: pbx, to: browsers, user: "client*" }\n  - { from: browsers, to: pbx }\n',
  })
  const { edge, pbx, says, media } = place
  const client = edge.browser('client', 'web/wss', '198.51.100.7:50000')
  await says(client, 'INVITE', { body: sdp(client) })
  pbx.gets('INVITE')
  await says(pbx, 200, { body: sdp(pbx) })
  client.gets(100, 200)
  client.sends('ACK')
  pbx.gets('ACK')
  media.said()
  return { ...place, client }
}
