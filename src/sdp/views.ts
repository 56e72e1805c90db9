/** What others want to know of an SDP that they have as text: for decisions about NAT, for logs and admin. Nothing is known of what is no SDP. */
import { isProblem } from '../base/problem.ts'
import { type Direction, direction } from './attributes.ts'
import { isAccepted, lineValue, type MediaSection, readSdp, type Sdp } from './sdp.ts'

/** The address in the section's `c=` line, else in the session's (RFC 8866 §5.7), without a multicast TTL. It may be a name. */
export const connectionAddress = (sdp: Sdp, section: MediaSection): string | undefined => {
  const value = lineValue(section.lines, 'c') ?? lineValue(sdp.session, 'c')
  return value === undefined ? undefined : /^IN[ \t]+IP[46][ \t]+([^ \t/]+)/.exec(value)?.[1]
}

/** Where the first accepted section wants its media: what tells a phone behind a NAT. */
export const mediaAddress = (sdp: string): string | undefined => {
  const read = readSdp(sdp)
  if (isProblem(read)) return undefined
  const section = read.sections.find(isAccepted)
  return section === undefined ? undefined : connectionAddress(read, section)
}

/** The address in `o=` (RFC 8866 §5.2). It may be a name. */
export const originAddress = (sdp: string): string | undefined => {
  const read = readSdp(sdp)
  if (isProblem(read)) return undefined
  return /^(?:[^ ]+ ){3}IN IP[46] ([^ ]+)$/.exec((lineValue(read.session, 'o') ?? '').slice(0, MAX_ORIGIN))?.[1]
}

const MAX_ORIGIN = 300

/** The direction of each m-section; undefined where it is rejected. */
export const directions = (sdp: string): readonly (Direction | undefined)[] => {
  const read = readSdp(sdp)
  return isProblem(read) ? [] : read.sections.map((section) => (isAccepted(section) ? held(read, section) : undefined))
}

/** The direction of the first accepted section, seen by who wrote it: `sendonly` holds, `recvonly` is held, `inactive` may be either. */
export const holdOf = (sdp: string): Direction | undefined => directions(sdp).find((one) => one !== undefined)

/** RFC 3264 §8.4: the address of zeros is hold as it was in RFC 2543. With ICE it only says that there is no candidate yet (RFC 8839 §4.2.5). */
const held = (sdp: Sdp, section: MediaSection): Direction => {
  const said = direction(sdp, section)
  if (connectionAddress(sdp, section) !== '0.0.0.0' || section.port === 9) return said
  return said === 'sendrecv' ? 'sendonly' : said === 'recvonly' ? 'inactive' : said
}
