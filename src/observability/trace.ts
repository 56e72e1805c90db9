/**
 * The last messages as they crossed our sockets, decrypted: what TLS and WSS hide from a capture on the wire (T11). A ring bounded in bytes;
 * nothing is parsed until somebody asks.
 */
import type { Clock } from '../base/clock.ts'

export type TraceDirection = 'in' | 'out'

/** Where a message came from or went to: a `Flow` is one. */
export interface TracePlace {
  readonly listener: {
    readonly name: string
    readonly transport: { readonly name: string }
    readonly bindAddress: string
    readonly bindPort: number
  }
  readonly remoteAddress: string
  readonly remotePort: number
}

export interface TraceEntry {
  readonly kind: 'message'
  /** Milliseconds since 1970. */
  readonly at: number
  readonly direction: TraceDirection
  readonly place: TracePlace
  readonly bytes: Buffer
}

/** What was decided about a call, for the explanation beside its messages. */
export interface TraceNote {
  readonly kind: 'note'
  readonly at: number
  readonly callId: string
  /** Sentence case, no full stop. */
  readonly text: string
  /** Name of the rule or route that decided, where one did. */
  readonly rule?: string | undefined
}

/** What an entry costs beside its bytes. */
const OVERHEAD = 200

export class Trace {
  readonly #clock: Clock
  #entries: (TraceEntry | TraceNote)[] = []
  /** Entries before it are given up, and cut off now and then. */
  #first = 0
  #size = 0
  #maxBytes: number

  /** @param maxBytes 0: nothing is kept */
  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#size
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Less memory gives up the oldest at once. */
  limit(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#shrink()
  }

  /** @param bytes kept as they are: nobody may change them afterwards */
  message(direction: TraceDirection, place: TracePlace, bytes: Buffer): void {
    if (this.#maxBytes === 0) return
    this.#size += bytes.length + OVERHEAD
    this.#entries.push({ kind: 'message', at: this.#clock.wall(), direction, place, bytes })
    if (this.#size > this.#maxBytes) this.#shrink()
  }

  note(callId: string, text: string, rule?: string): void {
    if (this.#maxBytes === 0) return
    this.#size += OVERHEAD + text.length
    this.#entries.push({ kind: 'note', at: this.#clock.wall(), callId, text, rule })
    if (this.#size > this.#maxBytes) this.#shrink()
  }

  /** What is still there of one call, in the order of time. */
  of(callId: string): readonly (TraceEntry | TraceNote)[] {
    const wanted = Buffer.from(callId, 'latin1')
    const found: (TraceEntry | TraceNote)[] = []
    for (let i = this.#first; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!
      if (entry.kind === 'note' ? entry.callId === callId : entry.bytes.includes(wanted) && callIdIn(entry.bytes) === callId)
        found.push(entry)
    }
    return found
  }

  #shrink(): void {
    while (this.#size > this.#maxBytes && this.#first < this.#entries.length) {
      const entry = this.#entries[this.#first]!
      this.#size -= OVERHEAD + (entry.kind === 'note' ? entry.text.length : entry.bytes.length)
      // Let go of it now: the array is cut later
      this.#entries[this.#first] = GONE
      this.#first++
    }
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first)
      this.#first = 0
    }
  }
}

const GONE: TraceNote = { kind: 'note', at: 0, callId: '', text: '' }

const CALL_ID = /^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$/im

/** Of the head of a message; undefined when there is none. */
export const callIdIn = (bytes: Buffer): string | undefined => {
  const end = bytes.indexOf('\r\n\r\n')
  return CALL_ID.exec(bytes.latin1Slice(0, end < 0 ? bytes.length : end))?.[1]
}
