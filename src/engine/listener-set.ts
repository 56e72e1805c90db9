import type { Listener } from '../address/listener.ts'
import type { ListenerOptions, Transports } from '../transport/types.ts'

type Options = ReadonlyMap<string, ListenerOptions>

/** Which listeners' sockets are open. */
export class ListenerSet {
  readonly #transports: Transports
  readonly open = new Set<string>()

  constructor(transports: Transports) {
    this.#transports = transports
  }

  /** All of them, or none. @throws TransportError, CertificateError */
  async start(listeners: readonly Listener[], options: Options): Promise<void> {
    try {
      for (const listener of listeners) await this.#open(listener, options)
    } catch (error) {
      await this.#transports.closeAll('start failed')
      throw error
    }
  }

  /** Closes some, then opens others: one may take another's address. What fails leaves all as it was. @throws TransportError, CertificateError */
  async exchange(
    out: { readonly listeners: readonly Listener[]; readonly options: Options },
    into: { readonly listeners: readonly Listener[]; readonly options: Options },
  ): Promise<void> {
    const opened: Listener[] = []
    const closed: Listener[] = []
    try {
      for (const listener of out.listeners) {
        await this.#close(listener)
        closed.push(listener)
      }
      for (const listener of into.listeners) {
        await this.#open(listener, into.options)
        opened.push(listener)
      }
    } catch (error) {
      for (const listener of opened) await this.#close(listener)
      for (const listener of closed) await this.#open(listener, out.options)
      throw error
    }
  }

  async #open(listener: Listener, options: Options): Promise<void> {
    await this.#transports.open(listener, options.get(listener.name)!)
    this.open.add(listener.name)
  }

  async #close(listener: Listener): Promise<void> {
    await this.#transports.close(listener.name)
    this.open.delete(listener.name)
  }
}
