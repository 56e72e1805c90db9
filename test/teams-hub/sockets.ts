/** TLS between hubs and SBC: three hubs that listen, machines that connect, and a place where nobody may connect. */
import { constants, type X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { connect, createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { Certificate } from './authorities.ts'
import { chainOf, namesOf, type Refusal } from './identity.ts'
import { createFramer, type Message, readMessage } from './message.ts'
import type { SiteName } from './types.ts'

/** §1.3; nothing else is offered or taken. */
const SUITES = ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-SHA384', 'ECDHE-RSA-AES128-SHA256']
const TLS = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: SUITES.join(':') } as const

export interface Connection {
  readonly number: number
  readonly site: SiteName
  readonly openedBy: 'sbc' | 'hub'
  /** `address:port`. */
  readonly remote: string
  /** Of the hub's machine, where the hub opened it. */
  readonly machine: string
  /** Fingerprint of the hub's own certificate, as it was shown. */
  readonly shown: string
  /** The SBC's certificate. */
  readonly names: readonly string[]
  readonly fingerprint: string
  /** performance.now. */
  readonly openedAt: number
  /** Last transaction, or CRLF of the SBC. */
  activeAt: number
  requests: number
  send(text: string): void
  /** CRLF (RFC 5626 §3.5.1), which is no activity. */
  keepAlive(): void
  close(): void
  readonly open: () => boolean
}

export interface SocketEvents {
  /** A chain of the SBC; a refusal ends the connection. */
  judge(chain: readonly X509Certificate[], socket: TLSSocket): Refusal | undefined
  opened(connection: Connection): void
  closed(connection: Connection): void
  refused(site: SiteName, refusal: Refusal): void
  message(connection: Connection, message: Message): void
  crlf(connection: Connection): void
  garbage(connection: Connection, text: string): void
  /** A handshake that failed. */
  failed(site: SiteName, code: string, why: string): void
  trapped(site: SiteName, remote: string): void
}

export interface SocketOptions {
  readonly addresses: Readonly<Record<SiteName, string>>
  readonly port: number
  readonly trapPort: number | false
  certificate(site: SiteName): Certificate
}

export interface Sockets {
  listen(site: SiteName): Promise<void>
  /** Closes the port and all connections there. */
  refuse(site: SiteName): Promise<void>
  /** The certificate is another one from now on. */
  renew(): void
  /** Where nobody may connect; says in words when it cannot be opened. */
  trap(site: SiteName): Promise<string | undefined>
  /** @param name of the SBC, as of its trunk */
  connect(
    site: SiteName,
    machine: string,
    to: { readonly address: string; readonly port: number; readonly name: string },
  ): Promise<Connection>
  readonly connections: () => readonly Connection[]
  close(): Promise<void>
}

const listening = (server: Server, address: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address, port }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })

const closing = (server: Server): Promise<void> => new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()))

export const createSockets = (options: SocketOptions, events: SocketEvents): Sockets => {
  const servers = new Map<SiteName, TlsServer>()
  const traps: Server[] = []
  const all = new Set<Connection>()
  let count = 0
  let over = false

  const take = (socket: TLSSocket, site: SiteName, openedBy: Connection['openedBy'], machine: string): Connection | undefined => {
    const chain = chainOf(socket)
    const refusal = events.judge(chain, socket)
    if (refusal !== undefined) {
      events.refused(site, refusal)
      socket.on('error', () => undefined)
      socket.destroy()
      return undefined
    }
    const leaf = chain[0]!
    const now = performance.now()
    const remote = `${socket.remoteAddress}:${socket.remotePort}`
    const connection: Connection = {
      ...{ number: ++count, site, openedBy, remote, machine, openedAt: now, activeAt: now, requests: 0 },
      shown: socket.getX509Certificate()?.fingerprint256 ?? '',
      names: namesOf(leaf),
      fingerprint: leaf.fingerprint256,
      send: (text) => {
        connection.activeAt = performance.now()
        socket.write(Buffer.from(text, 'latin1'))
      },
      keepAlive: () => {
        socket.write('\r\n\r\n')
      },
      close: () => {
        // What was written last is to arrive
        socket.end()
        setTimeout(() => socket.destroy(), 50)
      },
      open: () => socket.writable && !socket.destroyed,
    }
    all.add(connection)
    const framed = createFramer()
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      for (const part of framed(bytes)) {
        if (over) return
        if (part.kind === 'crlf') events.crlf(connection)
        else if (part.kind === 'garbage') events.garbage(connection, part.text)
        else events.message(connection, readMessage(part.text))
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      all.delete(connection)
      if (!over) events.closed(connection)
    })
    events.opened(connection)
    return connection
  }
  const context = (site: SiteName) => {
    const { chain, key } = options.certificate(site)
    return { ...TLS, cert: chain, key }
  }
  return {
    listen: async (site) => {
      if (servers.has(site)) return
      const server = createTlsServer(
        // Judged by us: what the library says of purposes is not what hubs say
        { ...context(site), requestCert: true, rejectUnauthorized: false, secureOptions: constants.SSL_OP_NO_TICKET },
        (socket) => take(socket, site, 'sbc', options.addresses[site]),
      )
      server.on('tlsClientError', (error: NodeJS.ErrnoException) => events.failed(site, error.code ?? '', error.message))
      servers.set(site, server)
      await listening(server, options.addresses[site], options.port)
    },
    refuse: async (site) => {
      const server = servers.get(site)
      servers.delete(site)
      for (const connection of all) if (connection.site === site) connection.close()
      if (server !== undefined) await closing(server)
    },
    renew: () => {
      for (const [site, server] of servers) server.setSecureContext(context(site))
    },
    trap: async (site) => {
      if (options.trapPort === false) return undefined
      const server = createServer((socket) => {
        events.trapped(site, `${socket.remoteAddress}:${socket.remotePort}`)
        socket.destroy()
      })
      try {
        await listening(server, options.addresses[site], options.trapPort)
        traps.push(server)
        return undefined
      } catch (error) {
        return `Port ${options.trapPort} of ${options.addresses[site]} cannot be opened (${(error as NodeJS.ErrnoException).code}): connections to it are not seen`
      }
    },
    connect: (site, machine, { address, port, name }) =>
      new Promise((resolve, reject) => {
        const target = { host: address, port, localAddress: machine, servername: name }
        const socket = connect({ ...target, ...context(site), rejectUnauthorized: false }, () => {
          socket.removeListener('error', reject)
          const connection = take(socket, site, 'hub', machine)
          if (connection === undefined) reject(new Error(`the certificate of ${name} was refused`))
          else resolve(connection)
        })
        socket.once('error', reject)
      }),
    connections: () => [...all],
    close: async () => {
      over = true
      for (const connection of all) connection.close()
      await Promise.all([...servers.values(), ...traps].map(closing))
    },
  }
}
