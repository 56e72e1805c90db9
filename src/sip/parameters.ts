/**
 * Parameters as they stand: `;name=value;flag`. Text in, text out, so that parameters nobody asked about keep their bytes.
 * Names are compared without case (§7.3.1); values may be quoted.
 */

/** The end of the parameter that begins at `at` (which is a `;`): the next `;` outside quotes, or the end. */
const parameterEnd = (text: string, at: number): number => {
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

const nameIs = (text: string, at: number, end: number, name: string): number => {
  let from = at
  while (from < end && (text.charCodeAt(from) === 32 || text.charCodeAt(from) === 9)) from++
  const stop = from + name.length
  if (stop > end) return -1
  for (let i = 0; i < name.length; i++) {
    const code = text.charCodeAt(from + i)
    const wanted = name.charCodeAt(i)
    if (code !== wanted && !(code >= 65 && code <= 90 && code + 32 === wanted)) return -1
  }
  let after = stop
  while (after < end && (text.charCodeAt(after) === 32 || text.charCodeAt(after) === 9)) after++
  if (after === end) return end
  return text.charCodeAt(after) === 61 ? after + 1 : -1
}

/**
 * The value of a parameter: `undefined` when absent, `''` for a flag. Quotes stay.
 * @param text begins with `;` or is empty
 * @param name lower case
 */
export const parameter = (text: string, name: string): string | undefined => {
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = parameterEnd(text, at)
    const value = nameIs(text, at + 1, end, name)
    if (value >= 0) return text.slice(value, end).trim()
    at = end
  }
  return undefined
}

/** The text without that parameter, wherever and however often it stands. */
export const withoutParameter = (text: string, name: string): string => {
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = parameterEnd(text, at)
    if (nameIs(text, at + 1, end, name) >= 0) text = text.slice(0, at) + text.slice(end)
    else at = end
  }
  return text
}

/** The text with that parameter at its place when it was there, else at the end. */
export const withParameter = (text: string, name: string, value: string): string => {
  const made = value === '' ? `;${name}` : `;${name}=${value}`
  for (let at = text.indexOf(';'); at >= 0 && at < text.length; ) {
    const end = parameterEnd(text, at)
    if (nameIs(text, at + 1, end, name) >= 0) return text.slice(0, at) + made + withoutParameter(text.slice(end), name)
    at = end
  }
  return text + made
}
