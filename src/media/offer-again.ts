/**
 * The offer that stands in for one that was left out: a re-INVITE without SDP asks the other side to offer (RFC 3261 §14.1), and some peers do not,
 * or answer that they hold (INTEROP(Teams)). They get what they were told last once more, which changes nothing.
 */
import { isProblem } from '../base/problem.ts'
import { attributeIn, directionIn } from '../sdp/attributes.ts'
import { content, mapSections, readSdp, type Sdp, text, withLines, withSession } from '../sdp/sdp.ts'
import { holdOf } from '../sdp/views.ts'
import type { Exchange, Party } from './negotiation.ts'

/** What the other side of `sender` was told last. */
export const toldLast = (agreed: Exchange, sender: Party): string => (agreed.offerer === sender ? agreed.offered : agreed.answered!)

/**
 * That as an offer, with its version. It holds no more what the sender had held: who asks for an offer is willing to talk (RFC 6337 §5.3), and the other
 * side answers `inactive` if it still holds itself. Its own hold stays.
 * @param agreed the exchange that holds
 */
export const offerAgain = (agreed: Exchange, sender: Party): string => {
  const told = toldLast(agreed, sender)
  const held = agreed.offerer === sender ? undefined : holdOf(agreed.offer)
  const read = readSdp(told)
  if (isProblem(read)) return told
  const wishes = held === 'inactive' || held === 'sendonly' ? (line: string) => line : talking
  const again = mapLines(read, (line) => rolesOpen(wishes(line)))
  return again === read ? told : text(again)
}

const mapLines = (sdp: Sdp, change: (line: string) => string): Sdp => {
  const each = (lines: readonly string[]): readonly string[] => (lines.every((line) => change(line) === line) ? lines : lines.map(change))
  return mapSections(withSession(sdp, each(sdp.session)), (section) => withLines(section, each(section.lines)))
}

const talking = (line: string): string => {
  const said = directionIn(line)
  return said === undefined || said === 'sendrecv' ? line : `a=sendrecv${line.slice(content(line).length)}`
}

/** RFC 8842 §5.2: an offer leaves open who begins DTLS; in an answer it was decided. */
const rolesOpen = (line: string): string =>
  attributeIn(line, 'setup') === undefined ? line : `a=setup:actpass${line.slice(content(line).length)}`
