import { connect as connectPlain, createServer as createPlainServer, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Issued } from './authority.ts'

/** Puts TLS under a peer that has none (Debian builds SIPp without it): bytes pass as they are. */
export interface TlsBridge {
  /** Why connections failed, if any did. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

interface Place {
  readonly address: string
  readonly port: number
}

const join = (one: Socket, two: Socket, errors: string[], open: Set<Socket>): void => {
  for (const [from, to] of [
    [one, two],
    [two, one],
  ] as const) {
    open.add(from)
    from.setNoDelay(true)
    from.pipe(to)
    // A peer that is done may reset: only what happens before it is connected matters, and that breaks the call.
    from.on('error', (error) => errors.push(error.message))
    from.on('close', () => {
      open.delete(from)
      to.end()
    })
  }
}

const bridge = (
  server: ReturnType<typeof createPlainServer>,
  listen: Place,
  errors: readonly string[],
  open: ReadonlySet<Socket>,
): Promise<TlsBridge> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: listen.address, port: listen.port }, () =>
      resolve({
        errors,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            for (const socket of open) socket.destroy()
          }),
      }),
    )
  })

/**
 * A caller's side: plain connections to `listen` become TLS connections from `from` to `to`.
 * The server's certificate must be signed by `authority` and name `serverName`.
 */
export const tlsClientBridge = (
  listen: Place,
  from: string,
  to: Place,
  serverName: string,
  authority: string,
  own?: Issued,
): Promise<TlsBridge> => {
  const errors: string[] = []
  const open = new Set<Socket>()
  const server = createPlainServer((plain) => {
    const secure: TLSSocket = connectTls({
      socket: connectPlain({ host: to.address, port: to.port, localAddress: from }),
      servername: serverName,
      ca: authority,
      ...(own === undefined ? {} : { cert: own.chain, key: own.key }),
    })
    join(plain, secure, errors, open)
  })
  return bridge(server, listen, errors, open)
}

/** A called party's side: TLS connections to `listen` become plain ones to `to`. */
export const tlsServerBridge = (listen: Place, to: Place, own: Issued): Promise<TlsBridge> => {
  const errors: string[] = []
  const open = new Set<Socket>()
  const server = createTlsServer({ cert: own.chain, key: own.key }, (secure) => {
    join(secure, connectPlain({ host: to.address, port: to.port }), errors, open)
  })
  server.on('tlsClientError', (error) => errors.push(error.message))
  return bridge(server, listen, errors, open)
}
