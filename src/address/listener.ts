import ipaddr from 'ipaddr.js'
import { TRANSPORTS, type Transport, type TransportName } from './transports.ts'

export interface ListenerSpec {
  /** `group/transport`, with `#n` from the second address of the same transport on: `lan/udp`, `lan/udp#2`. */
  readonly name: string
  /** The name the operator gave: a zone is `on` a group. */
  readonly group: string
  readonly transport: TransportName
  /** An IP literal without brackets; may be a wildcard only when `advertisedHost` says something else. */
  readonly bindAddress: string
  readonly bindPort: number
  /** A host name or IP literal (no brackets) and the port that peers see. */
  readonly advertisedHost: string
  readonly advertisedPort: number
  /** Further hosts we may advertise per transaction (tenants), all recognised as ourselves. */
  readonly names: readonly string[]
}

/** IPv6 literals stand in brackets wherever a host is followed by a port (§25.1 IPv6reference). The one place that adds them. */
export const hostText = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/**
 * The inverse of `hostText`, in the form that hosts are compared in: lower case, no brackets, no final dot, IPv6 in its shortest form
 * (RFC 5952), because peers write `[2001:DB8:0:0::5]` back where we wrote `[2001:db8::5]`.
 */
export const bareHost = (host: string): string => {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  const lower = (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase()
  return lower.includes(':') ? shortest(lower) : lower
}

/** An IPv4-mapped address is the IPv4 address; one with a scope (`%eth0`), and what is no address, stays. */
const shortest = (address: string): string => {
  if (address.includes('%') || !ipaddr.IPv6.isValid(address)) return address
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String()
}

/**
 * One socket we own, and the only thing that prints our address: Via, Record-Route, Path, Contact and the admin ask it.
 * `transport/` opens the socket for it.
 */
export class Listener {
  readonly name: string
  readonly group: string
  readonly transport: Transport
  readonly bindAddress: string
  readonly bindPort: number
  readonly advertisedHost: string
  readonly advertisedPort: number
  readonly names: readonly string[]
  /** `host:port` of the default advertised name, as Via's sent-by shows it. */
  readonly sentBy: string
  readonly #names: ReadonlySet<string>
  readonly #viaPrefix: string
  readonly #uriTransport: string

  constructor(spec: ListenerSpec) {
    this.name = spec.name
    this.group = spec.group
    this.transport = TRANSPORTS[spec.transport]
    this.bindAddress = spec.bindAddress
    this.bindPort = spec.bindPort
    this.advertisedHost = spec.advertisedHost
    this.advertisedPort = spec.advertisedPort
    this.names = spec.names
    this.#names = new Set(spec.names)
    this.sentBy = `${hostText(spec.advertisedHost)}:${spec.advertisedPort}`
    this.#viaPrefix = `SIP/2.0/${this.transport.via} `
    this.#uriTransport = spec.transport === 'udp' ? '' : `;transport=${this.transport.uri}`
  }

  /** Is it one of `names`? */
  goesBy(host: string): boolean {
    return this.#names.has(host)
  }

  /** §18.1.1: the value of our Via, with the advertised sent-by (A2, T6). `as` is one of `names`. */
  via(branch: string, as?: string): string {
    return `${this.#viaPrefix}${this.#host(as)};branch=${branch}${this.transport.reliable ? '' : ';rport'}`
  }

  /** RFC 5658: our Record-Route or Path URI without angle brackets; `parameters` begins with `;` or is empty. */
  routeUri(parameters: string, as?: string): string {
    return `sip:${this.#host(as)}${this.#uriTransport};lr${parameters}`
  }

  /** A Contact of our own, for what we originate (OPTIONS). */
  contactUri(as?: string): string {
    return `sip:${this.#host(as)}${this.#uriTransport}`
  }

  /** A URI of ours that stands for somebody behind us; `parameters` begins with `;` or is empty. */
  uriFor(userinfo: string | undefined, parameters: string, as?: string): string {
    return `sip:${userinfo === undefined ? '' : `${userinfo}@`}${this.#host(as)}${this.#uriTransport}${parameters}`
  }

  #host(as: string | undefined): string {
    return as === undefined ? this.sentBy : `${hostText(as)}:${this.advertisedPort}`
  }
}
