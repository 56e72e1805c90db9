import { describe, expect, test } from 'vitest'
import type { Party, SendOptions } from '../support/flow-party.ts'
import { headerOf, topViaOf, uriOf, valuesOf, type Wire } from '../support/wire.ts'
import { callsTeams, FROM_HUB, HUB_CONTACT, startTeams, type TeamsPlace, teamsConfiguration, toNumber } from './teams-place.ts'

const TENANTS = ', tenants: { one.sbc.example.com: pbx, Two.sbc.example.com: { to: second, numbers: [ "+4420794602xx" ] } }'
/** Both customers on one PBX: the called numbers say who it is. */
const SHARED =
  ', tenants: { one.sbc.example.com: { to: pbx, numbers: "+4420794601xx" }, two.sbc.example.com: { to: pbx, numbers: [ "+44 20 7946 02xx", "/\\\\+1.*/" ] } }'

const says = async ({ edge }: TeamsPlace, party: Party, what: string | number, options: SendOptions = {}): Promise<Wire> => {
  const wire = party.sends(what, options)
  await edge.settles()
  return wire
}

const hostOf = (uri: string): string => /^sip:(?:[^@]*@)?([^:;>]+)/.exec(uri)?.[1] ?? uri
const contactHost = (message: Wire): string => hostOf(uriOf(headerOf(message, 'contact')))
const routeHosts = (message: Wire): readonly string[] => valuesOf(message, 'record-route').map((value) => hostOf(uriOf(value)))
const viaHost = (message: Wire): string => /^SIP\/2\.0\/TLS ([^:;]+)/.exec(topViaOf(message))?.[1] ?? ''

const ends = async (place: TeamsPlace, one: Party, other: Party, options: SendOptions = {}): Promise<Wire> => {
  await says(place, one, 'BYE', options)
  const bye = other.gets('BYE')
  await says(place, other, 200)
  one.gets(200)
  return bye
}

describe('calls from Teams', () => {
  for (const [name, who, number] of [
    ['one.sbc.example.com', 'pbx', '+442079460299'],
    ['two.sbc.example.com', 'second', '+442079460199'],
  ] as const)
    test(`T6.45: for ${name}: its PBX, and its name in all that the hub gets`, async () => {
      const place = await startTeams({ teams: TENANTS })
      const { hub } = place
      const callee = place[who]
      await says(place, hub, 'INVITE', toNumber(number, {}, name.toUpperCase().replace('SBC', 'sbc')))
      callee.gets('INVITE')
      await says(place, callee, 180)
      await says(place, callee, 200)
      const ringing = hub.gets(100, 180)
      const ok = hub.gets(200)
      for (const response of [ringing, ok]) {
        expect(contactHost(response)).toBe(name)
        expect(routeHosts(response).slice(0, 2)).toEqual(['10.0.0.5', name])
      }
      await says(place, hub, 'ACK')
      callee.gets('ACK')
      expect(place.edge.logged('Route chosen').map(({ rule }) => rule)).toContain(`tenant ${name} in`)

      // Inside the dialog, to the hub and from it
      await says(place, callee, 'INVITE')
      const again = hub.gets('INVITE')
      expect([viaHost(again), contactHost(again)]).toEqual([name, name])
      expect(headerOf(again, 'contact')).toBe(headerOf(ok, 'contact'))
      await says(place, hub, 200, FROM_HUB)
      callee.gets(100, 200)
      await says(place, callee, 'ACK')
      expect(viaHost(hub.gets('ACK'))).toBe(name)
      await says(place, hub, 'INVITE', { contact: HUB_CONTACT, routes: [] })
      callee.gets('INVITE')
      await says(place, callee, 200)
      expect(headerOf(hub.gets(100, 200), 'contact')).toBe(headerOf(ok, 'contact'))
      await says(place, hub, 'ACK')
      callee.gets('ACK')
      await ends(place, hub, callee)
    })

  test('for the base name: as the routes say', async () => {
    const place = await startTeams({ teams: TENANTS })
    const { hub, second } = place
    await says(place, hub, 'INVITE', toNumber('+442079460211'))
    second.gets('INVITE')
    await says(place, second, 200)
    const ok = hub.gets(100, 200)
    expect([contactHost(ok), ...routeHosts(ok)]).toEqual([
      'sbc.example.com',
      '10.0.0.5',
      'sbc.example.com',
      'sip-du-a-eu.pstnhub.microsoft.com',
    ])
    await says(place, hub, 'ACK')
    second.gets('ACK')
    await ends(place, second, hub)
  })
})

describe('calls to Teams', () => {
  test('T §5: from a tenant’s PBX: its name in Via, Record-Route and Contact, for the whole call', async () => {
    const place = await startTeams({ teams: TENANTS })
    const { hub, pbx } = place
    const { invite } = await callsTeams(place, pbx)
    const name = 'one.sbc.example.com'
    expect([viaHost(invite), contactHost(invite), ...routeHosts(invite)]).toEqual([name, name, name, '10.0.0.5'])
    expect(hostOf(invite.uri)).toBe('sip.pstnhub.microsoft.com')
    await says(place, hub, 'INVITE', { contact: HUB_CONTACT })
    const got = pbx.gets('INVITE')
    expect(got.uri).toBe('sip:pbx@10.0.0.20:5060')
    await says(place, pbx, 200)
    expect(headerOf(hub.gets(100, 200), 'contact')).toBe(headerOf(invite, 'contact'))
    await says(place, hub, 'ACK')
    pbx.gets('ACK')
    expect(viaHost(await ends(place, pbx, hub))).toBe(name)
  })

  test('numbers that are not a tenant’s go as the routes say, under the base name', async () => {
    const place = await startTeams({ teams: TENANTS })
    const { hub, second } = place
    for (const [number, name] of [
      ['+442079460201', 'two.sbc.example.com'],
      ['+442079460101', 'sbc.example.com'],
    ] as const) {
      const { invite } = await callsTeams(place, second, { uri: `sip:${number}@10.0.0.5` })
      expect(contactHost(invite)).toBe(name)
      await ends(place, second, hub)
    }
  })

  test('T §5: tenants that share a PBX are told apart by the numbers that it calls', async () => {
    const place = await startTeams({ teams: SHARED })
    const { hub, pbx } = place
    for (const [number, name] of [
      ['+442079460155', 'one.sbc.example.com'],
      ['+442079460255', 'two.sbc.example.com'],
      ['+13125550123', 'two.sbc.example.com'],
      ['+442079460955', 'sbc.example.com'],
    ] as const) {
      const { invite } = await callsTeams(place, pbx, { uri: `sip:${number}@10.0.0.5` })
      expect(contactHost(invite)).toBe(name)
      await ends(place, pbx, hub)
    }
  })
})

test('T6.32: the inner Record-Route shows the name that the PBX’s zone advertises', async () => {
  const place = await startTeams({ pbx: ', advertise: inside.example.com', lanNames: 'inside.example.com' })
  const { hub, pbx, edge } = place
  await says(place, hub, 'INVITE', toNumber('+442079460111'))
  expect(routeHosts(pbx.gets('INVITE'))[0]).toBe('inside.example.com')
  await says(place, pbx, 200)
  expect(routeHosts(hub.gets(100, 200)).slice(0, 2)).toEqual(['inside.example.com', 'sbc.example.com'])
  await says(place, hub, 'ACK')
  pbx.gets('ACK')
  await ends(place, pbx, hub)
  await edge.settles()
})

describe('T6.18: customers with certificates of their own', () => {
  const ACME = 'acme: { email: ops@example.com }'
  const CERTIFICATES = `{ other: { ${ACME}, names: [ other.example.com ] }, base: { ${ACME}, names: [ sbc.example.com, one.sbc.example.com ] }, two: { ${ACME}, names: [ two.sbc.example.com ] } }`
  /** Calls of browsers are the second customer's. */
  const OPTIONS = { teams: ', tenants: { one.sbc.example.com: pbx, two.sbc.example.com: browsers }', certificates: CERTIFICATES }
  const [one, two] = ['one.sbc.example.com', 'two.sbc.example.com']
  /** What the hub sees on the connection of a request: the certificate, and the name in Via. */
  const seen = (hub: Party, request: Wire): readonly (string | undefined)[] => [hub.flowOf(request).shown, viaHost(request)]
  const registers = async (place: TeamsPlace): Promise<void> => {
    await says(place, place.browser, 'REGISTER', { uri: 'sip:example.com', to: 'sip:browser@example.com', fresh: true })
    place.browser.gets(200)
  }
  /** The hub learns from us that a call is over. */
  const hearsBye = async ({ edge, hub, browser }: TeamsPlace): Promise<Wire> => {
    browser.disconnects()
    edge.passes(120_000)
    await edge.settles()
    const bye = hub.gets('BYE')
    hub.sends(200)
    await edge.settles()
    return bye
  }

  test('the connection shows the certificate of the name that the request leaves under, from INVITE to BYE', async () => {
    const place = await startTeams(OPTIONS)
    const { hub, pbx, second, browser } = place
    const invited = new Set()
    for (const [caller, expected] of [
      [second, ['base', 'sbc.example.com']],
      [pbx, ['base', one]],
      [browser, ['two', two]],
    ] as const) {
      caller.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
      await place.edge.settles()
      const invite = hub.gets('INVITE')
      await says(place, hub, 200, FROM_HUB)
      caller.gets(100, 200)
      await says(place, caller, 'ACK')
      const ack = hub.gets('ACK')
      const bye = await ends(place, caller, hub)
      for (const request of [invite, ack, bye]) expect(seen(hub, request)).toEqual(expected)
      expect(hub.flowOf(bye)).toBe(hub.flowOf(ack))
      invited.add(hub.flowOf(invite))
    }
    expect(invited.size, 'names of one certificate share a connection').toBe(2)
  })

  test('after a change of certificates all of these connections are new ones', async () => {
    const place = await startTeams(OPTIONS)
    const { edge, hub, pbx, browser } = place
    const [first, other] = [(await callsTeams(place, pbx)).invite, (await callsTeams(place, browser)).invite]
    const before = [hub.flowOf(first), hub.flowOf(other)]
    await edge.renewsCertificates()
    const after = [await ends(place, pbx, hub), await ends(place, browser, hub)]
    expect(after.map((bye) => seen(hub, bye))).toEqual([
      ['base', one],
      ['two', two],
    ])
    expect(after.map((bye) => before.includes(hub.flowOf(bye)))).toEqual([false, false])
    edge.passes(60_000)
    expect(before.map(({ open }) => open)).toEqual([false, false])
  })

  test('a BYE that the edge sends itself: to whom the browser called', async () => {
    const place = await startTeams(OPTIONS)
    await callsTeams(place, place.browser)
    expect(seen(place.hub, await hearsBye(place))).toEqual(['two', two])
  })

  test('a BYE that the edge sends itself: to who called the browser', async () => {
    const place = await startTeams(OPTIONS)
    const { hub, browser } = place
    await registers(place)
    await says(place, hub, 'INVITE', toNumber('browser', {}, two))
    browser.gets('INVITE')
    await says(place, browser, 200)
    hub.gets(100, 200)
    await says(place, hub, 'ACK')
    browser.gets('ACK')
    expect(seen(hub, await hearsBye(place))).toEqual(['two', two])
  })

  test('ACK and BYE that the edge sends itself, of a call whose caller was gone when it was answered', async () => {
    const place = await startTeams(OPTIONS)
    const { edge, hub, browser } = place
    await says(place, browser, 'INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
    const invite = hub.gets('INVITE')
    await says(place, hub, 180, FROM_HUB)
    browser.gets(100, 180)
    browser.disconnects()
    await edge.settles()
    const cancel = hub.gets('CANCEL')
    await says(place, hub, 200)
    await says(place, hub, 200, { ...FROM_HUB, of: invite })
    const [ack, bye] = [hub.gets('ACK'), hub.gets('BYE')]
    await says(place, hub, 200)
    for (const request of [cancel, ack, bye]) expect(seen(hub, request)).toEqual(['two', two])
  })

  test('after a restart the name is learned from the requests inside the dialog', async () => {
    const place = await startTeams(OPTIONS)
    const { edge, hub, browser } = place
    await registers(place)
    await callsTeams(place, browser)
    await edge.restarts()
    browser.connects()
    await registers(place)
    await says(place, browser, 'INVITE')
    hub.gets('INVITE')
    await says(place, hub, 200, FROM_HUB)
    browser.gets(100, 200)
    await says(place, browser, 'ACK')
    hub.gets('ACK')
    expect(seen(hub, await hearsBye(place))).toEqual(['two', two])
  })
})

describe('customers come and go', () => {
  test('T §5: a tenant more costs no connection: what is open goes on, for the new name as for the others', async () => {
    const place = await startTeams({ teams: TENANTS })
    const { hub, pbx, browser, edge } = place
    const { invite } = await callsTeams(place, pbx)
    const flow = hub.flowOf(await says(place, hub, 'OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', fresh: true }))
    hub.gets(200)
    await edge.reloads(teamsConfiguration({ teams: `${TENANTS.slice(0, -2)}, three.sbc.example.com: { to: pbx, numbers: "+1*" } }` }))
    expect(flow.open).toBe(true)
    await says(place, hub, 'INVITE', toNumber('+442079460211', {}, 'three.sbc.example.com'))
    pbx.gets('INVITE')
    await says(place, pbx, 200)
    const ok = hub.gets(100, 200)
    expect(contactHost(ok)).toBe('three.sbc.example.com')
    await says(place, hub, 'ACK')
    pbx.gets('ACK')
    await ends(place, hub, pbx)
    // The call from before
    await ends(place, hub, pbx, { of: invite })
    const { invite: second } = await callsTeams(place, browser)
    await ends(place, hub, browser, { of: second })
  })
})
