import { describe, expect, test } from 'vitest'
import { VERSION } from '../../src/config/version.ts'
import { headerOf, tagOf, valuesOf } from '../support/wire.ts'
import { callsTeams, FROM_HUB, startTeams, teamsCalls, toNumber } from './teams-place.ts'

const ALLOWED = 'INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY'

describe('to Teams', () => {
  test('T6.20, T6.26: user=phone in Request-URI, From and To, X-MS-SBC, Allow without REFER, no 100rel and no Replaces', async () => {
    const place = await startTeams({ touches: ['replaces'] })
    const { edge, hub, pbx } = place
    const sent = pbx.sends('INVITE', {
      uri: 'sip:+442079460100@10.0.0.5',
      from: '"Bob" <sip:+13125550123@10.0.0.20>',
      headers: [
        'Allow: INVITE, ACK, CANCEL, BYE, REFER, UPDATE, NOTIFY',
        'Supported: 100rel, timer, replaces',
        'Replaces: a;to-tag=b;from-tag=c',
      ],
    })
    await edge.settles()
    const invite = hub.gets('INVITE')
    expect(invite.uri).toMatch(/^sip:\+442079460100@sip\.pstnhub\.microsoft\.com:5061;.*user=phone/)
    expect(headerOf(invite, 'from')).toBe(`"Bob" <sip:+13125550123@sbc.example.com;user=phone>;tag=${tagOf(sent, 'from')}`)
    expect(headerOf(invite, 'to')).toBe('<sip:+442079460100@sbc.example.com;user=phone>')
    expect(headerOf(invite, 'allow')).toBe('INVITE, ACK, CANCEL, BYE, NOTIFY')
    expect(headerOf(invite, 'supported')).toBe('timer')
    expect(headerOf(invite, 'replaces')).toBe('')
    expect(headerOf(invite, 'x-ms-sbc')).toBe(`Edgeways/Edgeways/${VERSION}`)
    hub.sends(200, FROM_HUB)
    await edge.settles()
    const ok = pbx.gets(100, 200)
    expect(headerOf(ok, 'from')).toBe(headerOf(sent, 'from'))
    expect(headerOf(ok, 'to').replace(/;tag=.*/, '')).toBe(headerOf(sent, 'to'))
    pbx.sends('ACK')
    await edge.settles()
    // What the hub saw first it sees in the whole dialog
    expect(headerOf(hub.gets('ACK'), 'from')).toBe(headerOf(invite, 'from'))
    hub.sends('BYE')
    await edge.settles()
    pbx.gets('BYE')
    pbx.sends(200)
    await edge.settles()
    hub.gets(200)
  })

  test('RFC 3262: whoever sends no PRACK past us is not said to support 100rel', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    hub.sends('INVITE', toNumber('+442079460111', { headers: ['SUPPORTED: timer,100rel'] }))
    await edge.settles()
    expect(headerOf(pbx.gets('INVITE'), 'supported')).toBe('timer')
    pbx.sends(486)
    await edge.settles()
    pbx.gets('ACK')
    hub.gets(100, 486)
    hub.sends('ACK')
  })

  test('§17.1.1.3, §9.1: the ACK to a refusal and the CANCEL have From and To as the INVITE left, the caller gets his own', async () => {
    const { edge, hub, pbx } = await startTeams()
    const sent = pbx.sends('INVITE', { uri: 'sip:+442079460100@10.0.0.5', from: '<sip:+13125550123@10.0.0.20>' })
    await edge.settles()
    hub.gets('INVITE')
    hub.sends(180, FROM_HUB)
    await edge.settles()
    pbx.gets(100, 180)
    pbx.sends('CANCEL', { headers: ['Reason: SIP;cause=200;text="Call completed elsewhere"'] })
    await edge.settles()
    pbx.gets(200)
    // T6.31
    expect(headerOf(hub.gets('CANCEL'), 'reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    hub.sends(200)
    hub.sends(487, { of: hub.invite! })
    await edge.settles()
    hub.gets('ACK')
    const refused = pbx.gets(487)
    expect(headerOf(refused, 'from')).toBe(headerOf(sent, 'from'))
    expect(headerOf(refused, 'to').replace(/;tag=.*/, '')).toBe(headerOf(sent, 'to'))
    pbx.sends('ACK')
  })

  test('the operator has the last word: `remove: X-MS-SBC`, `set: Allow`', async () => {
    const place = await startTeams({ teams: ', headers: { out: [ { remove: X-MS-SBC }, { set: "Allow: INVITE, BYE" } ] }' })
    const { invite } = await callsTeams(place, place.pbx)
    expect(valuesOf(invite, 'x-ms-sbc')).toEqual([])
    expect(headerOf(invite, 'allow')).toBe('INVITE, BYE')
    await hangsUp(place.pbx, place.hub, place.edge)
  })

  test('T6.34: an anonymous caller of the PBX stays so, and the hub, which is trusted, sees who pays', async () => {
    const place = await startTeams({ touches: ['p-asserted-identity'] })
    const from = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    const headers = ['P-Asserted-Identity: <sip:+13125550123@pbx>, <tel:+13125550123>', 'Privacy: id']
    const { invite, ok } = await callsTeams(place, place.pbx, { from, headers })
    expect(headerOf(invite, 'from')).toBe(headerOf(ok, 'from'))
    expect(headerOf(invite, 'from').startsWith(from)).toBe(true)
    expect(headerOf(invite, 'p-asserted-identity')).toBe('<sip:+13125550123@pbx;user=phone>, <tel:+13125550123>')
    expect(headerOf(invite, 'privacy')).toBe('id')
    await hangsUp(place.pbx, place.hub, place.edge)
  })

  test('T §3.11: a call that the PBX forwards says so in History-Info', async () => {
    const place = await startTeams({ touches: ['diversion', 'history-info'] })
    const headers = ['Diversion: <sip:+13125550177@10.0.0.20>;reason=no-answer;counter=1']
    const { invite } = await callsTeams(place, place.pbx, { headers })
    expect(valuesOf(invite, 'history-info')).toEqual([
      '<sip:+13125550177@sbc.example.com;user=phone?Reason=SIP%3Bcause%3D408>;index=1',
      '<sip:+442079460100@sip.pstnhub.microsoft.com:5061;cause=408;user=phone>;index=1.1;mp=1',
    ])
    expect(headerOf(invite, 'diversion')).toBe('')
    await hangsUp(place.pbx, place.hub, place.edge)
  })

  test.each(['UPDATE', 'INFO', 'REFER', 'MESSAGE', 'PRACK'])(
    'T6.22: %s inside the dialog is answered 405 here, and the call goes on',
    async (method) => {
      const place = await startTeams()
      const { edge, hub, pbx } = place
      await callsTeams(place, pbx)
      pbx.sends(method)
      await edge.settles()
      expect(headerOf(pbx.gets(405), 'allow')).toBe(ALLOWED)
      await hangsUp(hub, pbx, edge)
    },
  )

  test('T6.22: a MESSAGE that begins something is answered 405, too', async () => {
    const { edge, pbx } = await startTeams()
    pbx.sends('MESSAGE', { uri: 'sip:+442079460100@10.0.0.5', fresh: true })
    await edge.settles()
    expect(headerOf(pbx.gets(405), 'allow')).toBe(ALLOWED)
  })

  test('T6.40: with REFER in its list the hub is told so, and may send it', async () => {
    const place = await startTeams({ teams: ', dialect: { methods: [ INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER ] }' })
    const { edge, hub, pbx } = place
    const { invite } = await callsTeams(place, pbx, { headers: ['Allow: INVITE, ACK, BYE, CANCEL, REFER, UPDATE'] })
    expect(headerOf(invite, 'allow')).toBe('INVITE, ACK, BYE, CANCEL, REFER')
    const referredBy =
      'REFERRED-BY: <sip:sip.pstnhub.microsoft.com:5061;x-m=8:orgid:9a2c;x-t=f3c2;x-ti=77;x-tt=aHR0cHM6Ly9hcGkuZXhhbXBsZS5vcmcvY2FsbA==>'
    const referTo = 'REFER-TO: <sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:3f1b>'
    hub.sends('REFER', { headers: [referTo, referredBy] })
    await edge.settles()
    const refer = pbx.gets('REFER')
    expect(refer.headers.map(({ raw }) => raw.trimEnd())).toEqual(expect.arrayContaining([referTo, referredBy]))
    pbx.sends(202)
    await edge.settles()
    hub.gets(202)
    await hangsUp(hub, pbx, edge)
  })
})

describe('from Teams', () => {
  test('T6.40: REFER that was not offered is declined with a 405 of ours', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    const { ok } = await teamsCalls(place, pbx)
    expect(headerOf(ok, 'allow')).toBe(ALLOWED)
    hub.sends('REFER', { headers: ['REFER-TO: <sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:3f1b>'] })
    await edge.settles()
    expect(headerOf(hub.gets(405), 'allow')).toBe(ALLOWED)
    await hangsUp(hub, pbx, edge)
  })

  test('T6.16: our answer to its OPTIONS names the methods of the dialect, and no others', async () => {
    const { edge, hub } = await startTeams()
    hub.sends('OPTIONS', { uri: 'sip:sbc.example.com:5061;transport=tls', to: 'sip:sbc.example.com', fresh: true })
    await edge.settles()
    expect(headerOf(hub.gets(200), 'allow')).toBe(ALLOWED)
  })

  test('T6.41: Replaces reaches the PBX, and names the dialog as the PBX knows it', async () => {
    const place = await startTeams()
    const { edge, hub, pbx } = place
    const { invite, ok } = await callsTeams(place, pbx)
    const replaces = `REPLACES: ${headerOf(ok, 'call-id')};to-tag=${tagOf(ok, 'from')};from-tag=${tagOf(ok, 'to')}`
    expect(headerOf(invite, 'call-id')).toBe(headerOf(ok, 'call-id'))
    hub.sends('INVITE', toNumber('+442079460111', { headers: ['REQUIRE: replaces', replaces] }))
    await edge.settles()
    const joined = pbx.gets('INVITE')
    expect(joined.headers.map(({ raw }) => raw.trimEnd())).toEqual(expect.arrayContaining(['REQUIRE: replaces', replaces]))
    pbx.sends(486, { of: joined })
    await edge.settles()
    pbx.gets('ACK')
    hub.gets(100, 486)
    hub.sends('ACK')
    await edge.settles()
    await hangsUp(pbx, hub, edge, ok)
  })
})

type Party = Awaited<ReturnType<typeof startTeams>>['pbx']

/** Ended by `one`, in the dialog that `of` made or the one that there is. */
const hangsUp = async (
  one: Party,
  other: Party,
  edge: Awaited<ReturnType<typeof startTeams>>['edge'],
  of?: ReturnType<Party['gets']>,
): Promise<void> => {
  one.sends('BYE', of === undefined ? {} : { of })
  await edge.settles()
  other.gets('BYE')
  other.sends(200)
  await edge.settles()
  one.gets(200)
}
