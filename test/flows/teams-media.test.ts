import { describe, expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, type Wire } from '../support/wire.ts'
import { hasNoSdp, mediaOf, textOf } from './media-place.ts'
import { FROM_HUB, HUB_CONTACT, startTeams, type TeamsOptions, type TeamsPlace, toNumber } from './teams-place.ts'

const KEY = 'n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/'

interface Written {
  readonly direction?: string
  /** Of `o=`; another one has another port, too. */
  readonly version?: number
  readonly lines?: readonly string[]
}

const sdpOf = (address: string, protocol: string, { direction = 'sendrecv', version = 1, lines = [] }: Written): string =>
  [
    ...['v=0', `o=- 104231 ${version} IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0'],
    ...[`m=audio ${4000 + 2 * version} ${protocol} 8 0 101`, 'a=rtpmap:101 telephone-event/8000', ...lines, `a=${direction}`, ''],
  ].join('\r\n')

/** Of Teams' media processor. */
const ofTeams = (written: Written = {}): string =>
  sdpOf('52.113.17.20', 'RTP/SAVP', {
    ...written,
    lines: [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^31`, ...(written.lines ?? [])],
  })
const ofPbx = (written: Written = {}): string => sdpOf('10.0.0.20', 'RTP/AVP', written)

interface Place extends TeamsPlace {
  readonly media: FakeMedia
  says(party: Party, what: string | number, options?: Parameters<Party['sends']>[1]): Promise<Wire>
}

const start = async (options: TeamsOptions = {}): Promise<Place> => {
  const media = new FakeMedia()
  const place = await startTeams({ touches: ['content-type'], ...options, media, mediaText: '{ rtpengine: [ 127.0.0.1:2223 ] }' })
  const says: Place['says'] = async (party, what, more) => {
    const wire = party.sends(what, more)
    await place.edge.settles()
    return wire
  }
  return { ...place, media, says }
}

const CALLERS = ['pbx', 'teams'] as const

/** A call that is up. @returns the SDP that Teams got */
const call = async (place: Place, who: (typeof CALLERS)[number], more: readonly string[] = []): Promise<string> => {
  const { says, pbx, hub, media } = place
  if (who === 'pbx') {
    await says(pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: ofPbx(), headers: more })
    const invite = hub.gets('INVITE')
    await says(hub, 200, { ...FROM_HUB, body: ofTeams() })
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    hub.gets('ACK')
    media.said()
    return textOf(invite)
  }
  await says(hub, 'INVITE', toNumber('+442079460111', { body: ofTeams(), headers: more }))
  pbx.gets('INVITE')
  await says(pbx, 200, { body: ofPbx() })
  const ok = hub.gets(100, 200)
  await says(hub, 'ACK')
  pbx.gets('ACK')
  media.said()
  return textOf(ok)
}

/** A re-INVITE of one side; what both were shown. */
const reinvite = async (
  { says, media }: Place,
  [one, offer]: readonly [Party, string],
  [other, answer]: readonly [Party, string],
): Promise<{ readonly offered: string; readonly answered: string; readonly ok: Wire }> => {
  await says(one, 'INVITE', { body: offer })
  const offered = other.gets('INVITE')
  await says(other, 200, { body: answer })
  const ok = one.gets(100, 200)
  await says(one, 'ACK')
  hasNoSdp(other.gets('ACK'))
  media.said()
  return { offered: textOf(offered), answered: textOf(ok), ok }
}

const directionOf = (sdp: string): string => /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp)?.[1] ?? ''

/** Ended by the PBX, and nothing is left. */
const hangUp = async ({ says, pbx, hub, media }: Place): Promise<void> => {
  await says(pbx, 'BYE')
  hub.gets('BYE')
  await says(hub, 200)
  pbx.gets(200)
  expect(media.left()).toEqual([])
}

/** Legal answers to an offer (RFC 3264 §6.1). */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  sendrecv: ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
  sendonly: ['recvonly', 'inactive'],
  recvonly: ['sendonly', 'inactive'],
  inactive: ['inactive'],
}

describe.each(CALLERS)('T6.35: hold in a call of the %s', (who) => {
  test.each(['sendonly', 'recvonly', 'inactive'])(
    'the PBX holds with %s: inactive toward Teams, a legal answer back; and resumes',
    async (holds) => {
      const place = await start()
      await call(place, who)
      const { pbx, hub } = place
      const hold = await reinvite(place, [pbx, ofPbx({ direction: holds })], [hub, ofTeams({ direction: 'inactive' })])
      expect(directionOf(hold.offered)).toBe('inactive')
      expect(ANSWERS[holds]).toContain(directionOf(hold.answered))
      const resume = await reinvite(place, [pbx, ofPbx()], [hub, ofTeams()])
      expect([directionOf(resume.offered), directionOf(resume.answered)]).toEqual(['sendrecv', 'sendrecv'])
      await hangUp(place)
    },
  )

  test('both hold, one in the other’s hold, and both resume: whoever still holds says so', async () => {
    const place = await start()
    await call(place, who)
    const { pbx, hub } = place
    const theirs = await reinvite(place, [hub, ofTeams({ direction: 'inactive' })], [pbx, ofPbx({ direction: 'inactive' })])
    expect([directionOf(theirs.offered), directionOf(theirs.answered)]).toEqual(['inactive', 'inactive'])
    const ours = await reinvite(place, [pbx, ofPbx({ direction: 'sendonly' })], [hub, ofTeams({ direction: 'inactive' })])
    expect([directionOf(ours.offered), directionOf(ours.answered)]).toEqual(['inactive', 'inactive'])
    const resumed = await reinvite(place, [hub, ofTeams()], [pbx, ofPbx({ direction: 'sendonly' })])
    expect([directionOf(resumed.offered), directionOf(resumed.answered)]).toEqual(['sendrecv', 'inactive'])
    const all = await reinvite(place, [pbx, ofPbx()], [hub, ofTeams()])
    expect([directionOf(all.offered), directionOf(all.answered)]).toEqual(['sendrecv', 'sendrecv'])
    await hangUp(place)
  })

  test('T6.37, T6.38: over refreshes, holds and a PBX that moves its media, what Teams was told stays: port, address', async () => {
    const place = await start()
    const first = mediaOf({ body: Buffer.from(await call(place, who), 'latin1') } as Wire)
    const { pbx, hub } = place
    const told = new Set([first])
    const see = (sdp: string): unknown => told.add(mediaOf({ body: Buffer.from(sdp, 'latin1') } as Wire))
    // The same SDP again: its version need not grow
    for (const written of [{}, {}, { version: 7 }]) see((await reinvite(place, [hub, ofTeams(written)], [pbx, ofPbx()])).answered)
    for (const written of [{ version: 2 }, { version: 3, direction: 'sendonly' }, { version: 3 }])
      see((await reinvite(place, [pbx, ofPbx(written)], [hub, ofTeams({ version: 7, direction: directionOf(ofPbx(written)) })])).offered)
    see((await reinvite(place, [hub, ofTeams({ version: 8 })], [pbx, ofPbx({ version: 9 })])).answered)
    expect([...told]).toEqual([first])
    await hangUp(place)
  })
})

describe('T6.36: no INVITE without SDP reaches Teams', () => {
  test('one that begins a call gets 488 that says why, and nothing is left in rtpengine', async () => {
    const place = await start()
    const { says, pbx, hub, media } = place
    await says(pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: '' })
    const refused = pbx.gets(100, 488)
    expect(refused.start).toContain('SDP offer')
    await says(pbx, 'ACK')
    hub.getsNothing()
    expect(media.left()).toEqual([])
  })

  test('media off: the same', async () => {
    const { pbx, hub, edge } = await startTeams()
    pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: '' })
    await edge.settles()
    pbx.gets(100, 488)
    pbx.sends('ACK')
    hub.getsNothing()
  })

  test('from Teams’ side toward the PBX it passes as it always has', async () => {
    const place = await start()
    const { says, pbx, hub, media } = place
    await says(hub, 'INVITE', toNumber('+442079460111', { body: '' }))
    hasNoSdp(pbx.gets('INVITE'))
    await says(pbx, 200, { body: ofPbx() })
    expect(textOf(hub.gets(100, 200))).toContain('RTP/SAVP')
    await says(hub, 'ACK', { body: ofTeams() })
    expect(textOf(pbx.gets('ACK'))).toContain('RTP/AVP')
    expect(media.said()).toEqual(['m1 offer b1>a', 'm1 answer b1>a'])
    await hangUp(place)
  })

  describe.each(CALLERS)('inside a call of the %s', (who) => {
    /** The PBX asks for an offer. @returns what Teams was offered, and the PBX in its turn */
    const ask = async (place: Place, teams: Written, pbx: Written): Promise<{ readonly toTeams: Wire; readonly toPbx: string }> => {
      const { says, hub } = place
      await says(place.pbx, 'INVITE', { body: '' })
      const toTeams = hub.gets('INVITE')
      await says(hub, 200, { body: ofTeams(teams) })
      const toPbx = place.pbx.gets(100, 200)
      const ack = await says(place.pbx, 'ACK', { body: ofPbx(pbx) })
      hasNoSdp(hub.gets('ACK'))
      // Lost on the way, and sent again
      place.pbx.repeats(ack)
      await place.edge.settles()
      hasNoSdp(hub.gets('ACK'))
      return { toTeams, toPbx: textOf(toPbx) }
    }

    test('Teams is offered what it was told last, its answer is the PBX’s offer, and the ACK’s answer stays here', async () => {
      const place = await start()
      const first = await call(place, who)
      const { media } = place
      const { toTeams, toPbx } = await ask(place, { version: 2 }, { version: 5 })
      expect(textOf(toTeams)).toBe(first)
      expect(headerOf(toTeams, 'content-type')).toBe('application/sdp')
      expect(toPbx).toContain('RTP/AVP')
      const [calling, called] = who === 'pbx' ? ['a', 'b1'] : ['b1', 'a']
      expect(media.said()).toEqual([`m1 offer ${called}>${calling}`, `m1 answer ${called}>${calling}`])
      // Both sides' last words are in force
      expect([...media.nodes[0]!.talk.split(' ').slice(1)].sort()).toEqual(['10.0.0.20:4010', '52.113.17.20:4004'])
      await hangUp(place)
    })

    test('again and again: nothing changes for Teams', async () => {
      const place = await start()
      const first = await call(place, who)
      for (let i = 0; i < 3; i++) expect(textOf((await ask(place, {}, {})).toTeams)).toBe(first)
      await hangUp(place)
    })

    test('from its own hold the PBX asks to talk; from that of Teams it stays in it', async () => {
      const place = await start()
      await call(place, who)
      const { pbx, hub } = place
      await reinvite(place, [pbx, ofPbx({ direction: 'sendonly' })], [hub, ofTeams({ direction: 'inactive' })])
      const resumed = await ask(place, {}, {})
      expect([directionOf(textOf(resumed.toTeams)), directionOf(resumed.toPbx)]).toEqual(['sendrecv', 'sendrecv'])
      await reinvite(place, [hub, ofTeams({ direction: 'inactive' })], [pbx, ofPbx({ direction: 'inactive' })])
      const still = await ask(place, { direction: 'inactive' }, { direction: 'inactive' })
      expect([directionOf(textOf(still.toTeams)), directionOf(still.toPbx)]).toEqual(['inactive', 'inactive'])
      await hangUp(place)
    })

    test.each([488, 491])('Teams says %s: so does the PBX hear, and the call goes on as it was', async (status) => {
      const place = await start()
      const first = await call(place, who)
      const { says, pbx, hub, media } = place
      const before = media.nodes[0]!.talk
      await says(pbx, 'INVITE', { body: '' })
      hub.gets('INVITE')
      await says(hub, status)
      hub.gets('ACK')
      pbx.gets(100, status)
      await says(pbx, 'ACK')
      expect(media.nodes[0]!.talk).toBe(before)
      expect(textOf((await ask(place, {}, {})).toTeams)).toBe(first)
      await hangUp(place)
    })

    test('a process that has seen no SDP of the dialog says 488, and the dialog goes on', async () => {
      const place = await start()
      await call(place, who)
      const { says, pbx, hub } = place
      await place.edge.restarts()
      await says(pbx, 'INVITE', { body: '' })
      pbx.gets(100, 488)
      await says(pbx, 'ACK')
      hub.getsNothing()
      const { offered } = await reinvite(place, [pbx, ofPbx()], [hub, ofTeams()])
      expect(offered).toContain('RTP/SAVP')
      await ask(place, {}, {})
      await hangUp(place)
    })
  })
})

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
