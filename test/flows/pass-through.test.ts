import { describe, expect, onTestFinished, test } from 'vitest'
import { StoreError } from '../../src/base/errors.ts'
import type { Binding, BindingStore } from '../../src/registrar/types.ts'
import { type EdgeUnderTest, startEdge } from '../support/flow-harness.ts'
import type { Party, SendOptions } from '../support/flow-party.ts'
import { headerOf, parameterOf, uriOf, valuesOf, type Wire } from '../support/wire.ts'
import { callUp, hangUp } from './place.ts'

interface Wishes {
  /** Of the PBX's zone. */
  readonly registrar?: 'auto' | 'path' | 'contact'
  /** Of the clients' zones, in YAML. */
  readonly clients?: string
  readonly store?: BindingStore
  readonly pbx?: string
  /** Of the PBX's zone, behind the first. */
  readonly targets?: string
}

const place = ({ registrar = 'auto', clients = '', pbx = 'probe: false', targets = '' }: Wishes): string => `
name: sbc.example.com
public-address: 203.0.113.5
listeners:
  lan:    { udp: 10.0.0.5:5060, tcp: 10.0.0.5:5060 }
  web:    { wss: 10.0.0.5:443 }
  public: { udp: 10.0.0.5:5080, tls: 10.0.0.5:5061, advertise: public-address }
zones:
  pbx:      { kind: trunk, on: lan, ${pbx}, registrar: ${registrar}, admit: { networks: [ 10.0.0.0/24 ] }, targets: [ "sip:10.0.0.20:5060;transport=udp"${targets} ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ]${clients} }
  phones:   { kind: phones, on: public, nat: off${clients} }
routes:
  - { from: [ browsers, phones ], to: pbx }
  - { from: pbx, to: browsers }
media: off
certificates: { main: development }
`

interface Here {
  readonly edge: EdgeUnderTest
  readonly pbx: Party
  readonly browser: Party
}

const begin = async (wishes: Wishes = {}): Promise<Here> => {
  const edge = await startEdge(place(wishes), {
    touches: ['contact', 'expires', 'to'],
    ...(wishes.store && { bindings: wishes.store }),
  })
  const pbx = edge.party('pbx', 'lan/udp', '10.0.0.20:5060')
  // What runs out when the test is over is taken back
  onTestFinished(() => pbx.replies('REGISTER', 200))
  return {
    edge,
    pbx,
    browser: edge.browser('browser', 'web/wss', '198.51.100.7:50000'),
  }
}

const INSTANCE = '+sip.instance="<urn:uuid:6e0b0dd6-1f5c-4c6e-9f3b-2a2f3d0b8a11>"'
/** As JsSIP writes it. */
const JSSIP = `<sip:h3k9q0mv@n4d7c2j8w1ka.invalid;transport=ws>;+sip.ice;reg-id=1;${INSTANCE};expires=600`
/** As SIP.js does. */
const SIPJS = '<sip:t8v0a1cd@p2k5j9s7h3n4.invalid;transport=ws>;expires=600'
const PHONE = '<sip:desk@192.168.1.40:5062;transport=TLS;ob>;q=0.8'

const AUTHORIZATION = 'Authorization: Digest username="browser", realm="pbx", nonce="n1", uri="sip:example.com", response="aa"'

const asks = (client: Party, contact: string, more: SendOptions = {}): Wire =>
  client.sends('REGISTER', { uri: 'sip:example.com', to: `sip:${client.name}@example.com`, fresh: true, contact, callId: 'reg1', ...more })

/** A registrar that stores the Contact as it is, and knows no Path. */
const OLD = { without: ['path'] } as const

/** A REGISTER and its 200. */
const registers = (client: Party, pbx: Party, contact: string, more: SendOptions = {}, answer: SendOptions = OLD): [Wire, Wire] => {
  asks(client, contact, more)
  const register = pbx.gets('REGISTER')
  pbx.sends(200, answer)
  return [register, client.gets(200)]
}

const contactUri = (wire: Wire): string => uriOf(headerOf(wire, 'contact'))
const views = (edge: EdgeUnderTest, search = '') => edge.engine.registrations({ search, skip: 0, limit: 100 })

describe('a registrar that knows no Path', () => {
  test.each([
    ['JsSIP', JSSIP],
    ['SIP.js', SIPJS],
  ])(
    'N3: the Contact of %s is one of ours, short, with its parameters as they were; the client gets its own back',
    async (_who, contact) => {
      const { browser, pbx } = await begin({ registrar: 'contact' })
      const [register, ok] = registers(browser, pbx, contact)
      expect(valuesOf(register, 'path')).toEqual([])
      expect(contactUri(register)).toMatch(/^sip:\w{8}@10\.0\.0\.5:5060;ewc=[\w\-.!~]+;ewo=[\w\-.~]+$/)
      expect(contactUri(register).length).toBeLessThan(150)
      expect(headerOf(register, 'contact').replace(/<[^>]*>/, '')).toBe(contact.replace(/<[^>]*>/, ''))
      expect(headerOf(ok, 'contact')).toBe(contact)
    },
  )

  test('N3: a call to that Contact reaches the client under its own Contact, through its connection', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const other = edge.browser('other', 'web/wss', '198.51.100.8:50000')
    registers(other, pbx, SIPJS, { callId: 'reg2' })
    const [register] = registers(browser, pbx, JSSIP)
    callUp(pbx, browser, contactUri(register))
    expect(browser.invite?.uri).toBe(uriOf(JSSIP))
    hangUp(browser, pbx)
    other.getsNothing()
  })

  test('qualify: an OPTIONS to that Contact reaches the phone, over UDP and TLS', async () => {
    const { edge, pbx } = await begin({ registrar: 'contact' })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    const [register] = registers(phone, pbx, '<sip:desk@192.168.1.40:5062;ob>')
    pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
    expect(phone.gets('OPTIONS').uri).toBe('sip:desk@192.168.1.40:5062;ob')
    phone.sends(200)
    pbx.gets(200)
    const tls = edge.party('soft', 'public/tls', '198.51.100.41:40000')
    const [second] = registers(tls, pbx, PHONE, { callId: 'reg2' })
    pbx.sends('OPTIONS', { uri: contactUri(second), fresh: true })
    expect(tls.gets('OPTIONS').uri).toBe('sip:desk@192.168.1.40:5062;transport=TLS;ob')
    tls.sends(200)
    pbx.gets(200)
  })

  test('a PBX that puts the dialled number into the user part is passed on as it wrote it', async () => {
    const { browser, pbx } = await begin({ registrar: 'contact' })
    const [register] = registers(browser, pbx, JSSIP)
    pbx.sends('OPTIONS', { uri: contactUri(register).replace('h3k9q0mv', '+4930123'), fresh: true })
    expect(browser.gets('OPTIONS').uri).toBe('sip:+4930123@n4d7c2j8w1ka.invalid;transport=ws')
    browser.sends(200)
    pbx.gets(200)
  })

  test.each(['path', 'contact'] as const)(
    'number rules leave the Request-URI of a call by %s alone: it is what the client registered',
    async (registrar) => {
      const { edge, pbx } = await begin({
        registrar,
        pbx: 'probe: false, numbers: { in: [ { strip: 1 } ] }',
        clients: ', numbers: { out: [ { prefix: "9" } ] }',
      })
      const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
      const [register] = registers(phone, pbx, '<sip:1234@198.51.100.40:5062>', { headers: ['Expires: 600'] }, {})
      pbx.sends('OPTIONS', { uri: contactUri(register), routes: valuesOf(register, 'path'), fresh: true })
      expect(phone.gets('OPTIONS').uri).toBe('sip:1234@198.51.100.40:5062')
      phone.sends(200)
      pbx.gets(200)
    },
  )

  test('D1: after a restart, with the same keys, the Contact still finds the client that came back', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const [register] = registers(browser, pbx, JSSIP)
    await edge.restarts()
    pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
    pbx.gets(480)
    browser.connects()
    const [again] = registers(browser, pbx, JSSIP, { callId: 'reg1' })
    expect(contactUri(again), 'the registrar has one Contact of it, not two').toBe(contactUri(register))
    pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
    browser.gets('OPTIONS')
    browser.sends(200)
    pbx.gets(200)
  })

  test('D1: the Contact of a UDP phone is good right after a restart', async () => {
    const { edge, pbx } = await begin({ registrar: 'contact' })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    const [register] = registers(phone, pbx, PHONE)
    await edge.restarts()
    callUp(pbx, phone, contactUri(register))
    hangUp(pbx, phone)
  })

  test.each(['path', 'contact'] as const)(
    'by %s, who shows the instance and Contact of somebody else gets none of his calls, also when he is the first after a restart',
    async (registrar) => {
      const { edge, browser, pbx } = await begin({ registrar })
      const [register] = registers(browser, pbx, JSSIP, {}, {})
      const target = { uri: contactUri(register), routes: valuesOf(register, 'path'), fresh: true }
      await edge.restarts()
      const thief = edge.browser('thief', 'web/wss', '198.51.100.66:50000')
      registers(thief, pbx, JSSIP, { callId: 'reg2' }, {})
      pbx.sends('OPTIONS', target)
      pbx.gets(registrar === 'path' ? 430 : 480)
      browser.connects()
      registers(browser, pbx, JSSIP, {}, {})
      pbx.sends('OPTIONS', target)
      browser.gets('OPTIONS')
      browser.sends(200)
      pbx.gets(200)
      thief.getsNothing()
    },
  )

  test('RFC 5626: a new connection of the same instance is called by the same Contact', async () => {
    const { browser, pbx } = await begin({ registrar: 'contact' })
    const [first] = registers(browser, pbx, JSSIP)
    browser.disconnects()
    browser.connects()
    const [second] = registers(browser, pbx, JSSIP)
    expect(contactUri(second)).toBe(contactUri(first))
    callUp(pbx, browser, contactUri(first))
    hangUp(pbx, browser)
  })

  test.each([
    ['of another key', 'forged'],
    ['with another original', 'forged'],
    ['with another flow', 'forged'],
    ['cut off', 'malformed'],
  ])('a Contact of ours %s gets 403 and is counted', async (what, fault) => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const [register] = registers(browser, pbx, JSSIP)
    const uri = contactUri(register)
    if (what === 'of another key') edge.losesItsKeys()
    const forged: Readonly<Record<string, string>> = {
      'of another key': uri,
      'with another original': uri.replace(/ewo=.*/, 'ewo=evil.example.com'),
      'with another flow': uri.replace('c~~b', 'c~~x'),
      'cut off': uri.slice(0, uri.indexOf(';ewo')).slice(0, -3),
    }
    pbx.sends('INVITE', { uri: forged[what]!, fresh: true })
    pbx.gets(403)
    pbx.sends('ACK')
    expect(edge.count(`refused ${fault}`)).toBe(1)
  })

  test('only the registrar’s side may use it: a client that has seen the Contact of another gets 403', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const [register] = registers(browser, pbx, JSSIP)
    const other = edge.browser('other', 'web/wss', '198.51.100.8:50000')
    other.sends('INVITE', { uri: contactUri(register), fresh: true })
    other.gets(403)
    other.sends('ACK')
    expect(edge.count('refused wrong-side')).toBe(1)
  })

  test('RFC 5626 §5.3.1: when the connection is gone a PBX without Path hears 480, which it understands', async () => {
    const { browser, pbx } = await begin({ registrar: 'contact', clients: ', lost-connection: { registration: 1h }' })
    const [register] = registers(browser, pbx, JSSIP)
    browser.disconnects()
    pbx.sends('INVITE', { uri: contactUri(register), fresh: true })
    pbx.gets(100, 480)
    pbx.sends('ACK')
  })

  test('a Contact that is too long for registrars is named by a short one, and found again after a restart by the store', async () => {
    const store = memory()
    const { edge, pbx } = await begin({ registrar: 'contact', store })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    const long = `<sip:desk@192.168.1.40:5062;pn-provider=apns;pn-prid=${'0123456789abcdef'.repeat(20)}>`
    const [register, ok] = registers(phone, pbx, long, { headers: ['Expires: 600'] })
    expect(contactUri(register).length).toBeLessThan(150)
    expect(uriOf(headerOf(ok, 'contact'))).toBe(uriOf(long))
    await edge.restarts()
    pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
    expect(phone.gets('OPTIONS').uri).toBe(uriOf(long))
    phone.sends(200)
    pbx.gets(200)
  })

  test('§10.3: the Contacts of other clients in the 200 are theirs again, those that are not ours stay', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const other = edge.browser('other', 'web/wss', '198.51.100.8:50000')
    const [theirs] = registers(other, pbx, SIPJS, { callId: 'reg2', to: 'sip:browser@example.com' })
    const foreign = '<sip:desk@10.0.0.77:5060>;expires=33'
    const [, ok] = registers(browser, pbx, JSSIP, {}, { ...OLD, headers: [`Contact: ${headerOf(theirs, 'contact')}, ${foreign}`] })
    expect(valuesOf(ok, 'contact').flatMap((value) => value.split(/,\s*(?=<)/))).toEqual([JSSIP, SIPJS, foreign])
  })

  test('§10.2.2: what is taken back is the Contact that the registrar has; `*` passes as it is', async () => {
    const { edge, browser, pbx } = await begin({ registrar: 'contact' })
    const [register] = registers(browser, pbx, JSSIP)
    expect(views(edge).total).toBe(1)
    const [gone, ok] = registers(browser, pbx, JSSIP.replace('600', '0'))
    expect(contactUri(gone)).toBe(contactUri(register))
    expect(contactUri(ok)).toBe(uriOf(JSSIP))
    expect(views(edge).total).toBe(0)
    registers(browser, pbx, JSSIP)
    const [all] = registers(browser, pbx, '*', { headers: ['Expires: 0'] })
    expect(headerOf(all, 'contact')).toBe('*')
    expect(views(edge).total).toBe(0)
  })
})

describe('which registrars know Path', () => {
  test('RFC 3327 §5.3: an answer without our Path shows one that does not: the client soon comes again, and its Contact is ours then', async () => {
    const { edge, browser, pbx } = await begin()
    const [first, ok] = registers(browser, pbx, JSSIP, { headers: [AUTHORIZATION] })
    expect(valuesOf(first, 'path')).toHaveLength(1)
    expect(headerOf(ok, 'contact')).toContain('expires=10')
    expect(edge.logged(noPath)).toHaveLength(1)
    const [second, granted] = registers(browser, pbx, JSSIP, { headers: [AUTHORIZATION] })
    expect(valuesOf(second, 'path')).toEqual([])
    expect(contactUri(second)).toContain(';ewc=')
    expect(headerOf(granted, 'contact')).toBe(JSSIP)
    edge.passes(20)
    // The registrar has the client's own Contact from before, under which nobody can be called
    const old = pbx.gets('REGISTER')
    expect(headerOf(old, 'contact')).toBe(`<${uriOf(JSSIP)}>;expires=0`)
    pbx.sends(200)
    expect(edge.logged(noPath)).toHaveLength(1)
  })

  test('with `registrar: path` no Contact is touched, whatever the answer says', async () => {
    const { browser, pbx } = await begin({ registrar: 'path' })
    const [, ok] = registers(browser, pbx, JSSIP)
    expect(headerOf(ok, 'contact')).toBe(JSSIP)
    const [register] = registers(browser, pbx, JSSIP)
    expect(headerOf(register, 'contact')).toBe(JSSIP)
    expect(valuesOf(register, 'path')).toHaveLength(1)
  })

  test('a registrar that repeats the Path keeps getting it', async () => {
    const { edge, browser, pbx } = await begin()
    const [, ok] = registers(browser, pbx, JSSIP, {}, {})
    expect(headerOf(ok, 'contact')).toBe(JSSIP)
    const [register] = registers(browser, pbx, JSSIP, {}, {})
    expect(valuesOf(register, 'path')).toHaveLength(1)
    expect(edge.logged(noPath)).toEqual([])
  })

  test('what a registrar takes no notice of is known after a restart, from the bindings that were kept', async () => {
    const { edge, browser, pbx } = await begin({ store: memory() })
    registers(browser, pbx, JSSIP)
    registers(browser, pbx, JSSIP)
    edge.passes(20)
    pbx.gets('REGISTER')
    pbx.sends(200)
    await edge.restarts()
    browser.connects()
    const [register] = registers(browser, pbx, JSSIP)
    expect(contactUri(register)).toContain(';ewc=')
  })
})

const noPath =
  'The registrar takes no notice of Path: from now on the Contacts that it gets are ours ("registrar: contact" in its zone says so at once)'

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

/** A store in memory that a restart leaves alone. */
const memory = (): BindingStore => {
  const kept = new Map<string, Binding>()
  return {
    load: () => [...kept.values()],
    put: (binding) => {
      kept.set(`${binding.aor} ${binding.key}`, structuredClone(binding) as Binding)
    },
    remove: (aor, key) => {
      kept.delete(`${aor} ${key}`)
    },
    together: (run) => run(),
  }
}
