/** Sockets of a SIP endpoint: datagrams, streams, WebSockets; whole messages in and out. Owes nothing to the program under test. */
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { createServer as createHttpsServer } from 'node:https'
import { connect as connectPlain, createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Issued } from '../authority.ts'
import type { Place } from '../crossing.ts'
import { readWire, type Wire } from '../wire.ts'

export type SipTransport = 'udp' | 'tcp' | 'tls' | 'wss'

/** A way to one peer. */
export interface SipLink {
  readonly remote: Place
  send(message: string): void
  readonly open: () => boolean
}

export interface SipLinkOptions {
  readonly transport: SipTransport
  readonly address: string
  /** Where it listens; with TLS only when `own` is there, with WSS always. */
  readonly port: number
  /** TLS: what it presents, as a server, and as a client when it is asked. */
  readonly own?: Issued
  /** TLS: the authority that servers are checked against. */
  readonly authority?: string
}

export interface SipSockets {
  /** Takes connections or datagrams at its port. */
  readonly listens: boolean
  /** A connection that is open to this place already, else a new one. @param name of the server, for TLS */
  link(to: Place, name: string): Promise<SipLink>
  close(): Promise<void>
}

/** What a socket tells its owner. */
export interface SipSink {
  message(message: Wire, link: SipLink): void
  /** What should not have come. */
  problem(text: string): void
}

/** RFC 7118 §5.2, RFC 3261 §18.4: one message. @throws Error when its Content-Length is not true */
const whole = (bytes: Buffer): Wire => {
  const wire = readWire(bytes)
  const length = wire.headers.find(({ name }) => name === 'content-length')?.value
  if (length !== undefined && Number(length) !== wire.body.length) throw new Error(`Content-Length ${length} of ${wire.body.length}`)
  return wire
}

const deliver = (bytes: Buffer, link: SipLink, sink: SipSink): void => {
  try {
    sink.message(whole(bytes), link)
  } catch (error) {
    sink.problem(`${(error as Error).message}: ${bytes.toString('latin1', 0, 200)}`)
  }
}

const KEEP_ALIVE = /^(?:\r\n|\0)*$/

/** §18.3: a stream is cut by Content-Length. */
const reader = (link: SipLink, sink: SipSink): ((bytes: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (;;) {
      while (rest.toString('latin1', 0, 2) === '\r\n') rest = rest.subarray(2)
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = /^(?:Content-Length|l)[ \t]*:[ \t]*(\d+)\r?$/im.exec(rest.toString('latin1', 0, end))?.[1]
      if (length === undefined) {
        sink.problem(`no Content-Length on a stream: ${rest.toString('latin1', 0, 200)}`)
        rest = Buffer.alloc(0)
        return
      }
      const next = end + 4 + Number(length)
      if (rest.length < next) return
      deliver(rest.subarray(0, next), link, sink)
      rest = rest.subarray(next)
    }
  }
}

const datagrams = async ({ address, port }: SipLinkOptions, sink: SipSink): Promise<SipSockets> => {
  const socket: Datagrams = createSocket('udp4')
  let open = true
  const to = (remote: Place): SipLink => ({
    remote,
    send: (message) => {
      if (open) socket.send(Buffer.from(message, 'latin1'), remote.port, remote.address, () => undefined)
    },
    open: () => open,
  })
  socket.on('message', (bytes, { address: from, port: its }) => {
    if (!KEEP_ALIVE.test(bytes.toString('latin1'))) deliver(bytes, to({ address: from, port: its }), sink)
  })
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind({ address, port, exclusive: true }, resolve))
  return {
    listens: true,
    link: (remote) => Promise.resolve(to(remote)),
    close: () =>
      new Promise((resolve) => {
        open = false
        socket.close(() => resolve())
      }),
  }
}

const streams = async (options: SipLinkOptions, sink: SipSink): Promise<SipSockets> => {
  const { transport, address, port, own, authority } = options
  const sockets = new Map<Socket, SipLink>()
  const take = (socket: Socket, remote: Place): SipLink => {
    const link: SipLink = {
      remote,
      send: (message) => socket.write(Buffer.from(message, 'latin1')),
      open: () => socket.writable,
    }
    sockets.set(socket, link)
    socket.setNoDelay(true)
    socket.on('data', reader(link, sink))
    // The other side may go away as it likes; what was needed of it is missed elsewhere
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    return link
  }
  const accept = (socket: Socket): void => {
    take(socket, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
  }
  const listens = transport === 'tcp' || own !== undefined
  let server: Server | undefined
  if (listens) {
    server = transport === 'tcp' ? createPlainServer(accept) : createTlsServer({ cert: own!.chain, key: own!.key }, accept)
    server.on('tlsClientError', (error: Error) => sink.problem(`a client’s handshake: ${error.message}`))
    await new Promise<void>((resolve, reject) => server!.once('error', reject).listen({ host: address, port }, resolve))
  }
  const connect = (to: Place, name: string): Promise<SipLink> =>
    new Promise((resolve, reject) => {
      const target = { host: to.address, port: to.port, localAddress: address }
      const keys = own === undefined ? {} : { cert: own.chain, key: own.key }
      const trust = authority === undefined ? {} : { ca: authority }
      const ready = (): void => {
        socket.removeListener('error', reject)
        resolve(take(socket, to))
      }
      const socket: Socket =
        transport === 'tcp'
          ? connectPlain(target, ready)
          : connectTls({ ...target, ...keys, ...trust, ...(/^[\d.]+$/.test(name) ? {} : { servername: name }) }, ready)
      socket.once('error', reject)
    })
  return {
    listens,
    link: (to, name) => {
      const open = [...sockets.values()].find(({ remote, open }) => remote.address === to.address && remote.port === to.port && open())
      return open === undefined ? connect(to, name) : Promise.resolve(open)
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.keys()) socket.destroy()
        if (server === undefined) resolve()
        else server.close(() => resolve())
      }),
  }
}

/** RFC 7118, as a server only: browsers come by themselves. */
const webSockets = async ({ address, port, own }: SipLinkOptions, sink: SipSink): Promise<SipSockets> => {
  if (own === undefined) throw new Error('a WSS endpoint needs a certificate')
  const https = createHttpsServer({ cert: own.chain, key: own.key })
  const server = new WebSocketServer({ server: https, handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false) })
  server.on('connection', (socket: WebSocket, request) => {
    const link: SipLink = {
      remote: { address: request.socket.remoteAddress ?? '', port: request.socket.remotePort ?? 0 },
      send: (message) => socket.send(message),
      open: () => socket.readyState === socket.OPEN,
    }
    socket.on('message', (bytes: Buffer) => {
      if (!KEEP_ALIVE.test(bytes.toString('latin1'))) deliver(bytes, link, sink)
    })
  })
  await new Promise<void>((resolve, reject) => https.once('error', reject).listen({ host: address, port }, resolve))
  return {
    listens: true,
    link: () => Promise.reject(new Error('nobody connects to a browser')),
    close: () =>
      new Promise((resolve) => {
        for (const socket of server.clients) socket.terminate()
        server.close()
        https.close(() => resolve())
      }),
  }
}

export const openSipSockets = (options: SipLinkOptions, sink: SipSink): Promise<SipSockets> => {
  if (options.transport === 'udp') return datagrams(options, sink)
  return options.transport === 'wss' ? webSockets(options, sink) : streams(options, sink)
}
