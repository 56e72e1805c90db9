import { describe, expect, test } from 'vitest'
import { headerOf, type Wire } from '../support/wire.ts'
import { hasNoSdp, mediaOf, textOf } from './media-place.ts'
import { CALLERS, call, directionOf, hangUp, ofPbx, ofTeams, type Place, reinvite, start, type Written } from './teams-media-place.ts'
import { FROM_HUB, startTeams, toNumber } from './teams-place.ts'

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
  /** The session and version in `o=`. */
  const originOf = (text: string): string => /^o=(\S+ \S+ \S+)/m.exec(text)?.[1] ?? ''

  test('one that begins a call gets an offer of ours; the answer is the PBX’s offer, and its own answer stays here', async () => {
    const place = await start()
    const { says, pbx, hub, media } = place
    await says(pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: '' })
    const first = textOf(hub.gets('INVITE'))
    expect(first).toMatch(/^m=audio \d+ RTP\/SAVP 8 0 101\r$/m)
    expect(first).not.toContain('10.0.0.20')
    await says(hub, 183, { ...FROM_HUB, body: ofTeams() })
    expect(textOf(pbx.gets(100, 183))).toContain('RTP/AVP')
    await says(hub, 200, { ...FROM_HUB, body: ofTeams() })
    expect(textOf(pbx.gets(200))).toContain('RTP/AVP')
    await says(pbx, 'ACK', { body: ofPbx({ version: 3 }) })
    hasNoSdp(hub.gets('ACK'))
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer b1>a', 'm1 answer b1>a'])
    expect(media.nodes[0]!.talk).toBe('a>b1 10.0.0.20:4006 52.113.17.20:4002')
    const { offered } = await reinvite(
      place,
      [pbx, ofPbx({ version: 4, direction: 'sendonly' })],
      [hub, ofTeams({ direction: 'inactive' })],
    )
    expect(mediaOf({ body: Buffer.from(offered, 'latin1') } as Wire)).toBe(mediaOf({ body: Buffer.from(first, 'latin1') } as Wire))
    expect([originOf(first), originOf(offered)]).toEqual(['- 1 1', '- 1 2'])
    await hangUp(place)
  })

  test('and one that is refused leaves nothing in rtpengine', async () => {
    const { says, pbx, hub, media } = await start()
    await says(pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: '' })
    hub.gets('INVITE')
    await says(hub, 486)
    hub.gets('ACK')
    pbx.gets(100, 486)
    await says(pbx, 'ACK')
    expect(media.left()).toEqual([])
  })

  test('without rtpengine it gets 488 that says why', async () => {
    const { pbx, hub, edge } = await startTeams()
    pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', body: '' })
    await edge.settles()
    expect(pbx.gets(100, 488).start).toContain('SDP offer')
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
