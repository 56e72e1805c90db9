/** An endpoint's side of offer and answer (RFC 3264), strict with the other side: what does not fit is thrown. */
import type { Mirror } from './mirror.ts'
import {
  attributesOf,
  audioOf,
  codecsOf,
  cryptosOf,
  type Direction,
  directionOf,
  readSdp,
  rtcpPortOf,
  type Sdp,
  type SdpCodec,
  type SdpSection,
  writeCrypto,
  writeSdp,
} from './sdp.ts'
import { AUDIO_CODECS, type VoiceCodecs } from './voice.ts'

export const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const EVENTS = 'TELEPHONE-EVENT'

const RTPMAPS: Readonly<Record<string, readonly [number, string]>> = {
  PCMU: [0, 'PCMU/8000'],
  PCMA: [8, 'PCMA/8000'],
  G722: [9, 'G722/8000'],
  CN: [13, 'CN/8000'],
  G729: [18, 'G729/8000'],
  OPUS: [111, 'opus/48000/2'],
  [EVENTS]: [101, 'telephone-event/8000'],
}

export interface NegotiationOptions {
  readonly profile: 'plain' | 'sdes'
  /** Names in order of preference; PCMU and PCMA it can speak, others it can only name. */
  readonly codecs: readonly string[]
  /** By name, where its numbers are other than usual. */
  readonly payloadTypes: Readonly<Record<string, number>>
  /** Its answers use its own payload numbers and not those of the offer (RFC 3264 §6.1 leaves that open). */
  readonly ownNumbersInAnswers: boolean
  readonly rtcpMux: boolean
  /** What `c=` and `o=` name. */
  readonly address: string
  /** Tag of the crypto line of its offers. */
  readonly cryptoTag: number
  /** Behind the key in its crypto lines: `|2^31`. */
  readonly cryptoParameters: string
  /** Further lines of the audio section of its offers, and further sections. */
  readonly moreLines: readonly string[]
  /** Lines of the audio section of all its SDPs, of ICE. @param port of RTP */
  readonly iceLines?: ((port: number) => readonly string[]) | undefined
  readonly moreSections: readonly string[]
  /** Its video; undefined: none, and what is offered is refused. */
  readonly video?: Mirror | undefined
  /** In its offers, too; default: in its answers alone. */
  readonly offersVideo?: boolean
}

/** What holds after an offer was answered. */
export interface Agreement {
  readonly address: string
  readonly port: number
  readonly rtcpPort: number
  readonly sends: boolean
  readonly receives: boolean
  readonly codecs: VoiceCodecs
  /** Master key and salt of what the other side sends; undefined: no SRTP. */
  readonly key: Buffer | undefined
}

export interface Negotiation {
  offer(port: number, direction?: Direction): string
  /** @throws Error when the offer does not fit the profile or has no codec in common */
  answer(sdp: string, port: number, direction?: Direction): string
  /** An answer to the last offer. @throws Error when it does not fit that offer */
  accept(sdp: string): void
  /** The last offer was refused: what was agreed before holds. */
  refused(): void
  readonly agreement: () => Agreement | undefined
  /** The codec of a payload number that arrives: of its last SDP, and, while an offer is open, of that. */
  codecOf(payloadType: number): SdpCodec | undefined
}

const sends = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'sendonly'
const receives = (direction: Direction): boolean => direction === 'sendrecv' || direction === 'recvonly'
const directionFor = (send: boolean, receive: boolean): Direction => {
  if (send) return receive ? 'sendrecv' : 'sendonly'
  return receive ? 'recvonly' : 'inactive'
}

/** @param ownKey master key and salt of what it sends itself */
export const createNegotiation = (options: NegotiationOptions, session: number, ownKey: Buffer): Negotiation => {
  const protocol = options.profile === 'plain' ? 'RTP/AVP' : 'RTP/SAVP'
  let version = 0
  let wish: Direction = 'sendrecv'
  let agreement: Agreement | undefined
  let taken: readonly SdpCodec[] = []
  let open: { readonly codecs: readonly SdpCodec[]; readonly direction: Direction; readonly media: readonly string[] } | undefined
  const own: readonly SdpCodec[] = options.codecs.map((given) => {
    const name = given.toUpperCase()
    const known = RTPMAPS[name]
    if (known === undefined) throw new Error(`an endpoint knows no codec ${given}`)
    return { name, payloadType: options.payloadTypes[given] ?? known[0], clockRate: Number(known[1].split('/')[1]) }
  })
  const section = (port: number, codecs: readonly SdpCodec[], direction: Direction, lines: readonly string[]): readonly string[] => [
    `m=audio ${port} ${protocol} ${codecs.map(({ payloadType }) => payloadType).join(' ')}`,
    ...codecs.map(({ name, payloadType }) => `a=rtpmap:${payloadType} ${RTPMAPS[name]![1]}`),
    ...codecs.filter(({ name }) => name === EVENTS).map(({ payloadType }) => `a=fmtp:${payloadType} 0-15`),
    'a=ptime:20',
    ...lines,
    `a=${direction}`,
  ]
  const crypto = (tag: number, parameters: string): string => writeCrypto({ tag, suite: SUITE, key: ownKey, parameters })
  const checkProtocol = (audio: SdpSection): void => {
    if (audio.protocol !== protocol) throw new Error(`${audio.protocol} to an endpoint that speaks ${protocol}`)
  }
  /** What is agreed when both sides' codecs and directions are known. @param common as the other side numbers them */
  const agree = (sdp: Sdp, audio: SdpSection, common: readonly SdpCodec[], mine: Direction, key: Buffer | undefined): Agreement => {
    const spoken = common.find(({ name }) => name !== EVENTS && name !== 'CN')
    if (spoken === undefined) throw new Error(`no codec in common: ${audio.formats.join(' ')}`)
    if (!Object.hasOwn(AUDIO_CODECS, spoken.name)) throw new Error(`agreed on ${spoken.name}, which an endpoint does not speak`)
    const theirs = directionOf(sdp, audio)
    return {
      address: audio.address,
      port: audio.port,
      rtcpPort: rtcpPortOf(audio),
      sends: sends(mine) && receives(theirs) && audio.address !== '0.0.0.0',
      receives: receives(mine) && sends(theirs),
      codecs: {
        audio: spoken,
        events: common.find(({ name, clockRate }) => name === EVENTS && clockRate === spoken.clockRate),
        noise: common.find(({ name, clockRate }) => name === 'CN' && clockRate === spoken.clockRate),
      },
      key,
    }
  }
  const muxed = (audio: SdpSection): boolean => audio.attributes.some(({ name }) => name === 'rtcp-mux')
  return {
    offer: (port, direction) => {
      wish = direction ?? wish
      const lines = [
        ...(options.profile === 'sdes' ? [crypto(options.cryptoTag, options.cryptoParameters)] : []),
        ...(options.rtcpMux ? ['a=rtcp-mux'] : []),
        ...(options.iceLines?.(port) ?? []),
        ...options.moreLines,
      ]
      const made = [
        ...section(port, own, wish, lines),
        ...(options.offersVideo === true ? (options.video?.offer(wish) ?? []) : []),
        ...options.moreSections,
      ]
      open = { codecs: own, direction: wish, media: made.filter((line) => line.startsWith('m=')) }
      return writeSdp(options.address, session, ++version, made)
    },
    answer: (text, port, direction) => {
      wish = direction ?? wish
      const sdp = readSdp(text)
      const audio = audioOf(sdp)
      checkProtocol(audio)
      const chosen = options.profile === 'sdes' ? chooseCrypto(audio) : undefined
      const offered = codecsOf(audio).filter(({ name, clockRate }) => own.some((one) => one.name === name && one.clockRate === clockRate))
      const theirs = directionOf(sdp, audio)
      const mine = directionFor(sends(wish) && receives(theirs), receives(wish) && sends(theirs))
      agreement = agree(sdp, audio, offered, mine, chosen?.key)
      taken = options.ownNumbersInAnswers ? offered.map(({ name }) => own.find((one) => one.name === name)!) : offered
      open = undefined
      const lines = [
        ...(chosen === undefined ? [] : [crypto(chosen.tag, options.cryptoParameters)]),
        ...(options.rtcpMux && muxed(audio) ? ['a=rtcp-mux'] : []),
        ...(options.iceLines?.(port) ?? []),
      ]
      const sections = sdp.sections.flatMap((one) =>
        one === audio
          ? section(port, taken, mine, lines)
          : one.media === 'video' && options.video !== undefined
            ? options.video.answer(one, mine)
            : [`m=${one.media} 0 ${one.protocol} ${one.formats.join(' ')}`],
      )
      return writeSdp(options.address, session, ++version, sections)
    },
    accept: (text) => {
      if (open === undefined) throw new Error('an answer without an offer')
      const { codecs, direction, media } = open
      const sdp = readSdp(text)
      if (sdp.sections.length !== media.length)
        throw new Error(`an answer with ${sdp.sections.length} sections to an offer with ${media.length}`)
      const audio = audioOf(sdp)
      checkProtocol(audio)
      const theirs = directionOf(sdp, audio)
      // §6.1: an answer does not send what is not received, nor receive what is not sent
      if ((sends(theirs) && !receives(direction)) || (receives(theirs) && !sends(direction)))
        throw new Error(`${theirs} is no answer to ${direction}`)
      if (muxed(audio) && !options.rtcpMux) throw new Error('an answer with rtcp-mux to an offer without')
      const common = codecsOf(audio).filter(({ name }) => codecs.some((one) => one.name === name))
      agreement = agree(sdp, audio, common, direction, options.profile === 'sdes' ? answeredCrypto(audio, options.cryptoTag) : undefined)
      taken = codecs
      const video = sdp.sections.find(({ media: kind }) => kind === 'video')
      if (video !== undefined) options.video?.accept(video)
    },
    refused: () => {
      open = undefined
    },
    agreement: () => agreement,
    codecOf: (payloadType) => [...(open?.codecs ?? []), ...taken].find((codec) => codec.payloadType === payloadType),
  }
}

/** The first line of our suite without an MKI. */
const chooseCrypto = (audio: SdpSection): { readonly tag: number; readonly key: Buffer } => {
  const found = cryptosOf(audio).find(({ suite, parameters }) => suite === SUITE && !parameters.includes(':'))
  if (found === undefined) throw new Error(`no ${SUITE} without MKI in the offer`)
  return found
}

/** RFC 4568 §6.1: one line, with the tag of the one that it accepts. */
const answeredCrypto = (audio: SdpSection, tag: number): Buffer => {
  const [found, ...more] = cryptosOf(audio)
  if (found === undefined || more.length > 0) throw new Error(`${more.length + (found ? 1 : 0)} crypto lines in an answer`)
  if (found.tag !== tag || found.suite !== SUITE) throw new Error(`crypto ${found.tag} ${found.suite} answers ${tag} ${SUITE}`)
  return found.key
}

/** Whether an SDP names any of these attributes, in a section or in the session: for what has to be hidden from a leg. */
export const namesAttribute = (text: string, names: readonly string[]): readonly string[] => {
  const sdp = readSdp(text)
  return names.filter((name) => sdp.sections.some((one) => attributesOf(sdp, one, name).length > 0))
}
