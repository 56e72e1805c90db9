/**
 * A SIP user agent for tests, with real sockets and real media: it calls, answers, holds, and keeps dialogs by the book, all from what it
 * gets, so that a wrong Record-Route, Contact or SDP of the program under test shows as a request that arrives nowhere, or as silence.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Issued } from '../authority.ts'
import type { Place } from '../crossing.ts'
import { freePort } from '../places.ts'
import { headerOf, nameOf, parameterOf, tagOf, uriOf, valuesOf, type Wire } from '../wire.ts'
import { type MediaEndpoint, type MediaEndpointOptions, openMediaEndpoint } from './endpoint.ts'
import { createCall, type FedCall, type SipCall } from './sip-call.ts'
import type { CallWorld } from './sip-call-core.ts'
import { dialogByRequest, type HeaderPair, hostOf, nextHopOf, requestText, responseText } from './sip-dialog.ts'
import type { InviteOptions } from './sip-inviting.ts'
import { openSipSockets, type SipLink, type SipTransport } from './sip-link.ts'
import { createTransactions, newBranch, type SipServerTransaction } from './sip-transactions.ts'
import { createWatch } from './watch.ts'

export interface SipEndpointOptions {
  /** User part of its URIs. */
  readonly name: string
  readonly transport: SipTransport
  readonly address: string
  /** Default: a free one. */
  readonly port?: number
  /** Host of its From; default its address. */
  readonly domain?: string
  /** Where requests outside dialogs go, whatever their URI says; `name` for its certificate. */
  readonly proxy?: Place & { readonly name?: string }
  /** Addresses of host names in URIs. */
  readonly hosts?: Readonly<Record<string, string>>
  /** TLS, WSS: with `own` it is a server too; without, all its requests use the connection to the proxy. */
  readonly tls?: { readonly authority: string; readonly own?: Issued }
  /** Who registers with it needs this password (digest, MD5); without, anybody may. */
  readonly password?: string
  /** Of each call's media endpoint; its address is the endpoint's own unless another is given. */
  readonly media?: Partial<MediaEndpointOptions>
  /** SDP on its way in, before its own media sees it, and out, before it is sent: for tests that carry SDP through rtpengine by hand. */
  readonly receiving?: (sdp: string, kind: 'offer' | 'answer') => Promise<string>
  readonly sending?: (sdp: string, kind: 'offer' | 'answer') => Promise<string>
}

export interface CallOptions extends InviteOptions {
  /** Route values, first hop first: the Path of a binding. */
  readonly routes?: readonly string[]
  /** RFC 3262; default `supported`. */
  readonly reliable?: 'no' | 'supported' | 'required'
  /** Default: one of its own. */
  readonly callId?: string
  readonly media?: Partial<MediaEndpointOptions>
}

/** What a REGISTER said. */
export interface Binding {
  readonly addressOfRecord: string
  readonly contact: string
  /** Path values, as Route values. */
  readonly path: readonly string[]
}

export interface SipEndpoint {
  readonly address: string
  readonly port: number
  /** URI of its Contact. */
  readonly contact: string
  /** Sends an INVITE to this URI. */
  call(to: string, options?: CallOptions): Promise<SipCall>
  /** The next call that came and was not asked for yet; default 10 s. @param media of the endpoint that its answer will name */
  incoming(ms?: number): Promise<SipCall>
  /** Sends a REGISTER for its own URI; the final response. @param headers more of them */
  register(headers?: readonly HeaderPair[]): Promise<Wire>
  /** Sends a request outside of any call to this URI; the final response. @param body with its Content-Type among the headers */
  send(
    method: string,
    to: string,
    options?: { readonly routes?: readonly string[]; readonly headers?: readonly HeaderPair[]; readonly body?: string },
  ): Promise<Wire>
  /** The next REGISTER that came, answered with 200, and was not asked for yet; default 10 s. */
  registered(ms?: number): Promise<Binding>
  readonly calls: readonly SipCall[]
  /** Requests that came, outside and inside of calls. */
  readonly requests: readonly Wire[]
  /** What should not have come, and what went wrong with its own part: empty after a good test. */
  readonly problems: readonly string[]
  close(): Promise<void>
}

const VIA: Readonly<Record<SipTransport, string>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', wss: 'WSS' }
const PARAMETER: Readonly<Record<SipTransport, string>> = { udp: '', tcp: ';transport=tcp', tls: ';transport=tls', wss: ';transport=ws' }
const PATIENCE = 10_000
const REALM = 'pbx.test'
const CHALLENGE = `Digest realm="${REALM}", nonce="6a8f1e", qop="auth", algorithm=MD5`
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** RFC 2617 §3.2.2, with qop auth: the request's credentials are those of its user with that password. */
const shows = (request: Wire, password: string): boolean => {
  const given = request.headers.find(({ name }) => name === 'authorization')?.value
  if (given === undefined) return false
  const field = (name: string): string => new RegExp(`[ ,]${name}="?([^",]*)`).exec(given)?.[1] ?? ''
  const [secret, what] = [md5(`${field('username')}:${REALM}:${password}`), md5(`${request.method}:${field('uri')}`)]
  return field('response') === md5([secret, field('nonce'), field('nc'), field('cnonce'), field('qop'), what].join(':'))
}

const newTag = (): string => randomBytes(6).toString('hex')
const as = async (sdp: string): Promise<string> => sdp

/** Binds its sockets; whoever opens it closes it, with the media of all its calls. */
export const openSipEndpoint = async (options: SipEndpointOptions): Promise<SipEndpoint> => {
  const { name, transport, address } = options
  const port = options.port ?? (await freePort(address))
  const contact = `sip:${name}@${address}:${port}${PARAMETER[transport]}`
  const watch = createWatch()
  const problems: string[] = []
  const calls: FedCall[] = []
  const waiting: SipCall[] = []
  const bindings: Binding[] = []
  const requests: Wire[] = []
  const media: MediaEndpoint[] = []
  /** By the INVITE that came. */
  const beginning = new Map<Wire, Promise<FedCall>>()
  /** WSS: the connection of each binding. */
  const flows = new Map<string, SipLink>()
  const problem = (text: string): void => {
    problems.push(`${name}: ${text}`)
  }
  const transactions = createTransactions(transport !== 'udp', problem)

  const worldOf = async (more: Partial<MediaEndpointOptions> = {}): Promise<CallWorld> => {
    const endpoint = await openMediaEndpoint({ address, name, ...options.media, ...more })
    media.push(endpoint)
    return {
      transactions,
      via: (branch) => `SIP/2.0/${VIA[transport]} ${address}:${port};branch=${branch};rport`,
      contact: `<${contact}>`,
      link,
      media: endpoint,
      receiving: options.receiving ?? as,
      sending: options.sending ?? as,
      problem,
    }
  }
  const begins = (transaction: SipServerTransaction): void => {
    transaction.respond(responseText(transaction.request, transaction.link.remote, 100, 'Trying', undefined))
    const made = worldOf().then((world) => {
      const call = createCall(world, transaction)
      calls.push(call)
      waiting.push(call)
      watch.happened()
      return call
    })
    beginning.set(transaction.request, made)
  }
  const registers = ({ request, link, respond }: SipServerTransaction): void => {
    if (options.password !== undefined && !shows(request, options.password)) {
      respond(responseText(request, link.remote, 401, 'Unauthorized', newTag(), [['WWW-Authenticate', CHALLENGE]]))
      return
    }
    const given = valuesOf(request, 'contact')
    const contacts = given.map((value): HeaderPair => ['Contact', value.includes(';expires=') ? value : `${value};expires=600`])
    const path = valuesOf(request, 'path')
    respond(responseText(request, link.remote, 200, 'OK', newTag(), [...contacts, ...path.map((value): HeaderPair => ['Path', value])]))
    if (given[0] !== undefined) flows.set(uriOf(given[0]), link)
    // What ends is no binding: the edge says so of clients that vanished
    const ends = /;expires=0(?:;|$)/.test(given[0] ?? '') || headerOf(request, 'expires') === '0'
    if (given[0] !== undefined && !ends) bindings.push({ addressOfRecord: uriOf(headerOf(request, 'to')), contact: uriOf(given[0]), path })
    watch.happened()
  }
  /** RFC 6665: accepted for 600 s, and the state told at once, with the name of the event as its text. */
  const subscribed = ({ request, link: from, respond }: SipServerTransaction): void => {
    const tag = newTag()
    const event = headerOf(request, 'event')
    const contacts: readonly HeaderPair[] = [['Contact', `<${contact}>`]]
    respond(responseText(request, from.remote, 200, 'OK', tag, [...contacts, ['Expires', '600']]))
    const within = dialogByRequest(request, tag)
    const branch = newBranch()
    const text = requestText(
      'NOTIFY',
      within.target,
      [
        ['Via', `SIP/2.0/${VIA[transport]} ${address}:${port};branch=${branch};rport`],
        ...within.routes.map((route): HeaderPair => ['Route', route]),
        ['Max-Forwards', '70'],
        ['From', within.local],
        ['To', within.remote],
        ['Call-ID', within.callId],
        ['CSeq', '1 NOTIFY'],
        ...contacts,
        ['Event', event],
        ['Subscription-State', 'active;expires=600'],
        ['Content-Type', 'text/plain'],
      ],
      `state of ${event}`,
    )
    link(nextHopOf(within.target, within.routes), from).then(
      (hop) => transactions.send(hop, branch, 'NOTIFY', text, ({ status, start }) => status >= 300 && problem(`NOTIFY: ${start}`)),
      (error: Error) => problem(error.message),
    )
  }
  const callOf = (message: Wire): FedCall | undefined =>
    calls.find(({ callId, hasTag }) => callId === headerOf(message, 'call-id') && hasTag(tagOf(message, 'to')))
  const cancelled = (request: Wire, from: SipLink): void => {
    requests.push(request)
    const invite = transactions.inviteOf(request)
    const call = invite === undefined ? undefined : beginning.get(invite.request)
    const [status, reason] = call === undefined ? [481, 'No such transaction'] : [200, 'OK']
    from.send(responseText(request, from.remote, status, reason, newTag()))
    void call?.then((made) => made.cancelled())
  }
  const acknowledged = (ack: Wire): void => {
    const call = callOf(ack)
    if (call !== undefined) call.acknowledged(ack)
    else if (transactions.inviteOf(ack) === undefined) problem(`an ACK to nothing: ${headerOf(ack, 'cseq')} ${headerOf(ack, 'call-id')}`)
  }
  const requested = (transaction: SipServerTransaction): void => {
    const { request, link: from, respond } = transaction
    requests.push(request)
    const call = callOf(request)
    const say = (status: number, reason: string): void => respond(responseText(request, from.remote, status, reason, newTag()))
    if (call !== undefined) call.requested(transaction)
    else if (tagOf(request, 'to') !== undefined) say(481, 'No such dialog')
    else if (request.method === 'INVITE') begins(transaction)
    else if (request.method === 'REGISTER') registers(transaction)
    else if (request.method === 'SUBSCRIBE') subscribed(transaction)
    else say(200, 'OK')
  }
  const sockets = await openSipSockets(
    {
      transport,
      address,
      port,
      ...(options.tls === undefined ? {} : { authority: options.tls.authority }),
      ...(options.tls?.own === undefined ? {} : { own: options.tls.own }),
    },
    {
      problem,
      message: (message, from) => {
        if (message.status !== 0) transactions.response(message)
        else if (message.method === 'ACK') acknowledged(message)
        else if (message.method === 'CANCEL') cancelled(message, from)
        else {
          const transaction = transactions.request(message, from)
          if (transaction !== undefined) requested(transaction)
        }
      },
    },
  )
  let closed: Promise<void> | undefined
  const toProxy = (): Promise<SipLink> => {
    const { proxy } = options
    if (proxy === undefined) throw new Error(`${name} has no proxy`)
    return sockets.link(proxy, proxy.name ?? proxy.address)
  }
  /** Where it listens it goes where the URI says; a client stays with its connection, a WSS server with the browser's. */
  const link = async (hop: string, last: SipLink | undefined): Promise<SipLink> => {
    if (transport === 'wss') {
      const known = last ?? flows.get(hop)
      if (known === undefined) throw new Error(`no connection to ${hop}`)
      return known
    }
    if (!sockets.listens) return toProxy()
    if (last === undefined && options.proxy !== undefined) return toProxy()
    const { host, port: its } = hostOf(hop)
    const at = options.hosts?.[host] ?? host
    if (!/^[\d.]+$/.test(at)) throw new Error(`${name} does not know where ${host} is`)
    const wanted = (parameterOf(hop, 'transport') ?? 'udp').toLowerCase()
    if (wanted !== transport) throw new Error(`${name} speaks ${transport}, but ${hop} wants ${wanted}`)
    return sockets.link({ address: at, port: its ?? (transport === 'tls' ? 5061 : 5060) }, host)
  }
  const take = <T>(list: T[], what: string, ms: number): Promise<T> =>
    watch.until(
      () => list.shift(),
      () =>
        `${name}: no ${what} within ${ms} ms; requests: ${requests.map(nameOf).join(', ') || 'none'}; problems: ${problems.join('; ') || 'none'}`,
      ms,
    )
  return {
    address,
    port,
    contact,
    call: async (to, given = {}) => {
      const call = createCall(await worldOf(given.media), {
        ...given,
        target: to,
        routes: given.routes ?? [],
        from: `<sip:${name}@${options.domain ?? address}>`,
        reliable: given.reliable ?? 'supported',
      })
      calls.push(call)
      return call
    },
    incoming: (ms = PATIENCE) => take(waiting, 'call', ms),
    register: async (headers = []) => {
      const branch = newBranch()
      const uri = `sip:${options.domain ?? address}`
      const own = `<sip:${name}@${options.domain ?? address}>`
      const text = requestText('REGISTER', uri, [
        ['Via', `SIP/2.0/${VIA[transport]} ${address}:${port};branch=${branch};rport`],
        ['Max-Forwards', '70'],
        ['From', `${own};tag=${newTag()}`],
        ['To', own],
        ['Call-ID', randomBytes(12).toString('hex')],
        ['CSeq', '1 REGISTER'],
        ['Contact', `<${contact}>;expires=600`],
        ['Supported', 'path'],
        ...headers,
      ])
      let final: Wire | undefined
      transactions.send(await toProxy(), branch, 'REGISTER', text, (response) => {
        if (response.status >= 200) final = response
        watch.happened()
      })
      return watch.until(
        () => final,
        () => `${name}: no final response to REGISTER`,
        PATIENCE,
      )
    },
    send: async (method, to, { routes = [], headers = [], body = '' } = {}) => {
      const branch = newBranch()
      const text = requestText(
        method,
        to,
        [
          ['Via', `SIP/2.0/${VIA[transport]} ${address}:${port};branch=${branch};rport`],
          ...routes.map((route): HeaderPair => ['Route', route]),
          ['Max-Forwards', '70'],
          ['From', `<sip:${name}@${options.domain ?? address}>;tag=${newTag()}`],
          ['To', `<${to}>`],
          ['Call-ID', randomBytes(12).toString('hex')],
          ['CSeq', `1 ${method}`],
          ['Contact', `<${contact}>`],
          ...headers,
        ],
        body,
      )
      let final: Wire | undefined
      transactions.send(await link(nextHopOf(to, routes), undefined), branch, method, text, (response) => {
        if (response.status >= 200) final = response
        watch.happened()
      })
      return watch.until(
        () => final,
        () => `${name}: no final response to ${method}`,
        PATIENCE,
      )
    },
    registered: (ms = PATIENCE) => take(bindings, 'REGISTER', ms),
    calls,
    requests,
    problems,
    close: () => {
      transactions.close()
      closed ??= Promise.all([sockets.close(), ...media.map((one) => one.close())]).then(() => undefined)
      return closed
    },
  }
}
