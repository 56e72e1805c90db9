import { describe, expect, test } from 'vitest'
import { headerOf, type Wire } from '../support/wire.ts'
import { textOf } from './media-place.ts'
import { CALLERS, call, hangUp, ofPbx, ofTeams, type Place, reinvite, start } from './teams-media-place.ts'
import { HUB_CONTACT, toNumber } from './teams-place.ts'

describe('T §3.7: session timers pass from end to end', () => {
  const OFFERED = ['Session-Expires: 3600', 'Min-SE: 300', 'Supported: timer'] as const
  const timers = (wire: Wire): readonly string[] =>
    ['session-expires', 'min-se', 'supported', 'require'].map((name) => headerOf(wire, name))

  test('the hub offers, and refreshes itself: a re-INVITE with the same SDP gets the same answer', async () => {
    const place = await start()
    const { says, hub, pbx } = place
    await says(hub, 'INVITE', toNumber('+442079460111', { body: ofTeams(), headers: OFFERED }))
    const invite = pbx.gets('INVITE')
    expect(timers(invite)).toEqual(['3600', '300', 'timer', ''])
    await says(pbx, 200, { body: ofPbx(), headers: ['Session-Expires: 3600;refresher=uac', 'Require: timer'] })
    const ok = hub.gets(100, 200)
    expect(timers(ok)).toEqual(['3600;refresher=uac', '', '', 'timer'])
    await says(hub, 'ACK')
    pbx.gets('ACK')
    await says(hub, 'INVITE', {
      contact: HUB_CONTACT,
      body: ofTeams(),
      headers: ['Session-Expires: 3600;refresher=uac', 'Supported: timer'],
    })
    expect(timers(pbx.gets('INVITE'))).toEqual(['3600;refresher=uac', '', 'timer', ''])
    await says(pbx, 200, { body: ofPbx(), headers: ['Session-Expires: 3600;refresher=uac', 'Require: timer'] })
    const again = hub.gets(100, 200)
    expect([textOf(again), timers(again)]).toEqual([textOf(ok), timers(ok)])
    await says(hub, 'ACK')
    pbx.gets('ACK')
    await hangUp(place)
  })

  test('the PBX refreshes by re-INVITE; an interval that is too short for the hub comes back as 422 with its Min-SE', async () => {
    const place = await start()
    const { says, hub, pbx } = place
    await says(pbx, 'INVITE', {
      uri: 'sip:+442079460100@10.0.0.5',
      body: ofPbx(),
      headers: ['Session-Expires: 90', 'Min-SE: 90', 'Supported: timer'],
    })
    expect(timers(hub.gets('INVITE'))).toEqual(['90', '90', 'timer', ''])
    await says(hub, 422, { headers: ['Min-SE: 300'] })
    expect(headerOf(pbx.gets(100, 422), 'min-se')).toBe('300')
    hub.gets('ACK')
    pbx.sends('ACK')
    await call(place, 'pbx', OFFERED)
    const refreshed = await reinvite(place, [pbx, ofPbx()], [hub, ofTeams()])
    expect(refreshed.answered).toContain('a=sendrecv')
    await hangUp(place)
  })

  test('T6.22: Allow of Teams has no UPDATE; a PBX that refreshes by UPDATE all the same gets 405, and has re-INVITE left', async () => {
    const place = await start()
    const { says, hub, pbx } = place
    await says(
      hub,
      'INVITE',
      toNumber('+442079460111', { body: ofTeams(), headers: [...OFFERED, 'Allow: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY'] }),
    )
    expect(headerOf(pbx.gets('INVITE'), 'allow')).not.toContain('UPDATE')
    await says(pbx, 200, { body: ofPbx() })
    hub.gets(100, 200)
    await says(hub, 'ACK')
    pbx.gets('ACK')
    await says(pbx, 'UPDATE', { body: '' })
    hub.getsNothing()
    expect(headerOf(pbx.gets(405), 'allow')).not.toContain('UPDATE')
    await reinvite(place, [pbx, ofPbx()], [hub, ofTeams()])
    await hangUp(place)
  })
})

describe.each(CALLERS)('T §4.1, T6.43: RTCP always reaches Teams, in a call of the %s', (who) => {
  const tag = who === 'pbx' ? 'a' : 'b1'
  const [calling, called] = who === 'pbx' ? ['a', 'b1'] : ['b1', 'a']
  const generates = ({ media }: Place): readonly (string | undefined)[] => media.asked.map(({ dictionary }) => dictionary['generate-RTCP'])
  /** The time in which everybody who sends any has sent some. */
  const waits = async ({ edge }: Place): Promise<void> => {
    edge.passes(8000)
    edge.passes(2000)
    await edge.settles()
  }

  test('a PBX that sends some: it passes, and nobody asks twice', async () => {
    const place = await start()
    const node = place.media.nodes[0]!
    node.reporting.set(tag, 'sends')
    await call(place, who)
    await waits(place)
    expect(place.media.said()).toEqual([expect.stringContaining('m1 query')])
    await waits(place)
    expect(place.media.said()).toEqual([])
    await hangUp(place)
  })

  test('a PBX that sends none: rtpengine makes it, from then on', async () => {
    const place = await start()
    place.media.nodes[0]!.reporting.set(tag, 'silent')
    await call(place, who)
    await waits(place)
    expect(generates(place)).toEqual([undefined, 'on', 'on'])
    expect(place.media.said().slice(1)).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    const { pbx, hub, says, media } = place
    await says(pbx, 'INVITE', { body: ofPbx({ direction: 'sendonly' }) })
    hub.gets('INVITE')
    await says(hub, 200, { body: ofTeams({ direction: 'inactive' }) })
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    hub.gets('ACK')
    expect(generates(place)).toEqual(['on', 'on'])
    media.said()
    await waits(place)
    expect(media.said()).toEqual([])
    await hangUp(place)
  })

  test('one that stops on hold is noticed then; one whose RTCP cannot be told from RTP counts as such a one', async () => {
    for (const how of ['silent', 'muxed'] as const) {
      const place = await start()
      const { media, pbx, hub } = place
      media.nodes[0]!.reporting.set(tag, how === 'silent' ? 'sends' : 'muxed')
      await call(place, who)
      await waits(place)
      expect(media.said()).toHaveLength(1)
      media.nodes[0]!.reporting.set(tag, how)
      await reinvite(place, [hub, ofTeams({ direction: 'inactive' })], [pbx, ofPbx({ direction: 'inactive' })])
      await waits(place)
      expect(media.said()).toHaveLength(3)
      await hangUp(place)
    }
  })

  test('an offer that is under way is not disturbed: its answer says it', async () => {
    const place = await start()
    const { says, pbx, hub, media, edge } = place
    media.nodes[0]!.reporting.set(tag, 'silent')
    await call(place, who)
    edge.passes(7000)
    await says(pbx, 'INVITE', { body: ofPbx({ version: 2 }) })
    hub.gets('INVITE')
    media.said()
    edge.passes(3000)
    await edge.settles()
    expect(media.said()).toEqual([expect.stringContaining('m1 query')])
    await says(hub, 200, { body: ofTeams() })
    expect(generates(place)).toEqual(['on'])
    expect(media.said()).toEqual([`m1 answer ${calling}>${called}`])
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    hub.gets('ACK')
    await hangUp(place)
  })
})

test('T6.43: a call that ends while rtpengine is asked for its RTCP is not begun anew', async () => {
  const place = await start()
  const { media, edge, says, pbx, hub } = place
  const node = media.nodes[0]!
  node.reporting.set('a', 'silent')
  await call(place, 'pbx')
  media.holds()
  edge.passes(8000)
  edge.passes(2000)
  pbx.sends('BYE')
  await edge.settles()
  media.releases()
  await edge.settles()
  hub.gets('BYE')
  await says(hub, 200)
  pbx.gets(200)
  expect(media.left()).toEqual([])
})

test('T6.43: a node that says nothing when it is asked for RTCP costs nothing', async () => {
  const place = await start()
  const { media, edge } = place
  const node = media.nodes[0]!
  await call(place, 'pbx')
  node.mood = 'silent'
  edge.passes(8000)
  edge.passes(2000)
  await edge.settles()
  node.mood = 'well'
  await hangUp(place)
})
