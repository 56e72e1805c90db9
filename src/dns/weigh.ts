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

/**
 * RFC 2782, "Weight": the records of one priority in the order to try them. Each place is drawn among those left in proportion to weight;
 * those of weight 0 stand first in the running sum, so that they have a very small chance, and go last by and large.
 * With weight 0 only, the order of the answer stays ("there isn't any server selection to do").
 * @returns a new array, `group` itself when there is nothing to choose
 */
export const byWeight = <T extends { readonly weight: number }>(group: readonly T[], random: Random): readonly T[] => {
  if (group.length < 2) return group
  let total = 0
  for (const { weight } of group) total += weight
  if (total === 0) return group
  const left = [...group.filter(({ weight }) => weight === 0), ...group.filter(({ weight }) => weight > 0)]
  const ordered: T[] = []
  while (left.length > 1) {
    // from 0 to the sum, both included
    const drawn = Math.floor(random() * (total + 1))
    let sum = 0
    let at = 0
    for (; at < left.length - 1; at++) {
      sum += left[at]!.weight
      if (sum >= drawn) break
    }
    const [picked] = left.splice(at, 1)
    total -= picked!.weight
    ordered.push(picked!)
  }
  return [...ordered, ...left]
}
