import ipaddr from 'ipaddr.js'
import type { Network } from './zone.ts'

/** `::ffff:192.0.2.1` is how a dual-stack socket shows an IPv4 peer (RFC 4291 §2.5.5.2). */
const MAPPED = /^::ffff:(?=\d+\.)/i

/** The 32 bits of a dotted quad as an unsigned number, or -1. Written out: it runs for each datagram of a stranger. */
const ipv4Bits = (text: string): number => {
  let bits = 0
  let octet = -1
  let octets = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 46) {
      if (octet < 0 || ++octets > 3) return -1
      bits = bits * 256 + octet
      octet = -1
    } else {
      if (code < 48 || code > 57 || octet === 0) return -1
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48
      if (octet > 255) return -1
    }
  }
  return octet < 0 || octets !== 3 ? -1 : bits * 256 + octet
}

const ipv6Bits = (text: string): bigint | undefined => {
  const zone = text.indexOf('%')
  const address = zone < 0 ? text : text.slice(0, zone)
  if (!ipaddr.IPv6.isValid(address)) return undefined
  return ipaddr.IPv6.parse(address).parts.reduce((bits, part) => (bits << 16n) | BigInt(part), 0n)
}

/** An IP literal without brackets: 4, 6, or `undefined`. Octal, hexadecimal and shortened IPv4 are not taken. */
export const ipFamily = (text: string): 4 | 6 | undefined => {
  if (ipv4Bits(text) >= 0) return 4
  return text.includes(':') && !text.includes('%') && ipv6Bits(text) !== undefined ? 6 : undefined
}

export const isWildcard = (address: string): boolean => ipv4Bits(address) === 0 || (address.includes(':') && ipv6Bits(address) === 0n)

/** The shortest way to write an address (RFC 5952), so that two spellings of one address are equal; anything else comes back as it is. */
export const canonicalAddress = (address: string): string => {
  if (ipFamily(address) !== 6) return address
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toRFC5952String()
}

/**
 * A network from its text: `10.0.0.0/8`, `2001:db8::/32`, or one address.
 * An IPv4 peer that a dual-stack socket shows as `::ffff:a.b.c.d` is inside the IPv4 network.
 * @returns `undefined` when the text is no network
 */
export const network = (text: string): (Network & { readonly exact: boolean }) | undefined => {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const length = slash < 0 ? undefined : text.slice(slash + 1)
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined
  const mapped = address.replace(MAPPED, '')
  const four = ipv4Bits(mapped)
  if (four >= 0) {
    const prefix = length === undefined ? 32 : Number(length) - (mapped === address ? 0 : 96)
    if (prefix < 0 || prefix > 32) return undefined
    const size = 2 ** (32 - prefix)
    const first = four - (four % size)
    return {
      text,
      exact: first === four,
      contains: (peer) => {
        const bits = ipv4Bits(peer.charCodeAt(0) === 58 ? peer.replace(MAPPED, '') : peer)
        return bits >= first && bits < first + size
      },
    }
  }
  const six = ipv6Bits(address)
  const prefix = length === undefined ? 128 : Number(length)
  if (six === undefined || address.includes('%') || prefix > 128) return undefined
  const shift = BigInt(128 - prefix)
  const wanted = six >> shift
  return {
    text,
    exact: wanted << shift === six,
    contains: (peer) => {
      if (!peer.includes(':') || MAPPED.test(peer)) return false
      const bits = ipv6Bits(peer)
      return bits !== undefined && bits >> shift === wanted
    },
  }
}
