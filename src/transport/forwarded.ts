/** Whom a reverse proxy speaks for, by the headers that it adds. Pure. */
import { canonicalAddress, ipFamily } from '../zones/networks.ts'
import { normalAddress } from './addresses.ts'
import type { Client } from './proxy-header.ts'
import type { BehindProxies } from './types.ts'

/** What Node makes of the headers of a request: several of one name are joined by commas. */
interface Headers {
  readonly 'x-forwarded-for'?: string | string[] | undefined
  readonly forwarded?: string | undefined
}

/** Whether a connection from this address is one of the proxies'. */
export const isProxy = ({ networks }: BehindProxies, address: string): boolean => networks.some((network) => network.contains(address))

/**
 * The client of a request that came from a proxy of ours: each proxy adds whom it heard it from at the right, so the last one that is no
 * proxy of ours is the last one that is known for sure; what stands left of it, a client may have written itself.
 * `Forwarded` (RFC 7239) counts where there is no `X-Forwarded-For`.
 * @returns its address; undefined when the headers name nobody
 */
export const forwardedClient = (headers: Headers, ours: (address: string) => boolean): string | undefined => {
  const plain = headers['x-forwarded-for']
  const entries = plain === undefined ? forEntries(headers.forwarded ?? '') : String(plain).split(',')
  for (let at = entries.length - 1; at >= 0; at--) {
    const address = addressOf(entries[at]!.trim())
    if (address === undefined) return undefined
    if (!ours(address)) return address
  }
  return undefined
}

/** The same for a request whose socket is known: the client's address, or that of the socket. */
export const clientOf = (behind: BehindProxies | undefined, headers: Headers, { remote }: { readonly remote: Client }): string => {
  if (behind?.by !== 'forwarded-for' || !isProxy(behind, remote.address)) return remote.address
  return forwardedClient(headers, (address) => isProxy(behind, address)) ?? remote.address
}

/** An address with or without port, brackets and quotes. */
const addressOf = (entry: string): string | undefined => {
  const bare = /^"(.*)"$/.exec(entry)?.[1] ?? entry
  const text = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(bare)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(bare)?.[1] ?? bare
  const address = normalAddress(text)
  return ipFamily(address) === undefined ? undefined : canonicalAddress(address)
}

/** The values of `for` of each element, in order; empty where an element has none. */
const forEntries = (value: string): readonly string[] =>
  outsideQuotes(value, ',').map((element) => {
    const pair = outsideQuotes(element, ';').find((one) => /^\s*for\s*=/i.test(one)) ?? ''
    return pair.slice(pair.indexOf('=') + 1)
  })

const outsideQuotes = (text: string, separator: string): readonly string[] => {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '\\' && quoted) at++
    else if (character === '"') quoted = !quoted
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}
