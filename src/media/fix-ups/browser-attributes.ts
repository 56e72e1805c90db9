import { attributeIn, attributeName, withoutAttributes } from '../../sdp/attributes.ts'
import { filterLines, mapSections, type Sdp, withLines, withSession } from '../../sdp/sdp.ts'
import { groupedMids } from './mids.ts'

/** Of use between browsers only. `extmap` is not here: rtpengine takes it away when asked to. */
const BROWSER_ONLY: ReadonlySet<string> = new Set([
  'msid',
  'msid-semantic',
  'ssrc',
  'ssrc-group',
  'rtcp-rsize',
  'rtcp-xr',
  'rtcp-fb',
  'extmap-allow-mixed',
])

/**
 * From a browser to somebody else: without what makes an offer of 2 to 6 KB and more than one datagram of it. Its BUNDLE groups go, and its mids
 * with them, but for those that a group of another kind names (RFC 5888 §5: a member must have one) and those that the receiver gave to its own
 * sections and expects to see again (RFC 5888 §9.1).
 * @param own the receiver's mids, by section
 */
export const withoutBrowserAttributes = (sdp: Sdp, own: readonly (string | undefined)[]): Sdp => {
  const session = filterLines(
    withoutAttributes(sdp.session, BROWSER_ONLY),
    (line) => !/^BUNDLE(?:[ \t]|$)/.test(attributeIn(line, 'group') ?? ''),
  )
  const named = groupedMids(session)
  return mapSections(withSession(sdp, session), (section, i) =>
    withLines(
      section,
      filterLines(withoutAttributes(section.lines, BROWSER_ONLY), (line) => {
        if (attributeName(line) !== 'mid') return true
        const name = attributeIn(line, 'mid') ?? ''
        return name === own[i] || named.has(name)
      }),
    ),
  )
}
