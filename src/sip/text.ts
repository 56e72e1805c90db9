/**
 * Text of SIP heads: latin1, one character for one byte. JavaScript's own `trim` and `\s` must not be used on it: they count the
 * no-break space as white space, and that is the last byte of many a UTF-8 character (the `à` of `voilà`).
 */

/** SP or HTAB, the white space of a header line (§25.1 WSP). */
export const isBlank = (code: number): boolean => code === 32 || code === 9

export const trimBlank = (text: string): string => {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return to - from === text.length ? text : text.slice(from, to)
}

/** A folded value on one line: each line break with the white space around it is one space (§7.3.1). */
export const unfold = (text: string): string =>
  text
    .split('\r\n')
    .map(trimBlank)
    .filter((part) => part !== '')
    .join(' ')

const BARE_NUL = /(?:^|[^\\])\0/

/** A NUL that is no quoted pair: §25.1 allows it nowhere, and to a peer written in C the text would end there. */
export const hasBareNul = (text: string): boolean => text.indexOf('\0') >= 0 && BARE_NUL.test(text)

const BEYOND_LATIN1 = /[\u0100-\uffff]/

/** True when each character is one byte; other text would be cut to its low bytes on the wire, where `\u010a` is a line feed. */
export const isWireText = (text: string): boolean => !BEYOND_LATIN1.test(text)

/** What somebody wrote in Unicode (a name in the configuration), as it stands in a head: UTF-8, one character for one byte (§7.3.1). */
export const wireText = (text: string): string => Buffer.from(text, 'utf8').latin1Slice()
