import { type SipUri, uriParameter } from '../sip/uri.ts'
import { bareHost, type Listener } from './listener.ts'
import { TRANSPORTS, transportNamed } from './transports.ts'

const WILDCARDS = new Set(['0.0.0.0', '::'])

/** One form of an address of ours, as a Route or Request-URI may name it. */
interface Form {
  readonly host: string
  readonly port: number
}

/** Every host and port under which a listener may be addressed: advertised, tenants', bound. */
export const formsOf = (listener: Listener): readonly Form[] => {
  const forms: Form[] = [listener.advertisedHost, ...listener.names].map((host) => ({
    host: bareHost(host),
    port: listener.advertisedPort,
  }))
  if (!WILDCARDS.has(listener.bindAddress)) forms.push({ host: bareHost(listener.bindAddress), port: listener.bindPort })
  return forms
}

/**
 * Who we are on the network (T2, A4): recognises every listener in every form that we print or bind, on whichever listener it arrives.
 */
export class Myself {
  /** `host|port|uri transport` → the listener; the first one configured wins, and check refuses two with the same advertised form. */
  readonly #exact = new Map<string, Listener>()
  /** `host|port` → the listener, for URIs that leave the transport out. */
  readonly #byPort = new Map<string, Listener>()
  readonly #byHost = new Map<string, Listener>()
  readonly #byName = new Map<string, Listener>()

  constructor(listeners: readonly Listener[]) {
    for (const listener of listeners) {
      this.#byName.set(listener.name, listener)
      for (const { host, port } of formsOf(listener)) {
        addFirst(this.#exact, `${host}|${port}|${listener.transport.uri}`, listener)
        addFirst(this.#byPort, `${host}|${port}`, listener)
        addFirst(this.#byHost, host, listener)
      }
    }
  }

  named(name: string): Listener | undefined {
    return this.#byName.get(name)
  }

  /**
   * The listener that a Route or Request-URI names; `undefined` when it is not one of ours. A missing transport means UDP where we have
   * UDP on that port, else whatever listens there; `wss` is taken for `ws`; `sips` means TLS.
   */
  listenerOf(uri: SipUri): Listener | undefined {
    const host = bareHost(uri.host)
    if (!this.#byHost.has(host)) return undefined
    const token = uriParameter(uri, 'transport')
    const named = token === undefined ? undefined : transportNamed(token)
    if (token !== undefined && named === undefined) return undefined
    const transport = named ?? (uri.scheme === 'sips' ? 'tls' : 'udp')
    const port = uri.port ?? TRANSPORTS[transport].defaultPort
    const exact = this.#exact.get(`${host}|${port}|${TRANSPORTS[transport].uri}`)
    if (exact !== undefined) return exact
    // INTEROP: `sips` with `transport=tcp` is TLS (RFC 3261 §26.2.2), and `ws` without a port may be either default port
    if (uri.scheme === 'sips' || (named === 'ws' && uri.port === undefined)) {
      return this.#byPort.get(`${host}|${uri.port ?? (named === 'ws' ? TRANSPORTS.wss.defaultPort : TRANSPORTS.tls.defaultPort)}`)
    }
    return named === undefined ? (uri.port === undefined ? this.#byHost.get(host) : this.#byPort.get(`${host}|${port}`)) : undefined
  }

  /** Is the Request-URI addressed to us, whatever transport it names? Port and host decide; without a port the host does. */
  owns(uri: SipUri): boolean {
    const host = bareHost(uri.host)
    if (!this.#byHost.has(host)) return false
    return uri.port === undefined || this.#byPort.has(`${host}|${uri.port}`)
  }

  /** Is that Via ours? Sent-by is compared with what our listeners print. */
  printed(host: string, port: number | undefined): boolean {
    return this.#byPort.has(`${bareHost(host)}|${port ?? 5060}`)
  }
}

const addFirst = (map: Map<string, Listener>, key: string, listener: Listener): void => {
  if (!map.has(key)) map.set(key, listener)
}
