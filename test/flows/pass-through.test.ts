import { describe, expect, test } from 'vitest'
import { startEdge } from '../support/flow-harness.ts'
import { headerOf, uriOf, valuesOf } from '../support/wire.ts'
import { AUTHORIZATION, begin, contactUri, JSSIP, memory, OLD, PHONE, registers, SIPJS, views } from './pass-place.ts'
import { callUp, hangUp } from './place.ts'

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

  test('who shows the same long Contact and takes it back takes nobody else’s', async () => {
    const { edge, pbx } = await begin({ registrar: 'contact' })
    const long = `<sip:desk@192.168.1.40:5062;pn-provider=apns;pn-prid=${'0123456789abcdef'.repeat(20)}>`
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    const [register] = registers(phone, pbx, long, { headers: ['Expires: 600'] })
    const mallory = edge.party('mallory', 'public/udp', '198.51.100.66:5062')
    registers(mallory, pbx, long, { headers: ['Expires: 600'], callId: 'reg2' })
    registers(mallory, pbx, long, { headers: ['Expires: 0'], callId: 'reg2' })
    pbx.sends('OPTIONS', { uri: contactUri(register), fresh: true })
    phone.gets('OPTIONS')
    phone.sends(200)
    pbx.gets(200)
  })

  test('a long Contact that was replaced is kept no longer', async () => {
    const { edge, pbx } = await begin({ registrar: 'contact', clients: ', lost-connection: { tell-registrar: false }' })
    const phone = edge.party('desk', 'public/udp', '198.51.100.40:5062')
    const [first, second] = ['a', 'b'].map((letter) => {
      const contact = `<sip:desk@192.168.1.40:5062;pn-prid=${letter.repeat(300)}>;+sip.instance="<urn:uuid:1>";reg-id=1`
      return registers(phone, pbx, contact, { headers: ['Expires: 600'] })[0]
    })
    pbx.sends('OPTIONS', { uri: contactUri(first!), fresh: true })
    pbx.gets(480)
    pbx.sends('OPTIONS', { uri: contactUri(second!), fresh: true })
    phone.gets('OPTIONS')
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

test('two PBXs with users of the same name: who is accepted by one does not get the calls of the other', async () => {
  const edge = await startEdge(
    `
name: sbc.example.com
listeners: { lan: { udp: 10.0.0.5:5060 }, web: { wss: 10.0.0.5:443 } }
zones:
  one:      { kind: trunk, on: lan, probe: false, registrar: contact, targets: [ "sip:10.0.0.20:5060;transport=udp" ] }
  two:      { kind: trunk, on: lan, probe: false, registrar: contact, targets: [ "sip:10.0.0.30:5060;transport=udp" ] }
  browsers: { kind: webrtc, on: web, origins: [ "*" ], lost-connection: { tell-registrar: false } }
routes:
  - { from: browsers, host: two.example.com, to: two }
  - { from: browsers, to: one }
media: off
certificates: { main: development }
`,
    { touches: ['contact'] },
  )
  const one = edge.party('one', 'lan/udp', '10.0.0.20:5060')
  const two = edge.party('two', 'lan/udp', '10.0.0.30:5060')
  const alice = edge.browser('alice', 'web/wss', '198.51.100.7:50000')
  const [register] = registers(alice, one, JSSIP)
  const mallory = edge.browser('alice', 'web/wss', '198.51.100.66:50000')
  registers(mallory, two, JSSIP, { uri: 'sip:two.example.com', callId: 'reg2' })
  one.sends('OPTIONS', { uri: contactUri(register), fresh: true })
  alice.gets('OPTIONS')
  alice.sends(200)
  one.gets(200)
  mallory.getsNothing()
})
