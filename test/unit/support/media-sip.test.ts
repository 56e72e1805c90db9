import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { createAuthority } from '../../support/authority.ts'
import { type MediaEndpointOptions, openMediaEndpoint } from '../../support/media/endpoint.ts'
import type { SipCall } from '../../support/media/sip-call.ts'
import { dialogByRequest, dialogByResponse, nextHopOf, requestText, responseText } from '../../support/media/sip-dialog.ts'
import { openSipEndpoint, type SipEndpoint } from '../../support/media/sip-endpoint.ts'
import type { SipTransport } from '../../support/media/sip-link.ts'
import { temporaryFolder } from '../../support/places.ts'
import { headerOf, readWire, type Wire } from '../../support/wire.ts'

const A_HZ = 440
const B_HZ = 1000

const open: SipEndpoint[] = []

afterEach(async () => {
  const endpoints = open.splice(0)
  await Promise.all(endpoints.map((endpoint) => endpoint.close()))
  expect(endpoints.flatMap(({ problems }) => problems)).toEqual([])
})

interface Pair {
  readonly a: SipEndpoint
  readonly b: SipEndpoint
}

/** Two that reach each other without anybody between them. */
const pair = async (transport: Exclude<SipTransport, 'wss'> = 'udp', media: Partial<MediaEndpointOptions> = {}): Promise<Pair> => {
  const folder = temporaryFolder('media-sip')
  onTestFinished(folder.remove)
  const authority = transport === 'tls' ? createAuthority(folder.path) : undefined
  const endpoint = async (name: string, address: string, hz: number): Promise<SipEndpoint> => {
    const tls = authority === undefined ? {} : { tls: { authority: authority.certificate, own: authority.issue(name, [address]) } }
    const made = await openSipEndpoint({ name, transport, address, media: { hz, ...media }, ...tls })
    open.push(made)
    return made
  }
  return { a: await endpoint('alice', '127.0.72.1', A_HZ), b: await endpoint('bob', '127.0.72.2', B_HZ) }
}

const hearEachOther = async (atA: SipCall, atB: SipCall): Promise<void> => {
  await Promise.all([atA.media().hears(B_HZ, 5000, [A_HZ]), atB.media().hears(A_HZ, 5000, [B_HZ])])
}

/** A call that is up. */
const talk = async ({ a, b }: Pair): Promise<readonly [SipCall, SipCall]> => {
  const calling = await a.call(b.contact)
  const called = await b.incoming()
  await Promise.all([called.answer(), calling.established()])
  return [calling, called]
}

const names = (call: SipCall): readonly string[] => call.sdps.map((one) => one.with)

describe.each<[Exclude<SipTransport, 'wss'>, Partial<MediaEndpointOptions>]>([
  ['udp', {}],
  ['tcp', {}],
  ['tls', { profile: 'sdes' }],
])('over %s', (transport, media) => {
  it('a call rings, is answered, held from both sides, and ends; tones and digits both ways', async () => {
    const both = await pair(transport, media)
    const calling = await both.a.call(both.b.contact)
    const called = await both.b.incoming()
    await called.provisional(180)
    await calling.arrives('180 INVITE')
    await Promise.all([called.answer(), calling.established()])
    await hearEachOther(calling, called)
    await calling.media().sendDigits('42')
    await called.media().receivesDigits('42')
    await calling.hold()
    await Promise.all([calling.media().receivesNothingWithin(200), called.media().hears(A_HZ)])
    await calling.resume()
    await called.hold('inactive')
    await Promise.all([calling.media().hearsSilenceFor(200), called.media().hearsSilenceFor(200)])
    await called.resume()
    await hearEachOther(calling, called)
    await calling.bye()
    await called.ended()
    expect(names(called)).toEqual(['INVITE', 'INVITE', 'INVITE', '200 INVITE', '200 INVITE'])
  })
})

describe('offers and answers', () => {
  it('§13.3.1.4: an INVITE without SDP gets the offer in the 200 and answers in the ACK', async () => {
    const { a, b } = await pair()
    const calling = await a.call(b.contact, { offerless: true })
    const called = await b.incoming()
    await Promise.all([called.answer(), calling.established()])
    await hearEachOther(calling, called)
    expect([names(calling), names(called)]).toEqual([['200 INVITE'], ['ACK']])
    await called.reinvite({ offerless: true })
    await hearEachOther(calling, called)
    expect([names(calling), names(called)]).toEqual([
      ['200 INVITE', 'ACK'],
      ['ACK', '200 INVITE'],
    ])
  })

  it('RFC 3262: a reliable 183 carries the answer, and early media; UPDATE before the 200', async () => {
    const { a, b } = await pair()
    const calling = await a.call(b.contact)
    const called = await b.incoming()
    expect(await called.provisional(183, { sdp: true, reliable: true })).toMatchObject({ method: 'PRACK' })
    await hearEachOther(calling, called)
    expect(await calling.update({ direction: 'inactive' })).toMatchObject({ status: 200 })
    await called.media().receivesNothingWithin(200)
    expect(await called.update({ direction: 'sendrecv' })).toMatchObject({ status: 200 })
    await calling.update({ direction: 'sendrecv' })
    await Promise.all([called.answer(), calling.established()])
    await hearEachOther(calling, called)
  })

  it('RFC 3262 §5: an INVITE without SDP is answered in the PRACK of a reliable 183', async () => {
    const { a, b } = await pair()
    const calling = await a.call(b.contact, { offerless: true, reliable: 'required' })
    const called = await b.incoming()
    await called.provisional(183, { sdp: true, reliable: true })
    await hearEachOther(calling, called)
    const [ack] = await Promise.all([called.answer(), calling.established()])
    expect(ack.body).toHaveLength(0)
    expect([names(calling), names(called)]).toEqual([['183 INVITE'], ['PRACK']])
  })

  it('a refused re-INVITE leaves everything as it was', async () => {
    const [calling, called] = await talk(await pair('udp', { profile: 'sdes' }))
    called.refuseNext(488)
    await expect(calling.hold('inactive')).rejects.toThrow('refused: SIP/2.0 488')
    called.refuseNext(491)
    expect(await calling.update({ direction: 'inactive' })).toMatchObject({ status: 491 })
    await hearEachOther(calling, called)
  })

  it('another party behind one INVITE takes it over, and the caller hears that one', async () => {
    const { a, b } = await pair()
    const other = await openMediaEndpoint({ address: '127.0.72.3', hz: 700 })
    onTestFinished(other.close)
    const calling = await a.call(b.contact, { reliable: 'no' })
    const called = await b.incoming()
    await called.provisional(183, { sdp: true })
    await calling.media().hears(B_HZ)
    await called.provisional(183, { sdp: true, tag: 'other', media: other })
    await other.hears(A_HZ)
    await Promise.all([called.answer({ tag: 'other', media: other }), calling.established()])
    expect(calling.dialog().remoteTag).toBe('other')
    await called.bye()
    await calling.ended()
  })
})

describe('what does not become a call', () => {
  it('§9: is cancelled', async () => {
    const { a, b } = await pair()
    const calling = await a.call(b.contact)
    const called = await b.incoming()
    await called.provisional()
    await calling.arrives('180 INVITE')
    expect(await calling.cancel()).toMatchObject({ status: 200 })
    expect(await calling.final()).toMatchObject({ status: 487 })
    await called.arrives('ACK')
  })

  it('is refused', async () => {
    const { a, b } = await pair()
    const calling = await a.call(b.contact)
    await (await b.incoming()).reject(486, 'Busy Here')
    await expect(calling.established()).rejects.toThrow('486 Busy Here')
    expect(await a.call(b.contact).then((call) => call.final(200).catch((error: Error) => error.message))).toContain('no final response')
  })
})

it('§10: a binding is reached through its Path', async () => {
  const { a, b } = await pair()
  const phone = await openSipEndpoint({
    ...{ name: 'phone', transport: 'udp', address: '127.0.72.3', domain: 'example.com' },
    proxy: { address: a.address, port: a.port },
  })
  open.push(phone)
  expect(await phone.register([['Path', `<sip:${phone.address}:${phone.port};lr;token=1>`]])).toMatchObject({ status: 200 })
  const binding = await a.registered()
  expect(binding).toEqual({
    addressOfRecord: 'sip:phone@example.com',
    contact: phone.contact,
    path: [`<sip:${phone.address}:${phone.port};lr;token=1>`],
  })
  const calling = await a.call(binding.contact, { routes: binding.path })
  const called = await phone.incoming()
  expect(headerOf(called.arrived[0]!, 'route')).toBe(binding.path[0])
  await Promise.all([called.answer(), calling.established()])
  expect(b.calls).toHaveLength(0)
})

it('a TLS phone without a port of its own uses its one connection', async () => {
  const folder = temporaryFolder('media-sip')
  onTestFinished(folder.remove)
  const authority = createAuthority(folder.path)
  const common = { transport: 'tls', domain: 'example.com' } as const
  const server = await openSipEndpoint({
    ...{ ...common, name: 'server', address: '127.0.72.2', media: { hz: B_HZ } },
    tls: { authority: authority.certificate, own: authority.issue('server', ['sbc.edge.test']) },
  })
  const phone = await openSipEndpoint({
    ...{ ...common, name: 'phone', address: '127.0.72.1', media: { hz: A_HZ }, tls: { authority: authority.certificate } },
    proxy: { address: server.address, port: server.port, name: 'sbc.edge.test' },
  })
  open.push(server, phone)
  const calling = await phone.call('sip:anybody@example.com')
  const called = await server.incoming()
  await Promise.all([called.answer(), calling.established()])
  await hearEachOther(calling, called)
  await calling.bye()
  await called.ended()
})

describe('§12: dialogs', () => {
  const invite = (...more: readonly (readonly [string, string])[]): Wire =>
    readWire(
      Buffer.from(
        requestText('INVITE', 'sip:b@example.com', [
          ['Via', 'SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK1;rport'],
          ['From', '<sip:a@example.com>;tag=from'],
          ['To', '<sip:b@example.com>'],
          ['Call-ID', 'c'],
          ['CSeq', '1 INVITE'],
          ['Contact', '<sip:a@127.0.0.9>'],
          ...more,
        ]),
      ),
    )
  const routes = [
    ['Record-Route', '<sip:two.example.com;lr>, <sip:one.example.com;lr>'],
    ['Record-Route', '<sip:zero.example.com;lr>'],
  ] as const
  const from = { address: '127.0.0.8', port: 5070 }

  it('§12.1.1: the called party’s route set is in order, the caller’s the other way round', () => {
    const request = invite(...routes)
    const called = dialogByRequest(request, 'to')
    expect(called.routes).toEqual(['<sip:two.example.com;lr>', '<sip:one.example.com;lr>', '<sip:zero.example.com;lr>'])
    expect(nextHopOf(called.target, called.routes)).toBe('sip:two.example.com;lr')
    expect(called).toMatchObject({ target: 'sip:a@127.0.0.9', local: '<sip:b@example.com>;tag=to', remoteTag: 'from' })
    const response = readWire(Buffer.from(responseText(request, from, 200, 'OK', 'to', [['Contact', '<sip:b@127.0.0.7:5090>']])))
    const caller = dialogByResponse(response)
    expect(caller.routes).toEqual(called.routes.toReversed())
    expect(caller).toMatchObject({ target: 'sip:b@127.0.0.7:5090', remoteTag: 'to', local: '<sip:a@example.com>;tag=from' })
    expect(headerOf(response, 'via')).toBe('SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bK1;rport=5070;received=127.0.0.8')
  })

  it('refuses a Record-Route without lr, and a dialog without Contact', () => {
    expect(() => dialogByRequest(invite(['Record-Route', '<sip:one.example.com>']), 'to')).toThrow('not a loose router')
    expect(() => dialogByResponse(readWire(Buffer.from(responseText(invite(), from, 200, 'OK', 'to'))))).toThrow('needs one Contact')
  })
})
