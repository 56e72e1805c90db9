/** How numbers of a country are dialled inside of it, where that is not a zero before the national number. */

/** What stands before a national number, by country code; `''`: nothing. */
const TRUNK_PREFIXES: Readonly<Record<string, string>> = {
  ...{ '1': '1', '7': '8', '36': '06', '30': '', '34': '', '39': '', '45': '', '47': '', '48': '', '351': '', '352': '', '356': '' },
  ...{
    '370': '8',
    '371': '',
    '372': '',
    '376': '',
    '377': '',
    '378': '',
    '420': '',
    '65': '',
    '852': '',
    '853': '',
    '886': '0',
    '506': '',
  },
}

export const trunkPrefixOf = (country: string): string => TRUNK_PREFIXES[country] ?? '0'

/** A pattern without what people write between digits, and without the `(0)` that is not dialled after +44; a regular expression stays. */
export const tidyNumber = (pattern: string): string => {
  const written = pattern.trim()
  if (written.startsWith('/')) return written
  return (written.startsWith('+') ? written.replace('(0)', '') : written).replaceAll(/[\s().-]/g, '')
}

/** The forms in which a PBX may dial a number of Teams: as it is, with 00, and national. @param pattern such as `+4420794601xx` */
export const formsOf = (pattern: string, country: string | undefined): readonly string[] => {
  const bare = tidyNumber(pattern)
  if (country === undefined || !bare.startsWith(`+${country}`)) return [bare]
  const national = bare.slice(1 + country.length)
  // A pattern without digits of its own would be any number
  if (!/^\d/.test(national)) return [bare]
  // In North America the prefix may be left out
  const local = country === '1' ? [national] : []
  return [...new Set([bare, `00${bare.slice(1)}`, `${trunkPrefixOf(country)}${national}`, ...local])]
}
