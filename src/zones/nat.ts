/** What is done about routers between us and a zone's clients (far-end NAT traversal), as data. */
import type { Network } from './zone.ts'

/** N1: what shows that there is one. Any of them does. */
export const NAT_TESTS = ['contact-private', 'contact-source', 'via-address', 'via-port', 'via-private', 'sdp-private'] as const
export type NatTest = (typeof NAT_TESTS)[number]

export interface NatPolicy {
  /** Empty: nobody is behind NAT. */
  readonly tests: readonly NatTest[]
  /** Who comes from there is directly reachable, whatever it shows. */
  readonly local: readonly Network[]
  readonly keepAlive: NatKeepAlive | undefined
}

/** N4: toward bindings whose clients are behind NAT, from the address and port that they registered to. */
export interface NatKeepAlive {
  readonly intervalMs: number
  /** `options`: a request, whose answer shows that the client lives, and how far away it is. `packet`: four bytes, for UDP; nobody answers. */
  readonly by: 'options' | 'packet'
  /** Unanswered requests in a row after which the binding ends (`drop`) or is shown as lost (`mark`). */
  readonly losses: number
  readonly then: 'drop' | 'mark'
}
