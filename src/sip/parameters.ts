/**
 * Parameters as they stand: `;name=value;flag`. Text in, text out, so that parameters nobody asked about keep their bytes.
 * Names are compared without case (§7.3.1); values may be quoted.
 */
import { isBlank, trimBlank } from './text.ts'

type EndOf = (text: string, at: number) => number

const plainEnd: EndOf = (text, at) => {
  const next = text.indexOf(';', at + 1)
  return next < 0 ? text.length : next
}

const quotedEnd: EndOf = (text, at) => {
  let quoted = false
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (quoted) {
      if (code === 92) i++
      else if (code === 34) quoted = false
    } else if (code === 34) quoted = true
    else if (code === 59) return i
  }
  return text.length
}

/**
 * What finds the end of the parameter that begins at a `;`: the next `;` outside quotes, or the end. A choice between functions and no flag:
 * V8 moves a search whose result is looked at inside a loop only into that loop, which made long texts cost the square of their length.
 */
const endFinder = (text: string): EndOf => (text.indexOf('"') < 0 ? plainEnd : quotedEnd)

/** Where the value of the parameter from `at` to `end` begins if it has that name, -1 if not. A flag's value begins at its end. */
const valueStart = (text: string, at: number, end: number, name: string): number => {
  let from = at
  while (from < end && isBlank(text.charCodeAt(from))) from++
  const stop = from + name.length
  if (stop > end) return -1
  for (let i = 0; i < name.length; i++) {
    const code = text.charCodeAt(from + i)
    const wanted = name.charCodeAt(i)
    if (code !== wanted && !(code >= 65 && code <= 90 && code + 32 === wanted)) return -1
  }
  let after = stop
  while (after < end && isBlank(text.charCodeAt(after))) after++
  if (after === end) return end
  return text.charCodeAt(after) === 61 ? after + 1 : -1
}

/**
 * The value of a parameter: `undefined` when absent, `''` for a flag. Quotes stay. Of several with that name the first counts.
 * @param text begins with `;` or is empty
 * @param name lower case
 */
export const parameter = (text: string, name: string): string | undefined => {
  const endOf = endFinder(text)
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = endOf(text, at)
    const value = valueStart(text, at + 1, end, name)
    if (value >= 0) return trimBlank(text.slice(value, end))
    at = end
  }
  return undefined
}

/** The text without that parameter, wherever and however often it stands. */
export const withoutParameter = (text: string, name: string): string => {
  const endOf = endFinder(text)
  let kept = ''
  let from = 0
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = endOf(text, at)
    if (valueStart(text, at + 1, end, name) >= 0) {
      kept += text.slice(from, at)
      from = end
    }
    at = end
  }
  return from === 0 ? text : kept + text.slice(from)
}

/** The text with that parameter at its (first) place when it was there, else at the end. An empty value makes a flag. */
export const withParameter = (text: string, name: string, value: string): string => {
  const made = value === '' ? `;${name}` : `;${name}=${value}`
  const endOf = endFinder(text)
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = endOf(text, at)
    if (valueStart(text, at + 1, end, name) >= 0) return text.slice(0, at) + made + withoutParameter(text.slice(end), name)
    at = end
  }
  return text + made
}

/** Quotes that are opened are closed: else what is put behind would be a part of the last value. */
export const quotesBalance = (text: string): boolean => {
  if (text.indexOf('"') < 0) return true
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 34) quoted = !quoted
    else if (quoted && code === 92) i++
  }
  return !quoted
}
