import { createHash } from 'node:crypto'
import type { PeerUsage } from '../zones/peers.ts'
import { type Certificate, certificatesOf } from './certificate.ts'
import { type Judgement, judge } from './judge.ts'

/** How long a judgement is taken for another one of the same chain, ms. Dates are looked at anew after it. */
const KEPT_MS = 60_000
const MOST_KEPT = 200

interface Kept {
  readonly judgement: Judgement
  readonly until: number
}

/**
 * Judges by one set of rules, and remembers for a short time: the hubs of a peer come with tens of connections and one certificate. What is
 * remembered belongs to the whole chain that was shown, so one that lacks its intermediate is judged as such, whoever came before.
 */
export class PeerJudge {
  readonly #roots: readonly Certificate[]
  readonly #usage: PeerUsage
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>()

  /** @param rules roots as PEM texts */
  constructor(rules: { readonly roots: readonly string[]; readonly usage: PeerUsage }) {
    this.#roots = certificatesOf(rules.roots)
    this.#usage = rules.usage
  }

  /**
   * @param shown DER, the leaf first
   * @param names that the leaf has to show one of; empty: any
   * @param now milliseconds since 1970
   */
  judge(shown: readonly Buffer[], names: readonly string[], now: number): Judgement {
    const hash = createHash('sha256')
    for (const der of shown) hash.update(der)
    const key = `${hash.digest('base64')} ${names.join(' ')}`
    const kept = this.#kept.get(key)
    // A clock that was set back makes nothing last longer
    if (kept !== undefined && now < kept.until && now >= kept.until - KEPT_MS) return kept.judgement
    const judgement = judge(shown, { roots: this.#roots, usage: this.#usage, names }, now)
    this.#kept.delete(key)
    const end = judgement.verdict.ok ? judgement.verdict.path.validTo : Number.POSITIVE_INFINITY
    this.#kept.set(key, { judgement, until: Math.min(now + KEPT_MS, end) })
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return judgement
  }
}
