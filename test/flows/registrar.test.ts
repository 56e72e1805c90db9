import { describe, expect, test } from 'vitest'
import { headerOf, valuesOf } from '../support/wire.ts'
import { hangUp } from './place.ts'
import { MemoryStore, placeWith, registers, SUBSCRIBERS, startRegistrar } from './registrar-place.ts'

const instance = (id: string, regId?: number): string => `;+sip.instance="<urn:uuid:${id}>"${regId === undefined ? '' : `;reg-id=${regId}`}`

describe('our own registrar', () => {
  test('§10.3: a REGISTER stays here, and its 200 has the binding', async () => {
    const { edge, pbx, phone, store } = await startRegistrar()
    const desk = phone('desk', 5062)
    const answer = registers(desk, 'alice', { headers: ['Expires: 300'] })
    expect(valuesOf(answer, 'contact')).toEqual(['<sip:desk@192.168.1.5:5062>;expires=300'])
    expect(headerOf(answer, 'date')).toMatch(/ GMT$/)
    expect(headerOf(answer, 'p-associated-uri')).toBe('<sip:alice@example.com>, <sip:+442079460100@example.com>')
    expect(store.load()).toMatchObject([{ aor: 'alice@example.com', zone: 'phones', listener: 'public/udp' }])
    expect(edge.count('phones registered')).toBe(1)
    pbx.getsNothing()
  })

  test('§10.3 item 5: one address-of-record, whichever domain, alias and spelling was written', async () => {
    const { phone, store } = await startRegistrar()
    const desk = phone('desk', 5062)
    for (const to of ['sip:alice@EXAMPLE.org', 'sip:%61lice@203.0.113.5:5080', 'sips:+44-20-7946-0100@sbc.example.com;user=phone'])
      registers(desk, '', { to })
    expect(store.load().map(({ aor }) => aor)).toEqual(['alice@example.com'])
  })

  test.each([
    ['§10.3 item 1: another domain in the Request-URI', { uri: 'sip:elsewhere.example.net' }, 404],
    ['§10.3 item 5: another domain in To', { to: 'sip:alice@elsewhere.example.net' }, 404],
    ['§10.3 item 5: nobody in To', { to: 'sip:example.com' }, 404],
    ['§10.3 item 4: a user who is disabled', { to: 'sip:carol@example.com' }, 403],
    ['§10.2.8: too brief', { headers: ['Expires: 5'] }, 423],
  ] as const)('%s', async (_what, options, status) => {
    const { phone, store, edge } = await startRegistrar()
    const answer = registers(phone('desk', 5062), 'alice', options, status)
    if (status === 423) expect(headerOf(answer, 'min-expires')).toBe('60')
    expect(store.load()).toEqual([])
    expect(edge.count('phones refused')).toBe(1)
  })

  test('a zone that refuses registrations', async () => {
    const { phone } = await startRegistrar(
      placeWith().replace('kind: phones, on: public, authenticate: false', 'kind: phones, on: public, registration: refuse'),
    )
    registers(phone('desk', 5062), 'alice', {}, 403)
  })

  test('§10.3: what cannot be kept is not answered with 200', async () => {
    const { edge, phone, store } = await startRegistrar()
    const { StoreError } = await import('../../src/base/errors.ts')
    store.put = () => {
      throw new StoreError('SBC_STORE_WRITE', 'The disk is full')
    }
    registers(phone('desk', 5062), 'alice', {}, 503)
    expect(edge.logged('Registrations cannot be kept, and are refused')).toMatchObject([{ code: 'SBC_STORE_WRITE' }])
    edge.tolerates(/500/)
  })

  test('RFC 5626 §4.4.1: Flow-Timer on connections alone', async () => {
    const { edge, phone } = await startRegistrar()
    const browser = edge.browser('browser', 'web/wss', '198.51.100.8:50000')
    const asked = { headers: ['Supported: outbound'], parameters: instance('1', 1) }
    expect(headerOf(registers(browser, 'alice', asked), 'flow-timer')).toBe('120')
    const answer = registers(phone('desk', 5062), 'alice', asked)
    expect([headerOf(answer, 'flow-timer'), headerOf(answer, 'require')]).toEqual(['', 'outbound'])
  })

  test('a binding that has expired is swept, and its user is away', async () => {
    const { edge, pbx, phone, store } = await startRegistrar()
    registers(phone('desk', 5062), 'alice', { headers: ['Expires: 60'] })
    edge.passes(66_000)
    expect(store.load()).toEqual([])
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    pbx.gets(480)
    pbx.sends('ACK')
  })
})

test('a user who is removed or disabled is not called any more', async () => {
  const gone = new Set<string>()
  let version = 1
  const subscribers = {
    ...SUBSCRIBERS,
    find: (part: string) => (gone.has(part) ? undefined : SUBSCRIBERS.find(part)),
    version: () => version,
  }
  const { edge, pbx, phone, store } = await startRegistrar(placeWith(), { subscribers })
  registers(phone('desk', 5062), 'alice')
  registers(phone('soft', 5063), 'bob')
  registers(phone('open', 5064), 'nobody-that-we-know')
  gone.add('bob')
  version++
  edge.passes(5000)
  expect(store.load().map(({ aor }) => aor)).toEqual(['alice@example.com', 'nobody-that-we-know@example.com'])
  pbx.sends('MESSAGE', { uri: 'sip:bob@example.com' })
  pbx.gets(404)
})

test('what may register without showing who it is has an end: who is there stays, with the contacts that are there', async () => {
  const store = new MemoryStore()
  const { edge, phone } = await startRegistrar(placeWith(), { bindings: store })
  const [desk, more] = [phone('desk', 5062), phone('more', 5063)]
  registers(desk, 'alice')
  const one = store.load()[0]!
  const many = Array.from({ length: 99_999 }, (_, i) => ({ ...one, aor: `user${i}@example.com` }))
  store.load = () => [one, ...many]
  await edge.restarts()
  for (const name of ['alice', 'user7']) {
    registers(desk, name)
    registers(more, name, {}, 503)
  }
  registers(desk, 'new', {}, 503)
  edge.tolerates(/503/)
})

describe('calls to registered users', () => {
  test('§16.5, §19.1.1: the Contact becomes the Request-URI, through the flow that registered', async () => {
    const { pbx, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    registers(desk, 'alice', { contact: '<sip:desk@192.168.1.5:5062;line=7;method=INVITE?Subject=x>' })
    pbx.sends('INVITE', { uri: 'sip:alice@203.0.113.5:5080' })
    const invite = desk.gets('INVITE')
    expect(invite.uri).toBe('sip:desk@192.168.1.5:5062;line=7')
    expect(desk.flowOf(invite).remotePort).toBe(5062)
    desk.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    desk.gets('ACK')
    hangUp(desk, pbx)
  })

  test('by alias, by a number with separators, and by tel URI', async () => {
    const { pbx, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    registers(desk, 'alice')
    for (const uri of ['sip:+442079460100@example.com', 'sip:+44-20-7946-0100@example.org;user=phone', 'tel:+44-20-79460100']) {
      pbx.sends('MESSAGE', { uri, fresh: true })
      expect(desk.gets('MESSAGE').uri).toBe('sip:desk@192.168.1.5:5062')
      desk.sends(200)
      pbx.gets(200)
    }
  })

  test.each([
    ['§21.4.5: nobody of that name', 'sip:nobody@example.com', 404],
    ['§21.4.5: a domain that is not ours', 'sip:alice@elsewhere.example.net', 404],
    ['§21.4.18: a user who is nowhere', 'sip:bob@example.com', 480],
    ['§21.4.18: a user who is disabled', 'sip:carol@example.com', 480],
  ])('%s', async (_what, uri, status) => {
    const { pbx } = await startRegistrar()
    pbx.sends('INVITE', { uri })
    pbx.gets(status)
    pbx.sends('ACK')
  })

  test('RFC 3327 §5.4: the Path that a contact registered with is its Route', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    edge.tolerates(/Route .* was not there before/)
    const desk = phone('desk', 5062)
    registers(desk, 'alice', { headers: ['Supported: path', 'Path: <sip:p2.example.net;lr>', 'Path: <sip:p1.example.net;lr;x=1>'] })
    pbx.sends('MESSAGE', { uri: 'sip:alice@example.com' })
    expect(valuesOf(desk.gets('MESSAGE'), 'route')).toEqual(['<sip:p2.example.net;lr>', '<sip:p1.example.net;lr;x=1>'])
    desk.sends(200)
    pbx.gets(200)
  })

  test('§16.6 item 6, §16.7: equal q ring together; who answers takes the call, and the others are told so (RFC 3326)', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    const browser = edge.browser('browser', 'web/wss', '198.51.100.8:50000')
    registers(desk, 'alice')
    registers(browser, 'alice')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    desk.gets('INVITE')
    browser.gets('INVITE')
    desk.sends(180)
    browser.sends(180)
    pbx.gets(100, 180, 180)
    browser.sends(200)
    expect(headerOf(desk.gets('CANCEL'), 'reason')).toBe('SIP;cause=200;text="Call completed elsewhere"')
    desk.sends(200)
    desk.sends(487, { of: desk.invite! })
    desk.gets('ACK')
    pbx.gets(200)
    pbx.sends('ACK')
    browser.gets('ACK')
    hangUp(pbx, browser)
  })

  test('RFC 5393 §5.3.3: Max-Breadth is shared by the branches, and bounds how many there are', async () => {
    const { pbx, phone } = await startRegistrar()
    const phones = [phone('one', 5062), phone('two', 5063), phone('three', 5064)]
    for (const one of phones) registers(one, 'alice')
    const breadths = (): readonly string[] =>
      phones.flatMap((one) => (one.inbox.length === 0 ? [] : [headerOf(one.gets('INVITE'), 'max-breadth')]))
    const refuses = (): void => {
      for (const one of phones) {
        one.sends(486)
        one.gets('ACK')
      }
    }
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    pbx.gets(100)
    expect(breadths()).toEqual(['20', '20', '20'])
    refuses()
    pbx.gets(486)
    pbx.sends('ACK')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com', fresh: true, headers: ['Max-Breadth: 2'] })
    pbx.gets(100)
    expect(breadths()).toEqual(['1', '1'])
    for (const one of phones.slice(0, 2)) {
      one.sends(486)
      one.gets('ACK')
    }
    expect(breadths()).toEqual(['2'])
    phones[2]!.sends(486)
    phones[2]!.gets('ACK')
    pbx.gets(486)
    pbx.sends('ACK')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com', fresh: true, headers: ['Max-Breadth: 0'] })
    pbx.gets(440)
    pbx.sends('ACK')
  })

  test('§16.7: a CANCEL of the caller ends all of them', async () => {
    const { pbx, phone } = await startRegistrar()
    const phones = [phone('desk', 5062), phone('soft', 5063)]
    for (const one of phones) registers(one, 'alice')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    pbx.gets(100)
    for (const one of phones) {
      one.gets('INVITE')
      one.sends(180)
    }
    pbx.gets(180, 180)
    pbx.sends('CANCEL')
    pbx.gets(200)
    for (const one of phones) {
      one.gets('CANCEL')
      one.sends(200)
      one.sends(487, { of: one.invite! })
      one.gets('ACK')
    }
    pbx.gets(487)
    pbx.sends('ACK')
  })

  test('§16.6 item 5: the highest q first; the next when it is busy', async () => {
    const { pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    registers(second, 'alice', { parameters: ';q=0.2' })
    registers(first, 'alice', { parameters: ';q=0.9' })
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    pbx.gets(100)
    first.gets('INVITE')
    second.getsNothing()
    first.sends(486)
    first.gets('ACK')
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    pbx.gets(486)
    pbx.sends('ACK')
  })

  test('§16.7 item 5: 6xx ends the search', async () => {
    const { pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    registers(first, 'alice')
    registers(second, 'alice', { parameters: ';q=0.2' })
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    first.gets('INVITE')
    first.sends(603)
    first.gets('ACK')
    pbx.gets(100, 603)
    pbx.sends('ACK')
    second.getsNothing()
  })

  test.each([
    ['serial', 'one after the other, whatever their q', ['INVITE'], []],
    ['parallel', 'all at once, whatever their q', ['INVITE'], ['INVITE']],
  ] as const)('fork: %s calls contacts %s', async (fork, _what, one, two) => {
    const { edge, pbx, phone } = await startRegistrar(
      placeWith().replace('[ phones, browsers ] }', `[ phones, browsers ], fork: ${fork} }`),
    )
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    registers(second, 'alice', fork === 'parallel' ? { parameters: ';q=0.1' } : {})
    edge.passes(10)
    registers(first, 'alice')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    first.gets(...one)
    if (two.length > 0) second.gets(...two)
    else second.getsNothing()
    first.sends(600)
    first.gets('ACK')
    if (two.length > 0) {
      second.sends(486)
      second.gets('ACK')
    }
    pbx.gets(100, 600)
    pbx.sends('ACK')
  })

  test('N5: a contact whose connection is gone is left out, and the others ring', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    const browser = edge.browser('browser', 'web/wss', '198.51.100.8:50000')
    registers(desk, 'alice')
    registers(browser, 'alice')
    registers(browser, 'bob')
    browser.disconnects()
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    desk.gets('INVITE')
    desk.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    desk.gets('ACK')
    hangUp(pbx, desk)
    pbx.sends('INVITE', { uri: 'sip:bob@example.com', fresh: true })
    pbx.gets(480)
    pbx.sends('ACK')
  })

  test('RFC 5626 §7: of one instance one flow at a time; 430 and silence go to the next, any other answer is the instance’s', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    registers(second, 'alice', { parameters: instance('a', 2) })
    edge.passes(10)
    registers(first, 'alice', { parameters: instance('a', 1) })
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    first.gets('INVITE')
    second.getsNothing()
    first.sends(430)
    first.gets('ACK')
    second.gets('INVITE')
    second.sends(486)
    second.gets('ACK')
    pbx.gets(100, 486)
    pbx.sends('ACK')
    first.isDeaf()
    pbx.sends('INVITE', { uri: 'sip:alice@example.com', fresh: true })
    edge.passes(4000)
    second.gets('INVITE')
    second.sends(200)
    pbx.gets(100, 200)
    pbx.sends('ACK')
    second.gets('ACK')
    hangUp(pbx, second)
  })

  test('RFC 5626 §7: when all flows of the instance failed it is away', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    registers(second, 'alice', { parameters: instance('a', 2) })
    edge.passes(10)
    registers(first, 'alice', { parameters: instance('a', 1) })
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    for (const one of [first, second]) {
      one.gets('INVITE')
      one.sends(430)
      one.gets('ACK')
    }
    pbx.gets(100, 480)
    pbx.sends('ACK')
  })

  test('§16.7 item 6: a flow that fails is no answer: what another phone says goes back', async () => {
    const { pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    for (const one of [first, second]) registers(one, 'alice')
    pbx.sends('INVITE', { uri: 'sip:alice@example.com' })
    for (const [one, status] of [
      [first, 430],
      [second, 486],
    ] as const) {
      one.gets('INVITE')
      one.sends(status)
      one.gets('ACK')
    }
    pbx.gets(100, 486)
    pbx.sends('ACK')
  })

  test('a zone behind the registered ones gets the call when nobody could be reached', async () => {
    const { edge, pbx, phone } = await startRegistrar(placeWith('', '[ phones, browsers, pbx ]'))
    const [desk, caller] = [phone('desk', 5062), phone('caller', 5063)]
    registers(desk, 'alice')
    registers(caller, 'bob')
    desk.isDeaf()
    caller.sends('INVITE', { uri: 'sip:alice@example.com', fresh: true })
    edge.passes(4000)
    pbx.gets('INVITE')
    pbx.sends(486)
    pbx.gets('ACK')
    caller.gets(100, 486)
    caller.sends('ACK')
  })

  test('RFC 5627 §5.3: a call to a GRUU reaches that instance and no other', async () => {
    const { pbx, phone } = await startRegistrar()
    const [first, second] = [phone('first', 5062), phone('second', 5063)]
    const answer = registers(first, 'alice', { parameters: instance('a'), headers: ['Supported: gruu'] })
    registers(second, 'alice', { parameters: instance('b'), headers: ['Supported: gruu'] })
    const gruu = /pub-gruu="([^"]+)"/.exec(headerOf(answer, 'contact'))![1]!
    pbx.sends('MESSAGE', { uri: gruu })
    expect(first.gets('MESSAGE').uri).toBe('sip:first@192.168.1.5:5062')
    first.sends(200)
    pbx.gets(200)
    pbx.sends('MESSAGE', { uri: gruu.replace(/a$/, 'c') })
    pbx.gets(480)
    second.getsNothing()
  })

  test('RFC 5627 §4, INTEROP(JsSIP): a browser whose Contact is its GRUU is found again when it comes back in mid-call', async () => {
    const { edge, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    registers(desk, 'bob')
    const browser = edge.browser('alice', 'web/wss', '198.51.100.8:50000')
    const account = { parameters: instance('b', 1), headers: ['Supported: gruu, outbound'] }
    const gruu = /pub-gruu="([^"]+)"/.exec(headerOf(registers(browser, 'alice', account), 'contact'))![1]!
    const other = edge.browser('other', 'web/wss', '198.51.100.9:50000')
    registers(other, 'alice', { ...account, parameters: instance('c', 1) })
    browser.sends('INVITE', { uri: 'sip:bob@example.com', fresh: true, contact: `<${gruu};ob>` })
    desk.gets('INVITE')
    desk.sends(200)
    browser.gets(100, 200)
    browser.sends('ACK')
    desk.gets('ACK')
    browser.disconnects()
    const back = edge.browser('alice', 'web/wss', '198.51.100.77:40000')
    registers(back, 'alice', account)
    desk.sends('BYE')
    back.gets('BYE')
    back.sends(200)
    desk.gets(200)
    other.getsNothing()
  })

  test('T3, T8: two browsers of one zone call each other', async () => {
    const { edge } = await startRegistrar()
    const [one, two] = [edge.browser('one', 'web/wss', '198.51.100.8:50000'), edge.browser('two', 'web/wss', '198.51.100.9:50000')]
    registers(one, 'alice')
    registers(two, 'bob')
    one.sends('INVITE', { uri: 'sip:bob@example.com', fresh: true })
    two.gets('INVITE')
    two.sends(200)
    one.gets(100, 200)
    one.sends('ACK')
    two.gets('ACK')
    hangUp(two, one)
  })

  test('a zone behind the registered ones gets the call when nobody is there', async () => {
    const { pbx, phone } = await startRegistrar(placeWith('', '[ phones, browsers, pbx ]'))
    const desk = phone('desk', 5062)
    registers(desk, 'bob')
    desk.sends('INVITE', { uri: 'sip:alice@example.com', fresh: true })
    expect(pbx.gets('INVITE').uri).toBe('sip:alice@10.0.0.20:5060')
    pbx.sends(486)
    pbx.gets('ACK')
    desk.gets(100, 486)
    desk.sends('ACK')
  })

  test('number rules do not touch what a phone calls itself', async () => {
    const { pbx, phone } = await startRegistrar(
      placeWith()
        .replace('[ phones, browsers ] }', '[ phones, browsers ], numbers: [ { strip: 2, on: request-uri } ] }')
        .replace('authenticate: false, nat: off', 'authenticate: false, nat: off, numbers: { out: [ { prefix: "9" } ] }'),
    )
    const desk = phone('desk', 5062)
    registers(desk, '100', { contact: '<sip:100@192.168.1.5:5062>' })
    pbx.sends('MESSAGE', { uri: 'sip:99100@example.com' })
    expect(desk.gets('MESSAGE').uri).toBe('sip:100@192.168.1.5:5062')
    desk.sends(200)
    pbx.gets(200)
  })
})

describe('after a restart', () => {
  test('a UDP phone is called at once; a browser when it is back, on whatever connection', async () => {
    const { edge, pbx, phone } = await startRegistrar()
    const desk = phone('desk', 5062)
    const browser = edge.browser('browser', 'web/wss', '198.51.100.8:50000')
    registers(desk, 'alice')
    registers(browser, 'bob', { parameters: instance('b', 1) })
    await edge.restarts()
    pbx.sends('MESSAGE', { uri: 'sip:alice@example.com', fresh: true })
    desk.gets('MESSAGE')
    desk.sends(200)
    pbx.gets(200)
    pbx.sends('MESSAGE', { uri: 'sip:bob@example.com', fresh: true })
    pbx.gets(480)
    const back = edge.browser('browser', 'web/wss', '198.51.100.99:40000')
    const answer = registers(back, 'bob', { parameters: instance('b', 1) })
    expect(valuesOf(answer, 'contact').length).toBe(1)
    pbx.sends('MESSAGE', { uri: 'sip:bob@example.com', fresh: true })
    back.gets('MESSAGE')
    back.sends(200)
    pbx.gets(200)
  })
})

describe('nobody else is called in the place of a client that is away', () => {
  test.each([
    ['by its Contact, while it has time to come back', false, ''],
    ['by its instance, after a restart', true, instance('b', 1)],
  ])('%s', async (_what, restarts, parameters) => {
    const { edge, pbx } = await startRegistrar()
    const place = { host: '192.168.1.9:5070' }
    const bob = edge.party('bob', 'public/tcp', '198.51.100.8:50000', place)
    registers(bob, 'bob', { parameters })
    if (restarts) await edge.restarts()
    else bob.disconnects()
    const mallory = edge.party('bob', 'public/tcp', '198.51.100.66:50000', place)
    registers(mallory, 'mallory', { parameters })
    pbx.sends('MESSAGE', { uri: 'sip:bob@example.com', fresh: true })
    pbx.gets(480)
    mallory.getsNothing()
    const back = edge.party('bob', 'public/tcp', '198.51.100.9:50000', place)
    registers(back, 'bob', { parameters })
    pbx.sends('MESSAGE', { uri: 'sip:bob@example.com', fresh: true })
    back.gets('MESSAGE')
    back.sends(200)
    pbx.gets(200)
  })
})

describe('a storm of registrations', () => {
  test('§20.33: new clients beyond the limit wait in line, and behind that are told when to come back; who is registered, or leaves, passes', async () => {
    const { edge, phone } = await startRegistrar(placeWith('limits: { registrations: 2 }'))
    const register = { uri: 'sip:example.com', to: 'sip:bob@example.com', fresh: true }
    const known = phone('known', 5060)
    registers(known, 'alice')
    edge.passes(1000)
    registers(phone('one', 5062), 'bob')
    registers(phone('two', 5063), 'bob')
    const waiting = Array.from({ length: 16 }, (_, i) => phone(`waiting${i}`, 5070 + i))
    for (const [i, one] of waiting.entries()) one.sends('REGISTER', { ...register, to: `sip:u${i}@example.com` })
    const late = phone('late', 5064)
    const seconds = Number(headerOf(registers(late, 'bob', {}, 503), 'retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(9)
    expect(seconds).toBeLessThanOrEqual(10)
    registers(known, 'alice')
    registers(phone('leaving', 5065), 'bob', { headers: ['Expires: 0'] })
    for (const one of waiting) one.getsNothing()
    for (const one of waiting) {
      edge.passes(500)
      await edge.settles()
      one.gets(200)
    }
    edge.passes(seconds * 1000 - 8000)
    registers(late, 'bob')
    expect(edge.count('phones delayed')).toBe(1)
  })

  test('a client that goes away while it waits is forgotten', async () => {
    const { edge, phone, store } = await startRegistrar(placeWith('limits: { registrations: 1 }'))
    registers(phone('one', 5062), 'alice')
    const browser = edge.browser('browser', 'web/wss', '198.51.100.8:50000')
    browser.sends('REGISTER', { uri: 'sip:example.com', to: 'sip:bob@example.com', fresh: true })
    browser.disconnects()
    edge.passes(2000)
    await edge.settles()
    expect(store.load().map(({ aor }) => aor)).toEqual(['alice@example.com'])
  })
})
