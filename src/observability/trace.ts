/**
 * The last messages as they crossed our sockets, decrypted: what TLS and WSS hide from a capture on the wire (T11). A ring bounded in bytes;
 * nothing is parsed until somebody asks.
 */
import { EMPTY } from '../base/bytes.ts'
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

/** Bytes that an entry takes beside what it says: its time, place and bounds. */
const SLOT = 32
/** Entries are expected to be no shorter on average; shorter ones only mean that fewer bytes are kept. */
const USUAL = 256
/** Between the parts of a note; no Call-ID and no sentence of ours holds it. */
const BORDER = '\0'

const IN = 0
const OUT = 1
const NOTE = 2

/**
 * All is copied into one piece of memory that is written round and round. What is kept must not be objects of its own: thousands a second that
 * live for a while are what a collector of young objects is worst at.
 */
export class Trace {
  readonly #clock: Clock
  #maxBytes = 0
  #bytes: Buffer = EMPTY
  /** Where the next entry begins: counted on for ever, the place in `#bytes` is the rest of the division by its length. */
  #end = 0
  #starts = new Float64Array(0)
  #times = new Float64Array(0)
  #lengths = new Uint32Array(0)
  #kinds = new Uint8Array(0)
  #places: (TracePlace | undefined)[] = []
  /** Of the oldest entry, and behind the newest; the slot is the rest of the division by their number. */
  #first = 0
  #next = 0
  #size = 0

  /** @param maxBytes 0: nothing is kept */
  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock
    this.limit(maxBytes)
  }

  get size(): number {
    return this.#size
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Less memory gives up the oldest at once. */
  limit(maxBytes: number): void {
    if (maxBytes === this.#maxBytes) return
    const before = [...this.#all()].map((slot) => ({
      kind: this.#kinds[slot]!,
      at: this.#times[slot]!,
      place: this.#places[slot],
      bytes: this.#bytesOf(slot),
    }))
    const slots = Math.ceil(maxBytes / USUAL)
    this.#maxBytes = maxBytes
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(0, maxBytes - slots * SLOT))
    this.#starts = new Float64Array(slots)
    this.#times = new Float64Array(slots)
    this.#lengths = new Uint32Array(slots)
    this.#kinds = new Uint8Array(slots)
    this.#places = new Array<TracePlace | undefined>(slots).fill(undefined)
    this.#end = this.#first = this.#next = this.#size = 0
    for (const { kind, at, place, bytes } of before) this.#add(kind, at, place, bytes)
  }

  message(direction: TraceDirection, place: TracePlace, bytes: Buffer): void {
    if (this.#maxBytes > 0) this.#add(direction === 'in' ? IN : OUT, this.#clock.wall(), place, bytes)
  }

  note(callId: string, text: string, rule?: string): void {
    if (this.#maxBytes === 0) return
    this.#add(NOTE, this.#clock.wall(), undefined, Buffer.from([callId, text, rule ?? ''].join(BORDER)))
  }

  /** What is still there of one call, in the order of time. */
  of(callId: string): readonly (TraceEntry | TraceNote)[] {
    const wanted = Buffer.from(callId, 'latin1')
    const found: (TraceEntry | TraceNote)[] = []
    for (const slot of this.#all()) {
      const bytes = this.#bytesOf(slot)
      const at = this.#times[slot]!
      if (this.#kinds[slot] === NOTE) {
        const [of, text = '', rule] = bytes.toString().split(BORDER)
        if (of === callId) found.push({ kind: 'note', at, callId, text, rule: rule === '' ? undefined : rule })
      } else if (bytes.includes(wanted) && callIdIn(bytes) === callId) {
        const direction = this.#kinds[slot] === IN ? 'in' : 'out'
        // A copy: the memory is written over while somebody looks
        found.push({ kind: 'message', at, direction, place: this.#places[slot]!, bytes: Buffer.from(bytes) })
      }
    }
    return found
  }

  *#all(): Iterable<number> {
    for (let entry = this.#first; entry < this.#next; entry++) yield entry % this.#kinds.length
  }

  #bytesOf(slot: number): Buffer {
    const from = this.#starts[slot]! % this.#bytes.length
    return this.#bytes.subarray(from, from + this.#lengths[slot]!)
  }

  #add(kind: number, at: number, place: TracePlace | undefined, bytes: Buffer): void {
    const room = this.#bytes.length
    const { length } = bytes
    if (length > room) return
    let from = this.#end % room
    // In one piece: what is left before the end is too short
    if (from + length > room) {
      this.#end += room - from
      from = 0
    }
    const end = this.#end + length
    const slots = this.#kinds.length
    while (this.#first < this.#next && (this.#next - this.#first === slots || this.#starts[this.#first % slots]! < end - room))
      this.#forget()
    const slot = this.#next++ % slots
    this.#starts[slot] = this.#end
    this.#times[slot] = at
    this.#lengths[slot] = length
    this.#kinds[slot] = kind
    this.#places[slot] = place
    this.#bytes.set(bytes, from)
    this.#end = end
    this.#size += length + SLOT
  }

  #forget(): void {
    const slot = this.#first++ % this.#kinds.length
    this.#size -= this.#lengths[slot]! + SLOT
    this.#places[slot] = undefined
  }
}

const CALL_ID = /^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$/im

/** Of the head of a message; undefined when there is none. */
export const callIdIn = (bytes: Buffer): string | undefined => {
  const end = bytes.indexOf('\r\n\r\n')
  return CALL_ID.exec(bytes.latin1Slice(0, end < 0 ? bytes.length : end))?.[1]
}
