import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openMediaEndpoint } from '../../support/media/endpoint.ts'
import { audioOf, directionOf, readSdp } from '../../support/media/sdp.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { type Ground, HZ, NAME, TEAMS_NAME, usualZones } from './ground.ts'
import { expectLegs } from './legs.ts'
import type { Party } from './parties.ts'
import { layPlace, type Place } from './place.ts'
import { expectClean, hearEachOther, hearNothing, type Listener, listener } from './talk.ts'

/** Beside the usual zones one for clients that are reached without a media processor (media bypass). */
const zones = (ground: Ground): string =>
  usualZones(ground).replace(
    'routes:\n',
    `  clients:
    kind: teams
    on: clients
    targets: ['sip:${ground.wan(31)}:${ground.peers.teams};transport=tls']
    peers: { roots: [ ${ground.authority.file} ] }
    admit: { networks: [ ${ground.wan(31)} ], certificates: [${TEAMS_NAME}] }
    probe: false
    media: { interface: wan, profile: teams-bypass }
routes:
  - { from: pbx, user: client, to: clients }
  - { from: clients, to: pbx }
`,
  )

let place: Place
let teams: Party
let pbx: Party
let legs: (() => Parameters<typeof expectLegs>) | undefined

beforeAll(async () => {
  place = await layPlace(9, zones, undefined, undefined, ({ wan, ports }) => `  clients: { tls: '${wan(1)}:${ports.clients}' }\n`)
})

afterAll(() => place?.stop())

afterEach(async () => {
  await place.settled(() => {
    if (legs !== undefined) expectLegs(...legs())
  })
  legs = undefined
})

const CLIENT = { ice: true, rtcpMux: true } as const

/** A client that is reached without a media processor. @param moreSections of its offers */
const openClient = (moreSections: readonly string[] = []): Promise<Party> =>
  place.teams({
    address: place.wan(31),
    proxy: { address: place.wan(1), port: place.ports.clients, name: NAME },
    tls: { authority: place.authority.certificate, own: place.authority.issue('client', [TEAMS_NAME, place.wan(31)]) },
    media: { ...CLIENT, moreSections },
  })

/** RFC 3264 §8: one session, whose version grows when it is another description, and stays when it is the same. */
const expectVersions = (sdps: readonly string[]): void => {
  const origins = sdps.map((sdp) => /^o=(\S+ \S+) (\d+) /m.exec(sdp)!)
  expect(new Set(origins.map(([, session]) => session)).size).toBe(1)
  for (const [i, [, , version]] of origins.slice(1).entries()) {
    const before = Number(origins[i]![2])
    if (sdps[i + 1] === sdps[i]) expect(Number(version)).toBe(before)
    else expect([before, before + 1], `${sdps[i]}\nand then\n${sdps[i + 1]}`).toContain(Number(version))
  }
}

interface Talk {
  readonly atTeams: Listener & { readonly call: SipCall }
  readonly atPbx: Listener & { readonly call: SipCall }
}

const WHO = ['teams', 'pbx'] as const

/** A call that is up, and heard. @param early who is called says so, with SDP */
const talk = async (who: (typeof WHO)[number], callee = 'team', early = false): Promise<Talk> => {
  const calling = await (who === 'teams'
    ? teams.call(`sip:+4420794601@${NAME}`)
    : pbx.call(`sip:${callee}@${place.lan(1)}:${place.ports.sip}`))
  const called = await (who === 'teams' ? pbx : teams).incoming()
  if (early) await called.provisional(183, { sdp: true })
  await Promise.all([called.answer(), calling.established()])
  const [theirs, ours] = who === 'teams' ? [calling, called] : [called, calling]
  const both = { atTeams: { ...listener(theirs, HZ.teams), call: theirs }, atPbx: { ...listener(ours, HZ.pbx), call: ours } }
  await hearEachOther(both.atTeams, both.atPbx)
  return both
}

const hangUp = async ({ atTeams, atPbx }: Talk): Promise<void> => {
  await Promise.all([atPbx.call.bye(), atTeams.call.ended()])
}

const last = ({ sdps }: SipCall): string => sdps.at(-1)!.sdp
const directionTold = (call: SipCall): string => {
  const sdp = readSdp(last(call))
  return directionOf(sdp, audioOf(sdp))
}

/** What must not change while a call lasts: ports, address, keys and, where there is ICE, its names and candidates. */
const fixed = (sdp: string): readonly string[] =>
  sdp.match(/^(?:c=|m=audio \d+|a=(?:crypto|rtcp|ice-\w+|candidate):).*?(?= RTP|\r)/gm) ?? []
const expectFixed = ({ sdps }: SipCall): void => {
  expect(fixed(sdps[0]!.sdp).length).toBeGreaterThan(3)
  expect([...new Set(sdps.map(({ sdp }) => fixed(sdp).join('\n')))]).toHaveLength(1)
  expectVersions(sdps.map(({ sdp }) => sdp))
}

/** As the packets have it, 36 of them before it begins anew. */
const SOON = 65_500

describe.each(WHO)('a call of the %s', (who) => {
  it('T6.35, T6.37, T6.38, T6.43: refreshes, holds and a PBX that moves: ports and keys stay, SRTP counts on, RTCP comes', async () => {
    teams = await place.teams({ media: { firstSequence: SOON } })
    pbx = await place.pbx({ media: { firstSequence: SOON, reportMs: 400 } })
    legs = () => [place.leg(teams, 'teams', 'wan'), place.leg(pbx, 'plain', 'lan')]
    const both = await talk(who)
    const { atTeams, atPbx } = both
    for (const { call } of [atTeams, atPbx]) await call.media().receives(({ rollOvers }) => rollOvers > 0, 'roll-over')

    // Its o= does not say that anything is new; then it does
    const origin = /^o=.*$/m.exec(teams.said.at(-1)!)![0]
    teams.alter = (sdp) => sdp.replace(/^o=.*$/m, origin)
    for (let i = 0; i < 2; i++) await atTeams.call.resume()
    teams.alter = undefined
    await atTeams.call.resume()
    await hearEachOther(atTeams, atPbx)

    const holds = async (told: string, hold: () => Promise<unknown>, resume: () => Promise<unknown>): Promise<void> => {
      await hold()
      expect(directionTold(atTeams.call)).toBe('inactive')
      expect(directionTold(atPbx.call)).toBe(told)
      const [before, seen] = [atTeams.call.media().heard().rtcpPackets, atTeams.call.media().watchRtcp()]
      await atTeams.call.media().receives(({ rtcpPackets }) => rtcpPackets > before + 1, 'RTCP on hold')
      expect(seen().longestGap).toBeLessThan(2000)
      await hearNothing(atTeams, atPbx)
      await resume()
      await hearEachOther(atTeams, atPbx)
    }
    await holds(
      'inactive',
      () => atPbx.call.hold('sendonly'),
      () => atPbx.call.resume(),
    )
    // As it was before there were directions (RFC 3264 §8.4)
    pbx.alter = (sdp) => sdp.replace(/^c=IN IP4 .*$/gm, 'c=IN IP4 0.0.0.0')
    await atPbx.call.reinvite()
    pbx.alter = undefined
    expect(directionTold(atTeams.call)).toBe('inactive')
    await atPbx.call.resume()
    await holds(
      'inactive',
      () => atTeams.call.hold('inactive'),
      () => atTeams.call.resume(),
    )

    await atPbx.call.media().move()
    await atPbx.call.resume()
    await hearEachOther(atTeams, atPbx)
    await atTeams.call.resume()
    await hearEachOther(atTeams, atPbx)
    expectFixed(atTeams.call)
    await expectClean(atTeams.call, atPbx.call)
    await hangUp(both)
  })

  it('T6.36: the PBX asks for an offer: Teams gets one, the PBX gets its answer, and both go on, from hold, too', async () => {
    teams = await place.teams()
    pbx = await place.pbx()
    legs = () => [place.leg(teams, 'teams', 'wan'), place.leg(pbx, 'plain', 'lan')]
    const both = await talk(who)
    const { atTeams, atPbx } = both
    await atPbx.call.reinvite({ offerless: true })
    await hearEachOther(atTeams, atPbx)
    await atPbx.call.media().move()
    await atPbx.call.hold('sendonly')
    await hearNothing(atTeams, atPbx)
    await atPbx.call.reinvite({ offerless: true, direction: 'sendrecv' })
    await hearEachOther(atTeams, atPbx)
    await atTeams.call.resume()
    await atPbx.call.resume()
    await hearEachOther(atTeams, atPbx)
    expectFixed(atTeams.call)
    expect(atTeams.call.arrived.filter(({ method, status, body }) => method === 'INVITE' && status === 0 && body.length === 0)).toEqual([])
    expect(atTeams.call.arrived.filter(({ method, body }) => method === 'ACK' && body.length > 0)).toEqual([])
    await expectClean(atTeams.call, atPbx.call)
    await hangUp(both)
  })

  it('T6.43: media bypass: checks of the client alone, hold, its ICE restart, and the addresses that it found', async () => {
    teams = await openClient(['m=video 50030 RTP/SAVP 122', 'a=rtpmap:122 X-H264UC/90000', 'a=x-caps:122 263:1280:720'])
    pbx = await place.pbx()
    legs = () => [place.leg(teams, 'bypass', 'wan'), place.leg(pbx, 'plain', 'lan')]
    teams.alter = (sdp) =>
      sdp.replace('a=ptime:20', 'a=ptime:20\r\na=x-signaling-fb:* x-message app send:dsh recv:dsh\r\na=label:main-audio')
    const both = await talk(who, 'client', true)
    const { atTeams, atPbx } = both
    await atPbx.call.hold('sendonly')
    await hearNothing(atTeams, atPbx)
    await atPbx.call.resume()
    await hearEachOther(atTeams, atPbx)
    const { port } = audioOf(readSdp(last(atTeams.call)))
    teams.alter = (sdp) => sdp.replace(/^(a=candidate:.*\r\n)/m, `$1a=remote-candidates:1 ${place.wan(2)} ${port}\r\n`)
    await atTeams.call.resume()
    await hearEachOther(atTeams, atPbx)
    expectFixed(atTeams.call)

    teams.alter = undefined
    const ice = atTeams.call.media().ice!
    ice.restart()
    await atTeams.call.resume()
    await hearEachOther(atTeams, atPbx)
    const keys = atTeams.call.sdps.map(({ sdp }) =>
      fixed(sdp)
        .filter((line) => !line.startsWith('a=ice-'))
        .join('\n'),
    )
    expect([...new Set(keys)]).toHaveLength(1)
    const names = atTeams.call.sdps.map(({ sdp }) => /^a=ice-ufrag:.*$/m.exec(sdp)?.[0])
    expect(new Set(names).size).toBe(2)
    expect(ice.checksHeard()).toBe(0)
    for (const { sdp } of atTeams.call.sdps) for (const line of sdp.match(/^m=video .*/gm) ?? []) expect(line).toMatch(/^m=video 0 /)
    await expectClean(atTeams.call, atPbx.call)
    await hangUp(both)
  })
})

it('T6.36: a PBX calls and leaves the offer to Teams: both hear, and hold, and Teams refreshes', async () => {
  teams = await place.teams()
  pbx = await place.pbx()
  legs = () => [place.leg(teams, 'teams', 'wan'), place.leg(pbx, 'plain', 'lan')]
  const calling = await pbx.call(`sip:team@${place.lan(1)}:${place.ports.sip}`, { offerless: true })
  const called = await teams.incoming()
  await called.provisional(183, { sdp: true })
  await Promise.all([called.answer(), calling.established()])
  const [ours, theirs] = [listener(calling, HZ.pbx), listener(called, HZ.teams)]
  await hearEachOther(ours, theirs)
  await calling.hold('sendonly')
  await hearNothing(ours, theirs)
  await calling.resume()
  await called.resume()
  await hearEachOther(ours, theirs)
  expectFixed(called)
  await expectClean(calling, called)
  await Promise.all([calling.bye(), called.ended()])
})

it('T §3.7: media bypass: two clients ring, each with early media and candidates of its own; the second one answers', async () => {
  teams = await openClient()
  pbx = await place.pbx()
  legs = () => [place.leg(teams, 'bypass', 'wan'), place.leg(pbx, 'plain', 'lan')]
  const calling = await pbx.call(`sip:client@${place.lan(1)}:${place.ports.sip}`)
  const called = await teams.incoming()
  const media = await openMediaEndpoint({ ...CLIENT, address: place.wan(32), profile: 'sdes', cryptoParameters: '|2^31', hz: HZ.other })
  try {
    await called.provisional(183, { sdp: true })
    await listener(called, HZ.teams).hears(HZ.pbx)
    await called.provisional(183, { sdp: true, tag: 'second', media })
    await Promise.all([called.answer({ tag: 'second', media }), calling.established()])
    await hearEachOther(listener(calling, HZ.pbx), listener(media, HZ.other))
    expectFixed(called)
    await Promise.all([calling.bye(), called.ended()])
  } finally {
    await media.close()
  }
})

/** In place of the line with its key. */
const CRYPTO = /^a=crypto:(\d+) (AES_CM_128_HMAC_SHA1_80) inline:(\S{40})(\S*)$/m

it('T §3.2, T §4.1: an offer as the hub writes it: the long list of codecs, a short tag first, RTCP on one port', async () => {
  teams = await place.teams({ media: { rtcpMux: true } })
  pbx = await place.pbx()
  teams.alter = (sdp) =>
    sdp
      .replace(/^(m=audio \d+ RTP\/SAVP) 0 8 101/m, '$1 104 9 103 111 18 0 8 97 101 13 118')
      .replace(
        'a=rtpmap:0 ',
        'a=rtpmap:104 SILK/16000\r\na=rtpmap:103 SILK/8000\r\na=rtpmap:111 SIREN/16000\r\na=fmtp:111 bitrate=16000\r\na=rtpmap:97 RED/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:118 CN/16000\r\na=rtpmap:0 ',
      )
      .replace(CRYPTO, `a=crypto:0 AES_CM_128_HMAC_SHA1_32 inline:${'B'.repeat(40)}|2^31\r\n$&\r\na=crypto:2 $2 inline:$3|2^31|1:1`)
  const both = await talk('teams')
  const { atTeams, atPbx } = both
  expect(atPbx.call.sdps[0]!.sdp).toMatch(/^m=audio \d+ RTP\/AVP 0 8 9 18 101 13\r$/m)
  expect(last(atTeams.call).match(/^a=crypto:.*$/gm)).toEqual([expect.stringMatching(/^a=crypto:1 AES_CM_128_HMAC_SHA1_80 /)])
  expect(last(atTeams.call)).toMatch(/^a=rtcp-mux\r$/m)
  await atTeams.call.media().receives(({ reports }) => reports.length > 0, 'RTCP')
  await Promise.all([atTeams.call.media().sendDigits('7#'), atPbx.call.media().sendDigits('*3')])
  await Promise.all([atPbx.call.media().receivesDigits('7#'), atTeams.call.media().receivesDigits('*3')])
  await atPbx.call.hold('sendonly')
  expect(last(atTeams.call)).toMatch(/^a=rtcp-mux\r$/m)
  await atPbx.call.resume()
  await hearEachOther(atTeams, atPbx)
  await hangUp(both)
})

it('T §4.1: an answer with two keys of one suite, neither under the tag that was offered: the one without MKI is used', async () => {
  teams = await place.teams()
  pbx = await place.pbx()
  teams.alter = (sdp) => sdp.replace(CRYPTO, `a=crypto:2 $2 inline:${'A'.repeat(40)}|2^31|1:1\r\na=crypto:3 $2 inline:$3|2^31`)
  const both = await talk('pbx')
  await expectClean(both.atTeams.call, both.atPbx.call)
  await hangUp(both)
})

it.each(WHO)('T §4.1: the %s calls, and the only key of Teams has an MKI, which then stands in each of its packets', async (who) => {
  teams = await place.teams({ media: { cryptoParameters: '|2^31|1:1' } })
  pbx = await place.pbx()
  const both = await talk(who)
  await both.atTeams.call.resume()
  await hearEachOther(both.atTeams, both.atPbx)
  await expectClean(both.atTeams.call, both.atPbx.call)
  await hangUp(both)
})

it('T6.43: a PBX that sends no RTCP: rtpengine makes it, and a Teams user who is silent on hold loses no call', async () => {
  teams = await place.teams()
  pbx = await place.pbx({ media: { reportMs: 0 } })
  const both = await talk('pbx')
  const { atTeams, atPbx } = both
  await atPbx.call.hold('inactive')
  const seen = atTeams.call.media().watchRtcp()
  // 8 s of patience, one look in two seconds, and 5 to 7 s of rtpengine's
  await atTeams.call.media().receives(({ rtcpPackets }) => rtcpPackets > 0, 'RTCP', 20_000)
  expect(seen().longestGap).toBeLessThan(18_500)
  await atPbx.call.resume()
  await hearEachOther(atTeams, atPbx)
  expectFixed(atTeams.call)
  await expectClean(atTeams.call, atPbx.call)
  await hangUp(both)
})
