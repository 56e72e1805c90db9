import type { Socket } from 'node:net'
import { normalAddress, sourceOf } from './addresses.ts'
import type { Endpoint, Tracked } from './connections.ts'
import type { Client } from './proxy-header.ts'
import type { Remote } from './stream.ts'
import type { DropReason } from './types.ts'

const ENDPOINT = Symbol('endpoint')
const SOURCE = Symbol('source')

interface AcceptedSocket extends Socket {
  [ENDPOINT]?: Endpoint
  /** What it is counted under, where that is not its own address; empty: nobody yet. */
  [SOURCE]?: string
}

/**
 * Counts an accepted socket against the limits until it closes.
 * @param proxied comes from a proxy of ours: it is counted under its client, when that is known (`Arrival.speaksFor`)
 * @returns false: it was one too many and is gone
 */
export const admit = (endpoint: Endpoint, socket: Socket, address: string, proxied: boolean): boolean => {
  if (!endpoint.admit(proxied ? '' : sourceOf(address))) {
    endpoint.table.dropped(endpoint.listener, 'connections', address)
    socket.resetAndDestroy()
    return false
  }
  const accepted = socket as AcceptedSocket
  accepted[ENDPOINT] = endpoint
  if (proxied) accepted[SOURCE] = ''
  socket.on('close', onClose)
  return true
}

/** The same for a socket that another server accepted and hands to this listener. */
export const admitHanded = (endpoint: Endpoint, socket: Socket, address: string): boolean => {
  const source = sourceOf(address)
  if (!endpoint.admit(source)) {
    endpoint.table.dropped(endpoint.listener, 'connections', address)
    return false
  }
  const accepted = socket as AcceptedSocket
  accepted[ENDPOINT] = endpoint
  accepted[SOURCE] = source
  socket.on('close', onHandedClose)
  return true
}

function onHandedClose(this: AcceptedSocket): void {
  this[ENDPOINT]?.leave(this[SOURCE]!)
}

function onClose(this: AcceptedSocket): void {
  const endpoint = this[ENDPOINT]
  endpoint?.leave(this[SOURCE] ?? sourceOf(normalAddress(this.remoteAddress ?? '')))
  endpoint?.arrivals.get(arrivalKey(this))?.gone()
}

/** The remote's end names an accepted socket on its listener, also after TLS has wrapped it. */
export const arrivalKey = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`

type Refusal = Extract<DropReason, 'origin' | 'sub-protocol' | 'handshake' | 'certificate' | 'connections' | 'proxy-header'>

/** An accepted socket on its way through its TLS and WebSocket handshakes, or before its PROXY header. */
export class Arrival implements Tracked {
  readonly endpoint: Endpoint
  /** Who it is, as far as that is known: its own end, or the client that its proxy speaks for. */
  remote: Remote
  readonly #socket: AcceptedSocket
  readonly #key: string
  readonly #since: number
  /** What it is counted as when it closes now; undefined: as nothing. */
  lacks: Refusal | undefined = 'handshake'

  constructor(endpoint: Endpoint, socket: Socket, remote: Remote) {
    this.endpoint = endpoint
    this.remote = remote
    this.#socket = socket
    this.#key = arrivalKey(socket)
    this.#since = endpoint.table.time.now
    endpoint.arrivals.set(this.#key, this)
    endpoint.table.watch(this)
  }

  /**
   * The proxy that it comes from speaks for this client, whose limits count from now on.
   * @returns false: the client has too many connections already, which is counted; the socket is the caller's to end
   */
  speaksFor(client: Client): boolean {
    this.remote = { ...this.remote, ...client }
    const source = sourceOf(client.address)
    if (!this.endpoint.admitSource(source)) {
      this.refused('connections')
      return false
    }
    this.#socket[SOURCE] = source
    return true
  }

  /** A proxy of ours handed it on, and whom for is not known. */
  get proxied(): boolean {
    return this.#socket[SOURCE] === ''
  }

  /** The handshakes are done: a flow takes over. */
  done(): void {
    this.endpoint.arrivals.delete(this.#key)
    this.endpoint.table.unwatch(this)
  }

  /** Refused with an answer: counted once, under the first reason, and closed when the time for handshakes is over at the latest. */
  refused(reason: Refusal): void {
    if (this.lacks === undefined) return
    this.lacks = undefined
    this.endpoint.table.dropped(this.endpoint.listener, reason, this.remote.address)
  }

  /** It ends with its handshake, as it should: no drop. */
  expected(): void {
    this.lacks = undefined
  }

  /** The socket closed in mid-handshake. */
  gone(): void {
    this.done()
    if (this.lacks !== undefined) this.refused(this.lacks)
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
