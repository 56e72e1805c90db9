import { parameter, quotesBalance } from './parameters.ts'
import { hasBareNul, trimBlank } from './text.ts'

/** One value of From, To, Contact, Route, Record-Route, Path and the like (§20.10, §25.1). */
export interface NameAddr {
  /** As written, quotes included; empty when there is none. */
  readonly display: string
  /** Without angle brackets, not parsed. */
  readonly uri: string
  /** Header parameters: begins with `;` or is empty. Without angle brackets all parameters are the header's (§20). */
  readonly parameters: string
  /** The value's own text, without the comma. */
  readonly text: string
}

/**
 * The values of a header that is a list of name-addr or addr-spec. `undefined` when the text is malformed:
 * an open quote or bracket, an empty value, text between `>` and `;`.
 */
export const parseNameAddrs = (value: string): readonly NameAddr[] | undefined => {
  const list: NameAddr[] = []
  let at = 0
  for (;;) {
    const end = valueEnd(value, at)
    if (end < 0) return undefined
    const one = parseNameAddr(trimBlank(value.slice(at, end)))
    if (one === undefined) return undefined
    list.push(one)
    if (end >= value.length) return list
    at = end + 1
  }
}

/** Where the value that begins at `at` ends: a comma outside quotes and brackets, or the end; -1 when something stays open. */
export const valueEnd = (value: string, at: number): number => {
  let quoted = false
  let bracketed = false
  for (let i = at; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (quoted) {
      if (code === 92) i++
      else if (code === 34) quoted = false
    } else if (bracketed) {
      if (code === 62) bracketed = false
    } else if (code === 34) quoted = true
    else if (code === 60) bracketed = true
    else if (code === 44) return i
  }
  return quoted || bracketed ? -1 : value.length
}

// §25.1: a display name is a quoted string or tokens; peers put more into it, and we only pass it on
const UNQUOTED_DISPLAY = /^[^"<>;,@:=?]*$/

/** An addr-spec without brackets ends at the first `;`; with `?` or `,` in it it would have to stand in brackets (§20.10). */
const BARE = /^[^\0- ?,"<>\x7f]+$/

/** One name-addr or addr-spec, without white space around it; `undefined` when malformed. The `*` of Contact reads as a value with that URI. */
export const parseNameAddr = (text: string): NameAddr | undefined => {
  if (hasBareNul(text)) return undefined
  let open = 0
  if (text.charCodeAt(0) === 34) {
    open = 1
    while (open < text.length && text.charCodeAt(open) !== 34) open += text.charCodeAt(open) === 92 ? 2 : 1
    if (open >= text.length) return undefined
  }
  const bracket = text.indexOf('<', open)
  if (bracket < 0) {
    const semicolon = text.indexOf(';')
    const uri = trimBlank(semicolon < 0 ? text : text.slice(0, semicolon))
    const parameters = semicolon < 0 ? '' : text.slice(semicolon)
    return BARE.test(uri) && quotesBalance(parameters) ? { display: '', uri, parameters, text } : undefined
  }
  const display = bracket === 0 ? '' : trimBlank(text.slice(0, bracket))
  if (open > 0 ? display.length !== open + 1 : !UNQUOTED_DISPLAY.test(display)) return undefined
  const close = text.indexOf('>', bracket)
  if (close < 0) return undefined
  const parameters = close + 1 === text.length ? '' : trimBlank(text.slice(close + 1))
  if (parameters !== '' && (parameters.charCodeAt(0) !== 59 || !quotesBalance(parameters))) return undefined
  return { display, uri: text.slice(bracket + 1, close), parameters, text }
}

export const tagOf = (address: NameAddr): string | undefined => parameter(address.parameters, 'tag')
