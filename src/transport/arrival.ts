import type { Socket } from 'node:net'
import type { PeerIdentity } from '../address/flow.ts'
import { normalAddress, sourceOf } from './addresses.ts'
import type { Endpoint, Tracked } from './connections.ts'

const ENDPOINT = Symbol('endpoint')

interface AcceptedSocket extends Socket {
  [ENDPOINT]?: Endpoint
}

/**
 * Counts an accepted socket against the limits until it closes.
 * @returns the remote's address; undefined when the socket was one too many, or is gone already
 */
export const admit = (endpoint: Endpoint, socket: Socket): string | undefined => {
  const { remoteAddress, remotePort } = socket
  // Closed by the remote before we came to it
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.destroy()
    return undefined
  }
  const address = normalAddress(remoteAddress)
  if (!endpoint.admit(sourceOf(address))) {
    endpoint.table.dropped(endpoint.listener, 'connections', address)
    socket.resetAndDestroy()
    return undefined
  }
  ;(socket as AcceptedSocket)[ENDPOINT] = endpoint
  socket.on('close', onClose)
  return address
}

function onClose(this: Socket): void {
  const endpoint = (this as AcceptedSocket)[ENDPOINT]
  endpoint?.leave(sourceOf(normalAddress(this.remoteAddress ?? '')))
  endpoint?.arrivals.get(arrivalKey(this))?.gone()
}

/** The remote's end names an accepted socket on its listener, also after TLS has wrapped it. */
export const arrivalKey = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`

/** An accepted socket on its way through its TLS and WebSocket handshakes. */
export class Arrival implements Tracked {
  readonly endpoint: Endpoint
  readonly address: string
  /** Whom its TLS handshake has shown. */
  peer: PeerIdentity | undefined
  readonly #socket: Socket
  readonly #key: string
  readonly #since: number
  #told = false

  constructor(endpoint: Endpoint, socket: Socket, address: string) {
    this.endpoint = endpoint
    this.address = address
    this.#socket = socket
    this.#key = arrivalKey(socket)
    this.#since = endpoint.table.time.now
    endpoint.arrivals.set(this.#key, this)
    endpoint.table.watch(this)
  }

  /** The handshakes are done: a flow takes over. */
  done(): void {
    this.endpoint.arrivals.delete(this.#key)
    this.endpoint.table.unwatch(this)
  }

  /** Refused with an answer: counted once, under the first reason, and closed when the time for handshakes is over at the latest. */
  refused(reason: 'origin' | 'sub-protocol' | 'handshake'): void {
    if (this.#told) return
    this.#told = true
    this.endpoint.table.dropped(this.endpoint.listener, reason, this.address)
  }

  /** It ends with its handshake, as it should: no drop. */
  expected(): void {
    this.#told = true
  }

  /** The socket closed in mid-handshake. */
  gone(): void {
    this.done()
    this.refused('handshake')
  }

  check(now: number): void {
    if (now - this.#since > this.endpoint.options.limits.handshakeMs) this.cut()
  }

  close(): void {
    this.cut()
  }

  cut(): void {
    this.#socket.destroy()
  }
}
