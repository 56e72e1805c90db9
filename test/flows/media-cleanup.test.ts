import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf } from '../support/wire.ts'
import { callWithMedia, endWithMedia, type MediaPlace, mediaOf, sdp, startMedia, textOf, whereIs } from './media-place.ts'

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

  test('RFC 5626 §5.3.1: the caller’s connection is lost in the call: the BYE of the other side gets 430, and deletes', async () => {
    const browser = await startBrowserCall()
    const { client, pbx, media, says } = browser
    client.disconnects()
    expect(media.said()).toEqual([])
    await says(pbx, 'BYE')
    pbx.gets(430)
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

describe('media §9: the edge restarts in mid-call', () => {
  const reInvite = async ({ says }: Pick<MediaPlace, 'says'>, one: Party, other: Party, version = 2): Promise<string> => {
    await says(one, 'INVITE', { body: sdp(one, version) })
    const offered = other.gets('INVITE')
    await says(other, 200, { body: sdp(other, version) })
    const answered = one.gets(100, 200)
    one.sends('ACK')
    other.gets('ACK')
    return `${mediaOf(offered)} ${mediaOf(answered)}`
  }

  test.each(['carrier', 'pbx'] as const)('media §9: a re-INVITE of the %s finds node and session again, a BYE deletes', async (who) => {
    const { place, carrier, pbx, media, edge, node } = await startCall({ nodes: ['m2', 'm1'] })
    const [one, other] = who === 'carrier' ? [carrier, pbx] : [pbx, carrier]
    const ports = await reInvite(place, one, other)
    const [call] = node.calls.keys()
    media.said()
    await edge.restarts()
    expect(edge.engine.media().sessions).toBe(0)
    expect(await reInvite(place, one, other, 3)).toBe(ports)
    expect([...node.calls.keys()]).toEqual([call])
    expect(media.said()).toEqual(who === 'carrier' ? ['m2 offer a>b1', 'm2 answer a>b1'] : ['m2 offer b1>a', 'm2 answer b1>a'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 3)} ${whereIs(pbx, 3)}`)
    await endWithMedia(place, other, one)
  })

  test('media §9: a BYE as the first thing after it: deleted where it was', async () => {
    const { place, carrier, pbx, edge, node } = await startCall({ nodes: ['m1', 'm2'] })
    await edge.restarts()
    expect(node.calls.size).toBe(1)
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: what has nothing to do with media begins nothing', async () => {
    const { place, carrier, pbx, edge } = await startCall()
    await edge.restarts()
    carrier.sends('INFO')
    pbx.gets('INFO')
    pbx.sends(200)
    carrier.gets(200)
    expect(edge.engine.media().sessions).toBe(0)
    await endWithMedia(place, carrier, pbx)
  })

  test('media §9: no node is there for it: 503, and no SDP as it came; the BYE passes', async () => {
    const { carrier, pbx, media, edge, says } = await startCall()
    edge.tolerates(/500/)
    await edge.restarts()
    for (const node of media.nodes) Object.assign(node, { name: 'another', state: 'down' })
    await says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    carrier.gets(503)
    carrier.sends('ACK')
    await says(carrier, 'BYE')
    pbx.gets('BYE')
    await says(pbx, 200)
    carrier.gets(200)
    expect(media.said()).toEqual([])
    media.nodes[0]!.calls.clear()
  })

  test('media §9: a node that the configuration does not know any more: another one, with all that it is told', async () => {
    const { place, carrier, pbx, media, edge } = await startCall({ nodes: ['m1', 'm2'] })
    await edge.restarts()
    Object.assign(media.nodes[0]!, { name: 'gone', state: 'down' })
    await reInvite(place, pbx, carrier)
    expect(media.said()).toEqual(['m2 offer b1>a', 'm2 answer b1>a'])
    await endWithMedia(place, pbx, carrier)
    media.nodes[0]!.calls.clear()
  })

  test('media §9: the target’s own policy comes with the dialog', async () => {
    const { place, carrier, pbx, edge, says } = await startCall({
      targets: '{ uri: "sip:10.0.0.20:5060;transport=udp", media: { profile: sdes } }',
    })
    await edge.restarts()
    await says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    expect(textOf(pbx.gets('INVITE'))).toContain('RTP/SAVP')
    await says(pbx, 200, { body: sdp(pbx, 2) })
    expect(textOf(carrier.gets(100, 200))).toContain('RTP/AVP')
    carrier.sends('ACK')
    pbx.gets('ACK')
    place.media.said()
    await endWithMedia(place, carrier, pbx)
  })
})
