/** What the peers of a zone understand of SIP, as data: what they are not told of, and how things are told to them. */

export const PROVISIONAL_POLICIES = ['pass', 'first', 'ringing', 'no-early-media'] as const
/**
 * What becomes of the provisional responses (101 to 199) of who is called, on their way to the caller.
 *
 * - `pass`: all go on.
 * - `first`: the first of each call that rings or has SDP goes on, and none after it; a caller's phone that rings does not stop ringing.
 * - `ringing`: 183 becomes 180, and none has SDP; the caller's phone makes its own ringing tone.
 * - `no-early-media`: 183 is dropped, and none has SDP.
 *
 * One that is sent reliably (RFC 3262) passes as it is: its sender waits for the PRACK.
 */
export type ProvisionalPolicy = (typeof PROVISIONAL_POLICIES)[number]

export const REDIRECTIONS = ['pass', 'history-info', 'diversion'] as const
/** How a zone is told that a call was forwarded: as it came, by History-Info (RFC 7044), or by Diversion (RFC 5806). */
export type Redirections = (typeof REDIRECTIONS)[number]

export const MOVED = ['pass', 'follow'] as const
/** What becomes of redirections (3xx) for callers from a zone: they see them and call again, or the edge calls in their place (§8.1.3.4). */
export type Moved = (typeof MOVED)[number]

export interface Dialect {
  /**
   * Methods that cross to and from this zone, upper case; Allow toward it shows no others. A request with another one is answered 405.
   * undefined: all.
   */
  readonly methods: readonly string[] | undefined
  /** Option tags that Supported and Require toward this zone do not show (§19.2), lower case; with `replaces` and `timer` the headers of these extensions go, too. */
  readonly without: readonly string[]
  /** Numbers in Request-URI, From and To of requests to this zone get `user=phone` (§19.1.1). */
  readonly userPhone: boolean
  /** Of responses that come from this zone; a target may have another one. */
  readonly provisional: ProvisionalPolicy
  readonly redirections: Redirections
  /** From toward this zone: as it came, or the number of P-Asserted-Identity (RFC 3325) where there is one. */
  readonly caller: 'from' | 'asserted'
  /** For callers from this zone. */
  readonly moved: Moved
  /** An INVITE toward this zone always has an SDP offer (§13.2.1): the edge makes one, or offers what was agreed, where it can; else the answer is 488. */
  readonly offers: 'any' | 'always'
}

/** Peers that know all of SIP, or say themselves what they do not know. */
export const PLAIN_DIALECT: Dialect = {
  methods: undefined,
  without: [],
  userPhone: false,
  provisional: 'pass',
  redirections: 'pass',
  caller: 'from',
  moved: 'pass',
  offers: 'any',
}
