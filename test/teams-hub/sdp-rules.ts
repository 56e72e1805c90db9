/** What a media processor accepts of an SBC's SDP (§4.1), and what has to stay as it was. */
import {
  attributesOf,
  audioOf,
  codecsOf,
  cryptosOf,
  directionOf,
  networkOf,
  readSdp,
  rtcpPortOf,
  type Sdp,
  type SdpSection,
} from '../support/media/sdp.ts'

export const SUITE = 'AES_CM_128_HMAC_SHA1_80'

/** Where media of the SBC is, and what it is encrypted with. */
export interface Anchor {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  /** Base64. */
  readonly key: string
}

/** Why an SDP is refused. */
export interface SdpRefusal {
  readonly code: string
  readonly words: string
}

const parsed = (text: string): { readonly sdp: Sdp; readonly audio: SdpSection } | SdpRefusal => {
  try {
    const sdp = readSdp(text)
    const audio = audioOf(sdp)
    codecsOf(audio)
    cryptosOf(audio)
    return { sdp, audio }
  } catch (error) {
    return { code: '531000/410', words: `SdpParsingFailure: ${(error as Error).message}` }
  }
}

const keysOf = (audio: SdpSection) => cryptosOf(audio).filter(({ suite }) => suite === SUITE)

/** Of an offer toward Teams. @returns undefined: it is fine */
export const refusalOfOffer = (text: string, bypass: boolean): SdpRefusal | undefined => {
  const found = parsed(text)
  if ('words' in found) return found
  const { sdp, audio } = found
  const secure = audio.protocol === 'RTP/SAVP' || (bypass && audio.protocol === 'UDP/TLS/RTP/SAVP')
  if (!secure || keysOf(audio).length === 0)
    return { code: '531000/488', words: `SrtpEncryptionRequired: ${audio.protocol} without a key of ${SUITE}` }
  if (new Set(audio.formats).size !== audio.formats.length)
    return { code: '531000/488', words: 'CannotSupportAnyMedia: a payload number stands for two codecs' }
  const mapped = audio.attributes.filter(({ name }) => name === 'rtpmap').map(({ value }) => value.split(' ')[0])
  if (new Set(mapped).size !== mapped.length) return { code: '531000/488', words: 'CannotSupportAnyMedia: a payload number has two codecs' }
  const known = ['PCMU', 'PCMA', 'G722', 'G729', 'SILK']
  if (!codecsOf(audio).some(({ name }) => known.includes(name)))
    return { code: '531000/488', words: 'CannotSupportAnyMedia: no codec in common' }
  if (bypass && attributesOf(sdp, audio, 'candidate').length === 0)
    return { code: '531027/488', words: 'a trunk with bypass, and no ICE candidates in the SDP' }
  return undefined
}

/** What is wrong with the answer of an SBC to an offer of the media processor, as sentences. */
export const faultsOfAnswer = (offer: string, answer: string): readonly string[] => {
  const found = parsed(answer)
  if ('words' in found) return [found.words]
  const { audio } = found
  const offered = audioOf(readSdp(offer))
  const faults: string[] = []
  if (audio.protocol !== offered.protocol) faults.push(`The answer speaks ${audio.protocol}`)
  const cryptos = cryptosOf(audio)
  if (cryptos.length !== 1 || cryptos[0]?.suite !== SUITE)
    faults.push(`The answer has ${cryptos.length} keys, where one of ${SUITE} is wanted`)
  const tags = cryptosOf(offered).filter(({ suite }) => suite === SUITE)
  if (cryptos[0] !== undefined && !tags.some(({ tag }) => tag === cryptos[0]!.tag))
    faults.push('The answer’s key has a tag that was not offered')
  const unknown = audio.formats.filter((format) => !offered.formats.includes(format))
  if (unknown.length > 0) faults.push(`The answer has payload numbers that were not offered: ${unknown.join(' ')}`)
  if (audio.attributes.some(({ name }) => name === 'rtcp-mux') && !offered.attributes.some(({ name }) => name === 'rtcp-mux'))
    faults.push('The answer has rtcp-mux, which was not offered')
  return faults
}

export const directionIn = (text: string): string => {
  const sdp = readSdp(text)
  return directionOf(sdp, audioOf(sdp))
}

/** The address 0.0.0.0 is an old way to hold. */
export const isHeldByAddress = (text: string): boolean => audioOf(readSdp(text)).address === '0.0.0.0'

/** @throws Error when there is no audio with a key */
export const anchorOf = (text: string): Anchor => {
  const audio = audioOf(readSdp(text))
  const [key] = keysOf(audio)
  if (key === undefined) throw new Error('no key')
  return { address: audio.address, port: audio.port, rtcpPort: rtcpPortOf(audio), key: key.key.toString('base64') }
}

/** The SDP with the place where media began: what a media processor that follows nobody makes of it (§3.7). */
export const pinned = (text: string, to: Anchor): string => {
  const audio = audioOf(readSdp(text))
  return text
    .replaceAll(/^c=IN IP[46] [^\r\n]+/gm, `c=${networkOf(to.address)}`)
    .replace(`m=audio ${audio.port} `, `m=audio ${to.port} `)
    .replaceAll(/^a=rtcp:\d+[^\r\n]*/gm, `a=rtcp:${to.rtcpPort}`)
}
