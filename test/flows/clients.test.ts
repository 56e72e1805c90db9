import { describe, expect, test } from 'vitest'
import { headerOf, parameterOf, uriOf, valuesOf } from '../support/wire.ts'
import { callUp, hangUp, register, startPlace } from './place.ts'

const CONTACT = 'sip:browser@browser0rnd.invalid;transport=ws'

describe('registrations', () => {
  test('RFC 3327 §5.2, RFC 5626 §5.1: a REGISTER gets a Path to the registrar’s side with the flow in it', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('REGISTER', { uri: 'sip:example.com' })
    const received = pbx.gets('REGISTER')
    const [path, ...more] = valuesOf(received, 'path').map(uriOf)
    expect(more).toEqual([])
    expect(path).toMatch(/^sip:10\.0\.0\.5:5060;lr;ob;ewp;ew=/)
    expect(headerOf(received, 'supported')).toBe('path')
    expect(valuesOf(received, 'record-route'), 'a REGISTER makes no dialog').toEqual([])
    pbx.sends(200)
    browser.gets(200)
  })

  test('RFC 3327 §5.3: a call along the Path reaches the connection that registered', async () => {
    const { edge, browser, pbx } = await startPlace()
    browser.sends('REGISTER', { uri: 'sip:example.com' })
    const path = valuesOf(pbx.gets('REGISTER'), 'path')
    pbx.sends(200)
    browser.gets(200)
    const other = edge.browser('other', 'web/wss', '198.51.100.8:50000')
    pbx.sends('INVITE', { uri: CONTACT, routes: path })
    expect(valuesOf(browser.gets('INVITE'), 'route')).toEqual([])
    browser.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    browser.gets('ACK')
    hangUp(pbx, browser)
    other.getsNothing()
  })

  test('RFC 5626 §5.3.1: a Path whose connection is gone gets 430', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('REGISTER', { uri: 'sip:example.com' })
    const path = valuesOf(pbx.gets('REGISTER'), 'path')
    pbx.sends(200)
    browser.gets(200)
    browser.disconnects()
    pbx.sends('INVITE', { uri: CONTACT, routes: path })
    pbx.gets(100, 430)
    pbx.sends('ACK')
  })

  test('N5: without Path the Contact finds the connection, until it is closed', async () => {
    const { browser, pbx } = await startPlace()
    register(browser, pbx)
    callUp(pbx, browser, CONTACT)
    hangUp(browser, pbx)
    browser.disconnects()
    pbx.sends('INVITE', { uri: CONTACT, fresh: true })
    pbx.gets(100, 430)
    pbx.sends('ACK')
  })

  test('§10: a REGISTER that the registrar refuses binds nobody', async () => {
    const { edge, browser, pbx } = await startPlace()
    register(browser, pbx)
    const thief = edge.browser('thief', 'web/wss', '198.51.100.66:50000')
    thief.sends('REGISTER', { uri: 'sip:example.com', contact: `<${CONTACT}>` })
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="1"'] })
    thief.gets(401)
    pbx.sends('INVITE', { uri: CONTACT, fresh: true })
    browser.gets('INVITE')
    browser.sends(486)
    browser.gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
    thief.getsNothing()
  })

  test('a challenged REGISTER and its answer pass unchanged', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('REGISTER', { uri: 'sip:example.com' })
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="1"'] })
    browser.gets(401)
    browser.sends('REGISTER', {
      uri: 'sip:example.com',
      headers: ['Authorization: Digest username="browser", realm="pbx", nonce="1", response="x"'],
    })
    expect(headerOf(pbx.gets('REGISTER'), 'authorization')).toContain('username="browser"')
    pbx.sends(200)
    browser.gets(200)
  })
})

describe('connections that come and go', () => {
  test('D1, RFC 5626: a browser that came back gets the requests of its call on the new connection, once it has registered', async () => {
    const { browser, pbx } = await startPlace()
    register(browser, pbx)
    callUp(browser, pbx)
    browser.disconnects()
    pbx.sends('INFO')
    pbx.gets(430)
    browser.connects()
    register(browser, pbx)
    pbx.sends('INFO')
    browser.gets('INFO')
    browser.sends(200)
    pbx.gets(200)
    hangUp(browser, pbx)
  })

  test('a browser without a registration that came back speaks in its call from the new connection', async () => {
    const { browser, pbx } = await startPlace()
    callUp(browser, pbx)
    browser.disconnects()
    browser.connects()
    hangUp(browser, pbx)
  })

  test('§17.2.4: a browser that is gone while it calls: the call is cancelled', async () => {
    const { browser, pbx } = await startPlace()
    browser.sends('INVITE')
    const invite = pbx.gets('INVITE')
    browser.gets(100)
    browser.disconnects()
    pbx.getsNothing()
    pbx.sends(180, { of: invite })
    pbx.gets('CANCEL')
    pbx.sends(200)
    pbx.sends(487, { of: invite })
    pbx.gets('ACK')
  })

  test('a browser that is gone while it rings: the caller learns at once', async () => {
    const { browser, pbx } = await startPlace()
    register(browser, pbx)
    pbx.sends('INVITE', { uri: CONTACT })
    browser.gets('INVITE')
    browser.sends(180)
    pbx.gets(100, 180)
    browser.disconnects()
    pbx.gets(503)
    pbx.sends('ACK')
  })

  test('§18.2.2: the connection is gone when the answer to another request comes: nothing is left of it', async () => {
    const { browser, pbx } = await startPlace()
    callUp(browser, pbx)
    browser.sends('INFO')
    pbx.gets('INFO')
    browser.disconnects()
    pbx.sends(200)
    browser.getsNothing()
  })
})

test('§18.3, RFC 7118 §7: what comes over WebSocket without Content-Length leaves with one', async () => {
  const { browser, pbx } = await startPlace()
  browser.sends('INVITE', { without: ['content-length'] })
  const invite = pbx.gets('INVITE')
  expect(headerOf(invite, 'content-length')).toBe(String(invite.body.length))
  expect(invite.body.length).toBeGreaterThan(50)
  pbx.sends(200, { without: ['content-length'] })
  const ok = browser.gets(100, 200)
  expect(headerOf(ok, 'content-length')).toBe(String(ok.body.length))
  browser.sends('ACK')
  pbx.gets('ACK')
  hangUp(pbx, browser)
})

test('T5, T4: a browser’s Contact passes as it is, and its transport never reaches the other leg’s Request-URI', async () => {
  const { browser, pbx } = await startPlace()
  browser.sends('INVITE', { uri: 'sip:100@example.com;user=phone;transport=WS' })
  const invite = pbx.gets('INVITE')
  expect(invite.uri).toBe('sip:100@10.0.0.20:5060;user=phone')
  expect(uriOf(headerOf(invite, 'contact'))).toBe(CONTACT)
  pbx.sends(200)
  browser.gets(100, 200)
  browser.sends('ACK')
  pbx.gets('ACK')
  pbx.sends('BYE')
  expect(parameterOf(browser.gets('BYE').uri, 'transport')).toBe('ws')
  browser.sends(200)
  pbx.gets(200)
})

test('T4, RFC 5630: toward a TLS target the Request-URI says transport=tls and stays a sip URI', async () => {
  const { teams, pbx } = await startPlace()
  pbx.sends('INVITE', { uri: 'sip:+442079460101@10.0.0.5;transport=UDP;user=phone' })
  expect(teams.gets('INVITE').uri).toBe('sip:+442079460101@52.112.0.1:5061;transport=tls;user=phone')
  teams.sends(486)
  teams.gets('ACK')
  pbx.gets(100, 486)
  pbx.sends('ACK')
})
