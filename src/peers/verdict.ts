/** What the judge says. */
import type { PeerFault } from '../address/flow.ts'

export interface Refusal {
  readonly ok: false
  readonly reason: PeerFault
  /** What is wrong, as a sentence with the values. */
  readonly finding: string
  /** What to do about it, as a sentence. */
  readonly remedy: string
}

export type Verdict = { readonly ok: true; readonly path: PathView } | Refusal

/** A path that holds, for people: labels of its certificates, and until when all of them are valid. */
export interface PathView {
  /** The leaf first, the root last. */
  readonly labels: readonly string[]
  /** Milliseconds since 1970. */
  readonly validTo: number
}

export const refusal = (reason: PeerFault, finding: string, remedy: string): Refusal => ({ ok: false, reason, finding, remedy })

/** In one line, for logs and lists. */
export const sentenceOf = ({ finding, remedy }: Refusal): string => `${finding}; ${remedy.charAt(0).toLowerCase()}${remedy.slice(1)}`
