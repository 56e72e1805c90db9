import { isProblem } from '../../base/problem.ts'
import { codecNames } from '../../sdp/attributes.ts'
import { isAccepted, readSdp } from '../../sdp/sdp.ts'

/**
 * Payload types in an answer that its offer had not, such as `101 telephone-event/8000` to an offer of 126: RFC 3264 §6.1 permits it, rtpengine
 * loses that codec without a word (DTMF is dead). For the log; nothing is repaired.
 * @param answer as its sender wrote it
 * @param offer as that sender got it
 */
export const foreignPayloads = (answer: string, offer: string): readonly string[] => {
  const answered = readSdp(answer)
  const offered = readSdp(offer)
  if (isProblem(answered) || isProblem(offered)) return []
  return answered.sections.flatMap((section, i) => {
    const counterpart = offered.sections[i]
    if (counterpart === undefined || !isAccepted(section) || !/\bS?AVPF?$/i.test(section.protocol)) return []
    const names = codecNames(section)
    const known = new Set(counterpart.formats)
    return section.formats.filter((one) => !known.has(one)).map((one) => (names.has(one) ? `${one} ${names.get(one)}` : one))
  })
}
