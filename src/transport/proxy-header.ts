/** The PROXY protocol, versions 1 and 2 (HAProxy's specification of 2020): whose connection a load balancer hands on. Pure. */
import { canonicalAddress, ipFamily } from '../zones/networks.ts'

export interface Client {
  readonly address: string
  readonly port: number
}

/** What a connection begins with. */
export type ProxyHeader =
  | { readonly kind: 'more' }
  /** It is no header, or none that could be believed. */
  | { readonly kind: 'broken'; readonly why: string }
  /** `length`: bytes of the header. `client` undefined: the proxy speaks for itself (a health check), or for somebody without an IP address. */
  | { readonly kind: 'header'; readonly length: number; readonly client: Client | undefined }

const MORE: ProxyHeader = { kind: 'more' }
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const WORD = Buffer.from('PROXY ', 'latin1')
/** §2.1: with CRLF. */
const LONGEST_LINE = 107
/** Of version 2; its length field allows 64 KB. Certificates of clients, the largest thing that is ever in it, have some 2 KB. */
const LONGEST = 4096
const LOCAL = 0
const PROXY = 1
/** Bytes of both addresses and ports, by address family. */
const ADDRESSES = [0, 12, 36, 216] as const
const CRC32C = 3

/** Reads the bytes that a proxy has sent so far, from the first; at least one. */
export const readProxyHeader = (bytes: Buffer): ProxyHeader => {
  if (begins(bytes, SIGNATURE)) return bytes.length < 16 ? MORE : binary(bytes)
  if (begins(bytes, WORD)) return line(bytes)
  return broken('the connection does not begin with a PROXY header')
}

const broken = (why: string): ProxyHeader => ({ kind: 'broken', why })

/** As far as there are bytes. */
const begins = (bytes: Buffer, wanted: Buffer): boolean => {
  const length = Math.min(bytes.length, wanted.length)
  return bytes.compare(wanted, 0, length, 0, length) === 0
}

/** §2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` CRLF. */
const line = (bytes: Buffer): ProxyHeader => {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf('\r\n')
  if (end < 0) return bytes.length < LONGEST_LINE ? MORE : broken('the PROXY header has no end')
  const words = bytes.toString('latin1', 0, end).split(' ')
  const [, family, from = '', to = '', fromPort = '', toPort = ''] = words
  // What follows UNKNOWN is to be ignored
  if (family === 'UNKNOWN') return { kind: 'header', length: end + 2, client: undefined }
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (words.length !== 6 || wanted === 0 || ipFamily(from) !== wanted || ipFamily(to) !== wanted || !isPort(fromPort) || !isPort(toPort))
    return broken('the PROXY header names no addresses')
  return { kind: 'header', length: end + 2, client: { address: canonicalAddress(from), port: Number(fromPort) } }
}

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) < 65_536

/** §2.2. */
const binary = (bytes: Buffer): ProxyHeader => {
  const command = bytes[12]! & 15
  if (bytes[12]! >> 4 !== 2 || command > PROXY) return broken('the PROXY header is of another version')
  const length = 16 + bytes.readUInt16BE(14)
  if (length > LONGEST) return broken(`the PROXY header has ${length} bytes`)
  if (bytes.length < length) return MORE
  const header = bytes.subarray(0, length)
  // Of a health check nothing else counts
  if (command === LOCAL) return { kind: 'header', length, client: undefined }
  const family = header[13]! >> 4
  const protocol = header[13]! & 15
  const addresses = ADDRESSES[family]
  if (addresses === undefined || protocol > 2) return broken('the PROXY header has an unknown kind of address')
  if (length < 16 + addresses) return broken('the PROXY header is too short for its addresses')
  const fault = extensionFault(header, 16 + addresses)
  if (fault !== undefined) return broken(fault)
  // Datagrams do not come over a connection; of a UNIX socket nobody has the address
  if (protocol === 2) return broken('the PROXY header speaks of datagrams')
  if (family === 0 || family === 3 || protocol === 0) return { kind: 'header', length, client: undefined }
  return {
    kind: 'header',
    length,
    client:
      family === 1
        ? { address: header.subarray(16, 20).join('.'), port: header.readUInt16BE(24) }
        : { address: ipv6Text(header.subarray(16, 32)), port: header.readUInt16BE(48) },
  }
}

const ipv6Text = (bytes: Buffer): string => {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return canonicalAddress(groups.join(':'))
}

/** §2.2.1 to §2.2.4: type, length, value. They are skipped, but a checksum has to be right. */
const extensionFault = (header: Buffer, start: number): string | undefined => {
  for (let at = start; at < header.length; ) {
    if (at + 3 > header.length) return 'the PROXY header ends in the middle of an extension'
    const size = header.readUInt16BE(at + 1)
    if (at + 3 + size > header.length) return 'an extension of the PROXY header is longer than the header'
    if (header[at] === CRC32C && (size !== 4 || header.readUInt32BE(at + 3) !== checksum(header, at + 3)))
      return 'the checksum of the PROXY header is wrong'
    at += 3 + size
  }
  return undefined
}

/** CRC-32C (RFC 9260 appendix A) of a header whose four bytes at `zeroed` count as zero. */
const checksum = (header: Buffer, zeroed: number): number => {
  let crc = 0xffffffff
  for (let at = 0; at < header.length; at++) {
    crc ^= at >= zeroed && at < zeroed + 4 ? 0 : header[at]!
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1))
  }
  return ~crc >>> 0
}
