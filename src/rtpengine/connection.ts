import { isIPv4 } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { MediaError, ResolveError } from '../base/errors.ts'
import type { NgClient } from './client.ts'

export interface ConnectionDeps {
  readonly clock: Clock
  /** @param name of the node, for metrics */
  readonly connect: (host: string, port: number, name: string) => NgClient
  /** An IPv4 literal. */
  readonly resolveHost: (name: string) => Promise<string>
}

/** The name server has its own patience; a call has less. */
const RESOLVE_MS = 2000
/** A node that is down may have another address by now. */
const AGAIN_MS = 5000

interface Resolving {
  readonly client: Promise<NgClient>
  readonly fail: (error: MediaError) => void
  readonly since: number
}

/** The way to the ng socket of one node: its name is resolved before the first command, and again while it is down. */
export class Connection {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly #deps: ConnectionDeps
  #client: NgClient | undefined
  #address = ''
  #resolving: Resolving | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(deps: ConnectionDeps, node: { readonly name: string; readonly host: string; readonly port: number }) {
    this.#deps = deps
    this.name = node.name
    this.host = node.host
    this.port = node.port
  }

  /** @throws MediaError (or rejects with): SBC_MEDIA_SEND the name has no address, SBC_MEDIA_CLOSED */
  client(): NgClient | Promise<NgClient> {
    if (this.#client !== undefined) return this.#client
    if (this.#closed) throw this.#closedError()
    if (!isIPv4(this.host)) return this.#resolve()
    return this.#use(this.host)
  }

  /** Looks whether the name has another address by now; commands under way to the old one are lost, as they were. */
  again(): void {
    if (this.#closed || this.#client === undefined || isIPv4(this.host) || this.#deps.clock.now() - this.#askedAt < AGAIN_MS) return
    // What it says is said again by the next command
    this.#resolve().catch(() => undefined)
  }

  /** Ends the wait for a name server that does not answer. */
  tick(): void {
    const resolving = this.#resolving
    if (resolving === undefined || this.#deps.clock.now() - resolving.since < RESOLVE_MS) return
    this.#resolving = undefined
    resolving.fail(this.#unresolved(undefined))
  }

  close(): void {
    this.#closed = true
    this.#resolving?.fail(this.#closedError())
    this.#resolving = undefined
    this.#client?.close()
    this.#client = undefined
  }

  #resolve(): Promise<NgClient> {
    if (this.#resolving !== undefined) return this.#resolving.client
    const { promise, resolve, reject } = Promise.withResolvers<NgClient>()
    const resolving: Resolving = { client: promise, fail: reject, since: this.#deps.clock.now() }
    this.#resolving = resolving
    this.#askedAt = resolving.since
    this.#lookUp(resolving).then(resolve, (error) => reject(this.#unresolved(error)))
    return promise
  }

  async #lookUp(resolving: Resolving): Promise<NgClient> {
    try {
      const address = await this.#deps.resolveHost(this.host)
      if (this.#resolving !== resolving) throw this.#closedError()
      if (!isIPv4(address)) throw new ResolveError('SBC_RESOLVE_NO_FAMILY', `it resolves to ${address}`)
      return this.#use(address)
    } finally {
      if (this.#resolving === resolving) this.#resolving = undefined
    }
  }

  #use(address: string): NgClient {
    if (this.#client !== undefined && address === this.#address) return this.#client
    this.#client?.close()
    this.#address = address
    this.#client = this.#deps.connect(address, this.port, this.name)
    return this.#client
  }

  #unresolved(cause: unknown): MediaError {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    return new MediaError(
      'SBC_MEDIA_SEND',
      `The name ${this.host} of rtpengine ${this.name} has no IPv4 address${why}; correct it, or write the address itself`,
      cause,
    )
  }

  #closedError(): MediaError {
    return new MediaError('SBC_MEDIA_CLOSED', `rtpengine ${this.name} is not asked any more: it left the configuration, or the edge stops`)
  }
}
