import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import type { FakeFlow } from '../support/flow-network.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, uriOf, type Wire } from '../support/wire.ts'
import {
  callsTeams,
  FROM_HUB,
  HUB_CONTACT,
  HUB_DNS,
  HUB_IDENTITY,
  startTeams,
  type TeamsOptions,
  type TeamsPlace,
  teamsConfiguration,
  toNumber,
} from './teams-place.ts'

const MINUTE_MS = 60_000

const startHubs = async (options: TeamsOptions = {}) => {
  const place = await startTeams(options)
  const hubAt = (name: string, at: string): Party => place.edge.party(name, 'teams/tls', at, { peer: HUB_IDENTITY })
  return { ...place, second: hubAt('hub2', '52.112.0.2:5061'), third: hubAt('hub3', '52.112.0.3:5061') }
}

const calls = async ({ edge, pbx }: TeamsPlace): Promise<Wire> => {
  const sent = pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
  await edge.settles()
  return sent
}

/** The PBX hears that a call has failed. */
const fails = async ({ edge, pbx }: TeamsPlace, status: number): Promise<void> => {
  await edge.settles()
  pbx.gets(100, status)
  pbx.sends('ACK')
}

const hangsUp = async ({ edge, pbx, hub }: TeamsPlace): Promise<FakeFlow> => {
  pbx.sends('BYE')
  await edge.settles()
  const bye = hub.gets('BYE')
  hub.sends(200)
  pbx.gets(200)
  return hub.flowOf(bye)
}

describe('connections are not shared (RFC 5923)', () => {
  test('T6.7: a call from the hub comes by its connection, and what the PBX sends inside it leaves by one of ours, to the Route', async () => {
    const place = await startHubs()
    const { edge, hub, pbx } = place
    const invite = hub.sends('INVITE', toNumber('+442079460111'))
    await edge.settles()
    pbx.gets('INVITE')
    pbx.sends(200)
    await edge.settles()
    hub.gets(100, 200)
    hub.sends('ACK')
    await edge.settles()
    pbx.gets('ACK')
    expect(hub.flowOf(invite).inbound).toBe(true)
    pbx.sends('BYE')
    await edge.settles()
    const bye = hub.gets('BYE')
    expect(hub.flowOf(bye)).toMatchObject({ inbound: false, host: 'sip-du-a-eu.pstnhub.microsoft.com', remotePort: 5061 })
    expect(bye.uri).toBe(uriOf(HUB_CONTACT))
    hub.sends(200)
    pbx.gets(200)
  })

  test('T6.7: a connection of the hub that comes from the very port that hubs listen on carries no call of ours', async () => {
    const place = await startHubs()
    const { edge, hub } = place
    hub.disconnects()
    // Its first connection comes from 5061 itself
    const same = edge.party('same', 'teams/tls', '52.112.0.1:5061', { peer: HUB_IDENTITY })
    same.connects()
    await calls(place)
    expect(same.flowOf(same.gets('INVITE'))).toMatchObject({ inbound: false, remotePort: 5061 })
    same.sends(486)
    same.gets('ACK')
    await fails(place, 486)
  })

  test('T6.7: a hub that sends by a connection that we opened is served all the same, and it is counted', async () => {
    const place = await startHubs()
    const { edge, second, hub } = place
    hub.refuses('tls')
    await calls(place)
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    await fails(place, 486)
    second.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', fresh: true })
    second.gets(200)
    expect(edge.count('on ours teams')).toBe(1)
  })
})

describe('renewal', () => {
  test('T6.50: a call that began on a connection of an hour ago loses nothing when that is renewed', async () => {
    const place = await startHubs()
    const { edge, hub, pbx } = place
    const { invite } = await callsTeams(place, pbx)
    const before = hub.flowOf(invite)
    edge.passes(53 * MINUTE_MS)
    // One that rings while the connection comes of age
    await calls(place)
    const ringing = hub.gets('INVITE')
    expect(hub.flowOf(ringing)).toBe(before)
    hub.sends(180, FROM_HUB)
    await edge.settles()
    pbx.gets(100, 180)
    edge.passes(2.5 * MINUTE_MS)
    expect(edge.count('retired age')).toBe(2)
    expect(before.open, 'the call rings on it').toBe(true)
    hub.sends(200, { ...FROM_HUB, of: ringing })
    await edge.settles()
    pbx.gets(200)
    pbx.sends('ACK')
    await edge.settles()
    const after = hub.flowOf(hub.gets('ACK'))
    expect(after).not.toBe(before)
    edge.passes(MINUTE_MS)
    expect(before.open).toBe(false)
    expect(await hangsUp(place)).toBe(after)
  })

  test('T6.10: after a change of the certificate every connection is another one, ours at once and theirs one by one; calls go on', async () => {
    const place = await startHubs()
    const { edge, hub, other, pbx, browser } = place
    const { invite, ok } = await callsTeams(place, pbx)
    const ours = hub.flowOf(invite)
    other.connects()
    const theirs = other.sends('INVITE', toNumber('+442079460111'))
    await edge.settles()
    const rings = pbx.gets('INVITE')
    pbx.sends(180, { of: rings })
    await edge.settles()
    other.gets(100, 180)
    const phone = browser.sends('OPTIONS', { uri: 'sip:sbc.example.com', fresh: true })
    browser.gets(200)
    await edge.renewsCertificates()
    expect(edge.count('retired certificate')).toBeGreaterThanOrEqual(3)
    edge.passes(5000)
    expect(other.flowOf(theirs).open, 'an answer still has to leave by it').toBe(true)
    expect(ours.open, 'a 200 may come again').toBe(true)
    pbx.sends(200, { of: rings })
    await edge.settles()
    other.gets(200)
    other.sends('ACK')
    await edge.settles()
    pbx.gets('ACK')
    edge.passes(MINUTE_MS)
    expect([ours.open, other.flowOf(theirs).open]).toEqual([false, false])
    expect(browser.flowOf(phone).open, 'whom nobody knows by a certificate').toBe(true)
    // The hub's next request comes by a new one
    other.connects()
    other.sends('BYE')
    await edge.settles()
    pbx.gets('BYE')
    pbx.sends(200)
    await edge.settles()
    other.gets(200)
    pbx.sends('BYE', { of: ok })
    await edge.settles()
    hub.gets('BYE')
    hub.sends(200)
    pbx.gets(200)
  })
})

describe('T §2.3: when the next hub is asked', () => {
  test.each([
    ['503 with Retry-After', ['Retry-After: 1']],
    ['503', []],
  ])('T6.25: after %s', async (_, headers) => {
    const place = await startHubs()
    const { hub, second, edge } = place
    await calls(place)
    const invite = hub.gets('INVITE')
    hub.sends(503, { headers })
    hub.gets('ACK')
    await edge.settles()
    expect(second.gets('INVITE').uri).toContain('sip2.pstnhub.microsoft.com')
    second.sends(486)
    second.gets('ACK')
    await fails(place, 486)
    edge.passes(MINUTE_MS)
    expect(hub.flowOf(invite).open, 'a hub that wants to be left alone keeps no connection').toBe(headers.length === 0)
  })

  test.each([603, 486, 480, 487, 500, 502, 504, 408, 430, 404, 403])(
    'T6.24: a %s is the answer, and no other hub rings',
    async (status) => {
      const place = await startHubs()
      const { hub, second } = place
      await calls(place)
      hub.gets('INVITE')
      hub.sends(status)
      hub.gets('ACK')
      await fails(place, status)
      second.getsNothing()
    },
  )

  test('T6.25: a hub that takes no connection, and one that says nothing', async () => {
    const place = await startHubs()
    const { edge, hub, second, third } = place
    hub.refuses('tls')
    await calls(place)
    second.isDeaf()
    second.gets('INVITE')
    edge.passes(8 * T1 + 50)
    await edge.settles()
    third.gets('INVITE')
    third.sends(486)
    third.gets('ACK')
    await fails(place, 486)
  })

  test('T6.25: when all are silent the PBX gets an answer of ours, 408', async () => {
    const place = await startHubs()
    const { edge, hub, second, third } = place
    for (const one of [hub, second, third]) one.isDeaf()
    await calls(place)
    edge.passes(2 * 8 * T1 + 64 * T1 + 100)
    await fails(place, 408)
  })

  test('T6.9: another address of the same name is the same hub, and comes before the next name', async () => {
    const dns = { ...HUB_DNS, 'A sip.pstnhub.microsoft.com': ['52.112.0.1', '52.112.0.4'] }
    const place = await startHubs({ dns })
    const { edge, hub, second } = place
    const fourth = edge.party('hub1b', 'teams/tls', '52.112.0.4:5061', { peer: HUB_IDENTITY })
    hub.refuses('tls')
    fourth.refuses('tls')
    await calls(place)
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    await fails(place, 486)
    fourth.refused.clear()
    edge.passes(40_000)
    await calls(place)
    expect(fourth.gets('INVITE').uri).toContain('@sip.pstnhub.microsoft.com')
    fourth.sends(486)
    fourth.gets('ACK')
    await fails(place, 486)
  })

  test('T6.17: 503 with Retry-After keeps new calls away for that time, and no longer', async () => {
    const place = await startHubs()
    const { edge, hub, second } = place
    const rejected = async (party: Party, headers: readonly string[] = []): Promise<void> => {
      party.gets('INVITE')
      party.sends(headers.length > 0 ? 503 : 486, { headers })
      party.gets('ACK')
      await edge.settles()
    }
    await calls(place)
    await rejected(hub, ['Retry-After: 20'])
    await rejected(second)
    await fails(place, 486)
    expect(edge.engine.peering('teams')?.targets[0]?.busyUntil).toBe(new Date(edge.wall + 20_000).toISOString())
    await calls(place)
    await rejected(second)
    await fails(place, 486)
    hub.getsNothing()
    edge.passes(20_000)
    await calls(place)
    await rejected(hub)
    await fails(place, 486)
    expect(edge.engine.peering('teams')?.targets[0]).not.toHaveProperty('busyUntil')
  })
})

describe('inside a dialog', () => {
  test('T §3.8: when the hub of the Route takes no connection, the dialog goes on through the next one', async () => {
    const place = await startHubs()
    const { edge, hub, second, pbx } = place
    await callsTeams(place, pbx)
    pbx.sends('OPTIONS')
    await edge.settles()
    const options = hub.gets('OPTIONS')
    hub.sends(200)
    pbx.gets(200)
    hub.flowOf(options).close('gone')
    hub.refuses('tls')
    pbx.sends('BYE')
    await edge.settles()
    expect(second.gets('BYE').uri).toBe(uriOf(HUB_CONTACT))
    second.sends(200)
    pbx.gets(200)
  })

  test('T §3.8: a connection that is gone while the request waits on it is opened again, to the same hub', async () => {
    const place = await startHubs()
    const { edge, hub, second, pbx } = place
    await callsTeams(place, pbx)
    edge.passes(5000)
    pbx.sends('INVITE')
    await edge.settles()
    const lost = hub.gets('INVITE')
    hub.flowOf(lost).close('reset by the peer')
    await edge.settles()
    const again = hub.gets('INVITE')
    expect(hub.flowOf(again)).not.toBe(hub.flowOf(lost))
    expect(again.uri).toBe(uriOf(HUB_CONTACT))
    // §8.2.2.2, §17.2.3: if the first copy did arrive, this is the same request, no other one that rings as well or is refused as a loop
    expect(again.bytes).toEqual(lost.bytes)
    hub.sends(200, { ...FROM_HUB, of: again })
    await edge.settles()
    pbx.gets(100, 200)
    pbx.sends('ACK')
    await edge.settles()
    hub.gets('ACK')
    second.getsNothing()
    await hangsUp(place)
  })

  test('T §3.8: an ACK that finds no connection goes through the next hub when it comes again', async () => {
    const place = await startHubs()
    const { edge, hub, second, pbx } = place
    await calls(place)
    const invite = hub.gets('INVITE')
    hub.sends(200, FROM_HUB)
    await edge.settles()
    pbx.gets(100, 200)
    hub.flowOf(invite).close('gone')
    hub.refuses('tls')
    pbx.sends('ACK')
    await edge.settles()
    second.getsNothing()
    pbx.sends('ACK')
    await edge.settles()
    second.gets('ACK')
    pbx.sends('BYE')
    await edge.settles()
    second.gets('BYE')
    second.sends(200)
    pbx.gets(200)
  })

  test('T §3.8: a Route that cannot be resolved any more', async () => {
    const place = await startHubs()
    const { edge, hub, pbx } = place
    await callsTeams(place, pbx)
    const { 'A sip-du-a-eu.pstnhub.microsoft.com': _, ...rest } = HUB_DNS
    edge.lookup.zone = rest
    edge.passes(2 * 3600_000)
    await edge.settles()
    pbx.sends('BYE')
    await edge.settles()
    expect(hub.flowOf(hub.gets('BYE')).host).toBe('sip.pstnhub.microsoft.com')
    hub.sends(200)
    pbx.gets(200)
  })
})

describe('names', () => {
  test('T6.9: when a name has another address, new calls go there, however well the old connection is', async () => {
    const place = await startHubs()
    const { edge, hub } = place
    const moved = edge.party('moved', 'teams/tls', '52.112.0.9:5061', { peer: HUB_IDENTITY })
    await calls(place)
    const before = hub.gets('INVITE')
    hub.sends(486)
    hub.gets('ACK')
    await fails(place, 486)
    edge.lookup.zone = { ...HUB_DNS, 'A sip.pstnhub.microsoft.com': ['52.112.0.9'] }
    edge.lookup.ttl = 60
    edge.passes(3_500_000)
    await calls(place)
    // Its time is nearly over: asked again, and used for this call still
    const last = [hub, moved].find(({ inbox }) => inbox.length > 0)!
    last.gets('INVITE')
    last.sends(486)
    last.gets('ACK')
    await fails(place, 486)
    expect(hub.flowOf(before).host).toBe('sip.pstnhub.microsoft.com')
    edge.passes(110_000)
    await calls(place)
    moved.gets('INVITE')
    moved.sends(486)
    moved.gets('ACK')
    await fails(place, 486)
    hub.getsNothing()
  })
})

describe('a reload that gives the listener another name', () => {
  test('T §5: a tenant is added: the hubs’ connections and calls go on, and what comes by them may be for the new name', async () => {
    const place = await startHubs()
    const { edge, hub, other, pbx } = place
    await callsTeams(place, pbx)
    other.connects()
    await edge.reloads(teamsConfiguration({ names: 'one.sbc.example.com' }))
    const options = other.sends('OPTIONS', { uri: 'sip:one.sbc.example.com:5061;transport=tls', fresh: true })
    expect(headerOf(other.gets(200), 'contact')).toBe('<sip:one.sbc.example.com:5061;transport=tls>')
    expect(other.flowOf(options).open).toBe(true)
    await hangsUp(place)
    hub.sends('INVITE', toNumber('+442079460111', {}, 'one.sbc.example.com'))
    await edge.settles()
    pbx.gets('INVITE')
    pbx.sends(200)
    await edge.settles()
    expect(uriOf(headerOf(hub.gets(100, 200), 'contact'))).toContain('one.sbc.example.com:5061')
    hub.sends('ACK')
    await edge.settles()
    pbx.gets('ACK')
    hub.sends('BYE')
    await edge.settles()
    pbx.gets('BYE')
    pbx.sends(200)
    await edge.settles()
    hub.gets(200)
  })
})
