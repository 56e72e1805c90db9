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
