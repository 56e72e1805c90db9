/**
 * Typed reading of header lines, remembered on the line. One reader per header: the memo of a line belongs to it.
 */
import { firstHeader, type HeaderLine, type SipMessage } from './message.ts'
import { type NameAddr, parseNameAddr, parseNameAddrs, valueEnd } from './name-addr.ts'
import { parameter } from './parameters.ts'
import { isBlank, trimBlank } from './text.ts'
import { parseVia, type Via } from './via.ts'

const FAILED: unique symbol = Symbol('failed')

const remember = <T>(one: HeaderLine, read: (value: string) => T | undefined): T | undefined => {
  if (one.memo === undefined) one.memo = read(one.value) ?? FAILED
  return one.memo === FAILED ? undefined : (one.memo as T)
}

const readVias = (value: string): readonly Via[] | undefined => {
  if (value.indexOf(',') < 0) {
    const one = parseVia(value)
    return one === undefined ? undefined : [one]
  }
  const list: Via[] = []
  for (const part of splitList(value)) {
    const one = parseVia(part)
    if (one === undefined) return undefined
    list.push(one)
  }
  return list
}

/** The values of one Via line; `undefined` when malformed. */
export const vias = (one: HeaderLine): readonly Via[] | undefined => remember(one, readVias)

/** The topmost Via of a message; `undefined` when there is none or it is malformed. */
export const topVia = (message: SipMessage): Via | undefined => {
  const one = firstHeader(message, 'via')
  return one === undefined ? undefined : vias(one)?.[0]
}

/** The values of one line of Contact, Route, Record-Route, Path …; `undefined` when malformed. */
export const addresses = (one: HeaderLine): readonly NameAddr[] | undefined => remember(one, parseNameAddrs)

/** The one value of From or To. */
export const address = (one: HeaderLine): NameAddr | undefined => remember(one, parseNameAddr)

export const fromTag = (message: SipMessage): string | undefined => tagIn(firstHeader(message, 'from'))
export const toTag = (message: SipMessage): string | undefined => tagIn(firstHeader(message, 'to'))

const tagIn = (one: HeaderLine | undefined): string | undefined => {
  if (one === undefined) return undefined
  const read = address(one)
  return read === undefined ? undefined : parameter(read.parameters, 'tag')
}

export interface CSeq {
  readonly number: number
  readonly method: string
}

const METHOD = /^[A-Za-z0-9\-.!%*_+`'~]+$/

const readCSeq = (value: string): CSeq | undefined => {
  let at = 0
  let number = 0
  for (; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
    // §8.1.1.5: less than 2**31
    if (number > 2147483647) return undefined
  }
  if (at === 0 || !isBlank(value.charCodeAt(at))) return undefined
  while (isBlank(value.charCodeAt(at))) at++
  const method = value.slice(at)
  return METHOD.test(method) ? { number, method } : undefined
}

export const cseq = (message: SipMessage): CSeq | undefined => {
  const one = firstHeader(message, 'cseq')
  return one === undefined ? undefined : remember(one, readCSeq)
}

/** A list of tokens over all lines of that name, as written: Require, Proxy-Require, Supported, Allow. */
export const tokens = (message: SipMessage, name: string): readonly string[] =>
  message.headers.flatMap((one) =>
    one.name === name
      ? one.value
          .split(',')
          .map(trimBlank)
          .filter((token) => token !== '')
      : [],
  )

/** Splits a comma list outside quotes and angle brackets; where one stays open the rest is one part. */
export const splitList = (value: string): readonly string[] => {
  const parts: string[] = []
  let from = 0
  for (let end = valueEnd(value, from); end >= 0 && end < value.length; end = valueEnd(value, from)) {
    parts.push(trimBlank(value.slice(from, end)))
    from = end + 1
  }
  parts.push(trimBlank(value.slice(from)))
  return parts
}
