import { type SipUri, uriParameter } from '../sip/uri.ts'
import { bareHost, type Listener } from './listener.ts'
import { TRANSPORTS, type TransportName, transportNamed } from './transports.ts'

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
  /** `host|uri transport` → the listener, for names whose SRV records know the port. */
  readonly #byTransport = new Map<string, Listener>()
  readonly #byName = new Map<string, Listener>()

  constructor(listeners: readonly Listener[]) {
    for (const listener of listeners) {
      this.#byName.set(listener.name, listener)
      for (const { host, port } of formsOf(listener)) {
        addFirst(this.#exact, `${host}|${port}|${listener.transport.uri}`, listener)
        addFirst(this.#byPort, `${host}|${port}`, listener)
        addFirst(this.#byHost, host, listener)
        addFirst(this.#byTransport, `${host}|${listener.transport.uri}`, listener)
      }
    }
  }

  named(name: string): Listener | undefined {
    return this.#byName.get(name)
  }

  /**
   * The listener that a Route or Request-URI names; `undefined` when it is not one of ours. A missing transport means UDP where we have
   * UDP on that port, else whatever listens there; `wss` is taken for `ws`; `sips` means TLS. Without a port a name stands for whatever
   * its SRV records say, an address for the default port only: another server may live on this host.
   */
  listenerOf(uri: SipUri): Listener | undefined {
    const host = bareHost(uri.host)
    if (!this.#byHost.has(host)) return undefined
    const token = uriParameter(uri, 'transport')
    const named = token === undefined ? undefined : transportNamed(token)
    if (token !== undefined && named === undefined) return undefined
    const meant = uri.scheme === 'sips' ? overTls(named) : (named ?? 'udp')
    if (meant === undefined) return undefined
    const transport = TRANSPORTS[meant]
    const port = uri.port ?? transport.defaultPort
    const exact = this.#exact.get(`${host}|${port}|${transport.uri}`)
    if (exact !== undefined) return exact
    if (uri.port === undefined) {
      // INTEROP: RFC 7118 has no word for WSS, so `ws` without a port may be either default port
      const secured = meant === 'ws' ? this.#exact.get(`${host}|${TRANSPORTS.wss.defaultPort}|ws`) : undefined
      if (secured !== undefined) return secured
      if (!isAddress(host))
        return this.#byTransport.get(`${host}|${transport.uri}`) ?? (named === undefined ? this.#byHost.get(host) : undefined)
    }
    if (named !== undefined) return undefined
    const there = this.#byPort.get(`${host}|${port}`)
    return uri.scheme === 'sips' && there?.transport.secure === false ? undefined : there
  }

  /** Is the Request-URI addressed to us, whatever transport it names? Port and host decide; a name does without a port. */
  owns(uri: SipUri): boolean {
    const host = bareHost(uri.host)
    if (!this.#byHost.has(host)) return false
    if (uri.port !== undefined) return this.#byPort.has(`${host}|${uri.port}`)
    return !isAddress(host) || this.listenerOf(uri) !== undefined
  }

  /** Is that Via ours? Sent-by is compared with what our listeners print. */
  printed(host: string, port: number | undefined): boolean {
    return this.#byPort.has(`${bareHost(host)}|${port ?? 5060}`)
  }
}

/** §26.2.2: `sips` with `transport=tcp` is TLS; over UDP there is none. */
const overTls = (named: TransportName | undefined): TransportName | undefined => {
  if (named === undefined || named === 'tcp' || named === 'tls') return 'tls'
  return named === 'udp' ? undefined : 'wss'
}

/** @param host bare: no name ends in a digit behind its last dot (§25.1 toplabel) */
const isAddress = (host: string): boolean => host.includes(':') || /^[\d.]+$/.test(host)

const addFirst = (map: Map<string, Listener>, key: string, listener: Listener): void => {
  if (!map.has(key)) map.set(key, listener)
}
