import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Log } from '../../observability/log.ts'
import type { ChallengeSockets } from '../types.ts'
import { AcmeError } from './errors.ts'

/** Our port for HTTP-01 (RFC 8555 §8.3): open while there is something to answer, and for nothing else. */
export interface HttpResponder extends Pick<ChallengeSockets, 'http'> {
  /** Closes all ports. */
  stop(): Promise<void>
}

export interface HttpResponderOptions {
  readonly log: Log
  /** Default: every address of the machine. */
  readonly host?: string
}

/** CAs ask from a handful of places; whoever else finds the port open gets little of us. */
const CONNECTIONS = 64
const REQUEST_MS = 5000
const PATH = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]{1,256})$/

interface Port {
  readonly tokens: Map<string, string>
  readonly server: Server
}

export const createHttpResponder = ({ log, host }: HttpResponderOptions): HttpResponder => {
  const ports = new Map<number, Port>()
  /** Opening and closing come one after the other: a port that is closing can be opened when it is closed. */
  let line: Promise<unknown> = Promise.resolve()
  const inLine = <T>(task: () => Promise<T>): Promise<T> => {
    const mine = line.then(task)
    line = mine.catch(() => undefined)
    return mine
  }

  const opened = async (port: number): Promise<Port> => {
    const known = ports.get(port)
    if (known !== undefined) return known
    const tokens = new Map<string, string>()
    const server = createServer({
      maxHeaderSize: 8192,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      connectionsCheckingInterval: 1000,
    })
    server.maxConnections = CONNECTIONS
    server.on('request', (request, response) => answer(tokens, request, response, log))
    server.on('clientError', (_fault, socket) => socket.destroy())
    await listen(server, port, host)
    const made = { tokens, server }
    ports.set(port, made)
    return made
  }

  const close = async (port: number): Promise<void> => {
    const open = ports.get(port)
    if (open === undefined) return
    ports.delete(port)
    await new Promise<void>((resolve) => {
      open.server.close(() => resolve())
      open.server.closeAllConnections()
    })
  }

  return {
    http: (port, token, content) =>
      inLine(async () => {
        const { tokens } = await opened(port)
        tokens.set(token, content)
        return () =>
          inLine(async () => {
            tokens.delete(token)
            if (tokens.size === 0 && ports.get(port)?.tokens === tokens) await close(port)
          })
      }),
    stop: () =>
      inLine(async () => {
        for (const port of [...ports.keys()]) await close(port)
      }),
  }
}

const answer = (tokens: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse, log: Log): void => {
  const { method = '', url = '', socket } = request
  response.setHeader('Connection', 'close')
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    return
  }
  const content = tokens.get(PATH.exec(url)?.[1] ?? '')
  if (content === undefined) {
    response.writeHead(404).end()
    return
  }
  log.debug({ remoteAddress: socket.remoteAddress }, 'A challenge was fetched')
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': Buffer.byteLength(content) })
  response.end(method === 'HEAD' ? undefined : content)
}

const listen = (server: Server, port: number, host: string | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen(cause, port, host)))
    // Without a host Node takes IPv6 and IPv4, or IPv4 alone where there is no IPv6
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.removeAllListeners('error')
      server.on('error', () => {})
      resolve()
    })
  })

const cannotListen = (cause: NodeJS.ErrnoException, port: number, host: string | undefined): AcmeError => {
  const place = `TCP port ${port}${host === undefined ? '' : ` of ${host}`}`
  switch (cause.code) {
    case 'EADDRINUSE':
      return new AcmeError(
        'SBC_CERTIFICATE_PORT',
        `${place} is in use by another program, so HTTP-01 cannot be answered; stop that program, let it hand /.well-known/acme-challenge/ to another port and set http-port to that, or use another challenge`,
        { cause },
      )
    case 'EACCES':
      return new AcmeError(
        'SBC_CERTIFICATE_PORT',
        `${place} needs a privilege that this process does not have; with systemd set AmbientCapabilities=CAP_NET_BIND_SERVICE, or forward port 80 to another one and set http-port to that`,
        { cause },
      )
    default:
      return new AcmeError('SBC_CERTIFICATE_PORT', `${place} cannot be opened: ${cause.message}`, { cause })
  }
}
