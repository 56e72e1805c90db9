/**
 * SDP (RFC 8866) as lines. A light reader: rtpengine is the one who understands and rewrites SDP, we look at some of it and change single lines.
 *
 * - Text is latin1, one character for one byte. Each line keeps its end (CRLF, or LF alone as RFC 8866 §5 asks readers to accept), so what nobody
 *   touched leaves byte for byte as it came: `text(readSdp(x))` is `x`.
 * - Nothing of an `Sdp` changes: an edit returns another one, and the same one when there was nothing to do.
 * - What is odd stays odd. Refused is only what is no SDP at all, or what nobody sane sends.
 */
import { type Problem, problem } from '../base/problem.ts'

/** An m-line and all that stands below it. */
export interface MediaSection {
  /** As written, ends included; the m-line is the first. */
  readonly lines: readonly string[]
  /** `audio`, `video`, `image` … as written. */
  readonly media: string
  /** 0: rejected or not used. undefined: no port can be read. */
  readonly port: number | undefined
  /** `RTP/AVP` … as written. */
  readonly protocol: string
  /** Payload type numbers, or what else the protocol has there. */
  readonly formats: readonly string[]
}

export interface Sdp {
  /** Lines above the first m-line, as written. */
  readonly session: readonly string[]
  readonly sections: readonly MediaSection[]
}

/** An ng datagram (65 507 bytes) must hold it, and a dictionary around it. */
export const MAX_SDP = 60_000
export const MAX_LINES = 4000
/** Each one takes ports of rtpengine. */
export const MAX_SECTIONS = 32

const RFC = 'RFC 8866 §5'

/**
 * Reads an SDP. Its first line that is not empty has to be `v=`; m-lines may be missing. Linear in the size of the text.
 * @returns 400 what is no SDP, 413 too long, 488 too many lines or m-lines
 */
export const readSdp = (sdp: string): Sdp | Problem => {
  if (last?.sdp === sdp) return last.read
  if (lastButOne?.sdp === sdp) return lastButOne.read
  lastButOne = last
  last = { sdp, read: readAnew(sdp) }
  return last.read
}

/** Read last: each step on the way of an SDP looks at the text that the one before gave it. */
let last: { readonly sdp: string; readonly read: Sdp | Problem } | undefined
let lastButOne: typeof last

const readAnew = (sdp: string): Sdp | Problem => {
  if (sdp.length > MAX_SDP) return problem(413, `SDP of ${sdp.length} bytes is too long, at most ${MAX_SDP} are taken`, '§21.4.11', 'body')
  const lines = linesOf(sdp)
  if (lines === undefined) return problem(488, `SDP has more than ${MAX_LINES} lines`, RFC, 'body')
  const first = lines.find((line) => line !== '\n' && line !== '\r\n')
  if (first === undefined || !first.startsWith('v=')) return problem(400, 'Body is no SDP: it does not begin with v=', RFC, 'body')
  const starts: number[] = []
  for (let i = 0; i < lines.length; i++) if (lines[i]!.startsWith('m=')) starts.push(i)
  if (starts.length > MAX_SECTIONS) return problem(488, `SDP has ${starts.length} m-lines, at most ${MAX_SECTIONS} are taken`, RFC, 'body')
  return {
    session: starts.length === 0 ? lines : lines.slice(0, starts[0]),
    sections: starts.map((start, i) => sectionOf(lines.slice(start, starts[i + 1]))),
  }
}

/** The text of an SDP: what was read, but for the lines that were changed. */
export const text = (sdp: Sdp): string => sdp.session.join('') + sdp.sections.map(({ lines }) => lines.join('')).join('')

/** A line without its end and the white space before that. */
export const content = (line: string): string => {
  let end = line.length
  for (; end > 0; end--) {
    const code = line.charCodeAt(end - 1)
    if (code !== 10 && code !== 13 && code !== 32 && code !== 9) break
  }
  return line.slice(0, end)
}

/** The value of the first line of that type (`c`, `o` …), without its white space at the end. */
export const lineValue = (lines: readonly string[], type: string): string | undefined => {
  const start = `${type}=`
  const found = lines.find((line) => line.startsWith(start))
  return found === undefined ? undefined : content(found).slice(2)
}

/** Neither rejected nor unused (RFC 3264 §6): a port that is not 0. */
export const isAccepted = (section: MediaSection): boolean => section.port !== 0

/** The m-line says port 0, its other bytes stay: not wanted (RFC 3264 §6). */
export const rejected = (section: MediaSection): MediaSection =>
  section.port === 0
    ? section
    : withLines(section, [section.lines[0]!.replace(PORT, (_all, before: string) => `${before}0`), ...section.lines.slice(1)])

const PORT = /^(m=[^ \t]*[ \t]+)[^ \t\r\n]+/

/** The same section when the lines are. */
export const withLines = (section: MediaSection, lines: readonly string[]): MediaSection => {
  if (lines === section.lines) return section
  return lines[0] === section.lines[0] ? { ...section, lines } : sectionOf(lines)
}

export const withSession = (sdp: Sdp, session: readonly string[]): Sdp => (session === sdp.session ? sdp : { ...sdp, session })

/** Each section changed by `change`; the same SDP when it changed none. */
export const mapSections = (sdp: Sdp, change: (section: MediaSection, index: number) => MediaSection): Sdp => {
  let touched = false
  const sections = sdp.sections.map((section, i) => {
    const changed = change(section, i)
    if (changed !== section) touched = true
    return changed
  })
  return touched ? { ...sdp, sections } : sdp
}

/** Those lines for which `keep` holds; the same array when it holds for all. */
export const filterLines = (lines: readonly string[], keep: (line: string, index: number) => boolean): readonly string[] =>
  lines.every(keep) ? lines : lines.filter(keep)

/** The lines with one more at `index`, written as the others of this SDP end. */
export const insertLine = (sdp: Sdp, lines: readonly string[], index: number, line: string): readonly string[] => {
  const end = lineEnd(sdp)
  const before = lines[index - 1]
  // The last line of all may lack its end
  const ended = before === undefined || before.endsWith('\n') ? lines : lines.with(index - 1, before + end)
  return ended.toSpliced(index, 0, line + end)
}

const lineEnd = ({ session }: Sdp): string => (session[0]!.endsWith('\n') && !session[0]!.endsWith('\r\n') ? '\n' : '\r\n')

const linesOf = (sdp: string): readonly string[] | undefined => {
  const lines: string[] = []
  for (let from = 0; from < sdp.length; ) {
    const found = sdp.indexOf('\n', from)
    const end = found < 0 ? sdp.length : found + 1
    if (lines.length === MAX_LINES) return undefined
    lines.push(sdp.slice(from, end))
    from = end
  }
  return lines
}

const sectionOf = (lines: readonly string[]): MediaSection => {
  const [media = '', port = '', protocol = '', ...formats] = content(lines[0]!)
    .slice(2)
    .split(/[ \t]+/)
  return { lines, media, port: portOf(port), protocol, formats }
}

/** The number of ports behind the slash is nobody's business here. */
const portOf = (written: string): number | undefined => {
  const number = /^(\d{1,5})(?:\/\d+)?$/.exec(written)
  return number === null || Number(number[1]) > 65535 ? undefined : Number(number[1])
}
