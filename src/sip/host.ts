/** Hosts as they stand in URIs and Vias: a name, an IPv4 address, or an IPv6 address in brackets (§25.1, RFC 5954). */

/** Ends in digits alone, or in a hexadecimal number: some resolvers take such a name for an address (`10.1` for 10.0.0.1). */
const NUMERIC_END = /(?:^|\.)(?:\d+|0[Xx][0-9A-Fa-f]*)\.?$/
const GROUP = /^[0-9A-Fa-f]{1,4}$/
const ZONE = /^25[A-Za-z0-9._~-]+$/

/**
 * The host that a text is, `undefined` when it is none. It is the text itself but for one habit: three colons before an IPv4 tail become two,
 * as RFC 5118 §4.10 demands, because the grammar of RFC 3261 makes them (§25.1; RFC 5954 corrects it).
 */
export const readHost = (text: string): string | undefined => {
  if (text.charCodeAt(0) === 91) return readIpv6(text)
  return isIpv4(text) || isHostName(text) ? text : undefined
}

export const isHost = (text: string): boolean => readHost(text) !== undefined

/** Labels of letters, digits, `-` and `_` (no label begins or ends with `-`), one final dot allowed; what ends in a number is none. */
const isHostName = (text: string): boolean => {
  const { length } = text
  let before = 46
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (before === 46 || before === 45) return false
    } else if (code === 45) {
      if (before === 46) return false
    } else if (!((code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95)) return false
    before = code
  }
  if (length === 0 || before === 45 || (before === 46 && length === 1)) return false
  // The last label can only be a number when it begins with a digit, and a hexadecimal one can end in a letter
  const last = text.lastIndexOf('.', length - 2) + 1
  const first = text.charCodeAt(last)
  return first < 48 || first > 57 || !NUMERIC_END.test(text)
}

/** Four numbers up to 255 without leading zeros, which some would read as octal. */
const isIpv4 = (text: string): boolean => {
  let dots = 0
  let octet = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (octet < 0) return false
      dots++
      octet = -1
    } else {
      if (code < 48 || code > 57 || octet === 0) return false
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48
      if (octet > 255) return false
    }
  }
  return dots === 3 && octet >= 0
}

const readIpv6 = (text: string): string | undefined => {
  const { length } = text
  if (length > 100 || text.charCodeAt(length - 1) !== 93) return undefined
  const percent = text.indexOf('%')
  // RFC 6874: a zone follows an escaped percent sign
  if (percent >= 0 && !ZONE.test(text.slice(percent + 1, length - 1))) return undefined
  const address = text.slice(1, percent < 0 ? length - 1 : percent)
  const triple = address.indexOf(':::')
  if (triple < 0) return isIpv6(address) ? text : undefined
  if (!isIpv4(address.slice(triple + 3))) return undefined
  const corrected = address.slice(0, triple) + address.slice(triple + 1)
  return isIpv6(corrected) ? `[${corrected}${percent < 0 ? '' : text.slice(percent, length - 1)}]` : undefined
}

/** RFC 4291 §2.2: eight groups, of which `::` stands for one or more, and an IPv4 address for the last two. */
const isIpv6 = (address: string): boolean => {
  const halves = address.split('::')
  if (halves.length > 2) return false
  let size = 0
  for (let h = 0; h < halves.length; h++) {
    if (halves[h] === '') continue
    const groups = halves[h]!.split(':')
    for (let g = 0; g < groups.length; g++) {
      const tail = h === halves.length - 1 && g === groups.length - 1
      if (GROUP.test(groups[g]!)) size++
      else if (tail && isIpv4(groups[g]!)) size += 2
      else return false
    }
  }
  return halves.length === 2 ? size < 8 : size === 8
}

/** The port that a text is: 1 to 65535, five digits at most; -1 when it is none (0 is no port that can be sent to). */
export const readPort = (text: string, from: number, to: number): number => {
  if (to === from || to - from > 5) return -1
  let port = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    port = port * 10 + digit
  }
  return port > 0 && port <= 65535 ? port : -1
}
