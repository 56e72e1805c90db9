export interface AlternativeName {
  /** As Node and OpenSSL print it: `DNS`, `IP Address`, `URI`, `email`, … */
  readonly kind: string
  readonly value: string
  /** It had to be quoted, because of a comma, a quote or a control character: no host name needs that. */
  readonly quoted: boolean
}

/**
 * Reads Node's text of a certificate's subjectAltName (`DNS:a.example, IP Address:192.0.2.1`).
 * Values with special characters come as JSON strings: cutting the text at every comma would let a certificate name what its
 * CA never confirmed (CVE-2021-44532). What cannot be read ends the list.
 */
export const alternativeNames = (text: string): AlternativeName[] => {
  const names: AlternativeName[] = []
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at)
    if (colon < 0) break
    const kind = text.slice(at, colon)
    const quoted = text[colon + 1] === '"'
    const end = quoted ? quoteEnd(text, colon + 2) : text.indexOf(', ', colon)
    const stop = end < 0 ? text.length : end
    const value = quoted ? unquoted(text.slice(colon + 1, stop)) : text.slice(colon + 1, stop)
    if (value === undefined) break
    names.push({ kind, value, quoted })
    at = stop + 2
  }
  return names
}

/** After the closing quote; -1 when there is none. */
const quoteEnd = (text: string, from: number): number => {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '"') return at + 1
    if (text[at] === '\\') at++
  }
  return -1
}

const unquoted = (text: string): string | undefined => {
  try {
    return JSON.parse(text) as string
  } catch {
    return undefined // No JSON string: nothing of it may count as a name
  }
}
