import { type Problem, problem } from '../base/problem.ts'

/** Bytes of one message on a stream; what goes beyond closes the connection. */
export interface FramingLimits {
  /** Start line and headers, with the empty line. */
  readonly maxHead: number
  readonly maxBody: number
}

/** Receives what a `StreamFramer` finds: the connection itself, so that no closures are made per connection. */
export interface FrameSink {
  /** One whole message. It may share memory with its chunk, and is the receiver's to keep. Answer false to stop: what follows is not looked at. */
  message(bytes: Buffer): boolean
  /** RFC 5626 §3.5.1: `ping` true asks for a pong, a single CRLF. False is a lone CRLF: a pong, or the separator that §7.5 allows. */
  keepAlive(ping: boolean): void
}

/** The answer to a CRLFCRLF keep-alive, RFC 5626 §3.5.1. */
export const PONG: Buffer = Buffer.from('\r\n', 'latin1')

/** Two lone CRLFs further apart than this are two pongs, not the halves of one ping. */
const HALF_PING_MS = 1000
const LF = 10
const CR = 13
const SPACE = 32
const NONE = -1

/** The characters of a token (§25.1), and `/` for `SIP/2.0`: all that a start line can begin with. */
const FIRST_WORD = new Uint8Array(256)
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~/") FIRST_WORD[char.charCodeAt(0)] = 1

/**
 * Cuts a byte stream into messages, §18.3. One for each connection; it holds a buffer only while a message is incomplete.
 *
 * A message without Content-Length is taken to have no body, although §18.3 demands the header on streams: the receiver sees that
 * the header is missing and may answer 400. When a body follows all the same it does not look like a start line, and is a fault.
 */
export class StreamFramer {
  /** The unfinished message, from its first byte on. */
  #store: Buffer | undefined
  #used = 0
  /** When its first byte came. */
  #begun = NONE
  /** Where to go on looking for line ends. */
  #scan = 0
  #wordSeen = false
  #lineSeen = false
  /** Where a line stands that looks like Content-Length, and whether there are more of them. */
  #lengthAt = NONE
  #several = false
  /** The end of the message, once its head is complete. */
  #stop = 0
  /** How much of CRLFCRLF has been seen between messages. */
  #blank = 0
  #blankAt = 0
  #fault: Problem | undefined

  /** The time at which the message under way was begun; undefined between messages. A sweep closes what takes too long. */
  get begun(): number | undefined {
    return this.#begun === NONE ? undefined : this.#begun
  }

  /**
   * Takes the next bytes of the stream, and tells `sink` what is complete now.
   * Returns a Problem when the stream cannot be followed any further; the connection must be closed then. If the head of the faulty
   * message could be read it was given to `sink` (without body), so that it can be answered first.
   */
  push(chunk: Buffer, now: number, limits: FramingLimits, sink: FrameSink): Problem | undefined {
    let bytes = chunk
    let at = 0
    if (this.#store !== undefined) {
      bytes = this.#append(this.#store, chunk)
      if (this.#stop > this.#used) return undefined
    }
    const end = this.#store === undefined ? chunk.length : this.#used
    while (at < end) {
      if (this.#begun === NONE) {
        at = this.#skipBlank(bytes, at, end, now, sink)
        if (this.#fault !== undefined) return this.#fault
        if (at === end) break
        this.#begin(at, now)
      }
      if (this.#stop === 0) {
        const headEnd = this.#scanHead(bytes, at, end, limits)
        if (headEnd > 0) this.#measure(bytes, headEnd, limits)
        if (this.#fault !== undefined) {
          if (headEnd > 0) sink.message(bytes.subarray(at, headEnd))
          return this.#fault
        }
      }
      if (this.#stop === 0 || this.#stop > end) {
        this.#keep(bytes, at, end)
        return undefined
      }
      const stop = this.#stop
      this.#begun = NONE
      const whole = at === 0 && stop === bytes.length ? bytes : bytes.subarray(at, stop)
      at = stop
      if (!sink.message(whole)) break
    }
    this.#store = undefined
    this.#used = 0
    return undefined
  }

  #begin(at: number, now: number): void {
    this.#begun = now
    this.#scan = at
    this.#wordSeen = false
    this.#lineSeen = false
    this.#lengthAt = NONE
    this.#several = false
    this.#stop = 0
  }

  /** §7.5: CRLFs before a start line are ignored. RFC 5626 §3.5.1: two of them are a ping. Returns where something else begins. */
  #skipBlank(bytes: Buffer, begin: number, end: number, now: number, sink: FrameSink): number {
    let at = begin
    let blank = this.#blank
    if (blank === 2 && now - this.#blankAt > HALF_PING_MS) blank = 0
    while (at < end && bytes[at] === (blank % 2 === 0 ? CR : LF)) {
      at++
      blank++
      if (blank < 4) continue
      blank = 0
      sink.keepAlive(true)
    }
    if (at < end) {
      if (blank % 2 === 1) this.#fault = problem(400, 'A CR without LF between messages', '§7.5', 'start line')
      blank = 0
    } else if (blank === 2) {
      this.#blankAt = now
      sink.keepAlive(false)
    }
    this.#blank = blank
    return at
  }

  /** Looks on for the end of the head. Returns where the body begins; 0 when more bytes are needed, or on a fault. */
  #scanHead(bytes: Buffer, begin: number, end: number, limits: FramingLimits): number {
    let at = this.#scan
    // What cannot be SIP is known by its first word: TLS, RTP and the like at the first byte
    if (!this.#wordSeen) {
      while (at < end && FIRST_WORD[bytes[at]!] === 1) at++
      if (at < end) {
        if (bytes[at] !== SPACE || at === begin) return this.#refuse(400, 'No start line of SIP', '§7.1', 'start line')
        this.#wordSeen = true
      }
    }
    for (; at < end; at++) {
      if (bytes[at] !== LF) continue
      if (!this.#lineSeen) {
        if (!isStartLine(bytes, begin, at)) return this.#refuse(400, 'No start line of SIP', '§7.1', 'start line')
        this.#lineSeen = true
      }
      if (at + 2 >= end) break
      const first = bytes[at + 1]!
      if (first === CR && bytes[at + 2] === LF) {
        if (at + 3 - begin > limits.maxHead) break
        return at + 3
      }
      const letter = first | 32
      if (letter === 0x63) {
        // Content-Length, or Content-Language: `measure` looks closer
        if (at + 9 >= end) break
        if ((bytes[at + 9]! | 32) === 0x6c) this.#noteLength(at + 1)
      } else if (letter === 0x6c && isNameEnd(bytes[at + 2]!)) this.#noteLength(at + 1)
    }
    this.#scan = at
    if (end - begin > limits.maxHead) return this.#refuse(513, `Head of more than ${limits.maxHead} bytes`, '§21.5.7', 'head')
    return 0
  }

  #noteLength(at: number): void {
    if (this.#lengthAt === NONE) this.#lengthAt = at
    else this.#several = true
  }

  /** Sets where the message ends, from its Content-Length. */
  #measure(bytes: Buffer, headEnd: number, limits: FramingLimits): void {
    let declared = -1
    if (this.#lengthAt !== NONE) {
      const lines = bytes.latin1Slice(this.#lengthAt - 1, this.#several ? headEnd : Math.min(headEnd, this.#lengthAt + 120))
      for (const [, value] of lines.matchAll(LENGTH_LINE)) {
        const length = DIGITS.test(value!) ? Number(value) : Number.NaN
        if (Number.isNaN(length)) {
          this.#refuse(400, `Content-Length ${JSON.stringify(value!.slice(0, 20))}`, '§20.14', 'Content-Length')
          return
        }
        if (declared >= 0 && declared !== length) {
          this.#refuse(400, `Content-Length is ${declared} and ${length}`, '§20.14', 'Content-Length')
          return
        }
        declared = length
      }
    }
    if (declared > limits.maxBody) this.#refuse(513, `Body of ${declared} bytes`, '§21.5.7', 'Content-Length')
    else this.#stop = headEnd + Math.max(declared, 0)
  }

  #refuse(status: number, reason: string, rfc: string, at: string): 0 {
    this.#fault = problem(status, reason, rfc, at)
    return 0
  }

  /** Keeps the unfinished message in a buffer of its own, so that the rest of its chunk can go. */
  #keep(bytes: Buffer, at: number, end: number): void {
    if (bytes === this.#store && at === 0) return
    const used = end - at
    const store = Buffer.allocUnsafeSlow(this.#stop > 0 ? this.#stop - at : Math.max(512, used * 2))
    bytes.copy(store, 0, at, end)
    this.#store = store
    this.#used = used
    this.#scan -= at
    if (this.#lengthAt !== NONE) this.#lengthAt -= at
    if (this.#stop > 0) this.#stop -= at
  }

  /** Doubles when full: each byte is copied a bounded number of times, however small the chunks are. */
  #append(store: Buffer, chunk: Buffer): Buffer {
    const needed = this.#used + chunk.length
    let room = store
    if (needed > store.length) {
      room = Buffer.allocUnsafeSlow(Math.max(needed, this.#stop, this.#stop === 0 ? store.length * 2 : 0))
      store.copy(room, 0, 0, this.#used)
      this.#store = room
    }
    chunk.copy(room, this.#used)
    this.#used = needed
    return room
  }
}

/** A Content-Length line in either form; white space before the colon and folding before the value are allowed (§7.3.1). */
const LENGTH_LINE = /\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*([^\r\n]*)/gi
const DIGITS = /^\d{1,9}[ \t]*$/

const isNameEnd = (byte: number): boolean => byte === 0x3a || byte === SPACE || byte === 9

/** Any version passes: that a version is not ours is for the parser to answer (505). */
const isStartLine = (bytes: Buffer, begin: number, lineEnd: number): boolean => {
  if (bytes[begin + 3] === 0x2f) return /^SIP\//i.test(bytes.latin1Slice(begin, begin + 4))
  // The common end, ` SIP/2.0` before CRLF, without making a string of the line
  if (bytes[lineEnd - 8] === 0x53 && bytes[lineEnd - 5] === 0x2f && bytes[lineEnd - 9] === SPACE) return true
  return /[ \t]SIP\//i.test(bytes.latin1Slice(begin, lineEnd))
}
