import { describe, expect, test } from 'vitest'
import { FakeMedia } from '../support/fake-media.ts'
import { headerOf, type Wire } from '../support/wire.ts'
import { FOLDED_CONTACT, FROM, type HubCall, hubAck, hubInvite, LOCATED, PIDF, SDP } from './hub-messages.ts'
import { FROM_HUB, startTeams, type TeamsPlace, teamsCalls } from './teams-place.ts'

/** The PBX gets it, is busy, and the hub knows. @returns what the PBX got */
const passes = async ({ edge, hub, pbx }: TeamsPlace, call: HubCall): Promise<Wire> => {
  hub.raw(hubInvite(call))
  await edge.settles()
  const invite = pbx.gets('INVITE')
  pbx.sends(486)
  await edge.settles()
  pbx.gets('ACK')
  const refused = hub.gets(100, 486)
  expect(headerOf(refused, 'from')).toBe(call.from ?? FROM)
  hub.raw(hubAck(headerOf(refused, 'to'), call))
  await edge.settles()
  return invite
}

/** Lines of the text that are no business of a proxy. */
const left = (text: string): string[] =>
  text
    .slice(text.indexOf('\r\n') + 2, text.indexOf('\r\n\r\n'))
    .split(/\r\n(?![ \t])/)
    .filter((line) => !/^(?:VIA|MAX-FORWARDS|CONTENT-LENGTH):/.test(line))

const rawOf = ({ headers }: Wire): string[] => headers.map(({ raw }) => raw)

describe('what the hub sends reaches the PBX byte for byte', () => {
  test.each<[string, HubCall, string]>([
    ['T §3.2: upper case, a name that is glued on, timers, MS-CONVERSATION-ID', {}, '+442079460011'],
    ['T6.27: a Contact in several lines', { contact: FOLDED_CONTACT }, '+442079460011'],
    ['T §3.2: `#` in the number', { number: '*31#' }, '*31#'],
    ['T §3.13: 112 without +', { number: '112' }, '112'],
    ['T §3.2: an extension', { number: '+442079460011;ext=42' }, '+442079460011;ext=42'],
    [
      'T6.34: anonymous, with the identities of who pays',
      {
        from: '<sip:anonymous@anonymous.invalid>;tag=7a4be1d2',
        lines: ['P-ASSERTED-IDENTITY: <tel:+442079460100>,<sip:ana@example.org>', 'PRIVACY: id'],
      },
      '+442079460011',
    ],
    [
      'T §3.11: a forwarded call with history and its cause',
      {
        parameters: ';cause=302',
        lines: [
          'HISTORY-INFO: <sip:+442079460100@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1,<sip:+442079460055@sip.pstnhub.microsoft.com:5061;user=phone?Reason=SIP%3Bcause%3D486&Privacy=history>;index=1.1',
          'REFERRED-BY: <sip:+442079460100@sip.pstnhub.microsoft.com:5061;x-m=8:orgid:9a2c;x-t=0f>',
        ],
      },
      '+442079460011',
    ],
    [
      'T6.51: the headers of local media optimisation',
      {
        lines: ['X-MS-UserLocation: internal', 'X-MS-MediaPath: proxysbc.example.org, vnsbc.example.org', 'X-MS-UserSite: Ha Noi'],
      },
      '+442079460011',
    ],
    ['T6.41: Replaces', { lines: ['REQUIRE: replaces', 'REPLACES: 77ab21@10.1.2.9;from-tag=pbx77;to-tag=2b6c0d9e'] }, '+442079460011'],
  ])('%s', async (_what, call, number) => {
    const invite = await passes(await startTeams(), call)
    expect(rawOf(invite)).toEqual(expect.arrayContaining(left(hubInvite(call))))
    expect(invite.body.toString('latin1')).toBe(SDP)
    expect(invite.uri.startsWith(`sip:${number}@10.0.0.20:5060;user=phone${call.parameters ?? ''}`)).toBe(true)
    expect(invite.uri).not.toContain('transport')
  })

  test('T §3.13: of an emergency call with a location media changes the SDP alone', async () => {
    const media = new FakeMedia()
    const place = await startTeams({ media, mediaText: '{ rtpengine: [ 127.0.0.1:2223 ] }', touches: ['content-type'] })
    const call = { ...LOCATED, number: '112' }
    const invite = await passes(place, call)
    expect(rawOf(invite)).toEqual(expect.arrayContaining(left(hubInvite(call))))
    const body = invite.body.toString('latin1')
    const [before, behind] = LOCATED.body.split(SDP)
    expect(body.startsWith(before!)).toBe(true)
    expect(body.endsWith(behind!)).toBe(true)
    expect(body).toContain(PIDF)
    const sdp = body.slice(before!.length, -behind!.length)
    expect(sdp).toMatch(/^v=0\r\n.*^c=IN IP4 10\.9\.9\./ms)
    expect(sdp).not.toContain('52.113.17.20')
    expect(headerOf(invite, 'content-length')).toBe(String(invite.body.length))
  })

  test('T6.51: re-INVITE with a new location of the user, and BYE with a Reason', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    await teamsCalls(place, pbx)
    const lines = [
      'X-MS-UserLocation: external',
      'X-MS-MediaPath: proxysbc.example.org',
      'MIN-SE: 300',
      'SESSION-EXPIRES: 3600;refresher=uac',
    ]
    hub.sends('INVITE', { ...FROM_HUB, headers: lines })
    await edge.settles()
    expect(rawOf(pbx.gets('INVITE'))).toEqual(expect.arrayContaining(lines))
    pbx.sends(200)
    await edge.settles()
    hub.gets(100, 200)
    hub.sends('ACK')
    await edge.settles()
    pbx.gets('ACK')
    const reason = 'REASON: Q.850;cause=16;text="5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1;Call ended normally"'
    hub.sends('BYE', { headers: [reason] })
    await edge.settles()
    expect(rawOf(pbx.gets('BYE'))).toContain(reason)
    pbx.sends(200)
    await edge.settles()
    hub.gets(200)
  })

  test('T §3.6: so do its answers, Reason included', async () => {
    const { edge, hub, pbx } = await startTeams()
    pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5' })
    await edge.settles()
    hub.gets('INVITE')
    const lines = [
      'REASON: Q.850;cause=63;text="5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1;No trunk config was found"',
      'ALLOW: INVITE,ACK,OPTIONS,CANCEL,BYE,NOTIFY',
      'SERVER: Microsoft.PSTNHub.SIPProxy v.2024.6.12.1 i.EUWE.3',
    ]
    hub.sends(403, { headers: lines })
    await edge.settles()
    hub.gets('ACK')
    expect(rawOf(pbx.gets(100, 403))).toEqual(expect.arrayContaining(lines))
    pbx.sends('ACK')
  })
})

describe('T6.30: 100 comes at once', () => {
  test('from a PBX that is slow, and with a DNS that is', async () => {
    const place = await startTeams({
      zones: '  far: { kind: trunk, on: lan, probe: false, targets: [ "sip:far.example.net" ] }\n',
      routes: '  - { from: teams, number: "+442079460999", to: far }\n',
    })
    const { edge, hub, pbx } = place
    // No answer of any name server yet
    hub.raw(hubInvite({ number: '+442079460999' }))
    expect(headerOf(hub.gets(100), 'call-id')).toBe('9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5')
    await edge.settles()
    const unreachable = hub.gets(503)
    hub.raw(hubAck(headerOf(unreachable, 'to'), { number: '+442079460999' }))
    await edge.settles()
    hub.raw(hubInvite().replaceAll('z9hG4bK8d1f03ab', 'z9hG4bK8d1f03ac').replaceAll('9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5', 'other'))
    hub.gets(100)
    await edge.settles()
    pbx.gets('INVITE')
    edge.passes(400)
    pbx.sends(486)
    await edge.settles()
    pbx.gets('ACK')
    const refused = hub.gets(486)
    hub.raw(
      hubAck(headerOf(refused, 'to'))
        .replaceAll('z9hG4bK8d1f03ab', 'z9hG4bK8d1f03ac')
        .replaceAll('9c1d2b7f5a0e4f6c8d3b2a1908f7e6d5', 'other'),
    )
    await edge.settles()
  })
})
