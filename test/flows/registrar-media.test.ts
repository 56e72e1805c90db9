import { expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { mediaOf, sdp } from './media-place.ts'
import { placeWith, registers, startRegistrar } from './registrar-place.ts'

test('media §4, §16.7: each registered contact that rings has an offer of its own; the one that answers has the sound, the others’ are deleted', async () => {
  const media = new FakeMedia()
  const { edge, pbx, phone } = await startRegistrar(placeWith().replace('media: off', 'media: { rtpengine: [ 127.0.0.1:2223 ] }'), {
    media,
  })
  const [desk, soft] = [phone('desk', 5062), phone('soft', 5063)]
  registers(desk, 'alice')
  registers(soft, 'alice')
  pbx.sends('INVITE', { uri: 'sip:alice@example.com', body: sdp(pbx) })
  await edge.settles()
  const invites = [desk.gets('INVITE'), soft.gets('INVITE')]
  expect(new Set(invites.map(mediaOf)).size).toBe(2)
  expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2'])
  desk.sends(180)
  pbx.gets(100, 180)
  soft.sends(200, { body: sdp(soft) })
  await edge.settles()
  pbx.gets(200)
  pbx.sends('ACK')
  soft.gets('ACK')
  desk.gets('CANCEL')
  desk.sends(200)
  desk.sends(487, { of: invites[0]! })
  await edge.settles()
  desk.gets('ACK')
  expect(media.said()).toEqual(['m1 answer a>b2', 'm1 delete a>b1'])
  soft.sends('BYE')
  await edge.settles()
  pbx.gets('BYE')
  pbx.sends(200)
  await edge.settles()
  soft.gets(200)
  expect(media.said()).toEqual(['m1 delete a'])
})

test('media §4, RFC 5626 §7: the other flow of a client gets the same offer', async () => {
  const media = new FakeMedia()
  const { edge, pbx, phone } = await startRegistrar(placeWith().replace('media: off', 'media: { rtpengine: [ 127.0.0.1:2223 ] }'), {
    media,
  })
  const [first, second] = [phone('first', 5062), phone('second', 5063)]
  const flow = (number: number) => ({ parameters: `;+sip.instance="<urn:uuid:a>";reg-id=${number}` })
  registers(second, 'alice', flow(2))
  edge.passes(10)
  registers(first, 'alice', flow(1))
  pbx.sends('INVITE', { uri: 'sip:alice@example.com', body: sdp(pbx) })
  await edge.settles()
  const offered = mediaOf(first.gets('INVITE'))
  first.sends(430)
  await edge.settles()
  first.gets('ACK')
  expect(mediaOf(second.gets('INVITE'))).toEqual(offered)
  second.sends(486)
  await edge.settles()
  second.gets('ACK')
  pbx.gets(100, 486)
  pbx.sends('ACK')
  await edge.settles()
  expect(media.said()).toEqual(['m1 offer a>b1', 'm1 delete a'])
})
