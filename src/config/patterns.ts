import { type Fault, fault, isFault } from './report.ts'
import { shortened } from './tree.ts'

/** Longer expressions are not written by hand. */
const MAX_LENGTH = 200
/** Each repetition of varying length can multiply the time by the length of the text, each `?` can double it. */
const MAX_REPETITIONS = 3
const MAX_OPTIONAL = 6
/** A stranger chooses the text that is matched: longer ones never match. Our own longest is a host name, 253. */
const LONGEST_MATCHED = 256
const LONGEST_HEADER = 512

/**
 * Why an expression could take exponential time (catastrophic backtracking), or `undefined` when it cannot.
 * Conservative: a repeated group may hold neither a repetition nor an alternative, and back references are refused.
 */
export const unsafe = (source: string): string | undefined => {
  if (source.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`
  const groups: boolean[] = []
  let risky = false
  let repetitions = 0
  let optional = 0
  let index = 0
  while (index < source.length) {
    const character = source[index]!
    let closed = false
    if (character === '\\') {
      if (/[1-9k]/.test(source[index + 1] ?? '')) return 'it refers back to a group'
      index += 2
    } else if (character === '[') {
      index++
      while (index < source.length && source[index] !== ']') index += source[index] === '\\' ? 2 : 1
      index++
    } else if (character === '(') {
      groups.push(risky)
      risky = false
      index++
      if (source[index] === '?') index += 2
    } else if (character === ')') {
      closed = true
      index++
    } else {
      if (character === '|') risky = true
      index++
    }
    const inner: boolean = risky
    const repetition = /^(?:[*+?]|\{\d+(,?)\d*\})\??/.exec(source.slice(index))
    if (closed) risky = groups.pop() === true || inner
    if (repetition === null) continue
    const once = repetition[0].startsWith('?')
    const varies = repetition[1] !== ''
    if (once && ++optional > MAX_OPTIONAL) return `it has more than ${MAX_OPTIONAL} optional parts`
    if (!once && varies && ++repetitions > MAX_REPETITIONS) return `it has more than ${MAX_REPETITIONS} repetitions`
    if (closed && inner && !once) return 'it repeats a group that holds a repetition or an alternative'
    if (varies) risky = true
    index += repetition[0].length
  }
  return undefined
}

const SLASHED = /^\/(.*)\/(i?)$/s

/** Where an expression must match: anywhere in a text, in the whole of a short one, or anywhere in a header's value. */
type Extent = 'anywhere' | 'whole' | 'header'

const bounded = (source: string, extent: Extent): string => {
  if (extent === 'whole') return `^(?=[^]{0,${LONGEST_MATCHED}}$)(?:${source})$`
  return extent === 'header' ? `^(?=[^]{0,${LONGEST_HEADER}}$)[^]*?(?:${source})` : source
}

/** A regular expression, with or without slashes around it; `/…/i` ignores case. */
export const regularExpression = (text: string, extent: Extent): RegExp | Fault => {
  const slashed = SLASHED.exec(text)
  const source = slashed?.[1] ?? text
  const danger = unsafe(source)
  if (danger !== undefined) {
    return fault(
      `Regular expression "${shortened(source)}" could take very long: ${danger}`,
      'Write a simpler one, without repetitions inside of repetitions',
    )
  }
  const flags = slashed?.[2] ?? ''
  try {
    // On its own first: "a)(b" would become valid inside of our group
    new RegExp(source, flags)
    return new RegExp(bounded(source, extent), flags)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /s, '') : ''
    return fault(
      `"${shortened(source)}" is no regular expression: ${reason}`,
      'Correct it; put \\ before a character that is meant literally',
    )
  }
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** Text in which `*` stands for any characters, or a regular expression between slashes. */
const wildSource = (text: string): string | Fault => {
  const slashed = SLASHED.exec(text)
  if (slashed !== null) {
    const expression = regularExpression(text, 'anywhere')
    if (isFault(expression)) return expression
    // One expression is made of a whole list: the flag goes along with its part
    return slashed[2] === 'i' ? `(?i:${slashed[1]})` : slashed[1]!
  }
  const parts = text.split(/\*+/)
  if (parts.length > MAX_REPETITIONS + 1) return fault(`"${shortened(text)}" has more than ${MAX_REPETITIONS} *`, 'Write fewer of them')
  return parts.map(escaped).join('.*')
}

/**
 * Digits, `+`, `x` for one digit, `*` or `!` at the end for any rest; visual separators do not count (RFC 3966 §5.1.1).
 * `*` and `#` at the beginning are dialled characters.
 */
const numberSource = (text: string): string | Fault => {
  if (SLASHED.test(text)) return wildSource(text)
  const plain = text.replace(/[\s().-]/g, '')
  const rest = /[*!]$/.test(plain) && plain.length > 1
  const body = rest ? plain.slice(0, -1) : plain
  if (plain === '*' || plain === '!') return '.*'
  if (!/^\+?[0-9xX*#]+$/.test(body)) {
    return fault(
      `"${shortened(text)}" is no number pattern`,
      'Write digits, "+", "x" for any digit and a final "*" for any rest, or /regular expression/',
    )
  }
  return `${escaped(body).replace(/[xX]/g, '\\d')}${rest ? '.*' : ''}`
}

/** One expression for a list of patterns, anchored at both ends. */
const joined = (sources: readonly (string | Fault)[], flags: string): RegExp | Fault => {
  const wrong = sources.find((source) => typeof source !== 'string')
  if (wrong !== undefined && typeof wrong !== 'string') return wrong
  return new RegExp(bounded(sources.map((source) => `(?:${source})`).join('|'), 'whole'), flags)
}

/** Host names are compared without case (§19.1.4), and without a final dot. */
export const hostPattern = (texts: readonly string[]): RegExp | Fault =>
  joined(
    texts.map((text) => wildSource(text.replace(/\.$/, ''))),
    'i',
  )
export const userPattern = (texts: readonly string[]): RegExp | Fault => joined(texts.map(wildSource), '')
export const numberPattern = (texts: readonly string[]): RegExp | Fault => joined(texts.map(numberSource), '')
