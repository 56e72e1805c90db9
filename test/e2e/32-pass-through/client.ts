import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type ClientOptions as SocketOptions, WebSocket } from 'ws'
import { until } from '../../support/processes.ts'
import { headerOf, readWire, tagOf, uriOf, valuesOf, type Wire } from '../../support/wire.ts'
import { PASSWORD } from './registrar.ts'

export type ClientTransport = 'udp' | 'tcp' | 'tls' | 'wss'

export interface ClientOptions {
  readonly user: string
  readonly transport: ClientTransport
  readonly edge: { readonly address: string; readonly port: number }
  readonly root: string
  readonly name: string
  readonly origin: string
  readonly domain: string
}

/** A phone or browser, as far as registering and being called goes; it takes every call, and wants its own Contact in the Request-URI. */
export interface Client {
  readonly contact: string
  readonly requests: readonly Wire[]
  readonly problems: readonly string[]
  /** With digest when it is asked to. @param expires seconds; 0: takes it back @returns the final response */
  register(expires?: number): Promise<Wire>
  /** Its connection is lost, without a word. */
  vanish(): void
  /** Connects anew, from another port. */
  returns(): Promise<void>
  gets(method: string, count?: number): Promise<void>
  close(): void
}

interface Link {
  send(text: string): void
  end(): void
}

const VIA = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', wss: 'WSS' } as const
const PARAMETER = { udp: '', tcp: ';transport=tcp', tls: ';transport=tls', wss: ';transport=ws' } as const
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

const SDP = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0', ''].join('\r\n')

export const openClient = async (options: ClientOptions): Promise<Client> => {
  const { user, transport, domain } = options
  const random = randomBytes(6).toString('hex')
  // As browsers and phones behind NAT write it: nothing that anybody could send to
  const host = transport === 'wss' ? `${random}.invalid` : '192.168.178.20:5060'
  const contact = `sip:${user}@${host}${PARAMETER[transport]}`
  const instance = `+sip.instance="<urn:uuid:00000000-0000-4000-8000-${random}>"`
  const callId = `${random}@client`
  const tag = randomBytes(4).toString('hex')
  const requests: Wire[] = []
  const responses: Wire[] = []
  const problems: string[] = []
  let sequence = 0
  let link: Link

  const answer = (request: Wire, status: number, reason: string, body = ''): void => {
    const to = headerOf(request, 'to')
    link.send(
      [
        `SIP/2.0 ${status} ${reason}`,
        ...request.headers.filter(({ name }) => ['via', 'record-route', 'from', 'call-id', 'cseq'].includes(name)).map(({ raw }) => raw),
        `To: ${to}${tagOf(request, 'to') === undefined ? `;tag=${tag}` : ''}`,
        `Contact: <${contact}>`,
        ...(body === '' ? [] : ['Content-Type: application/sdp']),
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
    )
  }
  const arrived = (bytes: Buffer): void => {
    if (bytes.toString('latin1').trim() === '') return
    const wire = readWire(bytes)
    if (wire.status > 0) {
      responses.push(wire)
      return
    }
    const again = requests.some((one) => headerOf(one, 'via') === headerOf(wire, 'via') && one.method === wire.method)
    if (!again) requests.push(wire)
    if (!again && uriOf(`<${wire.uri}>`) !== contact) problems.push(`${wire.method} for ${wire.uri}, not for ${contact}`)
    if (wire.method === 'INVITE') answer(wire, 200, 'OK', SDP)
    else if (wire.method !== 'ACK') answer(wire, 200, 'OK')
  }
  const connected = async (): Promise<void> => {
    link = await openLink(options, arrived)
  }
  await connected()

  const final = async (expires: number, authorization: readonly string[]): Promise<Wire> => {
    const number = ++sequence
    link.send(
      [
        `REGISTER sip:${domain} SIP/2.0`,
        `Via: SIP/2.0/${VIA[transport]} ${host};branch=z9hG4bK${random}${number}${transport === 'udp' ? ';rport' : ''}`,
        'Max-Forwards: 70',
        `From: <sip:${user}@${domain}>;tag=${tag}`,
        `To: <sip:${user}@${domain}>`,
        `Call-ID: ${callId}`,
        `CSeq: ${number} REGISTER`,
        `Contact: <${contact}>;reg-id=1;${instance};expires=${expires}`,
        'Supported: path, gruu, outbound',
        'User-Agent: test client',
        ...authorization,
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    )
    return until(
      () => responses.find((one) => one.status >= 200 && headerOf(one, 'cseq') === `${number} REGISTER`),
      `answer to REGISTER of ${user}`,
    )
  }
  let credentials: readonly string[] = []
  return {
    contact,
    requests,
    problems,
    register: async (expires = 600) => {
      const first = await final(expires, credentials)
      if (first.status !== 401) return first
      const challenge = headerOf(first, 'www-authenticate')
      const [realm, nonce] = ['realm', 'nonce'].map((name) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? '')
      const uri = `sip:${domain}`
      const response = md5([md5(`${user}:${realm}:${PASSWORD}`), nonce, md5(`REGISTER:${uri}`)].join(':'))
      credentials = [`Authorization: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`]
      return final(expires, credentials)
    },
    vanish: () => link.end(),
    returns: connected,
    gets: async (method, count = 1) => {
      await until(() => requests.filter((one) => one.method === method).length >= count || undefined, `${count} ${method} for ${user}`)
    },
    close: () => link.end(),
  }
}

/** Whole messages of a stream. */
const framed = (arrived: (bytes: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(/^content-length *: *(\d+)/im.exec(rest.toString('latin1', 0, end))?.[1] ?? 0)
      if (rest.length < end + 4 + length) return
      arrived(rest.subarray(0, end + 4 + length))
      rest = rest.subarray(end + 4 + length)
    }
  }
}

const openLink = async ({ transport, edge, root, name, origin }: ClientOptions, arrived: (bytes: Buffer) => void): Promise<Link> => {
  if (transport === 'udp') {
    const socket = createSocket('udp4')
    socket.on('message', arrived)
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return { send: (text) => socket.send(text, edge.port, edge.address), end: () => socket.close() }
  }
  if (transport === 'wss') {
    const socket = new WebSocket(`wss://${edge.address}:${edge.port}`, ['sip'], { ca: root, servername: name, origin } as SocketOptions)
    socket.on('message', (bytes) => arrived(bytes as Buffer))
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve())
      socket.once('error', reject)
    })
    return { send: (text) => socket.send(text), end: () => socket.terminate() }
  }
  const socket =
    transport === 'tcp'
      ? connectTcp({ host: edge.address, port: edge.port })
      : connectTls({ host: edge.address, port: edge.port, ca: root, servername: name })
  socket.on('data', framed(arrived))
  socket.on('error', () => {})
  await new Promise<void>((resolve) => socket.once(transport === 'tcp' ? 'connect' : 'secureConnect', () => resolve()))
  return { send: (text) => socket.write(text), end: () => socket.destroy() }
}

/** The value of Contact that is this client's own, of a 200. */
export const ownContact = (response: Wire, { contact }: Client): string | undefined =>
  valuesOf(response, 'contact')
    .flatMap((value) => value.split(/,\s*(?=<)/))
    .find((value) => uriOf(value) === contact)
