import { attribute, attributeIn, attributes, mid } from '../../sdp/attributes.ts'
import { content, insertLine, type MediaSection, mapSections, type Sdp, withLines, withSession } from '../../sdp/sdp.ts'

/**
 * To a browser: its own mids. After a restart rtpengine counts from 1 again, and (INTEROP(Chromium)) the browser then says that the order of m-lines does not match.
 * A section that the browser does not know yet keeps what rtpengine gave it, unless that name is taken.
 * @param mids the browser's, by section
 */
export const ownMids = (sdp: Sdp, mids: readonly (string | undefined)[]): Sdp => {
  const given = sdp.sections.map((section, i) => mids[i] ?? mid(section))
  const taken = new Set(given)
  const known = new Set(mids.slice(0, given.length))
  const names = given.map((name, i) => (mids[i] === undefined && name !== undefined && known.has(name) ? fresh(taken) : name))
  const renamed = new Map(sdp.sections.flatMap((section, i) => (mid(section) === undefined ? [] : [[mid(section), names[i]] as const])))
  return mapSections(withSession(sdp, renameInGroups(sdp.session, renamed)), (section, i) =>
    names[i] === undefined || names[i] === mid(section) ? section : withMid(sdp, section, names[i]),
  )
}

const fresh = (taken: Set<string | undefined>): string => {
  let number = 1
  while (taken.has(String(number))) number++
  taken.add(String(number))
  return String(number)
}

const withMid = (sdp: Sdp, section: MediaSection, name: string): MediaSection => {
  const { lines } = section
  const at = lines.findIndex((line) => attributeIn(line, 'mid') !== undefined)
  if (at >= 0) return withLines(section, lines.with(at, `a=mid:${name}${lines[at]!.slice(content(lines[at]!).length)}`))
  const first = lines.findIndex((line) => line.startsWith('a='))
  return withLines(section, insertLine(sdp, lines, first < 0 ? lines.length : first, `a=mid:${name}`))
}

/** Groups name their members by mid (RFC 5888 §5). */
const renameInGroups = (session: readonly string[], renamed: ReadonlyMap<string | undefined, string | undefined>): readonly string[] => {
  if (attribute(session, 'group') === undefined) return session
  const changed = session.map((line) => {
    const value = attributeIn(line, 'group')
    if (value === undefined) return line
    const [semantics, ...members] = value.split(/[ \t]+/)
    if (members.every((one) => (renamed.get(one) ?? one) === one)) return line
    return `a=group:${[semantics, ...members.map((one) => renamed.get(one) ?? one)].join(' ')}${line.slice(content(line).length)}`
  })
  return changed.every((line, i) => line === session[i]) ? session : changed
}

/** Mids that groups name. */
export const groupedMids = (session: readonly string[]): ReadonlySet<string> =>
  new Set(attributes(session, 'group').flatMap((value) => value.split(/[ \t]+/).slice(1)))
