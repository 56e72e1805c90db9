import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import type { Wire } from '../support/wire.ts'
import { hasNoSdp, type MediaPlace, mediaOf, RELIABLE, sdp, startMedia, textOf, whereIs } from './media-place.ts'

const TARGETS = [20, 21, 22].map((host) => `{ uri: "sip:10.0.0.${host}:5060;transport=udp", priority: ${host} }`)

/** The carrier calls, and all three PBXs ring without having said anything. */
const startFork = async () => {
  const place = await startMedia({ targets: TARGETS.join(', '), fork: 'parallel' })
  const { carrier, pbx, second, third, media, says } = place
  await says(carrier, 'INVITE', { body: sdp(carrier) })
  carrier.gets(100)
  const invites = [pbx, second, third].map((desk) => desk.gets('INVITE'))
  expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 offer a>b3'])
  return { ...place, invites }
}

const rejects = async ({ says }: Pick<MediaPlace, 'says'>, desk: Party, status: number): Promise<void> => {
  await says(desk, status)
  desk.gets('ACK')
}

const isCancelled = async ({ says }: Pick<MediaPlace, 'says'>, desk: Party, of: Wire): Promise<void> => {
  desk.gets('CANCEL')
  desk.sends(200)
  await says(desk, 487, { of })
  desk.gets('ACK')
}

const bye = async ({ says }: Pick<MediaPlace, 'says'>, one: Party, other: Party, of?: Wire): Promise<void> => {
  await says(one, 'BYE', of === undefined ? {} : { of })
  other.gets('BYE')
  await says(other, 200)
  one.gets(200)
}

describe('media §4: our own forks', () => {
  test('media §4: each has a tag and ports of its own; the one that answers stays, the others are deleted behind its 200', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, media, says, node, invites } = place
    expect(new Set(invites.map(mediaOf)).size).toBe(3)
    second.sends(180)
    third.sends(180)
    carrier.gets(180, 180)
    await says(second, 200, { body: sdp(second) })
    carrier.gets(200)
    carrier.sends('ACK')
    second.gets('ACK')
    await isCancelled(place, third, invites[2]!)
    expect(media.said()).toEqual(['m1 answer a>b2'])
    pbx.sends(180, { of: invites[0]! })
    await isCancelled(place, pbx, invites[0]!)
    expect(media.said()).toEqual(['m1 delete a>b1', 'm1 delete a>b3'])
    expect(node.talk).toBe(`a>b2 ${whereIs(carrier)} ${whereIs(second)}`)
    await bye(place, second, carrier)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §4: early media of two forks, then the first of them answers with the SDP it had: it is heard again, the port stays', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, says, node, invites } = place
    await says(pbx, 183, { body: sdp(pbx) })
    const early = carrier.gets(183)
    await says(second, 183, { body: sdp(second) })
    expect(mediaOf(carrier.gets(183))).toBe(mediaOf(early))
    expect(node.talk).toBe(`a>b2 ${whereIs(carrier)} ${whereIs(second)}`)
    await says(pbx, 200, { body: sdp(pbx), of: invites[0]! })
    expect(textOf(carrier.gets(200))).toBe(textOf(early))
    carrier.sends('ACK')
    pbx.gets('ACK')
    await isCancelled(place, second, invites[1]!)
    await rejects(place, third, 486)
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, pbx, carrier)
  })

  test('media §4: the same, and its 200 shows no SDP any more', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, says, node, invites } = place
    await says(pbx, 183, { body: sdp(pbx), headers: RELIABLE })
    carrier.gets(183)
    await says(second, 183, { body: sdp(second) })
    carrier.gets(183)
    await says(pbx, 200, { body: '', of: invites[0]! })
    hasNoSdp(carrier.gets(200))
    carrier.sends('ACK')
    pbx.gets('ACK')
    await isCancelled(place, second, invites[1]!)
    await rejects(place, third, 486)
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, carrier, pbx)
  })

  test('media §9: two that answer at the same time: the end of one leaves the other heard, the end of both ends the call', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, media, says, node } = place
    await says(pbx, 200, { body: sdp(pbx) })
    await says(second, 200, { body: sdp(second) })
    await rejects(place, third, 486)
    const answers = [carrier.gets(200), carrier.gets(200)]
    expect(mediaOf(answers[1]!)).toBe(mediaOf(answers[0]!))
    for (const [i, desk] of [pbx, second].entries()) {
      carrier.sends('ACK', { of: answers[i]! })
      desk.gets('ACK')
    }
    expect(media.said()).toEqual(['m1 answer a>b1', 'm1 answer a>b2', 'm1 delete a>b3'])
    await bye(place, carrier, second, answers[1]!)
    expect(media.said()[0]).toBe('m1 delete a>b2')
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    // What ended is over, though its call goes on
    await says(carrier, 'UPDATE', { body: sdp(carrier, 2), of: answers[1]! })
    carrier.gets(481)
    media.said()
    await bye(place, carrier, pbx, answers[0]!)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §9: a 603 ends the search while others ring; all is deleted when they have ended', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, media, invites } = place
    pbx.sends(180)
    third.sends(180)
    carrier.gets(180, 180)
    await rejects(place, second, 603)
    await isCancelled(place, pbx, invites[0]!)
    await isCancelled(place, third, invites[2]!)
    carrier.gets(603)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('§16.10: CANCEL while rtpengine is asked about all of them: nobody is called', async () => {
    const place = await startMedia({ targets: TARGETS.join(', '), fork: 'parallel' })
    const { carrier, pbx, second, third, media, edge } = place
    media.holds()
    carrier.sends('INVITE', { body: sdp(carrier) })
    carrier.gets(100)
    carrier.sends('CANCEL')
    carrier.gets(200)
    media.releases()
    await edge.settles()
    carrier.gets(487)
    carrier.sends('ACK')
    for (const desk of [pbx, second, third]) desk.getsNothing()
    expect(media.said().at(-1)).toBe('m1 delete a')
  })
})

describe('media §4: forks behind the next hop', () => {
  test('media §4: two of them have early media, and the first one’s 200 shows no SDP any more: it is heard, not the other', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), tag: 'x', headers: RELIABLE })
    await says(pbx, 183, { body: sdp(pbx, 2), tag: 'y', headers: RELIABLE, of: invite })
    carrier.gets(100, 183, 183)
    media.said()
    await says(pbx, 200, { body: '', tag: 'x', of: invite })
    hasNoSdp(carrier.gets(200))
    expect(media.said()).toEqual(['m1 answer a>b1'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await bye(place, carrier, pbx)
  })

  test('media §9: two 2xx of one branch: the BYE of one dialog leaves the other its media', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx), tag: 'x' })
    const first = carrier.gets(100, 200)
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'y', of: invite })
    const other = carrier.gets(200)
    // It is heard no more than a 2xx that nobody waits for; the caller ends it (§13.2.2.4)
    expect(textOf(other)).toBe(textOf(first))
    for (const of of [first, other]) {
      carrier.sends('ACK', { of })
      pbx.gets('ACK')
    }
    media.said()
    await bye(place, carrier, pbx, other)
    expect(media.said()).toEqual([])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, carrier, pbx, first)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §9: the same, while one of our own forks still rings', async () => {
    const place = await startFork()
    const { carrier, pbx, second, third, media, says, node, invites } = place
    second.sends(180)
    carrier.gets(180)
    await rejects(place, third, 486)
    await says(pbx, 200, { body: sdp(pbx), tag: 'x', of: invites[0]! })
    const first = carrier.gets(200)
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'y', of: invites[0]! })
    const other = carrier.gets(200)
    expect(textOf(other)).toBe(textOf(first))
    await isCancelled(place, second, invites[1]!)
    for (const of of [other, first]) {
      carrier.sends('ACK', { of })
      pbx.gets('ACK')
    }
    media.said()
    await bye(place, carrier, pbx, other)
    expect(media.said()).toEqual([])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, carrier, pbx, first)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('media §9: two offers in 2xx of one branch, while another one rings: both callers’ ACKs answer the first', async () => {
    const place = await startMedia({ targets: TARGETS.slice(0, 2).join(', '), fork: 'parallel' })
    const { carrier, pbx, second, media, says, node } = place
    await says(carrier, 'INVITE', { body: '' })
    const invite = pbx.gets('INVITE')
    const ringing = second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    await says(pbx, 200, { body: sdp(pbx), tag: 'x' })
    const first = carrier.gets(200)
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'y', of: invite })
    const other = carrier.gets(200)
    expect(textOf(other)).toBe(textOf(first))
    await isCancelled(place, second, ringing)
    for (const of of [first, other]) {
      await says(carrier, 'ACK', { of, body: sdp(carrier) })
      pbx.gets('ACK')
    }
    expect(media.said()).toEqual(['m1 offer b1>a', 'm1 delete a>b2', 'm1 answer b1>a'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, carrier, pbx, other)
    // A copy that was still on its way
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'y', of: invite })
    carrier.gets(200)
    await bye(place, carrier, pbx, first)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('§15: a BYE in one early dialog ends that one; the others ring on, and one of them is the call', async () => {
    const place = await startMedia()
    const { carrier, pbx, media, says, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx), tag: 'x' })
    const early = carrier.gets(100, 183)
    await says(pbx, 183, { body: sdp(pbx, 2), tag: 'y', of: invite })
    carrier.gets(183)
    media.said()
    await bye(place, carrier, pbx, early)
    expect(media.said()).toEqual([])
    await says(pbx, 200, { body: sdp(pbx, 2), tag: 'y', of: invite })
    carrier.gets(200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx, 2)}`)
    await bye(place, carrier, pbx)
    expect(media.said()).toEqual(['m1 delete a'])
  })
})

const BY_UDP_THEN_TLS = {
  'NAPTR a.test': [
    { order: 1, preference: 1, service: 'SIP+D2U', flags: 's', replacement: '_sip._udp.a.test' },
    { order: 1, preference: 2, service: 'SIPS+D2T', flags: 's', replacement: '_sips._tcp.a.test' },
  ],
  'SRV _sips._tcp.a.test': [{ priority: 1, weight: 1, port: 5061, target: 'h.test' }],
  'SRV _sip._udp.a.test': [{ priority: 1, weight: 1, port: 5060, target: 'h.test' }],
  'A h.test': ['10.0.0.20'],
}

describe('media §4: one target after the other', () => {
  const SERIAL = { targets: TARGETS.slice(0, 2).join(', ') }

  test('media §4: the next branch is offered before the one before is deleted; the caller’s port stays over the early media of both', async () => {
    const place = await startMedia(SERIAL)
    const { carrier, pbx, second, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await says(pbx, 183, { body: sdp(pbx) })
    const early = carrier.gets(100, 183)
    await rejects(place, pbx, 503)
    second.gets('INVITE')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1', 'm1 offer a>b2', 'm1 delete a>b1'])
    await says(second, 200, { body: sdp(second) })
    expect(mediaOf(carrier.gets(200))).toBe(mediaOf(early))
    carrier.sends('ACK')
    second.gets('ACK')
    await bye(place, second, carrier)
    expect(media.said()).toEqual(['m1 answer a>b2', 'm1 delete a'])
  })

  test('media §9: the last one fails, too: one delete for all of it', async () => {
    const place = await startMedia(SERIAL)
    const { carrier, pbx, second, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    pbx.gets('INVITE')
    await rejects(place, pbx, 500)
    second.gets('INVITE')
    await rejects(place, second, 486)
    carrier.gets(100, 486)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 delete a>b1', 'm1 delete a'])
  })

  test('media §4: a target that was not waited for answers after all: its branch is still there, and becomes the call', async () => {
    const place = await startMedia(SERIAL)
    const { carrier, pbx, second, media, says, edge, node } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const late = pbx.gets('INVITE')
    edge.passes(8 * T1 + 50)
    await edge.settles()
    pbx.forgets()
    const other = second.gets('INVITE')
    second.sends(180)
    carrier.gets(100, 180)
    await says(pbx, 200, { body: sdp(pbx), of: late })
    carrier.gets(200)
    await isCancelled(place, second, other)
    carrier.sends('ACK')
    pbx.gets('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 answer a>b1', 'm1 delete a>b2'])
    expect(node.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    await bye(place, carrier, pbx)
  })

  test('RFC 3263 §4.3: another destination of one target is the same leg: no second offer, the same SDP', async () => {
    const place = await startMedia({ targets: '"sip:a.test;transport=udp"', dns: { 'A a.test': ['10.0.0.20', '10.0.0.21'] } })
    const { carrier, pbx, second, media, says, edge } = place
    await edge.settles()
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    const first = pbx.gets('INVITE')
    await rejects(place, pbx, 503)
    expect(textOf(second.gets('INVITE'))).toBe(textOf(first))
    expect(media.said()).toEqual(['m1 offer a>b1'])
    await says(second, 200, { body: sdp(second) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    await bye(place, second, carrier)
  })

  test('media §5: a target with another profile is another leg, offered in its own way', async () => {
    const place = await startMedia({
      targets: `${TARGETS[0]}, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 99, media: { profile: sdes } }`,
    })
    const { carrier, pbx, second, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(textOf(pbx.gets('INVITE'))).toContain('RTP/AVP')
    await rejects(place, pbx, 503)
    expect(textOf(second.gets('INVITE'))).toContain('RTP/SAVP')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 delete a>b1'])
    await rejects(place, second, 486)
    carrier.gets(100, 486)
    carrier.sends('ACK')
  })

  test('T10: a destination that was given up is heard of no more while rtpengine is asked for the next one', async () => {
    const place = await startMedia({ targets: '"sip:a.test"', dns: BY_UDP_THEN_TLS })
    const { carrier, pbx, media, says, edge } = place
    await edge.settles()
    const secure = edge.party('secure', 'lan/tls', '10.0.0.20:5061')
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(textOf(pbx.gets('INVITE'))).toContain('RTP/AVP')
    media.holds()
    edge.passes(8 * T1 + 50)
    pbx.forgets()
    pbx.bounces()
    await edge.settles()
    carrier.gets(100)
    carrier.getsNothing()
    media.releases()
    await edge.settles()
    expect(textOf(secure.gets('INVITE'))).toContain('RTP/SAVP')
    await rejects(place, secure, 486)
    carrier.gets(486)
    carrier.sends('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 delete a>b1', 'm1 delete a'])
  })

  test('T10: destinations by TLS and by UDP of one target: the leg’s profile follows, the other one is deleted behind its offer', async () => {
    const place = await startMedia({
      targets: '"sip:a.test"',
      dns: {
        ...BY_UDP_THEN_TLS,
        'NAPTR a.test': [...BY_UDP_THEN_TLS['NAPTR a.test']].reverse().map((one, i) => ({ ...one, preference: i })),
      },
    })
    const { carrier, pbx, media, says, edge } = place
    await edge.settles()
    const secure = edge.party('secure', 'lan/tls', '10.0.0.20:5061')
    await says(carrier, 'INVITE', { body: sdp(carrier) })
    expect(textOf(secure.gets('INVITE'))).toContain('RTP/SAVP')
    await rejects(place, secure, 503)
    expect(textOf(pbx.gets('INVITE'))).toContain('RTP/AVP')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b2', 'm1 delete a>b1'])
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    await bye(place, carrier, pbx)
  })
})
