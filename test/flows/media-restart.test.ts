import { describe, expect, test } from 'vitest'
import type { Party } from '../support/flow-party.ts'
import { callWithMedia, endWithMedia, type MediaPlace, mediaOf, sdp, startMedia, textOf, whereIs } from './media-place.ts'

const startCall = async (options: Parameters<typeof startMedia>[0] = {}) => {
  const place = await startMedia(options)
  await callWithMedia(place, place.carrier, place.pbx)
  return { ...place, place }
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
