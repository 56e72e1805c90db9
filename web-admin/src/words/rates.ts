/** Rates from two readings of the Prometheus page: the edge counts, the difference over time is the rate. */

export type Counters = ReadonlyMap<string, number>

const LINE = /^([a-z_]+)(?:\{(.*)\})? (\S+)/

/** Sums of the counters that the overview shows. */
export const readCounters = (page: string): Counters => {
  const sums = new Map<string, number>()
  for (const line of page.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? []
    if (name === undefined) continue
    for (const counter of countersOf(name, labels)) sums.set(counter, (sums.get(counter) ?? 0) + Number(value))
  }
  return sums
}

const countersOf = (name: string, labels: string): readonly string[] => {
  switch (name) {
    case 'edgeways_messages_total': {
      if (!labels.includes('direction="in"')) return []
      return labels.includes('method="INVITE"') && labels.includes('result="request"') ? ['messages', 'invites'] : ['messages']
    }
    case 'edgeways_unadmitted_requests_total':
    case 'edgeways_route_state_refused_total':
    case 'edgeways_drops_total':
      return ['refused']
    default:
      return []
  }
}

export interface Rates {
  /** Messages received per second. */
  readonly messages: number
  /** INVITE requests received per second, those inside of dialogs included. */
  readonly invites: number
  readonly refused: number
}

/** undefined when the process has started again in between. */
export const ratesBetween = (before: Counters, after: Counters, seconds: number): Rates | undefined => {
  if (seconds <= 0) return undefined
  const rate = (name: string): number => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds
  const rates = { messages: rate('messages'), invites: rate('invites'), refused: rate('refused') }
  return Object.values(rates).some((value) => value < 0) ? undefined : rates
}
