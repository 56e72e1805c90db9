/**
 * The SRTP keys in SDP (RFC 4568): one line, without MKI where there is a choice, of the one suite that every peer has. rtpengine would pass lines on as they come.
 * INTEROP(Teams): it shows each key twice, with and without MKI.
 */
import { type Problem, problem } from '../../base/problem.ts'
import { attributeName, hasAttribute } from '../../sdp/attributes.ts'
import { type CryptoLine, cryptoIn, withCryptoTag } from '../../sdp/crypto.ts'
import { filterLines, isAccepted, type MediaSection, mapSections, rejected, type Sdp, withLines } from '../../sdp/sdp.ts'

/** Mandatory (RFC 4568 §6.2). All others are left out toward SDES peers, some of which encrypt nothing. */
export const SRTP_SUITE = 'AES_CM_128_HMAC_SHA1_80'

/** Session parameters that take the protection away (RFC 4568 §6.3): their sender's leg would be open, and so would the other one. */
const UNPROTECTED = /^UN(?:ENCRYPTED|AUTHENTICATED)_/i

/** Of the suite that everybody has, and protected. */
const secure = (line: string): CryptoLine | undefined => {
  const read = cryptoIn(line)
  return read === undefined || read.suite !== SRTP_SUITE || read.parameters.some((one) => UNPROTECTED.test(one)) ? undefined : read
}

const hasMki = ({ keys }: CryptoLine): boolean => keys.some(({ mki }) => mki !== undefined)

/** The tag of a line that can be used; undefined: another suite, MKI in every packet (rtpengine then drops packets without), no protection. */
const usableTag = (line: string): number | undefined => {
  const read = secure(line)
  return read === undefined || hasMki(read) ? undefined : read.tag
}

const isCrypto = (line: string): boolean => attributeName(line) === 'crypto'

/** Of the section's crypto lines only the one at that index; -1: none of them. */
const onlyCrypto = (section: MediaSection, kept: number): MediaSection =>
  withLines(
    section,
    filterLines(section.lines, (line, i) => i === kept || !isCrypto(line)),
  )

/** It demands SRTP, and nobody will find keys for it: neither here nor by DTLS. */
const isKeyless = (sdp: Sdp, section: MediaSection): boolean =>
  isAccepted(section) &&
  /\bSAVPF?$/i.test(section.protocol) &&
  !section.lines.some(isCrypto) &&
  !hasAttribute(section.lines, 'fingerprint') &&
  !hasAttribute(sdp.session, 'fingerprint')

const keyless = (section: MediaSection): Problem =>
  problem(
    488,
    `SRTP of ${section.media} has no key that can be used: needed is ${SRTP_SUITE} with one key, or a DTLS fingerprint`,
    'RFC 4568 §6',
    'body',
  )

/**
 * An offer as it came: of each section's crypto lines the first that can be used. A section that needs one and has none is rejected for its
 * sender, who may have offered the same without SRTP beside it; where nothing else is offered that is a problem.
 */
export const usableKeys = (sdp: Sdp): Sdp | Problem => {
  const chosen = mapSections(sdp, (section) => onlyCrypto(section, bestOf(section)))
  const without = chosen.sections.filter((section) => isKeyless(chosen, section))
  if (without.length === 0) return chosen
  if (!chosen.sections.some((section) => isAccepted(section) && !without.includes(section))) return keyless(without[0]!)
  return mapSections(chosen, (section) => (without.includes(section) ? rejected(section) : section))
}

const isUsable = (line: string): boolean => usableTag(line) !== undefined

/** Where the first line stands that can be used; one with MKI where there is no other: the packets have it then, and rtpengine looks for it. */
const bestOf = ({ lines }: MediaSection): number => {
  const usable = lines.findIndex(isUsable)
  return usable < 0 ? lines.findIndex((line) => secure(line)?.keys.length === 1) : usable
}

/**
 * An answer as it came: one line, under the tag of our offer, with MKI only where there is no other. With another tag rtpengine says `ok` and has no
 * keys: no media.
 * @param tags those of our offer, by section; undefined: not known, the tag stays
 */
export const answeredKeys = (sdp: Sdp, tags: readonly (number | undefined)[]): Sdp | Problem => {
  const chosen = mapSections(sdp, (section, i) => {
    const ours = section.lines.findIndex((line) => isUsable(line) && usableTag(line) === tags[i])
    return tagged(onlyCrypto(section, ours < 0 ? bestOf(section) : ours), tags[i])
  })
  const without = chosen.sections.find((section) => isKeyless(chosen, section))
  return without === undefined ? chosen : keyless(without)
}

const tagged = (section: MediaSection, tag: number | undefined): MediaSection => {
  const at = section.lines.findIndex(isCrypto)
  if (at < 0 || tag === undefined) return section
  const line = section.lines[at]!
  const changed = withCryptoTag(line, tag)
  return changed === line ? section : withLines(section, section.lines.with(at, changed))
}

/** An offer that rtpengine made: one line as well. Toward a peer without SRTP it shows every suite it has, if the other side offered any. */
export const offeredKeys = (sdp: Sdp): Sdp =>
  mapSections(sdp, (section) => {
    const kept = section.lines.findIndex(isUsable)
    return kept < 0 ? section : onlyCrypto(section, kept)
  })

/** The tag that an answer to this offer must have, by section. */
export const cryptoTags = ({ sections }: Sdp): readonly (number | undefined)[] =>
  sections.map((section) => {
    const line = section.lines.find(isUsable)
    return line === undefined ? undefined : usableTag(line)
  })
