/**
 * What rtpengine leaves to us: the rules of its table of SDP fix-ups, in their order, before and after it. Each rule is a function of its own in
 * `fix-ups/`; to apply one twice is to apply it once.
 */
import { own } from '../base/bytes.ts'
import { isProblem, type Problem, problem } from '../base/problem.ts'
import { bundleGroups, mid } from '../sdp/attributes.ts'
import { isAccepted, readSdp, type Sdp, text } from '../sdp/sdp.ts'
import type { MediaLeg } from '../zones/media.ts'
import { audioCodecs } from './codecs.ts'
import { withoutBrowserAttributes } from './fix-ups/browser-attributes.ts'
import { groupOne, insistsOnBundle, onlyFirst, rejectBundled } from './fix-ups/bundle.ts'
import { lostMedia, noCodecs, noMedia, onlyAudio, otherCount, rawFax } from './fix-ups/checks.ts'
import { answeredKeys, cryptoTags, offeredKeys, usableKeys } from './fix-ups/crypto.ts'
import { holdInactive } from './fix-ups/hold.ts'
import { ownMids } from './fix-ups/mids.ts'
import type { LegMemory } from './types.ts'

export { foreignPayloads } from './fix-ups/foreign-payloads.ts'

export type SdpRole = 'offer' | 'answer'

export interface FixedSdp {
  readonly sdp: string
  /** What the leg is to remember from now on, if this SDP is used. */
  readonly memory: LegMemory
}

/** Of a leg on which no SDP was seen yet. */
export const EMPTY_MEMORY: LegMemory = { sections: 0, mids: [], cryptoTags: [], bundle: 'unknown' }

/**
 * What we change in an SDP before rtpengine reads it.
 * @param memory of the sender's leg
 * @returns a problem when it must not go on: 400 no SDP, 413 too long, 488 the rest
 */
export const fixReceived = (sdp: string, role: SdpRole, from: MediaLeg, to: MediaLeg, memory: LegMemory): FixedSdp | Problem => {
  const read = readSdp(sdp)
  if (isProblem(read)) return read
  const refused = noMedia(read) ?? (role === 'offer' ? rawFax(read, to.profile) : otherCount(read, memory.sections))
  if (refused !== undefined) return refused
  const { browser } = from.profile
  const together = from.policy.maxBundle || memory.bundle === 'only'
  const wanted = from.profile.audioOnly && role === 'offer' ? onlyAudio(read) : read
  const usable = browser && role === 'offer' && together ? rejectBundled(wanted, memory.bundle === 'only') : wanted
  const keyed = role === 'offer' ? usableKeys(usable) : answeredKeys(usable, memory.cryptoTags)
  if (isProblem(keyed)) return keyed
  return {
    sdp: keyed === read ? sdp : text(keyed),
    memory: {
      sections: read.sections.length,
      mids: read.sections.map((section, i) => ownMid(mid(section)) ?? memory.mids[i]),
      cryptoTags: memory.cryptoTags,
      ...codecsShown(read, to, memory),
      bundle: browser ? bundleShown(read, role, memory.bundle, from.policy.maxBundle) : memory.bundle,
    },
  }
}

/**
 * What we change in what rtpengine made, before the receiver reads it.
 * @param memory of the receiver's leg
 * @param received the SDP as its sender wrote it
 */
export const fixToSend = (
  sdp: string,
  role: SdpRole,
  from: MediaLeg,
  to: MediaLeg,
  memory: LegMemory,
  received: string,
): FixedSdp | Problem => {
  // `ok` without SDP is what rtpengine says to an empty one
  if (sdp === '') return problem(488, 'rtpengine made no SDP of it', 'RFC 3264 §5', 'body')
  const made = readSdp(sdp)
  if (isProblem(made)) return made
  const refused = lostMedia(made, received) ?? noCodecs(made) ?? (role === 'answer' ? otherCount(made, memory.sections) : undefined)
  if (refused !== undefined) return refused
  const { browser, hold } = to.profile
  let fixed = made
  if (from.profile.browser && !browser) fixed = withoutBrowserAttributes(fixed, memory.mids)
  if (browser) fixed = forBrowser(fixed, role, memory, to.policy.maxBundle)
  if (hold === 'inactive') fixed = holdInactive(fixed)
  if (role === 'offer') fixed = offeredKeys(fixed)
  return {
    sdp: fixed === made ? sdp : text(fixed),
    memory: {
      ...memory,
      sections: fixed.sections.length,
      cryptoTags: role === 'offer' ? cryptoTags(fixed) : memory.cryptoTags,
      bundle: browser && role === 'answer' ? bundleAgreed(fixed, memory.bundle) : memory.bundle,
    },
  }
}

/** @param mayInsist it may know no other way than one transport; one that has agreed on a group knows none any more */
const forBrowser = (sdp: Sdp, role: SdpRole, memory: LegMemory, mayInsist: boolean): Sdp => {
  const named = ownMids(sdp, memory.mids)
  if (!mayInsist && memory.bundle !== 'only') return named
  if (role === 'offer') return groupOne(memory.bundle === 'only' ? onlyFirst(named) : named)
  // RFC 9143 §7.3.1: no group in an answer to an offer without
  return memory.bundle === 'none' ? named : groupOne(named)
}

/** Kept for those calls alone in which it can matter. */
const codecsShown = (sdp: Sdp, to: MediaLeg, memory: LegMemory): Pick<LegMemory, 'codecs'> => {
  if (to.policy.codecs.transcode.length === 0) return {}
  const shown = audioCodecs(sdp).slice(0, MOST_CODECS).map(own)
  return shown.length > 0 ? { codecs: shown } : memory.codecs === undefined ? {} : { codecs: memory.codecs }
}

const MOST_CODECS = 16

type Bundle = LegMemory['bundle']

/** What a browser's SDP says of BUNDLE. An answer with a group agrees to ours, which is of one section. */
const bundleShown = (sdp: Sdp, role: SdpRole, before: Bundle, mayInsist: boolean): Bundle => {
  const hasGroup = bundleGroups(sdp).some((mids) => mids.length > 0)
  if (role === 'answer') return hasGroup ? 'only' : before
  if (!hasGroup) return 'none'
  return before === 'only' || (mayInsist && insistsOnBundle(sdp)) ? 'only' : 'offered'
}

/** What an answer to a browser settles; a later one to the same offer (another fork) settles it anew. */
const bundleAgreed = (sdp: Sdp, before: Bundle): Bundle => {
  if (bundleGroups(sdp).length > 0) return 'only'
  return before === 'only' && sdp.sections.filter(isAccepted).length > 1 ? 'offered' : before
}

/** A slice would keep its whole SDP in memory. */
const ownMid = (name: string | undefined): string | undefined => (name === undefined ? undefined : own(name))
