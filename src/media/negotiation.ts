/**
 * Offer and answer (RFC 3264, RFC 6337) in one dialog: who offered last, and whether it is answered. That alone decides what an SDP in a
 * message is, and what media goes back to when somebody refuses.
 */
export type Party = 'caller' | 'callee'

export const otherParty = (party: Party): Party => (party === 'caller' ? 'callee' : 'caller')

/** One offer and its answer. Both as they were written, and as the other side got them. */
export interface Exchange {
  readonly offerer: Party
  readonly offer: string
  /** What the answerer got. */
  readonly offered: string
  answer: string | undefined
  /** What the offerer got. */
  answered: string | undefined
  /** The last one before that was answered: what holds again when this one is refused. */
  before: Exchange | undefined
  /** One that waited for its answer when this one began: of the other side, or of a re-INVITE around an UPDATE. */
  under: Exchange | undefined
  refused: boolean
  /** Its offerer had been offered something, and this was its answer: it waits for none. */
  readonly inverted: boolean
}

export class Negotiation {
  #latest: Exchange | undefined

  get latest(): Exchange | undefined {
    return this.#latest
  }

  /** The exchange that holds: the last one with an answer. */
  get agreed(): Exchange | undefined {
    return this.#latest?.answer === undefined ? this.#latest?.before : this.#latest
  }

  /**
   * What an SDP is that comes in a request. RFC 6337 §2.2: INVITE and UPDATE offer; ACK answers; PRACK answers the offer of a reliable
   * provisional response, or makes one of its own.
   * @returns the exchange that it answers, `offer`, or `stray`: an ACK with an SDP that nobody asked for
   */
  inRequest(method: string, sender: Party): Exchange | 'offer' | 'stray' {
    const latest = this.#latest
    const theirs = latest !== undefined && latest.offerer !== sender
    if (method === 'ACK') return theirs ? latest : 'stray'
    if (method === 'PRACK' && theirs && latest.answer === undefined) return latest
    return 'offer'
  }

  /** An offer that was passed on. @param inverted for its offerer it was an answer, to what we offered in the other one's place */
  offered(offerer: Party, offer: string, offered: string, inverted = false): Exchange {
    const before = this.agreed
    const under = this.#latest?.answer === undefined ? this.#latest : undefined
    // One below the other is enough to go back to
    if (under !== undefined) under.under = undefined
    this.#latest = { offerer, offer, offered, answer: undefined, answered: undefined, before, under, refused: false, inverted }
    return this.#latest
  }

  /** The same again, or another one (a fork downstream; a 2xx that says something else than its 18x). */
  answered(exchange: Exchange, answer: string, answered: string): void {
    exchange.answer = answer
    exchange.answered = answered
  }

  /** The transaction that carried the exchange succeeded: nothing goes back behind it any more. */
  confirmed(exchange: Exchange): void {
    exchange.before = undefined
    exchange.under = undefined
  }

  /**
   * The transaction that carried the exchange was refused.
   * @returns what is to be said again, in this order: the exchange that holds, and the one that still waits for its answer; nothing when there is
   * none, or a later one is under way
   */
  refused(exchange: Exchange): readonly Exchange[] {
    exchange.refused = true
    if (this.#latest !== exchange) return []
    const { before, under } = exchange
    this.#latest = under === undefined || under.refused ? before : under
    const latest = this.#latest
    if (latest === undefined) return []
    return latest.answer === undefined && latest.before !== undefined ? [latest.before, latest] : [latest]
  }
}
