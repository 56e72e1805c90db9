/**
 * What stays of a transaction that has ended but for its last timer (J, K, L, M): enough to absorb what comes again, to repeat an answer, to
 * pass on a 2xx that the UAS sends again. Nearly all transactions in memory are of this kind, for half a minute each, so they are small, and
 * have no timers of their own: their keys lie in the slots of a ring.
 */
import type { Flow } from '../address/flow.ts'
import { alterResponse, type Returning } from '../routing/alter-response.ts'
import { takeOffVia } from '../routing/alterations/take-off-via.ts'
import { type SipResponse, serialise } from '../sip/message.ts'

/** Where a 2xx that comes again goes. */
export interface Upstream extends Returning {
  readonly flow: Flow
  /** Puts the SDP in that went upstream the first time; undefined where media is not ours. */
  readonly again: ((response: SipResponse) => SipResponse) | undefined
}

/** Told when something is sent again. */
export type Repeated = (flow: Flow) => void

/** A server transaction in Completed (non-INVITE, Timer J) or Accepted (Timer L). */
export class ServerTomb {
  readonly answered = true
  readonly request = undefined
  readonly user = undefined
  readonly state: 'completed' | 'accepted'
  readonly responseTag: string | undefined
  readonly #flow: Flow
  /** The final response as latin1 text; empty where the UAS repeats it itself. */
  readonly #answer: string
  readonly #repeated: Repeated

  constructor(state: 'completed' | 'accepted', tag: string | undefined, flow: Flow, answer: string, repeated: Repeated) {
    this.state = state
    this.responseTag = tag
    this.#flow = flow
    this.#answer = answer
    this.#repeated = repeated
  }

  /** §17.2.2: the request came again. RFC 6026 §7.1: an INVITE is absorbed. */
  repeated(): void {
    if (this.#answer === '') return
    this.#flow.send(Buffer.from(this.#answer, 'latin1'))
    this.#repeated(this.#flow)
  }

  acknowledged(): void {}
  respond(): void {}
}

/** A client transaction that has had its final response. */
export interface ClientTomb {
  readonly buried: true
  /** Where the request went; undefined when it does not matter any more. */
  readonly flow: Flow | undefined
  received(response: SipResponse): void
  flowLost(): void
}

/** §17.1.2.2, Timer K: retransmissions of the final response are absorbed. */
export const ABSORBING: ClientTomb = { buried: true, flow: undefined, received() {}, flowLost() {} }

/** RFC 6026 §7.2, Timer M: a 2xx that comes again goes upstream, without anything that knows the call. */
export class AcceptedTomb implements ClientTomb {
  readonly buried = true
  readonly flow: Flow
  readonly #upstream: Upstream
  readonly #repeated: Repeated

  constructor(flow: Flow, upstream: Upstream, repeated: Repeated) {
    this.flow = flow
    this.#upstream = upstream
    this.#repeated = repeated
  }

  received(response: SipResponse): void {
    const { flow, again } = this.#upstream
    if (response.status < 200 || response.status >= 300 || !flow.open) return
    const bare = takeOffVia(response)
    const said = bare === undefined || again === undefined ? bare : again(bare)
    if (said === undefined) return
    flow.send(serialise(alterResponse(said, this.#upstream)))
    this.#repeated(flow)
  }

  flowLost(): void {}
}

const SLOT_MS = 10
const SLOTS = 8192

/** Keys by the moment at which they are to be forgotten: a few at a time, so that no single moment has to forget thousands. */
export class Ring {
  readonly #slots: (string[] | undefined)[] = new Array<string[] | undefined>(SLOTS).fill(undefined)
  #at: number

  constructor(now: number) {
    this.#at = Math.floor(now / SLOT_MS)
  }

  /** @returns false when `ms` is beyond what the ring looks ahead */
  add(key: string, now: number, ms: number): boolean {
    const due = Math.ceil((now + ms) / SLOT_MS)
    if (due - this.#at >= SLOTS) return false
    const slot = due % SLOTS
    const keys = this.#slots[slot]
    if (keys === undefined) this.#slots[slot] = [key]
    else keys.push(key)
    return true
  }

  /** Calls `forget` for every key that is due. */
  sweep(now: number, forget: (key: string) => void): void {
    const until = Math.floor(now / SLOT_MS)
    // After a long pause every slot is due once
    if (until - this.#at > SLOTS) this.#at = until - SLOTS
    while (this.#at < until) {
      this.#at++
      const slot = this.#at % SLOTS
      const keys = this.#slots[slot]
      if (keys === undefined) continue
      this.#slots[slot] = undefined
      for (let i = 0; i < keys.length; i++) forget(keys[i]!)
    }
  }
}
