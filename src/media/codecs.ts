/**
 * Which codecs an offer shows to whom it goes: those of the operator's policy, without what only browsers have a use for.
 *
 * Order and removal are edits of the text that rtpengine gets, not its own `strip`, `except` and `offer`. Those cost calls (10.5.3, seen live):
 * - Whenever they touch a list with opus, it adds telephone events at opus's clock rate. A PBX that answers opus and telephone-event/8000, as
 *   most do, then leaves the browser without any telephone-event: no DTMF, and the session counts as transcoded.
 * - Audio codecs that it cannot decode itself vanish (SILK), although nobody asked for conversion.
 * - A list without a match comes back whole, or is empty, depending on the rest of it.
 * Without a `codec` operation it passes on whatever was agreed. Left to it is what only it can do: conversion.
 */
import { isProblem } from '../base/problem.ts'
import { attributes, codecNames } from '../sdp/attributes.ts'
import { filterLines, isAccepted, type MediaSection, mapSections, readSdp, rejected, type Sdp, text, withLines } from '../sdp/sdp.ts'
import type { MediaLeg } from '../zones/media.ts'

/** What rtpengine is to convert; absent: nothing. */
export type CodecOperations = Readonly<Partial<Record<'transcode' | 'mask' | 'consume', readonly string[]>>>

/** What of rtpengine's text and dictionary is about codecs. */
export interface OfferedCodecs {
  readonly sdp: string
  readonly operations: CodecOperations
}

/**
 * The codecs of an offer of `sender` toward `receiver`, by the receiver's policy (RFC 3264 §5.1: the order is a preference).
 *
 * A browser's own order stays: opus and G.722 sound better, opus bears losses, and whoever knows neither of them takes the G.711 behind them;
 * nothing is transcoded here either way. A trunk that takes the first codec to its cost gets an `order`.
 *
 * A receiver that has shown what it speaks is offered one of that also when the sender has nothing of it, if the sender's side is one with conversion:
 * the PBX whose zone converts offers anew, and knows only its own codecs.
 *
 * When nothing of an audio line is left the line has no formats, which is nothing that can be offered; another line gets port 0.
 *
 * @param spoken audio codecs of the receiver, by what it has shown in this call
 */
export const offeredCodecs = (sender: MediaLeg, receiver: MediaLeg, sdp: string, spoken: readonly string[] = []): OfferedCodecs => {
  if (spoken.length === 0 && isAllTheSame(sender, receiver)) return { sdp, operations: {} }
  const read = readSdp(sdp)
  // rtpengine says what is wrong with it
  if (isProblem(read)) return { sdp, operations: {} }
  const masked = new Set<string>()
  const all = read.sections.map(formatsOf)
  const changed = mapSections(read, (section, i) => {
    const formats = all[i]!
    if (!isAccepted(section) || !formats.some(isCodec)) return section
    const kept = selected(section, formats, sender, receiver)
    if (kept.some(isCodec)) return withFormats(section, kept)
    if (section.media === 'audio' && receiver.policy.codecs.transcode.length > 0) {
      // Conversion needs something to convert from: the list stays, and rtpengine hides it
      const shown = new Set(kept)
      for (const format of formats) if (!shown.has(format)) masked.add(format.name)
      return withFormats(section, trimmed(section, formats, sender, receiver, true))
    }
    const others = read.sections.some((other) => other !== section && isAccepted(other))
    return section.media !== 'audio' && others ? rejected(section) : withFormats(section, [])
  })
  const audio = all.filter((_, i) => read.sections[i]!.media === 'audio' && isAccepted(read.sections[i]!))
  const operations = audio.length === 0 ? {} : conversions(audio, [...masked], sender, receiver, spoken)
  return { sdp: changed === read ? sdp : text(changed), operations }
}

/** No policy says anything, and nothing is a browser's own: most calls between a PBX and others. */
const isAllTheSame = (sender: MediaLeg, receiver: MediaLeg): boolean => {
  const { codecs, dtmf } = receiver.policy
  const { order, strip, transcode } = codecs
  if (order !== undefined || strip.length > 0 || transcode.length > 0) return false
  return dtmf === 'pass' && sender.policy.dtmf === 'pass' && !leavesItsKind(sender, receiver)
}

/** One side has codecs of its own, or knows some only. */
const leavesItsKind = ({ profile: { own } }: MediaLeg, { profile }: MediaLeg): boolean =>
  profile.speaks !== undefined || own.some((one) => !profile.own.includes(one))

/** Names of the audio codecs that an SDP shows, in its order, without what only rides beside them. */
export const audioCodecs = ({ sections }: Sdp): readonly string[] => {
  const audio = sections.find((section) => section.media === 'audio' && isAccepted(section))
  return audio === undefined
    ? []
    : formatsOf(audio)
        .filter((format) => isCodec(format) && format.name !== '')
        .map(({ name }) => name)
}

interface Format {
  /** RTP payload type number. */
  readonly number: string
  /** `opus/48000/2`, as written; empty: nothing says what it is. */
  readonly name: string
  /** The number that it is a repetition of (RFC 4588 §8.6). */
  readonly repeats: string | undefined
}

/** RFC 3551 §6, those that are still met. */
const STATIC_NAMES: Readonly<Record<string, string>> = {
  ...{ 0: 'PCMU/8000', 3: 'GSM/8000', 4: 'G723/8000', 8: 'PCMA/8000', 9: 'G722/8000', 13: 'CN/8000', 15: 'G728/8000', 18: 'G729/8000' },
  ...{ 26: 'JPEG/90000', 31: 'H261/90000', 34: 'H263/90000' },
}

/** Rides beside a codec and is none. */
const COMPANION = /^(?:telephone-event|cn|red|rtx|ulpfec|flexfec|flexfec-03)\//i
const EVENTS = 'telephone-event'

const isCodec = (format: Format): boolean => !COMPANION.test(format.name)
const isEvent = (format: Format): boolean => matches(EVENTS, format)
const isOddEvent = (format: Format): boolean => isEvent(format) && !matches(`${EVENTS}/8000`, format)
const rateOf = ({ name }: Format): string | undefined => name.split('/')[1]

const leavesBrowsers = (sender: MediaLeg, receiver: MediaLeg): boolean => sender.profile.browser && !receiver.profile.browser

/** `G722`, `G722/8000` and `G722/8000/1` are the same (RFC 8866 §6.6), in any case. */
const matches = (wanted: string, { name }: Pick<Format, 'name'>): boolean => {
  const given = mono(name)
  const asked = mono(wanted)
  return given === asked || (given.startsWith(asked) && given[asked.length] === '/')
}

const mono = (name: string): string => {
  const lower = name.toLowerCase()
  return lower.endsWith('/1') ? lower.slice(0, -2) : lower
}

const named = (list: readonly string[], format: Pick<Format, 'name'>): boolean => list.some((one) => matches(one, format))

const formatsOf = (section: MediaSection): readonly Format[] => {
  if (!/\bRTP\//.test(section.protocol)) return []
  const names = codecNames(section)
  const repeats = new Map<string, string>()
  for (const value of attributes(section.lines, 'fmtp')) {
    const found = value.includes('apt=') ? /^(\d+)[ \t].*?\bapt=(\d+)/.exec(value) : null
    if (found !== null) repeats.set(found[1]!, found[2]!)
  }
  return section.formats.map((number) => ({
    number,
    name: names.get(number) ?? STATIC_NAMES[number] ?? '',
    repeats: repeats.get(number),
  }))
}

/**
 * Without what others cannot use. Of a browser telephone events at another clock rate than 8000 Hz go, too: some take the first ones that they see, with G.711,
 * and its durations are wrong then. They stay when there are no others, or when rtpengine shall turn them into tones beside opus; and behind the
 * others when it may convert from opus, since opus goes back to the browser with events at its own rate or with none (10.5.3, seen live).
 * @param converted they are hidden from the receiver, and need not be what it knows
 */
const trimmed = (
  { media }: MediaSection,
  formats: readonly Format[],
  sender: MediaLeg,
  receiver: MediaLeg,
  converted = false,
): readonly Format[] => {
  const { order = [], transcode } = receiver.policy.codecs
  const left = leavesItsKind(sender, receiver) ? understood(formats, sender, receiver, media === 'audio' && !converted) : formats
  if (!leavesBrowsers(sender, receiver)) return left
  if (receiver.policy.dtmf === 'audio') return left
  return transcode.length > 0 ? left.toSorted((a, b) => Number(isOddEvent(a)) - Number(isOddEvent(b))) : withoutSpareEvents(left, [], order)
}

/** Without what the sender's kind has for itself, and, where `choosy`, what the receiver's kind does not know and numbers that stand there twice. */
const understood = (formats: readonly Format[], sender: MediaLeg, receiver: MediaLeg, choosy: boolean): readonly Format[] => {
  const { order = [] } = receiver.policy.codecs
  const { own } = receiver.profile
  const speaks = choosy ? receiver.profile.speaks : undefined
  const strange = sender.profile.own.filter((one) => !own.includes(one))
  const numbers = new Map<string, Format>()
  if (speaks !== undefined) for (const format of formats) if (!numbers.has(format.number)) numbers.set(format.number, format)
  return formats.filter(
    (format) =>
      (speaks === undefined || numbers.get(format.number) === format) &&
      (named(order, format) || (!named(strange, format) && (speaks === undefined || named(speaks, format)))),
  )
}

/** Of several telephone events those at 8000 Hz are enough, but for codecs that have another clock rate. */
const withoutSpareEvents = (formats: readonly Format[], codecs: readonly Format[], order: readonly string[]): readonly Format[] => {
  if (!formats.some((format) => isEvent(format) && !isOddEvent(format))) return formats
  const rates = new Set(codecs.map(rateOf))
  const asked = order.filter((one) => one.includes('/'))
  return formats.filter((format) => !isOddEvent(format) || rates.has(rateOf(format)) || named(asked, format))
}

/** What the receiver's policy leaves, in its order. */
const selected = (section: MediaSection, formats: readonly Format[], sender: MediaLeg, receiver: MediaLeg): readonly Format[] => {
  const { order, strip } = receiver.policy.codecs
  // rtpengine hides them from a side that knows none, and needs them
  const needed = (format: Format): boolean => receiver.policy.dtmf === 'audio' && isEvent(format)
  const left = trimmed(section, formats, sender, receiver).filter((format) => needed(format) || !named(strip, format))
  const { first } = sender.profile
  const found = order !== undefined ? inOrder(left, order, needed) : receiver.profile.keys === 'none' ? inFront(left, first) : left
  // An order of audio codecs says nothing about video
  const codecs = found.filter(isCodec)
  const all = section.media !== 'audio' && codecs.length === 0 ? left : found
  const spare = leavesBrowsers(sender, receiver) && receiver.policy.dtmf === 'pass' && codecs.length > 0
  const kept = spare ? withoutSpareEvents(all, codecs, order ?? []) : all
  const numbers = new Set(kept.map(({ number }) => number))
  return kept.filter(({ repeats }) => repeats === undefined || numbers.has(repeats))
}

const inFront = (formats: readonly Format[], first: readonly string[]): readonly Format[] =>
  first.length === 0 || formats.length < 2
    ? formats
    : [...formats.filter((one) => named(first, one)), ...formats.filter((one) => !named(first, one))]

const inOrder = (formats: readonly Format[], order: readonly string[], needed: (format: Format) => boolean): readonly Format[] => {
  const wanted = order.flatMap((one) => formats.filter((format) => matches(one, format)))
  return [...new Set([...wanted, ...formats.filter(needed)])]
}

/** `a=rtpmap:97 …`: lines about one payload type. */
const OF_FORMAT = /^a=(?:rtpmap|fmtp|rtcp-fb|imageattr):(\d+)/
const FORMATS = /^(m=[^ \t]+[ \t]+[^ \t]+[ \t]+[^ \t\r\n]+)[^\r\n]*/

const withFormats = (section: MediaSection, kept: readonly Format[]): MediaSection => {
  const numbers = kept.map(({ number }) => number)
  if (numbers.join() === section.formats.join()) return section
  const gone = new Set(section.formats)
  for (const number of numbers) gone.delete(number)
  const first = section.lines[0]!.replace(FORMATS, (_all, before: string) => [before, ...numbers].join(' '))
  return withLines(section, [
    first,
    ...filterLines(section.lines.slice(1), (line) => {
      const number = OF_FORMAT.exec(line)?.[1]
      return number === undefined || !gone.has(number)
    }),
  ])
}

/**
 * A side that knows no telephone-event is not shown any; rtpengine plays the tone into the audio that the other one's events are about, and
 * offers events on its behalf.
 */
const conversions = (
  audio: readonly (readonly Format[])[],
  mask: readonly string[],
  sender: MediaLeg,
  receiver: MediaLeg,
  spoken: readonly string[],
): CodecOperations => {
  const events = audio.some((formats) => formats.some(isEvent))
  const missing = sender.policy.dtmf === 'audio' && receiver.policy.dtmf === 'pass' && !audio.every((formats) => formats.some(isEvent))
  const wanted = receiver.policy.codecs.transcode
  const haveSome = (list: readonly string[], names: readonly string[]): boolean => names.some((name) => named(list, { name }))
  const foreign =
    spoken.length > 0 &&
    !haveSome(
      spoken,
      audio.flat().map(({ name }) => name),
    ) &&
    !haveSome(wanted, spoken)
  const transcode = [...new Set([...wanted, ...(foreign ? spoken.slice(0, 1) : []), ...(missing ? [EVENTS] : [])])]
  return {
    ...(transcode.length > 0 && { transcode }),
    ...(mask.length > 0 && { mask }),
    ...(receiver.policy.dtmf === 'audio' && events && { consume: [EVENTS] }),
  }
}
