import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SipCall } from '../../support/media/sip-call.ts'
import { until } from '../../support/processes.ts'
import type { Sipp } from '../../support/sipp.ts'
import { headerOf, uriOf } from '../../support/wire.ts'
import type { HubCall } from '../../teams-hub/call.ts'
import { conformanceDocument, withoutEvidence } from '../../teams-hub/document.ts'
import { directionIn } from '../../teams-hub/sdp-rules.ts'
import type { CallingScenario, SiteName } from '../../teams-hub/types.ts'
import {
  BYPASS,
  BYPASS_USER,
  CARRIER,
  CUSTOMERS,
  DOD,
  DOD_USER,
  GOV,
  GOV_USER,
  HAS_IPV6,
  HZ,
  layPlace,
  NAME,
  NOBODY,
  OUTSIDE,
  type Place,
  SIPP,
  USER,
} from './place.ts'

let place: Place
/** A call that is up while everything else happens. */
let long: { readonly teams: HubCall; readonly pbx: SipCall }

beforeAll(async () => {
  place = await layPlace()
})
afterAll(async () => {
  if (process.env.TEAMS_TELLS !== undefined)
    for (const line of [...place.told, ...place.edge.program().lines]) process.stdout.write(`${line}\n`)
  await place?.stop()
})

const hearing = async (teams: HubCall, pbx: SipCall): Promise<void> => {
  await Promise.all([teams.media().hears(HZ.pbx), pbx.media().hears(HZ.teams)])
}
/** Broken rules since the last look, in words; each test looks at its own. */
let looked = 0
const broken = (): readonly string[] => {
  const all = place.hub.findings.violations
  const since = all.slice(looked).filter(({ warning }) => !warning)
  looked = all.length
  return since.map(({ point, rule, shown }) => `T6.${point}: ${rule}\n${shown}`)
}

/** The PBX calls a Teams user, who answers. */
const toTeams = async (number = USER, from = place.pbx): Promise<{ readonly teams: HubCall; readonly pbx: SipCall }> => {
  const pbx = await place.dial(number, from)
  const teams = await place.hub.incoming()
  await Promise.all([pbx.established(), teams.up()])
  return { teams, pbx }
}
const fromTeams = async (
  trunk: string = NAME,
  at = place.pbx,
  scenario: CallingScenario = {},
): Promise<{ readonly teams: HubCall; readonly pbx: SipCall }> => {
  const teams = await place.hub.call(OUTSIDE, { trunk, ...scenario })
  const pbx = await at.incoming()
  await pbx.provisional()
  await Promise.all([pbx.answer(), teams.up()])
  return { teams, pbx }
}
/** A hub has heard of the SBC since now. */
const heardAgain = async (site: SiteName): Promise<void> => {
  const now = performance.now()
  const again = () =>
    place.hub
      .options()
      .some((one) => one.site === site && one.direction === 'from-sbc' && one.trunk === NAME && one.at > now && one.status === 200)
  await place.hub.until(() => again() || undefined, `OPTIONS to ${site} again`)
}

it('T6.11: OPTIONS both ways with three hubs, for each trunk', async () => {
  const { hub } = place
  const both = (site: SiteName, trunk: string): boolean =>
    (['from-sbc', 'to-sbc'] as const).every((direction) =>
      hub.options().some((one) => one.site === site && one.trunk === trunk && one.direction === direction && one.status === 200),
    )
  const sites = ['sip', 'sip2', 'sip3'] as const
  await hub.until(
    () => sites.every((site) => [NAME, BYPASS, CARRIER].every((trunk) => both(site, trunk))) || undefined,
    'OPTIONS both ways',
  )
  expect(broken()).toEqual([])
  long = await fromTeams()
  await hearing(long.teams, long.pbx)
})

describe('calls to Teams', () => {
  it('T6.23, T6.27: two phones ring, one has early media and a folded Contact; hold from both sides', async () => {
    place.hub.user(USER, { ring: 2, progress: true, folded: true })
    const { teams, pbx } = await toTeams()
    await hearing(teams, pbx)
    await pbx.hold()
    expect(
      directionIn(
        teams.messages.filter(({ message }) => message.method === 'INVITE' && message.body !== '' && message.status === 0).at(-1)!.message
          .body,
      ),
    ).toBe('inactive')
    await teams.media().hearsSilenceFor(300)
    await pbx.resume()
    await hearing(teams, pbx)
    await teams.bye()
    await pbx.ended()
    expect(broken()).toEqual([])
  })

  it('T6.19, T6.23: 200 without a ringing tone, and requests inside that go where Contact says', async () => {
    place.hub.user(USER, { ring: 0 })
    place.hub.wins('contact')
    const { teams, pbx } = await toTeams()
    await teams.hold()
    await teams.resume()
    await hearing(teams, pbx)
    place.hub.findings.seen(19, 'Found by Record-Route, and by Contact')
    place.hub.wins('record-route')
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })

  it('T6.22, T6.36: neither UPDATE nor a re-INVITE without SDP reaches the hub', async () => {
    place.hub.user(USER, {})
    const { teams, pbx } = await toTeams()
    expect(((await pbx.update().catch((error: Error) => error)) as { status?: number }).status).toBe(405)
    await pbx.reinvite({ offerless: true })
    expect(teams.messages.filter(({ from, message }) => from === 'sbc' && message.method === 'INVITE').at(-1)?.message.body).toContain(
      'm=audio',
    )
    place.hub.findings.seen(36, 'A re-INVITE without SDP of the PBX reaches the hub with one')
    await hearing(teams, pbx)
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })

  it.each([603, 480, 487, 500])('T6.24: %i ends the call, and no other hub is tried', async (status) => {
    place.hub.user(USER, { final: status })
    const pbx = await place.dial(USER)
    expect((await pbx.final()).status).toBeGreaterThanOrEqual(400)
    await place.hub.until(
      () => place.hub.findings.results()[24]?.evidence.some((line) => line.includes(String(status))) || undefined,
      'quiet',
    )
    await place.hub.incoming()
    expect(broken()).toEqual([])
  })

  it('T6.28: without an ACK the hub hangs up, and the PBX hears of it', async () => {
    place.hub.user(USER, {})
    await place.plain.callWithoutAck(USER)
    const teams = await place.hub.incoming()
    await teams.ended()
    expect(teams.status()).toBe(408)
    expect(broken()).toEqual([])
  })

  it('T §3.7: the PBX gives up while the phones ring', async () => {
    place.hub.user(USER, { answerAfterMs: 'never' })
    const pbx = await place.dial(USER)
    const teams = await place.hub.incoming()
    await pbx.arrives((message) => message.status === 180)
    expect((await pbx.cancel()).status).toBe(200)
    expect((await pbx.final()).status).toBe(487)
    await teams.ended()
    place.hub.user(USER, {})
    expect(broken()).toEqual([])
  })

  it('T §3.11: a call that the PBX forwarded reaches the hub with History-Info', async () => {
    const pbx = await place.dial(USER, place.pbx, [['Diversion', '<sip:+13125550999@pbx.test>;reason=unconditional;counter=1']])
    const teams = await place.hub.incoming()
    await Promise.all([pbx.established(), teams.up()])
    const { headers } = teams.messages[0]!.message
    const history = headers.filter(({ name }) => name === 'history-info').map(({ value }) => value)
    expect(history.join()).toContain('+13125550999')
    expect(headers.some(({ name }) => name === 'diversion')).toBe(false)
    await teams.bye()
    await pbx.ended()
    expect(broken()).toEqual([])
  })

  it('T6.21, T6.43: with bypass the SBC has candidates, and answers ICE checks', async () => {
    const { teams, pbx } = await toTeams(BYPASS_USER)
    await hearing(teams, pbx)
    await place.hub.until(
      () => place.hub.findings.results()[43]?.evidence.some((line) => line.includes('ICE')) || undefined,
      'answer to an ICE check',
    )
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })
})

describe('calls from Teams', () => {
  it('T6.33, T6.35, T6.37: over other connections from other addresses: hold, resume, refresh, and the PBX holds', async () => {
    const { teams, pbx } = await fromTeams()
    await hearing(teams, pbx)
    await teams.hold()
    await Promise.all([teams.media().hearsSilenceFor(300), pbx.media().hearsSilenceFor(300)])
    await teams.resume()
    await hearing(teams, pbx)
    await teams.refresh()
    await hearing(teams, pbx)
    await pbx.hold()
    await teams.media().hearsSilenceFor(300)
    await pbx.resume()
    await hearing(teams, pbx)
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })

  it('T6.32, T6.43: rtcp-mux in the offer, and a key of the shorter kind before the right one; sound, RTCP on hold, and digits', async () => {
    const { teams, pbx } = await fromTeams(NAME, place.pbx, { rtcpMux: true, shortTagFirst: true })
    await hearing(teams, pbx)
    await Promise.all([teams.media().sendDigits('42#'), pbx.media().receivesDigits('42#')])
    teams.media().hush(true)
    const { packets } = pbx.media().heard()
    await pbx.media().receives((heard) => heard.payloadTypes.includes(13) && heard.packets > packets, 'comfort noise')
    await pbx.media().hearsSilenceFor(300)
    teams.media().say(HZ.teams)
    await hearing(teams, pbx)
    place.hub.findings.seen(43, 'Comfort noise reaches the PBX, and the call goes on')
    await teams.hold()
    const before = teams.media().heard().reports.at(-1)
    await teams.media().receives(({ reports }) => reports.at(-1) !== before, 'RTCP on hold')
    place.hub.findings.seen(43, 'RTCP goes on during hold')
    await teams.resume()
    await hearing(teams, pbx)
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })

  it('T6.39: two re-INVITEs meet: 491 for each, and later both go through', async () => {
    const { teams, pbx } = await fromTeams()
    const met = await Promise.all([teams.reinvite(), pbx.reinvite()])
    for (const { status } of met) expect([200, 491]).toContain(status)
    teams.refuseNext(491)
    expect((await pbx.reinvite()).status).toBe(491)
    place.hub.findings.seen(39, '491 reaches the PBX')
    expect((await pbx.reinvite()).status).toBe(200)
    await hearing(teams, pbx)
    await teams.bye()
    await pbx.ended()
    expect(broken()).toEqual([])
  })

  it('T6.31: CANCEL with a Reason, and one that comes too late', async () => {
    const first = await place.hub.call(OUTSIDE, { trunk: NAME })
    const ringing = await place.pbx.incoming()
    await ringing.provisional()
    await place.hub.until(() => first.state() === 'ringing' || undefined, 'ringing')
    await first.cancel('SIP;cause=200;text="Call completed elsewhere"')
    await first.ended()
    expect(first.status()).toBe(487)
    const cancel = await until(() => place.pbx.requests.find(({ method }) => method === 'CANCEL'), 'CANCEL at the PBX')
    expect(headerOf(cancel, 'reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    const second = await place.hub.call(OUTSIDE, { trunk: NAME })
    const called = await place.pbx.incoming()
    const answered = called.answer()
    await second.cancel().catch(() => undefined)
    await place.hub.until(() => second.status() !== undefined || undefined, 'end of the race')
    if (second.status() === 200) {
      await answered
      await second.up()
      await second.bye()
      await called.ended()
    } else await answered.catch(() => undefined)
    expect(broken()).toEqual([])
  })

  it('T6.30: 486 ends the call; a PBX that is not there is 503 soon enough for the next trunk', async () => {
    const busy = await place.hub.call(OUTSIDE)
    const called = await place.pbx.incoming()
    await called.reject(486)
    await busy.ended()
    expect(busy.status()).toBe(486)
    const nobody = await place.hub.call(NOBODY)
    await nobody.ended()
    expect(nobody.status()).toBe(503)
    expect(nobody.trunk).toBe(BYPASS)
    expect(broken()).toEqual([])
  })

  it('T6.34: forwarded, anonymous, with #, 112, with a location: what the PBX gets', async () => {
    const { hub, plain } = place
    await hub.call('+13125550200', { trunk: NAME, forwardedBy: ['+442079460100', '+442079460055'] })
    const forwarded = await plain.invited()
    expect(headerOf(forwarded, 'history-info')).toContain(
      '<sip:+442079460055@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1',
    )
    await hub.call('+13125550201', { trunk: NAME, anonymous: true })
    const anonymous = await plain.invited()
    expect(headerOf(anonymous, 'from')).toContain('sip:anonymous@anonymous.invalid')
    expect(headerOf(anonymous, 'p-asserted-identity')).toContain('<tel:+442079460100>')
    await hub.call('*21#', { trunk: NAME })
    expect(uriOf((await plain.invited()).uri)).toMatch(/^sip:\*21(?:#|%23)@/)
    await hub.call('112', { trunk: NAME, emergencyLocation: true })
    const emergency = await plain.invited()
    expect(emergency.uri).toMatch(/^sip:112@/)
    const sent = hub.calls().at(-1)!.messages[0]!.message
    expect(headerOf(emergency, 'geolocation')).toBe(sent.headers.find(({ name }) => name === 'geolocation')?.value)
    const pidf = (text: string): string => text.slice(text.indexOf('Content-Type: application/pidf+xml'))
    expect(pidf(emergency.body.toString('latin1'))).toBe(pidf(sent.body))
    expect(emergency.body.toString('latin1')).toContain('RTP/AVP')
    hub.findings.seen(34, 'Each reaches the PBX with what makes it special')
    expect(broken()).toEqual([])
  })

  it('T6.41, T6.51, T6.49: Replaces, local media optimization, and 2 kB, to a PBX over UDP', async () => {
    const { hub, plain } = place
    hub.trunk(NAME).lmo = true
    hub.trunk(NAME).forwardPai = true
    await hub.call('+13125550203', {
      trunk: NAME,
      replaces: 'abc@pbx;to-tag=1;from-tag=2',
      headers: [['X-Long', 'long '.repeat(60).trim()]],
    })
    hub.trunk(NAME).lmo = false
    hub.trunk(NAME).forwardPai = false
    const sent = hub.calls().at(-1)!.messages[0]!.message
    expect(sent.text.length).toBeGreaterThan(2400)
    const got = await plain.invited()
    expect(headerOf(got, 'replaces')).toBe('abc@pbx;to-tag=1;from-tag=2')
    hub.findings.seen(41, 'Replaces reaches the PBX as it was')
    expect(headerOf(got, 'x-ms-mediapath')).toBe(`proxysbc.example.org, ${NAME}`)
    expect(headerOf(got, 'x-ms-userlocation')).toBe('internal')
    hub.findings.seen(51, 'X-MS headers reach the PBX as they were')
    expect(got.body.toString('latin1')).not.toMatch(/a=(?:candidate|crypto|ice-)/)
    hub.findings.seen(49, 'An INVITE of more than 2 kB reaches a PBX over UDP, without candidates and keys')
    expect(broken()).toEqual([])
  })

  it('T6.40: no REFER, since Allow has none', async () => {
    const { teams, pbx } = await fromTeams()
    await expect(teams.transfer('8:orgid:3f1b')).rejects.toThrow('does not allow REFER')
    await pbx.bye()
    await teams.ended()
    expect(broken()).toEqual([])
  })

  it('T6.21, T6.32: with bypass, from Teams', async () => {
    const { teams, pbx } = await fromTeams(BYPASS)
    await hearing(teams, pbx)
    await teams.hold()
    await teams.resume()
    await hearing(teams, pbx)
    await teams.bye()
    await pbx.ended()
    expect(broken()).toEqual([])
  })
})

describe('SIPp as PBX', () => {
  const judged = async (sipp: Sipp): Promise<void> => {
    const { errors, code } = await sipp.result
    expect([errors, code]).toEqual(['', 0])
    expect(broken()).toEqual([])
  }

  it('T6.42: it calls Teams, is held, and hangs up; REFER, UPDATE, PRACK, 100rel and replaces stay with us', async () => {
    place.hub.user(USER, {})
    const sipp = await place.sipp('caller')
    const teams = await place.hub.incoming()
    await teams.up()
    const { headers } = teams.messages[0]!.message
    const values = (name: string): string =>
      headers
        .filter((one) => one.name === name)
        .map(({ value }) => value)
        .join(',')
    expect(values('allow')).not.toMatch(/REFER|UPDATE|PRACK/)
    expect(values('supported')).not.toMatch(/100rel|replaces/)
    await teams.hold()
    await teams.ended()
    await judged(sipp)
  })

  it('T6.29: Teams calls it, and hangs up', async () => {
    const sipp = await place.sipp('called')
    const teams = await place.hub.call(SIPP, { trunk: NAME })
    await teams.up()
    await teams.bye()
    await judged(sipp)
  })
})

describe('hosting', () => {
  it.each([0, 1] as const)('T6.45: customer %i: its PBX, its name, both ways', async (index) => {
    const name = CUSTOMERS[index]
    const at = place.customers[index]!
    const { teams, pbx } = await fromTeams(name, at)
    await hearing(teams, pbx)
    await teams.bye()
    await pbx.ended()
    place.hub.user(USER, {})
    const back = await toTeams(USER, at)
    expect(back.teams.trunk).toBe(name)
    await hearing(back.teams, back.pbx)
    await back.pbx.bye()
    await back.teams.ended()
    place.hub.findings.seen(45, 'Each customer has its name and its PBX, in both directions')
    expect(broken()).toEqual([])
  })

  it.each([
    ['T6.46: government cloud: one name, port 5061', 'gov', GOV, GOV_USER, 46, 'OPTIONS and calls both ways with one hub'],
    ['T6.48: the other one, over IPv6', 'dod', DOD, DOD_USER, 48, 'OPTIONS and calls both ways over IPv6, with sound'],
  ] as const)('%s', async (_what, which, trunk, user, point, seen) => {
    const { hub, pbx } = place
    const cloud = place[which]
    const pinged = (): boolean => cloud.options().some(({ direction, status }) => direction === 'to-sbc' && status === 200)
    await cloud.until(() => pinged() || undefined, 'OPTIONS of the government cloud')
    const calling = await place.dial(user)
    const teams = await cloud.incoming()
    await Promise.all([calling.established(), teams.up()])
    await hearing(teams, calling)
    await calling.bye()
    await teams.ended()
    const back = await cloud.call(OUTSIDE, { trunk })
    const called = await pbx.incoming()
    await Promise.all([called.answer(), back.up()])
    await hearing(back, called)
    await back.hold()
    await back.resume()
    await hearing(back, called)
    await back.bye()
    await called.ended()
    expect(cloud.findings.violations.filter(({ warning }) => !warning)).toEqual([])
    hub.findings.seen(point, seen)
    expect(broken()).toEqual([])
  })

  it('T6.47: a trunk that is not enabled: no new calls, and the one that is up goes on', async () => {
    const { hub } = place
    hub.trunk(NAME).enabled = false
    await expect(hub.call(OUTSIDE, { trunk: NAME })).rejects.toThrow('enabled')
    await long.teams.refresh()
    await hearing(long.teams, long.pbx)
    hub.trunk(NAME).enabled = true
    expect(broken()).toEqual([])
  })
})

describe('hubs that fail', () => {
  /** A call, and the name of the hub that it went to. */
  const called = async (): Promise<string> => {
    place.hub.user(USER, {})
    const { teams, pbx } = await toTeams()
    await hearing(teams, pbx)
    await pbx.bye()
    await teams.ended()
    return uriOf(teams.messages[0]!.message.uri).replace(/^.*@|[.].*$/g, '')
  }
  /** Calls go to it again. */
  const comesBack = async (site: SiteName): Promise<void> => {
    await heardAgain(site)
    await until(async () => ((await called()) === site ? true : undefined), `call to ${site}`)
  }

  it('T6.25: 503 with Retry-After: the next hub takes the call', async () => {
    const { hub } = place
    await hub.mood('sip', { retryAfter: 1, only: 'INVITE' })
    expect(await called()).toBe('sip2')
    await hub.mood('sip', 'well')
    expect(broken()).toEqual([])
  })

  it('T6.17: a hub that is gone, and one that says nothing, are left, and the SBC comes back to them', async () => {
    const { hub } = place
    await hub.mood('sip', 'refusing')
    expect(await called()).toBe('sip2')
    await hub.mood('sip', 'well')
    await comesBack('sip')
    await hub.mood('sip', 'silent')
    expect(await called()).toBe('sip2')
    await hub.mood('sip', 'well')
    await comesBack('sip')
    hub.findings.seen(17, 'The SBC comes back to a hub that is well again')
    expect(broken()).toEqual([])
  })

  it('T §3.8: the hub of a call is gone: the PBX hangs up through another one', async () => {
    const { hub } = place
    const { teams, pbx } = await toTeams()
    await hub.mood('sip', 'refusing')
    await pbx.bye()
    await teams.ended()
    await hub.mood('sip', 'well')
    await heardAgain('sip')
    expect(broken()).toEqual([])
  })

  it('T6.9: a hub’s name leads elsewhere: the SBC asks again and follows', async () => {
    const { hub } = place
    await hub.move('sip2', hub.addresses.sip2.replace(/\d+$/, '77'))
    await heardAgain('sip2')
    hub.findings.seen(9, 'A name that leads elsewhere is asked for again; other hubs go on meanwhile')
    expect(broken()).toEqual([])
  })

  it('T6.5, T6.44: a hub with another name, or expired, is refused both ways; one of the old root is fine', async () => {
    const { hub } = place
    for (const variant of ['wrong-name', 'expired'] as const) {
      hub.certificate(variant, 'sip3')
      await hub.mood('sip3', 'refusing')
      await hub.mood('sip3', 'well')
      const words = variant === 'expired' ? 'expired' : 'another name'
      await hub.until(() => hub.findings.results()[5]?.evidence.some((line) => line.includes(words)) || undefined, `refusal of ${variant}`)
      const call = await hub.call(OUTSIDE, { trunk: NAME, site: 'sip3', otherTrunks: false })
      await call.ended()
      expect([403, 504, 408]).toContain(call.status())
      hub.findings.seen(44, `A hub whose certificate is ${variant === 'expired' ? 'expired' : 'for another name'} cannot call`)
    }
    hub.certificate('old-root', 'sip3')
    const stranger = await hub.call(OUTSIDE, { trunk: NAME, machine: hub.addresses.sip.replace(/\d+$/, '200'), otherTrunks: false })
    await stranger.ended()
    expect(stranger.status()).toBe(403)
    hub.findings.seen(44, '403 to a hub that comes from another network')
    await hub.mood('sip3', 'refusing')
    await hub.mood('sip3', 'well')
    await heardAgain('sip3')
    hub.findings.seen(5, 'Old root with both purposes, new root with server alone: both are fine')
    expect(broken()).toEqual([])
  })
})

it('T6.10, T6.50: another certificate during a call, and connections that are renewed: the call goes on', async () => {
  const { hub } = place
  await place.rotate()
  await hub.until(
    () => hub.findings.results()[10]?.evidence.some((line) => line.includes('new certificate')) || undefined,
    'the new certificate',
  )
  await hub.until(
    () => hub.findings.results()[10]?.evidence.some((line) => line.includes('renewed')) || undefined,
    'a connection that is renewed',
  )
  await long.teams.hold()
  await long.teams.resume()
  await long.pbx.hold()
  await long.pbx.resume()
  await hearing(long.teams, long.pbx)
  hub.findings.seen(50, 'A call outlives renewed connections, hubs that fail and another certificate')
  await long.pbx.bye()
  await long.teams.ended()
  expect(broken()).toEqual([])
})

it.skipIf(!HAS_IPV6)('docs/teams-conformance.md says what this run saw', () => {
  const { hub } = place
  const results = hub.findings.results()
  const folder = join(import.meta.dirname, '..', '..', '..')
  mkdirSync(join(folder, '.vitest'), { recursive: true })
  writeFileSync(join(folder, '.vitest', 'teams-conformance.json'), JSON.stringify(results))
  expect(results.filter(({ outcome }) => outcome === 'failed' || outcome === 'not run').map(({ id }) => id)).toEqual([])
  // Old? Run this test, then node test/teams-hub/conformance.ts, and look at what changed
  const committed = readFileSync(join(folder, 'docs/teams-conformance.md'), 'utf8')
  expect(withoutEvidence(committed)).toBe(withoutEvidence(conformanceDocument(results)))
})
