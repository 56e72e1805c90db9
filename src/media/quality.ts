/**
 * What rtpengine tells about the media of a call in the reply to `delete` (with a from-tag) and `query`. Facts, seen live with 10.5:
 *
 * - `packets` and `bytes` count what the daemon received from a party. A packet from a wrong source stands in `packets` and in `errors`, one
 *   that does not decrypt in `errors` alone.
 * - With rtcp-mux, reports count as packets. `codec` and the stream's `SSRC` are there only when the party sent media.
 * - The flags of a section are the daemon's: `recv` when the party may send, `send` when it may listen.
 * - Figures stand under the SSRC of the party that reported them: they are about what it heard. Without reports there are none.
 * - The branch that is talked on has subscriptions; one that lost its place has none; one that never answered has no label.
 * - `last packet` of a stream without packets is the time of its making.
 */
import { hostText } from '../address/listener.ts'
import type { NgReply } from '../rtpengine/types.ts'
import type { Party } from './negotiation.ts'

export interface LegQuality {
  readonly party: Party
  readonly zone: string
  /** What it sent last, such as `PCMU/8000`. */
  readonly codec?: string
  /** `none`, or how keys were agreed and the suite: `SDES AES_CM_128_HMAC_SHA1_80`; without a suite it never came up. */
  readonly encryption: string
  /** As in the m-line, such as `RTP/SAVP`. */
  readonly protocol?: string
  /** `address:port` that its media comes from, or that its SDP told of. */
  readonly endpoint?: string
  /** Its media comes from elsewhere than its SDP says: it is behind a NAT. Never with ICE, where that is usual. */
  readonly nat: boolean
  /** Good ones that it sent; with rtcp-mux its reports, too. */
  readonly packets: number
  readonly bytes: number
  /** Packets that did not decrypt, or came from a wrong source. */
  readonly errors: number
  /** Packets that it missed of what was sent to it. This and what follows: only when it sends reports. */
  readonly lost?: number
  readonly lossPercent?: number
  readonly jitterMs?: number
  /** 1 to 5, such as 4.3. */
  readonly mos?: number
  /** From rtpengine to it and back. */
  readonly roundTripMs?: number
  /** It sent no media. */
  readonly silent: boolean
  /** By the SDP it has nothing to send: hold, listening only, or a refused section. */
  readonly muted: boolean
  /** Seconds since its last packet. */
  readonly lastPacketAgo?: number
}

export interface CallQuality {
  /** The caller's leg, then that of the callee who is talked to. */
  readonly legs: readonly LegQuality[]
  /** Since the first offer. */
  readonly durationSeconds?: number
  /** One party sent sound, the other nothing, though it should have. */
  readonly oneWay: boolean
  /** Neither sent anything, though one should have. */
  readonly noMedia: boolean
  /** Files, on the daemon's machine. */
  readonly recordings?: readonly string[]
}

export interface QualityContext {
  /** `Clock.wall()` when the reply came; without it there are no durations. */
  readonly at?: number
  /** From `recordingsOf` the replies to offers and answers: the reply to a delete has none. */
  readonly recordings?: readonly string[]
}

/** One second of sound in packets of 20 ms: with less, the other side may not have begun. */
const ENOUGH_PACKETS = 50
/** So long after the last offer or answer somebody should have sent something. */
const ENOUGH_SECONDS = 2
/** A reply with more of anything is not believed. */
const MOST = 64
const LONGEST_TEXT = 256
const LONGEST_PATH = 4096

type Fields = Readonly<Record<string, unknown>>

const NOTHING: Fields = {}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NOTHING

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.slice(0, MOST) : [])

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, LONGEST_TEXT) : undefined

/** @returns undefined for anything but a whole number from 0 to `most` */
const countOf = (value: unknown, most = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined

const sum = (numbers: readonly number[]): number =>
  Math.min(
    numbers.reduce((total, number) => total + number, 0),
    Number.MAX_SAFE_INTEGER,
  )

type Known<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** The same without the properties that have no value. */
const known = <T extends object>(properties: T): Known<T> =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as Known<T>

/** Files that a reply to an offer or answer with `record-call` names. */
export const recordingsOf = (reply: NgReply): readonly string[] =>
  listOf(reply.recordings).flatMap((file) => (typeof file === 'string' && file !== '' && file.length <= LONGEST_PATH ? [file] : []))

/**
 * The report of one call.
 * @param reply to `delete` with a from-tag, or to `query`; anything else is survived
 * @returns undefined when the reply says nothing about legs of ours: the call was not there, or the delete named no tag
 */
export const callQuality = (reply: NgReply, context: QualityContext = {}): CallQuality | undefined => {
  if (reply.result !== 'ok') return undefined
  const seconds = context.at !== undefined && Number.isFinite(context.at) ? context.at / 1000 : undefined
  const reports = fieldsOf(reply.SSRC)
  const tags = Object.values(fieldsOf(reply.tags)).slice(0, MOST).map(fieldsOf)
  const legs = (['caller', 'callee'] as const).flatMap((party) => legOf(party, tags, reports, seconds) ?? [])
  if (legs.length === 0) return undefined
  const recordings = context.recordings ?? recordingsOf(reply)
  const durationSeconds = since(countOf(reply.created), seconds)
  return {
    legs,
    ...(durationSeconds !== undefined && { durationSeconds }),
    ...flags(legs, since(countOf(reply['last signal']), seconds)),
    ...(recordings.length > 0 && { recordings }),
  }
}

/** @param settled seconds since the last offer or answer */
const flags = (legs: readonly LegQuality[], settled: number | undefined): Pick<CallQuality, 'oneWay' | 'noMedia'> => {
  const [caller, callee] = legs
  // Before the answer nobody has to send anything
  if (caller === undefined || callee === undefined) return { oneWay: false, noMedia: false }
  const deaf = (talking: LegQuality, other: LegQuality): boolean =>
    talking.packets >= ENOUGH_PACKETS && !talking.silent && other.silent && !other.muted
  const nobody = caller.silent && callee.silent && !(caller.muted && callee.muted)
  return { oneWay: deaf(caller, callee) || deaf(callee, caller), noMedia: nobody && (settled ?? ENOUGH_SECONDS) >= ENOUGH_SECONDS }
}

/** Undefined where the clocks disagree. */
const since = (moment: number | undefined, now: number | undefined): number | undefined =>
  moment === undefined || now === undefined || moment > now ? undefined : Math.round(now - moment)

const LABEL = /^(caller|callee):(.*)$/s

/** Of several branches the one that is talked on. */
const legOf = (party: Party, tags: readonly Fields[], reports: Fields, now: number | undefined): LegQuality | undefined => {
  let best: LegQuality | undefined
  let active = false
  for (const tag of tags) {
    const [, whose, zone] = LABEL.exec(textOf(tag.label) ?? '') ?? []
    if (whose !== party) continue
    const subscribed = listOf(tag.subscriptions).length > 0
    if (best !== undefined && active && !subscribed) continue
    const leg = legFrom(party, zone!, tag, reports, now)
    if (best !== undefined && active === subscribed && leg.packets <= best.packets) continue
    best = leg
    active = subscribed
  }
  return best
}

/** One m-section of a party, with the stream that carries its media. */
interface Section {
  readonly fields: Fields
  readonly flags: readonly unknown[]
  readonly rtp: Fields
  readonly rtpFlags: readonly unknown[]
  /** SSRCs that its reports may stand under; a stranger's packet replaces that of the media or of the reports, seldom both. */
  readonly sources: readonly unknown[]
}

const sectionFrom = (value: unknown): Section => {
  const fields = fieldsOf(value)
  const streams = listOf(fields.streams).map(fieldsOf)
  const rtp = streams.find(({ flags: words }) => listOf(words).includes('RTP')) ?? NOTHING
  return { fields, flags: listOf(fields.flags), rtp, rtpFlags: listOf(rtp.flags), sources: streams.map(({ SSRC }) => SSRC) }
}

/** The sections that a call's sound is judged by: of a call with video the audio alone; none that the party refused. */
const sectionsOf = (tag: Fields): readonly Section[] => {
  const used = listOf(tag.medias)
    .map(sectionFrom)
    .filter(({ rtp }) => fieldsOf(rtp['advertised endpoint']).port !== 0)
  const audio = used.filter(({ fields }) => fields.type === 'audio')
  return audio.length > 0 ? audio : used
}

const encryptionOf = ({ flags, rtp }: Section): string => {
  const keys = flags.includes('DTLS-SRTP') ? 'DTLS-SRTP' : flags.includes('SDES') ? 'SDES' : undefined
  if (keys === undefined) return 'none'
  const suite = textOf(rtp['crypto suite'])
  return suite === undefined ? keys : `${keys} ${suite}`
}

const statisticsOf = (section: Section): { readonly packets: number; readonly bytes: number; readonly errors: number } => {
  const stats = fieldsOf(section.rtp.stats)
  const [packets = 0, bytes = 0, errors = 0] = [countOf(stats.packets), countOf(stats.bytes), countOf(stats.errors)]
  return { packets: encryptionOf(section) === 'none' ? Math.max(0, packets - errors) : packets, bytes, errors }
}

const sentMedia = (section: Section): boolean =>
  statisticsOf(section).packets > 0 &&
  (!section.rtpFlags.includes('RTCP') || section.rtp.SSRC !== undefined || section.fields.codec !== undefined)

const endpointText = (value: unknown): string | undefined => {
  const { address, port } = fieldsOf(value)
  const [host, number] = [textOf(address), countOf(port, 0xffff)]
  return host === undefined || number === undefined ? undefined : `${hostText(host)}:${number}`
}

const legFrom = (party: Party, zone: string, tag: Fields, reports: Fields, now: number | undefined): LegQuality => {
  const sections = sectionsOf(tag)
  const statistics = sections.map(statisticsOf)
  const sending = sections.filter(sentMedia)
  const first = sending[0] ?? sections[0]
  const endpoint = endpointText(first?.rtp.endpoint)
  const advertised = endpointText(first?.rtp['advertised endpoint'])
  const last = sending.map(({ rtp }) => countOf(rtp['last packet']) ?? 0)
  return {
    party,
    zone,
    encryption: first === undefined ? 'none' : encryptionOf(first),
    nat: endpoint !== undefined && advertised !== undefined && endpoint !== advertised && !first!.flags.includes('ICE'),
    packets: sum(statistics.map(({ packets }) => packets)),
    bytes: sum(statistics.map(({ bytes }) => bytes)),
    errors: sum(statistics.map(({ errors }) => errors)),
    silent: sending.length === 0,
    muted: !sections.some(({ flags: words }) => words.includes('recv')),
    ...known({
      codec: textOf(first?.fields.codec),
      protocol: textOf(first?.fields.protocol),
      endpoint,
      lastPacketAgo: last.length === 0 ? undefined : since(Math.max(...last), now),
    }),
    ...(first && heardBy(first, reports)),
  }
}

type Heard = Pick<LegQuality, 'lost' | 'lossPercent' | 'jitterMs' | 'mos' | 'roundTripMs'>

/** What the party reported about the media that it got. */
const heardBy = ({ sources }: Section, reports: Fields): Heard => {
  const source = sources.find((one) => countOf(one, 0xffff_ffff) !== undefined && Object.hasOwn(reports, String(one)))
  if (source === undefined) return {}
  const report = fieldsOf(reports[String(source)])
  const average = fieldsOf(report['average MOS'])
  const score = countOf(average.MOS, 50)
  // 0: it has not echoed a report of the daemon yet (RFC 3550 §6.4.1, DLSR)
  const microseconds = countOf(average['round-trip time leg'], 60_000_000) || undefined
  return known({
    lost: countOf(report['cumulative loss']),
    lossPercent: countOf(average['packet loss'], 100),
    jitterMs: countOf(average.jitter, 60_000),
    mos: score === undefined || score < 10 ? undefined : score / 10,
    roundTripMs: microseconds && Math.round(microseconds / 100) / 10,
  })
}
