import type { Random } from './random.ts'
import { SEEDS } from './seeds.ts'

/** What parsers trip over: delimiters alone and in wrong places, line ends, numbers at the edge, characters that are letters elsewhere. */
const PIECES = [
  '\r\n', '\r', '\n', '\r\n ', '\r\n\t', '\r\n\r\n', '\n\n', '\n ', '\0', ' ', '\t', ';', ',', ':', '"', '\\', '\\"', '<', '>', '=', '@', '%', '%4', '%00', '%0d%0a',
  '/', '[', ']', '::', ':::', '?', '&', '*', '+', '-', '.', '..', '\xa0', '\xff', '\xc3\xa9', '\x0b', '\x85', '0', '1', '-1', '-0', '+1', '1e9', '0x10', 'NaN', '65535',
  '65536', '2147483647', '2147483648', '4294967296', '18446744073709551616', '99999999999999999999999', 'SIP/2.0', 'sip/2.0', 'SIP/2.0 ', ' SIP/2.0\r\n', 'SIP/7.0', 'sip:', 'sips:', 'tel:+',
  'sip:[::1]', ';tag=', ';branch=', ';branch=z9hG4bK', ';received=', ';rport', ';lr', ';transport=', 'l: 0\r\n', 'Content-Length: 5\r\n', 'Content-Length:', 'Via: ', 'v:', 'To:', 'From: <',
  'CSeq: 1 ', 'Call-ID: ', 'Route: ', 'Max-Forwards: ', 'INVITE ', 'ACK ', '__proto__: 1\r\n', 'constructor: 1\r\n', 'toString: 1\r\n', ';__proto__=1',
].map((text) => Buffer.from(text, 'latin1')) // biome-ignore format: a table

const splice = (bytes: Buffer, from: number, to: number, piece: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(to)])

/** One change to a message. */
const change = (bytes: Buffer, random: Random): Buffer => {
  const at = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + random.size(40))
  switch (random.below(9)) {
    case 0: {
      if (at === bytes.length) return bytes
      const copy = Buffer.from(bytes)
      copy[at] = copy[at]! ^ (1 << random.below(8))
      return copy
    }
    case 1:
      return splice(bytes, at, at, Buffer.from([random.below(256)]))
    case 2:
      return splice(bytes, at, to, Buffer.alloc(0))
    case 3:
      return splice(bytes, at, at, bytes.subarray(at, to))
    case 4:
      return splice(bytes, at, at, random.pick(PIECES))
    case 5:
      return splice(bytes, at, to, random.pick(PIECES))
    case 6: {
      const piece = random.pick(PIECES)
      return splice(bytes, at, at, Buffer.alloc(piece.length * (1 + random.size(200)), piece))
    }
    case 7: {
      // A line of another message
      const lines = random.pick(SEEDS).latin1Slice().split('\r\n')
      const start = bytes.indexOf('\n', at) + 1
      return splice(bytes, start, start, Buffer.from(`${random.pick(lines)}\r\n`, 'latin1'))
    }
    default:
      return random.below(4) === 0 ? Buffer.concat([bytes, random.pick(SEEDS)]) : bytes.subarray(0, at)
  }
}

/** A seed with some changes; each now and then nothing but noise. */
export const mutant = (random: Random): Buffer => {
  if (random.below(50) === 0) return Buffer.from(Array.from({ length: random.size(600) }, () => random.below(256)))
  let bytes: Buffer = random.pick(SEEDS)
  for (let changes = random.size(6); changes >= 0; changes--) bytes = change(bytes, random)
  return bytes
}
