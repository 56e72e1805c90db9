/** A number from 0 up to, not including, 1. */
export type Random = () => number

/** RFC 2782: groups of equal priority, lowest first; within a group the order of the answer. */
export const byPriority = <T extends { readonly priority: number }>(records: readonly T[]): readonly (readonly T[])[] => {
  const groups = new Map<number, T[]>()
  for (const record of records) {
    const group = groups.get(record.priority)
    if (group === undefined) groups.set(record.priority, [record])
    else group.push(record)
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group)
}

/** What a weight of 0 is beside others, where 1 is `UNIT`: "a very small chance of being selected". */
const ZERO = 1
const UNIT = 256
const share = (weight: number): number => (weight === 0 ? ZERO : weight * UNIT)

/**
 * RFC 2782, "Weight": the records of one priority in the order to try them. Each place is drawn among those left in proportion to weight.
 * With weight 0 only, the order of the answer stays ("there isn't any server selection to do").
 *
 * DEVIATION: the RFC draws a whole number from 0 to the sum, both included, which gives the first of two servers with weight 1 two calls
 * of three. Its aim is the proportion, and a very small chance for weight 0: that is what is drawn here.
 * @returns a new array, `group` itself when there is nothing to choose
 */
export const byWeight = <T extends { readonly weight: number }>(group: readonly T[], random: Random): readonly T[] => {
  if (group.length < 2 || group.every(({ weight }) => weight === 0)) return group
  const left = [...group]
  let total = 0
  for (const { weight } of left) total += share(weight)
  const ordered: T[] = []
  while (left.length > 1) {
    let drawn = random() * total
    let at = 0
    for (; at < left.length - 1; at++) {
      drawn -= share(left[at]!.weight)
      if (drawn < 0) break
    }
    const [picked] = left.splice(at, 1)
    total -= share(picked!.weight)
    ordered.push(picked!)
  }
  ordered.push(left[0]!)
  return ordered
}
