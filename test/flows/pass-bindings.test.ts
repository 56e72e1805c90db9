import { describe, expect, test } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, parameterOf, uriOf, valuesOf } from '../support/wire.ts'
import { AUTHORIZATION, asks, begin, contactUri, JSSIP, memory, PHONE, registers, SIPJS, views } from './pass-place.ts'

describe('who is registered', () => {
  test('§10.3: for how long the registrar says: of the Contact, else of the answer, else as asked', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const granted = (): number | undefined => views(edge).registrations[0]?.expiresInSeconds
    registers(browser, pbx, JSSIP)
    expect(granted()).toBe(600)
    registers(browser, pbx, JSSIP, {}, { without: ['path', 'contact'], headers: ['Expires: 120'] })
    expect(granted()).toBe(120)
    registers(browser, pbx, JSSIP.replace(';expires=600', ''), { headers: ['Expires: 77'] }, { without: ['path', 'contact'] })
    expect(granted()).toBe(77)
  })

  test('a binding is shown with its address, its way and its registrar', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    registers(browser, pbx, JSSIP, { headers: ['User-Agent: JsSIP 3.10'] })
    expect(views(edge, 'JSSIP')).toEqual({
      all: 1,
      total: 1,
      registrations: [
        {
          id: expect.stringMatching(/^[\w-]{16}$/),
          aor: 'browser@example.com',
          contact: uriOf(JSSIP),
          instance: 'urn:uuid:6e0b0dd6-1f5c-4c6e-9f3b-2a2f3d0b8a11',
          zone: 'browsers',
          listener: 'web/wss',
          transport: 'wss',
          remote: '198.51.100.7:50000',
          registrar: { zone: 'pbx', target: 'sip:10.0.0.20:5060;transport=udp' },
          since: expect.any(String),
          refreshedAt: expect.any(String),
          expiresInSeconds: 600,
          userAgent: 'JsSIP 3.10',
          nat: [],
        },
      ],
    })
    expect(views(edge, 'somebody else')).toMatchObject({ all: 1, total: 0, registrations: [] })
  })

  test('two tabs with one account are two bindings, and each call goes to its own', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const tab = edge.browser('tab', 'web/wss', '198.51.100.7:50100')
    const [first] = registers(browser, pbx, JSSIP)
    const [second] = registers(tab, pbx, SIPJS, { to: 'sip:browser@example.com', callId: 'reg2' })
    expect(views(edge).registrations.map(({ aor }) => aor)).toEqual(['browser@example.com', 'browser@example.com'])
    for (const [client, register] of [
      [tab, second],
      [browser, first],
    ] as const) {
      pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
      client.gets('OPTIONS')
      client.sends(200)
      pbx.gets(200)
    }
  })

  test('a store that fails does not keep the answer of the registrar from the client', async () => {
    const store = { ...memory(), put: () => fails(), remove: () => fails() }
    const { edge, browser, pbx } = await begin({ registrar: 'contact', store })
    for (let i = 0; i < 3; i++) expect(headerOf(registers(browser, pbx, JSSIP)[1], 'contact')).toBe(JSSIP)
    const failed = 'Registrations at a registrar behind us cannot be kept in mind'
    expect(edge.logged(failed)).toMatchObject([{ code: 'SBC_STORE_WRITE' }])
    edge.tolerates(/500/)
  })

  test('a connection that is gone when the registrar answers is taken back, and nothing of it stays', async () => {
    const { edge, browser, pbx } = await begin({ clients: ', lost-connection: { registration: 0s }' })
    asks(browser, JSSIP, { headers: [AUTHORIZATION] })
    pbx.gets('REGISTER')
    browser.disconnects()
    pbx.sends(200)
    edge.passes(20)
    expect(headerOf(pbx.gets('REGISTER'), 'authorization')).toBe(AUTHORIZATION.slice('Authorization: '.length))
    pbx.sends(200)
    expect(views(edge).all).toBe(0)
  })

  test('what the registrar refuses binds nobody', async () => {
    const { edge, browser, pbx } = await begin()
    asks(browser, JSSIP)
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="n1"'] })
    browser.gets(401)
    expect(views(edge).all).toBe(0)
  })
})

describe('N5: a binding dies with its flow', () => {
  const lost = (registration: string): string => `, lost-connection: { registration: ${registration} }`

  test('N5: a closed tab is taken back at the registrar after the grace, as the client itself would', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact', clients: lost('5s') })
    const [register] = registers(browser, pbx, JSSIP, { headers: [AUTHORIZATION] })
    browser.disconnects()
    expect(views(edge).registrations[0]).toMatchObject({ remote: '', lostSince: expect.any(String) })
    edge.passes(4900)
    pbx.getsNothing()
    edge.passes(200)
    const back = pbx.gets('REGISTER')
    pbx.sends(200)
    expect(back.uri).toBe(register.uri)
    for (const name of ['from', 'to', 'call-id', 'authorization']) expect(headerOf(back, name)).toBe(headerOf(register, name))
    expect(Number.parseInt(headerOf(back, 'cseq'), 10)).toBe(Number.parseInt(headerOf(register, 'cseq'), 10) + 1)
    expect(contactUri(back)).toBe(contactUri(register))
    expect(parameterOf(headerOf(back, 'contact').replace(/<[^>]*>/, ''), 'expires')).toBe('0')
    expect(valuesOf(back, 'path')).toEqual([])
    expect(views(edge).all).toBe(0)
    expect(edge.count('browsers taken-back')).toBe(1)
  })

  test('N5: with a grace of zero it goes at once', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('0s') })
    registers(browser, pbx, JSSIP, {}, {})
    browser.disconnects()
    expect(views(edge).all).toBe(0)
    edge.passes(20)
    expect(headerOf(pbx.gets('REGISTER'), 'contact')).toContain(uriOf(JSSIP))
    pbx.sends(200)
  })

  test('N5: who comes back in time on another connection is left alone', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('5s') })
    registers(browser, pbx, JSSIP, {}, {})
    browser.disconnects()
    edge.passes(3000)
    browser.connects()
    registers(browser, pbx, JSSIP, {}, {})
    edge.passes(60_000)
    pbx.getsNothing()
    expect(views(edge).registrations).toMatchObject([{ remote: '198.51.100.7:50001' }])
    expect(views(edge).registrations[0]).not.toHaveProperty('lostSince')
  })

  test('N5: who is about to come back has the time that a challenge takes', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('2s') })
    registers(browser, pbx, JSSIP, {}, {})
    browser.disconnects()
    edge.passes(1900)
    browser.connects()
    asks(browser, JSSIP)
    edge.passes(1000)
    pbx.gets('REGISTER', 'REGISTER')
    pbx.sends(200)
    browser.gets(200)
    edge.passes(60_000)
    pbx.getsNothing()
    expect(views(edge).all).toBe(1)
  })

  test('a registrar that wants new credentials keeps it until it expires: no more than that is tried', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('1s') })
    registers(browser, pbx, JSSIP, { headers: [AUTHORIZATION] }, {})
    browser.disconnects()
    edge.passes(1100)
    pbx.gets('REGISTER')
    pbx.sends(401, { headers: ['WWW-Authenticate: Digest realm="pbx", nonce="n2"'] })
    edge.passes(60_000)
    pbx.getsNothing()
    expect(edge.count('browsers take-back-refused')).toBe(1)
    expect(edge.logged('n1')).toEqual([])
  })

  test('with `tell-registrar: false` only the edge forgets it', async () => {
    const { edge, browser, pbx } = await begin({ clients: ', lost-connection: { registration: 1s, tell-registrar: false }' })
    registers(browser, pbx, JSSIP, {}, {})
    browser.disconnects()
    edge.passes(60_000)
    pbx.getsNothing()
    expect(views(edge).all).toBe(0)
  })

  test('a page that was loaded again (the same instance, another Contact) has one Contact at the registrar', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('5s') })
    registers(browser, pbx, JSSIP, {}, {})
    browser.disconnects()
    browser.connects()
    registers(browser, pbx, JSSIP.replace('n4d7c2j8w1ka', 'another0rand'), { callId: 'reg2' }, {})
    edge.passes(20)
    // Without reg-id and instance: a registrar that goes by these would take back the new one
    expect(headerOf(pbx.gets('REGISTER'), 'contact')).toBe(`<${uriOf(JSSIP)}>;expires=0`)
    pbx.sends(200)
    edge.passes(60_000)
    pbx.getsNothing()
    expect(views(edge).all).toBe(1)
  })

  test('when the edge itself stops nothing is taken back', async () => {
    const { edge, browser, pbx } = await begin({ clients: lost('0s'), store: memory() })
    registers(browser, pbx, JSSIP, {}, {})
    await edge.engine.stop()
    edge.isStopped()
    pbx.getsNothing()
  })

  test('after a restart a client that does not come back is gone after a while; a UDP phone stays', async () => {
    const { edge, browser, pbx } = await begin({ store: memory() })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    registers(browser, pbx, JSSIP, {}, {})
    registers(phone, pbx, PHONE, { headers: ['Expires: 600'], callId: 'reg2' }, {})
    await edge.restarts()
    edge.passes(119_000)
    pbx.getsNothing()
    pbx.replies('REGISTER', 200)
    edge.passes(2000)
    expect(edge.count('browsers taken-back')).toBe(1)
    expect(views(edge).registrations).toMatchObject([{ aor: 'desk@example.com' }])
  })

  test('a thousand tabs that close at once do not fall upon the registrar at once', async () => {
    const { edge, pbx } = await begin({ clients: lost('0s') })
    const tabs = Array.from({ length: 60 }, (_, i) => edge.browser(`tab${i}`, 'web/wss', `198.51.100.${i + 20}:50000`))
    for (const [i, tab] of tabs.entries()) registers(tab, pbx, tab.contact, { callId: `reg${i}`, headers: ['Expires: 600'] }, {})
    for (const tab of tabs) tab.disconnects()
    pbx.replies('REGISTER', 200)
    edge.passes(20)
    expect(edge.count('browsers taken-back')).toBe(20)
    edge.passes(400)
    expect(edge.count('browsers taken-back')).toBe(60)
  })

  test('N5: what our own registrar keeps dies in the same way, and nobody else is told', async () => {
    const edge = await startEdge(`
name: example.com
listeners: { lan: { udp: 10.0.0.5:5060 }, web: { wss: 10.0.0.5:443 } }
zones:
  pbx:      { kind: trunk, on: lan, probe: false, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], authenticate: false, lost-connection: { registration: 5s } }
registrar: {}
routes: [ { to: browsers } ]
media: off
certificates: { main: development }
`)
    const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
    const browser = edge.browser('browser', 'web/wss', '198.51.100.7:50000')
    const registersHere = (): void => {
      asks(browser, JSSIP)
      browser.gets(200)
    }
    registersHere()
    browser.disconnects()
    pbx.sends('INVITE', { uri: 'sip:browser@example.com', fresh: true })
    pbx.gets(480)
    pbx.sends('ACK')
    edge.passes(4000)
    browser.connects()
    registersHere()
    edge.passes(10_000)
    expect(views(edge).registrations).toMatchObject([{ aor: 'browser@example.com', remote: '198.51.100.7:50001' }])
    browser.disconnects()
    edge.passes(5100)
    expect(views(edge).all).toBe(0)
    pbx.getsNothing()
  })

  test('the operator ends a registration; the registrar hears of it, and the client may come back', async () => {
    const { edge, browser, pbx } = await begin({ clients: ', lost-connection: { tell-registrar: false }' })
    registers(browser, pbx, JSSIP, {}, {})
    const { id } = views(edge).registrations[0]!
    expect(edge.engine.endRegistration('nobody')).toBeUndefined()
    expect(edge.engine.endRegistration(id)).toMatchObject({ id, aor: 'browser@example.com' })
    edge.passes(20)
    pbx.gets('REGISTER')
    pbx.sends(200)
    expect(views(edge).all).toBe(0)
    registers(browser, pbx, JSSIP, {}, {})
    expect(views(edge).registrations[0]?.id).toBe(id)
  })
})

const fails = (): never => {
  throw new StoreError('SBC_STORE_WRITE', 'The disk is full')
}
