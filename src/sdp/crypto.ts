/** The `a=crypto` lines of RFC 4568: the keys of SRTP in the SDP. */
import { attributeIn } from './attributes.ts'
import type { MediaSection } from './sdp.ts'

export interface CryptoKey {
  /** Key and salt, base64. */
  readonly key: string
  /** `2^31` or a plain number of packets. */
  readonly lifetime: string | undefined
  /** `value:length` of the master key identifier, which then stands in every packet. */
  readonly mki: string | undefined
}

export interface CryptoLine {
  readonly tag: number
  /** Upper case. */
  readonly suite: string
  readonly keys: readonly CryptoKey[]
  /** `KDR=1`, `UNENCRYPTED_SRTCP` …, as written. */
  readonly parameters: readonly string[]
}

const SYNTAX = /^(\d{1,9})[ \t]+(\S+)[ \t]+(\S+)(.*)$/

/** What the line says; undefined: no crypto line, or one that cannot be read (RFC 4568 §9.1). */
export const cryptoIn = (line: string): CryptoLine | undefined => {
  const value = attributeIn(line, 'crypto')
  const found = value === undefined ? null : SYNTAX.exec(value)
  if (found === null) return undefined
  const [, tag, suite, keys, parameters] = found as unknown as [string, string, string, string, string]
  const read = keys.split(';').map(readKey)
  return read.every((key) => key !== undefined)
    ? { tag: Number(tag), suite: suite.toUpperCase(), keys: read, parameters: parameters.split(/[ \t]+/).filter((one) => one !== '') }
    : undefined
}

/** Those of a section that can be read. */
export const cryptoLines = (section: MediaSection): readonly CryptoLine[] =>
  section.lines.flatMap((line) => {
    const read = cryptoIn(line)
    return read === undefined ? [] : [read]
  })

/** The same line under another tag; its other bytes stay. */
export const withCryptoTag = (line: string, tag: number): string => line.replace(/^a=crypto:\d+/, `a=crypto:${tag}`)

const INLINE = /^inline:/i

/** RFC 4568 §6.1: lifetime and MKI may both be left out, the MKI is the one with a colon. */
const readKey = (written: string): CryptoKey | undefined => {
  if (!INLINE.test(written)) return undefined
  const [key, ...rest] = written.slice(7).split('|')
  if (key === undefined || key === '' || rest.length > 2) return undefined
  return { key, lifetime: rest.find((one) => !one.includes(':')), mki: rest.find((one) => one.includes(':')) }
}
