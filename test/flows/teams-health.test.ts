import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import type { Party } from '../support/flow-party.ts'
import { headerOf, type Wire } from '../support/wire.ts'
import {
  callsTeams,
  HUB_DNS,
  HUB_IDENTITY,
  HUB_ROUTE,
  startTeams,
  type TeamsOptions,
  type TeamsPlace,
  teamsCalls,
  teamsConfiguration,
  toNumber,
} from './teams-place.ts'

const SECOND_MS = 1000
const OPTIONS_ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY'

/** With OPTIONS to the hubs. */
const probing = (probe = 'true', more: TeamsOptions = {}): string =>
  teamsConfiguration(more).replace('on: teams, probe: false', `on: teams, probe: ${probe}`)

/** Three hubs that nobody asks yet. */
const startHubs = async (options: TeamsOptions = {}) => {
  const place = await startTeams(options)
  const hubAt = (name: string, at: string): Party => place.edge.party(name, 'teams/tls', at, { peer: HUB_IDENTITY })
  return { ...place, hubs: [place.hub, hubAt('hub2', '52.112.0.2:5061'), hubAt('hub3', '52.112.0.3:5061')] as const }
}

/** Time goes by in seconds, and what waits for DNS happens. */
const passes = async ({ edge }: TeamsPlace, seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second++) {
    edge.passes(SECOND_MS)
    await edge.settles()
  }
}

describe('OPTIONS to the hubs', () => {
  test('T §2.2: it shows our name, no user, and the methods of the zone, and asks the name that it was looked up by', async () => {
    const place = await startHubs()
    const { edge, hubs } = place
    await edge.reloads(probing())
    await passes(place, 3)
    const names = ['sip.pstnhub.microsoft.com', 'sip2.pstnhub.microsoft.com', 'sip3.pstnhub.microsoft.com']
    for (const [i, hub] of hubs.entries()) {
      const options = hub.gets('OPTIONS')
      expect(options.uri).toBe(`sip:${names[i]}:5061`)
      expect(headerOf(options, 'to')).toBe(`<sip:${names[i]}:5061>`)
      expect(headerOf(options, 'from')).toMatch(/^<sip:sbc\.example\.com:5061>;tag=\w+$/)
      expect(headerOf(options, 'contact')).toBe('<sip:sbc.example.com:5061;transport=tls>')
      expect(headerOf(options, 'via')).toMatch(/^SIP\/2\.0\/TLS sbc\.example\.com:5061;branch=/)
      expect(headerOf(options, 'allow')).toBe(OPTIONS_ALLOW)
      expect(headerOf(options, 'x-ms-sbc')).toMatch(/^Edgeways\/Edgeways\/\d/)
      expect(headerOf(options, 'user-agent')).not.toBe('')
      expect(hub.flowOf(options)).toMatchObject({ inbound: false, host: names[i] })
      hub.sends(200, { tag: '' })
    }
    await edge.reloads(teamsConfiguration())
  })

  test('T6.14: never closer than 60 s and never further than 62 s, whatever happens: answers, failures, reloads, a zone that is off and on', async () => {
    const place = await startHubs()
    const { edge, hub, hubs } = place
    const sent = new Set<number>()
    let got = 0
    await edge.reloads(probing())
    for (let second = 0; second < 600; second++) {
      edge.passes(SECOND_MS)
      await edge.settles()
      const { sentAt } = edge.engine.peering('teams')!.targets[0]!
      if (sentAt !== undefined) sent.add(Date.parse(sentAt))
      const [options] = hub.inbox
      for (const one of hubs) one.forgets()
      if (options !== undefined) {
        got++
        if (got === 2) hub.refuses('tls')
        else if (got !== 4) hub.sends(got === 3 ? 403 : 200, { of: options })
      }
      if (second === 100) await edge.reloads(probing('true', { pbx: ', trace: false' }))
      if (second === 130) await edge.reloads(probing('{ interval: 60s, timeout: 4s, down-after: 1 }'))
      if (second === 250) await edge.reloads(teamsConfiguration())
      if (second === 260) await edge.reloads(probing())
      if (second === 300) hub.refused.clear()
    }
    const times = [...sent]
    const gaps = times.slice(1).map((at, i) => at - times[i]!)
    expect(got).toBeGreaterThan(5)
    expect(gaps.length).toBeGreaterThan(7)
    expect(Math.min(...gaps)).toBeGreaterThan(60_000)
    expect(Math.max(...gaps)).toBeLessThan(62_000)
    await edge.reloads(teamsConfiguration())
  })

  test('T6.14: a connection that comes about when nobody waits any more has carried its OPTIONS then', async () => {
    const place = await startHubs()
    const { edge, hub, hubs } = place
    for (const one of hubs.slice(1)) one.replies('OPTIONS', 200)
    await edge.reloads(probing())
    await passes(place, 3)
    const flow = hub.flowOf(hub.gets('OPTIONS'))
    flow.openedAt! += 20_000
    await passes(place, 75)
    hub.getsNothing()
    await passes(place, 8)
    hub.gets('OPTIONS')
    await edge.reloads(teamsConfiguration())
  })

  test('T6.12: a hub that refuses OPTIONS would refuse calls: it is down, with the words of its Reason, until it accepts them', async () => {
    const place = await startHubs()
    const { edge, hub, hubs } = place
    for (const one of hubs.slice(1)) one.replies('OPTIONS', 200)
    await edge.reloads(probing('{ interval: 10s, timeout: 2s }'))
    const refuses = async (): Promise<void> => {
      while (hub.inbox.length === 0) await passes(place, 1)
      hub.gets('OPTIONS')
      hub.sends(403, { headers: ['REASON: Q.850;cause=63;text="5c0f;No trunk config was found"'] })
      await edge.settles()
    }
    await refuses()
    // One refusal is not enough to leave it out, and nothing that it has said makes it one that is up
    expect(edge.engine.peering('teams')!.targets[0]).toMatchObject({ health: 'unknown', status: 403 })
    await refuses()
    const [view] = edge.engine.peering('teams')!.targets
    expect(view).toMatchObject({ health: 'down', status: 403, reason: 'OPTIONS was answered with 403 (5c0f;No trunk config was found)' })
    expect(edge.logged('Target is down')[0]).toMatchObject({ target: 'sip.pstnhub.microsoft.com' })
    place.pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
    await edge.settles()
    hubs[1].gets('INVITE')
    hubs[1].sends(486)
    hubs[1].gets('ACK')
    place.pbx.gets(100, 486)
    place.pbx.sends('ACK')
    hub.replies('OPTIONS', 200)
    await passes(place, 11)
    expect(edge.engine.peering('teams')!.targets[0]).toMatchObject({ health: 'up', status: 200 })
    await edge.reloads(teamsConfiguration())
    edge.warnings.length = 0
  })

  test('T6.17: 503 with Retry-After to OPTIONS: no calls for that time, and the connection ends', async () => {
    const place = await startHubs()
    const { edge, hub, hubs, pbx } = place
    for (const one of hubs.slice(1)) one.replies('OPTIONS', 200)
    await edge.reloads(probing())
    await passes(place, 3)
    const options = hub.gets('OPTIONS')
    hub.sends(503, { headers: ['Retry-After: 45'] })
    expect(edge.engine.peering('teams')?.targets[0]).toMatchObject({ busyUntil: new Date(edge.wall + 45_000).toISOString() })
    pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
    await edge.settles()
    hubs[1].gets('INVITE')
    hubs[1].sends(486)
    hubs[1].gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
    await passes(place, 40)
    expect(hub.flowOf(options).open).toBe(false)
    await edge.reloads(teamsConfiguration())
  })

  test('T §7.2: the status of a zone: OPTIONS each way, connections each way, calls', async () => {
    const place = await startHubs()
    const { edge, hub, hubs, other } = place
    for (const one of hubs) one.replies('OPTIONS', 200)
    await edge.reloads(probing())
    await passes(place, 3)
    other.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', fresh: true })
    other.gets(200)
    const view = edge.engine.peering('teams')!
    expect(view).toMatchObject({ zone: 'teams', name: 'sbc.example.com', port: 5061, connections: { inbound: 2, outbound: 3 }, calls: 0 })
    const [first] = view.targets
    expect(first).toMatchObject({ host: 'sip.pstnhub.microsoft.com', port: 5061, health: 'up', status: 200, connections: 1 })
    expect(Date.parse(first!.nextAt!) - Date.parse(first!.sentAt!)).toBeGreaterThan(60_000)
    expect(Date.parse(first!.oldestConnection!)).toBeLessThanOrEqual(edge.wall)
    expect(view.askers).toEqual([
      {
        host: 'example.com',
        lastAt: new Date(edge.wall).toISOString(),
        count: 1,
        addresses: ['52.112.9.9'],
        names: ['sip.pstnhub.microsoft.com'],
      },
    ])
    expect(hub.inbox).toEqual([])
    await edge.reloads(teamsConfiguration())
  })
})

describe('OPTIONS of the hubs', () => {
  test('T6.16: the answer shows our name and the methods of the zone', async () => {
    const { hub, edge } = await startTeams()
    hub.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', fresh: true })
    const answer = hub.gets(200)
    expect(headerOf(answer, 'contact')).toBe('<sip:sbc.example.com:5061;transport=tls>')
    expect(headerOf(answer, 'allow')).toBe(OPTIONS_ALLOW)
    expect(edge.count('asked teams')).toBe(1)
  })

  test('T5: asked by the name of a tenant, the answer shows that name', async () => {
    const { hub } = await startTeams({ names: 'one.sbc.example.com' })
    hub.sends('OPTIONS', { uri: 'sip:one.sbc.example.com:5061;transport=tls', fresh: true })
    expect(headerOf(hub.gets(200), 'contact')).toBe('<sip:one.sbc.example.com:5061;transport=tls>')
  })

  test('T6.47: while the edge stops it says 503, so that hubs take their calls elsewhere', async () => {
    const { hub, pbx, edge } = await startTeams()
    hub.sends('INVITE', toNumber('+442079460111'))
    await edge.settles()
    pbx.gets('INVITE')
    const stopped = edge.engine.stop()
    hub.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', fresh: true })
    const answer = hub.gets(100, 503)
    expect(headerOf(answer, 'retry-after')).toBe('10')
    pbx.sends(486)
    pbx.gets('ACK')
    hub.gets(486)
    hub.sends('ACK')
    edge.passes(100)
    await stopped
    edge.isStopped()
  })
})

describe('T §2.3: the patience of the hub', () => {
  const invites = async ({ edge, hub }: TeamsPlace, number = '+442079460111'): Promise<Wire> => {
    const invite = hub.sends('INVITE', toNumber(number))
    await edge.settles()
    return invite
  }

  test('T6.30: a PBX that says nothing for 8 s: 503 before the hub gives up, and who answers late is called off', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    await invites(place)
    const late = pbx.gets('INVITE')
    pbx.isDeaf()
    edge.passes(7900)
    hub.gets(100)
    hub.getsNothing()
    edge.passes(200)
    hub.gets(503)
    hub.sends('ACK')
    pbx.hearsAgain()
    pbx.sends(180, { of: late })
    pbx.gets('CANCEL')
    pbx.sends(200)
    pbx.sends(487, { of: late })
    pbx.gets('ACK')
    hub.getsNothing()
  })

  test('T6.30: a PBX that answers a call that was given up gets its ACK and a BYE', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    await invites(place)
    const late = pbx.gets('INVITE')
    pbx.isDeaf()
    edge.passes(8100)
    hub.gets(100, 503)
    hub.sends('ACK')
    pbx.hearsAgain()
    pbx.sends(200, { of: late })
    await edge.settles()
    pbx.gets('ACK', 'BYE')
    pbx.sends(200)
    hub.getsNothing()
  })

  test('T6.30: any sign of life is enough, a 100 too: how long a slow call may take the hub decides', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    await invites(place)
    const invite = pbx.gets('INVITE')
    pbx.sends(100)
    edge.passes(9900)
    hub.gets(100)
    hub.sends('CANCEL')
    hub.gets(200)
    pbx.gets('CANCEL')
    pbx.sends(200)
    pbx.sends(487, { of: invite })
    pbx.gets('ACK')
    hub.gets(487)
    hub.sends('ACK')
  })

  test('T6.30: two PBXs that say nothing take no more time than one', async () => {
    const place = await startTeams({ routes: '  - { from: teams, number: "+4420794603xx", to: [ pbx, second ] }\n' })
    const { edge, hub, pbx, second } = place
    pbx.isDeaf()
    second.isDeaf()
    await invites(place, '+442079460311')
    edge.passes(8050)
    hub.gets(100, 503)
    hub.sends('ACK')
  })

  test('T6.30: after one PBX that was alive and failed, the rest of the time counts for the next', async () => {
    const place = await startTeams({ routes: '  - { from: teams, number: "+4420794603xx", to: [ pbx, second ] }\n' })
    const { edge, hub, pbx, second } = place
    second.isDeaf()
    await invites(place, '+442079460311')
    const invite = pbx.gets('INVITE')
    pbx.sends(100)
    edge.passes(3000)
    pbx.sends(500, { of: invite })
    pbx.gets('ACK')
    edge.passes(4900)
    hub.gets(100)
    hub.getsNothing()
    edge.passes(200)
    hub.gets(503)
    hub.sends('ACK')
  })

  test('T6.30: a call that is sent elsewhere has no more time than what is left', async () => {
    const place = await startTeams({ routes: '  - { from: pbx, number: "+1*", to: second }\n', touches: ['diversion'] })
    const { edge, hub, pbx, second } = place
    await invites(place)
    second.isDeaf()
    pbx.gets('INVITE')
    edge.passes(5000)
    pbx.forgets()
    pbx.sends(302, { headers: ['Contact: <sip:+13125550123@10.0.0.20>'] })
    await edge.settles()
    pbx.gets('ACK')
    edge.passes(2900)
    hub.gets(100)
    hub.getsNothing()
    edge.passes(200)
    hub.gets(503)
    hub.sends('ACK')
  })

  test('T §2.3: a PBX that takes no connection is a 503 at once', async () => {
    const place = await startTeams()
    const { edge, hub, second } = place
    second.refuses('tcp')
    await invites(place, '+442079460211')
    await edge.settles()
    hub.gets(100, 503)
    hub.sends('ACK')
  })

  test.each([500, 480, 486, 603, 408])('T §2.3: what the PBX itself says goes on as it is: %s', async (status) => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    await invites(place)
    pbx.gets('INVITE')
    pbx.sends(status)
    pbx.gets('ACK')
    await edge.settles()
    hub.gets(100, status)
    hub.sends('ACK')
  })
})

describe('variants', () => {
  test('T6.47: a trunk that is switched off: the hub refuses new calls and sends none, and the one that is up goes on', async () => {
    const place = await startTeams()
    const { edge, hub, pbx, second } = place
    await callsTeams(place, pbx)
    edge.passes(60_000)
    second.sends('INVITE', { uri: 'sip:+442079460101@10.0.0.5', fresh: true })
    await edge.settles()
    const refused = hub.gets('INVITE')
    hub.sends(403, { headers: ['REASON: Q.850;cause=63;text="5c0f;No trunk config was found"'], of: refused })
    hub.gets('ACK')
    await edge.settles()
    expect(headerOf(second.gets(100, 403), 'reason')).toContain('No trunk config was found')
    second.sends('ACK')
    await edge.settles()
    pbx.sends('BYE')
    await edge.settles()
    hub.gets('BYE')
    hub.sends(200)
    pbx.gets(200)
  })

  test('T6.46: the cloud of the government has one hub, and no other is asked or admitted', async () => {
    const dns = { ...HUB_DNS, 'A sip.pstnhub.gov.teams.microsoft.us': ['52.127.88.1'] }
    const place = await startTeams({ teams: ', cloud: gcc-high', dns })
    const { edge, hub: stranger, pbx } = place
    const identity = { verified: true, error: '', names: ['sip.pstnhub.gov.teams.microsoft.us'] }
    const hub = edge.party('gov', 'teams/tls', '52.127.88.1:5061', { peer: identity })
    stranger.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061', fresh: true })
    stranger.gets(403)
    hub.connects()
    hub.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061', fresh: true })
    hub.gets(200)
    pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
    await edge.settles()
    expect(hub.gets('INVITE').uri).toContain('@sip.pstnhub.gov.teams.microsoft.us:5061')
    hub.sends(503)
    hub.gets('ACK')
    await edge.settles()
    pbx.gets(100, 503)
    pbx.sends('ACK')
    expect(edge.engine.peering('teams')?.targets.map(({ host, port }) => `${host}:${port}`)).toEqual([
      'sip.pstnhub.gov.teams.microsoft.us:5061',
    ])
  })

  test('T6.48: hubs with IPv6, a PBX with IPv4', async () => {
    const dns = { 'AAAA sip.pstnhub.microsoft.com': ['2603:1063::1'], 'AAAA sip-du-a-eu.pstnhub.microsoft.com': ['2603:1063::1'] }
    const six = teamsConfiguration({ teams: ', admit: { networks: [ "2603:1063::/32" ] }' })
      .replace('tls: 10.0.0.5:5061', 'tls: "[2001:db8::5]:5061", advertise: sbc.example.com')
      .replace('public-address: 203.0.113.5\n', '')
    const edge = await startEdge(six, { dns, touches: ['contact', 'from', 'to', 'allow', 'supported', 'require', 'x-ms-sbc'] })
    const hub = edge.party('hub', 'teams/tls', '[2603:1063::1]:5061', { peer: HUB_IDENTITY, proxy: HUB_ROUTE })
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const place = { edge, hub, pbx } as TeamsPlace
    hub.connects()
    await edge.settles()
    const { invite } = await callsTeams(place, pbx)
    expect(hub.flowOf(invite)).toMatchObject({ inbound: false, remoteAddress: '2603:1063::1', host: 'sip.pstnhub.microsoft.com' })
    expect(headerOf(invite, 'via')).toContain('TLS sbc.example.com:5061')
    pbx.sends('BYE')
    await edge.settles()
    hub.gets('BYE')
    hub.sends(200)
    pbx.gets(200)
    await teamsCalls(place, pbx)
    hub.sends('BYE')
    await edge.settles()
    pbx.gets('BYE')
    pbx.sends(200)
    await edge.settles()
    hub.gets(200)
  })
})
