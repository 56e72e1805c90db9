import { describe, expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import { headerOf, parameterOf, tagOf, uriOf, valuesOf, type Wire } from '../support/wire.ts'
import { callsTeams, FROM_HUB, HUB_CONTACT, HUB_ROUTE, startTeams, type TeamsPlace, teamsCalls, toNumber } from './teams-place.ts'

const contactOf = (message: Wire): string => uriOf(headerOf(message, 'contact'))
const OURS = /^sip:sbc\.example\.com:5061;transport=tls;ewd=[A-Za-z0-9_-]+$/

/** `sends`, and everything that waits for DNS happens. */
const says = async ({ edge }: TeamsPlace, party: Party, what: string | number, options: SendOptions = {}): Promise<Wire> => {
  const wire = party.sends(what, options)
  await edge.settles()
  return wire
}

const ends = async (place: TeamsPlace, one: Party, other: Party, options: SendOptions = {}): Promise<Wire> => {
  await says(place, one, 'BYE', options)
  const bye = other.gets('BYE')
  await says(place, other, 200)
  one.gets(200)
  return bye
}

describe('a call from the PBX to Teams', () => {
  test('T §3.3: Contact and the outer Record-Route show our name, and nothing of the PBX is in Contact', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    const { invite, ok } = await callsTeams(place, pbx, {
      contact: '"Desk" <sip:1001@10.0.0.20:5060;transport=udp?x=y>;+sip.instance="<urn:uuid:1>";isfocus',
    })
    const contact = headerOf(invite, 'contact')
    expect(contactOf(invite)).toMatch(OURS)
    expect(contact).toMatch(/^"Desk" <[^>]+>;\+sip\.instance="<urn:uuid:1>";isfocus$/)
    expect(invite.bytes.toString('latin1').match(/^m(?:ontact)?:.*|^Contact:.*/im)?.[0]).not.toContain('10.0.0.20')
    expect(valuesOf(invite, 'record-route').map((value) => uriOf(value).split(';')[0])).toEqual([
      'sip:sbc.example.com:5061',
      'sip:10.0.0.5:5060',
    ])
    // T6.42: byte-exact, port 443 included
    expect(headerOf(ok, 'contact')).toBe(HUB_CONTACT)
    const bye = await ends(place, pbx, hub)
    expect(bye.uri).toBe(uriOf(HUB_CONTACT))
    expect(valuesOf(bye, 'route')).toEqual([HUB_ROUTE])
  })

  test('T §3.8: re-INVITE, ACK and BYE of the hub reach the PBX under its own Contact, over any connection', async () => {
    const place = await startTeams()
    const { hub, other, pbx } = place
    const { invite } = await callsTeams(place, pbx)
    const again = await says(place, hub, 'INVITE', { contact: HUB_CONTACT })
    expect(again.uri).toBe(contactOf(invite))
    const got = pbx.gets('INVITE')
    expect(got.uri).toBe('sip:pbx@10.0.0.20:5060')
    expect(valuesOf(got, 'route')).toEqual([])
    expect(headerOf(got, 'contact')).toBe(HUB_CONTACT)
    await says(place, pbx, 200)
    // T6.37: the same Contact stays the same text
    expect(contactOf(hub.gets(100, 200))).toBe(contactOf(invite))
    await says(place, hub, 'ACK', { of: invite })
    expect(pbx.gets('ACK').uri).toBe('sip:pbx@10.0.0.20:5060')
    const bye = await says(place, other, 'BYE', { of: invite, tag: tagOf(again, 'from')! })
    expect(bye.uri).toBe(contactOf(invite))
    expect(pbx.gets('BYE').uri).toBe('sip:pbx@10.0.0.20:5060')
    await says(place, pbx, 200)
    other.gets(200)
  })

  test('a re-INVITE of the PBX shows the same text for the same Contact, and another one for another', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    const { invite } = await callsTeams(place, pbx)
    const texts = new Set([contactOf(invite)])
    for (const contact of [pbx.contact, '<sip:9@10.0.0.20:5060>']) {
      await says(place, pbx, 'INVITE', { contact })
      texts.add(contactOf(hub.gets('INVITE')))
      await says(place, hub, 200, FROM_HUB)
      pbx.gets(100, 200)
      await says(place, pbx, 'ACK')
      hub.gets('ACK')
    }
    expect(texts.size).toBe(2)
    const moved = [...texts].at(-1)!
    expect(moved).toMatch(OURS)
    expect((await ends(place, hub, pbx, { uri: moved })).uri).toBe('sip:9@10.0.0.20:5060')
  })

  test('CANCEL goes with its INVITE, and an INVITE that is refused ends as ever', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    await says(place, pbx, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5' })
    const invite = hub.gets('INVITE')
    await says(place, hub, 180, FROM_HUB)
    expect(headerOf(pbx.gets(100, 180), 'contact')).toBe(HUB_CONTACT)
    await says(place, pbx, 'CANCEL')
    pbx.gets(200)
    const cancel = hub.gets('CANCEL')
    expect(cancel.uri).toBe(invite.uri)
    hub.sends(200)
    await says(place, hub, 487, { of: invite })
    hub.gets('ACK')
    pbx.gets(487)
    pbx.sends('ACK')
  })
})

describe('a call from Teams', () => {
  test('T §3.5, T6.32: 180 and 200 show our name in Contact, and in the hub-side Record-Route', async () => {
    const place = await startTeams()
    const { hub, pbx, edge } = place
    await says(place, hub, 'INVITE', toNumber('+442079460111'))
    const invite = pbx.gets('INVITE')
    expect(headerOf(invite, 'contact')).toBe(HUB_CONTACT)
    await says(place, pbx, 180)
    const ringing = hub.gets(100, 180)
    const accepted = pbx.sends(200)
    await edge.settles()
    const ok = hub.gets(200)
    expect(contactOf(ok)).toMatch(OURS)
    expect(contactOf(ringing)).toBe(contactOf(ok))
    expect(valuesOf(ok, 'record-route').map((value) => uriOf(value).split(';')[0])).toEqual([
      'sip:10.0.0.5:5060',
      'sip:sbc.example.com:5061',
      'sip:sip-du-a-eu.pstnhub.microsoft.com:5061',
    ])
    // RFC 6026 §7.2: lost on its way to the hub, and sent again
    pbx.repeats(accepted)
    expect(hub.gets(200).bytes).toEqual(ok.bytes)
    const ack = await says(place, hub, 'ACK')
    expect(ack.uri).toBe(contactOf(ok))
    const got = pbx.gets('ACK')
    expect(got.uri).toBe('sip:pbx@10.0.0.20:5060')
    expect(valuesOf(got, 'route')).toEqual([])
    expect((await ends(place, pbx, hub)).uri).toBe(uriOf(HUB_CONTACT))
  })

  test('T6.27: an unquoted display name and a folded Contact with long parameters reach the PBX byte for byte', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    const folded = HUB_CONTACT.replace('<', 'John Doe\r\n\t<')
    await says(place, hub, 'INVITE', toNumber('+442079460111', { contact: folded }))
    const invite = pbx.gets('INVITE')
    expect(invite.headers.find(({ name }) => name === 'contact')?.raw).toBe(`Contact: ${folded}`)
    await says(place, pbx, 200)
    hub.gets(100, 200)
    // An ACK with a Contact, as some write it: the same one, and the PBX's is ours
    await says(place, hub, 'ACK', { headers: [`Contact: ${folded}`] })
    expect(pbx.gets('ACK').headers.find(({ name }) => name === 'contact')?.raw).toBe(`Contact: ${folded}`)
    expect((await ends(place, pbx, hub)).uri).toBe(uriOf(HUB_CONTACT))
    const { invite: sent } = await callsTeams(place, pbx, { from: '<sip:1@10.0.0.20>' })
    await says(place, pbx, 'INVITE')
    hub.gets('INVITE')
    await says(place, hub, 200, FROM_HUB)
    pbx.gets(100, 200)
    await says(place, pbx, 'ACK', { headers: [`Contact: ${pbx.contact}`] })
    expect(contactOf(hub.gets('ACK'))).toBe(contactOf(sent))
    await ends(place, pbx, hub)
  })

  test('T §3.4: Route in one line', async () => {
    const place = await startTeams()
    await teamsCalls(place, place.pbx)
    expect((await ends(place, place.hub, place.pbx, { oneLine: true })).uri).toBe('sip:pbx@10.0.0.20:5060')
  })

  test('a PBX on TCP', async () => {
    const place = await startTeams()
    const { ok } = await teamsCalls(place, place.second, '+442079460211')
    expect(contactOf(ok)).toMatch(OURS)
    expect((await ends(place, place.hub, place.second)).uri).toBe('sip:second@10.0.0.30:5060;transport=tcp')
  })

  test('T6.19: a hub that goes by Contact and forgets the Routes reaches the PBX, in every request of the call', async () => {
    const place = await startTeams()
    const { hub, other, pbx } = place
    await says(place, hub, 'INVITE', toNumber('+442079460111'))
    pbx.gets('INVITE')
    await says(place, pbx, 200)
    const ok = hub.gets(100, 200)
    await says(place, hub, 'ACK', { routes: [] })
    expect(pbx.gets('ACK').uri).toBe('sip:pbx@10.0.0.20:5060')
    await says(place, hub, 'INVITE', { routes: [], contact: HUB_CONTACT })
    pbx.gets('INVITE')
    await says(place, pbx, 200)
    expect(contactOf(hub.gets(100, 200))).toBe(contactOf(ok))
    await says(place, hub, 'ACK', { routes: [], of: ok })
    pbx.gets('ACK')
    await says(place, other, 'BYE', { routes: [], of: ok })
    expect(pbx.gets('BYE').uri).toBe('sip:pbx@10.0.0.20:5060')
    await says(place, pbx, 200)
    other.gets(200)
  })

  test('with media of ours: the Contact alone finds the session, also after a restart', async () => {
    const media = new FakeMedia()
    const place = await startTeams({ media, mediaText: '{ rtpengine: [ 127.0.0.1:2223 ] }', touches: ['content-type'] })
    const { hub, pbx, edge } = place
    const body = (address: string, protocol: string, line: string): string =>
      ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio 4002 ${protocol} 8`, line, ''].join('\r\n')
    const key = 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:n68FAVHL95+TDg9ocyMhsbIa/FgF1z+XZEKJqzB/'
    await says(place, hub, 'INVITE', toNumber('+442079460111', { body: body('52.113.17.20', 'RTP/SAVP', key) }))
    pbx.gets('INVITE')
    await says(place, pbx, 200, { body: body('10.0.0.20', 'RTP/AVP', 'a=sendrecv') })
    hub.gets(100, 200)
    await says(place, hub, 'ACK', { routes: [] })
    pbx.gets('ACK')
    expect(media.left()).toHaveLength(1)
    media.said()
    await edge.restarts()
    hub.connects()
    await ends(place, hub, pbx, { routes: [] })
    expect(media.said()).toEqual(['m1 delete a'])
    expect(media.left()).toEqual([])
  })

  test('the edge is started again in the middle of the call, and then sees the Contact alone', async () => {
    const place = await startTeams()
    const { hub, pbx, edge } = place
    const { ok } = await teamsCalls(place, pbx)
    await edge.restarts()
    hub.connects()
    await edge.settles()
    await says(place, pbx, 'INVITE', {})
    expect(contactOf(hub.gets('INVITE'))).toBe(contactOf(ok))
    await says(place, hub, 200, FROM_HUB)
    pbx.gets(100, 200)
    await says(place, pbx, 'ACK')
    hub.gets('ACK')
    expect((await ends(place, hub, pbx, { routes: [] })).uri).toBe('sip:pbx@10.0.0.20:5060')
  })
})

describe('who calls whom, as the hub sees it (T §3.3)', () => {
  const uris = (message: Wire): readonly string[] => [uriOf(headerOf(message, 'from')), uriOf(headerOf(message, 'to'))]
  const [inside, dialled] = ['sip:1001@10.0.0.20:5060;user=phone', 'sip:+442079460100@10.0.0.5;user=phone']
  const [outside, called] = ['sip:1001@sbc.example.com;user=phone', 'sip:+442079460100@sbc.example.com;user=phone']

  test('inside addresses in From, To and P-Asserted-Identity become our name, and the PBX hears what it said, all through the call', async () => {
    const place = await startTeams({ touches: ['p-asserted-identity'] })
    const { hub, pbx, edge } = place
    const identity = 'P-Asserted-Identity: "Bob" <sip:+13125550123@10.0.0.20;user=phone>, <tel:+13125550123>'
    const { invite, ok } = await callsTeams(place, pbx, { uri: dialled, to: dialled, from: `"Bob" <${inside}>`, headers: [identity] })
    expect(uris(invite)).toEqual([outside, called])
    expect(headerOf(invite, 'from')).toMatch(/^"Bob" <[^>]+>;tag=/)
    expect(valuesOf(invite, 'p-asserted-identity')).toEqual(['"Bob" <sip:+13125550123@sbc.example.com;user=phone>', '<tel:+13125550123>'])
    expect(uris(ok)).toEqual([inside, dialled])
    for (const restart of [false, true]) {
      if (restart) {
        await edge.restarts()
        hub.connects()
        await edge.settles()
      }
      const asked = await says(place, hub, 'INVITE', { contact: HUB_CONTACT, of: invite, ...(restart ? { routes: [] } : {}) })
      expect(uris(asked)).toEqual([called, outside])
      const got = pbx.gets('INVITE')
      expect(uris(got)).toEqual([dialled, inside])
      await says(place, pbx, 200)
      const accepted = hub.gets(100, 200)
      expect(uris(accepted)).toEqual([called, outside])
      expect(contactOf(accepted)).toBe(contactOf(invite))
      await says(place, hub, 'ACK', { of: invite })
      expect(uris(pbx.gets('ACK'))).toEqual([dialled, inside])
    }
    await says(place, pbx, 'INVITE', { of: ok })
    const again = hub.gets('INVITE')
    expect([...uris(again), contactOf(again)]).toEqual([outside, called, contactOf(invite)])
    await says(place, hub, 200, FROM_HUB)
    expect(uris(pbx.gets(100, 200))).toEqual([inside, dialled])
    await says(place, pbx, 'ACK', { of: ok })
    expect(uris(hub.gets('ACK'))).toEqual([outside, called])
    expect(uris(await ends(place, hub, pbx, { of: invite }))).toEqual([dialled, inside])
  })

  test('names stay, anonymous ones too, and so does what the hub writes', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    const { invite } = await callsTeams(place, pbx, { to: 'sip:bob@example.com', from: '<sip:anonymous@anonymous.invalid>' })
    expect(uris(invite)).toEqual(['sip:anonymous@anonymous.invalid', 'sip:bob@example.com'])
    await ends(place, pbx, hub)
    const { invite: other } = await teamsCalls(place, pbx, '+442079460111', { to: 'sip:+442079460111@sbc.example.com:5061;user=phone' })
    expect(uris(other)).toEqual(['sip:hub@example.com', 'sip:+442079460111@sbc.example.com:5061;user=phone'])
    const bye = await ends(place, pbx, hub)
    expect(uris(bye)).toEqual(['sip:+442079460111@sbc.example.com:5061;user=phone', 'sip:hub@example.com'])
  })
})

describe('browsers in calls with Teams', () => {
  test('T §3.3: a name under .invalid stays inside; the hub’s requests reach the browser by its connection', async () => {
    const place = await startTeams()
    const { hub, browser, edge } = place
    const { invite } = await callsTeams(place, browser)
    expect(contactOf(invite)).toMatch(OURS)
    await says(place, hub, 'INVITE', { routes: [], contact: HUB_CONTACT })
    const got = browser.gets('INVITE')
    expect(got.uri).toBe(uriOf(browser.contact))
    await says(place, browser, 200)
    expect(contactOf(hub.gets(100, 200))).toBe(contactOf(invite))
    await says(place, hub, 'ACK')
    browser.gets('ACK')
    await ends(place, hub, browser)
    await edge.settles()
  })

  test('a browser that is called by Teams', async () => {
    const place = await startTeams()
    const { hub, browser } = place
    await says(place, browser, 'REGISTER', { uri: 'sip:example.com', to: 'sip:browser@example.com', fresh: true })
    browser.gets(200)
    await says(place, hub, 'INVITE', toNumber('browser'))
    browser.gets('INVITE')
    await says(place, browser, 200)
    expect(contactOf(hub.gets(100, 200))).toMatch(OURS)
    await says(place, hub, 'ACK', { routes: [] })
    browser.gets('ACK')
    await ends(place, browser, hub)
  })
})

describe('what does not belong', () => {
  const outside = async (place: TeamsPlace, method: string, options: SendOptions, status: number): Promise<void> => {
    await says(place, place.hub, method, { fresh: true, contact: HUB_CONTACT, ...options })
    place.hub.gets(...(method === 'INVITE' ? [100, status] : [status]))
    if (method === 'INVITE') place.hub.sends('ACK')
  }

  test('a Contact of another call, and one that was changed, are refused and counted', async () => {
    const place = await startTeams()
    const { invite } = await callsTeams(place, place.pbx)
    const uri = contactOf(invite)
    await outside(place, 'BYE', { uri, to: 'sip:a@example.com>;tag=1', routes: [] }, 403)
    expect(place.edge.count('refused forged')).toBe(1)
    const flipped = uri.replace(/.{3}$/, (end) => (end === 'AAA' ? 'BBB' : 'AAA'))
    await says(place, place.hub, 'BYE', { uri: flipped, routes: [] })
    place.hub.gets(403)
    expect(place.edge.count('refused forged')).toBe(2)
    await says(place, place.hub, 'BYE', { uri: `${uri.split('ewd=')[0]}ewd=a!`, routes: [] })
    place.hub.gets(403)
    expect(place.edge.count('refused malformed')).toBe(1)
    await says(place, place.hub, 'BYE', { uri: uri.replace('ewd=a', 'ewd=q'), routes: [] })
    place.hub.gets(481)
    await outside(place, 'NOTIFY', { uri: uri.replace('ewd=a', 'ewd=q') }, 404)
    expect(place.edge.count('refused expired-key')).toBe(2)
    await ends(place, place.hub, place.pbx)
  })

  test('whoever else got to see the Contact may not use it', async () => {
    const place = await startTeams()
    const { invite, ok } = await callsTeams(place, place.pbx)
    await says(place, place.second, 'BYE', { of: ok, uri: contactOf(invite), routes: [] })
    place.second.gets(403)
    expect(place.edge.count('refused wrong-side')).toBe(1)
    await ends(place, place.hub, place.pbx)
  })

  test('RFC 3891: an INVITE with Replaces to the Contact of a call reaches who wrote that', async () => {
    const place = await startTeams()
    const { hub, pbx } = place
    const { invite, ok } = await callsTeams(place, pbx)
    const replaces = `Replaces: ${headerOf(invite, 'call-id')};to-tag=${tagOf(ok, 'from')};from-tag=${tagOf(ok, 'to')}`
    await says(place, hub, 'INVITE', { fresh: true, uri: contactOf(invite), contact: HUB_CONTACT, headers: [replaces] })
    const got = pbx.gets('INVITE')
    expect(got.uri).toBe('sip:pbx@10.0.0.20:5060')
    expect(headerOf(got, 'replaces')).toBe(replaces.slice('Replaces: '.length))
    await says(place, pbx, 200)
    const second = hub.gets(100, 200)
    expect(contactOf(second)).toMatch(OURS)
    // Of another call it is another text
    expect(contactOf(second)).not.toBe(contactOf(invite))
    await says(place, hub, 'ACK')
    pbx.gets('ACK')
    await ends(place, hub, pbx)
    await ends(place, hub, pbx, { of: invite })
    expect(parameterOf(contactOf(second), 'ewd')).toBeDefined()
  })

  test('subscriptions: SUBSCRIBE, its 200 and NOTIFY show Contacts of ours, and each finds its way', async () => {
    const place = await startTeams({ teams: ', dialect: { methods: [ SUBSCRIBE, NOTIFY ] }' })
    const { hub, pbx } = place
    await says(place, hub, 'SUBSCRIBE', toNumber('+442079460111', { headers: ['Event: dialog', 'Expires: 600'] }))
    pbx.gets('SUBSCRIBE')
    await says(place, pbx, 200)
    const accepted = hub.gets(200)
    expect(contactOf(accepted)).toMatch(OURS)
    await says(place, pbx, 'NOTIFY', { headers: ['Event: dialog', 'Subscription-State: active'] })
    const notify = hub.gets('NOTIFY')
    expect(contactOf(notify)).toBe(contactOf(accepted))
    expect(notify.uri).toBe(uriOf(HUB_CONTACT))
    await says(place, hub, 200)
    pbx.gets(200)
    await says(place, hub, 'SUBSCRIBE', { routes: [], headers: ['Event: dialog', 'Expires: 0'] })
    expect(pbx.gets('SUBSCRIBE').uri).toBe('sip:pbx@10.0.0.20:5060')
    await says(place, pbx, 200)
    hub.gets(200)
  })

  test('§8.1.3.4: whoever follows a 3xx sends to Contacts of ours, all of them, and reaches whom they stand for', async () => {
    const place = await startTeams({ teams: ', dialect: { moved: pass }' })
    const { hub, pbx, second } = place
    const long = `sip:${'x'.repeat(230)}@10.0.0.30:5060;transport=tcp`
    const asked = await says(place, hub, 'INVITE', toNumber('+442079460111'))
    pbx.gets('INVITE')
    await says(place, pbx, 302, { headers: [`Contact: <sip:9@10.0.0.20>;q=0.5, <${long}>;expires=60`, 'Contact: <tel:+1>'] })
    pbx.gets('ACK')
    const moved = hub.gets(100, 302)
    hub.sends('ACK')
    const contacts = valuesOf(moved, 'contact')
    expect(contacts.map((one) => one.replace(/^<[^>]+>/, ''))).toEqual([';q=0.5', ';expires=60', ''])
    for (const one of contacts) expect(uriOf(one)).toMatch(OURS)
    await says(place, hub, 'INVITE', toNumber('', { uri: uriOf(contacts[0]!), callId: headerOf(asked, 'call-id') }))
    expect(pbx.gets('INVITE').uri).toBe('sip:9@10.0.0.20')
    await says(place, pbx, 486)
    pbx.gets('ACK')
    hub.gets(100, 486)
    hub.sends('ACK')
    // Its way out is the side that it came from, whatever it says: UDP, to where zone pbx does not admit
    await says(place, hub, 'INVITE', toNumber('', { uri: uriOf(contacts[1]!), callId: headerOf(asked, 'call-id') }))
    second.getsNothing()
    hub.gets(100, 403)
    hub.sends('ACK')
    expect(place.edge.count('refused destination')).toBe(1)
  })

  test('T §3.5: both sides see ours: each request is opened for the one and sealed for the other', async () => {
    const place = await startTeams({ pbx: ', contact: ours' })
    const { hub, pbx } = place
    const { invite, ok } = await callsTeams(place, pbx)
    expect(contactOf(invite)).toMatch(OURS)
    expect(contactOf(ok)).toMatch(/^sip:10\.0\.0\.5:5060;ewd=/)
    expect((await says(place, pbx, 'INVITE')).uri).toBe(contactOf(ok))
    const again = hub.gets('INVITE')
    expect([again.uri, contactOf(again)]).toEqual([uriOf(HUB_CONTACT), contactOf(invite)])
    await says(place, hub, 200, FROM_HUB)
    expect(contactOf(pbx.gets(100, 200))).toBe(contactOf(ok))
    await says(place, pbx, 'ACK')
    expect(hub.gets('ACK').uri).toBe(uriOf(HUB_CONTACT))
    expect((await ends(place, hub, pbx)).uri).toBe('sip:pbx@10.0.0.20:5060')
  })

  test('a zone that keeps Contacts sees none of ours', async () => {
    const place = await startTeams({ teams: ', contact: keep' })
    const { invite } = await callsTeams(place, place.pbx)
    expect(contactOf(invite)).toBe('sip:pbx@10.0.0.20:5060')
    await ends(place, place.pbx, place.hub)
  })
})
