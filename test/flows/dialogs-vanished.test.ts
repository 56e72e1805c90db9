import { describe, expect, test } from 'vitest'
import { T1 } from '../support/flow-harness.ts'
import { headerOf, tagOf, valuesOf } from '../support/wire.ts'
import { configured, contactOf, GRACE_MS, getsBye, registers, startVanished } from './vanished-place.ts'

const numberOf = (cseq: string): number => Number.parseInt(cseq, 10)

describe.each([
  ['without media', false],
  ['with media', true],
])('N5: a call whose client vanished, %s', (_, withMedia) => {
  test('N5, RFC 3326: the browser that called is gone: after the grace the other side gets a BYE in its place', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, media, up, passes } = place
    await up(browser, pbx)
    const invite = pbx.invite!
    browser.disconnects()
    await passes(GRACE_MS - 100)
    pbx.getsNothing()
    await passes(200)
    const bye = await getsBye(place, pbx)
    expect(bye.uri).toBe('sip:pbx@10.0.0.20:5060')
    expect(headerOf(bye, 'from')).toBe(headerOf(invite, 'from'))
    expect(tagOf(bye, 'to')).toMatch(/^pbx-/)
    expect(headerOf(bye, 'call-id')).toBe(headerOf(invite, 'call-id'))
    expect(numberOf(headerOf(bye, 'cseq'))).toBe(numberOf(headerOf(invite, 'cseq')) + 1)
    expect(headerOf(bye, 'reason')).toBe('SIP;cause=480;text="Connection lost"')
    expect(valuesOf(bye, 'route')).toEqual([])
    expect(edge.count('connection lost')).toBe(1)
    expect(edge.logged('A call ended: its client did not come back')).toMatchObject([{ party: 'caller', zone: 'browsers' }])
    if (media !== undefined) {
      expect(media.left()).toEqual([])
      expect(edge.logged('Call ended')).toMatchObject([{ how: 'connection-lost', by: 'caller' }])
      expect(edge.engine.pastCalls(10, undefined)).toMatchObject([{ how: 'connection-lost', by: 'caller' }])
    }
  })

  test('N5: the browser that was called is gone: the BYE has the callee’s tags and numbers, behind what it sent itself', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, up, says, passes } = place
    await registers(place, browser)
    await up(pbx, browser, { uri: contactOf(browser) })
    await says(browser, 'INFO')
    const info = pbx.gets('INFO')
    await says(pbx, 200)
    browser.gets(200)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    const bye = await getsBye(place, pbx)
    expect(tagOf(bye, 'from')).toMatch(/^browser-/)
    expect(tagOf(bye, 'to')).toMatch(/^pbx-/)
    expect(numberOf(headerOf(bye, 'cseq'))).toBe(numberOf(headerOf(info, 'cseq')) + 1)
  })

  test('§12.2: the BYE goes where the other side’s last Contact says, along the Routes that the dialog began with', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, says, passes } = place
    const proxy = edge.party('proxy', 'lan/udp', '10.0.0.30:5060')
    await says(browser, 'INVITE')
    const invite = pbx.gets('INVITE')
    await says(pbx, 200, { of: invite, above: ['Record-Route: <sip:10.0.0.30:5060;lr>'] })
    browser.gets(100, 200)
    await says(browser, 'ACK')
    proxy.gets('ACK')
    await says(pbx, 'INVITE', { contact: '<sip:desk7@10.0.0.77:5070>' })
    browser.gets('INVITE')
    await says(browser, 200)
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    browser.gets('ACK')
    browser.disconnects()
    await passes(GRACE_MS + 100)
    const bye = await getsBye(place, proxy)
    expect(bye.uri).toBe('sip:desk7@10.0.0.77:5070')
    expect(valuesOf(bye, 'route')).toEqual(['<sip:10.0.0.30:5060;lr>'])
  })

  test('§12.2: a Contact in the 2xx to a re-INVITE counts, too', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, says, up, passes } = place
    await up(browser, pbx)
    await says(browser, 'INVITE')
    pbx.gets('INVITE')
    await says(pbx, 200, { contact: '<sip:moved@10.0.0.20:5060>' })
    browser.gets(100, 200)
    await says(browser, 'ACK')
    pbx.gets('ACK')
    browser.disconnects()
    await passes(GRACE_MS + 100)
    expect((await getsBye(place, pbx)).uri).toBe('sip:moved@10.0.0.20:5060')
  })

  test('N5: both are browsers, and both are gone: nobody gets anything', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, media, up, passes } = place
    const alice = edge.browser('alice', 'web/wss', '198.51.100.8:50000')
    await registers(place, alice)
    await up(browser, alice, { uri: contactOf(alice) })
    browser.disconnects()
    await passes(5000)
    alice.disconnects()
    await passes(GRACE_MS + 100)
    pbx.getsNothing()
    alice.getsNothing()
    browser.getsNothing()
    expect(media?.left() ?? []).toEqual([])
    expect(edge.count('connection lost')).toBe(1)
  })

  test('N5: both are browsers, and one is gone: the other one gets the BYE', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, up, passes } = place
    const alice = edge.browser('alice', 'web/wss', '198.51.100.8:50000')
    await registers(place, alice)
    await up(browser, alice, { uri: contactOf(alice) })
    browser.disconnects()
    await passes(GRACE_MS + 100)
    expect((await getsBye(place, alice)).uri).toBe(contactOf(alice))
  })

  test('§13.2.2.4: who is gone before its ACK has not heard of the answer: ACK and BYE at once', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, says } = place
    await says(browser, 'INVITE')
    pbx.gets('INVITE')
    await says(pbx, 200)
    browser.gets(100, 200)
    browser.disconnects()
    await place.edge.settles()
    const ack = pbx.gets('ACK')
    const bye = await getsBye(place, pbx)
    expect(numberOf(headerOf(bye, 'cseq'))).toBe(numberOf(headerOf(ack, 'cseq')) + 1)
  })

  test('§13.2.2.4: a 2xx for a caller that has vanished is acknowledged and ended; its copy gets an ACK again', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, media, says } = place
    await says(browser, 'INVITE')
    const invite = pbx.gets('INVITE')
    await says(pbx, 180)
    browser.gets(100, 180)
    browser.disconnects()
    const cancel = pbx.gets('CANCEL')
    const ok = await says(pbx, 200, { of: invite })
    pbx.gets('ACK')
    await getsBye(place, pbx)
    pbx.repeats(ok)
    await edge.settles()
    pbx.gets('ACK')
    pbx.getsNothing()
    expect(media?.left() ?? []).toEqual([])
    // The CANCEL crossed the 200
    pbx.sends(200, { of: cancel })
  })

  test('RFC 3262: what was sent before the 2xx counts in the number of the BYE', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, says, passes } = place
    await says(browser, 'INVITE')
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { headers: ['Require: 100rel', 'RSeq: 1'], body: '' })
    browser.gets(100, 183)
    await says(browser, 'PRACK', { headers: ['RAck: 1 1 INVITE'] })
    const prack = pbx.gets('PRACK')
    await says(pbx, 200)
    browser.gets(200)
    await says(pbx, 200, { of: invite })
    browser.gets(200)
    await says(browser, 'ACK')
    pbx.gets('ACK')
    browser.disconnects()
    await passes(GRACE_MS + 100)
    expect(numberOf(headerOf(await getsBye(place, pbx), 'cseq'))).toBe(numberOf(headerOf(prack, 'cseq')) + 1)
  })

  test('§13.2.2.4: the ACK in the place of the caller has the number of the INVITE, whatever was sent since', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, says } = place
    await says(browser, 'INVITE')
    const invite = pbx.gets('INVITE')
    await says(pbx, 183, { headers: ['Require: 100rel', 'RSeq: 1'], body: '' })
    browser.gets(100, 183)
    await says(browser, 'PRACK', { headers: ['RAck: 1 1 INVITE'] })
    const prack = pbx.gets('PRACK')
    await says(pbx, 200)
    browser.gets(200)
    browser.disconnects()
    const cancel = pbx.gets('CANCEL')
    await says(pbx, 200, { of: invite })
    expect(numberOf(headerOf(pbx.gets('ACK'), 'cseq'))).toBe(numberOf(headerOf(invite, 'cseq')))
    expect(numberOf(headerOf(await getsBye(place, pbx), 'cseq'))).toBe(numberOf(headerOf(prack, 'cseq')) + 1)
    pbx.sends(200, { of: cancel })
  })

  test('N5: a call that its client has ended ends once', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, up, says, passes } = place
    await up(browser, pbx)
    await says(browser, 'BYE')
    browser.disconnects()
    await getsBye(place, pbx)
    await passes(GRACE_MS + 100)
    pbx.getsNothing()
    expect(place.edge.count('connection lost')).toBe(0)
  })

  test('§22: a BYE that is asked for credentials ends nothing: its client can still vanish', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, up, says, passes } = place
    await up(browser, pbx)
    await says(browser, 'BYE')
    pbx.gets('BYE')
    await says(pbx, 401)
    browser.gets(401)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
  })

  test('N5: several calls on one connection: each of them ends', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, up, passes } = place
    const ids = ['one', 'two', 'three']
    for (const callId of ids) await up(browser, pbx, { callId, fresh: true })
    browser.disconnects()
    await passes(GRACE_MS + 100)
    const byes = [await getsBye(place, pbx), await getsBye(place, pbx), await getsBye(place, pbx)]
    expect(new Set(byes.map((bye) => headerOf(bye, 'call-id')))).toEqual(new Set(ids))
    expect(place.edge.count('connection lost')).toBe(3)
  })

  test('the edge stops: connections that it closes itself end no calls', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, up } = place
    await up(browser, pbx)
    await edge.reloads(configured(withMedia, '', '0s'))
    await edge.engine.stop()
    edge.isStopped()
    await edge.settles()
    pbx.getsNothing()
  })

  test('N5: the grace is the zone’s; with none the BYE goes at once', async () => {
    const place = await startVanished(withMedia)
    const { browser, pbx, up } = place
    await up(browser, pbx)
    await place.edge.reloads(configured(withMedia, '', '0s'))
    browser.disconnects()
    await place.edge.settles()
    await getsBye(place, pbx)
  })
})

describe('N5: who vanishes before the call is up', () => {
  test('§16.10: the caller is gone while several phones ring: each is cancelled', async () => {
    const { browser, pbx, desk, says } = await startVanished()
    await says(browser, 'INVITE', { uri: 'sip:all@example.com' })
    const invites = [pbx, desk].map((one) => one.gets('INVITE'))
    await says(pbx, 180)
    await says(desk, 180)
    browser.gets(100, 180, 180)
    browser.disconnects()
    for (const [i, one] of [pbx, desk].entries()) {
      const cancel = one.gets('CANCEL')
      await says(one, 200, { of: cancel })
      await says(one, 487, { of: invites[i]! })
      one.gets('ACK')
    }
  })

  test('N5: the browser that rings is gone: the next target is called', async () => {
    const place = await startVanished()
    const { browser, pbx, desk, says } = place
    await registers(place, browser)
    await says(pbx, 'INVITE', { uri: `sip:shared@${browser.spec.host};transport=ws` })
    browser.gets('INVITE')
    await says(browser, 180)
    pbx.gets(100, 180)
    browser.disconnects()
    await place.edge.settles()
    desk.gets('INVITE')
    await says(desk, 200)
    pbx.gets(200)
    await says(pbx, 'ACK')
    desk.gets('ACK')
    await says(desk, 'BYE')
    await getsBye(place, pbx)
    desk.gets(200)
  })

  test('N5: the only browser that rings is gone: 480', async () => {
    const place = await startVanished()
    const { browser, pbx, says } = place
    await registers(place, browser)
    await says(pbx, 'INVITE', { uri: contactOf(browser) })
    browser.gets('INVITE')
    await says(browser, 180)
    pbx.gets(100, 180)
    browser.disconnects()
    await place.edge.settles()
    pbx.gets(480)
    pbx.sends('ACK')
  })

  test('§17.1.1.2: who is gone and nobody has answered yet: the INVITE is cancelled with the first provisional response', async () => {
    const place = await startVanished()
    const { browser, pbx, says, edge } = place
    await says(browser, 'INVITE')
    const invite = pbx.gets('INVITE')
    browser.gets(100)
    browser.disconnects()
    pbx.getsNothing()
    await says(pbx, 180, { of: invite })
    pbx.gets('CANCEL')
    pbx.sends(200)
    await says(pbx, 487, { of: invite })
    pbx.gets('ACK')
    edge.passes(64 * T1)
  })
})
