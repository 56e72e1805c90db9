/** Numbers with their units. A thin space (U+2009) groups thousands: a comma or a point means something else in other countries. */

const grouped = new Intl.NumberFormat('en-GB')

/** `12 345`. */
export const countText = (count: number): string => grouped.format(count).replaceAll(',', '\u2009')

/** `1 call`, `12 calls`; `plural` for words that do not just add an s. */
export const countOf = (count: number, word: string, plural = `${word}s`): string => `${countText(count)} ${count === 1 ? word : plural}`

/** Two significant digits below 10, whole numbers above: `0.42`, `3.1`, `1 204`. */
export const roughText = (value: number): string => {
  if (value === 0) return '0'
  if (value < 0.095) return value.toFixed(2)
  if (value < 9.95) return value.toFixed(1)
  return countText(Math.round(value))
}

/** Per second. */
export const rateText = (perSecond: number): string => `${roughText(perSecond)}/s`

/** A time that something took, from seconds: `0.8 ms`, `34 ms`, `1.2 s`. */
export const tookText = (seconds: number): string => {
  const ms = seconds * 1000
  return ms < 995 ? `${roughText(ms)} ms` : `${roughText(seconds)} s`
}

/** `812 bytes`, `1.9 kB`, `3.4 MB`; k = 1000. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1000) return countOf(bytes, 'byte')
  for (const [unit, size] of [
    ['kB', 1e3],
    ['MB', 1e6],
  ] as const) {
    if (bytes < size * 999.5) return `${roughText(bytes / size)} ${unit}`
  }
  return `${roughText(bytes / 1e9)} GB`
}

export const percentText = (percent: number): string => `${roughText(percent)} %`

/** `a`, `a and b`, `a, b and c`, `a, b and 4 more`. */
export const listText = (names: readonly string[], most = 3): string => {
  const shown = names.length <= most ? names : [...names.slice(0, most - 1), `${names.length - most + 1} more`]
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`
}
