import type { Socket } from 'node:net'
import { createSecureContext, createServer, type SecureContext, type Server } from 'node:tls'
import { bareHost } from '../address/listener.ts'
import { TransportError } from '../base/errors.ts'
import { readHello } from './client-hello.ts'
import { firstBytes } from './first-bytes.ts'

/** RFC 8737 §6.1. */
export const ACME_TLS = 'acme-tls/1'
/** A ClientHello of today has some 2000 bytes; what goes on after this is no validation. */
const LONGEST_HELLO = 8192

/**
 * Answers validations of TLS-ALPN-01 (RFC 8737) on all TLS listeners, while any are expected. A listener's own TLS has no part in it: with
 * ALPN it would have to refuse clients that name other protocols.
 */
export class Challenges {
  readonly #contexts = new Map<string, SecureContext>()
  #server: Server | undefined

  /** Whether sockets have to be looked at. */
  get pending(): boolean {
    return this.#contexts.size > 0
  }

  /**
   * The certificate for validations of a host; undefined takes it away. PEM.
   * @throws TransportError when it cannot be used
   */
  set(host: string, certificate: { readonly chain: string; readonly key: string } | undefined): void {
    const name = bareHost(host)
    if (certificate === undefined) {
      this.#contexts.delete(name)
      return
    }
    try {
      const { chain: cert, key } = certificate
      this.#contexts.set(name, createSecureContext({ cert, key, minVersion: 'TLSv1.2' }))
    } catch (cause) {
      throw new TransportError(
        'SBC_TRANSPORT_TLS',
        `The certificate that proves ${name} cannot be used: ${(cause as Error).message}`,
        cause,
      )
    }
  }

  /**
   * Looks at what an accepted socket sends first. A validation is answered here; every other socket is handed on with all of its bytes,
   * as if nobody had looked. Bounded in bytes here, in time by the limit for handshakes.
   * @param validation called before a validation is answered
   * @param other takes the socket through whatever handshake it wants
   */
  sort(socket: Socket, validation: () => void, other: () => void): void {
    let ours = false
    const look = (bytes: Buffer): number | undefined => {
      const hello = readHello(bytes)
      if (hello.kind === 'more' && bytes.length <= LONGEST_HELLO) return undefined
      // §3: "acme-tls/1" alone, and one name that we have a certificate for
      const { protocols = [], host = '' } = hello.kind === 'hello' ? hello : {}
      ours = protocols.length === 1 && protocols[0] === ACME_TLS && this.#contexts.has(host)
      return 0
    }
    firstBytes(socket, look, () => {
      if (ours) {
        validation()
        this.#server ??= this.#makeServer()
        this.#server.emit('connection', socket)
      } else other()
    })
  }

  #makeServer(): Server {
    const server = createServer({
      ALPNProtocols: [ACME_TLS],
      minVersion: 'TLSv1.2',
      SNICallback: (host, done) => {
        const context = this.#contexts.get(bareHost(host))
        // It was taken away while the handshake began
        if (context === undefined) done(new Error('No validation is expected'))
        else done(null, context)
      },
    })
    // §3: the handshake is all there is
    server.on('secureConnection', (secured) => {
      secured.on('error', () => {})
      secured.destroySoon()
    })
    server.on('tlsClientError', () => {})
    return server
  }
}
