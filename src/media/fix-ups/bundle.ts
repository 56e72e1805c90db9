/**
 * BUNDLE (RFC 9143) with rtpengine 10.5, which always takes the group away: one transport carries one m-section.
 *
 * INTEROP(Chromium): what it does with that (tried, in the policies `balanced`, `max-compat` and `max-bundle`):
 * - Once it has agreed on a group, no later offer or answer may lack it, and none may add a section outside of it.
 * - Two sections without a group work on two transports, through re-offers too, unless the policy is `max-bundle`.
 * - A section that it adds to a group shows no transport of its own (port 9, no candidates).
 * So a group of one is what holds always, and where there is one, other sections must not be used.
 */
import { bundleGroups, hasAttribute, hasCandidates, mid, withoutAttributes } from '../../sdp/attributes.ts'
import { insertLine, isAccepted, type MediaSection, mapSections, rejected, type Sdp, withLines, withSession } from '../../sdp/sdp.ts'

/** Nothing of its own to send to: it counts on the transport of its group. Looks the same when candidates are to trickle in later. */
const leans = (section: MediaSection): boolean =>
  hasAttribute(section.lines, 'bundle-only') || (section.port === 9 && !hasCandidates(section))

/** What a browser offers in its BUNDLE groups; of `bundle-only` sections port 0 says nothing (RFC 9143 §6). */
const grouped = (sdp: Sdp): { readonly kept: MediaSection | undefined; readonly others: readonly MediaSection[] } => {
  const mids = new Set(bundleGroups(sdp).flat())
  const members = sdp.sections.filter(
    (section) => (isAccepted(section) || hasAttribute(section.lines, 'bundle-only')) && mids.has(mid(section) ?? ''),
  )
  const kept = members.find(isAccepted)
  return { kept, others: members.filter((section) => section !== kept) }
}

/** The offer leaves no choice: only its first section has a transport (policy `max-bundle`, or a group agreed on before). */
export const insistsOnBundle = (sdp: Sdp): boolean => {
  const { kept, others } = grouped(sdp)
  return kept !== undefined && !leans(kept) && others.length > 0 && others.every(leans)
}

/**
 * An offer of a browser, before rtpengine: what needs the transport of another section is rejected (in practice the video), so the answer can be
 * accepted. When candidates are to trickle, who needs whom cannot be seen; then one section is used, because a call without video is better
 * than none.
 * @param only one section is all that can be used, whatever the offer shows
 */
export const rejectBundled = (sdp: Sdp, only: boolean): Sdp => {
  const { kept, others } = grouped(sdp)
  if (kept === undefined) return sdp
  const all = only || leans(kept)
  return mapSections(sdp, (section) => (others.includes(section) && (all || leans(section)) ? unused(section) : section))
}

/** An offer to a browser with a group: its first accepted section. It could answer more, but not offer anything again after that. */
export const onlyFirst = (sdp: Sdp): Sdp => {
  const first = sdp.sections.find(isAccepted)
  return mapSections(sdp, (section) => (section === first ? section : rejected(section)))
}

/** RFC 9143 §6: as long as it says `bundle-only`, port 0 is no refusal. */
const unused = (section: MediaSection): MediaSection => rejected(withLines(section, withoutAttributes(section.lines, BUNDLE_ONLY)))

const BUNDLE_ONLY = new Set(['bundle-only'])

/**
 * To a browser: a group of the one accepted section. Without it Chromium refuses the answer under `max-bundle` (even of audio alone), and any
 * further offer once there was a group. With more sections, or when there is a group already, nothing is done.
 */
export const groupOne = (sdp: Sdp): Sdp => {
  const accepted = sdp.sections.filter(isAccepted)
  const name = accepted.length === 1 ? mid(accepted[0]!) : undefined
  if (name === undefined || bundleGroups(sdp).length > 0) return sdp
  return withSession(sdp, insertLine(sdp, sdp.session, sdp.session.length, `a=group:BUNDLE ${name}`))
}
