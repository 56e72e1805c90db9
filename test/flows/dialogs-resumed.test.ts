import { describe, expect, test } from 'vitest'
import type { Party } from '../support/flow-party.ts'
import { headerOf, tagOf } from '../support/wire.ts'
import { contactOf, GRACE_MS, getsBye, registers, startVanished, type VanishedPlace } from './vanished-place.ts'

const numberOf = (cseq: string): number => Number.parseInt(cseq, 10)

/** With an instance that a page keeps over reloads. */
const withInstance = (client: Party, host = client.spec.host): string =>
  `<sip:${client.name}@${host};transport=ws>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-00000000000a>";reg-id=1`

/** `one` ends the call, and `other` hears of it. */
const ends = async ({ says }: VanishedPlace, one: Party, other: Party): Promise<void> => {
  await says(one, 'BYE')
  other.gets('BYE')
  await says(other, 200)
  one.gets(200)
}

/** Registered, and talking: the browser has called, or was called. */
const startUp = async (withMedia: boolean, calls: 'browser' | 'pbx' = 'browser') => {
  const place = await startVanished(withMedia)
  const { browser, pbx, up } = place
  await registers(place, browser)
  if (calls === 'browser') await up(browser, pbx)
  else await up(pbx, browser, { uri: contactOf(browser) })
  return { ...place, place }
}

describe.each([
  ['without media', false],
  ['with media', true],
])('N5: a client that comes back to its call, %s', (_, withMedia) => {
  test.each(['browser', 'pbx'] as const)('N5: it registers within the grace: the call that the %s began goes on', async (calls) => {
    const { edge, place, browser, pbx, says, passes } = await startUp(withMedia, calls)
    browser.disconnects()
    await passes(GRACE_MS - 1000)
    browser.connects()
    await registers(place, browser)
    expect(edge.count('resumed')).toBe(1)
    await passes(5 * GRACE_MS)
    pbx.getsNothing()
    await says(pbx, 'INVITE')
    browser.gets('INVITE')
    await says(browser, 200)
    pbx.gets(100, 200)
    await says(pbx, 'ACK')
    browser.gets('ACK')
    await ends(place, ...(calls === 'browser' ? ([pbx, browser] as const) : ([browser, pbx] as const)))
    expect(edge.count('connection lost')).toBe(0)
  })

  test('N5: the second connection is lost, too: the grace begins anew', async () => {
    const { place, browser, pbx, passes } = await startUp(withMedia)
    browser.disconnects()
    await passes(1000)
    browser.connects()
    await registers(place, browser)
    browser.disconnects()
    await passes(GRACE_MS - 100)
    pbx.getsNothing()
    await passes(200)
    await getsBye(place, pbx)
  })

  test('N5: it speaks in the call before any registrar spoke for it: the other side’s requests find it there', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, says, up, passes } = place
    await up(browser, pbx)
    browser.disconnects()
    await passes(1000)
    browser.connects()
    await says(browser, 'INVITE')
    pbx.gets('INVITE')
    await says(pbx, 200)
    browser.gets(100, 200)
    await says(browser, 'ACK')
    pbx.gets('ACK')
    expect(edge.count('resumed')).toBe(1)
    await passes(2 * GRACE_MS)
    await says(pbx, 'INFO')
    browser.gets('INFO')
    await says(browser, 200)
    pbx.gets(200)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
  })

  test('N5: a page that was loaded again has another Contact, and no calls', async () => {
    const { edge, place, browser, pbx, passes } = await startUp(withMedia)
    browser.disconnects()
    const page = edge.browser('page', 'web/wss', '198.51.100.9:50000')
    await registers(place, page)
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
    expect(edge.count('resumed')).toBe(0)
  })

  test('N5: nor has one that kept its instance: what it called itself is new', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, up, passes } = place
    await registers(place, browser, withInstance(browser))
    await up(pbx, browser, { uri: contactOf(browser) })
    browser.disconnects()
    const page = edge.browser('browser', 'web/wss', '198.51.100.9:50000')
    await registers(place, page, withInstance(page, 'another0rnd.invalid'))
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
  })

  test('N5: two tabs with one instance are two: each call stays with its own', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, pbx, says, up } = place
    await registers(place, browser, withInstance(browser))
    await up(pbx, browser, { uri: contactOf(browser) })
    const tab = edge.browser('browser', 'web/wss', '198.51.100.9:50000')
    await registers(place, tab, withInstance(tab, 'another0rnd.invalid'))
    await says(pbx, 'INFO')
    browser.gets('INFO')
    await says(browser, 200)
    pbx.gets(200)
    tab.disconnects()
    await ends(place, pbx, browser)
    tab.getsNothing()
  })

  test('N5: a network change: the new connection is there before the old one is known to be dead', async () => {
    const { edge, place, browser, pbx, says, passes } = await startUp(withMedia, 'pbx')
    const old = browser.flowOf(browser.invite!)
    browser.connects()
    await registers(place, browser)
    await says(pbx, 'INFO')
    const info = browser.gets('INFO')
    expect(browser.flowOf(info)).not.toBe(old)
    await says(browser, 200)
    pbx.gets(200)
    old.close('no pong')
    await passes(2 * GRACE_MS)
    pbx.getsNothing()
    expect(edge.count('connection lost')).toBe(0)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
  })

  test('§15.1: a BYE in the gap is answered at once, and the client hears of it when it comes back', async () => {
    const { edge, place, browser, pbx, media, says, passes } = await startUp(withMedia)
    browser.disconnects()
    await passes(1000)
    const bye = await says(pbx, 'BYE', { headers: ['Reason: Q.850;cause=16'] })
    pbx.gets(200)
    expect(media?.left() ?? []).toEqual([])
    await passes(3000)
    browser.connects()
    await registers(place, browser)
    const told = await getsBye(place, browser)
    expect(tagOf(told, 'from')).toBe(tagOf(bye, 'from'))
    expect(headerOf(told, 'reason')).toBe('Q.850;cause=16')
    expect(numberOf(headerOf(told, 'cseq'))).toBeGreaterThanOrEqual(numberOf(headerOf(bye, 'cseq')))
    await passes(2 * GRACE_MS)
    pbx.getsNothing()
    expect(edge.count('connection lost')).toBe(0)
  })

  test('§15.1: a BYE that went into a dead connection: the same, when that is known', async () => {
    const { place, browser, pbx, media, says, passes } = await startUp(withMedia)
    browser.isDeaf()
    await says(pbx, 'BYE')
    pbx.getsNothing()
    browser.disconnects()
    await passes(100)
    pbx.gets(200)
    expect(media?.left() ?? []).toEqual([])
    browser.hearsAgain()
    browser.connects()
    await registers(place, browser)
    await getsBye(place, browser)
  })

  test('N5: who comes back late hears that its call is over', async () => {
    const { place, browser, pbx, passes } = await startUp(withMedia)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    await getsBye(place, pbx)
    await passes(60_000)
    browser.connects()
    await registers(place, browser)
    const told = await getsBye(place, browser)
    expect(headerOf(told, 'reason')).toBe('SIP;cause=480;text="Connection lost"')
    await passes(10_000)
    browser.getsNothing()
  })

  test('N5: both come back, one after the other, and the call goes on', async () => {
    const place = await startVanished(withMedia)
    const { edge, browser, up, passes } = place
    const alice = edge.browser('alice', 'web/wss', '198.51.100.8:50000')
    await registers(place, browser)
    await registers(place, alice)
    await up(browser, alice, { uri: contactOf(alice) })
    browser.disconnects()
    alice.disconnects()
    await passes(3000)
    browser.connects()
    await registers(place, browser)
    alice.connects()
    await registers(place, alice)
    await passes(2 * GRACE_MS)
    expect(edge.count('resumed')).toBe(2)
    await ends(place, alice, browser)
  })

  test('RFC 5626 §5.3.1: other requests for a client that is away get 430, and end nothing', async () => {
    const { place, browser, pbx, says, passes } = await startUp(withMedia)
    browser.disconnects()
    await says(pbx, 'INFO')
    pbx.gets(430)
    await passes(2000)
    browser.connects()
    await registers(place, browser)
    await ends(place, pbx, browser)
  })
})

describe('N5: dialogs of an earlier process', () => {
  test('D1: a request of the client inside the dialog makes it known again; when the client vanishes then, the other side gets its BYE', async () => {
    const { edge, place, browser, pbx, says, passes } = await startUp(false)
    await edge.restarts()
    browser.connects()
    await registers(place, browser)
    await says(browser, 'INFO')
    const info = pbx.gets('INFO')
    await says(pbx, 200)
    browser.gets(200)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    const bye = await getsBye(place, pbx)
    expect(bye.uri).toBe(info.uri)
    expect(tagOf(bye, 'to')).toBe(tagOf(info, 'to'))
    expect(numberOf(headerOf(bye, 'cseq'))).toBe(numberOf(headerOf(info, 'cseq')) + 1)
  })

  test('D1: so does a session refresh of a PBX that is our neighbour; its BYE has a number beyond all that it has seen', async () => {
    const { edge, place, browser, pbx, says, passes } = await startUp(false)
    await edge.restarts()
    browser.connects()
    await registers(place, browser)
    await says(pbx, 'UPDATE')
    const update = browser.gets('UPDATE')
    await says(browser, 200)
    pbx.gets(200)
    browser.disconnects()
    await passes(GRACE_MS + 100)
    const bye = await getsBye(place, pbx)
    expect(bye.uri).toBe('sip:pbx@10.0.0.20:5060')
    expect(tagOf(bye, 'from')).toBe(tagOf(update, 'to'))
    expect(tagOf(bye, 'to')).toBe(tagOf(update, 'from'))
    expect(numberOf(headerOf(bye, 'cseq'))).toBeGreaterThan(100_000)
  })

  test('D1: one that says nothing is not known: the other side’s BYE is answered all the same, and the client hears of it', async () => {
    const { edge, place, browser, pbx, says, passes } = await startUp(false)
    await edge.restarts()
    await says(pbx, 'BYE')
    pbx.gets(200)
    await passes(2000)
    browser.connects()
    await registers(place, browser)
    await getsBye(place, browser)
    await passes(GRACE_MS)
    pbx.getsNothing()
  })
})

describe('N5, N4: phones on UDP', () => {
  test('N4: a phone that answers no keep-alive vanishes from its call; with a REGISTER it is back', async () => {
    const place = await startVanished()
    const { edge, pbx, up, passes } = place
    const phone = edge.party('phone1', 'out/udp', '198.51.100.40:5062', { host: '192.168.1.4:5062' })
    const contact = '<sip:phone1@192.168.1.4:5062>'
    phone.replies('OPTIONS', 200)
    await registers(place, phone, contact)
    await up(phone, pbx)
    phone.isDeaf()
    await passes(300_000)
    expect(edge.logged('A call has lost its client')).toMatchObject([{ zone: 'phones', party: 'caller' }])
    await getsBye(place, pbx)
  })
})
