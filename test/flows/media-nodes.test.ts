import { describe, expect, test } from 'vitest'
import { nameOf } from '../support/wire.ts'
import { callWithMedia, endWithMedia, mediaOf, sdp, startMedia, textOf, whereIs } from './media-place.ts'

const TWO_NODES = { nodes: ['m1', 'm2'] }
const MEDIA_NODES = { media: '{ rtpengine: [ 127.0.0.1:2223, 127.0.0.1:2224 ] }' }

describe('media §9: inside a dialog', () => {
  test.each(['carrier', 'pbx'] as const)(
    'media §9: the answer to a re-INVITE of the %s cannot be used: 502 and ACK, what held before holds, nobody is hung up',
    async (who) => {
      const place = await startMedia()
      const { carrier, pbx, says, node, media, edge } = place
      await callWithMedia(place, carrier, pbx)
      const before = node.talk
      const [one, other] = who === 'carrier' ? [carrier, pbx] : [pbx, carrier]
      await says(one, 'INVITE', { body: sdp(one, 2) })
      other.gets('INVITE')
      const answer = await says(other, 200, { body: sdp(other, 2, 'm=video 5000 RTP/AVP 31') })
      other.gets('ACK')
      one.gets(100, 502)
      one.sends('ACK')
      expect(node.talk).toBe(before)
      if (who === 'carrier') {
        other.repeats(answer)
        await edge.settles()
        other.gets('ACK')
      }
      other.getsNothing()
      media.said()
      await endWithMedia(place, other, one)
    },
  )

  test('media §9: the answer to an UPDATE is lost: 503, and no ACK for what is no INVITE', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, node, media } = place
    await callWithMedia(place, carrier, pbx)
    const before = node.talk
    await says(carrier, 'UPDATE', { body: sdp(carrier, 2) })
    pbx.gets('UPDATE')
    node.loses = 1
    await says(pbx, 200, { body: sdp(pbx, 2) })
    carrier.gets(503)
    pbx.getsNothing()
    expect(node.talk).toBe(before)
    media.said()
    await endWithMedia(place, carrier, pbx)
  })

  test('media §11: rtpengine restarts between a re-INVITE and its 200: the whole exchange is said again, and the call has media', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, node, media, edge } = place
    await callWithMedia(place, carrier, pbx)
    await says(pbx, 'INVITE', { body: sdp(pbx, 2) })
    carrier.gets('INVITE')
    media.said()
    node.restarts()
    await says(carrier, 200, { body: sdp(carrier, 2) })
    pbx.gets(100, 200)
    pbx.sends('ACK')
    carrier.gets('ACK')
    expect(media.said()).toEqual(['m1 answer b1>a', 'm1 offer b1>a', 'm1 answer b1>a'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier, 2)} ${whereIs(pbx, 2)}`)
    expect(edge.logged('Media node has restarted; its calls are silent until their next offer')).toMatchObject([{ node: 'm1', calls: 1 }])
    await endWithMedia(place, pbx, carrier)
  })

  test('media §11: rtpengine restarts in mid-call: the next re-INVITE brings the call back, with all that it is told', async () => {
    const place = await startMedia()
    const { carrier, pbx, says, node, media } = place
    await callWithMedia(place, carrier, pbx)
    node.restarts()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    media.said()
    await endWithMedia(place, carrier, pbx)
  })

  test('media §11: a node that is down in mid-call: the next re-INVITE goes to another one, and the first gets a delete', async () => {
    const place = await startMedia({ ...TWO_NODES, ...MEDIA_NODES })
    const { carrier, pbx, says, media } = place
    await callWithMedia(place, carrier, pbx)
    const [first, next] = media.nodes as [(typeof media.nodes)[0], (typeof media.nodes)[0]]
    first.state = 'down'
    first.mood = 'silent'
    await says(pbx, 'INVITE', { body: sdp(pbx) })
    expect(mediaOf(carrier.gets('INVITE'))).toMatch(/^10\.9\.9\.2:/)
    await says(carrier, 200, { body: sdp(carrier) })
    expect(mediaOf(pbx.gets(100, 200))).toMatch(/^10\.9\.9\.2:/)
    pbx.sends('ACK')
    carrier.gets('ACK')
    expect(media.said()).toEqual(['m1 delete a', 'm2 offer b1>a', 'm2 answer b1>a'])
    expect(next.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await endWithMedia(place, carrier, pbx)
    first.mood = 'well'
  })

  test('media §11: a node that drains keeps its calls, and gets no new ones', async () => {
    const place = await startMedia({ ...TWO_NODES, ...MEDIA_NODES })
    const { carrier, pbx, says, media, edge } = place
    await callWithMedia(place, carrier, pbx)
    expect(edge.engine.drainNode('m1', true)).toBe(true)
    await says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx, 2) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    await endWithMedia(place, carrier, pbx)
    await says(carrier, 'INVITE', { body: sdp(carrier), fresh: true })
    expect(nameOf(pbx.gets('INVITE'))).toBe('INVITE')
    expect(media.said()).toEqual(['m2 offer a>b1'])
    await says(pbx, 486)
    pbx.gets('ACK')
    expect(textOf(carrier.gets(100, 486))).toBe('')
    carrier.sends('ACK')
  })
})
