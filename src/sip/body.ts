/**
 * The SDP in a message: the whole body (`application/sdp`), or a part of a multipart one (RFC 2046, RFC 5621).
 *
 * Only the session's description counts: what has another Content-Disposition than `session` (`early-session` of RFC 3959, `render` …), or is
 * encoded, is somebody else's. Multipart bodies (mixed, alternative, related) are looked into, also one inside another, not deeper. Whatever is
 * not the SDP stays byte for byte, but for Content-Length where it stands.
 */
import { EMPTY } from '../base/bytes.ts'
import { InvariantError } from '../base/errors.ts'
import { canonicalName } from './headers/table.ts'
import { append, headerValue, line, type SipMessage, withBody, withoutHeader } from './message.ts'
import { parameter } from './parameters.ts'
import { isBlank, isWireText, trimBlank } from './text.ts'

export interface SdpBody<M extends SipMessage> {
  /** latin1: one character is one byte. */
  readonly sdp: string
  /**
   * The same message with other SDP. Content-Length is right, that of a part as well.
   * @throws InvariantError when a character is more than one byte
   */
  replace(sdp: string): M
}

/** The session's SDP in a message; undefined: it has none. Without a body that costs one comparison. */
export const sdpOf = <M extends SipMessage>(message: M): SdpBody<M> | undefined => {
  if (message.body.length === 0) return undefined
  const place = placeOf(message)
  if (place === undefined) return undefined
  const { text, from, to, parts } = place
  const sdp = text.slice(from, to)
  const replace = (other: string): M =>
    other === sdp ? message : edited(message, text, [...lengths(parts, other.length - sdp.length), { from, to, by: other }])
  return { sdp, replace }
}

/** The same message without its SDP: without that part, or without a body when there was nothing else in it. */
export const withoutSdp = <M extends SipMessage>(message: M): M => {
  if (message.body.length === 0) return message
  const place = placeOf(message)
  if (place === undefined) return message
  // A multipart body has at least one part (RFC 2046 §5.1.1): that in which the SDP was alone goes with it
  const level = place.parts.findLastIndex(({ only }) => !only)
  if (level < 0) return DESCRIBING.reduce<M>(withoutHeader, withBody(message, EMPTY))
  const { start: from, end: to } = place.parts[level]!
  return edited(message, place.text, [...lengths(place.parts.slice(0, level), from - to), { from, to, by: '' }])
}

/**
 * A message without any body, with one.
 * @throws InvariantError when a character is more than one byte
 */
export const withSdp = <M extends SipMessage>(message: M, sdp: string): M => {
  if (!isWireText(sdp)) throw new InvariantError('SDP refused: a character is more than one byte')
  return append(withBody(DESCRIBING.reduce<M>(withoutHeader, message), Buffer.from(sdp, 'latin1')), line('Content-Type', 'application/sdp'))
}

/** What tells of a body, and goes with it. */
const DESCRIBING = ['content-type', 'content-disposition', 'content-encoding', 'content-language', 'mime-version']

/** A part around the SDP. Positions are those in the whole body. */
interface Part {
  /** Where its delimiter line begins. */
  readonly start: number
  /** Where the next delimiter line begins. */
  readonly end: number
  /** There is no other part beside it. */
  readonly only: boolean
  /** Bytes of its content. */
  readonly size: number
  /** Where the value of its Content-Length stands, if it has one: MIME knows none, but §20 allows it and some write it. */
  readonly length: Span | undefined
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Where the SDP stands, and the parts around it, outermost first. */
interface Place extends Span {
  readonly text: string
  readonly parts: readonly Part[]
}

/** How to find out what a body or a part holds: the value of a header by its canonical name. */
type HeaderOf = (name: string) => string | undefined

const placeOf = (message: SipMessage): Place | undefined => {
  const headerOf: HeaderOf = (name) => headerValue(message, name)
  const { body } = message
  const type = headerOf('content-type')
  // DEVIATION: §20.15 wants a Content-Type wherever there is a body; what begins as an SDP is taken for one without it
  const found = type === undefined ? (startsAsSdp(body) && isBare(headerOf, 'session') ? 'sdp' : undefined) : contentOf(headerOf)
  if (found === undefined) return undefined
  const text = body.latin1Slice()
  return found === 'sdp' ? { text, from: 0, to: text.length, parts: [] } : search(text, text, 0, found, [])
}

const startsAsSdp = (body: Buffer): boolean => body[0] === 118 && body[1] === 61 && body[2] === 48

interface Multipart {
  readonly boundary: string
  /** RFC 2046 §5.1.4: the last alternative is the best one. */
  readonly lastFirst: boolean
}

const MULTIPART = new Set(['multipart/mixed', 'multipart/alternative', 'multipart/related'])

const contentOf = (headerOf: HeaderOf): 'sdp' | Multipart | undefined => {
  const type = headerOf('content-type') ?? ''
  const semicolon = type.indexOf(';')
  const name = trimBlank(semicolon < 0 ? type : type.slice(0, semicolon)).toLowerCase()
  if (name === 'application/sdp') return isBare(headerOf, 'session') ? 'sdp' : undefined
  if (!MULTIPART.has(name) || semicolon < 0 || !isBare(headerOf, 'session', 'render')) return undefined
  const boundary = unquoted(parameter(type.slice(semicolon), 'boundary') ?? '')
  return boundary === '' || boundary.length > LONGEST_BOUNDARY ? undefined : { boundary, lastFirst: name === 'multipart/alternative' }
}

/** RFC 2046 §5.1.1 allows 70. */
const LONGEST_BOUNDARY = 200

const unquoted = (value: string): string => (value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value)

const IDENTICAL = new Set(['', 'identity', '7bit', '8bit', 'binary'])

/** Not encoded, and of one of these dispositions if any is told. Without one, SDP is the session's (§20.11). */
const isBare = (headerOf: HeaderOf, ...dispositions: readonly string[]): boolean => {
  for (const name of ['content-encoding', 'content-transfer-encoding'])
    if (!IDENTICAL.has(trimBlank(headerOf(name) ?? '').toLowerCase())) return false
  const disposition = headerOf('content-disposition')
  return disposition === undefined || dispositions.includes(trimBlank(disposition.split(';', 1)[0]!).toLowerCase())
}

/**
 * Looks through the parts of a multipart body.
 * @param region its text, which begins at `base` of the whole
 */
const search = (
  whole: string,
  region: string,
  base: number,
  { boundary, lastFirst }: Multipart,
  outer: readonly Part[],
): Place | undefined => {
  const delimiters = delimitersOf(region, boundary)
  const order = delimiters.flatMap(({ closes }, i) => (closes ? [] : [i]))
  const only = order.length === 1
  if (lastFirst) order.reverse()
  for (const i of order) {
    const { start, next } = delimiters[i]!
    const following = delimiters[i + 1]?.start
    const head = headOf(region, next, following ?? region.length)
    const to = following === undefined ? region.length : beforeLineEnd(region, following)
    if (head === undefined || to <= head.end) continue
    const found = contentOf((name) => head.values.get(name)?.value)
    if (found === undefined) continue
    const length = head.values.get('content-length')
    const part: Part = {
      start: base + start,
      end: base + (following ?? region.length),
      only,
      size: to - head.end,
      length: length === undefined ? undefined : { from: base + length.from, to: base + length.to },
    }
    const parts = [...outer, part]
    if (found === 'sdp') return { text: whole, from: base + head.end, to: base + to, parts }
    const inner = outer.length === 0 ? search(whole, region.slice(head.end, to), base + head.end, found, parts) : undefined
    if (inner !== undefined) return inner
  }
  return undefined
}

interface Delimiter {
  readonly start: number
  /** Where the next line begins. */
  readonly next: number
  readonly closes: boolean
}

/** The delimiter lines, up to the closing one: nothing behind that is a part (RFC 2046 §5.1.1). LF alone ends a line too. */
const delimitersOf = (region: string, boundary: string): readonly Delimiter[] => {
  const wanted = `--${boundary}`
  const found: Delimiter[] = []
  for (let start = region.indexOf(wanted); start >= 0; start = region.indexOf(wanted, start + 1)) {
    if (start > 0 && region.charCodeAt(start - 1) !== LF) continue
    let at = start + wanted.length
    const closes = region.startsWith('--', at)
    if (closes) at += 2
    while (isBlank(region.charCodeAt(at))) at++
    if (region.charCodeAt(at) === CR) at++
    // Another boundary may begin as this one does
    if (at < region.length && region.charCodeAt(at) !== LF) continue
    found.push({ start, next: at + 1, closes })
    if (closes) break
  }
  return found
}

const CR = 13
const LF = 10

/** The line end before a delimiter belongs to it, not to the part. */
const beforeLineEnd = (region: string, start: number): number => (region.charCodeAt(start - 2) === CR ? start - 2 : start - 1)

interface PartHead {
  readonly values: ReadonlyMap<string, Span & { readonly value: string }>
  /** Where the content begins. */
  readonly end: number
}

/** The headers of a part by canonical name, the first of each; undefined: no empty line ends them, so there is no content. */
const headOf = (region: string, start: number, end: number): PartHead | undefined => {
  const values = new Map<string, Span & { readonly value: string }>()
  for (let from = start; from < end; ) {
    let next = region.indexOf('\n', from) + 1
    if (next === 0 || next > end) return undefined
    if (isLineEnd(region, from)) return { values, end: next }
    while (next < end && isBlank(region.charCodeAt(next))) {
      const folded = region.indexOf('\n', next) + 1
      if (folded === 0 || folded > end) return undefined
      next = folded
    }
    addHeader(values, region.slice(from, next), from)
    from = next
  }
  return undefined
}

const isLineEnd = (region: string, at: number): boolean =>
  region.charCodeAt(at) === LF || (region.charCodeAt(at) === CR && region.charCodeAt(at + 1) === LF)

const HEADER = /^([^:\s]+)[ \t]*:[ \t]*(.*)$/s

const addHeader = (values: Map<string, Span & { readonly value: string }>, written: string, at: number): void => {
  const found = HEADER.exec(written)
  const name = found === null ? undefined : canonicalName(found[1]!)
  if (name === undefined || values.has(name)) return
  const raw = found![2]!
  let length = raw.length
  while (length > 0 && (isBlank(raw.charCodeAt(length - 1)) || raw.charCodeAt(length - 1) === CR || raw.charCodeAt(length - 1) === LF))
    length--
  const from = at + written.length - raw.length
  values.set(name, { value: raw.slice(0, length).replace(/\r?\n[ \t]+/g, ' '), from, to: from + length })
}

interface Edit extends Span {
  readonly by: string
}

/** Content-Length of the parts around something that grew. From inside out: a number with another count of digits makes what is around it grow too. */
const lengths = (parts: readonly Part[], grown: number): readonly Edit[] => {
  let growth = grown
  return parts
    .toReversed()
    .flatMap(({ length, size }) => {
      if (length === undefined) return []
      const by = String(size + growth)
      growth += by.length - (length.to - length.from)
      return [{ ...length, by }]
    })
    .reverse()
}

/** The message with pieces of its body replaced, in their order. */
const edited = <M extends SipMessage>(message: M, text: string, edits: readonly Edit[]): M => {
  let made = ''
  let at = 0
  for (const { from, to, by } of edits) {
    if (!isWireText(by)) throw new InvariantError('SDP refused: a character is more than one byte')
    made += text.slice(at, from) + by
    at = to
  }
  return withBody(message, Buffer.from(made + text.slice(at), 'latin1'))
}
