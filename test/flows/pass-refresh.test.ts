import { describe, expect, onTestFinished, test } from 'vitest'
import type { SendOptions } from '../support/flow-party.ts'
import { headerOf, type Wire } from '../support/wire.ts'
import {
  AUTHORIZATION,
  asks,
  begin,
  contactUri,
  type Here,
  INSTANCE,
  JSSIP,
  memory,
  OLD,
  PHONE,
  registers,
  SIPJS,
  views,
  type Wishes,
} from './pass-place.ts'
import { callUp, hangUp } from './place.ts'

const REFRESH = ', registration: { mode: pass, refresh: 60s, renew: 30m }'

describe('refreshes that the edge answers', () => {
  /** The registrar grants what it is asked for. */
  const first = async (more: Wishes = {}): Promise<Here & { readonly register: Wire; readonly ok: Wire }> => {
    const here = await begin({ clients: REFRESH, registrar: 'contact', ...more })
    const [register, ok] = registers(
      here.browser,
      here.pbx,
      JSSIP,
      { headers: [AUTHORIZATION] },
      { ...OLD, headers: ['Service-Route: <sip:10.0.0.20;lr>'] },
    )
    return { ...here, register, ok }
  }

  test('the registrar is asked for the long time, the client gets the short one', async () => {
    const { edge, register, ok } = await first()
    expect(headerOf(register, 'contact')).toContain(';expires=1800')
    expect(headerOf(ok, 'contact')).toBe(JSSIP.replace('600', '60'))
    expect(views(edge).registrations[0]?.expiresInSeconds).toBe(60)
  })

  test('a refresh in between is answered with what the registrar said, and keeps the binding', async () => {
    const { edge, browser, pbx } = await first()
    for (let i = 0; i < 5; i++) {
      edge.passes(50_000)
      asks(browser, JSSIP)
      const ok = browser.gets(200)
      expect(headerOf(ok, 'contact')).toBe(JSSIP.replace('600', '60'))
      expect(headerOf(ok, 'service-route')).toBe('<sip:10.0.0.20;lr>')
    }
    pbx.getsNothing()
    expect(views(edge).registrations[0]?.expiresInSeconds).toBe(60)
  })

  test('in time before the registrar forgets it, a refresh goes there', async () => {
    const { edge, browser, pbx } = await first()
    for (let i = 0; i < 33; i++) {
      edge.passes(50_000)
      asks(browser, JSSIP)
      browser.gets(200)
    }
    edge.passes(50_000)
    registers(browser, pbx, JSSIP)
    edge.passes(50_000)
    asks(browser, JSSIP)
    browser.gets(200)
    pbx.getsNothing()
  })

  test.each([
    ['another Contact', SIPJS, {}],
    ['another parameter', JSSIP.replace('+sip.ice;', ''), {}],
    ['another Call-ID', JSSIP, { callId: 'another' }],
    ['that takes itself back', JSSIP.replace('600', '0'), {}],
    ['of two Contacts', `${JSSIP}, <sip:b@c.invalid>`, {}],
    ['without Contact', JSSIP, { without: ['contact'] }],
    ['of everything', '*', { headers: ['Expires: 0'] }],
  ])('a REGISTER with %s goes to the registrar', async (_what, contact, more) => {
    const { browser, pbx } = await first()
    asks(browser, contact, more)
    pbx.gets('REGISTER')
    pbx.sends(403)
    browser.gets(403)
  })

  test('somebody else who shows the same REGISTER is not answered by us: the registrar judges', async () => {
    const { edge, pbx } = await first()
    const thief = edge.browser('thief', 'web/wss', '198.51.100.66:50000')
    asks(thief, JSSIP, { to: 'sip:browser@example.com' })
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="n1"'] })
    thief.gets(401)
  })

  test('network change: the same instance on a new connection goes to the registrar, and is called there from then on', async () => {
    const { edge, browser, pbx, register } = await first()
    browser.disconnects()
    browser.connects()
    registers(browser, pbx, JSSIP)
    asks(browser, JSSIP)
    browser.gets(200)
    edge.passes(10_000)
    pbx.getsNothing()
    callUp(pbx, browser, contactUri(register))
    hangUp(pbx, browser)
  })

  test('over UDP the address and port are what proves it', async () => {
    const { edge, pbx } = await begin({ clients: REFRESH, registrar: 'contact' })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    registers(phone, pbx, PHONE, { headers: ['Expires: 600'] }, { ...OLD, headers: ['Expires: 1800'] })
    asks(phone, PHONE, { headers: ['Expires: 600'] })
    phone.gets(200)
    phone.moves('public/udp', 6000)
    asks(phone, PHONE, { headers: ['Expires: 600'] })
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="n1"'] })
  })

  test('a registrar that came back may have forgotten everything: it is asked', async () => {
    const { edge, browser, pbx } = await begin({
      clients: REFRESH,
      registrar: 'contact',
      pbx: 'probe: { interval: 10s, timeout: 2s, down-after: 1, up-after: 1 }',
    })
    pbx.replies('OPTIONS', 200)
    registers(browser, pbx, JSSIP)
    edge.passes(20_000)
    asks(browser, JSSIP)
    browser.gets(200)
    pbx.isDeaf()
    edge.passes(20_000)
    pbx.hearsAgain()
    edge.passes(20_000)
    registers(browser, pbx, JSSIP)
    asks(browser, JSSIP)
    browser.gets(200)
  })

  test('the clients of a target that is taken out go to another one; where there is none they are kept', async () => {
    const targets = ', { uri: "sip:10.0.0.21:5060;transport=udp", priority: 2 }'
    const { edge, browser, pbx } = await first({ targets })
    const second = edge.party('second', 'lan/udp', '10.0.0.21:5060')
    const drain = (target: string): boolean => edge.engine.drainTarget('pbx', `sip:${target}:5060;transport=udp`, true)
    expect(drain('10.0.0.20')).toBe(true)
    registers(browser, second, JSSIP)
    expect(views(edge).registrations[0]?.registrar?.target).toContain('10.0.0.21')
    expect(drain('10.0.0.21')).toBe(true)
    asks(browser, JSSIP)
    browser.gets(200)
    pbx.getsNothing()
    onTestFinished(() => second.replies('REGISTER', 200))
  })

  test('a registrar that grants little is asked each time', async () => {
    const { edge, browser, pbx } = await begin({ clients: REFRESH, registrar: 'contact' })
    const short = (register: Wire): SendOptions => ({
      without: ['path', 'contact'],
      headers: [`Contact: <${contactUri(register)}>;expires=90`],
    })
    asks(browser, JSSIP)
    pbx.sends(200, short(pbx.gets('REGISTER')))
    browser.gets(200)
    edge.passes(30_000)
    asks(browser, JSSIP)
    pbx.sends(200, short(pbx.gets('REGISTER')))
    browser.gets(200)
  })

  test('after a restart the first refresh goes to the registrar', async () => {
    const { edge, browser, pbx } = await first({ store: memory() })
    await edge.restarts()
    browser.connects()
    registers(browser, pbx, JSSIP)
  })

  test('a client that stops refreshing is taken back at the registrar, with what it showed last', async () => {
    const { edge, pbx, register } = await first()
    edge.passes(60_000)
    // Nobody waits for the sweep but the test
    for (let i = 0; i < 600 && pbx.inbox.length === 0; i++) edge.passes(10)
    const back = pbx.gets('REGISTER')
    expect(headerOf(back, 'contact')).toBe(`<${contactUri(register)}>;+sip.ice;reg-id=1;${INSTANCE};expires=0`)
    expect(headerOf(back, 'authorization')).toBe(AUTHORIZATION.slice('Authorization: '.length))
    pbx.sends(200)
    expect(views(edge).all).toBe(0)
  })
})
