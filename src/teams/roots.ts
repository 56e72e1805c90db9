/** Which of the roots that hubs' chains may end at does a zone accept? */
import type { X509Certificate } from 'node:crypto'
import { certificatesIn } from '../certs/intake/pem.ts'
import { HUB_ROOTS } from './programme.ts'

export interface RootsView {
  /** Names; of those that are accepted `expiring` end in less than a year. */
  readonly missing: readonly string[]
  readonly expiring: readonly string[]
}

const YEAR_MS = 365 * 86_400_000

/** @param roots PEM texts that the zone accepts @param now milliseconds since 1970 */
export const viewRoots = (roots: readonly string[], now: number): RootsView => {
  const accepted = new Map<string, X509Certificate>(certificatesIn(roots).map((one) => [one.fingerprint.replaceAll(':', ''), one]))
  return {
    missing: HUB_ROOTS.filter(([, sha1]) => !accepted.has(sha1)).map(([name]) => name),
    expiring: HUB_ROOTS.filter(([, sha1]) => (accepted.get(sha1)?.validToDate.getTime() ?? Number.POSITIVE_INFINITY) - now < YEAR_MS).map(
      ([name]) => name,
    ),
  }
}
