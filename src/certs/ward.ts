import { inLine } from '../base/in-line.ts'
import type { CertificateEntry } from '../config/snapshot.ts'
import type { Pair } from './pair.ts'
import type { PairWatch } from './pair-watch.ts'
import type { StateFile } from './state.ts'
import type { CertificateProblem, CertificateVersion } from './types.ts'
import { type CertificateUsage, UNUSED } from './usage.ts'

/** One certificate in the keeper's care: everything that is known of it while the process runs. */
export class Ward {
  readonly name: string
  state: StateFile
  entry: CertificateEntry
  usage: CertificateUsage = UNUSED
  /** From files, a CA or a person; undefined: it is not there yet, or damaged. */
  pair: Pair | undefined
  /** Made by the development CA: the certificate itself, or what stands in for it. */
  made: Pair | undefined
  /** Why the pair that is there cannot be used. */
  damage: CertificateProblem | undefined
  watch: PairWatch | undefined
  versions: readonly CertificateVersion[] = []
  problems: readonly CertificateProblem[] = []
  /** Milliseconds since 1970. */
  judgedAt = Number.NEGATIVE_INFINITY
  /** The CA is being asked for its renewal window. */
  asking = false
  /** What replaces the certificate runs one after the other. */
  readonly inOrder = inLine()

  constructor(entry: CertificateEntry, state: StateFile) {
    this.name = entry.name
    this.entry = entry
    this.state = state
  }

  /** What new handshakes get. */
  get shown(): Pair | undefined {
    return this.pair ?? this.made
  }
}
