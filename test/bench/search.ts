/** The highest rate without loss, in as few windows as possible. Pure. */

export interface Probe {
  readonly passed: boolean
  /** CPUs that the server used, 1 is one whole core: tells how far away the limit is. */
  readonly utilisation: number
}

export interface SearchSettings {
  readonly start: number
  /** Ends when the lowest failed rate is at most this times the highest passed one. */
  readonly precision: number
  /** The generator's own limit, or a bound of patience. */
  readonly ceiling: number
  readonly maxProbes: number
}

export interface SearchResult {
  /** 0: even a rate far below `start` was lossy. */
  readonly rate: number
  /** The ceiling or the number of probes ended the search, not a loss. */
  readonly bounded: boolean
}

const rounded = (rate: number): number => (rate < 100 ? Math.max(1, Math.round(rate)) : Math.round(rate / 10) * 10)

/**
 * While rates pass, the next one is where the CPU would be full at the cost per call seen last (costs fall with load, so that is
 * rather too low than too high); after the first loss the gap is halved.
 * @param probe plays one window at the given rate; a failed window is its business to repeat when it was not the server's fault
 */
export const searchHighestRate = async (settings: SearchSettings, probe: (rate: number) => Promise<Probe>): Promise<SearchResult> => {
  let good = 0
  let bad = Number.POSITIVE_INFINITY
  let rate = Math.min(settings.start, settings.ceiling)
  for (let probes = 0; probes < settings.maxProbes; probes++) {
    const { passed, utilisation } = await probe(rate)
    if (passed) good = rate
    else bad = rate
    if (good >= settings.ceiling) return { rate: good, bounded: true }
    if (bad <= good * settings.precision || bad <= 2) return { rate: good, bounded: false }
    if (bad < Number.POSITIVE_INFINITY) {
      rate = rounded(good > 0 ? (good + bad) / 2 : bad / 2)
      if (rate <= good || rate >= bad) return { rate: good, bounded: false }
    } else {
      const factor = Math.min(2.5, Math.max(settings.precision, 0.97 / Math.max(utilisation, 0.01)))
      rate = Math.min(settings.ceiling, rounded(rate * factor))
    }
  }
  return { rate: good, bounded: true }
}
