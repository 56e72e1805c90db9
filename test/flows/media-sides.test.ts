import { describe, expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { startEdge } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { tagOf, valuesOf } from '../support/wire.ts'
import { callWithMedia, endWithMedia, mediaOf, sdp, startMedia, textOf, whereIs } from './media-place.ts'
import { callUp, hangUp, PLACE } from './place.ts'

/** As Teams writes it: SRTP, each key with and without MKI. */
const teamsSdp = (party: Party): string =>
  sdp(
    party,
    1,
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WnD7c1ksDGs+dIefCEo8omPg4uO8DYIinNGL5yxQ|2^31',
    'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:WnD7c1ksDGs+dIefCEo8omPg4uO8DYIinNGL5yxQ|2^31|1:1',
  ).replace('RTP/AVP', 'RTP/SAVP')

const startPlaceWithMedia = async () => {
  const media = new FakeMedia()
  const edge = await startEdge(PLACE.replace('media: off', 'media: { rtpengine: [ 127.0.0.1:2223 ] }'), { media })
  return {
    edge,
    media,
    pbx: edge.party('pbx', 'lan/udp', '10.0.0.20:5060'),
    teams: edge.party('teams', 'teams/tls', '52.112.0.1:5061'),
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
    says: async (party: Party, what: string | number, body: string) => {
      party.sends(what, { body, ...(party.name === 'pbx' && what === 'INVITE' ? { uri: 'sip:+442079460101@example.com' } : {}) })
      await edge.settles()
    },
  }
}

describe('media §5: sides that differ', () => {
  test('media §6: a PBX calls Teams: SRTP there, plain here, one crypto line goes into rtpengine', async () => {
    const { media, pbx, teams, says } = await startPlaceWithMedia()
    await says(pbx, 'INVITE', sdp(pbx))
    expect(textOf(teams.gets('INVITE'))).toMatch(/m=audio \d+ RTP\/SAVP 8 0/)
    await says(teams, 200, teamsSdp(teams))
    expect(textOf(pbx.gets(100, 200))).toMatch(/m=audio \d+ RTP\/AVP 8 0/)
    expect(media.asked[1]!.dictionary.sdp!.match(/a=crypto/g)).toHaveLength(1)
    pbx.sends('ACK')
    teams.gets('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    hangUp(teams, pbx)
    expect(media.said()).toEqual(['m1 delete a'])
  })

  test('RFC 8840: candidates of a browser that trickle are taken here; another INFO goes on, and so do those of a side without ICE', async () => {
    const { media, edge, pbx, browser, says } = await startPlaceWithMedia()
    const keys = ['a=fingerprint:sha-256 00:11', 'a=setup:actpass', 'a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901', 'a=mid:0']
    await says(browser, 'INVITE', sdp(browser, 1, ...keys).replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF'))
    pbx.gets('INVITE')
    await says(pbx, 200, sdp(pbx))
    browser.gets(100, 200)
    browser.sends('ACK')
    pbx.gets('ACK')
    const trickles = { headers: ['Info-Package: trickle-ice', 'Content-Type: application/trickle-ice-sdpfrag'], body: 'a=mid:0\r\n' }
    browser.sends('INFO', trickles)
    browser.gets(200)
    pbx.getsNothing()
    browser.sends('INFO', { headers: ['Info-Package: trickle-ice-like'] })
    pbx.gets('INFO')
    pbx.sends(200)
    browser.gets(200)
    pbx.sends('INFO', trickles)
    browser.gets('INFO')
    browser.sends(200)
    pbx.gets(200)
    hangUp(browser, pbx)
    await edge.settles()
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1', 'm1 delete a'])
  })

  test('media §7: a phone behind a NAT: its private address is not believed, the one that it comes from is', async () => {
    const { media, pbx, edge } = await startPlaceWithMedia()
    const phone = edge.party('phone', 'public/udp', '198.51.100.9:5060', { host: '192.168.1.7' })
    phone.sends('INVITE', { body: sdp(phone).replaceAll('198.51.100.9', '192.168.1.7') })
    await edge.settles()
    pbx.gets('INVITE')
    expect(media.asked[0]!.dictionary).toMatchObject({ 'received-from': ['IP4', '198.51.100.9'] })
    expect(media.asked[0]!.dictionary.flags).toContain('SIP-source-address')
    pbx.sends(486)
    pbx.gets('ACK')
    phone.gets(100, 486)
    phone.sends('ACK')
  })

  test('media §6: a raw fax offer of the PBX never reaches a side with SRTP: 488, and what held before holds', async () => {
    const { media, pbx, teams, says, edge } = await startPlaceWithMedia()
    await says(pbx, 'INVITE', sdp(pbx))
    teams.gets('INVITE')
    await says(teams, 200, teamsSdp(teams))
    pbx.gets(100, 200)
    pbx.sends('ACK')
    teams.gets('ACK')
    media.said()
    pbx.sends('INVITE', { body: sdp(pbx).replace(/m=.*\r\n/, 'm=image 4004 udptl t38\r\n') })
    await edge.settles()
    pbx.gets(100, 488)
    pbx.sends('ACK')
    teams.getsNothing()
    expect(media.said()).toEqual([])
    hangUp(pbx, teams)
  })
})

describe('media §9: where rtpengine has nothing to do', () => {
  test.each([
    ['of the zone that is called', { pbx: ', media: none' }],
    ['of the zone that calls', { carrier: ', media: none' }],
    ['of the target', { targets: '{ uri: "sip:10.0.0.20:5060;transport=udp", media: none }' }],
    ['of the edge', { media: 'off' }],
  ])('media §9: `media: none` %s: SDP goes through byte for byte, in the dialog, too, also after a restart', async (_, options) => {
    const { edge, media, carrier, pbx } = await startMedia(options)
    edge.checks.relayed = true
    callUp(carrier, pbx)
    expect(media.asked).toEqual([])
    await edge.restarts()
    pbx.sends('INVITE', { body: sdp(pbx, 2) })
    expect(textOf(carrier.gets('INVITE'))).toBe(sdp(pbx, 2))
    carrier.sends(200, { body: sdp(carrier, 2) })
    expect(textOf(pbx.gets(100, 200))).toBe(sdp(carrier, 2))
    pbx.sends('ACK')
    carrier.gets('ACK')
    hangUp(pbx, carrier)
    expect(media.asked).toEqual([])
  })

  test('media §9: of two targets one is left alone: the other one’s branch is anchored', async () => {
    const place = await startMedia({
      targets:
        '{ uri: "sip:10.0.0.20:5060;transport=udp", priority: 1, media: none }, { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }',
    })
    const { edge, carrier, pbx, second, media, says } = place
    edge.checks.relayed = true
    carrier.sends('INVITE', { body: sdp(carrier) })
    expect(textOf(pbx.gets('INVITE'))).toBe(sdp(carrier))
    expect(media.said()).toEqual([])
    edge.checks.relayed = false
    await says(pbx, 503)
    pbx.gets('ACK')
    expect(mediaOf(second.gets('INVITE'))).toMatch(/^10\.9\.9\.1:/)
    await says(second, 200, { body: sdp(second) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    second.gets('ACK')
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 answer a>b1'])
    await endWithMedia(place, carrier, second)
  })
})

describe('media §11: sets of rtpengines', () => {
  const SETS = {
    nodes: ['m1@default', 'w1@west'],
    media: '{ rtpengine: [ 127.0.0.1:2223, { address: 127.0.0.1:2224, set: west } ] }',
  }

  test.each([
    ['callee', { pbx: ', media: { set: west }' }],
    ['target', { targets: '{ uri: "sip:10.0.0.20:5060;transport=udp", media: { set: west } }' }],
    ['caller', { carrier: ', media: { set: west }' }],
  ])('media §11: the set that the %s names serves the call', async (_, options) => {
    const place = await startMedia({ ...SETS, ...options })
    const { carrier, pbx, media, edge } = place
    await callWithMedia(place, carrier, pbx)
    expect(media.node('w1')!.talk).toBe(`a>b1 ${whereIs(carrier)} ${whereIs(pbx)}`)
    // Nobody knows its node any more after this; the set is still the right one
    await edge.restarts()
    Object.assign(media.node('w1')!, { name: 'w2' })
    await place.says(carrier, 'INVITE', { body: sdp(carrier, 2) })
    pbx.gets('INVITE')
    expect(media.said()).toEqual(['w2 offer a>b1'])
    await place.says(pbx, 200, { body: sdp(pbx, 2) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    media.said()
    await endWithMedia(place, carrier, pbx)
  })
})

/** A call that leaves by one listener and comes back by another. */
const SPIRAL = {
  more: `  away: { kind: trunk, on: out, probe: false, targets: [ "sip:self.test:5060;transport=udp" ] }
  back: { kind: trunk, on: lan, probe: false, admit: { networks: [ 192.0.2.5/32 ] } }
`,
  routes: '  - { from: carrier, user: "spiral*", to: away }\n  - { from: back, to: pbx }\n',
  dns: { 'A self.test': ['10.0.0.5'] },
}

describe('media §4: a call that passes the edge twice', () => {
  const startSpiral = async () => {
    const place = await startMedia(SPIRAL)
    const { carrier, pbx, media, says } = place
    await says(carrier, 'INVITE', { body: sdp(carrier), uri: 'sip:spiral@example.com' })
    const invite = pbx.gets('INVITE')
    await says(pbx, 200, { body: sdp(pbx) })
    carrier.gets(100, 200)
    carrier.sends('ACK')
    pbx.gets('ACK')
    return { ...place, place, invite, media }
  }

  test('media §4: has two sessions, and requests in the dialog pass both', async () => {
    const { carrier, pbx, media, says, invite, node } = await startSpiral()
    expect(valuesOf(invite, 'record-route').length).toBeGreaterThan(2)
    expect(node.calls.size).toBe(2)
    expect(media.said()).toEqual(['m1 offer a>b1', 'm1 offer a>b1', 'm1 answer a>b1', 'm1 answer a>b1'])
    for (const [one, other, way] of [
      [carrier, pbx, 'a>b1'],
      [pbx, carrier, 'b1>a'],
    ] as const) {
      await says(one, 'INVITE', { body: sdp(one, 2) })
      expect(mediaOf(other.gets('INVITE'))).toMatch(/^10\.9\.9\.1:/)
      await says(other, 200, { body: sdp(other, 2) })
      one.gets(100, 200)
      one.sends('ACK')
      other.gets('ACK')
      expect(media.said()).toEqual([`m1 offer ${way}`, `m1 offer ${way}`, `m1 answer ${way}`, `m1 answer ${way}`])
    }
    await says(pbx, 'BYE')
    carrier.gets('BYE')
    await says(carrier, 200)
    pbx.gets(200)
    expect(media.said()).toEqual(['m1 delete a', 'm1 delete a'])
  })

  test('media §4: CANCEL of it ends both', async () => {
    const { carrier, pbx, media, says } = await startMedia(SPIRAL)
    await says(carrier, 'INVITE', { body: sdp(carrier), uri: 'sip:spiral@example.com' })
    const invite = pbx.gets('INVITE')
    pbx.sends(180)
    carrier.gets(100, 180)
    carrier.sends('CANCEL')
    carrier.gets(200)
    pbx.gets('CANCEL')
    pbx.sends(200)
    await says(pbx, 487, { of: invite })
    pbx.gets('ACK')
    carrier.gets(487)
    carrier.sends('ACK')
    expect(media.left()).toEqual([])
  })

  test('media §9: rtpengine has given up both: each passage ends what it can reach, and nothing is left', async () => {
    const { carrier, pbx, media, edge, node, invite } = await startSpiral()
    node.calls.clear()
    for (let i = 0; i < 2; i++) {
      edge.passes(60_000)
      media.lists()
      await edge.settles()
    }
    const byes = [...carrier.inbox, ...pbx.inbox].filter(({ method, status }) => method === 'BYE' && status === 0)
    expect(byes.length).toBeGreaterThanOrEqual(2)
    expect(byes.every((bye) => [tagOf(bye, 'from'), tagOf(bye, 'to')].includes(tagOf(invite, 'from')))).toBe(true)
    for (const party of [carrier, pbx]) for (const bye of party.inbox.splice(0)) if (bye.status === 0) party.sends(200, { of: bye })
    await edge.settles()
    carrier.forgets()
    pbx.forgets()
    expect(edge.engine.media().sessions).toBe(0)
  })
})
