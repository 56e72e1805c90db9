import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { callWithMedia, endWithMedia, hasNoSdp, type MediaPlace, mediaOf, sdp, startMedia, textOf, whereIs } from './media-place.ts'

const BOTH = ['caller', 'callee'] as const

/** A call that is up; `one` is who acts, and `way` how rtpengine is asked when it does. */
const startCall = async (who: (typeof BOTH)[number], options: Parameters<typeof startMedia>[0] = {}) => {
  const place = await startMedia(options)
  const { carrier, pbx } = place
  await callWithMedia(place, carrier, pbx)
  const [one, other] = who === 'caller' ? [carrier, pbx] : [pbx, carrier]
  const way = who === 'caller' ? 'a>b1' : 'b1>a'
  const back = who === 'caller' ? 'b1>a' : 'a>b1'
  return { ...place, place, one, other, way, back, talk: (mine: number, its: number) => talk(place, one, mine, its) }
}

/** What rtpengine should have, said by who acts. */
const talk = ({ carrier, pbx }: MediaPlace, one: Party, mine: number, its: number): string =>
  one === carrier ? `a>b1 ${whereIs(carrier, mine)} ${whereIs(pbx, its)}` : `a>b1 ${whereIs(carrier, its)} ${whereIs(pbx, mine)}`

describe.each(BOTH)('media §9: inside a dialog, by the %s', (who) => {
  test('media §9: re-INVITE with SDP offers, its 200 answers: hold, resume, moved media; nobody’s port changes', async () => {
    const { place, one, other, says, media, way, node, talk } = await startCall(who)
    const ports = new Set<string>()
    for (const [version, direction] of [
      [1, 'sendonly'],
      [1, 'sendrecv'],
      [2, 'sendrecv'],
      [2, 'inactive'],
    ] as const) {
      await says(one, 'INVITE', { body: sdp(one, version, `a=${direction}`) })
      const offered = other.gets('INVITE')
      expect(textOf(offered)).toContain(`a=${direction}`)
      await says(other, 200, { body: sdp(other, version) })
      ports.add(`${mediaOf(offered)} ${mediaOf(one.gets(100, 200))}`)
      one.sends('ACK')
      hasNoSdp(other.gets('ACK'))
      expect(media.said()).toEqual([`m1 offer ${way}`, `m1 answer ${way}`])
      expect(node.talk).toBe(talk(version, version))
    }
    expect(ports.size).toBe(1)
    await endWithMedia(place, one, other)
  })

  test('media §9: re-INVITE without SDP: its 200 offers the other way, its ACK answers', async () => {
    const { place, one, other, says, media, back, node, talk } = await startCall(who)
    await says(one, 'INVITE', { body: '' })
    other.gets('INVITE')
    await says(other, 200, { body: sdp(other, 2) })
    one.gets(100, 200)
    await says(one, 'ACK', { body: sdp(one, 3) })
    expect(mediaOf(other.gets('ACK'))).toMatch(/^10\.9\.9\.1:/)
    expect(media.said()).toEqual([`m1 offer ${back}`, `m1 answer ${back}`])
    expect(node.talk).toBe(talk(3, 2))
    await endWithMedia(place, other, one)
  })

  test.each([488, 491, 500, 603])(
    'media §9: re-INVITE refused with %s: what held before is said again, and nothing is deleted',
    async (status) => {
      const { place, one, other, says, media, way, node, talk } = await startCall(who)
      const before = media.nodes[0]!.talk
      await says(one, 'INVITE', { body: sdp(one, 2) })
      other.gets('INVITE')
      media.said()
      await says(other, status)
      other.gets('ACK')
      one.gets(100, status)
      one.sends('ACK')
      expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
      expect(node.talk).toBe(before)

      // And once more, from where that left off
      await says(one, 'INVITE', { body: sdp(one, 3) })
      other.gets('INVITE')
      await says(other, 200, { body: sdp(other, 3) })
      one.gets(100, 200)
      one.sends('ACK')
      other.gets('ACK')
      expect(media.said()).toEqual([`m1 offer ${way}`, `m1 answer ${way}`])
      expect(node.talk).toBe(talk(3, 3))
      await endWithMedia(place, one, other)
    },
  )

  test('media §9: a refused UPDATE goes back to the last exchange, whoever offered in it', async () => {
    const { place, one, other, says, media, back, node, talk } = await startCall(who)
    await says(other, 'INVITE', { body: sdp(other, 2) })
    one.gets('INVITE')
    await says(one, 200, { body: sdp(one, 2) })
    other.gets(100, 200)
    other.sends('ACK')
    one.gets('ACK')
    media.said()
    await says(one, 'UPDATE', { body: sdp(one, 3) })
    other.gets('UPDATE')
    media.said()
    await says(other, 504)
    one.gets(504)
    expect(media.said()).toEqual([`m1 offer ${back}`, `m1 answer ${back}`])
    expect(node.talk).toBe(talk(2, 2))
    await endWithMedia(place, one, other)
  })

  test('media §9: a re-INVITE that nobody answers is rolled back when it times out', async () => {
    const { place, edge, one, other, says, media, node } = await startCall(who)
    const before = node.talk
    await says(one, 'INVITE', { body: sdp(one, 2) })
    other.isDeaf()
    other.forgets()
    media.said()
    edge.passes(64 * T1 + 100)
    await edge.settles()
    one.gets(100, 408)
    one.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(before)
    other.hearsAgain()
    await endWithMedia(place, one, other)
  })

  test('media §9: an UPDATE that nobody answers is rolled back when it times out', async () => {
    const { place, edge, one, other, says, media, node } = await startCall(who)
    const before = node.talk
    await says(one, 'UPDATE', { body: sdp(one, 2) })
    other.isDeaf()
    other.forgets()
    media.said()
    edge.passes(64 * T1 + 100)
    await edge.settles()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(before)
    other.hearsAgain()
    await endWithMedia(place, other, one)
  })

  test('media §9: a re-INVITE that is cancelled is rolled back', async () => {
    const { place, one, other, says, media, node } = await startCall(who)
    const before = node.talk
    await says(one, 'INVITE', { body: sdp(one, 2) })
    const invite = other.gets('INVITE')
    await says(other, 183, { body: sdp(other, 2) })
    one.gets(100, 183)
    one.sends('CANCEL')
    one.gets(200)
    other.gets('CANCEL')
    other.sends(200)
    media.said()
    await says(other, 487, { of: invite })
    other.gets('ACK')
    one.gets(487)
    one.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(before)
    await endWithMedia(place, one, other)
  })

  test('media §9: both offer at once, both are refused: what held before holds', async () => {
    const { place, one, other, says, media, node } = await startCall(who)
    const before = node.talk
    await says(one, 'INVITE', { body: sdp(one, 2) })
    await says(other, 'INVITE', { body: sdp(other, 2) })
    const first = other.inbox.find(({ method }) => method === 'INVITE')!
    other.gets('INVITE', 100)
    one.gets(100, 'INVITE')
    media.said()
    await says(other, 491, { of: first })
    await says(one, 491)
    other.gets('ACK', 491)
    one.gets(491, 'ACK')
    one.sends('ACK')
    other.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(before)
    await endWithMedia(place, one, other)
  })

  test('media §9: an UPDATE refused while a re-INVITE is under way leaves the re-INVITE’s offer standing', async () => {
    const { place, one, other, says, media, way, node, talk } = await startCall(who)
    await says(one, 'INVITE', { body: sdp(one, 2) })
    const invite = other.gets('INVITE')
    await says(other, 'UPDATE', { body: sdp(other, 3) })
    one.gets(100, 'UPDATE')
    media.said()
    await says(one, 491)
    other.gets(491)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1', `m1 offer ${way}`])
    await says(other, 200, { of: invite, body: sdp(other, 2) })
    one.gets(200)
    one.sends('ACK')
    other.gets('ACK')
    expect(media.said()).toEqual([`m1 answer ${way}`])
    expect(node.talk).toBe(talk(2, 2))
    await endWithMedia(place, one, other)
  })

  test('media §9: a re-INVITE is refused when rtpengine’s reply is lost; what it did all the same is undone', async () => {
    const { place, one, other, says, media, node } = await startCall(who)
    const before = node.talk
    node.loses = 1
    await says(one, 'INVITE', { body: sdp(one, 2) })
    one.gets(100, 503)
    one.sends('ACK')
    other.getsNothing()
    expect(media.said().slice(1)).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    expect(node.talk).toBe(before)
    await endWithMedia(place, one, other)
  })

  test('media §9: an UPDATE or re-INVITE of a dialog that has ended finds no session, and shows no address', async () => {
    const { place, one, other, says, media, edge } = await startCall(who)
    await endWithMedia(place, one, other)
    await says(one, 'INVITE', { body: sdp(one, 2) })
    one.gets(481)
    one.sends('ACK')
    await says(one, 'UPDATE', { body: sdp(one, 2) })
    one.gets(481)
    other.getsNothing()
    expect(media.said()).toEqual([])
    expect(edge.engine.media().sessions).toBe(0)
  })

  test('media §9: the same while the delete is not acknowledged yet', async () => {
    const { place, one, other, says, media, node } = await startCall(who)
    node.mood = 'silent'
    await endWithMedia(place, one, other)
    await says(other, 'INVITE', { body: sdp(other, 2) })
    other.gets(481)
    other.sends('ACK')
    one.getsNothing()
    expect(media.said()).toEqual([])
    node.mood = 'well'
  })

  test('media §9: a NOTIFY, a BYE, an ACK that comes late for a dialog that has ended passes, and begins nothing', async () => {
    const { place, one, other, says, media, edge } = await startCall(who)
    await endWithMedia(place, one, other)
    await says(one, 'NOTIFY', { headers: ['Event: refer', 'Subscription-State: terminated'] })
    other.gets('NOTIFY')
    other.sends(200)
    one.gets(200)
    await says(other, 'BYE')
    one.gets('BYE')
    await says(one, 481)
    other.gets(481)
    expect(media.said()).toEqual([])
    expect(edge.engine.media().sessions).toBe(0)
    expect(edge.logged('Call ended')).toHaveLength(1)
  })
})

describe('media §9: 2xx that come again', () => {
  test('RFC 6026 §7.2: after everything is decided (Timer M) each copy of a 200 has the rewritten SDP', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, edge } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    const answer = await says(pbx, 200, { body: sdp(pbx) })
    const first = carrier.gets(100, 200)
    media.said()
    for (const ms of [0, 500, 20_000]) {
      edge.passes(ms)
      pbx.repeats(answer)
      expect(textOf(carrier.gets(200))).toBe(textOf(first))
    }
    expect(media.said()).toEqual([])
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: copies of a 200 that wait for rtpengine with it go on as it does', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, edge } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    media.holds()
    const answer = await says(pbx, 200, { body: sdp(pbx) })
    pbx.repeats(answer)
    pbx.repeats(answer)
    await edge.settles()
    carrier.gets(100)
    carrier.getsNothing()
    media.releases()
    await edge.settles()
    const [first, ...more] = [carrier.gets(200), carrier.gets(200), carrier.gets(200)].map(textOf)
    expect(more).toEqual([first, first])
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    carrier.sends('ACK')
    pbx.gets('ACK')
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: a copy of a 200 with an SDP that the first one did not have: nobody has seen to it, so it stays behind', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 200, { body: '' })
    carrier.gets(100, 200)
    await says(pbx, 200, { body: sdp(pbx), of: invite })
    hasNoSdp(carrier.gets(200))
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, pbx, carrier)
  })

  test('media §9: the 200 of a re-INVITE without SDP, again after Timer M began: the same offer', async () => {
    const { place, one, other, says, media } = await startCall('caller')
    await says(one, 'INVITE', { body: '' })
    other.gets('INVITE')
    const answer = await says(other, 200, { body: sdp(other, 2) })
    const first = one.gets(100, 200)
    other.repeats(answer)
    expect(textOf(one.gets(200))).toBe(textOf(first))
    await says(one, 'ACK', { body: sdp(one) })
    other.gets('ACK')
    media.said()
    await endWithMedia(place, one, other)
  })
})
