import { bareHost } from '../address/listener.ts'
import { canonicalAddress, ipFamily, isWildcard, network } from '../zones/networks.ts'
import { type Fault, fault, isFault } from './report.ts'

/** Texts of the file that stand for something: durations, sizes, addresses. Each gives the value, or says what is wrong. */

const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `200ms`, `30s`, `5m`, `1h`, `1d`, or `off` (0), in milliseconds. @throws nothing: the schema has checked the form */
export const milliseconds = (text: string): number => {
  const match = DURATION.exec(text)
  return match === null ? 0 : Number(match[1]) * MILLISECONDS[match[2] as keyof typeof MILLISECONDS]
}

const SIZE = /^(\d{1,9})(k|m)?$/

/** `512`, `64k`, `4m`, in bytes (k = 1024). */
export const bytes = (text: string): number => {
  const match = SIZE.exec(text)
  return match === null ? 0 : Number(match[1]) * (match[2] === 'm' ? 1024 * 1024 : match[2] === 'k' ? 1024 : 1)
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** RFC 1123 §2.1; a name of digits and dots alone would be taken for an address. */
export const isHostName = (text: string): boolean => {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  return bare.length > 0 && bare.length <= 253 && !/^[\d.]+$/.test(bare) && bare.split('.').every((label) => LABEL.test(label))
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export const networkNamed = (text: string): NonNullable<ReturnType<typeof network>> | Fault =>
  network(text) ?? fault(`"${text}" is no IP address or network`, 'Write an address, or a network such as 10.0.0.0/8 or 2001:db8::/32')

export interface HostPort {
  /** Lower case, no brackets. */
  readonly host: string
  readonly port: number | undefined
}

const portFault = (text: string, port: string): Fault =>
  fault(`Port ${port} in "${text}" is not between 1 and 65535`, 'Write a port from 1 to 65535')

/** `host`, `host:port`, `10.0.0.5:5060`, `[2001:db8::1]:5060`, `2001:db8::1`. */
export const hostPort = (text: string): HostPort | Fault => {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text)
  const plain = bracketed ?? (text.split(':').length > 2 ? [text, text, undefined] : /^([^:]+)(?::(\d+))?$/.exec(text))
  const written = plain?.[1]
  if (plain === null || written === undefined)
    return fault(`"${text}" is no host with an optional port`, 'Write HOST or HOST:PORT, an IPv6 address in brackets')
  const address = ipFamily(written) !== undefined
  if ((bracketed !== null && ipFamily(written) !== 6) || (!address && !isHostName(written))) {
    return fault(
      `"${written}" is neither a host name nor an IP address`,
      'Write a name such as sbc.example.com, an IPv4 address, or an IPv6 address in brackets',
    )
  }
  const port = plain[2]
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return portFault(text, port)
  return { host: address ? canonicalAddress(written) : bareHost(written), port: port === undefined ? undefined : Number(port) }
}

export interface Endpoint {
  /** An IP literal without brackets, IPv6 in its shortest form. */
  readonly address: string
  readonly port: number
}

/** `10.0.0.5`, `10.0.0.5:5060`, `[::1]:5060`: something that a socket can be bound to. */
export const endpoint = (text: string, defaultPort: number): Endpoint | Fault => {
  const parsed = hostPort(text)
  if (isFault(parsed)) return parsed
  if (ipFamily(parsed.host) === undefined) {
    return fault(
      `"${parsed.host}" is a name, and a socket is bound to an IP address`,
      `Write the IP address of an interface of this host, such as 10.0.0.5:${parsed.port ?? defaultPort}`,
    )
  }
  return { address: parsed.host, port: parsed.port ?? defaultPort }
}

/** An address that peers can be told. */
export const reachable = (host: string): Fault | undefined =>
  isWildcard(host)
    ? fault(`${host} is a wildcard and no address that peers can answer to`, 'Write the address or name that peers reach us by')
    : undefined

/** `'2xx'`, `'404'` and the like as a question; `undefined` for the default: every final answer but 408, 502, 503, 504. */
export const aliveStatuses = (patterns: readonly string[] | undefined): ((status: number) => boolean) => {
  if (patterns === undefined) return (status) => status >= 200 && status !== 408 && (status < 502 || status > 504)
  const alive = new Set<number>()
  for (const pattern of patterns) {
    const first = Number(pattern.replace(/x/gi, '0'))
    const last = Number(pattern.replace(/x/gi, '9'))
    for (let status = first; status <= last; status++) alive.add(status)
  }
  return (status) => alive.has(status)
}
