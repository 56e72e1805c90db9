/**
 * Somebody that the edge talks to: a PBX, a browser, a phone. It writes messages by the book and keeps what a dialog needs (tags, route set,
 * remote target), all from the messages that it got, so that a wrong Record-Route or Contact shows as a request that arrives nowhere.
 */
import { expect } from 'vitest'
import type { PeerIdentity } from '../../src/address/flow.ts'
import type { FakeFlow, Remote } from './flow-network.ts'
import { headerOf, nameOf, readWire, tagOf, uriOf, valuesOf, type Wire } from './wire.ts'

export interface PartySpec {
  readonly name: string
  /** The listener of ours that it sends to. */
  readonly listener: string
  readonly address: string
  readonly port: number
  /** What it calls itself in Via and Contact, where that is not its address (NAT, browsers). */
  readonly host?: string
  /** Without `rport` in Via (RFC 3581). */
  readonly plainVia?: boolean
  /** Record-Route value of a proxy of its own, which takes it off before requests leave. */
  readonly proxy?: string
  readonly peer?: PeerIdentity
}

export interface SendOptions {
  /** Request-URI. */
  readonly uri?: string
  /** URI of To in a request that begins something. */
  readonly to?: string
  /** Value of From, without its tag, in a request that begins something. */
  readonly from?: string
  /** Further header lines. */
  readonly headers?: readonly string[]
  readonly body?: string
  /** Route values instead of those of the dialog. */
  readonly routes?: readonly string[]
  /** The route set in one line. */
  readonly oneLine?: boolean
  /** Not inside the dialog that there is. */
  readonly fresh?: boolean
  readonly callId?: string
  readonly branch?: string
  /** Header names that are left out. */
  readonly without?: readonly string[]
  readonly maxForwards?: number
  /** Inside the dialog that this response made (one of several), or this INVITE under `tag`; or the response is for this request. */
  readonly of?: Wire
  /** Another To tag in a response: several UAS behind a forking proxy. */
  readonly tag?: string
  readonly contact?: string
  /** Header lines above those that a response repeats: the Record-Routes of proxies before it. */
  readonly above?: readonly string[]
}

/** What a party needs of the world around it. */
export interface PartyWorld {
  connect(listener: string, address: string, port: number, peer: PeerIdentity | undefined): FakeFlow
  datagrams(listener: string, address: string, port: number): FakeFlow
  transportOf(listener: string): string
  arrives(flow: FakeFlow, bytes: Buffer): void
  /** When the edge has returned. */
  later(run: () => void): void
  pump(): void
  /** A number that no other party has. */
  next(): number
}

const SDP = ['v=0', 'o=- 1 1 IN IP4 192.0.2.99', 's=-', 'c=IN IP4 192.0.2.99', 't=0 0', 'm=audio 4000 RTP/AVP 0', ''].join('\r\n')
const TOKENS: Readonly<Record<string, string>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' }
const OFFERS = new Set(['INVITE', 'UPDATE'])

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

export class Party implements Remote {
  readonly name: string
  readonly spec: PartySpec
  readonly refused = new Set<string>()
  /** What it got and no test has looked at. */
  readonly inbox: Wire[] = []
  readonly #world: PartyWorld
  readonly #tag: string
  readonly #flows = new WeakMap<Wire, FakeFlow>()
  #flow: FakeFlow | undefined
  #own: FakeFlow | undefined
  #port: number
  #sequence: number
  #deaf = false
  readonly #replies = new Map<string, number>()
  /** The INVITE (or other request) that it sent, and the last response that made or confirmed a dialog. */
  #called: Wire | undefined
  #answer: Wire | undefined
  /** The last final response to its INVITE. */
  #final: Wire | undefined
  /** The request that it got and may answer. */
  #asked: Wire | undefined
  /** The dialog-creating request that it got. */
  #callee: Wire | undefined

  constructor(world: PartyWorld, spec: PartySpec) {
    this.#world = world
    this.name = spec.name
    this.spec = spec
    this.#port = spec.port
    const number = world.next()
    this.#tag = `${spec.name}-${number}`
    this.#sequence = number * 1000
  }

  // ---- what it does

  /** Sends a request (a method) or answers one (a status). Returns what was sent. */
  sends(what: string | number, options: SendOptions = {}): Wire {
    return typeof what === 'number' ? this.#answers(what, options) : this.#asks(what, options)
  }

  /** The very same bytes again, as a retransmission is. */
  repeats(wire: Wire): void {
    this.raw(wire.bytes, wire)
  }

  /** Any bytes, on the flow of `like` or the one that it uses. */
  raw(bytes: Buffer | string, like?: Wire): void {
    const flow = (like === undefined ? undefined : this.#flows.get(like)) ?? this.#way()
    this.#world.arrives(flow, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Opens a connection to the edge, from another port each time. */
  connects(listener = this.spec.listener): void {
    this.#own = this.#world.connect(listener, this.spec.address, this.#port++, this.spec.peer)
    this.#flow = this.#own
  }

  /** Its connection is lost. */
  disconnects(): void {
    const flow = this.#flow
    this.#flow = undefined
    this.#own = undefined
    flow?.close('closed by the peer')
  }

  /** Sends from another port or through another listener from now on. */
  moves(listener: string, port = this.spec.port): void {
    this.#flow = this.#world.datagrams(listener, this.spec.address, port)
  }

  /** Takes no connections of this transport. */
  refuses(transport: string): void {
    this.refused.add(transport)
  }

  /** The network tells that nobody listens there (ICMP). */
  bounces(): void {
    ;(this.#flow ?? this.#way()).close('datagram not sent: ECONNREFUSED')
  }

  /** Answers every request of that method by itself, from now on. */
  replies(method: string, status: number): void {
    this.#replies.set(method, status)
  }

  /** Whatever comes from now on is lost on the way. */
  isDeaf(): void {
    this.#deaf = true
  }

  hearsAgain(): void {
    this.#deaf = false
  }

  // ---- what it gets

  /** It got these messages and no others in between; the last one is returned. */
  gets(...expected: readonly (string | number)[]): Wire {
    this.#world.pump()
    const first = this.inbox.slice(0, expected.length)
    expect(this.inbox.map(nameOf).slice(0, expected.length), `what ${this.name} got (all: ${this.inbox.map(nameOf).join(', ')})`).toEqual(
      expected,
    )
    this.inbox.splice(0, expected.length)
    for (const wire of first) this.#learn(wire)
    return first[first.length - 1]!
  }

  /** These messages were sent to it and lost. */
  misses(...expected: readonly (string | number)[]): void {
    expect(this.inbox.splice(0, expected.length).map(nameOf), `what ${this.name} missed`).toEqual(expected)
  }

  getsNothing(): void {
    this.#world.pump()
    expect(this.inbox.map(nameOf), `what ${this.name} got`).toEqual([])
  }

  /** Throws away what it got; returns the names. */
  forgets(): readonly (string | number)[] {
    return this.inbox.splice(0).map(nameOf)
  }

  arrived(flow: FakeFlow, bytes: Buffer): void {
    if (this.#deaf) return
    const wire = readWire(bytes)
    this.#flows.set(wire, flow)
    if (flow.open && this.#own === undefined) this.#flow = flow
    const reply = wire.status === 0 ? this.#replies.get(wire.method) : undefined
    if (reply === undefined) this.inbox.push(wire)
    else this.#world.later(() => this.sends(reply, { of: wire }))
  }

  /** Packets of four bytes that it got, by listener of ours and port of its own. */
  readonly packets: string[] = []

  packet(flow: FakeFlow): void {
    if (!this.#deaf) this.packets.push(`${flow.listener.name} ${flow.remotePort}`)
  }

  accepted(flow: FakeFlow): void {
    if (this.#own === undefined) this.#flow = flow
  }

  /** The way that a message took. */
  flowOf(wire: Wire): FakeFlow {
    return this.#flows.get(wire)!
  }

  /** The listener of ours that a message came from. */
  listenerOf(wire: Wire): string {
    return this.flowOf(wire).listener.name
  }

  /** The edge is another one now: connections are gone. */
  reset(): void {
    this.#flow = undefined
    this.#own = undefined
  }

  get identity(): PeerIdentity | undefined {
    return this.spec.peer
  }

  get contact(): string {
    const transport = this.#world.transportOf(this.spec.listener)
    const parameter = transport === 'udp' ? '' : `;transport=${transport === 'wss' ? 'ws' : transport}`
    return `<sip:${this.name}@${this.#host}${parameter}>`
  }

  get #host(): string {
    return this.spec.host ?? `${bracketed(this.spec.address)}:${this.spec.port}`
  }

  // ---- parts

  #learn(wire: Wire): void {
    if (wire.status === 0) {
      if (wire.method !== 'ACK') this.#asked = wire
      if ((wire.method === 'INVITE' || wire.method === 'SUBSCRIBE') && tagOf(wire, 'to') === undefined) {
        this.#callee = wire
        this.#answer = undefined
      }
      return
    }
    if (wire.method !== 'INVITE' && wire.method !== 'SUBSCRIBE') return
    if (wire.status >= 200) this.#final = wire
    // §12.2.1.2: inside a dialog a response changes no route set
    if (this.#called === undefined || tagOf(this.#called, 'to') !== undefined) return
    if (wire.status > 100 && wire.status < 300 && tagOf(wire, 'to') !== undefined && headerOf(wire, 'contact') !== '') {
      this.#answer = wire
      this.#callee = undefined
    }
  }

  /** The flow that it sends by: the one that there is, else its own. */
  #way(): FakeFlow {
    if (this.#flow?.open === true) return this.#flow
    const { listener, address, port } = this.spec
    if (this.#world.transportOf(listener) === 'udp') this.#flow = this.#world.datagrams(listener, address, port)
    else this.connects()
    return this.#flow!
  }

  #asks(method: string, options: SendOptions): Wire {
    const rejected = method === 'ACK' && options.of === undefined && this.#final !== undefined && this.#final.status >= 300
    if ((method === 'CANCEL' || rejected) && this.#called !== undefined) return this.#hopByHop(method, this.#called, options)
    const way = this.#way()
    const dialog = options.fresh === true ? undefined : this.#dialog(options.of, options.tag)
    const sequence = method === 'ACK' ? Number.parseInt(headerOf(this.#called!, 'cseq'), 10) : ++this.#sequence
    const transport = way.listener.transport.name
    const { routes = dialog?.routes ?? [] } = options
    const lines = [
      `Via: SIP/2.0/${TOKENS[transport]} ${this.#host};branch=${options.branch ?? `z9hG4bK-${this.name}-${this.#world.next()}`}${transport !== 'udp' || this.spec.plainVia ? '' : ';rport'}`,
      `Max-Forwards: ${options.maxForwards ?? 70}`,
      ...(options.oneLine && routes.length > 0 ? [`Route: ${routes.join(', ')}`] : routes.map((route) => `Route: ${route}`)),
      `From: ${dialog?.local ?? `${options.from ?? `"${this.name}" <sip:${this.name}@example.com>`};tag=${this.#tag}`}`,
      `To: ${dialog?.remote ?? `<${options.to ?? options.uri ?? 'sip:100@example.com'}>`}`,
      `Call-ID: ${dialog?.callId ?? options.callId ?? `call-${this.#world.next()}@${this.name}.example`}`,
      `CSeq: ${sequence} ${method}`,
      ...(method === 'ACK' || method === 'BYE' ? [] : [`Contact: ${options.contact ?? this.contact}`]),
      ...this.#common(options, options.body ?? (OFFERS.has(method) ? SDP : '')),
    ]
    const wire = this.#write(
      `${method} ${options.uri ?? dialog?.target ?? 'sip:100@example.com'} SIP/2.0`,
      lines,
      options,
      OFFERS.has(method) ? SDP : '',
    )
    if (method === 'INVITE' || (method === 'SUBSCRIBE' && dialog === undefined)) {
      this.#called = wire
      this.#final = undefined
    }
    this.#send(way, wire)
    return wire
  }

  #hopByHop(method: string, invite: Wire, options: SendOptions): Wire {
    const lines = [
      ...invite.headers.filter(({ name }) => ['via', 'route', 'from', 'call-id', 'max-forwards'].includes(name)).map(({ raw }) => raw),
      `To: ${method === 'ACK' ? headerOf(this.#final!, 'to') : headerOf(invite, 'to')}`,
      `CSeq: ${Number.parseInt(headerOf(invite, 'cseq'), 10)} ${method}`,
      ...(options.headers ?? []),
    ]
    const wire = this.#write(`${method} ${invite.uri} SIP/2.0`, lines, options, '')
    this.#send(this.#flows.get(invite)!, wire)
    return wire
  }

  #answers(status: number, options: SendOptions): Wire {
    const request = options.of ?? this.#asked
    if (request === undefined) throw new Error(`${this.name} has no request to answer with ${status}`)
    const success = status > 100 && status < 300
    const dialog = success && (request.method === 'INVITE' || request.method === 'SUBSCRIBE')
    const tag = tagOf(request, 'to') !== undefined || status === 100 ? '' : `;tag=${options.tag ?? this.#tag}`
    const body = status >= 200 && success && OFFERS.has(request.method) ? SDP : ''
    const lines = [
      ...(options.above ?? []),
      ...request.headers.filter(({ name }) => name === 'via' || (name === 'record-route' && success)).map(({ raw }) => raw),
      `From: ${headerOf(request, 'from')}`,
      `To: ${headerOf(request, 'to')}${tag}`,
      `Call-ID: ${headerOf(request, 'call-id')}`,
      `CSeq: ${headerOf(request, 'cseq')}`,
      ...(dialog ? [`Contact: ${options.contact ?? this.contact}`] : []),
      ...(request.method === 'REGISTER' && success
        ? request.headers.filter(({ name }) => name === 'path' || name === 'contact').map(({ raw }) => raw)
        : []),
      ...this.#common(options, options.body ?? body),
    ]
    const wire = this.#write(`SIP/2.0 ${status} Because`, lines, options, body)
    this.#send(this.#flows.get(request)!, wire)
    return wire
  }

  /** Lines that a proxy has nothing to do with, written as only people and old phones write them. */
  #common({ headers = [] }: SendOptions, body: string): readonly string[] {
    return [
      `X-Odd:   kept,  as it "is" `,
      'X-Folded: one\r\n  and\r\n\ttwo',
      's: compact',
      ...headers,
      ...(body.startsWith('v=') && !headers.some((text) => /^content-type *:/i.test(text)) ? ['c: application/sdp'] : []),
    ]
  }

  #write(start: string, lines: readonly string[], { without = [], body }: SendOptions, otherwise: string): Wire {
    const text = body ?? otherwise
    const kept = lines.filter((line) => !without.includes(/^[^:\s]+/.exec(line)![0].toLowerCase()))
    const length = without.includes('content-length') ? [] : [`Content-Length: ${Buffer.byteLength(text, 'latin1')}`]
    return readWire(Buffer.from(`${[start, ...kept, ...length].map((line) => `${line}\r\n`).join('')}\r\n${text}`, 'latin1'))
  }

  #send(flow: FakeFlow, wire: Wire): void {
    this.#flows.set(wire, flow)
    this.#world.arrives(flow, wire.bytes)
  }

  /** §12.1, §12.2: all from the messages. */
  #dialog(of: Wire | undefined, tag = this.#tag) {
    const answer = of ?? this.#answer
    if (answer !== undefined && answer.status > 0)
      return {
        callId: headerOf(answer, 'call-id'),
        local: headerOf(answer, 'from'),
        remote: headerOf(answer, 'to'),
        target: uriOf(headerOf(answer, 'contact')),
        routes: this.#beyond(valuesOf(answer, 'record-route')).toReversed(),
      }
    const invite = of ?? this.#callee
    if (invite === undefined) return undefined
    return {
      callId: headerOf(invite, 'call-id'),
      local: `${headerOf(invite, 'to')};tag=${tag}`,
      remote: headerOf(invite, 'from'),
      target: uriOf(headerOf(invite, 'contact')),
      routes: this.#beyond(valuesOf(invite, 'record-route')),
    }
  }

  #beyond(routes: readonly string[]): readonly string[] {
    return routes.filter((one) => one !== this.spec.proxy)
  }

  /** The INVITE that it got. */
  get invite(): Wire | undefined {
    return this.#callee
  }
}
