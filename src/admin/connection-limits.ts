import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const MOST = 500
/** A reverse proxy is one source, too. */
const MOST_OF_ONE_SOURCE = 200

/** Connections of the admin server: one stranger cannot have all of them. */
export class ConnectionLimits {
  /** By the remote's end, which is the same for a socket and for the TLS around it. */
  readonly #open = new Set<string>()
  readonly #bySource = new Map<string, number>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => this.#accept(socket))
  }

  #accept(socket: Socket): void {
    const source = socket.remoteAddress ?? ''
    const already = this.#bySource.get(source) ?? 0
    if (already >= MOST_OF_ONE_SOURCE || this.#open.size >= MOST) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    this.#open.add(key)
    this.#bySource.set(source, already + 1)
    socket.once('close', () => this.#leave(key, source))
  }

  /** It belongs to somebody else from now on, who has limits of his own. */
  handedOn(socket: Socket): void {
    this.#leave(keyOf(socket), socket.remoteAddress ?? '')
  }

  #leave(key: string, source: string): void {
    if (!this.#open.delete(key)) return
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left > 0) this.#bySource.set(source, left)
    else this.#bySource.delete(source)
  }
}

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress}|${remotePort}`
