import { createHmac, timingSafeEqual } from 'node:crypto'
import { CLASS, decodeMessage, decodeName, encodeName, encodeRecord, RCODES, TYPE, uint16 } from './wire.ts'

/** RFC 8945 §6: the two that every server of today has. */
export const TSIG_ALGORITHMS = { 'hmac-sha256': 'sha256', 'hmac-sha512': 'sha512' } as const satisfies Record<string, string>
export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS

export interface TsigKey {
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Buffer
}

export interface SignedMessage {
  readonly bytes: Buffer
  /** Goes into the signature of the answer. */
  readonly mac: Buffer
}

/** Seconds that the clocks may differ (RFC 8945 §10). */
const FUDGE = 300

const uint48 = (value: number): Buffer => {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

/** RFC 8945 §4.3.3: names in lower case, TTL 0. */
const variables = (key: TsigKey, time: number, fudge: number, error: number, other: Buffer): Buffer => {
  const head = [encodeName(key.name.toLowerCase()), uint16(CLASS.ANY), Buffer.alloc(4), encodeName(key.algorithm)]
  return Buffer.concat([...head, uint48(time), uint16(fudge, error, other.length), other])
}

const macOf = (key: TsigKey, ...parts: readonly Buffer[]): Buffer => {
  const hmac = createHmac(TSIG_ALGORITHMS[key.algorithm], key.secret)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

const withCount = (bytes: Buffer, difference: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy.writeUInt16BE(copy.readUInt16BE(10) + difference, 10)
  return copy
}

/** Puts a TSIG record at the end of a message (RFC 8945 §5.1). @param time seconds since 1970 */
export const sign = (message: Buffer, key: TsigKey, time: number): SignedMessage => {
  const mac = macOf(key, message, variables(key, time, FUDGE, 0, Buffer.alloc(0)))
  const data = Buffer.concat([
    encodeName(key.algorithm),
    uint48(time),
    uint16(FUDGE, mac.length),
    mac,
    uint16(message.readUInt16BE(0), 0, 0),
  ])
  const record = encodeRecord({ name: key.name, type: TYPE.TSIG, class: CLASS.ANY, ttl: 0, data })
  return { bytes: Buffer.concat([withCount(message, 1), record]), mac }
}

/**
 * Looks whether an answer is signed with the key, for the request with that signature (RFC 8945 §5.3).
 * @param time seconds since 1970
 * @returns undefined when it is, else what is wrong, in words
 */
export const verify = (bytes: Buffer, key: TsigKey, requestMac: Buffer, time: number): string | undefined => {
  const { additional, lastRecordAt } = decodeMessage(bytes)
  const record = additional.at(-1)
  if (record?.type !== TYPE.TSIG) return 'the answer is not signed'
  const tsig = readTsig(record.data)
  if (tsig.error !== 0 && tsig.mac.length === 0) return refusal(tsig.error, tsig.other, key, time)
  const unsigned = withCount(bytes.subarray(0, lastRecordAt), -1)
  unsigned.writeUInt16BE(tsig.originalId, 0)
  const expected = macOf(
    key,
    uint16(requestMac.length),
    requestMac,
    unsigned,
    variables(key, tsig.time, tsig.fudge, tsig.error, tsig.other),
  )
  if (record.name.toLowerCase() !== key.name.toLowerCase() || tsig.algorithm.toLowerCase() !== key.algorithm)
    return 'the answer is signed with another key'
  if (tsig.mac.length !== expected.length || !timingSafeEqual(tsig.mac, expected)) return 'the signature of the answer is wrong'
  if (tsig.error !== 0) return refusal(tsig.error, tsig.other, key, time)
  return Math.abs(time - tsig.time) > tsig.fudge ? 'the answer is too old' : undefined
}

const refusal = (error: number, other: Buffer, key: TsigKey, time: number): string => {
  switch (RCODES[error]) {
    case 'BADKEY':
      return `the server knows no key ${key.name} with ${key.algorithm} (BADKEY); are key-name and key-algorithm as in its configuration?`
    case 'BADSIG':
      return `the server has another secret for the key ${key.name} (BADSIG)`
    case 'BADTIME': {
      const theirs = other.length === 6 ? `, ${Math.abs(Math.round(other.readUIntBE(0, 6) - time))} s` : ''
      return `the clocks of this machine and the server are too far apart (BADTIME${theirs}); set the clock`
    }
    default:
      return `the server does not accept the signature (${RCODES[error] ?? error})`
  }
}

const readTsig = (data: Buffer) => {
  const [algorithm, at] = decodeName(data, 0)
  const size = data.readUInt16BE(at + 8)
  const after = at + 10 + size
  return {
    algorithm,
    time: data.readUIntBE(at, 6),
    fudge: data.readUInt16BE(at + 6),
    mac: data.subarray(at + 10, after),
    originalId: data.readUInt16BE(after),
    error: data.readUInt16BE(after + 2),
    other: data.subarray(after + 6, after + 6 + data.readUInt16BE(after + 4)),
  }
}
