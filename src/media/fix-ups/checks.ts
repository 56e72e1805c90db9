/** What rtpengine would take and nobody can use: it answers `ok` to all of this. Each gives the problem, or undefined when all is well. */
import { type Problem, problem } from '../../base/problem.ts'
import { isAccepted, mapSections, rejected, type Sdp } from '../../sdp/sdp.ts'
import type { MediaProfile } from '../../zones/media.ts'

const NOT_ACCEPTABLE = 488

/** rtpengine rewrites no SDP without an m-line, and then keeps the call that it made for it. */
export const noMedia = ({ sections }: Sdp): Problem | undefined =>
  sections.length > 0 ? undefined : problem(NOT_ACCEPTABLE, 'SDP has no m-line', 'RFC 3264 §5', 'body')

/** RFC 3264 §6: an answer has an m-line for each of the offer, also for those it rejects. `offered` 0: nothing is known of the offer. */
export const otherCount = ({ sections }: Sdp, offered: number): Problem | undefined =>
  offered === 0 || sections.length === offered
    ? undefined
    : problem(NOT_ACCEPTABLE, `Answer has ${sections.length} m-lines, its offer has ${offered}`, 'RFC 3264 §6', 'body')

/** What comes back from rtpengine has the m-lines that went in. */
export const lostMedia = ({ sections }: Sdp, received: string): Problem | undefined => {
  const wanted = received.split('\nm=').length - 1
  return sections.length === wanted
    ? undefined
    : problem(NOT_ACCEPTABLE, `rtpengine made ${sections.length} m-lines of ${wanted}`, 'RFC 3264 §5', 'body')
}

/** When a codec policy leaves nothing, rtpengine writes an m-line that ends behind its protocol. */
export const noCodecs = ({ sections }: Sdp): Problem | undefined => {
  const empty = sections.find((section) => isAccepted(section) && section.formats.length === 0)
  return empty === undefined
    ? undefined
    : problem(NOT_ACCEPTABLE, `No codec is left for ${empty.media}: the codecs of the two sides have none in common`, 'RFC 3264 §6', 'body')
}

/**
 * A raw T.38 offer must not reach a leg with SRTP: should it be refused there, the way back to audio makes new keys for a peer that still has
 * the old ones, and no repeated offer repairs that.
 */
export const rawFax = ({ sections }: Sdp, { keys, kind }: MediaProfile): Problem | undefined =>
  keys !== 'none' && sections.some((section) => section.media === 'image' && /udptl/i.test(section.protocol) && isAccepted(section))
    ? problem(NOT_ACCEPTABLE, `T.38 over UDPTL cannot go to a side with SRTP (${kind}): send fax as G.711 audio`, 'RFC 3264 §6', 'body')
    : undefined

/**
 * INTEROP(Teams): clients that are reached without a media processor offer video, too, and nobody may take it. Refused here it is in the answer
 * whatever is behind us (RFC 3264 §6). Without any audio the offer stays as it is, for somebody to refuse.
 */
export const onlyAudio = (sdp: Sdp): Sdp =>
  sdp.sections.some((section) => section.media === 'audio' && isAccepted(section))
    ? mapSections(sdp, (section) => (section.media === 'audio' ? section : rejected(section)))
    : sdp
