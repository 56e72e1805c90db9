/**
 * What rtpengine is told: the dictionaries of its commands, from what both sides of a call speak. Each one is complete, also for a repetition or
 * inside a dialog: the same gives the same, and a daemon that has restarted learns all it needs. Facts: rtpengine 10.5.
 */
import type { MediaLeg, MediaProfile } from '../zones/media.ts'
import { offeredCodecs } from './codecs.ts'
import type { MediaIdentity, NgDictionary, Passage } from './types.ts'

/** The dictionary of an offer of `sender` toward `receiver`. */
export const planOffer = (passage: Passage): NgDictionary => {
  const { sender, receiver } = passage
  const { sdp, operations } = offeredCodecs(sender, receiver, passage.sdp, passage.spoken)
  const flags = [
    ...(receiver.profile.browser ? ['generate-mid'] : []),
    // Only here: an answer has no extension that was not offered (RFC 8285 §6)
    ...(sender.profile.browser && !receiver.profile.browser ? ['strip-extmap'] : []),
  ]
  return {
    ...common(passage, flags),
    ...toward(receiver.profile),
    // Said here, too: from the answer on is too late. ICE may be up before it, and then rtpengine's own hello has gone out already
    ...(sender.profile.keys === 'dtls' && { 'DTLS-reverse': 'passive' as const }),
    ...lite(sender.profile, receiver.profile),
    ...interfaces(sender, receiver),
    ...(Object.keys(operations).length > 0 && { codec: operations }),
    ...recording(passage),
    sdp,
  }
}

/**
 * The dictionary of an answer; `passage.sender` is the answerer, identity the same as in the offer that it answers. Protocol and interface of
 * the offer come back by themselves: named again they would replace those of the offerer.
 */
export const planAnswer = (passage: Passage): NgDictionary => {
  const { profile } = passage.receiver
  return {
    ...common(passage, []),
    ICE: profile.ice,
    // The browser is the DTLS client: it gets through its NAT first, and picks the stronger suite
    ...(profile.keys === 'dtls' && { DTLS: 'passive' }),
    ...(profile.sdesParameters.length > 0 && { SDES: profile.sdesParameters }),
    sdp: passage.sdp,
  }
}

/** `branch`: the leg of `toTag`. `call`: all of it. Both give the statistics of what they end. `everything`: whatever has the call-id, in silence. */
export type DeleteExtent = 'branch' | 'call' | 'everything'

/**
 * The dictionary that gives up a leg or a call, at once. A warning in the reply means that nothing matched the tags: `everything` is next.
 * @param identity `fromTag` is that of the caller's leg
 */
export const planDelete = (identity: MediaIdentity, extent: DeleteExtent): NgDictionary => ({
  'call-id': identity.callId,
  ...(extent !== 'everything' && { 'from-tag': identity.fromTag }),
  ...(extent === 'branch' && { 'to-tag': identity.toTag }),
  // Else the ports stay for half a minute, and an offer with the same tags brings the session back
  'delete-delay': 0,
})

const REPLACED = ['origin', 'session-connection', 'zero-address', 'SDP-version']

/** All but AES_CM_128_HMAC_SHA1_80, the one that everybody has (RFC 4568 §6.2). Without this rtpengine offers all, those without encryption too. */
const OTHER_SUITES = [
  ...['AEAD_AES_256_GCM', 'AEAD_AES_128_GCM', 'AES_256_CM_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_32'],
  ...['AES_192_CM_HMAC_SHA1_80', 'AES_192_CM_HMAC_SHA1_32', 'AES_CM_128_HMAC_SHA1_32'],
  ...['F8_128_HMAC_SHA1_80', 'F8_128_HMAC_SHA1_32', 'NULL_HMAC_SHA1_80', 'NULL_HMAC_SHA1_32'],
].map((suite) => `no-${suite}`)

/** What an offer and an answer have in common: who, and how much of the sender's SDP is to be believed. */
const common = (passage: Passage, flags: readonly string[]) => {
  const { identity, sender, received, inDialog } = passage
  const plain = sender.profile.ice === 'remove'
  const behindNat = plain && received !== undefined
  return {
    'call-id': identity.callId,
    'from-tag': identity.fromTag,
    'to-tag': identity.toTag,
    label: `${passage.senderIsCaller ? 'caller' : 'callee'}:${sender.zone}`,
    supports: ['load limit'],
    replace: REPLACED,
    flags: [
      ...flags,
      // Whoever else sends to the port would be heard, or become the peer; ICE has its own check. For three seconds after each offer and answer
      // anybody may: then who sends from where the SDP says wins over all others, where rtpengine's default takes who happens to come last (a
      // stranger, or a fork behind the peer that lost and still sends)
      ...(plain ? ['strict-source', 'endpoint-learning-heuristic'] : []),
      ...(behindNat ? ['SIP-source-address'] : []),
      // Or the peer's port changes when only the other side has moved
      ...(inDialog ? ['port-latching'] : []),
    ],
    ...(passage.makesReports && { 'generate-RTCP': 'on' as const }),
    // Only both together do anything
    ...(behindNat && { 'received-from': [received.includes(':') ? 'IP6' : 'IP4', received] as const }),
  } satisfies NgDictionary
}

const keysOf = (profile: MediaProfile): Pick<NgDictionary, 'DTLS' | 'SDES'> => {
  switch (profile.keys) {
    case 'none':
      return {}
    case 'sdes':
      return { DTLS: 'off', SDES: [...OTHER_SUITES, ...profile.sdesParameters] }
    case 'dtls':
      return { SDES: ['off'] }
  }
}

const toward = (profile: MediaProfile): Partial<NgDictionary> => ({
  ICE: profile.ice,
  'transport-protocol': profile.protocol,
  'rtcp-mux': [profile.rtcpMux],
  ...keysOf(profile),
})

const lite = (sender: MediaProfile, receiver: MediaProfile): Pick<NgDictionary, 'ICE-lite'> => {
  if (sender.iceLite && receiver.iceLite) return { 'ICE-lite': 'both' }
  if (sender.iceLite) return { 'ICE-lite': 'backward' }
  return receiver.iceLite ? { 'ICE-lite': 'forward' } : {}
}

/** An empty name is rtpengine's first interface (its log warns of it): a name on one side alone counts, too. */
const interfaces = (sender: MediaLeg, receiver: MediaLeg): Pick<NgDictionary, 'direction'> => {
  const [from, to] = [sender.policy.interface, receiver.policy.interface]
  return from === undefined && to === undefined ? {} : { direction: [from ?? '', to ?? ''] }
}

/** Said again it goes on into the same files. */
const recording = ({ sender, receiver, senderIsCaller }: Passage): Pick<NgDictionary, 'record-call' | 'metadata'> => {
  if (!sender.policy.record && !receiver.policy.record) return {}
  const [caller, callee] = senderIsCaller ? [sender, receiver] : [receiver, sender]
  return { 'record-call': 'on', metadata: `caller:${caller.zone}|callee:${callee.zone}` }
}
