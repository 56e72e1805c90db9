/**
 * Messages as a capture file for Wireshark or sngrep: classic pcap with raw IP packets. Whatever carried them, they are written as UDP datagrams,
 * because decrypted messages of a stream have no packets of their own. Credentials are overwritten.
 */
import { isIPv6 } from 'node:net'
import { withoutCredentials } from './redact.ts'
import type { TraceEntry } from './trace.ts'

const MAGIC = 0xa1b2c3d4
/** LINKTYPE_RAW: packets begin with their IP header. */
const RAW_IP = 101
const SNAP_LENGTH = 262_144
const UDP = 17
/** What a datagram can carry; a longer message is cut off. */
const LONGEST = 65_000

export const pcapOf = (entries: readonly TraceEntry[]): Buffer => {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(MAGIC, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(SNAP_LENGTH, 16)
  header.writeUInt32LE(RAW_IP, 20)
  return Buffer.concat([header, ...entries.flatMap(recordOf)])
}

const recordOf = ({ at, direction, place, bytes }: TraceEntry): readonly Buffer[] => {
  const six = isIPv6(place.remoteAddress)
  const own = isIPv6(place.listener.bindAddress) === six ? place.listener.bindAddress : six ? '::' : '0.0.0.0'
  const ours = { address: own, port: place.listener.bindPort }
  const theirs = { address: place.remoteAddress, port: place.remotePort }
  const [from, to] = direction === 'in' ? [theirs, ours] : [ours, theirs]
  const packet = datagram(from, to, withoutCredentials(bytes).subarray(0, LONGEST), six)
  const record = Buffer.alloc(16)
  record.writeUInt32LE(Math.floor(at / 1000), 0)
  record.writeUInt32LE(Math.floor((at % 1000) * 1000), 4)
  record.writeUInt32LE(packet.length, 8)
  record.writeUInt32LE(packet.length, 12)
  return [record, packet]
}

interface End {
  readonly address: string
  readonly port: number
}

const datagram = (from: End, to: End, payload: Buffer, six: boolean): Buffer => {
  const udp = Buffer.alloc(8)
  udp.writeUInt16BE(from.port, 0)
  udp.writeUInt16BE(to.port, 2)
  udp.writeUInt16BE(8 + payload.length, 4)
  const [source, target] = [octets(from.address), octets(to.address)]
  if (!six) {
    const ip = Buffer.alloc(20)
    ip[0] = 0x45
    ip.writeUInt16BE(20 + udp.length + payload.length, 2)
    ip[8] = 64
    ip[9] = UDP
    source.copy(ip, 12)
    target.copy(ip, 16)
    ip.writeUInt16BE(checksum([ip]), 10)
    // RFC 768: no checksum
    return Buffer.concat([ip, udp, payload])
  }
  const ip = Buffer.alloc(40)
  ip[0] = 0x60
  ip.writeUInt16BE(udp.length + payload.length, 4)
  ip[6] = UDP
  ip[7] = 64
  source.copy(ip, 8)
  target.copy(ip, 24)
  // RFC 8200 §8.1: over IPv6 it is mandatory
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(udp.length + payload.length, 0)
  pseudo[7] = UDP
  udp.writeUInt16BE(checksum([source, target, pseudo, udp, payload]) || 0xffff, 6)
  return Buffer.concat([ip, udp, payload])
}

/** RFC 1071; all parts but the last have an even length. */
const checksum = (parts: readonly Buffer[]): number => {
  let sum = 0
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0)
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

const octets = (address: string): Buffer => {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  const plain = address.replace(/%.*$/, '')
  const [head = '', tail] = plain.split('::')
  const words = (text: string): number[] =>
    text === ''
      ? []
      : text.split(':').flatMap((word) => {
          if (!word.includes('.')) return [Number.parseInt(word, 16)]
          const [a = 0, b = 0, c = 0, d = 0] = word.split('.').map(Number)
          return [(a << 8) | b, (c << 8) | d]
        })
  const [first, last] = [words(head), tail === undefined ? [] : words(tail)]
  const all = tail === undefined ? first : [...first, ...new Array<number>(Math.max(8 - first.length - last.length, 0)).fill(0), ...last]
  const bytes = Buffer.alloc(16)
  for (const [i, word] of all.slice(0, 8).entries()) bytes.writeUInt16BE(word & 0xffff, i * 2)
  return bytes
}
