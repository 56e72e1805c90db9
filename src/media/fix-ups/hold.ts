import { directionIn } from '../../sdp/attributes.ts'
import { content, mapSections, type Sdp, withLines, withSession } from '../../sdp/sdp.ts'

/**
 * INTEROP(Teams): to a side that knows no other hold than `inactive`: so it gets that for `sendonly` and `recvonly`, in offers and answers.
 *
 * RFC 3264 §6.1 stays true for the other side without a way back: our `inactive` can only be answered with `inactive`, and that is a legal answer
 * to the `sendonly` or `recvonly` that was offered. As an answer `inactive` is legal whatever this side had offered.
 */
export const holdInactive = (sdp: Sdp): Sdp =>
  mapSections(withSession(sdp, inactive(sdp.session)), (section) => withLines(section, inactive(section.lines)))

const inactive = (lines: readonly string[]): readonly string[] => {
  if (!lines.some(isOneWay)) return lines
  return lines.map((line) => (isOneWay(line) ? `a=inactive${line.slice(content(line).length)}` : line))
}

const isOneWay = (line: string): boolean => {
  const said = directionIn(line)
  return said === 'sendonly' || said === 'recvonly'
}
