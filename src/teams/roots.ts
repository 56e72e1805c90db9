/** Which of the roots that hubs' chains may end at (T §1.5) does a zone accept? */
import { describeRoots, missingRoots, rootsNamed } from '../certs/roots.ts'

export interface RootsView {
  /** Names; of those that are accepted `expiring` end in less than a year. */
  readonly missing: readonly string[]
  readonly expiring: readonly string[]
}

const YEAR_MS = 365 * 86_400_000

/** @param roots PEM texts that the zone accepts @param now milliseconds since 1970 */
export const viewRoots = (roots: readonly string[], now: number): RootsView => {
  const missing = missingRoots(roots)
  const gone = new Set(missing.map(({ sha256 }) => sha256))
  const accepted = describeRoots(rootsNamed('microsoft')).filter(({ sha256 }) => !gone.has(sha256))
  return {
    missing: missing.map(({ name }) => name),
    expiring: accepted.filter(({ validTo }) => validTo - now < YEAR_MS).map(({ name }) => name),
  }
}
