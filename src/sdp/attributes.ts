/** Attributes (`a=name:value`, RFC 8866 §5.13) of a session or a section: reading, and edits that leave other lines alone. */
import { content, filterLines, type MediaSection, type Sdp } from './sdp.ts'

type Lines = readonly string[]

/** RFC 8866 §6.7. */
export const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** The name of the attribute that the line holds; undefined: the line is none. */
export const attributeName = (line: string): string | undefined => {
  if (!line.startsWith('a=')) return undefined
  const colon = line.indexOf(':')
  return colon < 0 ? content(line).slice(2) : line.slice(2, colon)
}

/** The value that the line has for that attribute, `''` for a flag; undefined: it is another line. */
export const attributeIn = (line: string, name: string): string | undefined => {
  if (!line.startsWith(name, 2) || !line.startsWith('a=')) return undefined
  const rest = content(line).slice(2 + name.length)
  return rest === '' ? '' : rest.startsWith(':') ? rest.slice(1) : undefined
}

/** The values of all lines of that attribute. */
export const attributes = (lines: Lines, name: string): readonly string[] => {
  const values: string[] = []
  for (const line of lines) {
    const value = attributeIn(line, name)
    if (value !== undefined) values.push(value)
  }
  return values
}

/** The value of the first line of that attribute; `''` for a flag. */
export const attribute = (lines: Lines, name: string): string | undefined => {
  for (const line of lines) {
    const value = attributeIn(line, name)
    if (value !== undefined) return value
  }
  return undefined
}

export const hasAttribute = (lines: Lines, name: string): boolean => attribute(lines, name) !== undefined

export const withoutAttributes = (lines: Lines, names: ReadonlySet<string>): Lines =>
  filterLines(lines, (line) => {
    const name = attributeName(line)
    return name === undefined || !names.has(name)
  })

/** RFC 5888 §4. */
export const mid = (section: MediaSection): string | undefined => {
  const value = attribute(section.lines, 'mid')
  return value === undefined || value === '' ? undefined : value
}

/** The mids of each BUNDLE group (RFC 9143 §5). */
export const bundleGroups = ({ session }: Sdp): readonly (readonly string[])[] =>
  attributes(session, 'group').flatMap((value) => {
    const [semantics, ...mids] = value.split(/[ \t]+/)
    return semantics === 'BUNDLE' ? [mids] : []
  })

const directionOf = (lines: Lines): Direction | undefined => {
  for (const line of lines) {
    const direction = directionIn(line)
    if (direction !== undefined) return direction
  }
  return undefined
}

/** The direction that the line says; undefined: it is another line. */
export const directionIn = (line: string): Direction | undefined => DIRECTIONS.find((one) => attributeIn(line, one) === '')

/** The section's own, else the session's, else what absence means (RFC 8866 §6.7). */
export const direction = (sdp: Sdp, section: MediaSection): Direction =>
  directionOf(section.lines) ?? directionOf(sdp.session) ?? 'sendrecv'

/** It names at least one address for ICE (RFC 8839 §5.1). */
export const hasCandidates = (section: MediaSection): boolean => hasAttribute(section.lines, 'candidate')

/** `PCMU/8000` by payload type number, as written (RFC 8866 §6.6). */
export const codecNames = (section: MediaSection): ReadonlyMap<string, string> => {
  const names = new Map<string, string>()
  for (const value of attributes(section.lines, 'rtpmap')) {
    const found = /^(\d{1,3})[ \t]+(\S+)/.exec(value)
    if (found !== null) names.set(found[1]!, found[2]!)
  }
  return names
}
